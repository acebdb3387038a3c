"""The destination: Airbyte records, written as contacts and accounts of Sage Sales Management."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.models import AirbyteConnectionStatus, ConnectorSpecification, Status
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets

from destination_ssm.accounts import Accounts
from destination_ssm.config import DestinationSsmConfig
from destination_ssm.decision import CreationRules
from destination_ssm.stream_writers import AccountWriter, ContactWriter
from sage100_ssm.connectors.catalog_streams import SYNC_MODES
from sage100_ssm.connectors.destination import RecordDestination, Writer
from sage100_ssm.connectors.errors import ConnectorError, connector_errors, parse_configuration
from sage100_ssm.connectors.refused_records import check_refused_records
from sage100_ssm.connectors.spec import connection_specification, documentation_url
from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Forbidden, MalformedAnswer, Rejected
from sage100_ssm.ssm.values import is_deleted


class DestinationSsm(RecordDestination):
    """Writes contacts and accounts.

    Args:
        sink: receives one receipt per record; without one, the destination reports as its settings say.
        client: an open client, which the caller closes; without one, the destination opens its own.
    """

    settings_model = DestinationSsmConfig

    def __init__(self, sink: Sink | None = None, client: SsmClient | None = None) -> None:
        super().__init__(sink)
        self._given = client

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """The configuration that the destination takes."""
        return ConnectorSpecification(
            documentationUrl=documentation_url("destination-ssm"),
            connectionSpecification=connection_specification(
                DestinationSsmConfig, without=("page_size", "overlap_minutes")
            ),
            supportsIncremental=True,
            supported_destination_sync_modes=SYNC_MODES,
        )

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:  # noqa: ARG002 - the CDK's signature
        """Log in, and look for the default owner and branch."""
        try:
            settings = parse_configuration(DestinationSsmConfig, config)
            with self._client(settings) as client:
                wrong = _wrong_default(client, settings)
            check_refused_records(settings.refused_records)
        except ConnectorError as error:
            wrong = error.message
        return AirbyteConnectionStatus(status=Status.FAILED if wrong else Status.SUCCEEDED, message=wrong)

    @contextmanager
    def writers(self, config: Mapping[str, Any]) -> Iterator[Mapping[str, Writer]]:
        """Open SSM: a writer for contacts and one for accounts."""
        settings = parse_configuration(DestinationSsmConfig, config)
        with self._client(settings) as client:
            owner, branch = settings.default_sales_rep_id, settings.default_branch_id
            # What SSM requires of a new row (docs/facts/ssm-api.md, "Contacts"); only accounts have a branch.
            contact = CreationRules({"salesRepId": owner}, ("firstName", "lastName", "accountId", "salesRepId"))
            account = CreationRules({"salesRepId1": owner, "branchId": branch}, ("name", "branchId", "salesRepId1"))
            bulk = settings.bulk_writes
            accounts = Accounts(client, settings.company_code_field)
            # Accounts first: a contact of the same sync may name one.
            yield {
                "accounts": AccountWriter(client, account, accounts, bulk=bulk, nulls=self._nulls("accounts")),
                "contacts": ContactWriter(client, contact, accounts, bulk=bulk, nulls=self._nulls("contacts")),
            }

    @contextmanager
    def _client(self, settings: DestinationSsmConfig) -> Iterator[SsmClient]:
        client = self._given or SsmClient(settings)
        client.on_token(add_to_secrets)
        try:
            with connector_errors():
                yield client
        finally:
            if client is not self._given:
                client.close()


def _wrong_default(client: SsmClient, settings: DestinationSsmConfig) -> str | None:
    """What is wrong with the default owner or branch; None if nothing is."""
    owner = settings.default_sales_rep_id
    user = next(client.find("users", ids=(owner,)), None)
    if user is None or is_deleted(user):
        return f"The default owner (default_sales_rep_id {owner}) is no user of Sage Sales Management."
    if user.get("isActive") is False:
        return f"The default owner (default_sales_rep_id {owner}) is not active in Sage Sales Management."
    branch = settings.default_branch_id
    if branch is not None and not _branch_exists(client, branch):
        return f"The default branch (default_branch_id {branch}) does not exist in Sage Sales Management."
    return None


def _branch_exists(client: SsmClient, branch: int) -> bool:
    """Whether a branch exists; True where branches cannot be read, as the first creation of an account will show."""
    try:
        found = next(client.find("branches", ids=(branch,)), None)
    except (Rejected, Forbidden, MalformedAnswer):
        return True
    return found is not None and not is_deleted(found)
