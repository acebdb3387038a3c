"""The instance's quota of requests per second, kept for all threads together."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable

_SQUEEZE = 0.05
"""Seconds by which the network may bring two requests nearer to each other than they were sent."""


class Quota:
    """Lets so many requests go in any second, and none while paused.

    Args:
        per_second: requests per second, any positive number; below 1, one request in `1 / per_second` seconds.
        clock: seconds that never go back.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        burst = max(1, math.floor(per_second))
        self._period = max(1.0, 1 / per_second) + _SQUEEZE
        self._sent: deque[float] = deque([-math.inf] * burst, maxlen=burst)
        self._resume = -math.inf
        self._clock, self._sleep = clock, sleep
        self._turn, self._pausing = threading.Lock(), threading.Lock()

    def wait(self) -> None:
        """Return when a request may be sent; threads take turns."""
        with self._turn:
            while (delay := max(self._sent[0] + self._period, self._resume) - self._clock()) > 0:
                self._sleep(delay)
            self._sent.append(self._clock())

    def pause(self, seconds: float) -> None:
        """Let no request go for so many seconds, whichever thread it comes from."""
        with self._pausing:
            self._resume = max(self._resume, self._clock() + seconds)
