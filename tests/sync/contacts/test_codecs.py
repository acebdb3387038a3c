"""How each kind of field is read, compared and carried over."""

import pytest

from sage100_ssm.sync.contacts.codecs import CODECS, CannotHold, CivilityCodec, CompanyCodec, LabelCodec, NumberCodec
from sage100_ssm.sync.contacts.fields import Field, FieldKind
from sage100_ssm.sync.journal import ValueUnknown
from sage100_ssm.sync.model import Side
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM


def codec(kind):
    return CODECS[kind](Field("any", "CT_Any", "any", kind), worlds.CONTACT_TYPES, worlds.LOCALE)


@pytest.mark.parametrize(
    ("kind", "side", "raw", "value"),
    [
        (FieldKind.TEXT, SAGE, "", None),
        (FieldKind.TEXT, SAGE, " Ada ", " Ada "),
        (FieldKind.TEXT, SSM, {"id": 3, "value": "Paris"}, "Paris"),
        (FieldKind.TEXT, SSM, 12, "12"),
        (FieldKind.PHONE, SSM, "", None),
        (FieldKind.NUMBER, SAGE, 0, 0),
        (FieldKind.NUMBER, SSM, None, None),
        (FieldKind.NUMBER, SSM, {"id": 7, "value": "seven"}, 7),
        (FieldKind.CIVILITY, SAGE, None, 0),
        (FieldKind.CIVILITY, SAGE, 2, 2),
        (FieldKind.CIVILITY, SAGE, 7, 7),
        (FieldKind.CIVILITY, SSM, {"id": 5, "value": "Other"}, 5),
        (FieldKind.CIVILITY, SSM, {"id": 1, "value": "Female"}, 1),
        (FieldKind.CIVILITY, SSM, None, None),
        (FieldKind.TEXT, SAGE, "\u200b", None),
        (FieldKind.LABEL, SAGE, "Acheteur", "Acheteur"),
        (FieldKind.LABEL, SAGE, "--", None),
        (FieldKind.LABEL, SSM, {"id": 2, "value": ""}, 2),
        (FieldKind.LABEL, SSM, None, None),
        (FieldKind.COMPANY, SAGE, "ALPHA ", "ALPHA"),
    ],
)
def test_a_raw_value_is_read_in_the_sides_own_form(kind, side, raw, value):
    assert codec(kind).read(side, raw) == value


@pytest.mark.parametrize(
    ("kind", "to", "value", "current", "carried"),
    [
        (FieldKind.TEXT, SAGE, " Le\u00a0 Goff ", None, "Le Goff"),
        (FieldKind.TEXT, SSM, "one \r\n two", None, "one\ntwo"),
        (FieldKind.EMAIL, SSM, "zoe\u0301@x.example\u200b", None, "zo\u00e9@x.example"),
        (FieldKind.LABEL, SSM, "ge\u0301rant\u200b", None, 2),
        (FieldKind.TEXT, SAGE, " ", "x", None),
        (FieldKind.PHONE, SAGE, " 01.23.45.67.89 ", None, "01.23.45.67.89"),
        (FieldKind.EMAIL, SSM, "Ada@Alpha.Example", None, "Ada@Alpha.Example"),
        (FieldKind.NUMBER, SAGE, None, 5, 0),
        (FieldKind.NUMBER, SSM, 0, 5, 0),
        (FieldKind.CIVILITY, SSM, 0, None, 0),
        (FieldKind.CIVILITY, SSM, 1, None, 1),
        (FieldKind.CIVILITY, SSM, 2, None, 1),
        (FieldKind.CIVILITY, SAGE, 1, 2, 2),
        (FieldKind.CIVILITY, SAGE, 1, 0, 1),
        (FieldKind.CIVILITY, SAGE, 0, 2, 0),
        (FieldKind.CIVILITY, SAGE, None, None, 0),
        (FieldKind.CIVILITY, SAGE, None, 2, 2),
        (FieldKind.CIVILITY, SAGE, None, 7, 7),
        (FieldKind.CIVILITY, SAGE, 1, 7, 1),
        (FieldKind.CIVILITY, SSM, 7, None, CannotHold(ValueUnknown("7", SSM))),
        (FieldKind.CIVILITY, SAGE, 5, 2, CannotHold(ValueUnknown("5", SAGE))),
        (FieldKind.LABEL, SSM, "gerant", None, 2),
        (FieldKind.LABEL, SSM, "Buyer", None, 1),
        (FieldKind.LABEL, SSM, None, 2, None),
        (FieldKind.LABEL, SAGE, 2, None, "Gérant"),
        (FieldKind.LABEL, SAGE, 3, None, "Retraité"),
        (FieldKind.LABEL, SAGE, None, "x", None),
    ],
)
def test_a_value_is_carried_in_the_other_sides_form(kind, to, value, current, carried):
    assert codec(kind).carry(to, value, current) == carried


@pytest.mark.parametrize(("to", "value"), [(SSM, "Zouave"), (SSM, "Retraité"), (SAGE, 99)])
def test_p7_a_label_that_the_other_side_does_not_have_is_held_back(to, value):
    held = codec(FieldKind.LABEL).carry(to, value, None)
    assert held == CannotHold(ValueUnknown(str(value), to))


@pytest.mark.parametrize(
    ("kind", "sage100", "ssm", "equal"),
    [
        (FieldKind.TEXT, "Le  Goff", "Le Goff", True),
        (FieldKind.TEXT, "LE GOFF", "Le Goff", False),
        (FieldKind.PHONE, "01 23 45 67 89", "+33123456789", True),
        (FieldKind.EMAIL, "ADA@x.example", "ada@x.example", True),
        (FieldKind.NUMBER, 0, None, True),
        (FieldKind.NUMBER, 1, 2, False),
        (FieldKind.CIVILITY, 1, 1, True),
        (FieldKind.CIVILITY, 2, 1, True),
        (FieldKind.CIVILITY, 0, 0, True),
        (FieldKind.CIVILITY, 0, 1, False),
        (FieldKind.CIVILITY, 7, 1, False),
        (FieldKind.CIVILITY, 7, None, False),
        (FieldKind.CIVILITY, 1, 5, False),
        (FieldKind.LABEL, "ACHETEUR", 1, True),
        (FieldKind.LABEL, "buyer", 1, True),
        (FieldKind.LABEL, "Retraité", 3, True),
        (FieldKind.LABEL, "Gérant", 1, False),
        (FieldKind.LABEL, None, None, True),
        (FieldKind.LABEL, " ", None, True),
        (FieldKind.LABEL, "Gérant", None, False),
        (FieldKind.LABEL, None, 1, False),
        (FieldKind.COMPANY, "ALPHA", "alpha", True),
        (FieldKind.COMPANY, "ALPHA", None, False),
    ],
)
def test_the_two_sides_say_the_same(kind, sage100, ssm, equal):
    assert codec(kind).is_equal(sage100, ssm) is equal


@pytest.mark.parametrize(
    ("kind", "side", "value", "shown"),
    [
        (FieldKind.CIVILITY, SAGE, 2, "Mlle"),
        (FieldKind.CIVILITY, SAGE, 7, 7),
        (FieldKind.CIVILITY, SSM, None, None),
        (FieldKind.LABEL, SSM, 1, "Acheteur"),
        (FieldKind.LABEL, SSM, 99, 99),
        (FieldKind.LABEL, SAGE, "Acheteur", "Acheteur"),
        (FieldKind.TEXT, SAGE, "Ada", "Ada"),
    ],
)
def test_a_value_is_shown_as_people_write_it(kind, side, value, shown):
    assert codec(kind).shown(side, value) == shown


def test_pairs_join_a_sage_text_and_an_ssm_label_both_ways():
    pairs = {"Acheteuse": "Acheteur", "Directrice": "Gérant"}
    labels = LabelCodec(worlds.CONTACT_TYPES, pairs, "fr")
    assert labels.carry(SSM, "ACHETEUSE", None) == 1
    assert labels.carry(SAGE, 1, None) == "Acheteuse"
    assert labels.is_equal("acheteuse", 1)


def test_of_several_texts_paired_with_one_label_the_first_is_written_to_sage():
    labels = LabelCodec(worlds.CONTACT_TYPES, {"Acheteuse": "Acheteur", "Achats": "Acheteur"}, "fr")
    assert labels.carry(SAGE, 1, None) == "Acheteuse"
    assert labels.is_equal("Achats", 1)


def test_the_sites_language_decides_which_label_is_written_to_sage():
    assert LabelCodec(worlds.CONTACT_TYPES, {}, "en").carry(SAGE, 1, None) == "Buyer"
    assert LabelCodec(worlds.CONTACT_TYPES, {}, "en").carry(SAGE, 3, None) == "Retraité"


def test_of_two_rows_with_one_label_the_older_is_written():
    twins = [{"id": 9, "descriptionFR": "Acheteur"}, {"id": 4, "descriptionFR": "acheteur"}]
    assert LabelCodec(twins, {}, "fr").carry(SSM, "Acheteur", None) == 4


@pytest.mark.parametrize("kind", [CivilityCodec(), CompanyCodec(), NumberCodec()])
def test_a_value_is_unchanged_against_itself(kind):
    assert kind.form(SAGE, None) == kind.form(SAGE, None)
