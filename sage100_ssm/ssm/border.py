"""What SSM sends, made fit to be kept: a row that cannot be is held back alone, and never stops the others."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sage100_ssm.ssm.values import STAMPS, Row, ext_id

_LARGEST_INTEGER = 2**63 - 1
"""What a database, and JSON as others read it, holds."""
_LONGEST_INTEGER = 400
"""Digits that Python is let to read; it refuses some thousands, and would with them the whole answer."""
_DEEPEST = 16
_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that cannot be kept.

    Attributes:
        id: its id, where that can be read.
        ext_id: its `extId`, where that can be read.
        known: those two, its names and whether it is deleted, by SSM's names; what cannot be read is missing.
        mark: the same for the same row, so that a page which comes again is noticed.
    """

    id: int | None
    ext_id: str | None
    mark: int = 0
    known: Row = field(default_factory=dict)


class _NotStorable(ValueError):  # noqa: N818 - named for what it is, a value
    """A value that no database and no JSON holds."""


def parsed(content: bytes) -> Any:
    """The JSON of an answer. Bytes that are no text become replacement characters.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    text = content.decode(json.detect_encoding(content), "replace")
    return json.loads(text.removeprefix("\ufeff"), parse_int=_integer)


def fit(item: Any) -> Row | Unreadable:
    """One item of a list as a row that can be kept, its id a whole number; or what is known of it if it cannot."""
    if not isinstance(item, Mapping):
        return Unreadable(None, None, _mark(item))
    identifier = _identifier(item.get("id"))
    try:
        row = {_text(name): _fit(value, _DEEPEST) for name, value in item.items()}
    except _NotStorable:
        row = None
    if identifier is None or row is None:
        mark = None if (given := ext_id(item)) is None else _text(given)
        return Unreadable(identifier, mark, _mark(item), _known(item, identifier, mark))
    return {**row, "id": identifier, **_stamps_with_zone(row)}


def _known(item: Row, identifier: int | None, mark: str | None) -> Row:
    """What can be read of a row that cannot be kept."""
    read = {"id": identifier, "extId": mark}
    names = {name: _text(item[name]) for name in ("lastName", "firstName") if isinstance(item.get(name), str)}
    deleted = {"deleted": item["deleted"]} if isinstance(item.get("deleted"), bool) else {}
    return {name: value for name, value in read.items() if value is not None} | names | deleted


def _mark(item: Any) -> int:
    try:
        return hash(repr(item))
    except RecursionError:
        return 0


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float("inf")


def _identifier(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and abs(value) <= _LARGEST_INTEGER else None


def _fit(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:  # NaN is not, either
            raise _NotStorable
        return value
    if not depth:
        raise _NotStorable
    if isinstance(value, list):
        return [_fit(item, depth - 1) for item in value]
    return {_text(name): _fit(item, depth - 1) for name, item in value.items()}


def _text(text: str) -> str:
    """A text that can be encoded and stored: lone surrogates replaced; without NUL, which PostgreSQL does not take."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return _SURROGATE.sub(_REPLACEMENT, text).replace("\0", "")


def _stamps_with_zone(row: Row) -> dict[str, str]:
    """The stamps of a row that name no zone, in UTC, which is what SSM means."""
    return {name: f"{row[name]}Z" for name in STAMPS if isinstance(row.get(name), str) and _lacks_zone(row[name])}


def _lacks_zone(stamp: str) -> bool:
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return False
    return moment.tzinfo is None and len(stamp) > len("2024-05-01")
