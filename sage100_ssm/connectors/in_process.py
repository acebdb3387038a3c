"""Running a connector in this process, as a Python object: records in, readings and failures out.

Nobody above needs the Airbyte protocol: its catalogs, states and messages are made and read here alone.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
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
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets, update_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import BaseModel, SecretStr

from sage100_ssm.connectors.destination import RecordDestination
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.source import Page, PagedSource
from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.exchange.reading import Reading, Row, StreamState

Configuration = Mapping[str, Any]
"""A connector's configuration as Airbyte would hand it over: JSON, secrets in clear."""

Receive = Callable[[str, Sequence[Row]], None]
"""Takes rows of a stream as they come."""

_CODE_OF_THE_CDK = "side_unreachable"
"""The code of what the CDK itself raises, and of faults of ours that it reports: they have none."""

_masking = threading.Lock()
_masked_now: list[tuple[BaseModel, ...]] = []
"""The settings that are in use at this moment."""

_logger = logging.getLogger("airbyte")


def configuration_of(model: BaseModel) -> dict[str, Any]:
    """Dump settings as a `Configuration`; what is None is left out."""
    plain = {name: _plain(value) for name, value in model}
    return {name: value for name, value in plain.items() if value is not None}


@contextmanager
def masked_secrets(*models: BaseModel) -> Iterator[None]:
    """Have every log line of this process show asterisks in place of these settings' secrets, until others follow."""
    secrets = [secret for model in models for secret in _secrets(model)]
    # The CDK has one list for the process. The page works for several companies at once: none may clear another's.
    with _masking:
        if _masked_now:
            for secret in secrets:
                add_to_secrets(secret)
        else:
            update_secrets(secrets)
        _masked_now.append(models)
    try:
        yield
    finally:
        with _masking:
            _masked_now.remove(models)


def discover(source: PagedSource, configuration: Configuration) -> dict[str, Mapping[str, Any]]:
    """The JSON schema of each stream, by its name.

    Raises:
        SideFailedError: the side could not be looked at.
    """
    with _side_failures():
        return {stream.name: stream.json_schema for stream in source.discover(_logger, configuration).streams}


def read(
    source: PagedSource,
    configuration: Configuration,
    streams: Mapping[str, StreamState | None],
    *,
    incremental: bool = False,
    receive: Receive | None = None,
) -> dict[str, Reading]:
    """Read streams. A failure is part of the reading, never raised.

    Args:
        source: the source.
        configuration: its configuration.
        streams: their names, each with the state to go on from; None for a stream that has none yet.
        incremental: whether those streams that can are read by what changed since their state; else all are read whole.
        receive: takes the rows page by page; of these, the readings have the ids alone. None to have the rows in them.
    """
    rows: dict[str, list[Row]] = {name: [] for name in streams}
    handed_on: dict[str, set[int]] = {name: set() for name in streams}
    states: dict[str, StreamState] = {}
    failures: dict[str, Failure] = {}
    catalog = _catalog(streams, SyncMode.incremental if incremental else SyncMode.full_refresh)
    source.in_pages = True
    try:
        for message in source.read(_logger, configuration, catalog, _states(streams)):
            if isinstance(message, Page):
                if receive is None:
                    rows[message.stream] += message.records
                else:
                    receive(message.stream, message.records)
                    handed_on[message.stream].update(row["id"] for row in message.records)
            elif message.type is Type.STATE and message.state and message.state.stream:
                state = message.state.stream.stream_state
                states[message.state.stream.stream_descriptor.name] = dict(state.__dict__) if state else {}
            elif (error := message.trace.error if message.trace else None) and error.stream_descriptor:
                # The message's text, in which secrets are masked, with the code, which it has no field for.
                name = error.stream_descriptor.name
                kept = source.stream_errors.get(name)
                code, details = (kept.code, kept.details) if kept else (_CODE_OF_THE_CDK, {})
                is_configuration = error.failure_type is FailureType.config_error
                failures.setdefault(name, Failure(code, error.message, is_configuration, details))
    except AirbyteTracedException as error:
        # Once the CDK has reported the streams' own errors, it raises one of its own that sums them up.
        failures = failures or dict.fromkeys(streams, _failure(error))
    return {
        name: Reading(
            rows[name],
            states.get(name),
            failures.get(name),
            source.unreadable[name],
            handed_on=frozenset(handed_on[name]),
        )
        for name in streams
    }


def write(destination: RecordDestination, configuration: Configuration, stream: str, records: Iterable[Row]) -> None:
    """Write records of one stream; their receipts go to the destination's sink.

    Raises:
        SideFailedError: the side cannot be written any further.
    """
    messages = (
        AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream=stream, data=dict(r), emitted_at=0))
        for r in records
    )
    with _side_failures():
        for _ in destination.write(configuration, _catalog([stream], SyncMode.incremental), messages):
            pass  # states alone would come back, and none was sent


def check(destination: RecordDestination, configuration: Configuration) -> Failure | None:
    """Why a destination cannot write; None if it can."""
    status = destination.check(_logger, configuration)
    if status.status is Status.SUCCEEDED:
        return None
    return Failure("side_failed", status.message or "", configuration=True)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return configuration_of(value)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _secrets(model: BaseModel) -> Iterator[str]:
    for _, value in model:
        if isinstance(value, BaseModel):
            yield from _secrets(value)
        elif isinstance(value, SecretStr):
            yield value.get_secret_value()


@contextmanager
def _side_failures() -> Iterator[None]:
    """Raise a connector's errors as the engine knows them."""
    try:
        yield
    except AirbyteTracedException as error:
        raise SideFailedError(_failure(error)) from error


def _failure(error: AirbyteTracedException) -> Failure:
    code, details = (error.code, error.details) if isinstance(error, ConnectorError) else (_CODE_OF_THE_CDK, {})
    return Failure(code, error.message or "", error.failure_type is FailureType.config_error, details)


def _catalog(streams: Iterable[str], mode: SyncMode) -> ConfiguredAirbyteCatalog:
    return ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=AirbyteStream(name=name, json_schema={}, supported_sync_modes=list(SyncMode)),
                sync_mode=mode,
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
