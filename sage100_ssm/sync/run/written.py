"""The record of each write: before it is tried, once its receipt is there, and where the receipt never came. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Change, Link, Side, Value
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.planning.writes import EXT_ID, Write, without
from sage100_ssm.sync.run.receipts import AfterWrite
from sage100_ssm.sync.state.records import WriteAction, WriteRecord

_ACTIONS = {Action.CREATE: WriteAction.CREATE, Action.UPDATE: WriteAction.UPDATE, Action.DELETE: WriteAction.DELETE}
CREATING = frozenset({WriteAction.CREATE, WriteAction.RESTORE})
"""What makes a contact that its side did not have."""


def record_before(write: Write, mapper: Mapper, run_id: str, now: datetime) -> WriteRecord:
    """The record of a write that is about to be tried.

    Args:
        write: the write.
        mapper: the field map at work.
        run_id: the run that writes.
        now: the time.
    """
    action = WriteAction.RESTORE if write.action is Action.CREATE and write.link else _ACTIONS[write.action]
    changes = _lost(write, mapper) if action is WriteAction.DELETE else dict(write.changes)
    # A card that is created again has another id than the deleted one, and nobody knows it yet.
    subject = replace(write.subject, ssm_id=None) if action is WriteAction.RESTORE else write.subject
    return WriteRecord(run_id, now, write.side, action, subject, changes)


def _lost(write: Write, mapper: Mapper) -> dict[str, Change]:
    """What a deletion deletes of the mapped fields."""
    assert write.target is not None, "what is deleted was read"
    shown = {f.name: mapper.shown(f, write.side, write.target.values.get(f.name)) for f in mapper.fields}
    return {
        name: Change(value, None, write.deleted_because) for name, value in shown.items() if value not in (None, "")
    }


def record_after(
    record: WriteRecord,
    write: Write,
    mapper: Mapper,
    now: datetime,
    after: AfterWrite | None,
    refused: Collection[str] = (),
) -> WriteRecord:
    """The record of a write that was done, with the values that it left.

    Args:
        record: the record from before it was tried.
        write: the write.
        mapper: the field map at work.
        now: the time.
        after: the link and both contacts as they now are; None for a deletion, and where the row cannot be read back.
        refused: the fields that the side refused (P7).
    """
    done = replace(record, at=now, is_confirmed=True)
    if refused:
        changes = without(write, refused, mapper).changes
        done = replace(done, changes={name: c for name, c in done.changes.items() if name in changes})
    if after is None:
        return done
    changes = {name: replace(c, after=_left(name, c, write, after, mapper)) for name, c in done.changes.items()}
    subject = replace(done.subject, sage100_id=after.link.sage100_id, ssm_id=after.link.ssm_id)
    return replace(done, subject=subject, changes=changes)


def _left(name: str, change: Change, write: Write, after: AfterWrite, mapper: Mapper) -> Value:
    """What a write left in a field, in the side's own form (P8); not what somebody edited a moment later."""
    side = write.side
    now = after.sage100 if side is Side.SAGE100 else after.ssm
    if name == EXT_ID or name not in write.carried:
        return change.after
    field = next(f for f in mapper.fields if f.name == name)
    was_ignored = any(entry.field == name for entry in after.not_applied)
    left = now.values.get(name) if was_ignored else after.link.base[name].of(side)
    return mapper.shown(field, side, left)


# --- a write whose receipt never came


def settled(
    record: WriteRecord, world: World, links: Mapping[int, Link], numbers: Mapping[int, int | None]
) -> WriteRecord | None:
    """The record of a write in doubt once it is seen what became of it: confirmed if it was done; None if it was not.

    It stays in doubt where the contact cannot be seen.

    Args:
        record: the record.
        world: what the sides show now.
        links: the live links by ``cbMarq``, those that this run has found included.
        numbers: of the creations in Sage whose outcome was not known, the ``CT_No`` by the SSM contact's id.
    """
    if record.action in CREATING:
        return _settled_creation(record, world, links, numbers)
    id_ = record.subject.sage100_id if record.side is Side.SAGE100 else record.subject.ssm_id
    contact = (world.sage100 if record.side is Side.SAGE100 else world.ssm).get(id_ or 0)
    if record.action is WriteAction.DELETE:
        unreadable = world.unreadable.sage100_ids if record.side is Side.SAGE100 else world.unreadable.ssm_ids
        if id_ in unreadable:
            return record
        return replace(record, is_confirmed=True) if contact is None or contact.deleted else None
    if contact is None:
        return record
    changes = {name: c for name, c in record.changes.items() if _is_there(name, c, contact, world.mapper)}
    return replace(record, changes=changes, is_confirmed=True) if changes else None


def _settled_creation(
    record: WriteRecord, world: World, links: Mapping[int, Link], numbers: Mapping[int, int | None]
) -> WriteRecord | None:
    subject = record.subject
    if record.side is Side.SSM:
        link = links.get(subject.sage100_id or 0)
        card = world.ssm.get(link.ssm_id) if link else None
        # Somebody may have typed the same contact: ours carries the mark, unless it was created without one.
        mark = record.changes.get(EXT_ID)
        is_ours = card is not None and card.ext_id == (mark.after if mark else None)
        # The deleted card in whose place it was to be restored has the same mark.
        is_ours &= record.action is not WriteAction.RESTORE or not (card and card.deleted)
    else:
        link = next((link for link in links.values() if link.ssm_id == subject.ssm_id), None)
        is_ours = link is not None and link.sage100_no == numbers.get(link.ssm_id)
    if link is None or not is_ours:
        return None
    return replace(record, subject=replace(subject, sage100_id=link.sage100_id, ssm_id=link.ssm_id), is_confirmed=True)


def _is_there(name: str, change: Change, contact: Contact, mapper: Mapper) -> bool:
    """Whether a side shows what was written into a field, perhaps in a form of its own (P8)."""
    if name == EXT_ID:
        return contact.ext_id == change.after
    field = next((f for f in mapper.fields if f.name == name), None)
    if field is None:
        return False
    now = contact.values.get(name)
    shown = mapper.shown(field, contact.side, now)
    # What has a label of its own is compared by it.
    return shown == change.after or (shown == now and mapper.is_read_back_of(field, contact.side, now, change.after))
