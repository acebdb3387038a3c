"""R10: each error makes a message that a user can find, read and act upon, in French and in English."""

import re
from dataclasses import fields

import pytest

from sage100_ssm.messages import code_label, describe, field_label, say, say_error
from sage100_ssm.sync.journal import (
    FACTS,
    AboutSide,
    AmbiguousMatch,
    Code,
    CompanyMissing,
    CompanyNotInSsm,
    Conflict,
    ConflictSettled,
    DeletedInSage,
    DeletionGuard,
    DeletionRefused,
    DuplicateInSage,
    EmptySideGuard,
    Entry,
    Flapping,
    GuardLifted,
    MassChangeGuard,
    Named,
    OlderFacts,
    OutOfScope,
    RecordLocked,
    RejectedBySage,
    RejectedBySsm,
    RestoredSideGuard,
    SideUnreachable,
    SleepReason,
    Subject,
    ValueMissing,
    ValueNotRepresentable,
    ValueTooLong,
)
from sage100_ssm.sync.model import ContactRef, Side
from tests.support.journal_outcomes import HOW, outcome
from tests.support.message_files import LANGUAGES, SENTENCES, named, texts, words_of

PAUL = Subject("BAGUES", 101, 9001, "Paul Durand")
VALUES = {"field": "phone", "sage100_value": "0102", "ssm_value": "0304"}


# --- the journal


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", HOW)
def test_every_entry_has_a_message_that_names_whom_it_is_about_and_a_remedy(name, language):
    entry = outcome(name)
    words = describe(entry, language)
    sides = {Side.SAGE100: "Sage 100", Side.SSM: "Sage Sales Management", None: None}
    database = getattr(entry.facts, "database", None)
    whom = sides[entry.side] or entry.subject.contact or entry.subject.company or database
    assert whom in words.message
    assert len(words.remedy) > 30
    for text in (words.message, words.remedy):
        assert not re.search(r"[{}…]", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_name_of_its_own_that_fits_a_column(language):
    names = {code_label(code, language) for code in Code}
    assert len(names) == len(Code)
    assert max(map(len, names)) <= 45


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [code for code, facts in FACTS.items() if fields(facts)])
def test_every_code_can_be_said_when_an_older_version_stored_no_fact(code, language):
    subject = Subject() if issubclass(FACTS[code], AboutSide) else PAUL
    words = describe(Entry(subject, OlderFacts(code, None), **VALUES), language)
    assert "…" not in words.message + words.remedy


@pytest.mark.parametrize(
    ("language", "entry", "parts"),
    [
        ("fr", Entry(PAUL, ValueTooLong(21, 40), **VALUES), ["téléphone", "«\u00a00304\u00a0»", "40", "21"]),
        ("en", Entry(PAUL, ValueTooLong(21, 40), **VALUES), ["phone", "“0304”", "40", "21"]),
        ("fr", Entry(PAUL, ConflictSettled(Side.SSM), **VALUES), ["0102", "0304", "celle de Sage Sales Management"]),
        ("fr", Entry(PAUL, RejectedBySage("Erreur 80003")), ["Erreur 80003"]),
        ("fr", Entry(PAUL, OutOfScope(SleepReason.LEFT_OUT)), ["les réglages"]),
        ("en", Entry(Subject(), DeletionGuard(Side.SAGE100, 9, 3)), ["Sage 100: 9", "limit of 3"]),
        ("fr", Entry(PAUL, Flapping(), field="Z_Siret"), ["Z_Siret"]),
        (
            "fr",
            Entry(PAUL, DeletedInSage((("CT_Nom", "Morel"), ("N_Service", "3"), ("CT_Own", "x")), deleted_by=90)),
            ["utilisateur n°\u00a090", "nom «\u00a0Morel\u00a0»", "service n°", "CT_Own"],
        ),
        ("en", Entry(Subject(), GuardLifted(Side.SSM, Code.DELETION_GUARD, 9, "--allow", "marie")), ["marie lifted"]),
        ("fr", Entry(PAUL, Conflict(), field="fax", ssm_value="1"), ["(vide)", "«\u00a01\u00a0»"]),
        ("fr", Entry(PAUL, ValueMissing(Side.SSM), field="first_name"), ["prénom"]),
        ("fr", Entry(Subject(sage100_id=7), RecordLocked()), ["Contact n°\u00a07 de Sage 100"]),
        ("en", Entry(Subject(ssm_id=7), CompanyMissing()), ["Contact no. 7 of Sage Sales Management"]),
        ("en", Entry(PAUL, ValueNotRepresentable("Ł\u200b"), field="fax"), ["(Ł U+200B)"]),
        ("fr", Entry(PAUL, ValueNotRepresentable("\u202f\u0323"), field="fax"), ["(U+202F U+0323)"]),
    ],
)
def test_a_message_names_the_values(language, entry, parts):
    message = describe(entry, language).message
    assert [part for part in parts if part not in message] == []


def test_of_many_contacts_the_first_are_named_and_all_are_counted():
    waiting = [Subject("CARAT", number, None, None if number == 1 else f"Paul {number}") for number in range(1, 13)]
    message = describe(Entry(Subject("CARAT"), CompanyNotInSsm()).about(*waiting), "en").message
    assert message.endswith("wait for it: 12 (no. 1, Paul 2, Paul 3, Paul 4, Paul 5, …).")


@pytest.mark.parametrize(
    ("holder", "shown"),
    [
        (ContactRef(Side.SAGE100, 7), "contact no. 7 of Sage 100"),
        (ContactRef(Side.SSM, 7), "contact no. 7 of Sage Sales Management"),
    ],
)
def test_p12_the_contact_that_has_a_name_is_said_to_be_of_the_side_where_it_is(holder, shown):
    assert shown in describe(Entry(Subject("BAGUES", None, 9001, "Paul"), DuplicateInSage(holder)), "en").message


@pytest.mark.parametrize("by_ext_id", [False, True])
def test_p4_candidates_are_named_by_their_own_side(by_ext_id):
    here, there = (Named(101, "Zoé Petit"),), (Named(9001, "Paul Durand"),)
    message = describe(Entry(PAUL, AmbiguousMatch(here, there, by_ext_id)), "en").message
    assert re.search(r"Zoé Petit \(no\. 101\) of Sage 100|Sage 100: Zoé Petit \(no\. 101\)", message)
    assert re.search(r"Management(: |.*; )Paul Durand \(no\. 9001\)", message)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_remedy_advises_to_delete_whoever_an_ext_id_leads_to(language):
    entry = outcome("an extId of somebody else")
    remedy = describe(entry, language).remedy
    assert {"fr": "n’en supprimez aucune", "en": "delete none"}[language] in remedy


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["a new contact named like one in Sage", "two new contacts of one name"])
def test_p12_of_two_namesakes_only_the_new_one_is_to_be_deleted_and_in_ssm(name, language):
    remedy = describe(outcome(name), language).remedy
    only = {
        "fr": "supprimez cette fiche dans Sage Sales Management",
        "en": "delete this record in Sage Sales Management",
    }
    assert only[language] in remedy


@pytest.mark.parametrize(
    ("facts", "switch"),
    [
        (DeletionGuard(Side.SSM, 9, 3), "run --allow-deletions"),
        (MassChangeGuard(Side.SSM, 9), "run --allow-mass-change"),
        (EmptySideGuard(Side.SSM, 9), "run --allow-mass-change"),
        (RestoredSideGuard(Side.SSM, 9), "run --allow-mass-change"),
    ],
    ids=lambda value: getattr(value, "code", None),
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_remedy_of_a_guard_names_the_switch_that_lifts_it(language, facts, switch):
    assert switch in describe(Entry(Subject(), facts), language).remedy
    assert switch == f"run {facts.switch}"


def test_a_refused_deletion_tells_r8_and_p3_apart():
    r8, p3 = (Entry(PAUL, DeletionRefused(origin)) for origin in (Side.SAGE100, Side.SSM))
    assert (r8.rule, p3.rule) == ("R8", "P3")
    assert "ne peut être supprimé que là" in describe(r8, "fr").message
    assert "La modification l\N{RIGHT SINGLE QUOTATION MARK}emporte" in describe(p3, "fr").message


@pytest.mark.parametrize("hostile", ["{contact}", "{0.__class__}", "}{", "%s", "{"])
def test_braces_in_what_a_side_sent_mean_nothing(hostile):
    entry = Entry(Subject(hostile, 1, 2, hostile), Conflict(), field=hostile, sage100_value=hostile)
    assert describe(entry, "fr").message.count(hostile) == 4


def test_what_a_side_sent_stays_on_one_line_without_control_characters():
    entry = Entry(PAUL, RejectedBySsm("a\r\nb\x1b[31mc\u202e"))
    assert "a  b [31mc " in describe(entry, "en").message


def test_a_reason_without_words_is_left_out():
    known, unknown = (Entry(Subject(), SideUnreachable(Side.SSM, "no route", r)) for r in (None, "moon_phase"))
    assert describe(unknown, "fr") == describe(known, "fr")


@pytest.mark.parametrize("name", [name for name in HOW if name != "an odd row of SSM"])
def test_french_is_typeset_as_french(name):
    words = describe(outcome(name), "fr")
    assert not re.search(r"(?<!\u00a0)[;!?»%]|[^\u00a0\d\w] ?:(?= )|« | »|'", words.message + words.remedy)


# --- the command


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("subject", "key"), SENTENCES, ids=[key for _, key in SENTENCES])
def test_every_sentence_of_the_command_can_be_said(subject, key, language):
    names = named(texts(words_of(language, subject)[key])[0])
    assert say(key, language, **dict.fromkeys(names - {"reason"}, "@")).count("@") >= len(names - {"reason"})


def test_a_sentence_shows_what_it_is_given():
    told = say("side_unreachable", "fr", side="ssm", text="délai dépassé")
    assert told.startswith("Sage Sales Management n\N{RIGHT SINGLE QUOTATION MARK}a pas pu être joint.")
    assert told.endswith("(Détail technique\u00a0: délai dépassé)")
    assert "sage100-ssm resync" in say("state_damaged", "en", place="sync-state.db", reason="newer")


def test_an_error_without_a_sentence_is_said_in_the_words_of_the_side():
    assert say_error("check_moon_phase", "en", side=Side.SSM, text="not now") == "Sage Sales Management: not now"


def test_a_field_of_the_sites_own_is_called_as_the_settings_call_it():
    assert (field_label("email", "fr"), field_label("Z_Siret", "fr")) == ("e-mail", "Z_Siret")


def test_what_a_sentence_is_not_given_shows_as_an_ellipsis():
    assert say("status_next", "en") == "Next run: …"


def test_an_unknown_sentence_is_a_fault_of_the_program():
    with pytest.raises(KeyError):
        say("no_such_sentence", "fr")
