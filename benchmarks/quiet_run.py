"""A quiet run over linked contacts: requests, writes, and seconds without the start of the process.

    python -m benchmarks.quiet_run [--contacts 10000]

A seventh request is one page more, on purpose: where all accounts fit one page and are shown again, because they were
stamped at the same time, that page may be a full one, and the empty page after it is asked for twice (P10).

The table ends with the limits: at most 6 requests to SSM, no write, under 2 seconds at 10,000 contacts.
"""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from sage100_ssm.app.assemble import resync, run_once
from sage100_ssm.app.settings import load_settings
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP, with_value_lists

PER_COMPANY = 4
LONG_AGO = datetime(2025, 1, 5, 9, 0, tzinfo=UTC)


def main(contacts: Annotated[int, typer.Option(help="Linked contacts.")] = 10_000) -> None:
    """Link the contacts of both sides, then measure runs in which nothing has changed."""
    with tempfile.TemporaryDirectory() as name, SsmApiServer(tenant(contacts)) as api:
        settings = load_settings(installation(Path(name), contacts, api))
        table = Table("run", "seconds", "SSM requests", "written", "linked", title=f"{contacts:,} contacts")
        # A run whose state knows no link would stop at so many marks (P9).
        for label in ("resync (links all by extId)", "quiet", "quiet", "quiet"):
            began = time.perf_counter()
            report = run_once(settings) if label == "quiet" else resync(settings)
            seconds = time.perf_counter() - began
            written = report.sage100.written + report.ssm.written
            table.add_row(label, f"{seconds:.2f}", str(report.ssm_requests), str(written), f"{report.linked:,}")
        table.add_row("limit of a quiet run", "2.00", "6", "0", "")
        Console().print(table)


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


def tenant(contacts: int, company: str = "BENCH") -> Store:
    """The same contacts in SSM, each under the ``extId`` of its Sage row."""
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
            "extId": f"sage100:{company}:{number + 1}",
            "dateCreated": LONG_AGO + timedelta(seconds=20 * number),
        }
        store.put("contacts", contact)
    return store


def installation(folder: Path, contacts: int, api: SsmApiServer) -> Path:
    """The Sage database and the settings file."""
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


if __name__ == "__main__":
    typer.run(main)
