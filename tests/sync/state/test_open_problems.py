"""docs/rules.md, "The journal": one open problem per cause, contact and field; it closes once the cause is gone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sage100_ssm.sync.journal import (
    CompanyNotInSage,
    CompanyNotInSsm,
    Entry,
    MassChangeGuard,
    Subject,
    ValueMissing,
    ValueTooLong,
    ValueUnknown,
)
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.open_problems import problem_changes
from sage100_ssm.sync.state.records import JournalEntry

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


TOO_LONG = ValueTooLong(limit=21, length=40)


def _entry(sage100=None, ssm=None, facts=TOO_LONG, *, field="phone", company="BAGUES"):
    return Entry(Subject(company, sage100, ssm, "Paul Durand"), facts, field=field)


def _of_company(*contacts):
    waiting = tuple(Subject("BAGUES", i, None, "Paul Durand") for i in contacts)
    return Entry(Subject("BAGUES"), CompanyNotInSsm()).about(*waiting)


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


# --- one entry per cause


def _unknown(text, sage100, field="job_title", company="BAGUES"):
    subject = Subject(company, sage100, None, f"Paul {sage100}")
    return Entry(subject, ValueUnknown(text, Side.SSM), field, sage100_value=text)


def _prospect(account, ssm):
    return Entry(Subject(None, None, ssm, f"Zoé {ssm}"), CompanyNotInSage("Same name", account))


def _ids(entry):
    return [contact.sage100_id for contact in entry.contacts]


def test_sixty_contacts_with_ten_unknown_job_titles_are_ten_problems():
    after = _after([], [_unknown(f"title {n % 10}", n) for n in range(60)])
    assert [entry.facts.text for entry in after.opened] == [f"title {n}" for n in range(10)]
    assert {len(entry.contacts) for entry in after.opened} == {6}


def test_contacts_that_wait_for_one_account_are_one_problem_and_accounts_of_one_name_are_two():
    after = _after([], [_prospect(11, 1), _prospect(12, 2), _prospect(11, 3)])
    assert [[contact.ssm_id for contact in entry.contacts] for entry in after.opened] == [[1, 3], [2]]


def test_contacts_that_wait_for_a_column_that_nobody_fills_are_one_problem():
    unmapped = ValueMissing(Side.SAGE100, is_outside_map=True)
    after = _after([], [_entry(facts=unmapped, ssm=n, field="CT_Facebook") for n in (1, 2)])
    assert [len(entry.contacts) for entry in after.opened] == [2]
    each = [_entry(facts=ValueMissing(Side.SSM), sage100=n, field="first_name") for n in (1, 2)]
    assert _after([], each).opened == each


def test_a_problem_of_several_contacts_has_no_ids_and_the_company_that_they_share():
    (of_one_company,) = _after([], [_unknown("Zouave", 1), _unknown("Zouave", 2)]).opened
    (of_two,) = _after([], [_unknown("Zouave", 1), _unknown("Zouave", 2, company="CARAT")]).opened
    assert (of_one_company.subject, of_two.subject) == (Subject("BAGUES"), Subject())
    assert of_two.contacts == (Subject("BAGUES", 1, None, "Paul 1"), Subject("CARAT", 2, None, "Paul 2"))


def test_a_problem_of_a_single_contact_says_whom_it_is_about():
    assert _after([], [_unknown("Zouave", 1)]).opened == [_unknown("Zouave", 1)]


def test_a_contact_with_two_unknown_labels_waits_in_both_problems():
    met = [_unknown("Zouave", 1), _unknown("Zouave", 2), _unknown("Archer", 1, field="Z_role")]
    assert [_ids(entry) for entry in _after([], met).opened] == [[1, 2], [1]]


def test_a_contact_met_twice_waits_once():
    (entry,) = _after([], [_unknown("Zouave", 1), _unknown("Zouave", 1), _unknown("Zouave", 2)]).opened
    assert _ids(entry) == [1, 2]


@pytest.mark.parametrize("now", [[1], [1, 2, 3], [3], [3, 4]], ids=str)
def test_a_cause_whose_contacts_change_is_the_same_problem(now):
    (before,) = _after([], [_unknown("Zouave", 1), _unknown("Zouave", 2)]).opened
    after = _after([before], [_unknown("Zouave", n) for n in now])
    assert (_ids(after.again[1]), after.opened, after.closed) == (now, [], [])


def test_a_problem_of_a_cause_closes_once_no_contact_waits_for_it():
    (before,) = _after([], [_unknown("Zouave", 1), _unknown("Zouave", 2)]).opened
    assert _after([before], [_unknown("Archer", 1)]).closed == [1]


def test_problems_of_one_contact_each_that_an_earlier_version_opened_become_one():
    after = _after([_unknown("Zouave", 1), _unknown("Zouave", 2)], [_unknown("Zouave", 1), _unknown("Zouave", 2)])
    assert (_ids(after.again[1]), after.opened, after.closed) == ([1, 2], [], [2])


def test_a_run_about_one_contact_leaves_the_others_of_its_cause_waiting():
    (before,) = _after([], [_unknown("Zouave", n) for n in (1, 2, 3)]).opened

    def not_looked_at(problem):
        return problem.entry.subject.sage100_id != 2

    met_again = _after([before], [_unknown("Zouave", 2)], keep=not_looked_at)
    assert sorted(_ids(met_again.again[1])) == [1, 2, 3]
    done = _after([before], [], keep=not_looked_at)
    assert (_ids(done.again[1]), done.closed) == ([1, 3], [])


def test_a_problem_of_a_cause_that_a_run_did_not_look_at_stays_as_it_was():
    (before,) = _after([], [_unknown("Zouave", 1), _unknown("Zouave", 2)]).opened
    after = _after([before], [], keep=lambda _: True)
    assert (after.again, after.opened, after.closed) == ({}, [], [])
