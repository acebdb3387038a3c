"""The JSON shapes of the operator's command (docs/contract.md): what scripts rely on, and what the tables show."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sage100_ssm.cli.explain import Known
from sage100_ssm.cli.status import Standing
from sage100_ssm.messages import Language, describe
from sage100_ssm.sync.model import Link
from sage100_ssm.sync.state.records import JournalEntry, RunRow

if TYPE_CHECKING:
    # It imports the Airbyte CDK, which the commands that only look have no use for.
    from sage100_ssm.app.check.findings import Finding
    from sage100_ssm.app.probe import ProbeAnswer

Record = dict[str, Any]


def entry(known: JournalEntry, language: Language) -> Record:
    """A problem or notice, in the user's words."""
    told, words = known.entry, describe(known.entry, language)
    return {
        "id": known.id,
        "kind": known.kind.value,
        "code": told.code.value,
        "rule": told.rule,
        "company": told.subject.company,
        "sage100_id": told.subject.sage100_id,
        "ssm_id": told.subject.ssm_id,
        "contact": told.subject.contact,
        "field": told.field,
        "sage100_value": told.sage100_value,
        "ssm_value": told.ssm_value,
        "message": words.message,
        "remedy": words.remedy,
        "first_seen": known.first_seen.isoformat(),
        "last_seen": known.last_seen.isoformat(),
        "count": known.count,
        "closed_at": _time(known.closed_at),
    }


def link(linked: Link) -> Record:
    """A link with its base: per field, the Sage value and the SSM value as they last read back."""
    return {
        "sage100_id": linked.sage100_id,
        "ssm_id": linked.ssm_id,
        "company": linked.company,
        "origin": linked.origin.value,
        "status": linked.status.value,
        "fields": {name: [pair.sage100, pair.ssm] for name, pair in linked.base.items()},
    }


def run(known: RunRow) -> Record:
    """A run as ``run --json`` printed it."""
    return {
        "run_id": known.run_id,
        "started_at": known.started_at.isoformat(),
        "finished_at": _time(known.finished_at),
        "status": known.status.value,
        "exit_code": known.exit_code,
        **known.counts,
    }


def findings(found: Iterable["Finding"]) -> list[Record]:
    """What a check found, one by one."""
    return [
        {
            "ok": one.level.value != "mend",
            "level": one.level.value,
            "code": one.code,
            "side": one.side,
            "text": one.text,
            "remedy": one.remedy,
        }
        for one in found
    ]


def answers(found: Iterable["ProbeAnswer"]) -> list[Record]:
    """What a probe settled, question by question."""
    return [
        {
            "side": one.side.value,
            "number": one.number,
            "code": one.code,
            "question": one.question,
            "answer": one.text,
            "settings": dict(one.settings),
        }
        for one in found
    ]


def status(standing: Standing) -> Record:
    """What ``status`` shows: the last run, the next one, and what stands, counted."""
    return {
        "last_run": run(standing.last_run) if standing.last_run else None,
        "next_run": _time(standing.next_run),
        "late_since": _time(standing.late_since),
        "problems": _counted(known.entry.code.value for known in standing.problems),
        "links": {
            "status": _counted(linked.status.value for linked in standing.links),
            "origin": _counted(linked.origin.value for linked in standing.links),
        },
    }


def known_contact(known: Known, language: Language) -> Record:
    """What ``explain`` tells of one contact."""
    return {
        "sage100_id": known.subject.sage100_id,
        "ssm_id": known.subject.ssm_id,
        "company": known.subject.company,
        "contact": known.subject.contact,
        "synchronised": known.is_synchronised,
        "link": link(known.link) if known.link else None,
        "problems": [entry(told, language) for told in known.open_problems],
        "history": [entry(told, language) for told in known.history],
    }


def _counted(names: Iterable[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(names).items()))


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
