"""Importing what a connector's process needs, sooner."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile, and leave alone for good what is there at the end.

    What the CDK and the libraries make while they are imported stays until the process ends, and Python would look
    through all of it again and again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
