"""Who gets into the local Prefect server, and what becomes of it (docs/threat-model.md). Over real HTTP."""

import json
import os
import signal
import socket
import stat
import time
from contextlib import closing, nullcontext
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from sage100_ssm.orchestration.api_key import api_key, key_file
from sage100_ssm.orchestration.local_server import local_server
from sage100_ssm.orchestration.only_one import only_one
from sage100_ssm.sync.failures import ConfigurationError

pytestmark = pytest.mark.xdist_group("prefect")

OPEN = {("GET", "/health"), ("GET", "/ready")}
"""What answers without the key: whether the server is up."""


def _send(api_url, method, path, **more):
    return httpx.request(method, f"{api_url}{path}", trust_env=False, timeout=60, **more)


@pytest.fixture(scope="module")
def routes(prefect_api):
    """Each method and path of the API, with a made-up id where one is needed."""
    described = _send(prefect_api.removesuffix("/api"), "GET", "/openapi.json").json()["paths"]
    made_up = "00000000-0000-0000-0000-000000000000"
    return {
        (method.upper(), "/".join(made_up if part.startswith("{") else part for part in path.split("/")))
        for path, methods in described.items()
        for method in methods
    }


def test_nothing_but_health_is_answered_without_the_key(prefect_api, routes):
    answers = {route: _send(prefect_api, *route, json={}).status_code for route in sorted(routes - OPEN)}

    assert len(answers) > 150
    # 403 is the protection against foreign pages, which comes first for all that changes something.
    assert {status for (method, _), status in answers.items() if method == "GET"} == {401}
    assert {status for (method, _), status in answers.items() if method != "GET"} <= {401, 403}


@pytest.mark.parametrize(
    "authorization",
    ["Basic c2FnZTEwMC1zc206d3Jvbmc=", "Basic %", "Bearer x", "", "Basic"],
    ids=["wrong key", "no base64", "another scheme", "empty", "nothing after Basic"],
)
def test_a_wrong_key_is_refused(prefect_api, authorization):
    headers = {"Authorization": authorization}

    assert _send(prefect_api, "GET", "/admin/settings", headers=headers).status_code == 401
    assert _send(prefect_api, "GET", "/csrf-token?client=x", headers=headers).status_code == 401


def test_the_key_alone_changes_nothing_without_the_token_against_foreign_pages(prefect_api, prefect_key):
    answer = _send(prefect_api, "POST", "/flow_runs/filter", json={}, auth=tuple(prefect_key.split(":")))

    assert answer.status_code == 403
    assert "CSRF" in answer.text


def test_with_key_and_token_the_api_answers(prefect):
    assert prefect.post("/flow_runs/filter", json={}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
def test_a_page_from_elsewhere_is_refused_even_with_the_key(prefect, prefect_api, origin):
    origin = origin.format(port=httpx.URL(prefect_api).port)

    assert prefect.post("/flow_runs/filter", json={}, headers={"Origin": origin}).status_code == 403
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert prefect.options("/flow_runs/filter", headers=asked).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_dashboards_own_page_is_answered(prefect, prefect_api, host):
    own = f"{host}:{httpx.URL(prefect_api).port}"
    answer = prefect.post("/flow_runs/filter", json={}, headers={"Host": own, "Origin": f"http://{own}"})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == f"http://{own}"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "2130706433", "[::1]"])
@pytest.mark.parametrize("path", ["/api/flow_runs/filter", "/ui-settings", "/", "/docs"])
def test_a_name_that_somebody_else_points_to_loopback_is_refused(prefect, prefect_api, host, path):
    address = prefect_api.removesuffix("/api")

    assert prefect.get(f"{address}{path}", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("path", ["events/in", "events/out", "logs/out", "work_pools/p/workers/connect"])
def test_a_stream_is_closed_to_those_who_do_not_know_the_key(prefect_api, path):
    url = f"{prefect_api.replace('http', 'ws')}/{path}"
    with connect(url, subprotocols=["prefect"], proxy=None) as stream:
        stream.send(json.dumps({"type": "auth", "token": "sage100-ssm:wrong"}))
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=20)


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}], ids=str)
def test_a_stream_is_not_opened_to_a_page_from_elsewhere(prefect_api, header):
    url = f"{prefect_api.replace('http', 'ws')}/events/in"
    with pytest.raises(InvalidStatus), connect(url, additional_headers=header, proxy=None):
        pass


def test_the_local_server_answers_on_loopback_alone(prefect_api):
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}

    assert httpx.URL(prefect_api).host == "127.0.0.1"
    for address in others:
        with closing(socket.socket()) as visitor:
            assert visitor.connect_ex((address, httpx.URL(prefect_api).port)) != 0


def test_folder_and_key_are_closed_to_other_accounts_and_the_key_is_in_no_log(prefect_home, prefect_key, prefect):
    secret = prefect_key.partition(":")[2]

    assert stat.S_IMODE(prefect_home.stat().st_mode) == 0o700
    assert stat.S_IMODE(key_file(prefect_home).stat().st_mode) == 0o600
    assert len(secret) >= 43
    assert secret not in prefect.get("/admin/settings").text
    assert secret not in (prefect_home / "server.log").read_text()
    kept = [file for file in prefect_home.rglob("*") if file.is_file() and file != key_file(prefect_home)]
    assert [file for file in kept if secret.encode() in file.read_bytes()] == []


def test_the_key_is_on_no_command_line(prefect_api, prefect_key):
    lines = [file.read_bytes() for file in _command_lines()]

    assert lines
    assert not any(prefect_key.partition(":")[2].encode() in line for line in lines)


def _command_lines():
    return [file for file in Path("/proc").glob("[0-9]*/cmdline") if file.exists()]


def test_an_installation_without_a_key_gets_one_and_keeps_it(tmp_path):
    home = tmp_path / "state.db.prefect"
    home.mkdir(mode=0o755)

    key = api_key(home)

    assert key == api_key(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "damage", [lambda f: f.chmod(0o644), lambda f: f.write_text("sage100-ssm:"), lambda f: f.unlink()]
)
def test_a_key_that_others_could_read_or_that_is_broken_is_replaced(tmp_path, damage):
    before = api_key(tmp_path)
    damage(key_file(tmp_path))

    assert api_key(tmp_path) != before
    assert stat.S_IMODE(key_file(tmp_path).stat().st_mode) == 0o600


def test_a_folder_of_another_account_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(ConfigurationError, match="folder_of_another_account"):
        api_key(tmp_path)


def test_a_server_that_dies_is_started_again_at_the_same_address_within_seconds(prefect_home, prefect_api):
    holder = json.loads((prefect_home / "server.json").read_text())
    os.kill(holder["pid"], signal.SIGKILL)

    # Whoever asks meanwhile is answered late, and by nobody else.
    assert _send(prefect_api, "GET", "/health").status_code == 200
    assert json.loads((prefect_home / "server.json").read_text())["pid"] != holder["pid"]


@pytest.fixture
def not_started(monkeypatch):
    """The server's process is left out."""
    monkeypatch.setattr("sage100_ssm.orchestration.local_server._KeptRunning", lambda *_: nullcontext())


def test_where_another_program_has_the_port_the_next_is_taken_and_told(prefect_api, tmp_path, not_started):
    taken = httpx.URL(prefect_api).port

    with local_server(tmp_path / "other", taken) as server:
        assert server.port_taken == taken
        assert httpx.URL(server.api_url).port > taken
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.api_url, trust_env=False)


def test_the_port_of_the_last_start_is_taken_again_although_the_first_choice_is_free_now(tmp_path, not_started):
    with socket.create_server(("127.0.0.1", 0)) as rival:
        asked = rival.getsockname()[1]
        with local_server(tmp_path, asked) as server:
            taken = httpx.URL(server.api_url).port

    with local_server(tmp_path, asked) as again:
        assert httpx.URL(again.api_url).port == taken != asked
        assert again.port_taken is None


def test_where_another_program_has_the_port_of_the_last_start_another_is_taken_and_told(tmp_path, not_started):
    with socket.create_server(("127.0.0.1", 0)) as rival:
        taken = rival.getsockname()[1]
        (tmp_path / "port.json").write_text(json.dumps({"asked": taken + 1, "taken": taken}))

        with local_server(tmp_path, taken + 1) as server:
            assert httpx.URL(server.api_url).port != taken
            assert server.port_taken == taken


@pytest.mark.parametrize(
    "last", ['{"asked": 1, "taken": 2}', "{", "[]", '{"asked": 4299}', '{"asked": 4299, "taken": null}']
)
def test_a_port_of_the_last_start_that_was_not_asked_for_or_cannot_be_read_counts_for_nothing(
    tmp_path, last, not_started
):
    (tmp_path / "port.json").write_text(last)

    with local_server(tmp_path, 4299) as server:
        assert server.port_taken in (None, 4299)


@pytest.mark.skipif(os.name == "nt", reason="there two programs cannot bind one port")
def test_where_another_program_takes_the_port_at_the_same_moment_the_next_is_taken(tmp_path, not_started, monkeypatch):
    bind = socket.socket.bind
    with socket.socket() as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        rival.bind(("127.0.0.1", 0))
        port = rival.getsockname()[1]

        def bind_and_lose(listener, address):
            bind(listener, address)
            rival.listen()

        monkeypatch.setattr(socket.socket, "bind", bind_and_lose)
        with local_server(tmp_path, port) as server:
            assert server.port_taken == port
            assert httpx.URL(server.api_url).port != port


def test_a_server_that_cannot_start_is_told_with_its_log(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "prefect.db").write_text("this is no database, and long enough to be read as one" * 100)

    with pytest.raises(ConfigurationError, match=r"prefect_not_started.*server\.log"), local_server(tmp_path / "home"):
        pass


def test_a_server_that_was_left_behind_is_waited_for_and_then_ended(tmp_path, monkeypatch, not_started):
    """What is left behind may hang: the lock, which ends with a process, says which one it is."""
    monkeypatch.setattr("sage100_ssm.orchestration.local_server._STOP_SECONDS", 1)
    child = os.fork()
    if child == 0:
        with only_one(tmp_path / "server.lock"):
            time.sleep(120)
        os._exit(0)
    while not (tmp_path / "server.json").exists():
        time.sleep(0.05)

    with local_server(tmp_path):
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
