"""Registering the connectors with Airbyte, against a stand-in for its API on loopback."""

import importlib.util
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

SCRIPT = Path(__file__).parents[2] / "deploy" / "register.py"


@pytest.fixture(scope="module")
def register():
    spec = importlib.util.spec_from_file_location("register", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Api(ThreadingHTTPServer):
    """Lists, creates and updates definitions for clients with the token that it issued."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/api/public/v1"
        self.definitions = {"sources": [], "destinations": []}
        self.calls = []


class _Handler(BaseHTTPRequestHandler):
    def _serve(self):
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        path = self.path.removeprefix("/api/public/v1/")
        self.server.calls.append((self.command, path))
        status, answer = self._answer(path, body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, path, body):
        if path == "applications/token":
            return (200, {"access_token": "t0ken"}) if body["client_secret"] == "s3cret" else (401, {})
        if self.headers["Authorization"] != "Bearer t0ken":
            return 401, {}
        kind, *rest = path.removeprefix("workspaces/w1/definitions/").split("/")
        known = self.server.definitions[kind]
        if self.command == "POST":
            known.append(body | {"id": f"d{len(known)}"})
        elif self.command == "PUT":
            next(one for one in known if one["id"] == rest[0]).update(body)
        return 200, {"data": known} if self.command == "GET" else {}

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 - the library's names

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def api():
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(register, api):
    app = typer.Typer()
    app.command()(register.main)

    def called(key="s3cret", url=None):
        arguments = ["--url", url or api.url, "--workspace", "w1", "--registry", "registry.example.com/"]
        keys = {"AIRBYTE_CLIENT_ID": "id", "AIRBYTE_CLIENT_SECRET": key}
        return CliRunner().invoke(app, arguments, env=keys)

    return called


def test_all_four_are_registered_each_among_its_kind_and_once(api, run):
    assert run().exit_code == 0
    images = {kind: {one["dockerRepository"] for one in known} for kind, known in api.definitions.items()}
    prefix = "registry.example.com/sage100-ssm"
    assert images == {
        "sources": {f"{prefix}/source-sage100", f"{prefix}/source-ssm"},
        "destinations": {f"{prefix}/destination-sage100", f"{prefix}/destination-ssm"},
    }
    assert run().output.count("already registered") == 4


def test_an_older_version_is_updated_to_this_one(api, run):
    run()
    for known in api.definitions.values():
        for one in known:
            one["dockerImageTag"] = "0.0.9"
    assert run().output.count("updated from 0.0.9") == 4
    assert "0.0.9" not in json.dumps(api.definitions)
    assert len(api.definitions["sources"]) == 2


def test_refused_keys_are_reported_and_not_shown(run):
    outcome = run(key="wr0ng-secret")
    assert (outcome.exit_code, "401" in outcome.output, "wr0ng-secret" in outcome.output) == (2, True, False)


def test_an_airbyte_that_does_not_answer_is_reported(run):
    outcome = run(url="http://127.0.0.1:1/api/public/v1")
    assert (outcome.exit_code, "does not answer" in outcome.output) == (4, True)
