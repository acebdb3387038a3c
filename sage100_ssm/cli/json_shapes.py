"""The JSON that the commands print (docs/contract.md), each function named after its command: scripts rely on it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sage100_ssm.app.search.found import Found
from sage100_ssm.app.search.words import standing_words
from sage100_ssm.app.status import StatusReport
from sage100_ssm.cli.narrowing import totals
from sage100_ssm.messages import Language, code_label, describe, say
from sage100_ssm.sync.journal import Kind, Subject
from sage100_ssm.sync.model import Base, Intent, Link, LinkStatus, Side
from sage100_ssm.sync.state.decisions import Decision
from sage100_ssm.sync.state.forgetting import LivesOn, StoredPerson
from sage100_ssm.sync.state.records import JournalEntry, RunRow, WriteRecord

if TYPE_CHECKING:
    # These imports load the rules, or the Airbyte CDK: the commands that only look do not wait for them.
    from sage100_ssm.app.backup import Backup
    from sage100_ssm.app.check.findings import Finding
    from sage100_ssm.app.personal_data import PersonalData
    from sage100_ssm.app.probe import ProbeAnswer
    from sage100_ssm.sync.run.pairs import Candidates
    from sage100_ssm.sync.run.report import RunReport
    from sage100_ssm.sync.run.retried import Retried

Json = dict[str, Any]


def journal(entries: Sequence[JournalEntry], language: Language) -> list[Json]:
    """Problems and notices, in the user's words."""
    return [_entry(known, language) for known in entries]


def problem_totals(entries: Sequence[JournalEntry], language: Language) -> list[Json]:
    """How many open problems and contacts there are per cause."""
    return [
        {
            "code": total.code.value,
            "title": code_label(total.code, language),
            "entries": total.entries,
            "contacts": total.contacts,
        }
        for total in totals(entries)
    ]


def _entry(known: JournalEntry, language: Language) -> Json:
    entry = known.entry
    words = describe(entry, language, problem=known.id if known.kind is Kind.PROBLEM else None)
    return {
        "id": known.id,
        "kind": known.kind.value,
        "code": entry.code.value,
        "rule": entry.rule,
        "company": entry.subject.company,
        "sage100_id": entry.subject.sage100_id,
        "ssm_id": entry.subject.ssm_id,
        "contact": entry.subject.contact,
        "field": entry.field,
        "sage100_value": entry.sage100_value,
        "ssm_value": entry.ssm_value,
        "message": words.message,
        "remedy": words.remedy,
        "first_seen": known.first_seen.isoformat(),
        "last_seen": known.last_seen.isoformat(),
        "count": known.count,
        "closed_at": _time(known.closed_at),
        "forgotten_at": _time(known.forgotten_at),
        "contacts": [_contact(contact) for contact in entry.contacts] if len(entry.contacts) > 1 else [],
    }


def _contact(contact: Subject) -> Json:
    return {
        "sage100_id": contact.sage100_id,
        "ssm_id": contact.ssm_id,
        "company": contact.company,
        "contact": contact.contact,
    }


def link(link: Link) -> Json:
    """A link with its base: per field, the Sage value and the SSM value as they were last read back."""
    return {
        "sage100_id": link.sage100_id,
        "ssm_id": link.ssm_id,
        "company": link.company,
        "origin": link.origin.value,
        "status": link.status.value,
        "fields": _pairs(link.base),
    }


def retry(report: "RunReport", what: "Retried", language: Language) -> Json:
    """The report of the run, and what became of the contacts."""
    contacts = [
        {"sage100_id": each.sage100_id, "ssm_id": each.ssm_id, "company": each.company, "contact": each.contact}
        for each in what.subjects
    ]
    outcome = {
        "became": what.became.value,
        "contacts": contacts,
        "done": [{"side": side.value, "action": action.value} for side, action in what.done],
        "problems": journal(what.problems, language),
    }
    return report.as_json() | {"retried": outcome}


def check(findings: Iterable["Finding"]) -> list[Json]:
    """The findings of a check."""
    return [
        {
            "ok": finding.level.value != "mend",
            "level": finding.level.value,
            "code": finding.code,
            "side": finding.side,
            "text": finding.text,
            "remedy": finding.remedy,
        }
        for finding in findings
    ]


def probe(answers: Iterable["ProbeAnswer"]) -> list[Json]:
    """The answers of a probe."""
    return [
        {
            "side": answer.side.value,
            "number": answer.number,
            "code": answer.code,
            "question": answer.question,
            "answer": answer.text,
            "settings": dict(answer.settings),
        }
        for answer in answers
    ]


def status(report: StatusReport) -> Json:
    """The last run, the next one, and the numbers of problems and links."""
    return {
        "last_run": _run(report.last_run) if report.last_run else None,
        "next_run": _time(report.next_run),
        "late_since": _time(report.late_since),
        "ahead_of_clock": _time(report.ahead_of_clock),
        "problems": _counted(known.entry.code.value for known in report.problems),
        "links": {
            "status": {status.value: n for status in LinkStatus if (n := report.links.of_status(status))},
            "origin": {origin.value: n for origin in Side if (n := report.links.of_origin(origin))},
        },
    }


def _run(run: RunRow) -> Json:
    return {
        "run_id": run.run_id,
        "started_at": run.started_at.isoformat(),
        "finished_at": _time(run.finished_at),
        "status": run.status.value,
        "exit_code": run.exit_code,
        **run.counts,
    }


def explain(contacts: Iterable[Found], language: Language, *, is_live: bool = False) -> list[Json]:
    """What is known about contacts; whether both sides were asked."""
    return [_found(found, language, is_live=is_live) for found in contacts]


def _found(found: Found, language: Language, *, is_live: bool) -> Json:
    words = standing_words(found, language, is_live=is_live)
    return {
        **_contact(found.subject),
        "company_name": found.company_name,
        "synchronised": found.is_synchronised,
        "standing": found.standing.value,
        "since": _time(found.synchronised_since),
        "waiting_fields": list(found.waiting_fields),
        "left_out": found.left_out.value if found.left_out else None,
        "message": words.message,
        "remedy": words.remedy,
        "next_run": _time(found.next_run),
        "cards": {side.value: {"fields": dict(card)} for side, card in found.cards.items()},
        "link": link(found.link) if found.link else None,
        "problems": journal(found.problems, language),
        "history": journal(found.entries, language),
        "writes": writes(found.writes),
    }


def writes(records: Iterable[WriteRecord]) -> list[Json]:
    """What was written."""
    return [
        {
            "id": record.id,
            "at": record.at.isoformat(),
            "run_id": record.run_id,
            "side": record.side.value,
            "action": record.action.value,
            **_contact(record.subject),
            "fields": {name: [change.before, change.after] for name, change in record.changes.items()},
            "from": sorted({change.occasion.value for change in record.changes.values()}),
            "confirmed": record.is_confirmed,
        }
        for record in records
    ]


def backup(made: "Backup") -> Json:
    """The copy of a state that was made."""
    return {"file": str(made.file), "size": made.size, "rows": dict(made.rows)}


ELSEWHERE = ("sides", "prefect", "logs", "files", "copies")
"""Where else a person may be, each with its sentence (``export_…``)."""


def export(data: "PersonalData", at: datetime, language: Language) -> Json:
    """All that the state keeps of one person, and where else the person may be."""
    person = data.person
    return {
        "exported_at": at.isoformat(),
        "contacts": [],
        "person": {
            "names": sorted(person.names),
            "sage100_ids": sorted(person.sage100_ids),
            "ssm_ids": sorted(person.ssm_ids),
        },
        "links": [_link_with_times(each) for each in person.links],
        "ssm_rows": [{"fields": dict(row)} for row in person.observed],
        "journal": journal(data.entries, language),
        "quoted_in": [
            {"id": known.id, "code": known.entry.code.value, "first_seen": known.first_seen.isoformat()}
            for known in data.quoted_in
        ],
        "writes": writes(person.writes),
        "creations": [_creation(intent) for intent in data.intents],
        "decisions": [_decision(decision) for decision in data.decisions],
        "lives_on": [_place(place) for place in person.lives_on],
        "elsewhere": {place: say(f"export_{place}", language) for place in ELSEWHERE},
    }


def export_of_nobody(contacts: Iterable[Found]) -> Json:
    """The contacts that answer where those are several people, or nobody."""
    return {"person": None, "contacts": [_contact(contact.subject) for contact in contacts]}


def _link_with_times(each: Link) -> Json:
    return link(each) | {
        "contact": each.contact,
        "sage100_no": each.sage100_no,
        "sage100_created": each.sage100_created,
        "sage100_changed": each.sage100_stamp,
        "ssm_changed": each.ssm_stamp,
        "unconfirmed": {side.value: {"fields": _pairs(base)} for side, base in each.unconfirmed.items()},
    }


def _pairs(base: Base) -> Json:
    return {name: [pair.sage100, pair.ssm] for name, pair in base.items()}


def _creation(intent: Intent) -> Json:
    return {
        "side": intent.side.value,
        "names": list(intent.names),
        "ext_id": intent.ext_id,
        "fields": _pairs(intent.base),
    }


def _decision(decision: Decision) -> Json:
    return {
        "choice": decision.choice.value,
        "by": decision.decided_by,
        "at": decision.decided_at.isoformat(),
        "taken_back_at": _time(decision.taken_back_at),
        "sage100_id": decision.sage100_id,
        "ssm_id": decision.ssm_id,
        "field": decision.field,
        "sage100_value": decision.sage100_value,
        "ssm_value": decision.ssm_value,
    }


def forget(contacts: Iterable[Found], person: StoredPerson | None, *, forgotten: bool, is_erased: bool) -> Json:
    """What was forgotten, or would be.

    Args:
        contacts: the contacts that answer to the call.
        person: what is stored of the one person that they are; None where they are nobody, or several people.
        forgotten: whether it was forgotten.
        is_erased: whether it is gone from the state's file, too.
    """
    return {
        "forgotten": forgotten,
        "erased_from_file": is_erased,
        "contacts": [_contact(contact.subject) for contact in contacts],
        "stored": _stored(person) if person else None,
        "lives_on": [_place(place) for place in person.lives_on] if person else [],
    }


def _stored(person: StoredPerson) -> Json:
    return {
        "sage100_ids": sorted(person.sage100_ids),
        "ssm_ids": sorted(person.ssm_ids),
        "links": len(person.links),
        "entries": len(person.entries),
        "rows": len(person.observed),
        "creations": len(person.intents),
        "writes": len(person.writes),
    }


def _place(place: LivesOn) -> Json:
    return {"side": place.side.value, "id": place.id, "company": place.company, "deleted": place.is_deleted}


def _counted(names: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(names).items()))


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def match(found: Iterable["Candidates"]) -> list[dict[str, Any]]:
    """The list that ``match --json`` prints."""
    return [
        {
            "verdict": each.verdict.value,
            "evidence": list(each.evidence),
            "problem": each.problem_id,
            "company": each.company,
            "sage100": [{"sage100_id": c.id, "contact": c.full_name} for c in each.sage100],
            "ssm": [{"ssm_id": c.id, "contact": c.full_name} for c in each.ssm],
        }
        for each in found
    ]
