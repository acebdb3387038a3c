"""The source: the streams of a Sage 100 company database."""

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
from sage100_ssm.connectors.spec import connection_specification, documentation_url
from sage100_ssm.exchange.record import COMPANY
from sage100_ssm.sage100.database import Database, open_database
from sage100_ssm.sage100.errors import SageError
from sage100_ssm.sage100.reading import pages
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, P_CONTACT, P_SERVICECPTA
from source_sage100.config import SourceSage100Config
from source_sage100.deletions import changes_and_deletions
from source_sage100.incremental import CURSOR, KEY, changes, whole
from source_sage100.schemas import schema_of, with_company, with_deletions

_LISTS = (P_SERVICECPTA, P_CONTACT)
"""Lists of options, read whole. Their keys are no reference in other systems, so they carry no company."""


class SourceSage100(PagedSource):
    """Reads companies (clients and prospects), contacts, services and contact types.

    Args:
        database: an open database, which the caller closes; without one, the source opens its own.
    """

    settings_model = SourceSage100Config

    def __init__(self, database: Database | None = None) -> None:
        super().__init__()
        self._database = database

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """The configuration that the source takes."""
        return ConnectorSpecification(
            documentationUrl=documentation_url("source-sage100"),
            connectionSpecification=connection_specification(SourceSage100Config),
        )

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any]:  # noqa: ARG002 - the CDK's signature
        """Open the database; look for its tables, its columns and the right to read them.

        Raises:
            ConnectorError: it cannot be read. Whatever the cause, here it is a matter of configuration: Airbyte shows a
                passing error of a check as a trace.
        """
        with connector_errors(configuration=SageError), self._opened(config) as database:
            database.verify_reading()
        return True, None

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        """The streams with the columns that this database has."""
        with connector_errors(), self._opened(config):
            return super().discover(logger, config)

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Read the streams of the catalog over one engine.

        Raises:
            ConnectorError: the database cannot be opened.
            AirbyteTracedException: a stream could not be read; why is in `stream_errors`.
        """
        with connector_errors(), self._opened(config):
            yield from super().read(logger, config, catalog, state)

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """The streams that this database has; the lists of services and contact types may be missing."""
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
        """The caller's database, or one of its own that is closed at the end."""
        if self._database is not None:
            yield self._database
            return
        self._database = open_database(parse_configuration(SourceSage100Config, config))
        try:
            yield self._database
        finally:
            self._database.close()
            self._database = None


def _stream(database: Database, name: str, table: Table, settings: SourceSage100Config) -> Stream:
    layout = database.layout(table)
    schema = schema_of(database, layout)
    if table in _LISTS:
        return FullStream(name, schema, KEY, lambda: _pages(database, table))
    labelled, schema = partial(_with_company, settings.company), with_company(schema)
    if CURSOR not in layout.columns:
        return FullStream(name, schema, KEY, lambda: labelled(_pages(database, table)))
    since = changes_and_deletions if settings.emit_deletions else changes
    return CursorStream(
        name,
        with_deletions(schema) if settings.emit_deletions else schema,
        KEY,
        CURSOR,
        read_whole=lambda: labelled(whole(database, table)),
        read_since=lambda state: labelled(since(database, table, state)),
    )


def _pages(database: Database, table: Table) -> Pages:
    with connector_errors():
        yield from ((page, None) for page in pages(database, table))


def _with_company(company: str, read: Pages) -> Pages:
    """Records with the company whose `cbMarq` they carry: in another company's database it is somebody else's."""
    with connector_errors():
        for records, state in read:
            yield [{**record, COMPANY: company} for record in records], state
