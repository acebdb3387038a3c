"""The base of a destination: records in, receipts out, each STATE returned once it is true."""

import argparse
import io
import json
import logging
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, TypeVar

from airbyte_cdk.destinations import Destination
from airbyte_cdk.exception_handler import init_uncaught_exception_handler
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateStats,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
)
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets, update_secrets
from pydantic import BaseModel

from sage100_ssm.connectors.catalog_streams import CatalogStreams, catalog_streams
from sage100_ssm.connectors.command_line import protocol_process, read_configuration, read_protocol_file
from sage100_ssm.connectors.destination_settings import DestinationSettings
from sage100_ssm.connectors.errors import ConnectorError, parse_configuration
from sage100_ssm.connectors.null_columns import NullColumns
from sage100_ssm.connectors.protocol_input import Record, State, StreamName, UnreadableLine, of_lines, of_messages
from sage100_ssm.connectors.reporting import Reporter, reporting
from sage100_ssm.connectors.request import MalformedRecord, WriteRequest, intended_action, write_request
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, Sink

logger = logging.getLogger("airbyte")

MessageT = TypeVar("MessageT")


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
        """Open the side: a writer for each stream that it takes, those first whose rows the others refer to."""

    def _nulls(self, stream: str) -> NullColumns | None:
        """What watches for columns without values; None with a sink, whose owner clears what it means to."""
        return NullColumns(stream) if self._sink is None else None

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
        for state, counts in self.confirmed(config, configured_catalog, of_messages(input_messages)):
            assert state.message.state is not None
            # The CDK's own form of a STATE, which has no room for what was refused: see `run` for that of the platform.
            state.message.state.destinationStats = AirbyteStateStats(recordCount=float(counts.loaded))
            yield state.message

    def run(self, args: list[str]) -> None:
        """Speak the Airbyte protocol on the standard streams."""
        with protocol_process():
            # A STATE must leave at once, into a pipe too: what it confirms may then be forgotten by the sender.
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(line_buffering=True)
            parsed = self.parse_args(args)
            if parsed.command != "write":
                super().run(args)
                return
            init_uncaught_exception_handler(logger)
            for line in self._write_lines(parsed.config, parsed.catalog):
                sys.stdout.write(f"{line}\n")

    def run_cmd(self, parsed_args: argparse.Namespace) -> Iterable[AirbyteMessage]:
        """Carry out a command other than `write`."""
        if parsed_args.command != "check":
            yield from super().run_cmd(parsed_args)
            return
        # The CDK validates by JSON schema and quotes a wrong value, secrets included; our check names the setting.
        yield self._run_check(self._configuration(parsed_args.config))

    def read_config(self, config_path: str) -> MutableMapping[str, Any]:  # type: ignore[override]  # static in the CDK
        """Read a configuration file."""
        return read_configuration(config_path, self.settings_model)

    def _configuration(self, path: str) -> Mapping[str, Any]:
        """A configuration file, from now on with its secrets masked in every log line."""
        config = self.read_config(path)
        update_secrets(get_secrets(self.spec(logger).connectionSpecification, config))
        return config

    def _write_lines(self, config_path: str, catalog_path: str) -> Iterator[str]:
        """Write the lines of the standard input; yield the lines of the STATE messages that are true."""
        config = self._configuration(config_path)
        load = ConfiguredAirbyteCatalogSerializer.load
        catalog = read_protocol_file(catalog_path, "configured catalog", load)
        if sys.stdin is None:
            sentence = "There is nothing to write: the standard input is closed."
            raise ConnectorError("no_input", sentence, configuration=True)
        logger.info("Begin writing to the destination...")
        for state, counts in self.confirmed(config, catalog, of_lines(sys.stdin.buffer)):
            message = state.message
            stats = {"recordCount": float(counts.loaded), "rejectedRecordCount": float(counts.refused)}
            # All else as it came: the platform knows a STATE by what it added to it.
            message["state"] = {**message["state"], "destinationStats": stats}
            yield json.dumps(message, separators=(",", ":"))
        logger.info("Writing complete.")

    def confirmed(
        self,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        inputs: Iterable[Record | State[MessageT] | UnreadableLine],
    ) -> Iterator[tuple[State[MessageT], "Counts"]]:
        """Write records; yield each state once it is true, with what became of the records that it covers.

        Raises:
            ConnectorError: as of `write`.
        """
        settings = parse_configuration(DestinationSettings, config)
        with self.writers(config) as writers, reporting(self._sink, settings.refused_records) as reporter:
            streams = catalog_streams(catalog, writers, settings)
            batch = _Batch(writers, reporter, streams, is_alone=self._sink is None)
            for given in inputs:
                if isinstance(given, Record):
                    batch.add(replace(given, stream=streams.known_name(given.stream)))
                elif isinstance(given, UnreadableLine):
                    batch.refuse(replace(given, stream=given.stream and streams.known_name(given.stream)))
                else:
                    # Flushed first: a STATE confirms everything before it.
                    batch.flush()
                    stream = streams.known_name(given.stream) if given.stream else None
                    counts = batch.counts_since_state(stream)
                    # One of a stream that the catalog does not name so may be about any of them.
                    if reporter.may_confirm(str(stream) if stream in streams.formats else None):
                        yield given, counts
            batch.flush()


@dataclass(slots=True)
class Counts:
    """What became of the records of a stream since its last state.

    Attributes:
        loaded: how many were written, or were equal already.
        refused: how many were not, for good.
    """

    loaded: int = 0
    refused: int = 0


class _Batch:
    """Requests that wait, per stream of the side, until there are enough to write them at once.

    Args:
        writers: the writers, by the side's stream.
        reporter: receives the receipts.
        streams: the streams of the catalog.
        is_alone: whether nobody but the records says what is to be deleted: none is whose date is to come.
    """

    def __init__(
        self, writers: Mapping[str, Writer], reporter: Reporter, streams: CatalogStreams, *, is_alone: bool
    ) -> None:
        self._writers, self._reporter, self._streams = writers, reporter, streams
        self._is_alone = is_alone
        self._waiting: dict[str, list[WriteRequest]] = {}
        self._records: dict[int, Record | UnreadableLine] = {}
        self._index = 0
        self._since_state: defaultdict[StreamName | None, Counts] = defaultdict(Counts)

    def add(self, record: Record) -> None:
        """Add a record; write its stream's batch when it is full.

        Raises:
            ConnectorError: its stream is to be overwritten, or the side cannot be written any further.
        """
        index = self._next_index(record)
        try:
            form = self._streams.format_of(record.stream)
            request = write_request(
                index,
                str(record.stream),
                record.data,
                id_field=self._writers[form.stream].id_field,
                declared=form.declared,
                rename=form.rename,
                values=form.values,
                now=datetime.now(UTC) if self._is_alone else None,
            )
        except MalformedRecord as error:
            self._report(_malformed(index, record.stream, intended_action(record.data), error.field, str(error)))
            return
        waiting = self._waiting.setdefault(form.stream, [])
        waiting.append(request)
        if len(waiting) >= self._writers[form.stream].batch_size:
            self._write_up_to(form.stream)

    def refuse(self, line: UnreadableLine) -> None:
        """Report a line that may have been a record: the sender takes it for written otherwise."""
        index = self._next_index(line)
        self._report(_malformed(index, line.stream, Action.UPDATE, line.field, line.reason))

    def flush(self) -> None:
        """Write what waits, in the order of the writers."""
        self._write_up_to(None)

    def counts_since_state(self, stream: StreamName | None) -> Counts:
        """What became of a stream's records since the last call about it, or, with None, of those of all streams."""
        counted = [None, stream] if stream else list(self._since_state)
        each = [self._since_state.pop(name, Counts()) for name in counted]
        return Counts(sum(counts.loaded for counts in each), sum(counts.refused for counts in each))

    def _next_index(self, given: Record | UnreadableLine) -> int:
        # What is refused counts, too: the sender knows a record by its position in the input.
        index, self._index = self._index, self._index + 1
        self._records[index] = given
        return index

    def _write_up_to(self, last: str | None) -> None:
        """Write what waits for a stream, and for those before it, to whose rows it may refer; None for all streams."""
        for stream in self._writers:
            self._write(stream)
            if stream == last:
                return

    def _write(self, stream: str) -> None:
        if requests := self._waiting.pop(stream, []):
            for receipt in self._writers[stream].write(requests):
                self._report(receipt)

    def _report(self, receipt: Receipt) -> None:
        given = self._records.pop(receipt.index)
        counts = self._since_state[given.stream]
        if receipt.outcome in {Outcome.REFUSED, Outcome.CHANGED}:
            counts.refused += 1
        else:
            counts.loaded += 1
        self._reporter.report(receipt, given.data if isinstance(given, Record) else given.text)


def _malformed(index: int, stream: StreamName | None, action: Action, field: str | None, reason: str) -> Receipt:
    name = str(stream) if stream else ""
    return Receipt(index, name, action, Outcome.REFUSED, cause=Cause.MALFORMED, field=field, detail=reason)
