"""The lease of a run: acquired, renewed while the run works, released at its end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sage100_ssm.sync.state.errors import StateError
from sage100_ssm.sync.state.records import Lease
from sage100_ssm.sync.state.store import StateStore

DURATION = timedelta(minutes=2)
"""How long a lease lasts unless renewed: a killed run keeps others out no longer than this."""

_RENEW_EVERY_SECONDS = 30.0


@contextmanager
def leased(store: StateStore, owner: str, now: Callable[[], datetime]) -> Iterator[Lease]:
    """Acquire the lease, renew it every half minute, and release it at the end of the block.

    Args:
        store: the state.
        owner: which run it is, for people to read.
        now: the clock.

    Raises:
        AnotherRun: another run has the lease.
    """
    lease = store.acquire(owner, now(), DURATION)
    done = threading.Event()
    keeper = threading.Thread(target=_renew, args=(store, lease, now, done), name="lease", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        done.set()
        keeper.join()
        store.release(lease)


def _renew(store: StateStore, lease: Lease, now: Callable[[], datetime], done: threading.Event) -> None:
    while not done.wait(_RENEW_EVERY_SECONDS):
        try:
            store.renew(lease, now(), DURATION)
        except StateError:
            # Nobody would see an exception of this thread. A lease that is lost is noticed by the run's next write,
            # because every commit checks its number.
            return
