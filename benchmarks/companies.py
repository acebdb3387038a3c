"""Many companies on one machine: what a run costs in `serve` and in a work pool, and what a failure costs.

    python -m benchmarks.companies [--companies 50] [--contacts 2000] [--every 5] [--workers 3] [--no-pool] [--external]

States and Prefect's own database are in one PostgreSQL, a schema for each company; each company has an SSM of its own,
all in another process, which is not counted. First `serve` synchronises all of them. Then, unless `--no-pool`, a
Prefect server and several workers do, while one of the workers is killed with the runs that it has, and the database is
killed and started again; contacts are edited before, and all edits must arrive, each once.
"""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import httpx
import typer
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.postgresql_server import PostgresqlServer, postgresql_server
from benchmarks.processes import descendants, own_processor_seconds, peak_memory, processor_seconds
from benchmarks.sites import sage_rows, tenant
from sage100_ssm.app.assemble import resync
from sage100_ssm.app.schedule import recall_schedule
from sage100_ssm.app.settings import Settings, load_settings
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.people import SageUser
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP
from sage100_ssm.sync.state.records import RunRow, RunStatus
from sage100_ssm.sync.state.store import stored_state

EDITED = 20
POOL = "companies"
QUOTA = 4
EARLY = timedelta(seconds=5)
PARTS = ("runs", "server", "serve")
COMMAND = "from sage100_ssm.cli import main; main()"
PREFECT = Path(sys.executable).with_name("prefect")
console = Console(width=120)


@dataclass
class Site:
    """All companies.

    Attributes:
        folder: where their settings files are.
        files: the settings files.
        contacts: how many contacts each has.
        tenants: the process that has their SSM instances: asked what they hold.
        server: the database server.
    """

    folder: Path
    files: Sequence[Path]
    contacts: int
    tenants: Connection
    server: PostgresqlServer
    settings: Sequence[Settings] = field(init=False)

    def __post_init__(self) -> None:
        self.settings = [load_settings(file) for file in self.files]

    def runs(self, since: datetime) -> list[list[RunRow]]:
        """The runs of each company that began since then."""
        found = []
        for settings in self.settings:
            with stored_state(settings.state) as state:
                found.append([run for run in state.runs() if run.started_at >= since])
        return found

    def seconds_late(self, since: datetime) -> list[float]:
        """How late the runs that began since then began, by the schedule of `serve`."""
        late = []
        for settings, runs in zip(self.settings, self.runs(since), strict=True):
            with stored_state(settings.state) as state:
                schedule = recall_schedule(state)
            assert schedule is not None, "serve is running"
            # Some begin a moment early.
            late += [(run.started_at - schedule.since + EARLY) % schedule.every - EARLY for run in runs]
        return [one.total_seconds() for one in late]

    def good_runs(self, since: datetime) -> list[int]:
        """How many runs of each company began since then and are done."""
        return [sum(run.status is RunStatus.DONE for run in runs) for runs in self.runs(since)]

    def ssm(self) -> Sequence[Mapping[str, int]]:
        """What the SSM instances hold: contacts, and how many of them have each e-mail of an edit."""
        self.tenants.send("look")
        answer: Sequence[Mapping[str, int]] = self.tenants.recv()
        return answer


def main(  # noqa: PLR0913 - the options of a command
    companies: Annotated[int, typer.Option(help="Companies.")] = 50,
    contacts: Annotated[int, typer.Option(help="Linked contacts of each.")] = 2_000,
    every: Annotated[int, typer.Option(help="Minutes from one run of a company to its next.")] = 5,
    workers: Annotated[int, typer.Option(help="Workers of the work pool.")] = 3,
    limit: Annotated[int, typer.Option(help="Runs that a worker has at the same time.")] = 4,
    *,
    pool: Annotated[bool, typer.Option(help="Measure a work pool, too.")] = True,
    external: Annotated[
        bool, typer.Option(help="Let `serve` use a Prefect server on PostgreSQL rather than its own.")
    ] = False,
    window: Annotated[int, typer.Option(help="Minutes that `serve` is measured; 0 for an interval.")] = 0,
    to: Annotated[Path | None, typer.Option(help="A file to which the figures of `serve` are added.")] = None,
) -> None:
    """Measure."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server is left behind
    console.print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as name, postgresql_server() as server:
        server.execute("CREATE DATABASE states")
        server.execute("CREATE DATABASE prefect")
        with opened_site(Path(name), companies, contacts, server) as site:
            if external:
                with prefect_on_postgresql(server, Path(name)) as (environment, prefect):
                    os.environ.update(environment)
                    figures = served(site, every, window, prefect)
            else:
                figures = served(site, every, window)
            console.print(served_table(figures))
            if to:
                others = json.loads(to.read_text("utf-8")) if to.exists() else []
                to.write_text(json.dumps([*others, figures]) + "\n", "utf-8")
            console.print(f"all states: {server.size('states') / 1e6:,.0f} MB")
            if pool:
                console.print(pooled(site, Path(name), every, workers, limit))


# --- the companies


@contextmanager
def opened_site(folder: Path, companies: int, contacts: int, server: PostgresqlServer) -> Iterator[Site]:
    """The companies, with all contacts linked."""
    names = [f"C{number:03}" for number in range(companies)]
    ours, theirs = multiprocessing.Pipe()
    api = multiprocessing.get_context("spawn").Process(
        target=answer_as_ssm, args=(theirs, names, contacts), daemon=True
    )
    api.start()
    files = []
    settings_folder = folder / "settings"
    settings_folder.mkdir()
    for name, access in zip(names, ours.recv(), strict=True):
        create_company_database(folder / f"{name}.db", *sage_rows(contacts))
        server.execute(f"CREATE SCHEMA {name}", "states")
        state = f"{server.url('states')}?options=-csearch_path%3D{name.lower()}"
        file = settings_folder / f"{name}.yaml"
        tree: dict[str, Any] = {
            "sage100": {"company": name, "connection": {"kind": "sqlite", "path": str(folder / f"{name}.db")}},
            "ssm": {**access, "default_sales_rep_id": SALES_REP, "default_branch_id": BRANCH},
            "state": state,
        }
        file.write_text(yaml.safe_dump({**tree, "ssm": {**tree["ssm"], "requests_per_second": 1000}}), "utf-8")
        resync(load_settings(file))
        file.write_text(yaml.safe_dump({**tree, "ssm": {**tree["ssm"], "requests_per_second": QUOTA}}), "utf-8")
        files.append(file)
    try:
        yield Site(settings_folder, files, contacts, ours, server)
    finally:
        api.kill()


def answer_as_ssm(pipe: Connection, names: Sequence[str], contacts: int) -> None:
    """Answer as an SSM instance for each company, and say over the pipe how each is reached, and what it holds."""
    apis = [SsmApiServer(tenant(contacts, name)) for name in names]
    for api in apis:
        api.__enter__()
    pipe.send(
        [{"base_url": api.base_url, "public_key": api.public_key, "private_key": api.private_key} for api in apis]
    )
    while True:
        pipe.recv()
        found = []
        for api in apis:
            rows = [row for row in api.store.rows("contacts") if not row.get("deleted")]
            edited = [row["email"] for row in rows if str(row["email"]).startswith("edited")]
            found.append({"contacts": len(rows), "edited": len(edited), "different": len(set(edited))})
        pipe.send(found)


def edit_contacts(site: Site) -> None:
    """Change a few contacts of each company in Sage."""
    for settings in site.settings:
        user = SageUser(Path(settings.sage100.connection.path))  # type: ignore[union-attr]
        for marq in range(1, EDITED + 1):
            user.edit_contact(marq, CT_EMail=f"edited{marq}@maison.example")


# --- serve


def served(site: Site, every: int, window: int, server: "subprocess.Popen[bytes] | None" = None) -> dict[str, Any]:
    """What `serve` costs while nothing has changed.

    Args:
        site: the companies.
        every: minutes from one run of a company to its next.
        window: how many minutes are measured; 0 for one interval, after each company has had a run.
        server: the process of a Prefect server that the environment names; without, `serve` starts its own.
    """
    began = datetime.now(UTC)
    own = {name: value for name, value in os.environ.items() if server or not name.startswith("PREFECT_")}
    options = ["-c", str(site.folder), "--every", str(every), "--port", str(free_port())]
    words = [sys.executable, "-c", COMMAND, "serve", *options]
    log = (site.folder.parent / "serve.log").open("w")
    process = subprocess.Popen(words, env=own, stdout=log, stderr=log)  # noqa: S603 - own code
    with peak_memory([process.pid, server.pid] if server else [process.pid]) as peak:
        # Looking into all states takes processor time, too.
        pause = max(2.0, len(site.files) / 10)
        wanted = min if window == 0 else max
        until(lambda: wanted(site.good_runs(began)) >= 1, minutes=3 * every + 10, pause=pause, of=process)
        ready = (datetime.now(UTC) - began).total_seconds()
        # What starts once is over; from here on it costs what it costs all day.
        file = site.folder / "serve.prefect" / "server.json"
        server_pid = server.pid if server else json.loads(file.read_text())["pid"]
        quiet, clock = datetime.now(UTC), time.monotonic()
        before = _spent(process.pid, server_pid)
        time.sleep(60 * (window or every))
        spent, lasted = _spent(process.pid, server_pid), time.monotonic() - clock
    runs = [run for company in site.runs(quiet) for run in company if run.finished_at]
    late = site.seconds_late(quiet)
    process.send_signal(signal.SIGTERM)
    process.wait(300)
    a_run = {part: (spent[part] - before[part]) / max(1, len(runs)) for part in spent}
    return {
        "companies": len(site.files),
        "contacts": site.contacts,
        "every": every,
        "server_on": "postgresql" if server else "sqlite",
        "seconds_until_runs": ready,
        "due": round(len(site.files) * lasted / 60 / every),
        "runs": len(runs),
        "done": sum(run.status is RunStatus.DONE for run in runs),
        "processor_seconds_a_run": a_run,
        "load": sum(a_run.values()) * len(runs) / lasted,
        "seconds": [run_seconds(run) for run in runs],
        "seconds_late": late,
        "megabytes": peak.megabytes,
        "processes": peak.processes,
    }


def _spent(serve: int, server: int) -> dict[str, float]:
    """The processor seconds of `serve` itself, of Prefect's server and of the runs."""
    own = {"serve": own_processor_seconds(serve), "server": own_processor_seconds(server)}
    below = own.values() if server in descendants(serve) else [own["serve"]]
    return {**own, "runs": processor_seconds([serve]) - sum(below)}


def served_table(figures: Mapping[str, Any]) -> Table:
    """What `serve` costs, as a table."""
    a_run = figures["processor_seconds_a_run"]
    title = f"{figures['companies']} companies of {figures['contacts']:,} contacts, every {figures['every']} minutes"
    table = Table("serve", "", title=title)
    table.add_row("seconds from its start to the first runs", f"{figures['seconds_until_runs']:.0f}")
    table.add_row("runs", f"{figures['runs']} of {figures['due']} due, of which {figures['done']} done")
    table.add_row("processor seconds a run", f"{sum(a_run.values()):.2f}")
    table.add_row("of which the run; Prefect's server; serve", "; ".join(f"{a_run[part]:.2f}" for part in PARTS))
    table.add_row("load, of one processor", f"{figures['load']:.0%}")
    table.add_row("seconds a run", in_words(figures["seconds"]))
    table.add_row("seconds that a run begins late", in_words(figures["seconds_late"]))
    table.add_row(
        "most memory, shared pages once", f"{figures['megabytes']:,.0f} MB in {figures['processes']} processes"
    )
    return table


# --- a work pool


def pooled(site: Site, folder: Path, every: int, workers: int, limit: int) -> Table:
    """What a work pool costs, and what the death of a worker and of the database does."""
    table = Table("work pool", "", title=f"{len(site.files)} companies, {workers} workers of {limit} runs")
    with prefect_on_postgresql(site.server, folder) as (environment, _):
        os.environ.update(environment)
        set_up_pool(site, every, folder)
        crew = [worker(environment, limit, folder, number) for number in range(workers)]
        try:
            began = datetime.now(UTC)
            pids = [one.pid for one in crew]
            with peak_memory(pids) as peak:
                until(lambda: min(site.good_runs(began)) >= 1, minutes=2 * every + 15)
                quiet, before, clock = datetime.now(UTC), processor_seconds(pids), time.monotonic()
                time.sleep(60 * every)
                spent, lasted = processor_seconds(pids) - before, time.monotonic() - clock
            runs = [run for company in site.runs(quiet) for run in company if run.finished_at]
            table.add_row("runs", f"{len(runs)}, of which {sum(r.status is RunStatus.DONE for r in runs)} done")
            table.add_row("processor seconds a run, Prefect's server not included", f"{spent / max(1, len(runs)):.2f}")
            table.add_row("load, of one processor", f"{spent / lasted:.0%}")
            table.add_row("seconds a run, process start not included", seconds_of(runs))
            table.add_row("most memory, shared pages once", f"{peak.megabytes:,.0f} MB in {peak.processes} processes")
            for row in disturbed(site, crew, every):
                table.add_row(*row)
        finally:
            for one in crew:
                kill_with_runs(one)
    table.add_row("Prefect's own database", f"{site.server.size('prefect') / 1e6:,.0f} MB")
    return table


def disturbed(site: Site, crew: list["subprocess.Popen[bytes]"], every: int) -> Iterator[tuple[str, str]]:
    """Kill a worker and the database in the middle of runs; all edits must arrive, each once."""
    edit_contacts(site)
    until(lambda: len(descendants(crew[0].pid)) > 1, minutes=2 * every)
    time.sleep(5)
    began = datetime.now(UTC)
    killed = len(descendants(crew[0].pid)) - 1
    kill_with_runs(crew.pop(0))
    time.sleep(30)
    site.server.stop("immediate")
    time.sleep(5)
    site.server.start()
    back, clock = datetime.now(UTC), time.monotonic()
    until(lambda: min(site.good_runs(back)) >= 1, minutes=3 * every + 15)
    yield "worker killed, with runs", str(killed)
    yield "database killed and started again, until each company had a good run", f"{time.monotonic() - clock:.0f} s"
    failed = sum(run.status is not RunStatus.DONE for runs in site.runs(began) for run in runs)
    yield "runs since then that failed or were not ended", str(failed)
    shown = site.ssm()
    whole = sum(one["contacts"] == site.contacts for one in shown)
    arrived = sum(one["edited"] == one["different"] == EDITED for one in shown)
    yield "companies with all edits in SSM, each once; and no contact more or less", f"{arrived}; {whole}"


@contextmanager
def prefect_on_postgresql(
    server: PostgresqlServer, folder: Path
) -> Iterator[tuple[dict[str, str], "subprocess.Popen[bytes]"]]:
    """A Prefect server whose database is PostgreSQL: what its clients need in the environment, and its process."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/api"
    environment = {
        "PREFECT_API_URL": address,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60",
        "DO_NOT_TRACK": "1",
    }
    own = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": server.url("prefect", "asyncpg"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    }
    log = (folder / "prefect.log").open("w")
    process = subprocess.Popen(  # noqa: S603 - Prefect's own command
        [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **environment, **own},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        until(lambda: _answers(f"{address}/health"), minutes=5, of=process)
        yield environment, process
    finally:
        kill_with_runs(process)


def set_up_pool(site: Site, every: int, folder: Path) -> None:
    """What `prefect setup --no-block` does, for each company."""
    words = ["prefect", "setup", "--no-block", "--pool", POOL, "--every", str(every), "--folder", str(folder)]
    code = f"""
import sys
from sage100_ssm.cli.commands import app
for file in sys.argv[1:]:
    app([*{words!r}, "-c", file], standalone_mode=False)
"""
    files = list(map(str, site.files))
    subprocess.run([sys.executable, "-c", code, *files], check=True, capture_output=True)  # noqa: S603 - own code


def worker(environment: Mapping[str, str], limit: int, folder: Path, number: int) -> "subprocess.Popen[bytes]":
    """A worker of the pool."""
    log = (folder / f"worker{number}.log").open("w")
    words = [str(PREFECT), "worker", "start", "--pool", POOL, "--limit", str(limit), "--name", f"worker {number}"]
    return subprocess.Popen(  # noqa: S603 - Prefect's own command
        words, env={**os.environ, **environment}, stdout=log, stderr=log, start_new_session=True
    )


def kill_with_runs(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all below it, as a power failure does."""
    for pid in reversed(descendants(process.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False, timeout=2).is_success
    except httpx.TransportError:
        return False


# --- time


def until(is_so: Callable[[], bool], *, minutes: float, pause: float = 2, of: Any = None) -> None:
    """Wait until something is so.

    Args:
        is_so: whether it is.
        minutes: how long to wait at most.
        pause: seconds from one look to the next.
        of: the process that makes it so.

    Raises:
        TimeoutError: it takes too long, or the process has ended.
    """
    deadline = time.monotonic() + 60 * minutes
    while not is_so():
        if time.monotonic() > deadline or (of is not None and of.poll() is not None):
            raise TimeoutError
        time.sleep(pause)


def seconds_of(runs: Sequence[RunRow]) -> str:
    """How long runs took."""
    return in_words([run_seconds(run) for run in runs if run.finished_at])


def run_seconds(run: RunRow) -> float:
    """How long a run took that has ended."""
    assert run.finished_at is not None
    return (run.finished_at - run.started_at).total_seconds()


def in_words(seconds: Sequence[float]) -> str:
    """The figure in the middle, the one that a twentieth exceed, and the highest."""
    if not seconds:
        return "-"
    nearly_all = sorted(seconds)[int(0.95 * len(seconds))]
    return f"{median(seconds):.1f}, 95 % below {nearly_all:.1f}, at most {max(seconds):.1f}"


if __name__ == "__main__":
    typer.run(main)
