"""Locks as SQL Server has them: on rows, on the end of a table's index, and by name for applications.

A reader takes no lock: it only waits for rows that somebody else has changed and not committed. Update locks and
exclusive ones exclude each other. A session that would close a circle of waiting ones is a deadlock's victim (1205);
one that has waited too long gives up (1222).
"""

import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from sage100_ssm.standins.sql_server.errors import native

_POLL_SECONDS = 0.02
"""How often a session that waits for a lock looks whether its client has given up."""

Resource = tuple[Hashable, ...]
"""What can be locked: its kind, its database, and its names."""


class Mode(Enum):
    """What a lock excludes: an update lock lets readers pass."""

    READ = "read"
    UPDATE = "update"
    CHANGE = "change"


@dataclass(eq=False)
class Owner:
    """Whoever holds locks and waits for them: a session.

    Attributes:
        process: its number, @@SPID.
        check_for_attention: called while it waits; raises where the client has given up.
        lock_timeout: how long it waits for a lock, in milliseconds; -1 for ever.
        waits_for: the owner of the lock that it waits for.
    """

    process: int
    check_for_attention: Callable[[], None]
    lock_timeout: int = -1
    waits_for: "Owner | None" = None


@dataclass
class Locks:
    """The locks of a server's databases.

    Attributes:
        mutex: the one mutex under which all statements are carried out.
        held: who holds what, and how.
    """

    mutex: threading.Condition = field(default_factory=threading.Condition)
    held: dict[Resource, tuple[Owner, Mode]] = field(default_factory=dict)

    def holder(self, owner: Owner, resource: Resource, mode: Mode) -> Owner | None:
        """The other owner who keeps this one from a resource; None where nobody does."""
        other, theirs = self.held.get(resource, (owner, mode))
        passes = other is owner or (mode is Mode.READ and theirs is Mode.UPDATE)
        return None if passes else other

    def acquire(self, owner: Owner, wanted: Callable[[], Iterable[Resource]], mode: Mode) -> None:
        """Wait until nobody keeps the owner from what it wants, then lock it.

        Args:
            owner: who wants it.
            wanted: returns the resources; called again after each wait, for they may be others then.
            mode: how it is locked; a reader only waits.

        Raises:
            SqlError: a deadlock (1205), or the owner has waited too long (1222).
        """
        since = time.monotonic()
        while blocker := next(filter(None, (self.holder(owner, one, mode) for one in wanted())), None):
            self._wait(owner, blocker, since)
        if mode is not Mode.READ:
            for resource in wanted():
                _, had = self.held.get(resource, (owner, mode))
                self.held[resource] = (owner, Mode.CHANGE if Mode.CHANGE in {had, mode} else mode)

    def acquire_named(self, owner: Owner, resource: Resource, timeout: int) -> int:
        """Take a lock by its name, as sp_getapplock does.

        Args:
            owner: who wants it.
            resource: the lock.
            timeout: how long to wait, in milliseconds; -1 for ever.

        Returns:
            What sp_getapplock returns: 0 where it was free, 1 where it became free.

        Raises:
            SqlError: a deadlock (1205), or the owner has waited too long (1222).
        """
        usual, owner.lock_timeout = owner.lock_timeout, timeout
        has_waited = self.holder(owner, resource, Mode.CHANGE) is not None
        try:
            self.acquire(owner, lambda: (resource,), Mode.CHANGE)
        finally:
            owner.lock_timeout = usual
        return int(has_waited)

    def release(self, owner: Owner, resources: Collection[Resource] | None = None) -> None:
        """Release locks of an owner, all by default."""
        for resource, (holder, _) in list(self.held.items()):
            if holder is owner and (resources is None or resource in resources):
                del self.held[resource]
        self.mutex.notify_all()

    def _wait(self, owner: Owner, blocker: Owner, since: float) -> None:
        owner.waits_for = blocker
        try:
            self._refuse_deadlock(owner)
            if 0 <= owner.lock_timeout <= (time.monotonic() - since) * 1000:
                raise native(1222)
            self.mutex.wait(_POLL_SECONDS)
            owner.check_for_attention()
        finally:
            owner.waits_for = None

    def _refuse_deadlock(self, owner: Owner) -> None:
        """Make the owner the victim (1205) where following who waits for whom leads back to it."""
        follower = owner.waits_for
        while follower is not None:
            if follower is owner:
                raise native(1205, process=owner.process)
            follower = follower.waits_for
