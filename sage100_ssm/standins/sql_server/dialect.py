"""T-SQL translated for SQLite, tree by tree; and the columns of a query's result."""
# ruff: noqa: C901, PLR0911, PLR0912 - tables of cases

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from sage100_ssm.standins.sql_server.sqltypes import SqlType, type_named

if TYPE_CHECKING:
    from sage100_ssm.standins.sql_server.database import Database

_SYSTEM_SCHEMAS = {"sys", "information_schema"}
_FUNCTION_TYPES = {
    "getdate": "datetime", "getutcdate": "datetime", "sysdatetime": "datetime2(7)", "scope_identity": "numeric(38,0)",
    "ident_current": "numeric(38,0)", "has_perms_by_name": "int", "applock_mode": "nvarchar(32)",
    "databasepropertyex": "nvarchar(128)", "serverproperty": "nvarchar(128)", "collationproperty": "int",
    "db_name": "nvarchar(128)", "schema_name": "nvarchar(128)", "object_id": "int", "tds_len": "int",
    "has_dbaccess": "int",
}  # fmt: skip
_SYSTEM_TYPES = {
    "VERSION": "nvarchar(300)",
    "SERVERNAME": "nvarchar(128)",
    "IDENTITY": "numeric(38,0)",
    "SPID": "smallint",
}


@dataclass(frozen=True)
class Translated:
    """A statement for SQLite.

    Attributes:
        sql: its text, with named parameters.
        names: of a query, the names of its columns.
        kinds: their types; None where only a value can show it.
    """

    sql: str
    names: tuple[str, ...] = ()
    kinds: tuple[SqlType | None, ...] = ()


def sqlite_text(tree: exp.Expr) -> str:
    """A tree of T-SQL as SQL text for SQLite."""
    return _rewritten(tree.copy()).sql("sqlite")


def translated(tree: exp.Expr, database: "Database", variables: Mapping[str, SqlType]) -> Translated:
    """A statement of T-SQL for SQLite, with the columns of its result.

    Args:
        tree: the statement.
        database: what is declared.
        variables: the types of the batch's variables.

    Raises:
        SqlError: it names a table that does not exist (208).
    """
    tree = tree.copy()
    if not isinstance(tree, exp.Query):
        _assignments_stored(tree, database)
        return Translated(_rewritten(tree).sql("sqlite"))
    _expand_stars(tree, database)
    kinds = tuple(_kind(one, database, variables) for one in tree.selects)
    names = tuple(one.alias if isinstance(one, exp.Alias) else one.name if isinstance(one, exp.Column) else ""
                  for one in tree.selects)  # fmt: skip
    return Translated(_rewritten(tree).sql("sqlite"), names, kinds)


def tables_of(tree: exp.Expr) -> list[exp.Table]:
    """The tables that a statement names."""
    return list(tree.find_all(exp.Table))


def hints_of(table: exp.Table) -> set[str]:
    """The hints of a table, such as UPDLOCK, HOLDLOCK and NOLOCK."""
    return {str(one.name).upper() for hint in table.args.get("hints") or () for one in hint.expressions}


def is_system(table: exp.Table) -> bool:
    """Whether it is a view of the catalogue."""
    return table.db.lower() in _SYSTEM_SCHEMAS


def _assignments_stored(tree: exp.Expr, database: "Database") -> None:
    """Convert each value to the type of the column that it is put into."""
    if isinstance(tree, exp.Insert) and isinstance(tree.this, exp.Schema):
        table, columns = tree.this.this.name, [c.name for c in tree.this.expressions]
        database.table(table)
        source = tree.expression
        for row in source.expressions if isinstance(source, exp.Values) else [source]:
            row.set("expressions", [_store(v, table, c) for v, c in zip(row.expressions, columns, strict=True)])
    elif isinstance(tree, exp.Update):
        for assignment in tree.expressions:
            assignment.set("expression", _store(assignment.expression, tree.this.name, assignment.this.name))


def _store(value: exp.Expr, table: str, column: str) -> exp.Expr:
    if isinstance(value, exp.Alias):
        value = value.this
    return exp.Anonymous(
        this="tds_store", expressions=[value.copy(), exp.Literal.string(table), exp.Literal.string(column)]
    )


def _expand_stars(tree: exp.Query, database: "Database") -> None:
    if isinstance(tree, exp.Select) and tree.is_star:
        (table,) = (one for one in tables_of(tree) if one.parent_select is tree)
        known = database.table(table.name)
        tree.set("expressions", [exp.column(c.name, quoted=True) for c in known.columns.values()])


def _rewritten(tree: exp.Expr) -> exp.Expr:
    return tree.transform(_node, copy=False)


def _node(node: exp.Expr) -> exp.Expr:
    match node:
        case exp.Parameter():
            if isinstance(node.this, exp.Parameter):
                return _call("tds_system", exp.Literal.string(node.this.name.upper()))
            return exp.Placeholder(this=node.name.lower())
        case exp.Length():
            inner = node.this
            return _call("tds_len", inner.this if isinstance(inner, exp.Cast) else inner)
        case exp.Cast():
            return _call("tds_cast", node.this, exp.Literal.string(_type_text(node.to)))
        case exp.Convert():
            return _call("tds_cast", node.expression, exp.Literal.string(_type_text(node.this)))
        case exp.CurrentTimestamp():
            return _call("getdate")
        case exp.National():
            return exp.Literal.string(node.name)
        case exp.Collate():
            node.set("expression", exp.Var(this="BINARY" if "_BIN" in node.expression.name.upper() else "French_CI_AS"))
        case exp.Column():
            for part in ("db", "catalog"):
                node.set(part, None)
        case exp.Table():
            return _table(node)
        case exp.Add() if _is_text(node.this) or _is_text(node.expression):
            return exp.DPipe(this=_rewritten(node.this), expression=_rewritten(node.expression))
        case exp.Returning():
            return None  # type: ignore[return-value]
    return node


def _call(function: str, *arguments: exp.Expr) -> exp.Anonymous:
    # What replaces a node is not looked into any more.
    return exp.Anonymous(this=function, expressions=[_rewritten(argument) for argument in arguments])


def _type_text(kind: exp.Expr) -> str:
    return kind.sql("tsql")


def _is_text(node: exp.Expr) -> bool:
    return (isinstance(node, exp.Literal) and node.is_string) or isinstance(node, exp.National | exp.DPipe)


def _table(node: exp.Table) -> exp.Table:
    if is_system(node):
        name = {"sys": "sys", "information_schema": "INFORMATION_SCHEMA"}[node.db.lower()]
        shown = node.name if name == "sys" else node.name.upper()
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(node.name)))
        node.set("this", exp.to_identifier(f"{name}.{shown}", quoted=True))
    for part in ("db", "catalog", "hints"):
        node.set(part, None)
    return node


def _kind(node: exp.Expr, database: "Database", variables: Mapping[str, SqlType]) -> SqlType | None:
    """The type of an expression; None where only a value can show it."""
    match node:
        case exp.Alias() | exp.Paren() | exp.Max() | exp.Min() | exp.Coalesce() | exp.Upper() | exp.Lower():
            return _kind(node.this, database, variables)
        case exp.Cast():
            return type_named(_type_text(node.to))
        case exp.Convert():
            return type_named(_type_text(node.this))
        case exp.Count() | exp.Length():
            return SqlType("int")
        case exp.CurrentTimestamp():
            return SqlType("datetime")
        case exp.Parameter():
            if isinstance(node.this, exp.Parameter):
                return type_named(_SYSTEM_TYPES.get(node.this.name.upper(), "int"))
            return variables.get(node.name.lower())
        case exp.Anonymous():
            return type_named(_FUNCTION_TYPES[name]) if (name := node.name.lower()) in _FUNCTION_TYPES else None
        case exp.Column():
            return _kind_of_column(node, database)
        case exp.Literal():
            return (
                SqlType("varchar", max(1, len(node.name)))
                if node.is_string
                else SqlType("int")
                if node.is_int
                else None
            )
    return None


def _kind_of_column(node: exp.Column, database: "Database") -> SqlType | None:
    select = node.parent_select
    for table in tables_of(select) if select else ():
        known: Any = database.declared.tables.get(table.name.lower())
        if known and node.table.lower() in {"", table.alias_or_name.lower()} and node.name.lower() in known.columns:
            kind: SqlType = known.columns[node.name.lower()].kind
            return kind
    return None
