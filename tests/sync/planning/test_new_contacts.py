"""What a run does about a contact without a link where P4 finds nobody: create it, wait, or finish a lost creation."""

from dataclasses import replace

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.companies import ContactScope, Scope
from sage100_ssm.sync.contacts.fields import STANDARD, Direction, FieldChange, field_map
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import Intent, LinkStatus, Side, ValuePair
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.policy import Policy, TooLong
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
OURS = "sage100:TEST:1"
LAST_INT = 2**31 - 1


# --- R3: what is created, and what it takes over


@pytest.mark.parametrize(
    "scope", [Scope(exclude=("BETA",)), Scope(prospects=False)], ids=["a company by its code", "prospects"]
)
def test_a_new_contact_of_a_company_that_the_settings_leave_out_stays_where_it_is(scope):
    known = worlds.mapper(known=worlds.companies(scope=scope))
    rows = [worlds.sage_row(CT_Num="BETA", CT_Nom="Martin")], [worlds.ssm_row(accountId=12)]
    made = decide(worlds.world(*rows, [], using=known))
    assert (made.writes, made.problems) == ((), ())


@pytest.mark.parametrize("direction", [Direction.TO_SSM, Direction.TO_SAGE100])
def test_r3_a_new_contact_takes_its_names_along_whichever_way_their_changes_go(direction):
    change = FieldChange(direction=direction)
    using = worlds.mapper(field_map({"last_name": change, "first_name": change}))
    rows = [worlds.sage_row(CT_Nom="Martin", CT_Prenom="Luc")], [worlds.ssm_row(accountId=12)]
    made = decide(worlds.world(*rows, using=using))
    (in_sage100,), (in_ssm,) = made.of(SAGE, Action.CREATE), made.of(SSM, Action.CREATE)
    assert (in_sage100.values["CT_Nom"], in_sage100.values["CT_Prenom"]) == ("Aubrelin", "Ada")
    assert (in_ssm.values["lastName"], in_ssm.values["firstName"]) == ("Martin", "Luc")
    assert {"last_name", "first_name"} <= {*in_sage100.carried} & {*in_ssm.carried}


@pytest.mark.parametrize(("ext_id_once", "ext_id"), [(False, OURS), (True, None)])
def test_r3_a_contact_is_created_without_the_mark_that_ssm_keeps_for_a_deleted_one(ext_id_once, ext_id):
    gone = worlds.ssm_row(extId=OURS, deleted=True)
    made = decide(replace(worlds.world([worlds.sage_row()], [gone]), ext_id_once=ext_id_once))
    (creation,) = made.of(SSM, Action.CREATE)
    assert creation.values["extId"] == ext_id


WITHOUT_WEB = Scope(contacts=ContactScope(({"CT_Fonction": "WEB*"},)))
WEB_LOGIN = worlds.sage_row(CT_Fonction="Web 12")


@pytest.mark.parametrize(
    ("cards", "problems"),
    [
        pytest.param([], [], id="it is not created in SSM"),
        pytest.param([worlds.ssm_row(extId=OURS)], [(Code.OUT_OF_SCOPE, 1, 501)], id="nor matched by its external id"),
        pytest.param([worlds.ssm_row()], [(Code.OUT_OF_SCOPE, None, 501)], id="nor by its name, nor created twice"),
    ],
)
def test_p13_a_contact_of_sage_that_the_settings_leave_out_stays_where_it_is(cards, problems):
    using = worlds.mapper(known=worlds.companies(scope=WITHOUT_WEB))
    made = decide(worlds.world([WEB_LOGIN], cards, [], using=using))
    assert (made.writes, made.links) == ((), ())
    assert [(p.code, p.subject.sage100_id, p.subject.ssm_id) for p in made.problems] == problems


def test_p13_a_contact_of_ssm_whose_row_would_be_left_out_is_not_created_in_sage():
    using = worlds.mapper(known=worlds.companies(scope=Scope(contacts=ContactScope(({"CT_Fonction": "gér*"},)))))
    made = decide(worlds.world([], [worlds.ssm_row(typeId=2)], [], using=using))
    assert (made.writes, made.problems) == ((), ())


@pytest.mark.parametrize(
    ("direction", "in_sage100", "in_ssm"),
    [
        pytest.param(Direction.BOTH, True, True, id="both: created on either side with it"),
        pytest.param(Direction.TO_SSM, False, True, id="to SSM: a contact created in Sage does not get it"),
        pytest.param(Direction.TO_SAGE100, True, False, id="to Sage: a contact created in SSM does not get it"),
    ],
)
def test_r1_r3_a_new_contact_takes_over_the_fields_that_go_to_the_other_side(direction, in_sage100, in_ssm):
    fields = tuple(replace(f, direction=direction) if f.name == "email" else f for f in STANDARD)
    known = worlds.mapper(fields)
    (in_sage,) = decide(worlds.world([], [worlds.ssm_row(email="a@x.example")], [], using=known)).writes
    (in_crm,) = decide(worlds.world([worlds.sage_row(CT_EMail="a@x.example")], [], [], using=known)).writes
    assert ("CT_EMail" in in_sage.values, "email" in in_crm.values) == (in_sage100, in_ssm)
    assert ("email" in in_sage.carried, "email" in in_crm.carried) == (in_sage100, in_ssm)


@pytest.mark.parametrize(
    ("too_long", "title", "told"),
    [
        pytest.param(TooLong.REFUSE, None, ["value_too_long job_title"], id="refuse: created without, and a problem"),
        pytest.param(TooLong.TRUNCATE, "x" * 35, ["value_truncated job_title"], id="truncate: shortened, and a notice"),
    ],
)
def test_p7_a_text_that_is_too_long_for_a_new_contact_in_sage(too_long, title, told):
    policy = Policy(too_long=too_long)
    known = worlds.mapper(worlds.FREE_JOB_TITLES, policy=policy)
    made = decide(worlds.world([], [worlds.ssm_row(Z_job="x" * 36)], [], using=known, policy=policy))
    problems, notices = worlds.told(made)
    assert (made.writes[0].values.get("CT_Fonction"), problems + notices) == (title, told)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"lastName": "x" * 36}, ["value_too_long last_name"]),
        ({"firstName": "x" * 36}, ["value_too_long first_name"]),
        ({"firstName": "Ελένη"}, ["value_not_representable first_name"]),
    ],
)
@pytest.mark.parametrize("too_long", TooLong)
def test_p1_p7_a_contact_is_not_created_with_one_name_where_the_other_cannot_be_held(names, told, too_long):
    policy = Policy(too_long=too_long)
    made = decide(worlds.world([], [worlds.ssm_row(**names)], [], using=worlds.mapper(policy=policy), policy=policy))
    assert (made.writes, worlds.told(made)[0]) == ((), told)


# --- the number of a new contact in Sage


@pytest.mark.parametrize(
    ("taken", "linked", "given"),
    [
        pytest.param([], [], [1, 2], id="the first contacts"),
        pytest.param([7], [], [8, 9], id="after the highest number"),
        pytest.param([7], [9], [10, 11], id="P14: the number of a row that is gone while its link lives is not free"),
        pytest.param([0], [], [1, 2], id="0 is no number"),
        pytest.param([LAST_INT - 1], [], [LAST_INT, 1], id="the last number that the column holds, then the lowest"),
        pytest.param([LAST_INT, 1, 3], [], [2, 4], id="the column is at its end: the lowest that are free"),
    ],
)
def test_a_new_contact_in_sage_gets_a_number_that_no_contact_has(taken, linked, given):
    rows = [worlds.sage_row(n, CT_No=number, CT_Nom=f"Row{n}") for n, number in enumerate(taken, 1)]
    # Rows in no company's scope match nobody; a link whose Sage row is gone remembers its number.
    rows = [row | {"CT_Num": "NOBODY"} for row in rows]
    gone = [worlds.sage_row(90 + n, CT_No=number) for n, number in enumerate(linked)]
    links = [worlds.linked(row, worlds.ssm_row(590), using=worlds.mapper()) for row in gone]
    new = [worlds.ssm_row(501, lastName="One"), worlds.ssm_row(502, lastName="Two")]
    kept = [worlds.ssm_row(590, extId="sage100:TEST:90")] if linked else []
    made = decide(worlds.world(rows, [*new, *kept], links))
    created = [w for w in made.writes if w.side is SAGE and w.action is Action.CREATE]
    assert [w.values["CT_No"] for w in created] == given


# --- R9: a creation in SSM that was not confirmed, and whose Sage row is gone

INTENT = Intent(SSM, 1, ext_id=OURS, base={"email": ValuePair("a@x.example", "a@x.example")})
CARD = worlds.ssm_row(extId=OURS, email="a@x.example")


@pytest.mark.parametrize(
    ("card", "rows", "intents", "deleted"),
    [
        pytest.param(CARD, [], [INTENT], True, id="it was done: the contact is deleted in SSM"),
        pytest.param(CARD, [worlds.sage_row()], [INTENT], False, id="its Sage row is still there"),
        pytest.param(CARD, [], [], False, id="nobody was creating it"),
        pytest.param(CARD | {"extId": "sage100:TEST:2"}, [], [INTENT], False, id="another contact of ours"),
        pytest.param(CARD | {"extId": "C-1"}, [], [INTENT], False, id="a contact of other software"),
        pytest.param(CARD | {"extId": None}, [], [INTENT], False, id="a contact without an external id"),
        pytest.param(CARD | {"deleted": True}, [], [INTENT], False, id="it was deleted there already"),
        pytest.param(CARD, [], [replace(INTENT, side=SAGE, source_id=501)], False, id="a creation in Sage"),
    ],
)
def test_r9_what_was_created_in_ssm_without_a_receipt_goes_with_its_sage_row(card, rows, intents, deleted):
    made = decide(worlds.world(rows, [card], [], intents=intents))
    assert [w.target_id for w in made.writes if w.action is Action.DELETE] == ([501] if deleted else [])


def test_r9_the_deletion_of_such_a_contact_has_its_link_and_loses_no_edit():
    made = decide(worlds.world([], [CARD | {"email": "b@x.example"}], [], intents=[INTENT]))
    (link,), (deletion,) = made.links, made.writes
    assert (link.sage100_id, link.ssm_id, link.origin, link.status) == (1, 501, SAGE, LinkStatus.ACTIVE)
    edits = [(n.field, n.sage100_value, n.ssm_value) for n in deletion.notices if n.field == "email"]
    assert edits == [("email", "a@x.example", "b@x.example")]


def test_r9_a_linked_contact_is_not_taken_for_one_that_was_created_without_a_receipt():
    link = worlds.linked(worlds.sage_row(3), CARD, id=3)
    made = decide(worlds.world([worlds.sage_row(3)], [CARD], [link], intents=[INTENT]))
    assert [w.action for w in made.writes] == [Action.UPDATE]
