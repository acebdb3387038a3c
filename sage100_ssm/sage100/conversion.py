"""Values at the border: what a row holds as JSON, and what is given as a column takes it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, SmallInteger, String

from sage100_ssm.sage100.errors import Refusal, RefusedError

Record = Mapping[str, Any]
"""A row by Sage's own column names, in types that JSON has."""

_AS_THEY_ARE = frozenset({str, int, float, type(None)})
_NO_DATE = datetime(1900, 1, 1)  # noqa: DTZ001 - local time, as all that Sage stores
_LARGEST_SMALLINT = 2**15 - 1
_LARGEST_INT = 2**31 - 1


class ServerTime:
    """Tells the server's local times with the offset that its zone had then.

    Of the two passes of the hour that comes twice in autumn the first is told: the database does not hold which
    it was.

    Args:
        zone: the zone of the server's clock.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offsets: dict[int, str | None] = {}

    def told(self, moment: datetime | str | None) -> str | None:
        """Write a local time as ISO 8601 with its offset; Sage's dates of 1900 and before stand for none.

        Args:
            moment: the time, or a text as SQLite holds it; a text that is no date stands for none, too.
        """
        if isinstance(moment, str):
            moment = parsed_moment(moment)
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
        return moment.isoformat() + offset if offset else moment.replace(tzinfo=self._zone).isoformat()

    def _offset_of_day(self, moment: datetime) -> str | None:
        """The offset that holds all the day, as text; None where the clock is put forward or back."""
        begin = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=self._zone)
        end = begin + timedelta(days=1)
        # Told once a day: looking an offset up takes longer than all the rest of a row.
        return begin.isoformat()[len("0000-00-00T00:00:00") :] if begin.utcoffset() == end.utcoffset() else None


class Recorder:
    """Makes records of a table's rows.

    Args:
        names: the columns, in the order of a row's values.
        stamps: the positions of those that hold local times.
        time: tells local times.
    """

    def __init__(self, names: Sequence[str], stamps: Sequence[int], time: ServerTime) -> None:
        self._names, self._stamps, self._time = names, stamps, time

    def __call__(self, row: Iterable[Any]) -> Record:
        """Name a row's values and turn them into JSON types; values beyond the names are left out."""
        values = list(row)
        for position in self._stamps:
            values[position] = self._time.told(values[position])
        if not _AS_THEY_ARE.issuperset(map(type, values)):
            values = [value if type(value) in _AS_THEY_ARE else json_value(value, self._time) for value in values]
        return dict(zip(self._names, values, strict=False))


def parsed_moment(value: Any) -> datetime | None:
    """Read a local time as SQLite holds it; None where it is none."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def json_value(value: Any, time: ServerTime) -> Any:
    """Turn a value into a JSON type; a date and time as `ServerTime` tells it."""
    match value:
        case datetime():
            return time.told(value)
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
