"""What can be read and written within one transaction of the state."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from sage100_ssm.exchange.reading import IdRange
from sage100_ssm.sync.journal import Entry, Kind, Subject
from sage100_ssm.sync.model import Intent, Link, LinkStatus, Side
from sage100_ssm.sync.policy import Retention
from sage100_ssm.sync.state import at_rest, forgetting, observed, rows, tables
from sage100_ssm.sync.state.changes import StoredChanges
from sage100_ssm.sync.state.decisions import StoredDecisions
from sage100_ssm.sync.state.errors import AlreadyLinked
from sage100_ssm.sync.state.forgetting import StoredPerson
from sage100_ssm.sync.state.lookups import StoredLookups
from sage100_ssm.sync.state.observed import ObservedRow
from sage100_ssm.sync.state.open_problems import problem_changes
from sage100_ssm.sync.state.records import JournalEntry, LinkCounts, RunRow, RunStatus
from sage100_ssm.sync.state.searching import StoredContacts
from sage100_ssm.sync.state.written import StoredWrites

LIVE = frozenset({LinkStatus.ACTIVE, LinkStatus.ASLEEP})
"""The statuses of a live link: one that has not ended. A contact has one live link at most."""

_BATCH = 5000
"""Links that are read at once: bounds the memory for any number of them."""


class Transaction:
    """One transaction, made by ``StateStore.transaction``: committed whole or not at all.

    SQLite has one writing transaction at a time: nothing slow (an HTTP call) belongs into one.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def changes(self) -> StoredChanges:
        """What was stored or changed since an earlier look."""
        return StoredChanges(self._connection)

    @property
    def decisions(self) -> StoredDecisions:
        """What people decided (P16)."""
        return StoredDecisions(self._connection)

    @property
    def lookup(self) -> StoredLookups:
        """Links, and rows of SSM, by what a run has of them."""
        return StoredLookups(self._connection)

    @property
    def search(self) -> StoredContacts:
        """Contacts looked for by what is stored of them."""
        return StoredContacts(self._connection)

    @property
    def writes(self) -> StoredWrites:
        """What was written on the sides."""
        return StoredWrites(self._connection)

    # --- links and intents

    def links(self, statuses: Collection[LinkStatus] = LIVE) -> list[Link]:
        """The links of these statuses, oldest first."""
        table = tables.links
        wanted = select(table).where(table.c.status.in_([status.value for status in statuses])).order_by(table.c.id)
        return [rows.link_of(row) for row in self._connection.execute(wanted)]

    def newest_links(self, limit: int | None = None) -> Iterator[Link]:
        """The live links, newest first, read while they are consumed; at most ``limit``."""
        table = tables.links
        wanted = select(table).where(tables.is_live).order_by(table.c.id.desc()).limit(limit)
        for row in self._connection.execute(wanted, execution_options={"yield_per": _BATCH}):
            yield rows.link_of(row)

    def count_links(self) -> LinkCounts:
        """The numbers of live links, from an index: no link is read."""
        status, origin = tables.links.c.status, tables.links.c.origin
        counted = select(status, origin, func.count()).where(tables.is_live).group_by(status, origin)
        return LinkCounts({(LinkStatus(s), Side(o)): number for s, o, number in self._connection.execute(counted)})

    def save_link(self, link: Link, now: datetime | None = None) -> Link:
        """Insert a link that has no key yet, or update the one with its key.

        Args:
            link: the link.
            now: the time from which a new link is there; None where it is not known.

        Returns:
            The link with its key.

        Raises:
            AlreadyLinked: one of its contacts has another live link; the transaction must be rolled back.
            LookupError: there is no link with its key.
        """
        try:
            since = {"linked_at": now} if link.id is None else {}
            return replace(link, id=self._save(tables.links, rows.link_row(link) | since, link.id))
        except IntegrityError as error:
            raise AlreadyLinked(link.sage100_id, link.ssm_id) from error

    def linked_since(self, link: Link) -> datetime | None:
        """Since when a link has been there; None where an earlier version made it."""
        since: datetime | None = self._connection.scalar(
            select(tables.links.c.linked_at).where(tables.links.c.id == link.id)
        )
        return since

    def add_links(self, links: Sequence[Link], now: datetime | None = None) -> list[Link]:
        """Insert many links that have no key yet, in a few statements.

        Args:
            links: the links.
            now: the time from which they are there; None where it is not known.

        Returns:
            The links with their keys.

        Raises:
            AlreadyLinked: a contact of one of them has another live link; the transaction must be rolled back.
        """
        if not links:
            return []
        adding = insert(tables.links).returning(tables.links.c.id, sort_by_parameter_order=True)
        try:
            keys = self._connection.scalars(adding, [rows.link_row(link) | {"linked_at": now} for link in links]).all()
        except IntegrityError as error:
            raise AlreadyLinked(links[0].sage100_id, links[0].ssm_id) from error
        return [replace(link, id=key) for link, key in zip(links, keys, strict=True)]

    def release_contacts(self, link: Link) -> None:
        """Let other links have the contacts of a live link, which must be saved again in the same transaction."""
        # Of an ended link the unique indexes take no notice.
        self.save_link(replace(link, status=LinkStatus.ENDED))

    def intents(self) -> list[Intent]:
        """The creations whose outcome is not known, oldest first."""
        return [rows.intent_of(row) for row in self._connection.execute(select(tables.intents).order_by("id"))]

    def save_intent(self, intent: Intent) -> Intent:
        """Insert an intent that has no key yet, or update the one with its key.

        Returns:
            The intent with its key.

        Raises:
            LookupError: there is no intent with its key.
        """
        return replace(intent, id=self._save(tables.intents, rows.intent_row(intent), intent.id))

    def close_intent(self, intent_id: int) -> None:
        """Delete an intent: the outcome of its creation is known."""
        self._connection.execute(delete(tables.intents).where(tables.intents.c.id == intent_id))

    # --- what was observed, and small facts

    def observed(self, stream: str) -> Iterator[dict[str, Any]]:
        """The rows of an SSM stream as they were last read, by id. To be consumed within the transaction."""
        return observed.observed(self._connection, stream)

    def save_observed(
        self, stream: str, read: Iterable[Mapping[str, Any]], *, replace: bool = False, code_field: str = "extId"
    ) -> None:
        """Store rows as they were read; those that are stored already are not written again.

        Of two rows with the same ``id`` the later one counts. Of a contact that SSM shows as deleted, and that nothing
        needs any more, ids and flags alone are stored (P17).

        Args:
            stream: the SSM stream.
            read: its rows.
            replace: the rows are all there are: others that are stored are forgotten.
            code_field: the account field that contains the ``CT_Num``.
        """
        if replace:
            read = list(read)
            self.forget_unobserved(stream, {row["id"] for row in read})
        observed.save(self._connection, stream, read, code_field)

    def rekey_observed(self, code_field: str, after: ObservedRow | None = None) -> ObservedRow | None:
        """Find anew what rows of SSM are looked up by, as many as one short transaction takes.

        Args:
            code_field: the account field that contains the ``CT_Num`` now.
            after: the last row of the part before; None for the first part.

        Returns:
            The last row of this part; None where no row was left.
        """
        return observed.rekey(self._connection, code_field, after)

    def forget_unobserved(self, stream: str, seen: Collection[int], within: IdRange | None = None) -> None:
        """Forget the rows whose ids a whole reading did not show.

        Args:
            stream: the SSM stream.
            seen: the ids that it showed.
            within: the ids of which it showed every row; None for all.
        """
        observed.forget_all_but(self._connection, stream, seen, within or IdRange())

    def forget_observed(self, stream: str, id_: int) -> None:
        """Forget a row that the side does not show any more."""
        observed.forget(self._connection, stream, [id_])

    def cursor(self, stream: str) -> dict[str, Any] | None:
        """The Airbyte state up to which a stream was read; None if it never was."""
        state: dict[str, Any] | None = self.recall(f"cursor:{stream}")
        return state

    def save_cursor(self, stream: str, state: Mapping[str, Any]) -> None:
        """Store the Airbyte state of a stream, in the same transaction as the rows that it covers."""
        self.remember(f"cursor:{stream}", dict(state))

    def recall(self, key: str) -> Any:
        """The JSON value stored under a key; None if there is none."""
        return self._connection.scalar(select(tables.facts.c.value).where(tables.facts.c.key == key))

    def remember(self, key: str, value: Any) -> None:
        """Store a small JSON value under a key: the time of the last whole read, the highest ``cbMarq`` ever given."""
        self._connection.execute(delete(tables.facts).where(tables.facts.c.key == key))
        self._connection.execute(insert(tables.facts).values(key=key, value=value))

    # --- companies at rest

    def companies(self) -> Iterator[tuple[str, int | None]]:
        """Every company that is known, with the digest that vouches for it; None for one that must be looked at."""
        return at_rest.digests(self._connection)

    def settle_companies(self, settled: Mapping[str, int]) -> None:
        """Store the digests of companies about which a run had nothing to do."""
        at_rest.settle(self._connection, settled)

    def unsettle_companies(self, keys: Iterable[str] | None = None) -> None:
        """Let the next run look at companies; None for all of them."""
        if keys is None:
            at_rest.unsettle_all(self._connection)
        else:
            at_rest.unsettle(self._connection, keys)

    # --- the journal

    def open_problems(self) -> list[JournalEntry]:
        """The open problems, oldest first."""
        return self._entries(select(tables.journal).where(tables.is_open_problem).order_by(tables.journal.c.id))

    def journal_entry(self, entry_id: int) -> JournalEntry | None:
        """The entry of that number; None if there is none."""
        found = self._entries(select(tables.journal).where(tables.journal.c.id == entry_id))
        return found[0] if found else None

    def report_problems(
        self,
        entries: Iterable[Entry],
        *,
        now: datetime,
        run_id: str,
        keep: Callable[[JournalEntry], bool],
    ) -> tuple[int, int]:
        """Bring the open problems up to date: open the new ones, count those met again, close those that are gone.

        Args:
            entries: the problems that the run met.
            now: the run's time.
            run_id: the run.
            keep: whether an open problem that the run did not meet stays open, because the run did not look at it.

        Returns:
            How many were opened, and how many closed.
        """
        changes = problem_changes(self.open_problems(), entries, keep=keep)
        known = update(tables.journal).where(tables.journal.c.id == bindparam("known"))
        if changes.again:
            again = [rows.entry_row(entry) | {"known": id_, "last_seen": now} for id_, entry in changes.again.items()]
            self._connection.execute(known.values(count=tables.journal.c.count + 1), again)
        if changes.closed:
            closing = known.values(closed_at=now, settled_at=now)
            self._connection.execute(closing, [{"known": id_} for id_ in changes.closed])
        self._insert_entries(changes.opened, _first_time(now, run_id))
        return len(changes.opened), len(changes.closed)

    def schedule(
        self, problem_id: int, *, tries: int, next_try_at: datetime | None, fingerprint: str | None = None
    ) -> None:
        """Store when the write that an open problem holds back is tried again.

        Args:
            problem_id: the journal's key of the problem.
            tries: how often the write has failed.
            next_try_at: when it may be tried again; None for the next run.
            fingerprint: a digest of what was refused; a write of other values is tried at once.
        """
        backoff = {"tries": tries, "next_try_at": next_try_at, "fingerprint": fingerprint}
        self._connection.execute(update(tables.journal).where(tables.journal.c.id == problem_id).values(backoff))

    def add_notice(self, entry: Entry, *, now: datetime, run_id: str) -> None:
        """Add a notice to the journal, once in a run for the same contact, field and values."""
        column, row = tables.journal.c, rows.entry_row(entry)
        compared = ("code", "company", "sage100_id", "ssm_id", "field", "sage100_value", "ssm_value")
        same = [column[name].is_not_distinct_from(row[name]) for name in compared]
        if self._connection.scalar(select(column.id).where(column.run_id == run_id, *same).limit(1)) is None:
            self._insert_entries([entry], _first_time(now, run_id) | {"settled_at": now})

    def add_pending_notices(self, entries: Collection[Entry], *, now: datetime, run_id: str) -> list[int]:
        """Store the notices of a write before it is tried: the value that it overwrites cannot be lost then.

        The journal shows a pending notice only once it is known that its write was done.

        Returns:
            Their keys, for ``resolve_pending_notices``.
        """
        added = _first_time(now, run_id) | {"kind": tables.PENDING_NOTICE}
        return [self._save(tables.journal, rows.entry_row(entry) | added, None) for entry in entries]

    def pending_notices(self) -> list[JournalEntry]:
        """The notices of writes whose outcome is not known, oldest first."""
        is_pending = tables.journal.c.kind == tables.PENDING_NOTICE
        return self._entries(select(tables.journal).where(is_pending).order_by(tables.journal.c.id))

    def resolve_pending_notices(self, keys: Collection[int], *, done: bool) -> None:
        """Make pending notices notices of the journal if their write was done, and delete them if it was not."""
        chosen = tables.journal.c.id.in_(keys)
        if keys and done:
            notice = {"kind": Kind.NOTICE.value, "settled_at": tables.journal.c.first_seen}
            self._connection.execute(update(tables.journal).where(chosen).values(notice))
        elif keys:
            self._connection.execute(delete(tables.journal).where(chosen))

    def journal(
        self, *, limit: int | None = None, open_only: bool = False, contact: Subject | None = None
    ) -> list[JournalEntry]:
        """The journal's entries, newest first.

        Args:
            limit: at most so many.
            open_only: only the open problems.
            contact: only what is about one of this contact's ids; of a subject without ids, about its company.
        """
        is_shown = tables.journal.c.kind != tables.PENDING_NOTICE
        wanted = select(tables.journal).where(is_shown).order_by(tables.journal.c.id.desc()).limit(limit)
        if open_only:
            wanted = wanted.where(tables.is_open_problem)
        if contact is not None:
            wanted = wanted.where(_about(contact))
        return self._entries(wanted)

    # --- what is forgotten of people (P17)

    def forget_expired(self, retention: Retention, now: datetime) -> int:
        """Forget the names and values of ended links, closed problems and notices whose time is over.

        Returns:
            How many those were.
        """
        return forgetting.forget_expired(self._connection, retention, now)

    def ids_of_person(self, contact: Subject) -> tuple[frozenset[int], frozenset[int]]:
        """Every ``cbMarq`` and every SSM id that the person has had who a contact is, as far as links show it."""
        return forgetting.ids_of_person(self._connection, contact)

    def stored_person(self, contact: Subject) -> StoredPerson:
        """All that the state has of the person that a contact with an id is."""
        return forgetting.stored_person(self._connection, contact)

    def forget_person(self, person: StoredPerson, now: datetime) -> None:
        """Forget a person at once. If a side still has the contact, the next run takes it for one without a link."""
        forgetting.forget_person(self._connection, person, now)

    # --- runs

    def start_run(self, run: RunRow) -> None:
        """Record that a run begins, and that any run without an end has failed."""
        table = tables.runs
        # This run has the lease, so no other can still be running: it was killed.
        abandoned = update(table).where(table.c.status == RunStatus.RUNNING.value)
        self._connection.execute(abandoned.values(status=RunStatus.FAILED.value, finished_at=run.started_at))
        # Numbered: a clock that is put back would make an earlier run the last one.
        number = select(func.coalesce(func.max(table.c.number), 0) + 1).scalar_subquery()
        self._connection.execute(insert(table).values(**rows.run_row(run), number=number))

    def finish_run(self, run: RunRow) -> None:
        """Record how a run ended."""
        ended = update(tables.runs).where(tables.runs.c.run_id == run.run_id)
        self._connection.execute(ended.values(rows.run_row(run)))

    def runs(self, limit: int | None = None) -> list[RunRow]:
        """The runs, the one that began last first, whatever the clock said; at most ``limit``."""
        wanted = select(tables.runs).order_by(tables.runs.c.number.desc())
        return [rows.run_of(row) for row in self._connection.execute(wanted.limit(limit))]

    # --- rows

    def _save(self, table: Table, row: dict[str, Any], key: int | None) -> int:
        """Insert a row, or update the one with that key; return its key."""
        if key is None:
            inserted = self._connection.execute(insert(table), row).inserted_primary_key
            assert inserted is not None, "one row was inserted"
            return int(inserted[0])
        known = update(table).where(table.c.id == bindparam("known"))
        if self._connection.execute(known, row | {"known": key}).rowcount != 1:
            raise LookupError(f"{table.name} has no row {key}")
        return key

    def _entries(self, wanted: Select[Any]) -> list[JournalEntry]:
        return [rows.journal_entry_of(row) for row in self._connection.execute(wanted)]

    def _insert_entries(self, entries: Collection[Entry], added: dict[str, Any]) -> None:
        if entries:
            self._connection.execute(insert(tables.journal), [rows.entry_row(entry) | added for entry in entries])


def _first_time(now: datetime, run_id: str) -> dict[str, Any]:
    """The columns of an entry that a run adds to the journal."""
    return {"run_id": run_id, "first_seen": now, "last_seen": now, "count": 1, "tries": 0}


def _about(contact: Subject) -> ColumnElement[bool]:
    column = tables.journal.c
    if contact.sage100_id is None and contact.ssm_id is None:
        return column.company == contact.company
    named = {"sage100_id": contact.sage100_id, "ssm_id": contact.ssm_id}
    return or_(*(column[name] == value for name, value in named.items() if value is not None))
