"""R10: each error makes a message that a user can find, read and act upon, in French and in English."""

import re
from dataclasses import fields
from functools import cache
from string import Formatter

import pytest
import yaml

from sage100_ssm import messages
from sage100_ssm.messages import code_label, describe, say
from sage100_ssm.sync.journal import (
    FACTS,
    AboutSide,
    AmbiguousCompany,
    AmbiguousMatch,
    Code,
    CompanyMissing,
    CompanyNotInSage,
    CompanyNotInSsm,
    Conflict,
    ConflictSettled,
    DeletionGuard,
    DeletionRefused,
    DuplicateExtId,
    DuplicateInSage,
    EmptySideGuard,
    Entry,
    Flapping,
    ForeignExtId,
    GuardLifted,
    IncompleteRead,
    MassChangeGuard,
    Named,
    NotApplied,
    OlderFacts,
    OrphanExtId,
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
    ValueTruncated,
    ValueUnknown,
)
from sage100_ssm.sync.model import ContactRef, Side

LANGUAGES = ("fr", "en")
SUBJECTS = ("names", "journal", "command_line", "check", "probe", "demo")
PAUL = Subject("BAGUES", 101, 9001, "Paul Durand")
VALUES = {"field": "phone", "sage100_value": "0102", "ssm_value": "0304"}
WITHOUT_FACTS = [facts() for facts in FACTS.values() if not fields(facts)]
SAID = [
    *WITHOUT_FACTS,
    CompanyNotInSage("Bagues SA"),
    CompanyNotInSsm((Named(101, "Paul Durand"), Named(102, "Zoé Petit"))),
    AmbiguousCompany((Named(11, "Bagues SA"), Named(12, "Bagues"))),
    OutOfScope(SleepReason.NO_CLIENT),
    OutOfScope(SleepReason.WENT_WITH_ACCOUNT),
    DeletionRefused(Side.SAGE100),
    DeletionRefused(Side.SSM),
    ConflictSettled(Side.SSM),
    AmbiguousMatch((Named(101, "Paul Durand"),), (Named(9001, "Paul Durand"), Named(9002, "Paul Durand")), False),
    AmbiguousMatch((Named(101, "Zoé Petit"),), (Named(9001, "Paul Durand"),), True),
    OrphanExtId("sage100:BIJOU:101"),
    DuplicateInSage(ContactRef(Side.SAGE100, 102)),
    DuplicateInSage(ContactRef(Side.SSM, 9002)),
    DuplicateExtId("sage100:BIJOU:101", 9002),
    ForeignExtId("OTHER:7"),
    ValueTruncated("03", 2),
    ValueTooLong(21, 40),
    ValueNotRepresentable("Ł"),
    ValueMissing(Side.SSM),
    ValueUnknown("Zouave", Side.SSM),
    ValueUnknown("typeId", None),
    RejectedBySage("Error 900"),
    RejectedBySsm("Error 900"),
    NotApplied(Side.SSM),
    DeletionGuard(Side.SSM, 9, 3),
    MassChangeGuard(Side.SSM, 9),
    EmptySideGuard(Side.SSM, 9),
    RestoredSideGuard(Side.SSM, 9),
    GuardLifted(Side.SSM, Code.DELETION_GUARD, 9, "--allow-deletions"),
    IncompleteRead(Side.SSM, "Error 900"),
    SideUnreachable(Side.SSM, "Error 900", None),
    SideUnreachable(Side.SSM, None, "other_side"),
]
ABOUT_A_COMPANY = {Code.COMPANY_NOT_IN_SSM, Code.AMBIGUOUS_COMPANY}


def _entry(facts, **values):
    """An entry of these facts about what entries of their code are about."""
    if isinstance(facts, AboutSide):
        return Entry(Subject(), facts)
    return Entry(Subject("BAGUES") if facts.code in ABOUT_A_COMPANY else PAUL, facts, **(VALUES | values))


@cache
def _file(language, subject):
    file = messages.files(messages.__name__).joinpath(language, f"{subject}.yaml")
    return yaml.safe_load(file.read_text("utf-8"))


def _wordings(texts):
    return [texts] if isinstance(texts, str) else texts


def _named(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _tree(node):
    """The shape of a file: its keys, and what each of its wordings names."""
    if isinstance(node, dict):
        return {key: _tree(value) for key, value in node.items()}
    return [_named(text) for text in _wordings(node)]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_both_languages_have_the_same_keys_and_name_the_same_things(subject):
    assert _tree(_file("fr", subject)) == _tree(_file("en", subject))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("facts", SAID, ids=lambda facts: facts.code)
def test_every_code_has_a_message_that_names_whom_it_is_about_and_a_remedy(facts, language):
    words = describe(_entry(facts), language)
    about_side, about_company = isinstance(facts, AboutSide), facts.code in ABOUT_A_COMPANY
    whom = "Sage Sales Management" if about_side else "BAGUES" if about_company else "Paul Durand"
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_kept_for_codes_that_do_not_exist(language):
    assert {key.partition(".")[0] for key in _file(language, "journal")["codes"]} == set(Code)


@pytest.mark.parametrize(
    ("language", "entry", "parts"),
    [
        ("fr", Entry(PAUL, ValueTooLong(21, 40), **VALUES), ["téléphone", "«\u00a00304\u00a0»", "40", "21"]),
        ("en", Entry(PAUL, ValueTooLong(21, 40), **VALUES), ["phone", "“0304”", "40", "21"]),
        ("fr", Entry(PAUL, ConflictSettled(Side.SSM), **VALUES), ["0102", "0304", "celle de Sage Sales Management"]),
        ("fr", Entry(Subject("CARAT"), CompanyNotInSsm((Named(7, ""),) * 12)), ["CARAT", "12"]),
        ("fr", Entry(PAUL, RejectedBySage("Erreur 80003")), ["Erreur 80003"]),
        ("fr", Entry(PAUL, OutOfScope(SleepReason.LEFT_OUT)), ["les réglages"]),
        ("en", Entry(Subject(), DeletionGuard(Side.SAGE100, 9, 3)), ["Sage 100: 9", "limit of 3"]),
        ("fr", Entry(PAUL, Flapping(), field="Z_Siret"), ["Z_Siret"]),
        ("fr", Entry(PAUL, Conflict(), field="fax", ssm_value="1"), ["(vide)", "«\u00a01\u00a0»"]),
        ("fr", Entry(PAUL, ValueMissing(Side.SSM), field="first_name"), ["prénom"]),
        ("fr", Entry(Subject(sage100_id=7), RecordLocked()), ["Contact n°\u00a07 de Sage 100"]),
        ("en", Entry(Subject(ssm_id=7), CompanyMissing()), ["Contact no. 7 of Sage Sales Management"]),
        ("en", Entry(PAUL, ValueNotRepresentable("Ł\u200b"), field="fax"), ["(Ł U+200B)"]),
    ],
)
def test_a_message_names_the_values(language, entry, parts):
    message = describe(entry, language).message
    assert [part for part in parts if part not in message] == []


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


@pytest.mark.parametrize("facts", SAID, ids=lambda facts: facts.code)
def test_french_is_typeset_as_french(facts):
    words = describe(_entry(facts), "fr")
    assert not re.search(r"(?<!\u00a0)[;!?»%]|[^\u00a0\d\w] ?:(?= )|« | »|'", words.message + words.remedy)


SENTENCES = [(subject, key) for subject in SUBJECTS[2:] for key in _file("fr", subject)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("subject", "key"), SENTENCES, ids=[key for _, key in SENTENCES])
def test_every_sentence_of_the_command_can_be_said(subject, key, language):
    names = _named(_wordings(_file(language, subject)[key])[0])
    assert say(key, language, **dict.fromkeys(names - {"reason"}, "@")).count("@") >= len(names - {"reason"})


def test_a_sentence_shows_what_it_is_given():
    told = say("side_unreachable", "fr", side="ssm", text="délai dépassé")
    assert told.startswith("Sage Sales Management n\N{RIGHT SINGLE QUOTATION MARK}a pas pu être joint.")
    assert told.endswith("(Détail technique\u00a0: délai dépassé)")
    assert "sage100-ssm resync" in say("state_damaged", "en", place="sync-state.db", reason="newer")


def test_an_unknown_sentence_is_a_fault_of_the_program():
    with pytest.raises(KeyError):
        say("no_such_sentence", "fr")
