"""The words of docs/rules.md as types. Everything here is frozen and knows no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from enum import StrEnum

Value = str | int | None
"""A field's value in a side's own form: a Sage text or code, an SSM text or id. Empty text is None."""


class Side(StrEnum):
    """One of the two systems that are synchronised. Also the origin of a contact: the side on which it was created."""

    SAGE100 = "sage100"
    SSM = "ssm"

    @property
    def other(self) -> "Side":
        """The opposite side."""
        return Side.SSM if self is Side.SAGE100 else Side.SAGE100


@dataclass(frozen=True, slots=True)
class ContactRef:
    """A contact of one side, by its id there (``cbMarq``, or SSM's ``id``)."""

    side: Side
    id: int


@dataclass(frozen=True, slots=True)
class ValuePair:
    """A field's values on both sides, each in that side's own form."""

    sage100: Value
    ssm: Value

    def of(self, side: Side) -> Value:
        """The value on one side."""
        return self.sage100 if side is Side.SAGE100 else self.ssm

    def with_value(self, side: Side, value: Value) -> "ValuePair":
        """The same pair with another value on one side."""
        return ValuePair(value, self.ssm) if side is Side.SAGE100 else ValuePair(self.sage100, value)


class Occasion(StrEnum):
    """Where the value of a write came from."""

    NEW = "new"
    """The contact is new on the other side (R3)."""
    EDIT = "edit"
    """The other side's value, edited there or new to this side (R5)."""
    DELETED = "deleted"
    """The contact was deleted on the other side (R7, R9)."""
    GUARD_LIFTED = "guard_lifted"
    """The same, and a person let it through (P9)."""
    RESTORED = "restored"
    """The contact was deleted in SSM and is created there again (R8, P3, P5)."""
    PUT_BACK = "put_back"
    """A change of this side that may not be made there is put back (R6, P1)."""
    CONFLICT = "conflict"
    """Both sides changed the field, and the setting decided (P1)."""
    DECISION = "decision"
    """Both sides changed the field, and a person decided (P16)."""
    UNDO = "undo"
    """A person asked for the value from before an earlier write."""
    MARK = "mark"
    """The ``extId`` that every linked contact carries."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field's value before and after a write, for people to read, and where the new one came from."""

    before: Value
    after: Value
    occasion: Occasion = Occasion.EDIT


Base = Mapping[str, ValuePair]
"""Field name to the values that were last read back. A field without a base is missing: first match, new in the map."""


class LinkStatus(StrEnum):
    """Whether a link is worked on."""

    ACTIVE = "active"
    ASLEEP = "asleep"
    """Nothing is written and no deletion derived while the reason lasts (P13)."""
    ENDED = "ended"
    """Both contacts are gone. The link stays in the state for the contact's history."""


@dataclass(frozen=True, slots=True)
class Link:
    """The pair of a Sage contact and an SSM contact.

    Attributes:
        sage100_id: ``cbMarq``.
        sage100_no: ``CT_No``, the second identity of P14.
        ssm_id: the SSM contact's id.
        company: ``CT_Num`` of the contact's company, as last read.
        contact: the contact's name, for people to read.
        origin: the side on which it was created; it never changes.
        base: per field and side, the value that was last read back.
        sage100_stamp: ``cbModification`` when the base was set (ISO 8601), for P1 ``newest`` and P9.
        ssm_stamp: ``dateUpdated`` when the base was set.
        status: whether it is worked on.
        reason: the journal's code of why it sleeps; None for a link that does not.
        unconfirmed: per side with an update whose receipt has not come, the base that the update leaves if it was done.
        unmapped_digest: a digest of the columns of the Sage row that are not in the field map, as last seen while both
            contacts lived (P3); None where it is not known.
        sage100_created: ``cbCreation`` of the Sage row; None where it is not known (P14).
        id: the state's own key; None until saved.
    """

    sage100_id: int
    sage100_no: int | None
    ssm_id: int
    company: str
    contact: str
    origin: Side
    base: Base = default(default_factory=dict)
    sage100_stamp: str | None = None
    ssm_stamp: str | None = None
    status: LinkStatus = LinkStatus.ACTIVE
    reason: str | None = None
    unconfirmed: Mapping[Side, Base] = default(default_factory=dict)
    unmapped_digest: str | None = None
    sage100_created: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A creation that is about to be tried, with what finds the new contact if its receipt never comes.

    Attributes:
        side: where the contact is to be created.
        source_id: the contact's id on the other side.
        ext_id: its ``extId`` in SSM; None for a creation in Sage.
        sage100_no: its ``CT_No`` in Sage; None for a creation in SSM.
        names: its last and first name in Sage; two times None for a creation in SSM.
        base: the base that the creation leaves if it was done.
        target_id: the id that SSM gave, where it gave one without showing the contact yet.
        begun_at: when it was last tried; None for one of an earlier version.
        id: the state's own key; None until saved.
    """

    side: Side
    source_id: int
    ext_id: str | None = None
    sage100_no: int | None = None
    names: tuple[str | None, str | None] = (None, None)
    base: Base = default(default_factory=dict)
    target_id: int | None = None
    begun_at: datetime | None = None
    id: int | None = None
