"""Values in another spelling than SSM's own: what senders, and the databases that they keep records in, make of them.

Only what a field is tells whether another spelling is the same value: a name that looks like a number is a name.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from sage100_ssm.ssm.values import Row, parse_stamp, plain, same, value_of

_REFERENCE = re.compile(r"gender|(?!extId$|[zZ]_)\w+Id[1-5]?")
"""Fields of SSM's own that refer to a row; a tenant's own fields (``Z_…``) are known by what stands there."""
_DATES = frozenset({"birthday", "dateGeocoded"})
"""Fields of SSM's own that hold dates, and can be written."""
_OF_A_TENANT = ("Z_", "z_")
_DATE_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def in_form(field: str, value: Any, row: Row) -> Any:
    """Give a value in the form in which it is written: references as their ids, whatever they came as.

    Args:
        field: the field.
        value: what the record says of it.
        row: the row as SSM shows it; empty for one to be created.
    """
    stands = value_of(row, field)
    if isinstance(stands, bool):
        return _TRUTH.get(value.lower(), value) if isinstance(value, str) else value
    return plain(_unpacked(value) if _refers(field, stands) else value)


def bears(row: Row, field: str, value: Any) -> bool:
    """Tell whether a row holds a value already, in whatever spelling of it."""
    stands = value_of(row, field)
    value = in_form(field, value, row)
    return same(stands, value) or _same_moment(field, stands, value) or _same_number(stands, value)


def _refers(field: str, stands: Any) -> bool:
    if isinstance(stands, list):
        return all(isinstance(item, Mapping) for item in stands)
    if isinstance(stands, Mapping):
        return True
    return not isinstance(stands, str) and _REFERENCE.fullmatch(field) is not None


def _unpacked(value: Any) -> Any:
    """Read a reference, or a list of them, that comes as JSON text; an id that comes as digits, or with a fraction."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return read if all(map(_is_reference, read if isinstance(read, list) else [read])) else value


def _is_reference(item: Any) -> bool:
    bare = plain(item)
    return type(bare) is int or (bare is None and item is not None)


def _same_moment(field: str, stands: Any, value: Any) -> bool:
    if not (isinstance(stands, str) and isinstance(value, str)):
        return False
    if field not in _DATES and not (field.startswith(_OF_A_TENANT) and _are_moments(stands, value)):
        return False
    moment = parse_stamp(stands)
    return moment is not None and moment == parse_stamp(value)


def _are_moments(*texts: str) -> bool:
    return all(_DATE_AND_TIME.fullmatch(text) for text in texts)


def _same_number(stands: Any, value: Any) -> bool:
    if isinstance(stands, bool) or not isinstance(stands, int | float) or not isinstance(value, str):
        return False
    return _NUMBER.fullmatch(value) is not None and float(value) == stands
