"""From ``prefect setup`` to a worker's runs on a stand-in for Prefect Cloud: nothing reaches it without the API key."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.base import ServerType
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_CLOUD_API_URL,
    temporary_settings,
)
from pydantic import SecretStr

from sage100_ssm.app.settings import load_settings
from sage100_ssm.orchestration.airbyte_setup import WantedAirbyte, set_up_airbyte
from sage100_ssm.orchestration.parts import Found
from sage100_ssm.orchestration.prefect_api import require_prefect_server
from sage100_ssm.orchestration.setup import Wanted, set_up
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.failures import ConfigurationError
from tests.support.airbyte_api import CLIENT_ID, CLIENT_SECRET, CONNECTION, AirbyteApi
from tests.support.prefect_cloud import API_KEY, PrefectCloud

pytestmark = pytest.mark.xdist_group("prefect")

PREFECT = Path(sys.executable).with_name("prefect")
ROOT = Path(__file__).parents[2]
POOL = "pool-in-the-cloud"


@pytest.fixture(scope="module")
def cloud(prefect_api, prefect_key):
    with PrefectCloud(prefect_api, prefect_key) as cloud:
        yield cloud


def settings_of(cloud, key=API_KEY):
    return temporary_settings(
        {
            PREFECT_CLOUD_API_URL: cloud.root,
            PREFECT_API_URL: cloud.url,
            PREFECT_API_KEY: key,
            PREFECT_API_AUTH_STRING: None,
        }
    )


@pytest.fixture(scope="module")
def done(cloud, prefect, tmp_path_factory):
    """The runs of both flows that a worker in an empty folder took from Cloud, by their flow, and what was set up."""
    work = tmp_path_factory.mktemp("worker")
    with sample_installation(tmp_path_factory.mktemp("place")) as place, AirbyteApi() as airbyte:
        place.settings.write_text(place.settings.read_text().replace("company: BIJOU", "company: NUAGE"))
        every, key = timedelta(minutes=15), SecretStr(CLIENT_SECRET)
        wanted = Wanted(place.settings, load_settings(place.settings), POOL, every, str(place.settings.parent))
        connection = WantedAirbyte(CONNECTION, "nuage", airbyte.url, CLIENT_ID, key, POOL, every, 5, "fr")
        with settings_of(cloud):
            parts = [*set_up(wanted), *set_up_airbyte(connection)]
            again = [*set_up(wanted, check=True), *set_up_airbyte(connection, check=True)]
        pool = {"work_pools": {"name": {"any_": [POOL]}}}
        deployments = prefect.post("/deployments/filter", json=pool).json()
        ours = {one["name"]: one["id"] for one in deployments if one["name"] in ("NUAGE", CONNECTION)}
        runs = [
            prefect.post(f"/deployments/{id_}/create_flow_run", json={"state": {"type": "SCHEDULED"}}).json()["id"]
            for id_ in ours.values()
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        environment |= cloud.environment
        # The product is imported from where these tests import it.
        environment |= {"PREFECT_HOME": str(work / "home"), "DO_NOT_TRACK": "1", "PYTHONPATH": str(ROOT)}
        line = [PREFECT, "worker", "start", "--pool", POOL, "--run-once"]
        worker = subprocess.run(line, cwd=work, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - Prefect's own command
        shown = prefect.post("/flow_runs/filter", json={"flow_runs": {"id": {"any_": runs}}}).json()
    yield (
        {name: run for name, id_ in ours.items() for run in shown if run["deployment_id"] == id_},
        parts,
        again,
        worker,
    )
    for one in prefect.post("/automations/filter", json={}).json():
        if "NUAGE" in one["name"] or CONNECTION in one["name"]:
            prefect.delete(f"/automations/{one['id']}").raise_for_status()
    for one in deployments:
        prefect.delete(f"/deployments/{one['id']}").raise_for_status()
    prefect.delete(f"/work_pools/{POOL}").raise_for_status()


def test_the_client_takes_it_for_prefect_cloud(cloud):
    with settings_of(cloud), get_client(sync_client=True) as client:
        assert client.server_type is ServerType.CLOUD
        require_prefect_server()


def test_another_key_is_refused_with_a_sentence(cloud):
    with settings_of(cloud, "pnu_other"), pytest.raises(ConfigurationError, match="prefect_login"):
        require_prefect_server()


def test_work_pool_blocks_deployments_and_automations_are_made_and_found_again(done):
    _, parts, again, _ = done

    assert {part.kind for part in parts} == {"pool", "block", "deployment", "automation"}
    assert {part.found for part in again} == {Found.SAME}


def test_a_worker_elsewhere_synchronises_with_the_settings_of_the_block(done, prefect):
    runs, _, _, worker = done

    assert runs["NUAGE"]["state"]["type"] == "COMPLETED", worker.stdout + worker.stderr
    wanted = {"artifacts": {"key": {"any_": ["synchronisation-nuage"]}}}
    (artifact,) = prefect.post("/artifacts/latest/filter", json=wanted).json()
    assert "Contacts synchronisés" in artifact["data"]


def test_a_worker_elsewhere_runs_the_airbyte_connection(done):
    runs, _, _, worker = done

    assert runs[CONNECTION]["state"]["type"] == "COMPLETED", worker.stdout + worker.stderr
    assert runs[CONNECTION]["name"].endswith("enregistrements : 12")


def test_nothing_but_the_wrong_key_was_refused(done, cloud):
    assert set(cloud.refused) <= {"hello"}
