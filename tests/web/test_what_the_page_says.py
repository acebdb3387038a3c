"""What the page says of everything that the journal can hold."""

import pytest

from sage100_ssm.sync.journal import Code, Kind
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.web.problems import OpenProblem, Task, task_of
from sage100_ssm.web.words import Words
from tests.support.journal_outcomes import outcomes
from tests.web.conftest import NOON

PROBLEMS = [JournalEntry(n, entry, NOON, NOON) for n, entry in enumerate(outcomes()) if entry.code.kind is Kind.PROBLEM]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("known", PROBLEMS, ids=lambda known: known.entry.code.value)
def test_the_remedy_of_a_problem_is_something_to_do_on_the_page_or_in_a_product_and_no_command(known, language):
    words = Words(language)

    assert "sage100-ssm" not in words.remedy(known.entry)
    assert words.headline(known.entry)


def test_what_needs_an_answer_is_what_takes_one_beside_being_accepted():
    for known in PROBLEMS:
        takes_an_answer = len(OpenProblem(known, task_of(known)).choices) > 1
        assert (task_of(known) is Task.ANSWER) == takes_an_answer, known.entry.code


def test_every_task_has_problems():
    assert {task_of(known) for known in PROBLEMS} == set(Task)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_happened_is_said_without_a_command_but_for_the_one_that_lifted_a_guard(language):
    words = Words(language)

    assert {e.code for e in outcomes() if "sage100-ssm" in words.message(e)} <= {Code.GUARD_LIFTED}
