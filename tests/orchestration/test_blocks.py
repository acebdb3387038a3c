import pytest
from prefect.client.schemas.objects import StateType

from sage100_ssm.app.settings import SettingsError, load_settings
from sage100_ssm.orchestration.blocks import load_settings_for_flow, save_settings
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.standins.sample_installation import sample_installation

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.fixture
def place(prefect_api, tmp_path):
    with sample_installation(tmp_path) as place:
        yield place


def test_settings_come_back_from_a_block_as_they_were_and_a_run_can_use_them(place):
    settings = load_settings(place.settings)
    save_settings(settings, "bijou")

    assert load_settings_for_flow("block:bijou") == settings
    assert sync_contacts("block:bijou", return_state=True).type is StateType.COMPLETED


def test_the_keys_in_a_block_are_masked_by_the_server(place, prefect):
    save_settings(load_settings(place.settings), "masked")

    kept = prefect.post("/block_documents/filter", json={}).text

    assert place.api.private_key not in kept
    assert place.api.public_key not in kept


def test_a_password_in_the_address_of_the_state_is_refused_as_prefect_would_show_it(place):
    settings = load_settings(place.settings).model_copy(update={"state": "postgresql+psycopg://sync:hunter2@db/sync"})

    with pytest.raises(ValueError, match="PGPASSWORD") as caught:
        save_settings(settings, "shown")

    assert "hunter2" not in str(caught.value)


def test_a_block_that_does_not_exist_is_told_as_a_missing_setting(prefect_api):
    with pytest.raises(SettingsError, match="settings_missing"):
        load_settings_for_flow("block:absent")

    assert sync_contacts("block:absent", return_state=True).type is StateType.FAILED
