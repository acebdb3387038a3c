"""Conversion at the border: rows into JSON types, and values into what a column holds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, SmallInteger, String

from sage100_ssm.sage100.errors import Refusal, RefusedError

Record = Mapping[str, Any]
"""A row by Sage's own column names, in the types of JSON."""

_JSON_TYPES = frozenset({str, int, float, type(None)})
_NO_DATE = datetime(1900, 1, 1)  # noqa: DTZ001 - local time, as all that Sage stores
_LARGEST_SMALLINT = 2**15 - 1
_LARGEST_INT = 2**31 - 1
_LONGEST_NUMBER = 100
"""Of a text with some thousand digits, Python makes no number."""


class ServerTime:
    """Formats the server's local times with the offset of its zone at that time.

    Args:
        zone: the zone of the server's clock.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offsets: dict[int, str | None] = {}

    def iso(self, moment: datetime | str | None) -> str | None:
        """A local time as ISO 8601 with its offset; None for no date, and for Sage's dates up to 1900.

        Args:
            moment: the time, or a text as SQLite holds it; a text that is no date counts as no date.
        """
        if isinstance(moment, str):
            moment = parse_local_time(moment)
        if moment is None:
            return None
        if moment.tzinfo:
            moment = moment.astimezone(self._zone).replace(tzinfo=None)
        if moment <= _NO_DATE:
            return None
        day = moment.toordinal()
        if day not in self._offsets:
            self._offsets[day] = self._offset_of_day(moment)
        offset = self._offsets[day]
        # In the hour that an autumn night repeats, this is the first pass: the database does not say which it was.
        return moment.isoformat() + offset if offset else moment.replace(tzinfo=self._zone).isoformat()

    def _offset_of_day(self, moment: datetime) -> str | None:
        """The offset, as text, that is valid all day; None on a day on which the clock changes."""
        # Kept by day: computing an offset takes longer than all the rest of a row.
        begin = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=self._zone)
        end = begin + timedelta(days=1)
        return begin.isoformat()[len("0000-00-00T00:00:00") :] if begin.utcoffset() == end.utcoffset() else None


class Recorder:
    """Makes records of a table's rows.

    Args:
        names: the columns, in the order of a row's values.
        stamps: the positions of those that hold local times.
        time: formats local times.
    """

    def __init__(self, names: Sequence[str], stamps: Sequence[int], time: ServerTime) -> None:
        self._names, self._stamps, self._time = names, stamps, time

    def __call__(self, row: Iterable[Any]) -> Record:
        """A row's values by name, in JSON types; values beyond the names are left out."""
        values = list(row)
        for position in self._stamps:
            values[position] = self._time.iso(values[position])
        # Most rows hold JSON types alone: one test for the row is cheaper than one for each value.
        if not _JSON_TYPES.issuperset(map(type, values)):
            values = [value if type(value) in _JSON_TYPES else json_value(value, self._time) for value in values]
        return dict(zip(self._names, values, strict=False))


def parse_local_time(value: Any) -> datetime | None:
    """A local time as SQLite holds it; None where it is none."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def json_value(value: Any, time: ServerTime) -> Any:
    """A value in a JSON type: numbers, texts and null as they are, dates as ISO 8601, bytes in hexadecimal."""
    match value:
        case datetime():
            return time.iso(value)
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
    """What a column stores for a value: a text, or a whole number; '' or 0 for null, as Sage does.

    Args:
        column: the column.
        length: how many bytes it holds, where it is a text.
        encoding: the column's code page, as Python names it.
        value: the value.

    Raises:
        RefusedError: the value is of the wrong type, too long, or has a character outside the code page (P7).
    """
    if isinstance(column.type, String):
        return _stored_text(column.name, length, encoding, value)
    largest = _LARGEST_SMALLINT if isinstance(column.type, SmallInteger) else _LARGEST_INT
    number = whole_number(value)
    if number is None or not -largest - 1 <= number <= largest:
        raise RefusedError(Refusal.WRONG_TYPE, f"{column.name} must be a whole number up to {largest}", column.name)
    return number


def _stored_text(name: str, length: int | None, encoding: str, value: Any) -> str:
    if value is None:
        return ""
    value = digits(value)
    if not isinstance(value, str):
        raise RefusedError(Refusal.WRONG_TYPE, f"{name} must be a text", name)
    if "\0" in value:
        raise RefusedError(Refusal.NOT_REPRESENTABLE, f"{name} has a character that Sage cannot hold", name)
    # SQL Server would write `?` for such a character, without an error (docs/facts/sage100.md, "Texts").
    try:
        size = len(value.encode(encoding))
    except UnicodeEncodeError as error:
        words = f"{name} has a character outside {encoding}: {error.object[error.start]!a}"
        raise RefusedError(Refusal.NOT_REPRESENTABLE, words, name) from None
    if length is not None and size > length:
        raise RefusedError(Refusal.TOO_LONG, f"{name} holds {length} characters, {size} were given", name)
    return value


def digits(value: Any) -> Any:
    """A whole number as the text of its digits, as senders have numbers where Sage has texts; else the value."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def whole_number(value: Any) -> int | None:
    """A whole number, also from a float or a text of digits; 0 for null; None for anything else."""
    match value:
        case None | "":
            return 0
        case bool():
            return None
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case str() if len(value) <= _LONGEST_NUMBER and value.strip().removeprefix("-").isdecimal():
            return int(value)
        case _:
            return None
