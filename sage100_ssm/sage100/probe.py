"""What a company database is like where Sage's documentation leaves it open: questions, each settled by a few queries.

Numbers are those of the open questions in docs/facts/sage100.md. What takes a write is tried in a transaction that is
undone: nothing of it stays, but that ``cbMarq`` has counted one further.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, column, delete, func, insert, select, table, update

from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.errors import LockedError, RefusedError, SageError
from sage100_ssm.sage100.inspection import inspect_database
from sage100_ssm.sage100.rights import SCHEMA
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, ROUNDED

_TRIGGERS = {"insert": ("TG_CBINS", "TG_INS"), "update": ("TG_CBUPD", "TG_UPD")}
_LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - the server's local time
_LOGS = ("cbSysLogRecord", "cbSysAudit")
_NAMES = {"CT_Nom": "SYNC-PROBE", "CT_Prenom": "Scratch"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one question came to.

    Attributes:
        number: of the question.
        answer: its short name.
        facts: what the sentence about it names.
    """

    number: int
    answer: str
    facts: Mapping[str, Any] = default(default_factory=dict)


class UnknownCompanyError(Exception):
    """There is no client or prospect of that code."""


class _Undone(Exception):  # noqa: N818 - the end of a transaction, no error
    """Undoes the transaction in which it is raised.

    Attributes:
        seen: what was seen in it.
    """

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen


class Probe:
    """Puts the questions to a company database.

    Args:
        database: the database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- settled by looking

    def look(self) -> Iterator[Seen]:
        """Settle what can be settled without a write.

        Raises:
            SageError: companies or contacts cannot be read.
        """
        yield self._trigger_texts()
        yield self._layout()
        yield self._unnumbered()
        yield self._authors()
        yield self._logs()
        yield self._triggers()

    def _trigger_texts(self) -> Seen:
        if not self._database.on_sql_server:
            return Seen(1, "unseen")
        texts = {deed: [self._text_of(f"{name}_F_CONTACTT") for name in names] for deed, names in _TRIGGERS.items()}
        if all(text is None for found in texts.values() for text in found):
            return Seen(1, "unseen")
        said = {deed: " ".join(filter(None, found)).lower() for deed, found in texts.items()}
        return Seen(
            1,
            "read",
            {
                "number": _sets(said["insert"], "ct_no"),
                "stamp": _sets(said["update"], "cbmodification"),
                "service": "n_service" in said["insert"],
            },
        )

    def _text_of(self, trigger: str) -> str | None:
        try:
            with self._database.reading() as connection:
                query = select(func.object_definition(func.object_id(f"{SCHEMA}.{trigger}")))
                text = connection.execute(query).scalar()
        except SageError:
            return None
        return None if text is None else str(text)

    def _layout(self) -> Seen:
        layout = self._database.layout(F_CONTACTT)
        facts = {
            "contact": len(layout.columns),
            "company": len(self._database.layout(F_COMPTET).columns),
            "collation": layout.collation,
            "encoding": self._database.encoding,
        }
        return Seen(2, "told", facts)

    def _unnumbered(self) -> Seen:
        number = F_CONTACTT.c.CT_No
        with self._database.reading() as connection:
            count = connection.execute(
                select(func.count()).select_from(F_CONTACTT).where(number.is_(None) | (number == 0))
            ).scalar_one()
        return Seen(3, "some" if count else "none", {"count": count})

    def _authors(self) -> Seen:
        columns = self._database.layout(F_CONTACTT).columns
        if "cbCreateur" not in columns or "cbModification" not in columns:
            return Seen(4, "unseen")
        stamp, latest = self._database.stamp(F_CONTACTT.c.cbModification), self._database.now() + ROUNDED
        with self._database.reading() as connection:
            authors = connection.execute(select(F_CONTACTT.c.cbCreateur).distinct()).scalars().all()
            query = select(func.count()).select_from(F_CONTACTT).where(stamp > self._database.moment(latest))
            future = connection.execute(query).scalar_one()
        return Seen(4, "told", {"authors": ", ".join(sorted(str(one).strip() for one in authors)), "future": future})

    def _logs(self) -> Seen:
        counts = {name: self._count(name) for name in _LOGS}
        if all(count is None for count in counts.values()):
            return Seen(5, "unseen")
        told = ", ".join(f"{name} {'?' if count is None else count}" for name, count in counts.items())
        return Seen(5, "told", {"logs": told})

    def _count(self, name: str) -> int | None:
        log = table(name, column("cbMarq"), schema=SCHEMA if self._database.on_sql_server else None)
        try:
            with self._database.reading() as connection:
                return connection.execute(select(func.count()).select_from(log)).scalar()
        except SageError:
            return None

    def _triggers(self) -> Seen:
        seen = inspect_database(self._database).triggers
        if seen is None:
            return Seen(6, "unseen")
        foreign = [f"{one.name} ({one.table})" for one in seen if not one.is_sages]
        return Seen(6, "foreign" if foreign else "none", {"names": ", ".join(foreign) or None})

    # --- settled by writes that are undone

    def write(self, company: str) -> Iterator[Seen]:
        """Settle the rest by a scratch contact of a company, in a transaction that is undone.

        Raises:
            UnknownCompanyError: there is no such client or prospect.
            SageError: the database fails.
        """
        numbering = self._tried(company, self._numbering, "refused")
        stamping = self._tried(company, self._stamping, "write_refused")
        yield from (numbering, stamping)

    def _tried(self, company: str, ask: Callable[[Connection, str], Seen], refused: str) -> Seen:
        """Ask by a write that is undone; that it is refused is an answer, too."""
        try:
            with self._database.writing() as connection:
                raise _Undone(ask(connection, self._company(connection, company)))  # noqa: TRY301 - it ends the transaction
        except _Undone as undone:
            return undone.seen
        except (RefusedError, LockedError) as error:
            return Seen(1, refused, {"words": str(error)})

    def _company(self, connection: Connection, company: str) -> str:
        same = self._database.same_code(F_COMPTET.c.CT_Num, company)
        code = connection.execute(select(F_COMPTET.c.CT_Num).where(same, F_COMPTET.c.CT_Type == 0)).scalar()
        if code is None:
            raise UnknownCompanyError(company)
        return str(code)

    def _numbering(self, connection: Connection, code: str) -> Seen:
        """Whether a trigger gives a new contact its ``CT_No``."""
        marq = _created(connection, {"CT_Num": code, **_NAMES})
        number = connection.execute(select(F_CONTACTT.c.CT_No).where(F_CONTACTT.c.cbMarq == marq)).scalar()
        return Seen(1, "numbered" if number else "not_numbered")

    def _stamping(self, connection: Connection, code: str) -> Seen:
        """Whether a trigger renews ``cbModification``, and whether the contact can be deleted."""
        highest = connection.execute(select(func.max(F_CONTACTT.c.CT_No))).scalar() or 0
        marq = _created(connection, {"CT_Num": code, **_NAMES, "CT_No": highest + 1})
        here = F_CONTACTT.c.cbMarq == marq
        connection.execute(update(F_CONTACTT).where(here).values(cbModification=_LONG_AGO))
        connection.execute(update(F_CONTACTT).where(here).values(CT_Fonction="Scratch"))
        stamp = connection.execute(select(self._database.stamp(F_CONTACTT.c.cbModification)).where(here)).scalar()
        connection.execute(delete(F_CONTACTT).where(here))
        gone = connection.execute(select(F_CONTACTT.c.cbMarq).where(here)).first() is None
        return Seen(1, "stamped" if stamp and stamp > _LONG_AGO else "not_stamped", {"deleted": gone})


def _created(connection: Connection, values: Record) -> int:
    result = connection.execute(insert(F_CONTACTT).values(**values))
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def _sets(text: str, name: str) -> bool:
    """Whether a trigger's text seems to set a column, in lower case: it stands before an equals sign after SET."""
    after = text.partition(" set ")[2]
    return bool(after) and name in after and "=" in after.partition(name)[2][:20]
