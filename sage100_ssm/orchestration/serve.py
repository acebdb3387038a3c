"""The Prefect deployments that synchronise every 15 minutes (R2), one for each company."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.runner import Runner
from prefect.schedules import Interval

from sage100_ssm.app.companies import Company, deployment_name
from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.notify import notify_if_readable
from sage100_ssm.app.schedule import Schedule, forget_schedule, remember_schedule, remembered_schedule, spread
from sage100_ssm.app.settings import Settings
from sage100_ssm.orchestration import automations
from sage100_ssm.orchestration.automations import TAG
from sage100_ssm.orchestration.configured import allow_configs
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.left_over_runs import end_left_over_runs
from sage100_ssm.orchestration.prefect_api import api_errors_in_words, require_prefect_server
from sage100_ssm.orchestration.run_form import deployment_description, run_form
from sage100_ssm.orchestration.run_processes import start_runs_as_copies
from sage100_ssm.orchestration.served_elsewhere import served_elsewhere, tag_of_machine
from sage100_ssm.orchestration.upkeep import add_housekeeping
from sage100_ssm.sync.failures import SyncError
from sage100_ssm.sync.state.errors import StateError

_FIRST_RUN_AFTER = timedelta(seconds=10)
_REGISTERED_IN = timedelta(seconds=1)
"""What a company takes to be registered, with its housekeeping; on a busy machine half as much again."""
_TRY_AGAIN_SECONDS = 15.0
_WATCH_SECONDS = 60.0

Say = Callable[..., None]
"""Says a sentence to the operator, by its key and what it names."""


def serve(companies: Sequence[Company], every: timedelta, say: Say = lambda *_, **__: None) -> None:
    """Synchronise each company at an interval, the first one at once, until SIGTERM or Ctrl-C.

    One run of a company at a time: a run that is due while another is under way is cancelled, never queued. A stop
    leaves the deployments' schedules active, so that a restart goes on with them. A server that goes away is waited
    for.

    Args:
        companies: the companies, whose runs are spread evenly over the interval.
        every: the time from the start of a run to the start of the next.
        say: says when runs are due from now on (``serving``), when the Prefect server is away (``prefect_lost``)
            and when it is back (``prefect_back``); whose state cannot be used for now (``schedule_not_stored``); and
            which company is left out, because another ``serve`` synchronises it (``served_elsewhere``), once that was
            looked at (``served_elsewhere_watched``).

    Raises:
        PrefectUnavailableError, ConfigurationError: the Prefect server cannot be used from the beginning.
        ServedElsewhereError: another ``serve`` synchronises all of them on that server.
    """
    companies = _served_nowhere_else(companies, say)
    allow_configs(str(company.file) for company in companies)
    start_runs_as_copies()
    # What falls due before all are registered would begin at once, all together.
    first = datetime.now(UTC) + _FIRST_RUN_AFTER + len(companies) * _REGISTERED_IN
    schedules = spread(first, every, len(companies))
    scheduled = list(zip(companies, schedules, strict=True))
    runner = _registered(scheduled)
    with ExitStack() as meanwhile, suppress(KeyboardInterrupt):
        for company, schedule in scheduled:
            is_alone = len(scheduled) == 1
            remembered = remembered_schedule(company.settings.state, schedule)
            meanwhile.enter_context(remembered if is_alone else _remembered(company, schedule, say))
            meanwhile.enter_context(_watched(company.settings))
        say("serving")
        while not _ran_until_stopped(runner):
            say("prefect_lost")
            runner = _registered_again(scheduled)
            say("prefect_back")


def _served_nowhere_else(companies: Sequence[Company], say: Say) -> Sequence[Company]:
    """The companies that no other ``serve`` synchronises on the Prefect server.

    Raises:
        PrefectUnavailableError, ConfigurationError: the server cannot be used.
        ServedElsewhereError: there are none.
    """
    require_prefect_server()
    with api_errors_in_words():
        elsewhere = served_elsewhere(companies, watching=lambda: say("served_elsewhere_watched"))
    if len(elsewhere) == len(companies):
        raise next(iter(elsewhere.values()))
    for error in elsewhere.values():
        say(error.code, **error.params)
    return [company for company in companies if company.name not in elsewhere]


@contextmanager
def _remembered(company: Company, schedule: Schedule, say: Say) -> Iterator[None]:
    """Store the schedule in the company's state while the block lasts; where that fails, do without."""
    settings = company.settings
    try:
        remember_schedule(settings.state, schedule)
    except StateError as error:
        # The company's runs say so, too; the others go on.
        say("schedule_not_stored", company=company.name, text=ending_after(error, settings.language).message)
    try:
        yield
    finally:
        with suppress(StateError):
            forget_schedule(settings.state, schedule)


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


def _registered(scheduled: Sequence[tuple[Company, Schedule]]) -> _Runner:
    """A runner whose deployments are on the server.

    Raises:
        PrefectUnavailableError, ConfigurationError: the server cannot be used.
    """
    require_prefect_server()
    # Without a limit: with one, as many runs that hang would hold up every other company.
    runner = _Runner(name=TAG, pause_on_shutdown=False, limit=None)
    with api_errors_in_words():
        mark_killed_runs()
        for company, schedule in scheduled:
            _register(runner, company, schedule)
        # Last: the first run is due in seconds, and is scheduled only if it is still to come then.
        for company, _ in scheduled:
            add_housekeeping(runner, deployment_name(company.settings), company.file, company.settings)
    return runner


def _register(runner: _Runner, company: Company, schedule: Schedule) -> None:
    """Create the deployment of a company, or bring it up to date."""
    # With the flow at hand, the runner takes no code from the server, whatever the deployment there says.
    deployment_id = runner.add_flow(
        sync_contacts,
        name=deployment_name(company.settings),
        schedule=Interval(schedule.every, anchor_date=schedule.since),
        parameters={"config": str(company.file)},
        tags=[TAG, tag_of_machine()],
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
    )
    registered = cast("UUID", deployment_id)  # outside an event loop it is added at once
    _describe(registered, company.settings)
    end_left_over_runs(registered, company.settings)


def _describe(deployment_id: UUID, settings: Settings) -> None:
    """Give the deployment its description and its run form in the language of the site."""
    form = run_form(settings.language)
    update = DeploymentUpdate(description=deployment_description(settings), parameter_openapi_schema=form)
    with get_client(sync_client=True) as client:
        client.update_deployment(deployment_id, update)


def _registered_again(scheduled: Sequence[tuple[Company, Schedule]]) -> _Runner:
    """Wait for the server."""
    while True:
        time.sleep(_TRY_AGAIN_SECONDS)
        with suppress(SyncError):
            return _registered(scheduled)


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


def mark_killed_runs() -> None:
    """Make Prefect mark a run as crashed if its process is gone."""
    with get_client(sync_client=True) as client:
        automations.bring_about(client, automations.of_killed_runs(), write=True)
