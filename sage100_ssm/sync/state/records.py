"""What the state returns besides links and intents: the lease, journal entries, runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from enum import StrEnum
from typing import Any

from sage100_ssm.sync.journal import Entry, Kind, Subject
from sage100_ssm.sync.model import Change, LinkStatus, Side


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write, held by one run at a time.

    Attributes:
        number: the fencing token, raised by each acquisition; lower than the state's number, the lease is lost.
        owner: who holds it, for people to read.
    """

    number: int
    owner: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A lease of another run as it was seen; a renewal changes it.

    Attributes:
        number: its number.
        expires_at: until when it lasts, by the clock of the machine that renewed it.
    """

    number: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class LinkCounts:
    """How many live links there are.

    Attributes:
        numbers: by status and origin.
    """

    numbers: Mapping[tuple[LinkStatus, Side], int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.numbers.values())

    def of_status(self, status: LinkStatus) -> int:
        """Those of one status."""
        return sum(number for (each, _), number in self.numbers.items() if each is status)

    def of_origin(self, origin: Side) -> int:
        """Those of one origin."""
        return sum(number for (_, each), number in self.numbers.items() if each is origin)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A problem or notice as the journal stores it. Times are aware, in UTC.

    Attributes:
        id: the journal's own key, which ``retry`` takes.
        entry: the problem or notice.
        first_seen: when it was first reported.
        last_seen: when it was last reported.
        count: the number of runs that reported it.
        closed_at: when the problem was found to be gone; None for an open problem, and for notices.
        tries: how often the write that it holds back has failed.
        next_try_at: until when that write is not tried again, or None.
        fingerprint: a digest of what was refused, by which the same attempt is recognised, or None.
        forgotten_at: when its names and values were forgotten (P17), or None.
    """

    id: int
    entry: Entry
    first_seen: datetime
    last_seen: datetime
    count: int = 1
    closed_at: datetime | None = None
    tries: int = 0
    next_try_at: datetime | None = None
    fingerprint: str | None = None
    forgotten_at: datetime | None = None

    @property
    def kind(self) -> Kind:
        """Whether it holds something back or records what was decided."""
        return self.entry.code.kind


class WriteAction(StrEnum):
    """What a write did."""

    CREATE = "create"
    RESTORE = "restore"
    """A contact that was deleted in SSM was created there again (P5)."""
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One write on one side, as the state keeps it. The time is aware, in UTC.

    Attributes:
        run_id: the run that wrote.
        at: when it was written.
        side: the side that was written.
        action: what was done.
        subject: the contact, with its ids on both sides as far as they are known.
        changes: per field, the value before and after on that side, and where it came from: of a creation all that
            was filled, of a deletion all that was lost of the mapped fields.
        is_confirmed: whether the side confirmed it; if not, a later run finds out whether it was done.
        id: the state's own key; None until saved.
        asked_back: the fields whose old values a person has asked back, until a run has acted on it.
    """

    run_id: str
    at: datetime
    side: Side
    action: WriteAction
    subject: Subject
    changes: Mapping[str, Change]
    is_confirmed: bool = False
    id: int | None = None
    asked_back: tuple[str, ...] = ()


class RunStatus(StrEnum):
    """How far a run is, or how it ended, in the words of ``run --json``."""

    RUNNING = "running"
    DONE = "done"
    HELD = "held"
    """A guard withheld writes (P9)."""
    FAILED = "failed"


ONE_WAY = "one_way"
"""Among the figures of a run that wrote nothing into Sage (P18): why, and how many changes of SSM were left there."""
RETRY = "retry"
"""Among the figures of a run that tried one contact alone: the number of the problem."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. Times are aware, in UTC.

    Attributes:
        run_id: its name.
        started_at: when it began.
        finished_at: when it ended; None while running.
        status: how far it is, or how it ended.
        counts: the figures of ``run --json``: ``sage100``, ``ssm``, ``linked``, ``problems_opened``…
        exit_code: what the command ended with; None while running, and for a run that was killed.
    """

    run_id: str
    started_at: datetime
    finished_at: datetime | None = None
    status: RunStatus = RunStatus.RUNNING
    counts: Mapping[str, Any] = default(default_factory=dict)
    exit_code: int | None = None

    @property
    def is_retry(self) -> bool:
        """Whether it tried the contact of one problem alone: it is no synchronisation of all contacts."""
        return RETRY in self.counts

    def figure(self, name: str) -> int:
        """A figure of the run, over both sides; 0 where a run that failed early has none."""
        return sum(int(self.counts.get(side.value, {}).get(name, 0)) for side in Side)
