"""The SSM connectors, in conversations that were recorded with a tenant (`cassettes/tenant.yaml` says which)."""

import contextlib
import logging

import pytest
from airbyte_cdk.models import (
    AirbyteMessageSerializer,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalogSerializer,
    Status,
    Type,
)

from destination_ssm.destination import DestinationSsm
from sage100_ssm.exchange.receipt import Action, Cause, Outcome
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Rejected
from source_ssm.source import SourceSsm
from tests.support.connector_processes import catalog, record, state

pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

LOGGER = logging.getLogger("airbyte")
FIELDS = ("firstName", "lastName", "accountId", "email", "extId")


@pytest.fixture
def write(config):
    """Writes records of contacts; gives the receipts in the order of the records."""

    def written(*records):
        receipts = []
        messages = [AirbyteMessageSerializer.load(record("contacts", each)) for each in records]
        configured = ConfiguredAirbyteCatalogSerializer.load(catalog("contacts", fields=FIELDS))
        list(DestinationSsm(receipts.append).write(config, configured, messages))
        return sorted(receipts, key=lambda receipt: receipt.index)

    return written


@pytest.fixture
def read(config):
    """Reads a stream, from a state if one is given; gives the rows by id, and the state reached."""

    def given(stream, mode="incremental", **blob):
        configured = ConfiguredAirbyteCatalogSerializer.load(catalog(stream, mode=mode))
        states = [AirbyteStateMessageSerializer.load(state(stream, **blob)["state"])] if blob else []
        rows, reached = {}, None
        for message in SourceSsm().read(LOGGER, config, configured, states):
            if message.type is Type.RECORD:
                rows[message.record.data["id"]] = message.record.data
            elif message.type is Type.STATE:
                reached = vars(message.state.stream.stream_state)
        return rows, reached

    return given


@pytest.fixture
def newcomer(tenant, ssm_config):
    """A record of a new contact, which is deleted in the end."""
    mark = f"recording:{tenant.recorded_at}"
    yield {
        "firstName": "Essai", "lastName": "Enregistrement", "accountId": tenant.account,
        "email": "essai@example.org", "extId": mark,
    }  # fmt: skip
    with SsmClient(ssm_config) as client, contextlib.suppress(Rejected):
        for row in client.find("contacts", ext_ids=[mark]):
            client.delete("contacts", row["id"])


@pytest.mark.parametrize("connector", [SourceSsm, DestinationSsm])
def test_check_succeeds(connector, config):
    assert connector().check(LOGGER, config).status is Status.SUCCEEDED


@pytest.mark.parametrize("stream", ["users", "contact_types"])
def test_a_list_is_read_whole(read, stream):
    rows, _ = read(stream, mode="full_refresh")

    assert rows


def test_a_contact_is_created_updated_left_alone_and_deleted_by_records(write, newcomer):
    (created,) = write(newcomer)
    married = {**newcomer, "lastName": "Mariée"}
    (updated,) = write(married)
    (equal,) = write(married)
    unknown, deleted = write(
        {"id": 999_999_999, "firstName": "Personne"},
        {"id": created.id, "_ab_cdc_deleted_at": "2026-01-01T00:00:00Z"},
    )

    assert [(each.action, each.outcome, each.wrote) for each in (created, updated, equal, deleted)] == [
        (Action.CREATE, Outcome.APPLIED, True),
        (Action.UPDATE, Outcome.APPLIED, True),
        (Action.UPDATE, Outcome.APPLIED, False),
        (Action.DELETE, Outcome.APPLIED, True),
    ]
    assert (updated.id, updated.record["lastName"]) == (created.id, "Mariée")
    assert (unknown.outcome, unknown.cause) == (Outcome.REFUSED, Cause.NOT_FOUND)


def test_what_changed_since_a_state_is_read_its_deletion_included(read, tenant, write, newcomer):
    (created,) = write(newcomer)
    living, _ = read("contacts", changed_at=tenant.recorded_at)
    write({"id": created.id, "_ab_cdc_deleted_at": "2026-01-01T00:00:00Z"})
    later, reached = read("contacts", changed_at=tenant.recorded_at)

    assert living[created.id]["lastName"] == "Enregistrement"
    assert later[created.id]["deleted"] is True
    assert reached["changed_at"] >= tenant.recorded_at
