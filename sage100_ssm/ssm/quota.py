"""The instance's quota of requests per second, for all threads together."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable

_SQUEEZE = 0.05
"""Seconds by which two requests may arrive closer to each other than they were sent."""


class Quota:
    """A rate limiter: at most so many requests in any second, and none while paused.

    Args:
        per_second: requests per second, any positive number; below 1, one request in `1 / per_second` seconds.
        clock: a monotonic clock, in seconds.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        burst = max(1, math.floor(per_second))
        self._period = max(1.0, 1 / per_second) + _SQUEEZE
        # The times of the last `burst` requests: the next may go one period after the oldest of them.
        self._sent: deque[float] = deque([-math.inf] * burst, maxlen=burst)
        self._resume = -math.inf
        self._clock, self._sleep = clock, sleep
        # Two locks: a pause must not wait for the thread that sleeps in its turn.
        self._turn, self._pausing = threading.Lock(), threading.Lock()

    def wait(self) -> None:
        """Block until a request may be sent; threads take turns."""
        with self._turn:
            # A loop, since a pause may be set, or extended, during the sleep.
            while (delay := max(self._sent[0] + self._period, self._resume) - self._clock()) > 0:
                self._sleep(delay)
            self._sent.append(self._clock())

    def pause(self, seconds: float) -> None:
        """Send no request of any thread for a number of seconds."""
        with self._pausing:
            self._resume = max(self._resume, self._clock() + seconds)
