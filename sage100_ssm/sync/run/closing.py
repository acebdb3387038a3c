"""The last step of a run: bring the journal up to date, note when refused writes are tried again, close the run."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.sync.failures import Exit, SyncError
from sage100_ssm.sync.journal import Code, Entry, SideUnreachable, Subject
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.planning.backoff import BACKED_OFF, fingerprint_of, next_try
from sage100_ssm.sync.planning.flapping import Rewrites
from sage100_ssm.sync.planning.one_way import OneWay
from sage100_ssm.sync.planning.plan import Chosen, Figures, Plan, ids_of
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.run.context import Run
from sage100_ssm.sync.run.guard import Guarded
from sage100_ssm.sync.run.observe import Seen, unreachable
from sage100_ssm.sync.run.report import RunReport, TooFast
from sage100_ssm.sync.run.retried import retried
from sage100_ssm.sync.state.records import JournalEntry, RunRow, RunStatus

_KNOWN_BY_WRITING = frozenset({*BACKED_OFF, Code.RECORD_LOCKED})
"""Problems of which only another write can show whether they are gone."""


@dataclass(slots=True)
class _Unwritten:
    """What writes that were not tried are about; of the writes themselves, with their contacts, none is kept.

    Attributes:
        fields: by contact, and by company, the fields that would have been written; None for a write without any.
    """

    fields: defaultdict[object, set[str | None]] = default(default_factory=lambda: defaultdict(set))

    def add(self, writes: Iterable[Write]) -> None:
        """Add writes."""
        for write in writes:
            for key in (*ids_of(write.subject), write.subject.company):
                self.fields[key] |= write.changes.keys() or {None}

    def may_show(self, problem: Entry) -> bool:
        """Whether one of the writes, if it were done, could show that a problem is gone."""
        about: Sequence[object] = ids_of(problem.subject) or [problem.subject.company]
        fields = set().union(*(self.fields.get(key, ()) for key in about))
        return bool(fields) if problem.field is None else not fields.isdisjoint({None, problem.field})


@dataclass(slots=True)
class CarriedOut:
    """What the rounds of a run came to, as far as others after them and its report need it.

    A round itself, with all contacts that it looked at, is not kept.

    Attributes:
        seen: what the last round was decided on; None before the first.
        forbids_all: whether a guard forbade all writing.
        rewrites: the rewrites of all rounds, as they are remembered.
        figures: what the guards counted in the plans of all rounds.
        problems: what is held back, and why.
        guards: the guards that withheld something.
        one_way: whether nothing is written into Sage, and why (P18).
        withheld: what the writes that were withheld are about.
        asleep: the contacts whose link sleeps at the end of the run, by side and id.
        chosen: the contacts that a person had tried again, and the plan for them; None for any other run.
    """

    seen: Seen | None = None
    forbids_all: bool = False
    rewrites: Rewrites | None = None
    figures: Figures = default(default_factory=Figures)
    problems: list[Entry] = default(default_factory=list)
    guards: tuple[Entry, ...] = ()
    one_way: OneWay | None = None
    withheld: _Unwritten = default(default_factory=_Unwritten)
    asleep: set[tuple[Side, int | None]] = default(default_factory=set)
    chosen: tuple[tuple[Subject, ...], Plan] | None = None

    def add(self, guarded: Guarded, number: int | None = None) -> None:
        """Add a round that was carried out.

        Args:
            guarded: the round.
            number: the problem whose contacts were tried again; None for any other run.
        """
        decided, plan = guarded.decided, guarded.plan
        self.seen, self.rewrites = decided.seen, guarded.rewrites
        self.figures += decided.plan.figures
        self.forbids_all |= guarded.forbids_all
        self.problems += (*plan.problems, *guarded.guards, *decided.problems, *guarded.problems)
        # A guard counts all rounds together, so that it says the same in each.
        self.guards = self.guards or guarded.guards
        left = self.one_way.left if self.one_way else 0
        self.one_way = decided.one_way and replace(decided.one_way, left=decided.one_way.left + left)
        self.withheld.add(withheld.write for withheld in plan.withheld)
        links = {link.id: link for link in (*decided.world.links, *plan.links)}
        asleep = [link for link in links.values() if link.status is LinkStatus.ASLEEP]
        self.asleep |= {pair for k in asleep for pair in ((Side.SAGE100, k.sage100_id), (Side.SSM, k.ssm_id))}
        about = [problem.entry.contacts for problem in decided.open_problems if problem.id == number]
        self.chosen = (about[0], plan) if about else None

    def is_stopped(self, run: Run) -> bool:
        """Whether no other round may follow: a guard forbids it, a side does not answer, one contact alone is tried."""
        is_alone = self.seen is not None and self.seen.alone is not None
        return self.forbids_all or is_alone or bool(self.failures(run))

    def failures(self, run: Run) -> dict[Side, Failure]:
        """Per side that could not be read or written to the end, why."""
        return {**(self.seen.observation.failures if self.seen else {}), **run.tally.failures}

    def keeps(self, known: JournalEntry) -> bool:
        """Whether an open problem that the run did not meet stays open all the same: it was not looked at."""
        subject, code = known.entry.subject, known.entry.code
        alone = self.seen.alone if self.seen else None
        # P10: of a side that is known in part, nobody knows what it would still show.
        is_partial = self.seen is not None and not all(self.seen.observation.complete.values())
        if self.forbids_all or is_partial or (alone is not None and subject not in alone):
            return True
        if code in _KNOWN_BY_WRITING and self.withheld.may_show(known.entry):
            return True
        # P1, P13: a conflict that a person must settle was not looked at while its link sleeps.
        return code is Code.CONFLICT and not self.asleep.isdisjoint(ids_of(subject))


def close(run: Run, done: CarriedOut, companies_left: int) -> RunReport:
    """Bring the journal up to date and close the run.

    Args:
        run: the run.
        done: what its rounds came to.
        companies_left: the number of companies that it had no time to look at.
    """
    failures = done.failures(run)
    problems = [*done.problems, *(unreachable(side, failure) for side, failure in run.tally.failures.items())]
    return _close(run, problems, exit_code_of(failures.values(), done.guards), done, companies_left)


def close_failed(run: Run, error: Exception) -> RunReport:
    """Close a run that ended early: open problems stay open.

    Args:
        run: the run.
        error: why it ended.
    """
    if not isinstance(error, SyncError):
        return _close(run, [], Exit.FAULT)
    problems = list(error.problems)
    if not problems and "side" in error.params:
        # R10: the side could be read, but the run cannot work with it.
        facts = SideUnreachable(Side(error.params["side"]), error.params.get("text"), reason=error.code)
        problems = [Entry(Subject(), facts)]
    return _close(run, problems, error.exit_code)


def exit_code_of(failures: Collection[Failure], guards: Sequence[Entry]) -> Exit:
    """How the operator's command ends.

    Args:
        failures: why sides could not be read or written to the end.
        guards: the guards that withheld something.
    """
    if any(failure.configuration for failure in failures):
        return Exit.CONFIGURATION
    if failures:
        return Exit.SIDE
    return Exit.GUARD if guards else Exit.DONE


def _close(
    run: Run,
    problems: Sequence[Entry],
    exit_code: Exit,
    done: CarriedOut | None = None,
    companies_left: int = 0,
) -> RunReport:
    tally, now = run.tally, run.context.now
    if done:
        done.withheld.add(tally.postponed)
    met = [*problems, *(entry for entry, _ in tally.refusals)]
    looked = done if exit_code in (Exit.DONE, Exit.GUARD) else None
    with run.transaction() as transaction:
        opened, closed = transaction.report_problems(
            # Only a run that looked at everything, and believes what it saw, closes a problem that it did not meet.
            met,
            now=now(),
            run_id=run.run_id,
            keep=lambda known: looked is None or looked.keeps(known),
        )
        open_problems = transaction.open_problems()
        for problem in open_problems:
            if problem.entry.code in BACKED_OFF and (writes := refused_writes(problem, tally.refusals)):
                tries, refused = problem.tries + 1, fingerprint_of(problem.entry, *writes)
                transaction.schedule(problem.id, tries=tries, next_try_at=next_try(tries, now()), fingerprint=refused)
        report = RunReport(
            run_id=run.run_id,
            started_at=run.started_at,
            finished_at=now(),
            status={Exit.DONE: RunStatus.DONE, Exit.GUARD: RunStatus.HELD}.get(exit_code, RunStatus.FAILED),
            exit_code=exit_code,
            sage100=tally.counts[Side.SAGE100],
            ssm=tally.counts[Side.SSM],
            ssm_requests=run.context.ssm.requests,
            linked=transaction.count_links().total,
            problems_opened=opened,
            problems_closed=closed,
            problems_open=len(open_problems),
            notices=tally.notices,
            postponed=len(tally.postponed),
            companies_left=companies_left,
            guards=done.guards if done else (),
            retried=retried(*done.chosen, tally, open_problems) if done and done.chosen else None,
            too_fast=TooFast.seen_by(run.context.ssm),
            one_way=done.one_way if done else None,
            whole_read=done.seen.observation.going_on if done and done.seen else None,
            failures=done.failures(run) if done else {},
        )
        forgotten = transaction.forget_expired(run.context.site.retention, now())
        transaction.finish_run(
            RunRow(
                run.run_id,
                report.started_at,
                report.finished_at,
                report.status,
                report.counts() | run.context.options.mark,
                int(exit_code),
            )
        )
    if forgotten:
        run.context.store.erase_leftovers()
    return report


def refused_writes(problem: JournalEntry, refusals: Iterable[tuple[Entry, Write]]) -> list[Write]:
    """The writes that this run had refused and that an open problem is about: several where they have one cause."""
    about, contacts = _what(problem.entry), Chosen(problem.entry.contacts)
    return [write for entry, write in refusals if _what(entry) == about and entry.subject in contacts]


def _what(entry: Entry) -> tuple[object, ...]:
    return entry.code, entry.field, entry.cause
