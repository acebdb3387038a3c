"""What a run works with: the sides, the state, the site's answers, what a person asked for, a clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime, timedelta

from sage100_ssm.sync.contacts.codecs import Locale
from sage100_ssm.sync.contacts.companies import Scope
from sage100_ssm.sync.contacts.fields import Field
from sage100_ssm.sync.journal import EmptySideGuard, Guard
from sage100_ssm.sync.policy import Policy, Retention
from sage100_ssm.sync.run.pace import Watch
from sage100_ssm.sync.run.ports import SageAccess, SsmAccess
from sage100_ssm.sync.run.report import Tally
from sage100_ssm.sync.state.records import RETRY, Lease
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction

Clock = Callable[[], datetime]
"""The time; aware, in UTC."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a site decided.

    Attributes:
        database: the company database's name, part of every ``extId``.
        fields: the field map.
        locale: country, language and time zone.
        policy: the choices under P1, P5, P7 and P9.
        scope: which companies take part.
        code_field: the account field that holds the ``CT_Num``.
        ext_id_once: whether SSM refuses an ``extId`` that a deleted contact already has.
        time_budget: a run begins no write later than this after its start, unless reading took more than half of it;
            the next run goes on.
        formerly: the names that the company database had before (P15).
        retention: how long names and values are kept once they are not needed.
    """

    database: str
    fields: tuple[Field, ...]
    locale: Locale
    policy: Policy
    scope: Scope
    code_field: str
    ext_id_once: bool
    time_budget: timedelta
    formerly: frozenset[str] = frozenset()
    retention: Retention = default(default_factory=Retention)

    @property
    def own_databases(self) -> frozenset[str]:
        """The company database's names in any ``extId`` of ours: the present one and those that it had before."""
        return self.formerly | {self.database}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a person asked of one run.

    Attributes:
        allow_deletions: lifts ``deletion_guard``.
        allow_mass_change: lifts the other guards.
        looked_at: the guards that the person saw before lifting them: no other is lifted, and none that now counts
            more; None for all.
        by: who lifts guards; None where that is not known.
        whole: reads SSM whole, whatever was read before.
        problem: tries only the contact of this open problem, even if its writes are to wait (``retry``).
    """

    allow_deletions: bool = False
    allow_mass_change: bool = False
    looked_at: tuple[Guard, ...] | None = None
    by: str | None = None
    whole: bool = False
    problem: int | None = None

    @property
    def believes_empty_side(self) -> bool:
        """Whether a side that suddenly reads empty is believed."""
        seen = self.looked_at
        return self.allow_mass_change and (seen is None or any(isinstance(one, EmptySideGuard) for one in seen))

    @property
    def mark(self) -> dict[str, int]:
        """What marks the run of a ``retry`` among its figures in the state."""
        return {} if self.problem is None else {RETRY: self.problem}


@dataclass(frozen=True, slots=True)
class Context:
    """What observing, planning and guarding work with. They change nothing, so a rehearsal needs no more.

    Attributes:
        store: the state.
        sage100: the Sage side.
        ssm: the SSM side.
        site: what the site decided.
        options: what a person asked of this run.
        now: the clock.
    """

    store: StateStore
    sage100: SageAccess
    ssm: SsmAccess
    site: Site
    options: RunOptions
    now: Clock


@dataclass(frozen=True, slots=True)
class Run:
    """A run that may write, under its lease.

    Attributes:
        context: what it works with.
        lease: the right to write; every change of the state checks it.
        run_id: the run's name.
        started_at: when it began.
        tally: what it has done so far; it counts also for a run that fails.
        watch: is called now and then with how far the writes of a side are.
    """

    context: Context
    lease: Lease
    run_id: str
    started_at: datetime
    tally: Tally = default(default_factory=Tally)
    watch: Watch = lambda _: None

    @property
    def is_over(self) -> bool:
        """Whether its time is over: then it begins no further write."""
        budget = self.context.site.time_budget
        # Writing has half of the time, however long reading took.
        half = (self.tally.read_at or self.started_at) + budget / 2
        return self.context.now() >= max(self.started_at + budget, half)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One change of the state under the lease.

        Raises:
            LeaseLost: another run has taken over; nothing may be written.
        """
        with self.context.store.transaction(self.lease) as transaction:
            yield transaction
