"""Keep a run's lease alive while it works; it lasts two minutes unless renewed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sage100_ssm.sync.state.errors import StateError
from sage100_ssm.sync.state.records import Lease
from sage100_ssm.sync.state.store import StateStore

DURATION = timedelta(minutes=2)
_RENEW_EVERY_SECONDS = 30.0


@contextmanager
def held(store: StateStore, owner: str, now: Callable[[], datetime]) -> Iterator[Lease]:
    """Hold the lease of a state, renewed every half minute and given back at the end.

    A lease that cannot be renewed is found out by the next write: every commit checks its number.

    Raises:
        AnotherRun: another run holds it.
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
            return
