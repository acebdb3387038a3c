"""docs/rules.md, "The journal": one open problem per cause, contact and field; it closes once the cause is gone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sage100_ssm.sync.journal import CompanyNotInSsm, Entry, MassChangeGuard, Named, Subject, ValueMissing, ValueTooLong
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.open_problems import problem_changes
from sage100_ssm.sync.state.records import JournalEntry

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


TOO_LONG = ValueTooLong(limit=21, length=40)


def _entry(sage100=None, ssm=None, facts=TOO_LONG, *, field="phone", company="BAGUES"):
    return Entry(Subject(company, sage100, ssm, "Paul Durand"), facts, field=field)


def _of_company(*contacts):
    return _entry(facts=CompanyNotInSsm(tuple(Named(i, "Paul Durand") for i in contacts)))


def _of_side(side, number=3):
    return Entry(Subject(), MassChangeGuard(side, number))


def _after(before, entries, keep=lambda _: False):
    open_problems = [JournalEntry(id_, entry, NOW, NOW) for id_, entry in enumerate(before, 1)]
    return problem_changes(open_problems, entries, keep=keep)


SAME = [
    pytest.param(_entry(1, 2), _entry(1, 2), id="the same pair"),
    pytest.param(_entry(None, 2), _entry(1, 2), id="the Sage id has become known"),
    pytest.param(_entry(1, None), _entry(1, 2), id="the SSM id has become known"),
    pytest.param(_entry(1, 2), _entry(1, None), id="only one id is known this time"),
    pytest.param(_entry(1, 2), _entry(1, 2, company="CARAT"), id="the contact has moved"),
    pytest.param(_entry(1, 2), _entry(1, 2, replace(TOO_LONG, limit=35)), id="other facts"),
    pytest.param(_of_company(3), _of_company(3, 4), id="the same company"),
    pytest.param(_of_side(Side.SSM), _of_side(Side.SSM, 4), id="the same side"),
]

OTHER = [
    pytest.param(_entry(1, 2), _entry(3, 4), id="another contact"),
    pytest.param(_entry(1, 2), _entry(2, 1), id="ids of the other side"),
    pytest.param(_entry(1, 2), _entry(1, 3), id="another pair of the same Sage contact"),
    pytest.param(_entry(1, 2), _entry(1, 2, field="fax"), id="another field"),
    pytest.param(_entry(1, 2), _entry(1, 2, field=None), id="the whole contact"),
    pytest.param(_entry(1, 2), _entry(1, 2, ValueMissing(Side.SSM)), id="another cause"),
    pytest.param(_entry(1, 2), _entry(), id="its company"),
    pytest.param(_entry(), _entry(company="CARAT"), id="another company"),
    pytest.param(_of_side(Side.SSM), _of_side(Side.SAGE100), id="the other side"),
]


@pytest.mark.parametrize(("before", "entry"), SAME)
def test_a_problem_that_stands_is_found_again(before, entry):
    after = _after([before], [entry])
    assert (list(after.again), after.opened, after.closed) == ([1], [], [])


@pytest.mark.parametrize(("before", "entry"), OTHER)
def test_another_problem_is_new_and_the_one_before_gone(before, entry):
    after = _after([before], [entry])
    assert (after.again, after.opened, after.closed) == ({}, [entry], [1])


def test_a_problem_found_again_says_what_is_true_now_and_keeps_what_was_known_of_its_contact():
    before = _entry(1, 2)
    now = replace(_entry(None, 2, replace(TOO_LONG, limit=35), company=None), ssm_value="0102")
    assert _after([before], [now]).again[1] == replace(now, subject=before.subject)


def test_a_problem_met_twice_in_a_run_counts_once():
    after = _after([], [_entry(None, 2), _entry(1, 2), _entry(1, None)])
    assert after.opened == [_entry(1, 2)]


def test_two_problems_that_turn_out_to_be_one_contacts_become_one():
    after = _after([_entry(1, None), _entry(None, 2)], [_entry(1, 2)], keep=lambda _: True)
    assert (after.again, after.opened, after.closed) == ({1: _entry(1, 2)}, [], [2])


def test_two_new_problems_that_turn_out_to_be_one_contacts_become_one():
    assert _after([], [_entry(1, None), _entry(None, 2), _entry(1, 2)]).opened == [_entry(1, 2)]


def test_pairs_that_share_one_id_stay_apart_when_only_that_id_is_told():
    after = _after([_entry(1, 2), _entry(1, 3)], [_entry(1, None), _entry(1, 2), _entry(1, 3)])
    assert (set(after.again), after.opened, after.closed) == ({1, 2}, [], [])


def test_a_problem_not_met_stays_open_where_it_is_to_be_kept():
    after = _after([_entry(1, 2), _entry(3, 4)], [], keep=lambda problem: problem.entry.subject.ssm_id == 4)
    assert (after.again, after.opened, after.closed) == ({}, [], [1])


def test_new_problems_are_opened_in_the_order_in_which_they_were_met():
    met = [_entry(i, None) for i in (5, 3, 4)]
    assert _after([], met).opened == met
