"""Values in the type of their field: senders keep telephone numbers as numbers, and numbers as texts.

Whether a value is converted depends on the field alone: a name that looks like a number is a name.
"""

import re
from typing import Any

TEXTS = frozenset(
    {"firstName", "lastName", "name", "extId", "vatNumber", "website", "linkedin", "skype", "comment"}
    | {"phone", "phone1", "phone2", "phone3", "fax", "email", "email2", "email3"}
    | {"address1", "address2", "city", "postcode", "region"}
)
"""Fields of SSM's own that hold texts, and can be written."""
NUMBERS = frozenset({"permissionLevel", "geocodingAccuracy", "latitude", "longitude"})
"""Fields of SSM's own that hold numbers, and can be written."""
FLAGS = frozenset({"UseCompanyAddress", "marketingCommunications", "geocoded", "public"})
"""Fields of SSM's own that are yes or no, and can be written."""

_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?", re.ASCII)
_LOOKS_LIKE_A_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def in_own_type(field: str, value: Any, current: Any) -> Any:
    """A value in the type of its field: whole numbers as digits, digits as numbers, truth values as such.

    Anything else stays as it is, for SSM to refuse: a truth value or an object is no text.

    Example:
        ``in_own_type("phone1", 33612345678, None)`` is ``"33612345678"``.

    Args:
        field: the field.
        value: the value in the record.
        current: what the row holds: it shows the type of a tenant's own field (``Z_…``).
    """
    if field in FLAGS or isinstance(current, bool):
        return _TRUTH.get(str(_whole(value)).lower(), value) if isinstance(value, str | int | float) else value
    if field in TEXTS or (isinstance(current, str) and not _LOOKS_LIKE_A_DATE.fullmatch(current)):
        return as_text(value)
    if field in NUMBERS or isinstance(current, int | float):
        return _parsed_number(value)
    return value


def as_text(value: Any) -> Any:
    """A whole number as the text of its digits, a text without NUL; anything else as it is."""
    if isinstance(value, str):
        # All that is read from SSM is without NUL, too: a text with one would never read back as it was written.
        return value.replace("\0", "")
    whole = _whole(value)
    return str(whole) if isinstance(whole, int) and not isinstance(whole, bool) else value


def _whole(value: Any) -> Any:
    """A whole float as an integer: databases without integers, and columns with nulls, have 7.0 for 7."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _parsed_number(value: Any) -> Any:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)
