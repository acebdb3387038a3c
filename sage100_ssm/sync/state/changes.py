"""What was stored or changed since an earlier look at the state, for whoever copies it elsewhere."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, or_, select

from sage100_ssm.sync.state import rows, tables
from sage100_ssm.sync.state.records import JournalEntry, RunRow, WriteRecord

_BATCH = 5000
"""Rows that are read at once."""
_LATE_COMMITS = 100
"""How far below the highest id a missing one may still be on its way: ids are given before a transaction commits."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a table with rising ids was read.

    Attributes:
        last: the highest id that was there.
        pending: ids below it that are to be looked at again: of rows whose outcome was not known, and of rows that
            may not have been committed yet.
    """

    last: int = 0
    pending: frozenset[int] = frozenset()

    def after(self, seen: Collection[int], unsettled: Collection[int]) -> "Position":
        """The position once all rows since this one were read.

        Args:
            seen: the ids of all rows that were there.
            unsettled: those of them whose outcome is not known yet.
        """
        last = max(self.last, max(seen, default=0))
        missing = set(range(max(self.last, last - _LATE_COMMITS) + 1, last + 1)) - set(seen)
        return Position(last, frozenset(missing | set(unsettled)))


@dataclass(frozen=True, slots=True)
class ChangedEntry:
    """An entry of the journal.

    Attributes:
        known: the entry.
        run_id: the run that first reported it.
        is_pending: whether it is the notice of a write that has no receipt yet, which the journal does not show.
    """

    known: JournalEntry
    run_id: str
    is_pending: bool


class StoredChanges:
    """What changed in the tables of a state, within a transaction.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newest_run_id(self) -> str | None:
        """The name of the newest run; None where there is none."""
        number = tables.runs.c.number
        return self._connection.scalar(select(tables.runs.c.run_id).order_by(number.desc()).limit(1))

    def has_run(self, run_id: str | None) -> bool:
        """Whether this state has a run of that name."""
        wanted = select(tables.runs.c.run_id).where(tables.runs.c.run_id == run_id)
        return self._connection.scalar(wanted) is not None

    def runs(self, after: int) -> Iterator[tuple[int, RunRow]]:
        """The runs with a higher number, each with its number, oldest first."""
        number = tables.runs.c.number
        for row in self._read(select(tables.runs).where(number > after).order_by(number)):
            yield row.number, rows.run_of(row)

    def writes(self, since: Position) -> Iterator[WriteRecord]:
        """The writes since a position, and the pending ones, oldest first; also those that are not confirmed."""
        for row in self._read(_since(tables.writes, since)):
            yield rows.write_record_of(row)

    def entries(self, since: Position, closed: datetime, forgotten: datetime) -> Iterator[ChangedEntry]:
        """The journal's entries that are new, or were closed or forgotten, since an earlier reading, oldest first.

        Args:
            since: the position of that reading.
            closed: also the problems that were closed since then.
            forgotten: also the entries that were forgotten since then.
        """
        column = tables.journal.c
        were_closed = and_(tables.is_settled_and_kept, column.settled_at >= closed, column.closed_at.is_not(None))
        wanted = _since(tables.journal, since, were_closed, column.forgotten_at >= forgotten)
        for row in self._read(wanted):
            yield ChangedEntry(rows.journal_entry_of(row), row.run_id, row.kind == tables.PENDING_NOTICE)

    def _read(self, wanted: Select[Any]) -> Iterator[Row[Any]]:
        yield from self._connection.execute(wanted, execution_options={"yield_per": _BATCH})


def _since(table: Table, position: Position, *more: ColumnElement[bool]) -> Select[Any]:
    id_ = table.c.id
    return select(table).where(or_(id_ > position.last, id_.in_(position.pending), *more)).order_by(id_)
