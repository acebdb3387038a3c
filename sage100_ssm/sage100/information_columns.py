"""Sage's information columns (« informations libres »): those that a company added to its own tables.

Each is a column of the table, named by its label, in any characters; Sage lists them in `cbSysLibre`
(docs/facts/sage100.md, "Information columns"). They are read and never written.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Engine, Integer, MetaData, Numeric, SmallInteger, String, Table, column, func, select
from sqlalchemy.types import TypeEngine

from sage100_ssm.sage100.errors import MisconfiguredError, UnexpectedError, native_errors
from sage100_ssm.sage100.tables import LocalTime

_LIST = Table(
    "cbSysLibre",
    MetaData(),
    Column("CB_File", String),
    Column("CB_Name", String),
    Column("CB_Pos", SmallInteger),
)

_TYPES: Mapping[str, type[TypeEngine[Any]]] = {
    **dict.fromkeys(("char", "varchar", "nchar", "nvarchar"), String),
    **dict.fromkeys(("tinyint", "smallint", "int", "integer", "bigint"), Integer),
    **dict.fromkeys(("numeric", "decimal", "float", "real", "money", "smallmoney"), Numeric),
    **dict.fromkeys(("datetime", "smalldatetime", "datetime2"), LocalTime),
}
"""The types that Sage offers; a column of any other type was not made by Sage and is left out."""


def information_columns(engine: Engine, table: Table, types: Mapping[str, str]) -> dict[str, Any]:
    """The information columns of a table.

    Args:
        engine: the database.
        table: the table.
        types: the types of the columns that the table has there, by name in lower case.

    Returns:
        The columns by name, in Sage's order; none where the login may not see the list.
    """
    query = select(_LIST.c.CB_Name).where(func.upper(_LIST.c.CB_File) == table.name).order_by(_LIST.c.CB_Pos)
    try:
        with native_errors(), engine.connect() as connection:
            names = [str(name) for name in connection.execute(query).scalars()]
    except (MisconfiguredError, UnexpectedError):  # an older Sage has no list, and the login may not see it
        return {}
    known = {name.lower() for name in table.columns.keys()}  # noqa: SIM118 - a column is no name
    kinds = {name: _TYPES.get(types.get(name.lower(), "")) for name in names if name.lower() not in known}
    return {name: column(name, kind()) for name, kind in kinds.items() if kind}
