"""Writing contacts: each decision and its write in one transaction, read back before it is committed.

Nothing relies on a row count, which may be a trigger's. What is read before a write is read with an update lock
(UPDLOCK), so that nobody changes the row between the comparison and the write (P11).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    CursorResult,
    Delete,
    Insert,
    Select,
    String,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)

from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.errors import DeadlockError, Refusal, RefusedError
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


class DuplicateError(RefusedError):
    """Another contact of the company has that last and first name.

    Attributes:
        row: the contact in the way.
    """

    def __init__(self, row: Record) -> None:
        super().__init__(Refusal.DUPLICATE_NAME, "a contact of this company, last and first name exists")
        self.row = row


class Contacts:
    """The contacts of a database, within one transaction that writes.

    Args:
        database: the database.
        connection: the transaction's connection.
    """

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database, self._connection = database, connection
        self._layout = database.layout(F_CONTACTT)

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

    def update(self, row: Record, changed: Values) -> Record:
        """Change columns of a contact, and its `cbModification`.

        Args:
            row: the contact as it is.
            changed: the columns to change; `CT_Num` in the form that F_COMPTET stores.

        Returns:
            The contact as it reads back.

        Raises:
            DuplicateError: another contact has the new name.
            RefusedError: the database refused it.
        """
        marq = int(row["cbMarq"])
        existing = None if changed.keys().isdisjoint(NAME) else self.named({**row, **changed})
        if existing is not None and existing["cbMarq"] != marq:
            raise DuplicateError(existing)
        stamped = {**changed, **self._database.write_stamps(new=False)}
        self._write(update(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq).values(stamped))
        return self._read_back(marq)

    def delete(self, marq: int) -> None:
        """Delete a contact.

        Raises:
            RefusedError: the database refused it, or the contact still exists afterwards.
        """
        self._write(delete(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq))
        if self.get(marq) is not None:
            raise RefusedError(Refusal.OTHER, "the contact is still there after its deletion")

    def _write(self, statement: Insert | Update | Delete) -> CursorResult[Any]:
        self._database.before_write()
        return self._connection.execute(statement)

    def _query(self) -> Select[Any]:
        return select(*self._layout.columns.values()).with_hint(F_CONTACTT, "WITH (UPDLOCK)", "mssql")

    def _records(self, query: Select[Any]) -> Iterator[Record]:
        return (self._database.record(F_CONTACTT, row) for row in self._connection.execute(query).all())

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

    It is repeated at once, a few times, after a deadlock, and where another writer has just taken a name or a number.

    Raises:
        SageError: the last attempt's error.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _attempt(database, work)
        except DeadlockError:
            continue
        except RefusedError as error:
            if isinstance(error, DuplicateError) or error.refusal not in _RACES:
                raise
    return _attempt(database, work)


def _attempt(database: Database, work: Callable[[Contacts], ResultT]) -> ResultT:
    with database.writing() as connection:
        return work(Contacts(database, connection))
