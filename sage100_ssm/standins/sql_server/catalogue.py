"""What the server reports of itself: the system functions and views that the product, the drivers and the tests use."""
# ruff: noqa: PLR0911 - tables of cases

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sage100_ssm.standins.sql_server.errors import native
from sage100_ssm.standins.sql_server.sqltypes import SqlType

if TYPE_CHECKING:
    from sage100_ssm.standins.sql_server.database import Database

COLLATION = "French_CI_AS"
VERSION = "16.0.1000.6"
_CODE_PAGES = {"french_ci_as": 1252, "french_ci_ai": 1252, "latin1_general_ci_as": 1252, "polish_ci_as": 1250}


@dataclass(frozen=True)
class Result:
    """The result of a query.

    Attributes:
        names: of its columns.
        kinds: their types.
        rows: the rows.
    """

    names: tuple[str, ...]
    kinds: tuple[SqlType, ...]
    rows: list[tuple[Any, ...]]


_ODBC_TYPES = {12: ("varchar", 8000), -9: ("nvarchar", 4000), -3: ("varbinary", 8000), 93: ("datetime2", 27)}


def type_info(odbc_type: int) -> Result:
    """The answer of sp_datatype_info_100 about a type of ODBC: above all, how much it holds."""
    name, size = _ODBC_TYPES[odbc_type]
    kinds = (SqlType("nvarchar", 128), SqlType("smallint"), SqlType("int"))
    return Result(("TYPE_NAME", "DATA_TYPE", "PRECISION"), kinds, [(name, odbc_type, size)])


def _bare(name: Any) -> str:
    """The last part of a name."""
    return str(name).rpartition(".")[2].strip('[]"').lower()


def _number(name: Any) -> int:
    """The object_id of a name."""
    return zlib.crc32(_bare(name).encode()) % 2**31


def _is_object(database: "Database", name: Any) -> bool:
    known = database.declared.tables
    return _bare(name) in known or any(_bare(name) in table.triggers for table in known.values())


def _ident_current(database: "Database", name: Any) -> int | None:
    table = database.declared.tables.get(_bare(name))
    if table is None or table.identity is None:
        return None
    row = database.run("SELECT seq FROM sqlite_sequence WHERE name = ?", [table.name]).fetchone()
    return int(row[0]) if row else 1


def _has_perms(database: "Database", name: Any, kind: Any, right: Any) -> int | None:
    if kind is not None and str(kind).upper() == "OBJECT":
        if not _is_object(database, name):
            return None
        return int((str(right).upper(), _bare(name)) not in database.denied)
    return int((str(right).upper(), "") not in database.denied)


def _property(_database: "Database", name: Any) -> Any:
    known = {"productversion": VERSION, "collation": COLLATION, "edition": "Developer Edition (64-bit)",
             "productlevel": "RTM", "engineedition": 3, "productmajorversion": "16"}  # fmt: skip
    return known.get(str(name).lower())


def _system(database: "Database", name: str) -> Any:
    session = database.session
    assert session is not None, "a statement is being carried out"
    match name:
        case "SPID":
            return session.process
        case "TRANCOUNT":
            return int(session.in_transaction)
        case "ROWCOUNT":
            return session.row_count
        case "IDENTITY":
            return session.identity
        case "VERSION":
            return f"Microsoft SQL Server 2022 (RTM) - {VERSION}"
        case "SERVERNAME":
            return "SRV-SAGE"
        case "LOCK_TIMEOUT":
            return session.lock_timeout
    raise native(137, name=name)


def _col_length(database: "Database", table: Any, column: Any) -> int | None:
    known = database.declared.tables.get(_bare(table))
    found = known and known.columns.get(str(column).lower())
    return found.kind.size or 4 if found else None


_ANY_NUMBER = -1

FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "tds_system": (1, _system),
    "tds_len": (1, lambda _, value: None if value is None else len(str(value).rstrip(" "))),
    "getdate": (0, lambda database: database.clock().isoformat(" ")),
    "getutcdate": (0, lambda _: datetime.now(UTC).replace(tzinfo=None).isoformat(" ")),
    "sysdatetime": (0, lambda database: database.clock().isoformat(" ")),
    "scope_identity": (0, lambda database: database.session.identity),
    "ident_current": (1, _ident_current),
    "has_perms_by_name": (3, _has_perms),
    "applock_mode": (3, lambda database, _principal, name, _owner: database.session.applock_mode(name)),
    "collationproperty": (
        2,
        lambda _, name, which: _CODE_PAGES.get(str(name).lower()) if str(which).lower() == "codepage" else None,
    ),
    "databasepropertyex": (2, lambda _, _name, which: COLLATION if str(which).lower() == "collation" else None),
    "serverproperty": (1, _property),
    "has_dbaccess": (1, lambda *_: 1),
    "db_name": (_ANY_NUMBER, lambda database, *_: database.name),
    "db_id": (_ANY_NUMBER, lambda *_: 5),
    "schema_name": (_ANY_NUMBER, lambda *_: "dbo"),
    "object_id": (_ANY_NUMBER, lambda database, name, *_: _number(name) if _is_object(database, name) else None),
    "object_name": (_ANY_NUMBER, lambda *_: None),
    "app_name": (0, lambda database: database.session.login.application),
    "host_name": (0, lambda database: database.session.login.host),
    "suser_sname": (_ANY_NUMBER, lambda database, *_: database.session.login.user),
    "suser_name": (_ANY_NUMBER, lambda database, *_: database.session.login.user),
    "original_login": (0, lambda database: database.session.login.user),
    "user_name": (_ANY_NUMBER, lambda database, *_: database.session.login.user),
    "is_srvrolemember": (_ANY_NUMBER, lambda *_: 0),
    "is_rolemember": (_ANY_NUMBER, lambda *_: 0),
    "is_member": (_ANY_NUMBER, lambda *_: 0),
    "col_length": (2, _col_length),
}
"""The functions: how many arguments each takes, and what it does; its first argument is the database."""


View = tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]


def views(database: "Database") -> Mapping[str, View]:
    """The views of the catalogue by name: the columns and the rows of each."""
    tables = database.declared.tables
    return {
        "INFORMATION_SCHEMA.TABLES": (
            ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "TABLE_TYPE"),
            [(database.name, "dbo", table.name, "BASE TABLE") for table in tables.values()],
        ),
        "INFORMATION_SCHEMA.COLUMNS": (
            ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "ORDINAL_POSITION", "IS_NULLABLE",
             "DATA_TYPE", "CHARACTER_MAXIMUM_LENGTH", "COLLATION_NAME"),
            [
                (database.name, "dbo", table.name, column.name, place, "YES" if column.is_nullable else "NO",
                 column.kind.name, column.kind.size if column.kind.is_text else None,
                 COLLATION if column.kind.is_text else None)
                for table in tables.values()
                for place, column in enumerate(table.columns.values(), 1)
            ],
        ),
        "sys.tables": (
            ("object_id", "name", "schema_id"),
            [(_number(table.name), table.name, 1) for table in tables.values()],
        ),
        "sys.triggers": (
            ("object_id", "name", "parent_id", "is_disabled", "is_instead_of_trigger"),
            [
                (_number(trigger.name), trigger.name, _number(table.name), 0, 0)
                for table in tables.values()
                for trigger in table.triggers.values()
            ],
        ),
        "sys.databases": (
            ("database_id", "name", "collation_name", "compatibility_level"), [(5, database.name, COLLATION, 160)],
        ),
        "sys.system_views": (("name",), []),
    }  # fmt: skip
