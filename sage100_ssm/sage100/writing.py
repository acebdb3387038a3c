"""Writing contacts: each decision and its write in one transaction, read back before it is committed.

Nothing relies on a row count, which triggers falsify. The reading before a write holds an update lock
(UPDLOCK), so that nobody changes the row between the comparison and the write.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, String, delete, func, insert, select, update

from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.errors import DeadlockError, Refusal, RefusedError
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT

ResultT = TypeVar("ResultT")
Values = Mapping[str, str | int]
"""Columns and what they hold, as `Database.stored` gives it."""

NAME = ("CT_Num", "CT_Nom", "CT_Prenom")
"""What may not be twice in F_CONTACTT, byte for byte, null being '' (index ICT_NOM)."""

_ATTEMPTS = 8
_RACES = frozenset({Refusal.DUPLICATE_NAME, Refusal.DUPLICATE_NUMBER})
_ZERO_IF_NEW = ("N_Service", "N_Contact", "CT_Civilite")


class DuplicateError(RefusedError):
    """A contact of that company, last and first name is there.

    Attributes:
        row: the contact in the way.
    """

    def __init__(self, row: Record) -> None:
        super().__init__(Refusal.DUPLICATE_NAME, "a contact of this company, last and first name exists")
        self.row = row


class Contacts:
    """The contacts, within one transaction that writes.

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
        # The collation may find more than the bytes do.
        query = self._query().where(
            F_CONTACTT.c.CT_Num == name["CT_Num"], func.coalesce(F_CONTACTT.c.CT_Nom, "") == (name["CT_Nom"] or "")
        )
        wanted = [name.get(column) or "" for column in columns]
        return next((row for row in self._records(query) if [row[c] or "" for c in columns] == wanted), None)

    def company(self, code: str) -> str | None:
        """A company code in the form that F_COMPTET stores; None if there is no such company (P8)."""
        column = F_COMPTET.c.CT_Num
        for condition in (column == code, self._database.same_code(column, code)):
            if found := self._connection.execute(select(column).where(condition)).scalar():
                return str(found)
        return None

    def insert(self, values: Values, number: int | None) -> Record:
        """Create a contact; what is not given is '' or 0, and the cb columns are left to their defaults.

        Args:
            values: what it holds; `CT_Num` in the form that F_COMPTET stores.
            number: the `CT_No` that it is to have if that is free; else it has the next one.

        Raises:
            DuplicateError: one of that name is there.
            RefusedError: the database refused it.
        """
        if existing := self.named(values):
            raise DuplicateError(existing)
        row = self._blank() | dict(values) | self._numbered(number) | dict(self._database.write_time(new=True))
        result = self._connection.execute(insert(F_CONTACTT).values(row))
        assert result.inserted_primary_key is not None
        return self._read_back(int(result.inserted_primary_key[0]))

    def update(self, row: Record, changed: Values) -> Record:
        """Change columns of a contact, and its `cbModification`.

        Args:
            row: the contact as it stands.
            changed: the columns to change; `CT_Num` in the form that F_COMPTET stores.

        Raises:
            DuplicateError: another one bears the new name.
            RefusedError: the database refused it.
        """
        marq = int(row["cbMarq"])
        existing = None if changed.keys().isdisjoint(NAME) else self.named({**row, **changed})
        if existing is not None and existing["cbMarq"] != marq:
            raise DuplicateError(existing)
        stamped = {**changed, **self._database.write_time(new=False)}
        self._connection.execute(update(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq).values(stamped))
        return self._read_back(marq)

    def delete(self, marq: int) -> None:
        """Delete a contact.

        Raises:
            RefusedError: the database refused it, or it is still there afterwards.
        """
        self._connection.execute(delete(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq))
        if self.get(marq) is not None:
            raise RefusedError(Refusal.OTHER, "the contact is still there after its deletion")

    def _query(self) -> Select[Any]:
        return select(*self._layout.columns.values()).with_hint(F_CONTACTT, "WITH (UPDLOCK)", "mssql")

    def _records(self, query: Select[Any]) -> Iterator[Record]:
        return (self._database.record(F_CONTACTT, row) for row in self._connection.execute(query).all())

    def _read_back(self, marq: int) -> Record:
        if (row := self.get(marq)) is None:
            raise RefusedError(Refusal.OTHER, f"the contact {marq} cannot be read back after the write")
        return row

    def _blank(self) -> dict[str, Any]:
        """A new contact's values but for the given ones."""
        columns = self._layout.writable
        texts = {name: "" for name, column in columns.items() if isinstance(column.type, String)}
        return texts | {name: 0 for name in _ZERO_IF_NEW if name in columns}

    def _numbered(self, number: int | None) -> dict[str, int]:
        """The `CT_No`: the one wished for if it is free, else the next."""
        column = F_CONTACTT.c.CT_No
        if column.name not in self._layout.columns:
            return {}
        if number and self._connection.execute(select(column).where(column == number)).first() is None:
            return {column.name: number}
        highest = select(func.coalesce(func.max(column), 0)).with_hint(F_CONTACTT, "WITH (UPDLOCK, HOLDLOCK)", "mssql")
        return {column.name: self._connection.execute(highest).scalar_one() + 1}


def in_transaction(database: Database, work: Callable[[Contacts], ResultT]) -> ResultT:
    """Do a work in a transaction of its own, undone where it raises.

    A deadlock's victim begins again at once; so does who lost a name or a number to another writer, and then
    sees the other's row. A few times at most.

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
