"""A copy of the state: one moment of it, whole, compared with it, and for its owner's eyes only."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from sage100_ssm.sync.model import Link, Side, ValuePair
from sage100_ssm.sync.state.backup import BackupFailed, copy_state
from sage100_ssm.sync.state.errors import Damage, StateDamaged, StateMissing
from sage100_ssm.sync.state.store import StateStore

CLAIRE = Link(
    12, 7, 340, "CARAT", "Claire Morel", Side.SAGE100, base={"email": ValuePair("c@carat.example", "C@carat.example")}
)
ROW = {"id": 340, "lastName": "Morel\x00 \ud83d", "firstName": "Zoé"}


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "copies" / "state.db"


@pytest.fixture
def kept(store, copy, now):
    """A state with a link, a row, a fact, and a run under way."""
    copy.parent.mkdir()
    lease = store.acquire("host:1", now, timedelta(minutes=2))
    with store.transaction(lease) as transaction:
        transaction.save_link(CLAIRE)
        transaction.save_observed("contacts", [ROW])
        transaction.remember("fact", {"é": [1, None]})
    return lease


def _lines(file):
    with closing(sqlite3.connect(file)) as connection:
        return sorted(connection.iterdump())


def test_a_copy_is_a_state_with_all_that_was_stored(kept, database, copy):
    rows = copy_state(database, copy)

    assert (rows["links"], rows["observations"], rows["facts"]) == (1, 1, 1)
    with StateStore.open(f"sqlite:///{copy}") as store, store.transaction() as transaction:
        [link] = transaction.links()
        assert (link.contact, link.base) == (CLAIRE.contact, CLAIRE.base)
        assert list(transaction.observed("contacts")) == [ROW]
        assert transaction.recall("fact") == {"é": [1, None]}


def test_a_copy_is_one_file_that_only_its_owner_may_read(kept, database, copy):
    copy_state(database, copy)

    assert [file.name for file in copy.parent.iterdir()] == ["state.db"]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_in_a_copy_no_run_is_under_way_and_its_lease_has_the_number_that_it_had(kept, database, copy, now):
    copy_state(database, copy)

    with StateStore.open(f"sqlite:///{copy}") as store:
        assert store.acquire("elsewhere:1", now, timedelta(minutes=2)).number == kept.number + 1


def test_a_copy_shows_one_moment_whatever_a_run_is_writing(kept, store, database, copy):
    with store.transaction(kept) as transaction:
        transaction.save_link(Link(13, 8, 341, "CARAT", "Paul Durand", Side.SAGE100))
        assert copy_state(database, copy)["links"] == 1


def test_a_copy_of_an_older_version_is_that_version(url, tmp_path, copy):
    copy.parent.mkdir()
    StateStore.open(url).close()
    file = tmp_path / "sync-state.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE state_version SET version_num = '0004'")
        connection.execute("DROP TABLE writes")

    copy_state(url, copy)

    assert [line for line in _lines(copy) if "0004" in line]
    assert not [line for line in _lines(copy) if "writes" in line and "TABLE" in line]


def test_a_state_that_is_missing_broken_or_something_else_leaves_no_copy(url, tmp_path, copy):
    copy.parent.mkdir()
    with pytest.raises(StateMissing):
        copy_state(url, copy)
    file = tmp_path / "sync-state.db"
    file.write_bytes(b"no database" * 500)
    with pytest.raises(StateDamaged) as caught:
        copy_state(url, copy)
    assert caught.value.reason is Damage.BROKEN
    file.unlink()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE F_COMPTET (CT_Num TEXT)")
    with pytest.raises(StateDamaged) as caught:
        copy_state(url, copy)
    assert caught.value.reason is Damage.FOREIGN
    assert list(copy.parent.iterdir()) == []


def test_a_state_whose_pages_are_broken_leaves_the_copy_that_was_there(url, tmp_path, copy):
    copy.parent.mkdir()
    with StateStore.open(url) as store, store.transaction() as transaction:
        transaction.save_observed("contacts", [{"id": i, "lastName": "Durand" * 50} for i in range(500)])
    copy_state(url, copy)
    before, file = copy.read_bytes(), tmp_path / "sync-state.db"
    intact = file.read_bytes()
    half = len(intact) // 2
    file.write_bytes(intact[:half] + b"\xff" * (len(intact) - half))

    with pytest.raises((StateDamaged, BackupFailed)):
        copy_state(url, copy)

    assert copy.read_bytes() == before
    assert [each.name for each in copy.parent.iterdir()] == ["state.db"]


def test_a_copy_that_is_not_what_was_read_is_none(kept, database, copy, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sync.state.backup._make_restorable", _lose_a_row)

    with pytest.raises(BackupFailed, match="rows"):
        copy_state(database, copy)

    assert list(copy.parent.iterdir()) == []


def _lose_a_row(file):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM facts")


def test_a_folder_that_is_not_there_is_said(kept, database, tmp_path):
    with pytest.raises(BackupFailed, match="absent"):
        copy_state(database, tmp_path / "absent" / "state.db")


def test_the_rest_of_a_copy_that_was_killed_is_in_nobodys_way(kept, database, copy):
    copy.with_name("state.db.partial").write_bytes(b"half of it")

    assert copy_state(database, copy)["links"] == 1
