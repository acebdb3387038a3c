"""What both sides show: Sage read whole, SSM by what changed since the last run; and what the state stores of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.reading import Reading, Row
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.run.ports import Location, SageAccess, SsmAccess
from sage100_ssm.sync.run.same_system import (
    CompanySample,
    RowComparison,
    company_sample,
    compare_ssm_rows,
    count_found,
    refuse_other_database,
    refuse_other_instance,
)
from sage100_ssm.sync.run.shown import Unsaved
from sage100_ssm.sync.run.survey import Survey, survey
from sage100_ssm.sync.state.at_rest import batches
from sage100_ssm.sync.state.records import RunRow, RunStatus
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction

_WHOLE_EVERY = timedelta(hours=24)
_SAMPLE_SIZE = 20
_STORED_AT_ONCE = 20_000
_STREAMS = ("accounts", "contacts")
_TYPES = "contact_types"

# Where the state stores what is remembered besides rows.
_LAST_WHOLE = "ssm_whole_read_at"
_UNREADABLE = "ssm_unreadable"
_DATABASE = "database"
_COMPANIES = "sage100_companies"
_IDENTITY = "sage100_identity"
_REBUILT = "links_rebuilt_at"
_LOCATIONS = "sage100_locations"
_LOCATIONS_KEPT = 5

OpenTransaction = Callable[[], AbstractContextManager[Transaction]]
"""Begins a transaction of the state; it is committed at the end of a `with` block."""


@dataclass(frozen=True, slots=True)
class KnownLocation:
    """Where the company database was found, and by which run first."""

    location: Location
    since: datetime


@dataclass(frozen=True, slots=True)
class Remembered:
    """What earlier runs left in the state, but for links and rows, which are looked up as they are needed.

    Attributes:
        has_links: whether there is any live link.
        has_rows: whether any row of SSM is stored.
        contact_types: the rows of ``/contactTypes`` as last read.
        unreadable: what is known of the SSM contacts that cannot be kept, since SSM was last read whole.
        awaited: the ids of contacts that SSM said it created and has not shown yet (P11).
        cursors: per stream of SSM, the Airbyte state up to which it was read; None if it never was.
        database: the company database's name in the settings of the last run; None before the first one.
        companies: some companies of Sage, by which the database is recognised.
        identity: the highest ``cbMarq`` that Sage is known to have given; 0 if none is known.
        is_whole_read_due: whether SSM must be read whole: never done, a day ago, or the last run failed.
        has_intents: whether a creation is not confirmed.
        is_rebuilt: whether the links were rebuilt in this state (``resync``).
        locations: where the company database was, the present place last.
        last_run: the last run; None before the first one.
    """

    has_links: bool
    has_rows: bool
    contact_types: Sequence[Row]
    unreadable: Sequence[Row]
    awaited: frozenset[int]
    cursors: Mapping[str, Mapping[str, Any] | None]
    database: str | None
    companies: CompanySample
    identity: int
    is_whole_read_due: bool
    has_intents: bool = False
    is_rebuilt: bool = False
    locations: Sequence["KnownLocation"] = ()
    last_run: RunRow | None = None


def known_locations(transaction: Transaction) -> list[KnownLocation]:
    """Where earlier runs found the company database, the present place last."""
    stored = transaction.recall(_LOCATIONS) or []
    return [KnownLocation(Location(*place), datetime.fromisoformat(since)) for *place, since in stored]


def remembered(transaction: Transaction, now: datetime) -> Remembered:
    """What earlier runs left in the state, read in one transaction."""
    cursors = {stream: transaction.cursor(stream) for stream in _STREAMS}
    last_whole = transaction.recall(_LAST_WHOLE)
    last_run = next(iter(transaction.runs(1)), None)
    intents = transaction.intents()
    failed = last_run is not None and last_run.status in (RunStatus.FAILED, RunStatus.RUNNING)
    # A stamp in the future was made while the clock was ahead: it says nothing about when that was.
    is_recent = last_whole is not None and timedelta() <= now - datetime.fromisoformat(last_whole) <= _WHOLE_EVERY
    return Remembered(
        has_links=transaction.lookup.has_links(),
        has_rows=transaction.lookup.has_rows(),
        contact_types=list(transaction.observed(_TYPES)),
        unreadable=transaction.recall(_UNREADABLE) or [],
        awaited=frozenset(i.target_id for i in intents if i.side is Side.SSM and i.target_id),
        cursors=cursors,
        database=transaction.recall(_DATABASE),
        companies=transaction.recall(_COMPANIES) or {},
        identity=transaction.recall(_IDENTITY) or 0,
        is_whole_read_due=failed or None in cursors.values() or not is_recent,
        has_intents=bool(intents),
        is_rebuilt=transaction.recall(_REBUILT) is not None,
        locations=known_locations(transaction),
        last_run=last_run,
    )


@dataclass(frozen=True, slots=True)
class Observation:
    """What both sides show now.

    Attributes:
        sage100: what Sage shows.
        readings: the SSM streams as they were read in this run, by name.
        whole: whether SSM was read whole.
        unreadable: what is known of the SSM contacts that cannot be kept.
        contact_types: rows of ``/contactTypes``.
        failures: per side that could not be read to its end, why.
        unread: the sides of which nothing could be read.
        read: the number of contacts that were read, per side.
    """

    sage100: Survey
    readings: Mapping[str, Reading]
    whole: bool
    unreadable: Sequence[Row]
    contact_types: Sequence[Row]
    failures: Mapping[Side, Failure]
    unread: frozenset[Side]
    read: Mapping[Side, int]

    @property
    def complete(self) -> dict[Side, bool]:
        """Whether each side was read to its end (P10)."""
        return {side: side not in self.failures for side in Side}

    @property
    def has_fresh_types(self) -> bool:
        """Whether the contact types were read in this run."""
        return _TYPES in self.readings

    def unsaved(self) -> Unsaved:
        """The rows of SSM that were read, where they are not saved."""
        rows = {stream: self.readings[stream].rows if stream in self.readings else [] for stream in _STREAMS}
        accounts, contacts = ({row["id"]: row for row in rows[stream]} for stream in _STREAMS)
        return Unsaved(accounts, contacts, are_all=self.whole and Side.SSM not in self.failures)

    def with_types(self, reading: Reading) -> "Observation":
        """The same observation with contact types that were read again."""
        return replace(self, contact_types=reading.rows, readings={**self.readings, _TYPES: reading})

    def without_rest_of_sage100(self, failure: Failure) -> "Observation":
        """The same observation, once a row of Sage could not be read any more (P10)."""
        return replace(self, failures={Side.SAGE100: failure, **self.failures})


def read_sides(
    sage100: SageAccess,
    ssm: SsmAccess,
    store: StateStore,
    known: Remembered,
    own_databases: Collection[str],
    *,
    whole: bool,
) -> Observation:
    """Read both sides at the same time.

    Args:
        sage100: the Sage side.
        ssm: the SSM side.
        store: the state.
        known: what earlier runs left in it.
        own_databases: the company database's names, former ones included.
        whole: whether SSM is to be read whole.

    Raises:
        ConfigurationError: the state belongs to another company database, or another instance of SSM.
    """
    with ThreadPoolExecutor(2, "observe") as pool:
        sage_side = pool.submit(survey, sage100, list(map(int, known.companies)))
        ssm_side = pool.submit(_read_ssm, ssm, store, known, own_databases, whole=whole)
        surveyed, (streams, whole) = sage_side.result(), ssm_side.result()
    has_linked_contacts = partial(_has_most_linked_contacts, sage100, store)
    complete = surveyed.failure is None
    refuse_other_database(known.companies, surveyed.sample, has_linked_contacts, complete=complete)
    ssm_failure = next((reading.failure for reading in streams.values() if reading.failure), None)
    failures = {Side.SAGE100: surveyed.failure, Side.SSM: ssm_failure}
    has_read = {
        Side.SAGE100: bool(surveyed.companies or surveyed.contacts),
        Side.SSM: any(reading.rows for reading in streams.values()),
    }
    return Observation(
        sage100=surveyed,
        readings=streams,
        whole=whole,
        unreadable=_unreadable(known, streams.get("contacts"), whole=whole),
        contact_types=streams[_TYPES].rows if _TYPES in streams and streams[_TYPES].complete else known.contact_types,
        failures={side: failure for side, failure in failures.items() if failure},
        unread=frozenset(side for side, failure in failures.items() if failure and not has_read[side]),
        read={
            Side.SAGE100: surveyed.contacts,
            Side.SSM: len(streams["contacts"].rows) if "contacts" in streams else 0,
        },
    )


def _has_most_linked_contacts(sage100: SageAccess, store: StateStore) -> bool:
    """Whether Sage has most linked contacts under the names of their links; also where there is no link."""
    total = found = 0
    with store.reading() as transaction:
        for links in batches(transaction.newest_links()):
            total += len(links)
            rows = [
                *sage100.find("contacts", "cbMarq", {link.sage100_id for link in links}).rows,
                *sage100.find("contacts", "CT_No", {link.sage100_no for link in links if link.sage100_no}).rows,
            ]
            found += count_found(rows, links)
    return found * 2 > total or not total


def _read_ssm(
    ssm: SsmAccess, store: StateStore, known: Remembered, own_databases: Collection[str], *, whole: bool
) -> tuple[dict[str, Reading], bool]:
    """Read SSM since the last run, or whole if that is due, or if SSM is not recognised.

    Returns:
        The streams that were read, and whether they were read whole.

    Raises:
        ConfigurationError: this is another instance.
    """
    if not whole:
        with store.reading() as transaction:
            sample = contact_sample(transaction)
        found = ssm.find(list(sample)) if sample else Reading([])
        if found.failure:
            return {"contacts": Reading([], failure=found.failure)}, False
        compared = compare_ssm_rows(sample, found.rows, own_databases)
        refuse_other_instance(compared)
        # Not one row of the sample came: only a whole read can show why.
        whole = bool(sample) and not compared.same
    streams = dict(ssm.read({**dict.fromkeys(_STREAMS), _TYPES: None} if whole else known.cursors))
    if whole and (failure := _failure_before_known_rows(store, known, streams, own_databases)):
        return {"contacts": Reading([], failure=failure)}, whole
    contacts = streams["contacts"]
    # An empty whole read is left to the guard of empty sides (P9).
    if not contacts.complete or (whole and not contacts.rows):
        return streams, whole
    if missing := _missing(store, known, {row["id"] for row in contacts.rows}, whole=whole):
        found = ssm.find(missing)
        unreadable = [*contacts.unreadable, *found.unreadable]
        streams["contacts"] = Reading(contacts.rows + found.rows, contacts.state, found.failure, unreadable)
    return streams, whole


def _missing(store: StateStore, known: Remembered, read: Collection[int], *, whole: bool) -> list[int]:
    """P10: the linked contacts that SSM does not show any more, to be asked for by their ids."""
    with store.reading() as transaction:
        lookup = transaction.lookup
        # One whose link sleeps is asked for only once a day.
        linked = lookup.linked_ids() if whole else lookup.linked_and_unseen()
        missing = [id_ for id_, status in linked if id_ not in read and (whole or status is LinkStatus.ACTIVE)]
        awaited = known.awaited - set(read)
        if awaited and not whole:
            awaited -= {row["id"] for row in lookup.rows_by_id("contacts", awaited)}
    return missing + sorted(awaited)


def _failure_before_known_rows(
    store: StateStore, known: Remembered, streams: Mapping[str, Reading], own_databases: Collection[str]
) -> Failure | None:
    """Why a whole read broke off, if it did before any row came that is known; None for a read that can be used.

    Raises:
        ConfigurationError: the rows that were read are those of another instance.
    """
    # Rows that are all unknown could be those of another instance, and must not be stored with ours.
    failure = next((reading.failure for reading in streams.values() if reading.failure), None)
    rows = {name: streams[name].rows if name in streams else [] for name in _STREAMS}
    with store.reading() as transaction:
        compared = {name: compared_with_stored(transaction, name, rows[name], own_databases) for name in _STREAMS}
    contacts, accounts = compared["contacts"], compared["accounts"]
    refuse_other_instance(contacts, accounts, expects_known_rows=known.has_rows and failure is None)
    return failure if known.has_rows and not (contacts.same or accounts.same) else None


def compared_with_stored(
    transaction: Transaction, stream: str, rows: Sequence[Row], own_databases: Collection[str]
) -> RowComparison:
    """Compare rows of SSM with those that are stored under their ids."""
    total = RowComparison()
    for batch in batches(rows):
        stored = {row["id"]: row for row in transaction.lookup.rows_by_id(stream, [row["id"] for row in batch])}
        compared = compare_ssm_rows(stored, batch, own_databases)
        total = RowComparison(total.same + compared.same, total.different + compared.different)
    return total


def _unreadable(known: Remembered, reading: Reading | None, *, whole: bool) -> list[Row]:
    """The SSM contacts that cannot be kept: a complete whole read shows all, another one only those that changed."""
    found = list(reading.unreadable) if reading else []
    if not (whole and reading and reading.complete):
        shown = {row["id"] for row in reading.rows} if reading else set()
        marks = {row.get("extId") for row in reading.rows if row.get("deleted") is not True} if reading else set()
        for row in known.unreadable:
            # One without a usable id is known again by its `extId`.
            is_shown = row["id"] in shown if "id" in row else row.get("extId") in marks - {None}
            found += [row] if row not in found and not is_shown else []
    return found


def contact_sample(transaction: Transaction) -> dict[int, Row]:
    """Some contacts that are known, by which SSM is recognised: rows by id, of linked contacts if there are any."""
    # Others in each run: if the same 20 were invisible for good, every run would read SSM whole.
    ids = transaction.lookup.some_linked_ids(_SAMPLE_SIZE) or transaction.lookup.some_live_ids(_SAMPLE_SIZE)
    return {row["id"]: row for row in transaction.lookup.rows_by_id("contacts", ids)}


def remember_identity(transaction: Transaction, identity: int) -> None:
    """Store the highest ``cbMarq`` that Sage has given (P9)."""
    transaction.remember(_IDENTITY, identity)


def remember_rebuilding(transaction: Transaction, now: datetime) -> None:
    """Store that the links were rebuilt: from then on a state without any is not a lost one (P9)."""
    transaction.remember(_REBUILT, now.isoformat())


def _remember_location(transaction: Transaction, location: Location | None, now: datetime) -> None:
    """Store where the company database is, if that is not where it was."""
    known = known_locations(transaction)
    if location is not None and (not known or known[-1].location != location):
        places = [*known, KnownLocation(location, now)][-_LOCATIONS_KEPT:]
        stored = [[k.location.server, k.location.database, k.since.isoformat()] for k in places]
        transaction.remember(_LOCATIONS, stored)


def remember(
    transaction: OpenTransaction, observation: Observation, database: str, code_field: str, now: datetime
) -> None:
    """Store the rows of SSM with the cursors that cover them, and by what the company database is recognised.

    Args:
        transaction: opens a transaction. The last one stores the cursors, after all rows that they cover.
        observation: what was read.
        database: the company database's name in the settings.
        code_field: the account field that contains the ``CT_Num``.
        now: the time.
    """
    remaining = {}
    for stream, reading in observation.readings.items():
        # The lease is renewed between two transactions. A run that ends here leaves rows that are read once more.
        *parts, remaining[stream] = _parts(reading.rows)
        for part in parts:
            with transaction() as one:
                one.save_observed(stream, part, code_field=code_field)
    with transaction() as last:
        _remember_last(last, observation, remaining, database, code_field, now)


def _parts(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """Rows in parts that are each stored within a second; at least one."""
    return [rows[start : start + _STORED_AT_ONCE] for start in range(0, max(len(rows), 1), _STORED_AT_ONCE)]


def _remember_last(
    transaction: Transaction,
    observation: Observation,
    remaining: Mapping[str, Sequence[Row]],
    database: str,
    code_field: str,
    now: datetime,
) -> None:
    """Store what is left of the rows, forget those that a whole reading did not show, and store the cursors."""
    if Side.SAGE100 not in observation.failures:
        facts = {_DATABASE: database, _COMPANIES: company_sample(observation.sage100.sample)}
        for key, fact in facts.items():
            # Without companies there is no sample, and the one of an earlier run still recognises the database.
            if fact and transaction.recall(key) != fact:
                transaction.remember(key, fact)
        _remember_location(transaction, observation.sage100.location, now)
    for stream, reading in observation.readings.items():
        transaction.save_observed(stream, remaining[stream], code_field=code_field)
        # `/contactTypes` has no cursor and is always read whole.
        if reading.complete and (observation.whole or stream == _TYPES):
            transaction.forget_unobserved(stream, {row["id"] for row in reading.rows})
        if reading.complete and reading.state:
            transaction.save_cursor(stream, reading.state)
    if (transaction.recall(_UNREADABLE) or []) != observation.unreadable:
        transaction.remember(_UNREADABLE, observation.unreadable)
    if observation.whole and Side.SSM not in observation.failures:
        transaction.remember(_LAST_WHOLE, now.isoformat())
