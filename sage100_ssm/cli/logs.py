"""The log of a command: to a file, as lines of JSON, or both. It contains no names or values of contacts."""

import logging
import os
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from logging.handlers import RotatingFileHandler
from pathlib import Path

OURS = "sage100_ssm"
"""The logger of the product. Of all others only warnings are logged: an address that they name may contain a value."""

_FILE_BYTES, _FILES_KEPT = 5_000_000, 4
_PREFECT_IN_JSON = {"PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json", "PREFECT_LOGGING_COLORS": "false"}
"""Prefect's own lines on the standard error, in the processes of its flow runs too."""
_TEXT = "%(asctime)s %(levelname)s %(message)s"
_RENAMED = {"asctime": "time", "levelname": "level", "name": "logger"}


class LogFormat(StrEnum):
    """The form of the log's lines."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class LogWanted:
    """What the user wants of the log.

    Attributes:
        form: of its lines.
        file: where they go; None for the standard error.
        debug: whether everything is logged.
    """

    form: LogFormat = LogFormat.TEXT
    file: Path | None = None
    debug: bool = False

    @property
    def replaces_notes(self) -> bool:
        """Whether what a command has to say about its work goes to the log, not to a person."""
        return self.form is LogFormat.JSON or self.file is not None


_WANTED: ContextVar[LogWanted] = ContextVar("log_wanted", default=LogWanted())  # noqa: B039 - it is frozen


def log_wanted() -> LogWanted:
    """What the command line says of the log; the defaults where a command is called by itself."""
    return _WANTED.get()


def set_up_log(wanted: LogWanted) -> None:
    """Give the process its log, in place of the one that an earlier call gave it.

    Raises:
        OSError: the file cannot be written.
    """
    _WANTED.set(wanted)
    handler: logging.Handler = logging.StreamHandler()
    if wanted.file is not None:
        wanted.file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(wanted.file, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8")
    if wanted.form is LogFormat.JSON:
        handler.setFormatter(_json_formatter())
        os.environ.update(_PREFECT_IN_JSON)
    elif wanted.file is not None:
        handler.setFormatter(logging.Formatter(_TEXT))
    else:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    # What goes wrong is reported in one sentence at the end; the connectors' own log is for those who look for more.
    handler.setLevel(logging.DEBUG if wanted.debug else logging.INFO if wanted.replaces_notes else logging.CRITICAL)
    if not wanted.debug:
        handler.addFilter(_is_ours_or_a_warning)
    handler.name = OURS
    root = logging.getLogger()
    for earlier in [one for one in root.handlers if one.name == OURS]:
        root.removeHandler(earlier)
        earlier.close()
    # Handlers of others, such as those of a test, keep what they got before.
    root.setLevel(min(root.level, handler.level) if root.handlers else handler.level)
    root.addHandler(handler)


def _is_ours_or_a_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] == OURS


def _json_formatter() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - most commands have no need of it

    fields = ["asctime", "levelname", "name", "message"]
    return JsonFormatter(fields, rename_fields=_RENAMED, datefmt="%Y-%m-%dT%H:%M:%S%z", json_ensure_ascii=True)
