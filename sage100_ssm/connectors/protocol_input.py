"""What a destination receives, from lines or from the CDK's messages, sorted by what is done with it.

Lines are parsed here and not by the CDK. Its dataclasses drop what they do not know, such as the ``id`` that the
platform puts into each STATE and expects back, and its parser refuses a record for what is wrong beside its data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from airbyte_cdk.models import AirbyteMessage, Type

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DEEPEST = 100
"""Objects and lists within each other: what goes through a record level by level ends at some hundreds."""

MessageT = TypeVar("MessageT")


@dataclass(frozen=True, slots=True)
class StreamName:
    """The name of a stream. Two streams may have one name, each in a namespace of its own.

    Attributes:
        name: its name.
        namespace: its namespace; empty without one.
    """

    name: str
    namespace: str = ""

    def __str__(self) -> str:
        """The name as logs and receipts have it."""
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Record:
    """A record.

    Attributes:
        stream: its stream.
        data: its fields.
    """

    stream: StreamName
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class State(Generic[MessageT]):
    """A STATE message.

    Attributes:
        stream: the stream that it is about; None for one of all streams.
        message: the message as it came.
    """

    stream: StreamName | None
    message: MessageT


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line that may have been a record, and cannot be written as one.

    Attributes:
        text: the line.
        reason: why, in words without its values.
        stream: its stream, as far as known.
        field: the field at fault, where there is one.
    """

    text: str
    reason: str
    stream: StreamName | None = None
    field: str | None = None


def of_messages(messages: Iterable[AirbyteMessage]) -> Iterator[Record | State[AirbyteMessage]]:
    """The records and states among messages."""
    for message in messages:
        if message.type is Type.RECORD and message.record is not None:
            record = message.record
            yield Record(StreamName(record.stream, record.namespace or ""), record.data)
        elif message.type is Type.STATE and message.state is not None:
            descriptor = message.state.stream.stream_descriptor if message.state.stream else None
            stream = StreamName(descriptor.name, descriptor.namespace or "") if descriptor else None
            yield State(stream, message)


def of_lines(lines: Iterable[bytes]) -> Iterator[Record | State[dict[str, Any]] | UnreadableLine]:
    """The records and states among lines, and the lines that cannot be understood; other messages are left out."""
    for number, line in enumerate(lines, start=1):
        content = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if content.strip() and (parsed := _parsed(content)) is not None:
            yield parsed


def _parsed(line: bytes) -> Record | State[dict[str, Any]] | UnreadableLine | None:
    """What a line contains; None for a message that a destination does not need."""
    text = line.decode(errors="replace").strip()
    try:
        # Python's own parser: it keeps whole numbers of any size, and reads NaN and half characters, so that the
        # record is refused by its stream and field instead of as a line that says nothing.
        message = json.loads(text)
    except (ValueError, RecursionError):
        return UnreadableLine(text, "the line is not JSON, or nested too deep")
    match message:
        case {"type": "RECORD", "record": {"stream": str(name), **rest}} if _is_writable(name):
            return _record(line, text, name, rest.get("namespace"), rest.get("data"))
        case {"type": "STATE", "state": dict(state)}:
            return State(_stream_of(state), message)
        case {"type": str(kind)} if kind not in {"RECORD", "STATE"}:
            return None  # a log line, a trace, or a message of a later protocol
        case _:
            return UnreadableLine(text, "the line is not a message of the Airbyte protocol")


def _record(line: bytes, text: str, name: str, namespace: Any, data: Any) -> Record | UnreadableLine:
    if not (namespace is None or (isinstance(namespace, str) and _is_writable(namespace))):
        return UnreadableLine(text, "the record's namespace is no text", StreamName(name))
    stream = StreamName(name, namespace or "")
    reason, field = _fault_of(data, line, text)
    return UnreadableLine(text, reason, stream, field) if reason else Record(stream, data)


def _fault_of(data: Any, line: bytes, text: str) -> tuple[str, str | None]:
    """Why a record's data cannot be written, and the field at fault where there is one; an empty text if they can."""
    if not isinstance(data, dict):
        return "the record's data is no object", None
    try:
        line.decode()
    except UnicodeDecodeError:
        return "the line contains bytes that are no text in UTF-8", None
    # Fewer brackets than that cannot be too deep: most lines are not gone through.
    if text.count("[") + text.count("{") > _DEEPEST and is_too_deep(data):
        return "a value is nested too deep", None
    if _is_writable(data):
        return "", None
    if not _is_writable([*data]):
        return "the name of a field has half a character", None
    field = next((field for field, value in data.items() if not _is_writable(value)), None)
    return "a value is no number (NaN, Infinity), or a text with half a character", field


def is_too_deep(content: Any) -> bool:
    """Whether more objects and lists are within each other than what reads them can go through."""
    level = [content]
    for _ in range(_DEEPEST):
        inner = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [item for items in inner for item in items]
    return bool(level)


def _is_writable(content: Any) -> bool:
    """Whether names and values can be written as JSON in UTF-8, as every side and the log need them."""
    try:
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _stream_of(state: Mapping[str, Any]) -> StreamName | None:
    match state:
        case {"stream": {"stream_descriptor": {"name": str(name), **rest}}}:
            return StreamName(name, str(rest.get("namespace") or ""))
    return None
