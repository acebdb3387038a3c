"""What a run does about a linked contact where the decision table ends: ids, accounts, broken reads, taken names."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.journal import Code, DuplicateInSage
from sage100_ssm.sync.model import ContactRef, LinkStatus, Side
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.policy import Policy, RefusedDeletion
from sage100_ssm.sync.rules.decisions import Decisions, Pair
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
ACTIVE, ASLEEP, ENDED = LinkStatus.ACTIVE, LinkStatus.ASLEEP, LinkStatus.ENDED
OURS = "sage100:TEST:1"
HERE, THERE = worlds.sage_row(), worlds.ssm_row(extId=OURS)
DELETED = THERE | {"deleted": True}
ALPHA, BETA = worlds.ACCOUNTS
LEAVE = Policy(refused_deletion=RefusedDeletion.LEAVE)


def written(plan):
    return [f"{w.side} {w.action}" for w in plan.writes]


# --- P14: whose row it is


def test_p14_of_two_contacts_whose_rows_exchanged_their_numbers_each_link_follows_its_own():
    before = [worlds.sage_row(1), worlds.sage_row(2, CT_Nom="Martin")]
    cards = [THERE, worlds.ssm_row(502, lastName="Martin", extId="sage100:TEST:2")]
    links = [worlds.linked(*pair) for pair in zip(before, cards, strict=True)]
    rows = [before[0] | {"cbMarq": 2}, before[1] | {"cbMarq": 1}]
    made = decide(worlds.world(rows, cards, links))
    assert {link.id: link.sage100_id for link in made.links} == {1: 2, 2: 1}
    assert [(w.target_id, dict(w.values)) for w in made.writes] == [
        (501, {"extId": "sage100:TEST:2"}),
        (502, {"extId": "sage100:TEST:1"}),
    ]


@pytest.mark.parametrize(
    ("card", "creations"),
    [
        pytest.param({"lastName": "Martin"}, [], id="SSM has the new contact: it is linked in the next run"),
        pytest.param({"lastName": "Bobin"}, [1], id="SSM does not have it: it is created after the deletion"),
    ],
)
@pytest.mark.parametrize("ext_id_once", [False, True])
def test_p14_r9_a_number_that_sage_gave_to_another_contact_is_free_once_the_deletion_is_done(
    card, creations, ext_id_once
):
    # The state allows a `cbMarq` one live link at a time, and the old one ends with the deletion.
    again = worlds.sage_row(1, CT_No=150, CT_Nom="Martin")
    link = worlds.linked(HERE, THERE)
    world = worlds.world([again], [THERE, worlds.ssm_row(502, **card)], [link])
    made = decide(replace(world, ext_id_once=ext_id_once))
    (deletion,) = made.of(SSM, Action.DELETE)
    created = made.of(SSM, Action.CREATE)
    assert (deletion.target_id, [w.sage100.id for w in created], made.links) == (501, creations, ())
    assert all(w.follows == link for w in created)
    assert all(w.values["extId"] == (None if ext_id_once else OURS) for w in created)


def test_p14_p9_a_row_that_replaced_a_linked_one_is_counted_and_the_old_contact_is_deleted_in_ssm():
    link = worlds.linked(HERE, THERE, sage100_created="2024-03-05T10:11:12+01:00")
    other = HERE | {"CT_Nom": "Martin", "cbCreation": "2026-03-05T10:11:12+01:00"}
    made = decide(worlds.world([other], [THERE], [link]))
    assert (made.outdated, written(made)) == (1, ["ssm delete", "ssm create"])


# --- P9: what counts as older

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seen", "edited", "outdated"),
    [
        pytest.param("2026-03-02T09:00:00+01:00", {"CT_EMail": "old@x.example"}, 1, id="it differs and is older"),
        pytest.param("2026-03-02T09:00:00+01:00", {}, 0, id="it is older and does not differ"),
        pytest.param("2026-03-05T09:00:00+01:00", {"CT_EMail": "old@x.example"}, 0, id="it was seen in the future"),
    ],
)
def test_p9_a_row_counts_as_outdated_if_it_differs_and_is_older_than_what_was_seen(seen, edited, outdated):
    row = HERE | {"cbModification": "2026-03-01T09:00:00+01:00", **edited}
    world = replace(worlds.world([row], [THERE], [worlds.linked(HERE, THERE, sage100_stamp=seen)]), now=NOON)
    assert decide(world).outdated == outdated


# --- P10: what rests on a read that broke off


@pytest.mark.parametrize(
    ("here", "there", "origin", "policy", "incomplete", "writes", "status"),
    [
        pytest.param(HERE, DELETED, SSM, None, SSM, [], ACTIVE, id="R7: SSM was not read to its end"),
        pytest.param(HERE, DELETED, SSM, None, SAGE, ["sage100 delete"], ACTIVE, id="R7: Sage was not"),
        pytest.param(HERE, DELETED, SAGE, None, SSM, [], ACTIVE, id="R8: SSM was not read to its end"),
        pytest.param(HERE, DELETED, SAGE, None, SAGE, [], ACTIVE, id="R8: Sage was not: the namesake may be missing"),
        pytest.param(HERE, DELETED, SAGE, LEAVE, SSM, [], ACTIVE, id="P5 leave: SSM was not read to its end"),
        pytest.param(HERE, DELETED, SAGE, LEAVE, SAGE, [], ASLEEP, id="P5 leave: Sage was not"),
        pytest.param(None, THERE, SAGE, None, SSM, ["ssm delete"], ACTIVE, id="R9: SSM was not read to its end"),
        pytest.param(None, THERE, SAGE, None, SAGE, [], ACTIVE, id="R9: Sage was not: the row may be there"),
        pytest.param(None, DELETED, SAGE, None, SSM, [], ENDED, id="R9: gone on both sides, SSM was not"),
    ],
)
def test_p10_a_deletion_rests_on_complete_reads(here, there, origin, policy, incomplete, writes, status):
    link = worlds.linked(HERE, THERE, origin=origin)
    rows = [here] if here else [], [there]
    made = decide(worlds.world(*rows, [link], policy=policy, incomplete=frozenset({incomplete})))
    assert written(made) == writes
    assert worlds.links_of(made).get(link.id, link).status is status


@pytest.mark.parametrize(("origin", "incomplete"), [(SAGE, SSM), (SSM, SAGE)], ids=["R9", "R7"])
def test_p10_p14_a_deletion_waits_where_somebody_could_be_that_contact_typed_again(origin, incomplete):
    link = worlds.linked(HERE, THERE, origin=origin)
    in_sage100 = [worlds.sage_row(2, CT_No=78)], [THERE]
    in_ssm = [HERE], [DELETED, worlds.ssm_row(777)]
    rows = in_sage100 if incomplete is SSM else in_ssm
    made = decide(worlds.world(*rows, [link], incomplete=frozenset({incomplete})))
    assert (written(made), worlds.links_of(made)) == ([], {})


@pytest.mark.parametrize(("incomplete", "status"), [(frozenset({SAGE}), ACTIVE), (frozenset(), ASLEEP)])
def test_p10_p13_a_read_of_sage_that_broke_off_before_the_company_puts_nobody_to_sleep(incomplete, status):
    known = worlds.mapper(known=worlds.companies(worlds.CLIENTS[1:]))
    link = worlds.linked(HERE, THERE)
    made = decide(worlds.world([HERE], [THERE], [link], using=known, incomplete=incomplete))
    assert worlds.links_of(made).get(link.id, link).status is status
    assert (made.writes, bool(made.problems)) == ((), status is ASLEEP)


# --- P13, P5: deleted with its account, and typed again


@pytest.mark.parametrize(
    ("typed", "incomplete", "ssm_id", "status"),
    [
        pytest.param({}, None, 502, ACTIVE, id="typed again in the new account: the link moves there"),
        pytest.param({"lastName": "Martin"}, None, 501, ASLEEP, id="somebody else in the new account"),
        pytest.param({}, SAGE, 501, ASLEEP, id="typed again, and Sage was not read to its end"),
        pytest.param({}, SSM, 501, ASLEEP, id="typed again, and SSM was not read to its end"),
    ],
)
def test_p13_a_contact_that_went_with_its_account_waits_until_it_is_typed_again(typed, incomplete, ssm_id, status):
    accounts = [{**ALPHA, "deleted": True}, {**ALPHA, "id": 13}, BETA]
    known = worlds.mapper(known=worlds.companies(accounts=accounts))
    gone = worlds.ssm_row(extId="ssm:TEST:1", deleted=True)
    again = worlds.ssm_row(502, accountId=13, **typed)
    link = worlds.linked(HERE, THERE, origin=SSM)
    sides = frozenset({incomplete} if incomplete else ())
    made = decide(worlds.world([HERE], [gone, again], [link], using=known, incomplete=sides))
    kept = worlds.links_of(made)[link.id]
    assert (kept.ssm_id, kept.status) == (ssm_id, status)
    told = [(p.code, p.subject.ssm_id) for p in made.problems if p.subject.ssm_id == 501]
    assert told == ([(Code.OUT_OF_SCOPE, 501)] if status is ASLEEP else [])


# --- P5: restored in SSM


@pytest.mark.parametrize(
    ("accounts", "problem"),
    [
        pytest.param([ALPHA], Code.COMPANY_NOT_IN_SSM, id="P6: the company has no account"),
        pytest.param([ALPHA, BETA, {**BETA, "id": 13}], Code.AMBIGUOUS_COMPANY, id="the company has two accounts"),
    ],
)
def test_p5_a_contact_is_restored_once_its_company_has_one_account(accounts, problem):
    known = worlds.mapper(known=worlds.companies(accounts=accounts))
    moved = HERE | {"CT_Num": "BETA"}
    made = decide(worlds.world([moved], [DELETED], [worlds.linked(HERE, THERE)], using=known))
    assert (made.writes, made.notices, [p.code for p in made.problems]) == ((), (), [problem])


def test_p5_a_live_contact_without_a_last_name_is_nobody_s_namesake():
    nameless = worlds.ssm_row(502, lastName="")
    here = HERE | {"CT_Nom": ""}
    made = decide(worlds.world([here], [DELETED, nameless], [worlds.linked(HERE, THERE)]))
    assert 502 not in {link.ssm_id for link in made.links}


def test_p5_a_name_that_the_deleted_row_no_longer_shows_is_that_of_sage():
    blanked = DELETED | {"lastName": None}
    made = decide(worlds.world([HERE], [blanked], [worlds.linked(HERE, THERE)]))
    (creation,) = made.writes
    assert (creation.values["lastName"], creation.values["firstName"]) == ("Aubrelin", "Ada")


def test_p5_p7_a_last_name_that_waits_for_its_first_name_keeps_its_base_when_the_contact_is_restored():
    here = HERE | {"CT_Nom": "Martin", "CT_Prenom": ""}
    made = decide(worlds.world([here], [DELETED], [worlds.linked(HERE, THERE)]))
    (creation,) = made.writes
    assert (creation.values["lastName"], creation.values["firstName"]) == ("Aubrelin", "Ada")
    assert not {"last_name", "first_name"} & set(creation.carried)
    assert worlds.told(made)[0] == ["value_missing first_name"]


BEARERS = {
    "a person said that it is somebody else": (
        [worlds.ssm_row(502, extId=OURS, lastName="Martin")],
        Decisions(different=frozenset({Pair(1, 502)})),
    ),
    "it is linked with another contact of Sage": ([worlds.ssm_row(502, extId=OURS, lastName="Bobin")], Decisions()),
}


@pytest.mark.parametrize(("others", "decisions"), BEARERS.values(), ids=BEARERS)
def test_p5_a_contact_is_restored_without_the_mark_that_somebody_else_has(others, decisions):
    rows = [HERE, worlds.sage_row(2, CT_Nom="Bobin")]
    links = [worlds.linked(HERE, THERE)]
    links += [] if decisions.different else [worlds.linked(rows[1], others[0])]
    made = decide(replace(worlds.world(rows, [DELETED, *others], links), decisions=decisions))
    (restored,) = [w for w in made.of(SSM, Action.CREATE) if w.sage100.id == 1]
    assert (restored.values["lastName"], restored.values["extId"]) == ("Aubrelin", None)


# --- P12: names that are taken


def test_r5_a_rename_to_a_free_name_goes_through():
    made = decide(worlds.world([HERE], [THERE | {"lastName": "Martin"}], [worlds.linked(HERE, THERE)]))
    assert [dict(w.values) for w in made.writes] == [{"CT_Nom": "Martin"}]


@pytest.mark.parametrize("twin_code", [None, "alpha"])
def test_p12_a_name_is_free_once_its_only_holder_is_about_to_be_deleted(twin_code):
    # Sage compares codes without case and its index names byte by byte, so that two rows may have one name.
    rows = [HERE] + ([worlds.sage_row(2, CT_Num=twin_code)] if twin_code else [])
    cards = [THERE, worlds.ssm_row(502, extId="ssm:TEST:2")][: len(rows)]
    links = [worlds.linked(row, card, origin=SSM) for row, card in zip(rows, cards, strict=True)]
    newcomer = worlds.ssm_row(503)
    # Without a person's word the newcomer would be the deleted contact typed again (P14).
    another = Decisions(different=frozenset({Pair(1, 503), Pair(2, 503)}))
    made = decide(replace(worlds.world(rows, [DELETED, *cards[1:], newcomer], links), decisions=another))
    created = [w.ssm.id for w in made.writes if (str(w.side), str(w.action)) == ("sage100", "create")]
    duplicates = [p.facts for p in made.problems]
    assert (created, duplicates) == (([], [DuplicateInSage(ContactRef(SAGE, 2))]) if twin_code else ([503], []))


def test_a_link_that_ended_or_sleeps_keeps_its_base():
    link = worlds.linked(HERE, THERE)
    (asleep,) = decide(worlds.world([HERE], [], [link])).links
    assert asleep == replace(link, status=ASLEEP, reason=Code.NOT_VISIBLE_IN_SSM)
