import json
from datetime import UTC, datetime

import pytest

from sage100_ssm.sync.journal import DeletionGuard, Entry, Named, PossibleDuplicate, Subject
from sage100_ssm.sync.model import Change, Occasion, Side
from sage100_ssm.sync.state.records import WriteAction, WriteRecord
from sage100_ssm.sync.state.store import StateStore

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "who",
    [
        "Claire Morel",
        "morel",
        "CLAIRE",
        "  clâire   MOREL ",
        "claire@carat.example",
        "CLAIRE@CARAT.EXAMPLE",
        "12",
        "340",
    ],
)
def test_a_linked_contact_is_found_by_name_email_or_either_id(settings, state, call, who):
    (found,) = json.loads(call("explain", who, "--json", "-c", settings()).stdout)

    assert (found["sage100_id"], found["ssm_id"], found["contact"]) == (12, 340, "Claire Morel")
    assert found["synchronised"] is True
    assert [one["code"] for one in found["problems"]] == ["value_too_long"]
    assert {one["code"] for one in found["history"]} == {"value_too_long", "conflict_settled", "record_locked"}


@pytest.mark.parametrize(
    ("who", "french", "english"),
    [
        ("Claire", "Synchronisé, sauf : e-mail.", "Synchronised, except: e-mail."),
        ("Luc", "En sommeil", "Asleep"),
        ("Zoé Lancel", "Pas synchronisé pour l’instant", "Not synchronised for now"),
        ("501", "aucune société", "no company"),
        ("noe@x.example", "Aucune raison", "No reason is noted"),
        ("Nobody", "« Nobody »", "“Nobody”"),
    ],
)
def test_it_says_in_both_languages_whether_a_contact_is_synchronised_and_why_not(
    settings, state, call, who, french, english
):
    def shown(language):
        return " ".join(call("explain", who, "--no-live", "-c", settings(language)).stdout.split()).replace(
            '"Nobody"', "“Nobody”"
        )

    assert french in shown("fr")
    assert english in shown("en")


def test_p9_a_guard_that_stands_is_told_of_everybody(settings, state, call):
    guard = Entry(Subject(), DeletionGuard(Side.SSM, 9, limit=3))
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.report_problems([guard], now=NOON, run_id="r2", keep=lambda _: True)

    shown = " ".join(call("explain", "Claire", "-c", settings()).stdout.split())

    assert "9 suppressions sont à faire d’un coup" in shown


def test_a_part_of_a_name_that_several_bear_shows_all_of_them(settings, state, call):
    found = json.loads(call("explain", "l", "--json", "-c", settings()).stdout)

    assert {one["contact"] for one in found} == {"Claire Morel", "Luc Aubrelin", "Zoé Lancel", "Noé Vial"}


def test_an_unknown_contact_is_an_empty_list_for_scripts_and_ends_with_1(settings, state, call):
    result = call("explain", "Nobody", "--no-live", "--json", "-c", settings())

    assert (json.loads(result.stdout), result.exit_code) == ([], 1)


def test_a_contact_without_a_link_is_shown_with_the_company_that_the_journal_names(settings, state, call):
    likely = PossibleDuplicate((Named(3, "Noé Viale"),), (Named(502, "Noé Vial"),), ("email",))
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.report_problems(
            [Entry(Subject("CARAT", 3, 502, "Noé Viale"), likely)], now=NOON, run_id="r2", keep=lambda _: True
        )
    (found,) = json.loads(call("explain", "ssm:502", "--json", "-c", settings()).stdout)
    assert (found["company"], found["sage100_id"], found["contact"]) == ("CARAT", None, "Noé Vial")


# --- what was written


@pytest.fixture
def written(state):
    """A write about each of two contacts."""
    claire = Subject("CARAT", 12, 340, "Claire Morel")
    luc = Subject("FERMOIR", 81, 344, "Luc Aubrelin")
    email = {"email": Change("old@x.example", "new@x.example", Occasion.CONFLICT)}
    lost = {"last_name": Change("Aubrelin", None, Occasion.GUARD_LIFTED)}
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.writes.save(WriteRecord("r1", NOON, Side.SSM, WriteAction.UPDATE, claire, email, is_confirmed=True))
        memory.writes.save(WriteRecord("r1", NOON, Side.SAGE100, WriteAction.DELETE, luc, lost))


def test_explain_shows_what_was_written_of_a_contact_and_where_it_came_from(settings, written, call):
    shown = " ".join(call("explain", "Claire", "-c", settings("en")).stdout.split())
    assert "What was written:" in shown
    assert "old@x.example →" in shown
    assert "SSM: update" in shown
    assert "conflict settled" in shown


@pytest.mark.parametrize(
    ("options", "contacts"),
    [
        ([], ["Luc Aubrelin", "Claire Morel"]),
        (["-n", "1"], ["Luc Aubrelin"]),
        (["--company", "carat"], ["Claire Morel"]),
        (["--contact", "luc"], ["Luc Aubrelin"]),
        (["--contact", "nobody"], []),
    ],
)
def test_journal_lists_what_was_written_all_or_of_one_company_or_contact(settings, written, call, options, contacts):
    listed = json.loads(call("journal", "--writes", *options, "--json", "-c", settings()).stdout)
    assert [one["contact"] for one in listed] == contacts
    shown = call("journal", "--writes", *options, "-c", settings()).stdout
    assert all(name.split()[0] in shown for name in contacts)


def test_a_write_whose_outcome_is_not_known_is_marked(settings, written, call):
    shown = " ".join(call("journal", "--writes", "-n", "1", "-c", settings("en")).stdout.split())
    assert "(not" in shown
    assert "a guard was lifted" in shown


def test_near_spellings_are_proposed(settings, state, call):
    result = call("explain", "Claire Mroel", "--no-live", "-c", settings("en"))
    assert "Did you mean Claire Morel?" in result.output
    assert result.exit_code == 1
