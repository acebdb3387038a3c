"""Questions about Sage that its documentation leaves open, each answered by a few queries on a company database.

Numbers are those of docs/facts/sage100.md, "Open questions". What needs a write is tried in a transaction that is
rolled back: nothing stays of it, except that the counter of ``cbMarq`` has moved on.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, column, delete, func, insert, select, table, update

from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.errors import LockedError, RefusedError, SageError, UnexpectedError
from sage100_ssm.sage100.inspection import inspect_database
from sage100_ssm.sage100.rights import SCHEMA
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, ROUNDED

_TRIGGERS = {"insert": ("TG_CBINS", "TG_INS"), "update": ("TG_CBUPD", "TG_UPD")}
_LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - the server's local time
_LOGS = ("cbSysLogRecord", "cbSysAudit")
_NAMES = {"CT_Nom": "SYNC-PROBE", "CT_Prenom": "Scratch"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one question.

    Attributes:
        number: of the question.
        answer: its short name, such as ``numbered``.
        facts: the values that the sentence about it names.
    """

    number: int
    answer: str
    facts: Mapping[str, Any] = default(default_factory=dict)


class UnknownCompanyError(Exception):
    """No client or prospect has that code."""


class _RollBack(Exception):  # noqa: N818 - the end of a transaction, no error
    """Rolls back the transaction in which it is raised.

    Attributes:
        verdict: what was found in it.
    """

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict


class Probe:
    """Puts the questions to a company database.

    Args:
        database: the database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- answered by reading

    def look(self) -> Iterator[Verdict]:
        """The answers that need no write.

        Raises:
            SageError: companies or contacts cannot be read.
        """
        yield self._trigger_texts()
        yield self._layout()
        yield self._unnumbered()
        yield self._authors()
        yield self._logs()
        yield self._triggers()

    def _trigger_texts(self) -> Verdict:
        if not self._database.on_sql_server:
            return Verdict(1, "unseen")
        texts = {event: [self._text_of(f"{name}_F_CONTACTT") for name in names] for event, names in _TRIGGERS.items()}
        if all(text is None for found in texts.values() for text in found):
            return Verdict(1, "unseen")
        joined = {event: " ".join(filter(None, found)).lower() for event, found in texts.items()}
        return Verdict(
            1,
            "read",
            {
                "number": _sets(joined["insert"], "ct_no"),
                "stamp": _sets(joined["update"], "cbmodification"),
                "service": "n_service" in joined["insert"],
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

    def _layout(self) -> Verdict:
        layout = self._database.layout(F_CONTACTT)
        facts = {
            "contact": len(layout.columns),
            "company": len(self._database.layout(F_COMPTET).columns),
            "collation": layout.collation,
            "encoding": self._database.encoding,
        }
        return Verdict(2, "told", facts)

    def _unnumbered(self) -> Verdict:
        number = F_CONTACTT.c.CT_No
        with self._database.reading() as connection:
            count = connection.execute(
                select(func.count()).select_from(F_CONTACTT).where(number.is_(None) | (number == 0))
            ).scalar_one()
        return Verdict(3, "some" if count else "none", {"count": count})

    def _authors(self) -> Verdict:
        columns = self._database.layout(F_CONTACTT).columns
        if "cbCreateur" not in columns or "cbModification" not in columns:
            return Verdict(4, "unseen")
        stamp, latest = self._database.comparable_stamp(F_CONTACTT.c.cbModification), self._database.now() + ROUNDED
        with self._database.reading() as connection:
            authors = connection.execute(select(F_CONTACTT.c.cbCreateur).distinct()).scalars().all()
            query = select(func.count()).select_from(F_CONTACTT).where(stamp > self._database.comparable_time(latest))
            future = connection.execute(query).scalar_one()
        return Verdict(4, "told", {"authors": ", ".join(sorted(str(one).strip() for one in authors)), "future": future})

    def _logs(self) -> Verdict:
        counts = {name: self._count(name) for name in _LOGS}
        if all(count is None for count in counts.values()):
            return Verdict(5, "unseen")
        logs = ", ".join(f"{name} {'?' if count is None else count}" for name, count in counts.items())
        return Verdict(5, "told", {"logs": logs})

    def _count(self, name: str) -> int | None:
        log = table(name, column("cbMarq"), schema=SCHEMA if self._database.on_sql_server else None)
        try:
            with self._database.reading() as connection:
                return connection.execute(select(func.count()).select_from(log)).scalar()
        except SageError:
            return None

    def _triggers(self) -> Verdict:
        triggers = inspect_database(self._database).triggers
        if triggers is None:
            return Verdict(6, "unseen")
        foreign = [f"{one.name} ({one.table})" for one in triggers if not one.is_sage_own]
        return Verdict(6, "foreign" if foreign else "none", {"names": ", ".join(foreign) or None})

    # --- answered by writes that are rolled back

    def write(self, company: str) -> Iterator[Verdict]:
        """The other answers, by a scratch contact of a company in a transaction that is rolled back.

        Raises:
            UnknownCompanyError: no client or prospect has that code.
            SageError: the database fails.
        """
        numbering = self._tried(company, self._numbering, "refused")
        stamping = self._tried(company, self._stamping, "write_refused")
        yield from (numbering, stamping)

    def _tried(self, company: str, ask: Callable[[Connection, str], Verdict], refused: str) -> Verdict:
        """The answer by a write that is rolled back; its being refused is an answer, too."""
        try:
            with self._database.writing() as connection:
                raise _RollBack(ask(connection, self._company(connection, company)))  # noqa: TRY301 - it ends the transaction
        except _RollBack as end:
            return end.verdict
        except (RefusedError, LockedError, UnexpectedError) as error:
            return Verdict(1, refused, {"words": str(error)})

    def _company(self, connection: Connection, company: str) -> str:
        same = self._database.same_code(F_COMPTET.c.CT_Num, company)
        code = connection.execute(select(F_COMPTET.c.CT_Num).where(same, F_COMPTET.c.CT_Type == 0)).scalar()
        if code is None:
            raise UnknownCompanyError(company)
        return str(code)

    def _numbering(self, connection: Connection, code: str) -> Verdict:
        """Whether a trigger fills a new contact's ``CT_No``."""
        marq = _created(connection, {"CT_Num": code, **_NAMES})
        number = connection.execute(select(F_CONTACTT.c.CT_No).where(F_CONTACTT.c.cbMarq == marq)).scalar()
        return Verdict(1, "numbered" if number else "not_numbered")

    def _stamping(self, connection: Connection, code: str) -> Verdict:
        """Whether a trigger renews ``cbModification``, and whether the contact can be deleted."""
        highest = connection.execute(select(func.max(F_CONTACTT.c.CT_No))).scalar() or 0
        marq = _created(connection, {"CT_Num": code, **_NAMES, "CT_No": highest + 1})
        here = F_CONTACTT.c.cbMarq == marq
        connection.execute(update(F_CONTACTT).where(here).values(cbModification=_LONG_AGO))
        connection.execute(update(F_CONTACTT).where(here).values(CT_Fonction="Scratch"))
        stamp = connection.execute(
            select(self._database.comparable_stamp(F_CONTACTT.c.cbModification)).where(here)
        ).scalar()
        connection.execute(delete(F_CONTACTT).where(here))
        gone = connection.execute(select(F_CONTACTT.c.cbMarq).where(here)).first() is None
        return Verdict(1, "stamped" if stamp and stamp > _LONG_AGO else "not_stamped", {"deleted": gone})


def _created(connection: Connection, values: Record) -> int:
    result = connection.execute(insert(F_CONTACTT).values(**values))
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def _sets(text: str, name: str) -> bool:
    """Whether a trigger's text, in lower case, seems to set a column: its name after SET, an equals sign near."""
    after = text.partition(" set ")[2]
    return bool(after) and name in after and "=" in after.partition(name)[2][:20]
