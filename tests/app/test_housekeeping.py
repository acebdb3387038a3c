"""A night's housekeeping: forgotten what is due, the state copied, old copies removed, the file made smaller."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sage100_ssm.app import housekeeping
from sage100_ssm.app.assemble import lease_owner
from sage100_ssm.app.housekeeping import keep_house
from sage100_ssm.app.settings import Settings
from sage100_ssm.sync.journal import ConflictSettled, Entry, Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.backup import BackupFailed
from sage100_ssm.sync.state.errors import AnotherRun, StateMissing
from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.sync.state.store import DURATION, StateStore

NIGHT = datetime(2026, 3, 4, 2, 37, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path):
    """A function that returns the settings of a company whose state exists."""

    def settings(company="BIJOU", **backups):
        settings = Settings.model_validate(
            {
                "sage100": {"company": company, "connection": {"kind": "sqlite", "path": "absent.db"}},
                "ssm": {"public_key": "p", "private_key": "k", "default_sales_rep_id": 1},
                "state": f"sqlite:///{tmp_path / 'state.db'}",
                "backups": backups,
            }
        )
        StateStore.open(settings.state).close()
        return settings

    return settings


def names(folder):
    return sorted(file.name for file in Path(folder).iterdir())


def test_a_verified_copy_is_made_beside_the_state_for_its_owners_eyes_only(settings, tmp_path):
    done = keep_house(settings(), NIGHT)

    assert done.backup.file == tmp_path / "state.db.backups" / "BIJOU-20260304-023700.db"
    assert done.backup.file.stat().st_mode & 0o077 == 0
    assert done.backup.file.parent.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(done.backup.file)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (done.removed, done.is_compact) == (0, True)


def test_the_latest_copies_are_kept_and_files_of_others_stay(settings, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    for name in ("notes.txt", "BIJOU 2-20260101-023700.db", "BIJOU-old.db"):
        (folder / name).touch()

    removed = [
        keep_house(settings(folder=str(folder), keep=2), NIGHT + timedelta(days=day)).removed for day in range(3)
    ]

    assert removed == [0, 0, 1]
    assert names(folder) == [
        "BIJOU 2-20260101-023700.db",
        "BIJOU-20260305-023700.db",
        "BIJOU-20260306-023700.db",
        "BIJOU-old.db",
        "notes.txt",
    ]


def test_a_company_with_signs_that_a_file_cannot_have_is_copied_all_the_same(settings):
    assert keep_house(settings("A/S *"), NIGHT).backup.file.name == "A%2FS %2A-20260304-023700.db"


def test_a_copy_that_fails_removes_no_older_one(settings, tmp_path, monkeypatch):
    chosen = settings(keep=1)
    keep_house(chosen, NIGHT)

    def fail(*_):
        raise BackupFailed(tmp_path, "disk full")

    monkeypatch.setattr(housekeeping, "back_up", fail)
    with pytest.raises(BackupFailed):
        keep_house(chosen, NIGHT + timedelta(days=1))

    assert names(tmp_path / "state.db.backups") == ["BIJOU-20260304-023700.db"]


def test_p17_names_whose_time_is_over_are_in_no_copy(settings, tmp_path):
    chosen = settings()
    notice = Entry(Subject("BIJOU", 7, 8, "Claire Moreldubois"), ConflictSettled(Side.SAGE100))
    with StateStore.open(chosen.state) as store, store.transaction() as transaction:
        transaction.start_run(RunRow("r", NIGHT - timedelta(days=400)))
        transaction.add_notice(notice, now=NIGHT - timedelta(days=400), run_id="r")

    done = keep_house(chosen, NIGHT)

    assert done.forgotten == 1
    assert b"oreldubois" not in done.backup.file.read_bytes()
    assert b"oreldubois" not in (tmp_path / "state.db").read_bytes()


def test_nothing_is_done_while_a_run_is_under_way(settings, tmp_path):
    chosen = settings()
    with StateStore.open(chosen.state) as store:
        store.acquire(lease_owner(), datetime.now(UTC), DURATION)

    with pytest.raises(AnotherRun):
        keep_house(chosen, NIGHT)

    assert not (tmp_path / "state.db.backups").exists()


def test_a_state_that_is_lost_is_not_replaced_by_an_empty_one(settings, tmp_path):
    chosen = settings()
    (tmp_path / "state.db").unlink()

    with pytest.raises(StateMissing):
        keep_house(chosen, NIGHT)

    assert not (tmp_path / "state.db").exists()


def test_a_state_in_postgresql_is_copied_only_where_the_settings_name_a_folder(settings):
    there = {"state": "postgresql+psycopg://sync@db/sync"}

    assert housekeeping.backup_folder(settings().model_copy(update=there)) is None
    assert housekeeping.backup_folder(settings(folder="/srv/copies").model_copy(update=there)) == Path("/srv/copies")
