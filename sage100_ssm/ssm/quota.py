"""The instance's quota of requests per second, for all threads together."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable

_REDUCED_TO = 0.7
"""What is left of the rate after a refusal."""
_RISE_SECONDS = 300.0
"""In so many seconds the rate rises from nothing to the full one: a rate that is too high is tried seldom."""
_SQUEEZE = 0.05
"""Seconds by which two requests may arrive closer to each other than they were sent."""


class Quota:
    """A rate limiter: at most so many requests in any second, and none while paused.

    Each refusal lowers the rate by a part of itself, and it rises again slowly: what the instance takes is found
    whatever the settings say.

    Args:
        per_second: requests per second, any positive number; below 1, one request in `1 / per_second` seconds.
        clock: a monotonic clock, in seconds.
        sleep: waits for a number of seconds.
        share: the part of the quota that is ours at the moment, above 0 and at most 1.

    Attributes:
        refusals: how many requests were refused.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        share: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self.refusals = 0
        self._per_second = self._reduced = per_second
        self._reduced_at = -math.inf
        # The times of the last requests, the latest at the end.
        burst = max(1, math.floor(per_second))
        self._sent: deque[float] = deque([-math.inf] * burst, maxlen=burst)
        self._resume = -math.inf
        self._share, self._clock, self._sleep = share, clock, sleep
        # Two locks: a pause must not wait for the thread that sleeps in its turn.
        self._turn, self._pausing = threading.Lock(), threading.Lock()

    def wait(self) -> None:
        """Block until a request may be sent; threads take turns."""
        with self._turn:
            # A loop, since a pause may be set, or extended, during the sleep.
            while (delay := max(self._next_turn(), self._resume) - self._clock()) > 0:
                self._sleep(delay)
            self._sent.append(self._clock())

    def pause(self, seconds: float) -> None:
        """Send no request of any thread for a number of seconds."""
        with self._pausing:
            self._resume = max(self._resume, self._clock() + seconds)

    def refuse(self, sent_at: float) -> None:
        """Lower the rate, since the instance refused a request for being one too many.

        Args:
            sent_at: when the request was sent, by the clock.
        """
        with self._pausing:
            self.refusals += 1
            # Requests that went out side by side are refused side by side: that says once that the rate is too high.
            if sent_at >= self._reduced_at:
                self._reduced, self._reduced_at = max(self.rate * _REDUCED_TO, self._lowest), self._clock()

    @property
    def rate(self) -> float:
        """Requests per second, as they may be sent now."""
        risen = self._reduced + self._per_second * (self._clock() - self._reduced_at) / _RISE_SECONDS
        return min(self._per_second, risen)

    @property
    def reduced_rate(self) -> float:
        """The rate after the last refusal, which the instance took; the full one where it refused nothing."""
        return self._reduced

    @property
    def _lowest(self) -> float:
        return min(self._per_second, 1.0)

    def _next_turn(self) -> float:
        """When the next request may go: one period after the first of so many that may go within it."""
        rate = self.rate * self._share()
        burst = len(self._sent)
        if rate < self._per_second:
            burst = min(burst, max(1, round(rate)))
        return self._sent[-burst] + max(1.0, 1 / rate) + _SQUEEZE
