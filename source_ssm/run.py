"""The console script `source-ssm`."""

import logging
import sys

from connector_base.garbage import uncollected


def run() -> None:
    """Speak the Airbyte protocol on the standard streams."""
    with uncollected():
        from connector_base.launch import launch
        from source_ssm.source import SourceSsm
        from ssm.retries import log_retries
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per request tells a user nothing
    log_retries()
    launch(SourceSsm(), sys.argv[1:])
