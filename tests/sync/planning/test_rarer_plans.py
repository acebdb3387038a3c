"""Plans for odd worlds: rows exchanged, numbers used up, incomplete reads, companies that SSM has twice."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.companies import Scope
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.policy import Policy, TooLong
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
EVA = {"CT_Nom": "Martin", "CT_Prenom": "Eva"}
EVA_IN_SSM = {"lastName": "Martin", "firstName": "Eva"}
HIGHEST = 2**31 - 1


def ext_id(marq, origin="sage100"):
    return f"{origin}:TEST:{marq}"


def ada(**changes):
    """Ada on both sides, and her link."""
    sage100, ssm = worlds.sage_row(1), worlds.ssm_row(501, extId=ext_id(1))
    return sage100, ssm, worlds.linked(sage100, ssm, **changes)


def eva(**changes):
    """Eva on both sides, and her link."""
    sage100, ssm = worlds.sage_row(2, **EVA), worlds.ssm_row(502, extId=ext_id(2), **EVA_IN_SSM)
    return sage100, ssm, worlds.linked(sage100, ssm, **changes)


def kinds(made):
    return [(write.side, write.action) for write in made.writes]


# --- rows and names in Sage


def test_p14_contacts_that_exchanged_their_rows_keep_their_links():
    (here, there, link), (here2, there2, link2) = ada(), eva()
    rows = [here | {"cbMarq": 2}, here2 | {"cbMarq": 1}]

    made = decide(worlds.world(rows, [there, there2], [link, link2]))

    assert {key: saved.sage100_id for key, saved in worlds.links_of(made).items()} == {link.id: 2, link2.id: 1}
    assert set(kinds(made)) == {(SSM, Action.UPDATE)}


def test_p14_without_a_base_of_the_names_the_cbmarq_decides():
    here, there, link = ada(without=("last_name", "first_name"))

    made = decide(worlds.world([here | {"CT_No": 150, **EVA}], [there], [link]))

    assert worlds.links_of(made)[link.id].sage100_no == 150


def test_once_the_numbers_are_used_up_a_new_contact_has_the_lowest_that_is_free():
    new = [worlds.ssm_row(501), worlds.ssm_row(502, **EVA_IN_SSM)]
    last = worlds.sage_row(9, CT_No=HIGHEST, CT_Num="BETA", CT_Nom="Zola")

    made = decide(worlds.world([last, worlds.sage_row(8, CT_No=1, CT_Num="BETA", CT_Nom="Yvon")], new))

    assert [write.values["CT_No"] for write in made.of(SAGE, Action.CREATE)] == [2, 3]


def test_p12_a_deletion_does_not_free_a_name_that_another_row_has_too():
    born_in_ssm = worlds.ssm_row(501, extId=ext_id(1, "ssm"))
    twin, twin_in_ssm = worlds.sage_row(2), worlds.ssm_row(502, extId=ext_id(2))
    links = [worlds.linked(worlds.sage_row(1), born_in_ssm, origin=SSM), worlds.linked(twin, twin_in_ssm)]
    ssm = [born_in_ssm | {"deleted": True}, twin_in_ssm, worlds.ssm_row(503)]

    made = decide(worlds.world([worlds.sage_row(1), twin], ssm, links))

    assert kinds(made) == [(SAGE, Action.DELETE)]
    assert worlds.told(made)[0] == ["duplicate_in_sage"]


def test_p12_a_rename_in_ssm_onto_a_free_name_reaches_sage():
    here, there, link = ada()

    made = decide(worlds.world([here], [there | {"firstName": "Adèle"}], [link]))

    assert [dict(write.values) for write in made.of(SAGE)] == [{"CT_Prenom": "Adèle"}]


# --- P10, incomplete reads


def test_p10_a_deletion_in_ssm_waits_for_a_complete_read_of_ssm():
    here, there, link = ada(origin=SSM)

    made = decide(worlds.world([here], [there | {"deleted": True}], [link], incomplete=frozenset({SSM})))

    assert (made.writes, made.problems, made.links) == ((), (), ())


def test_p10_a_company_missing_from_an_incomplete_read_of_sage_puts_nobody_to_sleep():
    here, there, link = ada()
    known = worlds.mapper(known=worlds.companies([]))

    made = decide(worlds.world([here], [there], [link], using=known, incomplete=frozenset({SAGE})))

    assert (made.writes, made.problems, made.links) == ((), (), ())


# --- P9, a wrong clock


@pytest.mark.parametrize(("seen", "outdated"), [("2026-03-05T09:00:00+01:00", 0), ("2026-03-02T09:00:00+01:00", 1)])
def test_p9_a_stamp_in_the_future_proves_no_restored_backup(seen, outdated):
    here, there, link = ada(sage100_stamp=seen)
    edited = here | {"CT_EMail": "old@alpha.example", "cbModification": "2026-03-01T09:00:00+01:00"}
    noon = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

    assert decide(replace(worlds.world([edited], [there], [link]), now=noon)).outdated == outdated


# --- contacts that SSM deleted, and their successors


def test_p5_a_contact_without_a_last_name_succeeds_nobody():
    here, there, link = ada()

    made = decide(worlds.world([here], [there | {"deleted": True}, worlds.ssm_row(502, lastName=None)], [link]))

    assert (SSM, Action.CREATE) in kinds(made)


@pytest.mark.parametrize("is_typed_again", [True, False])
def test_p5_p13_after_a_contact_went_with_its_account_its_link_sleeps_until_it_is_typed_again(is_typed_again):
    here, there, link = ada(origin=SSM)
    alpha = worlds.ACCOUNTS[0]
    known = worlds.mapper(known=worlds.companies(accounts=[alpha | {"deleted": True}, alpha | {"id": 13}]))
    again = [worlds.ssm_row(502, accountId={"id": 13, "value": ""})] if is_typed_again else []

    made = decide(worlds.world([here], [there | {"deleted": True}, *again], [link], using=known))

    after = worlds.links_of(made)[link.id]
    assert (after.ssm_id, after.status, worlds.told(made)[0]) == (
        (502, LinkStatus.ACTIVE, []) if is_typed_again else (501, LinkStatus.ASLEEP, ["out_of_scope"])
    )


def test_p5_p6_a_contact_is_not_restored_while_its_company_is_in_ssm_twice():
    here, there, link = ada()
    twins = worlds.companies(accounts=[*worlds.ACCOUNTS, worlds.ACCOUNTS[0] | {"id": 13}])

    made = decide(worlds.world([here], [there | {"deleted": True}], [link], using=worlds.mapper(known=twins)))

    assert (made.writes, worlds.told(made)[0]) == ((), ["ambiguous_company"])


def test_p5_a_name_that_the_deleted_row_does_not_show_comes_from_sage():
    here, there = worlds.sage_row(1), worlds.ssm_row(501, extId=ext_id(1), lastName=None)
    link = worlds.linked(here, there)

    made = decide(worlds.world([here], [there | {"deleted": True}], [link]))

    (created,) = made.of(SSM, Action.CREATE)
    assert created.values["lastName"] == "Aubrelin"


# --- new contacts


def test_r4_a_contact_of_a_prospect_stays_in_ssm_where_prospects_are_left_out():
    known = worlds.mapper(known=worlds.companies(scope=Scope(prospects=False)))

    made = decide(worlds.world([], [worlds.ssm_row(501, accountId={"id": 12, "value": ""})], using=known))

    assert (made.writes, made.problems) == ((), ())


def test_p7_what_is_cut_off_a_new_contact_is_noted_once_it_is_created():
    policy = Policy(too_long=TooLong.TRUNCATE)
    known = worlds.mapper(policy=policy)

    made = decide(worlds.world([], [worlds.ssm_row(501, lastName="x" * 40)], using=known, policy=policy))

    (created,) = made.of(SAGE, Action.CREATE)
    assert (created.values["CT_Nom"], worlds.told(made)[1]) == ("x" * 35, ["value_truncated last_name"])


# --- a part of a plan


@pytest.mark.parametrize(
    ("subject", "of_ada", "of_eva"),
    [
        (Subject("ALPHA"), True, False),
        (Subject("BETA"), False, True),
        (Subject("ALPHA", 1), True, False),
        (Subject("ALPHA", None, 502), False, True),
    ],
)
def test_the_part_of_a_plan_about_one_contact_or_company(subject, of_ada, of_eva):
    (here, there, link), (here2, there2, _) = ada(), eva()
    here2, there2 = here2 | {"CT_Num": "BETA"}, there2 | {"accountId": {"id": 12, "value": ""}}
    link2 = worlds.linked(here2, there2)
    rows = [row | {"CT_EMail": "new@alpha.example"} for row in (here, here2)]
    made = decide(worlds.world(rows, [there, there2], [link, link2]))
    made = replace(made, links=(link, link2))

    part = made.about(subject)

    assert [write.target_id for write in part.writes] == [501] * of_ada + [502] * of_eva
    assert [saved.id for saved in part.links] == [link.id] * of_ada + [link2.id] * of_eva
    assert part.is_partial
