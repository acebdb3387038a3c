"""Values in another form than SSM's own: as senders write them, and the databases that they keep records in.

Whether two forms are the same value depends on the field alone: a name that looks like a number is a name.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from destination_ssm.own_types import TEXTS, in_own_type
from sage100_ssm.ssm.values import FLAT_ID, Row, parse_stamp, plain, same, value_of

_REFERENCE = re.compile(r"gender|(?!extId$|[zZ]_)\w+Id[1-5]?")
"""Fields of SSM's own that refer to a row; a tenant's own fields (``Z_…``) are recognised by the row's value."""
_DATES = frozenset({"birthday", "dateGeocoded"})
"""Fields of SSM's own that hold dates, and can be written."""
_TENANT_PREFIXES = ("Z_", "z_")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")


def without_flat_ids(values: Mapping[str, Any], is_field: Callable[[str], bool]) -> Mapping[str, Any]:
    """Values with each column that contains the id of a reference alone (``accountId_id``) under the reference's name.

    `source-ssm` makes such columns for databases. Where the reference itself is there, the column is left out.

    Args:
        values: values by field.
        is_field: whether SSM has a field of a name.
    """
    flat = {name: name.removesuffix(FLAT_ID) for name in values if name.endswith(FLAT_ID)}
    references = {
        name: reference
        for name, reference in flat.items()
        if _REFERENCE.fullmatch(reference)
        or (name.startswith(_TENANT_PREFIXES) and not is_field(name) and (reference in values or is_field(reference)))
    }
    plain = {name: value for name, value in values.items() if name not in references}
    taken = {reference: values[name] for name, reference in references.items() if reference not in values}
    return {**plain, **taken}


def as_written(field: str, value: Any, row: Row) -> Any:
    """A value in the form in which it is sent: references as ids, all else in the type of its field.

    Example:
        ``as_written("typeId", '{"id": 9, "value": "Director"}', {})`` is 9.

    Args:
        field: the field.
        value: the value in the record.
        row: the row as SSM shows it; empty for one to be created.
    """
    current = value_of(row, field)
    if _is_reference_field(field, current):
        return plain(_parse_reference(value))
    # An object is no text, even one with an id, which would look like one.
    return in_own_type(field, value if field in TEXTS else plain(value), current)


def holds(row: Row, field: str, value: Any) -> bool:
    """Whether a row holds a value already, in whatever form the value is given."""
    current = value_of(row, field)
    value = as_written(field, value, row)
    return same(current, value) or _is_same_moment(field, current, value)


def _is_reference_field(field: str, current: Any) -> bool:
    if isinstance(current, list):
        return all(isinstance(item, Mapping) for item in current)
    if isinstance(current, Mapping):
        return True
    return not isinstance(current, str) and _REFERENCE.fullmatch(field) is not None


def _parse_reference(value: Any) -> Any:
    """A reference, or a list of them, from JSON text; an id from digits, or from a whole float; else the value."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
        is_reference = all(map(_is_reference, parsed if isinstance(parsed, list) else [parsed]))
    except (ValueError, RecursionError):
        return value
    return parsed if is_reference else value


def _is_reference(item: Any) -> bool:
    bare = plain(item)
    return type(bare) is int or (bare is None and item is not None)


def _is_same_moment(field: str, current: Any, value: Any) -> bool:
    if not (isinstance(current, str) and isinstance(value, str)):
        return False
    is_tenant_date = field.startswith(_TENANT_PREFIXES) and all(map(_DATE.fullmatch, (current, value)))
    if field not in _DATES and not is_tenant_date:
        return False
    moment = parse_stamp(current)
    return moment is not None and moment == parse_stamp(value)
