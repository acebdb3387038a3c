"""The console script `source-contact-sync`."""

import sys
from importlib.util import find_spec

from sage100_ssm.gc_pause import frozen_after


def run() -> None:
    """Speak the Airbyte protocol on the standard streams; without the extra `contact-sync`, say so and exit with 2."""
    if missing := [name for name in ("alembic", "apprise", "phonenumbers", "psycopg") if find_spec(name) is None]:
        words = "source-contact-sync needs what is not installed here ({}): install sage100-ssm[contact-sync].\n"
        sys.stderr.write(words.format(", ".join(missing)))
        sys.exit(2)
    with frozen_after():
        from sage100_ssm.connectors.entrypoint import launch
        from source_contact_sync.source import SourceContactSync
    launch(SourceContactSync(), sys.argv[1:])
