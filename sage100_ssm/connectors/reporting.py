"""What a destination that works alone tells of its records: log lines, a file of the refused, a summary."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TextIO

import orjson
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from sage100_ssm.connectors.destination_settings import FileRefused, RefusedRecords
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, Sink

logger = logging.getLogger("airbyte")

UNCHANGED, REFUSED, POSTPONED = "unchanged", "refused", "postponed"
_WRITTEN = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}
_PASSING = frozenset({Outcome.RETRY, Outcome.UNCERTAIN})
_LEVELS = {Outcome.APPLIED: logging.DEBUG}


class Reporter(Protocol):
    """Is told what became of each record."""

    def take(self, receipt: Receipt, record: Mapping[str, Any]) -> None:
        """Take a receipt and the record that it is about, as it came."""

    def may_pass(self, stream: str | None) -> bool:
        """Whether a state may go past all records taken so far.

        Args:
            stream: the stream of the state; None for one of all streams.
        """
        ...


class Forwarded:
    """Hands the receipts to somebody who answers for what was not written.

    Args:
        sink: takes the receipts.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def take(self, receipt: Receipt, record: Mapping[str, Any]) -> None:  # noqa: ARG002 - who gave it knows it
        """Hand a receipt on."""
        self._sink(receipt)

    def may_pass(self, stream: str | None) -> bool:  # noqa: ARG002 - all is answered for
        """A state goes past everything."""
        return True


class Told:
    """Tells the log, and a file.

    A refusal is final: it is logged, put into the file if there is one, and the state goes past it. What failed for
    a passing reason (a lock, a lost answer) is to come again: the state stays before it, and the write ends as failed.

    Args:
        refused: the file of the refused records; None for the log alone.
    """

    def __init__(self, refused: TextIO | None) -> None:
        self._refused = refused
        self._counts: dict[str, Counter[str]] = {}

    def take(self, receipt: Receipt, record: Mapping[str, Any]) -> None:
        """Note what became of a record."""
        ended = how_it_ended(receipt)
        self._counts.setdefault(receipt.stream, Counter())[ended] += 1
        log_receipt(receipt)
        if ended == REFUSED and self._refused is not None:
            self._refused.write(refused_line(receipt, record, datetime.now(UTC)))

    def may_pass(self, stream: str | None) -> bool:
        """Keep a state before what is to come again; else make sure first that the refused records are kept."""
        streams = self._counts if stream is None else {stream} & self._counts.keys()
        if any(self._counts[name][POSTPONED] for name in streams):
            return False
        if self._refused is not None:
            self._refused.flush()
            os.fsync(self._refused.fileno())
        return True

    def sum_up(self) -> None:
        """Log how many records of each stream ended how."""
        for stream, counts in self._counts.items():
            figures = {name: counts[name] for name in (*_WRITTEN.values(), UNCHANGED, REFUSED, POSTPONED)}
            logger.info(orjson.dumps({"summary": stream, **figures}).decode())

    def conclude(self) -> None:
        """End as failed where records are to come again.

        Raises:
            ConnectorError: so it is.
        """
        if postponed := sum(counts[POSTPONED] for counts in self._counts.values()):
            raise ConnectorError(
                "records_postponed",
                f"{postponed} record(s) could not be written for a passing reason, such as a lock or a lost answer. "
                "The state stays before them: the next sync sends them again.",
                configuration=False,
            )


@contextmanager
def reporting(sink: Sink | None, refused: RefusedRecords) -> Iterator[Reporter]:
    """Report to a sink; without one, to the log and to the file for refused records, which is open meanwhile.

    Raises:
        ConnectorError: the file cannot be written; or, in the end, records are to come again.
    """
    if sink is not None:
        yield Forwarded(sink)
        return
    with _opened(Path(refused.path)) if isinstance(refused, FileRefused) else nullcontext() as file:
        told = Told(file)
        try:
            yield told
        finally:
            told.sum_up()
        told.conclude()


def check_refused(refused: RefusedRecords) -> None:
    """Look whether refused records can be kept where they are to go.

    Raises:
        ConnectorError: they cannot.
    """
    if isinstance(refused, FileRefused):
        _opened(Path(refused.path)).close()


def how_it_ended(receipt: Receipt) -> str:
    """Sort a receipt for the summary."""
    if receipt.outcome is Outcome.APPLIED:
        return _WRITTEN[receipt.action] if receipt.wrote else UNCHANGED
    return POSTPONED if receipt.outcome in _PASSING else REFUSED


def log_receipt(receipt: Receipt) -> None:
    """Log a receipt as one line of JSON with ids, names and outcome, and no values.

    What is wrong with the record itself is said in words of ours, which hold none; a side's words may.
    """
    line = {
        "receipt": receipt.outcome,
        "stream": receipt.stream,
        "action": receipt.action,
        "record": receipt.index,
        "id": receipt.id,
        "cause": receipt.cause,
        "field": receipt.field,
        "reason": receipt.detail if _is_ours(receipt) else None,
    }
    logger.log(
        _LEVELS.get(receipt.outcome, logging.WARNING),
        orjson.dumps({key: value for key, value in line.items() if value is not None}).decode(),
    )


def _is_ours(receipt: Receipt) -> bool:
    """Whether the detail is in words of ours."""
    return receipt.cause is Cause.MALFORMED or receipt.outcome is Outcome.CHANGED


def refused_line(receipt: Receipt, record: Mapping[str, Any], at: datetime) -> str:
    """One line of the file: what was refused, when and why, and the record as it came."""
    told = {
        "at": at.isoformat(timespec="milliseconds"),
        "stream": receipt.stream,
        "action": receipt.action,
        "outcome": receipt.outcome,
        "cause": receipt.cause,
        "field": receipt.field,
        "detail": filter_secrets(receipt.detail),
        "id": receipt.id,
        "record": record,
    }
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS).decode()


def _opened(path: Path) -> TextIO:
    """Open the file to append to it, readable by its owner alone."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8")
    except OSError as error:
        sentence = f"Refused records cannot be kept in {path}: {error.strerror}."
        raise ConnectorError("refused_records", sentence, configuration=True) from error
