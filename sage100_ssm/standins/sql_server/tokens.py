"""The tokens of the server's answers, and the client's login (MS-TDS 2.2.6.4, 2.2.7)."""

import struct
from dataclasses import dataclass, field

from sage100_ssm.standins.sql_server.catalogue import Result
from sage100_ssm.standins.sql_server.errors import SqlError
from sage100_ssm.standins.sql_server.session import Answer, Done, Ended, Login
from sage100_ssm.standins.sql_server.sqltypes import COLLATION, SqlType, on_the_wire, type_info
from sage100_ssm.standins.sql_server.wire import number, text

_SERVER = "SRV-SAGE"
_TDS_74 = b"\x74\x00\x00\x04"
_ERROR, _COUNT, _MORE, _ATTENTION = 0x02, 0x10, 0x01, 0x20
_DONE, _DONE_PROCEDURE, _DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
_RETURN_STATUS = b"\x79" + number(0, 4)
_SELECT = 0xC1
_NULLABLE = 0x01
_ENDED = {"BEGIN": 8, "COMMIT": 9, "ROLLBACK": 10}
_TRANSACTION = (1).to_bytes(8, "little")
_NOT_SUPPORTED = 2
_PRELOGIN_END = 0xFF
_FIELDS = ("host", "user", "password", "application", "server", "extension", "library", "language", "database")


def prelogin() -> bytes:
    """The answer to PRELOGIN: a version, no encryption, no MARS."""
    options = [(0, bytes([16, 0, 3, 232, 0, 0])), (1, bytes([_NOT_SUPPORTED])), (2, b"\0"), (3, b""), (4, b"\0")]
    offset, head, body = 5 * len(options) + 1, b"", b""
    for kind, value in options:
        head += struct.pack(">BHH", kind, offset + len(body), len(value))
        body += value
    return head + bytes([_PRELOGIN_END]) + body


def login_of(payload: bytes) -> Login:
    """What LOGIN7 says."""
    said = {}
    for place, name in enumerate(_FIELDS):
        start, length = struct.unpack_from("<HH", payload, 36 + 4 * place)
        value = payload[start : start + 2 * length]
        if name == "password":
            value = bytes(((b ^ 0xA5) << 4 | (b ^ 0xA5) >> 4) & 0xFF for b in value)
        said[name] = "" if name == "extension" else value.decode("utf-16-le")
    return Login(said["user"], said["password"], said["database"], said["application"], said["host"])


def welcome(database: str) -> bytes:
    """The answer to a login that is let in."""
    program = b"\x01" + _TDS_74 + text("Microsoft SQL Server", 1) + bytes([16, 0, 3, 232])
    return (
        _environment(1, text(database, 1), text("master", 1))
        + _environment(7, b"\x05" + COLLATION, b"\0")
        + _environment(4, text("4096", 1), text("4096", 1))
        + b"\xad" + number(len(program), 2) + program
        + _done(_DONE, 0)
    )  # fmt: skip


def refusal(*told: SqlError) -> bytes:
    """The answer to a login that is not let in."""
    return b"".join(map(error, told)) + _done(_DONE, _ERROR)


def attention() -> bytes:
    """The answer to an attention."""
    return _done(_DONE, _ATTENTION)


def _return_value(handle: int) -> bytes:
    kind = SqlType("int")
    return (
        b"\xac"
        + number(0, 2)
        + text("", 1)
        + b"\x01"
        + number(0, 4)
        + number(0, 2)
        + type_info(kind)
        + on_the_wire(kind, handle)
    )


def error(told: SqlError) -> bytes:
    """An error message."""
    body = (
        number(told.number, 4)
        + bytes([told.state, told.severity])
        + text(told.words, 2)
        + text(_SERVER, 1)
        + text("", 1)
        + number(1, 4)
    )
    return b"\xaa" + number(len(body), 2) + body


@dataclass
class Reply:
    """An answer in the making.

    Attributes:
        tokens: what it holds so far.
        failed: whether the statement at hand told an error.
        in_procedure: whether the statement stands in a procedure.
    """

    tokens: bytearray = field(default_factory=bytearray)
    failed: bool = False
    in_procedure: bool = False

    def tell(self, said: Answer) -> None:
        """Put what came of a statement into tokens."""
        match said:
            case SqlError():
                self.failed = True
                self.tokens += error(said)
            case Result(names, kinds, rows):
                self.tokens += _columns(names, kinds)
                for row in rows:
                    self.tokens += b"\xd1" + b"".join(map(on_the_wire, kinds, row))
                self._done(len(rows))
            case Done(count):
                self._done(count)
            case Ended(verb):
                new, old = (_TRANSACTION, b"") if verb == "BEGIN" else (b"", _TRANSACTION)
                self.tokens += _environment(_ENDED[verb], number(len(new), 1) + new, number(len(old), 1) + old)

    def end_batch(self) -> None:
        """End a batch."""
        self.tokens += _done(_DONE, _ERROR if self.failed else 0)

    def end_procedure(self, handle: int | None = None) -> None:
        """End a procedure, with its status and the handle that it gives back."""
        self.tokens += _RETURN_STATUS + (b"" if handle is None else _return_value(handle))
        self.tokens += _done(_DONE_PROCEDURE, _ERROR if self.failed else 0)
        self.failed = False

    def _done(self, count: int | None) -> None:
        status = _MORE | (0 if count is None else _COUNT)
        self.tokens += _done(_DONE_IN_PROCEDURE if self.in_procedure else _DONE, status, count or 0)


def _columns(names: tuple[str, ...], kinds: tuple[SqlType, ...]) -> bytes:
    described = b"".join(
        number(0, 4) + number(_NULLABLE, 2) + type_info(kind) + text(name, 1)
        for name, kind in zip(names, kinds, strict=True)
    )
    return b"\x81" + number(len(names), 2) + described


def _done(token: int, status: int, count: int = 0) -> bytes:
    return bytes([token]) + number(status, 2) + number(_SELECT, 2) + number(count, 8)


def _environment(kind: int, new: bytes, old: bytes) -> bytes:
    body = bytes([kind]) + new + old
    return b"\xe3" + number(len(body), 2) + body
