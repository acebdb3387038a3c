"""Receipts: what became of each record handed to a destination.

The Airbyte protocol has no way back for the id of a row just created, nor for the values as the side reads
them back. A destination therefore reports every record to a *sink*: one receipt per record, by the record's
position in the input.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What was asked of, or done to, one record of a side."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Outcome(StrEnum):
    """How a record ended, by what its sender does next."""

    APPLIED = "applied"
    """Written, or nothing left to write. ``id`` and ``record`` tell how the side reads back."""
    REFUSED = "refused"
    """Not written and not to be tried again unchanged. ``cause`` and ``detail`` say why."""
    CHANGED = "changed"
    """Not written: the record no longer holds the values that ``_expected`` named."""
    RETRY = "retry"
    """Not written for a passing reason (a lock): worth another try later."""
    UNCERTAIN = "uncertain"
    """It is not known whether it was written: to be looked up before anything is tried again."""


class Cause(StrEnum):
    """Why a record was not written."""

    DUPLICATE = "duplicate"
    """Sage's unique index on company, last and first name, or a match where ``_create`` forbids one."""
    NOT_FOUND = "not_found"
    """The id given does not exist on the side (any more)."""
    COMPANY_MISSING = "company_missing"
    """The company it refers to does not exist on the side."""
    TOO_LONG = "too_long"
    NOT_REPRESENTABLE = "not_representable"
    VALUE_MISSING = "value_missing"
    LOCKED = "locked"
    IN_USE = "in_use"
    """A foreign key of another table keeps the row from being deleted."""
    OTHER_COMPANY = "other_company"
    """The id given is one of another company's database, where it names somebody else."""
    MALFORMED = "malformed"
    """The record itself is not of the shape that the destination takes."""
    REJECTED = "rejected"
    """Any other refusal of the side; ``detail`` quotes its words."""
    CONNECTION = "connection"
    """The connection broke or timed out."""


def not_as_expected(field: str | None) -> str:
    """Say why a record was left alone, its outcome being ``CHANGED``, by names alone.

    Args:
        field: the first field that no longer holds what was expected; None where there is nobody to hold anything.
    """
    return "nobody is there to hold what is expected" if field is None else f"{field} no longer holds what is expected"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one record.

    Attributes:
        index: the record's position among all records handed to this ``write`` call, from 0.
        stream: the stream the record came in.
        action: what was done, or would have been.
        outcome: how it ended.
        id: the side's id of the row (``cbMarq`` or ``id``), where known. With the cause ``DUPLICATE``, the
            id of the row that was in the way.
        record: the row as it reads back, in the side's own names, where it could be read; None after a
            delete. With the outcome ``CHANGED`` or the cause ``DUPLICATE``, the row as it stands.
        cause: why it was not written; None if it was, and with the outcome ``CHANGED``, which is one itself.
        field: the side's own name of the field at fault, where one is.
        detail: the side's own words, with no secret in them.
        wrote: whether a write went out at all (False for a record that was equal already).
    """

    index: int
    stream: str
    action: Action
    outcome: Outcome
    id: int | None = None
    record: Mapping[str, Any] | None = None
    cause: Cause | None = None
    field: str | None = None
    detail: str = ""
    wrote: bool = False


Sink = Callable[[Receipt], None]
