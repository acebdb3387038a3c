"""What a row is looked up by before anything is made of it: its company, its account, the Sage row that it names.

A key groups what the rules may have to look at together. Odd rows have keys, too: whether a row can be understood is
decided later.
"""

from collections.abc import Mapping
from typing import Any

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.companies import MalformedRowError, account_of
from sage100_ssm.sync.contacts.contact import ExtId

NO_COMPANY = ""
"""The key of contacts without a company: without an account, or with an account that has no code."""

ODD_ACCOUNT = "\n"
"""The key of accounts that cannot be understood: no code contains it."""

_LONGEST_KEY = 64
"""An index takes no text of any length. Codes that differ only after that are looked at together; Sage's have 17."""

_LARGEST_ID = 2**63 - 1


def company_key(code: object) -> str:
    """The key of a company by its code, as Sage's collation compares it, in characters that every database stores."""
    key = normalise.company_code(code) if isinstance(code, str) else NO_COMPANY
    return key.encode(errors="replace").decode().replace("\0", "")[:_LONGEST_KEY]


def key_of_account(row: Mapping[str, Any], code_field: str) -> str:
    """The key of an SSM account's company."""
    try:
        return company_key(account_of(row, code_field).code)
    except MalformedRowError:
        return ODD_ACCOUNT


def key_of_contact(account_key: str | None) -> str:
    """The key of an SSM contact's company, by that of its account; None for an account that SSM does not show."""
    return NO_COMPANY if account_key in (None, ODD_ACCOUNT) else account_key


def account_id_of(row: Mapping[str, Any]) -> int | None:
    """The id of an SSM contact's account; None for none, and where it is no id."""
    reference = row.get("accountId")
    id_ = reference.get("id") if isinstance(reference, Mapping) else reference
    try:
        return _id(int(id_)) if isinstance(id_, int | float | str) else None
    except (ValueError, OverflowError):
        return None


def named_by(row: Mapping[str, Any]) -> int | None:
    """The ``cbMarq`` that an SSM contact's ``extId`` names, whichever company database it names with it."""
    ext_id = ExtId.parse(row.get("extId"))
    return _id(ext_id.sage100_id) if ext_id else None


def is_live(row: Mapping[str, Any]) -> bool:
    """Whether SSM does not mark a row as deleted (P10)."""
    return row.get("deleted") is not True


def _id(number: int) -> int | None:
    return number if abs(number) <= _LARGEST_ID else None
