"""The operator's command."""

import sys
from importlib.util import find_spec

from sage100_ssm.cli.encoding import accept_every_character
from sage100_ssm.messages import say
from sage100_ssm.sync.failures import Exit


def main() -> None:
    """Run the operator's command; where the extra `flow` is not installed, say so and exit with 2."""
    accept_every_character()
    if find_spec("prefect") is None:
        # Which language is wanted is a setting, and none is read yet.
        for language in ("fr", "en"):
            sys.stderr.write(f"{say('flow_not_installed', language)}\n")
        sys.exit(Exit.CONFIGURATION)
    from sage100_ssm.cli.translated import command  # noqa: PLC0415 - imports what the extra installs

    command(sys.argv[1:])(prog_name="sage100-ssm")
