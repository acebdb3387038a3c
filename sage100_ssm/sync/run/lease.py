"""The lease of a run: acquired, renewed while the run works, checked before each write, released at its end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from sage100_ssm.sync.state.errors import AnotherRun, LeaseLost, StateError
from sage100_ssm.sync.state.records import Lease, Sighting
from sage100_ssm.sync.state.store import DURATION, StateStore

_RENEW_EVERY_SECONDS = 30.0
_RENEW_AGAIN_SECONDS = 2.0
_WATCH_EVERY_SECONDS = 1.0
_RESERVED_PART = 1 / 8
"""The last part of a lease, in which no write begins any more: a request takes its time to leave, a COMMIT too."""

Waiting = Callable[[AnotherRun], None]
"""Called once where a run waits to see whether a run on another machine is alive."""


class HeldLease:
    """A lease that this run has acquired, and until when it may rely on it. Threads may share it.

    Args:
        store: the state.
        lease: the lease.
        asked_at: when it was asked for, by ``seconds``.

    Attributes:
        lease: the lease, with its number.
    """

    def __init__(self, store: StateStore, lease: Lease, asked_at: float) -> None:
        self._store, self.lease = store, lease
        self._expires_at = asked_at + DURATION.total_seconds()

    @property
    def is_expired(self) -> bool:
        """Whether another run may have taken over, as far as this machine's clock shows."""
        return seconds() >= self._expires_at

    def check(self) -> None:
        """Check, immediately before a write to a side, that this is still the only run.

        Both are needed. The number alone is stale as soon as it was read. The clock alone is blind where it stops:
        a virtual machine that is paused does not see it. What remains is a process that is stopped between
        this check and its next system call; neither side takes a fencing token that would close that gap.

        Raises:
            LeaseLost: another run has taken over, or may do so at any moment.
            StateError: the state does not answer, so nobody knows.
        """
        self._store.check(self.lease)
        if seconds() >= self._expires_at - DURATION.total_seconds() * _RESERVED_PART:
            raise LeaseLost(self.lease.number)

    def renew(self, now: Callable[[], datetime]) -> None:
        """Let it last its whole duration from now.

        Args:
            now: the clock.

        Raises:
            LeaseLost, StateError: as ``StateStore.renew``.
        """
        # Counted from before the request: however long the state takes, it writes no earlier expiry than this one.
        asked_at = seconds()
        self._store.renew(self.lease, now(), DURATION)
        self._expires_at = asked_at + DURATION.total_seconds()


def seconds() -> float:
    """A monotonic clock that goes on while the machine sleeps."""
    # On Linux time.monotonic() stops in suspension: after a night, a lease would seem to be a second old.
    # Windows' monotonic clock goes on; other systems have no better one.
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


@contextmanager
def leased(
    store: StateStore, owner: str, now: Callable[[], datetime], waiting: Waiting = lambda _: None
) -> Iterator[HeldLease]:
    """Acquire the lease, renew it every half minute, and release it at the end of the block.

    Args:
        store: the state.
        owner: which run it is, ``host:process``.
        now: the clock.
        waiting: called where it has to be found out first whether a run on another machine is alive.

    Raises:
        AnotherRun: another run has the lease.
    """
    held = _acquired(store, owner, now, waiting)
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(held, now, done), name="lease", daemon=True)
    keeper.start()
    try:
        yield held
    finally:
        done.set()
        keeper.join()
        # A state that is out of reach must not hide how the run ended. The lease expires by itself.
        with suppress(StateError):
            store.release(held.lease)


def _acquired(store: StateStore, owner: str, now: Callable[[], datetime], waiting: Waiting) -> HeldLease:
    """Acquire the lease; of a holder on another machine, wait for a sign of life for as long as a lease lasts.

    Raises:
        AnotherRun: another run has the lease.
    """
    watched: Sighting | None = None
    watched_since = seconds()
    while True:
        asked_at = seconds()
        has_not_moved = watched is not None and asked_at - watched_since >= DURATION.total_seconds()
        try:
            lease = store.acquire(owner, now(), DURATION, abandoned=watched if has_not_moved else None)
        except AnotherRun as other:
            if other.to_watch is None or watched not in (None, other.to_watch):
                raise
            if watched is None:
                # From after it was seen: the duration must have passed since.
                watched, watched_since = other.to_watch, seconds()
                waiting(other)
        else:
            return HeldLease(store, lease, asked_at)
        time.sleep(_WATCH_EVERY_SECONDS)


def _keep(held: HeldLease, now: Callable[[], datetime], done: threading.Event) -> None:
    """Renew the lease until the run is done, or the lease is lost or expired."""
    wait = _RENEW_EVERY_SECONDS
    # An expired lease is not revived: what this run has read is too old to be written, and its next write says so.
    while not done.wait(wait) and not held.is_expired:
        try:
            held.renew(now)
        except LeaseLost:
            return
        except Exception:  # noqa: BLE001 - nobody would see an exception of this thread
            # A server that restarts is back within seconds.
            wait = _RENEW_AGAIN_SECONDS
        else:
            wait = _RENEW_EVERY_SECONDS
