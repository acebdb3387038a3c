"""One field of a linked contact: base, values, direction, setting, and whether it can be held (P1, P4, P7, P8)."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.contacts.fields import STANDARD, Direction, Field
from sage100_ssm.sync.journal import ChangePutBack, Code, ConflictSettled, ValueNotRepresentable
from sage100_ssm.sync.model import Side, ValuePair
from sage100_ssm.sync.policy import ConflictPolicy, Policy, TooLong
from sage100_ssm.sync.rules.decisions import ValueDecision
from sage100_ssm.sync.rules.merge import FieldMerge
from sage100_ssm.sync.rules.pair import ShownPair
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
BY_NAME = {
    **{f.name: f for f in STANDARD},
    "remark": Field("remark", "Remarque", "Z_remark"),
    "title": Field("title", "CT_Fonction", "Z_title"),
}
NONE = "no base"
LONG = "x" * 36
CUT = "x" * 35
AGREED, NOTHING, HELD = "agreed", "nothing", "held"
SETTLED = Code.CONFLICT_SETTLED
PUT_BACK = Code.CHANGE_PUT_BACK


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
    decided=None,
):
    """Merge one field of Ada, whose base (both sides' or each one's) and values are given."""
    field = replace(BY_NAME[name], direction=Direction(direction))
    known = worlds.mapper(
        tuple(field if f.name == name else f for f in BY_NAME.values()),
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
    pair = ShownPair(link, row, contact, frozenset(disputed), decided={name: decided} if decided else {})
    (result,) = FieldMerge((field,), pair, known, Policy(ConflictPolicy(conflict))).decide()
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
    ("here", "there", "winner", "expected"),
    [
        pytest.param("b", "c", SAGE, ("ssm", "b", SETTLED), id="Sage's value stands"),
        pytest.param("b", "c", SSM, ("sage100", "c", SETTLED), id="SSM's value stands"),
        pytest.param("b", "d", SSM, Code.CONFLICT, id="SSM shows something else since: the person is asked again"),
        pytest.param("d", "c", SSM, Code.CONFLICT, id="and so does Sage"),
    ],
)
def test_p16_a_persons_answer_to_a_conflict_stands_while_both_sides_show_what_was_seen(here, there, winner, expected):
    seen = ValueDecision(winner, ValuePair("b", "c"))
    result = merged("skype", "a", here, there, conflict="manual", disputed=["skype"], decided=seen)
    assert outcome(result) == expected


def test_p16_an_answer_to_a_conflict_changes_nothing_where_the_setting_decides():
    answer = ValueDecision(SSM, ValuePair("b", "c"))
    assert outcome(merged("skype", "a", "b", "c", conflict="sage100", decided=answer)) == ("ssm", "b", SETTLED)


@pytest.mark.parametrize(
    ("direction", "base", "here", "there", "expected"),
    [
        ("to_ssm", "a", "b", "a", ("ssm", "b")),
        ("to_ssm", "a", "a", "b", ("ssm", "a", PUT_BACK)),
        ("to_ssm", "a", "b", "c", ("ssm", "b", PUT_BACK)),
        ("to_ssm", "a", "a", None, ("ssm", "a", PUT_BACK)),
        ("to_ssm", "a", "", "a", ("ssm", None)),
        ("to_ssm", "a", "a", "a", AGREED),
        ("to_ssm", NONE, "b", "c", ("ssm", "b", PUT_BACK)),
        ("to_ssm", NONE, "B", "b", AGREED),
        ("to_ssm", NONE, "", "c", NOTHING),
        ("to_ssm", NONE, "b", None, ("ssm", "b")),
        ("to_sage100", "a", "a", "b", ("sage100", "b")),
        ("to_sage100", "a", "b", "a", ("sage100", "a", PUT_BACK)),
        ("to_sage100", "a", "a", LONG, Code.VALUE_TOO_LONG),
        ("to_sage100", NONE, "b", None, NOTHING),
        ("to_sage100", NONE, "b", "c", ("sage100", "c", PUT_BACK)),
    ],
)
def test_p1_in_a_one_way_field_the_receiving_sides_own_change_is_put_back_and_noted(
    direction, base, here, there, expected
):
    assert outcome(merged("skype", base, here, there, direction=direction, conflict="manual")) == expected


def test_p1_the_notice_of_a_change_that_was_put_back_has_both_values():
    notice = merged("skype", "a", "a", "b", direction="to_ssm").notice
    assert notice.facts == ChangePutBack(Side.SAGE100)
    assert (notice.rule, notice.field, notice.sage100_value, notice.ssm_value) == ("P1", "skype", "a", "b")


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
    assert outcome(merged("title", base, here, there, truncate=True)) == expected


@pytest.mark.parametrize("name", ["last_name", "first_name", "email", "linkedin", "skype"])
def test_p7_names_addresses_and_ids_are_never_shortened(name):
    assert outcome(merged(name, "a", "a", "x" * 70, truncate=True)) == Code.VALUE_TOO_LONG


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ("+33 (0) 1.23.45.67.89 ", ("sage100", "+33 (0) 1.23.45.67.89")),
        ("+33 (0) 1 . 23 . 45 . 67 . 89", ("sage100", "+33123456789")),
        ("(01 23 45 67 89) (poste 12)", ("sage100", "0123456789poste12")),
        ("01 23 45 67 89 / 06 12 34 56 78", ("sage100", "0123456789/0612345678")),
        ("01 23 45 67 89 / 06 12 34 56 78 / 07", Code.VALUE_TOO_LONG),
        ("0123456789 (demander Mme Briand)", Code.VALUE_TOO_LONG),
    ],
)
@pytest.mark.parametrize("truncate", [False, True])
def test_p7_a_number_too_long_by_its_spaces_dots_and_brackets_is_written_without_them(there, expected, truncate):
    assert outcome(merged("phone", "1", "1", there, truncate=truncate)) == expected


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
        # created in Sage from a card without gender: 0 is no civility that anybody chose
        ((0, None), 0, None, "sage100", NOTHING),
        ((0, None), 0, 0, "sage100", AGREED),
        ((0, None), 1, None, "sage100", ("ssm", 1)),
        ((0, None), 0, 1, "sage100", ("sage100", 1)),
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
    assert outcome(merged("civility", (0, 0), 1, 0, direction="to_sage100")) == ("sage100", 0, PUT_BACK)


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
        ("last_name", "Le Goff", "Le\u202fGoff", "Le\tGoff"),
        ("last_name", "Le Goff", "\u200eLe Goff\ufeff", "Le\u2028Goff\x07"),
        ("first_name", "Jean-Pierre", "Jean\u2011Pierre", "Jean\u00ad\u2013Pierre"),
        ("last_name", "d'Aumont", "d\u2019Aumont", "d\u00b4Aumont"),
        ("first_name", "", ".", "-"),
        ("first_name", "", "\u200b\u3164", None),
        ("phone", "0590 12 34 56", "0590 12 34 56", "+590 590 12 34 56"),
        ("mobile", "", "- - -", "?"),
        ("email", "", "@", None),
        ("email", "zoe\u0301@x.example", "zo\u00e9\u200b@X.example", "ZOE\u0301@x.example"),
        ("skype", "", "", "--"),
        ("job_title", ("", None), "?", None),
        ("remark", "one\ntwo", "one \r\n two", "one\rtwo"),
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
    (result,) = FieldMerge((field,), ShownPair(link, row, contact), known, Policy(ConflictPolicy.SAGE100)).decide()
    assert outcome(result) == ("sage100", "c", SETTLED)


def test_p1_the_notice_of_a_settled_conflict_tells_both_values():
    notice = merged("skype", "a", "b", "c").notice
    assert (notice.rule, notice.field, notice.sage100_value, notice.ssm_value) == ("P1", "skype", "b", "c")
    assert (notice.subject.sage100_id, notice.subject.ssm_id) == (1, 501)


# --- P4: without a base


@pytest.mark.parametrize(
    ("name", "here", "there"),
    [
        ("last_name", "HERISVAUX", "Hérisvaux"),
        ("first_name", "ELOISE", "Éloïse"),
        ("last_name", "LECOEUR", "Lecœur"),
        ("last_name", "LEGARREC", "Le Garrec"),
        ("last_name", "M. BRIAND", "Briand"),
        ("last_name", "L&#39;Hermine", "L’Hermine"),
        ("first_name", "J.P.", "J P"),
        ("title", "RESPONSABLE ACHATS", "Responsable-achats"),
        ("remark", "A RAPPELER", "À rappeler"),
        ("skype", "Live:Ada", "live:ada"),
    ],
)
@pytest.mark.parametrize("conflict", ConflictPolicy)
def test_p4_without_a_base_another_spelling_is_no_conflict(name, here, there, conflict):
    assert outcome(merged(name, NONE, here, there, conflict=conflict)) == AGREED


@pytest.mark.parametrize(
    ("name", "here", "there"),
    [
        ("last_name", "HERISVAUX", "Hérisvaut"),
        ("remark", "A+", "A"),
        ("remark", "10-12", "1012"),
        ("remark", "+++", "++"),
        ("skype", "live:a.da", "live:ada"),
        ("linkedin", "in/ada-b", "in/adab"),
    ],
)
def test_p4_without_a_base_other_letters_or_signs_that_count_are_a_conflict(name, here, there):
    assert outcome(merged(name, NONE, here, there)) == ("ssm", here, SETTLED)


def test_with_a_base_a_change_of_case_or_accents_is_an_edit():
    assert outcome(merged("last_name", "HERISVAUX", "HERISVAUX", "Hérisvaux")) == ("sage100", "Hérisvaux")
    assert outcome(merged("last_name", ("HERISVAUX", "Hérisvaux"), "HERISVAUX", "Hérisvaux")) == NOTHING
    assert outcome(merged("last_name", ("HERISVAUX", "Hérisvaux"), "HERISVAUT", "Hérisvaux")) == ("ssm", "HERISVAUT")


# --- P8: what is written


@pytest.mark.parametrize(
    ("name", "there", "written"),
    [
        ("last_name", "Le\u202fGarrec", "Le Garrec"),
        ("first_name", "Jean\u2011Pierre", "Jean-Pierre"),
        ("first_name", "Jean\u2010Pierre", "Jean-Pierre"),
        ("last_name", "\u202aBriand\u202c", "Briand"),
        ("last_name", "Bri\u00adand\x07", "Briand"),
        ("last_name", "Briand\nMartin", "Briand Martin"),
        ("last_name", "d’Aumont – œ “€”", "d’Aumont – œ “€”"),
        ("last_name", "d\u02bcAumont", "d'Aumont"),
        ("last_name", "Gri\ufb03n", "Griffin"),
        ("last_name", "\uff21dele", "Adele"),
        ("email", "zoe\u0301@x.example\u200b", "zo\u00e9@x.example"),
        ("email", "Jean\u2011Paul@X.example", "Jean-Paul@X.example"),
        ("mobile", "\u202a06\u202f12\u00a034.56 78\u202c", "06 12 34.56 78"),
        ("remark", "one\r\n\ttwo\u200b", "one\ntwo"),
        ("remark", "+++", "+++"),
    ],
)
def test_p8_what_is_written_to_sage_has_plain_spaces_and_no_invisible_sign(name, there, written):
    assert outcome(merged(name, "Ada", "Ada", there)) == ("sage100", written)


@pytest.mark.parametrize("sign", ["Ω", "Ł", "😀", "\ue000"])
def test_p7_a_sign_without_an_equivalent_is_named(sign):
    result = merged("skype", "Ada", "Ada", f"A{sign}")
    assert result.problem.facts == ValueNotRepresentable(sign)


@pytest.mark.parametrize(("here", "there", "to"), [(".", "Ada", "ssm"), ("Ada", ".", "sage100")])
def test_p8_a_placeholder_typed_over_a_value_clears_it(here, there, to):
    base = "Ada"
    assert outcome(merged("skype", base, here, there)) == (to, None)
