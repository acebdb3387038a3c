"""What the commands that only look cost on a state of any size: processor seconds and peak memory, the start included.

    python -m benchmarks.commands [--links 1000000] [--problems 100]

Each command is a process of its own. The limits hold whatever the number of links; `links` without `-n` prints all of
them, and has the limit of memory alone.

Measured with 1,000,000 links on two busy cores: `--help` 0.19 s and 29 MB, `status` 0.45 s and 63 MB, `links -n 20`
0.45 s and 60 MB, `links --json` 35 s and 68 MB. `problems` prints an open problem in less than a millisecond.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, insert

from sage100_ssm.standins.ssm_api.tenant import SALES_REP
from sage100_ssm.sync.journal import Entry, Subject, ValueTooLong
from sage100_ssm.sync.model import Link, Side, ValuePair
from sage100_ssm.sync.state import rows, tables
from sage100_ssm.sync.state.store import StateStore

AT_ONCE = 20_000
STAMP = "2026-01-05T09:00:00Z"
COMMANDS = (
    ["--help"],
    ["status"],
    ["problems"],
    ["explain", "20"],
    ["explain", "Prénom20 Nom20"],
    ["links", "-n", "20"],
    ["links", "--json"],
)
MEASURE = """
import sys, time
from pathlib import Path
from sage100_ssm.cli import main
try:
    main()
finally:
    # Not `getrusage`, whose peak begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(time.process_time(), int(peak) // 1024, file=sys.stderr)
"""


def main(
    links: Annotated[int, typer.Option(help="Linked contacts.")] = 1_000_000,
    problems: Annotated[int, typer.Option(help="Open problems.")] = 100,
) -> None:
    """Build a state once, then measure each command."""
    table = Table("command", "processor seconds", "MB", title=f"{links:,} links, {problems:,} open problems")
    with tempfile.TemporaryDirectory() as name:
        settings = installation(Path(name))
        build_state(f"sqlite:///{name}/sync-state.db", links, problems)
        for words in COMMANDS:
            seconds, megabytes = spent(words, settings)
            table.add_row(" ".join(words), f"{seconds:.2f}", str(megabytes))
    table.add_row("limit", "0.50", "100")
    Console().print(table)


def spent(words: Sequence[str], settings: Path) -> tuple[float, int]:
    """The processor seconds and the peak of memory, in megabytes, of a command."""
    arguments = words if words == ["--help"] else [*words, "-c", str(settings)]
    command = [sys.executable, "-c", MEASURE, *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)  # noqa: S603 - own code
    seconds, peak = done.stderr.split()[-2:]
    return float(seconds), int(peak)


def installation(folder: Path) -> Path:
    """Settings that name sides which no command that only looks opens."""
    settings = {
        "language": "en",
        "sage100": {"company": "BENCH", "connection": {"kind": "sqlite", "path": "absent.db"}},
        "ssm": {"public_key": "pk", "private_key": "sk", "default_sales_rep_id": SALES_REP},
    }
    file = folder / "sync.yaml"
    file.write_text(yaml.safe_dump(settings), "utf-8")
    return file


def build_state(url: str, links: int, problems: int) -> None:
    """A state with live links and open problems."""
    add_problems(url, problems)
    engine = create_engine(url)
    with engine.begin() as connection:
        source = link_rows(links)
        while batch := list(islice(source, AT_ONCE)):
            connection.execute(insert(tables.links), batch)
    engine.dispose()


def add_problems(url: str, problems: int) -> None:
    """Add open problems to a state, which is created if there is none."""
    with StateStore.open(url) as store, store.transaction() as transaction:
        met = (problem(number) for number in range(problems))
        transaction.report_problems(met, now=datetime.now(UTC), run_id="bench", keep=lambda _: True)


def link_rows(number: int) -> Iterator[dict[str, Any]]:
    """Rows of the table of links."""
    for n in range(1, number + 1):
        values = {
            "last_name": f"Nom{n}",
            "first_name": f"Prénom{n}",
            "phone": f"01 99 00 {n // 100 % 100:02} {n % 100:02}",
            "mobile": None,
            "email": f"p{n}@maison.example",
            "civility": n % 2,
        }
        base = {field: ValuePair(value, value) for field, value in values.items()}
        base["job_title"] = ValuePair("Gérant", 1)
        company, origin = f"C{n // 4:06}", Side.SSM if n % 10 == 0 else Side.SAGE100
        link = Link(n, n, links_id(n), company, f"Prénom{n} Nom{n}", origin, base, STAMP, STAMP)
        yield rows.link_row(link)


def links_id(number: int) -> int:
    """The SSM id of the contact of a link."""
    return 10_000_000 + number


def problem(number: int) -> Entry:
    """An open problem of a linked contact."""
    subject = Subject(f"C{number // 4:06}", number, links_id(number), f"Prénom{number} Nom{number}")
    return Entry(subject, ValueTooLong(69, 80), field="email", ssm_value="x" * 80)


if __name__ == "__main__":
    typer.run(main)
