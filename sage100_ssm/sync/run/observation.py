"""What both sides show: Sage read whole, SSM what changed since the last time; and what is remembered of it."""

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.exchange.reading import Reading, Row
from sage100_ssm.sync.contacts.mapping import Column
from sage100_ssm.sync.model import Link, LinkStatus, Side
from sage100_ssm.sync.run.ports import SageAccess, SsmAccess
from sage100_ssm.sync.run.same_system import Companies, of_ssm, remembered_companies, same_database, same_instance
from sage100_ssm.sync.state.records import RunStatus
from sage100_ssm.sync.state.transaction import Transaction

_WHOLE_EVERY = timedelta(hours=24)
_SAMPLE = 20
_LAST_WHOLE = "ssm_whole_read_at"
_DATABASE = "database"
_COMPANIES = "sage100_companies"
_IDENTITY = "sage100_identity"
_STREAMS = ("accounts", "contacts")
_TYPES = "contact_types"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What earlier runs left in the state.

    Attributes:
        links: the living links.
        accounts: SSM accounts as last seen.
        contacts: SSM contacts as last seen, deleted ones included, by id.
        contact_types: rows of ``/contactTypes`` as last seen.
        cursors: per stream of SSM, the state up to which it was read.
        database: the company database's name, as the settings gave it.
        companies: some companies of Sage, by which the database is recognised.
        identity: the highest ``cbMarq`` that Sage is known to have given.
        is_whole_read_due: whether SSM is to be read whole: never done, a day ago, or the last run failed.
    """

    links: Sequence[Link]
    accounts: Mapping[int, Row]
    contacts: Mapping[int, Row]
    contact_types: Sequence[Row]
    cursors: Mapping[str, Mapping[str, Any] | None]
    database: str | None
    companies: Companies
    identity: int
    is_whole_read_due: bool


def remembered(transaction: Transaction, now: datetime) -> Remembered:
    """What earlier runs left in the state."""
    cursors = {stream: transaction.cursor(stream) for stream in _STREAMS}
    last_whole = transaction.recall(_LAST_WHOLE)
    last_run = next(iter(transaction.runs(1)), None)
    failed = last_run is not None and last_run.status in (RunStatus.FAILED, RunStatus.RUNNING)
    never = last_whole is None or None in cursors.values()
    return Remembered(
        links=transaction.links(),
        accounts={row["id"]: row for row in transaction.observed("accounts")},
        contacts={row["id"]: row for row in transaction.observed("contacts")},
        contact_types=list(transaction.observed(_TYPES)),
        cursors=cursors,
        database=transaction.recall(_DATABASE),
        companies=transaction.recall(_COMPANIES) or {},
        identity=transaction.recall(_IDENTITY) or 0,
        is_whole_read_due=failed or never or now - datetime.fromisoformat(last_whole) > _WHOLE_EVERY,
    )


@dataclass(frozen=True, slots=True)
class Observation:
    """What both sides show now.

    Attributes:
        companies: rows of ``F_COMPTET``, clients and prospects.
        sage100: rows of ``F_CONTACTT``.
        columns: what each column of ``F_CONTACTT`` can hold.
        identity: the highest ``cbMarq`` ever given, where Sage tells it.
        accounts: rows of SSM accounts.
        ssm: rows of SSM contacts, deleted ones included, by id.
        contact_types: rows of ``/contactTypes``.
        failures: per side, why it could not be read to its end.
        unread: the sides of which nothing could be read.
        whole: whether SSM was read whole.
        readings: the SSM streams as they were read in this run.
        read: how many contacts were read, per side.
    """

    companies: Sequence[Row]
    sage100: Sequence[Row]
    columns: Mapping[str, Column]
    identity: int | None
    accounts: Sequence[Row]
    ssm: Mapping[int, Row]
    contact_types: Sequence[Row]
    failures: Mapping[Side, Failure]
    unread: frozenset[Side]
    whole: bool
    readings: Mapping[str, Reading]
    read: Mapping[Side, int]

    @property
    def complete(self) -> dict[Side, bool]:
        """Whether each side was read to its end (P10)."""
        return {side: side not in self.failures for side in Side}

    @property
    def has_fresh_types(self) -> bool:
        """Whether the contact types were read in this run."""
        return _TYPES in self.readings

    def with_types(self, reading: Reading) -> "Observation":
        """The same observation with the contact types read again."""
        return replace(self, contact_types=reading.rows, readings={**self.readings, _TYPES: reading})


def read_sides(sage100: SageAccess, ssm: SsmAccess, known: Remembered, *, whole: bool) -> Observation:
    """Read both sides at the same time.

    Raises:
        ConfigurationError: the state belongs to another company database, or another instance of SSM.
    """
    with ThreadPoolExecutor(2, "observe") as pool:
        sage_side = pool.submit(_read_sage, sage100)
        ssm_side = pool.submit(_read_ssm, ssm, known, whole=whole)
        columns, identity, companies, contacts = sage_side.result()
        seen, whole = ssm_side.result()
    complete = companies.complete and contacts.complete
    same_database(known.links, known.companies, companies.rows, contacts.rows, complete=complete)
    failures = {
        side: failure
        for side, readings in ((Side.SAGE100, (companies, contacts)), (Side.SSM, tuple(seen.values())))
        if (failure := next((r.failure for r in readings if r.failure), None))
    }
    nothing = {Side.SAGE100: not (companies.rows or contacts.rows), Side.SSM: not any(r.rows for r in seen.values())}
    return Observation(
        companies.rows,
        contacts.rows,
        columns,
        identity,
        list(_now_seen(known.accounts, seen.get("accounts"), whole=whole).values()),
        _now_seen(known.contacts, seen.get("contacts"), whole=whole),
        seen[_TYPES].rows if _TYPES in seen and seen[_TYPES].complete else known.contact_types,
        failures,
        frozenset(side for side in failures if nothing[side]),
        whole,
        seen,
        {Side.SAGE100: len(contacts.rows), Side.SSM: len(seen["contacts"].rows) if "contacts" in seen else 0},
    )


def _read_sage(sage100: SageAccess) -> tuple[Mapping[str, Column], int | None, Reading, Reading]:
    try:
        columns, identity = sage100.columns(), sage100.last_identity()
    except SideFailedError as error:
        return {}, None, Reading([], failure=error.failure), Reading([])
    readings = sage100.read({"companies": None, "contacts": None})
    return columns, identity, readings["companies"], readings["contacts"]


def _read_ssm(ssm: SsmAccess, known: Remembered, *, whole: bool) -> tuple[dict[str, Reading], bool]:
    """Read SSM, whole if it is not known again; linked contacts not among what is seen are asked for by id (P10).

    Returns:
        The streams read, and whether they were read whole.
    """
    if not whole:
        sample = _sample(known)
        found = ssm.find(sample) if sample else Reading([])
        if found.failure:
            return {"contacts": Reading([], failure=found.failure)}, False
        told = of_ssm(known.contacts, found.rows)
        same_instance(told)
        whole = bool(sample) and not told.same
    seen = dict(ssm.read({**dict.fromkeys(_STREAMS), _TYPES: None} if whole else known.cursors))
    if whole and (failure := _doubtful(known, seen)):
        return {"contacts": Reading([], failure=failure)}, whole
    contacts = seen["contacts"]
    if not contacts.complete or (whole and not contacts.rows):
        return seen, whole
    shown = {row["id"] for row in contacts.rows} | (set() if whole else set(known.contacts))
    missing = [k.ssm_id for k in known.links if k.ssm_id not in shown and (whole or k.status is LinkStatus.ACTIVE)]
    if missing:
        found = ssm.find(missing)
        seen["contacts"] = Reading(contacts.rows + found.rows, contacts.state, found.failure)
    return seen, whole


def _doubtful(known: Remembered, seen: Mapping[str, Reading]) -> Failure | None:
    """Why a whole reading is to be taken for none: it broke off before any row came that was read before.

    Raises:
        ConfigurationError: the rows read are those of another instance.
    """
    read = {name: seen[name].rows if name in seen else [] for name in _STREAMS}
    contacts, accounts = of_ssm(known.contacts, read["contacts"]), of_ssm(known.accounts, read["accounts"])
    failure = next((reading.failure for reading in seen.values() if reading.failure), None)
    any_known = bool(known.contacts or known.accounts)
    same_instance(contacts, accounts, none_is_strange=any_known and failure is None)
    return failure if any_known and not (contacts.same or accounts.same) else None


def _now_seen(before: Mapping[int, Row], reading: Reading | None, *, whole: bool) -> dict[int, Row]:
    """What is known of a stream now: a complete whole read says it all, any other adds to what was known."""
    rows: dict[int, Row] = {row["id"]: row for row in reading.rows} if reading else {}
    return rows if whole and reading and reading.complete else {**before, **rows}


def _sample(known: Remembered) -> list[int]:
    """Some contacts seen before, others in each run, by which SSM is known again; linked ones if there are any."""
    linked = [k.ssm_id for k in known.links if k.status is LinkStatus.ACTIVE and k.ssm_id in known.contacts]
    seen = linked or [i for i, row in known.contacts.items() if not row.get("deleted")]
    return random.sample(seen, min(_SAMPLE, len(seen)))


def keep_identity(transaction: Transaction, identity: int) -> None:
    """Keep the highest ``cbMarq`` that Sage has given (P9)."""
    transaction.remember(_IDENTITY, identity)


def remember(transaction: Transaction, seen: Observation, database: str, now: datetime) -> None:
    """Keep what was seen of SSM, each cursor with the rows that it covers, and of which company database it was."""
    if Side.SAGE100 not in seen.failures:
        facts = {_DATABASE: database, _COMPANIES: remembered_companies(seen.companies)}
        for key, fact in facts.items():
            if fact and transaction.recall(key) != fact:
                transaction.remember(key, fact)
    for stream, reading in seen.readings.items():
        complete_whole = reading.complete and (seen.whole or stream == _TYPES)
        transaction.save_observed(stream, reading.rows, replace=complete_whole)
        if reading.complete and reading.state:
            transaction.save_cursor(stream, reading.state)
    if seen.whole and Side.SSM not in seen.failures:
        transaction.remember(_LAST_WHOLE, now.isoformat())
