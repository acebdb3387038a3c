"""The shell of a destination: records in, receipts out, STATE given back once it is true."""

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
    AirbyteStateMessage,
    AirbyteStateStats,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    DestinationSyncMode,
    Type,
)
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets, update_secrets
from pydantic import BaseModel

from sage100_ssm.connectors.command_line import configuration_of, parsed_file, put_in_words
from sage100_ssm.connectors.destination_settings import DestinationSettings, Scalar
from sage100_ssm.connectors.errors import ConnectorError, parsed
from sage100_ssm.connectors.reporting import Reporter, reporting
from sage100_ssm.connectors.request import MalformedRecord, WriteRequest, asked_of, write_request
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, Sink

logger = logging.getLogger("airbyte")

SYNC_MODES = [DestinationSyncMode.append, DestinationSyncMode.append_dedup]
"""To overwrite a business system is a hazard."""


class Writer(Protocol):
    """Writes the records of one stream to a side."""

    id_field: str
    """The side's own id: ``cbMarq`` or ``id``."""
    batch_size: int
    """How many requests are best handed over at once."""

    def write(self, requests: Sequence[WriteRequest]) -> Iterable[Receipt]:
        """Carry out the requests; one receipt each, in any order, each as soon as it is known.

        Raises:
            ConnectorError: the side cannot be written to at all. Requests without a receipt are then
                of unknown outcome.
        """
        ...


class RecordDestination(Destination, ABC):
    """A destination that writes record by record and tells what became of each.

    Args:
        sink: receives one receipt per record, and answers for what was not written. Without one the destination
            works alone: it reports as its settings say, and keeps a state from going past what is to come again.
    """

    settings_model: ClassVar[type[BaseModel]]
    """What the destination needs to know."""
    check_config_against_spec = False
    """The settings are read by their model, which knows more."""

    def __init__(self, sink: Sink | None = None) -> None:
        super().__init__()
        self._sink = sink

    @abstractmethod
    def writers(self, config: Mapping[str, Any]) -> AbstractContextManager[Mapping[str, Writer]]:
        """Open the side: a writer per stream that it takes."""

    def write(
        self,
        config: Mapping[str, Any],
        configured_catalog: ConfiguredAirbyteCatalog,
        input_messages: Iterable[AirbyteMessage],
    ) -> Iterator[AirbyteMessage]:
        """Write the records; give each STATE back when all that came before it is done."""
        settings = parsed(DestinationSettings, config)
        with self.writers(config) as writers, reporting(self._sink, settings.refused_records) as report:
            batch = _Batch(writers, report, _forms(configured_catalog, writers, settings))
            for message in input_messages:
                if message.type is Type.RECORD and message.record is not None:
                    batch.add(message.record.stream, message.record.data)
                elif message.type is Type.STATE and message.state is not None:
                    message.state.destinationStats = AirbyteStateStats(recordCount=float(batch.flush()))
                    if report.may_pass(_stream_of(message.state)):
                        yield message
            batch.flush()

    def run_cmd(self, parsed_args: argparse.Namespace) -> Iterable[AirbyteMessage]:
        """Carry out a command; a check names the setting at fault, where the CDK would quote what stands there."""
        if parsed_args.command != "check":
            yield from super().run_cmd(parsed_args)
            return
        config = self.read_config(parsed_args.config)
        update_secrets(get_secrets(self.spec(logger).connectionSpecification, config))
        yield self._run_check(config)

    def run(self, args: list[str]) -> None:
        """Speak the protocol on the standard streams: each message goes out at once, into a pipe too."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        with put_in_words():
            super().run(args)

    def read_config(self, config_path: str) -> MutableMapping[str, Any]:  # type: ignore[override]  # the model counts
        """Read a configuration file."""
        return configuration_of(config_path, self.settings_model)

    def _run_write(
        self, config: Mapping[str, Any], configured_catalog_path: str, input_stream: io.TextIOWrapper
    ) -> Iterable[AirbyteMessage]:
        """Write what comes in."""
        catalog = parsed_file(configured_catalog_path, "configured catalog", ConfiguredAirbyteCatalogSerializer.load)
        logger.info("Begin writing to the destination...")
        yield from self.write(config, catalog, self._parse_input_stream(input_stream))
        logger.info("Writing complete.")

    def _parse_input_stream(self, input_stream: io.TextIOWrapper) -> Iterator[AirbyteMessage]:
        """Read messages; a line that is none is left out and told by its number, not by its content."""
        for number, line in enumerate(input_stream, start=1):
            try:
                yield AirbyteMessageSerializer.load(orjson.loads(line))
            except ValueError:
                logger.warning("Line %d of the input is no message of the Airbyte protocol: left out.", number)


@dataclass(frozen=True, slots=True)
class _Form:
    """How the records of one of the sender's streams are read.

    Attributes:
        stream: the side's stream that they go to.
        declared: the fields that the catalog declares.
        rename: the sender's name of a field to the side's.
        values: for a field of the sender, what its values stand for.
    """

    stream: str
    declared: Sequence[str]
    rename: Mapping[str, str]
    values: Mapping[str, Mapping[str, Scalar]]


def _forms(
    catalog: ConfiguredAirbyteCatalog, writers: Mapping[str, Writer], settings: DestinationSettings
) -> dict[str, _Form]:
    """Tell how the records of each stream in the catalog are read.

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
    forms = {
        s.stream.name: _Form(
            names[s.stream.name],
            list(s.stream.json_schema.get("properties") or {}),
            settings.rename.get(s.stream.name, {}),
            settings.values.get(s.stream.name, {}),
        )
        for s in catalog.streams
    }
    if strangers := sorted({*settings.streams, *settings.rename, *settings.values} - set(forms)):
        logger.warning("The settings name streams that the catalog does not have: %s.", ", ".join(strangers))
    for stream, form in forms.items():
        if form.declared and (missing := sorted({*form.rename, *form.values} - set(form.declared))):
            logger.warning("The settings name fields that %s does not have: %s.", stream, ", ".join(missing))
    return forms


class _Batch:
    """Requests gathered, per stream of the side, until it is worth writing them."""

    def __init__(self, writers: Mapping[str, Writer], report: Reporter, forms: Mapping[str, _Form]) -> None:
        self._writers, self._report, self._forms = writers, report, forms
        self._waiting: dict[str, list[WriteRequest]] = {}
        self._records: dict[int, Mapping[str, Any]] = {}
        self._index = 0
        self._since_state = 0

    def add(self, stream: str, data: Mapping[str, Any]) -> None:
        """Take a record; write its stream's batch when it is full."""
        index, self._index = self._index, self._index + 1
        self._since_state += 1
        self._records[index] = data
        try:
            form, request = self._read(index, stream, data)
        except MalformedRecord as error:
            self._tell(_malformed(index, stream, asked_of(data) or Action.UPDATE, error))
            return
        waiting = self._waiting.setdefault(form.stream, [])
        waiting.append(request)
        if len(waiting) >= self._writers[form.stream].batch_size:
            self._write(form.stream)

    def flush(self) -> int:
        """Write what is left; return how many records came since the last flush."""
        for stream in list(self._waiting):
            self._write(stream)
        count, self._since_state = self._since_state, 0
        return count

    def _read(self, index: int, stream: str, data: Mapping[str, Any]) -> tuple[_Form, WriteRequest]:
        form = self._forms.get(stream)
        if form is None:
            raise MalformedRecord(f"the stream {stream} is not in the catalog")
        return form, write_request(
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
                self._tell(receipt)

    def _tell(self, receipt: Receipt) -> None:
        self._report.take(receipt, self._records.pop(receipt.index))


def _stream_of(state: AirbyteStateMessage) -> str | None:
    """Name the stream of a state; None for one of all streams."""
    return state.stream.stream_descriptor.name if state.stream else None


def _malformed(index: int, stream: str, action: Action, error: MalformedRecord) -> Receipt:
    return Receipt(index, stream, action, Outcome.REFUSED, cause=Cause.MALFORMED, field=error.field, detail=str(error))
