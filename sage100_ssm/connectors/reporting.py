"""Where a destination's receipts go: to a sink, or to the log, a file of the refused, and a summary."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

import orjson

from sage100_ssm.connectors.destination_settings import RefusedRecords
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.refused_records import RefusedRecordsStore, open_refused_records
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, Sink

logger = logging.getLogger("airbyte")

UNCHANGED, REFUSED, POSTPONED = "unchanged", "refused", "postponed"
_WRITTEN = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
_PASSING = frozenset({Outcome.RETRY, Outcome.UNCERTAIN})


class Reporter(Protocol):
    """Receives what became of each record, and decides which states are true by then."""

    def report(self, receipt: Receipt, record: Mapping[str, Any] | str) -> None:
        """Take a receipt, with the record as it came, or with the line that is none."""

    def may_confirm(self, stream: str | None) -> bool:
        """Whether a STATE may be returned that covers all records reported so far.

        Args:
            stream: the stream of the state; None for one of all streams.
        """
        ...


class SinkReporter:
    """Passes receipts on to a sink, whose owner deals with what was not written.

    Args:
        sink: receives the receipts.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def report(self, receipt: Receipt, record: Mapping[str, Any] | str) -> None:  # noqa: ARG002 - the sink's owner sent it
        """Pass a receipt on."""
        self._sink(receipt)

    def may_confirm(self, stream: str | None) -> bool:  # noqa: ARG002 - as in the protocol
        """Always: the sink's owner knows what was not written."""
        return True


class StandaloneReporter:
    """Reports to the log, and to a file of refused records: for a destination that works alone, in a sync of Airbyte.

    A refusal is final: it is logged and put into the file, and states are confirmed past it. A record that was written
    without the values that the side refused counts as written; it is logged with these fields, and put into the file,
    too. What failed for a passing
    reason (a lock, a lost answer) must be sent again: no state is confirmed past it, and the write ends as failed.

    Args:
        refused: the file of the refused records; None for the log alone.
    """

    def __init__(self, refused: RefusedRecordsStore | None) -> None:
        self._refused = refused
        self._counts: dict[str, Counter[str]] = {}
        self._reasons_to_postpone: Counter[str] = Counter()

    def report(self, receipt: Receipt, record: Mapping[str, Any] | str) -> None:
        """Count and log what became of a record; keep a refused one."""
        result = _result_of(receipt)
        self._counts.setdefault(receipt.stream, Counter())[result] += 1
        if result == POSTPONED:
            self._reasons_to_postpone[_reason_of(receipt)] += 1
        _log(receipt)
        if (result == REFUSED or receipt.refused) and self._refused is not None:
            self._refused.append(receipt, record)

    def may_confirm(self, stream: str | None) -> bool:
        """Unless a record is to be sent again; the refused ones are on disk before the sender forgets them."""
        streams = self._counts if stream is None else {stream} & self._counts.keys()
        if any(self._counts[name][POSTPONED] for name in streams):
            return False
        if self._refused is not None:
            self._refused.save()
        return True

    def log_summary(self) -> None:
        """Log for each stream how many records ended how."""
        for stream, counts in self._counts.items():
            figures = {name: counts[name] for name in (*_WRITTEN.values(), UNCHANGED, REFUSED, POSTPONED)}
            logger.info(orjson.dumps({"summary": stream, **figures}).decode())

    def fail_if_postponed(self) -> None:
        """End as failed where records must be sent again.

        Raises:
            ConnectorError: there are some.
        """
        if postponed := sum(counts[POSTPONED] for counts in self._counts.values()):
            (reason, _), *others = self._reasons_to_postpone.most_common()
            reason = f"{reason.removesuffix('.') or 'a lock or a lost answer'}{', and other reasons' if others else ''}"
            raise ConnectorError(
                "records_postponed",
                f"{postponed} record(s) could not be written for now ({reason}). "
                "The state stays before them: the next sync sends them again.",
                configuration=False,
            )


@contextmanager
def reporting(sink: Sink | None, refused: RefusedRecords) -> Iterator[Reporter]:
    """A reporter for one write: to the sink; without one, to the log and the file that the setting names.

    Raises:
        ConnectorError: the file cannot be written; or, at the end, records must be sent again.
    """
    if sink is not None:
        yield SinkReporter(sink)
        return
    with open_refused_records(refused) or nullcontext() as file:
        reporter = StandaloneReporter(file)
        try:
            yield reporter
        finally:
            reporter.log_summary()
        reporter.fail_if_postponed()


def _result_of(receipt: Receipt) -> str:
    """The key of the summary under which a receipt is counted."""
    if receipt.outcome is Outcome.APPLIED:
        return _WRITTEN[receipt.action] if receipt.wrote else UNCHANGED
    return POSTPONED if receipt.outcome in _PASSING else REFUSED


def _reason_of(receipt: Receipt) -> str:
    """Why a record was not written, in words without values; empty where the side gives only its own."""
    # What the connectors themselves find wrong with a record, they say without values.
    in_our_words = receipt.cause is Cause.MALFORMED or receipt.outcome is Outcome.CHANGED
    return receipt.reason or (receipt.detail if in_our_words else "")


def _log(receipt: Receipt) -> None:
    """Log a receipt as one line of JSON: ids, names and outcome, no values."""
    line = {
        "receipt": receipt.outcome,
        "stream": receipt.stream,
        "action": receipt.action,
        "record": receipt.index,
        "id": receipt.id,
        "cause": receipt.cause,
        "field": receipt.field,
        "without": [*receipt.refused] if receipt.outcome is Outcome.APPLIED and receipt.refused else None,
        "reason": _reason_of(receipt) or None,
    }
    is_as_asked = receipt.outcome is Outcome.APPLIED and not receipt.refused
    logger.log(
        logging.DEBUG if is_as_asked else logging.WARNING,
        orjson.dumps({key: value for key, value in line.items() if value is not None}).decode(),
    )
