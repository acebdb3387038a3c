"""What a run costs before it writes, with very many links of which nothing has changed: observed and planned.

    python -m benchmarks.many_links main [--contacts 1000000]

The state is made as many runs would have left it, without these runs: SSM answers from memory that nothing is new. The
Sage database is a real one, read as always. Beside it the least that this takes, on the same file: its rows fetched,
and nothing made of them.
"""

import json
import sqlite3
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, insert

from benchmarks.processes import answer_of, peak_of_memory
from benchmarks.sites import PER_COMPANY, sage_rows
from sage100_ssm.app.sides import SageSide
from sage100_ssm.exchange.reading import Reading, Row, StreamState
from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.sync.contacts.codecs import Locale
from sage100_ssm.sync.contacts.companies import Scope
from sage100_ssm.sync.contacts.fields import STANDARD
from sage100_ssm.sync.contacts.keys import company_key
from sage100_ssm.sync.policy import Policy
from sage100_ssm.sync.run.context import Context, Run, RunOptions, Site
from sage100_ssm.sync.run.observe import observe_and_remember
from sage100_ssm.sync.run.ports import HandingOn
from sage100_ssm.sync.run.rounds import Rounds
from sage100_ssm.sync.run.survey import survey
from sage100_ssm.sync.state import ascii_json, tables
from sage100_ssm.sync.state.at_rest import batches
from sage100_ssm.sync.state.records import RunStatus
from sage100_ssm.sync.state.store import DURATION, StateStore

_AT_ONCE = 20_000

app = typer.Typer(add_completion=False)


@app.command()
def main(contacts: Annotated[int, typer.Option(help="Linked contacts.")] = 1_000_000) -> None:
    """Make the Sage database and the state, then observe and plan in a process of its own."""
    table = Table("", "processor s", "peak MB", title=f"{contacts:,} links, nothing changed")
    with tempfile.TemporaryDirectory() as name:
        made_at_rest(Path(name), contacts)
        for _ in range(2):
            figures = looked(Path(name))
            table.add_row("observed", f"{figures['observe']:.2f}", "")
            looked_at = f"planned ({figures['links_looked_at']} links looked at)"
            table.add_row(looked_at, f"{figures['plan']:.2f}", str(figures["megabytes"]))
            table.add_row("least: the rows of Sage fetched", f"{figures['least']:.2f}", "")
    Console().print(table)


@app.command(hidden=True)
def one(folder: Path) -> None:
    """Observe and plan once, in this process; the last line is what it took, as JSON."""
    with _run(folder) as run:
        began = time.process_time()
        seen = observe_and_remember(run)
        observed = time.process_time()
        decided = Rounds(run.context, seen).decide_next()
        planned = time.process_time()
    figures = {
        "observe": observed - began,
        "plan": planned - observed,
        "links_looked_at": len(decided.world.links),
        "megabytes": peak_of_memory(),
        "least": _least(folder),
    }
    print(json.dumps(figures))  # noqa: T201 - its answer


def made_at_rest(folder: Path, contacts: int) -> None:
    """Make a Sage database, and a state in which all its contacts are linked and nothing is to be done."""
    create_company_database(folder / "bench.db", *sage_rows(contacts))
    _make_state(folder, contacts)


def looked(folder: Path) -> dict[str, Any]:
    """What it takes to observe and plan there, in a process of its own."""
    figures: dict[str, Any] = answer_of("benchmarks.many_links", "one", folder)
    return figures


def _least(folder: Path) -> float:
    began = time.process_time()
    with closing(sqlite3.connect(folder / "bench.db")) as sage100:
        rows = sage100.execute("SELECT * FROM F_CONTACTT ORDER BY cbMarq")
        while rows.fetchmany(2000):
            pass
    return time.process_time() - began


class _QuietSsm:
    """SSM, which has nothing new: it is asked for known contacts by their ids alone."""

    requests = refusals = 0
    reduced_rate = 4.0

    def read(
        self,
        streams: Mapping[str, StreamState | None],
        handing_on: HandingOn | None = None,  # noqa: ARG002 - the protocol's
    ) -> Mapping[str, Reading]:
        """Nothing since the state."""
        return {name: Reading([], state) for name, state in streams.items()}

    def find(self, ids: Collection[int]) -> Reading:
        """The contacts as the state has them."""
        return Reading([_card(id_ - 1) for id_ in ids])

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Nothing is written here."""


def _card(number: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        "accountId": {"id": number // PER_COMPANY + 1, "value": f"Maison {number // PER_COMPANY}"},
        "salesRepId": {"id": 7, "value": "Claire Morel"},
        "firstName": f"Prénom{number}",
        "lastName": f"Nom{number}",
        "typeId": {"id": 1, "value": "Gérant"},
        "phone1": f"01 99 00 {number // 100 % 100:02} {number % 100:02}",
        "email": f"p{number}@maison.example",
        "gender": {"id": number % 2, "value": ""},
        "extId": f"sage100:BENCH:{number + 1}",
        "deleted": False,
        "dateCreated": "2025-01-05T09:00:00.000Z",
        "dateUpdated": None,
    }


@contextmanager
def _run(folder: Path) -> Iterator[Run]:
    config = Sage100Config.model_validate(
        {"company": "BENCH", "connection": {"kind": "sqlite", "path": str(folder / "bench.db")}}
    )
    locale = Locale("FR", "fr", ZoneInfo("Europe/Paris"))
    site = Site(
        "BENCH", STANDARD, locale, Policy(), Scope(), "extId", ext_id_once=False, time_budget=timedelta(hours=1)
    )
    sage100 = SageSide(config)
    with StateStore.open(_url(folder)) as store:
        lease = store.acquire("bench:1", datetime.now(UTC), DURATION)
        context = Context(store, sage100, _QuietSsm(), site, RunOptions(), lambda: datetime.now(UTC))
        yield Run(context, lease, f"bench {time.monotonic()}", datetime.now(UTC))
        with store.transaction() as transaction:
            (last, *_) = transaction.runs(1)
            transaction.finish_run(replace(last, finished_at=datetime.now(UTC), status=RunStatus.DONE))
        store.release(lease)
    sage100.close()


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/sync-state.db"


def _make_state(folder: Path, contacts: int) -> None:
    """A state in which every contact is linked, and every company at rest."""
    now = datetime.now(UTC)
    StateStore.open(_url(folder)).close()
    engine = create_engine(_url(folder))
    with engine.begin() as connection:
        for batch in batches(range(contacts), _AT_ONCE):
            connection.execute(insert(tables.links), [_link_row(number) for number in batch])
            connection.execute(insert(tables.observations), [_observation("contacts", _card(n)) for n in batch])
        for batch in batches(range(-(-contacts // PER_COMPANY)), _AT_ONCE):
            accounts = [{"id": n + 1, "extId": f"C{n:06}", "name": f"Maison {n}", "deleted": False} for n in batch]
            connection.execute(insert(tables.observations), [_observation("accounts", row) for row in accounts])
    with StateStore.open(_url(folder)) as store, store.transaction() as transaction:
        for stream in ("accounts", "contacts"):
            transaction.save_cursor(stream, {"changed_at": now.isoformat(), "id": contacts})
        transaction.remember("ssm_whole_read_at", now.isoformat())
        transaction.remember("code_field", "extId")
    with _run(folder) as run:
        # The first look sees settings that it does not know, and would look at everybody: the state says that it has.
        observe_and_remember(run)
        digests = survey(run.context.sage100, ()).digests
        with run.transaction() as transaction:
            transaction.settle_companies(digests)


def _link_row(number: int) -> dict[str, Any]:
    base = {
        "last_name": f"Nom{number}",
        "first_name": f"Prénom{number}",
        "job_title": ["Gérant", 1],
        "email": f"p{number}@maison.example",
        "civility": number % 2,
        "company": f"C{number // PER_COMPANY:06}",
    }
    return {
        "sage100_id": number + 1,
        "sage100_no": number + 1,
        "ssm_id": number + 1,
        "company": f"C{number // PER_COMPANY:06}",
        "contact": f"Prénom{number} Nom{number}",
        "origin": "sage100",
        "base": ascii_json.dumps(base),
        "status": "active",
    }


def _observation(stream: str, row: dict[str, Any]) -> dict[str, Any]:
    number = row["id"] - 1
    if stream == "accounts":
        return {"stream": stream, "id": row["id"], "data": row, "company": company_key(row["extId"])}
    return {
        "stream": stream,
        "id": row["id"],
        "data": row,
        "account_id": number // PER_COMPANY + 1,
        "company": company_key(f"C{number // PER_COMPANY:06}"),
        "named": row["id"],
        "is_live": True,
    }


if __name__ == "__main__":
    app()
