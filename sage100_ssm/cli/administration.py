"""The commands for whoever looks after the machine: ``notify`` and ``prefect setup``."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from sage100_ssm.cli.command_context import command_context
from sage100_ssm.cli.options import SYNC_YAML, Config
from sage100_ssm.sync.failures import Exit


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
