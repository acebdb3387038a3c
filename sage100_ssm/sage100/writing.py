"""Writing contacts: each decision and its write in one transaction, read back before it is committed.

Between the comparison and the write, nobody else changes the row (P11): it is read with an update lock (UPDLOCK). A
server may ignore that hint, so the values that were compared are also in the `WHERE` of the write, byte for byte.
Nothing relies on a row count, which may be a trigger's: the row that is read back shows whether the write was done.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import (
    VARBINARY,
    ColumnElement,
    Connection,
    CursorResult,
    Delete,
    Insert,
    LargeBinary,
    Select,
    String,
    Update,
    and_,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)

from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.errors import DeadlockError, LockedError, Refusal, RefusedError
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT

ResultT = TypeVar("ResultT")
Values = Mapping[str, str | int]
"""Columns with their values as `Database.stored` returns them."""

NAME = ("CT_Num", "CT_Nom", "CT_Prenom")
"""Unique together in F_CONTACTT, byte for byte, null being equal to '' (index ICT_NOM, P12)."""

_ATTEMPTS = 8
# What another writer can cause between our read and our write: the next attempt sees its row.
_RACES = frozenset({Refusal.DUPLICATE_NAME, Refusal.DUPLICATE_NUMBER})
_ZERO_IF_NEW = ("N_Service", "N_Contact", "CT_Civilite")
_Stored = Mapping[str, bytes | int | None]
"""Columns with what the database holds: of a text the bytes."""
_BYTES = VARBINARY(8000).with_variant(LargeBinary(), "sqlite")


class DuplicateError(RefusedError):
    """Another contact of the company has that last and first name.

    Attributes:
        row: the contact in the way.
    """

    def __init__(self, row: Record) -> None:
        super().__init__(Refusal.DUPLICATE_NAME, "a contact of this company, last and first name exists")
        self.row = row


class ChangedMeanwhileError(LockedError):
    """Somebody changed the contact between the comparison and the write. The same again compares with what is there."""

    def __init__(self) -> None:
        super().__init__("the contact is being changed by somebody else")


class Contacts:
    """The contacts of a database, within one transaction that writes.

    Args:
        database: the database.
        connection: the transaction's connection.
        rewritten: by `cbMarq`, what a contact read back as in an earlier attempt, where that was not what was written.
    """

    def __init__(
        self, database: Database, connection: Connection, rewritten: dict[int, Mapping[str, Any]] | None = None
    ) -> None:
        self._database, self._connection = database, connection
        self._layout = database.layout(F_CONTACTT)
        self._rewritten = {} if rewritten is None else rewritten
        self._texts = [name for name, column in self._layout.writable.items() if isinstance(column.type, String)]
        self._as_stored: dict[int, _Stored] = {}

    def get(self, marq: int) -> Record | None:
        """The contact of a `cbMarq`, locked; None if there is none."""
        return next(self._records(self._query().where(F_CONTACTT.c.cbMarq == marq)), None)

    def named(self, name: Mapping[str, Any]) -> Record | None:
        """The contact of a company, last and first name, byte for byte, locked; None if there is none."""
        columns = [column for column in NAME if column in self._layout.columns]
        # The server compares by its collation, which may ignore case and accents: more rows than the index means.
        query = self._query().where(
            F_CONTACTT.c.CT_Num == name["CT_Num"], func.coalesce(F_CONTACTT.c.CT_Nom, "") == (name["CT_Nom"] or "")
        )
        wanted = [name.get(column) or "" for column in columns]
        return next((row for row in self._records(query) if [row[c] or "" for c in columns] == wanted), None)

    def company(self, code: str) -> str | None:
        """A company code in the form that F_COMPTET stores (P8); None if there is no such company."""
        column = F_COMPTET.c.CT_Num
        for condition in (column == code, self._database.same_code(column, code)):
            if found := self._connection.execute(select(column).where(condition)).scalar():
                return str(found)
        return None

    def insert(self, values: Values, number: int | None) -> Record:
        """Create a contact. Texts without a value are '', codes 0; the cb columns are left to their defaults.

        Args:
            values: its values; `CT_Num` in the form that F_COMPTET stores.
            number: the `CT_No` that it gets if that is free; else it gets the next one.

        Returns:
            The contact as it reads back.

        Raises:
            DuplicateError: a contact of that name exists.
            RefusedError: the database refused it.
        """
        if existing := self.named(values):
            raise DuplicateError(existing)
        row = self._empty_values() | dict(values) | self._number(number) | dict(self._database.write_stamps(new=True))
        result = self._write(insert(F_CONTACTT).values(row))
        assert result.inserted_primary_key is not None
        return self._read_back(int(result.inserted_primary_key[0]))

    def update(self, row: Record, changed: Values, compared: Collection[str] = ()) -> Record:
        """Change columns of a contact, and its `cbModification`, if it still is as it was read.

        Args:
            row: the contact as it was read in this transaction.
            changed: the columns to change; `CT_Num` in the form that F_COMPTET stores.
            compared: the other columns on whose values the change was decided.

        Returns:
            The contact as it reads back.

        Raises:
            ChangedMeanwhileError: one of these columns has another value now.
            DuplicateError: another contact has the new name.
            RefusedError: the database refused it.
        """
        marq = int(row["cbMarq"])
        # Before the look for a namesake, which may read this row again.
        seen, names = self._as_stored[marq], {*changed, *compared}
        existing = None if changed.keys().isdisjoint(NAME) else self.named({**row, **changed})
        if existing is not None and existing["cbMarq"] != marq:
            raise DuplicateError(existing)
        stamped = {**changed, **self._database.write_stamps(new=False)}
        self._write(update(F_CONTACTT).where(self._still_holds(marq, seen, names)).values(stamped))
        now = self.get(marq)
        if now is None:
            raise ChangedMeanwhileError
        reads = {name: now[name] for name in changed}
        if reads != changed and not self._is_as_seen(marq, seen, names) and reads != self._rewritten.get(marq):
            # Either somebody else's values, and nothing was written, or what a trigger made of ours. Undone and tried
            # again, the first is found by the comparison; the second reads back the same.
            self._rewritten[marq] = reads
            raise ChangedMeanwhileError
        return now

    def delete(self, row: Record) -> None:
        """Delete a contact, if it still is as it was read, in every column that a user can edit.

        Args:
            row: the contact as it was read in this transaction.

        Raises:
            ChangedMeanwhileError: it is another one now.
            RefusedError: the database refused it, or the contact still exists afterwards.
        """
        marq = int(row["cbMarq"])
        seen, names = self._as_stored[marq], self._layout.writable
        self._write(delete(F_CONTACTT).where(self._still_holds(marq, seen, names)))
        if self.get(marq) is None:
            return
        if self._is_as_seen(marq, seen, names):
            raise RefusedError(Refusal.OTHER, "the contact is still there after its deletion")
        raise ChangedMeanwhileError

    def _still_holds(self, marq: int, seen: _Stored, names: Collection[str]) -> ColumnElement[bool]:
        """The condition that a contact holds in these columns what was seen, byte for byte."""
        conditions = [F_CONTACTT.c.cbMarq == marq]
        for name, column in self._layout.writable.items():
            if name in names:
                value = seen[name]
                stored = cast(column, _BYTES) if name in self._texts else column
                conditions.append(column.is_(None) if value is None else stored == value)
        return and_(*conditions)

    def _is_as_seen(self, marq: int, seen: _Stored, names: Collection[str]) -> bool:
        """Whether a contact, as it was read last, holds in these columns what was seen."""
        return all(value == self._as_stored[marq][name] for name, value in seen.items() if name in names)

    def _write(self, statement: Insert | Update | Delete) -> CursorResult[Any]:
        self._database.before_write()
        return self._connection.execute(statement)

    def _query(self) -> Select[Any]:
        columns = self._layout.columns
        # Of the texts the bytes, too: `=` compares by the collation, without trailing blanks and often without case.
        stored = (cast(columns[name], _BYTES).label(f"{name}_bytes") for name in self._texts)
        return select(*columns.values(), *stored).with_hint(F_CONTACTT, "WITH (UPDLOCK)", "mssql")

    def _records(self, query: Select[Any]) -> Iterator[Record]:
        for row in self._connection.execute(query).all():
            record = self._database.record(F_CONTACTT, row)
            stored = dict(zip(self._texts, row[-len(self._texts) :], strict=True))
            self._as_stored[record["cbMarq"]] = {name: record[name] for name in self._layout.writable} | stored
            yield record

    def _read_back(self, marq: int) -> Record:
        if (row := self.get(marq)) is None:
            raise RefusedError(Refusal.OTHER, f"the contact {marq} cannot be read back after the write")
        return row

    def _empty_values(self) -> dict[str, Any]:
        """A new contact's values where none are given, as Sage writes them."""
        # docs/facts/sage100.md, "A contact that Sage shows properly".
        columns = self._layout.writable
        texts = {name: "" for name, column in columns.items() if isinstance(column.type, String)}
        return texts | {name: 0 for name in _ZERO_IF_NEW if name in columns}

    def _number(self, number: int | None) -> dict[str, int]:
        """The `CT_No` of a new contact: the given one if it is free, else the next."""
        # Whether a trigger would give one is not known (docs/facts/sage100.md, "CT_No").
        column = F_CONTACTT.c.CT_No
        if column.name not in self._layout.columns:
            return {}
        if number and self._connection.execute(select(column).where(column == number)).first() is None:
            return {column.name: number}
        highest = select(func.coalesce(func.max(column), 0)).with_hint(F_CONTACTT, "WITH (UPDLOCK, HOLDLOCK)", "mssql")
        return {column.name: self._connection.execute(highest).scalar_one() + 1}


def in_transaction(database: Database, work: Callable[[Contacts], ResultT]) -> ResultT:
    """Do a piece of work in a transaction of its own, rolled back where it raises.

    It is repeated at once, a few times, after a deadlock, where somebody changed the contact before it was written, and
    where another writer has just taken a name or a number.

    Raises:
        SageError: the last attempt's error.
    """
    rewritten: dict[int, Mapping[str, Any]] = {}
    for _ in range(_ATTEMPTS - 1):
        try:
            return _attempt(database, work, rewritten)
        except (DeadlockError, ChangedMeanwhileError):
            continue
        except RefusedError as error:
            if isinstance(error, DuplicateError) or error.refusal not in _RACES:
                raise
    return _attempt(database, work, rewritten)


def _attempt(
    database: Database, work: Callable[[Contacts], ResultT], rewritten: dict[int, Mapping[str, Any]]
) -> ResultT:
    with database.writing() as connection:
        return work(Contacts(database, connection, rewritten))
