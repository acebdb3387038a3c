"""When the runs of ``serve`` are due, remembered so that ``status`` can tell without asking Prefect."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction

_KEY = "schedule"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Runs at an interval.

    Attributes:
        since: when the first one is due.
        every: from one to the next.
    """

    since: datetime
    every: timedelta

    def next_after(self, now: datetime) -> datetime:
        """Tell when the next run is due."""
        gone = (now - self.since) // self.every
        return self.since + max(gone + 1, 0) * self.every


def remember_schedule(state: str, schedule: Schedule | None) -> None:
    """Keep the schedule in the state; None where nothing is due by itself any more."""
    fact = schedule and {"since": schedule.since.isoformat(), "every_seconds": schedule.every.total_seconds()}
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.remember(_KEY, fact)


def recall_schedule(memory: Transaction) -> Schedule | None:
    """Tell the schedule of the ``serve`` that is running, or was killed; None where there is none."""
    fact = memory.recall(_KEY)
    if fact is None:
        return None
    return Schedule(datetime.fromisoformat(fact["since"]), timedelta(seconds=fact["every_seconds"]))
