"""The console script `source-sage100`."""

import sys

from sage100_ssm.gc_pause import frozen_after


def run() -> None:
    """Speak the Airbyte protocol on the standard streams."""
    with frozen_after():
        from sage100_ssm.connectors.entrypoint import launch
        from source_sage100.source import SourceSage100
    launch(SourceSage100(), sys.argv[1:])
