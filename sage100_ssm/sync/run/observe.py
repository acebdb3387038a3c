"""The first step of a run: read both sides, refuse what cannot be worked with, remember what was seen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.gc_pause import paused
from sage100_ssm.sync.contacts.fields import fields_missing, fields_present
from sage100_ssm.sync.failures import ConfigurationError, side_error
from sage100_ssm.sync.journal import Entry, LoginRefused, SideUnreachable, Subject
from sage100_ssm.sync.model import Link, Side
from sage100_ssm.sync.planning.plan import Chosen
from sage100_ssm.sync.run.context import Context, Run, Site
from sage100_ssm.sync.run.observation import Observation, Remembered, read_sides, remember, remembered
from sage100_ssm.sync.run.same_system import refuse_other_company
from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.sync.state.transaction import Transaction

_ACCESS_REFUSED = frozenset({"login_refused", "windows_login", "right_missing", "forbidden"})
"""The errors of both sides by which a login, a key or a right is refused."""

_FIELD_MAP = "field_map"
_DELETION_SETTINGS = "deletion_settings"

FieldMap = Mapping[str, list[str]]
"""Field name to its column in Sage, its field in SSM and its kind."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the step found.

    Attributes:
        links: the live links, without the bases of fields that are new in the map, or changed in it (P4).
        known: what earlier runs left in the state.
        observation: what both sides show now.
        alone: the only contacts that this run is about (``retry``); None for all.
        may_delete: whether deletions are derived: not in the run that first sees a changed field map or scope (P9).
    """

    links: tuple[Link, ...]
    known: Remembered
    observation: Observation
    alone: Chosen | None = None
    may_delete: bool = True


def observe(context: Context) -> Seen:
    """Read the state and both sides; nothing is changed anywhere.

    Raises:
        ConfigurationError: a person must first mend a setting, a login, a right or a column.
        SideUnavailableError: a side could not be reached.
    """
    known = _recall(context)
    return _usable(context, known, _read(context, known), alone=None)


def observe_and_remember(run: Run) -> Seen:
    """The same, and keep what was seen.

    Raises:
        ConfigurationError, SideUnavailableError: as ``observe``.
        LeaseLost: another run has taken over.
    """
    alone = None
    if (problem := run.context.options.problem) is not None:
        with run.context.store.transaction() as transaction:
            alone = contacts_to_retry(transaction, problem)
    # What earlier runs left is read before this one is noted as running: the last run's end decides what is read.
    known = _recall(run.context)
    with run.transaction() as transaction:
        transaction.start_run(RunRow(run.run_id, run.started_at, counts=run.context.options.mark))
    observation = _read(run.context, known)
    for side, number in observation.read.items():
        run.tally.counts[side].read = number
    seen = _usable(run.context, known, observation, alone)
    _remember(run, seen)
    return seen


def _recall(context: Context) -> Remembered:
    with paused(), context.store.reading() as transaction:
        known = remembered(transaction, context.now())
    refuse_other_company(known.links, known.database, context.site.database, context.site.formerly)
    return known


def _read(context: Context, known: Remembered) -> Observation:
    whole = context.options.whole or known.is_whole_read_due
    return read_sides(context.sage100, context.ssm, known, context.site.own_databases, whole=whole)


# --- what cannot be worked with


def _usable(context: Context, known: Remembered, observation: Observation, alone: Chosen | None) -> Seen:
    """What was seen, if a run can work with it.

    Raises:
        ConfigurationError, SideUnavailableError: nothing could be read of a side, or a mapped column is missing.
    """
    _refuse_unread(observation)
    if missing := fields_missing(context.site.fields, observation.columns):
        columns = ", ".join(f.sage100 for f in missing)
        text = f"F_CONTACTT has no column {columns}"
        raise ConfigurationError("schema_missing", side=Side.SAGE100.value, text=text)
    if unknown := context.site.scope.contacts.columns - observation.columns.keys():
        text = ", ".join(sorted(unknown))
        raise ConfigurationError("scope_columns_missing", side=Side.SAGE100.value, text=text)
    before, now = _field_maps(context, observation)
    changed = {name for name, place in now.items() if before.get(name, place) != place}
    changed |= now.keys() - before.keys() if before else set()
    with context.store.transaction() as transaction:
        settings = transaction.recall(_DELETION_SETTINGS)
    may_delete = settings in (None, _deletion_settings(context.site))
    links = tuple(_without_bases(link, changed) for link in known.links)
    return Seen(links, known, observation, alone, may_delete)


def contacts_to_retry(transaction: Transaction, problem: int) -> Chosen:
    """The contacts that ``retry`` is about: all that wait for the cause of one problem.

    Raises:
        ConfigurationError: there is no such open problem, or it is about a side as a whole.
    """
    found = [known.entry.contacts for known in transaction.open_problems() if known.id == problem]
    if not found and any(known.id == problem and known.closed_at for known in transaction.journal()):
        raise ConfigurationError("problem_solved", number=problem)
    if not found or found[0] == (Subject(),):
        raise ConfigurationError("problem_unknown", number=problem)
    return Chosen(found[0])


def _refuse_unread(observation: Observation) -> None:
    """A side of which nothing could be read ends the run.

    Raises:
        ConfigurationError, SideUnavailableError: what only a person can mend comes first.
    """
    unread = {side: failure for side, failure in observation.failures.items() if side in observation.unread}
    for side, failure in sorted(unread.items(), key=lambda item: not item[1].configuration):
        error = side_error(side, failure)
        error.problems = [unreachable(side, failure) for side, failure in unread.items()]
        raise error


def unreachable(side: Side, failure: Failure) -> Entry:
    """R10: the problem that a side was not reached, refused us, or could not be written any further."""
    if failure.code in _ACCESS_REFUSED:
        # Of a refused login the connector has nothing to add to the entry's own sentence.
        text = None if failure.code == "login_refused" else failure.text
        return Entry(Subject(), LoginRefused(side, text))
    return Entry(Subject(), SideUnreachable(side, failure.text, reason=failure.code))


# --- fields that are new in the map, or changed in it, have no base (P4)


def _field_maps(context: Context, observation: Observation) -> tuple[FieldMap, FieldMap]:
    """The field map of the last run, and this run's."""
    fields = fields_present(context.site.fields, observation.columns)
    with context.store.transaction() as transaction:
        before = transaction.recall(_FIELD_MAP) or {}
    return before, {f.name: [f.sage100, f.ssm, f.kind.value] for f in fields}


def _deletion_settings(site: Site) -> str:
    """The settings that decide which contacts and fields are looked at, as text."""
    fields = [(f.name, f.sage100, f.ssm, f.kind.value, f.direction.value) for f in site.fields]
    return repr((fields, site.scope, site.code_field))


def _without_bases(link: Link, fields: set[str]) -> Link:
    if link.base.keys().isdisjoint(fields):
        return link
    return replace(link, base={name: pair for name, pair in link.base.items() if name not in fields})


# --- remembering


def _remember(run: Run, seen: Seen) -> None:
    """Keep the field map and what was seen, each cursor with the rows that it covers."""
    context, observation = run.context, seen.observation
    before, now = _field_maps(context, observation)
    if before != now:
        with run.transaction() as transaction:
            for new, old in zip(seen.links, seen.known.links, strict=True):
                if new is not old:
                    transaction.save_link(new)
            transaction.remember(_FIELD_MAP, now)
    # P9: a side that suddenly reads empty is not believed before a person says so.
    is_suddenly_empty = observation.whole and not observation.ssm and bool(seen.links)
    if not is_suddenly_empty or context.options.believes_empty_side:
        remember(run.transaction, observation, context.site.database, context.now())
    if seen.alone is not None:
        return  # P9: the next run for all contacts is the first one that sees changed settings
    settings = _deletion_settings(context.site)
    with run.transaction() as transaction:
        if transaction.recall(_DELETION_SETTINGS) != settings:
            transaction.remember(_DELETION_SETTINGS, settings)
