"""The file of refused records: each with its values and the reason, one JSON object a line.

Where the setting ``refused_records`` asks for none, a refusal is in the log alone (`reporting`).
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from sage100_ssm.connectors.destination_settings import FileRefused, RefusedRecords
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.exchange.receipt import Receipt


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
            self._file = os.fdopen(descriptor, "a", encoding="utf-8")
        except OSError as error:
            sentence = f"Refused records cannot be kept in {path}: {error.strerror}."
            raise ConnectorError("refused_records", sentence, configuration=True) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, receipt: Receipt, record: Mapping[str, Any] | str) -> None:
        """Add a line: what was refused, when and why, and the record, or the line that is none, as it came."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "stream": receipt.stream,
            "action": receipt.action,
            "outcome": receipt.outcome,
            "cause": receipt.cause,
            "field": receipt.field,
            "detail": filter_secrets(receipt.detail),
            "id": receipt.id,
            "line" if isinstance(record, str) else "record": record,
        }
        if receipt.refused:
            line["refused"] = {field: filter_secrets(words) for field, words in receipt.refused.items()}
        # Python's own: a record may contain whole numbers of any size.
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def save(self) -> None:
        """Make sure that all lines survive a crash of the machine."""
        self._file.flush()
        os.fsync(self._file.fileno())


def open_refused_records(setting: RefusedRecords) -> RefusedRecordsFile | None:
    """The file that a setting asks for; None where it asks for the log alone.

    Raises:
        ConnectorError: the file cannot be written.
    """
    return RefusedRecordsFile(Path(setting.path)) if isinstance(setting, FileRefused) else None


def check_refused_records(setting: RefusedRecords) -> None:
    """Try to open the file that a setting asks for; it is created where it is missing.

    Raises:
        ConnectorError: it cannot be written.
    """
    if file := open_refused_records(setting):
        with file:
            pass
