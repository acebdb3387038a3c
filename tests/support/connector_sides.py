"""The two sides under one form, so that what holds for their connectors alike is said once."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self

from sqlalchemy import insert, select

from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.standins import sample
from sage100_ssm.standins.company_database import company_engine, create_company_database
from sage100_ssm.standins.people import SageUser
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP

Row = Mapping[str, Any]


def _hours_ago(hours: int) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


class Side(Protocol):
    """A Sage 100 company or an SSM tenant, with the sample data.

    Attributes:
        source, destination: its connectors' packages.
        config: what both need to know.
        malformed: a configuration with a setting that cannot be.
        complaint: what is said of it.
        secrets: what no connector may ever print.
        key, names, email: the fields of a contact that hold its id, its last and first name, and its e-mail.
        company: the field that holds its company.
    """

    source: str
    destination: str
    config: dict[str, Any]
    malformed: dict[str, Any]
    complaint: str
    secrets: tuple[str, ...]
    key: str
    names: tuple[str, str]
    email: str
    company: str

    def contacts(self) -> dict[int, Row]:
        """The living contacts by their ids."""
        ...

    def newcomer(self, last_name: str) -> dict[str, Any]:
        """A record of somebody who is not there yet."""
        ...

    def crowd(self, count: int) -> None:
        """Add many contacts, each an hour younger than the one before."""
        ...

    def rename(self, identifier: int, last_name: str) -> None:
        """Change a contact, as somebody at work there would."""
        ...

    def delete(self, identifier: int) -> None:
        """Delete a contact, as somebody at work there would."""
        ...

    def twin(self, folder: Path) -> Self:
        """Another side that holds the sample data."""
        ...

    def close(self) -> None:
        """Leave."""
        ...


class SageSide:
    """A company database."""

    source, destination = "source_sage100", "destination_sage100"
    key, names, email, company = "cbMarq", ("CT_Nom", "CT_Prenom"), "CT_EMail", "CT_Num"
    complaint = "connection.host: must be of this form: SRV-SAGE, without instance or port"
    secrets = ("the-password-of-it",)

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bijou.db"
        if not self._path.exists():
            create_company_database(self._path)
        self.config = self._config(self._path)
        server = {"kind": "sqlserver", "host": "SRV\\SAGE100", "database": "BIJOU", "password": self.secrets[0]}
        self.malformed = {"company": "BIJOU", "connection": server}

    @staticmethod
    def _config(path: Path) -> dict[str, Any]:
        return {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}}

    def contacts(self) -> dict[int, Row]:
        with company_engine(self._path).connect() as connection:
            return {row["cbMarq"]: dict(row) for row in connection.execute(select(F_CONTACTT)).mappings()}

    def newcomer(self, last_name: str) -> dict[str, Any]:
        return {"CT_Num": self._company(), "CT_Nom": last_name, "CT_Prenom": "Zoé", "CT_EMail": "zoe@example.org"}

    def crowd(self, count: int) -> None:
        rows = [
            {**self.newcomer(f"Foule{number}"), "CT_No": 10_000 + number, "cbModification": _hours_ago(count - number)}
            for number in range(count)
        ]
        with company_engine(self._path).begin() as connection:
            connection.execute(insert(F_CONTACTT), rows)

    def rename(self, identifier: int, last_name: str) -> None:
        SageUser(self._path).edit_contact(identifier, CT_Nom=last_name)

    def delete(self, identifier: int) -> None:
        SageUser(self._path).delete_contact(identifier)

    def twin(self, folder: Path) -> Self:
        folder.mkdir()
        shutil.copy(self._path, folder)
        return type(self)(folder)

    def close(self) -> None:
        """Nothing stays open."""

    def _company(self) -> str:
        with company_engine(self._path).connect() as connection:
            return connection.execute(select(F_COMPTET.c.CT_Num).where(F_COMPTET.c.CT_Type == 0)).scalars().first()


class SsmSide:
    """A tenant on loopback."""

    source, destination = "source_ssm", "destination_ssm"
    key, names, email, company = "id", ("lastName", "firstName"), "email", "accountId"
    complaint = "base_url: must be of this form: https://api.forcemanager.com/api/v4"

    def __init__(self, _folder: Path) -> None:
        self.api = SsmApiServer(sample.tenant(), private_key="the-private-key-of-it")
        self.api.__enter__()
        self.config = {
            "base_url": self.api.base_url,
            "public_key": self.api.public_key,
            "private_key": self.api.private_key,
            "requests_per_second": 500,
            "default_sales_rep_id": SALES_REP,
            "default_branch_id": BRANCH,
        }
        self.malformed = {**self.config, "base_url": "api.forcemanager.com"}
        self.secrets = (self.api.public_key, self.api.private_key)

    def contacts(self) -> dict[int, Row]:
        return {row["id"]: row for row in self.api.store.rows("contacts") if not row["deleted"]}

    def newcomer(self, last_name: str) -> dict[str, Any]:
        account = next(row["id"] for row in self.api.store.rows("accounts") if not row["deleted"])
        names = {"lastName": last_name, "firstName": "Zoé", "email": "zoe@example.org"}
        return {"accountId": account, "extId": f"crm:{last_name}", **names}

    def crowd(self, count: int) -> None:
        for number in range(count):
            self.api.store.create(
                "contacts", self.newcomer(f"Foule{number}") | {"salesRepId": SALES_REP}, user=SALES_REP
            )

    def rename(self, identifier: int, last_name: str) -> None:
        self.api.store.update("contacts", identifier, {"lastName": last_name}, user=SALES_REP)

    def delete(self, identifier: int) -> None:
        self.api.store.delete("contacts", identifier, user=SALES_REP)

    def twin(self, folder: Path) -> Self:
        return type(self)(folder)

    def close(self) -> None:
        self.api.__exit__(None, None, None)
