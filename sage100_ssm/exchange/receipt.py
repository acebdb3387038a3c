"""Receipts: what became of each record handed to a destination.

The Airbyte protocol cannot return the id of a row just created, nor the values as the side reads them back.
A destination therefore reports every record to a *sink*: one receipt per record, identified by the record's
position in the input.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What a record asks for, or what was done to a row of a side."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Outcome(StrEnum):
    """How a record ended, by what its sender does next."""

    APPLIED = "applied"
    """Written, or equal already. ``id`` and ``record`` are what the side reads back."""
    REFUSED = "refused"
    """Not written, and not to be tried again unchanged. ``cause`` and ``detail`` give the reason."""
    CHANGED = "changed"
    """Not written: the row no longer holds the values of ``_expected`` (P11)."""
    RETRY = "retry"
    """Not written for a passing reason (a lock): worth another try later."""
    UNCERTAIN = "uncertain"
    """Unknown whether it was written: to be looked up before anything is tried again."""


class Cause(StrEnum):
    """Why a record was not written."""

    DUPLICATE = "duplicate"
    """Sage's unique index on company, last and first name (P12), or a match where ``_create`` forbids one."""
    NOT_FOUND = "not_found"
    """The side has no row of the given id (any more)."""
    COMPANY_MISSING = "company_missing"
    """The company that the record refers to does not exist on the side, or is not the only one of its code."""
    TOO_LONG = "too_long"
    NOT_REPRESENTABLE = "not_representable"
    VALUE_MISSING = "value_missing"
    VALUE_REFUSED = "value_refused"
    """The side refuses the value of ``field``, without which there is nothing to write. With the outcome ``RETRY`` it
    refuses many records in the same words, and perhaps not for this value."""
    LOCKED = "locked"
    IN_USE = "in_use"
    """A foreign key of another table prevents the deletion of the row."""
    OTHER_COMPANY = "other_company"
    """The given id belongs to another company's database, where it is somebody else's."""
    MALFORMED = "malformed"
    """The record itself does not have the shape that the destination takes."""
    REJECTED = "rejected"
    """Any other refusal of the side; ``detail`` quotes its words."""
    CONNECTION = "connection"
    """The connection broke or timed out."""
    QUOTA = "quota"
    """The side takes no more requests for now: nothing was done."""
    NOT_CONFIRMED = "not_confirmed"
    """The side answered, and what it shows afterwards does not bear it out: a row that it said it created is not there
    yet, or is another one. With an ``id``, that is the row to ask for."""
    UNREADABLE = "unreadable"
    """The row, as the side shows it, cannot be read; ``detail`` says so."""


def changed_detail(field: str | None) -> str:
    """The ``detail`` of a receipt whose outcome is ``CHANGED``: names alone, no values.

    Args:
        field: the first field that no longer holds what was expected; None where there is no row.
    """
    return "nobody is there to hold what is expected" if field is None else f"{field} no longer holds what is expected"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one record.

    Attributes:
        index: the record's position among all records handed to this ``write`` call, from 0.
        stream: the stream of the record.
        action: what was done, or would have been.
        outcome: how it ended.
        id: the side's id of the row (``cbMarq`` or ``id``), where known. With the cause ``DUPLICATE``, the
            id of the row that was in the way.
        record: the row as it reads back, in the side's own names; None where it could not be read, and after a
            delete. With the outcome ``CHANGED`` or the cause ``DUPLICATE``, the row as it is now.
        cause: why it was not written; None if it was, and with the outcome ``CHANGED``, which is a cause itself.
        field: the side's own name of the field at fault, where there is one.
        detail: the reason in words, the side's own where it gave any, with no secret in them.
        reason: the reason in words that contain no value of a record, for a log that anybody may read.
        wrote: whether a write was sent at all (False for a record that was equal already).
        refused: the fields whose values the side refuses, each by its own name and with its words: with the outcome
            ``APPLIED`` those that a record was written without (P7), with the cause ``VALUE_REFUSED`` all there were.
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
    reason: str = ""
    wrote: bool = False
    refused: Mapping[str, str] = default(default_factory=dict)


Sink = Callable[[Receipt], None]
"""Receives each receipt as soon as it is known."""
