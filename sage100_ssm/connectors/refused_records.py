"""Where refused records are kept, each with its values and the reason as one JSON object a line: a file, or a bucket.

Where the setting ``refused_records`` asks for neither, a refusal is in the log alone (`reporting`).
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from sage100_ssm.connectors.destination_settings import FileRefused, RefusedRecords, S3Refused
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.exchange.receipt import Receipt

logger = logging.getLogger("airbyte")

NOT_KEPT = "refused_records"
"""The code of the error that refused records cannot be kept."""


class RefusedRecordsStore(Protocol):
    """A place that refused records are added to while its context is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def append(self, receipt: Receipt, record: Mapping[str, Any] | str) -> None:
        """Add what was refused and why, with the record (or the line that is none) as it came.

        Raises:
            ConnectorError: it cannot be stored.
        """
        ...

    def save(self) -> None:
        """Make everything added so far durable.

        Raises:
            ConnectorError: it cannot be stored: no STATE may follow.
        """
        ...


class RefusedRecordsFile:
    """A file that is open to be appended to.

    Args:
        path: the file; created where it is missing, readable by its owner alone.

    Raises:
        ConnectorError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise _not_kept(path, error, configuration=True) from error
        self._path, self._file = path, os.fdopen(descriptor, "ab")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._failing_in_a_sentence():
            self._file.close()

    def append(self, receipt: Receipt, record: Mapping[str, Any] | str) -> None:
        """Add a line."""
        with self._failing_in_a_sentence():
            self._file.write(line_of(receipt, record))

    def save(self) -> None:
        """Make sure that all lines survive a crash of the machine."""
        with self._failing_in_a_sentence():
            self._file.flush()
            os.fsync(self._file.fileno())

    @contextmanager
    def _failing_in_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # the disk is full, or gone
            raise _not_kept(self._path, error, configuration=False) from error


def line_of(receipt: Receipt, record: Mapping[str, Any] | str) -> bytes:
    """The line of a refused record: what was refused, when and why, and the record, or the line that is none."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "stream": receipt.stream,
        "action": receipt.action,
        "outcome": receipt.outcome,
        "cause": receipt.cause,
        "field": receipt.field,
        "detail": filter_secrets(receipt.detail or receipt.reason),
        "id": receipt.id,
        "line" if isinstance(record, str) else "record": record,
    }
    if receipt.refused:
        line["refused"] = {field: filter_secrets(words) for field, words in receipt.refused.items()}
    # Python's own JSON: a record may contain whole numbers of any size, and half a character, which is left escaped.
    return f"{json.dumps(line, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")


def open_refused_records(setting: RefusedRecords) -> RefusedRecordsStore | None:
    """The store that a setting asks for, known to be writable; None where it asks for the log alone.

    Raises:
        ConnectorError: it cannot be written.
    """
    match setting:
        case FileRefused():
            return RefusedRecordsFile(Path(setting.path))
        case S3Refused():
            return _open_bucket(setting)
        case _:
            return None


def check_refused_records(setting: RefusedRecords) -> None:
    """Open the store that a setting asks for: a file is created where it is missing, nothing is added to a bucket.

    Raises:
        ConnectorError: it cannot be written.
    """
    if store := open_refused_records(setting):
        with store:
            logger.info("The place for refused records can be written to.")


def _open_bucket(setting: S3Refused) -> RefusedRecordsStore:
    try:
        # Only where it is asked for: boto3 is an extra, and its import takes half a second and 30 MB.
        from sage100_ssm.connectors.refused_records_bucket import RefusedRecordsBucket  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sentence = (
            "Refused records cannot be kept in object storage, because the library boto3 is not installed: "
            "install sage100-ssm[s3]."
        )
        raise ConnectorError(NOT_KEPT, sentence, configuration=True) from error
    return RefusedRecordsBucket(setting)


def _not_kept(path: Path, error: OSError, *, configuration: bool) -> ConnectorError:
    sentence = f"Refused records cannot be kept in {path}: {error.strerror}."
    return ConnectorError(NOT_KEPT, sentence, configuration=configuration)
