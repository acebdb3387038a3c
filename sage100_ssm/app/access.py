"""The two sides as the engine sees them: the four connectors, called in this process as Python objects."""

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.destinations import Destination
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteRecordMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStream,
    AirbyteStreamState,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    FailureType,
    Status,
    StreamDescriptor,
    SyncMode,
    Type,
)
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import BaseModel, SecretStr

from destination_sage100.destination import DestinationSage100
from destination_ssm.destination import DestinationSsm
from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.exchange.reading import Reading, Row, StreamState
from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import Database, open_database
from sage100_ssm.sage100.diagnosis import DEFAULT_PORT
from sage100_ssm.sage100.errors import CONFIGURATION_CODES, SageError
from sage100_ssm.sage100.inspection import Inspection, inspect_database
from sage100_ssm.sage100.tables import F_CONTACTT
from sage100_ssm.ssm.answer import SchemaField
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import SsmError
from sage100_ssm.sync.contacts.mapping import Column
from source_sage100.source import SourceSage100
from source_ssm.source import SourceSsm

_logger = logging.getLogger("airbyte")
_CODE = re.compile(r"[a-z_]+")
_WHOLE_ONLY = frozenset({"contact_types", "companies"})


class SageSide:
    """Sage 100, read and written over one database engine, opened when first needed.

    Args:
        config: the connectors' configuration.
    """

    def __init__(self, config: Sage100Config) -> None:
        self._config, self._settings = config, plain(config)
        self._open: Database | None = None

    def close(self) -> None:
        """Close the database."""
        if self._open is not None:
            self._open.close()

    @property
    def database(self) -> Database:
        """The open database.

        Raises:
            SideFailedError: it cannot be opened.
        """
        if self._open is None:
            try:
                self._open = open_database(self._config)
            except SageError as error:
                raise SideFailedError(failure_of(error, CONFIGURATION_CODES, _place(self._config))) from error
        return self._open

    def columns(self) -> Mapping[str, Column]:
        """The columns of ``F_CONTACTT`` that can be written and what each can hold, from what the source discovers."""
        with _failing():
            catalog = self._source().discover(_logger, self._settings)
        schema = next(s.json_schema for s in catalog.streams if s.name == "contacts")
        fields = {name: p for name, p in schema["properties"].items() if not p.get("readOnly")}
        return {name: Column(p.get("maxLength"), p.get("x-encoding")) for name, p in fields.items()}

    def last_identity(self) -> int | None:
        """The highest ``cbMarq`` ever given to a contact."""
        return self.database.last_identity(F_CONTACTT)

    def read(self, streams: Mapping[str, StreamState | None]) -> Mapping[str, Reading]:
        """Read streams; a failure is told in the reading."""
        return _read(self._source, self._settings, streams, SyncMode.full_refresh)

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Write contacts."""
        with _failing():
            _write(DestinationSage100(sink, self.database), self._settings, records)

    def inspection(self) -> Inspection:
        """What the database is like.

        Raises:
            SideFailedError: it cannot be opened.
        """
        return inspect_database(self.database)

    def check(self) -> Failure | None:
        """Look for the right to write contacts.

        Raises:
            SideFailedError: the database cannot be opened.
        """
        return _check(DestinationSage100(database=self.database), self._settings)

    def _source(self) -> SourceSage100:
        return SourceSage100(self.database)


class SsmSide:
    """SSM, read and written over one client: one login, one token bucket, one count of requests.

    Args:
        config: the connectors' configuration.
    """

    def __init__(self, config: SsmConfig) -> None:
        self._settings = plain(config)
        self._client = SsmClient(config)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def client(self) -> SsmClient:
        """The client."""
        return self._client

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent so far."""
        return self._client.requests

    def read(self, streams: Mapping[str, StreamState | None]) -> Mapping[str, Reading]:
        """Read streams; a failure is told in the reading."""
        return _read(lambda: SourceSsm(self._client), self._settings, streams, SyncMode.incremental)

    def check(self) -> Failure | None:
        """Look for the owner and the branch of what is created."""
        return _check(DestinationSsm(client=self._client), self._settings)

    def contact_schema(self) -> Mapping[str, SchemaField] | None:
        """Describe the fields of a contact; None where the instance does not tell."""
        try:
            return self._client.schema("contacts")
        except SsmError:
            return None

    def find(self, ids: Collection[int]) -> Reading:
        """Read contacts by their ids, deleted ones included."""
        settings = self._settings | {"contact_ids": list(ids)}
        return _read(lambda: SourceSsm(self._client), settings, {"contacts": None}, SyncMode.full_refresh)["contacts"]

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Write contacts."""
        with _failing():
            _write(DestinationSsm(sink, self._client), self._settings, records)


def failure_of(
    error: SageError | SsmError, configuration: Collection[str], place: Mapping[str, Any] | None = None
) -> Failure:
    """Put a side's own error into the engine's form.

    Args:
        error: the error.
        configuration: the codes that a person must mend.
        place: where the side is, for the sentence.
    """
    return Failure(error.code, str(error), configuration=error.code in configuration, details=place or {})


def _place(config: Sage100Config) -> dict[str, Any]:
    """Where the database is, for a sentence that says why it is out of reach; no secret."""
    told = config.connection.model_dump(include={"host", "port", "instance", "database", "driver", "path"})
    if "host" in told and not (told["port"] or told["instance"]):
        told["port"] = DEFAULT_PORT
    return {name: value for name, value in told.items() if value is not None}


@contextmanager
def both_sides(sage100: Sage100Config, ssm: SsmConfig) -> Iterator[tuple[SageSide, SsmSide]]:
    """Both sides, closed in the end; their secrets are masked in every log line of the process."""
    update_secrets([*_secrets(sage100), *_secrets(ssm)])
    sage_side, ssm_side = SageSide(sage100), SsmSide(ssm)
    try:
        yield sage_side, ssm_side
    finally:
        sage_side.close()
        ssm_side.close()


def plain(model: BaseModel) -> dict[str, Any]:
    """A model as the configuration that Airbyte would hand over, secrets in clear."""
    return {name: shown for name, value in model if (shown := _plain_value(value)) is not None}


def _plain_value(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return plain(value)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _secrets(model: BaseModel) -> Iterator[str]:
    for _, value in model:
        if isinstance(value, BaseModel):
            yield from _secrets(value)
        elif isinstance(value, SecretStr):
            yield value.get_secret_value()


@contextmanager
def _failing() -> Iterator[None]:
    """Raise a connector's errors as the engine knows them."""
    try:
        yield
    except AirbyteTracedException as error:
        raise SideFailedError(_failure(error.message, error.internal_message, error.failure_type)) from error


def _failure(message: str | None, internal: str | None, kind: FailureType | None) -> Failure:
    code = internal if internal and _CODE.fullmatch(internal) else "side_unreachable"
    return Failure(code, message or "", configuration=kind is FailureType.config_error)


def _read(
    source: Any, settings: Mapping[str, Any], streams: Mapping[str, StreamState | None], mode: SyncMode
) -> dict[str, Reading]:
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in streams}
    states: dict[str, StreamState] = {}
    failures: dict[str, Failure] = {}
    try:
        opened: AbstractSource = source()
        for message in opened.read(_logger, settings, _catalog(streams, mode), _states(streams)):
            if message.type is Type.RECORD and message.record:
                rows[message.record.stream].append(message.record.data)
            elif message.type is Type.STATE and message.state and message.state.stream:
                blob = message.state.stream.stream_state
                states[message.state.stream.stream_descriptor.name] = dict(blob.__dict__) if blob else {}
            elif (error := message.trace.error if message.trace else None) and error.stream_descriptor:
                failure = _failure(error.message, error.internal_message, error.failure_type)
                failures.setdefault(error.stream_descriptor.name, failure)
    except (AirbyteTracedException, SideFailedError) as error:
        failures = failures or dict.fromkeys(streams, _told(error))
    return {name: Reading(rows[name], states.get(name), failures.get(name)) for name in streams}


def _check(destination: Destination, settings: Mapping[str, Any]) -> Failure | None:
    """Ask a destination whether it is ready; None if it is."""
    try:
        status = destination.check(_logger, settings)
    except AirbyteTracedException as error:
        return _told(error)
    if status.status is Status.SUCCEEDED:
        return None
    return Failure("side_failed", status.message or "", configuration=True)


def _told(error: AirbyteTracedException | SideFailedError) -> Failure:
    if isinstance(error, SideFailedError):
        return error.failure
    return _failure(error.message, error.internal_message, error.failure_type)


def _write(destination: Destination, settings: Mapping[str, Any], records: Iterable[Row]) -> None:
    messages = (
        AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream="contacts", data=dict(r), emitted_at=0))
        for r in records
    )
    for _ in destination.write(settings, _catalog({"contacts": None}, SyncMode.incremental), messages):
        pass


def _catalog(streams: Iterable[str], mode: SyncMode) -> ConfiguredAirbyteCatalog:
    return ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=AirbyteStream(name=name, json_schema={}, supported_sync_modes=list(SyncMode)),
                sync_mode=SyncMode.full_refresh if name in _WHOLE_ONLY else mode,
                destination_sync_mode=DestinationSyncMode.append,
            )
            for name in streams
        ]
    )


def _states(streams: Mapping[str, StreamState | None]) -> list[AirbyteStateMessage]:
    return [
        AirbyteStateMessage(
            type=AirbyteStateType.STREAM,
            stream=AirbyteStreamState(
                stream_descriptor=StreamDescriptor(name=name), stream_state=AirbyteStateBlob(**state)
            ),
        )
        for name, state in streams.items()
        if state
    ]
