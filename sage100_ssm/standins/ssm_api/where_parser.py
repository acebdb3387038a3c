"""The ``where`` of the SSM API: a small SQL-like language, parsed into a predicate over stored rows.

As in SQL, a comparison with a null is neither true nor false, and such a row is not shown.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sage100_ssm.standins.ssm_api.resources import ApiField, ApiType, Record, parse_date

Truth = bool | None
Keys = frozenset[tuple[str, Any]]
"""Some values of ``id`` and ``extId``, each with its field's name."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on a row.

    Attributes:
        test: whether a row satisfies it.
        keys: a row that satisfies it has one of these values; None where it may be any row.
    """

    test: Callable[[Record], Truth]
    keys: Keys | None = None

    def __call__(self, row: Record) -> Truth:
        """Whether a row satisfies it."""
        return self.test(row)


class BadWhereError(ValueError):
    """The text is not a ``where``, or names a field that the resource does not have."""


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
        inclusive: whether ``>`` and ``<`` are true of an equal date.
        ahead: how much is added to a date in the condition.
        ignored: whether every condition on a date is true.
    """

    inclusive: bool = False
    ahead: timedelta = timedelta()
    ignored: bool = False


IdRanges = Literal["hold", "ignored", "refused", "hidden"]
"""What comes of a condition such as ``id<7``: it holds, is true of every row, is refused, or is true of none."""

PLAIN_DATES = Dates()
"""Dates compared as they are."""

_INCLUSIVE = {">": ">=", "<": "<="}

_KEY_FIELDS = frozenset({"id", "extId"})

_KEYWORD_VALUES: Mapping[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def keyword(self) -> str:
        """The token as an operator or keyword; a quoted text is neither."""
        return "" if self.kind == "text" else self.text.upper()


_END = _Token("end", "")


def parse(
    text: str,
    fields: Mapping[str, ApiField],
    *,
    ignore_case: bool,
    dates: Dates = PLAIN_DATES,
    id_ranges: IdRanges = "hold",
) -> Predicate:
    """The predicate of a ``where``.

    Args:
        text: the condition, as in ``lastName='O''Neil' AND accountId.id IN (1,2)``.
        fields: the resource's fields by name.
        ignore_case: whether texts compare without case.
        dates: how dates are compared.
        id_ranges: what comes of a condition such as ``id<7``.

    Raises:
        BadWhereError: it cannot be parsed.
    """
    return _Parser(_tokens(text), fields, ignore_case=ignore_case, dates=dates, id_ranges=id_ranges).parse()


def equals(name: str, text: str, fields: Mapping[str, ApiField], *, ignore_case: bool) -> Predicate:
    """The predicate of a query parameter with a field's name (``?extId=C-1``).

    Raises:
        BadWhereError: the text does not fit the field.
    """
    field = _ComparedField(name, fields[name].type, ignore_case=ignore_case)
    return field.comparison("=", field.literal(_Token("text", "'" + text.replace("'", "''") + "'")))


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
class _ComparedField:
    """A field as it is compared."""

    name: str
    type: ApiType
    ignore_case: bool
    dates: Dates = PLAIN_DATES
    id_ranges: IdRanges = "hold"

    def value(self, row: Record) -> Any:
        """A row's value, in comparable form."""
        value = row.get(self.name)
        return value.casefold() if self.ignore_case and isinstance(value, str) else value

    def literal(self, token: _Token) -> Any:
        """The value of a literal that is compared with this field.

        Raises:
            BadWhereError: it does not fit the field's type.
        """
        if token.kind == "word":
            return self._keyword_value(token.text.upper())
        if token.kind not in {"text", "number"}:
            raise BadWhereError("a value is missing")
        text = token.text[1:-1].replace("''", "'") if token.kind == "text" else token.text
        try:
            return self._converted(text)
        except (ValueError, KeyError) as error:
            raise BadWhereError(f"a value does not fit {self.name}") from error

    def comparison(self, mark: str, literal: Any) -> Predicate:
        """The predicate ``field mark literal``."""
        if self.type is ApiType.DATE and self.dates.ignored:
            return Predicate(lambda _: True)
        if self.name == "id" and mark not in ("=", "<>") and self.id_ranges != "hold":
            if self.id_ranges == "refused":
                raise BadWhereError("ids are not compared")
            return Predicate(lambda _: self.id_ranges == "ignored")
        inclusive = self.type is ApiType.DATE and self.dates.inclusive
        compare = _COMPARISONS[_INCLUSIVE.get(mark, mark) if inclusive else mark]

        def test(row: Record) -> Truth:
            value = self.value(row)
            return None if value is None or literal is None else compare(value, literal)

        is_key = mark == "=" and self.name in _KEY_FIELDS
        return Predicate(test, frozenset({(self.name, literal)}) if is_key else None)

    def like(self, pattern: str) -> Predicate:
        """The predicate ``field LIKE pattern``, with ``%`` and ``_``."""
        wild = {"%": ".*", "_": "."}
        expression = re.compile("".join(wild.get(sign) or re.escape(sign) for sign in pattern), re.DOTALL)

        def test(row: Record) -> Truth:
            value = self.value(row)
            return None if value is None else expression.fullmatch(str(value)) is not None

        return Predicate(test)

    def _keyword_value(self, word: str) -> bool | None:
        if word not in _KEYWORD_VALUES or (word != "NULL" and self.type is not ApiType.BOOLEAN):
            raise BadWhereError(f"a value does not fit {self.name}")
        return _KEYWORD_VALUES[word]

    def _converted(self, text: str) -> Any:
        match self.type:
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
        self,
        tokens: list[_Token],
        fields: Mapping[str, ApiField],
        *,
        ignore_case: bool,
        dates: Dates,
        id_ranges: IdRanges,
    ) -> None:
        self._tokens, self._fields, self._ignore_case, self._dates = tokens, fields, ignore_case, dates
        self._id_ranges: IdRanges = id_ranges
        self._position = 0

    def parse(self) -> Predicate:
        predicate = self._disjunction()
        if self._next() is not _END:
            raise BadWhereError("something is left over at the end")
        return predicate

    def _disjunction(self) -> Predicate:
        parts = [self._conjunction()]
        while self._accept("OR"):
            parts.append(self._conjunction())
        return _any(parts)

    def _conjunction(self) -> Predicate:
        parts = [self._factor()]
        while self._accept("AND"):
            parts.append(self._factor())
        return _all(parts)

    def _factor(self) -> Predicate:
        if self._accept("NOT"):
            return _not(self._factor())
        if self._accept("("):
            inner = self._disjunction()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        field = self._field(self._next())
        if self._accept("IS"):
            return self._null_test(field)
        negated = self._accept("NOT")
        test = self._membership(field) if self._accept("IN") else self._like_or_mark(field, negated=negated)
        return _not(test) if negated else test

    def _null_test(self, field: _ComparedField) -> Predicate:
        wanted = not self._accept("NOT")
        self._expect("NULL")
        return Predicate(lambda row: (row.get(field.name) is None) is wanted)

    def _membership(self, field: _ComparedField) -> Predicate:
        self._expect("(")
        choices = [field.comparison("=", field.literal(self._next()))]
        while self._accept(","):
            choices.append(field.comparison("=", field.literal(self._next())))
        self._expect(")")
        return _any(choices)

    def _like_or_mark(self, field: _ComparedField, *, negated: bool) -> Predicate:
        mark = self._next().keyword
        if mark == "LIKE" and self._tokens[self._position].kind == "text":
            text = _ComparedField(field.name, ApiType.TEXT, ignore_case=self._ignore_case)
            return field.like(text.literal(self._next()))
        if mark not in _COMPARISONS or negated:
            raise BadWhereError("an operator is missing")
        return field.comparison(mark, field.literal(self._next()))

    def _field(self, token: _Token) -> _ComparedField:
        name, dot, part = token.text.partition(".")
        field = self._fields.get(name) if token.kind == "word" else None
        if field is None or field.type is ApiType.RAW:
            raise BadWhereError("a field that is not known")
        # A reference is named by its id: accountId.id = 12.
        if dot + part != (".id" if field.type is ApiType.REFERENCE else ""):
            raise BadWhereError("a field that is not known")
        return _ComparedField(field.name, field.type, self._ignore_case, self._dates, self._id_ranges)

    def _next(self) -> _Token:
        token = self._tokens[self._position]
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def _accept(self, keyword: str) -> bool:
        if self._tokens[self._position].keyword != keyword:
            return False
        self._next()
        return True

    def _expect(self, keyword: str) -> None:
        if not self._accept(keyword):
            raise BadWhereError(f"{keyword} is missing")


def _not(part: Predicate) -> Predicate:
    def test(row: Record) -> Truth:
        truth = part(row)
        return None if truth is None else not truth

    return Predicate(test)


def _any(parts: list[Predicate]) -> Predicate:
    keys = [part.keys for part in parts if part.keys is not None]
    return _joined(parts, True, frozenset().union(*keys) if len(keys) == len(parts) else None)  # noqa: FBT003 - a truth


def _all(parts: list[Predicate]) -> Predicate:
    return _joined(parts, False, next((part.keys for part in parts if part.keys is not None), None))  # noqa: FBT003 - a truth


def _joined(parts: list[Predicate], decisive: bool, keys: Keys | None) -> Predicate:  # noqa: FBT001 - a truth
    """One condition of several: one part of the decisive truth settles it, else one that is unknown leaves it so."""
    if len(parts) == 1:
        return parts[0]

    def test(row: Record) -> Truth:
        result: Truth = not decisive
        for part in parts:
            truth = part(row)
            if truth is decisive:
                return decisive
            result = None if truth is None else result
        return result

    return Predicate(test, keys)
