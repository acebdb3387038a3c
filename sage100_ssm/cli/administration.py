"""The commands for whoever looks after the machine: ``notify`` and ``prefect setup``."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sage100_ssm.cli.options import SYNC_YAML, Config
from sage100_ssm.messages import Language, say
from sage100_ssm.sync.failures import ConfigurationError, Exit

if TYPE_CHECKING:
    from sage100_ssm.orchestration.parts import Part

_AIRBYTE = "airbyte"
"""The name of the block with Airbyte's address and an application."""

Note = Callable[..., None]
"""Prints a sentence, by its key and what it names."""


def notify(
    *,
    config: Config = SYNC_YAML,
    test: Annotated[bool, typer.Option("--test", help="Send a test message to every recipient.")] = False,
) -> None:
    """Send the messages that are due, to whom the settings name under `notify`.

    Each run does so by itself when it ends. This command also reports that no run took place.

    Ends with 4 where a message could not be sent.

    - `sage100-ssm notify --test`: does a message arrive?
    - `sage100-ssm notify`, every hour from a scheduler: for when `serve` itself is down
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config) as context:
        from sage100_ssm.app import notify as messages

        if not context.settings.notify:
            context.note("notify_none")
            raise typer.Exit(Exit.CONFIGURATION if test else Exit.DONE)
        now = datetime.now(UTC)
        outcomes = (
            messages.send_test(context.settings) if test else messages.notify(context.settings, now, is_watch=True)
        )
        for channel, failure in outcomes:
            context.note("notify_failed" if failure else "notify_sent", channel=channel.label, text=failure)
        if not outcomes:
            context.note("notify_nothing")
    raise typer.Exit(Exit.SIDE if any(failure for _, failure in outcomes) else Exit.DONE)


prefect = typer.Typer(
    no_args_is_help=True,
    help="Run on a Prefect server of your own, or on Prefect Cloud: `sage100-ssm prefect setup`",
)


@prefect.command()
def setup(  # noqa: PLR0913 - the options of a command
    *,
    config: Config = SYNC_YAML,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is missing or differs; end with 1 then.")
    ] = False,
    pool: Annotated[str, typer.Option(help="The work pool.", metavar="NAME")] = "sage100-ssm",
    every: Annotated[int, typer.Option(min=1, help="Minutes between two runs.", metavar="MINUTES")] = 15,
    folder: Annotated[
        str | None,
        typer.Option(help="A folder on the worker's machine, where runs begin; by default that of the settings."),
    ] = None,
    no_block: Annotated[
        bool, typer.Option("--no-block", help="Do not store the settings there: the worker reads the file.")
    ] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="Replace a block that differs from the settings file.")
    ] = False,
    airbyte: Annotated[
        str | None,
        typer.Option(
            "--airbyte",
            help="Run this connection of Airbyte; no settings file is read. The application is in AIRBYTE_CLIENT_ID "
            "and AIRBYTE_CLIENT_SECRET.",
            metavar="CONNECTION_ID",
        ),
    ] = None,
    airbyte_url: Annotated[
        str | None, typer.Option(help="Address of Airbyte's public API, up to and including /v1.", metavar="URL")
    ] = None,
    airbyte_limit: Annotated[
        int, typer.Option(min=1, help="Minutes after which a sync is cancelled.", metavar="MINUTES")
    ] = 120,
    language: Annotated[Language, typer.Option(help="Language of the sentences, with --airbyte.")] = "fr",
) -> None:
    """Create what a Prefect server needs for a worker to synchronise: work pool, block, deployments, automations.

    May be repeated: it says what was there, what it created and what it brought up to date. A block that somebody
    edited on the server stays as it is, unless `--renew` is given.

    - `PREFECT_API_URL=https://prefect.example/api sage100-ssm prefect setup`
    - `sage100-ssm prefect setup --check`: has anything drifted?
    - `sage100-ssm prefect setup --no-block`: the settings stay in the file, on the worker's machine
    - `sage100-ssm prefect setup --airbyte 9924bcd0-… --airbyte-url http://airbyte:8000/api/public/v1`
    """
    from sage100_ssm.cli.command_context import command_context

    if airbyte is not None:
        _set_up_airbyte(airbyte, airbyte_url, pool, timedelta(minutes=every), airbyte_limit, language, check=check)

    with command_context(config) as context:
        _require_named_server()
        from sage100_ssm.orchestration.setup import Wanted, set_up

        where = folder or str(config.absolute().parent)
        wanted = Wanted(
            config, context.settings, pool, timedelta(minutes=every), where, uses_block=not no_block, renew=renew
        )
        parts = set_up(wanted, check=check)
        _print_parts(context.note, parts, pool, context.language, check=check)
        if not wanted.prefect_sends_messages:
            context.note("prefect_nobody")
    raise _exit_after(parts, check=check)


def _set_up_airbyte(
    connection: str,
    url: str | None,
    pool: str,
    every: timedelta,
    limit_minutes: int,
    language: Language,
    *,
    check: bool,
) -> NoReturn:
    from pydantic import SecretStr

    from sage100_ssm.app.endings import ending_after
    from sage100_ssm.cli.command_context import terminal
    from sage100_ssm.cli.tables import plain

    def note(key: str, **params: object) -> None:
        terminal(stderr=True).print(plain(say(key, language, **params)), soft_wrap=True)

    try:
        _require_named_server()
        from sage100_ssm.orchestration.airbyte_setup import WantedAirbyte, set_up_airbyte

        client_id, secret = (os.environ.get(f"AIRBYTE_CLIENT_{name}") for name in ("ID", "SECRET"))
        client_secret = SecretStr(secret) if secret else None
        wanted = WantedAirbyte(
            connection, _AIRBYTE, url, client_id, client_secret, pool, every, limit_minutes, language
        )
        parts = set_up_airbyte(wanted, check=check)
    except Exception as error:  # noqa: BLE001 - as every command, it ends with a sentence
        ending = ending_after(error, language)
        terminal(stderr=True).print(plain(ending.message), soft_wrap=True)
        raise typer.Exit(ending.exit_code) from None
    _print_parts(note, parts, pool, language, check=check)
    raise _exit_after(parts, check=check)


def _require_named_server() -> None:
    """Make sure that the user named a Prefect server.

    Raises:
        ConfigurationError: none is named.
    """
    from sage100_ssm.orchestration.local_server import named_server

    if named_server() is None:
        raise ConfigurationError("prefect_no_server")


def _print_parts(note: Note, parts: "Sequence[Part]", pool: str, language: Language, *, check: bool) -> None:
    for part in parts:
        kind = say(f"prefect_kind_{part.kind}", language)
        note(f"prefect_{'found' if check else 'made'}_{part.found}", kind=kind, name=part.name)
    if not check:
        note("prefect_worker", pool=pool)


def _exit_after(parts: "Sequence[Part]", *, check: bool) -> typer.Exit:
    from sage100_ssm.orchestration.parts import Found

    has_drifted = check and any(part.found is not Found.SAME for part in parts)
    return typer.Exit(Exit.NEGATIVE if has_drifted else Exit.DONE)
