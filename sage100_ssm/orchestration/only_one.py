"""Locks of an installation, held by the operating system: each ends with the process that holds it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Attributes:
        pid: the number of the process.
        since: when it took the lock.
    """

    pid: int
    since: str


class HeldError(Exception):
    """Another process holds the lock.

    Attributes:
        holder: which one; None if it has not said so yet.
    """

    def __init__(self, holder: Holder | None) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """Hold a lock while the block lasts.

    Args:
        file: what is locked; a file beside it says by whom.

    Raises:
        HeldError: another process holds it.
    """
    # Windows keeps others from reading a locked file.
    said = file.with_suffix(".json")
    try:
        with FileLock(file, timeout=0, mode=0o600, thread_local=False):
            said.write_text(json.dumps(asdict(Holder(os.getpid(), datetime.now(UTC).isoformat(timespec="seconds")))))
            yield
    except Timeout:
        raise HeldError(_holder(said)) from None


def _holder(said: Path) -> Holder | None:
    with suppress(OSError, ValueError, TypeError):
        return Holder(**json.loads(said.read_text()))
    return None
