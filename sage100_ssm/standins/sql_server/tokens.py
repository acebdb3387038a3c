"""What the server sends: its answers to a login, and the tokens of its responses ([MS-TDS] 2.2.6.4, 2.2.6.5, 2.2.7)."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from sage100_ssm.standins.sql_server.catalogue import Result
from sage100_ssm.standins.sql_server.errors import SqlError
from sage100_ssm.standins.sql_server.session import Answer, Done, Login, TransactionChange
from sage100_ssm.standins.sql_server.sqltypes import COLLATION, SqlType, on_the_wire, type_info
from sage100_ssm.standins.sql_server.wire import encoded_number, encoded_text


class Token(IntEnum):
    """The first byte of each part of a response (2.2.7)."""

    RETURNSTATUS = 0x79
    COLMETADATA = 0x81
    ERROR = 0xAA
    RETURNVALUE = 0xAC
    LOGINACK = 0xAD
    ROW = 0xD1
    ENVCHANGE = 0xE3
    DONE = 0xFD
    DONEPROC = 0xFE
    DONEINPROC = 0xFF


class Change(IntEnum):
    """What an ENVCHANGE reports (2.2.7.9)."""

    DATABASE = 1
    PACKET_SIZE = 4
    COLLATION = 7
    BEGIN_TRANSACTION = 8
    COMMIT_TRANSACTION = 9
    ROLLBACK_TRANSACTION = 10


class PreloginOption(IntEnum):
    """The options of a PRELOGIN message (2.2.6.5)."""

    VERSION = 0x00
    ENCRYPTION = 0x01
    INSTANCE = 0x02
    THREAD_ID = 0x03
    MARS = 0x04
    TERMINATOR = 0xFF


_SERVER = "SRV-SAGE"
_VERSION = bytes([16, 0, 3, 232])
"""16.0.1000: SQL Server 2022."""
_TDS_74 = b"\x74\x00\x00\x04"
_ENCRYPTION_NOT_SUPPORTED = 0x02
_T_SQL = 0x01
"""The interface of LOGINACK (2.2.7.14)."""

_MORE, _IS_ERROR, _HAS_COUNT, _IS_ATTENTION = 0x01, 0x02, 0x10, 0x20
"""Bits of the status of DONE (2.2.7.6)."""
_SELECT = 0xC1
"""The statement that DONE names."""
_IS_NULLABLE = 0x01
"""A flag of COLMETADATA (2.2.7.4)."""
_IS_OUTPUT = 0x01
"""The status of RETURNVALUE (2.2.7.19)."""
_CHANGES = {
    "BEGIN": Change.BEGIN_TRANSACTION,
    "COMMIT": Change.COMMIT_TRANSACTION,
    "ROLLBACK": Change.ROLLBACK_TRANSACTION,
}
_TRANSACTION_DESCRIPTOR = encoded_number(1, 8)

_FIRST_OFFSET = 36
"""Where the places of LOGIN7's texts begin (2.2.6.4): two bytes of offset and two of length each."""
_LOGIN_FIELDS = ("host", "user", "password", "application", "server", "extension", "library", "language", "database")


def prelogin() -> bytes:
    """The answer to PRELOGIN: a version, no encryption, no MARS (2.2.6.5)."""
    options = {
        PreloginOption.VERSION: _VERSION + bytes(2),
        PreloginOption.ENCRYPTION: bytes([_ENCRYPTION_NOT_SUPPORTED]),
        PreloginOption.INSTANCE: b"\0",
        PreloginOption.THREAD_ID: b"",
        PreloginOption.MARS: b"\0",
    }
    head_size = 5 * len(options) + 1
    head, body = b"", b""
    for option, value in options.items():
        head += struct.pack(">BHH", option, head_size + len(body), len(value))
        body += value
    return head + bytes([PreloginOption.TERMINATOR]) + body


def login_of(payload: bytes) -> Login:
    """What a LOGIN7 message says of its client (2.2.6.4)."""
    said = {}
    for place, name in enumerate(_LOGIN_FIELDS):
        start, length = struct.unpack_from("<HH", payload, _FIRST_OFFSET + 4 * place)
        value = payload[start : start + 2 * length]
        if name == "password":
            # Obfuscated: each byte's halves are swapped, then it is XORed with 0xA5.
            value = bytes(((byte ^ 0xA5) << 4 | (byte ^ 0xA5) >> 4) & 0xFF for byte in value)
        said[name] = "" if name == "extension" else value.decode("utf-16-le")
    return Login(said["user"], said["password"], said["database"], said["application"], said["host"])


def welcome(database: str) -> bytes:
    """The answer to a login that is accepted (2.2.7.9, 2.2.7.14)."""
    acknowledged = bytes([_T_SQL]) + _TDS_74 + encoded_text("Microsoft SQL Server", 1) + _VERSION
    return (
        _environment(Change.DATABASE, encoded_text(database, 1), encoded_text("master", 1))
        + _environment(Change.COLLATION, encoded_number(len(COLLATION), 1) + COLLATION, b"\0")
        + _environment(Change.PACKET_SIZE, encoded_text("4096", 1), encoded_text("4096", 1))
        + bytes([Token.LOGINACK])
        + encoded_number(len(acknowledged), 2)
        + acknowledged
        + _done(Token.DONE, 0)
    )


def refusal(*errors: SqlError) -> bytes:
    """The answer to a login that is refused."""
    return b"".join(map(_error, errors)) + _done(Token.DONE, _IS_ERROR)


def attention() -> bytes:
    """The answer to an attention (2.2.2.9)."""
    return _done(Token.DONE, _IS_ATTENTION)


@dataclass
class Reply:
    """A response in the making.

    Attributes:
        tokens: what it contains so far.
        has_failed: whether the statement under way has reported an error.
        is_of_procedure: whether the statement is part of a procedure.
    """

    tokens: bytearray = field(default_factory=bytearray)
    has_failed: bool = False
    is_of_procedure: bool = False

    def add(self, answer: Answer) -> None:
        """Add what came of a statement."""
        match answer:
            case SqlError():
                self.has_failed = True
                self.tokens += _error(answer)
            case Result(names, kinds, rows):
                self.tokens += _columns(names, kinds)
                for row in rows:
                    self.tokens += bytes([Token.ROW]) + b"".join(map(on_the_wire, kinds, row))
                self._statement_done(len(rows))
            case Done(count):
                self._statement_done(count)
            case TransactionChange(verb):
                descriptors = (_TRANSACTION_DESCRIPTOR, b"") if verb == "BEGIN" else (b"", _TRANSACTION_DESCRIPTOR)
                new, old = (encoded_number(len(one), 1) + one for one in descriptors)
                self.tokens += _environment(_CHANGES[verb], new, old)

    def end_batch(self) -> None:
        """End a batch (2.2.7.6)."""
        self.tokens += _done(Token.DONE, _IS_ERROR if self.has_failed else 0)

    def end_procedure(self, handle: int | None = None) -> None:
        """End a procedure, with its status and the handle that it returns (2.2.7.8, 2.2.7.18, 2.2.7.19)."""
        self.tokens += bytes([Token.RETURNSTATUS]) + encoded_number(0, 4)
        self.tokens += b"" if handle is None else _return_value(handle)
        self.tokens += _done(Token.DONEPROC, _IS_ERROR if self.has_failed else 0)
        self.has_failed = False

    def _statement_done(self, count: int | None) -> None:
        status = _MORE | (0 if count is None else _HAS_COUNT)
        self.tokens += _done(Token.DONEINPROC if self.is_of_procedure else Token.DONE, status, count or 0)


def _error(error: SqlError) -> bytes:
    """An error message (2.2.7.10)."""
    body = (
        encoded_number(error.number, 4)
        + bytes([error.state, error.severity])
        + encoded_text(error.message, 2)
        + encoded_text(_SERVER, 1)
        + encoded_text("", 1)
        + encoded_number(1, 4)
    )
    return bytes([Token.ERROR]) + encoded_number(len(body), 2) + body


def _return_value(handle: int) -> bytes:
    """The handle of a prepared statement, as the output parameter of a procedure (2.2.7.19)."""
    kind = SqlType("int")
    ordinal, name, user_type, flags = encoded_number(0, 2), encoded_text("", 1), encoded_number(0, 4), bytes(2)
    head = bytes([Token.RETURNVALUE]) + ordinal + name + bytes([_IS_OUTPUT]) + user_type + flags
    return head + type_info(kind) + on_the_wire(kind, handle)


def _columns(names: tuple[str, ...], kinds: tuple[SqlType, ...]) -> bytes:
    """The columns of a result (2.2.7.4)."""
    described = b"".join(
        encoded_number(0, 4) + encoded_number(_IS_NULLABLE, 2) + type_info(kind) + encoded_text(name, 1)
        for name, kind in zip(names, kinds, strict=True)
    )
    return bytes([Token.COLMETADATA]) + encoded_number(len(names), 2) + described


def _done(token: Token, status: int, count: int = 0) -> bytes:
    """The end of a statement, a procedure or a response (2.2.7.6, 2.2.7.7, 2.2.7.8)."""
    return bytes([token]) + encoded_number(status, 2) + encoded_number(_SELECT, 2) + encoded_number(count, 8)


def _environment(change: Change, new: bytes, old: bytes) -> bytes:
    """A change of the environment (2.2.7.9)."""
    body = bytes([change]) + new + old
    return bytes([Token.ENVCHANGE]) + encoded_number(len(body), 2) + body
