"""What can be read and written within one transaction of the state."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from sage100_ssm.sync.journal import Entry, Kind, Subject
from sage100_ssm.sync.model import Intent, Link, LinkStatus
from sage100_ssm.sync.state import rows, tables
from sage100_ssm.sync.state.errors import AlreadyLinked
from sage100_ssm.sync.state.open_problems import standing_after
from sage100_ssm.sync.state.records import JournalEntry, RunRow, RunStatus

LIVING = frozenset({LinkStatus.ACTIVE, LinkStatus.ASLEEP})
"""The links whose contacts may not be linked again."""

_BATCH = 5000
"""Rows of an observation per statement: bounds memory, whatever the side's size."""


class Transaction:
    """One transaction, made by ``StateStore.transaction``. All or nothing of it is kept.

    On SQLite one transaction stands at a time: nothing slow (an HTTP call) belongs into it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def links(self, statuses: Collection[LinkStatus] = LIVING) -> list[Link]:
        """The links of these statuses, oldest first."""
        table = tables.links
        wanted = select(table).where(table.c.status.in_([status.value for status in statuses])).order_by(table.c.id)
        return [rows.link_of(row) for row in self._connection.execute(wanted)]

    def count_links(self) -> int:
        """How many living links there are."""
        living = tables.links.c.status.in_([status.value for status in LIVING])
        return self._connection.execute(select(func.count()).select_from(tables.links).where(living)).scalar_one()

    def save_link(self, link: Link) -> Link:
        """Keep a link, new where it has no key yet.

        Returns:
            The link with its key.

        Raises:
            AlreadyLinked: another living link holds one of its contacts; the transaction is to be given up.
        """
        try:
            return replace(link, id=self._save(tables.links, rows.link_row(link), link.id))
        except IntegrityError as error:
            raise AlreadyLinked(link.sage100_id, link.ssm_id) from error

    def park_link(self, link: Link) -> None:
        """Free the ``cbMarq`` of a living link, which is saved again with another one in the same transaction."""
        # No row of Sage has a negative id.
        self.save_link(replace(link, sage100_id=-link.sage100_id))

    def observed(self, stream: str) -> Iterator[dict[str, Any]]:
        """The rows last seen of an SSM stream, by id. To be consumed within the transaction."""
        table = tables.observations
        seen = select(table.c.data).where(table.c.stream == stream).order_by(table.c.id)
        yield from self._connection.scalars(seen, execution_options={"yield_per": _BATCH})

    def save_observed(self, stream: str, observed: Iterable[Mapping[str, Any]], *, replace: bool = False) -> None:
        """Keep rows as last seen, known again by their ``id``. Of a row given twice the later one counts.

        Args:
            stream: the SSM stream.
            observed: its rows.
            replace: the rows are all there are; those not given are forgotten.
        """
        table = tables.observations
        if replace:
            self._connection.execute(delete(table).where(table.c.stream == stream))
        one = delete(table).where(table.c.stream == stream, table.c.id == bindparam("seen"))
        for batch in _batches(observed):
            latest = {row["id"]: rows.observation_row(stream, row) for row in batch}
            self._connection.execute(one, [{"seen": id_} for id_ in latest])
            self._connection.execute(insert(table), list(latest.values()))

    def cursor(self, stream: str) -> dict[str, Any] | None:
        """The Airbyte state up to which a stream was read, or None."""
        state: dict[str, Any] | None = self.recall(f"cursor:{stream}")
        return state

    def save_cursor(self, stream: str, state: Mapping[str, Any]) -> None:
        """Keep the Airbyte state of a stream; in the same transaction as the rows that it covers."""
        self.remember(f"cursor:{stream}", dict(state))

    def recall(self, key: str) -> Any:
        """A small fact, or None if nothing is remembered under that key."""
        return self._connection.scalar(select(tables.facts.c.value).where(tables.facts.c.key == key))

    def remember(self, key: str, value: Any) -> None:
        """Keep a small JSON fact: the identity of a side, the last whole read, the highest ``cbMarq`` seen."""
        self._connection.execute(delete(tables.facts).where(tables.facts.c.key == key))
        self._connection.execute(insert(tables.facts).values(key=key, value=value))

    def intents(self) -> list[Intent]:
        """The creates whose outcome is not known, oldest first."""
        return [rows.intent_of(row) for row in self._connection.execute(select(tables.intents).order_by("id"))]

    def save_intent(self, intent: Intent) -> Intent:
        """Keep an intent, new where it has no key yet.

        Returns:
            The intent with its key.
        """
        return replace(intent, id=self._save(tables.intents, rows.intent_row(intent), intent.id))

    def close_intent(self, intent_id: int) -> None:
        """Forget an intent: what became of it is known."""
        self._connection.execute(delete(tables.intents).where(tables.intents.c.id == intent_id))

    def open_problems(self) -> list[JournalEntry]:
        """The problems that stand, oldest first."""
        return self._entries(select(tables.journal).where(tables.standing).order_by(tables.journal.c.id))

    def report_problems(
        self,
        entries: Iterable[Entry],
        *,
        now: datetime,
        run_id: str,
        keep: Callable[[JournalEntry], bool],
    ) -> tuple[int, int]:
        """Bring the open problems to what a run met: open the new, count the known, close those that are gone.

        Args:
            entries: the problems that the run met.
            now: the run's time.
            run_id: the run.
            keep: whether an open problem that the run did not meet stays open all the same.

        Returns:
            How many were opened and closed.
        """
        after = standing_after(self.open_problems(), entries, keep=keep)
        self._count_again(after.again, now)
        self._note(after.new, now, run_id)
        self._close(after.gone, now)
        return len(after.new), len(after.gone)

    def schedule(
        self, problem_id: int, *, tries: int, next_try_at: datetime | None, fingerprint: str | None = None
    ) -> None:
        """Say when the write that an open problem holds back is tried again.

        Args:
            problem_id: the journal's key of the problem.
            tries: how often it has failed.
            next_try_at: when it may be tried again; None for the next run.
            fingerprint: what was refused; another content may be tried at once.
        """
        pause = {"tries": tries, "next_try_at": next_try_at, "fingerprint": fingerprint}
        self._connection.execute(update(tables.journal).where(tables.journal.c.id == problem_id).values(pause))

    def add_notice(self, entry: Entry, *, now: datetime, run_id: str) -> None:
        """Note what was decided, once in a run for the same contact, field and values."""
        column = tables.journal.c
        same = [column[name].is_not_distinct_from(value) for name, value in _identity(entry).items()]
        noted = select(column.id).where(column.run_id == run_id, *same)
        if self._connection.scalar(noted.limit(1)) is None:
            self._note([entry], now, run_id)

    def announce(self, entries: Collection[Entry], *, now: datetime, run_id: str) -> list[int]:
        """Note what a write is about to decide, before it is tried: a value that it overwrites is then never lost.

        Announced notices are not in the journal before they are settled.

        Returns:
            Their keys, for ``settle``.
        """
        row = {"run_id": run_id, "first_seen": now, "last_seen": now, "count": 1, "tries": 0, "kind": tables.ANNOUNCED}
        return [self._save(tables.journal, rows.entry_row(entry) | row, None) for entry in entries]

    def announced(self) -> list[JournalEntry]:
        """The notices announced by writes of which it is not known what became, oldest first."""
        wanted = select(tables.journal).where(tables.journal.c.kind == tables.ANNOUNCED).order_by(tables.journal.c.id)
        return self._entries(wanted)

    def settle(self, announced: Collection[int], *, done: bool) -> None:
        """Put announced notices into the journal, or forget them: their write was done, or it was not."""
        chosen = tables.journal.c.id.in_(announced)
        if announced and done:
            self._connection.execute(update(tables.journal).where(chosen).values(kind=Kind.NOTICE.value))
        elif announced:
            self._connection.execute(delete(tables.journal).where(chosen))

    def journal(
        self, *, limit: int | None = None, open_only: bool = False, contact: Subject | None = None
    ) -> list[JournalEntry]:
        """The journal's entries, newest first.

        Args:
            limit: at most so many.
            open_only: only the problems that stand.
            contact: only what is about one of this contact's ids; of a subject without ids, its company.
        """
        told = tables.journal.c.kind != tables.ANNOUNCED
        wanted = select(tables.journal).where(told).order_by(tables.journal.c.id.desc()).limit(limit)
        if open_only:
            wanted = wanted.where(tables.standing)
        if contact is not None:
            wanted = wanted.where(_about(contact))
        return self._entries(wanted)

    def start_run(self, run: RunRow) -> None:
        """Record that a run begins. One that never ended is closed as failed: the lease says it is no more."""
        table = tables.runs
        abandoned = update(table).where(table.c.status == RunStatus.RUNNING.value)
        self._connection.execute(abandoned.values(status=RunStatus.FAILED.value, finished_at=run.started_at))
        self._connection.execute(insert(table).values(rows.run_row(run)))

    def finish_run(self, run: RunRow) -> None:
        """Record how a run ended."""
        ended = update(tables.runs).where(tables.runs.c.run_id == run.run_id)
        self._connection.execute(ended.values(rows.run_row(run)))

    def runs(self, limit: int | None = None) -> list[RunRow]:
        """The runs, newest first, at most ``limit``."""
        wanted = select(tables.runs).order_by(tables.runs.c.started_at.desc(), tables.runs.c.run_id.desc())
        return [rows.run_of(row) for row in self._connection.execute(wanted.limit(limit))]

    def _save(self, table: Table, row: dict[str, Any], key: int | None) -> int:
        """Insert a row, or update the one with that key; give its key back."""
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

    def _note(self, entries: Collection[Entry], now: datetime, run_id: str) -> None:
        seen = {"run_id": run_id, "first_seen": now, "last_seen": now, "count": 1, "tries": 0}
        if entries:
            self._connection.execute(insert(tables.journal), [rows.entry_row(entry) | seen for entry in entries])

    def _count_again(self, again: Mapping[int, Entry], now: datetime) -> None:
        table = tables.journal
        counted = update(table).where(table.c.id == bindparam("known")).values(count=table.c.count + 1)
        if again:
            self._connection.execute(
                counted, [rows.entry_row(entry) | {"known": id_, "last_seen": now} for id_, entry in again.items()]
            )

    def _close(self, gone: Collection[int], now: datetime) -> None:
        closed = update(tables.journal).where(tables.journal.c.id == bindparam("known")).values(closed_at=now)
        if gone:
            self._connection.execute(closed, [{"known": id_} for id_ in gone])


def _batches(observed: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    source = iter(observed)
    while batch := list(islice(source, _BATCH)):
        yield batch


def _identity(entry: Entry) -> dict[str, Any]:
    """The columns in which a notice noted twice is the same."""
    named = ("code", "company", "sage100_id", "ssm_id", "field", "sage100_value", "ssm_value")
    row = rows.entry_row(entry)
    return {name: row[name] for name in named}


def _about(contact: Subject) -> ColumnElement[bool]:
    column = tables.journal.c
    if contact.sage100_id is None and contact.ssm_id is None:
        return column.company == contact.company
    named = {"sage100_id": contact.sage100_id, "ssm_id": contact.ssm_id}
    return or_(*(column[name] == value for name, value in named.items() if value is not None))
