"""Conditions for the ``where`` parameter, which SSM reads much like SQL."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from sage100_ssm.ssm.values import STAMPS

_LONGEST = 2000
"""Characters of one ``where``: encoded, it stays well below the 8 KB that servers accept in an address."""


def changed_since(moment: datetime) -> str:
    """Rows that were created, updated or deleted after a moment."""
    # All three stamps: `dateUpdated` is null until the first update, and a deletion may not change it
    # (docs/facts/ssm-api.md, "Lists").
    return f"({' OR '.join(_after(field, moment) for field in STAMPS)})"


def changed_since_or_deleted(moment: datetime) -> str:
    """Rows that were created or updated after a moment, and all deleted ones: for where ``dateDeleted`` is refused."""
    living = (_after(field, moment) for field in STAMPS if field != "dateDeleted")
    return f"({' OR '.join([*living, 'deleted=true'])})"


def is_id(number: int) -> str:
    """The row with this id."""
    return f"id={number}"


def is_up_to(number: int) -> str:
    """The rows with this id or a lower one."""
    return f"id<{number + 1}"


def has_ext_id(ext_id: str) -> str:
    """Rows with this ``extId``."""
    return is_text("extId", ext_id)


def is_text(field: str, text: str) -> str:
    """Rows whose field has this text."""
    doubled = text.replace("'", "''")
    return f"{field}='{doubled}'"


def is_of_account(account: int) -> str:
    """Contacts of this account."""
    return f"accountId.id={account}"


def is_marked(origins: Iterable[str]) -> str:
    """Rows whose ``extId`` begins with the name of one of these origins."""
    conditions = (f"extId LIKE '{origin}:%'" for origin in origins)
    return f"({' OR '.join(conditions)})"


def has_text(fields: Iterable[str], like: str) -> str:
    """Rows of which one of these fields matches a pattern with ``%``, in small letters, as a name, or in capitals.

    Args:
        fields: the fields.
        like: the pattern, in small letters; SSM may tell capitals from small letters.
    """
    doubled = like.replace("'", "''")
    forms = dict.fromkeys((doubled, doubled.title(), doubled.upper()))
    conditions = (f"{field} LIKE '{form}'" for field in fields for form in forms)
    return f"({' OR '.join(conditions)})"


def any_of(conditions: Iterable[str]) -> Iterator[str]:
    """Conditions joined by OR, in as few texts as stay short enough for an address."""
    joined = ""
    for condition in conditions:
        if joined and len(joined) + len(condition) > _LONGEST:
            yield joined
            joined = ""
        joined = f"{joined} OR {condition}" if joined else condition
    if joined:
        yield joined


def _after(field: str, moment: datetime) -> str:
    return f"{field} > '{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
