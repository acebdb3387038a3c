"""The fields that an instance has beside those that SSM documents: a tenant's own (``Z_…``), and SSM's newer ones.

A type is declared only where nothing contradicts it, since a typed destination drops what does not fit: the type that
the instance's schema names, unless a value is of another one; without a schema the one type of the values that were
seen; else text.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sage100_ssm.exchange.record import DELETED_AT
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Forbidden, PassingError, Rejected, SsmError
from sage100_ssm.ssm.responses import SchemaField
from sage100_ssm.ssm.values import Row, parse_stamp
from source_ssm import schemas
from source_ssm.incremental import CURSOR
from source_ssm.schemas import Schema

_logger = logging.getLogger("airbyte")
_COMPUTED = frozenset({CURSOR, DELETED_AT})
_FITTING: Mapping[str, frozenset[str]] = {
    "integer": frozenset({"integer"}),
    "number": frozenset({"integer", "number"}),
    "boolean": frozenset({"boolean"}),
    "string": frozenset({"string", "moment"}),
    "moment": frozenset({"moment"}),
    "reference": frozenset({"reference", "integer"}),
    "object": frozenset({"object", "reference"}),
    "array": frozenset({"array"}),
}
"""The kinds of values that fit a kind of field."""


class TenantFields:
    """The fields of an instance, found by one or two requests for each stream.

    Args:
        client: the client.
    """

    def __init__(self, client: SsmClient) -> None:
        self._client = client
        self._has_schemas = True

    def added_to(self, schema: Schema, resource: str) -> Schema:
        """A schema with the fields of a resource that it does not have.

        Raises:
            SsmError: SSM cannot be read.
        """
        rows = self._some_rows(resource)  # first: this says whether SSM can be read at all
        return with_tenant_fields(schema, self._described(resource), rows)

    def _described(self, resource: str) -> Mapping[str, SchemaField]:
        """The fields as the instance describes them; none where it does not."""
        if not self._has_schemas:
            return {}
        try:
            return self._client.schema(resource)
        except SsmError as error:
            # What took several tries is not asked for again.
            _logger.info("Sage Sales Management does not describe the fields of %s: %s", resource, error)
            self._has_schemas = not isinstance(error, PassingError)
            return {}

    def _some_rows(self, resource: str) -> Sequence[Row]:
        """A page of rows; none where the keys give no right to them, which only reading them has to say."""
        with suppress(Rejected, Forbidden):
            if page := next(self._client.pages(resource), None):
                return page.rows
        return ()


def with_tenant_fields(schema: Schema, described: Mapping[str, SchemaField], rows: Sequence[Row]) -> Schema:
    """A schema with the fields that it does not have and the instance has.

    Args:
        schema: the schema.
        described: the fields as the instance describes them; empty where it does not.
        rows: some rows.
    """
    known = schema["properties"].keys() | _COMPUTED
    # A name that cannot be printed, such as one with half a surrogate pair, could not be written as JSON.
    names = [
        name for name in dict.fromkeys([*described, *(n for row in rows for n in row)]) if name and name.isprintable()
    ]
    own = {
        name: _field(described.get(name), [row[name] for row in rows if row.get(name) not in (None, "")])
        for name in names
        if name not in known
    }
    return {**schema, "properties": {**schema["properties"], **own}}


def _field(described: SchemaField | None, values: Sequence[Any]) -> Schema:
    words = described.description.strip() if described else ""
    description = f"A field of this tenant: {words}" if words.isprintable() and words else "A field of this tenant."
    kind = _kind(described, values)
    if kind == "reference":
        return schemas.reference(description)
    if kind == "moment":
        return schemas.moment(description)
    return schemas.nullable(kind, description)


def _kind(described: SchemaField | None, values: Iterable[Any]) -> str:
    seen = {_kind_of(value) for value in values}
    promised = _promised(described) if described else None
    if promised and seen <= _FITTING[promised]:
        return promised
    if seen <= _FITTING["number"] and seen:
        return "number"  # that those seen are whole does not make the others so
    if seen == {"moment"}:
        return "string"  # likewise: any text may follow
    return seen.pop() if len(seen) == 1 else "string"


def _promised(described: SchemaField) -> str | None:
    """The kind that the instance's schema names; None where it names none, several, or one that is not known."""
    if len(described.types) != 1:
        return None
    (kind,) = described.types
    if kind == "object" and described.is_reference:
        return "reference"
    if kind == "string" and described.is_moment:
        return "moment"
    return kind if kind in _FITTING else None


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "moment" if _is_moment(value) else "string"
        case list():
            return "array"
        case _:
            return "reference" if type(value.get("id")) is int else "object"


def _is_moment(text: str) -> bool:
    """Whether a text is a date and time; SSM writes 1900 for none."""
    return parse_stamp(text) is not None or text.startswith(("1899-", "1900-"))
