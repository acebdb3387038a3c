"""SQLAlchemy engines for the three kinds of connection.

SQLite is opened in autocommit mode and its transactions are begun here: by `BEGIN IMMEDIATE` where the
connection has the execution option `WRITING`, so that nobody writes between a comparison and its write.
"""

import logging
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
from sage100_ssm.sage100.errors import is_unusable_after
from sage100_ssm.sage100.rights import SCHEMA

APPLICATION = "Contact synchronisation"
"""The name under which administrators see the connection.

Never "Sage 100…": Sage takes such a connection for its own (docs/facts/sage100.md, "Sessions and locks").
"""
WRITING = "sage100_writing"
"""Execution option of a connection whose transaction writes."""

# Of a connection that broke, the pool logs with a traceback that its rollback failed. Why it broke is reported.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)

_LOGIN_SECONDS = 10
_STATEMENT_SECONDS = 60
_LOCK_MILLISECONDS = 5000


def engine_of(connection: Connection) -> Engine:
    """The engine of a connection; nothing is connected yet.

    Raises:
        ImportError: pyodbc or the ODBC driver manager is not installed.
    """
    match connection:
        case SqlServer():
            return _sql_server(_url(connection))
        case Odbc():
            engine = _sql_server(URL.create("mssql+pyodbc"))
            event.listen(engine, "do_connect", _connect_by(connection.connection_string.get_secret_value()))
            return engine
        case Sqlite():
            return _sqlite(connection.path)


def _url(server: SqlServer) -> URL:
    return URL.create(
        "mssql+pyodbc",
        username=server.username,
        password=server.password.get_secret_value() if server.password else None,
        host=f"{server.host}\\{server.instance}" if server.instance else server.host,
        port=None if is_freetds(server.driver) else server.port,
        database=server.database,
        query={"driver": server.driver, "APP": APPLICATION, **_encryption(server), **_port(server)},
    )


def is_freetds(driver: str) -> bool:
    """Whether a driver is FreeTDS, by its name: it takes other options and reports errors in another form."""
    return "tds" in driver.lower()


def _port(server: SqlServer) -> dict[str, str]:
    # FreeTDS takes `host,port` for the name of a host, and may wait for it to be found for over a minute.
    return {"Port": str(server.port)} if is_freetds(server.driver) and server.port else {}


def _encryption(server: SqlServer) -> dict[str, str]:
    if is_freetds(server.driver):
        # FreeTDS verifies no certificate: there is nothing to trust.
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


def _connect_by(connection_string: str) -> Callable[..., None]:
    """A listener that connects by a string, which in the engine's URL could be printed."""

    def set_arguments(_dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:
        # At both ends: of two equal keywords, ODBC takes the first and FreeTDS the last.
        arguments[:] = [f"APP={APPLICATION};{connection_string.rstrip('; ')};APP={APPLICATION}"]

    return set_arguments


def _sql_server(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": _LOGIN_SECONDS},
        hide_parameters=True,  # values must not get into the messages of errors
        pool_pre_ping=True,  # a connection that broke while idle is replaced
        supports_comments=False,  # no query for them, which not every server knows
    )
    # The answer is known, and the view that SQLAlchemy would query is not on every server of this kind.
    vars(engine.dialect)["get_default_isolation_level"] = lambda _connection: "READ COMMITTED"
    event.listen(engine, "connect", partial(_prepare_sql_server, engine.dialect.loaded_dbapi.Error))
    event.listen(engine, "handle_error", _discard_if_unusable)
    return engine.execution_options(schema_translate_map={None: SCHEMA})


def _discard_if_unusable(context: ExceptionContext) -> None:
    """Keep a connection out of the pool after an error that makes it unusable."""
    if is_unusable_after(context.original_exception):
        context.is_disconnect = True


def _prepare_sql_server(refusal: type[Exception], connection: Any, _record: Any) -> None:
    connection.timeout = _STATEMENT_SECONDS
    # Outside a transaction: one setting that fails would undo the others.
    connection.autocommit = True
    # NOCOUNT, since the row counts of triggers would come as results of our statements.
    for setting in ("NOCOUNT ON", "XACT_ABORT ON", f"LOCK_TIMEOUT {_LOCK_MILLISECONDS}"):
        cursor = connection.cursor()
        # A server of another maker may not know one; writes stay safe without, as errors roll back and locks time out.
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
    # Bytes that are no text, as another program may have left them, do not stop the reading.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    connection.create_collation("SAGE", _compare_as_sage)
    connection.execute("PRAGMA foreign_keys = ON").close()


def _compare_as_sage(left: str, right: str) -> int:
    """Compare codes as Sage's collation does: without case and trailing blanks."""
    one, other = left.rstrip(" ").casefold(), right.rstrip(" ").casefold()
    return (one > other) - (one < other)


def _begin_sqlite(connection: SqlConnection) -> None:
    # As text: SQLAlchemy has no option for the kinds of a SQLite transaction.
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
