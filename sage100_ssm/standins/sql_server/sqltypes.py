"""The types of SQL Server: what a column makes of a value, and how a value travels.

A value is stored in SQLite as None, int, float, str or bytes. Dates and times are ISO texts with seven digits of a
second, so that they compare as what they are; those of a `datetime` are multiples of a third of a hundredth.
"""
# ruff: noqa: PLR0911 - tables of cases

import re
import struct
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.wire import Reader, number

CODE_PAGE = "cp1252"
COLLATION = bytes.fromhex("0c04d00000")
"""French_CI_AS: its locale, case, kana and width ignored."""

_INTEGERS = {"bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}
_LARGEST = {name: 2 ** (8 * size - 1) - 1 for name, size in _INTEGERS.items()} | {"bit": 1, "tinyint": 255}
_TEXTS = {"char": 0xAF, "varchar": 0xA7, "nchar": 0xEF, "nvarchar": 0xE7, "sysname": 0xE7}
_BINARIES = {"binary": 0xAD, "varbinary": 0xA5}
_MAX = 0xFFFF
_EPOCH = datetime(1900, 1, 1)  # noqa: DTZ001 - the server's local time
_DAY_ONE = date(1, 1, 1)
_TICKS = 300
_RANGES = {"datetime": ("1753", "A"), "smalldatetime": ("1900", "2079-06-07")}
_PRECISIONS = ((9, 5), (19, 9), (28, 13), (38, 17))


@dataclass(frozen=True)
class SqlType:
    """A type: its name, its length or precision (None for `max`), its scale."""

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

    def stored(self, value: Any, where: "Place | None" = None) -> Any:
        """What a column of this type holds of a value; a cast, which cuts in silence, where no place is given.

        Raises:
            SqlError: it cannot be converted, or is too long.
        """
        if value is None:
            return None
        if self.name in _INTEGERS:
            return self._integer(value)
        if self.is_text:
            return self._text(value, where)
        if self.name in _BINARIES:
            return self._cut(value.encode(CODE_PAGE, "replace") if isinstance(value, str) else bytes(value), where)
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

    def _text(self, value: Any, where: "Place | None") -> str:
        said = value.decode(CODE_PAGE, "replace") if isinstance(value, bytes) else str(value)
        if not self.is_wide:
            said = said.encode(CODE_PAGE, "replace").decode(CODE_PAGE, "replace")
        held = self._cut(said, where)
        return held.ljust(self.size or 0) if self.name in {"char", "nchar"} else held

    def _cut(self, value: Any, where: "Place | None") -> Any:
        if self.size is None or len(value) <= self.size:
            return value
        if where is not None and value[self.size :].strip():
            raise where.too_long(value[: self.size])
        return value[: self.size]

    def _time(self, value: str) -> str:
        try:
            moment = datetime.fromisoformat(re.sub(r"^(\d{4})(\d{2})(\d{2})\b", r"\1-\2-\3", value[:26]))
        except ValueError:
            raise native(241) from None
        if not _RANGES.get(self.name, ("", "A"))[0] <= value < _RANGES.get(self.name, ("", "A"))[1]:
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
    """A column that a value is put into, and how its server speaks of a text that is too long."""

    database: str
    table: str
    column: str
    in_old_words: bool

    def too_long(self, kept: Any) -> SqlError:
        """The error of SQL Server 2019, or of those before."""
        if self.in_old_words:
            return native(8152)
        return native(2628, database=self.database, table=self.table, column=self.column, kept=kept)


def type_named(words: str) -> SqlType:
    """A type from its T-SQL name: `varchar(35)`, `numeric(24,6)`, `nvarchar(max)`."""
    found = re.fullmatch(r"\s*(\w+)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*", words)
    assert found, words
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


# --- on the wire: types and values that the server sends


def type_info(kind: SqlType) -> bytes:
    """The TYPE_INFO of a column or return value."""
    if kind.name in _INTEGERS:
        return bytes([0x68 if kind.name == "bit" else 0x26, _INTEGERS[kind.name]])
    if kind.is_text:
        size = _MAX if kind.size is None else max(1, kind.size) * (2 if kind.is_wide else 1)
        return bytes([_TEXTS[kind.name]]) + number(size, 2) + COLLATION
    if kind.name in _BINARIES:
        return bytes([_BINARIES[kind.name]]) + number(_MAX if kind.size is None else kind.size, 2)
    if kind.name in {"datetime", "smalldatetime"}:
        return bytes([0x6F, 8 if kind.name == "datetime" else 4])
    if kind.name == "datetime2":
        return bytes([0x2A, 7 if kind.size is None else kind.size])
    if kind.name == "date":
        return b"\x28"
    if kind.name == "numeric":
        return bytes([0x6C, 17, kind.size or 18, kind.scale])
    return b"\x24\x10" if kind.name == "uniqueidentifier" else b"\x6d\x08"


def on_the_wire(kind: SqlType, value: Any) -> bytes:
    """A value of a type, behind its length."""
    in_chunks = (kind.is_text or kind.name in _BINARIES) and kind.size is None
    if value is None:
        if in_chunks:
            return b"\xff" * 8
        return b"\xff\xff" if kind.is_text or kind.name in _BINARIES else b"\0"
    encoded = _encoded(kind, value)
    if in_chunks:
        return number(len(encoded), 8) + number(len(encoded), 4) + encoded + bytes(4 if encoded else 0)
    return number(len(encoded), 2 if kind.is_text or kind.name in _BINARIES else 1) + encoded


def _encoded(kind: SqlType, value: Any) -> bytes:
    if kind.name in _INTEGERS:
        return number(int(value), _INTEGERS[kind.name])
    if kind.is_text:
        return str(value).encode("utf-16-le" if kind.is_wide else CODE_PAGE, "replace")
    if kind.name in _BINARIES:
        return bytes(value)
    if kind.name == "uniqueidentifier":
        return uuid.UUID(str(value)).bytes_le
    if kind.name == "numeric":
        digits = int(Decimal(repr(value) if isinstance(value, float) else value).scaleb(kind.scale).to_integral_value())
        return bytes([digits >= 0]) + abs(digits).to_bytes(16, "little")
    if kind.is_time:
        return _encoded_time(kind, datetime.fromisoformat(str(value)[:26]))
    return struct.pack("<d", float(value))


def _encoded_time(kind: SqlType, moment: datetime) -> bytes:
    if kind.name == "datetime":
        return struct.pack("<iI", *_to_ticks(moment))
    if kind.name == "smalldatetime":
        return struct.pack("<HH", (moment - _EPOCH).days, moment.hour * 60 + moment.minute)
    day = number((moment.date() - _DAY_ONE).days, 3)
    if kind.name == "date":
        return day
    scale = 7 if kind.size is None else kind.size
    units = (moment - datetime.combine(moment, time())) // timedelta(microseconds=1) * 10 // 10 ** (7 - scale)
    return number(units, 3 + (scale > 2) + (scale > 4)) + day


def _to_ticks(moment: datetime) -> tuple[int, int]:
    """Days since 1900 and ticks of 1/300 s of a moment, rounded."""
    since = moment - _EPOCH
    ticks = round((since - timedelta(days=since.days)).total_seconds() * _TICKS)
    return since.days + ticks // (86400 * _TICKS), ticks % (86400 * _TICKS)


def _of_ticks(days: int, ticks: int) -> str:
    second = _EPOCH + timedelta(days=days, seconds=ticks // _TICKS)
    return f"{second:%Y-%m-%d %H:%M:%S}.{ticks % _TICKS * 10**7 // _TICKS:07}"


# --- on the wire: types and values that the client sends

_FIXED = {0x30: "tinyint", 0x32: "bit", 0x34: "smallint", 0x38: "int", 0x7F: "bigint", 0x3E: "float", 0x3D: "datetime"}
_OLD_LONG = {0x63: SqlType("nvarchar"), 0x23: SqlType("varchar"), 0x22: SqlType("varbinary")}
_OF_LENGTH = {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}


def received(reader: Reader) -> tuple[SqlType, Any]:
    """A parameter: its TYPE_INFO and its value, as it is stored."""
    token = reader.number(1)
    if token in _FIXED:
        kind = SqlType(_FIXED[token])
        return kind, _decoded(kind, reader.bytes(8 if kind.name in {"float", "datetime"} else _INTEGERS[kind.name]))
    if token in {0xA7, 0xAF, 0xE7, 0xEF, 0xA5, 0xAD}:
        return _received_long(reader, token)
    if token in _OLD_LONG:
        return _received_of_old(reader, _OLD_LONG[token])
    kind = _announced(reader, token)
    length = reader.number(1)
    if token == 0x26:
        kind = SqlType(_OF_LENGTH[length or 4])
    return kind, _decoded(kind, reader.bytes(length)) if length else None


def _announced(reader: Reader, token: int) -> SqlType:
    match token:
        case 0x26 | 0x68:
            size = reader.number(1)
            return SqlType(_OF_LENGTH[size] if token == 0x26 else "bit")
        case 0x6D:
            reader.number(1)
            return SqlType("float")
        case 0x6F:
            return SqlType("datetime" if reader.number(1) == 8 else "smalldatetime")
        case 0x6A | 0x6C:
            _, precision, scale = reader.bytes(3)
            return SqlType("numeric", precision, scale)
        case 0x28:
            return SqlType("date")
        case 0x2A:
            return SqlType("datetime2", reader.number(1))
        case 0x24:
            reader.number(1)
            return SqlType("uniqueidentifier")
        case _:
            raise native(8016, token=token)


def _received_long(reader: Reader, token: int) -> tuple[SqlType, Any]:
    size = reader.number(2)
    name = next(n for n, t in (*_TEXTS.items(), *_BINARIES.items()) if t == token)
    if name in _TEXTS:
        reader.bytes(5)
    kind = SqlType(name, None if size == _MAX else size // (2 if name[0] == "n" else 1))
    if kind.size is None:
        missing = reader.number(8) == 2**64 - 1
        return kind, None if missing else _decoded(kind, bytes(reader.chunks()))
    length = reader.number(2)
    return kind, None if length == _MAX else _decoded(kind, reader.bytes(length))


def _received_of_old(reader: Reader, kind: SqlType) -> tuple[SqlType, Any]:
    """A parameter of the types text, ntext and image, which FreeTDS sends."""
    reader.bytes(4 + (5 if kind.is_text else 0))
    length = reader.number(4)
    return kind, None if length == 2**32 - 1 else _decoded(kind, reader.bytes(length))


def _decoded(kind: SqlType, data: bytes) -> Any:
    if kind.name in _INTEGERS:
        return int.from_bytes(data, "little", signed=kind.name not in {"bit", "tinyint"})
    if kind.is_text:
        return data.decode("utf-16-le", "replace") if kind.is_wide else data.decode(CODE_PAGE, "replace")
    if kind.name in _BINARIES:
        return data
    if kind.name == "float":
        return struct.unpack("<d" if len(data) == 8 else "<f", data)[0]
    if kind.name == "numeric":
        whole = int.from_bytes(data[1:], "little") * (1 if data[0] else -1)
        return int(whole) if not kind.scale else float(Decimal(whole).scaleb(-kind.scale))
    if kind.name == "uniqueidentifier":
        return str(uuid.UUID(bytes_le=data)).upper()
    return _decoded_time(kind, data)


def _decoded_time(kind: SqlType, data: bytes) -> str:
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
