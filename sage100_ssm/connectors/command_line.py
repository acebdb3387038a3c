"""What the command lines of the four connectors do alike: they read files, warn of misspelt settings, end in words."""

import logging
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


def configuration_of(path: str, model: type[BaseModel]) -> MutableMapping[str, Any]:
    """Read a configuration file; warn of settings that the model does not know, by their names alone.

    They have no effect, and do no harm: Airbyte may add some, and an older connector takes a newer configuration.

    Raises:
        ConnectorError: the file cannot be read.
    """
    config = json_of(path, "configuration")
    if not isinstance(config, MutableMapping):
        raise _wrong_file(path, "configuration", "is no JSON object")
    for name, nearest in unknown_fields(config, connection_specification(model)):
        meant = f": is {nearest} meant?" if nearest else "."
        logger.warning("The setting %s is not known here, and has no effect%s", name, meant)
    return config


def parsed_file(path: str, what: str, parse: Callable[[Any], T]) -> T:
    """Read a file of messages of the protocol.

    Args:
        path: the file.
        what: what it holds, for people.
        parse: reads its JSON.

    Raises:
        ConnectorError: the file cannot be read, or holds something else.
    """
    content = json_of(path, what)
    try:
        return parse(content)
    except (TypeError, ValueError):
        raise _wrong_file(path, what, f"holds no {what} of the Airbyte protocol") from None


def json_of(path: str, what: str) -> Any:
    """Read a JSON file, with or without a mark of its encoding.

    Raises:
        ConnectorError: it cannot be read, or is no JSON.
    """
    try:
        return loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise _wrong_file(path, what, f"cannot be read: {error.strerror}") from None
    except JSONDecodeError as error:
        raise _wrong_file(path, what, f"is not JSON (line {error.lineno}, column {error.colno})") from None
    except (UnicodeDecodeError, RecursionError):
        raise _wrong_file(path, what, "is not JSON in UTF-8") from None


@contextmanager
def put_in_words() -> Iterator[None]:
    """End the process by the sentence of what only the configuration mends: a traceback tells its reader nothing."""
    try:
        yield
    except AirbyteTracedException as error:
        message = error.as_airbyte_message()
        if error.failure_type is not FailureType.config_error or message.trace is None or message.trace.error is None:
            raise
        message.trace.error = replace(message.trace.error, stack_trace=None)
        sys.stdout.write(orjson.dumps(AirbyteMessageSerializer.dump(message)).decode() + "\n")
        sys.stdout.flush()
        sys.exit(1)


def _wrong_file(path: str, what: str, wrong: str) -> ConnectorError:
    return ConnectorError("file", f"The {what} file {path} {wrong}.", configuration=True)
