"""What follows from a receipt: the link after the write (P8), or the problem that a refusal makes. Pure."""

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
    SideUnreachable,
    Subject,
    ValueMissing,
    ValueNotRepresentable,
    ValueTooLong,
)
from sage100_ssm.sync.model import Base, ContactRef, Link, Pair, Side
from sage100_ssm.sync.planning.writes import Write, name_on
from sage100_ssm.sync.rules.links import company_not_in_sage

_REJECTED = {Side.SAGE100: RejectedBySage, Side.SSM: RejectedBySsm}


@dataclass(frozen=True, slots=True)
class AfterWrite:
    """What a write that was done leaves behind.

    Attributes:
        link: the link as it now is.
        sage100: the Sage contact as it now is.
        ssm: the SSM contact as it now is.
        not_applied: a problem per field that the side accepted and yet reads back as before.
    """

    link: Link
    sage100: Contact
    ssm: Contact
    not_applied: tuple[Entry, ...]


# --- done


def after_write(write: Write, link: Link | None, now: Contact, mapper: Mapper) -> AfterWrite:
    """The form that a side reads back after a write becomes its base (P8).

    Args:
        write: a create or an update that was done.
        link: the link that it belongs to, as it now is; None where it makes one.
        now: the contact as it reads back.
        mapper: the field map at work.
    """
    sage100, ssm = _both(write, now)
    stuck = [f for f in mapper.fields if f.name in write.carried and _is_stuck(f, write, now, mapper)]
    pairs = {name: pair for name, pair in _pairs(write, now, mapper).items() if name not in {f.name for f in stuck}}
    link = link or _new_link(write, sage100, ssm)
    link = replace(
        link,
        base={**link.base, **pairs},
        contact=now.full_name or link.contact,
        sage100_stamp=_later(link.sage100_stamp, sage100.stamp),
        ssm_stamp=_later(link.ssm_stamp, ssm.stamp),
        # A contact restored in SSM has a new id there (P5).
        ssm_id=ssm.id if write.action is Action.CREATE else link.ssm_id,
        unconfirmed={side: base for side, base in link.unconfirmed.items() if side is not write.side},
    )
    return AfterWrite(link, sage100, ssm, tuple(_not_applied(f, write.side, sage100, ssm, mapper) for f in stuck))


def expected_base(write: Write, mapper: Mapper) -> Base:
    """The base that a create or an update leaves if it is done, in case its receipt never comes."""
    row = write.target.row if write.target else {"cbMarq": 0, "id": 0}
    return _pairs(write, mapper.contact(write.side, {**row, **write.values}), mapper)


def _pairs(write: Write, now: Contact, mapper: Mapper) -> Base:
    """What both sides say of the fields that a write carries, once its side reads like this."""
    sage100, ssm = _both(write, now)
    carried = [f.name for f in mapper.fields if f.name in write.carried]
    return {name: Pair(sage100.values.get(name), ssm.values.get(name)) for name in carried}


def _both(write: Write, now: Contact) -> tuple[Contact, Contact]:
    """The Sage contact and the SSM contact of a write, once its side reads like this."""
    assert write.source is not None, "a create or an update is based on a contact of the other side"
    return (now, write.source) if write.side is Side.SAGE100 else (write.source, now)


def _new_link(write: Write, sage100: Contact, ssm: Contact) -> Link:
    assert write.origin is not None, "a create says where the contact was born"
    return Link(sage100.id, sage100.number, ssm.id, sage100.company or "", sage100.full_name, write.origin)


def _later(one: str | None, two: str | None) -> str | None:
    return max((s for s in (one, two) if s), key=datetime.fromisoformat, default=None)


def _is_stuck(field: Field, write: Write, now: Contact, mapper: Mapper) -> bool:
    """Whether the side accepted a value and reads back the one from before, and not only in its own letters (P8)."""
    name = name_on(field, write.side)
    if name not in write.values:
        return False
    was, reads = (write.target.values.get(field.name) if write.target else None), now.values.get(field.name)
    if normalise.letters(reads) == normalise.letters(write.values[name]) or not (reads or write.values[name]):
        return False
    both = (contact.values.get(field.name) for contact in _both(write, now))
    return mapper.unchanged(field, write.side, reads, was) and not mapper.equal(field, *both)


def _not_applied(field: Field, side: Side, sage100: Contact, ssm: Contact, mapper: Mapper) -> Entry:
    return Entry(
        subject_of(sage100, ssm),
        NotApplied(side),
        field.name,
        mapper.shown(field, Side.SAGE100, sage100.values.get(field.name)),
        mapper.shown(field, Side.SSM, ssm.values.get(field.name)),
    )


# --- not done


def refusal(write: Write, receipt: Receipt, mapper: Mapper) -> Entry | None:
    """The problem that a write's receipt makes; None where the next run looks again by itself."""
    if _is_looked_at_again(write, receipt):
        return None
    if _is_of_the_side(receipt):
        return Entry(Subject(), SideUnreachable(write.side, receipt.detail or None, reason=None))
    match receipt.cause:
        case Cause.NOT_FOUND:
            return Entry(write.subject, NotVisibleInSsm())
        case Cause.DUPLICATE:
            return Entry(write.subject, DuplicateInSage(_name_holder(write, receipt)))
        case Cause.COMPANY_MISSING if write.ssm:
            return company_not_in_sage(write.subject, write.ssm, mapper.companies)
    field = _field_called(receipt.field, write.side, mapper)
    change = write.changes.get(field) if field else None
    wanted = change.after if change else None
    sage100, ssm = (None, wanted) if write.side is Side.SAGE100 else (wanted, None)
    return Entry(write.subject, _refused(write.side, receipt), field, sage100, ssm)


def _name_holder(write: Write, receipt: Receipt) -> ContactRef | None:
    """The contact that has the name already; None where the side does not say."""
    # Where Sage does not say, the receipt of an update names the contact itself.
    return None if receipt.id is None or receipt.id == write.target_id else ContactRef(write.side, receipt.id)


def _refused(side: Side, receipt: Receipt) -> Facts:
    """Why a side did not take a value, or the record as a whole."""
    match receipt.cause:
        case Cause.TOO_LONG:
            return ValueTooLong(limit=None, length=None)
        case Cause.NOT_REPRESENTABLE:
            return ValueNotRepresentable(text=None)
        case Cause.VALUE_MISSING:
            return ValueMissing(side)
        case Cause.LOCKED:
            return RecordLocked()
    return _REJECTED[side](receipt.detail or None)


def _is_looked_at_again(write: Write, receipt: Receipt) -> bool:
    """Whether a refusal says only that somebody was faster. What SSM does not show is not deleted, though (P10)."""
    match receipt.cause:
        case Cause.NOT_FOUND:
            return (write.side, write.action) != (Side.SSM, Action.DELETE)
        case Cause.DUPLICATE:
            return write.side is Side.SSM
    return receipt.outcome is Outcome.CHANGED


def _is_of_the_side(receipt: Receipt) -> bool:
    """Whether the side as a whole takes nothing, which is no fault of this contact."""
    return receipt.cause is Cause.CONNECTION or (receipt.outcome, receipt.cause) == (Outcome.RETRY, Cause.REJECTED)


def _field_called(name: str | None, side: Side, mapper: Mapper) -> str | None:
    """The field that stands under a side's own name."""
    own = {name_on(f, side): f.name for f in mapper.fields}
    return own.get(name, name) if name else None
