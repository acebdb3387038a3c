import getpass
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sage100_ssm.app.assemble
from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.receipt import Action
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.failures import ConfigurationError, Exit, SideUnavailableError
from sage100_ssm.sync.journal import DeletionGuard, Entry, Subject
from sage100_ssm.sync.model import Change, Side
from sage100_ssm.sync.run.report import Counts, PlannedWrite, PlanReport, RunReport
from sage100_ssm.sync.run.retried import Became, Retried
from sage100_ssm.sync.state.errors import AnotherRun
from sage100_ssm.sync.state.records import RunStatus

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CLAIRE = Subject("CARAT", 12, 340, "Claire Morel")
DELETION = PlannedWrite(Action.DELETE, CLAIRE, {})
UPDATE = PlannedWrite(Action.UPDATE, CLAIRE, {"phone": Change("01 99 00 10 00", "01 99 00 10 01")})


def run_report(exit_code: Exit) -> RunReport:
    status = {Exit.DONE: RunStatus.DONE, Exit.GUARD: RunStatus.HELD}.get(exit_code, RunStatus.FAILED)
    return RunReport("r1", NOON, NOON, status, exit_code, Counts(80, 1), Counts(81, 0, 2), 9, 78, 1, 0, 4, 0)


@pytest.fixture
def answer(monkeypatch):
    """A function that makes what a command calls return something, or raise it."""

    def answer(name, result):
        def call(*args, **kwargs):
            call.kwargs = kwargs
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(sage100_ssm.app.assemble, name, call)
        return call

    return answer


RETRIED = Retried((Subject("CARAT", 12, 340, "Claire Morel"),), Became.UNDECIDED, (), ())


@pytest.mark.parametrize("exit_code", [Exit.DONE, Exit.CONFIGURATION, Exit.GUARD, Exit.SIDE])
@pytest.mark.parametrize(("command", "called"), [("run", "run_once"), ("resync", "resync")])
def test_a_run_ends_with_its_own_exit_code(settings, call, answer, command, called, exit_code):
    answer(called, run_report(exit_code))

    assert call(command, "-c", settings()).exit_code == exit_code


@pytest.mark.parametrize(("command", "called"), [("run", "run_once"), ("resync", "resync"), ("retry", "run_once")])
def test_a_run_that_broke_off_while_writing_says_why_on_the_standard_error(
    settings, state, call, answer, command, called
):
    failures = {Side.SAGE100: Failure("unreachable", "link failure"), Side.SSM: Failure("quota", "too many")}
    answer(called, replace(run_report(Exit.SIDE), failures=failures, retried=RETRIED))

    result = call(command, *(["2"] if command == "retry" else []), "-c", settings())

    assert result.exit_code == Exit.SIDE
    assert "link failure" in result.stderr
    assert "requests_per_second" in result.stderr


@pytest.mark.parametrize(
    ("error", "exit_code", "words"),
    [
        (ConfigurationError("login_refused", side="ssm", text="no"), 2, "Sage Sales Management a refusé la connexion"),
        (SideUnavailableError("unreachable", side="sage100", text="down"), 4, "Sage 100"),
        (SideUnavailableError("a_code_of_tomorrow", side="ssm", text="what SSM said"), 4, "what SSM said"),
        (AnotherRun("srv:12", NOON), 5, "srv:12"),
        (ZeroDivisionError("by hunter2"), 70, "erreur inattendue"),
    ],
)
def test_what_ends_a_run_is_one_sentence_on_the_standard_error_and_an_exit_code(
    settings, call, answer, error, exit_code, words
):
    answer("run_once", error)

    result = call("run", "--json", "-c", settings())

    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert words in result.stderr.replace("\N{NO-BREAK SPACE}", " ").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.stderr


def test_the_traceback_of_a_fault_is_kept_in_a_file_that_its_owner_alone_can_read(
    settings, call, answer, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer("run_once", ZeroDivisionError("for once"))

    result = call("run", "-c", settings())

    (kept,) = Path(tmp_path).glob("*.traceback.txt")
    assert str(kept) in result.stderr.replace("\n", "")
    assert "ZeroDivisionError: for once" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_the_options_that_lift_guards_reach_the_run(settings, call, answer):
    called = answer("run_once", run_report(Exit.DONE))

    call("run", "--allow-deletions", "-c", settings())
    lifted_deletions = called.kwargs["options"]
    call("run", "--allow-mass-change", "-c", settings())
    lifted_others = called.kwargs["options"]

    assert (lifted_deletions.allow_deletions, lifted_deletions.allow_mass_change) == (True, False)
    assert (lifted_others.allow_deletions, lifted_others.allow_mass_change) == (False, True)
    assert lifted_deletions.by == getpass.getuser()


@pytest.mark.parametrize(
    ("report", "options", "exit_code"),
    [
        (PlanReport([], []), [], 0),
        (PlanReport([], []), ["--exit-code"], 0),
        (PlanReport([], [UPDATE]), [], 0),
        (PlanReport([], [UPDATE]), ["--exit-code"], 1),
        (PlanReport([], [], [DELETION], Exit.GUARD), ["--exit-code"], 3),
        (PlanReport([UPDATE], [], [], Exit.SIDE), ["--exit-code"], 4),
    ],
)
def test_a_plan_ends_as_the_run_would_and_with_1_only_when_asked(settings, call, answer, report, options, exit_code):
    answer("plan_once", report)

    assert call("plan", *options, "-c", settings()).exit_code == exit_code


def test_a_plan_marks_deletions_and_gives_the_reason_of_what_is_held_back(settings, call, answer):
    held = PlannedWrite(Action.DELETE, CLAIRE, {}, "deletion_guard")
    answer("plan_once", PlanReport([DELETION], [UPDATE], [held], Exit.GUARD))

    shown = call("plan", "-c", settings("en")).stdout

    assert "✗ delete" in shown
    assert "phone 01 99 00 10 00 → 01 99 00 10 01" in shown
    assert re.search(r"Held by\s.*delete  Claire Morel \(CARAT\) +Guard: deletions", shown, re.DOTALL)


def test_p15_a_plan_says_how_many_contacts_carry_the_mark_of_another_company_database(settings, call, answer):
    answer("plan_once", PlanReport([], [], other_databases={"AUTRE": 12, "COPIE": 3}))

    shown = call("plan", "-c", settings("en")).stdout

    assert "the mark of another company database: 15. Database (contacts): AUTRE (12), COPIE (3)" in " ".join(
        shown.split()
    )


@pytest.mark.parametrize(
    "words", [["run", "--nonsense"], ["nonsense"], ["run", "extra"], ["serve", "--every", "0"], ["explain"]]
)
def test_a_call_that_is_not_understood_ends_with_2(call, words):
    assert call(*words).exit_code == 2


@pytest.mark.parametrize(
    "command", ["check", "plan", "run", "serve", "resync", "status", "problems", "journal", "links"]
)
def test_every_command_refuses_faulty_settings_in_their_language_and_names_the_key(tmp_path, call, command):
    file = tmp_path / "sync.yaml"
    file.write_text("language: en\npolicy: {conflit: ssm}\nsage100: {}\nssm: {public_key: [hunter2]}\n")

    result = call(command, "-c", file)

    assert result.exit_code == 2
    assert 'policy.conflit: there is no such setting. Did you mean "conflict"?' in result.stderr
    assert "sage100.company: this setting is required." in result.stderr
    assert "hunter2" not in result.stderr


def test_the_sample_company_is_checked_planned_synchronised_and_then_quiet(tmp_path, call):
    with sample_installation(tmp_path) as place:
        before = call("plan", "--json", "-c", place.settings)
        run = call("run", "--json", "-c", place.settings)
        after = call("plan", "--exit-code", "-c", place.settings)

    planned, done = json.loads(before.stdout), json.loads(run.stdout)
    assert (before.exit_code, run.exit_code, after.exit_code) == (0, 0, 0)
    assert list(done) == [
        "run_id", "started_at", "finished_at", "status", "sage100", "ssm", "linked", "problems_opened",
        "problems_closed", "problems_open", "notices",
    ]  # fmt: skip
    created = [sum(one["action"] == "create" for one in planned[side]) for side in ("sage100", "ssm")]
    assert created == [done["sage100"]["created"], done["ssm"]["created"]]
    assert "step" not in run.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_guard_is_told_with_its_figures_and_the_switch_that_lifts_it(settings, call, answer, command, options):
    guard = Entry(Subject(), DeletionGuard(Side.SSM, 7, limit=3))
    held = PlannedWrite(Action.DELETE, CLAIRE, {}, "deletion_guard")
    answer("run_once", replace(run_report(Exit.GUARD), guards=(guard,)))
    answer("plan_once", PlanReport([], [], [held], Exit.GUARD, (guard,)))

    result = call(command, *options, "-c", settings("en"))

    assert result.exit_code == 3
    assert "7" in result.stderr
    assert "--allow-deletions" in result.stderr
