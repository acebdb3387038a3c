"""Garbage, and when it is looked for."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_later() -> Iterator[None]:
    """Look for none meanwhile: where all that is made stays, looking through it time and again takes a third longer."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect none meanwhile, and leave alone for good what is there at the end, as a process's imports are."""
    with collected_later():
        try:
            yield
        finally:
            gc.freeze()
