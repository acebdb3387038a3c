"""The page of measures has the figures that were measured, and each goal once."""

import json

import pytest

from benchmarks.goals import GOALS, as_measured
from docs.measure_pages import FIGURES, PAGES, filled
from tests.support.pages import page


@pytest.mark.parametrize(("name", "language"), PAGES.items())
def test_a_page_has_the_figures_that_were_measured(name, language):
    assert page(name) == filled(page(name), language), "make pages"


def test_every_goal_was_measured():
    assert [measured.goal for measured in as_measured(json.loads(FIGURES.read_text("utf-8"))["goals"])] == list(GOALS)


def measured(key, limits=None, **figures):
    (one,) = as_measured({key: {"contacts": 100_000, "figures": figures, "limits": limits or {}}})
    return one


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (
            measured("quiet_with_start", seconds=3.504, megabytes=160.4),
            (
                "100,000 links, nothing changed: a run with the start of its process",
                "3.5 s, 160 MB",
                "3.5 s, 200 MB",
                "yes",
            ),
        ),
        (
            measured("first", seconds=15.01),
            ("first run over 100,000 contacts on each side, without its writes", "15.01 s", "15 s", "**no**"),
        ),
        (
            measured("beside_tap", {"seconds": 40.26}, seconds=7.8),
            ("`source-sage100 read`, 100,000 contacts, beside a Singer tap", "7.8 s", "40.26 s", "yes"),
        ),
    ],
)
def test_a_figure_above_its_limit_says_so(one, expected):
    assert one.row("en") == expected


def test_a_french_figure_has_a_comma_and_its_thousands_apart():
    assert measured("edited", more=0.12, requests=18).row("fr") == (
        "20 contacts modifiés, 10 de chaque côté, parmi 100\N{NO-BREAK SPACE}000",
        "0,12 s de plus qu'au repos, 18 requêtes",
        "0,1 s de plus qu'au repos, 18 requêtes",
        "**non**",
    )
