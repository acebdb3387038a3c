"""The state of the synchronisation, from what is stored alone: neither side is asked."""

from dataclasses import dataclass
from datetime import datetime

from sage100_ssm.app.schedule import CLOCK_TOLERANCE, Schedule, last_synchronisation, recall_schedule
from sage100_ssm.sync.state.records import JournalEntry, LinkCounts, RunRow
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The state of the synchronisation.

    Attributes:
        now: the time of the report.
        last_run: the last run for all contacts, or the one under way; None before the first. A ``retry`` is none.
        schedule: the schedule of ``serve``; None where it is not running.
        problems: the open problems, but for those that a person accepted (P16).
        links: how many living links there are.
    """

    now: datetime
    last_run: RunRow | None
    schedule: Schedule | None
    problems: tuple[JournalEntry, ...]
    links: LinkCounts

    @property
    def next_run(self) -> datetime | None:
        """When the next run is due; None where none is scheduled."""
        return self.schedule.next_after(self.now) if self.schedule else None

    @property
    def late_since(self) -> datetime | None:
        """When the run was due that did not take place: ``serve`` was killed, or hangs; None where all is well."""
        return self.schedule.late_since(self.last_run, self.now) if self.schedule else None

    @property
    def ahead_of_clock(self) -> datetime | None:
        """The latest time that is stored as past and is still to come, as the clock was set back; None if none is."""
        stored = [self.last_run.started_at] if self.last_run else []
        stored += [self.schedule.since] if self.schedule else []
        return max((time for time in stored if time > self._latest_possible), default=None)

    @property
    def _latest_possible(self) -> datetime:
        return self.now + CLOCK_TOLERANCE


def read_status(transaction: Transaction, now: datetime) -> StatusReport:
    """The state of the synchronisation at a time."""
    opened = transaction.open_problems()
    accepted = transaction.decisions.accepted(opened)
    return StatusReport(
        now=now,
        last_run=last_synchronisation(transaction),
        schedule=recall_schedule(transaction),
        problems=tuple(known for known in opened if known.id not in accepted),
        links=transaction.count_links(),
    )
