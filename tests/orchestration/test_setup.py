"""``prefect setup`` on a real Prefect server."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prefect.flows import load_flow_from_entrypoint
from typer.testing import CliRunner

from sage100_ssm.app.settings import load_settings
from sage100_ssm.cli.commands import app
from sage100_ssm.orchestration.blocks import SynchronisationSettings
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.parts import Found
from sage100_ssm.orchestration.setup import Wanted, set_up
from sage100_ssm.orchestration.upkeep import housekeeping, weekly_digest
from sage100_ssm.standins.sample_installation import sample_installation

pytestmark = pytest.mark.xdist_group("prefect")

HOOK = "notify: [{kind: webhook, url: 'https://hook.bijou.example/1'}]\n"


@pytest.fixture(scope="module")
def wanted(prefect_api, prefect, tmp_path_factory):
    """A company of its own, whose parts are removed again."""
    with sample_installation(tmp_path_factory.mktemp("place")) as place:
        place.settings.write_text(place.settings.read_text().replace("company: BIJOU", "company: CARAT 2") + HOOK)
        wanted = Wanted(
            place.settings, load_settings(place.settings), "pool-of-carat", timedelta(minutes=15), "/srv/carat"
        )
        yield wanted
    for one in prefect.post("/automations/filter", json={}).json():
        if "CARAT 2" in one["name"]:
            prefect.delete(f"/automations/{one['id']}").raise_for_status()
    for known in ("", " housekeeping", " digest"):
        prefect.delete(f"/deployments/{deployment(prefect, f'CARAT 2{known}')['id']}").raise_for_status()
    prefect.delete("/work_pools/pool-of-carat").raise_for_status()


@pytest.fixture(scope="module")
def made(wanted):
    """What the first set-up found, after a look that changed nothing."""
    looked = set_up(wanted, check=True)
    return looked, set_up(wanted)


def deployment(prefect, name="CARAT 2"):
    (found,) = prefect.post("/deployments/filter", json={"deployments": {"name": {"any_": [name]}}}).json()
    return found


def found(parts):
    return {(part.kind, part.name): part.found for part in parts if "killed" not in part.name}


def test_everything_is_created_and_a_look_before_creates_nothing(made):
    looked, first = made

    assert found(looked) == found(first)
    assert set(found(first).values()) == {Found.MISSING}
    assert [part.kind for part in first] == [
        "pool",
        "block",
        *["deployment"] * 3,
        "block",
        *["automation"] * 5,
    ]


def test_a_second_time_nothing_changes(made, wanted):
    assert {part.found for part in set_up(wanted)} == {Found.SAME}


def test_the_deployment_runs_in_a_folder_of_the_worker_one_at_a_time_and_none_queued(made, prefect):
    known = deployment(prefect)

    assert known["pull_steps"] == [{"prefect.deployments.steps.set_working_directory": {"directory": "/srv/carat"}}]
    assert load_flow_from_entrypoint(known["entrypoint"]) is sync_contacts
    assert known["parameters"] == {"config": "block:carat-2"}
    assert known["schedules"][0]["schedule"]["interval"] == 900
    assert known["global_concurrency_limit"]["limit"] == 1
    assert known["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert "CARAT 2" in known["description"]
    switch = known["parameter_openapi_schema"]["properties"]["allow_deletions"]
    assert switch["title"] == "Autoriser les suppressions retenues"
    assert "sage100-ssm plan" in switch["description"]


def test_what_is_due_beside_the_runs_has_deployments_of_its_own(made, prefect):
    nightly, weekly = (deployment(prefect, f"CARAT 2 {name}") for name in ("housekeeping", "digest"))

    assert load_flow_from_entrypoint(nightly["entrypoint"]) is housekeeping
    assert load_flow_from_entrypoint(weekly["entrypoint"]) is weekly_digest
    assert nightly["parameters"] == weekly["parameters"] == {"config": "block:carat-2"}
    schedules = [one["schedules"][0]["schedule"] for one in (nightly, weekly)]
    assert [one["cron"] for one in schedules] == ["37 2 * * *", "5 8 * * 1"]
    assert {one["timezone"] for one in schedules} == {"Europe/Paris"}


def test_late_runs_are_reported_by_prefect_itself_where_it_knows_the_recipient(made, prefect):
    automations = {one["name"]: one for one in prefect.post("/automations/filter", json={}).json()}

    assert automations["sage100-ssm CARAT 2: late"]["actions"][0]["type"] == "send-notification"
    assert automations["sage100-ssm CARAT 2: housekeeping failed"]["actions"][0]["type"] == "send-notification"
    assert automations["sage100-ssm CARAT 2: held"]["actions"][0]["type"] == "do-nothing"
    assert automations["sage100-ssm CARAT 2: failed 4 times"]["trigger"]["threshold"] == 4


def test_what_differs_is_found_and_brought_up_to_date(made, wanted):
    other = replace(wanted, every=timedelta(minutes=30))
    drifted = {("deployment", "CARAT 2"), ("automation", "sage100-ssm CARAT 2: failed 4 times")}

    assert {key for key, what in found(set_up(other, check=True)).items() if what is Found.DIFFERENT} == drifted
    assert {key for key, what in found(set_up(other)).items() if what is Found.DIFFERENT} == drifted
    assert {part.found for part in set_up(other, check=True)} == {Found.SAME}
    set_up(wanted)


def test_a_block_that_somebody_edited_is_kept_unless_it_is_to_be_renewed(made, wanted):
    edited = SynchronisationSettings.load("carat-2")
    edited.default_sales_rep_id = 311
    edited.save("carat-2", overwrite=True)

    assert found(set_up(wanted))["block", "carat-2"] is Found.KEPT
    assert SynchronisationSettings.load("carat-2").default_sales_rep_id == 311
    assert found(set_up(replace(wanted, renew=True)))["block", "carat-2"] is Found.DIFFERENT
    assert SynchronisationSettings.load("carat-2").default_sales_rep_id == 310


def test_an_action_that_somebody_added_to_an_automation_stays(made, wanted, prefect):
    name = "sage100-ssm CARAT 2: held"
    (held,) = [one for one in prefect.post("/automations/filter", json={}).json() if one["name"] == name]
    pause = {"type": "pause-deployment", "source": "selected", "deployment_id": deployment(prefect)["id"]}
    kept = {key: held[key] for key in ("name", "description", "enabled", "tags", "trigger")}
    prefect.put(f"/automations/{held['id']}", json={**kept, "actions": [pause], "enabled": False}).raise_for_status()

    assert found(set_up(wanted))["automation", name] is Found.DIFFERENT  # it was switched off
    again = prefect.get(f"/automations/{held['id']}").json()
    assert again["enabled"]
    assert again["actions"][0]["type"] == "pause-deployment"


def test_settings_may_stay_in_their_file(made, wanted):
    parts = set_up(replace(wanted, uses_block=False), check=True)

    assert ("block", "carat-2") not in found(parts)
    assert found(parts)["deployment", "CARAT 2"] is Found.DIFFERENT


def call(wanted, *options):
    command = ["prefect", "setup", "-c", str(wanted.file), "--pool", wanted.pool, "--folder", wanted.folder]
    return CliRunner().invoke(app, [*command, *options])


def test_the_command_says_what_it_did_and_ends_with_1_where_a_check_finds_a_difference(
    made, wanted, prefect_api, monkeypatch
):
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)

    done, same, drifted = call(wanted), call(wanted, "--check"), call(wanted, "--check", "--every", "5")

    assert "= Déploiement CARAT 2" in done.stderr
    assert "prefect worker start --pool pool-of-carat" in done.stderr
    assert "~ Déploiement CARAT 2" in drifted.stderr
    assert [one.exit_code for one in (done, same, drifted)] == [0, 0, 1]


def test_without_a_server_the_command_says_how_to_name_one(tmp_path, wanted, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    refused = call(wanted)

    assert refused.exit_code == 2
    assert "PREFECT_API_URL" in refused.stderr
