"""What people do in Sage and in SSM, without the synchronisation noticing: for the demo, and for tests.

sage, ssm = SageUser(path), SsmUser(api)
marq = sage.create_contact("CAMEE", "Aubrelin", "Maïwenn", CT_Telephone="01 99 00 12 34")
ssm.rename_contact(287, "Aubrelin", "Maïwenn")
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Select, Table, delete, func, insert, literal_column, select, update

from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.standins.company_database import company_engine
from sage100_ssm.standins.sample import CLIENT_TYPE
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Clock, system_clock
from sage100_ssm.standins.ssm_api.tenant import BRANCH, OTHER_SALES_REP, PROSPECT

Row = dict[str, Any]
Snapshot = dict[str, list[Row]]
"""All rows of all tables that can change, by table."""


class SageUser:
    """A user of Sage 100. Contacts are named by their ``cbMarq``, companies by their ``CT_Num``.

    A constraint of the database raises SQLAlchemy's ``IntegrityError``.

    Args:
        database: the company database, a file or an engine.
        time_zone: the time zone of the server's clock.
        clock: returns the time, aware.
    """

    def __init__(
        self, database: Path | Engine, *, time_zone: str = "Europe/Paris", clock: Clock = system_clock
    ) -> None:
        self._engine = company_engine(database) if isinstance(database, Path) else database
        self._zone, self._clock = ZoneInfo(time_zone), clock

    def create_company(self, code: str, name: str, **columns: Any) -> None:
        """Create a client, or a company of another ``CT_Type``."""
        kind = {"CT_Type": CLIENT_TYPE, "CT_Prospect": 0, "CT_Sommeil": 0, "CT_NumPayeur": code}
        self._insert(F_COMPTET, {"CT_Num": code, "CT_Intitule": name, **kind, **columns})

    def edit_company(self, code: str, **columns: Any) -> None:
        """Change a company: set ``CT_Sommeil``, make a client of a prospect."""
        with self._engine.begin() as connection:
            connection.execute(update(F_COMPTET).where(F_COMPTET.c.CT_Num == code).values(**self._stamped(columns)))

    def delete_company(self, code: str) -> None:
        """Delete a company that has no contacts any more."""
        with self._engine.begin() as connection:
            connection.execute(delete(F_COMPTET).where(F_COMPTET.c.CT_Num == code))

    def create_contact(self, company: str, last_name: str, first_name: str = "", **columns: Any) -> int:
        """Create a contact, with the next ``CT_No``. Returns its ``cbMarq``."""
        blank = dict.fromkeys(_TEXTS, "") | {"N_Service": 0, "N_Contact": 0, "CT_Civilite": 0}
        names = {"CT_Num": company, "CT_Nom": last_name, "CT_Prenom": first_name}
        return self._insert(F_CONTACTT, {**blank, **names, "CT_No": self._next_number(), **columns})

    def edit_contact(self, marq: int, **columns: Any) -> None:
        """Change columns of a contact."""
        with self._engine.begin() as connection:
            connection.execute(update(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq).values(**self._stamped(columns)))

    def rename_contact(self, marq: int, last_name: str, first_name: str) -> None:
        """Change a contact's names."""
        self.edit_contact(marq, CT_Nom=last_name, CT_Prenom=first_name)

    def move_contact(self, marq: int, company: str) -> None:
        """Move a contact to another company."""
        self.edit_contact(marq, CT_Num=company)

    def delete_contact(self, marq: int) -> None:
        """Delete a contact: the row is gone."""
        with self._engine.begin() as connection:
            connection.execute(delete(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq))

    def contact(self, marq: int) -> Row | None:
        """The row of a contact, or None."""
        rows = self._rows(select(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq))
        return rows[0] if rows else None

    def contacts(self, company: str | None = None) -> list[Row]:
        """The rows of a company's contacts, or of all, by ``cbMarq``."""
        query = select(F_CONTACTT).order_by(F_CONTACTT.c.cbMarq)
        return self._rows(query if company is None else query.where(F_CONTACTT.c.CT_Num == company))

    def snapshot(self) -> Snapshot:
        """All companies and contacts, to see whether anything changed."""
        # F_COMPTET declares the columns of all generations of Sage, and no database has them all.
        companies: Select[Any] = select(literal_column("*")).select_from(F_COMPTET).order_by(F_COMPTET.c.cbMarq)
        return {"F_COMPTET": self._rows(companies), "F_CONTACTT": self.contacts()}

    def _insert(self, table: Table, columns: Row) -> int:
        stamped = self._stamped(columns)
        with self._engine.begin() as connection:
            values = {"cbCreation": stamped["cbModification"], **stamped}
            result = connection.execute(insert(table).values(**values))
        assert result.inserted_primary_key is not None
        return int(result.inserted_primary_key[0])

    def _stamped(self, columns: Mapping[str, Any]) -> Row:
        now = self._clock().astimezone(self._zone).replace(microsecond=0, tzinfo=None)
        return {"cbModification": now, **columns}

    def _next_number(self) -> int:
        with self._engine.connect() as connection:
            return (connection.scalar(select(func.max(F_CONTACTT.c.CT_No))) or 0) + 1

    def _rows(self, query: Select[Any]) -> list[Row]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


_TEXTS = ("CT_Fonction", "CT_Telephone", "CT_TelPortable", "CT_Telecopie", "CT_EMail", "CT_LinkedIn", "CT_Skype")


class SsmUser:
    """A user of SSM's own application, whose changes the API shows but does not log as requests.

    Contacts are named by their id, companies by the code in ``extId``. Rows contain references as bare ids.

    Args:
        api: the SSM API.
        user_id: the id of the user, who owns the contacts that they create.
    """

    def __init__(self, api: SsmApiServer, *, user_id: int = OTHER_SALES_REP) -> None:
        self._api, self._user = api, user_id

    def create_company(self, code: str | None, name: str, **fields: Any) -> int:
        """Create an account, a prospect by default. Returns its id."""
        values = {"extId": code, "name": name, "branchId": BRANCH, "salesRepId1": self._user, "statusId": PROSPECT}
        return self._api.store.create("accounts", {**values, **fields}, user=self._user)

    def edit_company(self, account_id: int, **fields: Any) -> None:
        """Change an account, e.g. its ``extId``."""
        self._api.store.update("accounts", account_id, fields, user=self._user)

    def delete_company(self, account_id: int) -> None:
        """Delete an account."""
        self._api.store.delete("accounts", account_id, user=self._user)

    def account(self, code: str) -> int:
        """The id of the first account with a code that is not deleted.

        Raises:
            LookupError: there is none.
        """
        for row in self._api.store.rows("accounts"):
            if row["extId"] == code and not row["deleted"]:
                return int(row["id"])
        raise LookupError(code)

    def create_contact(self, company: str, last_name: str, first_name: str, **fields: Any) -> int:
        """Create a contact. Returns its id."""
        values = {"accountId": self.account(company), "lastName": last_name, "firstName": first_name}
        return self._api.store.create("contacts", {**values, "salesRepId": self._user, **fields}, user=self._user)

    def edit_contact(self, contact_id: int, **fields: Any) -> None:
        """Change fields of a contact."""
        self._api.store.update("contacts", contact_id, fields, user=self._user)

    def rename_contact(self, contact_id: int, last_name: str, first_name: str) -> None:
        """Change a contact's names."""
        self.edit_contact(contact_id, lastName=last_name, firstName=first_name)

    def move_contact(self, contact_id: int, company: str) -> None:
        """Put a contact under another account."""
        self.edit_contact(contact_id, accountId=self.account(company))

    def delete_contact(self, contact_id: int) -> None:
        """Delete a contact: it is marked as deleted."""
        self._api.store.delete("contacts", contact_id, user=self._user)

    def contact(self, contact_id: int) -> Row:
        """The stored row of a contact, deleted or not."""
        return self._api.store.row("contacts", contact_id)

    def contacts(self, company: str | None = None) -> list[Row]:
        """The living contacts of a company, or of all, by id."""
        rows = [row for row in self._api.store.rows("contacts") if not row["deleted"]]
        return rows if company is None else [row for row in rows if row["accountId"] == self.account(company)]

    def snapshot(self) -> Snapshot:
        """All accounts and contacts, deleted ones too, to see whether anything changed."""
        return {table: self._api.store.rows(table) for table in ("accounts", "contacts")}
