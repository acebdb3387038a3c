"""``serve``, as a process of its own, on a real Prefect server."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from pydantic import TypeAdapter

from sage100_ssm.app.channels import Channel
from sage100_ssm.app.companies import Company
from sage100_ssm.app.schedule import recall_schedule
from sage100_ssm.app.settings import load_settings
from sage100_ssm.orchestration.configured import CONFIG_VARIABLE
from sage100_ssm.orchestration.local_server import RETENTION, prefect_environment, prefect_home
from sage100_ssm.orchestration.prefect_api import PrefectUnavailableError
from sage100_ssm.orchestration.serve import _ran_until_stopped, _watched, serve
from sage100_ssm.orchestration.served_elsewhere import tag_of_machine
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.state.store import StateStore

pytestmark = pytest.mark.xdist_group("prefect")

COMMAND = [sys.executable, "-c", "from sage100_ssm.cli import main; main()", "serve", "-c"]


@pytest.fixture(scope="module")
def served(prefect_api, prefect_key, prefect, tmp_path_factory):
    """The sample company, synchronised by ``serve`` until its first run has ended; then its process is ended.

    With it are a company whose settings are wrong, and one whose state is out of reach.
    """
    with sample_installation(tmp_path_factory.mktemp("served")) as place:
        others = place.settings.parent / "others"
        others.mkdir()
        (others / "wrong.yaml").write_text("sage100: {compny: WRONG}")
        tree = yaml.safe_load(place.settings.read_text())
        tree["sage100"]["company"], tree["state"] = "CARAT 3", "postgresql+psycopg://127.0.0.1:9/sync?connect_timeout=1"
        (others / "carat.yaml").write_text(yaml.safe_dump(tree))
        environment = {
            **os.environ,
            "PREFECT_API_URL": prefect_api,
            "PREFECT_API_AUTH_STRING": prefect_key,
            "PREFECT_HOME": str(place.settings.parent / "p"),
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        }
        process = subprocess.Popen(  # noqa: S603 - this interpreter
            [*COMMAND, str(place.settings), "-c", str(others)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            served = {
                "run": _first_run(prefect),
                "deployment": _deployment(prefect),
                "schedule": _schedule(place),
                "threads": _threads_of_the_prepared_process(process.pid),
            }
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=60)
        yield served | {"exit_code": process.returncode, "output": output, "schedule_after": _schedule(place)}


def _deployment(prefect):
    found = prefect.post("/deployments/filter", json={"deployments": {"name": {"any_": ["BIJOU"]}}}).json()
    return found[0] if found else None


def _first_run(prefect):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if deployment := _deployment(prefect):
            wanted = {
                "flow_runs": {
                    "deployment_id": {"any_": [deployment["id"]]},
                    "state": {"type": {"not_any_": ["SCHEDULED"]}},
                }
            }
            runs = prefect.post("/flow_runs/filter", json=wanted).json()
            if any(run["end_time"] for run in runs):
                return runs[0]
        time.sleep(0.5)
    raise TimeoutError


def _threads_of_the_prepared_process(pid):
    children = [Path(f"/proc/{child}") for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    prepared = [child for child in children if "forkserver" in (child / "cmdline").read_text()]
    return [len(list((child / "task").iterdir())) for child in prepared]


def _schedule(place):
    state = f"sqlite:///{place.settings.parent / 'sync-state.db'}"
    with StateStore.open(state, read_only=True) as store, store.transaction() as memory:
        return recall_schedule(memory)


def test_r2_the_synchronisation_runs_by_itself_every_15_minutes_starting_at_once(served):
    (schedule,) = served["deployment"]["schedules"]

    assert schedule["schedule"]["interval"] == 900
    assert schedule["active"]
    assert served["run"]["auto_scheduled"]
    assert served["run"]["state"]["name"] == "Completed", served["output"]


def test_a_company_whose_settings_are_wrong_is_reported_and_the_others_run(served):
    assert "wrong.yaml" in served["output"]
    assert "compny" in served["output"]
    assert served["run"]["state"]["name"] == "Completed"


def test_a_company_whose_state_is_out_of_reach_is_reported_and_has_its_turn_after_half_the_interval(served, prefect):
    wanted = {"deployments": {"name": {"any_": ["CARAT 3"]}}}
    (carat,) = prefect.post("/deployments/filter", json=wanted).json()
    first, second = (
        datetime.fromisoformat(one["schedules"][0]["schedule"]["anchor_date"]) for one in (served["deployment"], carat)
    )

    assert re.search(r"CARAT 3\s:", served["output"])
    assert carat["parameters"]["config"].endswith("carat.yaml")
    assert second - first == timedelta(minutes=7.5)


@pytest.mark.skipif(sys.platform != "linux", reason="runs are copies of a prepared process on Linux alone")
def test_the_process_that_runs_are_copies_of_has_a_single_thread(served):
    """A thread would not be in the copies, and whatever lock it held would be held in them for ever."""
    assert served["threads"] == [1]


def test_its_deployment_shows_the_machine_on_which_it_is_served(served):
    assert set(served["deployment"]["tags"]) == {"sage100-ssm", tag_of_machine()}


def test_one_run_at_a_time_and_none_queued(served):
    assert served["deployment"]["global_concurrency_limit"]["limit"] == 1
    assert served["deployment"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_a_stop_ends_in_order_and_leaves_the_schedule_for_a_restart(served, prefect):
    assert served["exit_code"] == 0, served["output"]
    assert "Traceback" not in served["output"], served["output"]
    assert _deployment(prefect)["paused"] is False


def test_the_state_knows_of_the_next_run_as_long_as_serve_runs(served):
    assert served["schedule"].every.total_seconds() == 900
    assert served["schedule_after"] is None


def test_telemetry_is_off_for_server_and_runs():
    environment = prefect_environment(Path("/x"), "http://127.0.0.1:4200/api", "user:key")

    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_what_prefect_keeps_is_limited_in_the_same_way_for_serve_and_in_the_containers():
    """Tried on a real server: runs and events that are older are gone after an hour."""
    compose = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "compose.yaml").read_text("utf-8"))

    assert prefect_environment(Path("/x"), "http://127.0.0.1:4200/api", "user:key").items() >= RETENTION.items()
    assert compose["services"]["prefect"]["environment"].items() >= RETENTION.items()


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


@pytest.mark.parametrize(
    ("error", "was_stopped"),
    [
        (None, True),
        (ExceptionGroup("", [RuntimeError("Service exceeded error threshold.")]), False),
        (ExceptionGroup("", [ExceptionGroup("", [httpx.ReadTimeout("")])]), False),
        (httpx.ConnectError(""), False),
    ],
    ids=repr,
)
def test_a_runner_whose_server_went_away_was_not_stopped(error, was_stopped):
    class Runner:
        async def start(self):
            if error:
                raise error

    assert _ran_until_stopped(Runner()) is was_stopped


def test_a_fault_of_the_program_is_not_taken_for_a_server_that_went_away():
    class Runner:
        async def start(self):
            raise ExceptionGroup("", [ZeroDivisionError()])

    with pytest.raises(ExceptionGroup):
        _ran_until_stopped(Runner())


def test_serve_waits_for_a_server_that_goes_away_and_claims_no_runs_meanwhile(tmp_path, monkeypatch):
    """The server is away twice: the second time it comes back only at the third try."""
    outcomes = iter([False, False, True])
    answers = iter([True, True, False, False, True])
    said = []

    def registered(*_):
        if not next(answers):
            raise PrefectUnavailableError("prefect_unavailable")

    module = "sage100_ssm.orchestration.serve"
    monkeypatch.setattr(f"{module}._registered", registered)
    monkeypatch.setattr(f"{module}._served_nowhere_else", lambda companies, _: companies)
    monkeypatch.setattr(f"{module}._ran_until_stopped", lambda _: next(outcomes))
    monkeypatch.setattr(f"{module}.time.sleep", lambda _: None)
    monkeypatch.setenv(CONFIG_VARIABLE, "")
    with sample_installation(tmp_path) as place:
        company = Company(place.settings, load_settings(place.settings))
        serve([company], timedelta(minutes=15), said.append)

    assert said == ["serving", "prefect_lost", "prefect_back", "prefect_lost", "prefect_back"]
    assert list(answers) == []


def test_r2_while_serve_runs_late_runs_are_looked_for(tmp_path, monkeypatch):
    looked = threading.Event()
    module = "sage100_ssm.orchestration.serve"
    monkeypatch.setattr(f"{module}._WATCH_SECONDS", 0.01)
    monkeypatch.setattr(f"{module}.notify_if_readable", lambda *_: looked.set())
    with sample_installation(tmp_path) as place:
        settings = load_settings(place.settings)
    hook = TypeAdapter(Channel).validate_python({"kind": "webhook", "url": "https://hook.bijou.example"})

    with _watched(settings):
        assert not looked.wait(0.1)  # nobody is to be told
    with _watched(settings.model_copy(update={"notify": (hook,)})):
        assert looked.wait(5)
