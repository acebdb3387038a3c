"""R10: each error makes a message that a user can find, read and act upon, in French and in English."""

import re
from functools import cache
from string import Formatter

import pytest
import yaml

from sage100_ssm import messages
from sage100_ssm.messages import code_label, describe, say
from sage100_ssm.sync.model import Code, Entry, Side, Subject

LANGUAGES = ("fr", "en")
DETAILS = {
    "side": Side.SSM,
    "limit": 21,
    "length": 40,
    "text": "Error 900",
    "number": 5,
    "ext_id": "sage100:BIJOU:101",
    "other": "Anne Petit",
    "account": "Bagues SA",
    "reason": "no_client",
    "switch": "--allow-deletions",
    "winner": "ssm",
    "origin": "sage100",
}
PAUL = Subject("BAGUES", 101, 9001, "Paul Durand")
FULL = {"subject": PAUL, "field": "phone", "sage100_value": "0102", "ssm_value": "0304", "details": DETAILS}
ALWAYS_KNOWN = {"contact"}
ABOUT_A_SIDE = {
    Code.DELETION_GUARD,
    Code.MASS_CHANGE_GUARD,
    Code.EMPTY_SIDE_GUARD,
    Code.RESTORED_SIDE_GUARD,
    Code.GUARD_LIFTED,
    Code.INCOMPLETE_READ,
    Code.SIDE_UNREACHABLE,
}
ABOUT_A_COMPANY = {Code.COMPANY_NOT_IN_SSM, Code.AMBIGUOUS_COMPANY}


@cache
def _file(language):
    return yaml.safe_load(messages.files(messages.__name__).joinpath(f"{language}.yaml").read_text("utf-8"))


def _wordings(texts):
    return [texts] if isinstance(texts, str) else texts


def _names(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _tree(node):
    """The shape of a file: its keys, and what each of its wordings names."""
    if isinstance(node, dict):
        return {key: _tree(value) for key, value in node.items()}
    return [_names(text) for text in _wordings(node)]


def test_both_languages_have_the_same_keys_and_name_the_same_things():
    assert _tree(_file("fr")) == _tree(_file("en"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_message_that_names_whom_it_is_about_and_a_remedy(code, language):
    words = describe(Entry(code, **FULL), language)
    whom = "Sage Sales Management" if code in ABOUT_A_SIDE else "BAGUES" if code in ABOUT_A_COMPANY else "Paul Durand"
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
@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("part", ["message", "remedy"])
def test_every_code_can_be_said_when_nothing_else_is_known(code, language, part):
    assert _names(_wordings(_file(language)["codes"][code][part])[-1]) <= ALWAYS_KNOWN
    assert "…" not in getattr(describe(Entry(code, Subject()), language), part)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_kept_for_codes_that_do_not_exist(language):
    assert {key.partition(".")[0] for key in _file(language)["codes"]} == set(Code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_name_only_what_the_rules_tell(language):
    told = {*DETAILS, "contact", "company", "field", "sage100_value", "ssm_value"}
    for code, wording in _file(language)["codes"].items():
        for text in (text for texts in wording.values() for text in _wordings(texts)):
            assert _names(text) <= told, code


@pytest.mark.parametrize(
    ("language", "entry", "parts"),
    [
        ("fr", Entry(Code.VALUE_TOO_LONG, **FULL), ["téléphone", "«\u00a00304\u00a0»", "40", "21"]),
        ("en", Entry(Code.VALUE_TOO_LONG, **FULL), ["phone", "“0304”", "40", "21"]),
        ("fr", Entry(Code.CONFLICT_SETTLED, **FULL), ["0102", "0304", "celle de Sage Sales Management"]),
        ("fr", Entry(Code.COMPANY_NOT_IN_SSM, Subject("CARAT"), details={"number": 12}), ["CARAT", "12"]),
        ("fr", Entry(Code.REJECTED_BY_SAGE, PAUL, details={"text": "Erreur 80003"}), ["Erreur 80003"]),
        ("fr", Entry(Code.OUT_OF_SCOPE, PAUL, details={"reason": "left_out"}), ["les réglages"]),
        ("en", Entry(Code.DELETION_GUARD, Subject(), details={"side": "sage100", "number": 9}), ["Sage 100: 9"]),
        ("fr", Entry(Code.FLAPPING, PAUL, field="Z_Siret"), ["Z_Siret"]),
        ("fr", Entry(Code.CONFLICT, PAUL, field="fax", ssm_value="1"), ["(vide)", "«\u00a01\u00a0»"]),
        ("fr", Entry(Code.VALUE_MISSING, PAUL, field="first_name", details={"side": "ssm"}), ["prénom"]),
        ("fr", Entry(Code.RECORD_LOCKED, Subject(sage100_id=7)), ["Contact n°\u00a07 de Sage 100"]),
        ("en", Entry(Code.COMPANY_MISSING, Subject(ssm_id=7)), ["Contact no. 7 of Sage Sales Management"]),
    ],
)
def test_a_message_names_the_values(language, entry, parts):
    message = describe(entry, language).message
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize(
    ("code", "switch"),
    [
        (Code.DELETION_GUARD, "run --allow-deletions"),
        (Code.MASS_CHANGE_GUARD, "run --allow-mass-change"),
        (Code.EMPTY_SIDE_GUARD, "run --allow-mass-change"),
        (Code.RESTORED_SIDE_GUARD, "run --allow-mass-change"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_remedy_of_a_guard_names_the_switch_that_lifts_it(language, code, switch):
    assert switch in describe(Entry(code, Subject()), language).remedy


def test_a_refused_deletion_tells_r8_and_p3_apart():
    r8, p3 = (describe(Entry(Code.DELETION_REFUSED, PAUL, rule=rule), "fr").message for rule in ("R8", "P3"))
    assert "ne peut être supprimé que là" in r8
    assert "La modification l\N{RIGHT SINGLE QUOTATION MARK}emporte" in p3


@pytest.mark.parametrize("hostile", ["{contact}", "{0.__class__}", "}{", "%s", "{"])
def test_braces_in_what_a_side_sent_mean_nothing(hostile):
    entry = Entry(Code.CONFLICT, Subject(hostile, 1, 2, hostile), field=hostile, sage100_value=hostile)
    assert describe(entry, "fr").message.count(hostile) == 4


def test_what_a_side_sent_stays_on_one_line_without_control_characters():
    entry = Entry(Code.REJECTED_BY_SSM, PAUL, details={"text": "a\r\nb\x1b[31mc\u202e"})
    assert "a  b [31mc " in describe(entry, "en").message


def test_an_unknown_reason_is_left_out():
    known, unknown = (Entry(Code.OUT_OF_SCOPE, PAUL, details=details) for details in ({}, {"reason": "moon_phase"}))
    assert describe(unknown, "fr") == describe(known, "fr")


def test_french_is_typeset_as_french():
    for code in Code:
        words = describe(Entry(code, **FULL), "fr")
        assert not re.search(r"(?<!\u00a0)[;!?»%]|[^\u00a0\d\w] ?:(?= )|« | »|'", words.message + words.remedy), code


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", _file("fr")["sentences"])
def test_every_sentence_of_the_command_can_be_said(key, language):
    names = _names(_wordings(_file(language)["sentences"][key])[0])
    assert say(key, language, **dict.fromkeys(names - {"reason"}, "@")).count("@") >= len(names - {"reason"})


def test_a_sentence_shows_what_it_is_given():
    told = say("side_unreachable", "fr", side="ssm", text="délai dépassé")
    assert told.startswith("Sage Sales Management n\N{RIGHT SINGLE QUOTATION MARK}a pas pu être joint.")
    assert told.endswith("(Détail technique\u00a0: délai dépassé)")
    assert "sage100-ssm resync" in say("state_damaged", "en", place="sync-state.db", reason="newer")


def test_an_unknown_sentence_is_a_fault_of_the_program():
    with pytest.raises(KeyError):
        say("no_such_sentence", "fr")
