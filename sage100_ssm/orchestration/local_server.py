"""A Prefect server on loopback, for an installation that has none. Imports no Prefect: it runs in its own process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy.engine import make_url

_USUAL_PORT = 4200
_START_SECONDS = 120
_STOP_SECONDS = 15
_LOG = "server.log"
_QUIET = {"DO_NOT_TRACK": "1", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60"}
"""Customer data is on customer machines: no telemetry. A run that was killed is told by its missing heartbeat."""


class ServerDidNotStart(RuntimeError):  # noqa: N818 - named for what happened
    """The local Prefect server ended, or did not answer in time. Its log says why."""

    def __init__(self, log: Path) -> None:
        super().__init__(f"The local Prefect server did not start; see {log}")


def prefect_environment(home: Path, api_url: str) -> dict[str, str]:
    """Environment variables of all Prefect processes of an installation.

    Args:
        home: the folder of Prefect's own database and settings.
        api_url: where the server answers.
    """
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api_url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_API_URL": api_url,
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        **_QUIET,
    }


def prefect_home(state: str, config: Path) -> Path:
    """Tell where the local server keeps its own database: beside the state, or beside the settings."""
    url = make_url(state)
    file = Path(url.database) if url.drivername == "sqlite" and url.database else config.absolute()
    return file.with_name(f"{file.name}.prefect")


def handle_stop_signals() -> None:
    """Let SIGTERM and Ctrl-C end this process so that what it started is ended too, in the background as well."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@contextmanager
def prefect_server(home: Path) -> Iterator[str]:
    """Make sure that this process has a Prefect server, before it imports Prefect.

    Args:
        home: the folder of a local server, started where ``PREFECT_API_URL`` names none.

    Yields:
        The address of the dashboard.
    """
    if api_url := os.environ.get("PREFECT_API_URL"):
        os.environ.update(_QUIET)
        yield api_url.removesuffix("/api")
        return
    with local_server(home) as api_url:
        os.environ.update(prefect_environment(home, api_url))
        yield api_url.removesuffix("/api")


@contextmanager
def local_server(home: Path) -> Iterator[str]:
    """Run a Prefect server on loopback while the block lasts.

    Args:
        home: the folder of its database, settings and log; made if need be, readable by its owner alone.

    Yields:
        The address of its API, ``http://127.0.0.1:4200/api`` if that port is free.

    Raises:
        ServerDidNotStart: it ended at once, or did not answer within two minutes.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    server, api_url = _started(home.absolute())
    try:
        yield api_url
    finally:
        _stop(server)


def _started(home: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """Start a server on the usual port, or on a free one where that is taken, even at the last moment."""
    for port in (_USUAL_PORT, 0, 0):
        if (free := _free_port(port)) is not None:
            api_url = f"http://127.0.0.1:{free}/api"
            server = _launch(home, free, api_url)
            if _answers(server, api_url, home):
                return server, api_url
            _stop(server)
    raise ServerDidNotStart(home / _LOG)


def _free_port(port: int) -> int | None:
    """Give a port that nothing listens on, any for 0; None if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(probe.getsockname()[1])


def _launch(home: Path, port: int, api_url: str) -> "subprocess.Popen[bytes]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with (home / _LOG).open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - this interpreter, and no word from outside
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env={**inherited, **prefect_environment(home, api_url)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the whole group of a terminal; the server ends after the run that needs it.
            start_new_session=True,
        )


def _answers(server: "subprocess.Popen[bytes]", api_url: str, home: Path) -> bool:
    """Wait until the server answers, it and no other that took the port meanwhile: the home tells."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            answer = httpx.get(f"{api_url}/admin/settings", trust_env=False, timeout=5)
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        if answer.is_success:
            return bool(answer.json()["home"] == str(home))
    return False


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
