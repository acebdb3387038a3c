"""The commands by which a person says who is who: ``match`` and ``decide`` (P4, P16)."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sage100_ssm.cli.options import SYNC_YAML, Config, Json
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.rules.decisions import Choice

if TYPE_CHECKING:
    from sage100_ssm.cli.command_context import CommandContext


def match(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the pairs to a table, .csv or .xlsx.", metavar="FILE")
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option("--import", help="Take the decisions from a table that was filled in.", metavar="FILE"),
    ] = None,
) -> None:
    """Who is the same person on both sides, who probably is, and where only you can say. Writes to neither side.

    Use it before a first run, which links those that are the same, asks about the probable and the uncertain ones, and
    creates all others opposite. In the table, the column `decision` takes `same` (même) or `different` (différent); an
    empty line decides nothing, and of two answers about one pair the later one counts.

    - `sage100-ssm match`
    - `sage100-ssm match --export pairs.xlsx`, fill in the last column, then `sage100-ssm match --import pairs.xlsx`
    - `sage100-ssm plan`: how many are linked, created and still waiting
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config, as_json=as_json) as context:
        from sage100_ssm.app import pair_table
        from sage100_ssm.app.assemble import match_once
        from sage100_ssm.app.decisions import take_over
        from sage100_ssm.cli import json_shapes, tables
        from sage100_ssm.sync.state.store import StateStore

        if import_ is not None:
            made = pair_table.read_decisions(import_, user_of_machine(), datetime.now(UTC))
            with StateStore.open(context.settings.state) as store, store.transaction() as transaction:
                take_over(transaction, made)
            context.note("decisions_imported" if made else "decisions_missing", number=len(made), file=str(import_))
            return
        found = match_once(context.settings, progress=context.progress)
        context.print_result(json_shapes.match(found), tables.match(found, context.language))
        if export is not None:
            lines = pair_table.write_table(export, found, context.language)
            context.note("pairs_exported", number=lines, file=str(export))


def decide(
    problem: Annotated[int, typer.Argument(help="Number of an open problem, as `problems` shows it.", metavar="ID")],
    choice: Annotated[Choice | None, typer.Argument(help="Your answer.", show_choices=True)] = None,
    other: Annotated[
        int | None,
        typer.Argument(help="The contact opposite that you mean, where the problem names several.", metavar="OTHER"),
    ] = None,
    *,
    config: Config = SYNC_YAML,
    undo: Annotated[bool, typer.Option("--undo", help="Take the answer back.")] = False,
    by: Annotated[str | None, typer.Option(help="Who decides; by default the user of this machine.")] = None,
) -> None:
    """Settle a problem that waits for a person. It takes effect at the next run.

    `sage100-ssm problems` shows the number of each problem, and the answers that fit it.

    - `same`, `different`: these contacts are one person, or two people (uncertain match, possible duplicate)
    - `sage100`, `ssm`: the value of that side stands (conflict to be settled)
    - `accept`: a known problem; it is not shown again until it changes (any problem about a contact or company)

    The answer is kept with who gave it and when, and can be taken back: the question is then asked again.

    - `sage100-ssm decide 12 same`
    - `sage100-ssm decide 12 same 4711`, where problem 12 names several contacts
    - `sage100-ssm decide 12 --undo`
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config, only_looks=True) as context:
        if undo == (choice is not None):
            raise ConfigurationError("choice_missing")
        _answer(context, problem, choice, other, by or user_of_machine())


def undo(
    write: Annotated[int, typer.Argument(help="Number of a write, as `journal --writes` shows it.", metavar="WRITE")],
    *,
    config: Config = SYNC_YAML,
    field: Annotated[
        str | None, typer.Option(help="Only this field, such as email; by default all that can be.", metavar="FIELD")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who asks; by default the user of this machine.")] = None,
) -> None:
    """Ask back what a field held before it was written over. It takes effect at the next run.

    The run types the old value on the side where the new one was typed, as if somebody had edited it there, and the one
    after carries it over. It does nothing if either side has edited the field since. What was created or deleted, a
    company, a job title from the list and a civility cannot be asked back.

    `sage100-ssm journal --writes --contact "claire morel"`, then `sage100-ssm undo 12 --field email`
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config, only_looks=True) as context:
        from sage100_ssm.app.undo import AskedBack, ask_undo
        from sage100_ssm.cli import tables
        from sage100_ssm.sync.state.store import StateStore

        asked = AskedBack(write, field, by or user_of_machine(), datetime.now(UTC))
        with context.state():
            pass  # a state that does not exist is not created for it
        with StateStore.open(context.settings.state) as store, store.transaction() as transaction:
            notices = ask_undo(transaction, context.settings, asked)
        context.print_result(None, *(tables.notice(notice, context.language) for notice in notices))


def _answer(context: "CommandContext", problem: int, choice: Choice | None, other: int | None, by: str) -> None:
    from sage100_ssm.app.decisions import Answer, take_back
    from sage100_ssm.app.decisions import decide as answer
    from sage100_ssm.cli import tables
    from sage100_ssm.sync.state.store import StateStore

    now = datetime.now(UTC)
    with context.state():
        pass  # a state that does not exist is not created for an answer
    with StateStore.open(context.settings.state) as store, store.transaction() as transaction:
        if choice is None:
            notice = take_back(transaction, problem, by, now)
        else:
            notice = answer(transaction, problem, Answer(choice, by, now, other))
    context.print_result(None, tables.notice(notice, context.language, problem=problem))


def user_of_machine() -> str:
    """The user of this machine who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "?"  # a container without an entry for its user
