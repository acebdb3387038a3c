"""The console script `source-ssm`."""

import logging
import sys

from sage100_ssm.gc_pause import frozen_after


def run() -> None:
    """Speak the Airbyte protocol on the standard streams."""
    with frozen_after():
        from sage100_ssm.connectors.entrypoint import launch
        from sage100_ssm.ssm.retries import log_retries
        from source_ssm.source import SourceSsm
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per request is of no use to a user
    log_retries()
    launch(SourceSsm(), sys.argv[1:])
