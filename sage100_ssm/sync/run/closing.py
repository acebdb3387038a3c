"""The last step of a run: bring the journal up to date, note when refused writes are tried again, close the run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sage100_ssm.sync.failures import Exit, SyncError
from sage100_ssm.sync.journal import Code, Entry, SideUnreachable, Subject
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.planning.backoff import BACKED_OFF, fingerprint_of, next_try
from sage100_ssm.sync.planning.plan import Chosen, is_about
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.run.context import Run
from sage100_ssm.sync.run.guard import Guarded
from sage100_ssm.sync.run.observe import unreachable
from sage100_ssm.sync.run.report import RunReport, Tally, TooFast
from sage100_ssm.sync.run.retried import Retried, retried
from sage100_ssm.sync.state.records import JournalEntry, RunRow, RunStatus

_KNOWN_BY_WRITING = frozenset({*BACKED_OFF, Code.RECORD_LOCKED})
"""Problems of which only another write can show whether they are gone."""


def close(run: Run, guarded: Guarded) -> RunReport:
    """Bring the journal up to date and close the run."""
    problems = [
        *guarded.plan.problems,
        *guarded.guards,
        *guarded.decided.problems,
        *guarded.problems,
        *(unreachable(side, failure) for side, failure in run.tally.failures.items()),
    ]
    return _close(run, problems, exit_code_of(guarded, run.tally), guarded)


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


def exit_code_of(guarded: Guarded, tally: Tally | None = None) -> Exit:
    """How the operator's command ends.

    Args:
        guarded: what may be carried out.
        tally: what the writes came to; None for a rehearsal.
    """
    failures = [*guarded.decided.seen.observation.failures.values(), *(tally.failures.values() if tally else ())]
    if any(failure.configuration for failure in failures):
        return Exit.CONFIGURATION
    if failures:
        return Exit.SIDE
    return Exit.GUARD if guarded.guards else Exit.DONE


def _close(run: Run, problems: Sequence[Entry], exit_code: Exit, guarded: Guarded | None = None) -> RunReport:
    tally, now = run.tally, run.context.now
    met = [*problems, *(entry for entry, _ in tally.refusals)]
    remaining = _Remaining.after(guarded, tally) if guarded and exit_code in (Exit.DONE, Exit.GUARD) else None
    with run.transaction() as transaction:
        opened, closed = transaction.report_problems(
            # Only a run that looked at everything, and believes what it saw, closes a problem that it did not meet.
            met,
            now=now(),
            run_id=run.run_id,
            keep=lambda known: remaining is None or remaining.keeps(known),
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
            guards=guarded.guards if guarded else (),
            retried=_retried(run, guarded, open_problems) if guarded else None,
            too_fast=TooFast.seen_by(run.context.ssm),
            one_way=guarded.decided.one_way if guarded else None,
            failures={**guarded.decided.seen.observation.failures, **tally.failures} if guarded else {},
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


def _retried(run: Run, guarded: Guarded, open_problems: Sequence[JournalEntry]) -> Retried | None:
    """What became of the contacts that a person had tried again; None for any other run."""
    about = [p.entry.contacts for p in guarded.decided.open_problems if p.id == run.context.options.problem]
    return retried(about[0], guarded.plan, run.tally, open_problems) if about else None


def refused_writes(problem: JournalEntry, refusals: Iterable[tuple[Entry, Write]]) -> list[Write]:
    """The writes that this run had refused and that an open problem is about: several where they have one cause."""
    about, contacts = _what(problem.entry), Chosen(problem.entry.contacts)
    return [write for entry, write in refusals if _what(entry) == about and entry.subject in contacts]


def _what(entry: Entry) -> tuple[object, ...]:
    return entry.code, entry.field, entry.cause


def _may_show(write: Write, problem: Entry) -> bool:
    """Whether a write, if it were done, could show that a problem is gone."""
    is_of_field = problem.field is None or not write.changes or problem.field in write.changes
    return is_of_field and is_about(write.subject, problem.subject)


@dataclass(frozen=True, slots=True)
class _Remaining:
    """What a run has not looked at, so that its open problems stay open although the run did not meet them.

    Attributes:
        alone: the only contacts that the run was about; None for all.
        believes_nothing: whether a guard forbade all writing.
        unwritten: the writes that were withheld or postponed.
        asleep: the contacts whose link sleeps at the end of the run, by side and id.
    """

    alone: Chosen | None
    believes_nothing: bool
    unwritten: Sequence[Write]
    asleep: frozenset[tuple[Side, int | None]]

    @classmethod
    def after(cls, guarded: Guarded, tally: Tally) -> "_Remaining":
        """What a run has not looked at, once its writes are done."""
        links = {link.id: link for link in (*guarded.decided.world.links, *guarded.plan.links)}
        asleep = [link for link in links.values() if link.status is LinkStatus.ASLEEP]
        return cls(
            guarded.decided.seen.alone,
            guarded.forbids_all,
            (*tally.postponed, *(withheld.write for withheld in guarded.plan.withheld)),
            frozenset(pair for k in asleep for pair in ((Side.SAGE100, k.sage100_id), (Side.SSM, k.ssm_id))),
        )

    def keeps(self, known: JournalEntry) -> bool:
        """Whether an open problem that the run did not meet stays open all the same."""
        subject, code = known.entry.subject, known.entry.code
        if self.believes_nothing or (self.alone is not None and subject not in self.alone):
            return True
        if code in _KNOWN_BY_WRITING and any(_may_show(write, known.entry) for write in self.unwritten):
            return True
        # P1, P13: a conflict that a person must settle was not looked at while its link sleeps.
        contacts = ((Side.SAGE100, subject.sage100_id), (Side.SSM, subject.ssm_id))
        return code is Code.CONFLICT and not self.asleep.isdisjoint(contacts)
