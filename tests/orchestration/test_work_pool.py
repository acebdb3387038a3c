"""The deployments of `prefect.yaml`, for a Prefect server and a work pool of one's own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

from sage100_ssm.orchestration import upkeep
from sage100_ssm.orchestration.airbyte_flow import airbyte_sync
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.local_server import prefect_environment

pytestmark = pytest.mark.xdist_group("prefect")

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).with_name("prefect")
POOL = "sage100-ssm"


@pytest.fixture(scope="module")
def deployed(prefect_api, prefect_key, prefect, tmp_path_factory):
    """The deployments on the server after `prefect deploy`, by name; they are deleted again with their pool."""
    environment = {**os.environ, **prefect_environment(tmp_path_factory.mktemp("prefect"), prefect_api, prefect_key)}
    for words in (["work-pool", "create", "--type", "process", POOL], ["--no-prompt", "deploy", "--all"]):
        line = [PREFECT, *words]
        done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - Prefect's own command
        assert done.returncode == 0, done.stdout + done.stderr
    wanted = {"work_pools": {"name": {"any_": [POOL]}}}
    deployments = {one["name"]: one for one in prefect.post("/deployments/filter", json=wanted).json()}
    yield deployments
    for one in deployments.values():
        prefect.delete(f"/deployments/{one['id']}").raise_for_status()
    prefect.delete(f"/work_pools/{POOL}").raise_for_status()


def test_the_deployment_is_the_one_that_serve_makes(deployed):
    (schedule,) = deployed["every-15-minutes"]["schedules"]

    assert schedule["schedule"]["interval"] == 900
    assert schedule["active"]
    assert {one["global_concurrency_limit"]["limit"] for one in deployed.values()} == {1}
    assert {one["concurrency_options"]["collision_strategy"] for one in deployed.values()} == {"CANCEL_NEW"}


def test_what_is_due_beside_the_runs_is_due_when_prefect_setup_makes_it_due(deployed):
    crons = {name: one["schedules"][0]["schedule"].get("cron") for name, one in deployed.items()}

    assert crons == {
        "every-15-minutes": None,
        "every-night": upkeep.NIGHTLY,
        "every-week": upkeep.WEEKLY,
        "airbyte-connection": None,
    }


def test_an_airbyte_connection_has_no_schedule_until_its_id_is_filled_in(deployed):
    assert not deployed["airbyte-connection"]["schedules"][0]["active"]


def test_a_worker_loads_the_flow_by_its_path_and_imports_nothing_named_flows(deployed, tmp_path, monkeypatch):
    deployment = deployed["every-15-minutes"]
    (pull,) = (step["prefect.deployments.steps.set_working_directory"] for step in deployment["pull_steps"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "flows", None)  # to import it would fail

    flows = {
        name: load_flow_from_entrypoint(f"{pull['directory']}/{one['entrypoint']}") for name, one in deployed.items()
    }
    assert deployment["entrypoint"] == "flows/sync_contacts.py:sync_contacts"
    assert flows == {
        "every-15-minutes": sync_contacts,
        "every-night": upkeep.housekeeping,
        "every-week": upkeep.weekly_digest,
        "airbyte-connection": airbyte_sync,
    }


def test_what_the_file_deploys_is_all_that_the_folder_of_flows_holds():
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]

    assert {one["entrypoint"].split(":")[0] for one in deployments} == {
        str(file.relative_to(ROOT)) for file in (ROOT / "flows").glob("*.py")
    }
