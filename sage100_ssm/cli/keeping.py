"""The commands that copy what is stored: ``backup``, all of it, and ``export``, what is kept of one person."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from sage100_ssm.cli.options import SYNC_YAML, Config, Json, Who
from sage100_ssm.messages import say
from sage100_ssm.sync.failures import Exit


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

    `sage100-ssm backup /var/backups/sage100-ssm/state.db`
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config, as_json=as_json, only_looks=True) as context:
        from sage100_ssm.app.backup import back_up
        from sage100_ssm.cli import json_shapes, tables

        made = back_up(context.settings, file, overwrite=force)
        context.print_result(json_shapes.backup(made), tables.backup(made, context.language))


def export(who: Who, *, config: Config = SYNC_YAML, as_json: Json = False) -> None:
    """Everything that the synchronisation keeps of one person, for that person (right of access). Changes nothing.

    Links with the values last read, stored records of SSM, journal, what was written, decisions; and where else the
    person is. Nothing of anybody else that can be left out; read it before you hand it over, since a question such as
    "are these two the same person?" names both.

    - `sage100-ssm export "claire morel" > claire-morel.txt`
    - `sage100-ssm export 340 --json > claire-morel.json`
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config, as_json=as_json, only_looks=True) as context:
        from sage100_ssm.app.personal_data import personal_data
        from sage100_ssm.cli import json_shapes, tables
        from sage100_ssm.cli.forgetting import find_person

        now, language = datetime.now(UTC), context.language
        with context.state() as state:
            found = find_person(state, context.settings, who, now)
            if found.person is not None:
                data = personal_data(state, found.person)
                shown = tables.export(data, context.value_formatter(state), now, language)
                context.print_result(json_shapes.export(data, now, language), shown)
                return
        nobody = tables.plain(say("explain_unknown", language, who=who))
        table = tables.several(found.contacts, language) if found.contacts else nobody
        context.print_result(json_shapes.export_of_nobody(found.contacts), table)
        if found.contacts:
            context.note("export_several", number=len(found.contacts))
    raise typer.Exit(Exit.CONFIGURATION if found.contacts else Exit.DONE)
