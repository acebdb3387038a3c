"""JSON schemas of the streams, from the columns that the database has."""

from typing import Any

from sqlalchemy import ColumnElement, Numeric, String

from sage100_ssm.exchange.record import COMPANY, DELETED_AT
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.layout import Layout
from sage100_ssm.sage100.tables import LocalTime

Schema = dict[str, Any]

_COMPANY: Schema = {
    "type": "string",
    "description": "Name of the company (setting company), whose own numbers cbMarq are.",
    "readOnly": True,
}
_MOMENT: Schema = {"type": ["null", "string"], "format": "date-time", "airbyte_type": "timestamp_with_timezone"}


def schema_of(database: Database, layout: Layout) -> Schema:
    """The JSON schema of a table's records.

    A text has `maxLength`, the number of bytes that its column holds, and `x-encoding`, the code page in which they are
    counted: so a writer can know in advance what Sage cannot hold (P7).
    """
    properties = {
        name: _type(column, layout.lengths.get(name), database.encoding) | {"description": column.doc}
        for name, column in layout.columns.items()
    }
    properties |= {
        name: _type(column, None, database.encoding)
        | {"description": "Information libre of this company.", "readOnly": True}
        for name, column in layout.information.items()
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": properties,
        "additionalProperties": True,
    }


def with_deletions(schema: Schema) -> Schema:
    """A schema with the field that marks a deletion."""
    description = (
        "When the row was found gone; the record then holds its keys and company alone. Null while it is there."
    )
    return schema | {"properties": schema["properties"] | {DELETED_AT: _MOMENT | {"description": description}}}


def with_company(schema: Schema) -> Schema:
    """A schema with the field that names the company."""
    return schema | {"properties": schema["properties"] | {COMPANY: _COMPANY}}


def _type(column: ColumnElement[Any], length: int | None, encoding: str) -> Schema:
    if getattr(column, "primary_key", False):
        return {"type": "integer"}
    if isinstance(column.type, LocalTime):
        return _MOMENT
    if isinstance(column.type, String):
        text: Schema = {"type": ["null", "string"], "x-encoding": encoding}
        return text if length is None else text | {"maxLength": length}
    return {"type": ["null", "number" if isinstance(column.type, Numeric) else "integer"]}
