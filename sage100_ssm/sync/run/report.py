"""What a run, or a plan, reports: the shapes of ``run --json`` and ``plan --json``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as default
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.contact import Marks
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import Entry, Subject, WhoIsWho
from sage100_ssm.sync.model import Change, Occasion, Side
from sage100_ssm.sync.planning.one_way import OneWay
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.writes import EXT_ID, Write
from sage100_ssm.sync.run.observation import KnownLocation, WholeRead
from sage100_ssm.sync.run.ports import SsmAccess
from sage100_ssm.sync.state.records import ONE_WAY, RunStatus

if TYPE_CHECKING:
    from sage100_ssm.sync.run.retried import Retried

_REFUSED_OFTEN = 3
"""A few refusals may be those of a busy moment."""


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


@dataclass(slots=True)
class Tally:
    """What the writes of a run came to so far. The two sides are written at the same time and add to it.

    Attributes:
        counts: contacts read and written, per side.
        refusals: the problems that refused writes make, each with its write.
        failures: per side, why it could not be written any further.
        notices: the number of notices that were noted.
        postponed: the writes that were not begun because the run's time was over; the next run plans them again.
        read_at: when both sides were read; None before that.
    """

    counts: dict[Side, Counts] = default(default_factory=lambda: {side: Counts() for side in Side})
    refusals: list[tuple[Entry, Write]] = default(default_factory=list)
    failures: dict[Side, Failure] = default(default_factory=dict)
    notices: int = 0
    postponed: list[Write] = default(default_factory=list)
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TooFast:
    """More requests were sent than SSM takes: the quota in the settings is too high, or something else uses it, too.

    Attributes:
        refused: how many requests it refused.
        per_second: the requests per second that it took then.
    """

    refused: int
    per_second: float

    @classmethod
    def seen_by(cls, ssm: SsmAccess) -> "TooFast | None":
        """What the requests of a run show; None where hardly any was refused."""
        return cls(ssm.refusals, round(ssm.reduced_rate, 1)) if ssm.refusals >= _REFUSED_OFTEN else None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run did. Times are aware, in UTC.

    Attributes:
        postponed: writes left to the next run because this one's time was over.
        companies_left: companies that it had no time to look at; the next run does.
        guards: the guards that withheld something.
        retried: what became of the contact that ``retry`` named; None for any other run.
        locations: where the company database was, the present place last; of a rebuilding of links (``resync``) only.
        failures: per side that could not be read or written to the end, why.
        too_fast: whether SSM refused requests because there were too many.
        one_way: whether nothing is written into Sage, and why (P18); None where both sides are written.
        whole_read: the whole read of SSM that goes on with the next run; None where there is none.
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
    companies_left: int = 0
    guards: Sequence[Entry] = ()
    retried: "Retried | None" = None
    locations: Sequence[KnownLocation] = ()
    failures: Mapping[Side, Failure] = default(default_factory=dict)
    too_fast: TooFast | None = None
    one_way: OneWay | None = None
    whole_read: WholeRead | None = None

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
            **({"companies_left": self.companies_left} if self.companies_left else {}),
            **({"too_fast": asdict(self.too_fast)} if self.too_fast else {}),
            **({ONE_WAY: asdict(self.one_way)} if self.one_way else {}),
            **({"whole_read": self.whole_read.progress()} if self.whole_read else {}),
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
    """What a run would do, per side.

    Attributes:
        held_back: the writes that a guard or a backoff withholds.
        guards: the guards that withhold something.
        matched: how many contacts without a link are linked to one opposite (P4).
        doubtful: how many wait for a person to say who they are.
        other_databases: how many contacts of SSM carry the mark of each other company database (P15).
        one_way: whether nothing is written into Sage, and why (P18); None where both sides are written.
    """

    sage100: Sequence[PlannedWrite]
    ssm: Sequence[PlannedWrite]
    held_back: Sequence[PlannedWrite] = ()
    exit_code: Exit = Exit.DONE
    guards: Sequence[Entry] = ()
    matched: int = 0
    doubtful: int = 0
    other_databases: Mapping[str, int] = default(default_factory=dict)
    one_way: OneWay | None = None

    def as_json(self) -> dict[str, Any]:
        """The object that ``plan --json`` prints."""
        return {
            "matched": self.matched,
            "doubtful": self.doubtful,
            "sage100": [w.as_json() for w in self.sage100],
            "ssm": [w.as_json() for w in self.ssm],
            "held_back": [w.as_json() for w in self.held_back],
            **({ONE_WAY: asdict(self.one_way)} if self.one_way else {}),
        }


def planned(plan: Plan, marks: Marks, exit_code: Exit, guards: Sequence[Entry] = ()) -> PlanReport:
    """The report of a plan.

    A contact that is created in Sage gets its ``extId`` in SSM in the same run, so this update is in the report.
    """
    ext_ids = [mark for w in plan.of(Side.SAGE100, Action.CREATE) if (mark := _mark(w, marks))]
    return PlanReport(
        sage100=[_planned(w) for w in plan.of(Side.SAGE100)],
        ssm=[*(_planned(w) for w in plan.of(Side.SSM)), *ext_ids],
        held_back=[_planned(w.write, w.code.value) for w in plan.withheld],
        exit_code=exit_code,
        guards=guards,
        matched=len(plan.matches),
        doubtful=sum(isinstance(problem.facts, WhoIsWho) for problem in plan.problems),
    )


def _planned(write: Write, reason: str | None = None) -> PlannedWrite:
    return PlannedWrite(write.action, write.subject, dict(write.changes), reason)


def _mark(write: Write, marks: Marks) -> PlannedWrite | None:
    """The ``extId`` that follows a create in Sage; the ``cbMarq`` is not known before."""
    contact = write.ssm
    if contact is None or (contact.ext_id and marks.ours(contact.ext_id) is None):
        return None
    return PlannedWrite(
        Action.UPDATE, write.subject, {EXT_ID: Change(contact.ext_id, f"{Side.SSM}:{marks.database}:…", Occasion.MARK)}
    )
