"""What Prefect shows beside its runs: what the last one came to, how the runs before it went, and what waits.

A new version is made only where something is new. No names: causes, figures, the numbers of problems, and what to do.
"""

import base64
import html
import re
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from zoneinfo import ZoneInfo

from prefect.artifacts import Artifact, create_markdown_artifact

from sage100_ssm.app.endings import one_way_sentence
from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import Language, code_label, describe, plain_spaces, say
from sage100_ssm.orchestration.prefect_api import api_errors_in_words
from sage100_ssm.sync.failures import SyncError
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.state.records import JournalEntry, RunRow, RunStatus

_WIDTH, _HEIGHT, _BAR = 720, 180, 12
_COLOURS = {RunStatus.DONE: "#2a9d6f", RunStatus.HELD: "#e09f1f", RunStatus.FAILED: "#c9302c"}
_SIGNS = {RunStatus.HELD: "=", RunStatus.FAILED: "x"}
"""A sign above the bar, for those who do not tell the colours apart, and for runs that wrote nothing."""


def publish(
    settings: Settings, message: str, report: RunReport, problems: Sequence[JournalEntry], runs: Sequence[RunRow]
) -> None:
    """Add to Prefect's artifacts what a run changed.

    Args:
        settings: the settings of the installation.
        message: what the run came to, in words.
        report: its figures.
        problems: the problems that are open after it.
        runs: the last runs, the newest first.
    """
    language, slug = settings.language, slug_of(settings.sage100.company)
    # What it shows is in the state, too: a server that is away is not worth a failed run.
    with suppress(SyncError), api_errors_in_words():
        text = _last_run(message, report, language)
        _publish_if_new(f"synchronisation-{slug}", text, trend(runs, language, settings.locale.time_zone))
        _publish_if_new(f"open-problems-{slug}", _open_problems(problems, language))


def publish_housekeeping(settings: Settings, message: str) -> None:
    """Add to Prefect's artifacts what a night's housekeeping came to, in words."""
    key = f"housekeeping-{slug_of(settings.sage100.company)}"
    with suppress(SyncError), api_errors_in_words():
        create_markdown_artifact(key=key, markdown=plain_spaces(as_markdown(message)))


def slug_of(company: str) -> str:
    """A company in the letters that Prefect allows in names of artifacts and blocks."""
    return re.sub("[^a-z0-9]+", "-", company.lower()).strip("-") or "company"


def _publish_if_new(key: str, text: str, picture: str = "") -> None:
    latest, text = Artifact.get(key), plain_spaces(text)
    assert not isinstance(latest, Coroutine), "outside an event loop it is read at once"
    if latest is None or not str(latest.data).startswith(text):
        create_markdown_artifact(key=key, markdown=f"{text}\n{picture}")


def _last_run(message: str, report: RunReport, language: Language) -> str:
    """The sentence, the remedy and the figures; not how much was read, which is never twice the same."""
    counts = report.as_json()
    lines = [f"## {say(f'run_{report.status}', language)}", ""]
    if report.guards or report.failures:
        lines += [as_markdown(line) for line in message.splitlines()] + [""]
    for side in Side:
        figures = {name: counts[side][name] for name in ("created", "updated", "deleted", "failed")}
        lines.append(f"- {say('prefect_side', language, side=side, **figures)}")
    lines.append(f"- {say('prefect_totals', language, linked=report.linked, problems=report.problems_open)}")
    lines += [f"- {as_markdown(sentence)}" for sentence in filter(None, [one_way_sentence(counts, language)])]
    return "\n".join([*lines, ""])


def _open_problems(problems: Sequence[JournalEntry], language: Language) -> str:
    lines = [f"## {say('title_problems', language)}", ""]
    if not problems:
        lines.append(say("problems_empty", language))
    by_code = sorted(problems, key=lambda known: known.entry.code)
    for code, group in groupby(by_code, key=lambda known: known.entry.code):
        known = list(group)
        contacts = sum(len(one.entry.contacts) or 1 for one in known)
        numbers = ", ".join(str(one.id) for one in known)
        lines += [
            f"### {as_markdown(code_label(code, language))}",
            say("prefect_problems", language, contacts=contacts, numbers=numbers),
            "",
            as_markdown(describe(known[0].entry, language).remedy),
            "",
        ]
    return "\n".join(lines)


def as_markdown(text: str) -> str:
    """A text as it is, whatever it contains."""
    return re.sub(r"([\\`*_{}\[\]|#])", r"\\\1", html.escape(text, quote=False))


def trend(runs: Sequence[RunRow], language: Language, time_zone: ZoneInfo) -> str:
    """The writes of the last runs as a picture within the text: a bar for each run that has ended, in their order."""
    ended = [run for run in reversed(runs) if run.finished_at and not run.is_retry]
    if not ended:
        return ""
    writes = [sum(map(run.figure, ("created", "updated", "deleted"))) for run in ended]
    picture = "".join(_drawn(ended, writes, say("prefect_trend", language, number=max(writes)), time_zone))
    data = base64.b64encode(picture.encode()).decode()
    counts = {status: sum(run.status is status for run in ended) for status in RunStatus}
    words = say(
        "prefect_trend_words",
        language,
        number=len(ended),
        written=sum(writes),
        held=counts[RunStatus.HELD],
        failed=counts[RunStatus.FAILED],
    )
    return f"![{plain_spaces(words)}](data:image/svg+xml;base64,{data})\n\n{plain_spaces(words)}\n"


def _drawn(runs: Sequence[RunRow], writes: Sequence[int], title: str, time_zone: ZoneInfo) -> Iterable[str]:
    top, bottom = 40, _HEIGHT - 30
    font = 'font-family="sans-serif" font-size="12" fill="#333"'
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {size}>'
    yield f'<rect {size} fill="#fff"/><text x="10" y="20" {font}>{html.escape(title)}</text>'
    for number, (run, written) in enumerate(zip(runs, writes, strict=True)):
        x = 10 + number * (_BAR + 2)
        height = max(2, round(written / max(*writes, 1) * (bottom - top)))
        yield f'<rect x="{x}" y="{bottom - height}" width="{_BAR}" height="{height}" fill="{_COLOURS[run.status]}"/>'
        if sign := _SIGNS.get(run.status):
            yield f'<text x="{x + 2}" y="{bottom - height - 3}" {font}>{sign}</text>'
    first, last = (run.started_at.astimezone(time_zone).strftime("%d/%m %H:%M") for run in (runs[0], runs[-1]))
    yield f'<text x="10" y="{_HEIGHT - 10}" {font}>{first}</text>'
    end = max(10 + len(runs) * (_BAR + 2), 200)
    yield f'<text x="{end}" y="{_HEIGHT - 10}" text-anchor="end" {font}>{last}</text></svg>'
