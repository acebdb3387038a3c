"""The records that the Airbyte source emits: what is stored of runs, problems, writes and links, as flat fields.

What names a person, or is a value of one, is in fields of its own, which are there only if the settings ask for them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sage100_ssm.messages import Language, code_label, describe
from sage100_ssm.sync.journal import Kind
from sage100_ssm.sync.model import Link, Side
from sage100_ssm.sync.state.changes import ChangedEntry
from sage100_ssm.sync.state.records import RETRY, JournalEntry, RunRow, WriteRecord

Record = dict[str, Any]
Schema = dict[str, Any]

_TEXT: Schema = {"type": ["null", "string"]}
_INTEGER: Schema = {"type": ["null", "integer"]}
_BOOLEAN: Schema = {"type": ["null", "boolean"]}
_TIME: Schema = {"type": ["null", "string"], "format": "date-time", "airbyte_type": "timestamp_with_timezone"}
_TEXTS: Schema = {"type": ["null", "array"], "items": {"type": "string"}}
_OBJECT: Schema = {"type": ["null", "object"], "additionalProperties": True}

_FIGURES = {"read": "Contacts read", "created": "Contacts created", "updated": "Contacts updated",
            "deleted": "Contacts deleted", "failed": "Writes that were not done"}  # fmt: skip
_PLACES = {Side.SAGE100: "in Sage 100", Side.SSM: "in Sage Sales Management"}
_SUMS = {
    "linked": "Linked contacts at the end of the run.",
    "problems_opened": "Problems that the run opened.",
    "problems_closed": "Problems that the run found to be gone.",
    "problems_open": "Open problems at the end of the run.",
    "notices": "Notices that the run added to the journal.",
    "postponed": "Writes left to the next run because the time was over.",
    "companies_left": "Companies that the run had no time to look at; the next one does.",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a stream.

    Attributes:
        type: its JSON schema.
        meaning: what it contains.
        is_personal: whether it names a person, or contains a value of one.
    """

    type: Schema
    meaning: str
    is_personal: bool = False


Columns = Mapping[str, Column]

RUNS: Columns = {
    "run_id": Column({"type": "string"}, "Name of the run."),
    "number": Column({"type": "integer"}, "Number of the run, rising by one."),
    "started_at": Column(_TIME, "When it began."),
    "finished_at": Column(_TIME, "When it ended; null while it is under way."),
    "status": Column(_TEXT, "running, done, held (by a guard) or failed."),
    "exit_code": Column(_INTEGER, "How the command would have ended; null while it is under way, or if it was killed."),
    "retried_problem": Column(_INTEGER, "The one problem whose contacts the run was about; null for all contacts."),
    **{
        f"{side}_{figure}": Column(_INTEGER, f"{meaning} {place}.")
        for side, place in _PLACES.items()
        for figure, meaning in _FIGURES.items()
    },
    "ssm_requests": Column(_INTEGER, "HTTP requests sent to Sage Sales Management."),
    **{name: Column(_INTEGER, meaning) for name, meaning in _SUMS.items()},
}

_CONTACT: Columns = {
    "company": Column(_TEXT, "Code of the company (CT_Num)."),
    "sage100_id": Column(_INTEGER, "The contact's cbMarq."),
    "ssm_id": Column(_INTEGER, "The contact's id in Sage Sales Management."),
}
_NAME = Column(_TEXT, "Name of the contact.", is_personal=True)

OPEN_PROBLEMS: Columns = {
    "id": Column({"type": "integer"}, "Number of the problem, which the commands take."),
    "code": Column(_TEXT, "Cause, as a code."),
    "title": Column(_TEXT, "Cause, in words."),
    "rule": Column(_TEXT, "Number of the rule that decided."),
    **_CONTACT,
    "field": Column(_TEXT, "The field that is held back; null for the whole contact."),
    "contacts": Column(_INTEGER, "How many contacts wait for this cause."),
    "first_seen": Column(_TIME, "When it was first reported."),
    "last_seen": Column(_TIME, "When it was last reported."),
    "count": Column(_INTEGER, "How many runs reported it."),
    "next_try_at": Column(_TIME, "Until when the write that it holds back is not tried again."),
    "contact": _NAME,
    "sage100_value": Column(_TEXT, "Value in Sage 100.", is_personal=True),
    "ssm_value": Column(_TEXT, "Value in Sage Sales Management.", is_personal=True),
    "message": Column(_TEXT, "What happened and why, in a sentence.", is_personal=True),
    "remedy": Column(_TEXT, "What to do about it.", is_personal=True),
}

JOURNAL: Columns = {
    "id": Column({"type": "integer"}, "Number of the entry."),
    "kind": Column(_TEXT, "problem or notice."),
    **{name: column for name, column in OPEN_PROBLEMS.items() if name not in ("id", "next_try_at")},
    "run_id": Column(_TEXT, "The run that first reported it."),
    "closed_at": Column(_TIME, "When the problem was found to be gone; null while it is open, and for notices."),
    "forgotten_at": Column(_TIME, "When its names and values were forgotten."),
    "changed_at": Column(_TIME, "The latest of its times; the cursor."),
}

WRITES: Columns = {
    "id": Column({"type": "integer"}, "Number of the write."),
    "run_id": Column(_TEXT, "The run that wrote."),
    "at": Column(_TIME, "When it was written."),
    "side": Column(_TEXT, "The side that was written: sage100 or ssm."),
    "action": Column(_TEXT, "create, restore, update or delete."),
    **_CONTACT,
    "fields": Column(_TEXTS, "Names of the fields that were written."),
    "occasions": Column(_TEXTS, "Where the values came from."),
    "contact": _NAME,
    "changes": Column(_OBJECT, "Each field's value before and after.", is_personal=True),
}

LINKS: Columns = {
    "id": Column({"type": "integer"}, "Number of the link."),
    **_CONTACT,
    "origin": Column(_TEXT, "The side on which the contact was created."),
    "status": Column(_TEXT, "active or asleep."),
    "reason": Column(_TEXT, "Why it sleeps, as a code."),
    "contact": _NAME,
    "values": Column(_OBJECT, "Each field's value in Sage 100 and in Sage Sales Management.", is_personal=True),
}


def schema_of(columns: Columns, *, with_personal_data: bool) -> Schema:
    """The JSON schema of a stream."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            name: column.type | {"description": column.meaning + (" Personal." if column.is_personal else "")}
            for name, column in columns.items()
            if with_personal_data or not column.is_personal
        },
        "additionalProperties": True,
    }


def without_personal_data(columns: Columns, records: Iterable[Record]) -> list[Record]:
    """Records without the fields that are personal."""
    kept = [name for name, column in columns.items() if not column.is_personal]
    return [{name: record[name] for name in kept} for record in records]


def run_record(number: int, run: RunRow) -> Record:
    """A run."""
    sides = {side: run.counts.get(side.value, {}) for side in Side}
    return {
        "run_id": run.run_id,
        "number": number,
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
        "status": run.status.value,
        "exit_code": run.exit_code,
        "retried_problem": run.counts.get(RETRY),
        **{f"{side}_{figure}": counts.get(figure) for side, counts in sides.items() for figure in _FIGURES},
        "ssm_requests": sides[Side.SSM].get("requests"),
        **{name: run.counts.get(name) for name in _SUMS},
    }


def problem_record(known: JournalEntry, language: Language) -> Record:
    """An open problem."""
    entry = known.entry
    words = describe(entry, language, problem=known.id if known.kind is Kind.PROBLEM else None)
    return {
        "id": known.id,
        "code": entry.code.value,
        "title": code_label(entry.code, language),
        "rule": entry.rule,
        "company": entry.subject.company,
        "sage100_id": entry.subject.sage100_id,
        "ssm_id": entry.subject.ssm_id,
        "field": entry.field,
        "contacts": len(entry.contacts),
        "first_seen": _time(known.first_seen),
        "last_seen": _time(known.last_seen),
        "count": known.count,
        "next_try_at": _time(known.next_try_at),
        "contact": entry.subject.contact,
        "sage100_value": _text(entry.sage100_value),
        "ssm_value": _text(entry.ssm_value),
        "message": words.message,
        "remedy": words.remedy,
    }


def entry_record(changed: ChangedEntry, language: Language) -> Record:
    """An entry of the journal."""
    known = changed.known
    times = (known.first_seen, known.last_seen, known.closed_at, known.forgotten_at)
    fields = problem_record(known, language) | {
        "kind": known.kind.value,
        "run_id": changed.run_id,
        "closed_at": _time(known.closed_at),
        "forgotten_at": _time(known.forgotten_at),
        "changed_at": _time(max(filter(None, times))),
    }
    return {name: fields[name] for name in JOURNAL}


def write_record(record: WriteRecord) -> Record:
    """A write."""
    return {
        "id": record.id,
        "run_id": record.run_id,
        "at": _time(record.at),
        "side": record.side.value,
        "action": record.action.value,
        "company": record.subject.company,
        "sage100_id": record.subject.sage100_id,
        "ssm_id": record.subject.ssm_id,
        "fields": sorted(record.changes),
        "occasions": sorted({change.occasion.value for change in record.changes.values()}),
        "contact": record.subject.contact,
        "changes": {name: [change.before, change.after] for name, change in record.changes.items()},
    }


def link_record(link: Link) -> Record:
    """A link."""
    return {
        "id": link.id,
        "company": link.company,
        "sage100_id": link.sage100_id,
        "ssm_id": link.ssm_id,
        "origin": link.origin.value,
        "status": link.status.value,
        "reason": link.reason,
        "contact": link.contact,
        "values": {name: [pair.sage100, pair.ssm] for name, pair in link.base.items()},
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
