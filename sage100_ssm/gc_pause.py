"""Pausing Python's garbage collector while much is built that stays.

The collector starts anew each time a number of objects was created, and looks through all of them. Where nothing of
it can be freed, that is time lost: a run that looks at 40,000 linked contacts takes 5.3 s of processor time with
pauses, 5.8 s without.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing in the meantime."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def frozen_after() -> Iterator[None]:
    """Collect nothing in the meantime, and leave out of later collections what exists at the end.

    For a process's imports: a source's take 1.0 s of processor time rather than 1.2 s.
    """
    with paused():
        try:
            yield
        finally:
            gc.freeze()
