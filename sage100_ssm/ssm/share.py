"""Fair shares of an instance's quota, for all processes of a machine that use one API key.

Each process that asks SSM for something marks a file as used. Whoever looks counts the files that were used a moment
ago: a company that has nothing to ask for leaves its share to the others.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx

from sage100_ssm.ssm.config import SsmConfig

SHARES_VARIABLE = "SAGE100_SSM_SHARES"
"""The environment variable that names the folder of the shares; without it a process has the whole quota."""

_LOOK_SECONDS = 1.0
_ASKING_SECONDS = 30.0
"""For so long a process counts after its last request: where a hundred share 4 requests/s, one asks every 25 s."""
_DEAD_SECONDS = 3600.0


class Share:
    """The share of one process: one part of as many as there are processes asking. Threads take turns around it.

    Args:
        folder: the folder of the instance.
        clock: the time, in seconds.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._own = folder / uuid.uuid4().hex
        self._clock, self._sleep = clock, sleep
        self._share, self._looked_at = 0.0, -_LOOK_SECONDS
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __call__(self) -> float:
        """The share at this moment, above 0 and at most 1."""
        now = self._clock()
        is_first = not self._share
        if abs(now - self._looked_at) >= _LOOK_SECONDS:
            self._looked_at = now
            self._own.touch(mode=0o600)
            os.utime(self._own, (now, now))
            self._share = 1 / max(1, self._asking(now))
            if is_first and self._share < 1:
                # Until the others have noticed, their shares are the whole quota.
                self._sleep(_LOOK_SECONDS)
        return self._share

    def close(self) -> None:
        """Leave the share to the others."""
        self._own.unlink(missing_ok=True)

    def _asking(self, now: float) -> int:
        """How many processes ask, this one included."""
        ages = []
        for file in self._own.parent.iterdir():
            with suppress(FileNotFoundError):  # its process has ended at this moment
                ages.append(age := abs(now - file.stat().st_mtime))
                if age > _DEAD_SECONDS:
                    file.unlink()
        return sum(age <= _ASKING_SECONDS for age in ages)


def share_of(config: SsmConfig) -> Share | None:
    """The share of the instance that a configuration names; None where this machine shares none."""
    folder = os.environ.get(SHARES_VARIABLE)
    if not folder:
        return None
    # As httpx writes it, an address has one form, however its host is spelt and whether it names the usual port.
    instance = f"{httpx.URL(config.base_url)} {config.public_key.get_secret_value()}"
    return Share(Path(folder) / hashlib.sha256(instance.encode()).hexdigest()[:16])
