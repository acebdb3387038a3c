"""The flow that runs an Airbyte connection, on a real Prefect server, against an imitation of Airbyte's API."""

from types import SimpleNamespace

import pytest
from prefect.client.schemas.objects import StateType
from pydantic import SecretStr

from sage100_ssm.orchestration import airbyte_flow, airbyte_watch
from sage100_ssm.orchestration.airbyte_application import AirbyteApplication
from sage100_ssm.orchestration.airbyte_flow import airbyte_sync
from sage100_ssm.sync.failures import ConfigurationError
from tests.support.airbyte_api import CLIENT_ID, CLIENT_SECRET, CONNECTION, AirbyteApi

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.fixture(scope="module")
def airbyte():
    with AirbyteApi() as airbyte:
        yield airbyte


@pytest.fixture
def run(prefect_api, airbyte, monkeypatch):
    """A function that runs the flow, and returns the state in which it ended."""
    monkeypatch.setattr(airbyte_watch, "_FIRST_PAUSE", 0.01)
    key = SecretStr(CLIENT_SECRET)
    AirbyteApplication(url=airbyte.url, client_id=CLIENT_ID, client_secret=key).save("test", overwrite=True)
    return lambda application="test": airbyte_sync(CONNECTION, application, return_state=True)


def test_a_sync_is_named_in_the_list_of_runs_and_shown_with_its_figures_and_what_the_api_does_not_give(run, prefect):
    state = run()

    assert state.type is StateType.COMPLETED
    assert state.message == "La synchronisation 1 de la connexion Contacts BIJOU est terminée."
    ours = {"flow_runs": {"id": {"any_": [str(state.state_details.flow_run_id)]}}}
    (shown,) = prefect.post("/flow_runs/filter", json=ours).json()
    assert shown["name"].startswith("Contacts BIJOU ")
    assert shown["name"].endswith(" - enregistrements : 12")
    wanted = {"artifacts": {"key": {"any_": [f"airbyte-{CONNECTION}"]}}}
    (artifact,) = prefect.post("/artifacts/latest/filter", json=wanted).json()
    assert "enregistrements 12, octets 20480, durée 0:00:41" in artifact["data"]
    assert f"/connections/{CONNECTION}/timeline" in artifact["data"]
    assert "table `bijou_open_problems`" in artifact["data"]


@pytest.mark.parametrize(
    ("status", "type_", "words"),
    [
        ("failed", StateType.FAILED, "ne dit pas pourquoi"),
        ("cancelled", StateType.CANCELLED, "a été annulée dans Airbyte"),
    ],
)
def test_a_sync_that_fails_or_is_cancelled_in_airbyte_ends_the_run_so(run, airbyte, status, type_, words):
    airbyte.course = ("running", status)

    state = run()

    assert (state.type, words in state.message) == (type_, True), state.message


def test_without_its_block_a_run_fails_with_a_sentence(run):
    state = run("absent")

    assert (state.type, "n'a pas de bloc absent" in state.message.replace("’", "'")) == (StateType.FAILED, True)


@pytest.mark.parametrize(
    ("parameter", "parameters"),
    [
        ("connection", {"connection": "other", "application": "test"}),
        ("application", {"connection": CONNECTION, "application": "other"}),
    ],
)
def test_a_run_that_asks_for_another_connection_is_refused(monkeypatch, parameter, parameters):
    own = {"connection": CONNECTION, "application": "test"}
    monkeypatch.setattr(airbyte_flow, "deployment", SimpleNamespace(id="1", parameters=own))

    with pytest.raises(ConfigurationError) as caught:
        airbyte_flow.require_own(**parameters)

    assert caught.value.params == {"parameter": parameter, "own": own[parameter]}
