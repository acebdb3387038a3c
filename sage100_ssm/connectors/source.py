"""The base of a source: pages of records, each followed by the state that covers them.

The CDK handles records one by one, which takes several times as long as reading them from a database. Here what
it does for each record is done for each page; a caller that reads record by record gets the CDK's messages all the
same.
"""

import logging
import sys
import time
from abc import ABC
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteRecordMessage,
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConfiguredAirbyteStream,
    SyncMode,
    Type,
)
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.streams import CheckpointMixin, Stream
from airbyte_cdk.sources.streams.core import NO_CURSOR_STATE_KEY
from airbyte_cdk.sources.utils.schema_helpers import InternalConfig
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message as status_message
from pydantic import BaseModel

from sage100_ssm.connectors.command_line import read_configuration, read_protocol_file
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.exchange.reading import Row

Record = Mapping[str, Any]
State = Mapping[str, Any]
Pages = Iterable[tuple[Sequence[Record], State | None]]
"""Pairs of some records and the state that is true once they and all before them are delivered; None: the last one."""


@contextmanager
def state_errors() -> Iterator[None]:
    """Raise the errors of parsing a state as one of the configuration.

    Raises:
        ConnectorError: a value in the state has the wrong type or form.
    """
    # An error rather than a fresh start, which would read everything again and hide deletions.
    try:
        yield
    except (TypeError, ValueError):
        sentence = "The state is not one of this source. Reset the stream's state to read from the beginning."
        raise ConnectorError("state", sentence, configuration=True) from None


def state_integer(state: State, name: str) -> int | None:
    """A whole number in a state; None where the state has no such name.

    Raises:
        TypeError: the value is something else.
    """
    value = state.get(name)
    if value is not None and type(value) is not int:
        raise TypeError(name)
    return value


@dataclass(frozen=True, slots=True)
class Page:
    """Records of one stream, read at one moment.

    Attributes:
        stream: the stream's name.
        records: the records.
        emitted_at: when they were read, in milliseconds since 1970.
    """

    stream: str
    records: Sequence[Record]
    emitted_at: int

    def messages(self) -> Iterator[AirbyteMessage]:
        """A RECORD message for each record."""
        for data in self.records:
            record = AirbyteRecordMessage(stream=self.stream, data=dict(data), emitted_at=self.emitted_at)
            yield AirbyteMessage(type=Type.RECORD, record=record)


class FullStream(Stream):
    """A stream that is read whole each time.

    Args:
        name: the stream's name.
        schema: JSON schema of its records.
        primary_key: the field that identifies a record.
        read_whole: yields all records, with the states that cover them where the stream has any.
    """

    def __init__(self, name: str, schema: Mapping[str, Any], primary_key: str, read_whole: Callable[[], Pages]) -> None:
        super().__init__()
        self._name, self._schema, self._primary_key, self._read_whole = name, schema, primary_key, read_whole

    @property
    def name(self) -> str:
        """The stream's name."""
        return self._name

    @property
    def primary_key(self) -> str:
        """The field that identifies a record."""
        return self._primary_key

    @property
    def is_resumable(self) -> bool:
        """False: a full refresh that broke off begins anew."""
        # The CDK says True of whatever has a cursor. Airbyte would then keep what a failed attempt has written, and the
        # next one, which reads everything, would write it a second time.
        return False

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is wrapped in a cache
        """JSON schema of the records."""
        return self._schema

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Record]:
        """The records, one by one."""
        for records, _ in self.pages(sync_mode):
            yield from records

    def pages(self, sync_mode: SyncMode) -> Pages:
        """The records page by page, and the protocol's state of a stream that has no cursor."""
        for records, _ in self._read_whole():
            yield records, None
        yield (), {NO_CURSOR_STATE_KEY: True}


class CursorStream(CheckpointMixin, FullStream):
    """A stream that is read whole or since a state.

    Args:
        name: the stream's name.
        schema: JSON schema of its records.
        primary_key: the field that identifies a record.
        cursor_field: the field that shows when a record was changed.
        read_whole: yields all records with the states that cover them.
        read_since: yields what changed since a state (empty: everything) with the states that cover it.
    """

    def __init__(
        self,
        name: str,
        schema: Mapping[str, Any],
        primary_key: str,
        cursor_field: str,
        read_whole: Callable[[], Pages],
        read_since: Callable[[State], Pages],
    ) -> None:
        super().__init__(name, schema, primary_key, read_whole)
        self._cursor_field, self._read_since = cursor_field, read_since
        self._state: State = {}

    @property
    def cursor_field(self) -> str:
        """The field that shows when a record was changed."""
        return self._cursor_field

    @property
    def state(self) -> MutableMapping[str, Any]:
        """The state that is true once all records yielded so far are delivered."""
        return dict(self._state)

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        self._state = dict(value)

    def pages(self, sync_mode: SyncMode) -> Pages:
        """The records page by page, and at least one state, the last one at the end."""
        whole = sync_mode == SyncMode.full_refresh
        if whole:
            self._state = {}  # set from the states of the sync, whatever the mode
        has_state = False
        for records, state in self._read_whole() if whole else self._read_since(self._state):
            yield records, state
            # Only now, once the page was taken.
            if state is not None:
                self._state, has_state = state, True
        if not has_state:
            yield (), self._state


class PagedSource(AbstractSource, ABC):
    """A source whose streams are read page by page."""

    settings_model: ClassVar[type[BaseModel]]
    """The model of its configuration."""
    in_pages = False
    """Whether `read` yields pages as they are (`entrypoint`); else a message for each record."""

    def __init__(self) -> None:
        super().__init__()
        self.stream_errors: dict[str, ConnectorError] = {}
        """Why streams of the last read failed, by name: the protocol's messages have no room for an error's code."""
        self.unreadable: defaultdict[str, list[Row]] = defaultdict(list)
        """What is known of the rows of the last read that cannot be kept and were left out, by stream."""

    @property
    def raise_exception_on_missing_stream(self) -> bool:
        """A configured stream that the source does not have is an error, not an empty stream."""
        return True

    def read_config(self, config_path: str) -> MutableMapping[str, Any]:  # type: ignore[override]  # static in the CDK
        """Read a configuration file."""
        return read_configuration(config_path, self.settings_model)

    @classmethod
    def read_catalog(cls, catalog_path: str) -> ConfiguredAirbyteCatalog:
        """Read a catalog file."""
        return read_protocol_file(catalog_path, "configured catalog", ConfiguredAirbyteCatalogSerializer.load)

    @classmethod
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        """Read a state file; no path means no states."""
        return read_protocol_file(state_path, "state", _states) if state_path else []

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Read the streams of the catalog."""
        self.stream_errors = {}
        self.unreadable.clear()
        for message in super().read(logger, config, catalog, state):
            if isinstance(message, Page) and not self.in_pages:
                yield from message.messages()
            else:
                yield message

    def _read_stream(
        self,
        logger: logging.Logger,
        stream_instance: Stream,
        configured_stream: ConfiguredAirbyteStream,
        state_manager: ConnectorStateManager,
        internal_config: InternalConfig,
    ) -> Iterator[AirbyteMessage]:
        """Read a stream; keep its error."""
        assert isinstance(stream_instance, FullStream)
        try:
            yield from self._read_pages(logger, stream_instance, configured_stream, state_manager, internal_config)
        except ConnectorError as error:
            self.stream_errors[stream_instance.name] = error
            raise

    @staticmethod
    def _read_pages(
        logger: logging.Logger,
        stream_instance: FullStream,
        configured_stream: ConfiguredAirbyteStream,
        state_manager: ConnectorStateManager,
        internal_config: InternalConfig,
    ) -> Iterator[AirbyteMessage]:
        """What the CDK does for each record, for each page: RUNNING with the first, STATE after what it covers."""
        name, space = stream_instance.name, stream_instance.namespace
        if isinstance(stream_instance, CursorStream):
            stream_instance.state = state_manager.get_stream_state(name, space)
        # The limit is the CDK's own, for a preview of a stream: its last page is cut, and no state follows it.
        limit, count = internal_config.limit or sys.maxsize, 0
        for records, state in stream_instance.pages(configured_stream.sync_mode):
            page = Page(name, records[: limit - count], time.time_ns() // 1_000_000)
            if page.records:
                if not count:
                    yield status_message(configured_stream.stream, AirbyteStreamStatus.RUNNING)
                count += len(page.records)
                yield page  # type: ignore[misc]  # unpacked in `read`
            if len(page.records) < len(records):
                break
            if state is not None:
                state_manager.update_state_for_stream(name, space, state)
                yield state_manager.create_state_message(name, space)
        logger.info("Read %s records from %s stream", count, name)


def _states(content: Any) -> list[AirbyteStateMessage]:
    """The states in a file's JSON, which may be empty.

    Raises:
        ValueError: it contains something else.
    """
    if not isinstance(content, list):
        if content:
            raise ValueError("not a list")
        return []
    states = [AirbyteStateMessageSerializer.load(state) for state in content]
    if not all(state.stream or state.global_ or state.data for state in states):
        raise ValueError("a state of nothing")
    return states
