"""The shell of a source stream: one error for the user, state after what it covers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams import CheckpointMixin, Stream

Rows = Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]]
"""Pairs of a record and the state that is true once it and all before it are delivered (None: as before)."""


class FullStream(Stream):
    """A stream that is read whole each time.

    Args:
        name: the stream's name.
        schema: JSON schema of its records.
        primary_key: the field that identifies a record.
        read: gives the records.
    """

    def __init__(
        self, name: str, schema: Mapping[str, Any], primary_key: str, read: Callable[[], Iterable[Mapping[str, Any]]]
    ) -> None:
        super().__init__()
        self._name, self._schema, self._primary_key, self._read = name, schema, primary_key, read

    @property
    def name(self) -> str:
        """The stream's name."""
        return self._name

    @property
    def primary_key(self) -> str:
        """The field that identifies a record."""
        return self._primary_key

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is wrapped in a cache
        """JSON schema of the records."""
        return self._schema

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Give every record."""
        yield from self._read()


class CursorStream(CheckpointMixin, FullStream):
    """A stream that is read whole or since a state.

    Args:
        name: the stream's name.
        schema: JSON schema of its records.
        primary_key: the field that identifies a record.
        cursor_field: the field by which changes are told.
        read_since: gives records with the state that covers them, from the state given (empty: from the start).
    """

    state_checkpoint_interval = 1000

    def __init__(
        self,
        name: str,
        schema: Mapping[str, Any],
        primary_key: str,
        cursor_field: str,
        read_since: Callable[[Mapping[str, Any]], Rows],
    ) -> None:
        super().__init__(name, schema, primary_key, lambda: ())
        self._cursor_field, self._read_since = cursor_field, read_since
        self._state: dict[str, Any] = {}

    @property
    def cursor_field(self) -> str:
        """The field by which changes are told."""
        return self._cursor_field

    @property
    def state(self) -> MutableMapping[str, Any]:
        """What is true once all records given so far are delivered."""
        return self._state

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        self._state = dict(value)

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Give the records since the state, each before the state that covers it."""
        if sync_mode == SyncMode.full_refresh:
            self._state = {}
        for record, state in self._read_since(self._state):
            yield record
            if state is not None:
                self._state = dict(state)
