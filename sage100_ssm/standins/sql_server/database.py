"""One database of the server: the catalogue of what is declared, and a SQLite database in memory that holds the rows.

SQLite's own indexes, defaults and computed columns are used. Where SQL Server differs, it is imitated: types that
refuse, round and cut, a collation that ignores case and trailing blanks, one null in a unique index, foreign keys with
names.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from sage100_ssm.standins.sql_server import catalogue
from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.script import CreateTrigger
from sage100_ssm.standins.sql_server.sqltypes import Place, SqlType, type_named

if TYPE_CHECKING:
    from sage100_ssm.standins.sql_server.session import Session

COLLATION = "French_CI_AS"
_ZONE = ZoneInfo("Europe/Paris")


@dataclass(frozen=True)
class Column:
    """A column as it was declared.

    Attributes:
        name: its name.
        kind: its type.
        is_nullable: whether it may hold null.
        is_identity: whether it numbers the rows.
        is_computed: whether its value is made of others.
    """

    name: str
    kind: SqlType
    is_nullable: bool
    is_identity: bool
    is_computed: bool


@dataclass(frozen=True)
class ForeignKey:
    """A reference of one column to another table.

    Attributes:
        name: the constraint's name.
        table, column: what refers.
        parent, parent_column: what is referred to.
    """

    name: str
    table: str
    column: str
    parent: str
    parent_column: str


@dataclass(frozen=True)
class Unique:
    """A unique index or constraint.

    Attributes:
        name: its name.
        table: its table.
        is_constraint: whether it is a constraint, whose errors have another number.
    """

    name: str
    table: str
    is_constraint: bool


@dataclass
class Table:
    """A table as it was declared.

    Attributes:
        name: its name.
        columns: by name in lower case.
        triggers: by name in lower case.
    """

    name: str
    columns: dict[str, Column]
    triggers: dict[str, CreateTrigger] = field(default_factory=dict)

    @property
    def identity(self) -> Column | None:
        """The column that numbers the rows."""
        return next((c for c in self.columns.values() if c.is_identity), None)

    @property
    def stored(self) -> list[str]:
        """The names of the columns that are not computed."""
        return [c.name for c in self.columns.values() if not c.is_computed]


@dataclass
class Declared:
    """What is declared in a database, each by its name in lower case.

    Attributes:
        tables: the tables.
        uniques: the unique indexes and constraints.
        foreign_keys: the foreign keys.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    uniques: dict[str, Unique] = field(default_factory=dict)
    foreign_keys: dict[str, ForeignKey] = field(default_factory=dict)


class Database:
    """A database.

    Args:
        name: its name.
        is_before_2019: whether a text that is too long is error 8152, as before SQL Server 2019, or 2628.

    Attributes:
        denied: the rights that logins do not have: pairs of a right and a table in lower case.
        without: the functions and procedures that this server does not know; "hints" where it ignores table hints.
        clock: returns the server's local time.
        declared: what is declared.
        translations: the translated queries, by the id of their tree.
        session: the session whose statement is being carried out.
        failure: the error of a function of ours within the statement that is being carried out.
    """

    def __init__(self, name: str, *, is_before_2019: bool = False) -> None:
        self.name, self.is_before_2019 = name, is_before_2019
        self.denied: set[tuple[str, str]] = set()
        self.without: set[str] = set()
        self.clock: Callable[[], datetime] = lambda: datetime.now(_ZONE).replace(tzinfo=None)
        self.declared = Declared()
        self.translations: dict[int, Any] = {}
        self.session: Session | None = None
        self.failure: SqlError | None = None
        self._sqlite = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._sqlite.create_collation(COLLATION, _compare)
        for function, (arguments, work) in catalogue.FUNCTIONS.items():
            self._sqlite.create_function(function, arguments, self._keeping_failure(work, function))
        self._sqlite.create_function("tds_cast", 2, self._keeping_failure(_cast), deterministic=True)
        self._sqlite.create_function("tds_store", 3, self._keeping_failure(_store))
        self._describe()

    def copy(self, name: str) -> "Database":
        """A copy under another name."""
        twin = Database(name, is_before_2019=self.is_before_2019)
        twin.declared = deepcopy(self.declared)
        self._sqlite.backup(twin._sqlite)
        twin._describe()
        return twin

    def close(self) -> None:
        """Close the SQLite database."""
        self._sqlite.close()

    def table(self, name: str) -> Table:
        """The table of a name.

        Raises:
            SqlError: there is none (208).
        """
        try:
            return self.declared.tables[name.lower()]
        except KeyError:
            raise native(208, name=name) from None

    def run(self, sql: str, parameters: Mapping[str, Any] | Iterable[Any] = ()) -> sqlite3.Cursor:
        """Carry out a statement of SQLite.

        Raises:
            SqlError: SQLite, or a function of ours, refuses it.
        """
        self.failure = None
        try:
            return self._sqlite.execute(sql, parameters)  # type: ignore[arg-type]
        except sqlite3.Error as error:
            raise self.failure or self._error_of(str(error)) from None

    # --- what is declared

    def create_table(self, tree: exp.Create, translated: Callable[[exp.Expr], str]) -> None:
        """CREATE TABLE, with its primary key, its unique constraints and its foreign keys."""
        name = tree.this.this.name
        if name.lower() in self.declared.tables:
            raise native(2714, name=name)
        table, lines = Table(name, {}), []
        for part in tree.this.expressions:
            if isinstance(part, exp.ColumnDef):
                column, line = _column(name, part, translated)
                table.columns[column.name.lower()] = column
                lines.append(line)
        self.run(f'CREATE TABLE "{name}" ({", ".join(lines)})')
        self.declared.tables[name.lower()] = table
        for constraint in tree.this.find_all(exp.Constraint):
            self._constrain(table, constraint)
        self._describe()

    def create_index(self, tree: exp.Create) -> None:
        """CREATE INDEX, unique or not."""
        index = tree.this
        columns = [ordered.this.name for ordered in index.args["params"].args["columns"]]
        self._index(self.table(index.args["table"].name), index.name, columns, unique=bool(tree.args.get("unique")))
        self._describe()

    def create_trigger(self, trigger: CreateTrigger) -> None:
        """CREATE TRIGGER."""
        self.table(trigger.table).triggers[trigger.name.lower()] = trigger
        self._describe()

    def drop(self, tree: exp.Drop) -> None:
        """DROP TABLE or TRIGGER."""
        (dropped,) = tree.args["tables"]
        name = dropped.name.lower()
        if tree.args["kind"] == "TRIGGER":
            for table in self.declared.tables.values():
                table.triggers.pop(name, None)
        elif name in self.declared.tables:
            self.run(f'DROP TABLE "{self.declared.tables.pop(name).name}"')
            for kept in (self.declared.uniques, self.declared.foreign_keys):
                for key in [key for key, one in kept.items() if one.table.lower() == name]:
                    del kept[key]
        elif not tree.args.get("exists"):
            raise native(3701, name=dropped.name)
        self._describe()

    def _constrain(self, table: Table, constraint: exp.Constraint) -> None:
        for part in constraint.expressions:
            if isinstance(part, exp.ForeignKey):
                reference = part.args["reference"].this
                key = ForeignKey(
                    constraint.name,
                    table.name,
                    part.expressions[0].name,
                    reference.this.name,
                    reference.expressions[0].name,
                )
                self.declared.foreign_keys[constraint.name.lower()] = key
            elif isinstance(part, exp.UniqueColumnConstraint | exp.PrimaryKey):
                listed = part.this.expressions if isinstance(part, exp.UniqueColumnConstraint) else part.expressions
                columns = [one.this.name if isinstance(one, exp.Ordered) else one.name for one in listed]
                self._index(table, constraint.name, columns, unique=True, constraint=True)

    def _index(self, table: Table, name: str, columns: list[str], *, unique: bool, constraint: bool = False) -> None:
        # As expressions: then SQLite's error names the index, and all nulls are one value, as in SQL Server.
        parts = [
            f"ifnull(\"{c}\", x'') COLLATE {COLLATION if table.columns[c.lower()].kind.is_text else 'BINARY'}"
            for c in columns
        ]
        self.run(f'CREATE {"UNIQUE" if unique else ""} INDEX "{name}" ON "{table.name}" ({", ".join(parts)})')
        if unique:
            self.declared.uniques[name.lower()] = Unique(name, table.name, constraint)

    def _describe(self) -> None:
        """Fill the views of the catalogue anew, and forget the translated queries."""
        self.translations.clear()
        for view, (columns, rows) in catalogue.views(self).items():
            self._sqlite.execute(f'DROP TABLE IF EXISTS "{view}"')
            typed = ", ".join(f'"{column}" COLLATE {COLLATION}' for column in columns)
            self._sqlite.execute(f'CREATE TABLE "{view}" ({typed})')
            marks = ", ".join("?" * len(columns))
            self._sqlite.executemany(f'INSERT INTO "{view}" VALUES ({marks})', rows)  # noqa: S608 - our own names

    # --- what can go wrong

    def _keeping_failure(self, work: Callable[..., Any], name: str = "") -> Callable[..., Any]:
        """A function for SQLite whose error is kept: SQLite itself would only say that a function failed."""

        def called(*arguments: Any) -> Any:
            try:
                return _unknown(name) if name in self.without else work(self, *arguments)
            except SqlError as error:
                self.failure = error
                raise

        return called

    def _error_of(self, message: str) -> SqlError:
        """SQL Server's error for one of SQLite's."""
        kind, _, what = message.partition(": ")
        if kind == "UNIQUE constraint failed":
            return self._duplicate(what.removeprefix("index ").strip("'"))
        if kind == "NOT NULL constraint failed":
            table, _, column = what.partition(".")
            return native(515, database=self.name, table=table, column=column)
        number = {"no such table": 208, "no such column": 207, "no such function": 195}.get(kind)
        return native(number, name=what.rpartition(".")[2]) if number else native(102, near=message)

    def _duplicate(self, name: str) -> SqlError:
        unique = self.declared.uniques[name.lower()]
        return native(2627 if unique.is_constraint else 2601, name=unique.name, table=unique.table)


def _column(table: str, part: exp.ColumnDef, translated: Callable[[exp.Expr], str]) -> tuple[Column, str]:
    """A column, and its line in SQLite's CREATE TABLE."""
    constraints = [c.kind for c in part.constraints]
    computed = next((c.this for c in constraints if isinstance(c, exp.ComputedColumnConstraint)), None)
    declared = part.args.get("kind") or getattr(computed, "to", None) or getattr(computed, "this", None)
    assert isinstance(declared, exp.Expr), "a column has a type, or is converted to one"
    kind = type_named(declared.sql("tsql"))
    not_null = any(isinstance(c, exp.NotNullColumnConstraint) and not c.args.get("allow_null") for c in constraints)
    identity = any(isinstance(c, exp.GeneratedAsIdentityColumnConstraint) for c in constraints)
    column = Column(part.name, kind, not not_null, identity, computed is not None)
    line = f'"{part.name}" {_affinity(kind)}'
    if identity:
        line += " PRIMARY KEY AUTOINCREMENT"
    elif computed is not None:
        line += f" AS ({translated(computed)})"
    elif not_null:
        line += " NOT NULL"
    default = next((c.this for c in constraints if isinstance(c, exp.DefaultColumnConstraint)), None)
    if default is not None:
        line += f" DEFAULT (tds_store({translated(default)}, '{table}', '{part.name}'))"
    return column, line


def _affinity(kind: SqlType) -> str:
    if kind.is_text:
        return f"TEXT COLLATE {COLLATION}"
    if kind.name in {"numeric", "float"}:
        return "REAL"
    return "BLOB" if "binary" in kind.name else "TEXT" if kind.is_time or kind.name == "uniqueidentifier" else "INTEGER"


def _unknown(function: str) -> None:
    raise native(195, name=function)


def _compare(left: str, right: str) -> int:
    one, other = left.rstrip(" ").casefold(), right.rstrip(" ").casefold()
    return (one > other) - (one < other)


def _cast(_database: Database, value: Any, kind: str) -> Any:
    return type_named(kind).stored(value)


def _store(database: Database, value: Any, table: str, column: str) -> Any:
    place = Place(database.name, table, column, database.is_before_2019)
    return database.table(table).columns[column.lower()].kind.stored(value, place)
