"""The console script `source-sage100`."""

import sys

from connector_base.garbage import uncollected


def run() -> None:
    """Speak the Airbyte protocol on the standard streams."""
    with uncollected():
        from connector_base.launch import launch
        from source_sage100.source import SourceSage100
    launch(SourceSage100(), sys.argv[1:])
