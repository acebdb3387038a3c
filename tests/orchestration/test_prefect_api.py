"""A Prefect server that ``PREFECT_API_URL`` names and that cannot be used: one sentence, and nothing claims to run."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from sage100_ssm.app.endings import ending_after
from sage100_ssm.orchestration.prefect_api import require_prefect_server
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.failures import SyncError

pytestmark = pytest.mark.xdist_group("prefect")

COMMAND = [sys.executable, "-c", "from sage100_ssm.cli import main; main()", "serve", "-c"]
JSON = "application/json"
HTML = (200, "text/html", "<!doctype html><title>Welcome</title>")


@contextmanager
def _answering(status, kind, body):
    """A server that gives one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - named by the protocol

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


@contextmanager
def _closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/api"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """The settings of an installation."""
    with sample_installation(tmp_path_factory.mktemp("place")) as place:
        yield place.settings


CASES = {
    "unreachable": (_closed_port, 4, {"fr": "n’a pas pu être joint", "en": "could not be reached"}),
    "does not work": (lambda: _answering(500, "text/plain", "no"), 4, {"fr": "HTTP 500", "en": "HTTP 500"}),
    "HTML": (lambda: _answering(*HTML), 2, {"fr": "n’est pas un serveur Prefect", "en": "is not a Prefect server"}),
    "not found": (
        lambda: _answering(404, "text/html", "?"),
        2,
        {"fr": "n’est pas un serveur", "en": "is not a Prefect"},
    ),
    "JSON of another kind": (lambda: _answering(200, JSON, '{"a": 1}'), 2, {"fr": "n’est pas", "en": "is not"}),
    "version 2": (lambda: _answering(200, JSON, '"2.20.1"'), 2, {"fr": "version 2.20.1", "en": "version 2.20.1"}),
    "no login": (lambda: _answering(401, JSON, "{}"), 2, {"fr": "AUTH_STRING", "en": "AUTH_STRING"}),
    "no address": (lambda: nullcontext("prefect.example/api"), 2, {"fr": "PREFECT_API_URL", "en": "PREFECT_API_URL"}),
}


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("case", CASES)
def test_a_server_that_cannot_be_used_has_a_sentence_of_its_own(case, language):
    server, exit_code, sentence = CASES[case]
    with (
        server() as url,
        temporary_settings({PREFECT_API_URL: url}),
        pytest.raises(SyncError) as caught,
    ):
        require_prefect_server()

    ending = ending_after(caught.value, language)
    assert (ending.exit_code, sentence[language] in ending.message) == (exit_code, True), ending.message
    assert url in ending.message


def test_a_server_of_our_major_version_that_takes_the_login_can_be_used():
    with _answering(200, JSON, '"3.99.0"') as url, temporary_settings({PREFECT_API_URL: url}):
        require_prefect_server()


def test_a_password_in_the_address_is_not_said():
    with _closed_port() as url, temporary_settings({PREFECT_API_URL: url.replace("//", "//user:hunter2@")}):
        with pytest.raises(SyncError) as caught:
            require_prefect_server()

        assert "hunter2" not in ending_after(caught.value, "en").message


@pytest.mark.parametrize(
    ("server", "exit_code"), [(_closed_port, 4), (lambda: _answering(*HTML), 2)], ids=["unreachable", "HTML"]
)
def test_serve_ends_with_one_line_and_claims_nothing(settings, server, exit_code):
    with server() as url:
        ended = _serve(settings, PREFECT_API_URL=url)

    assert ended.returncode == exit_code, ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert "Synchronisation toutes" not in ended.stderr
    assert ended.stdout == ""


def test_a_proxy_of_a_kind_that_cannot_be_used_is_told_by_its_variable(settings):
    ended = _serve(settings, ALL_PROXY="socks5://127.0.0.1:1080", PREFECT_API_URL="http://127.0.0.1:9/api")

    assert ended.returncode == 2, ended.stderr
    assert "ALL_PROXY" in ended.stderr


def _serve(settings, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, str(settings)], env=environment | variables, capture_output=True, text=True, timeout=120, check=False
    )
