"""The console script `destination-sage100`."""

import sys

import airbyte_cdk  # noqa: F401 - first, so that the CDK's logging is this process's

from destination_sage100.destination import DestinationSage100


def run() -> None:
    """Speak the Airbyte protocol on the standard streams."""
    DestinationSage100().run(sys.argv[1:])
