"""Trouble that lasts, or comes in the middle: storms of 429, pages that shift, and what Sage's database refuses."""

import sqlite3
from contextlib import closing, contextmanager, suppress

import pytest

from destination_ssm.writer import SsmWriter
from sage100_ssm.sage100.writing import Contacts
from sage100_ssm.ssm.errors import Rejected
from sage100_ssm.standins.ssm_api.faults import CannedResponse, ExpireTokens, Fault, IgnorePageSize
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.sync.failures import Exit, SideUnavailableError

STORM = CannedResponse(429, headers={"Retry-After": "0"})


# --- SSM


@pytest.mark.parametrize("first", [1, 3, 6, 9, 12, 15, 18], ids="from call {}".format)
def test_p10_storm_of_429_that_outlasts_all_patience_loses_nothing_and_does_nothing_twice(world, first):
    ada, *_ = world.people(4)
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.sage.create_contact("ALPHA", "Neuve", "Ida")
    world.ssm.create_contact("ALPHA", "Venue", "Ida")
    world.disturb(Fault(STORM, nth=first, times=None))
    with suppress(SideUnavailableError):
        world.run(whole=True)
    assert {"side_unreachable", "incomplete_read"} & {code for code, _ in world.problems}
    world.calm()
    world.run()
    assert sorted(world.names_in_sage()) == sorted(world.names_in_ssm())
    assert (ada.card["email"], len(world.links), world.problems) == ("ada@alpha.example", 6, [])


def test_p10_ssm_that_refuses_to_be_searched_is_one_problem_and_not_one_of_each_contact(world, monkeypatch):
    people = world.people(3)
    for person in people:
        person.edit_sage(CT_EMail="new@alpha.example")

    def refused(*_):
        raise Rejected(400, "SQL not generated correctly")

    with monkeypatch.context() as patch:
        patch.setattr(SsmWriter, "_look_up", refused)
        patch.setattr(SsmWriter, "_accepts_queries", lambda _: False)
        world.run()
    assert [contact for _, contact in world.problems] == [None]
    world.run()
    assert ({person.card["email"] for person in people}, world.problems) == ({"new@alpha.example"}, [])


@pytest.mark.parametrize("first", [2, 5, 8, 11, 14], ids="at call {}".format)
def test_p10_session_that_expires_at_any_moment_of_a_run_is_opened_again(world, first):
    ada, ida = world.person("Aubrelin", "Ada"), world.person("Belmont", "Ida", born="ssm")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    ida.edit_ssm(email="ida@alpha.example")
    world.disturb(Fault(ExpireTokens(), nth=first))
    assert world.run(whole=True).exit_code == Exit.DONE
    assert (ada.card["email"], ida.row["CT_EMail"]) == ("ada@alpha.example", "ida@alpha.example")


def test_p10_login_refused_in_mid_run_ends_with_2_and_the_next_run_ends_what_was_begun(world):
    people = world.people(3)
    for person in people:
        person.edit_sage(CT_EMail="neu@alpha.example")
    world.disturb(Fault(ExpireTokens(), "PUT", nth=2), Fault(CannedResponse(401), "POST", "/login", nth=2, times=None))
    assert world.run().exit_code == Exit.CONFIGURATION
    world.calm()
    world.run()
    assert ({person.card["email"] for person in people}, world.problems) == ({"neu@alpha.example"}, [])


MOVES = {
    "the first is deleted": lambda people: people[0].delete_ssm(),
    "the last is deleted": lambda people: people[-1].delete_ssm(),
    "the first is edited": lambda people: people[0].edit_ssm(email="neu@alpha.example"),
    "one is created": lambda people: people[0].world.ssm.create_contact("ALPHA", "Neuve", "Ida"),
    "the first is taken out of sight": lambda people: hidden(people[0]),
}


def hidden(person):
    """A contact that lists do not show any more, as if its row had moved to a page that was read already."""
    person.world.api.store._tables["contacts"].pop(person.ssm_id)


@pytest.mark.parametrize("page", [1, 3, 6])
@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_p10_rows_that_move_between_pages_delete_and_double_nobody(world, move, page):
    people = world.people(6, born="ssm")
    world.tree["ssm"]["page_size"] = 1
    pages = []
    kept = dict(world.api.store._tables["contacts"])

    def shift(call):
        if (call.method, call.path) == ("GET", "/contacts"):
            pages.append(call)
            if len(pages) == page:
                move(people)

    world.api.on_answer = shift
    report = world.run(whole=True)
    world.calm()
    assert (report.sage100.deleted <= 1, report.ssm.created, report.ssm.deleted) == (True, 0, 0)
    for id_, row in kept.items():
        world.api.store._tables["contacts"].setdefault(id_, row)
    world.run(whole=True)
    assert sorted(world.names_in_sage()) == sorted(world.names_in_ssm())
    assert all(link.status.value == "active" for link in world.links.values())


@pytest.mark.parametrize("quirks", [Quirks(default_page_size=3)], indirect=True)
def test_p10_page_size_that_is_not_obeyed_from_some_page_on_hides_nobody(world, quirks):
    people = world.people(12, born="ssm")
    world.tree["ssm"]["page_size"] = 2
    world.disturb(Fault(IgnorePageSize(), "GET", "/contacts", nth=2, times=None))
    report = world.run(whole=True)
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert all(person.standing == ("ssm", "active") for person in people)


def test_not_applied_a_field_that_ssm_does_not_know_is_told_and_not_written_for_ever(world):
    """SSM passes over a key that it does not know, without a word."""
    world.decide(fields={"facebook": {"sage100": "CT_Facebook", "ssm": "Z_unknown"}})
    ada = world.person("Aubrelin", "Ada", CT_Facebook="ada.aubrelin", CT_EMail="ada@alpha.example")
    for _ in range(3):
        world.run()
    assert ada.card["email"] == "ada@alpha.example"
    assert (world.problems, world.writes) == ([("not_applied", "facebook")], [])
    assert ada.row["CT_Facebook"] == "ada.aubrelin"


# --- Sage


@contextmanager
def sage_open(world):
    """A connection to the company database, past all programs."""
    with closing(sqlite3.connect(world.folder / "company.db", isolation_level=None)) as connection:
        yield connection


@pytest.mark.parametrize("event", ["INSERT", "UPDATE", "DELETE"])
def test_rejected_by_sage_a_trigger_that_refuses_one_contact_is_quoted_and_holds_nobody_else_up(world, event):
    ada, ida, eve = (world.person(last, "Ada", born="ssm") for last in ("Aubrelin", "Belmont", "Corvin"))
    row = "NEW" if event == "INSERT" else "OLD"
    with sage_open(world) as connection:
        connection.execute(
            f"CREATE TRIGGER refuses BEFORE {event} ON F_CONTACTT WHEN {row}.CT_Nom IN ('Belmont', 'Dorval') "
            "BEGIN SELECT RAISE(ABORT, 'Fiche verrouillée par la comptabilité'); END"
        )
    ada.edit_ssm(email="ada@alpha.example")
    world.ssm.create_contact("ALPHA", "Dorval", "Zoé")
    world.ssm.create_contact("ALPHA", "Estève", "Zoé")
    if event == "DELETE":
        ida.delete_ssm()
        eve.delete_ssm()
    else:
        ida.edit_ssm(email="ida@alpha.example")
    world.run()
    assert ada.row["CT_EMail"] == "ada@alpha.example"
    assert "Estève" in world.names_in_sage()
    assert [code for code, _ in world.problems] == ["rejected_by_sage"]
    assert "Fiche verrouillée par la comptabilité" in world.journal[-1].entry.facts.text
    with sage_open(world) as connection:
        connection.execute("DROP TRIGGER refuses")
    world.clock.advance(hours=25)
    world.run()
    assert (world.problems, sorted(world.names_in_sage())) == ([], sorted(world.names_in_ssm()))


def test_record_locked_a_database_that_somebody_holds_is_waited_for_until_the_next_run(world, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sage100.engine._LOCK_MILLISECONDS", 50)
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.edit_ssm(email="ada@alpha.example")
    with sage_open(world) as connection:
        report = world.run(meanwhile=lambda: connection.execute("BEGIN IMMEDIATE"))
        assert (report.sage100.updated, report.sage100.failed) == (0, 1)
        assert world.problems == [("record_locked", None)]
        connection.execute("ROLLBACK")
    world.run()
    assert (ada.row["CT_EMail"], world.problems) == ("ada@alpha.example", [])


def test_sage_that_breaks_in_mid_transaction_is_undone_and_the_next_run_writes(world, monkeypatch):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.edit_ssm(email="ada@alpha.example")
    update = Contacts.update

    def break_off(self, *arguments):
        update(self, *arguments)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Contacts, "update", break_off)
    with pytest.raises(Exception, match="disk I/O error"):
        world.run()
    assert ada.row["CT_EMail"] == ""
    monkeypatch.setattr(Contacts, "update", update)
    world.clock.advance(minutes=15)
    world.run()
    assert (ada.row["CT_EMail"], world.problems) == ("ada@alpha.example", [])
