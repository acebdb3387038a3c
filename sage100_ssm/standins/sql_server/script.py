"""A batch of T-SQL taken apart: queries, which sqlglot parses, and control of flow around them (IF, DECLARE, EXEC…).

Statements end at a semicolon, at END and at ELSE; control of flow is recognised by its first word.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.tokenizer_core import Token, TokenType

from sage100_ssm.standins.sql_server.errors import native
from sage100_ssm.standins.sql_server.sqltypes import SqlType, type_named

_TRANSACTION = {"TRAN", "TRANSACTION"}
_CONTROL_OF_FLOW = {
    "IF",
    "BEGIN",
    "RAISERROR",
    "THROW",
    "EXEC",
    "EXECUTE",
    "SET",
    "DECLARE",
    "ROLLBACK",
    "COMMIT",
    "RETURN",
    "PRINT",
}
_QUOTED = {TokenType.STRING, TokenType.NATIONAL_STRING, TokenType.IDENTIFIER}
_STATEMENTS = _CONTROL_OF_FLOW | {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "WITH"}


@dataclass(frozen=True)
class Query:
    """A statement that sqlglot has parsed.

    Attributes:
        tree: the statement.
        text: as it was written.
    """

    tree: exp.Expr
    text: str


@dataclass(frozen=True)
class Block:
    """Statements, carried out one after the other."""

    statements: "tuple[Statement, ...]"


@dataclass(frozen=True)
class If:
    """A statement under a condition.

    Attributes:
        condition: a query that returns a row if it holds.
        then: what is done then.
        otherwise: what is done else.
    """

    condition: exp.Expr
    then: "Statement"
    otherwise: "Statement | None"


@dataclass(frozen=True)
class Declare:
    """A new variable.

    Attributes:
        name: in lower case.
        kind: its type.
        value: its first value, as a query.
    """

    name: str
    kind: SqlType
    value: exp.Expr | None


@dataclass(frozen=True)
class Assign:
    """A new value of a variable.

    Attributes:
        name: the variable.
        value: as a query.
    """

    name: str
    value: exp.Expr


@dataclass(frozen=True)
class Option:
    """A setting of the session: the words after SET."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Transaction:
    """BEGIN, COMMIT or ROLLBACK."""

    verb: str


@dataclass(frozen=True)
class Raise:
    """RAISERROR or THROW.

    Attributes:
        verb: which of them.
        arguments: as queries: message or number, severity, state; of THROW number, message, state.
    """

    verb: str
    arguments: tuple[exp.Expr, ...]


@dataclass(frozen=True)
class Call:
    """EXEC.

    Attributes:
        procedure: in lower case.
        arguments: pairs of a name, empty where the argument is given by its place, and a query.
        result: the variable that takes what the procedure returns.
    """

    procedure: str
    arguments: tuple[tuple[str, exp.Expr], ...]
    result: str | None


@dataclass(frozen=True)
class Return:
    """The batch ends here."""


@dataclass(frozen=True)
class CreateTrigger:
    """A trigger.

    Attributes:
        name: its name.
        table: the table whose rows it watches.
        events: after which statements it runs: INSERT, UPDATE, DELETE.
        body: what it runs.
        text: as it was written.
    """

    name: str
    table: str
    events: frozenset[str]
    body: Block
    text: str = field(default="", repr=False)


Statement = Query | Block | If | Declare | Assign | Option | Transaction | Raise | Call | Return | CreateTrigger


@lru_cache(maxsize=2000)
def parsed(batch: str) -> Block:
    """The statements of a batch.

    Raises:
        SqlError: it cannot be understood (102).
    """
    return _Parser(batch).batch()


class _Parser:
    def __init__(self, batch: str) -> None:
        self._text, self._at = batch, 0
        self._tokens: list[Token] = TSQL().tokenize(batch)

    def batch(self) -> Block:
        statements = []
        while not self._skip_semicolons():
            statements.append(self._statement())
        return Block(tuple(statements))

    # --- tokens

    def _word(self, ahead: int = 0) -> str:
        at = self._at + ahead
        if at >= len(self._tokens):
            return ""
        return "''" if self._tokens[at].token_type in _QUOTED else self._tokens[at].text.upper()

    def _take(self, *words: str) -> bool:
        if self._word() in words:
            self._at += 1
            return True
        return False

    def _name(self) -> str:
        """The last part of a name, without brackets."""
        name = self._tokens[self._at].text
        self._at += 1
        return self._name() if self._take(".") else name

    def _skip_semicolons(self) -> bool:
        while self._take(";"):
            pass
        return self._at >= len(self._tokens)

    def _upto(self, *stops: str, statements: bool = False, comma: bool = False) -> str:
        """The text up to, and without, one of some words outside parentheses and CASE.

        Args:
            stops: the words.
            statements: whether the first word of a statement stops it, too.
            comma: whether a comma stops it, too, or a parenthesis that it did not open.
        """
        start, depth = self._at, 0
        while self._at < len(self._tokens):
            word = self._word()
            stop = word in {";", *stops} or (statements and word in _STATEMENTS) or (comma and word == ",")
            if depth == 0 and self._at > start and stop:
                break
            if depth == 0 and word == ")" and comma:
                break
            depth += {"(": 1, "CASE": 1, ")": -1}.get(word, -1 if word == "END" and depth else 0)
            self._at += 1
        if start == self._at:
            return ""
        return self._text[self._tokens[start].start : self._tokens[self._at - 1].end + 1]

    def _value(self, *stops: str) -> exp.Expr:
        return query(f"SELECT {self._upto(*stops, 'END', 'ELSE', comma=True)}")

    # --- statements

    def _statement(self) -> Statement:
        word = self._word()
        if word == "BEGIN" and self._word(1) not in _TRANSACTION:
            return self._block()
        if word in {"BEGIN", "COMMIT", "ROLLBACK"}:
            self._upto("END", "ELSE")
            return Transaction(word)
        if word == "CREATE" and self._word(1) == "TRIGGER":
            return self._trigger()
        control: Mapping[str, Callable[[], Statement]] = {
            "IF": self._if,
            "DECLARE": self._declare,
            "SET": self._set,
            "RAISERROR": self._raise,
            "THROW": self._raise,
            "EXEC": self._call,
            "EXECUTE": self._call,
            "RETURN": self._return,
        }
        if word in control:
            self._at += 1
            return control[word]()
        if self._at == 0 and word.startswith("SP_"):
            return self._call()
        text = self._upto("END", "ELSE")
        return Query(query(text), text)

    def _block(self) -> Block:
        self._at += 1
        statements = []
        while not self._skip_semicolons() and not self._take("END"):
            statements.append(self._statement())
        return Block(tuple(statements))

    def _if(self) -> If:
        condition = query(f"SELECT 1 WHERE {self._upto(statements=True)}")
        then = self._statement()
        mark = self._at
        self._skip_semicolons()
        if self._take("ELSE"):
            return If(condition, then, self._statement())
        self._at = mark
        return If(condition, then, None)

    def _declare(self) -> Block:
        declared = []
        while True:
            self._take("@")
            name = self._name()
            self._take("AS")
            kind = type_named(self._upto("=", comma=True))
            value = self._value() if self._take("=") else None
            declared.append(Declare(name.lower(), kind, value))
            if not self._take(","):
                return Block(tuple(declared))

    def _set(self) -> Statement:
        if not self._take("@"):
            return Option(tuple(self._upto("END", "ELSE").upper().split()))
        name = self._name()
        self._take("=")
        return Assign(name.lower(), self._value())

    def _raise(self) -> Raise:
        verb = self._tokens[self._at - 1].text.upper()
        in_parentheses = self._take("(")
        arguments = [self._value()] if self._word() not in {";", ""} else []
        while self._take(","):
            arguments.append(self._value())
        if in_parentheses:
            self._take(")")
        if self._word() == "WITH":
            self._upto("END", "ELSE")
        return Raise(verb, tuple(arguments))

    def _call(self) -> Call:
        result = None
        if self._word() == "@" and self._word(2) == "=":
            self._at += 1
            result = self._name().lower()
            self._take("=")
        procedure = self._name()
        arguments = []
        while self._word() not in {";", "", "END", "ELSE"}:
            name = ""
            if self._word() == "@" and self._word(2) == "=":
                name = self._word(1).lower()
                self._at += 3
            arguments.append((name, self._value()))
            self._take(",")
        return Call(procedure.lower(), tuple(arguments), result)

    def _return(self) -> Return:
        self._upto("END", "ELSE")
        return Return()

    def _trigger(self) -> CreateTrigger:
        start = self._tokens[self._at].start
        self._at += 2
        name = self._name()
        self._take("ON")
        table = self._name()
        events = {self._tokens[self._at].text.upper()}
        while not self._take("AS"):
            if self._at >= len(self._tokens):
                raise native(102, near=self._text[start : start + 60])
            events.add(self._word())
            self._at += 1
        body = self.batch()
        return CreateTrigger(name, table, frozenset(events & {"INSERT", "UPDATE", "DELETE"}), body, self._text[start:])


@lru_cache(maxsize=2000)
def query(text: str) -> exp.Expr:
    """The tree that sqlglot makes of a statement.

    Raises:
        SqlError: sqlglot does not understand it (102).
    """
    try:
        return sqlglot.parse_one(text, read="tsql")
    except sqlglot.errors.SqlglotError as error:
        raise native(102, near=text[:60]) from error
