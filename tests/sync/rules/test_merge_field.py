"""One field of a linked contact: base, values, direction, setting, and whether it can be held (P1, P4, P7, P8)."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.contacts.fields import STANDARD, Direction
from sage100_ssm.sync.journal import Code, ConflictSettled
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.policy import ConflictPolicy, Policy, TooLong
from sage100_ssm.sync.rules.merge import FieldMerge
from sage100_ssm.sync.rules.pair import ShownPair
from tests.support import worlds

BY_NAME = {f.name: f for f in STANDARD}
NONE = "no base"
LONG = "x" * 36
CUT = "x" * 35
AGREED, NOTHING, HELD = "agreed", "nothing", "held"
SETTLED = Code.CONFLICT_SETTLED


def merged(
    name,
    base,
    here,
    there,
    *,
    direction="both",
    conflict="sage100",
    truncate=False,
    missing=None,
    stamps=None,
    disputed=(),
):
    """Merge one field of Ada, whose base (both sides' or each one's) and values are given."""
    field = replace(BY_NAME[name], direction=Direction(direction))
    known = worlds.mapper(
        tuple(field if f.name == name else f for f in STANDARD),
        policy=Policy(too_long=TooLong.TRUNCATE if truncate else TooLong.REFUSE, missing_first_name=missing),
    )
    was = base if isinstance(base, tuple) else (base, base)
    before = worlds.sage_row(**{field.sage100: was[0]}), worlds.ssm_row(**{field.ssm: was[1]})
    if base == NONE:
        before = worlds.sage_row(), worlds.ssm_row()
    link = worlds.linked(*before, using=known, without=(name,) if base == NONE else ())
    stamp = dict(zip(("cbModification", "dateUpdated"), stamps, strict=True)) if stamps else {}
    rows = before[0] | {field.sage100: here}, before[1] | {field.ssm: there}
    row, contact = known.read(Side.SAGE100, rows[0] | stamp), known.read(Side.SSM, rows[1] | stamp)
    pair = ShownPair(link, row, contact, frozenset(disputed))
    result = FieldMerge(field, pair, known, Policy(ConflictPolicy(conflict))).decide()
    assert result.field is field
    return result


def outcome(result):
    """What became of the field, in one line: what travels where, or why nothing does; then the notice."""
    if result.problem:
        assert (result.to, result.agreed) == (None, False)
        return result.problem.code
    if result.to is None:
        assert result.notice is None
        return AGREED if result.agreed else NOTHING
    travels = (result.to.value, result.value)
    return (*travels, result.notice.code) if result.notice else travels


@pytest.mark.parametrize(
    ("base", "here", "there", "conflict", "expected"),
    [
        ("a", "a", "a", "sage100", AGREED),
        ("a", "b", "a", "ssm", ("ssm", "b")),
        ("a", "a", "b", "sage100", ("sage100", "b")),
        ("a", "", "a", "sage100", ("ssm", None)),
        ("a", "a", None, "sage100", ("sage100", None)),
        ("a", "b", "b", "manual", AGREED),
        ("a", "", None, "manual", AGREED),
        ("a", "b", "c", "sage100", ("ssm", "b", SETTLED)),
        ("a", "b", "c", "ssm", ("sage100", "c", SETTLED)),
        ("a", "b", "c", "manual", Code.CONFLICT),
        ("a", "", "c", "ssm", ("sage100", "c", SETTLED)),
        ("a", "b", None, "ssm", ("sage100", None, SETTLED)),
        ("a", "b", None, "sage100", ("ssm", "b", SETTLED)),
        # SSM still shows its base: what differs is known to differ
        (("a", "A!"), "a", "A!", "sage100", NOTHING),
        (("a", "A!"), "b", "A!", "sage100", ("ssm", "b")),
        (NONE, "b", None, "manual", ("ssm", "b")),
        (NONE, "", "c", "manual", ("sage100", "c")),
        (NONE, "b", "c", "sage100", ("ssm", "b", SETTLED)),
        (NONE, "b", "c", "ssm", ("sage100", "c", SETTLED)),
        (NONE, "b", "c", "manual", Code.CONFLICT),
        (NONE, "b", "b", "manual", AGREED),
        (NONE, "", None, "manual", AGREED),
    ],
)
def test_p1_p4_a_text_that_travels_both_ways(base, here, there, conflict, expected):
    assert outcome(merged("skype", base, here, there, conflict=conflict)) == expected


@pytest.mark.parametrize(
    ("here", "there", "conflict", "disputed", "expected"),
    [
        pytest.param("b", "c", "manual", [], Code.CONFLICT, id="a person is to choose"),
        pytest.param("b", "c", "manual", ["skype"], Code.CONFLICT, id="nobody has chosen yet"),
        pytest.param("a", "c", "manual", ["skype"], Code.CONFLICT, id="Sage put back to its old value settles nothing"),
        pytest.param("b", "a", "manual", ["skype"], Code.CONFLICT, id="nor does SSM put back"),
        pytest.param("c", "c", "manual", ["skype"], AGREED, id="both sides hold the same: it is settled"),
        pytest.param("a", "a", "manual", ["skype"], AGREED, id="both sides were put back: it is settled, too"),
        pytest.param("a", "c", "manual", ["email"], ("sage100", "c"), id="another field is in dispute"),
        pytest.param("a", "c", "sage100", ["skype"], ("sage100", "c"), id="the setting has changed since"),
    ],
)
def test_p1_a_conflict_that_a_person_is_to_settle_waits_for_equal_values(here, there, conflict, disputed, expected):
    assert outcome(merged("skype", "a", here, there, conflict=conflict, disputed=disputed)) == expected


@pytest.mark.parametrize(
    ("direction", "base", "here", "there", "expected"),
    [
        ("to_ssm", "a", "b", "a", ("ssm", "b")),
        ("to_ssm", "a", "a", "b", ("ssm", "a")),
        ("to_ssm", "a", "b", "c", ("ssm", "b")),
        ("to_ssm", "a", "", "a", ("ssm", None)),
        ("to_ssm", "a", "a", "a", AGREED),
        ("to_ssm", NONE, "b", "c", ("ssm", "b")),
        ("to_ssm", NONE, "", "c", NOTHING),
        ("to_ssm", NONE, "b", None, ("ssm", "b")),
        ("to_sage100", "a", "a", "b", ("sage100", "b")),
        ("to_sage100", "a", "b", "a", ("sage100", "a")),
        ("to_sage100", "a", "a", LONG, Code.VALUE_TOO_LONG),
        ("to_sage100", NONE, "b", None, NOTHING),
        ("to_sage100", NONE, "b", "c", ("sage100", "c")),
    ],
)
def test_in_a_one_way_field_the_receiving_sides_own_change_is_put_back(direction, base, here, there, expected):
    assert outcome(merged("skype", base, here, there, direction=direction, conflict="manual")) == expected


def test_in_a_one_way_field_a_gender_that_ssm_does_not_have_changes_nothing_in_sage():
    assert outcome(merged("civility", (1, 1), 0, None, direction="to_sage100")) == AGREED


@pytest.mark.parametrize(
    ("base", "here", "there", "conflict", "expected"),
    [
        ("a", "a", LONG, "sage100", Code.VALUE_TOO_LONG),
        ("a", "a", "Ω", "sage100", Code.VALUE_NOT_REPRESENTABLE),
        ("a", "b", LONG, "ssm", ("ssm", "b", SETTLED)),
        ("a", "b", "Ω", "ssm", ("ssm", "b", SETTLED)),
        ("a", "b", LONG, "manual", Code.CONFLICT),
        (NONE, "", LONG, "sage100", Code.VALUE_TOO_LONG),
    ],
)
def test_p1_p7_a_value_that_sage_cannot_hold_never_wins(base, here, there, conflict, expected):
    assert outcome(merged("skype", base, here, there, conflict=conflict)) == expected


@pytest.mark.parametrize(
    ("base", "here", "there", "expected"),
    [
        ("a", "a", LONG, ("sage100", CUT, Code.VALUE_TRUNCATED)),
        ("a", CUT, LONG, AGREED),
        ((CUT, LONG), CUT, LONG, AGREED),
        ((CUT, LONG), "b", LONG, ("ssm", "b")),
        ("a", "a", "Ω", Code.VALUE_NOT_REPRESENTABLE),
    ],
)
def test_p7_truncated_the_shortened_form_never_comes_back(base, here, there, expected):
    assert outcome(merged("skype", base, here, there, truncate=True)) == expected


@pytest.mark.parametrize(
    ("name", "base", "here", "there", "missing", "expected"),
    [
        ("last_name", "a", "", "a", None, Code.VALUE_MISSING),
        ("last_name", "a", "a", "", None, Code.VALUE_MISSING),
        ("first_name", "a", "", "a", None, Code.VALUE_MISSING),
        ("first_name", "a", "", "a", "-", ("ssm", "-")),
        ("first_name", ("", "-"), "", "-", "-", AGREED),
        ("first_name", ("", "-"), "", "b", "-", ("sage100", "b")),
        ("first_name", ("", "-"), "b", "-", "-", ("ssm", "b")),
        ("first_name", "a", "a", "-", "-", ("sage100", None)),
        ("first_name", "a", "a", None, None, ("sage100", None)),
    ],
)
def test_p7_a_name_that_a_side_demands(name, base, here, there, missing, expected):
    assert outcome(merged(name, base, here, there, missing=missing)) == expected


@pytest.mark.parametrize(
    ("base", "here", "there", "conflict", "expected"),
    [
        ((0, 0), 1, 0, "sage100", ("ssm", 1)),
        ((0, 0), 0, 1, "sage100", ("sage100", 1)),
        ((1, 1), 2, 1, "sage100", AGREED),
        ((2, 1), 2, 0, "sage100", ("sage100", 0)),
        ((0, 0), 2, 1, "manual", AGREED),
        ((1, 1), 1, None, "sage100", NOTHING),
        ((1, 1), 0, None, "sage100", ("ssm", 0)),
        (NONE, 0, 1, "sage100", ("sage100", 1)),
        (NONE, 0, None, "sage100", AGREED),
        (NONE, 1, None, "sage100", ("ssm", 1)),
        (NONE, 1, 0, "ssm", ("ssm", 1)),
    ],
)
def test_civility_and_gender(base, here, there, conflict, expected):
    assert outcome(merged("civility", base, here, there, conflict=conflict)) == expected


def test_an_unknown_gender_puts_no_civility_back():
    assert outcome(merged("civility", (0, 0), 1, None, direction="to_sage100")) == AGREED
    assert outcome(merged("civility", (0, 0), 1, 0, direction="to_sage100")) == ("sage100", 0)


@pytest.mark.parametrize("conflict", ["sage100", "ssm", "newest"])
def test_p1_p7_where_neither_side_can_hold_the_others_value_both_wait(conflict):
    result = merged("job_title", ("Acheteur", 1), "Zouave", 77, conflict=conflict)
    assert outcome(result) == Code.VALUE_UNKNOWN


@pytest.mark.parametrize(
    ("base", "here", "there", "expected"),
    [
        (("Acheteur", 1), "Gérant", 1, ("ssm", 2)),
        (("Acheteur", 1), "ACHETEUR", 1, AGREED),
        (("Acheteur", 1), "Zouave", 1, Code.VALUE_UNKNOWN),
        (("Acheteur", 1), "Acheteur", 2, ("sage100", "Gérant")),
        (("Acheteur", 1), "Acheteur", 77, Code.VALUE_UNKNOWN),
        (("Acheteur", 1), "Zouave", 77, Code.VALUE_UNKNOWN),
        (("Acheteur", 1), "", 1, ("ssm", None)),
    ],
)
def test_job_title_travels_by_its_label(base, here, there, expected):
    assert outcome(merged("job_title", base, here, there)) == expected


@pytest.mark.parametrize(
    ("name", "base", "here", "there"),
    [
        ("phone", "01 23 45 67 89", "01.23.45.67.89", "+33 1 23 45 67 89"),
        ("email", "ada@x.example", "ADA@X.example", "ada@x.example"),
        ("last_name", "Le Goff", "Le\u00a0 Goff", "Le Goff"),
    ],
)
def test_p8_what_is_equal_after_normalising_is_never_rewritten(name, base, here, there):
    assert outcome(merged(name, base, here, there)) == AGREED


@pytest.mark.parametrize(
    ("sage100", "ssm", "winner"),
    [
        ("2026-03-02T10:00:00+01:00", "2026-03-02T09:10:00Z", Side.SSM),
        ("2026-03-02T10:10:00+01:00", "2026-03-02T09:00:00Z", Side.SAGE100),
        # two minutes are a tie no more
        ("2026-03-02T10:00:00+01:00", "2026-03-02T09:02:00Z", Side.SSM),
        ("2026-03-02T10:00:00+01:00", "2026-03-02T09:01:59Z", Side.SAGE100),
        ("2026-03-02T10:00:00+01:00", None, Side.SAGE100),
        # not moved since the base
        ("2026-03-02T09:00:00+01:00", "2026-03-02T07:00:00Z", Side.SSM),
        # the hour that comes twice
        ("2026-10-25T02:30:00+02:00", "2026-10-25T09:00:00Z", Side.SAGE100),
    ],
)
def test_p1_newest_compares_stamps_and_gives_a_tie_to_sage(sage100, ssm, winner):
    result = merged("skype", "a", "b", "c", conflict="newest", stamps=(sage100, ssm))
    assert result.to is winner.other
    assert result.notice.facts == ConflictSettled(winner)


def test_p1_the_fields_own_setting_goes_before_the_sites():
    field = replace(BY_NAME["skype"], conflict=ConflictPolicy.SSM)
    known = worlds.mapper(tuple(field if f.name == "skype" else f for f in STANDARD))
    link = worlds.linked(using=known)
    row, contact = (
        known.read(Side.SAGE100, worlds.sage_row(CT_Skype="b")),
        known.read(Side.SSM, worlds.ssm_row(skype="c")),
    )
    result = FieldMerge(field, ShownPair(link, row, contact), known, Policy(ConflictPolicy.SAGE100)).decide()
    assert outcome(result) == ("sage100", "c", SETTLED)


def test_p1_the_notice_of_a_settled_conflict_tells_both_values():
    notice = merged("skype", "a", "b", "c").notice
    assert (notice.rule, notice.field, notice.sage100_value, notice.ssm_value) == ("P1", "skype", "b", "c")
    assert (notice.subject.sage100_id, notice.subject.ssm_id) == (1, 501)
