"""One run: observe, plan, guard, apply, report (DESIGN.md, "One run").

The engine knows no connector, no Prefect and no console: it is handed the sides, the state and a clock.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from sage100_ssm.garbage_collection import collected_later
from sage100_ssm.sync.contacts.codecs import Locale
from sage100_ssm.sync.contacts.companies import Companies, Scope
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import Field, present
from sage100_ssm.sync.contacts.mapping import Mapper, OddRowError
from sage100_ssm.sync.failures import ConfigurationError, Exit, SyncError
from sage100_ssm.sync.model import Code, Entry, Link, LinkStatus, Side, Subject
from sage100_ssm.sync.planning import backoff, guards
from sage100_ssm.sync.planning.decide import plan
from sage100_ssm.sync.planning.draft import Plan, World, is_about
from sage100_ssm.sync.planning.flapping import Rewrites
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.policy import Policy
from sage100_ssm.sync.run.apply import Outcomes, apply
from sage100_ssm.sync.run.ledger import Books
from sage100_ssm.sync.run.observe import Observation, Remembered, keep_identity, observe, remember, remembered
from sage100_ssm.sync.run.ports import Access, Failure, SageAccess, SsmAccess
from sage100_ssm.sync.run.report import PlanReport, RunReport, planned
from sage100_ssm.sync.run.same_system import same_settings
from sage100_ssm.sync.state.records import JournalEntry, Lease, RunRow, RunStatus
from sage100_ssm.sync.state.store import StateStore

_FIELD_MAP = "field_map"
_REWRITES = "rewrites"
_TOLD_BY_WRITES = frozenset({*backoff.PAUSED, Code.RECORD_LOCKED})


@dataclass(frozen=True, slots=True)
class Site:
    """What a site decided, as the engine needs it.

    Attributes:
        database: the company database's name, part of every ``extId``.
        fields: the field map.
        locale: country, language and time zone.
        policy: the choices under P1, P5, P7 and P9.
        scope: which companies take part.
        code_field: the account field that holds the ``CT_Num``.
        ext_id_once: whether SSM refuses an ``extId`` that a deleted contact already has.
        time_budget: after which a run begins no further write; the next one goes on.
    """

    database: str
    fields: tuple[Field, ...]
    locale: Locale
    policy: Policy
    scope: Scope
    code_field: str
    ext_id_once: bool
    time_budget: timedelta


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a person asked of one run.

    Attributes:
        allow_deletions: lifts ``deletion_guard``.
        allow_mass_change: lifts the other guards.
        whole: reads SSM whole, whatever was read before.
        problem: tries the contact of this open problem alone, whatever pause it is in (``retry``).
    """

    allow_deletions: bool = False
    allow_mass_change: bool = False
    whole: bool = False
    problem: int | None = None


class Run:
    """One synchronisation, step by step. The steps are called in their order, each once.

    Args:
        store: what is remembered.
        lease: the right to write; None for a plan, which changes nothing anywhere.
        sage100: the Sage side.
        ssm: the SSM side.
        site: what the site decided.
        options: what a person asked of this run.
        run_id: the run's name.
        now: the clock; aware, UTC.
    """

    def __init__(
        self,
        store: StateStore,
        lease: Lease | None,
        sage100: SageAccess,
        ssm: SsmAccess,
        site: Site,
        options: RunOptions,
        *,
        run_id: str,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._lease, self._site, self._options = store, lease, site, options
        self._sage100, self._ssm, self._now, self.run_id = sage100, ssm, now, run_id
        self._started_at = now()
        self._problems: list[Entry] = []
        self._outcomes = Outcomes()
        self._plan = Plan()
        self._guards: list[Entry] = []
        self._rewrites: Rewrites
        self._alone: Subject | None = None
        self._odd: list[Entry] = []
        self._known: Remembered
        self._open_problems: list[JournalEntry] = []
        self._seen: Observation
        self._world: World

    # --- the steps

    def observe(self) -> Observation:
        """Read both sides and remember what was seen.

        Raises:
            ConfigurationError: a person must mend a setting, a login, a right or a column first.
            SideUnavailableError: a side could not be reached.
        """
        with collected_later(), self._store.transaction() as transaction:
            self._known = remembered(transaction, self._now())
        same_settings(self._known.links, self._known.database, self._site.database)
        if self._lease:
            with self._store.transaction(self._lease) as transaction:
                transaction.start_run(RunRow(self.run_id, self._started_at))
        self._alone = self._subject_to_retry()
        whole = self._options.whole or self._known.whole_due
        self._seen = observe(self._sage100, self._ssm, self._known, whole=whole)
        for side, count in self._seen.read.items():
            self._outcomes.counts[side].read = count
        self._refuse_unread()
        self._forget_bases_of_changed_fields()
        if self._lease and not self._emptied():
            with self._store.transaction(self._lease) as transaction:
                remember(transaction, self._seen, self._site.database, self._now())
        return self._seen

    def plan(self) -> Plan:
        """Decide what is to be done."""
        self._decide()
        if self._needs_types():
            self._read_types()
            self._decide()
        self._problems += self._odd
        self._problems += [_incomplete(side, failure) for side, failure in self._seen.failures.items()]
        if self._alone:
            self._plan.narrow(self._alone)
        return self._plan

    def guard(self) -> list[Entry]:
        """Hold back what a person must confirm, and what is paused after refusals."""
        lifted = guards.Lifted(self._options.allow_deletions, self._options.allow_mass_change)
        self._guards = guards.guard(self._plan, self._world, lifted)
        with self._store.transaction() as transaction:
            rewrites = transaction.recall(_REWRITES) or {}
        if self._alone is None:
            self._problems += backoff.hold_paused(self._plan, self._open_problems, self._now())
        self._rewrites = Rewrites(rewrites, self._world.mapper)
        self._problems += self._rewrites.hold(self._plan)
        return self._guards

    def apply(self) -> Outcomes:
        """Write both sides, each write on its condition."""
        assert self._lease is not None, "a plan alone is not applied"
        with self._store.transaction() as transaction:
            intents = {(i.side, i.source_id): i for i in transaction.intents()}
        links = {link.sage100_id: link for link in self._known.links}
        until = self._started_at + self._site.time_budget
        books = Books(self._store, self._lease, self.run_id, self._now, until, links, intents)
        access: Mapping[Side, Access] = {Side.SAGE100: self._sage100, Side.SSM: self._ssm}
        apply(self._plan, books, access, self._world, self._outcomes)
        with self._store.transaction(self._lease) as transaction:
            if not self._plan.partial:
                transaction.remember(_REWRITES, self._rewrites.remembered(self._outcomes.updates))
            if self._seen.identity is not None and not self._stopped:
                keep_identity(transaction, self._seen.identity)
        return self._outcomes

    def relink(self) -> Outcomes:
        """Keep the links found, and write neither side (``resync``)."""
        self._plan.writes.clear()
        self._plan.partial = True
        return self.apply()

    def report(self) -> RunReport:
        """Bring the journal up to date and close the run."""
        side_problems = [_unreachable(side, f) for side, f in self._outcomes.failures.items()]
        problems = [*self._plan.problems, *self._guards, *self._problems, *side_problems]
        return self._close(problems, self._exit_code())

    def abort(self, error: Exception) -> RunReport | None:
        """Close the run after an error: nothing more is written, open problems stay."""
        if self._lease is None:
            return None
        exit_code = error.exit_code if isinstance(error, SyncError) else Exit.FAULT
        unusable = [_unusable(error)] if isinstance(error, SyncError) and "side" in error.params else []
        return self._close(self._problems or unusable, exit_code)

    def planned(self) -> PlanReport:
        """Tell the plan, as a run would carry it out."""
        return planned(self._plan, self._site.database, self._exit_code(), self._guards)

    # --- observing

    def _subject_to_retry(self) -> Subject | None:
        """Whom ``retry`` is about.

        Raises:
            ConfigurationError: there is no such open problem, or it is about a side as a whole.
        """
        if self._options.problem is None:
            return None
        with self._store.transaction() as transaction:
            found = [p for p in transaction.open_problems() if p.id == self._options.problem]
        subject = found[0].entry.subject if found else Subject()
        if subject == Subject():
            raise ConfigurationError("problem_unknown", number=self._options.problem)
        return subject

    def _refuse_unread(self) -> None:
        """A side of which nothing could be read ends the run (``side_unreachable``)."""
        unread = {side: failure for side, failure in self._seen.failures.items() if side in self._seen.unread}
        self._problems += [_unreachable(side, failure) for side, failure in unread.items()]
        for side, failure in sorted(unread.items(), key=lambda item: not item[1].configuration):
            raise failure.error(side)
        _, missing = present(self._site.fields, self._seen.columns)
        if missing:
            columns = ", ".join(f.sage100 for f in missing)
            text = f"F_CONTACTT has no column {columns}"
            raise ConfigurationError("schema_missing", side=Side.SAGE100.value, text=text)

    def _forget_bases_of_changed_fields(self) -> None:
        """P4: a field that is new in the map, or changed in it, has no base."""
        there, _ = present(self._site.fields, self._seen.columns)
        now = {f.name: [f.sage100, f.ssm, f.kind.value] for f in there}
        with self._store.transaction() as transaction:
            before = transaction.recall(_FIELD_MAP) or {}
        changed = {name for name, place in now.items() if before.get(name, place) != place}
        changed |= now.keys() - before.keys() if before else set()
        links = [_without(link, changed) for link in self._known.links]
        stale = [new for new, old in zip(links, self._known.links, strict=True) if new != old]
        self._known = replace(self._known, links=links)
        if self._lease and before != now:
            with self._store.transaction(self._lease) as transaction:
                for link in stale:
                    transaction.save_link(link)
                transaction.remember(_FIELD_MAP, now)

    def _emptied(self) -> bool:
        """P9: a side that suddenly reads empty is not believed before a person says so."""
        floor = self._site.policy.max_deletions.floor
        empty = self._seen.whole and not self._seen.ssm
        return empty and len(self._known.links) > floor and not self._options.allow_mass_change

    # --- planning

    def _decide(self) -> None:
        with collected_later():
            self._world = self._make_world()
            self._plan = plan(self._world)

    def _make_world(self) -> World:
        site, seen = self._site, self._seen
        fields, _ = present(site.fields, seen.columns)
        companies = Companies(seen.companies, seen.accounts, code_field=site.code_field, scope=site.scope)
        mapper = Mapper(fields, companies, seen.contact_types, seen.columns, site.locale, site.policy)
        with self._store.transaction() as transaction:
            intents, self._open_problems = transaction.intents(), transaction.open_problems()
        sage100 = {row["cbMarq"]: mapper.sage100(row) for row in seen.sage100}
        ssm = self._readable(mapper)
        return World(
            site.database,
            self._known.links,
            intents,
            sage100,
            ssm,
            seen.complete,
            mapper,
            site.policy,
            _disputed(self._open_problems),
            ext_id_once=site.ext_id_once,
            identity_fell=seen.identity is not None and seen.identity < self._known.identity,
            now=self._now(),
        )

    def _readable(self, mapper: Mapper) -> dict[int, Contact]:
        """The SSM contacts that can be understood; one that cannot is held back by itself, and stops nobody else."""
        contacts: dict[int, Contact] = {}
        self._odd = []
        for ssm_id, row in self._seen.ssm.items():
            try:
                contacts[ssm_id] = mapper.ssm(row)
            except OddRowError as error:
                subject = Subject(ssm_id=ssm_id, contact=str(row.get("lastName") or "") or None)
                self._odd.append(Entry(Code.VALUE_UNKNOWN, subject, "P7", ssm_value=str(error)))
        return contacts

    def _needs_types(self) -> bool:
        """Whether a label is unknown that ``/contactTypes`` may know by now."""
        fresh = "contact_types" in self._seen.seen
        return not fresh and any(p.code is Code.VALUE_UNKNOWN for p in self._plan.problems)

    def _read_types(self) -> None:
        reading = self._ssm.read({"contact_types": None})["contact_types"]
        if not reading.complete:
            return
        self._seen = self._seen.with_types(reading)
        if self._lease:
            with self._store.transaction(self._lease) as transaction:
                transaction.save_observed("contact_types", reading.rows, replace=True)

    # --- reporting

    def _exit_code(self) -> Exit:
        failures = [*self._seen.failures.values(), *self._outcomes.failures.values()]
        if any(f.configuration for f in failures):
            return Exit.CONFIGURATION
        if failures:
            return Exit.SIDE
        return Exit.GUARD if self._guards else Exit.DONE

    def _close(self, problems: list[Entry], exit_code: Exit) -> RunReport:
        assert self._lease is not None, "a plan alone leaves no trace"
        standing = [*problems, *(entry for entry, _ in self._outcomes.problems)]
        with self._store.transaction(self._lease) as transaction:
            opened, closed = transaction.report_problems(
                standing, now=self._now(), run_id=self.run_id, keep=lambda known: self._keeps(known, exit_code)
            )
            open_problems = transaction.open_problems()
            for problem in open_problems:
                if problem.entry.code in backoff.PAUSED and (write := _refused_write(problem, self._outcomes)):
                    tries = problem.tries + 1
                    when, mark = backoff.next_try(tries, self._now()), backoff.fingerprint(write)
                    transaction.schedule(problem.id, tries=tries, next_try_at=when, fingerprint=mark)
            report = self._make_report(exit_code, opened, closed, len(open_problems), transaction.count_links())
            transaction.finish_run(
                RunRow(
                    self.run_id,
                    report.started_at,
                    report.finished_at,
                    report.status,
                    report.counts(),
                    int(exit_code),
                )
            )
        return report

    def _keeps(self, known: JournalEntry, exit_code: Exit) -> bool:
        """Whether a problem that was not met again stays open: only a run that looked and believes closes it."""
        elsewhere = self._alone is not None and not is_about(known.entry.subject, self._alone)
        looked = exit_code in (Exit.DONE, Exit.GUARD) and not self._stopped
        return elsewhere or not looked or self._waits(known) or self._sleeps(known.entry)

    def _waits(self, known: JournalEntry) -> bool:
        """Whether only a write can tell if a problem is gone, and this run has left its contact's."""
        if known.entry.code not in _TOLD_BY_WRITES:
            return False
        left = (*self._outcomes.postponed, *(write for write, _ in self._plan.held))
        return any(is_about(write.subject, known.entry.subject) for write in left)

    def _sleeps(self, entry: Entry) -> bool:
        """Whether a conflict that a person must settle was not looked at, since its link sleeps (P1, P13)."""
        about = ((Side.SAGE100, entry.subject.sage100_id), (Side.SSM, entry.subject.ssm_id))
        return entry.code is Code.CONFLICT and not self._asleep.isdisjoint(about)

    @cached_property
    def _asleep(self) -> frozenset[tuple[Side, int | None]]:
        """The contacts whose link sleeps at the end of the run, by their id on either side."""
        links = {link.id: link for link in (*self._known.links, *self._plan.links.values())}
        asleep = [link for link in links.values() if link.status is LinkStatus.ASLEEP]
        return frozenset(pair for k in asleep for pair in ((Side.SAGE100, k.sage100_id), (Side.SSM, k.ssm_id)))

    @property
    def _stopped(self) -> bool:
        """Whether a guard forbade all writing."""
        return any(guard.code is not Code.DELETION_GUARD for guard in self._guards)

    def _make_report(self, exit_code: Exit, opened: int, closed: int, standing: int, linked: int) -> RunReport:
        status = {Exit.DONE: RunStatus.DONE, Exit.GUARD: RunStatus.HELD}.get(exit_code, RunStatus.FAILED)
        counts = self._outcomes.counts
        return RunReport(
            self.run_id,
            self._started_at,
            self._now(),
            status,
            exit_code,
            counts[Side.SAGE100],
            counts[Side.SSM],
            self._ssm.requests,
            linked,
            opened,
            closed,
            standing,
            self._outcomes.notices,
            len(self._outcomes.postponed),
            tuple(self._guards),
        )


def _disputed(open_problems: Iterable[JournalEntry]) -> Mapping[tuple[Side, int], frozenset[str]]:
    """The fields that wait for a person to settle them, by the contact's id on either side (P1)."""
    fields: defaultdict[tuple[Side, int], set[str]] = defaultdict(set)
    for entry in (known.entry for known in open_problems if known.entry.code is Code.CONFLICT):
        for side, contact in ((Side.SAGE100, entry.subject.sage100_id), (Side.SSM, entry.subject.ssm_id)):
            if contact is not None and entry.field:
                fields[side, contact].add(entry.field)
    return {contact: frozenset(names) for contact, names in fields.items()}


def _without(link: Link, fields: set[str]) -> Link:
    if link.base.keys().isdisjoint(fields):
        return link
    return replace(link, base={name: pair for name, pair in link.base.items() if name not in fields})


def _refused_write(problem: JournalEntry, outcomes: Outcomes) -> Write | None:
    """The write that was refused in this run and for which an open problem stands."""
    about = problem.entry
    for entry, write in outcomes.problems:
        same = (entry.code, entry.field) == (about.code, about.field)
        if same and is_about(entry.subject, about.subject):
            return write
    return None


def _unreachable(side: Side, failure: Failure) -> Entry:
    return Entry(Code.SIDE_UNREACHABLE, Subject(), details={"side": side.value, "text": failure.text})


def _unusable(error: SyncError) -> Entry:
    """R10: a side that the run could read and yet not work with."""
    details = {"side": error.params["side"], "text": error.params.get("text"), "reason": error.code}
    return Entry(Code.SIDE_UNREACHABLE, Subject(), details=details)


def _incomplete(side: Side, failure: Failure) -> Entry:
    return Entry(Code.INCOMPLETE_READ, Subject(), "P10", details={"side": side.value, "text": failure.text})
