"""Connectors as Airbyte runs them: processes that speak the protocol on their standard streams."""
# ruff: noqa: S603 - the commands are the tests' own

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import Timer
from typing import IO, Any

Message = dict[str, Any]


PYTHON = os.environ.get("CONNECTORS_PYTHON", sys.executable)
"""The Python that runs the connectors; `make images` names the one of the environment that goes into an image."""


def command(connector: str, *arguments: object) -> list[str]:
    """What starts a connector, as its console script does."""
    return [PYTHON, "-c", f"from {connector}.run import run; run()", *map(str, arguments)]


@dataclass(frozen=True)
class Spoken:
    """What a connector said.

    Attributes:
        code: its exit code.
        text: all of its standard output.
        errors: all of its standard error.
    """

    code: int
    text: str
    errors: str

    @cached_property
    def messages(self) -> list[Message]:
        """The messages; a line that is none fails the test."""
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, kind: str) -> list[Message]:
        """What the messages of a type hold."""
        return [message[_BODY.get(kind, kind.lower())] for message in self.messages if message["type"] == kind]


_BODY = {"CONNECTION_STATUS": "connectionStatus"}


def spoken(connector: str, *arguments: object, given: Iterable[Message | str] = ()) -> Spoken:
    """Run a connector to its end."""
    done = subprocess.run(
        command(connector, *arguments), input=lines(given), capture_output=True, text=True, timeout=60, check=False
    )
    return Spoken(done.returncode, done.stdout, done.stderr)


def piped(first: list[str], second: list[str]) -> tuple[Spoken, int]:
    """Run two connectors at once, the first one's output being the second one's input.

    Returns:
        what the second said, and how the first ended.
    """
    with subprocess.Popen(first, stdout=subprocess.PIPE) as source:
        done = subprocess.run(second, stdin=source.stdout, capture_output=True, text=True, timeout=60, check=False)
    return Spoken(done.returncode, done.stdout, done.stderr), source.returncode


class Conversation:
    """A connector that is under way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._in, self._out = process, process.stdin, process.stdout

    def say(self, *messages: Message | str) -> None:
        """Send it messages."""
        self._in.write(lines(messages))
        self._in.flush()

    def hear(self) -> Iterator[Message]:
        """Give its messages as they come."""
        return map(json.loads, _lines_of(self._out))

    def kill(self) -> None:
        """End it where it stands."""
        self._process.kill()


@contextmanager
def conversation(connector: str, *arguments: object) -> Iterator[Conversation]:
    """Start a connector; it is killed in the end, or after a minute, if it still runs."""
    with subprocess.Popen(
        command(connector, *arguments),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        patience = Timer(60, process.kill)
        patience.start()
        try:
            yield Conversation(process)
        finally:
            patience.cancel()
            process.kill()


def _lines_of(stream: IO[str]) -> Iterator[str]:
    return iter(stream.readline, "")


def lines(messages: Iterable[Message | str]) -> str:
    """Put messages on lines; a text is a line as it is."""
    return "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in messages)


def record(stream: str, data: Mapping[str, Any]) -> Message:
    """A RECORD message; as on the wire, what is null is left out."""
    held = {field: value for field, value in data.items() if value is not None}
    return {"type": "RECORD", "record": {"stream": stream, "data": held, "emitted_at": 1}}


def state(stream: str, **blob: Any) -> Message:
    """A STATE message."""
    of_stream = {"stream_descriptor": {"name": stream}, "stream_state": blob}
    return {"type": "STATE", "state": {"type": "STREAM", "stream": of_stream}}


def catalog(*streams: str, fields: Iterable[str] = (), mode: str = "incremental") -> dict[str, Any]:
    """A configured catalog."""
    return {
        "streams": [
            {
                "stream": {
                    "name": name,
                    "json_schema": {"properties": {field: {} for field in fields}},
                    "supported_sync_modes": ["full_refresh", "incremental"],
                },
                "sync_mode": mode,
                "destination_sync_mode": "append_dedup",
            }
            for name in streams
        ]
    }
