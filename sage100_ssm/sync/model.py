"""The words of docs/rules.md as types. Everything here is frozen and knows no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from enum import StrEnum
from typing import Any

Value = str | int | None
"""A field's value in a side's own form: a Sage text or code, an SSM text or id. Empty text is None."""


class Side(StrEnum):
    """One of the two systems kept the same. Also the origin of a contact: the side it was born on."""

    SAGE100 = "sage100"
    SSM = "ssm"

    @property
    def other(self) -> "Side":
        """The opposite side."""
        return Side.SSM if self is Side.SAGE100 else Side.SAGE100


@dataclass(frozen=True, slots=True)
class Pair:
    """A field's base: its value as it last read back, per side."""

    sage100: Value
    ssm: Value

    def of(self, side: Side) -> Value:
        """The value on one side."""
        return self.sage100 if side is Side.SAGE100 else self.ssm

    def showing(self, side: Side, value: Value) -> "Pair":
        """The same with another value on one side."""
        return Pair(value, self.ssm) if side is Side.SAGE100 else Pair(self.sage100, value)


Base = Mapping[str, Pair]
"""Field name to its base. A field that is missing has no base (first match, field new in the map)."""


class LinkStatus(StrEnum):
    """Whether a link is worked on."""

    ACTIVE = "active"
    ASLEEP = "asleep"
    """Nothing is written and no deletion derived while the reason lasts (P13)."""
    ENDED = "ended"
    """Both contacts are gone. Kept for the contact's history."""


@dataclass(frozen=True, slots=True)
class Link:
    """The pair of a Sage contact and an SSM contact.

    Attributes:
        sage100_id: ``cbMarq``.
        sage100_no: ``CT_No``, the second identity of P14.
        ssm_id: the SSM contact's id.
        company: ``CT_Num`` of the contact's company, as last seen.
        contact: the contact's name, for people to read.
        origin: the side on which it was born; never changes.
        base: per field and side, the value as it last read back.
        sage100_stamp: ``cbModification`` when the base was set (ISO 8601), for P1 ``newest`` and P9.
        ssm_stamp: ``dateUpdated`` when the base was set.
        status: whether it is worked on.
        reason: the journal's code that put it to sleep; None while awake.
        unconfirmed: per side with an update under way, the base that it leaves if it is done.
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
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that was about to be tried: what finds it again if its receipt never came.

    Attributes:
        side: where the contact was to be created.
        source_id: the contact's id on the other side.
        ext_id: the ``extId`` it bears in SSM, once known.
        sage100_no: the ``CT_No`` that it was to bear in Sage.
        names: the last and first name that it was to bear in Sage.
        base: the base that it leaves if it is done.
        id: the state's own key; None until saved.
    """

    side: Side
    source_id: int
    ext_id: str | None = None
    sage100_no: int | None = None
    names: tuple[str | None, str | None] = (None, None)
    base: Base = default(default_factory=dict)
    id: int | None = None


class Kind(StrEnum):
    """The two kinds of journal entry."""

    PROBLEM = "problem"
    NOTICE = "notice"


class Code(StrEnum):
    """The journal's codes."""

    COMPANY_MISSING = "company_missing"
    COMPANY_NOT_IN_SAGE = "company_not_in_sage"
    COMPANY_NOT_IN_SSM = "company_not_in_ssm"
    AMBIGUOUS_COMPANY = "ambiguous_company"
    OUT_OF_SCOPE = "out_of_scope"
    NOT_VISIBLE_IN_SSM = "not_visible_in_ssm"
    COMPANY_CHANGE_REFUSED = "company_change_refused"
    DELETION_REFUSED = "deletion_refused"
    DELETION_OVERRODE_EDIT = "deletion_overrode_edit"
    CONFLICT_SETTLED = "conflict_settled"
    CONFLICT = "conflict"
    AMBIGUOUS_MATCH = "ambiguous_match"
    ORPHAN_EXT_ID = "orphan_ext_id"
    DUPLICATE_IN_SAGE = "duplicate_in_sage"
    DUPLICATE_EXT_ID = "duplicate_ext_id"
    FOREIGN_EXT_ID = "foreign_ext_id"
    VALUE_TRUNCATED = "value_truncated"
    VALUE_TOO_LONG = "value_too_long"
    VALUE_NOT_REPRESENTABLE = "value_not_representable"
    VALUE_MISSING = "value_missing"
    VALUE_UNKNOWN = "value_unknown"
    REJECTED_BY_SAGE = "rejected_by_sage"
    REJECTED_BY_SSM = "rejected_by_ssm"
    RECORD_LOCKED = "record_locked"
    NOT_APPLIED = "not_applied"
    FLAPPING = "flapping"
    DELETION_GUARD = "deletion_guard"
    MASS_CHANGE_GUARD = "mass_change_guard"
    EMPTY_SIDE_GUARD = "empty_side_guard"
    RESTORED_SIDE_GUARD = "restored_side_guard"
    GUARD_LIFTED = "guard_lifted"
    INCOMPLETE_READ = "incomplete_read"
    SIDE_UNREACHABLE = "side_unreachable"

    @property
    def kind(self) -> Kind:
        """Whether an entry of this code holds something back or tells what was decided."""
        return Kind.NOTICE if self in _NOTICES else Kind.PROBLEM

    @property
    def rule(self) -> str | None:
        """The rule behind an entry of this code, where it is always the same one."""
        return _RULES.get(self)


_NOTICES = frozenset(
    {
        Code.COMPANY_CHANGE_REFUSED,
        Code.DELETION_REFUSED,
        Code.DELETION_OVERRODE_EDIT,
        Code.CONFLICT_SETTLED,
        Code.FOREIGN_EXT_ID,
        Code.VALUE_TRUNCATED,
        Code.GUARD_LIFTED,
    }
)

_RULES = {
    Code.COMPANY_MISSING: "R4",
    Code.COMPANY_NOT_IN_SAGE: "R4",
    Code.COMPANY_NOT_IN_SSM: "P6",
    Code.OUT_OF_SCOPE: "P13",
    Code.NOT_VISIBLE_IN_SSM: "P10",
    Code.COMPANY_CHANGE_REFUSED: "R6",
    Code.DELETION_REFUSED: "R8",
    Code.DELETION_OVERRODE_EDIT: "P2",
    Code.CONFLICT_SETTLED: "P1",
    Code.CONFLICT: "P1",
    Code.AMBIGUOUS_MATCH: "P4",
    Code.ORPHAN_EXT_ID: "P4",
    Code.DUPLICATE_IN_SAGE: "P12",
    Code.VALUE_TRUNCATED: "P7",
    Code.VALUE_TOO_LONG: "P7",
    Code.VALUE_NOT_REPRESENTABLE: "P7",
    Code.VALUE_MISSING: "P7",
    Code.VALUE_UNKNOWN: "P7",
    Code.DELETION_GUARD: "P9",
    Code.MASS_CHANGE_GUARD: "P9",
    Code.EMPTY_SIDE_GUARD: "P9",
    Code.RESTORED_SIDE_GUARD: "P9",
    Code.GUARD_LIFTED: "P9",
    Code.INCOMPLETE_READ: "P10",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a journal entry is about. A whole company or side has neither id.

    Attributes:
        company: ``CT_Num``, where there is one.
        sage100_id: ``cbMarq``.
        ssm_id: the SSM contact's id.
        contact: the contact's name, for people to read.
    """

    company: str | None = None
    sage100_id: int | None = None
    ssm_id: int | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A problem or a notice, as the rules state it; the state adds when and how often.

    Attributes:
        code: the journal's code.
        subject: the contact, company or side it is about.
        rule: the rule that decided (``R4``, ``P7``), or None; the code's own unless given.
        field: the field held back or decided upon, or None for the whole contact.
        sage100_value: the value on the Sage side, for people to read.
        ssm_value: the value on the SSM side, for people to read.
        details: what else the message names (a limit, a count, the side's own words).
    """

    code: Code
    subject: Subject
    rule: str | None = None
    field: str | None = None
    sage100_value: Value = None
    ssm_value: Value = None
    details: Mapping[str, Any] = default(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rule is None:
            object.__setattr__(self, "rule", self.code.rule)
