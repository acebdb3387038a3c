"""The Prefect deployment that synchronises every 15 minutes (R2)."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, StateType
from prefect.runner import Runner
from prefect.schedules import Interval
from prefect.states import Crashed

from sage100_ssm.app.notify import notify_if_readable
from sage100_ssm.app.schedule import Schedule, remembered_schedule
from sage100_ssm.app.settings import Settings
from sage100_ssm.orchestration import automations
from sage100_ssm.orchestration.automations import KILLED, TAG
from sage100_ssm.orchestration.configured import CONFIG_VARIABLE
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.prefect_api import api_errors_in_words, require_prefect_server
from sage100_ssm.orchestration.run_form import deployment_description, run_form
from sage100_ssm.orchestration.upkeep import add_housekeeping
from sage100_ssm.sync.failures import SyncError

_FIRST_RUN_AFTER = timedelta(seconds=10)
_TRY_AGAIN_SECONDS = 15.0
_WATCH_SECONDS = 60.0

Say = Callable[[str], None]
"""Says a sentence to the operator, by its key."""


def serve(config: Path, settings: Settings, every: timedelta, say: Say = lambda _: None) -> None:
    """Synchronise at once and then at an interval, until SIGTERM or Ctrl-C.

    One run at a time: a run that is due while another is under way is cancelled, never queued. A stop leaves
    the deployment's schedule active, so that a restart goes on with it. A server that goes away is waited for.

    Args:
        config: the settings file.
        settings: its content.
        every: the time from the start of a run to the start of the next.
        say: told when runs are due from now on (``serving``), when the Prefect server is away (``prefect_lost``)
            and when it is back (``prefect_back``).

    Raises:
        PrefectUnavailableError, ConfigurationError: the Prefect server cannot be used from the beginning.
    """
    os.environ[CONFIG_VARIABLE] = str(config.absolute())
    schedule = Schedule(datetime.now(UTC) + _FIRST_RUN_AFTER, every)
    runner = _registered(config, settings, schedule)
    with remembered_schedule(settings.state, schedule), _watched(settings), suppress(KeyboardInterrupt):
        say("serving")
        while not _ran_until_stopped(runner):
            say("prefect_lost")
            runner = _registered_again(config, settings, schedule)
            say("prefect_back")


@contextmanager
def _watched(settings: Settings) -> Iterator[None]:
    """Report runs that are due and do not take place: a run that hangs, or a Prefect server that is away."""
    stopped = threading.Event()

    def watch() -> None:
        while not stopped.wait(_WATCH_SECONDS):
            notify_if_readable(settings, datetime.now(UTC))

    if settings.notify:
        threading.Thread(target=watch, name="watch", daemon=True).start()
    try:
        yield
    finally:
        stopped.set()


class _Runner(Runner):
    """A runner that ends on SIGTERM as it does on Ctrl-C; Prefect's own handler does not await its stop."""

    def handle_sigterm(self, *_: object) -> None:
        """Act as on Ctrl-C."""
        signal.raise_signal(signal.SIGINT)


def _registered(config: Path, settings: Settings, schedule: Schedule) -> _Runner:
    """A runner whose deployment is on the server.

    Raises:
        PrefectUnavailableError, ConfigurationError: the server cannot be used.
    """
    require_prefect_server()
    runner = _Runner(name=TAG, pause_on_shutdown=False)
    with api_errors_in_words():
        mark_killed_runs()
        # With the flow at hand, the runner takes no code from the server, whatever the deployment there says.
        deployment_id = runner.add_flow(
            sync_contacts,
            name=deployment_name(settings),
            schedule=Interval(schedule.every, anchor_date=schedule.since),
            parameters={"config": str(config.absolute())},
            tags=[TAG],
            concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        )
        registered = cast("UUID", deployment_id)  # outside an event loop it is added at once
        _describe(registered, settings)
        _end_left_over_runs(registered)
        # Last: the first run is due in seconds, and is scheduled only if it is still to come then.
        add_housekeeping(runner, deployment_name(settings), config, settings)
    return runner


def _describe(deployment_id: UUID, settings: Settings) -> None:
    """Give the deployment its description and its run form in the language of the site."""
    form = run_form(settings.language)
    update = DeploymentUpdate(description=deployment_description(settings), parameter_openapi_schema=form)
    with get_client(sync_client=True) as client:
        client.update_deployment(deployment_id, update)


def _end_left_over_runs(deployment_id: UUID) -> None:
    """Mark the runs as crashed that were under way when ``serve`` was killed: they have the slot of the next one."""
    under_way = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING])),
    )
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=under_way):
            client.set_flow_run_state(run.id, Crashed(message=KILLED))


def _registered_again(config: Path, settings: Settings, schedule: Schedule) -> _Runner:
    """Wait for the server."""
    while True:
        time.sleep(_TRY_AGAIN_SECONDS)
        with suppress(SyncError):
            return _registered(config, settings, schedule)


def _ran_until_stopped(runner: _Runner) -> bool:
    """Whether the runner ran until it was stopped; False where its server failed it for too long."""
    stopped = True
    try:
        # Prefect prints the traceback of each failed request; the operator is told in a sentence.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            asyncio.run(runner.start())
    except* (httpx.HTTPError, RuntimeError):  # RuntimeError: Prefect's own, after several failures in a row
        stopped = False
    return stopped


def deployment_name(settings: Settings) -> str:
    """The deployment's name: the company, so that several installations can share a Prefect server."""
    return settings.sage100.company.replace("/", "-").replace("%", "-")


def mark_killed_runs() -> None:
    """Make Prefect mark a run as crashed if its process is gone."""
    with get_client(sync_client=True) as client:
        automations.bring_about(client, automations.of_killed_runs(), write=True)
