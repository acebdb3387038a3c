"""What processes and all below them cost: processor seconds and memory, as Linux counts them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Peak:
    """The highest memory so far.

    Attributes:
        megabytes: what the processes had, pages that they share counted once.
        processes: how many there were at that moment.
    """

    megabytes: float = 0
    processes: int = 0


def answer_of(module: str, *words: object) -> Any:
    """What a module says when it is run as a process of its own: its last line, which is JSON."""
    command = [sys.executable, "-m", module, *map(str, words)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - own code
    return json.loads(output.splitlines()[-1])


def peak_of_memory() -> int:
    """The most megabytes that this process has used."""
    # Not `getrusage`: that counts what the parent had when it started this process, too.
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    with suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(below for child in children for below in descendants(int(child)))]
    return []


def processor_seconds(pids: Sequence[int]) -> float:
    """The processor seconds of processes and all below them, of those that have ended, too."""
    ticks = 0
    for below in {below for pid in pids for below in descendants(pid)}:
        with suppress(FileNotFoundError, ProcessLookupError):
            # user, system, and both of the children that were waited for
            ticks += sum(map(int, _stat(below)[11:15]))
    return ticks / _TICKS


def own_processor_seconds(pid: int) -> float:
    """The processor seconds of a process alone."""
    return sum(map(int, _stat(pid)[11:13])) / _TICKS


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def peak_memory(pids: Sequence[int]) -> Iterator[Peak]:
    """The highest memory of processes and all below them while the block lasts, looked at every half second."""
    peak, done = Peak(), threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            alive = {below for pid in pids for below in descendants(pid)}
            megabytes = sum(map(_megabytes, alive))
            if megabytes > peak.megabytes:
                peak.megabytes, peak.processes = megabytes, len(alive)

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield peak
    finally:
        done.set()
        watch.join()


def _megabytes(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
