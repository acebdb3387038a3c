"""P7: what a Sage column can hold, in bytes of its code page; nothing is ever cut or turned into `?` unasked."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.contacts.codecs import CannotHold
from sage100_ssm.sync.contacts.fields import (
    STANDARD,
    Direction,
    Field,
    FieldChange,
    FieldKind,
    field_map,
    fields_missing,
    fields_present,
)
from sage100_ssm.sync.contacts.mapping import ColumnLimits
from sage100_ssm.sync.journal import ValueNotRepresentable, ValueTooLong, ValueTruncated
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.policy import ConflictPolicy, Policy, TooLong
from tests.support import worlds

BY_NAME = {f.name: f for f in STANDARD}
SKYPE = BY_NAME["skype"]
REMARK = Field("remark", "Remarque", "Z_remark")
JOB_TITLE = next(f for f in worlds.FREE_JOB_TITLES if f.name == "job_title")


def carried(text, column, field=SKYPE, *, truncate=False):
    known = worlds.mapper(
        (*STANDARD, REMARK) if field is not JOB_TITLE else worlds.FREE_JOB_TITLES,
        columns={field.sage100: column},
        policy=Policy(too_long=TooLong.TRUNCATE if truncate else TooLong.REFUSE),
    )
    return known.carry(field, Side.SAGE100, text, None)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("x" * 35, ColumnLimits(35, "cp1252")),
        ("é" * 35, ColumnLimits(35, "cp1252")),
        ("€" * 35, ColumnLimits(35, "cp1252")),
        ("é" * 17, ColumnLimits(35, "utf-8")),
        ("Łukasz", ColumnLimits(35, "utf-8")),
        ("Łukasz", ColumnLimits()),
        ("x" * 4000, ColumnLimits(None, "cp1252")),
    ],
)
def test_a_text_that_fits_is_carried_whole(text, column):
    assert carried(text, column) == text


@pytest.mark.parametrize(
    ("text", "column", "held"),
    [
        ("x" * 36, ColumnLimits(35, "cp1252"), CannotHold(ValueTooLong(35, 36))),
        ("é" * 18, ColumnLimits(35, "utf-8"), CannotHold(ValueTooLong(35, 36))),
        ("Łukasz", ColumnLimits(35, "cp1252"), CannotHold(ValueNotRepresentable("Ł"))),
        ("Ωa Ω 😀", ColumnLimits(35, "cp1252"), CannotHold(ValueNotRepresentable("Ω😀"))),
        ("Ω" * 40, ColumnLimits(35, "cp1252"), CannotHold(ValueNotRepresentable("Ω"))),
    ],
)
def test_a_text_that_does_not_fit_is_held_back(text, column, held):
    assert carried(text, column) == held


@pytest.mark.parametrize(
    ("text", "column", "cut"),
    [
        ("x" * 36, ColumnLimits(35, "cp1252"), "x" * 35),
        ("abcd efgh", ColumnLimits(5, "cp1252"), "abcd"),
        ("éééé", ColumnLimits(5, "utf-8"), "éé"),
        ("abcde", ColumnLimits(5, "cp1252"), "abcde"),
    ],
)
@pytest.mark.parametrize("field", [JOB_TITLE, REMARK], ids=lambda field: field.name)
def test_a_site_may_have_titles_and_free_texts_cut_at_a_character_without_a_blank_at_the_end(field, text, column, cut):
    assert carried(text, column, field, truncate=True) == cut


@pytest.mark.parametrize("name", ["last_name", "first_name", "phone", "mobile", "fax", "email", "linkedin", "skype"])
def test_p7_no_other_field_is_cut(name):
    held = carried("1" * 36, ColumnLimits(35, "cp1252"), BY_NAME[name], truncate=True)
    assert held == CannotHold(ValueTooLong(35, 36))


def test_what_was_cut_is_told_as_shortened_and_says_the_same_as_its_long_form():
    known = worlds.mapper(worlds.FREE_JOB_TITLES, policy=Policy(too_long=TooLong.TRUNCATE))
    assert known.truncated(JOB_TITLE, "x" * 36, "x" * 35) == ValueTruncated("x" * 35, 35)
    assert known.truncated(JOB_TITLE, " x ", "x") is None
    assert known.is_equal(JOB_TITLE, "x" * 35, "x" * 36)
    assert not known.is_equal(SKYPE, "x" * 35, "x" * 36)
    assert not worlds.mapper(worlds.FREE_JOB_TITLES).is_equal(JOB_TITLE, "x" * 35, "x" * 36)


def test_no_limit_counts_towards_ssm():
    assert worlds.mapper().carry(SKYPE, Side.SSM, "Ω" * 100, None) == "Ω" * 100


def test_a_row_of_sage_is_read_into_a_contact():
    ada = worlds.mapper().read(Side.SAGE100, worlds.sage_row(7, CT_EMail="ada@x.example"))
    assert (ada.id, ada.number, ada.company, ada.full_name) == (7, 107, "ALPHA", "Ada Aubrelin")
    assert (ada.values["email"], ada.values["phone"], ada.values["civility"]) == ("ada@x.example", None, 1)
    assert ada.row["N_Service"] == 4


@pytest.mark.parametrize("account", [11, {"id": 11, "value": ""}, {"id": 11, "value": "Alpha"}])
def test_an_ssm_contacts_company_is_its_accounts_code_however_the_reference_reads(account):
    ada = worlds.mapper().read(Side.SSM, worlds.ssm_row(accountId=account))
    assert (ada.account, ada.company) == (11, "ALPHA")


@pytest.mark.parametrize(("account", "company"), [(None, None), ({"id": 99, "value": ""}, None)])
def test_an_ssm_contact_without_a_known_account_has_no_company(account, company):
    assert worlds.mapper().read(Side.SSM, worlds.ssm_row(accountId=account)).company is company


def test_p7_the_text_that_stands_for_no_first_name_is_read_as_none():
    known = worlds.mapper(policy=Policy(missing_first_name="-"))
    assert known.read(Side.SSM, worlds.ssm_row(firstName=" - ")).values["first_name"] is None
    known = worlds.mapper(policy=Policy(missing_first_name="Inconnu"))
    assert known.read(Side.SSM, worlds.ssm_row(firstName="inconnu ")).values["first_name"] == "inconnu "
    assert known.read(Side.SSM, worlds.ssm_row(firstName="Inconnu\u200b")).values["first_name"] is None


@pytest.mark.parametrize("text", [".", "-", "--", "?", "\u200b", " \u00a0", "\u3164", "\u202a\u202c"])
def test_p8_a_placeholder_is_read_as_no_value(text):
    known = worlds.mapper((*STANDARD, REMARK))
    here = known.read(Side.SAGE100, worlds.sage_row(CT_Prenom=text, CT_Telephone=text, CT_EMail=text, CT_Fonction=text))
    there = known.read(Side.SSM, worlds.ssm_row(firstName=text, phone1=text, email=text))
    names = ("first_name", "phone", "email")
    assert [contact.values[name] for contact in (here, there) for name in names] == [None] * 6
    assert (here.values["job_title"], here.full_name, here.name_key) == (None, "Aubrelin", ("aubrelin", ""))


@pytest.mark.parametrize("text", ["+++", "-", "★★"])
def test_p8_signs_alone_are_a_value_in_a_free_text(text):
    known = worlds.mapper((*STANDARD, REMARK))
    assert known.read(Side.SSM, worlds.ssm_row(Z_remark=text)).values["remark"] == text
    assert known.read(Side.SSM, worlds.ssm_row(Z_remark="\u200b")).values["remark"] is None


def test_a_contact_never_updated_bears_the_stamp_of_its_creation():
    known = worlds.mapper()
    assert known.read(Side.SSM, worlds.ssm_row()).stamp == "2026-03-01T08:00:00.027Z"
    assert known.read(Side.SSM, worlds.ssm_row(dateUpdated="2026-03-02T08:00:00Z")).stamp == "2026-03-02T08:00:00Z"


# --- the field map


def test_an_older_database_does_without_the_optional_columns_alone():
    older = worlds.COLUMNS.keys() - {"CT_LinkedIn", "CT_Skype"}
    assert {f.name for f in STANDARD} - {f.name for f in fields_present(STANDARD, older)} == {"linkedin", "skype"}
    assert fields_missing(STANDARD, older) == ()


def test_an_indispensable_column_that_is_missing_is_named_unless_its_field_goes_nowhere():
    older = worlds.COLUMNS.keys() - {"CT_Telecopie"}
    assert [f.name for f in fields_missing(STANDARD, older)] == ["fax"]
    narrowed = field_map({"fax": FieldChange(direction=Direction.NONE)})
    assert fields_missing(narrowed, older) == ()


def test_a_field_that_goes_nowhere_is_no_part_of_the_map():
    there = fields_present(field_map({"fax": FieldChange(direction=Direction.NONE)}), worlds.COLUMNS)
    assert "fax" not in {f.name for f in there}


def test_a_site_lays_its_answers_over_a_field_and_adds_its_own():
    fields = {
        f.name: f for f in field_map({"skype": FieldChange(ssm="Z_skype"), "note": FieldChange("Note", "Z_note")})
    }
    assert (fields["skype"].sage100, fields["skype"].ssm) == ("CT_Skype", "Z_skype")
    assert (fields["note"].sage100, fields["note"].ssm, fields["note"].kind) == ("Note", "Z_note", FieldKind.TEXT)


def test_a_job_title_led_to_a_custom_field_is_a_text():
    fields = {f.name: f for f in field_map({"job_title": FieldChange(ssm="Z_fonction")})}
    assert fields["job_title"].kind is FieldKind.TEXT


@pytest.mark.parametrize(
    "change",
    [
        {"note": FieldChange(sage100="Note")},
        {"note": FieldChange(ssm="Z_note")},
        {"company": FieldChange(direction=Direction.BOTH)},
        {"company": FieldChange(ssm="Z_company")},
        {"rank": FieldChange(sage100="Rank", ssm="Z_rank", kind=FieldKind.NUMBER, values={"a": "b"})},
        {"job_title": FieldChange(ssm="Z_job", values={"Acheteuse": "Acheteur"})},
        {"last_name": FieldChange(direction=Direction.TO_SSM)},
        {"first_name": FieldChange(conflict=ConflictPolicy.SSM)},
        {
            "first_name": FieldChange(conflict=ConflictPolicy.SSM),
            "last_name": FieldChange(conflict=ConflictPolicy.NEWEST),
        },
    ],
)
def test_r6_a_map_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        field_map(change)


def test_p1_both_names_may_be_given_the_same_way_and_the_same_conflict():
    alike = FieldChange(direction=Direction.TO_SSM, conflict=ConflictPolicy.MANUAL)
    names = field_map({"last_name": alike, "first_name": alike})[:2]
    assert {(f.direction, f.conflict) for f in names} == {(Direction.TO_SSM, ConflictPolicy.MANUAL)}


def test_the_label_of_a_custom_list_is_read_as_text():
    known = worlds.mapper((*STANDARD, replace(SKYPE, name="city", ssm="Z_city")))
    assert known.read(Side.SSM, worlds.ssm_row(Z_city={"id": 4, "value": "Paris"})).values["city"] == "Paris"
