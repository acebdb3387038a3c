"""Locks as SQL Server holds them: on rows, on the end of a table's index, and by name for applications.

Readers share nothing here: a reader only waits for rows that somebody else has changed and not committed. Update locks
and exclusive ones keep each other off. Who waits in a circle is a deadlock's victim; who waits too long is told so.
"""

import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from sage100_ssm.standins.sql_server.errors import native

_GLANCE = 0.02
"""Seconds between two looks at whether the waiting client has lost patience."""

Resource = tuple[Hashable, ...]
"""What can be locked: its kind, its database, and what is left to tell of it."""


class Mode(Enum):
    """How much a lock keeps off: readers pass an update lock."""

    READ = "read"
    UPDATE = "update"
    CHANGE = "change"


@dataclass(eq=False)
class Owner:
    """Who holds locks and waits for them: a session.

    Attributes:
        process: its number.
        patience: how long it waits for a lock, in milliseconds; -1 for ever.
        interrupted: raises where the client has lost patience.
    """

    process: int
    interrupted: Callable[[], None]
    patience: int = -1
    waits_for: "Owner | None" = None


@dataclass
class Locks:
    """The locks of a server's databases, and the one mutex under which statements are carried out."""

    mutex: threading.Condition = field(default_factory=threading.Condition)
    held: dict[Resource, tuple[Owner, Mode]] = field(default_factory=dict)

    def holder(self, owner: Owner, resource: Resource, mode: Mode) -> Owner | None:
        """Who keeps an owner off a resource."""
        other, theirs = self.held.get(resource, (owner, mode))
        passes = other is owner or (mode is Mode.READ and theirs is Mode.UPDATE)
        return None if passes else other

    def acquire(self, owner: Owner, wanted: Callable[[], Iterable[Resource]], mode: Mode) -> None:
        """Wait until nobody keeps the owner off what it wants, which is asked anew each time; then take it.

        Raises:
            SqlError: 1205 or 1222.
        """
        since = time.monotonic()
        while blocker := next(filter(None, (self.holder(owner, one, mode) for one in wanted())), None):
            self._wait(owner, blocker, since)
        if mode is not Mode.READ:
            self._take(owner, wanted(), mode)

    def acquired(self, owner: Owner, resource: Resource, patience: int) -> int:
        """Take a lock by its name; the result of sp_getapplock."""
        usual, owner.patience = owner.patience, patience
        waited = self.holder(owner, resource, Mode.CHANGE) is not None
        try:
            self.acquire(owner, lambda: (resource,), Mode.CHANGE)
        finally:
            owner.patience = usual
        return int(waited)

    def release(self, owner: Owner, resources: Collection[Resource] | None = None) -> None:
        """Give locks back, all by default."""
        for resource, (holder, _) in list(self.held.items()):
            if holder is owner and (resources is None or resource in resources):
                del self.held[resource]
        self.mutex.notify_all()

    def _take(self, owner: Owner, resources: Iterable[Resource], mode: Mode) -> None:
        for resource in resources:
            _, had = self.held.get(resource, (owner, mode))
            self.held[resource] = (owner, Mode.CHANGE if Mode.CHANGE in {had, mode} else mode)

    def _wait(self, owner: Owner, blocker: Owner, since: float) -> None:
        owner.waits_for = blocker
        try:
            self._refuse_a_circle(owner)
            if 0 <= owner.patience <= (time.monotonic() - since) * 1000:
                raise native(1222)
            self.mutex.wait(_GLANCE)
            owner.interrupted()
        finally:
            owner.waits_for = None

    def _refuse_a_circle(self, owner: Owner) -> None:
        follower = owner.waits_for
        while follower is not None:
            if follower is owner:
                raise native(1205, process=owner.process)
            follower = follower.waits_for
