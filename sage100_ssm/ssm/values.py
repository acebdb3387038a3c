"""How SSM represents values: references, dates, deletion marks.

A reference or list value is read as ``{"id": 9, "value": "label"}`` and written as the integer; a missing key
means null; dates have up to seven decimals, and 1899 or 1900 means no date (docs/facts/ssm-api.md, "Reading and
writing values").
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]
"""One row as SSM returns it. Its ``id`` is an integer."""

STAMPS = ("dateCreated", "dateUpdated", "dateDeleted")

FLAT_ID = "_id"
"""What connectors add to the name of a reference for the name of the column that contains its id alone."""

_FIRST_REAL_YEAR = 1901


def plain(value: Any) -> Any:
    """A value in the form in which it is written: a reference as its id."""
    if isinstance(value, Mapping) and "id" in value:
        return value["id"]
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal to SSM: exactly, references by id, null and empty text alike."""
    return bool(_null_if_empty(left) == _null_if_empty(right))


def value_of(row: Row, field: str) -> Any:
    """The value of a field of a row: null for a missing key, false for a missing ``deleted``."""
    value = row.get(field)
    return False if field == "deleted" and value is None else value


def is_deleted(row: Row) -> bool:
    """Whether a row is marked as deleted. ``dateDeleted`` says nothing: it may be set on a living row."""
    return row.get("deleted") is True


def ext_id(row: Row) -> str | None:
    """The external id of a row; None for an empty one."""
    value = row.get("extId")
    return value if isinstance(value, str) and value else None


def parse_stamp(value: Any) -> datetime | None:
    """A date of SSM, in UTC; None where it means no date, or cannot be parsed."""
    try:
        stamp = datetime.fromisoformat(value)
        stamp = stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return stamp if stamp.year >= _FIRST_REAL_YEAR else None


def format_stamp(stamp: datetime) -> str:
    """A time in UTC as a text of fixed width, so that texts sort as times do."""
    return stamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def changed_at(row: Row) -> datetime | None:
    """The latest of a row's stamps; None without any."""
    return max(filter(None, (parse_stamp(row.get(field)) for field in STAMPS)), default=None)


def _null_if_empty(value: Any) -> Any:
    bare = plain(value)
    return None if bare == "" else bare
