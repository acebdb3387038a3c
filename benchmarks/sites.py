"""What the measures are made on: contacts that are the same on both sides, in any number."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP, with_value_lists

PER_COMPANY = 4
LONG_AGO = datetime(2025, 1, 5, 9, 0, tzinfo=UTC)


def sage_rows(contacts: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of ``F_COMPTET`` and ``F_CONTACTT``."""
    stamp = LONG_AGO.replace(tzinfo=None)
    companies = [
        {"CT_Num": f"C{n:06}", "CT_Intitule": f"Maison {n}", "CT_Type": 0, "CT_Prospect": 0, "cbModification": stamp}
        for n in range(-(-contacts // PER_COMPANY))
    ]
    people = [
        {
            "CT_Num": f"C{n // PER_COMPANY:06}",
            "CT_Nom": f"Nom{n}",
            "CT_Prenom": f"Prénom{n}",
            "CT_Fonction": "Gérant",
            "CT_Telephone": f"01 99 00 {n // 100 % 100:02} {n % 100:02}",
            "CT_EMail": f"p{n}@maison.example",
            "CT_Civilite": n % 2,
            "CT_No": n + 1,
            "cbModification": stamp,
        }
        for n in range(contacts)
    ]
    return companies, people


def tenant(contacts: int, company: str = "BENCH", *, are_marked: bool = True) -> Store:
    """The same contacts in SSM, each under the ``extId`` of its Sage row unless they are not marked."""
    store = with_value_lists(Store())
    companies, people = sage_rows(contacts)
    accounts = {
        row["CT_Num"]: store.put(
            "accounts",
            {
                "name": row["CT_Intitule"],
                "extId": row["CT_Num"],
                "branchId": BRANCH,
                "salesRepId1": SALES_REP,
                "dateCreated": LONG_AGO + timedelta(seconds=20 * number),
            },
        )
        for number, row in enumerate(companies)
    }
    for number, row in enumerate(people):
        contact = {
            "accountId": accounts[row["CT_Num"]],
            "salesRepId": SALES_REP,
            "firstName": row["CT_Prenom"],
            "lastName": row["CT_Nom"],
            "typeId": 1,
            "phone1": row["CT_Telephone"],
            "email": row["CT_EMail"],
            "gender": row["CT_Civilite"],
            "extId": f"sage100:{company}:{number + 1}" if are_marked else None,
            "dateCreated": LONG_AGO + timedelta(seconds=20 * number),
        }
        store.put("contacts", contact)
    return store


def installation(folder: Path, contacts: int, api: SsmApiServer) -> Path:
    """The Sage database in a folder, and the settings file, which is returned."""
    create_company_database(folder / "bench.db", *sage_rows(contacts))
    settings = {
        "sage100": {"company": "BENCH", "connection": {"kind": "sqlite", "path": "bench.db"}},
        "ssm": {
            "base_url": api.base_url,
            "public_key": api.public_key,
            "private_key": api.private_key,
            "requests_per_second": 1000,
            "default_sales_rep_id": SALES_REP,
            "default_branch_id": BRANCH,
        },
    }
    file = folder / "sync.yaml"
    file.write_text(yaml.safe_dump(settings), "utf-8")
    return file
