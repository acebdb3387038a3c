"""A Prefect server on loopback, for an installation that has none. It runs in a process of its own."""

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
_OF_EVERY_PROCESS = {"DO_NOT_TRACK": "1", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60"}
"""No telemetry from machines with customer data; and a heartbeat, without which a run counts as killed."""


class ServerDidNotStart(RuntimeError):  # noqa: N818 - named for what happened
    """The local Prefect server ended, or did not answer in time. Its log says why."""

    def __init__(self, log: Path) -> None:
        super().__init__(f"The local Prefect server did not start; see {log}")


def prefect_environment(home: Path, api_url: str) -> dict[str, str]:
    """The environment variables of all Prefect processes of an installation.

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
        **_OF_EVERY_PROCESS,
    }


def prefect_home(state: str, config: Path) -> Path:
    """The folder of the local server's own database: beside the state, or beside the settings if that is no file."""
    url = make_url(state)
    file = Path(url.database) if url.drivername == "sqlite" and url.database else config.absolute()
    return file.with_name(f"{file.name}.prefect")


def handle_stop_signals() -> None:
    """Let SIGTERM and Ctrl-C end this process in order, and so the server that it has started."""
    # A shell starts background processes with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@contextmanager
def prefect_server(home: Path) -> Iterator[str]:
    """Give this process a Prefect server. To be called before Prefect is imported, which reads the environment then.

    Args:
        home: the folder of a local server, started where ``PREFECT_API_URL`` names none.

    Yields:
        The address of the dashboard.
    """
    if api_url := os.environ.get("PREFECT_API_URL"):
        os.environ.update(_OF_EVERY_PROCESS)
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
    server, api_url = _start(home.absolute())
    try:
        yield api_url
    finally:
        _stop(server)


def _start(home: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """Start a server on the usual port, or on a free one.

    Raises:
        ServerDidNotStart: it ended at once, or did not answer in time, on any port.
    """
    # Another process may take a port between the look and the start: then this server ends, and the next port is tried.
    for port in (_USUAL_PORT, 0, 0):
        if (free := _free_port(port)) is not None:
            api_url = f"http://127.0.0.1:{free}/api"
            server = _launch(home, free, api_url)
            if _comes_up(server, api_url, home):
                return server, api_url
            _stop(server)
    raise ServerDidNotStart(home / _LOG)


def _free_port(port: int) -> int | None:
    """The port if nothing listens on it, any free one for 0; None if it is taken."""
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
        return subprocess.Popen(  # noqa: S603 - this interpreter, and no argument from outside
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env={**inherited, **prefect_environment(home, api_url)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal reaches the whole process group; the server must end after the run that needs it.
            start_new_session=True,
        )


def _comes_up(server: "subprocess.Popen[bytes]", api_url: str, home: Path) -> bool:
    """Wait until the server answers. Another one, which took the port meanwhile, has another home."""
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
