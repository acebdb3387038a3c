"""The console script `destination-ssm`."""

import logging
import sys

import airbyte_cdk  # noqa: F401 - first, so that the CDK's logging is this process's

from destination_ssm.destination import DestinationSsm
from sage100_ssm.ssm.retries import log_retries


def run() -> None:
    """Speak the Airbyte protocol on the standard streams."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per request is of no use to a user
    log_retries()
    DestinationSsm().run(sys.argv[1:])
