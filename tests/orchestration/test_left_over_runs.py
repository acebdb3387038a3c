"""What Prefect shows as under way when ``serve`` starts is ended, but not where its process is alive."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from socket import gethostname
from types import SimpleNamespace
from uuid import UUID

import pytest
from prefect.runner import Runner

from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.left_over_runs import end_left_over_runs
from sage100_ssm.sync.state.store import StateStore

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.fixture(scope="module")
def deployment_id(prefect_api):
    return str(Runner(name="left over", pause_on_shutdown=False).add_flow(sync_contacts, name="LEFT OVER"))


@pytest.fixture
def run_id(prefect, deployment_id):
    """A run that Prefect shows as running."""
    path = f"/deployments/{deployment_id}/create_flow_run"
    created = prefect.post(path, json={"state": {"type": "PENDING"}}).raise_for_status().json()["id"]
    prefect.post(f"/flow_runs/{created}/set_state", json={"state": {"type": "RUNNING"}, "force": True})
    return created


@pytest.fixture
def settings(tmp_path):
    """Of the settings, what matters here: the state, which has no run."""
    state = f"sqlite:///{tmp_path}/state.db"
    with StateStore.open(state):
        return SimpleNamespace(state=state)


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("owner", "state"),
    [
        (None, "CRASHED"),
        (lambda: f"{gethostname()}:{os.getpid()}", "RUNNING"),
        (lambda: f"{gethostname()}:{dead_process()}", "CRASHED"),
        (lambda: f"elsewhere:{os.getpid()}", "CRASHED"),
    ],
    ids=["nobody", "alive", "dead", "of another machine"],
)
def test_a_run_is_ended_unless_its_process_is_alive(prefect, deployment_id, run_id, settings, owner, state):
    if owner:
        with StateStore.open(settings.state) as store:
            store.acquire(owner(), datetime.now(UTC), timedelta(minutes=2))

    end_left_over_runs(UUID(deployment_id), settings)

    assert prefect.get(f"/flow_runs/{run_id}").json()["state"]["type"] == state


def test_a_lease_that_has_expired_protects_no_run(prefect, deployment_id, run_id, settings):
    with StateStore.open(settings.state) as store:
        store.acquire(f"{gethostname()}:{os.getpid()}", datetime.now(UTC) - timedelta(minutes=3), timedelta(minutes=2))

    end_left_over_runs(UUID(deployment_id), settings)

    assert prefect.get(f"/flow_runs/{run_id}").json()["state"]["type"] == "CRASHED"


def test_where_there_is_no_state_yet_runs_are_ended(prefect, deployment_id, run_id, tmp_path):
    end_left_over_runs(UUID(deployment_id), SimpleNamespace(state=f"sqlite:///{tmp_path}/none.db"))

    assert prefect.get(f"/flow_runs/{run_id}").json()["state"]["type"] == "CRASHED"
