"""A field's old value asked back after a write (P16): checked, and stored for the next run; nothing is written here."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sage100_ssm.app.settings import Settings
from sage100_ssm.sync.contacts.fields import NAMES, field_map
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.journal import Entry, UndoAsked
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.policy import SiteDirection
from sage100_ssm.sync.rules.undo import can_be_undone
from sage100_ssm.sync.state.records import WriteAction, WriteRecord
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(frozen=True, slots=True)
class AskedBack:
    """What a person asks back.

    Attributes:
        write: the number of the write, as ``journal --writes`` shows it.
        field: the field; None for all of the write that can be asked back.
        by: who asks.
        at: when.
    """

    write: int
    field: str | None
    by: str
    at: datetime


def ask_undo(transaction: Transaction, settings: Settings, asked: AskedBack) -> list[Entry]:
    """Store what was asked back. The next run types it on the side on which it was edited, and carries it over after.

    It does so only if both sides still hold what was written.

    Returns:
        The notices of it, which are in the journal, one per field.

    Raises:
        ConfigurationError: there is no such write, or it changed nothing that can be asked back.
    """
    record = transaction.writes.find(asked.write)
    if record is None or record.id is None:
        raise ConfigurationError("write_unknown", number=asked.write)
    fields = undoable_fields(record, settings)
    if asked.field is not None:
        # The two names belong to one person.
        together = set(NAMES) if asked.field in NAMES else {asked.field}
        fields = [name for name in fields if name in together] if asked.field in fields else []
    if not fields:
        raise ConfigurationError("undo_not_possible", number=asked.write, field=asked.field)
    transaction.writes.ask_undo(record.id, fields)
    notices = [_notice(record, name, asked) for name in fields]
    run_id = f"undo-{uuid.uuid4().hex[:12]}"
    for notice in notices:
        transaction.add_notice(notice, now=asked.at, run_id=run_id)
    return notices


def undoable_fields(record: WriteRecord, settings: Settings) -> list[str]:
    """The fields of a write whose old values can be asked back."""
    if record.action is not WriteAction.UPDATE or not record.is_confirmed or not _is_of_pair(record):
        return []
    if record.side is Side.SSM and settings.policy.direction is SiteDirection.TO_SSM:
        return []  # P18: it would be typed in Sage
    possible: Collection[str] = {f.name for f in field_map(settings.fields) if can_be_undone(f)}
    return [name for name in record.changes if name in possible]


def _is_of_pair(record: WriteRecord) -> bool:
    return record.subject.sage100_id is not None and record.subject.ssm_id is not None


def _notice(record: WriteRecord, field: str, asked: AskedBack) -> Entry:
    old = record.changes[field].before
    facts = UndoAsked(asked.by, record.side.other, None if old is None else str(old))
    return Entry(record.subject, facts, field)
