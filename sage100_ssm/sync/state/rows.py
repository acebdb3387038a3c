"""A link, an intent, a journal entry, a write, a run as the columns of its table, and back."""

from collections.abc import Mapping
from sys import intern
from typing import Any

from sqlalchemy import Row

from sage100_ssm.sync.journal import Code, Entry, ForgottenFacts, Subject
from sage100_ssm.sync.model import Base, Change, Intent, Link, LinkStatus, Occasion, Side, ValuePair
from sage100_ssm.sync.state import ascii_json
from sage100_ssm.sync.state.records import JournalEntry, RunRow, RunStatus, WriteAction, WriteRecord
from sage100_ssm.sync.state.stored_facts import facts_of, packed_facts

_EMPTY = ValuePair(None, None)
"""Shared among all bases: half the fields of most contacts are empty."""


def base_text(base: Base) -> str:
    """A base as a column stores it: ``{"email": "a@x.example", "civility": [2, 1]}``.

    A field whose value is the same on both sides has that value, any other the list of Sage's and SSM's.
    """
    fields = {f: pair.ssm if pair.sage100 == pair.ssm else [pair.sage100, pair.ssm] for f, pair in base.items()}
    return ascii_json.dumps(fields)


def base_of(text: str) -> Base:
    """A base from the text that ``base_text`` made of it."""
    base = {}
    for field, value in ascii_json.loads(text).items():
        if value is None:
            pair = _EMPTY
        elif isinstance(value, list):  # a value itself is never a list
            pair = ValuePair(*value)
        else:
            pair = ValuePair(value, value)
        # The names of the fields are shared among all bases, of which there may be a million.
        base[intern(field)] = pair
    return base


def link_row(link: Link) -> dict[str, Any]:
    """A link's columns, without its key."""
    return {
        "sage100_id": link.sage100_id,
        "sage100_no": link.sage100_no,
        "ssm_id": link.ssm_id,
        "company": link.company,
        "contact": link.contact,
        "origin": link.origin.value,
        "base": base_text(link.base),
        "sage100_stamp": link.sage100_stamp,
        "ssm_stamp": link.ssm_stamp,
        "status": link.status.value,
        "reason": link.reason,
        "unconfirmed": _unconfirmed_text(link.unconfirmed) if link.unconfirmed else None,
        "unmapped_digest": link.unmapped_digest,
        "sage100_created": link.sage100_created,
    }


def link_of(row: Row[Any]) -> Link:
    """A link from its row, taken by position: by name takes a third longer, and there may be a million."""
    key, sage100_id, sage100_no, ssm_id, company, contact, origin, base, *rest = row
    sage100_stamp, ssm_stamp, status, reason, unconfirmed, digest, created, *_times = rest
    return Link(
        id=key,
        sage100_id=sage100_id,
        sage100_no=sage100_no,
        ssm_id=ssm_id,
        company=company,
        contact=contact,
        origin=Side(origin),
        base=base_of(base),
        sage100_stamp=sage100_stamp,
        ssm_stamp=ssm_stamp,
        status=LinkStatus(status),
        reason=reason,
        unconfirmed=_unconfirmed_of(unconfirmed) if unconfirmed else {},
        unmapped_digest=digest,
        sage100_created=created,
    )


def _unconfirmed_text(bases: Mapping[Side, Base]) -> str:
    """Bases by side: ``{"ssm": "{…}"}``, each as ``base_text`` makes it."""
    return ascii_json.dumps({side.value: base_text(base) for side, base in bases.items()})


def _unconfirmed_of(text: str) -> dict[Side, Base]:
    return {Side(side): base_of(base) for side, base in ascii_json.loads(text).items()}


def intent_row(intent: Intent) -> dict[str, Any]:
    """An intent's columns, without its key."""
    return {
        "side": intent.side.value,
        "source_id": intent.source_id,
        "ext_id": intent.ext_id,
        "sage100_no": intent.sage100_no,
        "names": list(intent.names),
        "base": base_text(intent.base),
        "target_id": intent.target_id,
        "begun_at": intent.begun_at,
    }


def intent_of(row: Row[Any]) -> Intent:
    """An intent from its row."""
    # The column is empty in a row that the first version wrote.
    base = base_of(row.base) if row.base else {}
    return Intent(
        Side(row.side),
        row.source_id,
        row.ext_id,
        row.sage100_no,
        tuple(row.names),
        base,
        row.target_id,
        row.begun_at,
        row.id,
    )


def entry_row(entry: Entry) -> dict[str, Any]:
    """The columns of a journal entry that hold its problem or notice."""
    return {
        "kind": entry.code.kind.value,
        "code": entry.code.value,
        "rule": entry.rule,
        "company": entry.subject.company,
        "sage100_id": entry.subject.sage100_id,
        "ssm_id": entry.subject.ssm_id,
        "contact": entry.subject.contact,
        "field": entry.field,
        "sage100_value": entry.sage100_value,
        "ssm_value": entry.ssm_value,
        "details": packed_facts(entry.facts),
        "forgotten_at": None,
    }


def journal_entry_of(row: Row[Any]) -> JournalEntry:
    """A journal entry from its row."""
    subject = Subject(company=row.company, sage100_id=row.sage100_id, ssm_id=row.ssm_id, contact=row.contact)
    code = Code(row.code)
    facts = facts_of(code, row.rule, row.details) if row.forgotten_at is None else ForgottenFacts(code, row.rule)
    entry = Entry(
        subject,
        facts,
        field=row.field,
        sage100_value=row.sage100_value,
        ssm_value=row.ssm_value,
    )
    return JournalEntry(
        id=row.id,
        entry=entry,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        count=row._mapping["count"],  # noqa: SLF001 - public in spite of its name; `row.count` is a tuple's method
        closed_at=row.closed_at,
        tries=row.tries,
        next_try_at=row.next_try_at,
        fingerprint=row.fingerprint,
        forgotten_at=row.forgotten_at,
    )


_USUAL: Mapping[WriteAction, Occasion] = {
    WriteAction.CREATE: Occasion.NEW,
    WriteAction.RESTORE: Occasion.RESTORED,
    WriteAction.UPDATE: Occasion.EDIT,
    WriteAction.DELETE: Occasion.DELETED,
}
"""Where a value comes from unless its change says otherwise: a first load may have a hundred thousand rows."""


def write_row(record: WriteRecord) -> dict[str, Any]:
    """A write's columns, without its key; its changes as ``{"phone": [null, "01 99 00 10 00"]}``."""
    usual = _USUAL[record.action]
    changes = {
        name: [c.before, c.after] if c.occasion is usual else [c.before, c.after, c.occasion.value]
        for name, c in record.changes.items()
    }
    return {
        "run_id": record.run_id,
        "at": record.at,
        "is_confirmed": record.is_confirmed,
        "side": record.side.value,
        "action": record.action.value,
        "company": record.subject.company,
        "sage100_id": record.subject.sage100_id,
        "ssm_id": record.subject.ssm_id,
        "contact": record.subject.contact,
        "changes": changes,
    }


def write_record_of(row: Row[Any]) -> WriteRecord:
    """A write from its row."""
    action = WriteAction(row.action)
    return WriteRecord(
        run_id=row.run_id,
        at=row.at,
        side=Side(row.side),
        action=action,
        subject=Subject(row.company, row.sage100_id, row.ssm_id, row.contact),
        changes={
            name: Change(before, after, Occasion(occasion[0]) if occasion else _USUAL[action])
            for name, (before, after, *occasion) in row.changes.items()
        },
        is_confirmed=row.is_confirmed,
        id=row.id,
        asked_back=tuple(row.undo or ()),
    )


def run_row(run: RunRow) -> dict[str, Any]:
    """A run's columns."""
    return {
        "run_id": run.run_id,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "status": run.status.value,
        "counts": dict(run.counts),
        "exit_code": run.exit_code,
    }


def run_of(row: Row[Any]) -> RunRow:
    """A run from its row."""
    return RunRow(
        run_id=row.run_id,
        started_at=row.started_at,
        finished_at=row.finished_at,
        status=RunStatus(row.status),
        counts=row.counts,
        exit_code=row.exit_code,
    )


def observation_row(stream: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row that was read from a stream of SSM."""
    return {"stream": stream, "id": row["id"], "data": dict(row)}
