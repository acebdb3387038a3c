"""What a Prefect server needs for a worker to synchronise: work pool, block, deployment, automations.

Each part is compared with what is there, and created or brought up to date where it differs; so the set-up can be
repeated, and looked at without being changed.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock, MicrosoftTeamsWebhook, SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from sage100_ssm.app.channels import Channel, Slack, Teams, Webhook
from sage100_ssm.app.schedule import offset_of
from sage100_ssm.app.settings import Settings
from sage100_ssm.orchestration import automations
from sage100_ssm.orchestration.artifacts import slug_of
from sage100_ssm.orchestration.automations import TAG
from sage100_ssm.orchestration.blocks import PREFIX, SynchronisationSettings
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.parts import Found, Part
from sage100_ssm.orchestration.prefect_api import api_errors_in_words, require_prefect_server
from sage100_ssm.orchestration.run_form import deployment_description, run_form
from sage100_ssm.orchestration.serve import deployment_name

ENTRYPOINT = "sage100_ssm.orchestration.flow.sync_contacts"
"""The flow by its module, which a worker imports from what is installed."""

_ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
"""Runs are at whole multiples of the interval from here and the company's offset, whenever the set-up was repeated."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a company is to be synchronised through Prefect.

    Attributes:
        file: the settings file.
        settings: its content.
        pool: the work pool.
        every: the time from one run to the next.
        folder: the folder, on the worker's machine, in which runs begin.
        uses_block: whether the settings go to Prefect as a block; else the worker's machine has the file.
        renew: whether a block that differs from the file is replaced.
    """

    file: Path
    settings: Settings
    pool: str
    every: timedelta
    folder: str
    uses_block: bool = True
    renew: bool = False

    @property
    def slug(self) -> str:
        """The name of the block."""
        return slug_of(self.settings.sage100.company)

    @property
    def config(self) -> str:
        """The parameter ``config`` of the runs."""
        return f"{PREFIX}{self.slug}" if self.uses_block else str(self.file.absolute())

    @property
    def prefect_sends_messages(self) -> bool:
        """Whether Prefect's server can report that no run takes place."""
        return any(_notification_block(channel) for channel in self.settings.notify)


def set_up(wanted: Wanted, *, check: bool = False) -> list[Part]:
    """Create what is missing and bring up to date what differs.

    Args:
        wanted: how it is to be.
        check: only compare; nothing is changed.

    Returns:
        the parts, each with what there was of it before.

    Raises:
        PrefectUnavailableError, ConfigurationError: the Prefect server cannot be used.
        SettingsError: the settings cannot be used as a block.
    """
    require_prefect_server()
    with api_errors_in_words(), get_client(sync_client=True) as client:
        return list(_parts(client, wanted, write=not check))


def _parts(client: SyncPrefectClient, wanted: Wanted, *, write: bool) -> Iterator[Part]:
    yield _pool(client, wanted, write=write)
    if wanted.uses_block:
        yield _block(wanted, write=write)
    part, deployment_id = _deployment(client, wanted, write=write)
    yield part
    notifier = yield from _notifier(wanted, write=write)
    company = wanted.settings.sage100.company
    known = deployment_id or UUID(int=0)
    for automation in automations.of_worker(company, known, wanted.every, notifier, wanted.settings.language):
        yield Part("automation", automation.name, automations.bring_about(client, automation, write=write))


def _pool(client: SyncPrefectClient, wanted: Wanted, *, write: bool) -> Part:
    try:
        client.read_work_pool(wanted.pool)
    except ObjectNotFound:
        if write:
            template = ProcessWorker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name=wanted.pool, type="process", base_job_template=template))
        return Part("pool", wanted.pool, Found.MISSING)
    return Part("pool", wanted.pool, Found.SAME)


def _block(wanted: Wanted, *, write: bool) -> Part:
    block = SynchronisationSettings.of(wanted.file)
    known = _loaded(SynchronisationSettings, wanted.slug)
    found = Found.MISSING if known is None else Found.KEPT
    if isinstance(known, SynchronisationSettings) and _content(known) == _content(block):
        found = Found.SAME
    elif wanted.renew and known is not None:
        found = Found.DIFFERENT
    if write and found in (Found.MISSING, Found.DIFFERENT):
        block.save(wanted.slug, overwrite=True)
    return Part("block", wanted.slug, found)


def _loaded(kind: type[Block], name: str) -> Block | None:
    try:
        block = kind.load(name, validate=False)
    except ValueError:
        return None
    assert isinstance(block, Block), "outside an event loop it loads at once"
    return block


def _content(block: Block) -> dict[str, Any]:
    """The fields of a block, secrets included, which are compared and shown nowhere."""
    return {name: getattr(block, name, None) for name in type(block).model_fields}


def _deployment(client: SyncPrefectClient, wanted: Wanted, *, write: bool) -> tuple[Part, UUID | None]:
    """The deployment, and its id."""
    name = deployment_name(wanted.settings)
    anchor = _ANCHOR + offset_of(wanted.settings.sage100.company, wanted.every)
    schedule = IntervalSchedule(interval=wanted.every, anchor_date=anchor, timezone="UTC")
    plan: dict[str, Any] = {
        "entrypoint": ENTRYPOINT,
        "path": None,
        "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": wanted.folder}}],
        "parameters": {"config": wanted.config},
        "tags": [TAG],
        "work_pool_name": wanted.pool,
        "description": deployment_description(wanted.settings),
        "parameter_openapi_schema": run_form(wanted.settings.language),
    }
    known = None
    try:
        known = client.read_deployment_by_name(f"{sync_contacts.name}/{name}")
        is_same = all(getattr(known, key) == value for key, value in plan.items())
        is_same = is_same and [one.schedule for one in known.schedules] == [schedule]
        limit = known.global_concurrency_limit
        found = Found.SAME if is_same and limit is not None and limit.limit == 1 else Found.DIFFERENT
    except ObjectNotFound:
        found = Found.MISSING
    deployment_id = known.id if known else None
    if write and found is not Found.SAME:
        deployment_id = client.create_deployment(
            flow_id=client.create_flow(sync_contacts),
            name=name,
            schedules=[DeploymentScheduleCreate(schedule=schedule, active=True)],
            concurrency_limit=1,
            concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
            enforce_parameter_schema=True,
            paused=known.paused if known else False,
            **plan,
        )
    return Part("deployment", name, found), deployment_id


def _notifier(wanted: Wanted, *, write: bool) -> Generator[Part, None, UUID | None]:
    """A block by which Prefect itself can send messages, where the settings name a recipient that it knows.

    Returns:
        its id, or None.
    """
    make = next((make for channel in wanted.settings.notify if (make := _notification_block(channel))), None)
    if make is None:
        return None
    block, name = make(), f"{TAG}-{wanted.slug}"
    known = _loaded(type(block), name)
    found = Found.MISSING if known is None else Found.DIFFERENT
    if known is not None and _content(known) == _content(block):
        found = Found.SAME
    if write and found is not Found.SAME:
        block.save(name, overwrite=True)
    yield Part("block", name, found)
    saved = _loaded(type(block), name)
    return saved._block_document_id if saved else None  # noqa: SLF001 - Prefect has no other name for it


def _notification_block(channel: Channel) -> Callable[[], Block] | None:
    """What makes the block for a channel; None for e-mail and others, which Prefect cannot send by itself."""
    match channel:
        case Teams(url=url):
            return lambda: MicrosoftTeamsWebhook(url=url)
        case Slack(url=url):
            return lambda: SlackWebhook(url=url)
        case Webhook(url=url):
            body = {"title": "{{subject}}", "message": "{{body}}", "type": "warning"}
            return lambda: CustomWebhookNotificationBlock(
                name=TAG, url=url.get_secret_value(), method="POST", json_data=body
            )
    return None
