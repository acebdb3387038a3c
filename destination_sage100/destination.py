"""The destination: Airbyte records, written as contacts of a Sage 100 company database."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.models import AirbyteConnectionStatus, ConnectorSpecification, Status

from destination_sage100.config import DestinationSage100Config
from destination_sage100.writer import ContactWriter
from sage100_ssm.connectors.catalog_streams import SYNC_MODES
from sage100_ssm.connectors.destination import RecordDestination, Writer
from sage100_ssm.connectors.destination_settings import DestinationSettings
from sage100_ssm.connectors.errors import ConnectorError, connector_errors, parse_configuration
from sage100_ssm.connectors.refused_records import check_refused_records
from sage100_ssm.connectors.spec import connection_specification, documentation_url
from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.sage100.database import Database, open_database


class DestinationSage100(RecordDestination):
    """Writes contacts.

    Args:
        sink: receives one receipt per record; without one, the destination reports as its settings say.
        database: an open database, which the caller closes; without one, the destination opens its own.
    """

    settings_model = DestinationSage100Config

    def __init__(self, sink: Sink | None = None, database: Database | None = None) -> None:
        super().__init__(sink)
        self._given = database

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """The configuration that the destination takes."""
        return ConnectorSpecification(
            documentationUrl=documentation_url("destination-sage100"),
            connectionSpecification=connection_specification(DestinationSage100Config),
            supportsIncremental=True,
            supported_destination_sync_modes=SYNC_MODES,
        )

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:  # noqa: ARG002 - the CDK's signature
        """Open the database; look for its tables, its columns and the rights to write contacts."""
        try:
            with self._database(config) as database:
                database.verify_writing()
            check_refused_records(parse_configuration(DestinationSettings, config).refused_records)
        except ConnectorError as error:
            return AirbyteConnectionStatus(status=Status.FAILED, message=error.message)
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    @contextmanager
    def writers(self, config: Mapping[str, Any]) -> Iterator[Mapping[str, Writer]]:
        """Open the database: a writer for contacts."""
        company = parse_configuration(DestinationSage100Config, config).company
        with self._database(config) as database:
            yield {"contacts": ContactWriter(database, company, self._nulls("contacts"))}

    @contextmanager
    def _database(self, config: Mapping[str, Any]) -> Iterator[Database]:
        """The caller's database, or one of its own that is closed at the end."""
        with connector_errors():
            if self._given is not None:
                yield self._given
                return
            with open_database(parse_configuration(DestinationSage100Config, config)) as database:
                yield database
