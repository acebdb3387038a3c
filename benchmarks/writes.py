"""Writing contacts: `destination-ssm` compared with its limit, `destination-sage100` with a loop of SQLAlchemy Core.

    python -m benchmarks.writes [--contacts 150] [--quota 40] [--rows 400]

SSM is its stand-in, which refuses what goes over the quota. The limit is one request per changed contact and
two page reads per batch (one before it, one after), at the quota's pace. A login is added once, and for new contacts a
request for the fields that SSM has. New contacts need a third page read per batch: nothing is found under their
`extId`, and an empty page is accepted only when it is empty twice. In bulk a batch of 100 is one request. The first
second's requests are sent at once, so a write may end a little before requests / quota.

Sage is the sample database, without a quota: a contact costs its transaction. The loop compared with it does the same
in as few lines as possible: read, compare, write, read back, commit. Both take turns, on files of their own, because a
commit waits for the disk.

Measured on two busy cores: 156 requests for 150 changed contacts, 159 for as many new ones, 6 and 10
in bulk; 3.2 and 4.2 seconds where requests / quota were 3.9 and 4.0. Into Sage 722 changed and 469 new contacts a
second, the loop 1,045 and 804.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
import typer
from airbyte_cdk.models import AirbyteMessage, AirbyteRecordMessage, ConfiguredAirbyteCatalogSerializer, Type
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, Engine, create_engine, func, insert, select, update

from benchmarks.sites import sage_rows, tenant
from destination_sage100.destination import DestinationSage100
from destination_ssm.destination import DestinationSsm
from sage100_ssm.connectors.destination import RecordDestination
from sage100_ssm.exchange.receipt import Outcome, Receipt, Sink
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.tenant import SALES_REP

Record = Mapping[str, Any]
DEFAULT_QUOTA = 4
SECONDS_OF_A_BATCH, LARGEST_BATCH, BULK = 5, 50, 100
"""Seconds that a batch may take, records in the largest batch, and records in one request in bulk."""
COUNTS = ("writes", "page reads", "together", "limit", "others")
REQUESTS = ("records", "contacts", "quota", *COUNTS, "seconds", "requests / quota", "records/s")
RATES = ("records", "contacts", "destination-sage100, records/s", "loop of SQLAlchemy Core, records/s")
SLICE = 50
"""Records written to Sage by one way before the other has its turn."""


@dataclass(frozen=True, slots=True)
class Written:
    """The receipts of the records written, and the seconds it took."""

    receipts: Sequence[Receipt]
    seconds: float

    @property
    def rate(self) -> str:
        """Records per second."""
        return f"{len(self.receipts) / self.seconds:,.1f}"


def main(
    contacts: Annotated[int, typer.Option(help="Contacts written to SSM, each way.")] = 150,
    quota: Annotated[int, typer.Option(help="Requests per second that SSM allows.")] = 40,
    rows: Annotated[int, typer.Option(help="Contacts written to Sage, each way.")] = 400,
) -> None:
    """Measure."""
    table = Table(*REQUESTS, title="destination-ssm, requests and their limit; process start not included")
    few = DEFAULT_QUOTA * SECONDS_OF_A_BATCH
    for allowed, number, bulk in ((DEFAULT_QUOTA, few, False), (quota, contacts, False), (quota, contacts, True)):
        for line in to_ssm(number, allowed, bulk=bulk):
            table.add_row(*line)
    Console(width=140).print(table)
    table = Table(*RATES, title="destination-sage100 on the sample database, a transaction per contact")
    for figures in to_sage(rows):
        table.add_row(*figures)
    Console(width=140).print(table)


def to_ssm(contacts: int, quota: int, *, bulk: bool) -> Iterator[tuple[str, ...]]:
    """A line of the table for updating all contacts of a tenant, and one for creating as many."""
    with SsmApiServer(tenant(contacts), requests_per_second=quota) as api:
        existing = api.store.rows("contacts")
        updates = [{"id": row["id"], "phone1": f"+3319900{row['id']:04}"} for row in existing]
        news = [{**_new(row["accountId"], n), "extId": f"sage100:BENCH:new-{n}"} for n, row in enumerate(existing)]
        config = {
            "base_url": api.base_url,
            "public_key": api.public_key,
            "private_key": api.private_key,
            "requests_per_second": quota,
            "bulk_writes": bulk,
            "default_sales_rep_id": SALES_REP,
        }
        for what, records in (("changed", updates), ("new", news)):
            time.sleep(1.1)  # so that no earlier request counts towards the quota
            api.requests.clear()
            done = written(DestinationSsm, config, records)
            figures = _figures(api, done, quota, bulk=bulk)
            yield (f"{what} in bulk" if bulk else what, str(contacts), f"{quota}/s", *figures)
        stored = {row["id"]: row for row in api.store.rows("contacts")}
        assert len(stored) == 2 * contacts
        assert all(stored[record["id"]]["phone1"] == record["phone1"] for record in updates)


def _figures(api: SsmApiServer, done: Written, quota: int, *, bulk: bool) -> tuple[str, ...]:
    """Requests and their limit, seconds and the least that the quota allows."""
    contacts, requests = len(done.receipts), api.requests
    writes = sum(call.path.startswith("/contacts") and call.method != "GET" for call in requests)
    reads = sum(call.path == "/contacts" and call.method == "GET" for call in requests)
    batches = -(-contacts // (BULK if bulk else min(LARGEST_BATCH, SECONDS_OF_A_BATCH * quota)))
    counts = (writes, reads, writes + reads, contacts + 2 * batches, len(requests) - writes - reads)
    return *map(str, counts), f"{done.seconds:.1f}", f"{len(requests) / quota:.1f}", done.rate


def to_sage(rows: int) -> Iterator[tuple[str, ...]]:
    """A line of the table for updating all contacts of a company, for doing so again, and for creating as many."""
    companies, people = sage_rows(rows)
    updates = [{"cbMarq": n, "CT_Telephone": f"+3319900{n:06}"} for n in range(1, rows + 1)]
    news = [{name: row[name] for name in ("CT_Num", "CT_Nom", "CT_Prenom", "CT_Fonction")} for row in people]
    news = [{**row, "CT_Nom": f"{row['CT_Nom']} bis"} for row in news]
    ways: Sequence[tuple[str, Sequence[Record], Callable[[Connection, Record], None]]] = (
        ("changed", updates, updated),
        ("equal already", updates, updated),
        ("new", news, created),
    )
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name) / "ours.db", Path(name) / "theirs.db"
        for path in (ours, theirs):
            create_company_database(path, companies, people)
        engine = create_engine(f"sqlite:///{theirs}")
        config = {"company": "BENCH", "connection": {"kind": "sqlite", "path": str(ours)}}
        with open_database(Sage100Config.model_validate(config)) as database:
            opened = partial(DestinationSage100, database=database)
            for what, records, by_hand in ways:
                ours_took = theirs_took = 0.0
                for some in sliced(records):
                    ours_took += written(opened, config, some).seconds
                    theirs_took += looped(engine, some, by_hand)
                yield what, str(rows), f"{rows / ours_took:,.0f}", f"{rows / theirs_took:,.0f}"
        engine.dispose()


def sliced(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Records in slices."""
    return (records[start : start + SLICE] for start in range(0, len(records), SLICE))


def written(opened: Callable[[Sink], RecordDestination], config: Record, records: Sequence[Record]) -> Written:
    """Let a destination write records of contacts.

    Args:
        opened: creates the destination, given the sink for its receipts.
        config: its settings.
        records: the records, all of the same fields.

    Raises:
        SystemExit: one was not written.
    """
    receipts: list[Receipt] = []
    destination = opened(receipts.append)
    began = time.perf_counter()
    messages = (
        AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream="contacts", data=dict(data), emitted_at=1))
        for data in records
    )
    for _ in destination.write(config, _catalog(records[0]), messages):
        pass
    seconds = time.perf_counter() - began
    if wrong := [receipt for receipt in receipts if receipt.outcome is not Outcome.APPLIED]:
        raise SystemExit(f"{len(wrong)} of {len(records)} were not written, the first for: {wrong[0]}")
    return Written(receipts, seconds)


def looped(engine: Engine, records: Sequence[Record], by_hand: Callable[[Connection, Record], None]) -> float:
    """Write records one after the other, each in a transaction; return the seconds."""
    began = time.perf_counter()
    for record in records:
        with engine.begin() as connection:
            by_hand(connection, record)
    return time.perf_counter() - began


def updated(connection: Connection, record: Record) -> None:
    """Read a contact, compare, write what differs and read it back."""
    query = select(F_CONTACTT).where(F_CONTACTT.c.cbMarq == record["cbMarq"])
    row = connection.execute(query).mappings().one()
    if changed := {name: value for name, value in record.items() if row[name] != value}:
        stamped = {**changed, "cbModification": datetime.now().replace(microsecond=0)}  # noqa: DTZ005 - as Sage stamps
        connection.execute(update(F_CONTACTT).where(F_CONTACTT.c.cbMarq == record["cbMarq"]).values(stamped))
        connection.execute(query).mappings().one()


def created(connection: Connection, record: Record) -> None:
    """Check that the company exists and the name is free, write with the next number and read back."""
    name = (F_CONTACTT.c[column] == record[column] for column in ("CT_Num", "CT_Nom", "CT_Prenom"))
    connection.execute(select(F_COMPTET.c.CT_Num).where(F_COMPTET.c.CT_Num == record["CT_Num"])).scalar_one()
    if connection.execute(select(F_CONTACTT).where(*name)).first() is None:
        number = connection.execute(select(func.max(F_CONTACTT.c.CT_No))).scalar_one() + 1
        connection.execute(insert(F_CONTACTT).values(**record, CT_No=number))
        connection.execute(select(F_CONTACTT).where(F_CONTACTT.c.CT_No == number)).mappings().one()


def _new(account: int, number: int) -> dict[str, Any]:
    return {
        "firstName": f"Prénom{number}",
        "lastName": f"Nouveau{number}",
        "accountId": account,
        "phone1": "0199001234",
    }


def _catalog(record: Record) -> Any:
    stream = {
        "name": "contacts",
        "json_schema": {"properties": {field: {} for field in record}},
        "supported_sync_modes": ["full_refresh"],
    }
    configured = {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}
    return ConfiguredAirbyteCatalogSerializer.load({"streams": [configured]})


if __name__ == "__main__":
    typer.run(main)
