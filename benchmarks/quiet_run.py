"""Runs over contacts: processor seconds, peak of memory, requests and writes, each run in a process of its own.

    python -m benchmarks.quiet_run [--contacts 10000]

The stand-in for SSM runs in this process. A quiet run is measured beside the least that a look at every row takes: the
same rows of Sage and the same links, fetched from the same files and compared by their key.

In the first run both sides are full, no contact is linked, and all are matched by their names. Each is to be given its
`extId` in SSM. These writes are planned and left out: they go out at the pace of SSM's quota, which is no matter of the
processor.

A seventh request of a quiet run is one page more, on purpose: where all accounts fit one page and are shown again,
because they were stamped at the same time, that page may be a full one, and the empty page after it is asked for twice
(P10).
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.processes import answer_of
from benchmarks.sites import PER_COMPANY, installation, tenant
from sage100_ssm.standins.people import SageUser, SsmUser
from sage100_ssm.standins.ssm_api.server import SsmApiServer

EDITS = 10
"""Contacts edited on each side."""
FIRST, RESYNC, ALL, QUIET, EDITED, AFTER, MERGE = (
    "first run, without its writes",
    "resync (links all by extId)",
    "run after it, which looks at all",
    "quiet",
    "edited on both sides",
    "quiet again, which looks at these",
    "least: a merge of two sorted streams",
)
Figures = dict[str, Any]


def main(contacts: Annotated[int, typer.Option(help="Contacts.")] = 10_000) -> None:
    """Measure a first run, then runs in which nothing has changed, or little."""
    columns = ("", "start, processor s", "run, processor s", "peak MB", "SSM requests", "written")
    table = Table(*columns, title=f"{contacts:,} contacts")
    for name, figures in runs(contacts):
        counts = [str(figures.get(what, "")) for what in ("megabytes", "requests", "written")]
        table.add_row(name, f"{figures['start']:.2f}", f"{figures['seconds']:.2f}", *counts)
    Console(width=120).print(table)


def runs(contacts: int) -> Iterator[tuple[str, Figures]]:
    """Each run with its name and figures, as `benchmarks.one_run` reports them."""
    with tempfile.TemporaryDirectory() as name, SsmApiServer(tenant(contacts, are_marked=False)) as api:
        yield FIRST, answer_of("benchmarks.one_run", "first", installation(Path(name), contacts, api))
    with tempfile.TemporaryDirectory() as name, SsmApiServer(tenant(contacts)) as api:
        settings = installation(Path(name), contacts, api)
        # A run whose state knows no link would stop at so many marks (P9).
        yield RESYNC, answer_of("benchmarks.one_run", "resync", settings)
        for kind in (ALL, QUIET, QUIET):
            yield kind, answer_of("benchmarks.one_run", "run", settings)
        _edit(settings.with_name("bench.db"), api, contacts)
        for kind in (EDITED, AFTER, QUIET):
            yield kind, answer_of("benchmarks.one_run", "run", settings)
        yield MERGE, answer_of("benchmarks.one_run", "merge", settings)


def _edit(database: Path, api: SsmApiServer, contacts: int) -> None:
    """Users edit some contacts on each side, all of different companies."""
    sage100, ssm = SageUser(database), SsmUser(api)
    distance = contacts // (2 * EDITS)
    assert distance >= PER_COMPANY, "too few contacts for so many edits"
    for number in range(EDITS):
        sage100.edit_contact(1 + 2 * number * distance, CT_Telephone="01 99 00 99 99")
    ids = [row["id"] for row in api.store.rows("contacts")]
    for number in range(EDITS):
        ssm.edit_contact(ids[(2 * number + 1) * distance], phone1="01 99 00 88 88")


if __name__ == "__main__":
    typer.run(main)
