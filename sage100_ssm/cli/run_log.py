"""What the log says of runs: their figures, and no names or values of contacts."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sage100_ssm.cli.logs import OURS
from sage100_ssm.sync.state.errors import StateError
from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.sync.state.store import stored_state

logger = logging.getLogger(OURS)

_LOOK_SECONDS = 15.0
_RECENT = 20


@contextmanager
def logged_runs(state: str, company: str) -> Iterator[None]:
    """Log each run of a company that ends while the block lasts, whichever process did it, by what the state says."""
    stopped = threading.Event()
    seen = {run.run_id for run in _ended_runs(state)}

    def look() -> None:
        while not stopped.wait(_LOOK_SECONDS):
            log_new_runs(state, company, seen)

    thread = threading.Thread(target=look, name="run-log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        log_new_runs(state, company, seen)


def log_new_runs(state: str, company: str, seen: set[str]) -> None:
    """Log the runs that have ended and were not seen before, the oldest first."""
    for run in reversed(_ended_runs(state)):
        if run.run_id not in seen:
            seen.add(run.run_id)
            log_run(run, company)


def log_run(run: RunRow, company: str) -> None:
    """Log a run that has ended: its figures."""
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
    facts = {
        "company": company,
        "run_id": run.run_id,
        "status": run.status.value,
        "exit_code": run.exit_code,
        "seconds": seconds,
    }
    level = logging.WARNING if run.exit_code else logging.INFO
    logger.log(
        level,
        "%s, run %s: %s",
        company,
        run.run_id,
        run.status.value,
        extra={"event": "run_ended", **facts, **run.counts},
    )


def _ended_runs(state: str) -> list[RunRow]:
    with suppress(StateError), stored_state(state) as transaction:
        return [run for run in transaction.runs(_RECENT) if run.finished_at is not None]
    return []
