"""Which of Sage's tables and columns a database has: that depends on its age and on the company.

Found out at run time, see docs/facts/sage100.md, "Generations".
"""

import codecs
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    cast,
    false,
    func,
    inspect,
    select,
)

from sage100_ssm.sage100.errors import MisconfiguredError, UnexpectedError, native_errors
from sage100_ssm.sage100.information_columns import information_columns
from sage100_ssm.sage100.rights import SCHEMA
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, P_CONTACT, P_SERVICECPTA

REQUIRED_TABLES = (F_COMPTET, F_CONTACTT)
_OPTIONAL_TABLES = (P_SERVICECPTA, P_CONTACT)
_REQUIRED_COLUMNS: Mapping[Table, Collection[str]] = {
    F_COMPTET: ("CT_Num", "CT_Type", "cbMarq"),
    F_CONTACTT: ("CT_Num", "CT_Nom", "cbMarq"),
    P_SERVICECPTA: ("S_Intitule", "cbIndice", "cbMarq"),
    P_CONTACT: ("C_Intitule", "cbIndice", "cbMarq"),
}

_DEFAULT_ENCODING = "cp1252"
_UTF8_CODE_PAGE = 65001

# INFORMATION_SCHEMA is the one description of columns that every server of SQL Server's kind has.
_COLUMNS = Table(
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


@dataclass(frozen=True)
class Layout:
    """A table as this database has it.

    Attributes:
        table: the table.
        columns: those of its known columns that exist, by name, in Sage's order.
        lengths: how many bytes each text column holds; None where unlimited.
        collation: the collation of its text columns, where the database names it.
        information: the columns that the company added; they are read and never written.
    """

    table: Table
    columns: Mapping[str, Column[Any]]
    lengths: Mapping[str, int | None]
    collation: str | None
    information: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)

    @cached_property
    def readable(self) -> Mapping[str, ColumnElement[Any]]:
        """All columns that are read, in the order of a row."""
        return {**self.columns, **self.information}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the known columns."""
        return tuple(self.columns)

    @cached_property
    def writable(self) -> Mapping[str, Column[Any]]:
        """The columns that are not the database's own (``cb…``)."""
        return {name: column for name, column in self.columns.items() if not name.startswith("cb")}


class _ColumnInfo(NamedTuple):
    """A column as the database describes it: its type; of a text, its length in bytes and its collation."""

    type: str
    length: int | None
    collation: str | None


def find_layouts(engine: Engine) -> dict[Table, Layout]:
    """The tables that a database has.

    Raises:
        MisconfiguredError: a required table or column is missing, or hidden from the login.
    """
    layouts = {}
    for table in (*REQUIRED_TABLES, *_OPTIONAL_TABLES):
        if found := _columns_of(engine, table):
            layouts[table] = _layout(engine, table, found)
        elif table in REQUIRED_TABLES:
            # The statement fails, and its error says whether the table is missing or the login may not see it.
            with engine.connect() as connection:
                connection.execute(select(table.c.cbMarq).where(false())).all()
            raise MisconfiguredError("schema_missing", f"table {table.name}")
    return layouts


def find_encoding(engine: Engine, collation: str | None) -> str:
    """The code page of a collation, as Python names it; the French one where the database does not name it."""
    if engine.dialect.name != "mssql" or collation is None:
        return _DEFAULT_ENCODING
    try:
        with native_errors(), engine.connect() as connection:
            page = connection.execute(select(cast(func.collationproperty(collation, "CodePage"), Integer))).scalar()
    except UnexpectedError:
        return _DEFAULT_ENCODING
    return "utf-8" if page == _UTF8_CODE_PAGE else codecs.lookup(f"cp{page}").name if page else _DEFAULT_ENCODING


def _columns_of(engine: Engine, table: Table) -> Mapping[str, _ColumnInfo]:
    """The columns of a table in the database, by name in lower case; empty where it has no such table."""
    if engine.dialect.name == "mssql":
        asked = (_COLUMNS.c.COLUMN_NAME, _COLUMNS.c.DATA_TYPE, _COLUMNS.c.CHARACTER_MAXIMUM_LENGTH)
        query = select(*asked, _COLUMNS.c.COLLATION_NAME).where(
            _COLUMNS.c.TABLE_SCHEMA == SCHEMA, func.upper(_COLUMNS.c.TABLE_NAME) == table.name
        )
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        return {name.lower(): _ColumnInfo(str(kind).lower(), *text) for name, kind, *text in rows}
    inspector = inspect(engine)
    columns = inspector.get_columns(table.name) if inspector.has_table(table.name) else []
    return {
        column["name"].lower(): _ColumnInfo(
            str(column["type"]).partition("(")[0].lower(), getattr(column["type"], "length", None), None
        )
        for column in columns
    }


def _layout(engine: Engine, table: Table, found: Mapping[str, _ColumnInfo]) -> Layout:
    if missing := [name for name in _REQUIRED_COLUMNS[table] if name.lower() not in found]:
        raise MisconfiguredError("schema_missing", f"column {table.name}.{missing[0]}")
    columns = {str(column.name): column for column in table.columns if column.name.lower() in found}
    lengths = {
        name: found[name.lower()].length or column.type.length
        for name, column in columns.items()
        if isinstance(column.type, String)
    }
    collations = (found[name.lower()].collation for name in lengths)
    types = {name: column.type for name, column in found.items()}
    information = information_columns(engine, table, types) if table in REQUIRED_TABLES else {}
    return Layout(table, columns, lengths, next(filter(None, collations), None), information)
