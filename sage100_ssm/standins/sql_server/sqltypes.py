"""SQL Server's types: what a column makes of a value, and how a value travels.

A value is stored in SQLite as None, int, float, str or bytes. Dates and times are ISO texts with seven digits of a
second, so that they compare as what they are; those of a `datetime` are multiples of 1/300 s.
"""
# ruff: noqa: PLR0911 - tables of cases

import re
import struct
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any

from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.wire import Reader, encoded_number

CODE_PAGE = "cp1252"
COLLATION = bytes.fromhex("0c04d00000")
"""French_CI_AS on the wire: LCID 0x040C, ignoring case, kana and width, no sort id (2.2.5.1.2)."""


class DataType(IntEnum):
    """The tokens of data types (2.2.5.4.2, 2.2.5.4.3, 2.2.5.4.4)."""

    TINYINT = 0x30
    BIT = 0x32
    SMALLINT = 0x34
    INT = 0x38
    DATETIME = 0x3D
    FLOAT = 0x3E
    BIGINT = 0x7F

    IMAGE = 0x22
    TEXT = 0x23
    UNIQUEIDENTIFIER = 0x24
    INTEGER_OF_LENGTH = 0x26
    DATE = 0x28
    DATETIME2 = 0x2A
    NTEXT = 0x63
    BIT_OF_LENGTH = 0x68
    DECIMAL = 0x6A
    NUMERIC = 0x6C
    FLOAT_OF_LENGTH = 0x6D
    DATETIME_OF_LENGTH = 0x6F
    VARBINARY = 0xA5
    VARCHAR = 0xA7
    BINARY = 0xAD
    CHAR = 0xAF
    NVARCHAR = 0xE7
    NCHAR = 0xEF


_INTEGERS = {"bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}
"""The whole numbers and how many bytes each takes (2.2.5.5.1.1)."""
_LARGEST = {name: 2 ** (8 * size - 1) - 1 for name, size in _INTEGERS.items()} | {"bit": 1, "tinyint": 255}
_TEXTS = {
    "char": DataType.CHAR,
    "varchar": DataType.VARCHAR,
    "nchar": DataType.NCHAR,
    "nvarchar": DataType.NVARCHAR,
    "sysname": DataType.NVARCHAR,
}
_BINARIES = {"binary": DataType.BINARY, "varbinary": DataType.VARBINARY}
_MAX = 0xFFFF
"""The length of a `max` type, and of a null in 2-byte lengths (2.2.5.4.3)."""
_PLP_NULL = 2**64 - 1
_NULL_OF_FOUR_BYTES = 2**32 - 1
_FULL_FLOAT, _FULL_DATETIME = 8, 8
"""The bytes of a `float` and a `datetime`; a `real` and a `smalldatetime` take four."""
_EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001 - the server's local time
_DAY_ONE = date(1, 1, 1)
_TICKS = 300
"""Ticks of a `datetime` in a second (2.2.5.5.1.8)."""
_TICKS_A_DAY = 24 * 60 * 60 * _TICKS
_RANGES = {"datetime": ("1753", "A"), "smalldatetime": ("1900", "2079-06-07")}
"""From which text to before which one a time type holds; "A" comes after all digits."""
_TIME_BYTES = {**dict.fromkeys((0, 1, 2), 3), **dict.fromkeys((3, 4), 4), **dict.fromkeys((5, 6, 7), 5)}
"""The bytes of the time within a `datetime2`, by its scale (2.2.5.4.3)."""


@dataclass(frozen=True)
class SqlType:
    """A type of SQL Server.

    Attributes:
        name: in lower case.
        size: its length or precision; None for `max`, or where it has none.
        scale: digits after the point, of a `numeric`.
    """

    name: str
    size: int | None = None
    scale: int = 0

    @property
    def is_text(self) -> bool:
        """Whether it holds characters."""
        return self.name in _TEXTS

    @property
    def is_wide(self) -> bool:
        """Whether its characters are UTF-16."""
        return self.is_text and self.name[0] in "ns"

    @property
    def is_time(self) -> bool:
        """Whether it holds a date and time."""
        return self.name in {"datetime", "smalldatetime", "datetime2", "date"}

    @property
    def is_long(self) -> bool:
        """Whether its values travel with lengths of two bytes: texts and bytes."""
        return self.is_text or self.name in _BINARIES

    @property
    def is_in_chunks(self) -> bool:
        """Whether its values travel partially length-prefixed: the `max` types (2.2.5.4.4)."""
        return self.is_long and self.size is None

    def stored(self, value: Any, place: "Place | None" = None) -> Any:
        """What a column of this type holds of a value.

        Args:
            value: what is given.
            place: the column; without one it is a cast, which cuts a text that is too long without an error.

        Raises:
            SqlError: the value cannot be converted, is out of range or is too long.
        """
        if value is None:
            return None
        if self.name in _INTEGERS:
            return self._integer(value)
        if self.is_text:
            return self._text(value, place)
        if self.name in _BINARIES:
            return self._cut(value.encode(CODE_PAGE, "replace") if isinstance(value, str) else bytes(value), place)
        if self.is_time:
            return self._time(str(value))
        if self.name == "uniqueidentifier":
            return str(uuid.UUID(str(value))).upper()
        return float(value)

    def _integer(self, value: Any) -> int:
        try:
            whole = int(value)
        except ValueError:
            raise native(245, kind=self.name) from None
        if self.name == "bit":
            return int(whole != 0)
        if abs(whole) > _LARGEST[self.name] + (whole < 0):
            raise native(8115, kind=self.name)
        return whole

    def _text(self, value: Any, place: "Place | None") -> str:
        text = value.decode(CODE_PAGE, "replace") if isinstance(value, bytes) else str(value)
        if not self.is_wide:
            # What the code page lacks becomes a question mark, as on SQL Server.
            text = text.encode(CODE_PAGE, "replace").decode(CODE_PAGE, "replace")
        held: str = self._cut(text, place)
        return held.ljust(self.size or 0) if self.name in {"char", "nchar"} else held

    def _cut(self, value: Any, place: "Place | None") -> Any:
        if self.size is None or len(value) <= self.size:
            return value
        if place is not None and value[self.size :].strip():
            raise place.too_long(value[: self.size])
        return value[: self.size]

    def _time(self, value: str) -> str:
        try:
            moment = datetime.fromisoformat(re.sub(r"^(\d{4})(\d{2})(\d{2})\b", r"\1-\2-\3", value[:26]))
        except ValueError:
            raise native(241) from None
        first, end = _RANGES.get(self.name, ("", "A"))
        if not first <= value < end:
            raise native(242, kind=self.name)
        if self.name == "date":
            return f"{moment:%Y-%m-%d}"
        if self.name == "smalldatetime":
            return f"{moment + timedelta(seconds=30):%Y-%m-%d %H:%M}:00.0000000"
        if self.name == "datetime":
            return _of_ticks(*_to_ticks(moment))
        digits = 6 if self.size is None else self.size
        unit = 10 ** max(0, 6 - digits)
        moment += timedelta(microseconds=unit // 2)
        return f"{moment.replace(microsecond=moment.microsecond // unit * unit):%Y-%m-%d %H:%M:%S.%f}0"


@dataclass(frozen=True)
class Place:
    """A column that a value is put into.

    Attributes:
        database, table, column: where it is.
        is_before_2019: whether its server reports a text that is too long as SQL Server did before 2019.
    """

    database: str
    table: str
    column: str
    is_before_2019: bool

    def too_long(self, kept: Any) -> SqlError:
        """The error about a text that is too long: 2628, or 8152 before SQL Server 2019."""
        if self.is_before_2019:
            return native(8152)
        return native(2628, database=self.database, table=self.table, column=self.column, kept=kept)


def type_named(declaration: str) -> SqlType:
    """A type from its T-SQL form: `varchar(35)`, `numeric(24,6)`, `nvarchar(max)`."""
    found = re.fullmatch(r"\s*(\w+)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*", declaration)
    assert found, declaration
    name = {"decimal": "numeric", "integer": "int", "real": "float"}.get(found[1].lower(), found[1].lower())
    usual = {"varchar": 1, "char": 1, "nvarchar": 1, "nchar": 1, "numeric": 18, "sysname": 128}.get(name)
    size = usual if found[2] is None else None if found[2].lower() == "max" else int(found[2])
    return SqlType(name, size, int(found[3] or 0))


def type_of(value: Any) -> SqlType:
    """The type of a value of which nothing else is known."""
    match value:
        case int():
            return SqlType("int") if abs(value) <= _LARGEST["int"] else SqlType("bigint")
        case float() | Decimal():
            return SqlType("float")
        case bytes():
            return SqlType("varbinary", 8000)
        case _:
            return SqlType("nvarchar", 4000)


# --- types and values that the server sends


def type_info(kind: SqlType) -> bytes:
    """The TYPE_INFO of a column or a return value (2.2.5.6)."""
    if kind.name in _INTEGERS:
        token = DataType.BIT_OF_LENGTH if kind.name == "bit" else DataType.INTEGER_OF_LENGTH
        return bytes([token, _INTEGERS[kind.name]])
    if kind.is_text:
        size = _MAX if kind.size is None else max(1, kind.size) * (2 if kind.is_wide else 1)
        return bytes([_TEXTS[kind.name]]) + encoded_number(size, 2) + COLLATION
    if kind.name in _BINARIES:
        return bytes([_BINARIES[kind.name]]) + encoded_number(_MAX if kind.size is None else kind.size, 2)
    if kind.name in {"datetime", "smalldatetime"}:
        return bytes([DataType.DATETIME_OF_LENGTH, 8 if kind.name == "datetime" else 4])
    if kind.name == "datetime2":
        return bytes([DataType.DATETIME2, _scale(kind)])
    if kind.name == "date":
        return bytes([DataType.DATE])
    if kind.name == "numeric":
        return bytes([DataType.NUMERIC, 17, kind.size or 18, kind.scale])
    if kind.name == "uniqueidentifier":
        return bytes([DataType.UNIQUEIDENTIFIER, 16])
    return bytes([DataType.FLOAT_OF_LENGTH, 8])


def on_the_wire(kind: SqlType, value: Any) -> bytes:
    """A value of a type after its length, a null as the type has it (2.2.5.2.3)."""
    if value is None:
        if kind.is_in_chunks:
            return encoded_number(_PLP_NULL, 8)
        return encoded_number(_MAX, 2) if kind.is_long else b"\0"
    encoded = _encoded(kind, value)
    if kind.is_in_chunks:
        # The whole length, one chunk, and the empty chunk that ends the value.
        size = len(encoded)
        return encoded_number(size, 8) + encoded_number(size, 4) + encoded + bytes(4 if encoded else 0)
    return encoded_number(len(encoded), 2 if kind.is_long else 1) + encoded


def _encoded(kind: SqlType, value: Any) -> bytes:
    if kind.name in _INTEGERS:
        return encoded_number(int(value), _INTEGERS[kind.name])
    if kind.is_text:
        return str(value).encode("utf-16-le" if kind.is_wide else CODE_PAGE, "replace")
    if kind.name in _BINARIES:
        return bytes(value)
    if kind.name == "uniqueidentifier":
        return uuid.UUID(str(value)).bytes_le
    if kind.name == "numeric":  # 2.2.5.5.1.6: a sign, 1 for plus, and the digits as a whole number
        digits = int(Decimal(repr(value) if isinstance(value, float) else value).scaleb(kind.scale).to_integral_value())
        return bytes([digits >= 0]) + abs(digits).to_bytes(16, "little")
    if kind.is_time:
        return _encoded_time(kind, datetime.fromisoformat(str(value)[:26]))
    return struct.pack("<d", float(value))


def _encoded_time(kind: SqlType, moment: datetime) -> bytes:
    """A date and time (2.2.5.5.1.8)."""
    if kind.name == "datetime":
        return struct.pack("<iI", *_to_ticks(moment))
    if kind.name == "smalldatetime":
        return struct.pack("<HH", (moment - _EPOCH).days, moment.hour * 60 + moment.minute)
    day = encoded_number((moment.date() - _DAY_ONE).days, 3)
    if kind.name == "date":
        return day
    scale = _scale(kind)
    units = (moment - datetime.combine(moment, time())) // timedelta(microseconds=1) * 10 // 10 ** (7 - scale)
    return encoded_number(units, _TIME_BYTES[scale]) + day


def _scale(kind: SqlType) -> int:
    """The digits of a second that a `datetime2` holds."""
    return 7 if kind.size is None else kind.size


def _to_ticks(moment: datetime) -> tuple[int, int]:
    """Days since 1900 and ticks of 1/300 s of a moment, rounded."""
    since = moment - _EPOCH
    ticks = round((since - timedelta(days=since.days)).total_seconds() * _TICKS)
    return since.days + ticks // _TICKS_A_DAY, ticks % _TICKS_A_DAY


def _of_ticks(days: int, ticks: int) -> str:
    second = _EPOCH + timedelta(days=days, seconds=ticks // _TICKS)
    return f"{second:%Y-%m-%d %H:%M:%S}.{ticks % _TICKS * 10**7 // _TICKS:07}"


# --- types and values that the client sends

_FIXED = {
    DataType.TINYINT: "tinyint",
    DataType.BIT: "bit",
    DataType.SMALLINT: "smallint",
    DataType.INT: "int",
    DataType.BIGINT: "bigint",
    DataType.FLOAT: "float",
    DataType.DATETIME: "datetime",
}
_SUPERSEDED = {
    DataType.NTEXT: SqlType("nvarchar"),
    DataType.TEXT: SqlType("varchar"),
    DataType.IMAGE: SqlType("varbinary"),
}
_OF_LENGTH = {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}


def received(reader: Reader) -> tuple[SqlType, Any]:
    """A parameter: its type (TYPE_INFO, 2.2.5.6) and its value, as it is stored.

    Raises:
        SqlError: a type that this server does not know (8016).
    """
    token = reader.number(1)
    if token in _FIXED:
        kind = SqlType(_FIXED[DataType(token)])
        return kind, _decoded(kind, reader.take(8 if kind.name in {"float", "datetime"} else _INTEGERS[kind.name]))
    if token in {*_TEXTS.values(), *_BINARIES.values()}:
        return _received_long(reader, token)
    if token in _SUPERSEDED:
        return _received_superseded(reader, _SUPERSEDED[DataType(token)])
    kind = _announced(reader, token)
    length = reader.number(1)
    if token == DataType.INTEGER_OF_LENGTH:
        kind = SqlType(_OF_LENGTH[length or 4])
    return kind, _decoded(kind, reader.take(length)) if length else None


def _announced(reader: Reader, token: int) -> SqlType:
    """A type of variable length up to 255 bytes (2.2.5.4.3)."""
    match token:
        case DataType.INTEGER_OF_LENGTH:
            return SqlType(_OF_LENGTH[reader.number(1)])
        case DataType.BIT_OF_LENGTH:
            reader.number(1)
            return SqlType("bit")
        case DataType.FLOAT_OF_LENGTH:
            reader.number(1)
            return SqlType("float")
        case DataType.DATETIME_OF_LENGTH:
            return SqlType("datetime" if reader.number(1) == _FULL_DATETIME else "smalldatetime")
        case DataType.DECIMAL | DataType.NUMERIC:
            _, precision, scale = reader.take(3)
            return SqlType("numeric", precision, scale)
        case DataType.DATE:
            return SqlType("date")
        case DataType.DATETIME2:
            return SqlType("datetime2", reader.number(1))
        case DataType.UNIQUEIDENTIFIER:
            reader.number(1)
            return SqlType("uniqueidentifier")
        case _:
            raise native(8016, token=token)


def _received_long(reader: Reader, token: int) -> tuple[SqlType, Any]:
    """A parameter of a text or binary type: lengths of two bytes, or in chunks."""
    size = reader.number(2)
    name = next(name for name, its_token in (*_TEXTS.items(), *_BINARIES.items()) if its_token == token)
    if name in _TEXTS:
        reader.take(len(COLLATION))
    kind = SqlType(name, None if size == _MAX else size // (2 if name[0] == "n" else 1))
    if kind.is_in_chunks:
        is_null = reader.number(8) == _PLP_NULL
        return kind, None if is_null else _decoded(kind, reader.chunks())
    length = reader.number(2)
    return kind, None if length == _MAX else _decoded(kind, reader.take(length))


def _received_superseded(reader: Reader, kind: SqlType) -> tuple[SqlType, Any]:
    """A parameter of the types text, ntext and image, which FreeTDS sends: lengths of four bytes."""
    reader.take(4 + (len(COLLATION) if kind.is_text else 0))
    length = reader.number(4)
    return kind, None if length == _NULL_OF_FOUR_BYTES else _decoded(kind, reader.take(length))


def _decoded(kind: SqlType, data: bytes) -> Any:
    if kind.name in _INTEGERS:
        return int.from_bytes(data, "little", signed=kind.name not in {"bit", "tinyint"})
    if kind.is_text:
        return data.decode("utf-16-le", "replace") if kind.is_wide else data.decode(CODE_PAGE, "replace")
    if kind.name in _BINARIES:
        return data
    if kind.name == "float":
        return struct.unpack("<d" if len(data) == _FULL_FLOAT else "<f", data)[0]
    if kind.name == "numeric":
        whole = int.from_bytes(data[1:], "little") * (1 if data[0] else -1)
        return int(whole) if not kind.scale else float(Decimal(whole).scaleb(-kind.scale))
    if kind.name == "uniqueidentifier":
        return str(uuid.UUID(bytes_le=data)).upper()
    return _decoded_time(kind, data)


def _decoded_time(kind: SqlType, data: bytes) -> str:
    """A date and time (2.2.5.5.1.8)."""
    if kind.name == "datetime":
        return _of_ticks(*struct.unpack("<iI", data))
    if kind.name == "smalldatetime":
        days, minutes = struct.unpack("<HH", data)
        return f"{_EPOCH + timedelta(days=days, minutes=minutes):%Y-%m-%d %H:%M}:00.0000000"
    day = _DAY_ONE + timedelta(days=int.from_bytes(data[-3:], "little"))
    if kind.name == "date":
        return day.isoformat()
    ticks = int.from_bytes(data[:-3], "little") * 10 ** (7 - (kind.size or 0))
    seconds, fraction = divmod(ticks, 10**7)
    return f"{datetime.combine(day, time()) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}.{fraction:07}"
