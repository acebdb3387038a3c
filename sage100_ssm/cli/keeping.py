"""The commands that give out what is stored: ``backup``, a copy of all of it."""

from pathlib import Path
from typing import Annotated

import typer

from sage100_ssm.cli.options import SYNC_YAML, Config, Json


def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes.", metavar="FILE")],
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name.")] = False,
) -> None:
    """Copy the state into a file and verify the copy. A run may be under way.

    The copy contains names, e-mails and phone numbers: it is readable by your account alone. How to put it back is in
    docs/operations.md. A state in PostgreSQL is copied into a SQLite file, too, which can be used as it is.

    `sage100-ssm backup "/var/backups/sage100-ssm/$(date +%F).db"`
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config, as_json=as_json) as context:
        from sage100_ssm.app.backup import back_up
        from sage100_ssm.cli import json_shapes, tables

        made = back_up(context.settings, file, overwrite=force)
        context.print_result(json_shapes.backup(made), tables.backup(made, context.language))
