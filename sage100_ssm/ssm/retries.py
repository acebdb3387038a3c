"""When a request is tried again: how often, after which wait, and what the log says of it.

Which errors are worth another try is decided in `errors` (`PassingError`). The client repeats what only
reads; a write is tried again by whoever has looked again at what it is based on (`destination_ssm/writer.py`).
"""

import logging
import random
from dataclasses import dataclass

from stamina import RetryingCaller
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

logger = logging.getLogger("ssm")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often the client tries, and how long it waits. Times in seconds.

    Attributes:
        attempts: tries of a request that may be repeated, the first included.
        wait_initial: the wait before the second try; it doubles from try to try, with jitter.
        wait_max: the longest such wait.
        pause: how long all threads pause after a 429 without ``Retry-After``.
        pause_max: the longest ``Retry-After`` that is obeyed.
        connect_timeout: for opening a connection.
        answer_timeout: for each part of an answer.
        bulk_timeout: the same where the request contains many writes.
        whole_timeout: for a request and its whole answer; `bulk_timeout` more where the request contains many writes.
        reading_timeout: for a list from its first page to its last.
    """

    attempts: int = 5
    wait_initial: float = 0.5
    wait_max: float = 10.0
    pause: float = 1.0
    pause_max: float = 60.0
    connect_timeout: float = 10.0
    answer_timeout: float = 30.0
    bulk_timeout: float = 120.0
    whole_timeout: float = 90.0
    reading_timeout: float = 4 * 3600.0

    def wait_before(self, attempt: int) -> float:
        """How long to wait before another try, after so many: doubling, with jitter."""
        wait = min(self.wait_max, self.wait_initial * 2.0 ** (attempt - 1))
        return wait + random.uniform(0, self.wait_initial)  # noqa: S311 - spreads requests, hides nothing

    def caller(self) -> RetryingCaller:
        """Calls a function until it succeeds, or fails for another reason, or the attempts are used up."""
        return RetryingCaller(
            attempts=self.attempts,
            timeout=None,
            wait_initial=self.wait_initial,
            wait_max=self.wait_max,
            wait_jitter=self.wait_initial,
        )


def log_retries() -> None:
    """Log from now on, in this process, why and when a request is tried again, in place of stamina's own line."""
    set_on_retry_hooks([_log_retry])


def _log_retry(details: RetryDetails) -> None:
    logger.warning("%s Trying again in %.1f s.", details.caused_by, details.wait_for)
