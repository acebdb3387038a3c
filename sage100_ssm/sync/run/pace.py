"""How far the writes of a side are, and how long the rest will take at the same pace."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sage100_ssm.sync.model import Side

_SAID_EVERY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Writing:
    """How far the writes of a side are.

    Attributes:
        side: the side.
        done: the number of writes whose outcome is known.
        planned: the number of all.
        seconds_left: how long the rest takes at the pace so far; the next run goes on where this one's time is over.
    """

    side: Side
    done: int
    planned: int
    seconds_left: float


Watch = Callable[[Writing], None]
"""Called now and then while many writes are done; from several threads."""


class Pace:
    """Counts the writes of a side, and says from time to time how far they are.

    Args:
        side: the side.
        planned: the number of its writes.
        watch: is called every half minute.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, side: Side, planned: int, watch: Watch, clock: Callable[[], float] = time.monotonic) -> None:
        self._side, self._planned, self._watch, self._clock = side, planned, watch, clock
        self._done = 0
        self._began = self._said = clock()

    def count(self) -> None:
        """Count one write, whatever became of it."""
        self._done += 1
        now = self._clock()
        if now - self._said >= _SAID_EVERY_SECONDS:
            self._said = now
            left = (self._planned - self._done) * (now - self._began) / self._done
            self._watch(Writing(self._side, self._done, self._planned, left))
