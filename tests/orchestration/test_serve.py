"""``serve``, as a process of its own, on a real Prefect server."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from sage100_ssm.app.schedule import recall_schedule
from sage100_ssm.orchestration.local_server import local_server, prefect_environment, prefect_home
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.state.store import StateStore

pytestmark = pytest.mark.xdist_group("prefect")

COMMAND = [sys.executable, "-c", "from sage100_ssm.cli.commands import main; main()", "serve", "-c"]


@pytest.fixture(scope="module")
def served(prefect_api, tmp_path_factory):
    """The sample company, synchronised by ``serve`` until its first run has ended; then its process is ended."""
    with sample_installation(tmp_path_factory.mktemp("served")) as place:
        environment = {
            **os.environ,
            "PREFECT_API_URL": prefect_api,
            "PREFECT_HOME": str(place.settings.parent / "p"),
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        }
        process = subprocess.Popen(  # noqa: S603 - this interpreter
            [*COMMAND, str(place.settings)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            served = {
                "run": _first_run(prefect_api),
                "deployment": _deployment(prefect_api),
                "schedule": _schedule(place),
            }
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=60)
        yield served | {"exit_code": process.returncode, "output": output, "schedule_after": _schedule(place)}


def _deployment(api_url):
    found = httpx.post(f"{api_url}/deployments/filter", json={"deployments": {"name": {"any_": ["BIJOU"]}}}).json()
    return found[0] if found else None


def _first_run(api_url):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if deployment := _deployment(api_url):
            wanted = {
                "flow_runs": {
                    "deployment_id": {"any_": [deployment["id"]]},
                    "state": {"type": {"not_any_": ["SCHEDULED"]}},
                }
            }
            runs = httpx.post(f"{api_url}/flow_runs/filter", json=wanted).json()
            if any(run["end_time"] for run in runs):
                return runs[0]
        time.sleep(0.5)
    raise TimeoutError


def _schedule(place):
    state = f"sqlite:///{place.settings.parent / 'sync-state.db'}"
    with StateStore.open(state, read_only=True) as store, store.transaction() as memory:
        return recall_schedule(memory)


def test_r2_the_synchronisation_runs_by_itself_every_15_minutes_starting_at_once(served):
    (schedule,) = served["deployment"]["schedules"]

    assert schedule["schedule"]["interval"] == 900
    assert schedule["active"]
    assert served["run"]["auto_scheduled"]
    assert served["run"]["state"]["name"] == "Done", served["output"]


def test_one_run_at_a_time_and_none_queued(served):
    assert served["deployment"]["global_concurrency_limit"]["limit"] == 1
    assert served["deployment"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_a_stop_ends_in_order_and_leaves_the_schedule_for_a_restart(served, prefect_api):
    assert served["exit_code"] == 0, served["output"]
    assert "Traceback" not in served["output"], served["output"]
    assert _deployment(prefect_api)["paused"] is False


def test_the_state_knows_of_the_next_run_as_long_as_serve_runs(served):
    assert served["schedule"].every.total_seconds() == 900
    assert served["schedule_after"] is None


def test_telemetry_is_off_for_server_and_runs():
    environment = prefect_environment(Path("/x"), "http://127.0.0.1:4200/api")

    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


@pytest.mark.parametrize(
    ("state", "home"),
    [
        ("sqlite:////var/lib/sync/sync-state.db", "/var/lib/sync/sync-state.db.prefect"),
        ("postgresql+psycopg://sync:pw@db/sync", "/etc/sync/sync.yaml.prefect"),
    ],
)
def test_prefects_own_files_are_beside_the_state_or_else_beside_the_settings(state, home):
    assert prefect_home(state, Path("/etc/sync/sync.yaml")) == Path(home)


def test_the_local_server_answered_on_loopback_alone(prefect_api):
    assert httpx.URL(prefect_api).host == "127.0.0.1"


def test_two_servers_that_start_at_once_do_not_take_each_other_for_themselves(prefect_api, tmp_path, monkeypatch):
    taken = httpx.URL(prefect_api).port
    monkeypatch.setattr(
        "sage100_ssm.orchestration.local_server._free_port", lambda port: taken if port else _a_free_port()
    )

    with local_server(tmp_path / "other") as api_url:
        home = httpx.get(f"{api_url}/admin/settings").json()["home"]

    assert home == str(tmp_path / "other")
    with pytest.raises(httpx.ConnectError):
        httpx.get(api_url)


def _a_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
