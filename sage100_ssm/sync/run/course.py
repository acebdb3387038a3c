"""The course of a run: the steps in their order, each given what the ones before it found.

The order is here and nowhere else. An ordinary run, a retry, a rehearsal and a rebuilding of links are courses over
the same steps; how a step is taken (directly, with progress shown, as a Prefect task) is the caller's business.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Protocol, TypeVar

from sage100_ssm.sync.failures import SyncError
from sage100_ssm.sync.run.apply import apply
from sage100_ssm.sync.run.closing import CarriedOut, close, close_failed, exit_code_of
from sage100_ssm.sync.run.context import Context, Run
from sage100_ssm.sync.run.guard import guard, links_only
from sage100_ssm.sync.run.observation import known_locations, remember_rebuilding
from sage100_ssm.sync.run.observe import observe, observe_and_remember, remember_deletion_settings
from sage100_ssm.sync.run.pairs import Candidates, candidates
from sage100_ssm.sync.run.report import PlanReport, RunReport, planned
from sage100_ssm.sync.run.rounds import Rounds

ResultT = TypeVar("ResultT")


class Step(StrEnum):
    """The steps by name; ``step_<name>`` is their sentence for users."""

    OBSERVE = "observe"
    PLAN = "plan"
    LINKS = "links"
    GUARD = "guard"
    APPLY = "apply"
    REPORT = "report"


class Take(Protocol):
    """How a step is taken."""

    def __call__(self, step: Step, action: Callable[[], ResultT], /) -> ResultT:
        """Take the step and return what it found."""
        ...


def synchronise(run: Run, take: Take) -> RunReport:
    """One synchronisation, of all contacts or of the one that ``retry`` names.

    Raises:
        SyncError, StateError: the run ended early. It is recorded as failed; a ``SyncError`` has its report.
    """
    with _recorded_if_it_fails(run):
        seen = take(Step.OBSERVE, lambda: observe_and_remember(run))
        rounds, done = Rounds(run.context, seen), CarriedOut()
        while rounds.are_left and not done.is_stopped(run) and not (done.seen and run.is_over):
            _carry_out(run, rounds, done, take)
        _note_that_all_were_looked_at(run, rounds, done)
        # Where no other round may follow, it is not time that was missing.
        left = 0 if done.is_stopped(run) else rounds.companies_left
        return take(Step.REPORT, lambda: close(run, done, left))


def _note_that_all_were_looked_at(run: Run, rounds: Rounds, done: CarriedOut) -> None:
    # P9: for those whom no round has looked at, or a retry left out, the next run is the first with changed settings.
    if not (rounds.are_left or done.is_stopped(run)):
        remember_deletion_settings(run)


def _carry_out(run: Run, rounds: Rounds, done: CarriedOut, take: Take) -> None:
    """One round, of which nothing stays in memory but what it came to."""
    decided = take(Step.PLAN, rounds.decide_next)
    guarded = take(Step.GUARD, lambda: guard(run.context, decided, done.rewrites, done.figures))
    take(Step.APPLY, lambda: apply(run, guarded))
    done.add(guarded, run.context.options.problem)


def relink(run: Run, take: Take) -> RunReport:
    """Rebuild links and observations; neither side is written (``resync``).

    Raises:
        SyncError, StateError: as ``synchronise``.
    """
    with _recorded_if_it_fails(run):
        seen = take(Step.OBSERVE, lambda: observe_and_remember(run))
        rounds, done = Rounds(run.context, seen), CarriedOut()
        while rounds.are_left and not done.is_stopped(run):
            _link(run, rounds, done, take)
        _note_that_all_were_looked_at(run, rounds, done)
        if not done.is_stopped(run):
            with run.transaction() as transaction:
                remember_rebuilding(transaction, run.context.now())
        report = take(Step.REPORT, lambda: close(run, done, companies_left=0))
        with run.context.store.transaction() as transaction:
            return replace(report, locations=known_locations(transaction))


def _link(run: Run, rounds: Rounds, done: CarriedOut, take: Take) -> None:
    """One round that writes on neither side."""
    guarded = links_only(take(Step.PLAN, rounds.decide_next))
    take(Step.LINKS, lambda: apply(run, guarded))
    done.add(guarded)


def rehearse(context: Context, take: Take) -> PlanReport:
    """What a run would do. It has no lease, and nothing is changed anywhere, the state included.

    Raises:
        SyncError, StateError: a run would end early.
    """
    seen = take(Step.OBSERVE, lambda: observe(context))
    decided = take(Step.PLAN, Rounds(context, seen, in_one=True).decide_next)
    guarded = take(Step.GUARD, lambda: guard(context, decided))
    marks, own = decided.world.marks_by_database(), context.site.own_databases
    others = {database: number for database, number in marks.items() if database not in own}
    exit_code = exit_code_of(guarded.decided.seen.observation.failures.values(), guarded.guards)
    report = planned(guarded.plan, decided.world.marks, exit_code, guarded.guards)
    return replace(report, other_databases=others, one_way=decided.one_way)


def find_pairs(context: Context, take: Take) -> list[Candidates]:
    """Who is the same person on both sides, as a run would decide; nothing is changed anywhere (``match``).

    Raises:
        SyncError, StateError: a run would end early.
    """
    seen = take(Step.OBSERVE, lambda: observe(context))
    decided = take(Step.PLAN, Rounds(context, seen, in_one=True).decide_next)
    return candidates(decided.plan, decided.world, decided.open_problems)


@contextmanager
def _recorded_if_it_fails(run: Run) -> Iterator[None]:
    try:
        yield
    except SyncError as error:
        error.report = close_failed(run, error).as_json()
        raise
    except Exception as error:
        close_failed(run, error)
        raise
