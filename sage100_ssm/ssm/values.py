"""How SSM writes values: references, dates, deletion marks.

A reference or list value reads as ``{"id": 9, "value": "label"}`` and is written as the integer; a missing key
reads as null; dates have up to seven fractional digits, and 1899 or 1900 stands for none.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]
"""One row as SSM gives it. Its ``id`` is an integer."""

STAMPS = ("dateCreated", "dateUpdated", "dateDeleted")

_FIRST_REAL_YEAR = 1901


def plain(value: Any) -> Any:
    """Give a value in the form in which it is written: a reference as its id."""
    if isinstance(value, Mapping) and "id" in value:
        return value["id"]
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are the same to SSM: exactly, references by id, null as empty text."""
    return bool(_filled(left) == _filled(right))


def held(row: Row, field: str) -> Any:
    """Give what a row holds in a field: a missing key is null, and a missing ``deleted`` is false."""
    return is_deleted(row) if field == "deleted" else row.get(field)


def is_deleted(row: Row) -> bool:
    """Tell whether a row is marked as deleted; ``dateDeleted`` may be set on a living one."""
    return row.get("deleted") is True


def ext_id(row: Row) -> str | None:
    """Give the external id that a row bears; an empty one is none."""
    bears = row.get("extId")
    return bears if isinstance(bears, str) and bears else None


def parse_stamp(value: Any) -> datetime | None:
    """Read a date of SSM, in UTC; None where it stands for none or cannot be read."""
    try:
        stamp = datetime.fromisoformat(value)
        stamp = stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return stamp if stamp.year >= _FIRST_REAL_YEAR else None


def format_stamp(stamp: datetime) -> str:
    """Write a time of fixed width, so that texts compare as times do."""
    return stamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def changed_at(row: Row) -> datetime | None:
    """Give the latest of a row's stamps."""
    return max(filter(None, (parse_stamp(row.get(field)) for field in STAMPS)), default=None)


def _filled(value: Any) -> Any:
    bare = plain(value)
    return None if bare == "" else bare
