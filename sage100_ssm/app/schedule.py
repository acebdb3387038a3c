"""The schedule of ``serve``, stored in the state so that ``status`` knows the next run without asking Prefect."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction

_KEY = "schedule"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Runs at an interval.

    Attributes:
        since: when the first run is due.
        every: the time from one run to the next.
    """

    since: datetime
    every: timedelta

    def next_after(self, now: datetime) -> datetime:
        """When the next run is due, also where the clock was set back behind the first one."""
        runs_due = (now - self.since) // self.every + 1
        return self.since + runs_due * self.every


@contextmanager
def remembered_schedule(state: str, schedule: Schedule) -> Iterator[None]:
    """Store the schedule in the state while the block lasts."""
    remember_schedule(state, schedule)
    try:
        yield
    finally:
        with StateStore.open(state) as store, store.transaction() as transaction:
            # Another one's, on another machine with the same state, stays.
            if recall_schedule(transaction) == schedule:
                transaction.remember(_KEY, None)


def remember_schedule(state: str, schedule: Schedule) -> None:
    """Store the schedule in the state."""
    fact = {"since": schedule.since.isoformat(), "every_seconds": schedule.every.total_seconds()}
    with StateStore.open(state) as store, store.transaction() as transaction:
        transaction.remember(_KEY, fact)


def recall_schedule(transaction: Transaction) -> Schedule | None:
    """The schedule of the ``serve`` that is running, or was killed; None where there is none."""
    fact = transaction.recall(_KEY)
    if fact is None:
        return None
    return Schedule(datetime.fromisoformat(fact["since"]), timedelta(seconds=fact["every_seconds"]))
