"""Engines for the three kinds of connection, so that the rest sees one.

SQLite is opened in autocommit mode and its transactions are begun here: as `BEGIN IMMEDIATE` where the
connection bears the option `WRITING`, so that the comparison before a write and the write are one.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, QueuePool, create_engine, event
from sqlalchemy import Connection as SqlConnection
from sqlalchemy.engine import ExceptionContext

from sage100_ssm.sage100.config import Connection, Odbc, Sqlite, SqlServer
from sage100_ssm.sage100.errors import of_no_more_use
from sage100_ssm.sage100.rights import SCHEMA

APPLICATION = "Contact synchronisation"
"""How Sage's administrators see the connection. Sage takes what begins with "Sage 100" for itself."""
WRITING = "sage100_writing"
"""Execution option of a connection whose transaction writes."""

_LOGIN_SECONDS = 10
_STATEMENT_SECONDS = 60
_LOCK_MILLISECONDS = 5000


def engine_of(connection: Connection) -> Engine:
    """Make the engine; nothing is connected yet.

    Raises:
        ImportError: pyodbc or the ODBC driver manager is not installed.
    """
    match connection:
        case SqlServer():
            return _sql_server(_url(connection))
        case Odbc():
            engine = _sql_server(URL.create("mssql+pyodbc"))
            event.listen(engine, "do_connect", _with_string(connection.connection_string.get_secret_value()))
            return engine
        case Sqlite():
            return _sqlite(connection.path)


def _url(server: SqlServer) -> URL:
    return URL.create(
        "mssql+pyodbc",
        username=server.username,
        password=server.password.get_secret_value() if server.password else None,
        host=f"{server.host}\\{server.instance}" if server.instance else server.host,
        port=server.port,
        database=server.database,
        query={"driver": server.driver, "APP": APPLICATION, **_encryption(server)},
    )


def is_freetds(driver: str) -> bool:
    """Whether a driver is FreeTDS, which has ways of its own, by its name."""
    return "tds" in driver.lower()


def _encryption(server: SqlServer) -> dict[str, str]:
    if is_freetds(server.driver):
        # FreeTDS has words of its own, and verifies no certificate.
        return {
            "Encryption": "require" if server.encrypt else "request",
            "TDS_Version": "7.4",
            "ClientCharset": "UTF-8",
        }
    name = server.host_name_in_certificate
    return {
        "Encrypt": "yes" if server.encrypt else "no",
        "TrustServerCertificate": "yes" if server.trust_server_certificate else "no",
        **({"HostNameInCertificate": name} if name else {}),
    }


def _with_string(connection_string: str) -> Callable[..., None]:
    """Connect by a string that stays out of the engine's URL, where it could be printed."""

    def give(_dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:
        # Of two equal keywords, ODBC takes the first and FreeTDS the last.
        arguments[:] = [f"APP={APPLICATION};{connection_string.rstrip('; ')};APP={APPLICATION}"]

    return give


def _sql_server(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": _LOGIN_SECONDS},
        hide_parameters=True,
        pool_pre_ping=True,
        supports_comments=False,
    )
    # Both answers are known, and the views that SQLAlchemy would ask are not on every server of the kind.
    vars(engine.dialect)["get_default_isolation_level"] = lambda _connection: "READ COMMITTED"
    event.listen(engine, "connect", partial(_prepare_sql_server, engine.dialect.loaded_dbapi.Error))
    event.listen(engine, "handle_error", _leave_what_is_of_no_more_use)
    return engine.execution_options(schema_translate_map={None: SCHEMA})


def _leave_what_is_of_no_more_use(context: ExceptionContext) -> None:
    """Do not give such a connection back to the pool."""
    if of_no_more_use(context.original_exception):
        context.is_disconnect = True


def _prepare_sql_server(refusal: type[Exception], connection: Any, _record: Any) -> None:
    connection.timeout = _STATEMENT_SECONDS
    connection.autocommit = True  # lest one that fails takes the others with it
    # Session settings, for which SQLAlchemy has no words. The counts of triggers would come as results of ours.
    for setting in ("NOCOUNT ON", "XACT_ABORT ON", f"LOCK_TIMEOUT {_LOCK_MILLISECONDS}"):
        cursor = connection.cursor()
        # What a server does not know makes a write no less safe: errors undo it all the same, and locks time out.
        with suppress(refusal):
            cursor.execute(f"SET {setting}")
        cursor.close()
    connection.autocommit = False


def _sqlite(path: str) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{quote(path)}?mode=rw",  # a missing file is an error, never a new database
            uri=True,
            timeout=_LOCK_MILLISECONDS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.create_collation("SAGE", _compared_as_sage)
    connection.execute("PRAGMA foreign_keys = ON").close()


def _compared_as_sage(left: str, right: str) -> int:
    """Compare codes as Sage's collation does: without case and trailing blanks."""
    one, other = left.rstrip(" ").casefold(), right.rstrip(" ").casefold()
    return (one > other) - (one < other)


def _begin_sqlite(connection: SqlConnection) -> None:
    # SQLAlchemy has no words for the kinds of a SQLite transaction.
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
