"""How the synchronisation stands, from what is remembered alone."""

from dataclasses import dataclass
from datetime import datetime

from sage100_ssm.app.schedule import Schedule, recall_schedule
from sage100_ssm.sync.model import Link
from sage100_ssm.sync.state.records import JournalEntry, RunRow
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Standing:
    """How the synchronisation stands.

    Attributes:
        now: when that was.
        last_run: the last run, or the one under way; None before the first.
        schedule: that of ``serve``; None where it is not running.
        problems: those that are open.
        links: the living ones.
    """

    now: datetime
    last_run: RunRow | None
    schedule: Schedule | None
    problems: tuple[JournalEntry, ...]
    links: tuple[Link, ...]

    @property
    def next_run(self) -> datetime | None:
        """When the next run is due; None where none is due by itself."""
        return self.schedule.next_after(self.now) if self.schedule else None

    @property
    def late_since(self) -> datetime | None:
        """When a run was due that has not begun a whole interval later: ``serve`` was killed, or hangs."""
        if self.schedule is None or self.next_run is None:
            return None
        due = self.next_run - 2 * self.schedule.every
        began = self.last_run is not None and self.last_run.started_at >= due
        return None if began or due < self.schedule.since else due


def standing_of(memory: Transaction, now: datetime) -> Standing:
    """Read how the synchronisation stands."""
    last_run = next(iter(memory.runs(limit=1)), None)
    return Standing(now, last_run, recall_schedule(memory), tuple(memory.open_problems()), tuple(memory.links()))
