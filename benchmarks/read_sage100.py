"""Reading all contacts: `source-sage100 read` compared with dlt's `sql_database` and a Singer tap, on one database.

    python -m benchmarks.read_sage100 [--contacts 1000000] [--others .venv-others/bin/python]

Each reads the same file in a process of its own, one after the other, and is measured from the start of its process,
imports included. Their output differs, and the table says how: lines of JSON are more work than Python objects.

Measured with a million contacts on two busy cores, in processor seconds: source-sage100 7.8, the Singer tap 40.3, dlt
26.2 to its files and 11.0 to Python objects that are dropped. The tap needs less memory (86 MB, source-sage100 119 MB)
and writes its first record sooner (after 0.9 seconds, source-sage100 1.5): importing Airbyte's CDK takes 100 MB and
most of the time.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert

from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.standins.company_database import company_engine, create_company_database

HERE = Path(__file__).parent
PER_COMPANY = 4
BATCH = 10_000
MARKS = (b'{"type":"RECORD"', b"first\n")
"""What the standard output contains at the first record: of a connector or tap, and of dlt_reads.py."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a process needed. Times in seconds, memory in MB; `first` is None where no record was seen."""

    records: int
    seconds: float
    processor: float
    first: float | None
    memory: float


def main(
    contacts: Annotated[int, typer.Option(help="Contacts in the database.")] = 1_000_000,
    others: Annotated[Path, typer.Option(help="Python of the environment with dlt and the tap.")] = Path(
        ".venv-others/bin/python"
    ),
) -> None:
    """Measure."""
    columns = ("reader", "output", "records/s", "seconds", "processor s", "first record s", "peak MB")
    table = Table(*columns, title=f"{contacts:,} contacts read whole, process start included")
    with tempfile.TemporaryDirectory() as name:
        database = filled(Path(name) / "sage.db", contacts)
        for label, output, command in readers(database, others.absolute()):
            run = measured(command)
            if run.records != contacts:
                raise SystemExit(f"{label} read {run.records} records of {contacts}")
            first = "" if run.first is None else f"{run.first:.1f}"
            figures = (f"{run.records / run.seconds:,.0f}", f"{run.seconds:.1f}", f"{run.processor:.1f}", first)
            table.add_row(label, output, *figures, f"{run.memory:.0f}")
    Console(width=140).print(table)


def readers(database: Path, others: Path) -> Iterator[tuple[str, str, list[str]]]:
    """The readers: name, kind of output, and command of each."""
    ours = written(database.with_name("config.json"), {"company": "BENCH", "connection": sqlite(database)})
    catalog = written(database.with_name("catalog.json"), {"streams": [configured("contacts")]})
    yield "source-sage100", "JSON lines", [*source_sage100(), "read", "--config", ours, "--catalog", catalog]
    if not others.exists():
        Console(stderr=True).print(f"{others} is missing: `make benchmark` installs the others.")
        return
    python = str(others)
    tap = [python, str(HERE / "others" / "tap_sqlite.py"), "--config"]
    tap.append(written(database.with_name("tap.json"), {"path": str(database)}))
    yield "Singer tap (singer-sdk)", "JSON lines", [*tap, "--catalog", selected(tap, database.with_name("tap.cat"))]
    for backend, way, output in (
        ("sqlalchemy", "extract", "dlt's files"),
        ("sqlalchemy", "iterate", "Python objects, unused"),
        ("pyarrow", "iterate", "Arrow tables, unused"),
        ("connectorx", "iterate", "one Arrow table, unused"),
    ):
        yield f"dlt, {backend}", output, [python, str(HERE / "others" / "dlt_reads.py"), str(database), backend, way]


def measured(command: Sequence[str]) -> Run:
    """Run a command and measure it from outside."""
    began = time.perf_counter()
    first: float | None = None
    records, tail = 0, b""
    environment = os.environ | {"RUNTIME__DLTHUB_TELEMETRY": "false", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:  # noqa: S603 - our own commands
        assert process.stdout is not None
        while block := os.read(process.stdout.fileno(), 1 << 20):
            if first is None and any(mark in block for mark in MARKS):
                first = time.perf_counter() - began
            # A mark may be split between two blocks.
            records += (tail + block).count(MARKS[0]) - tail.count(MARKS[0])
            tail = block[-len(MARKS[0]) + 1 :]
            last = block
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    reported = last.rpartition(b"records ")[2].strip()
    return Run(
        records or int(reported), seconds, usage.ru_utime + usage.ru_stime, first, usage.ru_maxrss * 1024 / 1_000_000
    )


def filled(path: Path, contacts: int) -> Path:
    """A company database with that many contacts, last changed over ten years."""
    create_company_database(path, [], [])
    begin, step = datetime(2015, 1, 5, 9, 0, tzinfo=UTC).replace(tzinfo=None), timedelta(days=3650) / contacts
    companies = (
        {"CT_Num": f"C{n:06}", "CT_Intitule": f"Maison {n}", "CT_Type": 0, "CT_Prospect": 0}
        for n in range(-(-contacts // PER_COMPANY))
    )
    people = (
        {
            "CT_Num": f"C{n // PER_COMPANY:06}",
            "CT_Nom": f"Nom{n}",
            "CT_Prenom": f"Prénom{n}",
            "N_Service": n % 5,
            "CT_Fonction": "Gérant",
            "CT_Telephone": f"01 99 00 {n // 100 % 100:02} {n % 100:02}",
            "CT_TelPortable": f"06 99 00 {n // 100 % 100:02} {n % 100:02}",
            "CT_EMail": f"p{n}@maison.example",
            "CT_Civilite": n % 2,
            "N_Contact": n % 4,
            "CT_No": n + 1,
            "cbModification": begin + n * step,
            "cbCreation": begin + n * step,
        }
        for n in range(contacts)
    )
    engine = company_engine(path)
    for table, rows in ((F_COMPTET, companies), (F_CONTACTT, people)):
        while batch := list(islice(rows, BATCH)):
            with engine.begin() as connection:
                connection.execute(insert(table), batch)
    return path


def source_sage100() -> list[str]:
    """The console script that is installed beside this Python."""
    return [str(Path(sys.executable).with_name("source-sage100"))]


def sqlite(database: Path) -> dict[str, str]:
    """A connection."""
    return {"kind": "sqlite", "path": str(database)}


def configured(stream: str) -> dict[str, Any]:
    """A stream in a configured catalog."""
    return {
        "stream": {"name": stream, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
        "sync_mode": "full_refresh",
        "destination_sync_mode": "append",
    }


def written(path: Path, content: object) -> str:
    """Write a JSON file and return its name."""
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def selected(tap: Sequence[str], path: Path) -> str:
    """The file of the tap's own catalog, with only the contacts selected."""
    found = subprocess.run([*tap, "--discover"], capture_output=True, check=True)  # noqa: S603 - our own command
    catalog = json.loads(found.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"].endswith("F_CONTACTT")
    return written(path, catalog)


if __name__ == "__main__":
    typer.run(main)
