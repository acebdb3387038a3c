"""What a Prefect server needs for a worker to run an Airbyte connection: work pool, block, deployment, automations."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from pydantic import SecretStr

from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.orchestration import automations
from sage100_ssm.orchestration.airbyte_application import AirbyteApplication
from sage100_ssm.orchestration.airbyte_flow import airbyte_sync
from sage100_ssm.orchestration.deployments import Planned, bring_about, work_pool
from sage100_ssm.orchestration.parts import Found, Part
from sage100_ssm.orchestration.prefect_api import api_errors_in_words, require_prefect_server
from sage100_ssm.orchestration.run_form import form_of
from sage100_ssm.orchestration.setup import content_of, interval, loaded_block
from sage100_ssm.sync.failures import ConfigurationError

_FIELDS = {
    "connection": ("airbyte_form_connection", "airbyte_form_fixed"),
    "application": ("airbyte_form_application", "airbyte_form_fixed"),
    "limit_minutes": ("airbyte_form_limit_minutes", "airbyte_form_limit_minutes_help"),
}
"""The title and the description of each parameter of the flow."""


@dataclass(frozen=True, slots=True)
class WantedAirbyte:
    """How an Airbyte connection is to be run through Prefect.

    Attributes:
        connection: its id.
        block: the name of the block.
        url: the address of Airbyte's API; None where it is in the block already.
        client_id: of the application, likewise.
        client_secret: of the application, likewise.
        pool: the work pool.
        every: the time from one run to the next.
        limit_minutes: after how long a job is cancelled.
        language: the language of descriptions and messages.
    """

    connection: str
    block: str
    url: str | None
    client_id: str | None
    client_secret: SecretStr | None
    pool: str
    every: timedelta
    limit_minutes: int
    language: Language


def set_up_airbyte(wanted: WantedAirbyte, *, check: bool = False) -> list[Part]:
    """Create what is missing and bring up to date what differs.

    Args:
        wanted: how it is to be.
        check: only compare; nothing is changed.

    Returns:
        the parts, each with what there was of it before.

    Raises:
        PrefectUnavailableError, ConfigurationError: the Prefect server cannot be used, or the block is missing and its
            content was not given.
    """
    require_prefect_server()
    with api_errors_in_words(), get_client(sync_client=True) as client:
        return list(_parts(client, wanted, write=not check))


def _parts(client: SyncPrefectClient, wanted: WantedAirbyte, *, write: bool) -> Iterator[Part]:
    yield work_pool(client, wanted.pool, write=write)
    yield _block(wanted, write=write)
    planned = Planned(
        airbyte_sync,
        wanted.connection,
        interval(wanted.every, wanted.connection),
        {"connection": wanted.connection, "application": wanted.block, "limit_minutes": wanted.limit_minutes},
        form_of(airbyte_sync, _FIELDS, wanted.language),
        plain_spaces(say("airbyte_deployment", wanted.language, connection=wanted.connection)),
        wanted.pool,
    )
    part, deployment_id = bring_about(client, planned, write=write)
    yield part
    known = deployment_id or UUID(int=0)
    for one in automations.of_connection(wanted.connection, known, wanted.every):
        yield Part("automation", one.name, automations.bring_about(client, one, write=write))


def _block(wanted: WantedAirbyte, *, write: bool) -> Part:
    known = loaded_block(AirbyteApplication, wanted.block)
    assert known is None or isinstance(known, AirbyteApplication), "it was asked for by its type"
    block = _block_after(wanted, known)
    found = Found.MISSING if known is None else Found.DIFFERENT
    if known is not None and content_of(known) == content_of(block):
        found = Found.SAME
    if write and found is not Found.SAME:
        block.save(wanted.block, overwrite=True)
    return Part("block", wanted.block, found)


def _block_after(wanted: WantedAirbyte, known: AirbyteApplication | None) -> AirbyteApplication:
    """The block as it should be; what was not given stays as it is on the server.

    Raises:
        ConfigurationError: something was not given, and there is no block yet.
    """
    given = {"url": wanted.url, "client_id": wanted.client_id, "client_secret": wanted.client_secret}
    filled = {
        **(content_of(known) if known else {}),
        **{name: value for name, value in given.items() if value},
        "language": wanted.language,
    }
    if not given.keys() <= filled.keys():
        raise ConfigurationError("airbyte_no_keys", name=wanted.block)
    return AirbyteApplication(**filled)
