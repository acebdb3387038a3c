"""What the connectors' command lines share: reading files, and ending with a sentence."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any, TypeVar

import orjson
from airbyte_cdk.models import AirbyteMessageSerializer, FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import BaseModel

from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.spec import connection_specification, unknown_fields

T = TypeVar("T")

logger = logging.getLogger("airbyte")

_SIGNALLED = 128
"""What a shell adds to a signal's number, to show that it ended a program."""
_SIGPIPE = 13  # Windows has no such signal


def read_configuration(path: str, model: type[BaseModel]) -> MutableMapping[str, Any]:
    """Read a configuration file; log the names of settings that the model does not know.

    Such settings have no effect and are no error: Airbyte adds some of its own, and an older connector may be given a
    newer configuration.

    Raises:
        ConnectorError: the file cannot be read.
    """
    config = read_json(path, "configuration")
    if not isinstance(config, MutableMapping):
        raise _file_error(path, "configuration", "is no JSON object")
    for name, nearest in unknown_fields(config, connection_specification(model)):
        suggestion = f": is {nearest} meant?" if nearest else "."
        logger.warning("The setting %s is not known here, and has no effect%s", name, suggestion)
    return config


def read_protocol_file(path: str, what: str, parse: Callable[[Any], T]) -> T:
    """Read a file that contains a catalog or states of the Airbyte protocol.

    Args:
        path: the file.
        what: what it contains, for people.
        parse: parses its JSON; raises ``TypeError`` or ``ValueError`` for anything else.

    Raises:
        ConnectorError: the file cannot be read, or contains something else.
    """
    content = read_json(path, what)
    try:
        return parse(content)
    except (TypeError, ValueError):
        raise _file_error(path, what, f"holds no {what} of the Airbyte protocol") from None


def read_json(path: str, what: str) -> Any:
    """Read a JSON file, with or without a byte-order mark.

    Raises:
        ConnectorError: it cannot be read, or is no JSON.
    """
    try:
        return loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise _file_error(path, what, f"cannot be read: {error.strerror}") from None
    except JSONDecodeError as error:
        raise _file_error(path, what, f"is not JSON (line {error.lineno}, column {error.colno})") from None
    except (UnicodeDecodeError, RecursionError):
        raise _file_error(path, what, "is not JSON in UTF-8") from None


@contextmanager
def protocol_process() -> Iterator[None]:
    """What a connector's process does on its standard streams, so that its end is no traceback.

    It ends with the code that a shell shows where nobody reads the standard output any more, or a signal asks for it,
    and with a sentence where the standard output is closed, or the configuration is wrong.
    """
    if sys.stdout is None:
        # Where the log lines go that the CDK has buffered.
        sys.__stdout__ = Path(os.devnull).open("w")  # type: ignore[misc]  # noqa: SIM115 - open to the end
        sys.exit("The standard output is closed: there is nowhere to write the messages to.")
    # As the first process of a container, a program that has no handler is not ended by the signal that cancels a sync.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(_SIGNALLED + number))
    # A log line that cannot be written is no error of its own: the next message cannot be written, either.
    logging.raiseExceptions = False
    try:
        with exit_on_configuration_error():
            yield
        sys.stdout.flush()
    except BrokenPipeError:
        # At its end, Python writes what is still in the buffer: to nowhere, or it would print this error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_SIGNALLED + _SIGPIPE)
    except KeyboardInterrupt:
        sys.exit(_SIGNALLED + signal.SIGINT)


@contextmanager
def exit_on_configuration_error() -> Iterator[None]:
    """Print an error of the configuration as a TRACE message without a traceback, and exit with 1.

    Other errors pass: the CDK prints them with their traceback.
    """
    try:
        yield
    except AirbyteTracedException as error:
        message = error.as_airbyte_message()
        if error.failure_type is not FailureType.config_error or message.trace is None or message.trace.error is None:
            raise
        # The sentence says what to change; a traceback would bury it.
        message.trace.error = replace(message.trace.error, stack_trace=None)
        sys.stdout.write(orjson.dumps(AirbyteMessageSerializer.dump(message)).decode() + "\n")
        sys.stdout.flush()
        sys.exit(1)


def _file_error(path: str, what: str, wrong: str) -> ConnectorError:
    return ConnectorError("file", f"The {what} file {path} {wrong}.", configuration=True)
