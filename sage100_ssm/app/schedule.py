"""The schedule of ``serve``, stored in the state so that ``status`` knows the next run, and a missed one, by itself."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction

_KEY = "schedule"

CLOCK_TOLERANCE = timedelta(minutes=2)
"""How far ahead a stored time may be: that of another machine, or the first run of a ``serve`` that begins."""


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

    def late_since(self, last_run: RunRow | None, now: datetime) -> datetime | None:
        """When the run was due that did not take place: ``serve`` was killed, or hangs; None where all is well."""
        # A run may start late; only one that has not started a whole interval after it was due is missed.
        due = self.next_after(now) - 2 * self.every
        # What was stored by a clock that was ahead proves neither that a run took place nor that none was due yet.
        latest_possible = now + CLOCK_TOLERANCE
        has_started = last_run is not None and due <= last_run.started_at <= latest_possible
        was_scheduled = self.since <= due or self.since > latest_possible
        return due if was_scheduled and not has_started else None


def spread(since: datetime, every: timedelta, companies: int) -> list[Schedule]:
    """A schedule for each of several companies, the first one's from a moment on, evenly over the interval."""
    return [Schedule(since + every * number / companies, every) for number in range(companies)]


def offset_of(company: str, every: timedelta) -> timedelta:
    """How much later than others a company's runs begin where nobody knows the other companies: always the same."""
    part = int.from_bytes(hashlib.sha256(company.encode()).digest()[:4]) / 2**32
    return timedelta(seconds=int(part * every.total_seconds()))


@contextmanager
def remembered_schedule(state: str, schedule: Schedule) -> Iterator[None]:
    """Store the schedule in the state while the block lasts."""
    remember_schedule(state, schedule)
    try:
        yield
    finally:
        forget_schedule(state, schedule)


def remember_schedule(state: str, schedule: Schedule) -> None:
    """Store the schedule in the state."""
    fact = {"since": schedule.since.isoformat(), "every_seconds": schedule.every.total_seconds()}
    with StateStore.open(state) as store, store.transaction() as transaction:
        transaction.remember(_KEY, fact)


def forget_schedule(state: str, schedule: Schedule) -> None:
    """Remove the schedule from the state."""
    with StateStore.open(state) as store, store.transaction() as transaction:
        # Another one's, on another machine with the same state, stays.
        if recall_schedule(transaction) == schedule:
            transaction.remember(_KEY, None)


def recall_schedule(transaction: Transaction) -> Schedule | None:
    """The schedule of the ``serve`` that is running, or was killed; None where there is none."""
    fact = transaction.recall(_KEY)
    if fact is None:
        return None
    return Schedule(datetime.fromisoformat(fact["since"]), timedelta(seconds=fact["every_seconds"]))


def last_synchronisation(transaction: Transaction) -> RunRow | None:
    """The last run for all contacts, or the one under way; None before the first. A ``retry`` is none."""
    # Years of runs are not read for it: there is seldom more than one retry after a run.
    for limit in (1, 20, None):
        if found := next((run for run in transaction.runs(limit) if not run.is_retry), None):
            return found
    return None
