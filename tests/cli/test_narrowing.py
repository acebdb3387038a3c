"""``problems`` and ``journal``: totals per cause, and one code, company or contact at a time."""

import json
import re

import pytest

from sage100_ssm.sync.journal import CompanyNotInSage, Entry, Subject, ValueUnknown
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.store import StateStore
from tests.cli.conftest import NOON


@pytest.fixture
def drowned(state):
    """Ten unknown job titles of sixty contacts, and ten prospects of one account, beside what there is."""
    titles = [
        Entry(Subject("NACRE", 100 + n, None, f"Paul {n}"), ValueUnknown(f"title {n % 10}", Side.SSM), "job_title")
        for n in range(60)
    ]
    prospects = [Entry(Subject(None, None, 600 + n, f"Zoé {n}"), CompanyNotInSage("Lead SA", 77)) for n in range(10)]
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.report_problems([*titles, *prospects], now=NOON, run_id="r3", keep=lambda _: True)


def test_problems_open_with_totals_per_cause_the_one_with_most_contacts_first(settings, drowned, call):
    found = json.loads(call("problems", "--json", "-c", settings()).stdout)

    assert [list(total.values()) for total in found["totals"]] == [
        ["value_unknown", "Valeur inconnue", 10, 60],
        ["company_not_in_sage", "Société inconnue de Sage 100", 1, 10],
        ["company_missing", "Contact sans société", 1, 1],
        ["value_too_long", "Valeur trop longue", 1, 1],
    ]
    assert len(found["problems"]) == 13


def test_people_see_the_totals_and_the_first_names_of_those_who_wait(settings, drowned, call):
    shown = " ".join(call("problems", "-c", settings("en")).stdout.split())

    assert re.search("10 60 Unknown value value_unknown 1 10 Company unknown in Sage 100 company_not_in_sage", shown)
    assert "this field waits: 6 (Paul 0, Paul 10, Paul 20, Paul 30, Paul 40, …)" in shown
    assert "“Lead SA” of Sage Sales Management is no client or prospect" in shown


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        (["--code", "value_unknown"], {"value_unknown": 10}),
        (["--company", "nacre"], {"value_unknown": 10}),
        (["--company", "CARAT"], {"value_too_long": 1}),
        (["--contact", "Paul 7"], {"value_unknown": 1}),
        (["--contact", "107"], {"value_unknown": 1}),
        (["--contact", "ssm:601"], {"company_not_in_sage": 1}),
        (["--contact", "claire@carat.example"], {"value_too_long": 1}),
        (["--code", "value_unknown", "--contact", "claire"], {}),
        (["--company", "BETA"], {}),
    ],
    ids=" ".join,
)
def test_problems_can_be_narrowed_and_the_totals_with_them(settings, drowned, call, options, codes):
    found = json.loads(call("problems", *options, "--json", "-c", settings()).stdout)

    assert {total["code"]: total["entries"] for total in found["totals"]} == codes
    assert len(found["problems"]) == sum(codes.values())


def test_the_journal_is_narrowed_before_it_is_cut(settings, drowned, call):
    found = json.loads(call("journal", "--contact", "claire", "-n", "2", "--json", "-c", settings()).stdout)

    assert [one["code"] for one in found] == ["conflict_settled", "value_too_long"]


@pytest.mark.parametrize("command", ["problems", "journal"])
def test_where_nothing_is_of_that_kind_the_answer_does_not_say_that_all_is_well(settings, state, call, command):
    shown = call(command, "--company", "BETA", "-c", settings("en")).stdout

    assert "of this kind" in shown


def test_a_code_that_does_not_exist_ends_with_2_and_the_nearest_one(settings, state, call):
    result = call("problems", "--code", "value_unknwon", "-c", settings())

    assert (result.exit_code, "value_unknown" in result.stderr) == (2, True)


def test_explain_of_each_shows_the_problem_in_which_it_waits(settings, drowned, call):
    (found,) = json.loads(call("explain", "Paul 13", "--json", "-c", settings()).stdout)

    assert [(one["code"], len(one["contacts"])) for one in found["problems"]] == [("value_unknown", 6)]
