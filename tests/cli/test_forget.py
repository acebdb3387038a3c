"""P17: ``forget`` erases what is kept of one person, and says where the person still lives."""

import json
import sqlite3
from contextlib import closing

import pytest

from sage100_ssm.app.assemble import lease_owner, utc_now
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.model import Link, LinkStatus, Side
from sage100_ssm.sync.run.guard import REWRITES
from sage100_ssm.sync.state.store import DURATION, StateStore


@pytest.fixture
def kept(state, tmp_path):
    """All that the state's files contain, as bytes."""
    return lambda: b"".join(file.read_bytes() for file in tmp_path.glob("sync-state.db*"))


def test_without_yes_it_shows_what_is_stored_and_changes_nothing(settings, state, call, kept):
    found = call("forget", "claire", "-c", settings("en"))

    assert found.exit_code == 0
    assert "links 1, journal entries 3" in " ".join(found.stdout.split())
    assert "Sage 100: contact no. 12 (company CARAT)" in found.stdout
    assert "--yes" in found.stderr
    assert b"Claire Morel" in kept()


def test_with_yes_no_file_of_the_state_contains_the_person(settings, state, call, kept):
    result = call("forget", "claire", "--yes", "-c", settings("en"))

    assert result.exit_code == 0
    assert "Forgotten: Claire Morel" in result.stdout
    assert "delete the contact in Sage 100" in " ".join(result.stdout.split())
    assert [text for text in (b"Morel", b"claire@carat.example", b"01 99 00 10 00") if text in kept()] == []
    assert b"Luc Aubrelin" in kept()


def test_scripts_get_what_was_stored_and_where_the_person_lives(settings, state, call):
    found = json.loads(call("forget", "340", "--yes", "--json", "-c", settings()).stdout)

    assert found == {
        "forgotten": True,
        "erased_from_file": True,
        "contacts": [{"sage100_id": 12, "ssm_id": 340, "company": "CARAT", "contact": "Claire Morel"}],
        "stored": {
            "sage100_ids": [12],
            "ssm_ids": [340],
            "links": 1,
            "entries": 3,
            "rows": 0,
            "creations": 0,
            "writes": 0,
        },
        "lives_on": [
            {"side": "sage100", "id": 12, "company": "CARAT", "deleted": False},
            {"side": "ssm", "id": 340, "company": None, "deleted": False},
        ],
    }


def test_what_a_run_remembers_of_its_last_writes_is_forgotten_too(settings, state, call):
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.remember(REWRITES, {"ssm:340:phone": ["0123", 1], "ssm:344:phone": ["4567", 1]})

    call("forget", "claire", "--yes", "-c", settings())

    with StateStore.open(state, read_only=True) as store, store.transaction() as memory:
        assert memory.recall(REWRITES) == {"ssm:344:phone": ["4567", 1]}


def test_of_several_people_it_forgets_none_and_says_the_numbers_that_name_each(settings, state, call, kept):
    result = call("forget", "l", "--yes", "-c", settings("en"))

    assert result.exit_code == 2
    assert "sage100:12, ssm:340" in result.stdout
    assert "4 contacts answer" in result.stderr
    assert b"Claire Morel" in kept()


def test_a_contact_that_was_restored_is_one_person_with_all_its_records(settings, state, call, kept):
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.save_link(Link(12, 7, 339, "CARAT", "Claire Morel", Side.SAGE100, status=LinkStatus.ENDED))
        memory.save_observed("contacts", [{"id": 339, "firstName": "Claire", "lastName": "Morel", "deleted": True}])

    found = json.loads(call("forget", "Claire Morel", "--yes", "--json", "-c", settings()).stdout)

    assert found["stored"]["ssm_ids"] == [339, 340]
    assert b"Morel" not in kept()


def test_a_number_that_two_contacts_have_names_one_with_its_side(settings, state, call):
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.save_link(Link(340, 8, 12, "CARAT", "Paul Durand", Side.SAGE100))

    assert call("forget", "12", "-c", settings()).exit_code == 2
    found = json.loads(call("forget", "ssm:12", "--json", "-c", settings()).stdout)
    assert [one["contact"] for one in found["contacts"]] == ["Paul Durand"]


def test_of_nobody_nothing_is_stored(settings, state, call):
    result = call("forget", "Nobody", "--yes", "--json", "-c", settings())

    assert (json.loads(result.stdout)["contacts"], result.exit_code) == ([], 0)


def test_while_a_run_is_under_way_nothing_is_forgotten(settings, state, call, kept):
    with StateStore.open(state) as store:
        store.acquire(lease_owner(), utc_now(), DURATION)

    assert call("forget", "claire", "--yes", "-c", settings()).exit_code == 5
    assert b"Claire Morel" in kept()


def test_a_contact_that_was_forgotten_while_it_lives_is_matched_again_and_created_nowhere(tmp_path, call):
    with sample_installation(tmp_path / "place") as place:

        def told(*words):
            return json.loads(call(*words, "--json", "-c", place.settings).stdout)

        told("run")
        before = told("links")
        call("forget", f"sage100:{before[0]['sage100_id']}", "--yes", "-c", place.settings)
        assert len(told("links")) == len(before) - 1
        run = told("run")
        after = told("links")

    assert [run[side][done] for side in ("sage100", "ssm") for done in ("created", "updated", "deleted")] == [0] * 6
    assert sorted(after, key=lambda link: link["ssm_id"]) == sorted(before, key=lambda link: link["ssm_id"])


def test_with_0_days_a_run_leaves_nothing_of_a_contact_that_it_deleted(tmp_path, call):
    with sample_installation(tmp_path / "place") as place:
        settings = place.settings
        at_once = "retention: {ended_links_days: 0, journal_days: 0, writes_days: 0}"
        settings.write_text(f"{settings.read_text()}\n{at_once}\n")
        call("run", "-c", settings)
        row = place.sage.contacts("NACRE")[0]
        place.sage.delete_contact(row["cbMarq"])
        for _ in range(2):  # the second run finds it deleted, and may read SSM whole
            assert call("run", "-c", settings).exit_code == 0
        with closing(sqlite3.connect(settings.parent / "sync-state.db")) as connection:
            dump = "\n".join(connection.iterdump())

    assert row["CT_EMail"] not in dump
    assert f"{row['CT_Prenom']} {row['CT_Nom']}" not in dump
