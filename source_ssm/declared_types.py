"""Values of the types that the schemas declare: SSM documents them, and may not always keep to them."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sage100_ssm.ssm.values import FLAT_ID, Row
from source_ssm.schemas import Schema, flat_id, is_reference

_logger = logging.getLogger("airbyte")
_UNDECLARED = "%s has fields that the catalog does not declare, refresh its schema to get them: %s."
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_FLAGS: Mapping[Any, bool] = {0: False, 1: True, "false": False, "true": True}


class DeclaredTypes:
    """Converts the values of rows to the types that a schema declares, where nothing is lost by it.

    Any other value is passed on as it is, and logged once for its field: a type is no reason to drop a row. Beside each
    reference comes a column that contains its id alone.

    Args:
        stream: the stream's name.
        schema: its schema.
        configured: the schema in the configured catalog, whose types count for fields that `schema` does not have.
    """

    def __init__(self, stream: str, schema: Schema, configured: Schema | None = None) -> None:
        known, others = schema["properties"], (configured or {}).get("properties")
        tenants = {n: f for n, f in others.items() if n not in known} if isinstance(others, Mapping) else {}
        self._stream = stream
        self._kinds = {**_kinds_of(known, _TEXT), **_kinds_of(tenants, _ANY_AS_TEXT)}
        self._declared = {*known, *tenants} if others else None
        self._own = {name for name, field in tenants.items() if name.endswith(FLAT_ID) and not _is_flat_id(name, field)}
        self._logged: set[str] = set()

    def __call__(self, row: Row) -> Row:
        """A row with the declared types, and the ids of its references."""
        if self._declared is not None and (others := row.keys() - self._declared):
            self._declared |= others
            _logger.info(_UNDECLARED, self._stream, ", ".join(sorted(others)))
        wrong = [
            name
            for name, kind in self._kinds.items()
            if (value := row.get(name)) is not None and not kind.contains(value)
        ]
        typed = {**row, **{name: self._converted(name, row[name]) for name in wrong}}
        flat = {
            name + FLAT_ID: _id_of(value)
            for name, value in typed.items()
            if self._kinds.get(name) is _REFERENCE or (isinstance(value, Mapping) and "id" in value)
        }
        return {**typed, **{name: value for name, value in flat.items() if name not in row and name not in self._own}}

    def _converted(self, name: str, value: Any) -> Any:
        kind = self._kinds[name]
        if value == "" and name != "deleted":
            return None  # SSM means the same by both
        # Only `true` is a deletion: a destination would delete what "false" or 1 marks, if it were converted.
        converted = None if name == "deleted" else kind.convert(value)
        if converted is not None:
            return converted
        if name not in self._logged:
            self._logged.add(name)
            given = type(value).__name__
            _logger.warning("%s has values in %s of a type not declared (%s): passed on.", self._stream, name, given)
        return value


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of field: what values it contains, and a conversion to one of them that returns None where it cannot."""

    contains: Callable[[Any], bool]
    convert: Callable[[Any], Any]


def _of(*types: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in types


def _has_zone(value: Any) -> bool:
    return isinstance(value, str) and value.endswith("Z")


def _moment(value: Any) -> str | None:
    """A date and time with its zone: SSM means UTC where it names none."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return str(value) if moment.tzinfo else f"{moment.isoformat()}Z"


def _text(value: Any) -> str | None:
    return str(value) if type(value) in {int, float} else None


def _whole(value: Any) -> int | None:
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _flag(value: Any) -> bool | None:
    return _FLAGS.get(value) if isinstance(value, str | int) else None


def _reference(value: Any) -> Row | None:
    """A reference from a bare id, as some lists have it."""
    identifier = value if type(value) is int else _whole(value)
    return None if identifier is None else {"id": identifier}


def _nothing(_: Any) -> None:
    return None


def _id_of(reference: Any) -> int | None:
    identifier = reference.get("id") if isinstance(reference, Mapping) else None
    return identifier if type(identifier) is int else _whole(identifier)


def _is_flat_id(name: str, field: Any) -> bool:
    """Whether a declared field is the column of a reference's id, and not a tenant's own field of such a name."""
    flat = flat_id(name.removesuffix(FLAT_ID))
    return isinstance(field, Mapping) and field.get("description", flat["description"]) == flat["description"]


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_REFERENCE = _Kind(_of(dict), _reference)
_MOMENT = _Kind(_has_zone, _moment)
_TEXT = _Kind(_of(str), _text)
_ANY_AS_TEXT = _Kind(_of(str), _as_text)
"""For a tenant's fields of which no value was known when the catalog was made: a number, or JSON."""
_KINDS: Mapping[str, _Kind] = {
    "integer": _Kind(_of(int), _whole),
    "number": _Kind(_of(int, float), _number),
    "boolean": _Kind(_of(bool), _flag),
    "object": _Kind(_of(dict), _nothing),
    "array": _Kind(_of(list), _nothing),
}


def _kinds_of(fields: Mapping[str, Any], text: _Kind) -> dict[str, _Kind]:
    """The kinds of declared fields, without those that declare no type, or several."""
    return {name: kind for name, field in fields.items() if (kind := _kind_of(field, text))}


def _kind_of(field: Any, text: _Kind) -> _Kind | None:
    named = field.get("type") if isinstance(field, Mapping) else None
    types = {named} if isinstance(named, str) else {*map(str, named)} - {"null"} if isinstance(named, list) else set()
    if len(types) != 1:
        return None
    if is_reference(field):
        return _REFERENCE
    if "string" in types:
        return _MOMENT if field.get("format") == "date-time" else text
    return _KINDS.get(types.pop())
