"""Every goal measured, each in a process of its own, and the curves over the number of links."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import commands, many_links, quiet_run, read_sage100, writes
from benchmarks.quiet_run import AFTER, ALL, EDITED, FIRST, MERGE, QUIET, RESYNC

STEPS = 4
"""Sizes that are measured: the largest, and each time a tenth of it."""
PROBLEMS = 100
WRITTEN, QUOTA = 150, 40
REPEATED = 5
"""How often a command is measured; the best counts, in which the machine's other work counts least."""
_IMPORT = """
import importlib, json, sys, time
from contextlib import suppress
for name in json.load(sys.stdin):
    with suppress(Exception):
        importlib.import_module(name)
print(time.process_time())
"""

Found = dict[str, Any]
Curves = dict[str, dict[int, tuple[float, float]]]
"""By the name of a curve, and the number of links: processor seconds and megabytes."""


class AllGoals:
    """What was measured so far.

    Args:
        largest: the largest number of contacts.
        others: Python of the environment with dlt and the Singer tap.

    Attributes:
        found: by the key of a goal: the number of contacts, the figures, and limits measured beside them.
        curves: processor seconds and megabytes over the number of links.
        requests_of_whole_read: how many requests read a tenth of the largest number whole.
    """

    def __init__(self, largest: int, others: Path) -> None:
        self.sizes = [largest // 10**step for step in range(STEPS)]
        self._others = others
        self.found: Found = {}
        self.curves: Curves = {}
        self.requests_of_whole_read = 0

    def measure(self) -> Iterator[str]:
        """Measure everything; the name of each part is returned before it begins."""
        for contacts in reversed(self.sizes):
            yield f"{contacts:,} links at rest"
            self._at_rest(contacts)
        for contacts in reversed(self.sizes[1:]):
            yield f"runs over {contacts:,} contacts"
            self._runs(contacts)
        yield f"{self.sizes[0]:,} contacts read"
        self._reads(self.sizes[0])
        yield "writes"
        self._writes()

    def figures(self) -> dict[str, Any]:
        """What was measured so far, as it is stored."""
        return {"goals": self.found, "curves": self.curves, "requests_of_whole_read": self.requests_of_whole_read}

    def _found(self, key: str, contacts: int, limits: Mapping[str, float] | None = None, **figures: float) -> None:
        self.found[key] = {"contacts": contacts, "figures": figures} | ({"limits": dict(limits)} if limits else {})

    def _point(self, curve: str, contacts: int, seconds: float, megabytes: float) -> None:
        self.curves.setdefault(curve, {})[contacts] = seconds, megabytes

    def _at_rest(self, contacts: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            many_links.made_at_rest(folder, contacts)
            looks = [many_links.looked(folder) for _ in range(2)]
            seconds = min(look["observe"] + look["plan"] for look in looks)
            megabytes = max(look["megabytes"] for look in looks)
            self._point("quiet", contacts, seconds, megabytes)
            if contacts == self.sizes[0]:
                self._found("quiet_largest", contacts, seconds=seconds, megabytes=megabytes)
            settings = commands.installation(folder)
            commands.add_problems(f"sqlite:///{folder}/sync-state.db", PROBLEMS)
            self._commands(settings, contacts)

    def _commands(self, settings: Path, contacts: int) -> None:
        asked: Mapping[str, Sequence[str]] = {
            "status": ["status"],
            "problems": ["problems"],
            "explain": ["explain", "20"],
            "explain_name": ["explain", "Prénom20 Nom20"],
        }
        for key, words in asked.items():
            seconds, megabytes = least(commands.spent(words, settings) for _ in range(REPEATED))
            self._point(key, contacts, seconds, megabytes)
            self._found(key, contacts, seconds=seconds, megabytes=megabytes)
        if contacts == self.sizes[-1]:
            self.found["status_small"] = self.found["status"]
            self._found(
                "help", contacts, seconds=least(commands.spent(["--help"], settings) for _ in range(REPEATED))[0]
            )

    def _runs(self, contacts: int) -> None:
        figures: dict[str, dict[str, Any]] = {}
        for name, run in quiet_run.runs(contacts):
            # Of several quiet runs the cheapest: what else the machine does counts least in it.
            if name not in figures or run["seconds"] < figures[name]["seconds"]:
                figures[name] = run
        quiet, edited, first, everyone = (figures[name] for name in (QUIET, EDITED, FIRST, ALL))
        self._point("with_start", contacts, quiet["start"] + quiet["seconds"], quiet["megabytes"])
        self._point("first", contacts, first["seconds"], first["megabytes"])
        self._point("everyone", contacts, everyone["seconds"], everyone["megabytes"])
        self._point("resync", contacts, figures[RESYNC]["seconds"], figures[RESYNC]["megabytes"])
        if contacts == self.sizes[2]:
            counts = {kind: max(figures[name][kind] for name in (QUIET, AFTER)) for kind in ("requests", "written")}
            self._found("quiet", contacts, seconds=quiet["seconds"], **counts)
            self._found("imports", contacts, seconds=imports(quiet["modules"]))
        if contacts == self.sizes[1]:
            self.requests_of_whole_read = figures[RESYNC]["requests"]
            whole = quiet["start"] + quiet["seconds"]
            self._found("quiet_with_start", contacts, seconds=whole, megabytes=quiet["megabytes"])
            more = max(0.0, edited["seconds"] - quiet["seconds"])
            self._found("edited", contacts, more=more, requests=edited["requests"])
            self._found("first_write", contacts, seconds=first["first_write"])
            self._found("first", contacts, seconds=first["seconds"], megabytes=first["megabytes"])
            merge = max(figures[MERGE]["seconds"], 0.01)
            looked = quiet["steps"]["observe"] + quiet["steps"]["plan"]
            self._found("quiet_beside_merge", contacts, times=looked / merge)
            self._found("plan_beside_merge", contacts, times=everyone["steps"]["plan"] / merge)

    def _reads(self, contacts: int) -> None:
        readers: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as name:
            database = read_sage100.filled(Path(name) / "sage.db", contacts)
            for label, output, command in read_sage100.readers(database, self._others.absolute()):
                run = read_sage100.measured(command)
                readers[label if label not in readers else f"{label}, {output}"] = run.processor
        ours = readers["source-sage100"]
        for key, peer in (("beside_tap", "Singer tap (singer-sdk)"), ("beside_dlt", "dlt, sqlalchemy")):
            if peer in readers:
                self._found(key, contacts, {"seconds": readers[peer]}, seconds=ours)

    def _writes(self) -> None:
        for key, bulk in (("writes", False), ("writes_in_bulk", True)):
            changed, *_ = writes.to_ssm(WRITTEN, QUOTA, bulk=bulk)
            figures = dict(zip(writes.REQUESTS, changed, strict=True))
            self._found(key, WRITTEN, {"requests": int(figures["limit"])}, requests=int(figures["together"]))


def imports(modules: Sequence[str]) -> float:
    """The processor seconds of a process that imports these modules."""
    return min(_imported(modules) for _ in range(REPEATED))


def _imported(modules: Sequence[str]) -> float:
    done = subprocess.run(  # noqa: S603 - own code
        [sys.executable, "-c", _IMPORT], input=json.dumps(modules), stdout=subprocess.PIPE, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def least(measured: Iterable[tuple[float, int]]) -> tuple[float, int]:
    """The measure with the fewest processor seconds."""
    return min(measured)
