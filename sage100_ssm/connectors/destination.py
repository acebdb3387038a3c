"""The base of a destination: records in, receipts out, each STATE returned once it is true."""

import argparse
import io
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import orjson
from airbyte_cdk.destinations import Destination
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteMessageSerializer,
    AirbyteStateStats,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    DestinationSyncMode,
    Type,
)
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets, update_secrets
from pydantic import BaseModel

from sage100_ssm.connectors.command_line import exit_on_configuration_error, read_configuration, read_protocol_file
from sage100_ssm.connectors.destination_settings import DestinationSettings, Scalar
from sage100_ssm.connectors.errors import ConnectorError, parse_configuration
from sage100_ssm.connectors.reporting import Reporter, reporting
from sage100_ssm.connectors.request import MalformedRecord, WriteRequest, requested_action, write_request
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, Sink

logger = logging.getLogger("airbyte")

SYNC_MODES = [DestinationSyncMode.append, DestinationSyncMode.append_dedup]
"""Without overwrite: it would delete what other programs and people have entered."""


class Writer(Protocol):
    """Writes the records of one stream to a side."""

    id_field: str
    """The side's own id: ``cbMarq`` or ``id``."""
    batch_size: int
    """How many requests to pass at once; fewer where a STATE or the end of the input comes first."""

    def write(self, requests: Sequence[WriteRequest]) -> Iterable[Receipt]:
        """Carry out the requests; one receipt each, in any order, each as soon as it is known.

        Raises:
            ConnectorError: the side cannot be written any further. Requests without a receipt are then of unknown
                outcome.
        """
        ...


class RecordDestination(Destination, ABC):
    """A destination that writes record by record and reports what became of each.

    Args:
        sink: receives one receipt per record; its owner deals with what was not written. Without one the destination
            works alone: it reports as its settings say, and returns no STATE that covers a record to be sent again.
    """

    settings_model: ClassVar[type[BaseModel]]
    """The model of its configuration."""
    check_config_against_spec = False
    """The model validates the configuration, and knows more than a JSON schema."""

    def __init__(self, sink: Sink | None = None) -> None:
        super().__init__()
        self._sink = sink

    @abstractmethod
    def writers(self, config: Mapping[str, Any]) -> AbstractContextManager[Mapping[str, Writer]]:
        """Open the side: a writer for each stream that it takes."""

    def write(
        self,
        config: Mapping[str, Any],
        configured_catalog: ConfiguredAirbyteCatalog,
        input_messages: Iterable[AirbyteMessage],
    ) -> Iterator[AirbyteMessage]:
        """Write the records; return each STATE when all that came before it is done.

        Raises:
            ConnectorError: the configuration or the catalog is wrong, the side cannot be written any further, or
                records must be sent again.
        """
        settings = parse_configuration(DestinationSettings, config)
        with self.writers(config) as writers, reporting(self._sink, settings.refused_records) as reporter:
            batch = _Batch(writers, reporter, _stream_formats(configured_catalog, writers, settings))
            for message in input_messages:
                if message.type is Type.RECORD and message.record is not None:
                    batch.add(message.record.stream, message.record.data)
                elif message.type is Type.STATE and message.state is not None:
                    # Flushed first: a STATE confirms everything before it.
                    message.state.destinationStats = AirbyteStateStats(recordCount=float(batch.flush()))
                    stream = message.state.stream
                    if reporter.may_confirm(stream.stream_descriptor.name if stream else None):
                        yield message
            batch.flush()

    def run_cmd(self, parsed_args: argparse.Namespace) -> Iterable[AirbyteMessage]:
        """Carry out a command."""
        if parsed_args.command != "check":
            yield from super().run_cmd(parsed_args)
            return
        # The CDK validates by JSON schema and quotes a wrong value, secrets included; our check names the setting.
        config = self.read_config(parsed_args.config)
        update_secrets(get_secrets(self.spec(logger).connectionSpecification, config))
        yield self._run_check(config)

    def run(self, args: list[str]) -> None:
        """Speak the Airbyte protocol on the standard streams."""
        # A STATE must leave at once, into a pipe too: what it confirms may then be forgotten by the sender.
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        with exit_on_configuration_error():
            super().run(args)

    def read_config(self, config_path: str) -> MutableMapping[str, Any]:  # type: ignore[override]  # static in the CDK
        """Read a configuration file."""
        return read_configuration(config_path, self.settings_model)

    def _run_write(
        self, config: Mapping[str, Any], configured_catalog_path: str, input_stream: io.TextIOWrapper
    ) -> Iterable[AirbyteMessage]:
        """Write the messages of the input."""
        load = ConfiguredAirbyteCatalogSerializer.load
        catalog = read_protocol_file(configured_catalog_path, "configured catalog", load)
        logger.info("Begin writing to the destination...")
        yield from self.write(config, catalog, self._parse_input_stream(input_stream))
        logger.info("Writing complete.")

    def _parse_input_stream(self, input_stream: io.TextIOWrapper) -> Iterator[AirbyteMessage]:
        """The messages of the input; a line that is not a message is skipped and logged by its number."""
        for number, line in enumerate(input_stream, start=1):
            try:
                yield AirbyteMessageSerializer.load(orjson.loads(line))
            except ValueError:
                logger.warning("Line %d of the input is not a message of the Airbyte protocol: left out.", number)


@dataclass(frozen=True, slots=True)
class _StreamFormat:
    """How the records of one of the sender's streams are read.

    Attributes:
        stream: the side's stream that they are written to.
        declared: the fields that the catalog declares, in the sender's names.
        rename: the sender's name of a field to the side's.
        values: for a field of the sender, the side's value for each of its values.
    """

    stream: str
    declared: Sequence[str]
    rename: Mapping[str, str]
    values: Mapping[str, Mapping[str, Scalar]]


def _stream_formats(
    catalog: ConfiguredAirbyteCatalog, writers: Mapping[str, Writer], settings: DestinationSettings
) -> dict[str, _StreamFormat]:
    """The format of each stream in the catalog, by the sender's name of it.

    Raises:
        ConnectorError: the catalog has a stream, or a sync mode, that the destination does not take.
    """
    names = {s.stream.name: settings.streams.get(s.stream.name, s.stream.name) for s in catalog.streams}
    if unknown := sorted(set(names.values()) - set(writers)):
        raise ConnectorError(
            "stream_unknown",
            f"This destination does not take the stream {', '.join(unknown)}. It takes: {', '.join(writers)}.",
            configuration=True,
        )
    if wrong := sorted(s.stream.name for s in catalog.streams if s.destination_sync_mode not in SYNC_MODES):
        raise ConnectorError(
            "sync_mode_unknown",
            f"The stream {', '.join(wrong)} can be appended (append, append_dedup), not overwritten.",
            configuration=True,
        )
    formats = {
        s.stream.name: _StreamFormat(
            names[s.stream.name],
            list(s.stream.json_schema.get("properties") or {}),
            settings.rename.get(s.stream.name, {}),
            settings.values.get(s.stream.name, {}),
        )
        for s in catalog.streams
    }
    _warn_of_unknown_names(formats, settings)
    return formats


def _warn_of_unknown_names(formats: Mapping[str, _StreamFormat], settings: DestinationSettings) -> None:
    if unknown := sorted({*settings.streams, *settings.rename, *settings.values} - set(formats)):
        logger.warning("The settings name streams that the catalog does not have: %s.", ", ".join(unknown))
    for stream, form in formats.items():
        if form.declared and (missing := sorted({*form.rename, *form.values} - set(form.declared))):
            logger.warning("The settings name fields that %s does not have: %s.", stream, ", ".join(missing))


class _Batch:
    """Requests that wait, per stream of the side, until there are enough to write them at once."""

    def __init__(self, writers: Mapping[str, Writer], reporter: Reporter, formats: Mapping[str, _StreamFormat]) -> None:
        self._writers, self._reporter, self._formats = writers, reporter, formats
        self._waiting: dict[str, list[WriteRequest]] = {}
        self._records: dict[int, Mapping[str, Any]] = {}
        self._index = 0
        self._since_state = 0

    def add(self, stream: str, data: Mapping[str, Any]) -> None:
        """Add a record; write its stream's batch when it is full."""
        # Refused records count, too: the sender knows a record by its position in the input.
        index, self._index = self._index, self._index + 1
        self._since_state += 1
        self._records[index] = data
        try:
            target, request = self._read(index, stream, data)
        except MalformedRecord as error:
            action = requested_action(data) or Action.UPDATE
            refusal = Receipt(
                index, stream, action, Outcome.REFUSED, cause=Cause.MALFORMED, field=error.field, detail=str(error)
            )
            self._report(refusal)
            return
        waiting = self._waiting.setdefault(target, [])
        waiting.append(request)
        if len(waiting) >= self._writers[target].batch_size:
            self._write(target)

    def flush(self) -> int:
        """Write what waits; return how many records were added since the last flush."""
        for stream in list(self._waiting):
            self._write(stream)
        count, self._since_state = self._since_state, 0
        return count

    def _read(self, index: int, stream: str, data: Mapping[str, Any]) -> tuple[str, WriteRequest]:
        """The side's stream that a record is written to, and what it asks for."""
        form = self._formats.get(stream)
        if form is None:
            raise MalformedRecord(f"the stream {stream} is not in the catalog")
        return form.stream, write_request(
            index,
            stream,
            data,
            id_field=self._writers[form.stream].id_field,
            declared=form.declared,
            rename=form.rename,
            values=form.values,
        )

    def _write(self, stream: str) -> None:
        if requests := self._waiting.pop(stream, []):
            for receipt in self._writers[stream].write(requests):
                self._report(receipt)

    def _report(self, receipt: Receipt) -> None:
        self._reporter.report(receipt, self._records.pop(receipt.index))
