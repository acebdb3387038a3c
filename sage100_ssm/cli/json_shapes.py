"""The JSON that the commands print (docs/contract.md), each function named after its command: scripts rely on it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sage100_ssm.app.check.findings import Finding
from sage100_ssm.cli.explain import ContactHistory
from sage100_ssm.cli.status import StatusReport
from sage100_ssm.messages import Language, describe
from sage100_ssm.sync.model import Link
from sage100_ssm.sync.run.pairs import Candidates
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.run.retried import Retried
from sage100_ssm.sync.state.records import JournalEntry, RunRow

if TYPE_CHECKING:
    # This import loads the Airbyte CDK, for which the commands that only look do not wait.
    from sage100_ssm.app.probe import ProbeAnswer

Json = dict[str, Any]


def journal(entries: Iterable[JournalEntry], language: Language) -> list[Json]:
    """Problems and notices, in the user's words: ``problems --json`` and ``journal --json``."""
    return [_entry(known, language) for known in entries]


def _entry(known: JournalEntry, language: Language) -> Json:
    entry, words = known.entry, describe(known.entry, language)
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
    }


def links(linked: Iterable[Link]) -> list[Json]:
    """Links with their bases: per field, the Sage value and the SSM value as they were last read back."""
    return [_link(link) for link in linked]


def _link(link: Link) -> Json:
    return {
        "sage100_id": link.sage100_id,
        "ssm_id": link.ssm_id,
        "company": link.company,
        "origin": link.origin.value,
        "status": link.status.value,
        "fields": {name: [pair.sage100, pair.ssm] for name, pair in link.base.items()},
    }


def retry(report: RunReport, what: Retried, language: Language) -> Json:
    """The report of the run, and what became of the contact."""
    subject = what.subject
    contact = {
        "became": what.became.value,
        "sage100_id": subject.sage100_id,
        "ssm_id": subject.ssm_id,
        "company": subject.company,
        "contact": subject.contact,
        "done": [{"side": side.value, "action": action.value} for side, action in what.done],
        "problems": journal(what.problems, language),
    }
    return report.as_json() | {"retried": contact}


def check(findings: Iterable[Finding]) -> list[Json]:
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
            "status": _counted(link.status.value for link in report.links),
            "origin": _counted(link.origin.value for link in report.links),
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


def explain(contacts: Iterable[ContactHistory], language: Language) -> list[Json]:
    """What is stored about contacts."""
    return [
        {
            "sage100_id": contact.subject.sage100_id,
            "ssm_id": contact.subject.ssm_id,
            "company": contact.subject.company,
            "contact": contact.subject.contact,
            "synchronised": contact.is_synchronised,
            "link": _link(contact.link) if contact.link else None,
            "problems": journal(contact.open_problems, language),
            "history": journal(contact.entries, language),
        }
        for contact in contacts
    ]


def _counted(names: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(names).items()))


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def match(found: Iterable[Candidates]) -> list[dict[str, Any]]:
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
