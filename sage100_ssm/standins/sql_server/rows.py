"""How a session reads and writes rows: under locks, all of a statement or nothing, with foreign keys and triggers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from sage100_ssm.standins.sql_server.catalogue import Result
from sage100_ssm.standins.sql_server.database import Database, ForeignKey, Table
from sage100_ssm.standins.sql_server.dialect import Translated, hints_of, is_system, sqlite_text, tables_of, translated
from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.locks import Locks, Mode, Owner, Resource
from sage100_ssm.standins.sql_server.script import CreateTrigger
from sage100_ssm.standins.sql_server.sqltypes import SqlType, type_of

_ROW, _END, _NAMED = "row", "end of the table", "lock by name"
"""The kinds of what is locked: a row, the end of an index (range locks), a lock of sp_getapplock."""

Variables = dict[str, tuple[SqlType, Any]]
"""The variables of a batch, by name in lower case: the type and the value of each."""
Fire = Callable[[CreateTrigger, "Frame"], None]
"""Runs a trigger on the rows that a statement has changed."""


@dataclass
class Change:
    """A change of a row, as it is needed to undo it.

    Attributes:
        table: the row's table.
        row_id: SQLite's number of the row.
        before: the row before this transaction changed it; None where there was none.
    """

    table: Table
    row_id: int
    before: tuple[Any, ...] | None


@dataclass
class Frame:
    """The rows that a trigger sees.

    Attributes:
        table: their table.
        inserted: as they are after the statement.
        deleted: as they were before it.
    """

    table: Table
    inserted: list[tuple[Any, ...]]
    deleted: list[tuple[Any, ...]]


class Rows(Owner):
    """What a session does to rows.

    Args:
        process: its number, @@SPID.
        check_for_attention: called while it waits for a lock; raises where the client has given up.
        database: the database.
        locks: the server's locks, whose mutex is held while a statement is carried out.

    Attributes:
        database: the database.
        in_transaction: whether a transaction is under way.
        identity: the last number that an identity column gave to a row of this session.
    """

    def __init__(self, process: int, check_for_attention: Callable[[], None], database: Database, locks: Locks) -> None:
        super().__init__(process, check_for_attention)
        self.database = database
        self.in_transaction = False
        self.identity: int | None = None
        self._locks = locks
        self._changes: list[Change] = []
        self._frames: list[Frame] = []
        self._firing: list[str] = []

    def _value(self, tree: exp.Expr, variables: Variables) -> Any:
        return self._rows(tree, variables).rows[0][0]

    def _rows(self, tree: exp.Expr, variables: Variables) -> Result:
        ready = self._translated(tree, variables)
        for table in tables_of(tree):
            if not is_system(table) and table.name.lower() not in {"inserted", "deleted"}:
                self._granted("SELECT", self.database.table(table.name))
                self._lock_for_reading(tree, table, variables)
        rows = self._run(ready.sql, variables)
        kinds = tuple(
            kind or type_of(next((row[place] for row in rows if row[place] is not None), None))
            for place, kind in enumerate(ready.kinds)
        )
        self._end_statement()
        return Result(ready.names, kinds, rows)

    def _translated(self, tree: exp.Expr, variables: Mapping[str, Any]) -> Translated:
        known = self.database.translations.get(id(tree))
        if known is None:
            kinds = {name: kind for name, (kind, _) in variables.items()}
            # The tree stays with it, so that its id is nobody else's.
            known = self.database.translations[id(tree)] = (tree, translated(tree, self.database, kinds))
        ready: Translated = known[1]
        return ready

    def _run(self, sql: str, variables: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self.database.run(sql, {name: value for name, (_, value) in variables.items()}).fetchall()

    # --- locks

    def _lock_for_reading(self, tree: exp.Expr, table: exp.Table, variables: Variables) -> None:
        hints = set() if "hints" in self.database.without else hints_of(table)
        known = self.database.table(table.name)
        if "NOLOCK" in hints:
            return
        mode = Mode.UPDATE if "UPDLOCK" in hints else Mode.READ
        if "HOLDLOCK" in hints:
            self._locks.acquire(self, lambda: [*self._changed_by_others(known), self._end(known)], mode)
            return
        key = self._key(tree, known, variables)
        if key is not None:
            self._locks.acquire(self, lambda: [self._row(known, key)], mode)
        elif mode is Mode.READ:
            self._locks.acquire(self, lambda: self._changed_by_others(known), mode)
        else:
            where = tree.args.get("where")
            self._locks.acquire(self, lambda: self._found(known, where, variables), mode)

    def _found(self, table: Table, where: exp.Expr | None, variables: Variables) -> list[Resource]:
        """The rows to be locked: those that match, and those that others are changing, which may come to match."""
        rows = [self._row(table, one) for one in self._row_ids(table, where, variables)]
        return [*rows, *(one for one in self._changed_by_others(table) if one not in rows)]

    def _row_ids(self, table: Table, where: exp.Expr | None, variables: Variables) -> list[int]:
        condition = "" if where is None else f" {sqlite_text(where)}"
        return [row[0] for row in self._run(f'SELECT rowid FROM "{table.name}"{condition}', variables)]  # noqa: S608

    def _changed_by_others(self, table: Table) -> list[Resource]:
        """The rows that others have changed and not committed."""
        return [
            resource
            for resource, (owner, mode) in self._locks.held.items()
            if owner is not self and mode is Mode.CHANGE and resource[:3] == self._row(table, 0)[:3]
        ]

    def _row(self, table: Table, row_id: int) -> Resource:
        return (_ROW, self.database.name, table.name, row_id)

    def _named(self, name: Any) -> Resource:
        return (_NAMED, self.database.name, str(name))

    def _end(self, table: Table) -> Resource:
        return (_END, self.database.name, table.name)

    def _key(self, tree: exp.Expr, table: Table, variables: Variables) -> int | None:
        """The one row that a condition names by its identity column; None where it names none."""
        where = tree.args.get("where")
        if where is None or table.identity is None or not isinstance(where.this, exp.EQ | exp.And):
            return None
        conditions = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
        for one in conditions:
            if isinstance(one, exp.EQ) and one.this.name == table.identity.name and not one.expression.find(exp.Column):
                value = self._run(f"SELECT {sqlite_text(one.expression)}", variables)[0][0]
                return None if value is None else int(value)
        return None

    def _end_statement(self) -> None:
        if not self.in_transaction and not self._frames:
            mine = (resource for resource, (owner, _) in self._locks.held.items() if owner is self)
            self._locks.release(self, {resource for resource in mine if resource[0] != _NAMED})

    # --- writing

    def _granted(self, right: str, table: Table) -> None:
        if not self._frames and (right, table.name.lower()) in self.database.denied:
            raise native(229, right=right, table=table.name, database=self.database.name)

    def _write(self, tree: exp.Expr, variables: Variables, fire: Fire) -> int:
        """Change rows, and run the triggers: all of it or nothing.

        Returns:
            How many rows were changed.

        Raises:
            SqlError: the statement, or a trigger, is refused.
        """
        event = type(tree).__name__.upper()
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        table = self.database.table(target.name)
        self._granted(event, table)
        self._refuse_read_only_columns(tree, table)
        fires = [t for t in table.triggers.values() if event in t.events and t.name not in self._firing]
        if tree.args.get("returning") and fires:
            raise native(334, table=table.name)
        alone, mark = not self.in_transaction, len(self._changes)
        self.in_transaction = True
        try:
            changed = self._changed(tree, table, event, variables)
            self._keep_references(table, event)
            for trigger in fires:
                fire(trigger, changed)
        except SqlError:
            if self.in_transaction:
                self._undo(mark)
            raise
        finally:
            if alone and self.in_transaction:
                self.in_transaction = False
                self._changes.clear()
                self._end_statement()
        return len(changed.inserted or changed.deleted)

    def _refuse_read_only_columns(self, tree: exp.Expr, table: Table) -> None:
        if isinstance(tree, exp.Insert):
            names = [column.name for column in tree.this.expressions] if isinstance(tree.this, exp.Schema) else []
        else:
            names = [one.this.name for one in tree.expressions if isinstance(one, exp.EQ)]
        for name in names:
            column = table.columns.get(name.lower())
            if column is None:
                raise native(207, name=name)
            if column.is_computed:
                raise native(271, name=name)
            if column.is_identity and isinstance(tree, exp.Insert):
                raise native(544, table=table.name)
            if column.is_identity:
                raise native(8102, name=name)

    def _changed(self, tree: exp.Expr, table: Table, event: str, variables: Variables) -> Frame:
        """Carry out the statement itself, under its locks; the rows before and after it."""
        sql = self._translated(tree, variables).sql
        if event == "INSERT":
            return self._inserted(table, sql, variables)
        where, key = tree.args.get("where"), self._key(tree, table, variables)
        wanted = (lambda: [self._row(table, key)]) if key is not None else lambda: self._found(table, where, variables)
        self._locks.acquire(self, wanted, Mode.CHANGE)
        found = self._row_ids(table, where, variables)
        before = self._stored(table, found)
        self._run_patiently(table, sql, variables)
        self._changes += [Change(table, one, row) for one, row in zip(found, before, strict=True)]
        return Frame(table, self._stored(table, found) if event == "UPDATE" else [], before)

    def _inserted(self, table: Table, sql: str, variables: Variables) -> Frame:
        self._locks.acquire(self, lambda: [self._end(table)], Mode.READ)
        last = f'SELECT coalesce(max(rowid), 0) FROM "{table.name}"'  # noqa: S608 - our own name
        if table.identity:
            last = f"SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{table.name}'"  # noqa: S608
        before = self._run(last, {})[0][0]
        self._run_patiently(table, sql, variables)
        new = [row[0] for row in self._run(f'SELECT rowid FROM "{table.name}" WHERE rowid > {before}', {})]  # noqa: S608
        self._locks.acquire(self, lambda: [self._row(table, one) for one in new], Mode.CHANGE)
        self._changes += [Change(table, one, None) for one in new]
        if table.identity and new:
            self.identity = new[-1]
        return Frame(table, self._stored(table, new), [])

    def _run_patiently(self, table: Table, sql: str, variables: Variables) -> None:
        """Carry out a statement; where another session has not committed the key that is in the way, wait for it."""
        while True:
            try:
                self._run(sql, variables)
            except SqlError as error:
                if error.number not in {2601, 2627} or not self._changed_by_others(table):
                    raise
                self._locks.acquire(self, lambda: self._changed_by_others(table), Mode.READ)
            else:
                return

    def _stored(self, table: Table, row_ids: Iterable[int]) -> list[tuple[Any, ...]]:
        columns = ", ".join(f'"{name}"' for name in table.stored)
        return [
            self._run(f'SELECT {columns} FROM "{table.name}" WHERE rowid = {one}', {})[0]  # noqa: S608 - our own names
            for one in row_ids
        ]

    def _undo(self, mark: int) -> None:
        """Put the rows back as they were before the changes from a mark on."""
        while len(self._changes) > mark:
            change = self._changes.pop()
            self._run(f'DELETE FROM "{change.table.name}" WHERE rowid = {change.row_id}', {})  # noqa: S608
            if change.before is not None:
                names = [*(() if change.table.identity else ("rowid",)), *change.table.stored]
                values = [*(() if change.table.identity else (change.row_id,)), *change.before]
                quoted, marks = ", ".join(f'"{n}"' for n in names), ", ".join("?" * len(names))
                self.database.run(f'INSERT INTO "{change.table.name}" ({quoted}) VALUES ({marks})', values)  # noqa: S608

    def _keep_references(self, table: Table, event: str) -> None:
        for key in self.database.declared.foreign_keys.values():
            if (event != "DELETE" and key.table == table.name) or (event != "INSERT" and key.parent == table.name):
                self._keep(key, event, referred=key.parent == table.name)

    def _keep(self, key: ForeignKey, event: str, *, referred: bool) -> None:
        lost = (
            f'SELECT 1 FROM "{key.table}" AS c WHERE c."{key.column}" IS NOT NULL AND NOT EXISTS '  # noqa: S608
            f'(SELECT 1 FROM "{key.parent}" AS p WHERE p."{key.parent_column}" = c."{key.column}")'
        )
        if self._run(lost, {}):
            kind = "REFERENCE" if referred else "FOREIGN KEY"
            table, column = (key.table, key.column) if referred else (key.parent, key.parent_column)
            raise native(
                547, event=event, kind=kind, name=key.name, database=self.database.name, table=table, column=column
            )
