"""An open company database: its clock, its transactions, what a side needs to know of it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import mssql

from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.conversion import Record, Recorder, ServerTime, stored_value
from sage100_ssm.sage100.diagnosis import why_not_opened
from sage100_ssm.sage100.engine import WRITING, engine_of
from sage100_ssm.sage100.errors import (
    LockedError,
    MisconfiguredError,
    SageError,
    UnexpectedError,
    native_errors,
    outcome_unknown,
)
from sage100_ssm.sage100.layout import REQUIRED_TABLES, Layout, find_encoding, find_layouts
from sage100_ssm.sage100.rights import SCHEMA, TO_READ, TO_WRITE, Right
from sage100_ssm.sage100.tables import F_CONTACTT, LocalTime

_WRITER_LOCK = "contact synchronisation: write"
"""The name of our lock in each company database: the same in all versions of this product."""
_WRITER_LOCK_MILLISECONDS = 10_000

_SQLITE_SEQUENCE = Table("sqlite_sequence", MetaData(), Column("name", String), Column("seq", Integer))
"""Where SQLite keeps the last AUTOINCREMENT value of each table."""


class Database:
    """A company database, open. Threads may share it; each transaction has a connection of its own.

    Args:
        engine: the engine, connected by `open_database`.
        zone: the zone of the server's clock.
        layouts: the tables that exist.
        encoding: the code page of its texts, as Python names it.
        before_write: called within a transaction immediately before each statement that writes, and before COMMIT;
            where it raises, the transaction is rolled back.
    """

    def __init__(
        self,
        engine: Engine,
        zone: ZoneInfo,
        layouts: Mapping[Table, Layout],
        encoding: str,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        self.before_write = before_write
        self.zone, self.encoding, self.time = zone, encoding, ServerTime(zone)
        self._engine, self._layouts = engine, layouts
        self._recorders = {table: _recorder(layout.columns, self.time) for table, layout in layouts.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    # --- what it has

    @cached_property
    def on_sql_server(self) -> bool:
        """Whether it is a SQL Server, not the sample database."""
        return self._engine.dialect.name == "mssql"

    def has(self, table: Table) -> bool:
        """Whether a table exists."""
        return table in self._layouts

    def layout(self, table: Table) -> Layout:
        """A table as it is here."""
        return self._layouts[table]

    def record(self, table: Table, row: Any) -> Record:
        """A row of the table's known columns, in order, as a record."""
        return self._recorders[table](row)

    def recorder(self, table: Table) -> Recorder:
        """A function from a row of all columns that are read (`Layout.readable`) to a record."""
        return _recorder(self._layouts[table].readable, self.time)

    def stored(self, table: Table, name: str, value: Any) -> str | int:
        """What a column would store for a value.

        Raises:
            RefusedError: it cannot hold the value (P7).
        """
        layout = self._layouts[table]
        return stored_value(layout.writable[name], layout.lengths.get(name), self.encoding, value)

    def driver(self) -> str | None:
        """Name and version of the ODBC driver; None without one.

        Raises:
            SageError: the database cannot be connected.
        """
        if not self.on_sql_server:
            return None
        with native_errors(), self._engine.connect() as connection:
            driver = self._engine.dialect.dbapi
            native = connection.connection.driver_connection
            if driver is None or native is None:
                return None
            named = (driver.SQL_DRIVER_NAME, driver.SQL_DRIVER_VER)
            return " ".join(str(native.getinfo(name)) for name in named)

    def last_identity(self, table: Table) -> int | None:
        """The highest `cbMarq` ever given to a row of the table, deleted ones included; None if unknown."""
        if self.on_sql_server:
            query = select(cast(func.ident_current(f"{SCHEMA}.{table.name}"), Integer))
        else:
            query = select(_SQLITE_SEQUENCE.c.seq).where(_SQLITE_SEQUENCE.c.name == table.name)
        try:
            with self.reading() as connection:
                found = connection.execute(query).scalar()
        except (UnexpectedError, MisconfiguredError):
            # A SQLite file made without AUTOINCREMENT counts nothing; and a server may not know the function.
            return None
        return None if found is None else int(found)

    # --- transactions

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A short transaction that reads.

        Raises:
            SageError: the database failed.
        """
        with native_errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, alone among this product's writers; rolled back where its body raises.

        Raises:
            UnreachableError: it is not known whether the transaction was committed.
            SageError: the database failed, or another writer kept the lock.
        """
        lockable = self.on_sql_server and self._has_named_locks
        with native_errors(), self._writing_engine.connect() as connection, connection.begin() as transaction:
            if lockable:
                _acquire_writer_lock(connection)
            yield connection
            self.before_write()
            with outcome_unknown():
                transaction.commit()

    @cached_property
    def _has_named_locks(self) -> bool:
        """Whether the server has locks by name; without them, row locks and unique indexes keep writers apart."""
        try:
            with native_errors(), self._writing_engine.begin() as connection:
                _acquire_writer_lock(connection)
        except (UnexpectedError, MisconfiguredError):  # no such procedure, or no right to call it
            return False
        return True

    @cached_property
    def _writing_engine(self) -> Engine:
        return self._engine.execution_options(**{WRITING: True})

    # --- time

    def now(self) -> datetime:
        """The server's local time; on SQLite the local time of the zone, to the second."""
        if not self.on_sql_server:
            return self._zone_time()
        with self.reading() as connection:
            return connection.execute(select(func.getdate(type_=DateTime()))).scalar_one()

    def write_stamps(self, *, new: bool) -> Mapping[str, Any]:
        """The ``cb`` stamps that a write has to set itself.

        Args:
            new: whether the row is created.
        """
        if self.on_sql_server:
            # The defaults of its columns stamp a new row. Whether a trigger stamps an updated one is not known
            # (docs/facts/sage100.md, "Stamps").
            stamps: Mapping[str, Any] = {} if new else {"cbModification": func.getdate()}
        else:
            stamps = dict.fromkeys(("cbModification", "cbCreation") if new else ("cbModification",), self._zone_time())
        return {name: value for name, value in stamps.items() if name in self._layouts[F_CONTACTT].columns}

    def comparable_stamp(self, column: Column[datetime]) -> ColumnElement[datetime]:
        """A date column in a form that sorts and compares."""
        # SQLite holds texts of several forms; they are cut to the second.
        return column if self.on_sql_server else func.datetime(column, type_=LocalTime())

    def comparable_time(self, value: datetime) -> ColumnElement[datetime]:
        """A local time to compare a date column with."""
        moment = literal(value, LocalTime())
        # Without the cast, SQL Server takes it for a datetime2, which equals no datetime.
        return cast(moment, mssql.DATETIME()) if self.on_sql_server else moment

    def _zone_time(self) -> datetime:
        return datetime.now(self.zone).replace(tzinfo=None, microsecond=0)

    # --- comparing codes

    def same_code(self, column: Column[str], code: str) -> ColumnElement[bool]:
        """Whether a company code is that code, compared as Sage's collation does: without case and trailing blanks."""
        if self.on_sql_server:  # whose own collation may be a stricter one than Sage's
            return func.upper(column) == code.rstrip(" ").upper()
        return column.collate("SAGE") == code

    # --- checking rights

    def verify_reading(self) -> None:
        """Make sure that companies and contacts can be read.

        Raises:
            SageError: they cannot.
        """
        self._verify(TO_READ)
        for table in REQUIRED_TABLES:
            with self.reading() as connection:
                connection.execute(select(*self._layouts[table].columns.values()).limit(1)).all()

    def verify_writing(self) -> None:
        """Make sure that contacts can be written; nothing is written.

        Raises:
            SageError: they cannot.
        """
        self.verify_reading()
        self._verify(TO_WRITE)
        with self.writing():
            pass

    def _verify(self, rights: Collection[Right]) -> None:
        """Ask SQL Server for rights. SQLite has none: a file that cannot be written fails in the transaction."""
        if not self.on_sql_server:
            return
        for right in rights:
            if self._granted(right) == 0:
                raise MisconfiguredError("right_missing", str(right))

    def _granted(self, right: Right) -> int | None:
        """1 or 0; None where the server does not say: then the statement that needs the right fails."""
        query = select(func.has_perms_by_name(f"{SCHEMA}.{right.table}", "OBJECT", right.name, type_=Integer()))
        try:
            with self.reading() as connection:
                return connection.execute(query).scalar()
        except UnexpectedError:
            return None


def open_database(config: Sage100Config, before_write: Callable[[], None] = lambda: None) -> Database:
    """Connect, and find out what the database has. To be closed, or used in a ``with``.

    Args:
        config: where it is, and the login.
        before_write: as in ``Database``.

    Raises:
        MisconfiguredError: it cannot be opened, or lacks a required table or column.
        UnreachableError: the server was not reached; its code says at which step, as far as the network shows.
        SageError: the server refused the connection.
    """
    try:
        return _open(config, before_write)
    except SageError as error:
        raise why_not_opened(config.connection, error) from None


def _open(config: Sage100Config, before_write: Callable[[], None]) -> Database:
    with native_errors():
        engine = engine_of(config.connection)
        try:
            layouts = find_layouts(engine)
            encoding = find_encoding(engine, layouts[F_CONTACTT].collation)
        except BaseException:
            engine.dispose()
            raise
    return Database(engine, ZoneInfo(config.time_zone), layouts, encoding, before_write)


def _recorder(columns: Mapping[str, ColumnElement[Any]], time: ServerTime) -> Recorder:
    stamps = [n for n, column in enumerate(columns.values()) if isinstance(column.type, LocalTime)]
    return Recorder(tuple(columns), stamps, time)


def _acquire_writer_lock(connection: Connection) -> None:
    """Wait for this product's other writers: a lock that SQL Server releases with the transaction."""
    # The lock needs a transaction, and the driver begins one with the first statement only.
    connection.execute(select(F_CONTACTT.c.cbMarq).limit(1)).all()
    # As text: SQLAlchemy Core cannot call a procedure.
    call = text(
        "EXEC sp_getapplock @Resource = :resource, @LockMode = 'Exclusive', "
        "@LockOwner = 'Transaction', @LockTimeout = :milliseconds"
    )
    connection.execute(call, {"resource": _WRITER_LOCK, "milliseconds": _WRITER_LOCK_MILLISECONDS}).close()
    # It fails by a return value, which a plain EXEC does not show: ask for the lock itself.
    if connection.execute(select(func.applock_mode("public", _WRITER_LOCK, "Transaction"))).scalar() != "Exclusive":
        raise LockedError("another writer of the contact synchronisation is at work")
