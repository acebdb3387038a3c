"""The journal's entries: problems and notices, each with the facts that its message names.

An entry's code follows from the type of its facts, so that no entry can be built without what its message needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from enum import StrEnum
from typing import ClassVar, NamedTuple, Self

from sage100_ssm.sync.model import ContactRef, Side, Value

OWNER = "salesRepId"
"""SSM's name of a contact's owner. Words of SSM that name it are about the owner, who is the same for many contacts."""


class Kind(StrEnum):
    """The two kinds of journal entry."""

    PROBLEM = "problem"
    """Something is held back until its cause is gone."""
    NOTICE = "notice"
    """Something was decided for the user."""


class Code(StrEnum):
    """The journal's codes.

    Attributes:
        kind: the kind of its entries.
        rule: the rule that its entries come from (``R4``, ``P7``), where there is one.
    """

    kind: Kind
    rule: str | None

    # The default of the kind is for mypy, which takes `Code("conflict")` for a call of this.
    def __new__(cls, value: str, kind: Kind = Kind.PROBLEM, rule: str | None = None) -> Self:
        """A member from its line below."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.kind, code.rule = kind, rule
        return code

    COMPANY_MISSING = "company_missing", Kind.PROBLEM, "R4"
    COMPANY_NOT_IN_SAGE = "company_not_in_sage", Kind.PROBLEM, "R4"
    COMPANY_NOT_IN_SSM = "company_not_in_ssm", Kind.PROBLEM, "P6"
    AMBIGUOUS_COMPANY = "ambiguous_company", Kind.PROBLEM
    OUT_OF_SCOPE = "out_of_scope", Kind.PROBLEM, "P13"
    NOT_VISIBLE_IN_SSM = "not_visible_in_ssm", Kind.PROBLEM, "P10"
    COMPANY_CHANGE_REFUSED = "company_change_refused", Kind.NOTICE, "R6"
    DELETION_REFUSED = "deletion_refused", Kind.NOTICE, "R8"
    RESTORED_IN_PART = "restored_in_part", Kind.NOTICE, "P5"
    DELETED_IN_SAGE = "deleted_in_sage", Kind.NOTICE, "R7"
    DELETION_OVERRODE_EDIT = "deletion_overrode_edit", Kind.NOTICE, "P2"
    CONFLICT_SETTLED = "conflict_settled", Kind.NOTICE, "P1"
    CHANGE_PUT_BACK = "change_put_back", Kind.NOTICE, "P1"
    CONFLICT = "conflict", Kind.PROBLEM, "P1"
    AMBIGUOUS_MATCH = "ambiguous_match", Kind.PROBLEM, "P4"
    POSSIBLE_DUPLICATE = "possible_duplicate", Kind.PROBLEM, "P4"
    ORPHAN_EXT_ID = "orphan_ext_id", Kind.PROBLEM, "P4"
    DUPLICATE_IN_SAGE = "duplicate_in_sage", Kind.PROBLEM, "P12"
    DUPLICATE_EXT_ID = "duplicate_ext_id", Kind.PROBLEM, "P4"
    FOREIGN_EXT_ID = "foreign_ext_id", Kind.NOTICE, "P4"
    OTHER_DATABASE = "other_database", Kind.PROBLEM, "P15"
    DECIDED = "decided", Kind.NOTICE, "P16"
    UNDO_ASKED = "undo_asked", Kind.NOTICE, "P16"
    UNDO_OVERTAKEN = "undo_overtaken", Kind.NOTICE, "P16"
    VALUE_TRUNCATED = "value_truncated", Kind.NOTICE, "P7"
    VALUE_TOO_LONG = "value_too_long", Kind.PROBLEM, "P7"
    VALUE_NOT_REPRESENTABLE = "value_not_representable", Kind.PROBLEM, "P7"
    VALUE_MISSING = "value_missing", Kind.PROBLEM, "P7"
    VALUE_UNKNOWN = "value_unknown", Kind.PROBLEM, "P7"
    VALUE_REFUSED = "value_refused", Kind.PROBLEM, "P7"
    REJECTED_BY_SAGE = "rejected_by_sage", Kind.PROBLEM
    REJECTED_BY_SSM = "rejected_by_ssm", Kind.PROBLEM
    RECORD_LOCKED = "record_locked", Kind.PROBLEM
    NOT_APPLIED = "not_applied", Kind.PROBLEM, "P8"
    FLAPPING = "flapping", Kind.PROBLEM
    DELETION_GUARD = "deletion_guard", Kind.PROBLEM, "P9"
    MASS_CHANGE_GUARD = "mass_change_guard", Kind.PROBLEM, "P9"
    EMPTY_SIDE_GUARD = "empty_side_guard", Kind.PROBLEM, "P9"
    RESTORED_SIDE_GUARD = "restored_side_guard", Kind.PROBLEM, "P9"
    LOST_STATE_GUARD = "lost_state_guard", Kind.PROBLEM, "P9"
    OLDER_STAMP = "older_stamp", Kind.NOTICE, "P9"
    GUARD_LIFTED = "guard_lifted", Kind.NOTICE, "P9"
    INCOMPLETE_READ = "incomplete_read", Kind.PROBLEM, "P10"
    SIDE_UNREACHABLE = "side_unreachable", Kind.PROBLEM
    LOGIN_REFUSED = "login_refused", Kind.PROBLEM
    SAGE100_READ_ONLY = "sage100_read_only", Kind.PROBLEM, "P18"


@dataclass(frozen=True, slots=True)
class Subject:
    """The contact, or the company, that a journal entry is about. An entry about a side has an empty one.

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


class Named(NamedTuple):
    """A contact or an account as people are shown it.

    Attributes:
        id: its id on its side.
        name: its name; empty where it has none.
    """

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What an entry says beside its subject and the values of its field. One class per code."""

    code: ClassVar[Code]

    @property
    def rule(self) -> str | None:
        """The rule that decided."""
        return self.code.rule


Cause = tuple[str | int | None, ...]
"""What names a cause outside the contacts, among the entries of one code and field."""


@dataclass(frozen=True, slots=True)
class SharedCause(Facts):
    """The facts of a problem whose cause is outside the contacts, and may hold back many of them.

    Attributes:
        contacts: the contacts that wait, where the entry is about several; a rule reports one contact at a time.
    """

    contacts: tuple[Subject, ...] = default(default=(), kw_only=True)

    @property
    def cause(self) -> Cause | None:
        """What those that wait for one cause have in common; None where the cause is the contact's own after all."""
        return None


# --- companies and scope


@dataclass(frozen=True, slots=True)
class CompanyMissing(Facts):
    """An SSM contact belongs to no account."""

    code = Code.COMPANY_MISSING


@dataclass(frozen=True, slots=True)
class CompanyNotInSage(SharedCause):
    """An SSM contact's account is no client or prospect of Sage. The account's code is the entry's SSM value.

    Attributes:
        account: the account's name, or its id where it has none.
        account_id: its id in SSM.
    """

    code = Code.COMPANY_NOT_IN_SAGE
    account: str
    account_id: int | None = None

    @property
    def cause(self) -> Cause | None:
        """The account."""
        return (self.account,) if self.account_id is None else (self.account_id,)


@dataclass(frozen=True, slots=True)
class CompanyNotInSsm(SharedCause):
    """The company of a Sage contact has no account in SSM."""

    code = Code.COMPANY_NOT_IN_SSM


@dataclass(frozen=True, slots=True)
class AmbiguousCompany(Facts):
    """Several SSM accounts have the code of one company.

    Attributes:
        accounts: those accounts.
    """

    code = Code.AMBIGUOUS_COMPANY
    accounts: tuple[Named, ...]


class SleepReason(StrEnum):
    """Why a link sleeps (P10, P13)."""

    LEFT_OUT = "left_out"
    NO_CLIENT = "no_client"
    ACCOUNT_DELETED = "account_deleted"
    WENT_WITH_ACCOUNT = "went_with_account"
    NOT_VISIBLE = "not_visible"


@dataclass(frozen=True, slots=True)
class OutOfScope(Facts):
    """A contact has left the scope without being deleted.

    Attributes:
        reason: how it left.
    """

    code = Code.OUT_OF_SCOPE
    reason: SleepReason


@dataclass(frozen=True, slots=True)
class NotVisibleInSsm(Facts):
    """SSM no longer shows a contact, and does not say that it is deleted."""

    code = Code.NOT_VISIBLE_IN_SSM


@dataclass(frozen=True, slots=True)
class CompanyChangeRefused(Facts):
    """The company of a contact was changed in SSM, and is put back."""

    code = Code.COMPANY_CHANGE_REFUSED


# --- deletions and conflicts


@dataclass(frozen=True, slots=True)
class DeletionRefused(Facts):
    """A contact was deleted in SSM, and Sage keeps it.

    Attributes:
        origin: where the contact was created. One of origin Sage is deleted in Sage only (R8); one of origin SSM is
            kept because it was edited in Sage meanwhile (P3).
        deleted_by: the id of the SSM user who deleted it; None where SSM does not say.
    """

    code = Code.DELETION_REFUSED
    origin: Side
    deleted_by: int | None = None

    @property
    def rule(self) -> str | None:
        """The rule that decided."""
        return "R8" if self.origin is Side.SAGE100 else "P3"


@dataclass(frozen=True, slots=True)
class RestoredInPart(Facts):
    """A contact was restored in SSM without some of what its deleted row had, because SSM refused it.

    Attributes:
        left_out: those fields: a field of the map by its name, any other by SSM's own.
        text: SSM's own words; None where it gave none.
        default_owner: whether the contact now belongs to the default owner.
    """

    code = Code.RESTORED_IN_PART
    left_out: tuple[str, ...]
    text: str | None
    default_owner: bool


@dataclass(frozen=True, slots=True)
class DeletedInSage(Facts):
    """A contact that was deleted in SSM was deleted in Sage.

    Attributes:
        row: the columns of its row that were filled, with their values.
        deleted_by: the id of the SSM user who deleted it; None where SSM does not say.
    """

    code = Code.DELETED_IN_SAGE
    row: tuple[tuple[str, str], ...]
    deleted_by: int | None = None


@dataclass(frozen=True, slots=True)
class DeletionOverrodeEdit(Facts):
    """A contact was deleted in Sage, and what was edited in SSM meanwhile is lost with it."""

    code = Code.DELETION_OVERRODE_EDIT


@dataclass(frozen=True, slots=True)
class ConflictSettled(Facts):
    """Both sides changed a field, and one value was kept.

    Attributes:
        winner: the side whose value was kept.
    """

    code = Code.CONFLICT_SETTLED
    winner: Side


@dataclass(frozen=True, slots=True)
class ChangePutBack(Facts):
    """A field that goes one way only was changed on the side that receives it, and is put back.

    Attributes:
        source: the side whose value was put back in place.
    """

    code = Code.CHANGE_PUT_BACK
    source: Side


@dataclass(frozen=True, slots=True)
class Conflict(Facts):
    """Both sides changed a field, and a person chooses."""

    code = Code.CONFLICT


# --- who is who


@dataclass(frozen=True, slots=True)
class WhoIsWho(Facts):
    """Contacts without a link may be one person, and a person decides (P16).

    Attributes:
        in_sage100: the Sage contacts in question.
        in_ssm: the SSM contacts in question.
    """

    in_sage100: tuple[Named, ...]
    in_ssm: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class AmbiguousMatch(WhoIsWho):
    """Several contacts without a link could be one person, or an ``extId`` is not believed.

    Attributes:
        by_ext_id: whether an ``extId`` brings them together, and not their names: those may then be different people's.
    """

    code = Code.AMBIGUOUS_MATCH
    by_ext_id: bool


@dataclass(frozen=True, slots=True)
class PossibleDuplicate(WhoIsWho):
    """Contacts without a link are likely the same person.

    Attributes:
        evidence: what speaks for it.
    """

    code = Code.POSSIBLE_DUPLICATE
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrphanExtId(Facts):
    """An SSM contact has an ``extId`` whose Sage row is gone.

    Attributes:
        ext_id: that ``extId``.
    """

    code = Code.ORPHAN_EXT_ID
    ext_id: str


@dataclass(frozen=True, slots=True)
class DuplicateInSage(Facts):
    """A contact would get the names of another contact of its company.

    Attributes:
        holder: the contact that has them already, or gets them first: an SSM contact where Sage does not have it yet;
            None where Sage does not say which.
    """

    code = Code.DUPLICATE_IN_SAGE
    holder: ContactRef | None


@dataclass(frozen=True, slots=True)
class DuplicateExtId(Facts):
    """A live SSM contact has the ``extId`` of one that is linked.

    Attributes:
        ext_id: that ``extId``.
        linked_ssm_id: the SSM contact that is linked.
    """

    code = Code.DUPLICATE_EXT_ID
    ext_id: str
    linked_ssm_id: int


@dataclass(frozen=True, slots=True)
class ForeignExtId(Facts):
    """A linked SSM contact has another software's ``extId``.

    Attributes:
        ext_id: that ``extId``.
    """

    code = Code.FOREIGN_EXT_ID
    ext_id: str


@dataclass(frozen=True, slots=True)
class OtherDatabase(SharedCause):
    """An SSM contact has the ``extId`` of another company database, and is left alone.

    Attributes:
        database: that database.
    """

    code = Code.OTHER_DATABASE
    database: str

    @property
    def cause(self) -> Cause | None:
        """The other database."""
        return (self.database,)


@dataclass(frozen=True, slots=True)
class Decided(Facts):
    """A person settled a problem, or took that back.

    Attributes:
        choice: what was decided.
        by: who decided.
        about: the code of the problem.
        undone: whether the decision was taken back.
    """

    code = Code.DECIDED
    choice: str
    by: str
    about: Code
    undone: bool = False


@dataclass(frozen=True, slots=True)
class UndoAsked(Facts):
    """A person asked for the value that a field had before a write.

    Attributes:
        by: who asked.
        side: where the next run types it, as if somebody had edited it there.
        old: that value; None for none.
    """

    code = Code.UNDO_ASKED
    by: str
    side: Side
    old: str | None


@dataclass(frozen=True, slots=True)
class UndoOvertaken(Facts):
    """What a person asked back was not typed again: the field was edited since, or cannot be written any more.

    Attributes:
        old: the value that was asked back; None for none.
    """

    code = Code.UNDO_OVERTAKEN
    old: str | None


# --- values


@dataclass(frozen=True, slots=True)
class ValueTruncated(Facts):
    """A text was shortened to fit Sage.

    Attributes:
        text: the text that Sage holds.
        limit: how many characters its column takes.
    """

    code = Code.VALUE_TRUNCATED
    text: str
    limit: int


@dataclass(frozen=True, slots=True)
class ValueTooLong(Facts):
    """A text does not fit Sage.

    Attributes:
        limit: how many characters its column takes; None where Sage refused the text without saying it.
        length: how many the text has, as the column counts them; None as above.
    """

    code = Code.VALUE_TOO_LONG
    limit: int | None
    length: int | None


@dataclass(frozen=True, slots=True)
class ValueNotRepresentable(Facts):
    """A text has characters outside Sage's code page.

    Attributes:
        characters: those characters; None where Sage refused the text without saying which.
    """

    code = Code.VALUE_NOT_REPRESENTABLE
    characters: str | None


@dataclass(frozen=True, slots=True)
class ValueMissing(SharedCause):
    """A field is empty that a side requires.

    Attributes:
        side: the side that requires it.
        is_outside_map: whether it is a column that the synchronisation does not fill: then no contact is to blame.
    """

    code = Code.VALUE_MISSING
    side: Side
    is_outside_map: bool = False

    @property
    def cause(self) -> Cause | None:
        """The side that wants its column filled, if no contact can fill it."""
        return (self.side,) if self.is_outside_map else None


@dataclass(frozen=True, slots=True)
class ValueUnknown(SharedCause):
    """A code or label does not exist on a side, or a contact's row cannot be understood.

    Attributes:
        text: the label that SSM does not have, the id for which SSM has no label, or what is wrong with the row.
        side: the side for which there is no value; None for a row that cannot be understood.
        is_opposite: whether the row is one of the other side, and may be this contact (P4).
    """

    code = Code.VALUE_UNKNOWN
    text: str
    side: Side | None
    is_opposite: bool = False

    @property
    def cause(self) -> Cause | None:
        """The code or label, and the side that does not have it."""
        return None if self.side is None else (self.side, self.text)


@dataclass(frozen=True, slots=True)
class ValueRefused(Facts):
    """A side refused one value of a contact, and took the others.

    Attributes:
        side: that side.
        text: its own words; None where it gave none.
    """

    code = Code.VALUE_REFUSED
    side: Side
    text: str | None


# --- writes that were not done


@dataclass(frozen=True, slots=True)
class RejectedBySage(Facts):
    """Sage refused a write as a whole.

    Attributes:
        text: its own words; None where it gave none.
    """

    code = Code.REJECTED_BY_SAGE
    text: str | None


@dataclass(frozen=True, slots=True)
class RejectedBySsm(SharedCause):
    """SSM refused a write as a whole.

    Attributes:
        text: its own words; None where it gave none.
    """

    code = Code.REJECTED_BY_SSM
    text: str | None

    @property
    def cause(self) -> Cause | None:
        """What SSM says of the owner, if it speaks of the owner."""
        return (self.text,) if self.text and OWNER in self.text else None


@dataclass(frozen=True, slots=True)
class RecordLocked(Facts):
    """A user of Sage has the record open, or a lock timed out."""

    code = Code.RECORD_LOCKED


@dataclass(frozen=True, slots=True)
class NotApplied(Facts):
    """A side accepted a write, and reads back the value from before.

    Attributes:
        side: that side.
    """

    code = Code.NOT_APPLIED
    side: Side


@dataclass(frozen=True, slots=True)
class Flapping(Facts):
    """A field was rewritten in several runs in a row without a user's change, and is not written any more."""

    code = Code.FLAPPING


# --- sides


@dataclass(frozen=True, slots=True)
class AboutSide(Facts):
    """The facts of an entry about a side as a whole.

    Attributes:
        side: that side.
    """

    side: Side


@dataclass(frozen=True, slots=True)
class Guard(AboutSide):
    """What made a guard stop a run.

    Attributes:
        number: how many contacts made it; None where it was not the contacts.
        switch: what lifts it for one run.
    """

    switch: ClassVar[str] = "--allow-mass-change"
    number: int | None


@dataclass(frozen=True, slots=True)
class DeletionGuard(Guard):
    """More deletions on a side than a run may do by itself.

    Attributes:
        limit: how many it may do.
    """

    code = Code.DELETION_GUARD
    switch = "--allow-deletions"
    limit: int


@dataclass(frozen=True, slots=True)
class MassChangeGuard(Guard):
    """Most links edited at once on a side.

    Attributes:
        both_names: whether it is both the last and the first name of so many that changed.
    """

    code = Code.MASS_CHANGE_GUARD
    both_names: bool = False


@dataclass(frozen=True, slots=True)
class EmptySideGuard(Guard):
    """A side's contacts read empty; the number is that of the links."""

    code = Code.EMPTY_SIDE_GUARD


@dataclass(frozen=True, slots=True)
class RestoredSideGuard(Guard):
    """A database restored from a backup; the number is that of the contacts older than when last seen."""

    code = Code.RESTORED_SIDE_GUARD


@dataclass(frozen=True, slots=True)
class LostStateGuard(Guard):
    """Contacts of SSM have an ``extId`` of ours, and the state knows no link; the number is that of the contacts.

    Attributes:
        databases: the company databases that these name, and how many contacts name each.
    """

    code = Code.LOST_STATE_GUARD
    databases: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class OlderStamp(Facts):
    """A Sage row that changed has an older stamp than the one last seen; the value that it replaces is kept here.

    Attributes:
        stamp: the row's stamp.
        seen: the stamp last seen.
    """

    code = Code.OLDER_STAMP
    stamp: str
    seen: str


@dataclass(frozen=True, slots=True)
class GuardLifted(AboutSide):
    """A person lifted a guard for one run.

    Attributes:
        guard: the guard's code.
        number: how many contacts had made it stop the run, where it was the contacts.
        switch: what lifted it.
        by: who lifted it; None where that is not known, as of a Prefect flow run.
    """

    code = Code.GUARD_LIFTED
    guard: Code
    number: int | None
    switch: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class IncompleteRead(AboutSide):
    """A side was not read to its end.

    Attributes:
        text: why, in the connector's words.
    """

    code = Code.INCOMPLETE_READ
    text: str


@dataclass(frozen=True, slots=True)
class SideUnreachable(AboutSide):
    """A side could not be reached, or the run refuses to work with it.

    Attributes:
        text: the connector's words, where there are any.
        reason: the code of the error (``other_side``, ``database_full``), which has words of its own for some.
    """

    code = Code.SIDE_UNREACHABLE
    text: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LoginRefused(AboutSide):
    """A side refused the login, the key or a right.

    Attributes:
        text: the connector's words, where there are any.
    """

    code = Code.LOGIN_REFUSED
    text: str | None


@dataclass(frozen=True, slots=True)
class Sage100ReadOnly(AboutSide):
    """The login may only read contacts: nothing is written into Sage."""

    code = Code.SAGE100_READ_ONLY


# --- entries


FACTS: Mapping[Code, type[Facts]] = {
    facts.code: facts
    for facts in (
        CompanyMissing,
        CompanyNotInSage,
        CompanyNotInSsm,
        AmbiguousCompany,
        OutOfScope,
        NotVisibleInSsm,
        CompanyChangeRefused,
        DeletionRefused,
        RestoredInPart,
        DeletedInSage,
        DeletionOverrodeEdit,
        ConflictSettled,
        ChangePutBack,
        Conflict,
        AmbiguousMatch,
        PossibleDuplicate,
        OrphanExtId,
        DuplicateInSage,
        DuplicateExtId,
        ForeignExtId,
        OtherDatabase,
        Decided,
        UndoAsked,
        UndoOvertaken,
        ValueTruncated,
        ValueTooLong,
        ValueNotRepresentable,
        ValueMissing,
        ValueUnknown,
        ValueRefused,
        RejectedBySage,
        RejectedBySsm,
        RecordLocked,
        NotApplied,
        Flapping,
        DeletionGuard,
        MassChangeGuard,
        EmptySideGuard,
        RestoredSideGuard,
        LostStateGuard,
        OlderStamp,
        GuardLifted,
        IncompleteRead,
        SideUnreachable,
        LoginRefused,
        Sage100ReadOnly,
    )
}
"""The type of facts of each code."""


@dataclass(frozen=True, slots=True)
class OlderFacts:
    """What is known of an entry in which an earlier version stored less than this one does.

    Attributes:
        code: the entry's code.
        rule: the entry's rule.
    """

    code: Code
    rule: str | None


@dataclass(frozen=True, slots=True)
class ForgottenFacts(OlderFacts):
    """What is left of an entry whose names and values were forgotten (P17)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A problem or a notice, as the rules state it; the state adds when and how often.

    Attributes:
        subject: the contact or company that it is about.
        facts: what it says of it.
        field: the field held back or decided upon, or None for the whole contact.
        sage100_value: the value on the Sage side, for people to read.
        ssm_value: the value on the SSM side, for people to read.
    """

    subject: Subject
    facts: Facts | OlderFacts
    field: str | None = None
    sage100_value: Value = None
    ssm_value: Value = None

    @property
    def code(self) -> Code:
        """The journal's code."""
        return self.facts.code

    @property
    def rule(self) -> str | None:
        """The rule that decided (``R4``, ``P7``), if there is one."""
        return self.facts.rule

    @property
    def side(self) -> Side | None:
        """The side that it is about, where it is about a side as a whole."""
        return self.facts.side if isinstance(self.facts, AboutSide) else None

    @property
    def cause(self) -> Cause | None:
        """What its contacts wait for, where that is outside the contacts: entries of one cause are one problem."""
        if not isinstance(self.facts, SharedCause):
            return None
        return (self.subject.company,) if isinstance(self.facts, CompanyNotInSsm) else self.facts.cause

    @property
    def contacts(self) -> tuple[Subject, ...]:
        """Whom it is about: the contacts that wait for its cause, else its subject alone."""
        several = self.facts.contacts if isinstance(self.facts, SharedCause) else ()
        return several or (self.subject,)

    def about_each(self) -> list["Entry"]:
        """The same problem as an entry for each of its contacts."""
        if not isinstance(self.facts, SharedCause) or not self.facts.contacts:
            return [self]
        company = self.subject.company
        return [self.about(replace(contact, company=contact.company or company)) for contact in self.facts.contacts]

    def about(self, *contacts: Subject) -> "Entry":
        """The same problem of these contacts; of one, or of several that have its cause in common."""
        assert isinstance(self.facts, SharedCause), "only a cause outside the contacts can hold back several"
        if len(contacts) == 1:
            return replace(self, subject=contacts[0], facts=replace(self.facts, contacts=()))
        companies = {contact.company for contact in contacts}
        shared = Subject(companies.pop() if len(companies) == 1 else None)
        return replace(self, subject=shared, facts=replace(self.facts, contacts=contacts))
