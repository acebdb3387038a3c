"""The Prefect deployment that synchronises every 15 minutes (R2)."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.runner import Runner
from prefect.schedules import Interval
from prefect.types.entrypoint import EntrypointType

from sage100_ssm.app.schedule import Schedule, remember_schedule
from sage100_ssm.app.settings import Settings
from sage100_ssm.orchestration.flow import sync_contacts

_FIRST_RUN_AFTER = timedelta(seconds=10)
TAG = "sage100-ssm"
_HEARTBEAT = "prefect.flow-run.heartbeat"
_ENDS = {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed")}
_DEAD_AFTER = timedelta(minutes=5)
"""A run without a heartbeat for so long was killed: there is one each minute (``prefect_environment``)."""


def serve(config: Path, settings: Settings, every: timedelta) -> None:
    """Synchronise at once and then at an interval, until SIGTERM or Ctrl-C.

    One run at a time: a run that is due while another is under way is cancelled, never queued. A stop leaves
    the deployment's schedule active, so that a restart goes on with it.

    Args:
        config: the settings file.
        settings: its content.
        every: the time from the start of a run to the start of the next.
    """
    schedule = Schedule(datetime.now(UTC) + _FIRST_RUN_AFTER, every)
    mark_killed_runs()
    runner = _Runner(name=TAG, pause_on_shutdown=False)
    with _stored_in_state(settings, schedule), suppress(KeyboardInterrupt):
        runner.add_deployment(_deployment(config, settings, schedule))
        asyncio.run(runner.start())


class _Runner(Runner):
    """A runner that ends on SIGTERM as it does on Ctrl-C; Prefect's own handler does not await its stop."""

    def handle_sigterm(self, *_: object) -> None:
        """Act as on Ctrl-C."""
        signal.raise_signal(signal.SIGINT)


def _deployment(config: Path, settings: Settings, schedule: Schedule) -> RunnerDeployment:
    return RunnerDeployment.from_flow(
        sync_contacts,
        name=deployment_name(settings),
        schedule=Interval(schedule.every, anchor_date=schedule.since),
        parameters={"config": str(config.absolute())},
        tags=[TAG],
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


@contextmanager
def _stored_in_state(settings: Settings, schedule: Schedule) -> Iterator[None]:
    remember_schedule(settings.state, schedule)
    try:
        yield
    finally:
        remember_schedule(settings.state, None)


def deployment_name(settings: Settings) -> str:
    """The deployment's name: the company, so that several installations can share a Prefect server."""
    return settings.sage100.company.replace("/", "-").replace("%", "-")


def mark_killed_runs() -> None:
    """Make Prefect mark a run as crashed if its process is gone; by itself it shows it as running for ever."""
    name = f"{TAG}: runs that were killed"
    with get_client(sync_client=True) as client:
        if not client.read_automations_by_name(name):
            client.create_automation(_killed_runs_automation(name))


def _killed_runs_automation(name: str) -> AutomationCore:
    trigger = EventTrigger(
        after={_HEARTBEAT},
        expect={_HEARTBEAT, *_ENDS},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification(
            {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
        ),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=_DEAD_AFTER,
    )
    crashed = ChangeFlowRunState(state=StateType.CRASHED, message="No sign of life: the process was killed.")
    return AutomationCore(name=name, trigger=trigger, actions=[crashed])
