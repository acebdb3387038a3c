"""The source: what `sage100` reads, as Airbyte streams."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConnectorSpecification,
)
from airbyte_cdk.sources.streams import Stream
from sqlalchemy import Table

from sage100_ssm.connectors.errors import connector_errors, parse_configuration
from sage100_ssm.connectors.source import CursorStream, FullStream, PagedSource, Pages
from sage100_ssm.connectors.spec import connection_specification
from sage100_ssm.exchange.record import COMPANY
from sage100_ssm.sage100.database import Database, open_database
from sage100_ssm.sage100.errors import UnreachableError
from sage100_ssm.sage100.reading import pages
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, P_CONTACT, P_SERVICECPTA
from source_sage100.config import SourceSage100Config
from source_sage100.incremental import CURSOR, KEY, changes, changes_and_deletions, whole
from source_sage100.schemas import schema_of, with_company, with_deletions

_LISTS = (P_SERVICECPTA, P_CONTACT)
"""Tables that are read whole, and that nobody writes elsewhere by their keys."""


class SourceSage100(PagedSource):
    """Reads companies (clients and prospects), contacts, services and contact types.

    Args:
        database: a database that others use too, which stays open; without one, the source opens its own.
    """

    settings_model = SourceSage100Config

    def __init__(self, database: Database | None = None) -> None:
        super().__init__()
        self._database = database

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """Tell what the source needs to know."""
        return ConnectorSpecification(connectionSpecification=connection_specification(SourceSage100Config))

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any]:  # noqa: ARG002 - the CDK's signature
        """Open the database; look for its tables, its columns and the right to read them.

        Raises:
            ConnectorError: it cannot be read. All is a matter of configuration here, an address where
                nobody answers included.
        """
        with connector_errors(configuration=UnreachableError), self._opened(config) as database:
            database.verify_reading()
        return True, None

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        """Give the streams with the columns that this database has."""
        with connector_errors(), self._opened(config):
            return super().discover(logger, config)

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Read the streams of the catalog over one engine."""
        with connector_errors(), self._opened(config):
            yield from super().read(logger, config, catalog, state)

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """Give the streams that this database has; the lists of services and contact types may be missing."""
        with connector_errors():
            settings = parse_configuration(SourceSage100Config, config)
            database = self._database or open_database(settings)
        tables = {
            "companies": F_COMPTET,
            "contacts": F_CONTACTT,
            "services": P_SERVICECPTA,
            "contact_types": P_CONTACT,
        }
        return [_stream(database, name, table, settings) for name, table in tables.items() if database.has(table)]

    @contextmanager
    def _opened(self, config: Mapping[str, Any]) -> Iterator[Database]:
        """The database handed over, or one of its own that is closed in the end."""
        if self._database is not None:
            yield self._database
            return
        self._database = _open(config)
        try:
            yield self._database
        finally:
            self._database.close()
            self._database = None


def _open(config: Mapping[str, Any]) -> Database:
    return open_database(parse_configuration(SourceSage100Config, config))


def _stream(database: Database, name: str, table: Table, settings: SourceSage100Config) -> Stream:
    layout = database.layout(table)
    schema = schema_of(database, layout)
    if table in _LISTS:
        return FullStream(name, schema, KEY, lambda: _traced((page, None) for page in pages(database, table)))
    given, schema = partial(_of_company, settings.company), with_company(schema)
    if CURSOR not in layout.columns:
        return FullStream(name, schema, KEY, lambda: given((page, None) for page in pages(database, table)))
    since = changes_and_deletions if settings.emit_deletions else changes
    return CursorStream(
        name,
        with_deletions(schema) if settings.emit_deletions else schema,
        KEY,
        CURSOR,
        read_whole=lambda: given(whole(database, table)),
        read_since=lambda state: given(since(database, table, state)),
    )


def _of_company(company: str, read: Pages) -> Pages:
    """Tell in each record whose numbers the keys are: to another company's database they name somebody else."""
    for records, state in _traced(read):
        yield [{**record, COMPANY: company} for record in records], state


def _traced(read: Pages) -> Pages:
    with connector_errors():
        yield from read
