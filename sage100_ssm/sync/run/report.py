"""What a run, or a plan, tells: the shapes of ``run --json`` and ``plan --json`` (CONTRACT.md)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.model import Entry, Side, Subject
from sage100_ssm.sync.planning.draft import Plan
from sage100_ssm.sync.planning.writes import EXT_ID, Change, Write
from sage100_ssm.sync.state.records import RunStatus


@dataclass(slots=True)
class Counts:
    """What a run did on one side.

    Attributes:
        read: contacts read.
        created: contacts created.
        updated: contacts updated.
        deleted: contacts deleted (SSM: marked as deleted).
        failed: writes that were not done.
    """

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    failed: int = 0

    @property
    def written(self) -> int:
        """All writes done."""
        return self.created + self.updated + self.deleted

    def add(self, action: Action) -> None:
        """Count one write done."""
        name = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}[action]
        setattr(self, name, getattr(self, name) + 1)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run did. Times are aware, in UTC.

    Attributes:
        postponed: writes left to the next run, since this one's time was spent.
    """

    run_id: str
    started_at: datetime
    finished_at: datetime
    status: RunStatus
    exit_code: Exit
    sage100: Counts
    ssm: Counts
    ssm_requests: int
    linked: int
    problems_opened: int
    problems_closed: int
    problems_open: int
    notices: int
    postponed: int = 0
    guards: Sequence[Entry] = ()

    def as_json(self) -> dict[str, Any]:
        """The object that ``run --json`` prints."""
        return {
            "run_id": self.run_id,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat(),
            "status": self.status.value,
            **self.counts(),
        }

    def counts(self) -> dict[str, Any]:
        """The figures alone, as the state keeps them."""
        return {
            "sage100": asdict(self.sage100),
            "ssm": asdict(self.ssm) | {"requests": self.ssm_requests},
            "linked": self.linked,
            "problems_opened": self.problems_opened,
            "problems_closed": self.problems_closed,
            "problems_open": self.problems_open,
            "notices": self.notices,
            **({"postponed": self.postponed} if self.postponed else {}),
        }


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One write that a run would do.

    Attributes:
        action: create, update or delete.
        subject: whom it is about.
        fields: per field, before and after.
        reason: for what is held back, the journal's code that holds it.
    """

    action: Action
    subject: Subject
    fields: dict[str, Change]
    reason: str | None = None

    @property
    def destructive(self) -> bool:
        """Whether something is lost that the other side does not hold."""
        return self.action is Action.DELETE

    def as_json(self) -> dict[str, Any]:
        """The object that ``plan --json`` prints."""
        shown = {
            "action": self.action.value,
            "sage100_id": self.subject.sage100_id,
            "ssm_id": self.subject.ssm_id,
            "contact": self.subject.contact,
            "company": self.subject.company,
            "fields": {name: [change.before, change.after] for name, change in self.fields.items()},
            "destructive": self.destructive,
        }
        return shown | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What a run would do, per side."""

    sage100: Sequence[PlannedWrite]
    ssm: Sequence[PlannedWrite]
    held_back: Sequence[PlannedWrite] = ()
    exit_code: Exit = Exit.DONE
    guards: Sequence[Entry] = ()

    def as_json(self) -> dict[str, Any]:
        """The object that ``plan --json`` prints."""
        return {
            "sage100": [w.as_json() for w in self.sage100],
            "ssm": [w.as_json() for w in self.ssm],
            "held_back": [w.as_json() for w in self.held_back],
        }


def planned(plan: Plan, database: str, exit_code: Exit, guards: Sequence[Entry] = ()) -> PlanReport:
    """Tell a plan: a contact created in Sage is given its ``extId`` in SSM in the same run."""
    marks = [mark for w in plan.of(Side.SAGE100, Action.CREATE) if (mark := _mark(w, database))]
    return PlanReport(
        sage100=[_planned(w) for w in plan.of(Side.SAGE100)],
        ssm=[*(_planned(w) for w in plan.of(Side.SSM)), *marks],
        held_back=[_planned(w, reason) for w, reason in plan.held],
        exit_code=exit_code,
        guards=guards,
    )


def _planned(write: Write, reason: str | None = None) -> PlannedWrite:
    return PlannedWrite(write.action, write.subject, dict(write.changes), reason)


def _mark(write: Write, database: str) -> PlannedWrite | None:
    """The ``extId`` that follows a create in Sage; the ``cbMarq`` is not known before."""
    contact = write.ssm
    if contact is None or (contact.ext_id and ExtId.parse(contact.ext_id, database) is None):
        return None
    return PlannedWrite(Action.UPDATE, write.subject, {EXT_ID: Change(contact.ext_id, f"{Side.SSM}:{database}:…")})
