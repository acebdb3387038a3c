"""The commands for whoever looks after the machine: ``notify`` and ``prefect setup``."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from sage100_ssm.cli.options import SYNC_YAML, Config
from sage100_ssm.messages import say
from sage100_ssm.sync.failures import ConfigurationError, Exit


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
def setup(
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
) -> None:
    """Create what a Prefect server needs for a worker to synchronise: work pool, block, deployment, automations.

    May be repeated: it says what was there, what it created and what it brought up to date. A block that somebody
    edited on the server stays as it is, unless `--renew` is given.

    - `PREFECT_API_URL=https://prefect.example/api sage100-ssm prefect setup`
    - `sage100-ssm prefect setup --check`: has anything drifted?
    - `sage100-ssm prefect setup --no-block`: the settings stay in the file, on the worker's machine
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config) as context:
        from sage100_ssm.orchestration.local_server import named_server

        if named_server() is None:
            raise ConfigurationError("prefect_no_server")
        from sage100_ssm.orchestration.parts import Found
        from sage100_ssm.orchestration.setup import Wanted, set_up

        where = folder or str(config.absolute().parent)
        wanted = Wanted(
            config, context.settings, pool, timedelta(minutes=every), where, uses_block=not no_block, renew=renew
        )
        parts = set_up(wanted, check=check)
        for part in parts:
            kind = say(f"prefect_kind_{part.kind}", context.language)
            context.note(f"prefect_{'found' if check else 'made'}_{part.found}", kind=kind, name=part.name)
        if not check:
            context.note("prefect_worker", pool=pool)
        if not wanted.prefect_sends_messages:
            context.note("prefect_nobody")
        has_drifted = check and any(part.found is not Found.SAME for part in parts)
    raise typer.Exit(Exit.NEGATIVE if has_drifted else Exit.DONE)
