"""What must not be lost, doubled or deleted when a side sends something odd, or somebody acts at the wrong moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.sync.contacts.companies import MalformedRowError
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import Intent, LinkStatus, Side, ValuePair
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.planning.world import PartlyRead, Unreadable
from sage100_ssm.sync.policy import Policy, RefusedDeletion
from sage100_ssm.sync.run.receipts import after_write, refusals, value_refusals
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MARK = "ssm:TEST:1"
ROW, CARD = worlds.sage_row(), worlds.ssm_row(extId=MARK)
ADA = PartlyRead("aubrelin", "ada", "alpha")
BORN_IN_SSM = replace(worlds.linked(ROW, CARD), origin=SSM)


def lines(plan):
    return [(w.side, w.action, w.target_id) for w in plan.writes]


# --- A deletion is what SSM marks with `true`, and nothing else


@pytest.mark.parametrize("flag", ["false", "true", "", 0, 1, [], {}])
def test_p10_a_deleted_flag_of_another_kind_is_not_understood(flag):
    with pytest.raises(MalformedRowError):
        worlds.mapper().read(SSM, CARD | {"deleted": flag})


@pytest.mark.parametrize(("flag", "is_deleted"), [(True, True), (False, False), (None, False)])
def test_p10_only_true_is_a_deletion(flag, is_deleted):
    assert worlds.mapper().read(SSM, CARD | {"deleted": flag}).deleted is is_deleted


@pytest.mark.parametrize(
    "odd",
    [
        {"dateUpdated": "yesterday"},
        {"typeId": float("inf")},
        {"typeId": {}},
        {"gender": "x"},
        {"gender": {"value": "Male"}},
        {"accountId": []},
        {"lastName": {"id": 3}},
        {"email": ["ada@x.example"]},
        {"phone1": True},
    ],
)
def test_whatever_cannot_be_understood_is_said_of_that_row(odd):
    with pytest.raises(MalformedRowError):
        worlds.mapper().read(SSM, CARD | odd)


def test_a_stamp_without_a_zone_is_in_utc():
    assert worlds.mapper().read(SSM, CARD | {"dateUpdated": "2026-03-01T08:00:00"}).stamp == "2026-03-01T08:00:00+00:00"


@pytest.mark.parametrize("unreadable", [Unreadable(ssm_ids=frozenset({501})), Unreadable(sage100_ids=frozenset({1}))])
def test_a_row_that_cannot_be_understood_is_left_alone_with_its_link(unreadable):
    rows = [] if unreadable.sage100_ids else [ROW]
    cards = [] if unreadable.ssm_ids else [CARD]
    plan = decide(replace(worlds.world(rows, cards, [BORN_IN_SSM]), unreadable=unreadable))
    assert (plan.writes, plan.links) == ((), ())


@pytest.mark.parametrize(
    "unreadable",
    [
        Unreadable(ssm_ids=frozenset({501}), named=frozenset({1})),
        Unreadable(ssm_ids=frozenset({501}), in_ssm=(PartlyRead("aubrelin", "ada"),)),
        Unreadable(in_ssm=(PartlyRead("aubrelin"),)),
        Unreadable(in_ssm=(PartlyRead(company="alpha"),)),
        Unreadable(in_ssm=(PartlyRead(),)),
    ],
)
def test_p4_who_may_be_the_same_as_a_row_that_cannot_be_understood_is_not_created(unreadable):
    world = worlds.world([ROW], [], [])
    assert [line[1] for line in lines(decide(world))] == [Action.CREATE]
    assert decide(replace(world, unreadable=unreadable)).writes == ()


@pytest.mark.parametrize("name", [{}, {"firstName": "ADA"}], ids=["same", "another spelling"])
def test_p4_who_may_be_the_same_as_an_unreadable_row_of_sage_is_not_created(name):
    card = worlds.ssm_row(**name)
    world = worlds.world([], [card], [])
    assert [line[:2] for line in lines(decide(world))] == [(SAGE, Action.CREATE)]
    plan = decide(replace(world, unreadable=Unreadable(sage100_ids=frozenset({1}), in_sage100=(ADA,))))
    assert (plan.writes, [p.code for p in plan.problems]) == ((), [Code.VALUE_UNKNOWN])


def test_p4_an_external_id_that_names_an_unreadable_row_of_sage_is_no_orphan():
    world = worlds.world([], [worlds.ssm_row(extId=MARK, lastName="Martin")], [])
    plan = decide(replace(world, unreadable=Unreadable(sage100_ids=frozenset({1}), in_sage100=(ADA,))))
    assert (plan.writes, [p.code for p in plan.problems]) == ((), [Code.VALUE_UNKNOWN])


def test_p4_a_namesake_of_an_unreadable_row_is_matched_with_nobody():
    world = worlds.world([ROW], [worlds.ssm_row(777)], [])
    assert len(decide(world).links) == 1
    plan = decide(replace(world, unreadable=Unreadable(ssm_ids=frozenset({501}), in_ssm=(ADA,))))
    assert (plan.writes, plan.links, len(plan.problems)) == ((), (), 2)


def test_p4_what_we_created_for_an_unreadable_contact_is_left_alone_whatever_its_name():
    intent = Intent(SAGE, 501, sage100_no=101, names=("Aubrelin", "Ada"))
    world = replace(
        worlds.world([ROW | {"CT_Nom": "Martin"}], [worlds.ssm_row(777, lastName="Martin")]), intents=[intent]
    )
    plan = decide(replace(world, unreadable=Unreadable(ssm_ids=frozenset({501}), in_ssm=(ADA,))))
    assert (plan.writes, plan.links) == ((), ())


@pytest.mark.parametrize(
    ("row", "card", "intents"),
    [
        ({}, {}, []),
        ({"CT_Prenom": "Adele", "CT_EMail": "a@x.example"}, {"extId": MARK, "email": "a@x.example"}, []),
        ({"CT_Prenom": "Bea"}, {"extId": MARK}, [Intent(SSM, 1, ext_id=MARK)]),
        ({"CT_Nom": "Obrelin", "CT_EMail": "a@x.example"}, {"email": "a@x.example"}, []),
    ],
    ids=["same name", "by its mark", "created unconfirmed", "likely the same"],
)
def test_p4_who_may_be_the_same_as_a_card_that_waits_for_an_unreadable_row_waits_with_it(row, card, intents):
    world = worlds.world([ROW | row], [worlds.ssm_row(777, **card)], intents=intents)
    elsewhere = PartlyRead("aubrelin", "ada", "beta")
    plan = decide(replace(world, unreadable=Unreadable(sage100_ids=frozenset({9}), in_sage100=(elsewhere,))))
    assert (plan.writes, plan.links) == ((), ())
    assert [(p.code, p.subject.sage100_id, p.subject.ssm_id) for p in plan.problems] == [
        (Code.VALUE_UNKNOWN, 1, None),
        (Code.VALUE_UNKNOWN, None, 777),
    ]


def test_p4_nor_is_a_card_created_again_whose_unconfirmed_row_waits_for_an_unreadable_card():
    intent = Intent(SAGE, 777, sage100_no=101, names=("Aubrelin", "Ada"))
    world = worlds.world([ROW | {"CT_Prenom": ""}], [worlds.ssm_row(777)], intents=[intent])
    elsewhere = PartlyRead("aubrelin", "ada", "beta")
    plan = decide(replace(world, unreadable=Unreadable(ssm_ids=frozenset({9}), in_ssm=(elsewhere,))))
    assert (plan.writes, plan.links) == ((), ())


@pytest.mark.parametrize("origin", list(Side))
@pytest.mark.parametrize(
    "unreadable", [Unreadable(named=frozenset({1})), Unreadable(in_ssm=(PartlyRead("aubrelin", "ada"),))]
)
def test_r7_r8_a_deletion_in_ssm_is_not_followed_where_an_unreadable_row_may_be_the_contact(origin, unreadable):
    link = replace(BORN_IN_SSM, origin=origin)
    world = worlds.world([ROW], [CARD | {"deleted": True}], [link])
    assert decide(world).writes != ()
    assert decide(replace(world, unreadable=unreadable)).writes == ()


@pytest.mark.parametrize(
    "unreadable", [{"sage100_numbers": frozenset({101})}, {"in_sage100": (PartlyRead("aubrelin"),)}]
)
def test_r9_a_deletion_in_sage_is_not_followed_where_an_unreadable_row_may_be_the_contact(unreadable):
    world = worlds.world([worlds.sage_row(9, CT_Nom="Martin")], [CARD], [BORN_IN_SSM])
    assert (SSM, Action.DELETE, 501) in lines(decide(world))
    plan = decide(replace(world, unreadable=Unreadable(sage100_ids=frozenset({2}), **unreadable)))
    assert (SSM, Action.DELETE, 501) not in lines(plan)


def test_p14_the_new_row_of_a_contact_whose_card_cannot_be_understood_is_not_created_again():
    again = worlds.sage_row(2, CT_No=101)
    plan = decide(replace(worlds.world([again], [], [BORN_IN_SSM]), unreadable=Unreadable(ssm_ids=frozenset({501}))))
    assert (plan.writes, plan.links) == ((), ())


def test_the_contacts_of_an_account_that_cannot_be_understood_are_left_alone():
    accounts = [{**worlds.ACCOUNTS[0], "deleted": "false"}, *worlds.ACCOUNTS[1:]]
    mapper = worlds.mapper(known=worlds.companies(accounts=accounts))
    assert mapper.companies.malformed_accounts == {worlds.ACCOUNTS[0]["id"]: "deleted 'false'"}
    with pytest.raises(MalformedRowError):
        mapper.read(SSM, CARD)


# --- P7: refused for its value, or because the row is gone


def test_p7_no_value_counts_as_refused_of_a_row_that_somebody_deleted_between_the_parts_of_a_write():
    write = decide(worlds.world([ROW | {"CT_EMail": "a@x.example"}], [CARD], [BORN_IN_SSM])).writes[0]
    refused = {"email": "Bad Request"}
    done = Receipt(0, "contacts", Action.UPDATE, Outcome.APPLIED, 501, CARD, wrote=True, refused=refused)
    assert [p.field for p in value_refusals(write, done, worlds.mapper())] == ["email"]
    deleted = replace(done, record=CARD | {"deleted": True})
    assert [*value_refusals(write, deleted, worlds.mapper())] == []


# --- P8: a read-back is believed only if it is what was written


@pytest.mark.parametrize(
    ("field", "written", "reads", "is_believed"),
    [
        ("CT_EMail", "ada@x.example", "ADA@x.example", True),
        ("CT_Telephone", "0304050607", "+33 3 04 05 06 07", True),
        ("CT_Skype", "ada.aubrelin", "ADA AUBRELIN", True),
        ("CT_Skype", "a" * 60, "a" * 50, True),
        ("CT_Skype", "ada", "eva", False),
        ("CT_Skype", "ada", "ada2", False),
        ("CT_EMail", "ada@x.example", "eva@x.example", False),
    ],
)
def test_p8_what_reads_back_becomes_the_base_if_it_is_what_was_written(field, written, reads, is_believed):
    name = {"CT_EMail": "email", "CT_Telephone": "phone1", "CT_Skype": "skype"}[field]
    row = ROW | {field: written}
    link = worlds.linked(ROW, CARD)
    (write,) = decide(worlds.world([row], [CARD], [link])).writes
    mapper = worlds.mapper()
    back = mapper.read(SSM, CARD | {name: reads, "dateUpdated": "2026-03-02T11:00:00Z"})
    after = after_write(write, link, back, mapper)
    (key,) = write.carried
    assert after.link.base[key].ssm == (reads if is_believed else written)
    assert (after.link.ssm_stamp == back.stamp) is is_believed


def test_p1_a_field_that_somebody_edited_meanwhile_keeps_the_stamp_from_counting_as_seen():
    link = worlds.linked(ROW, CARD)
    (write,) = decide(worlds.world([ROW | {"CT_EMail": "ada@x.example"}], [CARD], [link])).writes
    mapper = worlds.mapper()
    back = mapper.read(SSM, CARD | {"email": "ada@x.example", "skype": "typed", "dateUpdated": "2026-03-02T11:00:00Z"})
    assert after_write(write, link, back, mapper).link.ssm_stamp == link.ssm_stamp


# --- R7: who has the external id of a deleted contact takes the link


def copy(number, **fields):
    return worlds.ssm_row(number, extId=MARK, **fields)


def test_r7_a_copy_with_the_external_id_takes_the_link_and_nothing_is_deleted():
    plan = decide(worlds.world([ROW], [CARD | {"deleted": True}, copy(777, comment="stays")], [BORN_IN_SSM]))
    assert [w.action for w in plan.writes if w.action is not Action.UPDATE] == []
    assert [link.ssm_id for link in plan.links] == [777]


@pytest.mark.parametrize(
    "copies",
    [[copy(777), copy(778)], [copy(777, lastName="Martin", firstName="Eva", email=None)]],
    ids=["two", "another"],
)
def test_r7_in_doubt_who_the_copy_is_nothing_is_deleted(copies):
    plan = decide(worlds.world([ROW], [CARD | {"deleted": True}, *copies], [BORN_IN_SSM]))
    assert [w for w in plan.writes if w.side is SAGE] == []


@pytest.mark.parametrize("origin", list(Side))
def test_p5_where_several_have_the_external_id_nobody_is_created_with_it(origin):
    mark = f"{origin}:TEST:1"
    cards = [CARD | {"deleted": True, "extId": mark}, copy(777) | {"extId": mark}, copy(778) | {"extId": mark}]
    link = replace(BORN_IN_SSM, origin=origin)
    plan = decide(worlds.world([ROW | {"CT_EMail": "new@x.example"}], cards, [link]))
    assert [w.action for w in plan.writes if w.action is not Action.UPDATE] == []


def test_p14_a_link_that_moves_to_another_row_remembers_when_that_one_was_created():
    earlier, later = "2026-03-01T08:00:00+01:00", "2026-03-02T08:00:00+01:00"
    link = replace(BORN_IN_SSM, origin=SAGE, sage100_created=earlier)
    typed_again, leave = worlds.sage_row(2, CT_No=101, cbCreation=later), Policy(refused_deletion=RefusedDeletion.LEAVE)
    plan = decide(worlds.world([typed_again], [CARD | {"deleted": True}], [link], policy=leave))
    assert [(k.sage100_id, k.status, k.sage100_created) for k in plan.links] == [(2, LinkStatus.ASLEEP, later)]


def test_r7_what_the_row_contained_is_kept():
    plan = decide(worlds.world([ROW | {"CT_EMail": ""}], [CARD | {"deleted": True}], [BORN_IN_SSM]))
    ((notice,),) = [w.notices for w in plan.writes]
    assert (notice.code, dict(notice.facts.row)["CT_Nom"]) == (Code.DELETED_IN_SAGE, "Aubrelin")


def created_for(source, **more):
    """What is known of a creation in SSM that is not confirmed."""
    return Intent(SSM, source, ext_id=f"sage100:TEST:{source}", **more)


@pytest.mark.parametrize(("target_id", "deleted"), [(None, []), (777, [777])])
def test_r9_of_what_we_created_unconfirmed_a_copy_is_not_deleted(target_id, deleted):
    cards = [worlds.ssm_row(n, extId="sage100:TEST:1") for n in (777, 778)]
    intent = created_for(1, target_id=target_id)
    plan = decide(worlds.world([worlds.sage_row(9, CT_Nom="Martin")], cards, [], intents=[intent]))
    assert [w.target_id for w in plan.writes if w.action is Action.DELETE] == deleted


def test_r9_what_we_created_unconfirmed_stays_while_its_sage_row_cannot_be_understood():
    card = worlds.ssm_row(777, extId="sage100:TEST:1")
    world = worlds.world([worlds.sage_row(9, CT_Nom="Martin")], [card], [], intents=[created_for(1)])
    assert (SSM, Action.DELETE, 777) in lines(decide(world))
    plan = decide(replace(world, unreadable=Unreadable(sage100_ids=frozenset({1}))))
    assert (SSM, Action.DELETE, 777) not in lines(plan)


def test_p14_what_we_created_unconfirmed_for_a_namesake_is_nobody_typed_again():
    gone, namesake = BORN_IN_SSM, worlds.ssm_row(777, comment="another Ada")
    ours = worlds.sage_row(2, CT_No=77)
    intent = Intent(SAGE, 777, sage100_no=77, names=("Aubrelin", "Ada"))
    plan = decide(worlds.world([ours], [CARD, namesake], [gone], intents=[intent]))
    assert (SSM, Action.DELETE, 501) in lines(plan)
    assert [(k.sage100_id, k.ssm_id) for k in plan.links if k.sage100_id == 2] == [(2, 777)]


def test_p1_a_row_typed_again_over_an_unconfirmed_creation_holds_what_its_user_typed():
    row, card = worlds.sage_row(2, CT_No=78, CT_EMail="typed@x.example"), worlds.ssm_row(501, email="later@x.example")
    base = {"email": ValuePair("typed@x.example", "typed@x.example")}
    intent = Intent(SAGE, 501, sage100_no=77, names=("Aubrelin", "Ada"), base=base)
    plan = decide(worlds.world([row], [card], [], intents=[intent]))
    assert Code.CONFLICT_SETTLED in [n.code for w in plan.writes for n in w.notices]


def test_p14_nor_is_one_whose_number_somebody_else_had_by_then():
    gone, namesake = BORN_IN_SSM, worlds.ssm_row(777)
    ours, other = worlds.sage_row(2, CT_No=78), worlds.sage_row(3, CT_No=77, CT_Nom="Martin", CT_Prenom="Bo")
    intent = Intent(SAGE, 777, sage100_no=77, names=("Aubrelin", "Ada"))
    plan = decide(worlds.world([ours, other], [CARD, namesake], [gone], intents=[intent]))
    assert (SSM, Action.DELETE, 501) in lines(plan)
    assert [(k.sage100_id, k.ssm_id) for k in plan.links if k.sage100_id == 2] == [(2, 777)]


@pytest.mark.parametrize("mark", [None, "ssm:TEST:77"], ids=["no mark", "a mark of a row that is gone"])
def test_r3_whom_we_created_in_sage_is_not_created_again_while_its_company_is_out_of_scope(mark):
    card = worlds.ssm_row(accountId={"id": 12, "value": ""}, extId=mark)
    intent = Intent(SAGE, 501, sage100_no=101, names=("Aubrelin", "Ada"))
    plan = decide(worlds.world([ROW | {"CT_Num": "PROVIDER"}], [card], intents=[intent]))
    assert (plan.writes, [p.code for p in plan.problems]) == ((), [Code.OUT_OF_SCOPE])


def test_r3_whom_we_created_in_sage_is_known_without_a_first_name_and_beside_a_copy():
    email, intent = {"email": "a@x.example"}, Intent(SAGE, 501, sage100_no=101, names=("Aubrelin", "Ada"))
    row = ROW | {"CT_Prenom": "", "CT_EMail": "a@x.example"}
    plan = decide(worlds.world([row], [worlds.ssm_row(**email), worlds.ssm_row(502, **email)], intents=[intent]))
    assert [(k.sage100_id, k.ssm_id) for k in plan.links] == [(1, 501)]


def test_r7_who_was_deleted_and_typed_again_in_ssm_while_we_created_it_in_sage_gets_one_link():
    gone, again = CARD | {"extId": None, "deleted": True}, worlds.ssm_row(502)
    intent = Intent(SAGE, 501, sage100_no=101, names=("Aubrelin", "Ada"), base=worlds.linked(ROW, CARD).base)
    plan = decide(worlds.world([ROW | {"CT_Num": "BETA"}], [gone, again], intents=[intent]))
    assert [(k.sage100_id, k.ssm_id) for k in plan.links] == [(1, 502)]
    assert Action.CREATE not in {w.action for w in plan.writes}


# --- P3: every column counts


def test_p3_an_unmapped_column_edited_in_sage_keeps_the_contact():
    mapper = worlds.mapper()
    row = ROW | {"N_Service": 1}
    link = replace(BORN_IN_SSM, unmapped_digest=mapper.unmapped_digest(row))
    gone = CARD | {"deleted": True}
    assert [w.action for w in decide(worlds.world([row], [gone], [link])).writes] == [Action.DELETE]
    edited = decide(worlds.world([row | {"N_Service": 2}], [gone], [link]))
    assert [(w.side, w.action) for w in edited.writes] == [(SSM, Action.CREATE)]


def test_p3_what_sage_notes_of_a_row_by_itself_is_no_edit():
    mapper = worlds.mapper()
    touched = ROW | {"cbModification": "2026-03-02T12:00:00+01:00", "cbProt": 1}
    assert mapper.unmapped_digest(touched) == mapper.unmapped_digest(ROW)


def test_p3_the_unmapped_columns_are_remembered_while_both_live():
    plan = decide(worlds.world([ROW], [CARD], [BORN_IN_SSM]))
    assert [link.unmapped_digest for link in plan.links] == [worlds.mapper().unmapped_digest(ROW)]


# --- P11: a creation that was tried a moment ago


@pytest.mark.parametrize(("minutes", "repeated"), [(0, False), (9, False), (10, True), (60, True)])
@pytest.mark.parametrize("side", list(Side))
def test_p11_an_unconfirmed_creation_is_not_repeated_within_ten_minutes(minutes, repeated, side):
    intent = Intent(side, 1 if side is SSM else 501, ext_id="sage100:TEST:1", sage100_no=77, begun_at=NOW)
    rows, cards = ([ROW], []) if side is SSM else ([], [worlds.ssm_row()])
    world = replace(worlds.world(rows, cards, []), intents=[intent], now=NOW + timedelta(minutes=minutes))
    assert [w.action for w in decide(world).writes] == ([Action.CREATE] if repeated else [])


@pytest.mark.parametrize(("begun", "repeated"), [(timedelta(minutes=-1), True), (timedelta(minutes=1), False)])
def test_p11_a_creation_begun_since_the_sides_were_read_is_not_repeated_in_the_same_run(begun, repeated):
    intent = Intent(SSM, 1, ext_id="sage100:TEST:1", begun_at=NOW + begun)
    world = replace(worlds.world([ROW], [], []), intents=[intent], observed_at=NOW, now=NOW + timedelta(minutes=13))
    assert [w.action for w in decide(world).writes] == ([Action.CREATE] if repeated else [])


# --- P14: another contact under the same number


def test_p14_a_contact_under_a_number_that_was_given_again_is_created_in_the_same_run():
    other = worlds.sage_row(1, CT_No=999, CT_Nom="Martin", CT_Prenom="Eva")
    link = worlds.linked(ROW, worlds.ssm_row(extId="sage100:TEST:1"))
    plan = decide(worlds.world([other], [worlds.ssm_row(extId="sage100:TEST:1")], [link]))
    deletion, creation = sorted(plan.writes, key=lambda w: w.action is Action.CREATE)
    assert (deletion.action, deletion.target_id) == (Action.DELETE, 501)
    assert (creation.values["lastName"], creation.follows) == ("Martin", deletion.link)


def test_p14_a_link_that_ends_gives_its_number_free_at_once():
    other = worlds.sage_row(1, CT_No=999, CT_Nom="Martin", CT_Prenom="Eva")
    plan = decide(worlds.world([other], [CARD | {"deleted": True}], [worlds.linked(ROW, CARD)]))
    assert [(w.action, w.follows) for w in plan.writes] == [(Action.CREATE, None)]
    assert [link.status for link in plan.links] == [LinkStatus.ENDED]


# --- P10: SSM does not show the contact by its id either


def test_p10_an_update_of_a_contact_that_is_not_found_is_a_problem_and_no_silence():
    (write,) = decide(worlds.world([ROW | {"CT_EMail": "ada@x.example"}], [CARD], [worlds.linked(ROW, CARD)])).writes
    receipt = Receipt(0, "contacts", Action.UPDATE, Outcome.REFUSED, cause=Cause.NOT_FOUND)
    (problem,) = refusals(write, receipt, worlds.mapper())
    assert problem is not None
    assert problem.code is Code.NOT_VISIBLE_IN_SSM
