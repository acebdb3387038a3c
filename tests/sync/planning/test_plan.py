"""A plan as a value: what is withheld from it, and the part of it that is about one contact."""

from dataclasses import replace

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.journal import Code, DeletionRefused, Entry, Flapping, Subject
from sage100_ssm.sync.model import Link, Side
from sage100_ssm.sync.planning.plan import Chosen, Plan, Withheld, is_about
from sage100_ssm.sync.planning.writes import Write

SAGE, SSM = Side.SAGE100, Side.SSM
ADA, EVA, ZOE = (Subject("ALPHA", 1, 501, "Ada"), Subject("ALPHA", 2, 502, "Eva"), Subject("BETA", 3, 503, "Zoe"))
PEOPLE = (ADA, EVA, ZOE)
PLAN = Plan(
    links=tuple(Link(p.sage100_id, None, p.ssm_id, p.company, p.contact, SAGE) for p in PEOPLE),
    writes=tuple(Write(SSM, Action.UPDATE, person) for person in PEOPLE),
    problems=tuple(Entry(person, Flapping()) for person in PEOPLE),
    notices=tuple(Entry(person, DeletionRefused(SAGE)) for person in PEOPLE),
)


@pytest.mark.parametrize(
    ("one", "subject", "about"),
    [
        pytest.param(ADA, ADA, True, id="the same contact"),
        pytest.param(ADA, EVA, False, id="another contact of the company"),
        pytest.param(ADA, Subject(sage100_id=1), True, id="its Sage id alone"),
        pytest.param(ADA, Subject(ssm_id=501), True, id="its SSM id alone"),
        pytest.param(ADA, Subject(sage100_id=501), False, id="a Sage id that is its id in SSM"),
        pytest.param(ADA, Subject(sage100_id=9, ssm_id=501), True, id="one of two ids is enough: it moved to another"),
        pytest.param(Subject("ALPHA", ssm_id=501), Subject(sage100_id=1), False, id="no id in common is known"),
        pytest.param(Subject("ALPHA"), Subject(sage100_id=1), False, id="an entry about a company is about no contact"),
        pytest.param(ADA, Subject("ALPHA"), True, id="a contact of the company"),
        pytest.param(ZOE, Subject("ALPHA"), False, id="a contact of another company"),
    ],
)
def test_whether_something_is_about_a_subject(one, subject, about):
    assert is_about(one, subject) is about


@pytest.mark.parametrize(
    ("subject", "left"),
    [(EVA, [EVA]), (Subject("ALPHA"), [ADA, EVA]), (Subject(sage100_id=9), [])],
    ids=["one contact", "the contacts of a company", "nobody"],
)
def test_the_part_of_a_plan_that_is_about_a_subject(subject, left):
    part = PLAN.about(Chosen([subject]))
    assert [w.subject for w in part.writes] == left
    assert [p.subject for p in part.problems] == left
    assert [n.subject for n in part.notices] == left
    assert [link.ssm_id for link in part.links] == [person.ssm_id for person in left]
    assert part.is_partial


def test_a_plan_from_which_nothing_is_withheld_is_the_same_plan():
    assert PLAN.withhold(lambda _: None) is PLAN


def test_what_is_withheld_is_kept_with_its_reason_and_never_lost_by_a_second_withholding():
    without_ada = PLAN.withhold(lambda write: Code.DELETION_GUARD if write.subject is ADA else None)
    without_both = without_ada.withhold(lambda write: Code.NOT_APPLIED if write.subject is EVA else None)
    assert [w.subject for w in without_both.writes] == [ZOE]
    assert without_both.withheld == (
        Withheld(PLAN.writes[0], Code.DELETION_GUARD),
        Withheld(PLAN.writes[1], Code.NOT_APPLIED),
    )
    assert replace(without_both, writes=PLAN.writes, withheld=()) == PLAN, "nothing else changes"
