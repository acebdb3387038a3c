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
from prefect.client.schemas.schedules import IntervalSchedule

from sage100_ssm.app.channels import Channel, Slack, Teams, Webhook
from sage100_ssm.app.companies import deployment_name
from sage100_ssm.app.schedule import offset_of
from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import plain_spaces, say
from sage100_ssm.orchestration import automations
from sage100_ssm.orchestration.artifacts import slug_of
from sage100_ssm.orchestration.automations import TAG
from sage100_ssm.orchestration.blocks import PREFIX, SynchronisationSettings
from sage100_ssm.orchestration.deployments import Planned, bring_about, work_pool
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.parts import Found, Part
from sage100_ssm.orchestration.prefect_api import api_errors_in_words, require_prefect_server
from sage100_ssm.orchestration.run_form import CONFIG_FIELD, deployment_description, form_of, run_form
from sage100_ssm.orchestration.upkeep import housekeeping, housekeeping_description, nightly, weekly, weekly_digest

_ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
"""Runs are at whole multiples of the interval from here and the company's offset, whenever the set-up was repeated."""
_UNKNOWN = UUID(int=0)
"""The id of a deployment that is still to be created."""


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
    yield work_pool(client, wanted.pool, write=write)
    if wanted.uses_block:
        yield _block(wanted, write=write)
    part, deployment_id = bring_about(client, _synchronisation(wanted), write=write)
    yield part
    upkeep = [bring_about(client, planned, write=write) for planned in _of_upkeep(wanted)]
    yield from (part for part, _ in upkeep)
    notifier = yield from _notifier(wanted, write=write)
    company, language = wanted.settings.sage100.company, wanted.settings.language
    (_, housekeeping_id), *_others = upkeep
    for automation in (
        *automations.of_worker(company, deployment_id or _UNKNOWN, wanted.every, notifier, language),
        automations.of_housekeeping(company, housekeeping_id or _UNKNOWN, notifier, language),
    ):
        yield Part("automation", automation.name, automations.bring_about(client, automation, write=write))


def _block(wanted: Wanted, *, write: bool) -> Part:
    block = SynchronisationSettings.of(wanted.file)
    known = loaded_block(SynchronisationSettings, wanted.slug)
    found = Found.MISSING if known is None else Found.KEPT
    if isinstance(known, SynchronisationSettings) and content_of(known) == content_of(block):
        found = Found.SAME
    elif wanted.renew and known is not None:
        found = Found.DIFFERENT
    if write and found in (Found.MISSING, Found.DIFFERENT):
        block.save(wanted.slug, overwrite=True)
    return Part("block", wanted.slug, found)


def loaded_block(kind: type[Block], name: str) -> Block | None:
    """The block of a name; None where there is none."""
    try:
        block = kind.load(name, validate=False)
    except ValueError:
        return None
    assert isinstance(block, Block), "outside an event loop it loads at once"
    return block


def content_of(block: Block) -> dict[str, Any]:
    """The fields of a block, secrets included, which are compared and shown nowhere."""
    return {name: getattr(block, name, None) for name in type(block).model_fields}


def interval(every: timedelta, name: str) -> IntervalSchedule:
    """Runs at whole multiples of an interval, whenever the set-up was repeated; each name has its own moment."""
    return IntervalSchedule(interval=every, anchor_date=_ANCHOR + offset_of(name, every), timezone="UTC")


def _synchronisation(wanted: Wanted) -> Planned:
    """The deployment that synchronises."""
    language = wanted.settings.language
    return Planned(
        sync_contacts,
        deployment_name(wanted.settings),
        interval(wanted.every, wanted.settings.sage100.company),
        {"config": wanted.config},
        run_form(language),
        deployment_description(wanted.settings),
        wanted.pool,
        wanted.folder,
    )


def _of_upkeep(wanted: Wanted) -> Iterator[Planned]:
    """The deployments of what is due beside the runs; the summary of the week where somebody wants it."""
    settings, language, name = wanted.settings, wanted.settings.language, deployment_name(wanted.settings)
    company, parameters = settings.sage100.company, {"config": wanted.config}
    form = form_of(housekeeping, CONFIG_FIELD, language)
    yield Planned(
        housekeeping,
        f"{name} housekeeping",
        nightly(settings),
        parameters,
        form,
        housekeeping_description(settings),
        wanted.pool,
        wanted.folder,
    )
    if any(channel.digest for channel in settings.notify):
        description = plain_spaces(say("prefect_digest_description", language, company=company))
        form = form_of(weekly_digest, CONFIG_FIELD, language)
        yield Planned(
            weekly_digest,
            f"{name} digest",
            weekly(settings),
            parameters,
            form,
            description,
            wanted.pool,
            wanted.folder,
        )


def _notifier(wanted: Wanted, *, write: bool) -> Generator[Part, None, UUID | None]:
    """A block by which Prefect itself can send messages, where the settings name a recipient that it knows.

    Returns:
        its id, or None.
    """
    make = next((make for channel in wanted.settings.notify if (make := _notification_block(channel))), None)
    if make is None:
        return None
    block, name = make(), f"{TAG}-{wanted.slug}"
    known = loaded_block(type(block), name)
    found = Found.MISSING if known is None else Found.DIFFERENT
    if known is not None and content_of(known) == content_of(block):
        found = Found.SAME
    if write and found is not Found.SAME:
        block.save(name, overwrite=True)
    yield Part("block", name, found)
    saved = loaded_block(type(block), name)
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
