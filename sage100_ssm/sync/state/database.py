"""Open the state's database: its file or address, what SQLite needs, the migration of its tables."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, column, create_engine, event, func, inspect, select, table
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from sage100_ssm.sync.state.address import AtInPasswordError, parse_address
from sage100_ssm.sync.state.errors import (
    Damage,
    StateDamaged,
    StateMissing,
    StateOutdated,
    StateUnavailable,
)
from sage100_ssm.sync.state.tables import VERSION, VERSION_TABLE, metadata

BUSY_SECONDS = 60.0
"""How long a writer waits for another one on SQLite. The longest transaction stores a whole read of SSM."""

READING = "sage100_ssm_reading"
"""The execution option of a connection that only reads, and waits for no writer."""

_MIGRATION_LOCK = 5100
"""The key of an advisory lock on PostgreSQL: of two first openings at once, one creates the tables."""

REFUSED = "permission denied"
"""In the reason of a state that the login has no right to; PostgreSQL's own words may be in another language."""

_NO_RIGHT = "42501"
"""PostgreSQL's code of a missing right."""
_UNREADABLE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def open_database(address: str, *, read_only: bool) -> Engine:
    """Open a state database, with its tables as this version knows them.

    Args:
        address: a SQLAlchemy URL, ``sqlite:///…`` or ``postgresql+psycopg://…``.
        read_only: create, migrate and write nothing.

    Raises:
        StateMissing: read-only, and there is no state yet.
        StateDamaged: what is there is no state, is broken, or was written by a newer version.
        StateUnavailable: it cannot be reached, or read-only and still of an older version.
    """
    url = _parse(address)
    # Without its query, which may contain a password, too.
    place = url.database or "" if _is_sqlite(url) else url.set(query={}).render_as_string(hide_password=True)
    engine = _engine(url, place, read_only=read_only)
    try:
        with engine.begin() as connection:
            _migrate(connection, place, read_only=read_only)
        if _is_sqlite(url) and not read_only:
            _enable_write_ahead_log(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _parse(address: str) -> URL:
    try:
        url = parse_address(address)
    except AtInPasswordError as error:
        raise StateUnavailable("?", str(error)) from None
    except ArgumentError:
        raise StateUnavailable("?", "its address is no database URL") from None
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise StateUnavailable(url.drivername, "a state is kept in SQLite or PostgreSQL")
    if _is_sqlite(url) and (url.database or ":memory:").startswith((":memory:", "file:")):
        raise StateUnavailable(url.drivername, "a state is kept in a file, named by its path")
    return url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _engine(url: URL, place: str, *, read_only: bool) -> Engine:
    if _is_sqlite(url):
        return _sqlite_engine(Path(place), read_only=read_only)
    try:
        # With pre-ping, a server that was restarted since the last transaction does not fail the next one.
        options = {"postgresql_readonly": read_only}
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, execution_options=options)
    except (ArgumentError, ImportError) as error:
        raise StateUnavailable(place, f"its driver is not installed ({error})") from None
    _translate_errors(engine, place)
    return engine


def _sqlite_engine(path: Path, *, read_only: bool) -> Engine:
    if read_only and not path.exists():
        raise StateMissing(str(path))
    try:
        if not read_only:
            # Personal data: for its owner's eyes only. SQLite gives the files beside it the same mode.
            path.touch(mode=0o600)
    except OSError as error:
        raise StateUnavailable(str(path), error.strerror or "it cannot be created") from None
    mode = "ro" if read_only else "rw"
    url = URL.create("sqlite", database=path.absolute().as_uri(), query={"mode": mode, "uri": "true"})
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})
    _overwrite_what_is_deleted(engine)
    _begin_with(engine, "BEGIN" if read_only else "BEGIN IMMEDIATE")
    _translate_errors(engine, str(path))
    return engine


def _overwrite_what_is_deleted(engine: Engine) -> None:
    """P17: SQLite would leave what was deleted in the free parts of the file."""

    @event.listens_for(engine, "connect")
    def connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA secure_delete=ON")


def erase_leftovers(engine: Engine, *, whole: bool) -> bool:
    """Overwrite what SQLite still has of deleted rows outside its tables; of PostgreSQL the server does so by itself.

    Args:
        engine: the state's database.
        whole: whether the file is written anew as well: what an earlier version deleted is still in its free parts.

    Returns:
        Whether it is done: another program that reads the state at that moment keeps the write-ahead log as it is.
    """
    if engine.dialect.name != "sqlite":
        return True
    connection: DBAPIConnection
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        if whole:
            cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy, *_ = cursor.fetchone() or (1,)
    return not is_busy


def _begin_with(engine: Engine, statement: str) -> None:
    """Let SQLAlchemy begin SQLite's transactions.

    The driver would begin them at the first write. ``BEGIN IMMEDIATE`` waits for other writers at the beginning, so
    that what the transaction read is still true when it writes.
    """

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        only_reads = connection.get_execution_options().get(READING)
        connection.exec_driver_sql("BEGIN" if only_reads else statement)


def _translate_errors(engine: Engine, place: str) -> None:
    """Raise the errors of the driver as ``StateDamaged`` or ``StateUnavailable``."""

    @event.listens_for(engine, "handle_error")
    def explain(context: ExceptionContext) -> None:
        original = context.original_exception
        # The low byte of SQLite's extended code is the error itself.
        if getattr(original, "sqlite_errorcode", 0) & 0xFF in _UNREADABLE:
            raise StateDamaged(place, Damage.BROKEN) from original
        if getattr(original, "sqlstate", None) == _NO_RIGHT:
            raise StateUnavailable(place, f"{REFUSED}: {str(original).partition(chr(10))[0]}") from original
        # Without a connection yet, it is the address, whatever the driver calls the error.
        if context.connection is None or isinstance(context.sqlalchemy_exception, OperationalError):
            raise StateUnavailable(place, str(original).partition("\n")[0]) from original


def _enable_write_ahead_log(engine: Engine) -> None:
    """Let readers read while a run writes.

    The file itself stores this mode, so it is set only once the file is known to be a state. If another process has
    the file open at that moment, a later opening sets it; until then readers and writers take turns.
    """
    connection: DBAPIConnection
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise


def _migrate(connection: Connection, place: str, *, read_only: bool) -> None:
    """Create the tables, or bring them to this version.

    Raises:
        StateMissing, StateDamaged, StateUnavailable: as ``open_database``.
    """
    if connection.dialect.name == "postgresql" and not read_only:
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    version = _stored_version(connection, place, read_only=read_only)
    if version != VERSION:
        # Imported only here: the commands that only look at a state of this version do not wait for Alembic.
        from sage100_ssm.sync.state.migrations.upgrade import is_known, upgrade

        if version is not None and not is_known(version):
            raise StateDamaged(place, Damage.NEWER)
        if read_only:
            raise StateOutdated(place, "it is of an older version, and the next run brings it up to date")
        upgrade(connection)
    if not metadata.tables.keys() <= set(inspect(connection).get_table_names()):
        raise StateDamaged(place, Damage.INCOMPLETE)


def _stored_version(connection: Connection, place: str, *, read_only: bool) -> str | None:
    """The version of the tables that a database has; None for a database without a state.

    Raises:
        StateDamaged: it is the database of something else.
        StateMissing: read-only, and there is no state yet.
    """
    names = inspect(connection).get_table_names()
    version = None
    if VERSION_TABLE in names:
        version = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    if version is None:
        # A file holds one thing; a database of PostgreSQL may have other tables.
        if connection.dialect.name == "sqlite" and names:
            raise StateDamaged(place, Damage.FOREIGN)
        if read_only:
            _refuse_uncreatable(connection, place)
            raise StateMissing(place)
    return version


def _refuse_uncreatable(connection: Connection, place: str) -> None:
    """Check that the first run could create the tables in a database without a state.

    Raises:
        StateUnavailable: PostgreSQL gives the login no right to.
    """
    if connection.dialect.name != "postgresql":
        return
    schema = connection.scalar(select(func.current_schema()))
    # Since PostgreSQL 15 only the owner of a database may create tables in it, unless somebody was given the right.
    if schema is None or not connection.scalar(select(func.has_schema_privilege(schema, "CREATE"))):
        raise StateUnavailable(place, f"{REFUSED}: the login may not create tables in the schema {schema}")
