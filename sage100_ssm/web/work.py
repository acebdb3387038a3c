"""What the page's jobs do, by the same functions as the commands.

Those are imported when a job begins: they load the Airbyte CDK, for which a page that only looks does not wait.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.progress import Progress, in_words
from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import say
from sage100_ssm.sync.failures import SyncError
from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.sync.run.course import Step
from sage100_ssm.sync.run.pace import Writing
from sage100_ssm.sync.run.pairs import Candidates
from sage100_ssm.sync.run.report import PlanReport, RunReport
from sage100_ssm.sync.run.retried import Retried
from sage100_ssm.sync.state.errors import AnotherRun, StateError
from sage100_ssm.web.jobs import Job

_ABOUT_ONE = frozenset({"problem_solved", "problem_unknown"})
"""The errors that are about one problem alone."""


@dataclass(frozen=True, slots=True)
class RetryOutcome:
    """What became of one problem that was tried again.

    Attributes:
        problem: its number.
        retried: what became of its contacts; None where they could not be tried.
        failure: why they could not be, in words.
    """

    problem: int
    retried: Retried | None = None
    failure: str | None = None


def run(settings: Settings, options: RunOptions, job: Job) -> RunReport:
    """One synchronisation."""
    from sage100_ssm.app.assemble import run_once

    return run_once(settings, options, _progress(job), _waiting(job))


def retry(settings: Settings, problems: Sequence[int], job: Job) -> list[RetryOutcome]:
    """Try the contacts of problems again, one problem after the other, until one cannot be tried at all."""
    from sage100_ssm.app.assemble import run_once

    job.parts = len(problems)
    outcomes = []
    for number in problems:
        try:
            report = run_once(settings, RunOptions(problem=number), _progress(job), _waiting(job))
            outcomes.append(RetryOutcome(number, report.retried))
        except (SyncError, StateError) as error:
            # One that is solved already says nothing about the others; a side that cannot be reached does.
            if not isinstance(error, SyncError) or error.code not in _ABOUT_ONE:
                outcomes.append(RetryOutcome(number, failure=ending_after(error, job.language).message))
                break
            outcomes.append(RetryOutcome(number, failure=say("web_problem_gone", job.language)))
        job.done += 1
    return outcomes


def plan(settings: Settings, job: Job) -> PlanReport:
    """What a run would do."""
    from sage100_ssm.app.assemble import plan_once

    return plan_once(settings, _progress(job))


def pairs(settings: Settings, job: Job) -> list[Candidates]:
    """Who is the same person on both sides, who may be."""
    from sage100_ssm.app.assemble import match_once

    return match_once(settings, _progress(job))


def _progress(job: Job) -> Progress:
    def show(event: Step | Writing) -> None:
        key, named = in_words(event)
        job.step = say(key, job.language, **named)

    return show


def _waiting(job: Job) -> Callable[[AnotherRun], None]:
    def show(other: AnotherRun) -> None:
        job.step = say("another_run_watched", job.language, owner=other.owner)

    return show
