"""The ``where`` of the SSM API: a small SQL-like language, parsed into a predicate over stored rows.

Comparisons know SQL's third answer: what meets a null is neither true nor false, and such a row is not shown.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sage100_ssm.standins.ssm_api.resources import ApiField, ApiType, Record, parse_date

Truth = bool | None
Predicate = Callable[[Record], Truth]


class BadWhereError(ValueError):
    """The text is no ``where``, or names what the resource does not have."""


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<mark><>|<=|>=|[=<>(),])
      | (?P<word>[A-Za-z_][\w.]*)
    )\s*""",
    re.VERBOSE,
)

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Dates:
    """How dates are compared.

    Attributes:
        inclusive: whether ``>`` and ``<`` let an equal date through.
        ahead: how much later than it says a date in the condition is taken to be.
        ignored: whether every condition on a date is taken to hold.
    """

    inclusive: bool = False
    ahead: timedelta = timedelta()
    ignored: bool = False


PLAIN_DATES = Dates()
"""Dates compared as they stand."""

_INCLUSIVE = {">": ">=", "<": "<="}

_WORDS: Mapping[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def keyword(self) -> str:
        """The token as a mark or keyword; a quoted text is never one."""
        return "" if self.kind == "text" else self.text.upper()


_END = _Token("end", "")


def parse(text: str, fields: Mapping[str, ApiField], *, ignore_case: bool, dates: Dates = PLAIN_DATES) -> Predicate:
    """Turn a ``where`` into a predicate.

    Args:
        text: the condition, as in ``lastName='O''Neil' AND accountId.id IN (1,2)``.
        fields: the resource's fields by name.
        ignore_case: whether texts compare without case.
        dates: how dates are compared.

    Raises:
        BadWhereError: it cannot be understood.
    """
    return _Parser(_tokens(text), fields, ignore_case=ignore_case, dates=dates).whole()


def equals(name: str, text: str, fields: Mapping[str, ApiField], *, ignore_case: bool) -> Predicate:
    """The predicate of a query parameter that bears a field's name (``?extId=C-1``).

    Raises:
        BadWhereError: the text does not fit the field.
    """
    field = fields[name]
    column = _Column(field.name, field.kind, ignore_case=ignore_case)
    return column.compared("=", column.literal(_Token("text", "'" + text.replace("'", "''") + "'")))


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise BadWhereError(f"not understood from character {position}")
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return [*found, _END]


@dataclass(frozen=True, slots=True)
class _Column:
    """A field as it is compared."""

    name: str
    kind: ApiType
    ignore_case: bool
    dates: Dates = PLAIN_DATES

    def value(self, row: Record) -> Any:
        """What a row holds, in comparable form."""
        value = row.get(self.name)
        return value.casefold() if self.ignore_case and isinstance(value, str) else value

    def literal(self, token: _Token) -> Any:
        """What a literal means beside this column.

        Raises:
            BadWhereError: it does not fit.
        """
        if token.kind == "word":
            return self._word(token.text.upper())
        if token.kind not in {"text", "number"}:
            raise BadWhereError("a value is missing")
        text = token.text[1:-1].replace("''", "'") if token.kind == "text" else token.text
        try:
            return self._converted(text)
        except (ValueError, KeyError) as error:
            raise BadWhereError(f"a value does not fit {self.name}") from error

    def compared(self, mark: str, literal: Any) -> Predicate:
        """The predicate ``column mark literal``."""
        if self.kind is ApiType.DATE and self.dates.ignored:
            return lambda _: True
        inclusive = self.kind is ApiType.DATE and self.dates.inclusive
        compare = _COMPARISONS[_INCLUSIVE.get(mark, mark) if inclusive else mark]

        def test(row: Record) -> Truth:
            value = self.value(row)
            return None if value is None or literal is None else compare(value, literal)

        return test

    def like(self, pattern: str) -> Predicate:
        """The predicate ``column LIKE pattern``, with ``%`` and ``_``."""
        wild = {"%": ".*", "_": "."}
        expression = re.compile("".join(wild.get(sign) or re.escape(sign) for sign in pattern), re.DOTALL)

        def test(row: Record) -> Truth:
            value = self.value(row)
            return None if value is None else expression.fullmatch(str(value)) is not None

        return test

    def _word(self, word: str) -> bool | None:
        if word not in _WORDS or (word != "NULL" and self.kind is not ApiType.BOOLEAN):
            raise BadWhereError(f"a value does not fit {self.name}")
        return _WORDS[word]

    def _converted(self, text: str) -> Any:
        match self.kind:
            case ApiType.INTEGER | ApiType.REFERENCE:
                return int(text)
            case ApiType.NUMBER:
                return float(text)
            case ApiType.BOOLEAN:
                return {"0": False, "1": True, "false": False, "true": True}[text.lower()]
            case ApiType.DATE:
                return parse_date(text) + self.dates.ahead
            case _:
                return text.casefold() if self.ignore_case else text


class _Parser:
    """Recursive descent over ``or``, ``and``, ``not``, parentheses and comparisons."""

    def __init__(
        self, tokens: list[_Token], fields: Mapping[str, ApiField], *, ignore_case: bool, dates: Dates
    ) -> None:
        self._tokens, self._fields, self._ignore_case, self._dates = tokens, fields, ignore_case, dates
        self._position = 0

    def whole(self) -> Predicate:
        predicate = self._any()
        if self._next() is not _END:
            raise BadWhereError("something is left over at the end")
        return predicate

    def _any(self) -> Predicate:
        parts = [self._all()]
        while self._took("OR"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda row: _or([part(row) for part in parts])

    def _all(self) -> Predicate:
        parts = [self._one()]
        while self._took("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda row: _not(_or([_not(part(row)) for part in parts]))

    def _one(self) -> Predicate:
        if self._took("NOT"):
            negated = self._one()
            return lambda row: _not(negated(row))
        if self._took("("):
            inner = self._any()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        column = self._column(self._next())
        if self._took("IS"):
            return self._null_test(column)
        negated = self._took("NOT")
        test = self._membership(column) if self._took("IN") else self._like_or_mark(column, negated=negated)
        return (lambda row: _not(test(row))) if negated else test

    def _null_test(self, column: _Column) -> Predicate:
        wanted = not self._took("NOT")
        self._expect("NULL")
        return lambda row: (row.get(column.name) is None) is wanted

    def _membership(self, column: _Column) -> Predicate:
        self._expect("(")
        choices = [column.compared("=", column.literal(self._next()))]
        while self._took(","):
            choices.append(column.compared("=", column.literal(self._next())))
        self._expect(")")
        return lambda row: _or([choice(row) for choice in choices])

    def _like_or_mark(self, column: _Column, *, negated: bool) -> Predicate:
        mark = self._next().keyword
        if mark == "LIKE" and self._tokens[self._position].kind == "text":
            text = _Column(column.name, ApiType.TEXT, ignore_case=self._ignore_case)
            return column.like(text.literal(self._next()))
        if mark not in _COMPARISONS or negated:
            raise BadWhereError("an operator is missing")
        return column.compared(mark, column.literal(self._next()))

    def _column(self, token: _Token) -> _Column:
        name, dot, part = token.text.partition(".")
        field = self._fields.get(name) if token.kind == "word" else None
        if (
            field is None
            or field.kind is ApiType.RAW
            or (dot + part) != (".id" if field.kind is ApiType.REFERENCE else "")
        ):
            raise BadWhereError("a field that is not known")
        return _Column(field.name, field.kind, ignore_case=self._ignore_case, dates=self._dates)

    def _next(self) -> _Token:
        token = self._tokens[self._position]
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def _took(self, keyword: str) -> bool:
        if self._tokens[self._position].keyword != keyword:
            return False
        self._next()
        return True

    def _expect(self, keyword: str) -> None:
        if not self._took(keyword):
            raise BadWhereError(f"{keyword} is missing")


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _or(truths: list[Truth]) -> Truth:
    if any(truths):
        return True
    return None if None in truths else False
