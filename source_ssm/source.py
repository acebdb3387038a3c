"""The source: the streams of a Sage Sales Management instance."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConnectorSpecification,
    Status,
)
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets

from sage100_ssm.connectors.errors import ConnectorError, connector_errors, parse_configuration
from sage100_ssm.connectors.source import CursorStream, FullStream, PagedSource, Pages, State
from sage100_ssm.connectors.spec import connection_specification, documentation_url
from sage100_ssm.exchange.record import DELETED_AT
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import SsmError
from sage100_ssm.ssm.responses import Page
from sage100_ssm.ssm.values import Row, changed_at, format_stamp, is_deleted, parse_stamp
from source_ssm import incremental, schemas
from source_ssm.config import SourceSsmConfig
from source_ssm.declared_types import DeclaredTypes
from source_ssm.incremental import CURSOR
from source_ssm.tenant_fields import TenantFields

_SCHEMAS: Mapping[str, schemas.Schema] = {
    "accounts": schemas.ACCOUNTS,
    "contacts": schemas.CONTACTS,
    "users": schemas.USERS,
    "contact_types": schemas.CONTACT_TYPES,
}
"""The streams, with the fields that SSM documents."""
_RESOURCES = {**{name: name for name in _SCHEMAS}, "contact_types": "contactTypes"}
"""The resource of each stream."""

Conversion = Callable[[Row], Row]
"""Makes a record of a row as SSM shows it."""

_logger = logging.getLogger("airbyte")


class SourceSsm(PagedSource):
    """Reads accounts, contacts, users and contact types.

    Args:
        client: an open client, which the caller closes; without one, the source opens its own.
        whole_until: the moment, by the monotonic clock, after which reading a stream whole stops, to go on from its
            state next time; None to read to the end.
    """

    settings_model = SourceSsmConfig

    def __init__(self, client: SsmClient | None = None, whole_until: float | None = None) -> None:
        super().__init__()
        self._given, self._whole_until = client, whole_until
        self._own: SsmClient | None = None
        self._configured: Mapping[str, schemas.Schema] = {}

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """The configuration that the source takes."""
        return ConnectorSpecification(
            documentationUrl=documentation_url("source-ssm"),
            connectionSpecification=connection_specification(
                SourceSsmConfig,
                without=("default_sales_rep_id", "default_branch_id", "company_code_field", "bulk_writes"),
            ),
        )

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Whether SSM can be read; what keeps it from being read is part of the answer, and no trace."""
        try:
            return super().check(logger, config)
        except ConnectorError as error:
            return AirbyteConnectionStatus(status=Status.FAILED, message=error.message)

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any]:  # noqa: ARG002 - the CDK's signature
        """Log in and read a page of contacts.

        Raises:
            ConnectorError: SSM cannot be read. Any error is here a matter of configuration, such as an address
                where nothing answers.
        """
        try:
            with connector_errors(configuration=SsmError):
                next(self._client(parse_configuration(SourceSsmConfig, config)).pages("contacts"), None)
        finally:
            self._close()
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """The streams with the fields that SSM documents; no request is sent before one is read."""
        settings = parse_configuration(SourceSsmConfig, config)
        return [self._stream(settings, name, schema) for name, schema in _SCHEMAS.items()]

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        """The streams with the fields that this instance has.

        Raises:
            ConnectorError: SSM cannot be read. A catalog without the tenant's fields would drop their columns.
        """
        if self._given is not None:
            return super().discover(logger, config)
        settings = parse_configuration(SourceSsmConfig, config)
        try:
            with connector_errors():
                found = TenantFields(self._client(settings))
                schemas_here = {name: found.added_to(schema, _RESOURCES[name]) for name, schema in _SCHEMAS.items()}
        finally:
            self._close()
        streams = [self._stream(settings, name, schema) for name, schema in schemas_here.items()]
        return AirbyteCatalog(streams=[stream.as_airbyte_stream() for stream in streams])

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Read the streams of the catalog with one login.

        Raises:
            AirbyteTracedException: a stream could not be read; why is in `stream_errors`.
        """
        self._configured = {each.stream.name: each.stream.json_schema for each in catalog.streams}
        try:
            yield from super().read(logger, config, catalog, state)
        finally:
            self._close()

    def _stream(self, settings: SourceSsmConfig, name: str, schema: schemas.Schema) -> Stream:
        # The engine, which lends its client, compares rows with what SSM shows.
        convert: Conversion = _unchanged
        if self._given is None:
            convert = DeclaredTypes(name, schema, self._configured.get(name))
            schema = {**schema, "properties": schemas.with_flat_ids(schema["properties"])}
        if CURSOR not in schema["properties"]:
            return FullStream(name, schema, "id", lambda: self._pages(settings, name, convert))

        def since(state: State) -> Pages:
            return self._changes(settings, name, state, convert)

        schema = schemas.with_deletions(schema) if settings.emit_deletions else schema
        return CursorStream(name, schema, "id", CURSOR, read_whole=lambda: since({}), read_since=since)

    def _pages(self, settings: SourceSsmConfig, stream: str, convert: Conversion) -> Pages:
        with connector_errors():
            for page in map(self._noting(stream), self._client(settings).pages(_RESOURCES[stream])):
                yield list(map(convert, page.rows)), None

    def _noting(self, stream: str) -> Callable[[Page], Page]:
        """Counts the rows of a page that cannot be read; the first ones are logged."""

        def note(page: Page) -> Page:
            if page.unreadable and not self.unreadable[stream]:
                ids = ", ".join(str(row.id) for row in page.unreadable if row.id is not None) or "unknown"
                _logger.warning("Rows of %s cannot be read and are left out, ids: %s.", stream, ids)
            self.unreadable[stream] += [row.known for row in page.unreadable]
            return page

        return note

    def _changes(self, settings: SourceSsmConfig, resource: str, state: State, convert: Conversion) -> Pages:
        finish = _with_deletion if settings.emit_deletions else _with_cursor
        client = self._client(settings)
        with connector_errors():
            if resource == "contacts" and settings.contact_ids:
                found = client.find_pages(resource, ids=frozenset(settings.contact_ids))
                for page in map(self._noting(resource), found):
                    yield [finish(convert(row)) for row in page.rows], None
                return
            overlap = timedelta(minutes=settings.overlap_minutes)
            note, until = self._noting(resource), self._whole_until
            for rows, reached in incremental.changes(client, resource, state, overlap, note, until):
                yield [finish(convert(row)) for row in rows], reached

    def _client(self, settings: SourceSsmConfig) -> SsmClient:
        if self._given is None and self._own is None:
            self._own = SsmClient(settings)
        client = self._given or self._own
        assert client is not None
        client.on_token(add_to_secrets)
        return client

    def _close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None


def _unchanged(row: Row) -> Row:
    return row


def _with_cursor(row: Row) -> Row:
    moment = changed_at(row)
    return {**row, CURSOR: format_stamp(moment) if moment else None}


def _with_deletion(row: Row) -> Row:
    """The record with its cursor, and with the field that marks a deletion as databases do."""
    moment = parse_stamp(row.get("dateDeleted")) or changed_at(row) or datetime.now(UTC)
    return {**_with_cursor(row), DELETED_AT: format_stamp(moment) if is_deleted(row) else None}
