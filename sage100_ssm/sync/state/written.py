"""What was written on the sides: a record is stored before each write is tried, and confirmed with its receipt."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, true, update

from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.rules.decisions import Pair, Undo
from sage100_ssm.sync.state import rows, tables
from sage100_ssm.sync.state.records import WriteRecord

_write = tables.writes.c


class StoredWrites:
    """The records of writes within a transaction of the state.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, record: WriteRecord) -> WriteRecord:
        """Insert a record that has no key yet, or update the one with its key.

        Returns:
            The record with its key.
        """
        row = rows.write_row(record)
        if record.id is not None:
            self._connection.execute(update(tables.writes).where(_write.id == record.id).values(row))
            return record
        inserted = self._connection.execute(insert(tables.writes), row).inserted_primary_key
        assert inserted is not None, "one row was inserted"
        return replace(record, id=int(inserted[0]))

    def discard(self, ids: Collection[int]) -> None:
        """Delete the records of writes that were not done."""
        if ids:
            self._connection.execute(delete(tables.writes).where(_write.id.in_(ids)))

    def in_doubt(self) -> list[WriteRecord]:
        """The writes whose outcome is not known, oldest first."""
        return self._records(tables.is_in_doubt, newest_first=False)

    def of_contact(self, contact: Subject) -> list[WriteRecord]:
        """The writes of a contact by any of its ids, newest first."""
        named = ((_write.sage100_id, contact.sage100_id), (_write.ssm_id, contact.ssm_id))
        conditions = [column == id_ for column, id_ in named if id_ is not None]
        return self._records(or_(*conditions)) if conditions else []

    def of_run(self, run_id: str) -> list[WriteRecord]:
        """The writes of a run, newest first."""
        return self._records(_write.run_id == run_id)

    def all(self, limit: int | None = None) -> list[WriteRecord]:
        """Every write, newest first; at most ``limit``."""
        return self._records(true(), limit)

    def find(self, id_: int) -> WriteRecord | None:
        """The write of that number; None if there is none."""
        return next(iter(self._records(_write.id == id_)), None)

    def ask_undo(self, id_: int, fields: Collection[str]) -> None:
        """Store that a person asked fields of a write back, beside those asked before; the next run acts on it."""
        before = self._connection.scalar(select(_write.undo).where(_write.id == id_).with_for_update()) or ()
        asked = sorted({*before, *fields})
        self._connection.execute(update(tables.writes).where(_write.id == id_).values(undo=asked))

    def undos(self) -> dict[Pair, Undo]:
        """What people asked back, by the pair of contacts; the last of several about one pair."""
        found = {}
        wanted = select(tables.writes).where(tables.is_to_undo).order_by(_write.id)
        for row in self._connection.execute(wanted):
            record, fields = rows.write_record_of(row), row.undo
            values = {name: (c.before, c.after) for name, c in record.changes.items() if name in fields}
            if row.sage100_id is not None and row.ssm_id is not None:
                found[Pair(row.sage100_id, row.ssm_id)] = Undo(row.id, record.side, values)
        return found

    def close_undos(self, ids: Collection[int]) -> None:
        """What was asked back is done, or cannot be any more."""
        if ids:
            self._connection.execute(update(tables.writes).where(_write.id.in_(ids)).values(undo=None))

    def _records(
        self, condition: ColumnElement[bool], limit: int | None = None, *, newest_first: bool = True
    ) -> list[WriteRecord]:
        order = _write.id.desc() if newest_first else _write.id
        wanted = select(tables.writes).where(condition).order_by(order).limit(limit)
        return [rows.write_record_of(row) for row in self._connection.execute(wanted)]
