"""What is due beside the runs, as Prefect flows: a night's housekeeping, and a week's summary."""

# Before anything that imports the Airbyte CDK, which would take over the logging of Prefect.
import sage100_ssm.connectors.cdk_logging  # noqa: F401, I001 - imported for its effect, and first

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import stamina
from prefect import flow, get_run_logger
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, State
from prefect.client.schemas.schedules import CronSchedule
from prefect.runner import Runner
from prefect.schedules import Cron

from sage100_ssm.app.endings import Ending
from sage100_ssm.app.housekeeping import keep_house
from sage100_ssm.app.notify import notify
from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import plain_spaces, say
from sage100_ssm.orchestration.artifacts import publish_housekeeping
from sage100_ssm.orchestration.automations import TAG
from sage100_ssm.orchestration.carried_out import carried_out
from sage100_ssm.orchestration.configured import DEFAULT_CONFIG
from sage100_ssm.orchestration.run_names import RunName
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.state.errors import AnotherRun

_WAITING_SECONDS = 30 * 60.0
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 5.0, 60.0

NIGHTLY, WEEKLY = "37 2 * * *", "5 8 * * 1"
"""Not at the quarter of an hour, when runs begin; the summary of a week is due on Monday at 8 o'clock."""


@flow(name="sage100-ssm-housekeeping", description="The state: forgotten what is due, copied, made smaller.")
def housekeeping(config: str = DEFAULT_CONFIG) -> State[Any]:
    """Do a night's housekeeping; a run that is under way is waited for.

    Args:
        config: The settings. Leave it as it is: a run that asks for others is refused.
    """
    return carried_out(config, _housekeeping)


@flow(name="sage100-ssm-digest", description="The summary of the week, to those who want it.")
def weekly_digest(config: str = DEFAULT_CONFIG) -> State[Any]:
    """Send the summary of the week, and whatever else is due, to the recipients under ``notify``.

    The runs send it, too; what one of them has sent is not sent again.

    Args:
        config: The settings. Leave it as it is: a run that asks for others is refused.
    """
    return carried_out(config, _digest)


def add_housekeeping(runner: Runner, name: str, config: Path, settings: Settings) -> None:
    """Let the runner of ``serve`` do the housekeeping of a company each night; ``serve`` itself sends the summary.

    Args:
        runner: the runner.
        name: the name of the company's deployment.
        config: the settings file.
        settings: its content.
    """
    runner.add_flow(
        housekeeping,
        name=f"{name} housekeeping",
        schedule=Cron(NIGHTLY, timezone=settings.locale.time_zone.key),
        parameters={"config": str(config.absolute())},
        tags=[TAG],
        description=housekeeping_description(settings),
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
    )


def housekeeping_description(settings: Settings) -> str:
    """What the nightly deployment does, in the language of the site."""
    company = settings.sage100.company
    return plain_spaces(say("prefect_housekeeping_description", settings.language, company=company))


def nightly(settings: Settings) -> CronSchedule:
    """When the housekeeping is due."""
    return CronSchedule(cron=NIGHTLY, timezone=settings.locale.time_zone.key)


def weekly(settings: Settings) -> CronSchedule:
    """When the summary of the week is due."""
    return CronSchedule(cron=WEEKLY, timezone=settings.locale.time_zone.key)


def _housekeeping(settings: Settings, name: RunName) -> Ending:
    language = settings.language

    def waiting(other: AnotherRun) -> None:
        get_run_logger().info(plain_spaces(say("another_run_watched", language, owner=other.owner)))

    for attempt in stamina.retry_context(
        on=AnotherRun,
        attempts=None,
        timeout=_WAITING_SECONDS,
        wait_initial=_PAUSE_SECONDS,
        wait_max=_LONGEST_PAUSE_SECONDS,
    ):
        with attempt:
            done = keep_house(settings, datetime.now(UTC), waiting)
    key = "prefect_housekeeping" if done.backup else "prefect_housekeeping_without_copy"
    size = f"{done.backup.size / 1_000_000:.1f}" if done.backup else None
    file = str(done.backup.file) if done.backup else None
    message = say(key, language, forgotten=done.forgotten, removed=done.removed, file=file, size=size)
    publish_housekeeping(settings, message)
    name.show(say("prefect_housekeeping_done", language))
    return Ending(Exit.DONE, message)


def _digest(settings: Settings, name: RunName) -> Ending:
    outcomes = notify(settings, datetime.now(UTC), is_watch=True)
    failed = [channel.label for channel, failure in outcomes if failure]
    key = "prefect_digest_failed" if failed else "prefect_digest_sent" if outcomes else "prefect_digest_nothing"
    recipients = ", ".join(failed or (channel.label for channel, _ in outcomes))
    name.show(say("prefect_run_failed" if failed else "prefect_digest_done", settings.language, number=len(outcomes)))
    return Ending(Exit.SIDE if failed else Exit.DONE, say(key, settings.language, recipients=recipients))
