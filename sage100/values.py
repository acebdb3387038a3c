"""Values at the border: what a row holds as JSON, and what is given as a column takes it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, SmallInteger, String

from sage100.errors import Refusal, RefusedError

Record = Mapping[str, Any]
"""A row by Sage's own column names, in types that JSON has."""

_AS_THEY_ARE = frozenset({str, int, float, type(None)})
_LARGEST_SMALLINT = 2**15 - 1
_LARGEST_INT = 2**31 - 1


def record_of(names: Sequence[str], row: Iterable[Any], zone: ZoneInfo) -> Record:
    """Name a row's values and turn them into JSON types; values beyond the names are left out."""
    return {
        name: value if type(value) in _AS_THEY_ARE else json_value(value, zone)
        for name, value in zip(names, row, strict=False)
    }


def json_value(value: Any, zone: ZoneInfo) -> Any:
    """Turn a value into a JSON type.

    A date and time becomes ISO 8601 with the offset that the zone had then. Of the two passes of the hour that
    comes twice in autumn the first is told: the database does not hold which it was.
    """
    match value:
        case datetime():
            return (value.astimezone(zone) if value.tzinfo else value.replace(tzinfo=zone)).isoformat()
        case date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case bytes():
            return value.hex()
        case bool() | int() | float() | str() | None:
            return value
        case _:
            return str(value)


def stored_value(column: Column[Any], length: int | None, encoding: str, value: Any) -> str | int:
    """Turn what is given into what the column holds: a text, or a whole number; null is '' or 0.

    Args:
        column: the column.
        length: the most bytes that it holds, where it is a text.
        encoding: the column's code page, as Python names it.
        value: what is given.

    Raises:
        RefusedError: the value is of the wrong type, too long, or has a character outside the code page (P7).
    """
    if isinstance(column.type, String):
        return _text(column.name, length, encoding, value)
    return _number(column, value)


def _text(name: str, length: int | None, encoding: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RefusedError(Refusal.WRONG_TYPE, f"{name} must be a text", name)
    if "\0" in value:
        raise RefusedError(Refusal.NOT_REPRESENTABLE, f"{name} has a character that Sage cannot hold", name)
    try:
        size = len(value.encode(encoding))
    except UnicodeEncodeError as error:
        words = f"{name} has a character outside {encoding}: {error.object[error.start]!a}"
        raise RefusedError(Refusal.NOT_REPRESENTABLE, words, name) from None
    if length is not None and size > length:
        raise RefusedError(Refusal.TOO_LONG, f"{name} holds {length} characters, {size} were given", name)
    return value


def _number(column: Column[Any], value: Any) -> int:
    largest = _LARGEST_SMALLINT if isinstance(column.type, SmallInteger) else _LARGEST_INT
    number = _whole(value)
    if number is None or not -largest - 1 <= number <= largest:
        raise RefusedError(Refusal.WRONG_TYPE, f"{column.name} must be a whole number up to {largest}", column.name)
    return number


def _whole(value: Any) -> int | None:
    match value:
        case None | "":
            return 0
        case bool():
            return None
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case str() if value.strip().removeprefix("-").isdecimal():
            return int(value)
        case _:
            return None
