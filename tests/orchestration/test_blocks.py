"""The settings as a form on the Prefect server."""

import pytest
import yaml
from prefect.client.schemas.objects import StateType
from pydantic import SecretStr

from sage100_ssm.app.settings import SettingsError, load_settings
from sage100_ssm.orchestration.blocks import SynchronisationSettings, load_settings_for_flow
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.failures import ConfigurationError

pytestmark = pytest.mark.xdist_group("prefect")

SERVER = {"kind": "sqlserver", "host": "SRV-SAGE", "database": "BIJOU", "username": "sync", "password": "hunter2"}
ODBC = {"kind": "odbc", "connection_string": "DSN=BIJOU;UID=sync;PWD=hunter2"}
SQLITE = {"kind": "sqlite", "path": "bijou.db"}


@pytest.fixture
def place(prefect_api, tmp_path):
    with sample_installation(tmp_path) as place:
        yield place


@pytest.fixture
def file(tmp_path):
    """A function that writes a settings file."""

    def file(connection=SERVER, **other):
        tree = {
            "sage100": {"company": "BIJOU", "connection": connection, "formerly": ["OLD"]},
            "ssm": {"public_key": "p0blic", "private_key": "pr1vate", "default_sales_rep_id": 310, "page_size": 200},
            "policy": {"conflict": "newest"},
            **other,
        }
        path = tmp_path / "sync.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return file


@pytest.mark.parametrize("connection", [SERVER, {**SERVER, "instance": "SAGE100", "driver": "FreeTDS"}, ODBC, SQLITE])
def test_a_file_becomes_a_form_with_the_same_settings(file, connection):
    hook = {"kind": "webhook", "url": "https://hook.example/s3cret", "names": True}
    settings_file = file(
        connection, notify=[hook], fields={"email": {"direction": "to_ssm"}}, backups={"folder": "copies"}
    )

    block = SynchronisationSettings.of(settings_file)

    assert block.settings("bijou") == load_settings(settings_file)
    shown = block.model_dump_json()
    assert [secret for secret in ("hunter2", "p0blic", "pr1vate", "s3cret") if secret in shown] == []


def test_a_run_can_use_a_form(place):
    SynchronisationSettings.of(place.settings).save("bijou", overwrite=True)

    assert load_settings_for_flow("block:bijou") == load_settings(place.settings)
    assert sync_contacts("block:bijou", return_state=True).type is StateType.COMPLETED


def test_the_keys_in_a_form_are_masked_by_the_server(place, prefect):
    SynchronisationSettings.of(place.settings).save("masked", overwrite=True)

    kept = prefect.post("/block_documents/filter", json={}).text

    assert place.api.private_key not in kept
    assert place.api.public_key not in kept


def test_the_form_has_a_title_for_each_value_and_a_secret_for_each_password():
    form = SynchronisationSettings.model_json_schema()["properties"]

    assert all("title" in field and field["title"] != name for name, field in form.items() if name != "instance")
    secrets = {name for name, field in form.items() if field.get("format") == "password"}
    assert secrets == {"password", "connection_string", "public_key", "private_key", "notify"}


def test_a_password_in_the_address_of_the_state_is_refused_as_prefect_would_show_it(file):
    with pytest.raises(ConfigurationError, match="prefect_state_password") as caught:
        SynchronisationSettings.of(file(state="postgresql+psycopg://sync:hunter2@db/sync"))

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"state": "sqlite:///sync-state.db"}, "state"),
        ({"more": {"sage100": {"connection": SQLITE}}, "host": ""}, "sage100.connection.path"),
        ({"more": {"backups": {"folder": "copies"}}}, "backups.folder"),
    ],
)
def test_a_relative_path_in_a_form_is_refused_as_a_worker_deletes_its_folder(file, change, key):
    block = SynchronisationSettings.of(file()).model_copy(update=change)

    with pytest.raises(SettingsError) as caught:
        block.settings("bijou")

    assert [(wrong.key, wrong.reason) for wrong in caught.value.invalid] == [(key, "relative_path")]


@pytest.mark.parametrize("path", ["sqlite:////var/lib/state.db", "sqlite:///C:/Sage/state.db"])
def test_a_whole_path_is_one_on_any_system(file, path):
    assert SynchronisationSettings.of(file()).model_copy(update={"state": path}).settings("x").state == path


def test_recipients_that_are_no_json_are_refused(file):
    block = SynchronisationSettings.of(file()).model_copy(update={"notify": SecretStr("admin@bijou.example")})

    with pytest.raises(SettingsError) as caught:
        block.settings("bijou")

    assert caught.value.invalid[0].key == "notify"


def test_a_block_that_does_not_exist_is_reported_as_a_missing_setting(prefect_api):
    with pytest.raises(SettingsError, match="settings_missing"):
        load_settings_for_flow("block:absent")

    assert sync_contacts("block:absent", return_state=True).type is StateType.FAILED


def test_a_form_that_is_not_filled_in_says_which_fields(prefect_api, prefect, place):
    SynchronisationSettings.of(place.settings).save("half", overwrite=True)
    (half,) = [one for one in prefect.post("/block_documents/filter", json={}).json() if one["name"] == "half"]
    only = {"data": {"company": "BIJOU"}, "merge_existing_data": False}
    prefect.patch(f"/block_documents/{half['id']}", json=only).raise_for_status()

    with pytest.raises(SettingsError) as caught:
        load_settings_for_flow("block:half")

    assert {wrong.key for wrong in caught.value.invalid} >= {"public_key", "state"}
