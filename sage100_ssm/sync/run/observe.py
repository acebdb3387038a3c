"""The first step of a run: read both sides, refuse what cannot be worked with, remember what was seen."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from sage100_ssm import __version__
from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.reading import Row
from sage100_ssm.sync.contacts.fields import fields_missing, fields_present
from sage100_ssm.sync.failures import ConfigurationError, side_error
from sage100_ssm.sync.journal import Entry, LoginRefused, SideUnreachable, Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.draft import HIGHEST_NUMBER
from sage100_ssm.sync.planning.plan import Chosen
from sage100_ssm.sync.run.context import Context, Run, Site
from sage100_ssm.sync.run.observation import (
    Observation,
    Remembered,
    Storing,
    read_sides,
    remember,
    remember_due_whole_read,
    remembered,
)
from sage100_ssm.sync.run.same_system import refuse_other_company
from sage100_ssm.sync.run.shown import Unsaved, without_bases
from sage100_ssm.sync.state.at_rest import batches
from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.sync.state.transaction import Transaction

_ACCESS_REFUSED = frozenset({"login_refused", "windows_login", "right_missing", "forbidden"})
"""The errors of both sides by which a login, a key or a right is refused."""

_LINKS_AT_ONCE = 5_000
"""Links per transaction, which takes about a second."""

_FIELD_MAP = "field_map"
_DELETION_SETTINGS = "deletion_settings"
_CODE_FIELD = "code_field"
_DECIDED_BY = "decided_by"

FieldMap = Mapping[str, list[str]]
"""Field name to its column in Sage, its field in SSM and its kind."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the step found.

    Attributes:
        known: what earlier runs left in the state.
        observation: what both sides show now.
        without_bases: the fields that are new in the map, or changed in it: their bases no longer count (P4).
        unsaved: the rows of SSM that were read and are not in the state.
        looks_at_all: whether every company is looked at, changed or not.
        alone: the only contacts that this run is about (``retry``); None for all.
        may_delete: whether deletions are derived: not in the run that first sees a changed field map or scope (P9).
    """

    known: Remembered
    observation: Observation
    without_bases: frozenset[str]
    unsaved: Unsaved
    looks_at_all: bool
    alone: Chosen | None = None
    may_delete: bool = True


def observe(context: Context) -> Seen:
    """Read the state and both sides; nothing is changed anywhere.

    Raises:
        ConfigurationError: a person must first mend a setting, a login, a right or a column.
        SideUnavailableError: a side could not be reached.
    """
    known = _recall(context)
    seen = _usable(context, known, _read(context, known), alone=None)
    with context.store.reading() as transaction:
        unsaved = _unsaved(transaction, seen.observation.unsaved(), context.site.code_field)
        is_changed = _is_changed(transaction, context, seen.observation)
    return replace(seen, unsaved=unsaved, looks_at_all=seen.looks_at_all or is_changed or unsaved.are_all)


def _unsaved(transaction: Transaction, read: Unsaved, code_field: str) -> Unsaved:
    """What was read and is not in the state as it is."""
    if read.are_all:
        return read
    if transaction.recall(_CODE_FIELD) != code_field:
        # The state finds its rows by another field: as if they had all been read now.
        accounts, contacts = ({row["id"]: row for row in transaction.observed(s)} for s in ("accounts", "contacts"))
        return Unsaved({**accounts, **read.accounts}, {**contacts, **read.contacts}, are_all=True)

    def changed(stream: str, rows: Mapping[int, Row]) -> dict[int, Row]:
        stored = {row["id"]: row for row in transaction.lookup.rows_by_id(stream, rows)}
        return {id_: row for id_, row in rows.items() if stored.get(id_) != row}

    return Unsaved(changed("accounts", read.accounts), changed("contacts", read.contacts))


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
        if known.is_whole_read_due:
            remember_due_whole_read(transaction)
        if transaction.recall(_CODE_FIELD) != run.context.site.code_field:
            # From here on rows may be stored by another field than those that are: wherever the run ends, whatever
            # field the next one's settings name, all find their keys anew.
            transaction.remember(_CODE_FIELD, None)
    site, now = run.context.site, run.context.now()
    seconds = None if run.context.options.whole else _seconds_of_reading(run, now)
    observation = _read(run.context, known, Storing(run.transaction, site.code_field, now, seconds))
    for side, number in observation.read.items():
        run.tally.counts[side].read = number
    # P9: a side that suddenly reads empty is not believed before a person says so.
    is_believed = run.context.options.believes_empty_side or not known.has_links or not observation.shows_no_contact
    if is_believed:
        # Whatever becomes of the run: what SSM has shown is not read again because Sage cannot be worked with.
        remember(run.transaction, observation, site.database, site.code_field, run.context.now())
    seen = _remembered(run, _usable(run.context, known, observation, alone))
    run.tally.read_at = run.context.now()
    return seen if is_believed else _seen_empty(run, seen)


def _seconds_of_reading(run: Run, now: datetime) -> float:
    """How long a whole read of SSM may go on in this run: reading has half of the run's time, writing the rest."""
    return max(0.0, (run.started_at + run.context.site.time_budget / 2 - now).total_seconds())


def _seen_empty(run: Run, seen: Seen) -> Seen:
    """The same, where SSM shows no contact, although the state has some."""
    unsaved = seen.observation.unsaved()
    # Accounts that were stored as they came are still what SSM shows.
    shown = seen.observation.readings["accounts"].handed_on
    with run.context.store.reading() as transaction:
        accounts = {row["id"]: row for row in transaction.lookup.rows_by_id("accounts", shown)}
    unsaved = replace(unsaved, accounts={**accounts, **unsaved.accounts}, are_all=True)
    return replace(seen, unsaved=unsaved, looks_at_all=True)


def _recall(context: Context) -> Remembered:
    with context.store.reading() as transaction:
        known = remembered(transaction, context.now())
    site = context.site
    refuse_other_company(known.database, site.database, site.formerly, has_links=known.has_links)
    return known


def _read(context: Context, known: Remembered, storing: Storing | None = None) -> Observation:
    whole = context.options.whole or known.is_whole_read_due
    sides, own_databases = (context.sage100, context.ssm), context.site.own_databases
    return read_sides(*sides, context.store, known, own_databases, whole=whole, storing=storing)


# --- what cannot be worked with


def _usable(context: Context, known: Remembered, observation: Observation, alone: Chosen | None) -> Seen:
    """What was seen, if a run can work with it.

    Raises:
        ConfigurationError, SideUnavailableError: nothing could be read of a side, or a mapped column is missing.
    """
    _refuse_unread(observation)
    if missing := fields_missing(context.site.fields, observation.sage100.columns):
        columns = ", ".join(f.sage100 for f in missing)
        text = f"F_CONTACTT has no column {columns}"
        raise ConfigurationError("schema_missing", side=Side.SAGE100.value, text=text)
    if unknown := context.site.scope.contacts.columns - observation.sage100.columns.keys():
        text = ", ".join(sorted(unknown))
        raise ConfigurationError("scope_columns_missing", side=Side.SAGE100.value, text=text)
    before, now = _field_maps(context, observation)
    changed = {name for name, place in now.items() if before.get(name, place) != place}
    changed |= now.keys() - before.keys() if before else set()
    with context.store.transaction() as transaction:
        settings = transaction.recall(_DELETION_SETTINGS)
    may_delete = settings in (None, _deletion_settings(context.site))
    # Which numbers are free at the end of the column only all contacts show.
    looks_at_all = context.options.whole or observation.sage100.highest_number >= HIGHEST_NUMBER
    return Seen(known, observation, frozenset(changed), Unsaved(), looks_at_all, alone, may_delete)


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
    present = fields_present(context.site.fields, observation.sage100.columns)
    with context.store.transaction() as transaction:
        before = transaction.recall(_FIELD_MAP) or {}
    return before, {f.name: [f.sage100, f.ssm, f.kind.value] for f in present}


def _deletion_settings(site: Site) -> str:
    """The settings that decide which contacts and fields are looked at, as text."""
    mapped = [(f.name, f.sage100, f.ssm, f.kind.value, f.direction.value) for f in site.fields]
    return repr((mapped, site.scope, site.code_field))


# --- what makes a run look at every company


def _is_changed(transaction: Transaction, context: Context, observation: Observation) -> bool:
    return bool(transaction.recall(_DECIDED_BY) != _decided_by(context.site, observation))


def _decided_by(site: Site, observation: Observation) -> str:
    """A digest of all that decides about a contact beside the contacts themselves: settings, columns, this version."""
    settings = (site.database, site.fields, site.locale, site.policy, site.scope, site.code_field, site.ext_id_once)
    # SSM gives the contact types in an order of its own, the state by their ids.
    types = sorted(observation.contact_types, key=lambda row: str(row.get("id")))
    others = (site.formerly, observation.sage100.columns, types, __version__)
    text = json.dumps([*settings, *others], sort_keys=True, default=_plain)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    """What JSON has no form for, in one that is the same in every process."""
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, frozenset) else str(value)


# --- remembering


def _remembered(run: Run, seen: Seen) -> Seen:
    """Keep by what was decided: the field map, the settings, and what rows of SSM are looked up by."""
    context, observation = run.context, seen.observation
    site = context.site
    before, now = _field_maps(context, observation)
    if before != now:
        _remember_field_map(run, before, now, seen.without_bases)
    with run.transaction() as transaction:
        is_rekeying = transaction.recall(_CODE_FIELD) != site.code_field
        if _is_changed(transaction, context, observation):
            transaction.unsettle_companies()
            transaction.remember(_DECIDED_BY, _decided_by(site, observation))
    if is_rekeying:
        _rekey(run)
    return seen


def remember_deletion_settings(run: Run) -> None:
    """P9: keep with which settings all contacts were looked at; with the same, the next run derives deletions."""
    settings = _deletion_settings(run.context.site)
    with run.transaction() as transaction:
        if transaction.recall(_DELETION_SETTINGS) != settings:
            transaction.remember(_DELETION_SETTINGS, settings)


def _remember_field_map(run: Run, before: FieldMap, now: FieldMap, changed: Collection[str]) -> None:
    """Keep the field map, once no link has a base of the fields that changed (P4); in parts, as `_rekey`."""
    with run.transaction() as transaction:
        # Whatever becomes of this run, and of the settings: these fields are new in the map of the next one.
        transaction.remember(_FIELD_MAP, {name: place for name, place in before.items() if name not in changed})
    with run.context.store.reading() as known:
        for links in batches(known.newest_links() if changed else (), _LINKS_AT_ONCE):
            with run.transaction() as transaction:
                for link in links:
                    if (new := without_bases(link, changed)) is not link:
                        transaction.save_link(new)
    with run.transaction() as transaction:
        transaction.remember(_FIELD_MAP, now)


def _rekey(run: Run) -> None:
    """Find anew what the rows of SSM are looked up by, in parts: the lease is renewed between two of them."""
    code_field, last = run.context.site.code_field, None
    while True:
        with run.transaction() as transaction:
            if (last := transaction.rekey_observed(code_field, last)) is None:
                transaction.remember(_CODE_FIELD, code_field)
                return
