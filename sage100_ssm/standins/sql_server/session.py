"""One client's session: its batches, its transaction, its triggers, and what it is answered."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from sage100_ssm.standins.sql_server import catalogue
from sage100_ssm.standins.sql_server.catalogue import Result
from sage100_ssm.standins.sql_server.database import Database
from sage100_ssm.standins.sql_server.dialect import sqlite_text
from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.locks import Locks
from sage100_ssm.standins.sql_server.rows import Frame, Rows
from sage100_ssm.standins.sql_server.script import (
    Assign,
    Block,
    Call,
    CreateTrigger,
    Declare,
    If,
    Option,
    Query,
    Raise,
    Return,
    Statement,
    Transaction,
    parsed,
)
from sage100_ssm.standins.sql_server.sqltypes import SqlType


@dataclass(frozen=True)
class Login:
    """What a client says of itself."""

    user: str = ""
    password: str = ""
    database: str = ""
    application: str = ""
    host: str = ""


@dataclass(frozen=True)
class Done:
    """A statement that gives no rows is done."""

    count: int | None


@dataclass(frozen=True)
class Ended:
    """The transaction began, was committed or was undone."""

    verb: str


Answer = Result | Done | Ended | SqlError
Tell = Callable[[Answer], None]


class _Returned(Exception):  # noqa: N818 - the way out of a batch
    pass


class Session(Rows):
    """A session on a database.

    Args:
        process: its number, @@SPID.
        login: what the client said of itself.
        database: the database.
        locks: the server's locks, whose mutex is held while a statement is carried out.
        interrupted: raises where the client has lost patience or is gone.
        messages: the server's own messages (sys.messages), by number.
    """

    def __init__(
        self, process: int, login: Login, database: Database, locks: Locks, interrupted: Callable[[], None],
        messages: Mapping[int, str],
    ) -> None:  # fmt: skip
        super().__init__(process, interrupted, database, locks)
        self.login, self.row_count = login, 0
        self._messages = messages
        self._aborts = self._no_count = self._explicit = False

    # --- batches

    def run(self, batch: str, variables: dict[str, tuple[SqlType, Any]], tell: Tell) -> None:
        """Carry out a batch; what comes of it is told, errors included."""
        with self._locks.mutex:
            try:
                self._block(parsed(batch), variables, tell)
            except _Returned:
                pass
            except SqlError as error:
                tell(error)
                if self.in_transaction and (error.dooms or self._aborts):
                    self.end("ROLLBACK", tell)

    def begin(self, tell: Tell) -> None:
        """Begin a transaction."""
        self.in_transaction = self._explicit = True
        tell(Ended("BEGIN"))

    def end(self, verb: str, tell: Tell = lambda _: None) -> None:
        """Commit or roll back."""
        with self._locks.mutex:
            if not self.in_transaction:
                raise native(3902 if verb == "COMMIT" else 3903)
            if verb == "ROLLBACK":
                self._undo(0)
            self._changes.clear()
            self.in_transaction = False
            self._locks.release(self)
            if self._explicit:
                tell(Ended(verb))
            self._explicit = False

    def close(self) -> None:
        """The client is gone: what was not committed is undone."""
        with self._locks.mutex:
            self._undo(0)
            self._locks.release(self)

    def applock_mode(self, name: Any) -> str:
        """Which lock of that name the session has."""
        owner, _ = self._locks.held.get(self._named(name), (None, None))
        return "Exclusive" if owner is self else "NoLock"

    # --- steering

    def _block(self, block: Block, variables: dict[str, Any], tell: Tell) -> None:
        for statement in block.statements:
            self._statement(statement, variables, tell)

    def _statement(self, statement: Statement, variables: dict[str, Any], tell: Tell) -> None:  # noqa: C901, PLR0912
        match statement:
            case Query():
                self._query(statement, variables, tell)
            case Block():
                self._block(statement, variables, tell)
            case If(condition, then, otherwise):
                if self._rows(condition, variables).rows:
                    self._statement(then, variables, tell)
                elif otherwise is not None:
                    self._statement(otherwise, variables, tell)
            case Declare(name, kind, value):
                variables[name] = (kind, None if value is None else kind.stored(self._value(value, variables)))
            case Assign(name, value):
                kind, _ = variables[name]
                variables[name] = (kind, kind.stored(self._value(value, variables)))
            case Option(words):
                self._set(words)
            case Transaction("BEGIN"):
                self.begin(tell)
            case Transaction(verb):
                self.end(verb, tell)
            case Raise():
                self._raise(statement, variables, tell)
            case Call():
                self._call(statement, variables, tell)
            case CreateTrigger():
                self.database.create_trigger(statement)
            case Return():
                raise _Returned

    def _set(self, words: tuple[str, ...]) -> None:
        match words:
            case ("LOCK_TIMEOUT", number):
                self.patience = int(number)
            case ("XACT_ABORT", switch):
                self._aborts = switch == "ON"
            case ("NOCOUNT", switch):
                self._no_count = switch == "ON"

    def _raise(self, statement: Raise, variables: dict[str, Any], tell: Tell) -> None:
        what, *rest = (self._value(argument, variables) for argument in statement.arguments)
        if statement.verb == "THROW":
            raise SqlError(int(what), str(rest[0]))
        if isinstance(what, int):
            said = self._messages.get(what)
            if said is None:
                raise native(18054, error=what)
            tell(SqlError(what, said, severity=int(rest[0])))
        else:
            tell(SqlError(50000, str(what), severity=int(rest[0])))

    def _call(self, call: Call, variables: dict[str, Any], tell: Tell) -> None:
        given = {name: self._value(value, variables) for name, value in call.arguments}
        if call.procedure == "sp_datatype_info_100":
            tell(catalogue.type_info(self._value(call.arguments[0][1], variables)))
            return
        if call.procedure in self.database.without or call.procedure not in {"sp_getapplock", "sp_releaseapplock"}:
            raise native(2812, name=call.procedure)
        resource = self._named(given.get("resource"))
        result = 0
        if call.procedure == "sp_releaseapplock":
            self._locks.release(self, {resource})
        elif not self.in_transaction and str(given.get("lockowner", "Transaction")) == "Transaction":
            result = -999
        else:
            try:
                result = self._locks.acquired(self, resource, int(given.get("locktimeout", self.patience)))
            except SqlError as error:
                result = -3 if error.dooms else -1
        if call.result:
            variables[call.result] = (SqlType("int"), result)
        tell(Done(None))

    # --- queries

    def _query(self, statement: Query, variables: dict[str, Any], tell: Tell) -> None:
        tree = statement.tree
        match tree:
            case exp.Query():
                self._select(tree, variables, tell)
            case exp.Insert() | exp.Update() | exp.Delete():
                self.row_count = self._write(tree, variables, lambda trigger, rows: self._fire(trigger, rows, tell))
                tell(Done(None if self._no_count else self.row_count))
            case exp.Create(kind="TABLE"):
                self.database.create_table(tree, sqlite_text)
                tell(Done(None))
            case exp.Create(kind="INDEX"):
                self.database.create_index(tree)
                tell(Done(None))
            case exp.Drop():
                self.database.drop(tree)
                tell(Done(None))
            case _:
                raise native(102, near=statement.text[:60])

    def _select(self, tree: exp.Query, variables: dict[str, Any], tell: Tell) -> None:
        if isinstance(tree, exp.Select) and all(_assigned(one) for one in tree.selects):
            assigned = [_assigned(one) or "" for one in tree.selects]
            values = tree.copy().select(*(one.expression for one in tree.selects), append=False)
            for row in self._rows(values, variables).rows:
                for name, value in zip(assigned, row, strict=True):
                    kind, _ = variables[name]
                    variables[name] = (kind, kind.stored(value))
            return
        result = self._rows(tree, variables)
        self.row_count = len(result.rows)
        tell(result)

    # --- triggers

    def _fire(self, trigger: CreateTrigger, rows: Frame, tell: Tell) -> None:
        """Run a trigger; where it has undone the transaction, the batch ends (3609)."""
        identity = self.identity
        self._firing.append(trigger.name)
        self._frames.append(rows)
        try:
            self._show_rows()
            self._block(trigger.body, {}, tell)
        except _Returned:
            pass
        except SqlError as error:
            error.dooms = True
            raise
        finally:
            self._firing.pop()
            self._frames.pop()
            self._show_rows()
            self.identity = identity
        if not self.in_transaction:
            raise native(3609)

    def _show_rows(self) -> None:
        """Lay the innermost trigger's `inserted` and `deleted` out."""
        for name in ("inserted", "deleted"):
            self._run(f"DROP TABLE IF EXISTS temp.{name}", {})
            if self._frames:
                frame = self._frames[-1]
                columns = ", ".join(f'"{column}"' for column in frame.table.stored)
                self._run(f"CREATE TEMP TABLE {name} ({columns})", {})
                marks = ", ".join("?" * len(frame.table.stored))
                for row in frame.inserted if name == "inserted" else frame.deleted:
                    self.database.run(f"INSERT INTO temp.{name} VALUES ({marks})", row)  # noqa: S608


def _assigned(projection: exp.Expression) -> str | None:
    """The variable that a column of `SELECT @a = …` goes into."""
    is_assignment = isinstance(projection, exp.EQ) and isinstance(projection.this, exp.Parameter)
    return projection.this.name.lower() if is_assignment else None


def declared(words: str) -> list[tuple[str, str]]:
    """The parameters that a statement declares: `@P1 int,@P2 nvarchar(4000)`."""
    return re.findall(r"@(\w+)\s+(\w+(?:\([^)]*\))?)", words)
