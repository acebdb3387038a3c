"""``serve`` with a Prefect server of its own, as a process: who may do what with its runs, and what it survives."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from sage100_ssm.app.schedule import recall_schedule
from sage100_ssm.orchestration.api_key import api_key
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.state.store import StateStore

pytestmark = pytest.mark.xdist_group("prefect")

COMMAND = [sys.executable, "-c", "from sage100_ssm.cli import main; main()"]
DEAD_PROXY = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "intranet.example,fd00::/8",
}
PATIENCE = 240
PORT = 10_000 + os.getpid() % 20_000
"""A port of this process alone, below those that the system gives to connections."""


def _until(look):
    """What a look finds, once it finds something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.3)
    raise TimeoutError


def _start(place, output):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with output.open("a") as file:
        return subprocess.Popen(  # noqa: S603 - this interpreter
            [*COMMAND, "serve", "--port", str(PORT), "-c", str(place.settings)],
            env={**environment, **DEAD_PROXY, "PREFECT_RUNNER_POLL_FREQUENCY": "1"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def _second(place):
    """How another ``serve`` of the same installation ends."""
    return subprocess.run(  # noqa: S603 - this interpreter
        [*COMMAND, "serve", "-c", str(place.settings)], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def here(tmp_path_factory, client_of):
    """An installation, synchronised by ``serve`` on its own server, behind a proxy that is dead.

    When it starts first, another program has its port; later nobody has.
    """
    folder = tmp_path_factory.mktemp("alone")
    output = folder / "output.txt"
    with sample_installation(folder) as place, socket.create_server(("127.0.0.1", PORT)) as rival:
        home = place.settings.parent / "sync-state.db.prefect"
        process = _start(place, output)
        try:
            address = _until(lambda: re.search(r"http://127\.0\.0\.1:\d+", output.read_text()))[0]
            rival.close()
            with client_of(f"{address}/api", api_key(home)) as prefect:
                here = SimpleNamespace(place=place, home=home, process=process, output=output, prefect=prefect)
                here.address = address
                yield here
        finally:
            here.process.send_signal(signal.SIGTERM)
            assert here.process.wait(60) == 0, output.read_text()


def _deployment(here):
    """The deployment that synchronises."""
    wanted = {"flows": {"name": {"any_": ["sage100-ssm"]}}}
    (deployment,) = here.prefect.post("/deployments/filter", json=wanted).json()
    return deployment


def _ended(here, run_id):
    def look():
        run = here.prefect.get(f"/flow_runs/{run_id}").json()
        return run if run["end_time"] else None

    return _until(look)


def _run(here, **parameters):
    """A run that somebody with the key starts, when it has ended."""
    _until(lambda: not _unfinished(here))
    created = here.prefect.post(
        f"/deployments/{_deployment(here)['id']}/create_flow_run", json={"parameters": parameters}
    )
    return _ended(here, created.raise_for_status().json()["id"])


def _did_its_work(run):
    return run["state"]["name"] == "Completed" or "held" in run["tags"]


def _unfinished(here):
    wanted = {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}}
    return here.prefect.post("/flow_runs/filter", json=wanted).json()


def _begun(here):
    """A run that is under way."""
    _until(lambda: not _unfinished(here))
    here.prefect.post(f"/deployments/{_deployment(here)['id']}/create_flow_run", json={}).raise_for_status()
    (run,) = _until(lambda: [run for run in _unfinished(here) if run["state"]["name"] == "Running"])
    return run


def _schedule(here):
    state = f"sqlite:///{here.place.settings.parent / 'sync-state.db'}"
    with StateStore.open(state, read_only=True) as store, store.transaction() as transaction:
        return recall_schedule(transaction)


def _descendants(pid):
    """All processes below one: a run is a copy of a process that ``serve`` has prepared."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(below for child in children for below in _descendants(child))]


def _server_pid(here):
    return json.loads((here.home / "server.json").read_text())["pid"]


def test_the_first_run_is_done_although_a_proxy_is_set_that_is_dead(here):
    def first():
        runs = here.prefect.post("/flow_runs/filter", json={"sort": "END_TIME_DESC"}).json()
        return next((run for run in runs if run["end_time"]), None)

    assert _until(first)["state"]["name"] == "Completed", here.output.read_text()


def test_the_operator_is_told_where_the_key_is_and_not_the_key(here):
    printed = here.output.read_text()

    assert str(here.home / "dashboard.key") in printed.replace("\n", "")
    assert api_key(here.home) not in printed


def test_a_run_with_other_settings_is_refused_with_a_sentence_and_the_file_is_not_even_opened(here, tmp_path):
    """Settings that include the real ones would send their keys to another address."""
    file = tmp_path / "own.yaml"
    file.write_text(f"include: {here.place.settings}\nssm: {{base_url: http://127.0.0.1:9}}\nhunter2: x\n")

    run = _run(here, config=str(file))

    assert run["state"]["type"] == "FAILED"
    assert str(here.place.settings) in run["state"]["message"]
    assert "config" in run["state"]["message"]
    assert "hunter2" not in run["state"]["message"]
    assert str(file) not in run["state"]["message"]


def test_a_run_with_the_configured_settings_is_done(here):
    assert _did_its_work(_run(here, config=str(here.place.settings)))


def test_the_code_that_the_server_names_is_not_run(here, tmp_path):
    """Whoever may change a deployment could else run code of their own as the account of the service."""
    mark = tmp_path / "ran"
    code = tmp_path / "evil.py"
    code.write_text(
        f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n"
        "from sage100_ssm.orchestration.flow import sync_contacts\n"
    )
    pulled = [{"prefect.deployments.steps.run_shell_script": {"script": f"touch {mark}"}}]
    deployment = _deployment(here)
    evil = {"entrypoint": f"{code}:sync_contacts", "path": str(tmp_path), "pull_steps": pulled}
    here.prefect.patch(f"/deployments/{deployment['id']}", json=evil).raise_for_status()
    try:
        run = _run(here)
    finally:
        as_it_was = {"entrypoint": deployment["entrypoint"], "path": deployment["path"], "pull_steps": []}
        here.prefect.patch(f"/deployments/{deployment['id']}", json=as_it_was).raise_for_status()

    assert _did_its_work(run)
    assert not mark.exists()


def test_a_second_serve_ends_with_5_names_the_first_and_leaves_its_next_run(here):
    before = _schedule(here)

    second = _second(here.place)

    assert second.returncode == 5, second.stderr
    assert str(here.process.pid) in second.stderr
    assert "Dashboard" not in second.stderr
    assert _schedule(here) == before is not None
    assert here.process.poll() is None


def test_the_run_under_way_and_the_next_one_are_done_although_the_prefect_server_died(here):
    under_way = _begun(here)
    os.kill(_server_pid(here), signal.SIGKILL)

    assert _did_its_work(_ended(here, under_way["id"]))
    assert _did_its_work(_run(here))
    assert here.process.poll() is None


def test_after_a_kill_nothing_is_left_behind_and_the_next_serve_has_the_same_address(here):
    """Everything is killed in the middle of a run, as by a power failure, the server a moment after ``serve``."""
    server = _server_pid(here)
    killed = _begun(here)
    runs = [pid for pid in _descendants(here.process.pid) if pid != server]
    here.process.kill()
    here.process.wait(10)
    for pid in runs:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    here.output.write_text("")

    here.process = _start(here.place, here.output)

    address = _until(lambda: re.search(r"http://127\.0\.0\.1:\d+", here.output.read_text()))[0]
    assert address == here.address
    assert _server_pid(here) != server
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    assert _schedule(here) is not None
    assert here.prefect.get(f"/flow_runs/{killed['id']}").json()["state"]["type"] == "CRASHED"
    # The slot of the killed run is free: the next one is not cancelled. It may still meet the killed one's lease.
    run = _run(here)
    assert _did_its_work(run) or "une autre est en cours" in run["name"]
