"""Values of the types that the schemas declare: SSM documents them, and may not always keep to them."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sage100_ssm.ssm.values import Row
from source_ssm.schemas import Schema

_logger = logging.getLogger("airbyte")
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_FLAGS: Mapping[Any, bool] = {0: False, 1: True, "false": False, "true": True}


class DeclaredTypes:
    """Converts the values of rows to the types that a schema declares, where nothing is lost by it.

    Any other value is passed on as it is, and logged once for its field: a type is no reason to drop a row.

    Args:
        stream: the stream's name.
        schema: its schema.
    """

    def __init__(self, stream: str, schema: Schema) -> None:
        kinds = {name: frozenset(field.get("type", ())) - {"null"} for name, field in schema["properties"].items()}
        self._stream = stream
        self._kinds = {name: _KINDS[kind] for name, kind in kinds.items() if kind in _KINDS}
        self._logged: set[str] = set()

    def __call__(self, row: Row) -> Row:
        """A row with the declared types."""
        wrong = [
            name
            for name, kind in self._kinds.items()
            if (value := row.get(name)) is not None and type(value) not in kind.types
        ]
        return {**row, **{name: self._converted(name, row[name]) for name in wrong}} if wrong else row

    def _converted(self, name: str, value: Any) -> Any:
        # Only `true` is a deletion: a destination would delete what "false" or 1 marks, if it were converted.
        converted = None if name == "deleted" else self._kinds[name].convert(value)
        if converted is not None:
            return converted
        if name not in self._logged:
            self._logged.add(name)
            kind = type(value).__name__
            _logger.warning("%s has values in %s of a type not declared (%s): passed on.", self._stream, name, kind)
        return value


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of field: the right types, and a conversion to one of them that returns None where it cannot."""

    types: frozenset[type]
    convert: Callable[[Any], Any]


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


_KINDS: Mapping[frozenset[str], _Kind] = {
    frozenset({"string"}): _Kind(frozenset({str}), _text),
    frozenset({"integer"}): _Kind(frozenset({int}), _whole),
    frozenset({"number"}): _Kind(frozenset({int, float}), _number),
    frozenset({"boolean"}): _Kind(frozenset({bool}), _flag),
    frozenset({"object", "integer"}): _Kind(frozenset({dict, int}), _whole),
}
