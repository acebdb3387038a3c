"""How the process of a flow run starts: as a copy of one that has imported everything, where the system can do that.

Importing Prefect and the connectors takes seconds of processor time, which one company can afford every 15 minutes and
fifty cannot. In a copy, what counts for a whole process stays one company's own: masked secrets, logging, signals,
environment. A run that hangs, or whose driver crashes, touches no other.
"""

import multiprocessing
import sys
from types import SimpleNamespace
from typing import Any, cast

from prefect import flow_engine

_PREPARED = "sage100_ssm.orchestration.prepared_process"


def start_runs_as_copies() -> None:
    """Let Prefect's runner in this process start its runs as copies of one prepared process."""
    # Windows cannot copy a process; on macOS the system's own libraries do not survive it. There, each run imports.
    if sys.platform != "linux":
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PREPARED])
    # Prefect asks for "spawn", and has no setting for it.
    cast("Any", flow_engine).multiprocessing = SimpleNamespace(get_context=lambda _method: context)
