"""The runs that Prefect still shows as under way when ``serve`` starts: they have the slot of the next one."""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from sage100_ssm.app.assemble import lease_owner
from sage100_ssm.app.settings import Settings
from sage100_ssm.orchestration.automations import KILLED
from sage100_ssm.sync.state.errors import AnotherRun, StateError
from sage100_ssm.sync.state.store import StateStore


def end_left_over_runs(deployment_id: UUID, settings: Settings) -> None:
    """Mark the runs of a deployment as crashed that were under way when ``serve`` was killed.

    Not one that is alive: a run is a process of its own, and may outlive ``serve``. It ends by itself, and if it should
    not, Prefect notices that it shows no sign of life.

    Args:
        deployment_id: the company's deployment.
        settings: the company's settings.
    """
    if _is_under_way_here(settings):
        return
    under_way = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING])),
    )
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=under_way):
            client.set_flow_run_state(run.id, Crashed(message=KILLED))


def _is_under_way_here(settings: Settings) -> bool:
    """Whether a process of this machine that is alive has the lease of the company's state."""
    try:
        with StateStore.open(settings.state, read_only=True) as store:
            store.refuse_if_leased(datetime.now(UTC))
    except AnotherRun as run:
        machine, _, process = run.owner.rpartition(":")
        return machine == lease_owner().rpartition(":")[0] and _is_alive(int(process))
    except StateError:
        pass  # the company's next run says so
    return False


def _is_alive(process: int) -> bool:
    # On Windows the question would end the process. There the lease alone counts, which lasts two minutes.
    if sys.platform == "win32":
        return True
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True
