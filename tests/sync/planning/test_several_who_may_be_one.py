"""P4, P15, P16: an answer about two contacts says nothing about a third who may be the same person, too."""

from dataclasses import replace

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.rules.decisions import Decisions, Pair
from tests.support import worlds

ROW = worlds.sage_row(1, CT_Nom="Vidal", CT_Prenom="Jean Pierre", CT_EMail="jp@alpha.example")
TWO_CARDS = pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"lastName": "VIDAL", "firstName": "Jean-Pierre"}, {"lastName": "Vidal", "firstName": "JeanPierre"}),
        (
            {"lastName": "Jean Pierre", "firstName": "Vidal"},
            {"lastName": "Vidale", "firstName": "J.", "email": "jp@alpha.example"},
        ),
    ],
    ids=["namesakes", "likely"],
)


def planned(rows, cards, decisions, links=()):
    return decide(replace(worlds.world(rows, cards, links), decisions=decisions))


@TWO_CARDS
@pytest.mark.parametrize("is_linked", [False, True])
def test_p16_a_card_about_which_nobody_answered_is_not_created_in_sage(first, second, is_linked):
    cards = [worlds.ssm_row(501, **first), worlds.ssm_row(502, **second)]
    if is_linked:  # since an earlier run, which carried the e-mail over
        cards[0] = {**cards[0], "email": ROW["CT_EMail"], "extId": "sage100:TEST:1"}
    links = [worlds.linked(ROW, cards[0])] if is_linked else ()
    plan = planned([ROW], cards, Decisions(same=frozenset({Pair(1, 501)})), links)
    assert plan.of(Side.SAGE100) == []
    assert [(p.subject.sage100_id, p.subject.ssm_id) for p in plan.problems] == [(1, 502)]


def test_p16_a_row_about_which_nobody_answered_is_not_created_in_ssm():
    rows = [ROW, worlds.sage_row(2, CT_Nom="VIDAL", CT_Prenom="Jean-Pierre")]
    card = worlds.ssm_row(501, lastName="Vidal", firstName="Jean Pierre")
    plan = planned(rows, [card], Decisions(same=frozenset({Pair(1, 501)})))
    assert [w.target_id for w in plan.of(Side.SSM)] == [501]
    assert [(p.subject.sage100_id, p.subject.ssm_id) for p in plan.problems] == [(2, 501)]


@TWO_CARDS
def test_p16_who_was_said_to_be_different_is_created(first, second):
    cards = [worlds.ssm_row(501, **first), worlds.ssm_row(502, **second)]
    decisions = Decisions(same=frozenset({Pair(1, 501)}), different=frozenset({Pair(1, 502)}))
    plan = planned([ROW], cards, decisions)
    assert [w.ssm.id for w in plan.of(Side.SAGE100)] == [502]
    assert plan.problems == ()


EXACT = worlds.ssm_row(501, lastName="Vidal", firstName="Jean Pierre", extId="sage100:TEST:1")
SWAPPED = worlds.ssm_row(502, lastName="Jean Pierre", firstName="Vidal")


def test_p4_a_second_card_of_somebody_who_is_matched_by_name_is_asked_about():
    plan = planned([ROW], [EXACT, SWAPPED], Decisions())
    assert [(m.sage100.id, m.ssm.id) for m in plan.matches] == [(1, 501)]
    assert plan.of(Side.SAGE100) == []
    assert [(p.code, p.subject.sage100_id, p.subject.ssm_id) for p in plan.problems] == [("possible_duplicate", 1, 502)]


@pytest.mark.parametrize(("asked", "created"), [({Pair(1, 502)}, []), (set(), [502])], ids=["asked", "new"])
def test_p4_who_is_asked_about_waits_also_once_the_other_is_linked(asked, created):
    world = worlds.world([ROW], [EXACT, SWAPPED], [worlds.linked(ROW, EXACT)])
    plan = decide(replace(world, asked=frozenset(asked)))
    assert [w.ssm.id for w in plan.of(Side.SAGE100)] == created


def test_p16_an_answer_taken_back_is_asked_again_although_one_of_the_two_has_another_partner():
    other = worlds.ssm_row(502, lastName="Martin", firstName="Paul")
    plan = planned([ROW], [EXACT, other], Decisions(separated=frozenset({Pair(1, 502)})))
    assert plan.of(Side.SAGE100) == []
    assert [(p.subject.sage100_id, p.subject.ssm_id) for p in plan.problems] == [(1, 502)]


def test_p4_who_is_new_since_the_other_is_linked_does_not_wait_for_the_one_who_is_asked_about():
    newcomer = worlds.ssm_row(503, lastName="Vidal Jean Pierre", firstName="")
    world = worlds.world([ROW], [EXACT, SWAPPED, newcomer], [worlds.linked(ROW, EXACT)])
    plan = decide(replace(world, asked=frozenset({Pair(1, 502)})))
    assert [w.ssm.id for w in plan.of(Side.SAGE100)] == [503]


LINK = worlds.linked(ROW, EXACT)


def test_p16_two_who_were_linked_and_are_said_to_be_different_both_go_on_without_each_other():
    corrected = {**EXACT, "lastName": "Martin"}  # Sage takes a name once in a company (P12)
    plan = planned([ROW], [corrected], Decisions(different=frozenset({Pair(1, 501)})), [LINK])
    assert worlds.links_of(plan) == {LINK.id: replace(LINK, status=LinkStatus.ENDED)}
    (in_sage100,), (in_ssm,) = plan.of(Side.SAGE100), plan.of(Side.SSM)
    assert (in_sage100.action, in_sage100.ssm.id) == (Action.CREATE, 501)
    # The card keeps the mark until it has one of its own, and SSM may refuse it to a second contact.
    assert (in_ssm.action, in_ssm.sage100.id, in_ssm.values["extId"]) == (Action.CREATE, 1, None)


def test_p16_two_whose_link_is_taken_back_wait_for_a_person_to_decide_again():
    plan = planned([ROW], [EXACT], Decisions(separated=frozenset({Pair(1, 501)})), [LINK])
    assert worlds.links_of(plan) == {LINK.id: replace(LINK, status=LinkStatus.ENDED)}
    assert plan.writes == ()
    assert [(p.code, p.subject.sage100_id, p.subject.ssm_id) for p in plan.problems] == [("possible_duplicate", 1, 501)]


OTHER_CARD = worlds.ssm_row(500, lastName="Vidal", firstName="Jean Pierre", extId="sage100:COPIE:1")
OWN_CARD = worlds.ssm_row(501, lastName="VIDAL", firstName="Jean-Pierre")


def test_p15_a_card_of_nobody_is_not_doubled_because_another_database_has_its_namesake():
    plan = planned([ROW], [OTHER_CARD, OWN_CARD], Decisions())
    assert plan.writes == ()
    assert {(p.code, p.subject.ssm_id) for p in plan.problems} == {("ambiguous_match", 501), ("other_database", 500)}


def test_p15_a_person_can_say_that_the_card_of_nobody_is_the_row():
    plan = planned([ROW], [OTHER_CARD, OWN_CARD], Decisions(same=frozenset({Pair(1, 501)})))
    assert [(m.sage100.id, m.ssm.id) for m in plan.matches] == [(1, 501)]


def test_p15_our_own_mark_goes_before_a_namesake_of_another_database():
    plan = planned([ROW], [OTHER_CARD, {**OWN_CARD, "extId": "sage100:TEST:1"}], Decisions())
    assert [(m.sage100.id, m.ssm.id) for m in plan.matches] == [(1, 501)]


@pytest.mark.parametrize("deleted", [False, True])
def test_p15_the_row_whose_card_belongs_to_another_database_is_named_beside_it(deleted):
    plan = planned([ROW], [{**OTHER_CARD, "deleted": deleted}], Decisions(), [replace(LINK, ssm_id=500)])
    assert [(p.code, p.subject.sage100_id, p.subject.ssm_id) for p in plan.problems] == [("other_database", 1, 500)]
    assert plan.writes == ()
