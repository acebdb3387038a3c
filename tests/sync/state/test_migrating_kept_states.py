"""States that earlier versions wrote, kept as SQL in ``states/``: each migration still leads from all of them to here.

A new one is kept before the tables change: ``sqlite3 sync-state.db .dump``.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sage100_ssm.sync.journal import CompanyNotInSage, Kind, Subject, ValueUnknown
from sage100_ssm.sync.model import LinkStatus, Side, ValuePair
from sage100_ssm.sync.policy import Retention
from sage100_ssm.sync.state.records import RunStatus
from sage100_ssm.sync.state.store import StateStore

STATES = sorted(Path(__file__).with_name("states").glob("*.sql"))


@pytest.fixture(params=STATES, ids=lambda file: file.stem)
def migrated(request, tmp_path):
    """The state of an earlier version, opened by this one."""
    file = tmp_path / "sync-state.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(request.param.read_text("utf-8"))
    with StateStore.open(f"sqlite:///{file}") as store, store.transaction() as transaction:
        yield transaction


def test_links_keep_their_status_and_their_bases(migrated):
    claire, luc, zoe = migrated.links(list(LinkStatus))
    assert [link.status for link in (claire, luc, zoe)] == list(LinkStatus)
    assert (claire.sage100_id, claire.sage100_no, claire.ssm_id, claire.contact) == (12, 7, 340, "Claire Morel")
    assert claire.base["email"] == ValuePair("claire@carat.example", "CLAIRE@CARAT.EXAMPLE")
    assert claire.sage100_created == "2024-01-02T10:00:00+01:00"
    assert luc.unconfirmed == {Side.SSM: {"phone": ValuePair("01 99 00 10 45", "01 99 00 10 45")}}
    assert zoe.base["first_name"] == ValuePair("Zoé", "Zoé")


def test_open_problems_and_notices_keep_what_they_say(migrated):
    kinds = [known.kind for known in migrated.journal()]
    assert (kinds.count(Kind.PROBLEM), kinds.count(Kind.NOTICE)) == (7, 2)
    too_long, *of_label, company, account, side = migrated.open_problems()
    assert (too_long.tries, too_long.fingerprint, too_long.entry.ssm_value) == (2, "abc", "claire@carat.example" * 4)
    assert [known.entry.facts for known in of_label] == [ValueUnknown("Zouave", Side.SSM)] * 2
    assert company.entry.contacts == (Subject(None, 21, None, "Paul Durand"), Subject(None, 22, None, "Marie Blanc"))
    assert (account.entry.facts, side.entry.side) == (CompanyNotInSage("Prospects SA"), Side.SSM)
    assert [known.entry.subject.contact for known in migrated.pending_notices()] == ["Luc Aubrelin"]


def test_creations_under_way_observations_and_runs_are_there(migrated):
    to_ssm, to_sage100 = migrated.intents()
    assert (to_ssm.ext_id, to_ssm.base) == ("sage100:BIJOU:13", {"last_name": ValuePair("Durand", "Durand")})
    assert (to_sage100.sage100_no, to_sage100.names) == (91, ("Vial", "Noé"))
    assert [row["lastName"] for row in migrated.observed("contacts")] == ["Morel", "Petit"]
    assert migrated.cursor("contacts") == {"changed_at": "2026-11-20T11:50:00Z", "id": 340}
    assert migrated.recall("sage100_identity") == 81
    assert [(run.status, run.exit_code) for run in migrated.runs()] == [(RunStatus.DONE, 0)]


def test_two_problems_of_one_cause_become_one_and_the_same_company_still_waits(migrated):
    before = [known.entry for known in migrated.open_problems()]
    now = datetime.now(UTC)
    assert migrated.report_problems(before, now=now, run_id="next", keep=lambda _: False) == (0, 1)
    zouave = migrated.open_problems()[1]
    assert [contact.contact for contact in zouave.entry.contacts] == ["Jean Roy", "Anne Roy"]


def test_p17_what_was_ended_or_closed_long_ago_is_kept_for_its_time_from_the_migration_on(migrated):
    retention, now = Retention(ended_links_days=30, journal_days=365), datetime.now(UTC)
    assert migrated.forget_expired(retention, now + timedelta(days=29)) == 0
    assert migrated.forget_expired(retention, now + timedelta(days=31)) == 1
    assert migrated.forget_expired(retention, now + timedelta(days=366)) == 3
    assert [link.contact for link in migrated.links(list(LinkStatus))] == ["Claire Morel", "Luc Aubrelin", ""]
