"""The source: what the client reads, as Airbyte streams."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.models import AirbyteMessage, AirbyteStateMessage, ConfiguredAirbyteCatalog, ConnectorSpecification
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets

from sage100_ssm.connectors.errors import connector_errors, parse_configuration
from sage100_ssm.connectors.source import (
    CursorStream,
    FullStream,
    PagedSource,
    Pages,
    State,
    state_errors,
    state_integer,
)
from sage100_ssm.connectors.spec import connection_specification
from sage100_ssm.exchange.record import DELETED_AT
from sage100_ssm.ssm import where
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Rejected, SsmError
from sage100_ssm.ssm.responses import Page
from sage100_ssm.ssm.values import Row, changed_at, format_stamp, is_deleted, parse_stamp
from source_ssm import schemas
from source_ssm.config import SourceSsmConfig
from source_ssm.declared_types import Types

CURSOR = "changed_at"
NEWEST_ID = "newest_id"
"""In the state: the row that was the newest, which the next reading must show again, since it overlaps."""
PAGE_ROWS = "page_rows"
"""In the state: the most rows of a page in the last whole read, by which the last page of changes is known."""

_logger = logging.getLogger("airbyte")


Typed = Callable[[Row], Row]


class SourceSsm(PagedSource):
    """Reads accounts, contacts, users and contact types.

    Args:
        client: a client that others use too, which stays open; without one, the source opens its own.
    """

    settings_model = SourceSsmConfig

    def __init__(self, client: SsmClient | None = None) -> None:
        super().__init__()
        self._lent = client
        self._own: SsmClient | None = None

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """Tell what the source needs to know."""
        return ConnectorSpecification(
            connectionSpecification=connection_specification(
                SourceSsmConfig,
                without=("default_sales_rep_id", "default_branch_id", "company_code_field", "bulk_writes"),
            )
        )

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any]:  # noqa: ARG002 - the CDK's signature
        """Log in and read a page of contacts.

        Raises:
            ConnectorError: SSM cannot be read. All is a matter of configuration here, an address where
                nobody answers included.
        """
        try:
            with connector_errors(configuration=SsmError):
                next(self._client(parse_configuration(SourceSsmConfig, config)).pages("contacts"), None)
        finally:
            self._close()
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """Give the streams; nothing is sent before one is read."""
        settings = parse_configuration(SourceSsmConfig, config)

        def whole(name: str, schema: schemas.Schema, resource: str) -> Stream:
            typed = self._typed(name, schema)
            return FullStream(name, schema, "id", lambda: self._pages(settings, resource, typed))

        def changes(name: str, schema: schemas.Schema) -> Stream:
            typed = self._typed(name, schema)
            schema = schemas.with_deletions(schema) if settings.emit_deletions else schema

            def since(state: State) -> Pages:
                return self._changes(settings, name, state, typed)

            return CursorStream(name, schema, "id", CURSOR, read_whole=lambda: since({}), read_since=since)

        return [
            changes("accounts", schemas.ACCOUNTS),
            changes("contacts", schemas.CONTACTS),
            whole("users", schemas.USERS, "users"),
            whole("contact_types", schemas.CONTACT_TYPES, "contactTypes"),
        ]

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Read the streams of the catalog with one login."""
        try:
            yield from super().read(logger, config, catalog, state)
        finally:
            self._close()

    def _typed(self, stream: str, schema: schemas.Schema) -> Typed:
        """What gives rows the types declared; to who lends a client they come as SSM shows them, to be compared so."""
        return Types(stream, schema) if self._lent is None else _as_shown

    def _pages(self, settings: SourceSsmConfig, resource: str, typed: Typed) -> Pages:
        with connector_errors():
            for page in self._client(settings).pages(resource):
                yield list(map(typed, page.rows)), None

    def _changes(self, settings: SourceSsmConfig, resource: str, state: State, typed: Typed) -> Pages:
        finished = _told_as_deleted if settings.emit_deletions else _stamped

        def told(row: Row) -> Row:
            return finished(typed(row))

        client = self._client(settings)
        with connector_errors():
            if resource == "contacts" and settings.contact_ids:
                yield [told(row) for row in client.find(resource, ids=frozenset(settings.contact_ids))], None
                return
            for rows, reached in _since(client, resource, state, timedelta(minutes=settings.overlap_minutes)):
                yield [told(row) for row in rows], reached

    def _client(self, settings: SourceSsmConfig) -> SsmClient:
        if self._lent is None and self._own is None:
            self._own = SsmClient(settings)
        client = self._lent or self._own
        assert client is not None
        client.on_token(add_to_secrets)
        return client

    def _close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None


def _since(client: SsmClient, resource: str, state: State, overlap: timedelta) -> Pages:
    """Read what changed since a state, a little earlier in truth; the state comes at the end.

    Rows come in the order of their ids: only a whole pass covers a time. The time covered is the newest stamp
    read, but never after the server's clock at the first page, for what changes behind the reading; where the server
    does not tell it, after ours.

    The overlap takes in the row that was the newest then. Where it does not come, SSM takes dates to be later than
    they say, or shows the row no more: then everything is read.
    """
    with state_errors():
        start, full, newest_id = _moment(state), state_integer(state, PAGE_ROWS), state_integer(state, NEWEST_ID)
    seen, witness = _Seen(), newest_id if start and overlap else None
    yield from seen.through(_pages(client, resource, start - overlap if start else None, full), witness)
    if witness is not None and not seen.witnessed:
        _logger.warning("The condition on dates hides rows of %s that it should show: all are read.", resource)
        start = None
        yield from seen.through(client.pages(resource), witness)
    if moment := seen.covered(start):
        largest = full if start else seen.largest
        newest = seen.newest[1] if seen.newest else witness
        yield (), {CURSOR: format_stamp(moment), **_known({PAGE_ROWS: largest, NEWEST_ID: newest})}


@dataclass(slots=True)
class _Seen:
    """What a reading has come to so far.

    Attributes:
        began: the server's clock at the first page; ours where it does not tell.
        newest: the newest stamp, and the id of the row that bears it.
        largest: the most rows of a page.
        witnessed: whether the row came that must come.
    """

    began: datetime | None = None
    newest: tuple[datetime, int] | None = None
    largest: int = 0
    witnessed: bool = False

    def through(self, pages: Iterable[Page], witness: int | None) -> Pages:
        """Give the pages, and take note of them."""
        here = datetime.now(UTC)
        for page in pages:
            self.began = self.began or page.date or here
            self.largest = max(self.largest, len(page.rows))
            self.witnessed = self.witnessed or any(row["id"] == witness for row in page.rows)
            stamps = [(moment, row["id"]) for row in page.rows if (moment := changed_at(row))]
            self.newest = max(filter(None, (self.newest, *stamps)), default=None)
            yield page.rows, None

    def covered(self, start: datetime | None) -> datetime | None:
        """The time up to which all is read: never after the server's clock, never before the start."""
        reached = min(self.newest[0], self.began or self.newest[0]) if self.newest else None
        return max(filter(None, (reached, start)), default=None)


def _moment(state: State) -> datetime | None:
    """Give the time of a state; None where it has none.

    Raises:
        TypeError, ValueError: what stands there is no date.
    """
    stamp = state.get(CURSOR)
    if stamp is None:
        return None
    datetime.fromisoformat(stamp)
    return parse_stamp(stamp)


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value}


def _pages(client: SsmClient, resource: str, since: datetime | None, full: int | None) -> Iterator[Page]:
    """Read what changed, in the narrowest way that SSM accepts: not each may let `dateDeleted` be asked about."""
    if since is not None:
        for condition in (where.changed_since(since), where.changed_since_or_deleted(since)):
            with suppress(Rejected):
                yield from client.pages(resource, condition, full=full)
                return
    yield from client.pages(resource)


def _as_shown(row: Row) -> Row:
    return row


def _stamped(row: Row) -> Row:
    moment = changed_at(row)
    return {**row, CURSOR: format_stamp(moment) if moment else None}


def _told_as_deleted(row: Row) -> Row:
    """Tell a deletion as databases do, too."""
    moment = parse_stamp(row.get("dateDeleted")) or changed_at(row) or datetime.now(UTC)
    return {**_stamped(row), DELETED_AT: format_stamp(moment) if is_deleted(row) else None}
