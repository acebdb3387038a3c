"""What is due beside the runs, as flows on a real Prefect server."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import StateType
from prefect.runner import Runner

from sage100_ssm.app import notify
from sage100_ssm.app.assemble import lease_owner
from sage100_ssm.app.channels import ChannelError
from sage100_ssm.app.settings import load_settings
from sage100_ssm.orchestration import upkeep
from sage100_ssm.orchestration.upkeep import housekeeping, weekly_digest
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.state.store import DURATION, StateStore

pytestmark = pytest.mark.xdist_group("prefect")

HOOK = "notify: [{kind: webhook, url: 'https://hook.bijou.example/1'}]\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with sample_installation(tmp_path_factory.mktemp("place")) as place:
        place.settings.write_text(place.settings.read_text() + HOOK)
        StateStore.open(load_settings(place.settings).state).close()
        yield place


def test_the_housekeeping_waits_for_a_run_and_says_what_it_did(prefect_api, prefect, place, monkeypatch):
    monkeypatch.setattr(upkeep, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(upkeep, "_LONGEST_PAUSE_SECONDS", 0.05)
    with StateStore.open(load_settings(place.settings).state) as store:
        run = store.acquire(lease_owner(), datetime.now(UTC), DURATION)
        monkeypatch.setattr(upkeep, "keep_house", _released_after_a_try(upkeep.keep_house, store, run))

        state = housekeeping(str(place.settings), return_state=True)

    assert (state.type, "copie vérifiée" in state.message) == (StateType.COMPLETED, True), state.message
    assert list(place.settings.parent.glob("*.backups/BIJOU-*.db"))
    wanted = {"artifacts": {"key": {"any_": ["housekeeping-bijou"]}}}
    (artifact,) = prefect.post("/artifacts/latest/filter", json=wanted).json()
    assert "copie vérifiée" in artifact["data"]


def _released_after_a_try(work, store, run):
    def tried(*arguments):
        try:
            return work(*arguments)
        finally:
            store.release(run)

    return tried


def test_the_summary_of_a_week_is_sent_although_no_run_took_place(prefect_api, place, monkeypatch):
    sent = []
    monkeypatch.setattr(notify, "send", lambda _channel, title, *_: sent.append(title))
    settings = load_settings(place.settings)
    notify.notify(settings, datetime.now(UTC) - timedelta(days=7))

    first, second = (weekly_digest(str(place.settings), return_state=True) for _ in range(2))

    assert [state.type for state in (first, second)] == [StateType.COMPLETED] * 2
    assert len(sent) == 1
    assert "Rien à envoyer" in second.message


def test_a_summary_that_is_not_taken_fails_the_run(prefect_api, place, monkeypatch):
    def refuse(*_):
        raise ChannelError("Connection refused")

    monkeypatch.setattr(notify, "send", refuse)
    with StateStore.open(load_settings(place.settings).state) as store, store.transaction() as transaction:
        transaction.remember("notified", None)
    notify.notify(load_settings(place.settings), datetime.now(UTC) - timedelta(days=7))

    state = weekly_digest(str(place.settings), return_state=True)

    assert (state.type, "webhook" in state.message) == (StateType.FAILED, True), state.message


def test_serve_does_the_housekeeping_each_night(prefect_api, prefect, place):
    runner = Runner(name="test", pause_on_shutdown=False)

    upkeep.add_housekeeping(runner, "OPALE", place.settings, load_settings(place.settings))

    wanted = {"deployments": {"name": {"any_": ["OPALE housekeeping"]}}}
    (made,) = prefect.post("/deployments/filter", json=wanted).json()
    prefect.delete(f"/deployments/{made['id']}").raise_for_status()
    assert made["parameters"] == {"config": str(place.settings)}
    assert made["schedules"][0]["schedule"] == {"cron": upkeep.NIGHTLY, "timezone": "Europe/Paris", "day_or": True}
    assert made["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
