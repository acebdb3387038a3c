"""One client's session: its batches, its transaction, its triggers, and its answers."""

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
from sage100_ssm.standins.sql_server.rows import Frame, Rows, Variables
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
    """What a client says of itself when it logs in."""

    user: str = ""
    password: str = ""
    database: str = ""
    application: str = ""
    host: str = ""


@dataclass(frozen=True)
class Done:
    """The end of a statement that returns no rows.

    Attributes:
        count: how many rows it changed; None where that is not reported.
    """

    count: int | None


@dataclass(frozen=True)
class TransactionChange:
    """A transaction began, was committed or was undone.

    Attributes:
        verb: BEGIN, COMMIT or ROLLBACK.
    """

    verb: str


Answer = Result | Done | TransactionChange | SqlError
AnswerSink = Callable[[Answer], None]


_USER_ERROR = 50000
"""The number of an error that is raised with a text of the application's own."""
_TIMED_OUT, _DEADLOCK, _NO_TRANSACTION = -1, -3, -999
"""What sp_getapplock returns where it does not grant the lock."""


class _Returned(Exception):  # noqa: N818 - the way out of a batch
    """RETURN ends the batch."""


class Session(Rows):
    """A session on a database.

    Args:
        process: its number, @@SPID.
        login: what the client said of itself.
        database: the database.
        locks: the server's locks, whose mutex is held while a statement is carried out.
        check_for_attention: called while it waits for a lock; raises where the client has given up.
        messages: sys.messages: the application's own messages by number.

    Attributes:
        login: what the client said of itself.
        row_count: @@ROWCOUNT.
    """

    def __init__(
        self,
        process: int,
        login: Login,
        database: Database,
        locks: Locks,
        check_for_attention: Callable[[], None],
        messages: Mapping[int, str],
    ) -> None:
        super().__init__(process, check_for_attention, database, locks)
        self.login, self.row_count = login, 0
        self._messages = messages
        self._aborts = self._no_count = self._explicit = False

    # --- batches

    def run(self, batch: str, variables: Variables, answer: AnswerSink) -> None:
        """Carry out a batch.

        Args:
            batch: its text.
            variables: its parameters; it may declare more.
            answer: receives what comes of it, errors included.
        """
        with self._locks.mutex:
            try:
                self._block(parsed(batch), variables, answer)
            except _Returned:
                pass
            except SqlError as error:
                answer(error)
                if self.in_transaction and (error.undoes_transaction or self._aborts):
                    self.end("ROLLBACK", answer)

    def begin(self, answer: AnswerSink) -> None:
        """Begin a transaction."""
        self.in_transaction = self._explicit = True
        answer(TransactionChange("BEGIN"))

    def end(self, verb: str, answer: AnswerSink = lambda _: None) -> None:
        """Commit or undo the transaction.

        Args:
            verb: COMMIT or ROLLBACK.
            answer: receives that it has ended.

        Raises:
            SqlError: there is none (3902, 3903).
        """
        with self._locks.mutex:
            if not self.in_transaction:
                raise native(3902 if verb == "COMMIT" else 3903)
            if verb == "ROLLBACK":
                self._undo(0)
            self._changes.clear()
            self.in_transaction = False
            self._locks.release(self)
            if self._explicit:
                answer(TransactionChange(verb))
            self._explicit = False

    def close(self) -> None:
        """End the session: what was not committed is undone."""
        with self._locks.mutex:
            self._undo(0)
            self._locks.release(self)

    def applock_mode(self, name: Any) -> str:
        """The mode in which the session holds the lock of a name, as APPLOCK_MODE returns it."""
        owner, _ = self._locks.held.get(self._named(name), (None, None))
        return "Exclusive" if owner is self else "NoLock"

    # --- control of flow

    def _block(self, block: Block, variables: Variables, answer: AnswerSink) -> None:
        for statement in block.statements:
            self._statement(statement, variables, answer)

    def _statement(self, statement: Statement, variables: Variables, answer: AnswerSink) -> None:  # noqa: C901, PLR0912
        match statement:
            case Query():
                self._query(statement, variables, answer)
            case Block():
                self._block(statement, variables, answer)
            case If(condition, then, otherwise):
                if self._rows(condition, variables).rows:
                    self._statement(then, variables, answer)
                elif otherwise is not None:
                    self._statement(otherwise, variables, answer)
            case Declare(name, kind, value):
                variables[name] = (kind, None if value is None else kind.stored(self._value(value, variables)))
            case Assign(name, value):
                kind, _ = variables[name]
                variables[name] = (kind, kind.stored(self._value(value, variables)))
            case Option(words):
                self._set(words)
            case Transaction("BEGIN"):
                self.begin(answer)
            case Transaction(verb):
                self.end(verb, answer)
            case Raise():
                self._raise(statement, variables, answer)
            case Call():
                self._call(statement, variables, answer)
            case CreateTrigger():
                self.database.create_trigger(statement)
            case Return():
                raise _Returned

    def _set(self, words: tuple[str, ...]) -> None:
        match words:
            case ("LOCK_TIMEOUT", number):
                self.lock_timeout = int(number)
            case ("XACT_ABORT", switch):
                self._aborts = switch == "ON"
            case ("NOCOUNT", switch):
                self._no_count = switch == "ON"

    def _raise(self, statement: Raise, variables: Variables, answer: AnswerSink) -> None:
        what, *rest = (self._value(argument, variables) for argument in statement.arguments)
        if statement.verb == "THROW":
            raise SqlError(int(what), str(rest[0]))
        if isinstance(what, int):
            message = self._messages.get(what)
            if message is None:
                raise native(18054, error=what)
            answer(SqlError(what, message, severity=int(rest[0])))
        else:
            answer(SqlError(_USER_ERROR, str(what), severity=int(rest[0])))

    def _call(self, call: Call, variables: Variables, answer: AnswerSink) -> None:
        given = {name: self._value(value, variables) for name, value in call.arguments}
        if call.procedure == "sp_datatype_info_100":
            answer(catalogue.type_info(self._value(call.arguments[0][1], variables)))
            return
        if call.procedure in self.database.without or call.procedure not in {"sp_getapplock", "sp_releaseapplock"}:
            raise native(2812, name=call.procedure)
        result = 0
        if call.procedure == "sp_releaseapplock":
            self._locks.release(self, {self._named(given.get("resource"))})
        else:
            result = self._applock_acquired(given)
        if call.result:
            variables[call.result] = (SqlType("int"), result)
        answer(Done(None))

    def _applock_acquired(self, given: Mapping[str, Any]) -> int:
        """Take a lock by its name; what sp_getapplock returns."""
        if not self.in_transaction and str(given.get("lockowner", "Transaction")) == "Transaction":
            return _NO_TRANSACTION
        resource, timeout = self._named(given.get("resource")), int(given.get("locktimeout", self.lock_timeout))
        try:
            return self._locks.acquire_named(self, resource, timeout)
        except SqlError as error:
            return _DEADLOCK if error.undoes_transaction else _TIMED_OUT

    # --- queries

    def _run(self, sql: str, variables: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        # Functions such as SCOPE_IDENTITY are about the session whose statement calls them.
        self.database.session = self
        return super()._run(sql, variables)

    def _query(self, statement: Query, variables: Variables, answer: AnswerSink) -> None:
        tree = statement.tree
        match tree:
            case exp.Query():
                self._select(tree, variables, answer)
            case exp.Insert() | exp.Update() | exp.Delete():
                self.row_count = self._write(tree, variables, lambda trigger, rows: self._fire(trigger, rows, answer))
                answer(Done(None if self._no_count else self.row_count))
            case exp.Create(kind="TABLE"):
                self.database.create_table(tree, sqlite_text)
                answer(Done(None))
            case exp.Create(kind="INDEX"):
                self.database.create_index(tree)
                answer(Done(None))
            case exp.Drop():
                self.database.drop(tree)
                answer(Done(None))
            case _:
                raise native(102, near=statement.text[:60])

    def _select(self, tree: exp.Query, variables: Variables, answer: AnswerSink) -> None:
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
        answer(result)

    # --- triggers

    def _fire(self, trigger: CreateTrigger, rows: Frame, answer: AnswerSink) -> None:
        """Run a trigger.

        Raises:
            SqlError: its own error, or that it has undone the transaction (3609); the batch ends with either.
        """
        identity = self.identity
        self._firing.append(trigger.name)
        self._frames.append(rows)
        try:
            self._show_rows()
            self._block(trigger.body, {}, answer)
        except _Returned:
            pass
        except SqlError as error:
            error.undoes_transaction = True
            raise
        finally:
            self._firing.pop()
            self._frames.pop()
            self._show_rows()
            self.identity = identity
        if not self.in_transaction:
            raise native(3609)

    def _show_rows(self) -> None:
        """Fill the tables `inserted` and `deleted` for the innermost trigger under way."""
        for name in ("inserted", "deleted"):
            self._run(f"DROP TABLE IF EXISTS temp.{name}", {})
            if self._frames:
                frame = self._frames[-1]
                columns = ", ".join(f'"{column}"' for column in frame.table.stored)
                self._run(f"CREATE TEMP TABLE {name} ({columns})", {})
                marks = ", ".join("?" * len(frame.table.stored))
                for row in frame.inserted if name == "inserted" else frame.deleted:
                    self.database.run(f"INSERT INTO temp.{name} VALUES ({marks})", row)  # noqa: S608


def _assigned(projection: exp.Expr) -> str | None:
    """The variable that a column of `SELECT @a = …` is assigned to; None for a plain column."""
    is_assignment = isinstance(projection, exp.EQ) and isinstance(projection.this, exp.Parameter)
    return projection.this.name.lower() if is_assignment else None


def declared(declaration: str) -> list[tuple[str, str]]:
    """The names and types of the parameters in a declaration such as `@P1 int,@P2 nvarchar(4000)`."""
    return re.findall(r"@(\w+)\s+(\w+(?:\([^)]*\))?)", declaration)
