"""The console script `source-contact-sync`."""

import sys

from sage100_ssm.gc_pause import frozen_after


def run() -> None:
    """Speak the Airbyte protocol on the standard streams."""
    with frozen_after():
        from sage100_ssm.connectors.entrypoint import launch
        from source_contact_sync.source import SourceContactSync
    launch(SourceContactSync(), sys.argv[1:])
