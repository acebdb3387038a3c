"""``prefect setup --airbyte`` on a real Prefect server."""

import pytest
from prefect.flows import load_flow_from_entrypoint
from typer.testing import CliRunner

from sage100_ssm.cli.commands import app
from sage100_ssm.orchestration.airbyte_application import AirbyteApplication
from sage100_ssm.orchestration.airbyte_flow import airbyte_sync
from tests.support.airbyte_api import CLIENT_ID, CLIENT_SECRET

pytestmark = pytest.mark.xdist_group("prefect")

CONNECTION = "1111bcd0-99be-453d-ba47-c2c9766f7da5"
URL = "http://airbyte.bijou.example/api/public/v1"
KEYS = {"AIRBYTE_CLIENT_ID": CLIENT_ID, "AIRBYTE_CLIENT_SECRET": CLIENT_SECRET}


@pytest.fixture
def call(prefect_api, prefect, tmp_path, monkeypatch):
    """A function that calls the command, in a folder without settings; what it made is removed again."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    monkeypatch.chdir(tmp_path)

    def call(*options, keys=KEYS):
        line = ["prefect", "setup", "--airbyte", CONNECTION, "--pool", "pool-of-airbyte", "--language", "en"]
        return CliRunner().invoke(app, [*line, *options], env=keys)

    yield call
    wanted = {"deployments": {"name": {"any_": [CONNECTION]}}}
    for kind, filters in (("deployments", wanted), ("automations", {})):
        for one in prefect.post(f"/{kind}/filter", json=filters).json():
            if CONNECTION in one["name"]:
                prefect.delete(f"/{kind}/{one['id']}").raise_for_status()
    prefect.delete("/work_pools/pool-of-airbyte")
    for one in prefect.post("/block_documents/filter", json={}).json():
        if one["name"] == "airbyte":
            prefect.delete(f"/block_documents/{one['id']}").raise_for_status()


def test_a_connection_is_set_up_without_settings_and_a_check_shows_what_drifted(call, prefect):
    first, again = call("--airbyte-url", URL), call("--airbyte-url", URL, "--check")
    drifted = call("--airbyte-url", URL, "--check", "--every", "60", keys=KEYS | {"AIRBYTE_CLIENT_SECRET": "other"})

    assert [one.exit_code for one in (first, again, drifted)] == [0, 0, 1], again.stderr
    assert f"+ Deployment {CONNECTION}: created" in first.stderr
    assert f"~ Deployment {CONNECTION}: differs" in drifted.stderr
    assert "~ Block airbyte: differs" in drifted.stderr
    assert CLIENT_SECRET not in first.stderr
    (known,) = prefect.post("/deployments/filter", json={"deployments": {"name": {"any_": [CONNECTION]}}}).json()
    assert load_flow_from_entrypoint(known["entrypoint"]) is airbyte_sync
    assert known["parameters"] == {"connection": CONNECTION, "application": "airbyte", "limit_minutes": 120}
    assert known["schedules"][0]["schedule"]["interval"] == 900
    assert known["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert CLIENT_SECRET not in prefect.post("/block_documents/filter", json={}).text
    assert AirbyteApplication.load("airbyte").client_secret.get_secret_value() == CLIENT_SECRET


def test_the_application_is_needed_once(call):
    without = call(keys={})
    call("--airbyte-url", URL)
    known = call("--check", keys={})

    assert (without.exit_code, "AIRBYTE_CLIENT_ID" in without.stderr) == (2, True)
    assert known.exit_code == 0


def test_a_new_secret_is_enough_to_renew_the_block(call):
    call("--airbyte-url", URL)

    renewed = call(keys={"AIRBYTE_CLIENT_SECRET": "n3w"})

    assert "~ Block airbyte: brought up to date" in renewed.stderr
    block = AirbyteApplication.load("airbyte")
    assert (block.url, block.client_secret.get_secret_value()) == (URL, "n3w")


def test_without_a_server_the_command_says_how_to_name_one(call, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL")

    refused = call()

    assert (refused.exit_code, "PREFECT_API_URL" in refused.stderr) == (2, True)
