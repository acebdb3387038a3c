"""How many companies one `serve` carries on what machine: a simulation of a day's worst quarters of an hour.

    python -m benchmarks.fleet [--figures benchmarks/companies.json]

What a run costs is what `python -m benchmarks.companies` and `python -m benchmarks all` measured. `serve` and Prefect's
server work on one run after the other, each on one processor at the most; the runs share what is left. Two quarters of
an hour are simulated: one in which little has changed, and the one in which all companies read SSM whole, as each does
once a day. A number of companies is carried where in both nearly all runs begin within a minute after they are due, and
none is still under way when the next one is due; and where the memory is enough for all runs at once.
"""

import json
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
TICK = 0.1
INTERVAL = 900.0
NEARLY_ALL = 0.95
LATE = 60.0
EDITED = 0.2
"""The part of the runs that find something to write."""
SYSTEM, TOGETHER, OF_A_RUN = 1_000, 600, 80
"""Megabytes of the system; of `serve`, the prepared process and Prefect's server; and of a run's own pages."""
MACHINES = ((2, 4), (2, 8), (4, 16), (8, 32), (8, 64))
"""Processors, and gigabytes of memory."""
PROCESSORS = (2, 4, 8)
CONTACTS = (200, 2_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a run costs.

    Attributes:
        serve: processor seconds of `serve`.
        server: processor seconds of Prefect's server.
        own: processor seconds of its own process, and waiting for SSM, where it has few contacts.
        seconds: how long such a run lasts on a machine that has time.
        per_contact: processor seconds more for each contact.
        edited: processor seconds more where something is written.
        whole: processor seconds for each contact where SSM is read whole.
        requests: requests to SSM for each contact where it is read whole.
        quiet_megabytes: memory for each contact where nothing has changed.
        whole_megabytes: memory for each contact where SSM is read whole.
        quota: requests that SSM allows in a second.
    """

    serve: float
    server: float
    own: float
    seconds: float
    per_contact: float
    edited: float
    whole: float
    requests: float
    quiet_megabytes: float
    whole_megabytes: float
    quota: float = 4


@dataclass(slots=True)
class _Run:
    due: float
    serve: float
    server: float
    own: float
    waiting: float
    begun: float | None = None


@dataclass(frozen=True, slots=True)
class Quarter:
    """What became of the runs of a quarter of an hour.

    Attributes:
        late: the seconds that nearly all runs begin late at the most.
        load: the part of all processors that is used.
        at_once: the most runs at the same time.
        lasted: how long the longest run took from when it was due.
    """

    late: float
    load: float
    at_once: int
    lasted: float

    @property
    def is_carried(self) -> bool:
        """Whether the machine keeps up."""
        return self.late <= LATE and self.lasted < INTERVAL


def simulated(costs: Costs, processors: int, companies: int, contacts: int, *, is_whole: bool) -> Quarter:
    """A quarter of an hour, and as long as its runs take."""
    chance = random.Random(companies)  # noqa: S311 - the same for each size of machine
    due = deque(_run(costs, INTERVAL * n / companies, contacts, chance, is_whole=is_whole) for n in range(companies))
    at_serve: deque[_Run] = deque()
    at_server: deque[_Run] = deque()
    under_way: list[_Run] = []
    ended: list[tuple[float, float]] = []
    now = used = 0.0
    at_once = 0
    while due or at_serve or at_server or under_way:
        while due and due[0].due <= now:
            at_serve.append(due.popleft())
        working = [run for run in under_way if run.own > 0]
        wanting = len(working) + bool(at_serve) + bool(at_server)
        share = TICK * min(1.0, processors / wanting) if wanting else 0.0
        used += share * wanting
        for queue, part, onwards in ((at_serve, "serve", at_server), (at_server, "server", under_way)):
            if queue and _worked(queue[0], part, share):
                onwards.append(queue.popleft())
        for run in working:
            run.own -= share
        now += TICK
        for run in under_way:
            run.begun = now if run.begun is None else run.begun
            run.waiting -= TICK if run.own <= 0 else 0
        ended += [(run.begun - run.due, now - run.due) for run in under_way if run.waiting <= 0 and run.begun]
        under_way = [run for run in under_way if run.waiting > 0]
        at_once = max(at_once, len(under_way))
    late = sorted(late for late, _ in ended)
    return Quarter(
        late[int(NEARLY_ALL * len(late))], used / (now * processors), at_once, max(lasted for _, lasted in ended)
    )


def _run(costs: Costs, due: float, contacts: int, chance: random.Random, *, is_whole: bool) -> _Run:
    # Runs differ: some take half of the usual, some half as much again.
    own = (costs.own + contacts * costs.per_contact) * chance.uniform(0.5, 1.5)
    own += costs.edited if chance.random() < EDITED else 0
    waiting = max(TICK, costs.seconds - costs.own)
    if is_whole:
        own += contacts * costs.whole
        waiting += contacts * costs.requests / costs.quota
    return _Run(due, costs.serve, costs.server, own, waiting)


def _worked(run: _Run, part: str, seconds: float) -> bool:
    left: float = getattr(run, part) - seconds
    setattr(run, part, left)
    return left <= 0


def carried(costs: Costs, machine: tuple[int, int], contacts: int) -> int:
    """The most companies that a machine of so many processors and gigabytes carries, in tens from ten on."""
    processors, gigabytes = machine
    low, high = 0, 2_000
    while high - low > max(1, low // 20):
        middle = (low + high) // 2
        low, high = (middle, high) if _is_carried(costs, processors, gigabytes, middle, contacts) else (low, middle)
    return low - low % 10 if low > 10 else low  # noqa: PLR2004 - tens, as said


def _is_carried(costs: Costs, processors: int, gigabytes: int, companies: int, contacts: int) -> bool:
    free = gigabytes * 1000 - SYSTEM - TOGETHER
    # After Prefect's server was away, all runs that were due begin at once.
    if companies * (OF_A_RUN + contacts * costs.quiet_megabytes) > free:
        return False
    for is_whole in (False, True):
        quarter = simulated(costs, processors, companies, contacts, is_whole=is_whole)
        if not quarter.is_carried:
            return False
    return quarter.at_once * (OF_A_RUN + contacts * costs.whole_megabytes) <= free


def costs_of(companies: Mapping[str, Any], figures: Mapping[str, Any]) -> Costs:
    """What was measured, as the simulation needs it."""
    a_run = companies["processor_seconds_a_run"]
    (few, (quiet_few, least)), *_, (many, (quiet_many, most)) = sorted(
        (int(contacts), tuple(point)) for contacts, point in figures["curves"]["quiet"].items()
    )
    sizes = figures["curves"]["resync"]
    largest = max(sizes, key=int)
    return Costs(
        # It asks for runs that are due all the time: that is a matter of minutes, not of runs.
        serve=a_run["serve"] * INTERVAL / 60 / companies["every"],
        server=a_run["server"],
        own=a_run["runs"],
        seconds=sorted(companies["seconds"])[len(companies["seconds"]) // 2],
        per_contact=(quiet_many - quiet_few) / (many - few),
        edited=figures["goals"]["edited"]["figures"]["more"],
        whole=sizes[largest][0] / int(largest),
        requests=figures["requests_of_whole_read"] / int(largest),
        quiet_megabytes=(most - least) / (many - few),
        whole_megabytes=(sizes[largest][1] - sizes[min(sizes, key=int)][1]) / int(largest),
    )


def main(
    companies: Annotated[Path, typer.Option(help="What `benchmarks.companies` measured.")] = HERE / "companies.json",
    figures: Annotated[Path, typer.Option(help="What `benchmarks all` measured.")] = HERE / "figures.json",
    to: Annotated[Path | None, typer.Option(help="A file for what is simulated.")] = None,
) -> None:
    """Simulate what was measured, to compare, and then other machines."""
    measured = json.loads(companies.read_text("utf-8"))
    # What a run costs is seen best where there are most.
    costs = costs_of(max(measured, key=lambda one: one["runs"]), json.loads(figures.read_text("utf-8")))
    console = Console(width=120)
    console.print(costs)
    compared = [_compared(costs, one) for one in measured]
    console.print("measured on 2 processors, and simulated:", compared)
    table = Table("processors, GB", *(f"{contacts:,} contacts" for contacts in CONTACTS), title="companies")
    found: list[dict[str, Any]] = []
    for machine in MACHINES:
        row = {str(contacts): carried(costs, machine, contacts) for contacts in CONTACTS}
        found.append({"machine": machine, "companies": row})
        table.add_row("{}, {}".format(*machine), *(f"{number:,}" for number in row.values()))
    console.print(table)
    curves = {
        str(processors): [
            (n, simulated(costs, processors, n, 2_000, is_whole=False).late) for n in range(100, 2_001, 100)
        ]
        for processors in PROCESSORS
    }
    if to:
        answer = {"carried": found, "late": curves, "measured": compared}
        to.write_text(json.dumps(answer, indent=1) + "\n", "utf-8")


def _compared(costs: Costs, measured: Mapping[str, Any]) -> dict[str, Any]:
    """How late nearly all runs began, measured and simulated."""
    late = sorted(measured["seconds_late"])
    # As many runs as so many companies have in a quarter of an hour.
    companies = round(measured["companies"] * INTERVAL / 60 / measured["every"])
    same = simulated(costs, 2, companies, measured["contacts"], is_whole=False)
    return {
        "companies": companies,
        "contacts": measured["contacts"],
        "late": late[int(NEARLY_ALL * len(late))],
        "simulated": same.late,
        "load": measured["load"] / 2,
        "simulated_load": same.load,
    }


if __name__ == "__main__":
    typer.run(main)
