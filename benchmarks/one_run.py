"""One run in this process, and what it took: run by the measures, as a process of its own.

    python -m benchmarks.one_run {run,resync,first,merge} SETTINGS

The last line is JSON: processor seconds of the start and of the run, of each of its steps, the peak of memory,
requests to SSM, contacts written, and the modules that are loaded at its end.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from benchmarks.processes import peak_of_memory
from sage100_ssm.app.assemble import open_run
from sage100_ssm.app.settings import load_settings
from sage100_ssm.exchange.reading import Row
from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.sync.run.course import Step, relink, synchronise
from sage100_ssm.sync.run.ports import SsmAccess

ResultT = TypeVar("ResultT")


class _WithoutRequests:
    """SSM, to which nothing is sent: the first write of each round is taken from the run, and dropped."""

    def __init__(self, ssm: SsmAccess, at_first_write: Callable[[], None]) -> None:
        self._ssm, self._at_first_write = ssm, at_first_write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ssm, name)

    def write(self, records: Iterable[Row], _: Sink) -> None:
        """Take the first record, and answer none: what each write costs comes at the pace of SSM's quota."""
        for _record in records:
            self._at_first_write()
            return


class _Measures:
    """What was measured so far."""

    def __init__(self) -> None:
        self._began = time.process_time()
        self.steps: dict[str, float] = {}

    def take(self, step: Step, action: Callable[[], ResultT], /) -> ResultT:
        """Take a step and count its processor seconds."""
        began = time.process_time()
        try:
            return action()
        finally:
            # A long run takes its steps in several rounds.
            self.steps[step.value] = self.steps.get(step.value, 0.0) + time.process_time() - began

    def seconds(self) -> float:
        """The processor seconds so far, without the start."""
        return time.process_time() - self._began

    def answer(self, **more: Any) -> dict[str, Any]:
        """The figures as they are now."""
        return {
            # The modules are loaded already: their time is that of the start.
            "start": self._began,
            "seconds": self.seconds(),
            "steps": self.steps,
            "megabytes": peak_of_memory(),
            "modules": [name for name in sys.modules if not name.startswith(("__main__", "benchmarks"))],
            **more,
        }


def measured(kind: str, settings: Path) -> dict[str, Any]:
    """Run, and say what it took."""
    measures = _Measures()
    if kind == "merge":
        _merge(settings.parent)
        return measures.answer()
    if kind == "first":
        return _first(settings, measures)
    with open_run(load_settings(settings), RunOptions(whole=kind == "resync")) as run:
        report = (relink if kind == "resync" else synchronise)(run, measures.take)
    return measures.answer(requests=report.ssm_requests, written=report.sage100.written + report.ssm.written)


def _first(settings: Path, measures: _Measures) -> dict[str, Any]:
    first_write: list[float] = []

    def note() -> None:
        if not first_write:
            first_write.append(measures.seconds())

    with open_run(load_settings(settings)) as run:
        ssm = cast("SsmAccess", _WithoutRequests(run.context.ssm, note))
        synchronise(replace(run, context=replace(run.context, ssm=ssm)), measures.take)
        return measures.answer(requests=ssm.requests, first_write=first_write[0])


def _merge(folder: Path) -> None:
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


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201 - its answer
