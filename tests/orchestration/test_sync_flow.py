"""The flow on a real Prefect server, over the stand-ins."""

import json
import time
from datetime import UTC, datetime, timedelta
from socket import gethostname

import pytest
from prefect.client.schemas.objects import StateType

from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.serve import _killed_runs_automation, mark_killed_runs
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.state.store import StateStore

pytestmark = pytest.mark.xdist_group("prefect")

STEPS = ["Lecture des deux côtés", "Comparaison", "Contrôles de sécurité", "Écriture", "Compte rendu"]


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


def test_a_run_that_did_all_is_completed_and_says_what_it_did(first_run):
    assert (first_run.type, first_run.name) == (StateType.COMPLETED, "Done")
    assert "Synchronisation terminée" in first_run.message
    assert "créés 72" in first_run.message


def test_each_step_is_a_task_of_its_own_in_the_users_language(first_run, ask):
    runs = ask("task_runs", sort="EXPECTED_START_TIME_ASC")

    assert [run["name"].rsplit("-", 1)[0] for run in runs[:5]] == STEPS
    assert {run["state"]["type"] for run in runs[:5]} == {"COMPLETED"}


def test_figures_and_open_problems_are_artifacts(first_run, ask):
    latest = {one["key"]: json.loads(one["data"]) for one in ask("artifacts/latest")}

    assert latest["synchronisation"][1]["created"] == 72
    assert {row["code"] for row in latest["open-problems"]} >= {"company_not_in_sage", "value_unknown"}


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

    assert (state.type, state.name) == (StateType.COMPLETED, "Skipped")
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


def test_a_step_that_fails_is_the_last_one_of_its_run(prefect_api, first_run, place, tmp_path, ask):
    file = tmp_path / "sync.yaml"
    file.write_text(place.settings.read_text().replace("bijou.db", "absent.db"))

    state = sync_contacts(str(file), return_state=True)

    (step,) = ask("task_runs", flow_runs={"id": {"any_": [str(state.state_details.flow_run_id)]}})
    assert step["state"]["type"] == "FAILED"


def test_a_run_that_a_guard_held_back_is_completed_as_held(prefect_api, first_run, place):
    for row in place.sage.contacts()[:30]:
        place.sage.delete_contact(row["cbMarq"])

    state = sync_contacts(str(place.settings), return_state=True)

    assert (state.type, state.name) == (StateType.COMPLETED, "Held")


def test_runs_that_were_killed_are_told_by_one_automation_however_often_serve_starts(prefect_api, ask):
    mark_killed_runs()
    mark_killed_runs()

    (automation,) = ask("automations")
    assert automation["trigger"]["posture"] == "Proactive"
    assert automation["trigger"]["within"] == _killed_runs_automation("x").trigger.within.total_seconds()
    assert automation["actions"][0]["state"] == "CRASHED"
