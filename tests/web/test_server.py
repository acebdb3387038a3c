"""The page as it is started: where it answers, and what it says to whoever starts it."""

import socket

import httpx
import pytest
from typer.testing import CliRunner

from sage100_ssm.app.settings import load_settings
from sage100_ssm.app.web_settings import WebSettings, WebUser
from sage100_ssm.cli.commands import app
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.web.access import Access
from sage100_ssm.web.server import page_beside, serve_page


@pytest.fixture
def port():
    """A port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def said():
    """What is said to the operator, by the sentences' keys."""
    return {}


@pytest.fixture
def say(said):
    return lambda key, **facts: said.update({key: facts})


def test_the_page_is_open_beside_something_else_and_asks_for_the_key_in_a_file_of_its_owner(
    settings_file, tmp_path, port, said, say
):
    settings = load_settings(settings_file(web=f"web: {{port: {port}}}"))

    with page_beside(settings, tmp_path / "home", say):
        address = said["web_page_open"]["address"]
        assert address == f"http://127.0.0.1:{port}"
        assert 'name="password"' in httpx.get(f"{address}/login", trust_env=False).text
        file = said["web_page_key"]["file"]
        assert file.stat().st_mode & 0o077 == 0
        assert file.read_text() not in str(said)

    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)


def test_where_the_users_have_passwords_no_key_is_named(settings_file, tmp_path, port, said, say):
    settings = load_settings(settings_file())
    settings = settings.model_copy(update={"web": settings.web.model_copy(update={"port": port})})

    with page_beside(settings, tmp_path / "home", say):
        assert said.keys() == {"web_page_open"}
    assert not (tmp_path / "home").exists()


def test_where_another_program_has_the_port_the_page_says_so_and_serve_goes_on_without_it(
    settings_file, tmp_path, port, said, say
):
    settings = load_settings(settings_file(web=f"web: {{port: {port}}}"))
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(ConfigurationError):
            serve_page(settings, tmp_path / "home", say)
        with page_beside(settings, tmp_path / "home", say):
            assert said["web_page_address"]["port"] == port


def test_the_command_makes_a_hash_for_the_settings_and_shows_no_password():
    result = CliRunner().invoke(app, ["web", "--hash"], input="a long password\na long password\n")

    assert "a long password" not in result.output
    hashed = result.stdout.strip()
    user = WebUser(password=hashed)
    assert Access(WebSettings(users={"marie": user})).logged_in("marie", "a long password")
