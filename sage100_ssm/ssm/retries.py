"""What a user is told of requests that are tried again."""

import logging

from stamina.instrumentation import RetryDetails, set_on_retry_hooks

logger = logging.getLogger("ssm")


def log_retries() -> None:
    """From now on, in this process, log why and when a request is tried again, in place of stamina's own line."""
    set_on_retry_hooks([_log_retry])


def _log_retry(details: RetryDetails) -> None:
    logger.warning("%s Trying again in %.1f s.", details.caused_by, details.wait_for)
