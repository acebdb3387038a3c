"""An open company database: its columns as found, its code page, its clock, its transactions."""

import codecs
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, Self
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
    false,
    func,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import mssql

from sage100_ssm.sage100.config import Sage100Config, SqlServer
from sage100_ssm.sage100.conversion import Record, Recorder, ServerTime, stored_value
from sage100_ssm.sage100.diagnosis import why_not_opened
from sage100_ssm.sage100.engine import WRITING, engine_of
from sage100_ssm.sage100.errors import (
    LockedError,
    MisconfiguredError,
    RefusedError,
    UnreachableError,
    native_errors,
)
from sage100_ssm.sage100.information_columns import information_columns
from sage100_ssm.sage100.rights import SCHEMA, TO_READ, TO_WRITE, Right
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, P_CONTACT, P_SERVICECPTA, LocalTime

_INDISPENSABLE: Mapping[Table, Collection[str]] = {
    F_COMPTET: ("CT_Num", "CT_Type", "cbMarq"),
    F_CONTACTT: ("CT_Num", "CT_Nom", "cbMarq"),
    P_SERVICECPTA: ("S_Intitule", "cbIndice", "cbMarq"),
    P_CONTACT: ("C_Intitule", "cbIndice", "cbMarq"),
}
"""The columns without which a table is of no use."""
_NEEDED = (F_COMPTET, F_CONTACTT)
_OPTIONAL = (P_SERVICECPTA, P_CONTACT)

_DEFAULT_ENCODING = "cp1252"
_UTF8_CODE_PAGE = 65001
_WRITERS_TURN = "contact synchronisation: write"
_TURN_MILLISECONDS = 10_000


_VIEW = Table(
    "COLUMNS",
    MetaData(),
    Column("TABLE_SCHEMA", String),
    Column("TABLE_NAME", String),
    Column("COLUMN_NAME", String),
    Column("DATA_TYPE", String),
    Column("CHARACTER_MAXIMUM_LENGTH", Integer),
    Column("COLLATION_NAME", String),
    schema="INFORMATION_SCHEMA",
)
"""What SQL Server tells of columns: the one view that every server of its kind has."""

_SEQUENCES = Table("sqlite_sequence", MetaData(), Column("name", String), Column("seq", Integer))
"""Where SQLite keeps the last AUTOINCREMENT value of each table."""


class _Found(NamedTuple):
    """A column as the database tells it: its type; the most bytes that it holds and its collation, if it is a text."""

    type: str
    length: int | None
    collation: str | None


@dataclass(frozen=True)
class Layout:
    """A table as this database has it.

    Attributes:
        table: the table.
        columns: those of its known columns that are there, by name, in Sage's order.
        lengths: the most bytes that each text column holds.
        collation: the collation of its text columns, where the database tells it.
        information: the columns that the company added; they are read and never written.
    """

    table: Table
    columns: Mapping[str, Column[Any]]
    lengths: Mapping[str, int | None]
    collation: str | None
    information: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)

    @cached_property
    def read(self) -> Mapping[str, ColumnElement[Any]]:
        """All columns that are read, in the order of a row."""
        return {**self.columns, **self.information}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.columns)

    @cached_property
    def writable(self) -> Mapping[str, Column[Any]]:
        """The columns that are not the database's own (cb…)."""
        return {name: column for name, column in self.columns.items() if not name.startswith("cb")}


class Database:
    """A company database, open. Threads may share it; each transaction has a connection of its own.

    Args:
        engine: the engine, connected by `open_database`.
        zone: the zone of the server's clock.
        layouts: the tables found.
        encoding: the code page of its texts, as Python names it.
    """

    def __init__(self, engine: Engine, zone: ZoneInfo, layouts: Mapping[Table, Layout], encoding: str) -> None:
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

    def has(self, table: Table) -> bool:
        """Whether a table is there."""
        return table in self._layouts

    def layout(self, table: Table) -> Layout:
        """The table as it is here."""
        return self._layouts[table]

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
        """A transaction that writes, alone among our own writers; undone where its body raises.

        Raises:
            SageError: the database failed, or another writer kept the turn.
        """
        takes_turns = self.on_sql_server and self._knows_turns
        with native_errors(), self._writer.begin() as connection:
            if takes_turns:
                _take_turn(connection)
            yield connection

    def record(self, table: Table, row: Any) -> Record:
        """A row of the table's columns, in order, as JSON types."""
        return self._recorders[table](row)

    def recorder(self, table: Table) -> Recorder:
        """What makes records of rows of all the columns that are read."""
        return _recorder(self._layouts[table].read, self.time)

    def stored(self, table: Table, name: str, value: Any) -> str | int:
        """What the column would hold.

        Raises:
            RefusedError: it cannot hold the value (P7).
        """
        layout = self._layouts[table]
        return stored_value(layout.writable[name], layout.lengths.get(name), self.encoding, value)

    def now(self) -> datetime:
        """The server's local time; on SQLite the local time of the zone, to the second."""
        if not self.on_sql_server:
            return self._zone_time()
        with self.reading() as connection:
            return connection.execute(select(func.getdate(type_=DateTime()))).scalar_one()

    def last_identity(self, table: Table) -> int | None:
        """The highest `cbMarq` ever given to a row of the table, deleted ones included; None if it is not told."""
        if self.on_sql_server:
            query = select(cast(func.ident_current(f"{SCHEMA}.{table.name}"), Integer))
        else:
            query = select(_SEQUENCES.c.seq).where(_SEQUENCES.c.name == table.name)
        try:
            with self.reading() as connection:
                found = connection.execute(query).scalar()
        except (RefusedError, MisconfiguredError):
            # A SQLite file made without AUTOINCREMENT counts nothing; and a server may not know the function.
            return None
        return None if found is None else int(found)

    def write_time(self, *, new: bool) -> Mapping[str, Any]:
        """The cb stamps that a write has to set itself.

        A new row's are set by SQL Server's defaults, which a SQLite database need not have.
        """
        if self.on_sql_server:
            stamps: Mapping[str, Any] = {} if new else {"cbModification": func.getdate()}
        else:
            stamps = dict.fromkeys(("cbModification", "cbCreation") if new else ("cbModification",), self._zone_time())
        return {name: value for name, value in stamps.items() if name in self._layouts[F_CONTACTT].columns}

    def stamp(self, column: Column[datetime]) -> ColumnElement[datetime]:
        """A date column so that it sorts and compares: SQLite's texts are of several forms, cut to the second."""
        return column if self.on_sql_server else func.datetime(column, type_=LocalTime())

    def moment(self, value: datetime) -> ColumnElement[datetime]:
        """A date and time to compare with; SQL Server would take it for a datetime2, equal to no datetime."""
        moment = literal(value, LocalTime())
        return cast(moment, mssql.DATETIME()) if self.on_sql_server else moment

    def same_code(self, column: Column[str], code: str) -> ColumnElement[bool]:
        """Whether a company code is that code, as Sage's collation compares: without case and trailing blanks."""
        if self.on_sql_server:  # whose own collation may be a stricter one than Sage's
            return func.upper(column) == code.rstrip(" ").upper()
        return column.collate("SAGE") == code

    def verify_reading(self) -> None:
        """See that companies and contacts can be read.

        Raises:
            SageError: they cannot.
        """
        self._verify(TO_READ)
        for table in _NEEDED:
            with self.reading() as connection:
                connection.execute(select(*self._layouts[table].columns.values()).limit(1)).all()

    def verify_writing(self) -> None:
        """See that contacts can be written; nothing is.

        Raises:
            SageError: they cannot.
        """
        self.verify_reading()
        self._verify(TO_WRITE)
        with self.writing():
            pass

    @cached_property
    def on_sql_server(self) -> bool:
        """Whether it is a SQL Server, not the sample database."""
        return self._engine.dialect.name == "mssql"

    def driver(self) -> str | None:
        """Name and version of the ODBC driver; None without one."""
        if not self.on_sql_server:
            return None
        with native_errors(), self._engine.connect() as connection:
            driver = self._engine.dialect.dbapi
            native = connection.connection.driver_connection
            if driver is None or native is None:
                return None
            named = (driver.SQL_DRIVER_NAME, driver.SQL_DRIVER_VER)
            return " ".join(str(native.getinfo(name)) for name in named)

    @cached_property
    def _knows_turns(self) -> bool:
        """Whether the server has locks by name; without them, the row locks and unique indexes keep writers apart."""
        try:
            with native_errors(), self._writer.begin() as connection:
                _take_turn(connection)
        except (RefusedError, MisconfiguredError):  # it does not know the procedure, or the login may not call it
            return False
        return True

    @cached_property
    def _writer(self) -> Engine:
        return self._engine.execution_options(**{WRITING: True})

    def _zone_time(self) -> datetime:
        return datetime.now(self.zone).replace(tzinfo=None, microsecond=0)

    def _verify(self, rights: Collection[Right]) -> None:
        """Ask SQL Server for rights; SQLite tells when it is tried."""
        if not self.on_sql_server:
            return
        for right in rights:
            if self._granted(right) == 0:
                raise MisconfiguredError("right_missing", str(right))

    def _granted(self, right: Right) -> int | None:
        """1 or 0; None where the server does not tell, which the statement itself then does."""
        query = select(func.has_perms_by_name(f"{SCHEMA}.{right.table}", "OBJECT", right.name, type_=Integer()))
        try:
            with self.reading() as connection:
                return connection.execute(query).scalar()
        except RefusedError:
            return None


def open_database(config: Sage100Config) -> Database:
    """Connect, and find out what the database has. To be closed, or used in a `with`.

    Raises:
        MisconfiguredError: it cannot be opened, or lacks what the product cannot do without.
        UnreachableError: the server was not reached; it says at which step, as far as the network tells.
    """
    try:
        return _opened(config)
    except (UnreachableError, MisconfiguredError) as error:
        if isinstance(config.connection, SqlServer):
            raise why_not_opened(config.connection, error) from None
        raise


def _opened(config: Sage100Config) -> Database:
    with native_errors():
        engine = engine_of(config.connection)
        try:
            layouts = _layouts(engine)
            encoding = _encoding(engine, layouts[F_CONTACTT].collation)
        except BaseException:
            engine.dispose()
            raise
    return Database(engine, ZoneInfo(config.time_zone), layouts, encoding)


def _recorder(columns: Mapping[str, ColumnElement[Any]], time: ServerTime) -> Recorder:
    stamps = [n for n, column in enumerate(columns.values()) if isinstance(column.type, LocalTime)]
    return Recorder(tuple(columns), stamps, time)


def _layouts(engine: Engine) -> dict[Table, Layout]:
    layouts = {}
    for table in (*_NEEDED, *_OPTIONAL):
        if columns := _found(engine, table):
            types = {name: column.type for name, column in columns.items()}
            own = information_columns(engine, table, types) if table in _NEEDED else {}
            layouts[table] = replace(_layout(table, columns), information=own)
        elif table in _NEEDED:
            # The database says whether the table is not there or the login may not see it.
            with engine.connect() as connection:
                connection.execute(select(table.c.cbMarq).where(false())).all()
            raise MisconfiguredError("schema_missing", f"table {table.name}")
    return layouts


def _found(engine: Engine, table: Table) -> Mapping[str, _Found]:
    """The columns that the database has in a table, by name in lower case; none where it has no such table."""
    if engine.dialect.name == "mssql":
        told = (_VIEW.c.COLUMN_NAME, _VIEW.c.DATA_TYPE, _VIEW.c.CHARACTER_MAXIMUM_LENGTH, _VIEW.c.COLLATION_NAME)
        with engine.connect() as connection:
            here = select(*told).where(_VIEW.c.TABLE_SCHEMA == SCHEMA, func.upper(_VIEW.c.TABLE_NAME) == table.name)
            rows = connection.execute(here).all()
        return {name.lower(): _Found(str(kind).lower(), *text) for name, kind, *text in rows}
    inspector = inspect(engine)
    columns = inspector.get_columns(table.name) if inspector.has_table(table.name) else []
    return {
        column["name"].lower(): _Found(
            str(column["type"]).partition("(")[0].lower(), getattr(column["type"], "length", None), None
        )
        for column in columns
    }


def _layout(table: Table, found: Mapping[str, _Found]) -> Layout:
    if missing := [name for name in _INDISPENSABLE[table] if name.lower() not in found]:
        raise MisconfiguredError("schema_missing", f"column {table.name}.{missing[0]}")
    columns = {str(column.name): column for column in table.columns if column.name.lower() in found}
    lengths = {
        name: found[name.lower()].length or column.type.length
        for name, column in columns.items()
        if isinstance(column.type, String)
    }
    collations = (found[name.lower()].collation for name in lengths)
    return Layout(table, columns, lengths, next(filter(None, collations), None))


def _encoding(engine: Engine, collation: str | None) -> str:
    """Name the code page of a collation; where none is told, a French one is taken for granted."""
    if engine.dialect.name != "mssql" or collation is None:
        return _DEFAULT_ENCODING
    try:
        with native_errors(), engine.connect() as connection:
            page = connection.execute(select(cast(func.collationproperty(collation, "CodePage"), Integer))).scalar()
    except RefusedError:
        return _DEFAULT_ENCODING
    return "utf-8" if page == _UTF8_CODE_PAGE else codecs.lookup(f"cp{page}").name if page else _DEFAULT_ENCODING


def _take_turn(connection: Connection) -> None:
    """Wait for our other writers: a lock that SQL Server gives back with the transaction."""
    # The lock wants a transaction, and the driver begins one with the first reading.
    connection.execute(select(F_CONTACTT.c.cbMarq).limit(1)).all()
    # SQLAlchemy has no words to call a procedure.
    call = text(
        "EXEC sp_getapplock @Resource = :resource, @LockMode = 'Exclusive', "
        "@LockOwner = 'Transaction', @LockTimeout = :patience"
    )
    connection.execute(call, {"resource": _WRITERS_TURN, "patience": _TURN_MILLISECONDS}).close()
    if connection.execute(select(func.applock_mode("public", _WRITERS_TURN, "Transaction"))).scalar() != "Exclusive":
        raise LockedError("another writer of the contact synchronisation is at work")
