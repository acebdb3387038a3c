"""The flow on a real Prefect server, over the stand-ins."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from socket import gethostname

import pytest
from prefect.client.schemas.objects import StateType

from sage100_ssm.orchestration.automations import of_killed_runs
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.serve import mark_killed_runs
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.state.store import StateStore

pytestmark = pytest.mark.xdist_group("prefect")

STEPS = ["Lecture des deux cotes", "Comparaison", "Controles de securite", "Ecriture", "Compte rendu"]
"""In plain letters: Prefect's picture of a run cannot draw others."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with sample_installation(tmp_path_factory.mktemp("place")) as place:
        yield place


@pytest.fixture(scope="module")
def first_run(prefect_api, place):
    return sync_contacts(str(place.settings), return_state=True)


@pytest.fixture
def ask(prefect):
    """A function that asks the server's API for all objects of a kind."""

    def ask(kind, **wanted):
        answer = prefect.post(f"/{kind}/filter", json=wanted)
        return answer.raise_for_status().json()

    return ask


@pytest.fixture
def run_of(ask):
    """A function that returns the flow run of a state, with the names and states of its steps."""

    def run_of(state):
        wanted = {"id": {"any_": [str(state.state_details.flow_run_id)]}}
        (run,) = ask("flow_runs", flow_runs=wanted)
        steps = ask("task_runs", flow_runs=wanted, sort="EXPECTED_START_TIME_ASC")
        return run | {"steps": [(step["name"].rsplit("-", 1)[0], step["state"]["type"]) for step in steps]}

    return run_of


def test_a_run_that_did_all_is_completed_and_says_what_it_did(first_run):
    assert (first_run.type, first_run.name) == (StateType.COMPLETED, "Completed")
    assert "Synchronisation terminée" in first_run.message
    assert "créés 72" in first_run.message
    assert "\u00a0" not in first_run.message


def test_each_step_is_a_task_of_its_own_in_the_users_language(first_run, run_of):
    assert run_of(first_run)["steps"] == [(step, "COMPLETED") for step in STEPS]


def test_a_run_is_named_after_its_company_its_time_and_what_it_did(first_run, run_of):
    assert re.fullmatch(r"BIJOU \d\d/\d\d \d\d:\d\d - écritures : 84", run_of(first_run)["name"])


def test_the_last_run_and_the_open_problems_are_artifacts_with_what_to_do(first_run, ask):
    latest = {one["key"]: json.loads(json.dumps(one["data"])) for one in ask("artifacts/latest")}

    assert "créés 72" in latest["synchronisation-bijou"]
    assert "data:image/svg+xml;base64," in latest["synchronisation-bijou"]
    assert "### Valeur inconnue" in latest["open-problems-bijou"]
    assert "sage100-ssm" in latest["open-problems-bijou"]


def test_no_personal_data_and_no_secret_reaches_prefect(first_run, place, ask):
    # Logs are sent in the background, two seconds apart.
    deadline = time.monotonic() + 15
    while not (logs := ask("logs")) and time.monotonic() < deadline:
        time.sleep(0.2)
    kept = json.dumps([logs, ask("artifacts"), ask("flow_runs"), ask("task_runs")], ensure_ascii=False)

    people = {row["CT_Nom"] for row in place.sage.contacts() if len(row["CT_Nom"]) > 4}  # fmt: skip
    assert people
    assert [name for name in people if name in kept] == []
    assert place.api.private_key not in kept
    assert "@" not in kept


def test_while_another_run_is_under_way_a_run_is_skipped(prefect_api, first_run, place):
    now = datetime.now(UTC)
    with StateStore.open(f"sqlite:///{place.settings.parent / 'sync-state.db'}") as store:
        lease = store.acquire(f"{gethostname()}:1", now, timedelta(minutes=2))
        state = sync_contacts(str(place.settings), return_state=True)
        store.release(lease)

    assert (state.type, state.name) == (StateType.CANCELLED, "Cancelled")
    assert f"{gethostname()}:1" in state.message


def test_a_run_with_faulty_settings_fails_with_a_sentence(prefect_api, tmp_path):
    file = tmp_path / "sync.yaml"
    file.write_text("language: en\nsage100: {}\nssm: {private_key: hunter2}\n")

    state = sync_contacts(str(file), return_state=True)

    assert state.type is StateType.FAILED
    assert "sage100.company: this setting is required." in state.message
    assert "hunter2" not in state.message


def test_a_run_that_cannot_reach_a_side_fails_with_a_sentence(prefect_api, first_run, place, tmp_path):
    text = place.settings.read_text().replace("bijou.db", "absent.db")
    file = tmp_path / "sync.yaml"
    file.write_text(text)

    state = sync_contacts(str(file), return_state=True)

    assert state.type is StateType.FAILED
    assert "Sage 100" in state.message
    assert "Traceback" not in state.message


def test_a_side_that_refuses_the_key_fails_the_run_in_one_sentence_and_no_step_after_it_is_green(
    prefect_api, first_run, place, tmp_path, ask, run_of
):
    text = place.settings.read_text().replace(place.api.private_key, "wrong").replace("sqlite:///", "sqlite:///other-")
    file = tmp_path / "sync.yaml"
    file.write_text(text.replace("bijou.db", str(place.database)))

    state = sync_contacts(str(file), return_state=True)

    assert (state.type, state.name) == (StateType.FAILED, "Failed")
    assert "Sage Sales Management" in state.message
    assert "\n" not in state.message
    run = run_of(state)
    assert run["name"].endswith(" - ÉCHEC")
    assert run["steps"] == [(STEPS[0], "FAILED")]


def test_a_step_that_fails_is_the_last_one_of_its_run(prefect_api, first_run, place, tmp_path, run_of):
    file = tmp_path / "sync.yaml"
    file.write_text(place.settings.read_text().replace("bijou.db", "absent.db"))

    state = sync_contacts(str(file), return_state=True)

    assert run_of(state)["steps"] == [(STEPS[0], "FAILED")]


def test_p9_a_run_that_a_guard_holds_back_is_failed_with_the_guards_sentence_and_tagged(
    prefect_api, first_run, place, run_of
):
    for row in place.sage.contacts()[:30]:
        place.sage.delete_contact(row["cbMarq"])

    state = sync_contacts(str(place.settings), return_state=True)

    # Prefect's lists show only states with a standard name.
    assert (state.type, state.name) == (StateType.FAILED, "Failed")
    assert "30 suppressions sont à faire d’un coup" in state.message
    assert "--allow-deletions" in state.message
    run = run_of(state)
    assert run["name"].endswith(" - RETENUE par une sécurité")
    assert run["tags"] == ["held"]
    assert run["steps"] == [(STEPS[0], "COMPLETED"), (STEPS[1], "COMPLETED"), (STEPS[2], "FAILED")]


def test_an_artifact_gets_a_new_version_only_where_something_is_new(prefect_api, first_run, place, ask):
    def versions():
        return len(ask("artifacts", artifacts={"key": {"any_": ["synchronisation-bijou", "open-problems-bijou"]}}))

    sync_contacts(str(place.settings), return_state=True)
    before = versions()
    sync_contacts(str(place.settings), return_state=True)

    assert versions() == before


def test_runs_that_were_killed_are_told_by_one_automation_however_often_serve_starts(prefect_api, ask):
    mark_killed_runs()
    mark_killed_runs()

    (automation,) = ask("automations")
    assert automation["trigger"]["posture"] == "Proactive"
    assert automation["trigger"]["within"] == of_killed_runs().trigger.within.total_seconds()
    assert automation["actions"][0]["state"] == "CRASHED"
