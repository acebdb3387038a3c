"""The charts of the last runs."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.sync.state.records import RunRow, RunStatus
from sage100_ssm.web.charts import CHARTS, chart_svg
from sage100_ssm.web.words import Words

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def runs(number, apart):
    counts = {
        "sage100": {"created": 1, "updated": 0, "deleted": 1},
        "ssm": {"created": 0, "updated": 1, "deleted": 0, "requests": 3},
        "problems_open": 3,
    }
    starts = [NOON + place * apart for place in range(number)]
    return [RunRow(f"r{at}", at, at + timedelta(seconds=0.3), RunStatus.DONE, counts, 0) for at in starts]


def texts(svg):
    """What is written into a picture, but for the values that the bars have as a title."""
    root = ET.fromstring(svg)  # noqa: S314 - our own picture
    return [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.text]


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize(
    ("apart", "first", "last"),
    [
        (timedelta(minutes=15), "02/03 12:00", "02/03 14:00"),
        (timedelta(seconds=5), "02/03 12:00", "02/03 12:00"),
    ],
    ids=["usual", "within a minute"],
)
def test_only_the_first_and_the_last_run_have_their_time_below_which_would_overlap_else(name, apart, first, last):
    svg = chart_svg(name, runs(9, apart), Words("fr", UTC))

    assert [text for text in texts(svg) if "02/03" in text] == [first, last]


@pytest.mark.parametrize("name", [name for name in CHARTS if name != "duration"])
def test_what_is_counted_has_whole_numbers_at_its_side(name):
    numbers = [text for text in texts(chart_svg(name, runs(9, timedelta(minutes=15)), Words("fr", UTC))) if "." in text]

    assert numbers == []
