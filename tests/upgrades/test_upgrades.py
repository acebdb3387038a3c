"""What each release left behind is brought up to date: its settings, its state, and a run that finds nothing new.

Single tables of still older states are in ``tests/sync/state/test_migrating_kept_states.py``.
"""

import pytest

from sage100_ssm import __version__
from sage100_ssm.sync.model import LinkStatus
from tests.upgrades.installation import kept
from tests.upgrades.keep import RELEASES, keep

KEPT = sorted(RELEASES.iterdir())


@pytest.fixture(params=KEPT, ids=lambda folder: folder.name)
def installation(request, tmp_path):
    place = kept(request.param, tmp_path)
    yield place
    place.store.close()


def all_that_is_stored(place):
    with place.store.transaction() as transaction:
        return (
            transaction.links(list(LinkStatus)),
            [(known.id, known.entry, known.closed_at, known.first_seen) for known in transaction.journal()],
            transaction.decisions.all(),
            transaction.writes.all(),
            {row["id"]: row for row in transaction.observed("contacts")},
        )


def test_a_run_after_the_upgrade_does_nothing_new(installation):
    before = all_that_is_stored(installation)

    report = installation.run()

    assert (report.sage100.written, report.sage100.failed, report.ssm.written, report.ssm.failed) == (0, 0, 0, 0)
    assert (report.problems_opened, report.problems_closed, report.notices, report.guards) == (0, 0, 0, ())
    assert all_that_is_stored(installation) == before


def test_an_edit_after_the_upgrade_is_carried_over(installation):
    row = next(row for row in installation.sage100.contacts.values() if row["CT_Nom"] == "Aubrelin")
    installation.sage100.updated(row, {"CT_EMail": "after@alpha.example"})

    assert installation.run().ssm.updated == 1


def test_there_is_something_of_everything_in_what_is_kept(installation):
    links, journal, decisions, writes, rows = all_that_is_stored(installation)

    assert {link.status for link in links} == set(LinkStatus)
    assert len(journal) > 8
    assert decisions
    assert writes
    assert any(row.get("deleted") for row in rows.values())


def test_this_release_is_kept():
    assert __version__ in {folder.name for folder in KEPT}


def test_what_this_version_would_keep_is_at_rest(tmp_path):
    keep(tmp_path / "now")
    (tmp_path / "state").mkdir()
    place = kept(tmp_path / "now", tmp_path / "state")

    report = place.run()
    place.store.close()

    assert (report.sage100.written, report.ssm.written, report.problems_opened, report.problems_closed) == (0, 0, 0, 0)
