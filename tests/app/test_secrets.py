"""Secrets in a file beside the settings, and settings without them for commands that only look."""

import os
import subprocess

import pytest

from sage100_ssm.app import secrets_file
from sage100_ssm.app.secrets_file import SecretsError, read_secrets, write_secrets
from sage100_ssm.app.settings import SettingsError, SettingsToLook, load_settings, load_settings_to_look

ODD = {
    "QUOTED": 'it\'s "so"',
    "BACKSLASH": "a\\",
    "BOTH": "\\'",
    "DOLLAR": "pa$$word ${HOME}",
    "ACCENTS": "élève №5 – ✓",
    "HASH": "a # b",
    "BLANKS": "  a  ",
    "EQUALS": "a=b",
}
SETTINGS = """
secrets: sync.env
sage100:
  company: BIJOU
  connection: {kind: sqlserver, host: SRV, database: BIJOU, username: sync, password: "${SAGE_PASSWORD}"}
ssm: {public_key: "${PK}", private_key: "${SK}", default_sales_rep_id: 310, company_code_field: Z_code}
"""


@pytest.fixture
def settings(tmp_path):
    """A function that writes settings, and the secrets that they name."""

    def write(more="", secrets=None):
        file = tmp_path / "sync.yaml"
        file.write_text(SETTINGS + more, "utf-8")
        if secrets is not None:
            write_secrets(tmp_path / "sync.env", secrets)
        return file

    return write


ALL = {"SAGE_PASSWORD": "p4ss", "PK": "pk", "SK": "sk"}


def reasons(load, *arguments):
    with pytest.raises(SettingsError) as caught:
        load(*arguments)
    return [(one.key, one.reason) for one in caught.value.invalid]


def test_every_password_is_read_as_it_was_written(tmp_path):
    write_secrets(tmp_path / "sync.env", ODD)
    assert read_secrets(tmp_path / "sync.env") == ODD


def test_secrets_are_written_for_their_owner_alone_also_over_a_file_that_was_open(tmp_path):
    file = tmp_path / "sync.env"
    file.write_text("")
    file.chmod(0o644)
    write_secrets(file, ALL)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_every_account_can_read_is_refused(settings, tmp_path):
    file = settings(secrets=ALL)
    (tmp_path / "sync.env").chmod(0o644)
    assert ("secrets", "secrets_open") in reasons(load_settings, file, {})
    (tmp_path / "sync.env").chmod(0o640)  # a group may be meant to
    load_settings(file, {})


def test_settings_take_their_secrets_from_the_file_and_before_it_from_the_environment(settings):
    loaded = load_settings(settings(secrets=ALL), {"PK": "of the environment"})
    assert loaded.sage100.connection.password.get_secret_value() == "p4ss"
    assert loaded.ssm.public_key.get_secret_value() == "of the environment"


def test_a_file_that_is_missing_is_named_before_the_variables(settings):
    found = reasons(load_settings, settings(), {})
    assert found[0] == ("secrets", "secrets_missing")
    assert ("sage100.connection.password", "environment_missing") in found


def test_a_file_that_cannot_be_used_does_not_matter_where_the_environment_has_everything(settings):
    assert load_settings(settings(), ALL).ssm.default_sales_rep_id == 310


@pytest.fixture
def windows(monkeypatch):
    """Windows, whose tool for rights ends with this code: the calls."""
    calls, codes = [], [0]

    def icacls(command, **_):
        calls.append(command)
        return subprocess.CompletedProcess(command, codes[-1])

    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(secrets_file.subprocess, "run", icacls)
    monkeypatch.setenv("USERDOMAIN", "DOMAINE")
    monkeypatch.setattr(secrets_file.getpass, "getuser", lambda: "marie")
    return calls, codes


def test_on_windows_the_rights_are_those_of_the_owner_the_system_and_administrators(windows, tmp_path):
    calls, _ = windows
    file = tmp_path / "sync.env"
    write_secrets(file, ALL)
    assert calls == [
        [
            *("icacls", str(tmp_path / "sync.env.new"), "/inheritance:r", "/grant:r"),
            *(r"DOMAINE\marie:F", "*S-1-5-18:F", "*S-1-5-32-544:F"),
        ]
    ]
    file.chmod(0o644)  # it has no meaning there
    assert read_secrets(file) == ALL


def test_on_windows_no_secret_is_written_into_a_file_that_stays_open(windows, tmp_path):
    windows[1].append(5)
    with pytest.raises(PermissionError):
        write_secrets(tmp_path / "sync.env", ALL)
    assert not (tmp_path / "sync.env").exists()
    assert (tmp_path / "sync.env.new").read_text() == ""


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_what_is_no_text_is_said_to_be_unreadable(tmp_path, content):
    file = tmp_path / "sync.env"
    if content is None:
        file.mkdir(mode=0o700)
    else:
        file.write_bytes(content)
        file.chmod(0o600)
    with pytest.raises(SecretsError) as caught:
        read_secrets(file)
    assert caught.value.invalid.reason == "secrets_unreadable"


def test_secrets_cannot_be_named_by_a_file_that_is_included(settings, tmp_path):
    (tmp_path / "probe.yaml").write_text("secrets: other.env\n")
    assert ("secrets", "unknown_key") in reasons(load_settings, settings("include: probe.yaml\n", ALL), {})


# --- commands that only look


def test_what_only_looks_needs_no_secret(settings):
    loaded = load_settings_to_look(settings("language: en\n"), {})
    assert isinstance(loaded, SettingsToLook)
    assert (loaded.sage100.company, loaded.language, loaded.ssm.company_code_field) == ("BIJOU", "en", "Z_code")
    assert loaded.sage100.connection.path == os.devnull
    assert loaded.state.endswith("/sync-state.db")


def test_what_only_looks_has_whole_settings_where_nothing_is_missing(settings):
    loaded = load_settings_to_look(settings(secrets=ALL), {})
    assert not isinstance(loaded, SettingsToLook)
    assert loaded == load_settings(settings(), {**ALL})


@pytest.mark.parametrize(
    "more",
    [
        'notify: [{kind: teams, url: "${TEAMS}"}]\n',
        'web: {users: {marie: {password: "${MARIE}"}}}\n',
    ],
)
def test_neither_messages_nor_the_page_are_needed_to_look(settings, more):
    loaded = load_settings_to_look(settings(more, ALL), {})
    assert (loaded.notify, loaded.web.users) == ((), {})


@pytest.mark.parametrize(
    ("more", "key"),
    [('state: "postgresql+psycopg://u:${P}@h/d"\n', "state"), ('language: "${L}"\n', "language")],
)
def test_what_the_state_is_read_with_is_needed_to_look_too(settings, more, key):
    assert (key, "environment_missing") in reasons(load_settings_to_look, settings(more), {})


def test_other_mistakes_are_named_to_those_who_only_look(settings):
    assert ("contry", "unknown_key") in reasons(load_settings_to_look, settings("contry: FR\n"), {})
