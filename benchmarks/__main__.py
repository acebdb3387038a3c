"""Every goal of the synchronisation, measured beside its limit or another program, in one command.

    python -m benchmarks all [--contacts 1000000] [--others .venv-others/bin/python] [--to figures.json]

Measured are that number of contacts and a tenth, a hundredth and a thousandth of it. The goals are for a million: with
fewer contacts the command shows that it works, and no more. With ``--to`` the figures are written to a file, of which
`python -m docs.measure_pages` makes the tables and plots of the page.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.all_goals import AllGoals
from benchmarks.goals import as_measured

app = typer.Typer(add_completion=False)


@app.callback()
def benchmarks() -> None:
    """Measure the synchronisation."""


@app.command("all")
def measure_all(
    contacts: Annotated[int, typer.Option(help="The largest number of contacts.", min=80_000)] = 1_000_000,
    others: Annotated[Path, typer.Option(help="Python of the environment with dlt and the tap.")] = Path(
        ".venv-others/bin/python"
    ),
    to: Annotated[Path | None, typer.Option(help="A file for the figures.")] = None,
) -> None:
    """Measure every goal."""
    log, began = Console(stderr=True), time.monotonic()
    goals = AllGoals(contacts, others)
    measured_on = machine()
    for part in goals.measure():
        log.print(f"{time.monotonic() - began:5.0f} s  {part}")
        if to:
            _store(to, goals, measured_on)  # should the rest fail
    table = Table("processor seconds, memory, requests", "measured", "limit", "kept")
    for measured in as_measured(goals.found):
        table.add_row(*measured.row("en"))
    Console(width=140).print(table)
    if to:
        _store(to, goals, measured_on)


def _store(file: Path, goals: AllGoals, measured_on: dict[str, Any]) -> None:
    file.write_text(json.dumps({"machine": measured_on, **goals.figures()}, indent=1) + "\n", "utf-8")


def machine() -> dict[str, Any]:
    """What it was measured on, and when."""
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "commit": _commit(),
        "load_before": round(os.getloadavg()[0], 1),
        "system": sys.platform,
    }


def _commit() -> str | None:
    """The commit of the code that is measured; None where this is no clone."""
    git = shutil.which("git")
    if git is None:
        return None
    words = ["-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run([git, *words], capture_output=True, text=True, check=False)  # noqa: S603 - git
    return done.stdout.strip() or None


if __name__ == "__main__":
    app()
