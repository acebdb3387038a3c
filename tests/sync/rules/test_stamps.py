"""What stamps decide: which side changed last (P1 `newest`), and which rows of Sage come from a backup (P9)."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from sage100_ssm.sync.model import Side
from sage100_ssm.sync.rules.links import is_outdated
from sage100_ssm.sync.rules.merge import newest
from sage100_ssm.sync.rules.pair import ShownPair
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
PARIS = ZoneInfo("Europe/Paris")
TEN_IN_PARIS, TEN_IN_PARIS_UTC = "2026-03-02T10:00:00+01:00", "2026-03-02T09:00:00Z"

# --- P1: newest

BASE = "2026-03-02T09:00:00+01:00", "2026-03-02T08:00:00Z"
"""The stamps of both sides when the base was set."""


@pytest.mark.parametrize(
    ("sage100", "ssm", "winner"),
    [
        pytest.param(TEN_IN_PARIS, "2026-03-02T09:30:00Z", SSM, id="SSM changed half an hour after Sage"),
        pytest.param(TEN_IN_PARIS, "2026-03-02T08:30:00Z", SAGE, id="Sage changed half an hour after SSM"),
        pytest.param(TEN_IN_PARIS, TEN_IN_PARIS_UTC, SAGE, id="the same moment is a tie"),
        pytest.param(TEN_IN_PARIS, "2026-03-02T09:01:59.999Z", SAGE, id="less than two minutes apart is a tie"),
        pytest.param(TEN_IN_PARIS, "2026-03-02T08:58:00Z", SAGE, id="Sage two minutes later"),
        pytest.param(TEN_IN_PARIS, "2026-03-02T09:02:00Z", SSM, id="two minutes apart is no tie any more"),
        pytest.param(TEN_IN_PARIS, BASE[1], SAGE, id="SSM's stamp has not moved since the base"),
        pytest.param("2026-03-02T07:00:00+01:00", BASE[1], SAGE, id="the same, though Sage's stamp is older still"),
        pytest.param(BASE[0], "2026-03-02T07:00:00Z", SSM, id="Sage's stamp has not moved, though SSM's is older"),
        pytest.param(*BASE, SAGE, id="neither stamp has moved: a tie"),
        pytest.param(TEN_IN_PARIS, None, SAGE, id="SSM has no stamp"),
        pytest.param(None, "2026-03-02T09:00:00Z", SSM, id="Sage has no stamp"),
        pytest.param(None, None, SAGE, id="neither has a stamp"),
        pytest.param(
            "2026-10-25T02:30:00+02:00", "2026-10-25T09:00:00Z", SAGE, id="Sage changed in the hour that comes twice"
        ),
        pytest.param("2026-10-25T02:30:00+01:00", "2026-10-25T09:00:00Z", SAGE, id="the same, the second time"),
        pytest.param("2026-10-25T01:59:00+02:00", "2026-10-25T09:00:00Z", SSM, id="Sage changed right before it"),
        pytest.param("2026-10-25T03:00:00+01:00", "2026-10-25T09:00:00Z", SSM, id="Sage changed right after it"),
        pytest.param("2026-03-29T03:30:00+02:00", "2026-03-29T09:00:00Z", SSM, id="in spring no hour comes twice"),
    ],
)
def test_p1_the_record_that_was_changed_last_wins_and_sage_wins_a_tie(sage100, ssm, winner):
    known = worlds.mapper()
    link = worlds.linked(sage100_stamp=BASE[0], ssm_stamp=BASE[1])
    here = known.read(SAGE, worlds.sage_row(cbModification=sage100))
    there = known.read(SSM, worlds.ssm_row(dateUpdated=ssm, dateCreated=None))
    assert newest(ShownPair(link, here, there), PARIS) is winner


@pytest.mark.parametrize(("zone", "winner"), [("Europe/Paris", SAGE), ("America/Martinique", SSM)])
def test_p1_which_hour_comes_twice_is_a_matter_of_the_sites_time_zone(zone, winner):
    known = worlds.mapper()
    here = known.read(SAGE, worlds.sage_row(cbModification="2026-10-25T00:30:00+00:00"))
    there = known.read(SSM, worlds.ssm_row(dateUpdated="2026-10-25T09:00:00Z"))
    assert newest(ShownPair(worlds.linked(), here, there), ZoneInfo(zone)) is winner


# --- P9: rows of a restored database

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("seen", "stamp", "created", "today", "outdated"),
    [
        pytest.param(TEN_IN_PARIS, TEN_IN_PARIS, None, NOON, False, id="not changed since it was seen"),
        pytest.param(TEN_IN_PARIS, "2026-03-02T11:00:00+01:00", None, NOON, False, id="changed since it was seen"),
        pytest.param(TEN_IN_PARIS, "2026-03-02T08:54:59+01:00", None, NOON, True, id="more than 65 minutes before"),
        pytest.param(TEN_IN_PARIS, "2026-03-02T08:55:00+01:00", None, NOON, False, id="exactly 65 minutes before"),
        pytest.param(
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T02:30:00+02:00",
            None,
            None,
            False,
            id="an hour before, as a clock that falls back may have it",
        ),
        pytest.param(TEN_IN_PARIS, "2025-01-01T00:00:00+01:00", None, None, True, id="without today's date too"),
        pytest.param(None, "2025-01-01T00:00:00+01:00", None, NOON, False, id="no stamp was seen"),
        pytest.param(TEN_IN_PARIS, None, None, NOON, False, id="Sage shows no stamp"),
        pytest.param(
            "2026-03-02T12:00:01+01:00",
            "2025-01-01T00:00:00+01:00",
            None,
            NOON,
            False,
            id="the stamp that was seen lies in the future: it came from a wrong clock",
        ),
        pytest.param(
            "2026-03-02T12:00:00+01:00", "2025-01-01T00:00:00+01:00", None, NOON, True, id="seen at this very moment"
        ),
        pytest.param(
            "2020-01-01T00:00:00+01:00",
            TEN_IN_PARIS,
            "2026-03-02T09:00:00+01:00",
            NOON,
            False,
            id="imported by SQL with the stamps of another table: created after it was seen, and remembered so",
        ),
    ],
)
def test_p9_a_row_that_is_older_than_what_was_seen_comes_from_a_backup(seen, stamp, created, today, outdated):
    row = worlds.sage_row(cbModification=stamp) | ({"cbCreation": created} if created else {})
    link = worlds.linked(sage100_stamp=seen, sage100_created=created)
    assert is_outdated(link, worlds.mapper().read(SAGE, row), today) is outdated


@pytest.mark.parametrize(
    ("remembered", "created", "outdated"),
    [
        pytest.param("2024-03-05T10:11:12+01:00", "2024-03-05T10:11:12-05:00", False, id="at the moment remembered"),
        pytest.param("2024-03-05T10:11:12+01:00", "2024-03-05T10:11:13+01:00", True, id="after it"),
        pytest.param("2024-03-05T10:11:12+01:00", "2020-03-05T10:11:12+01:00", True, id="before it"),
        pytest.param(None, "2026-03-02T11:05:01+01:00", False, id="no moment is remembered"),
        pytest.param("2024-03-05T10:11:12+01:00", None, False, id="an older database has none"),
    ],
)
def test_p9_a_row_that_was_created_at_another_moment_comes_from_a_backup(remembered, created, outdated):
    row = worlds.sage_row(cbModification=TEN_IN_PARIS) | ({"cbCreation": created} if created else {})
    link = worlds.linked(sage100_stamp=TEN_IN_PARIS, sage100_created=remembered)
    assert is_outdated(link, worlds.mapper().read(SAGE, row), NOON) is outdated
