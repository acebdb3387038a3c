"""P16: a person settles a problem, once; the answer can be taken back."""

import json
import re
from dataclasses import replace

import pytest

from sage100_ssm.sync.journal import AmbiguousMatch, Conflict, Entry, IncompleteRead, Named, PossibleDuplicate, Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.rules.decisions import Pair
from sage100_ssm.sync.state.store import StateStore
from tests.cli.conftest import NOON

TWINS = AmbiguousMatch(
    (Named(1, "Ada Aubrelin"), Named(2, "Ada AUBRELIN")), (Named(501, "Ada Aubrelin"),), by_ext_id=False
)
LIKELY = PossibleDuplicate((Named(3, "Luc Vial"),), (Named(503, "L. Vial"),), ("email",))
PROBLEMS = {
    "twins": Entry(Subject("CARAT", None, 501, "Ada Aubrelin"), TWINS),
    "likely": Entry(Subject("CARAT", 3, 503, "Luc Vial"), LIKELY),
    "conflict": Entry(Subject("CARAT", 12, 340, "Claire Morel"), Conflict(), "phone", "01", "02"),
    "unread": Entry(Subject(), IncompleteRead(Side.SSM, "timeout")),
}

COMMANDS = {"twins": 2, "likely": 2, "conflict": 2, "unread": 0}
"""How many commands the remedy of each problem names."""


@pytest.fixture
def numbers(state):
    """The problems' numbers in the journal, by their names here."""
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.report_problems(PROBLEMS.values(), now=NOON, run_id="r2", keep=lambda _: True)
        return {name: p.id for name, e in PROBLEMS.items() for p in memory.open_problems() if p.entry == e}


def held(state):
    with StateStore.open(state, read_only=True) as store, store.transaction() as memory:
        return memory.decisions.current()


@pytest.mark.parametrize(
    ("words", "same", "different"),
    [
        (("likely", "same"), {Pair(3, 503)}, set()),
        (("likely", "different"), set(), {Pair(3, 503)}),
        (("twins", "same", "2"), {Pair(2, 501)}, set()),
        (("twins", "different"), set(), {Pair(1, 501), Pair(2, 501)}),
        (("twins", "different", "1"), set(), {Pair(1, 501)}),
    ],
)
def test_p16_an_answer_about_contacts_is_kept_as_pairs(settings, state, call, numbers, words, same, different):
    name, *rest = words
    done = call("decide", numbers[name], *rest, "-c", settings())
    assert (done.exit_code, held(state).same, held(state).different) == (0, same, different)


def test_p16_the_value_of_a_side_stands(settings, state, call, numbers):
    assert call("decide", numbers["conflict"], "ssm", "-c", settings()).exit_code == 0
    decision = held(state).values[Pair(12, 340)]["phone"]
    assert (decision.winner, decision.shown.ssm) == (Side.SSM, "02")


def test_p16_the_answer_is_in_the_journal_with_who_and_when(settings, state, call, numbers):
    call("decide", numbers["likely"], "same", "--by", "Claire", "-c", settings())
    (notice,) = [
        e for e in json.loads(call("journal", "--json", "-c", settings("en")).stdout) if e["code"] == "decided"
    ]
    assert "Claire" in notice["message"]
    assert (notice["sage100_id"], notice["ssm_id"]) == (3, 503)


def test_p16_an_answer_is_taken_back_and_so_is_one_to_a_closed_problem(settings, state, call, numbers):
    number = numbers["likely"]
    call("decide", number, "same", "-c", settings())
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.report_problems([], now=NOON, run_id="r3", keep=lambda _: False)
    assert call("decide", number, "--undo", "-c", settings()).exit_code == 0
    assert (held(state).same, held(state).separated) == (set(), {Pair(3, 503)})
    assert call("decide", number, "--undo", "-c", settings()).exit_code == 2


def test_p16_nobody_is_the_same_as_two_people(settings, state, call, numbers, tmp_path):
    call("decide", numbers["twins"], "same", "2", "-c", settings())
    done = call("decide", numbers["twins"], "same", "1", "-c", settings("en"))
    assert (done.exit_code, held(state).same) == (2, {Pair(2, 501)})
    assert "501" in done.stderr
    table = tmp_path / "pairs.csv"
    table.write_text("sage100_id;ssm_id;decision\n9;509;same\n1;501;same\n")
    assert call("match", "--import", table, "-c", settings()).exit_code == 2
    assert held(state).same == {Pair(2, 501)}
    call("decide", numbers["twins"], "--undo", "-c", settings())
    assert call("decide", numbers["twins"], "same", "1", "-c", settings()).exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("twins", "same"),
        ("twins", "same", "4"),
        ("likely", "ssm"),
        ("conflict", "same"),
        ("unread", "accept"),
        ("likely",),
        ("likely", "same", "--undo"),
        ("conflict", "--undo"),
    ],
)
def test_p16_what_is_no_answer_is_refused_with_a_sentence_and_changes_nothing(settings, state, call, numbers, words):
    name, *rest = words
    done = call("decide", numbers[name], *rest, "-c", settings())
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr) > 20
    assert held(state) == held(state).__class__()


def test_p16_a_problem_that_does_not_exist_is_no_fault(settings, state, call):
    assert call("decide", 999, "same", "-c", settings()).exit_code == 2


def test_without_a_state_there_is_nothing_to_decide_and_none_is_created(settings, call, tmp_path):
    assert call("decide", 1, "same", "-c", settings()).exit_code == 2
    assert not (tmp_path / "sync-state.db").exists()


def test_p16_an_accepted_problem_is_not_shown_again_until_it_changes(settings, state, call, numbers):
    def shown():
        return {one["id"] for one in json.loads(call("problems", "--json", "-c", settings()).stdout)}

    number = numbers["likely"]
    call("decide", number, "accept", "-c", settings())
    assert number not in shown()
    result = call("problems", "--all", "--json", "-c", settings())
    assert number in {one["id"] for one in json.loads(result.stdout)}
    assert str(1) in call("problems", "-c", settings()).stderr
    changed = replace(PROBLEMS["likely"], facts=replace(LIKELY, evidence=("email", "mobile")))
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.report_problems([changed], now=NOON, run_id="r3", keep=lambda _: True)
    assert number in shown()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_p16_the_commands_of_a_remedy_work_as_they_are_written(settings, call, numbers, language):
    config = settings(language)
    shown = json.loads(call("problems", "--json", "-c", config).stdout)
    named = {entry["id"]: re.findall(r"sage100-ssm (decide [\w ]+\w)[ ”»]", remedy(entry)) for entry in shown}
    assert {name: len(named[number]) for name, number in numbers.items()} == COMMANDS
    for command in (words for commands in named.values() for words in commands):
        assert call(*command.split(), "-c", config).exit_code == 0, command


def remedy(entry):
    return entry["remedy"].replace("\N{NO-BREAK SPACE}", " ")


def test_p16_a_table_without_an_answer_says_which_column_is_empty(settings, state, call, tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("sage100_id;ssm_id;decision\n3;503;\n")

    done = call("match", "--import", table, "-c", settings("en"))

    assert (done.exit_code, "last column" in done.stderr) == (0, True)


def test_p16_the_answers_of_a_table_are_in_the_journal_with_who_and_when(settings, state, call, numbers, tmp_path):
    table, config = tmp_path / "pairs.csv", settings("en")
    table.write_text(f"problem,sage100_id,ssm_id,decision\n{numbers['likely']},3,503,same\n,8,508,different\n", "utf-8")
    assert call("match", "--import", table, "-c", config).exit_code == 0
    assert (held(state).same, held(state).different) == ({Pair(3, 503)}, {Pair(8, 508)})
    notices = json.loads(call("journal", "--code", "decided", "--json", "-c", config).stdout)
    assert {(entry["contact"], entry["sage100_id"], entry["ssm_id"]) for entry in notices} == {
        ("Luc Vial", 3, 503),
        (None, 8, 508),
    }


def test_p16_many_questions_are_sent_to_a_table(settings, state, call):
    with StateStore.open(state) as store, store.transaction() as memory:
        likely = [replace(PROBLEMS["likely"], subject=Subject("CARAT", n, 500 + n, f"Luc {n}")) for n in range(6)]
        memory.report_problems(likely, now=NOON, run_id="r2", keep=lambda _: True)
    assert "match --export" in call("problems", "-c", settings("en")).stdout


def test_p16_two_contacts_about_whom_a_person_is_asked_are_two_for_explain_and_forget(settings, state, call, numbers):
    call("decide", numbers["likely"], "different", "-c", settings())
    found = json.loads(call("explain", "Vial", "--json", "-c", settings()).stdout)
    assert {(one["sage100_id"], one["ssm_id"]) for one in found} == {(3, None), (None, 503), (None, 502)}
    assert call("forget", "ssm:503", "--yes", "-c", settings()).exit_code == 0
    (left,) = json.loads(call("explain", "sage100:3", "--json", "-c", settings()).stdout)
    assert (left["sage100_id"], left["ssm_id"]) == (3, None)
