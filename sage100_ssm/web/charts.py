"""The charts of the last runs, as SVG. Every figure is in the table of runs beside them, too."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import pygal
from pygal.style import Style

from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.web.words import Words

# The library hooks into every later import of the process, for plug-ins that nobody has here.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

SHOWN = 60
"""Runs in a chart: at one each 15 minutes, 15 hours."""

_FONT = "system-ui, 'Segoe UI', Roboto, sans-serif"
_STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#414b5a",
    foreground_strong="#1c2430",
    foreground_subtle="#8792a2",
    guide_stroke_color="#dfe3e9",
    major_guide_stroke_color="#dfe3e9",
    major_guide_stroke_dasharray="",
    colors=("#2463a5", "#1b7a43", "#b3261e"),
    font_family=_FONT,
    label_font_size=11,
    major_label_font_size=11,
    legend_font_size=12,
    value_font_size=11,
    opacity="1",
    transition="0s",
)


def _changes(runs: Sequence[RunRow], words: Words) -> Any:
    chart = pygal.StackedBar(**_options(runs, words, are_whole=True))
    for name in ("updated", "created", "deleted"):
        chart.add(words(f"column_{name}"), [run.figure(name) for run in runs])
    return chart


def _one(name: str) -> Callable[[Sequence[RunRow], Words], Any]:
    def chart_of(runs: Sequence[RunRow], words: Words) -> Any:
        figures = [_FIGURES[name](run) for run in runs]
        chart = pygal.Bar(show_legend=False, **_options(runs, words, are_whole=name != "duration"))
        chart.add(words(f"chart_{name}"), figures)
        return chart

    return chart_of


def seconds(run: RunRow) -> float:
    """How long a run took; 0 for one without an end."""
    return round((run.finished_at - run.started_at).total_seconds(), 1) if run.finished_at else 0.0


def requests(run: RunRow) -> int:
    """How many requests a run sent to SSM."""
    return int(run.counts.get(Side.SSM.value, {}).get("requests", 0))


_FIGURES: dict[str, Callable[[RunRow], float]] = {
    "problems": lambda run: int(run.counts.get("problems_open", 0)),
    "duration": seconds,
    "requests": requests,
}

CHARTS: dict[str, Callable[[Sequence[RunRow], Words], Any]] = {
    "changes": _changes,
    **{name: _one(name) for name in _FIGURES},
}
"""The charts by name."""


def chart_svg(name: str, runs: Sequence[RunRow], words: Words) -> bytes:
    """A chart of runs, given oldest first."""
    svg: bytes = CHARTS[name](runs, words).render(disable_xml_declaration=False)
    return svg


def _options(runs: Sequence[RunRow], words: Words, *, are_whole: bool) -> dict[str, Any]:
    last = len(runs) - 1
    # The first and the last: more would overlap. By their places, because several runs may begin within one minute.
    labels = [words.short_time(run.started_at) if place in (0, last) else "" for place, run in enumerate(runs)]
    return {
        "style": _STYLE,
        "width": 480,
        "height": 220,
        "margin_right": 24,
        "margin_bottom": 4,
        "js": (),
        "x_labels": labels,
        "truncate_label": -1,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 3,
        "show_x_guides": False,
        "min_scale": 3,
        "max_scale": 6,
        "include_x_axis": True,
        "range": None,
        # Of what is counted, no tenths at the side.
        "order_min": 0 if are_whole else None,
    }
