"""The shell of a destination: records in, receipts out, STATE given back once it is true."""

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import orjson
from airbyte_cdk.destinations import Destination
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateStats,
    ConfiguredAirbyteCatalog,
    DestinationSyncMode,
    FailureType,
    Type,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from connector_base.receipt import Action, Cause, Outcome, Receipt, Sink
from connector_base.request import MalformedRecord, WriteRequest, write_request

logger = logging.getLogger("airbyte")

SYNC_MODES = [DestinationSyncMode.append, DestinationSyncMode.append_dedup]
"""To overwrite a business system is a hazard."""

_LEVELS = {Outcome.APPLIED: logging.DEBUG}


class Writer(Protocol):
    """Writes the records of one stream to a side."""

    id_field: str
    """The side's own id: ``cbMarq`` or ``id``."""
    batch_size: int
    """How many requests are best handed over at once."""

    def write(self, requests: Sequence[WriteRequest]) -> Iterable[Receipt]:
        """Carry out the requests; one receipt each, in any order, each as soon as it is known.

        Raises:
            AirbyteTracedException: the side cannot be written to at all. Requests without a receipt are then
                of unknown outcome.
        """
        ...


def log_receipt(receipt: Receipt) -> None:
    """The default sink: a structured log line with ids, names and outcome, and no values."""
    line = {
        "receipt": receipt.outcome,
        "stream": receipt.stream,
        "action": receipt.action,
        "record": receipt.index,
        "id": receipt.id,
        "cause": receipt.cause,
        "field": receipt.field,
    }
    logger.log(
        _LEVELS.get(receipt.outcome, logging.WARNING),
        orjson.dumps({key: value for key, value in line.items() if value is not None}).decode(),
    )


class RecordDestination(Destination, ABC):
    """A destination that writes record by record and tells what became of each.

    Args:
        sink: receives one receipt per record; by default they are logged.
    """

    def __init__(self, sink: Sink = log_receipt) -> None:
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
        with self.writers(config) as writers:
            batch = _Batch(
                writers, self._sink, _declared_fields(configured_catalog, writers), config.get("rename") or {}
            )
            for message in input_messages:
                if message.type is Type.RECORD and message.record is not None:
                    batch.add(message.record.stream, message.record.data)
                elif message.type is Type.STATE and message.state is not None:
                    message.state.destinationStats = AirbyteStateStats(recordCount=float(batch.flush()))
                    yield message
            batch.flush()
            batch.log_summary()


def _declared_fields(catalog: ConfiguredAirbyteCatalog, writers: Mapping[str, Writer]) -> dict[str, list[str]]:
    """Name the fields that the catalog declares, per stream.

    Raises:
        AirbyteTracedException: the catalog has a stream, or a sync mode, that the destination does not take.
    """
    names = [s.stream.name for s in catalog.streams]
    if unknown := sorted(set(names) - set(writers)):
        raise AirbyteTracedException(
            message=f"This destination does not take the stream {', '.join(unknown)}. It takes: {', '.join(writers)}.",
            internal_message="stream_unknown",
            failure_type=FailureType.config_error,
        )
    if wrong := sorted(s.stream.name for s in catalog.streams if s.destination_sync_mode not in SYNC_MODES):
        raise AirbyteTracedException(
            message=f"The stream {', '.join(wrong)} can be appended (append, append_dedup), not overwritten.",
            internal_message="sync_mode_unknown",
            failure_type=FailureType.config_error,
        )
    return {s.stream.name: list(s.stream.json_schema.get("properties") or {}) for s in catalog.streams}


class _Batch:
    """Requests of one stream, gathered until it is worth writing them."""

    def __init__(
        self,
        writers: Mapping[str, Writer],
        sink: Sink,
        declared: Mapping[str, Sequence[str]],
        rename: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._writers, self._sink, self._declared, self._rename = writers, sink, declared, rename
        self._stream = ""
        self._requests: list[WriteRequest] = []
        self._index = 0
        self._since_state = 0
        self._outcomes: Counter[str] = Counter()

    def add(self, stream: str, data: Mapping[str, Any]) -> None:
        """Take a record; write the batch when it is full or the stream changes."""
        if stream != self._stream:
            self._write()
            self._stream = stream
        index, self._index = self._index, self._index + 1
        self._since_state += 1
        if stream not in self._declared:
            self._report(_malformed(index, stream, f"the stream {stream} is not in the catalog"))
            return
        writer = self._writers[stream]
        try:
            request = write_request(
                index,
                stream,
                data,
                id_field=writer.id_field,
                declared=self._declared[stream],
                rename=self._rename.get(stream, {}),
            )
        except MalformedRecord as error:
            self._report(_malformed(index, stream, str(error)))
            return
        self._requests.append(request)
        if len(self._requests) >= writer.batch_size:
            self._write()

    def flush(self) -> int:
        """Write what is left; return how many records came since the last flush."""
        self._write()
        count, self._since_state = self._since_state, 0
        return count

    def log_summary(self) -> None:
        """Say how many records ended how."""
        if self._outcomes:
            counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self._outcomes.items()))
            logger.info("Records written: %s.", counts)

    def _write(self) -> None:
        requests, self._requests = self._requests, []
        if requests:
            for receipt in self._writers[self._stream].write(requests):
                self._report(receipt)

    def _report(self, receipt: Receipt) -> None:
        self._outcomes[receipt.outcome] += 1
        self._sink(receipt)


def _malformed(index: int, stream: str, detail: str) -> Receipt:
    return Receipt(index, stream, Action.UPDATE, Outcome.REFUSED, cause=Cause.MALFORMED, detail=detail)
