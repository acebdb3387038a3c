"""What both sides show: Sage read whole, SSM by what changed since the last run; and what the state stores of it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from dataclasses import field as default
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.reading import IdRange, Reading, Row
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import AboutSide, Code
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.run.ports import HandingOn, Location, SageAccess, SsmAccess
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
_STORED_AT_ONCE = 2_000
"""Rows per transaction, which takes well under a second: the lease is renewed between two."""
_STREAMS = ("accounts", "contacts")
"""In this order: a contact's company comes from its account."""
_TYPES = "contact_types"
_EVERYTHING = IdRange()

# Where the state stores what is remembered besides rows.
_LAST_WHOLE = "ssm_whole_read_at"
_WHOLE_DUE = "ssm_whole_read_due"
_UNDER_WAY = "ssm_whole_read"
_UNREADABLE = "ssm_unreadable"
_DATABASE = "database"
_COMPANIES = "sage100_companies"
_IDENTITY = "sage100_identity"
_REBUILT = "links_rebuilt_at"
_LOCATIONS = "sage100_locations"
_LOCATIONS_KEPT = 5

_OF_READING = frozenset({Code.INCOMPLETE_READ, Code.SIDE_UNREACHABLE, Code.LOGIN_REFUSED})
"""The problems that say that a side as a whole failed."""

OpenTransaction = Callable[[], AbstractContextManager[Transaction]]
"""Begins a transaction of the state; it is committed at the end of a `with` block."""


@dataclass(frozen=True, slots=True)
class KnownLocation:
    """Where the company database was found, and by which run first."""

    location: Location
    since: datetime


@dataclass(frozen=True, slots=True)
class WholeRead:
    """A whole read of SSM that takes several runs.

    Attributes:
        began: when it began.
        is_first: whether SSM is not known to its end before it is: then P10 applies.
        contacts: the number of contacts read so far.
        lowest: the lowest id of a contact that was read; 0 once all are.
        highest: the highest one.
    """

    began: datetime
    is_first: bool
    contacts: int = 0
    lowest: int = 0
    highest: int = 0

    @property
    def percent(self) -> int:
        """About how much of SSM is read, by the ids."""
        return min(99, (self.highest - self.lowest) * 100 // max(self.highest, 1))

    def after(self, contacts: Reading) -> "WholeRead":
        """The same, once more contacts were read."""
        covered = contacts.covered
        if covered is None:
            return self
        # The highest one was the last of the part before.
        ids = {id_ for id_ in contacts.ids if id_ in covered} - {covered.highest}
        highest = max(self.highest, max(ids, default=0))
        return replace(self, contacts=self.contacts + len(ids), lowest=covered.lowest or 0, highest=highest)

    def progress(self) -> dict[str, Any]:
        """How far it is, for people."""
        facts = {"since": self.began.isoformat(), "contacts": self.contacts, "percent": self.percent}
        return facts | {"is_first": self.is_first}

    def as_json(self) -> dict[str, Any]:
        """The object that the state stores."""
        return asdict(self) | {"began": self.began.isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "WholeRead | None":
        """What the state stores of one; None where none is under way."""
        return cls(**{**stored, "began": datetime.fromisoformat(stored["began"])}) if stored else None


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
        is_whole_read_due: whether a whole read of SSM is to begin: there was none, the last one is a day old, or an
            earlier run failed with SSM.
        has_intents: whether a creation is not confirmed.
        is_rebuilt: whether the links were rebuilt in this state (``resync``).
        locations: where the company database was, the present place last.
        last_run: the last run; None before the first one.
        under_way: the whole read that an earlier run began, and that goes on; None where there is none.
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
    under_way: WholeRead | None = None


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
    under_way = WholeRead.from_json(transaction.recall(_UNDER_WAY))
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
        is_whole_read_due=under_way is None
        and (
            None in cursors.values()
            or not is_recent
            or bool(transaction.recall(_WHOLE_DUE))
            or _has_failed_with_ssm(transaction, last_run)
        ),
        has_intents=bool(intents),
        is_rebuilt=transaction.recall(_REBUILT) is not None,
        locations=known_locations(transaction),
        last_run=last_run,
        under_way=under_way,
    )


def _has_failed_with_ssm(transaction: Transaction, run: RunRow | None) -> bool:
    """Whether a run was killed, or failed because of SSM, or by a fault of this program."""
    # A cursor is stored with the rows that it covers, whatever becomes of the run: of what SSM showed, nothing is lost.
    # But what the run was just writing, SSM may have carried out later, under a stamp from before a cursor. Where
    # Sage alone failed, SSM did what it was asked.
    if run is None or run.status not in (RunStatus.FAILED, RunStatus.RUNNING):
        return False
    if run.exit_code in (None, Exit.FAULT):
        return True
    met = (known.entry.facts for known in transaction.open_problems() if known.last_seen >= run.started_at)
    return any(isinstance(facts, AboutSide) and facts.side is Side.SSM and facts.code in _OF_READING for facts in met)


def remember_due_whole_read(transaction: Transaction) -> None:
    """Store that a whole read is due: it stays so until one is done, whatever becomes of this run."""
    transaction.remember(_WHOLE_DUE, "yes")


@dataclass(frozen=True, slots=True)
class Storing:
    """How a run stores the rows of a whole read as they come.

    Attributes:
        transaction: begins a transaction of the state under the lease.
        code_field: the account field that contains the ``CT_Num``.
        now: the time.
        seconds: how long the whole read may go on in this run; None where it is to be done in one go.
    """

    transaction: OpenTransaction
    code_field: str
    now: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Observation:
    """What both sides show now.

    Attributes:
        sage100: what Sage shows.
        readings: the SSM streams as they were read in this run, by name.
        whole: whether a whole read of SSM has come to its end, in this run alone or with earlier ones.
        unreadable: what is known of the SSM contacts that cannot be kept.
        contact_types: rows of ``/contactTypes``.
        failures: per side that could not be read to its end, why.
        unread: the sides of which nothing could be read.
        read: the number of contacts that were read, per side.
        going_on: the whole read of SSM that the next run goes on with; None where there is none.
    """

    sage100: Survey
    readings: Mapping[str, Reading]
    whole: bool
    unreadable: Sequence[Row]
    contact_types: Sequence[Row]
    failures: Mapping[Side, Failure]
    unread: frozenset[Side]
    read: Mapping[Side, int]
    going_on: WholeRead | None = None

    @property
    def complete(self) -> dict[Side, bool]:
        """Whether each side was read to its end (P10)."""
        is_known_in_part = self.going_on is not None and self.going_on.is_first
        return {side: side not in self.failures and not (side is Side.SSM and is_known_in_part) for side in Side}

    @property
    def has_fresh_types(self) -> bool:
        """Whether the contact types were read in this run."""
        return _TYPES in self.readings

    @property
    def shows_no_contact(self) -> bool:
        """Whether SSM was read whole, or the rest of it, and shows no contact at all (P9)."""
        contacts = self.readings.get("contacts")
        return contacts is not None and _is_empty(contacts) and Side.SSM not in self.failures

    def unsaved(self) -> Unsaved:
        """The rows of SSM that were read, where they are not saved."""
        readings = [self.readings.get(stream, Reading([])) for stream in _STREAMS]
        accounts, contacts = ({row["id"]: row for row in reading.rows} for reading in readings)
        is_in_memory = not any(reading.handed_on for reading in readings)
        return Unsaved(accounts, contacts, are_all=self.whole and is_in_memory and Side.SSM not in self.failures)

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
    storing: Storing | None = None,
) -> Observation:
    """Read both sides at the same time.

    Args:
        sage100: the Sage side.
        ssm: the SSM side.
        store: the state.
        known: what earlier runs left in it.
        own_databases: the company database's names, former ones included.
        whole: whether SSM is to be read whole.
        storing: how the rows of a whole read are stored as they come; None to have all rows in memory.

    Raises:
        ConfigurationError: the state belongs to another company database, or another instance of SSM.
        LeaseLost: another run has taken over.
    """
    with ThreadPoolExecutor(2, "observe") as pool:
        sage_side = pool.submit(_survey, sage100, store, known)
        incoming = _Incoming(storing, known, lambda: _is_unread(sage_side.result())) if storing else None
        ssm_side = pool.submit(_read_ssm, ssm, store, known, own_databases, incoming, whole=whole)
        surveyed, read = sage_side.result(), ssm_side.result()
    streams = read.streams
    ssm_failure = next((reading.failure for reading in streams.values() if reading.failure), None)
    failures = {Side.SAGE100: surveyed.failure, Side.SSM: ssm_failure}
    contacts = streams.get("contacts")
    unread = {Side.SAGE100: _is_unread(surveyed), Side.SSM: not any(reading.ids for reading in streams.values())}
    going_on = _going_on(known, read, storing)
    return Observation(
        sage100=surveyed,
        readings=streams,
        whole=read.is_whole and going_on is None,
        unreadable=_unreadable(known, contacts, read.marks),
        contact_types=streams[_TYPES].rows if _TYPES in streams and streams[_TYPES].complete else known.contact_types,
        failures={side: failure for side, failure in failures.items() if failure},
        unread=frozenset(side for side, failure in failures.items() if failure and unread[side]),
        read={Side.SAGE100: surveyed.contacts, Side.SSM: len(contacts.ids) if contacts else 0},
        going_on=going_on,
    )


def _is_empty(contacts: Reading) -> bool:
    """Whether SSM shows no contact where it was asked for all, or for all from one on that it has shown before."""
    return contacts.covered is not None and not contacts.ids


def _survey(sage100: SageAccess, store: StateStore, known: Remembered) -> Survey:
    """Read Sage.

    Raises:
        ConfigurationError: the state belongs to another company database.
    """
    surveyed = survey(sage100, list(map(int, known.companies)))
    has_linked_contacts = partial(_has_most_linked_contacts, sage100, store)
    refuse_other_database(known.companies, surveyed.sample, has_linked_contacts, complete=surveyed.failure is None)
    return surveyed


def _is_unread(surveyed: Survey) -> bool:
    """Whether nothing of Sage could be read."""
    return surveyed.failure is not None and not (surveyed.companies or surveyed.contacts)


def _going_on(known: Remembered, read: "_SsmRead", storing: Storing | None) -> WholeRead | None:
    """The whole read of SSM that the next run goes on with."""
    if not (read.is_whole and all(reading.complete for reading in read.streams.values())):
        return known.under_way
    if storing is None or not any(reading.is_to_go_on for reading in read.streams.values()):
        return None
    is_first = None in known.cursors.values()
    begun = known.under_way or WholeRead(storing.now, is_first)
    return replace(begun.after(read.streams["contacts"]), is_first=begun.is_first or is_first)


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


@dataclass(frozen=True, slots=True)
class _SsmRead:
    """What was read of SSM.

    Attributes:
        streams: the streams.
        is_whole: whether they were read whole, or a whole read went on.
        marks: the ``extId`` that rows which were handed on had, of those by which unreadable ones are known.
    """

    streams: Mapping[str, Reading]
    is_whole: bool
    marks: Collection[str] = ()


class _SageUnreadError(Exception):
    """Sage cannot be read, so that the run ends: SSM need not be read any further."""


@dataclass(slots=True)
class _Incoming:
    """Rows of SSM as they come, stored in batches.

    Attributes:
        storing: how they are stored.
        known: what earlier runs left.
        is_sage100_unread: whether nothing of Sage can be read; it waits until that is known.
        marks: the ``extId`` that were shown, of those by which unreadable rows are known.
    """

    storing: Storing
    known: Remembered
    is_sage100_unread: Callable[[], bool]
    marks: set[str] = default(default_factory=set)
    _stream: str = ""
    _rows: list[Row] = default(default_factory=list)

    def receive(self, stream: str, rows: Sequence[Row]) -> None:
        """Take rows of a stream."""
        if stream != self._stream:
            self.flush()
        self._stream = stream
        self._rows += rows
        if unreadable := {row.get("extId") for row in self.known.unreadable if "id" not in row} - {None}:
            self.marks |= _living_marks(rows) & unreadable
        if len(self._rows) >= _STORED_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Store what has come.

        Raises:
            LeaseLost: another run has taken over.
        """
        rows, self._rows = self._rows, []
        if not rows:
            return
        # Whoever installs this may mistype both sides: nothing of SSM is stored before Sage is read.
        if self.is_sage100_unread():
            raise _SageUnreadError
        with self.storing.transaction() as transaction:
            transaction.save_observed(self._stream, rows, code_field=self.storing.code_field)


def _read_ssm(
    ssm: SsmAccess,
    store: StateStore,
    known: Remembered,
    own_databases: Collection[str],
    incoming: _Incoming | None,
    *,
    whole: bool,
) -> _SsmRead:
    """Read SSM since the last run, or whole if that is due, or if SSM is not recognised.

    Raises:
        ConfigurationError: this is another instance.
        LeaseLost: another run has taken over.
    """
    has_sample = is_recognised = False
    if incoming or not whole:
        with store.reading() as transaction:
            sample = contact_sample(transaction)
        found = ssm.find(list(sample)) if sample else Reading([])
        if found.failure:
            return _SsmRead({"contacts": Reading([], failure=found.failure)}, is_whole=False)
        compared = compare_ssm_rows(sample, found.rows, own_databases)
        refuse_other_instance(compared)
        has_sample, is_recognised = bool(sample), compared.same > 0
        # Not one row of the sample came: only a whole read can show why.
        whole = whole or (has_sample and not is_recognised)
    goes_on = known.under_way is not None and not whole
    try:
        if incoming and (goes_on or (whole and (is_recognised or _forget_unknown(known, incoming, has_sample)))):
            streams = _handed_on(ssm, known, incoming, whole=whole)
        elif goes_on:
            streams = _read_in_passing(ssm, known)
        else:
            streams = dict(ssm.read({**dict.fromkeys(_STREAMS), _TYPES: None} if whole else known.cursors))
            if whole and (failure := _failure_before_known_rows(store, known, streams, own_databases)):
                return _SsmRead({"contacts": Reading([], failure=failure)}, is_whole=False)
    except _SageUnreadError:
        return _SsmRead({}, is_whole=False)
    contacts = streams["contacts"]
    is_whole = whole or (goes_on and incoming is not None)
    # An empty whole read is left to the guard of empty sides (P9).
    if contacts.complete and not _is_empty(contacts) and (missing := _missing(store, known, contacts)):
        found = ssm.find(missing)
        unreadable = [*contacts.unreadable, *found.unreadable]
        rows = [*contacts.rows, *found.rows]
        streams["contacts"] = replace(contacts, rows=rows, failure=found.failure, unreadable=unreadable)
    return _SsmRead(streams, is_whole, incoming.marks if incoming else ())


def _forget_unknown(known: Remembered, incoming: _Incoming, has_sample: bool) -> bool:  # noqa: FBT001 - as it was asked
    """Whether there is no row among which those of another instance could come; remains of no use are forgotten."""
    if known.has_rows and not (has_sample or known.has_links) and None in known.cursors.values():
        # A first whole read was broken off before any contact came: nothing rests on what it stored.
        with incoming.storing.transaction() as transaction:
            for stream in _STREAMS:
                transaction.forget_unobserved(stream, ())
        return True
    return not known.has_rows


def _handed_on(ssm: SsmAccess, known: Remembered, incoming: _Incoming, *, whole: bool) -> dict[str, Reading]:
    """Begin a whole read, or go on with it, storing the rows as they come; with it, what changed in the meantime."""
    since = dict.fromkeys(_STREAMS) if whole else known.cursors
    streams = dict(ssm.read(since, HandingOn(incoming.receive, incoming.storing.seconds)))
    # What is not read again yet is read by its changes, as in any other run.
    changed = {
        name: known.cursors[name]
        for name, reading in streams.items()
        if since[name] is None and known.cursors[name] is not None and reading.is_to_go_on
    }
    for name, reading in (ssm.read(changed, HandingOn(incoming.receive)) if changed else {}).items():
        streams[name] = replace(
            streams[name],
            failure=reading.failure,
            unreadable=[
                *streams[name].unreadable,
                *(r for r in reading.unreadable if r not in streams[name].unreadable),
            ],
            handed_on=streams[name].handed_on | reading.handed_on,
        )
    incoming.flush()
    return streams | (dict(ssm.read({_TYPES: None})) if whole else {})


def _read_in_passing(ssm: SsmAccess, known: Remembered) -> dict[str, Reading]:
    """What changed, where a whole read is under way and nothing is saved: it is left where it is."""
    rows: dict[str, list[Row]] = {stream: [] for stream in _STREAMS}
    read = ssm.read(known.cursors, HandingOn(lambda stream, some: rows[stream].extend(some), seconds=0))
    return {name: replace(reading, rows=rows[name], handed_on=frozenset()) for name, reading in read.items()}


def _missing(store: StateStore, known: Remembered, contacts: Reading) -> list[int]:
    """P10: the linked contacts that SSM does not show any more, to be asked for by their ids."""
    covered, read = contacts.covered, contacts.ids
    with store.reading() as transaction:
        lookup = transaction.lookup
        # One whose link sleeps is asked for only where all around it was read.
        in_range = (id_ for id_, _ in lookup.linked_ids() if id_ in covered) if covered else ()
        unseen = (id_ for id_, status in lookup.linked_and_unseen() if status is LinkStatus.ACTIVE)
        missing = [id_ for id_ in dict.fromkeys([*in_range, *unseen]) if id_ not in read]
        awaited = known.awaited.difference(read, missing)
        if awaited and covered != _EVERYTHING:
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


def _unreadable(known: Remembered, contacts: Reading | None, marks: Collection[str]) -> list[Row]:
    """The SSM contacts that cannot be kept: a whole read shows all, another one only those that changed."""
    if contacts is None:
        return list(known.unreadable)
    found = list(contacts.unreadable)
    if contacts.complete and contacts.covered == _EVERYTHING:
        return found
    shown, covered = contacts.ids, contacts.covered if contacts.complete else None
    living = _living_marks(contacts.rows).union(marks)
    for row in known.unreadable:
        # One without a usable id is known again by its `extId`.
        is_shown = row["id"] in shown if "id" in row else row.get("extId") in living
        is_gone = covered is not None and "id" in row and row["id"] in covered
        found += [row] if row not in found and not (is_shown or is_gone) else []
    return found


def _living_marks(contacts: Iterable[Row]) -> set[str]:
    """The ``extId`` of contacts that are not deleted."""
    return {mark for row in contacts if row.get("deleted") is not True and isinstance(mark := row.get("extId"), str)}


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
    has_failed = Side.SSM in observation.failures
    for stream, reading in observation.readings.items():
        transaction.save_observed(stream, remaining[stream], code_field=code_field)
        if reading.complete and reading.covered is not None:
            transaction.forget_unobserved(stream, reading.ids, reading.covered)
        # Both streams go on together, or neither.
        if reading.complete and reading.state and not (has_failed and reading.is_to_go_on):
            transaction.save_cursor(stream, reading.state)
    if (transaction.recall(_UNREADABLE) or []) != observation.unreadable:
        transaction.remember(_UNREADABLE, observation.unreadable)
    going_on = observation.going_on.as_json() if observation.going_on else None
    if transaction.recall(_UNDER_WAY) != going_on:
        transaction.remember(_UNDER_WAY, going_on)
    if observation.whole and not has_failed:
        transaction.remember(_LAST_WHOLE, now.isoformat())
        transaction.remember(_WHOLE_DUE, None)
