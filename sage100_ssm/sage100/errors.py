"""What can go wrong with a Sage 100 database, by what is to be done about it.

    SageError
    ├── MisconfiguredError   somebody has to mend the settings, the rights or the database
    ├── UnreachableError     the connection could not be made or broke; a write in it is of unknown outcome
    ├── UnavailableError     the database takes no write now, whatever the record; nothing was written
    │   └── UnexpectedError  an error that is not known to be about one record
    ├── LockedError          a lock or a Sage user is in the way: try again later
    │   └── DeadlockError    chosen as a deadlock's victim: try again at once
    └── RefusedError         this record cannot be written as it is

A refusal is final: an Airbyte pipeline goes on without the record. So an error is one only where it is known to be
about the record. Any other stops the writing, and nothing is acknowledged.

Errors of SQL Server are recognised by their native number: the drivers disagree on the SQLSTATE and on the exception
class (docs/facts/sql-server.md). Sage's triggers raise numbers of their own, 80000 and above, which arrive as native
numbers or in the text of a native 50000 (docs/facts/sage100.md, "Sessions and locks").
"""

import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, InvalidRequestError, NoSuchTableError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sage100_ssm.exchange.failure import SideError


class SageError(SideError):
    """Something went wrong with the database.

    Attributes:
        reason: what it is, without the words of others: those may quote a value.
    """

    def __init__(self, code: str, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.code, self.reason = code, reason


class MisconfiguredError(SageError):
    """Somebody has to mend the settings, the rights or the database.

    Args:
        code: one of `CONFIGURATION_CODES`, whose sentence it takes.
        words: what to quote beside it: the driver's own words, or the name of what is missing.

    Attributes:
        words: as above.
    """

    configuration = True

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code, f"{CONFIGURATION_CODES[code]}. ({words})", CONFIGURATION_CODES[code])
        self.words = words


class UnreachableError(SageError):
    """The server was not reached, or the connection broke. What was being written is of unknown outcome.

    Attributes:
        words: the driver's own words, or the address that was tried.
    """

    def __init__(self, words: str, code: str = "unreachable") -> None:
        super().__init__(code, f"{UNREACHABLE_CODES[code]}. ({words})", UNREACHABLE_CODES[code])
        self.words = words


class UnavailableError(SageError):
    """The database takes no write now, whatever the record: it may pass, or somebody has to mend it.

    Args:
        code: one of `UNAVAILABLE_CODES`, whose sentence it takes.
        words: the database's own words.

    Attributes:
        words: as above.
    """

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code, f"{UNAVAILABLE_CODES[code]}. ({words})", UNAVAILABLE_CODES[code])
        self.words = words


class UnexpectedError(UnavailableError):
    """An error that is not known to be about one record, and of which nothing else is known either."""

    def __init__(self, words: str) -> None:
        super().__init__("database_refuses", words)


class LockedError(SageError):
    """A Sage user has the record open, or a lock was not granted in time."""

    def __init__(self, words: str) -> None:
        sentence = "Something else holds a lock in the Sage 100 database"
        super().__init__("locked", f"{sentence}: {words}", sentence)


class DeadlockError(LockedError):
    """The transaction was rolled back as a deadlock's victim; the same again may well succeed."""


class Refusal(StrEnum):
    """Why a record cannot be written as it is."""

    DUPLICATE_NAME = "duplicate_name"
    """Another contact of the company has that last and first name (index ICT_NOM, P12)."""
    DUPLICATE_NUMBER = "duplicate_number"
    """The CT_No is taken (index ICT_NO)."""
    FOREIGN_KEY = "foreign_key"
    """The row refers to one that does not exist, or is still referred to."""
    COMPANY_MISSING = "company_missing"
    TOO_LONG = "too_long"
    NOT_REPRESENTABLE = "not_representable"
    VALUE_MISSING = "value_missing"
    WRONG_TYPE = "wrong_type"
    OTHER = "other"
    """Anything else, in the database's own words."""


class RefusedError(SageError):
    """This record cannot be written as it is.

    Args:
        refusal: why.
        words: the database's own words, or ours.
        column: the column at fault, where one is.
        number: the database's error; None where it is not the database that refuses.

    Attributes:
        refusal: why.
        column: the column at fault, where one is.
        words: the database's own words, or ours.
    """

    def __init__(
        self, refusal: Refusal, words: str, column: str | None = None, *, number: int | str | None = None
    ) -> None:
        reason = words if number is None else f"the database refuses it with its error {number}"
        super().__init__(refusal.value, words, reason)
        self.refusal, self.column, self.words = refusal, column, words


UNREACHABLE_CODES: Mapping[str, str] = {
    "unreachable": "The Sage 100 database was not reached, or the connection broke",
    "host_unknown": "The SQL Server's machine is not known by this name: check the name in the settings, and that this"
    " machine can look up names of that network, or give its IP address instead",
    "port_closed": "Nobody answers at the SQL Server's address: check that it runs, that TCP/IP is switched on in its"
    " configuration manager, and that no firewall blocks it",
    "instance_unknown": "The machine has no SQL Server instance of this name that takes TCP/IP connections: check the"
    " name in the settings, and that TCP/IP is switched on for the instance",
    "instance_silent": "The service SQL Server Browser, which reports the port of an instance, does not answer: start"
    " it and let UDP port 1434 through, or give the instance's port instead of its name",
}
"""The codes of `UnreachableError`, each with its sentence."""

UNAVAILABLE_CODES: Mapping[str, str] = {
    "database_closed": "The Sage 100 database is not open for work (offline, being restored or recovered, in emergency"
    " or single-user mode): have its administrator look at its state",
    "database_read_only": "The Sage 100 database can only be read: have its administrator look at its state",
    "database_full": "The Sage 100 database, its log or its disk is full: have its administrator make room",
    "server_overloaded": "The SQL Server is out of memory, of connections or of other means: the next run tries again",
    "database_refuses": "The SQL Server answered with an error that is not about one contact: show it to the database's"
    " administrator",
}
"""The codes of `UnavailableError`, each with its sentence."""

CONFIGURATION_CODES: Mapping[str, str] = {
    "odbc_missing": "unixODBC, through which the database is reached, is not installed on this machine: on Debian or"
    " Ubuntu, apt-get install unixodbc",
    "driver_missing": "The ODBC driver named in the settings is not installed on this machine: install it, or name one"
    " that is; the connectors' images have FreeTDS",
    "data_source_missing": "The ODBC data source (DSN) or driver named in the settings is not known on this machine",
    "login_refused": "The SQL Server refused the login: check the user name and the password",
    "windows_login": "Windows authentication did not work: let the program run under a domain account (outside Windows:"
    " with a valid Kerberos ticket), or give a user name and a password of SQL Server",
    "database_missing": "The company's database does not exist, or cannot be opened with this login",
    "certificate": "The SQL Server's certificate is not trusted: have it signed by an authority that this machine"
    " knows, or set trust_server_certificate",
    "certificate_name": "The SQL Server's certificate is made out to another name: use that name as the server, or give"
    " it as host_name_in_certificate",
    "encryption": "No encrypted connection to the SQL Server came about: bring it and the ODBC driver up to TLS 1.2;"
    " in a network that you trust, encrypt can be turned off",
    "odbc_certificate": "The SQL Server's certificate is not trusted: have it signed by an authority that this machine"
    " knows, or put TrustServerCertificate=yes into the connection string",
    "odbc_certificate_name": "The SQL Server's certificate is made out to another name: use that name as the server, or"
    " put it into the connection string as HostNameInCertificate",
    "odbc_encryption": "No encrypted connection to the SQL Server came about: bring it and the ODBC driver up to TLS"
    " 1.2; in a network that you trust, Encrypt=no in the connection string does without",
    "right_missing": "The login does not have a right on the database that is needed",
    "schema_missing": "A table or a column of Sage 100 is missing in the database, or hidden from this login",
    "connection_string": "The ODBC connection string or data source is not usable",
}
"""The codes of `MisconfiguredError`, each with its sentence."""

_CONFIGURATION_NUMBERS: Mapping[int, str] = {
    # First: the server reports a missing database together with a refused login.
    4060: "database_missing",
    911: "database_missing",
    916: "database_missing",
    18452: "login_refused",
    18456: "login_refused",
    18470: "login_refused",
    18486: "login_refused",
    18487: "login_refused",
    18488: "login_refused",
    229: "right_missing",
    230: "right_missing",
    262: "right_missing",
    300: "right_missing",
    208: "schema_missing",
    207: "schema_missing",
}
_CONFIGURATION_STATES: Mapping[str, str] = {
    "IM002": "data_source_missing",
    "IM003": "driver_missing",
    "IM004": "driver_missing",
    "IM012": "connection_string",
    "28000": "login_refused",
}
_UNAVAILABLE_NUMBERS: Mapping[int, str] = {
    # Being recovered, restored or moved; suspect; offline; in single-user, restricted or emergency mode.
    **dict.fromkeys((904, 921, 922, 923, 924, 926, 927, 941, 942, 943, 945, 946, 952), "database_closed"),
    **dict.fromkeys((954, 976, 978, 979, 982, 983), "database_closed"),  # a mirror, or a secondary replica
    **dict.fromkeys((3908, 18401, 18461), "database_closed"),
    **dict.fromkeys((823, 824, 829, 3313, 3314, 9001), "database_closed"),  # its files or its log cannot be used
    3906: "database_read_only",
    **dict.fromkeys((1101, 1105, 1827, 9002), "database_full"),
    **dict.fromkeys((701, 802, 1204, 8645, 8651, 10928, 10929, 17142, 17809), "server_overloaded"),
}
_LOCK_NUMBERS = frozenset({1222, 80003, 80007})
_DEADLOCKS = frozenset({1205, 3960})  # also an update that another one overtook under snapshot isolation
_NO_TRANSACTION = 3903
_UNIQUE_NUMBERS = frozenset({2601, 2627})
_REFUSED_NUMBERS: Mapping[int, Refusal] = {
    547: Refusal.FOREIGN_KEY,
    515: Refusal.VALUE_MISSING,
    2628: Refusal.TOO_LONG,
    8152: Refusal.TOO_LONG,
    # A value that does not fit its column's type.
    **dict.fromkeys((220, 232, 241, 242, 244, 245, 248, 8114, 8115), Refusal.OTHER),
}
_NOT_CONNECTED = frozenset({"08001", "08S01", "HY000", "01000"})
_BROKEN_STATES = ("08", "HYT")
_BROKEN_NUMBERS = frozenset(
    {
        *(596, 6005),  # the session was killed; the server is shutting down
        *(20003, 20004, 20006, 20017, 20047),  # FreeTDS's own, some of them under the SQLSTATE of a warning
    }
)
_BROKEN_WORDS = re.compile(r"\[FreeTDS\]\[SQL Server\]Unknown error \(0\)")
_RAISED_BY_TRIGGER = 50000
"""The number of an error raised with a text alone; those that an application defines itself are above it."""
_NO_NUMBER_OF_BABELFISH = 33557097
_ENDED_IN_TRIGGER = frozenset({3609, 3616})
_WRITING = re.compile("INSERT|UPDATE|DELETE")
_ABOUT_DATA = ("22", "23")
"""The classes of SQLSTATE for a value that a column does not take, and for a constraint."""

_NATIVE_NUMBER = re.compile(r"\((-?\d+)\)(?= \(SQL|;|$)")
_SAGE_NUMBER = re.compile(r"\b8\d{4}\b")
# Servers of other makers name the index ICT_NOF_CONTACTT or the like.
_INDEX = re.compile(r"\bI?CT_NO(M?)(?:\b|(?=F_CONTACTT))", re.IGNORECASE)
_CONNECTING: Mapping[str, re.Pattern[str]] = {
    "windows_login": re.compile(r"SSPI|Kerberos|GSSAPI", re.IGNORECASE),
    "certificate_name": re.compile(r"subject name does not match|principal name is incorrect", re.IGNORECASE),
    "certificate": re.compile(r"certificate verify failed|certificate chain|not trusted|self.signed", re.IGNORECASE),
    "encryption": re.compile(r"SSL Provider|encryption not supported|SSL Security error", re.IGNORECASE),
    "connection_string": re.compile(r"connection string attribute", re.IGNORECASE),
}
"""What the drivers say of a connection that was not made, where there is no number."""
_DRIVER_PREFIX = re.compile(r"^(\[[^\]]*\]\s*)+| \(SQL\w+\)$")
_MESSAGE_SEPARATOR = re.compile(r"; (?=\[)")
_STATEMENT_TERMINATED = ("(3621)", "(3609)")

_SQLITE_CONFIGURATION: Mapping[int, str] = {
    sqlite3.SQLITE_CANTOPEN: "database_missing",
    sqlite3.SQLITE_NOTADB: "database_missing",
    sqlite3.SQLITE_CORRUPT: "database_missing",
    sqlite3.SQLITE_READONLY: "right_missing",
    sqlite3.SQLITE_PERM: "right_missing",
    sqlite3.SQLITE_AUTH: "right_missing",
}
_SQLITE_UNAVAILABLE: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: "database_full",
    sqlite3.SQLITE_IOERR: "database_closed",
    sqlite3.SQLITE_NOMEM: "server_overloaded",
}
_SQLITE_LOCKS = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_ABOUT_DATA = frozenset({sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG})
_SQLITE_CONSTRAINTS: Mapping[int, Refusal] = {
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: Refusal.FOREIGN_KEY,
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: Refusal.VALUE_MISSING,
    sqlite3.SQLITE_CONSTRAINT_CHECK: Refusal.TOO_LONG,
}


@contextmanager
def native_errors() -> Iterator[None]:
    """Raise the database's errors as those of this module.

    Raises:
        SageError: the database, its driver or the pool failed. Its cause, which shows statements and values, is
            left out of the traceback.
    """
    try:
        yield
    except DBAPIError as error:
        raise _translated(_first_error(error) or error) from None
    except NoSuchTableError as error:
        raise MisconfiguredError("schema_missing", f"table {error}") from None
    except InvalidRequestError as error:
        # Where a connection breaks while SQLAlchemy finds out about the server, its rollback fails and hides the cause.
        if (first := _first_error(error)) is None:
            raise
        raise _translated(first) from None
    except PoolTimeoutError as error:
        raise LockedError(str(error)) from None
    except ImportError as error:
        raise MisconfiguredError("odbc_missing", str(error)) from None


@contextmanager
def outcome_unknown() -> Iterator[None]:
    """Raise an error of a COMMIT as one that leaves open whether it was done, unless the transaction can be repeated.

    Raises:
        SageError: the COMMIT failed.
    """
    try:
        with native_errors():
            yield
    except (LockedError, UnreachableError):
        raise
    except SageError as error:
        raise UnreachableError(str(error)) from None


def _translated(error: DBAPIError) -> SageError:
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig)
    state, text = (*map(str, getattr(error.orig, "args", ())), "", "")[:2]
    # Connecting, reading and ending a transaction are about no record.
    return _of_sql_server(state, text, is_of_write=_WRITING.match(error.statement or "") is not None)


def _first_error(error: BaseException) -> DBAPIError | None:
    """The database's error that came first."""
    # Where the server has rolled back by itself, FreeTDS fails at our rollback too, which hides the cause.
    first: DBAPIError | None = None
    context: BaseException | None = error
    while context is not None:
        first, context = (context if isinstance(context, DBAPIError) else first), context.__context__
    return first


def is_unusable_after(error: BaseException) -> bool:
    """Whether a connection is unusable after an error that SQLAlchemy takes for one of the statement alone."""
    # With FreeTDS: a connection that broke without a SQLSTATE that says so; and one whose transaction the server has
    # rolled back, which fails at every later rollback.
    words = str(error)
    return f"({_NO_TRANSACTION})" in words or _BROKEN_WORDS.search(words) is not None


def _of_sqlite(native: sqlite3.Error) -> SageError:
    words = str(native)
    extended = getattr(native, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    name = getattr(native, "sqlite_errorname", "SQLITE_ERROR")
    primary = extended & 0xFF  # the low byte; the rest says more precisely which constraint failed
    error: SageError
    if primary in _SQLITE_CONFIGURATION:
        error = MisconfiguredError(_SQLITE_CONFIGURATION[primary], words)
    elif primary in _SQLITE_UNAVAILABLE:
        error = UnavailableError(_SQLITE_UNAVAILABLE[primary], words)
    elif primary in _SQLITE_LOCKS:
        error = LockedError(words)
    elif words.startswith(("no such table", "no such column")):
        error = MisconfiguredError("schema_missing", words)
    elif extended == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
        error = RefusedError(_duplicate(words), words, number=name)
    elif extended == sqlite3.SQLITE_CONSTRAINT_TRIGGER and _LOCK_NUMBERS & set(map(int, _SAGE_NUMBER.findall(words))):
        error = LockedError(words)
    elif primary in _SQLITE_ABOUT_DATA:
        error = RefusedError(_SQLITE_CONSTRAINTS.get(extended, Refusal.OTHER), words, number=name)
    else:
        error = UnexpectedError(words)
    return error


def _of_sql_server(state: str, text: str, *, is_of_write: bool) -> SageError:
    numbers, words = _numbers(text), _words(text)
    # In this order, since one text may contain the numbers of several errors.
    error: SageError
    if _DEADLOCKS & numbers:
        error = DeadlockError(words)
    elif _LOCK_NUMBERS & numbers:
        error = LockedError(words)
    elif code := next((code for number, code in _UNAVAILABLE_NUMBERS.items() if number in numbers), None):
        error = UnavailableError(code, words)
    elif is_of_write and (refusal := _refusal(state, words, numbers)):
        error = RefusedError(refusal, words, number=_named_number(numbers))
    elif code := _configuration_code(state, text, numbers):
        error = MisconfiguredError(code, words)
    elif state.startswith(_BROKEN_STATES) or _BROKEN_NUMBERS & numbers or _BROKEN_WORDS.search(text):
        error = UnreachableError(words)
    elif _ENDED_IN_TRIGGER & numbers:
        # FreeTDS passes on the severest message alone: whether Sage has the record open is not known.
        error = LockedError(words)
    else:
        error = UnexpectedError(words)
    return error


def _refusal(state: str, words: str, numbers: frozenset[int]) -> Refusal | None:
    """Why a record is refused; None where the error is not known to be about it."""
    if _UNIQUE_NUMBERS & numbers:
        return _duplicate(words)
    if refusal := next((refusal for number, refusal in _REFUSED_NUMBERS.items() if number in numbers), None):
        return refusal
    is_about_it = state.startswith(_ABOUT_DATA) or any(_is_applications_own(number) for number in numbers)
    return Refusal.OTHER if is_about_it else None


def _named_number(numbers: Collection[int]) -> int | None:
    """The number by which a refusal is known: Sage's own before the one with which a trigger raised it."""
    terminated = {3621, *_ENDED_IN_TRIGGER}
    return max({*numbers} - terminated, default=None)


def _is_applications_own(number: int) -> bool:
    """Whether an error is raised by a trigger, in its own words, and not by the server."""
    return number >= _RAISED_BY_TRIGGER and number != _NO_NUMBER_OF_BABELFISH


def _words(text: str) -> str:
    """The server's messages, without the drivers' prefixes and without "The statement has been terminated"."""
    messages = [_DRIVER_PREFIX.sub("", message) for message in _MESSAGE_SEPARATOR.split(text)]
    return "; ".join([message for message in messages if not message.endswith(_STATEMENT_TERMINATED)] or messages)


def _numbers(text: str) -> frozenset[int]:
    """The native numbers in a message, and Sage's own where a trigger raised it."""
    native = {int(number) for number in _NATIVE_NUMBER.findall(text)}
    if _RAISED_BY_TRIGGER in native:
        native |= {int(number) for number in _SAGE_NUMBER.findall(text)}
    return frozenset(native)


def _configuration_code(state: str, text: str, numbers: frozenset[int]) -> str | None:
    for number, code in _CONFIGURATION_NUMBERS.items():
        if number in numbers:
            return code
    if "Can't open lib" in text:
        return "driver_missing"
    # Words, for what fails before a server can answer with a number.
    if state in _NOT_CONNECTED:
        return next((code for code, words in _CONNECTING.items() if words.search(text)), None)
    return _CONFIGURATION_STATES.get(state)


def _duplicate(words: str) -> Refusal:
    """Which of the two unique indexes refused."""
    # The first match is the index's name: the values, which could look like one, come after it.
    index = _INDEX.search(words)
    if index is None:
        return Refusal.OTHER
    return Refusal.DUPLICATE_NAME if index.group(1) else Refusal.DUPLICATE_NUMBER
