"""The console script `source-sage100`."""

import sys

from sage100_ssm.garbage_collection import uncollected


def run() -> None:
    """Speak the Airbyte protocol on the standard streams."""
    with uncollected():
        from sage100_ssm.connectors.launch import launch
        from source_sage100.source import SourceSage100
    launch(SourceSage100(), sys.argv[1:])
