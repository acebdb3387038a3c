"""Runs over linked contacts: processor seconds, peak of memory, requests and writes, each run in a process of its own.

    python -m benchmarks.quiet_run main [--contacts 10000]

The stand-in for SSM runs in this process. A quiet run is measured beside its limits, and beside the least that a look
at every row takes: the same rows of Sage and the same links, fetched from the same files and compared by their key.

A seventh request is one page more, on purpose: where all accounts fit one page and are shown again, because they were
stamped at the same time, that page may be a full one, and the empty page after it is asked for twice (P10).
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
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
EDITS = 20

app = typer.Typer(add_completion=False)


@app.command()
def main(contacts: Annotated[int, typer.Option(help="Linked contacts.")] = 10_000) -> None:
    """Link the contacts of both sides, then measure runs in which nothing has changed, or little."""
    table = Table("", "processor s", "peak MB", "SSM requests", "written", title=f"{contacts:,} contacts")
    with tempfile.TemporaryDirectory() as name, SsmApiServer(tenant(contacts)) as api:
        folder = Path(name)
        installation(folder, contacts, api)
        # A run whose state knows no link would stop at so many marks (P9).
        table.add_row("resync (links all by extId)", *_measured("resync", folder))
        table.add_row("first run after it (looks at all)", *_measured("run", folder))
        table.add_row("quiet", *_measured("run", folder))
        table.add_row("quiet", *_measured("run", folder))
        _edit(folder, contacts)
        table.add_row(f"{EDITS} edits in Sage", *_measured("run", folder))
        table.add_row("quiet again, which looks at these", *_measured("run", folder))
        table.add_row("quiet", *_measured("run", folder))
        table.add_row("least: a merge of two sorted streams", *_measured("merge", folder))
    table.add_row("limit of a quiet run of 10,000", "0.5", "", "6", "0")
    table.add_row("limit of a quiet run of 100,000, with 2 s of start", "1.5", "200", "", "0")
    Console().print(table)


@app.command(hidden=True)
def one(kind: str, folder: Path) -> None:
    """One run in this process, and what it took as JSON."""
    # The modules are already loaded: their time is that of the start, which is measured apart.
    began = time.process_time()
    requests, written = (_merge(folder), "") if kind == "merge" else _run(kind, folder)
    seconds = time.process_time() - began
    peak = peak_of_memory()
    print(json.dumps([f"{seconds:.2f}", str(peak), str(requests), str(written)]))  # noqa: T201 - its answer


def peak_of_memory() -> int:
    """The most megabytes that this process has used."""
    # Not `getrusage`: that counts what the parent had when it started this process, too.
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def _measured(kind: str, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.quiet_run", "one", kind, str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - this program
    figures: list[str] = json.loads(answer.splitlines()[-1])
    return figures


def _run(kind: str, folder: Path) -> tuple[int, int]:
    settings = load_settings(folder / "sync.yaml")
    report = resync(settings) if kind == "resync" else run_once(settings)
    return report.ssm_requests, report.sage100.written + report.ssm.written


def _merge(folder: Path) -> str:
    """The least that any look at every row takes: both streams fetched in order, and compared."""
    with (
        closing(sqlite3.connect(folder / "bench.db")) as sage100,
        closing(sqlite3.connect(folder / "sync-state.db")) as state,
    ):
        rows = sage100.execute("SELECT * FROM F_CONTACTT ORDER BY cbMarq")
        place = [column[0] for column in rows.description].index("cbMarq")
        links = dict(state.execute("SELECT sage100_id, ssm_id FROM links ORDER BY sage100_id"))
        missing = sum(row[place] not in links for row in rows)
    assert missing == 0, "every contact is linked"
    return ""


def _edit(folder: Path, contacts: int) -> None:
    """A user edits some contacts in Sage, each of another company."""
    chosen = [(1 + number * (contacts // EDITS),) for number in range(EDITS)]
    with closing(sqlite3.connect(folder / "bench.db")) as sage100, sage100:
        sage100.executemany("UPDATE F_CONTACTT SET CT_Telephone = '01 99 00 99 99' WHERE cbMarq = ?", chosen)


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
    app()
