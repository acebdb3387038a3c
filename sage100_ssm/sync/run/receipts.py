"""What follows from a receipt: the link after a write that was done (P8), or the problem of one that was not. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.contact import Contact, subject_of
from sage100_ssm.sync.contacts.fields import Field
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import (
    DuplicateInSage,
    Entry,
    Facts,
    NotApplied,
    NotVisibleInSsm,
    RecordLocked,
    RejectedBySage,
    RejectedBySsm,
    RestoredInPart,
    SideUnreachable,
    Subject,
    ValueMissing,
    ValueNotRepresentable,
    ValueRefused,
    ValueTooLong,
    ValueUnknown,
)
from sage100_ssm.sync.model import Base, ContactRef, Link, Side, ValuePair
from sage100_ssm.sync.planning.writes import EXT_ID, Write, own_name, without
from sage100_ssm.sync.rules.links import company_not_in_sage

_OWNER = "salesRepId"
_REJECTED: Mapping[Side, type[RejectedBySage | RejectedBySsm]] = {Side.SAGE100: RejectedBySage, Side.SSM: RejectedBySsm}


@dataclass(frozen=True, slots=True)
class AfterWrite:
    """The link and both contacts after a write that was done.

    Attributes:
        link: the link, with the values that were read back as its base.
        sage100: the Sage contact; read back if Sage was written.
        ssm: the SSM contact; read back if SSM was written.
        not_applied: a problem per field that the side accepted and reads back as it was before.
    """

    link: Link
    sage100: Contact
    ssm: Contact
    not_applied: tuple[Entry, ...]


# --- a write that was done


def after_write(
    write: Write, link: Link | None, now: Contact, mapper: Mapper, refused: Collection[str] = ()
) -> AfterWrite:
    """The link after a write: the form that a side reads back becomes its base (P8).

    Args:
        write: a creation or an update that was done.
        link: the link that it belongs to; None for a creation that makes one.
        now: the contact as the written side reads it back.
        mapper: the field map at work.
        refused: the fields that the side refused, which keep their base (P7).
    """
    if refused:
        write = without(write, refused, mapper)
        if link and write.action is Action.CREATE:
            # A contact restored without a value has not lost it by anybody's edit: there is no base to differ from.
            link = replace(link, base={name: pair for name, pair in link.base.items() if name not in refused})
    sage100, ssm = _both_contacts(write, now)
    carried = [f for f in mapper.fields if f.name in write.carried]
    # A field that was not applied keeps its base, so that the next run sees the same difference again.
    not_applied = [f for f in carried if _is_not_applied(f, write, now, mapper)]
    written, reads = expected_base(write, mapper), _carried_values(write, now, mapper)
    # Somebody may have edited the row between the write and the read-back. What was written stays the base of such a
    # field, so that the next run sees the edit.
    edited = [
        f
        for f in carried
        if not mapper.is_read_back_of(f, write.side, reads[f.name].of(write.side), written[f.name].of(write.side))
    ]
    base = {f.name: (written if f in edited else reads)[f.name] for f in carried if f not in not_applied}

    link = link or _new_link(write, sage100, ssm, mapper)
    others = [f for f in mapper.fields if f not in carried and f.name in link.base]
    is_edited = bool(edited) or any(
        not mapper.is_unchanged(f, write.side, now.values.get(f.name), link.base[f.name].of(write.side)) for f in others
    )
    stamps = {Side.SAGE100: sage100.stamp, Side.SSM: ssm.stamp}
    if is_edited:
        # The stamp of a row with an edit must count as moved, where the newest value wins (P1).
        stamps[write.side] = None
    link = replace(
        link,
        base={**link.base, **base},
        contact=now.full_name or link.contact,
        sage100_stamp=_later(link.sage100_stamp, stamps[Side.SAGE100]),
        ssm_stamp=_later(link.ssm_stamp, stamps[Side.SSM]),
        # A contact restored in SSM has a new id there (P5).
        ssm_id=ssm.id if write.action is Action.CREATE else link.ssm_id,
        unconfirmed={side: base for side, base in link.unconfirmed.items() if side is not write.side},
    )
    ignored = [_not_applied(f, write.side, sage100, ssm, mapper) for f in not_applied]
    if _is_ext_id_ignored(write, now):
        ignored.append(Entry(subject_of(sage100, ssm), NotApplied(Side.SSM), EXT_ID, write.values["extId"], now.ext_id))
    return AfterWrite(link, sage100, ssm, tuple(ignored))


def expected_base(write: Write, mapper: Mapper) -> Base:
    """The base that a creation or an update leaves if it is done, in case its receipt never comes."""
    # A contact that is to be created has no id yet; a contact cannot be read without one, and a base has no id.
    row = write.target.row if write.target else {"cbMarq": 0, "id": 0}
    return _carried_values(write, mapper.read(write.side, {**row, **write.values}), mapper)


def _carried_values(write: Write, now: Contact, mapper: Mapper) -> Base:
    """The values of the carried fields on both sides, the written side's as it is now."""
    sage100, ssm = _both_contacts(write, now)
    carried = [f.name for f in mapper.fields if f.name in write.carried]
    return {name: ValuePair(sage100.values.get(name), ssm.values.get(name)) for name in carried}


def _both_contacts(write: Write, now: Contact) -> tuple[Contact, Contact]:
    """The Sage contact and the SSM contact of a write, the written side's as it is now."""
    assert write.source is not None, "a creation or an update is based on a contact of the other side"
    return (now, write.source) if write.side is Side.SAGE100 else (write.source, now)


def _new_link(write: Write, sage100: Contact, ssm: Contact, mapper: Mapper) -> Link:
    assert write.origin is not None, "a creation that makes a link names the contact's origin"
    link = Link(
        sage100.id,
        sage100.number,
        ssm.id,
        sage100.company or "",
        sage100.full_name,
        write.origin,
        sage100_created=sage100.row.get("cbCreation"),
    )
    # P3: what a user edits from now on counts, also in columns that the field map does not have.
    digest = mapper.unmapped_digest(sage100.row) if write.origin is Side.SSM else None
    return replace(link, unmapped_digest=digest)


def _later(one: str | None, two: str | None) -> str | None:
    # Compared as times: stamps have different zones and precisions.
    return max((s for s in (one, two) if s), key=datetime.fromisoformat, default=None)


def _is_not_applied(field: Field, write: Write, now: Contact, mapper: Mapper) -> bool:
    """Whether the side accepted a value and reads back the one from before (P8)."""
    name = field.name_on(write.side)
    if name not in write.values:
        return False
    was, reads = (write.target.values.get(field.name) if write.target else None), now.values.get(field.name)
    # A side may write all in capitals; and one that shows an empty value as another empty one has applied it.
    if normalise.caseless(reads) == normalise.caseless(write.values[name]) or not (reads or write.values[name]):
        return False
    both = (contact.values.get(field.name) for contact in _both_contacts(write, now))
    return mapper.is_unchanged(field, write.side, reads, was) and not mapper.is_equal(field, *both)


def _is_ext_id_ignored(write: Write, now: Contact) -> bool:
    """Whether SSM accepted an ``extId`` and reads back the one from before."""
    if write.action is not Action.UPDATE or "extId" not in write.values or write.target is None:
        return False
    return bool(now.ext_id == write.target.ext_id != write.values["extId"])


def _not_applied(field: Field, side: Side, sage100: Contact, ssm: Contact, mapper: Mapper) -> Entry:
    return Entry(
        subject_of(sage100, ssm),
        NotApplied(side),
        field.name,
        mapper.shown(field, Side.SAGE100, sage100.values.get(field.name)),
        mapper.shown(field, Side.SSM, ssm.values.get(field.name)),
    )


# --- a value that was refused


def refused_fields(write: Write, receipt: Receipt, mapper: Mapper) -> tuple[str, ...]:
    """P7: the fields of a write that a side refused, by the names that they have in its ``changes``."""
    return tuple(field for field in write.changes if own_name(field, write.side, mapper) in receipt.refused)


def value_refusals(write: Write, receipt: Receipt, mapper: Mapper) -> Iterator[Entry]:
    """P7: a problem per field that a side refused."""
    if _is_deleted(receipt):
        return
    for field in refused_fields(write, receipt, mapper):
        words = receipt.refused[own_name(field, write.side, mapper)]
        change = write.changes[field]
        source, target = change.after, change.before
        sage100, ssm = (source, target) if write.side is Side.SSM else (target, source)
        yield Entry(_subject_now(write, receipt), ValueRefused(write.side, words or None), field, sage100, ssm)


def _is_deleted(receipt: Receipt) -> bool:
    """Whether somebody deleted the row between the parts of a write: then no refusal says anything of a value."""
    return receipt.record is not None and receipt.record.get("deleted") is True


def restored_in_part(write: Write, receipt: Receipt, mapper: Mapper) -> Entry | None:
    """P5: the notice of what SSM refused of a contact that was created again; None if it took all."""
    if write.link is None or write.action is not Action.CREATE or not receipt.refused or _is_deleted(receipt):
        return None
    names = {f.name_on(write.side): f.name for f in mapper.fields}
    left_out = tuple(names.get(name, name) for name in receipt.refused)
    words = next((words for words in receipt.refused.values() if words), None)
    facts = RestoredInPart(left_out, words, default_owner=_OWNER in receipt.refused)
    return Entry(_subject_now(write, receipt), facts)


def _subject_now(write: Write, receipt: Receipt) -> Subject:
    """The contact of a write, with the id that it has on the written side now: a restored one has a new id (P5)."""
    if write.action is not Action.CREATE or receipt.id is None:
        return write.subject
    if write.side is Side.SSM:
        return replace(write.subject, ssm_id=receipt.id)
    return replace(write.subject, sage100_id=receipt.id)


# --- a write that was not done


def refusals(write: Write, receipt: Receipt, mapper: Mapper) -> tuple[Entry, ...]:
    """The problems of a write that was not done; none where the next run decides again without anybody's help."""
    of_values = tuple(value_refusals(write, receipt, mapper))
    if receipt.cause is Cause.VALUE_REFUSED and of_values:
        return of_values
    problem = _refusal(write, receipt, mapper)
    return (problem,) if problem else ()


def _refusal(write: Write, receipt: Receipt, mapper: Mapper) -> Entry | None:
    if _was_overtaken(write, receipt):
        return None
    if _is_refused_by_whole_side(receipt):
        return Entry(Subject(), SideUnreachable(write.side, receipt.detail or None))
    match receipt.cause:
        case Cause.NOT_FOUND:
            return Entry(write.subject, NotVisibleInSsm())
        case Cause.DUPLICATE:
            return Entry(write.subject, DuplicateInSage(_name_holder(write, receipt)))
        case Cause.COMPANY_MISSING if write.ssm:
            return company_not_in_sage(write.subject, write.ssm, mapper.companies)
    # A receipt names the field by the side's own name.
    by_own_name = {f.name_on(write.side): f.name for f in mapper.fields}
    field = by_own_name.get(receipt.field, receipt.field) if receipt.field else None
    if receipt.cause is Cause.VALUE_REFUSED and receipt.field not in by_own_name:
        field = None  # such as the default owner, who is no contact's own
    change = write.changes.get(field) if field else None
    wanted = change.after if change else None
    sage100, ssm = (None, wanted) if write.side is Side.SAGE100 else (wanted, None)
    reason = _reason(write.side, receipt)
    if isinstance(reason, ValueMissing):
        reason = replace(reason, is_outside_map=bool(receipt.field) and receipt.field not in by_own_name)
    return Entry(write.subject, reason, field, sage100, ssm)


def _name_holder(write: Write, receipt: Receipt) -> ContactRef | None:
    """The contact that has the name already; None where the side does not say."""
    # Where Sage does not say, the receipt of an update names the contact itself.
    return None if receipt.id is None or receipt.id == write.target_id else ContactRef(write.side, receipt.id)


def _reason(side: Side, receipt: Receipt) -> Facts:
    """Why a side did not take a value, or the record as a whole."""
    match receipt.cause:
        case Cause.TOO_LONG:
            return ValueTooLong(limit=None, length=None)
        case Cause.NOT_REPRESENTABLE:
            return ValueNotRepresentable(characters=None)
        case Cause.VALUE_MISSING:
            return ValueMissing(side)
        case Cause.LOCKED:
            return RecordLocked()
        case Cause.UNREADABLE:
            return ValueUnknown(receipt.detail, side=None)
    return _REJECTED[side](receipt.detail or None)


def _was_overtaken(write: Write, receipt: Receipt) -> bool:
    """Whether a write was not done only because somebody else was faster (P11)."""
    match receipt.cause:
        case Cause.NOT_FOUND:
            # P10: what SSM does not show at all is not deleted; a row that is gone from Sage is, and one that SSM shows
            # as deleted.
            return write.side is Side.SAGE100 or receipt.record is not None
        case Cause.DUPLICATE:
            # In SSM a contact has the `extId` already, and the next run matches it. In Sage it is P12.
            return write.side is Side.SSM
        case Cause.NOT_CONFIRMED:
            return True
    return receipt.outcome is Outcome.CHANGED


def _is_refused_by_whole_side(receipt: Receipt) -> bool:
    """Whether the side accepts no write at all now, whatever the contact."""
    refuses_all = (receipt.outcome, receipt.cause) == (Outcome.RETRY, Cause.REJECTED)
    return refuses_all or receipt.cause in {Cause.CONNECTION, Cause.QUOTA}
