"""A Prefect server on loopback, for an installation that has none. It runs in a process of its own."""

import json
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
from sqlalchemy.engine import make_url

from sage100_ssm.orchestration.api_key import api_key, key_file, private_folder
from sage100_ssm.orchestration.only_one import HeldError, only_one
from sage100_ssm.orchestration.proxies import proxy_variables
from sage100_ssm.orchestration.server_process import own_origins, serve_prefect
from sage100_ssm.sync.failures import ConfigurationError, Exit, SyncError

USUAL_PORT = 4200
_NEXT_PORTS = 20
_START_SECONDS = 120
_STOP_SECONDS = 20
_LOOK_SECONDS = 0.5
_LONGEST_PAUSE = 60.0
_ROOM = 20_000_000
"""Bytes: less than that, and Prefect's database cannot be created or grow."""
_LOG = "server.log"
_PORT = "port.json"
"""Which port was asked for at the last start, and which one was free."""
_OF_EVERY_PROCESS = {"DO_NOT_TRACK": "1", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60"}
"""No telemetry from machines with customer data; and a heartbeat, without which a run counts as killed."""
RETENTION = {
    # Else no run is ever deleted, with its states, log lines and artifacts: 1.4 GB a year at 15 minutes.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "true",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 86400),
    # Events are four fifths of what a run leaves behind, and automations look back minutes alone.
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P3D",
}
"""How long Prefect keeps what it shows: runs 30 days, events 3. Our own journal is in the state."""

logger = logging.getLogger("sage100_ssm")


@dataclass(frozen=True, slots=True)
class Server:
    """The Prefect server of this process.

    Attributes:
        api_url: the address of its API.
        key_file: the file with the key that its dashboard asks for; None for a server that is not our own.
        port_taken: the port that another program has, where our own server therefore has another.
    """

    api_url: str
    key_file: Path | None = None
    port_taken: int | None = None

    @property
    def dashboard(self) -> str:
        """The address of the dashboard."""
        return self.api_url.removesuffix("/api")


def prefect_environment(home: Path, api_url: str, key: str) -> dict[str, str]:
    """The environment variables of all Prefect processes of an installation that has its own server.

    Args:
        home: the folder of Prefect's own database and settings.
        api_url: where the server answers.
        key: what the server asks for, and its clients send.
    """
    port = httpx.URL(api_url).port or 80
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api_url,
        "PREFECT_API_AUTH_STRING": key,
        "PREFECT_SERVER_API_AUTH_STRING": key,
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": ",".join(own_origins(port)),
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # In memory, as by default, it would not survive the server: the slot of a run that is under way then would be
        # taken for good, and every later run cancelled.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        **RETENTION,
        "PREFECT_SERVER_UI_API_URL": api_url,
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        **_OF_EVERY_PROCESS,
    }


def prefect_home(state: str, config: Path) -> Path:
    """The folder of the local server's own database: beside the state, or beside the settings if that is no file."""
    url = make_url(state)
    file = Path(url.database) if url.drivername == "sqlite" and url.database else config.absolute()
    return file.with_name(f"{file.name}.prefect")


def home_of_several(config: Path) -> Path:
    """The folder of the local server's own database where it serves several companies: beside the first one's file."""
    return config.absolute().with_name("serve.prefect")


def handle_stop_signals() -> None:
    """Let SIGTERM and Ctrl-C end this process in order, and so the server that it has started."""
    # A shell starts background processes with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


class AnotherServeError(SyncError):
    """A ``serve`` of this installation is running already."""

    exit_code = Exit.ANOTHER_RUN


@contextmanager
def only_serve(home: Path) -> Iterator[None]:
    """Be the one ``serve`` of an installation while the block lasts.

    Args:
        home: the installation's folder for Prefect.

    Raises:
        AnotherServeError: there is one already.
        ConfigurationError: the folder belongs to another account.
    """
    private_folder(home)
    try:
        with only_one(home / "serve.lock"):
            yield
    except HeldError as held:
        params = {"pid": held.holder.pid, "since": held.holder.since} if held.holder else {}
        raise AnotherServeError("another_serve", **params) from None


def named_server() -> str | None:
    """The address of the Prefect server that the user named; None where this installation needs its own."""
    return os.environ.get("PREFECT_API_URL") or None


@contextmanager
def prefect_server(home: Path, port: int = USUAL_PORT) -> Iterator[Server]:
    """Give this process a Prefect server. To be called before Prefect is imported, which reads the environment then.

    Args:
        home: the folder of a local server, started where ``PREFECT_API_URL`` names none.
        port: the port of a local server.

    Raises:
        ConfigurationError: see ``local_server``; or Prefect's client cannot work with the proxy that is set.
    """
    os.environ.update(proxy_variables())
    if api_url := named_server():
        os.environ.update(_OF_EVERY_PROCESS)
        yield Server(api_url)
        return
    with local_server(home, port) as server:
        os.environ.update(prefect_environment(home, server.api_url, api_key(home)))
        yield server


@contextmanager
def local_server(home: Path, port: int = USUAL_PORT) -> Iterator[Server]:
    """Run a Prefect server on loopback while the block lasts; one that ends by itself is started again.

    Args:
        home: the folder of its database, settings, key and log; closed to other accounts.
        port: the port; where another program has it, one of the next is taken, and kept at later starts.

    Raises:
        ConfigurationError: it does not start, or the folder belongs to another account.
    """
    home = home.absolute()
    key = api_key(home)
    first = _port_of_last_start(home, port)
    with _only_server(home), _listener(first, *range(port, port + _NEXT_PORTS), 0) as listener:
        own = int(listener.getsockname()[1])
        (home / _PORT).write_text(json.dumps({"asked": port, "taken": own}))
        api_url = f"http://127.0.0.1:{own}/api"
        with _KeptRunning(home, listener, prefect_environment(home, api_url, key)):
            yield Server(api_url, key_file(home), port_taken=None if own == first else first)


def _port_of_last_start(home: Path, port: int) -> int:
    """The port that the last start took when it was asked for this one: people have the address in their bookmarks."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        last = json.loads((home / _PORT).read_text())
        if last["asked"] == port:
            return int(last["taken"])
    return port


@contextmanager
def _only_server(home: Path) -> Iterator[None]:
    """Hold the installation's place for one server; a server that a killed process left behind is ended first."""
    # It ends by itself as soon as it notices.
    deadline = time.monotonic() + _STOP_SECONDS
    while True:
        try:
            with only_one(home / "server.lock"):
                pass
            break
        except HeldError as held:
            if time.monotonic() > deadline and held.holder:
                with suppress(ProcessLookupError):
                    # The lock proves that the process of that number is the one that took it.
                    os.kill(held.holder.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            time.sleep(_LOOK_SECONDS)
    yield


@contextmanager
def _listener(*ports: int) -> Iterator[socket.socket]:
    """A listening socket on loopback, at the first of the ports that is free.

    This process keeps it for as long as it lasts: nobody else can answer there, and be sent the key, while the server
    is started again.
    """
    for one in ports:
        listener = socket.socket()
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # on Windows, else another program could share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with listener:
            try:
                listener.bind(("127.0.0.1", one))
                # With SO_REUSEADDR two programs can bind one port at the same moment: only the first may listen.
                listener.listen(128)
            except OSError:
                continue
            yield listener
            return


class _KeptRunning:
    """The process of a server, started again whenever it ends by itself.

    Args:
        home: the folder of the server.
        listener: the socket at which it answers.
        environment: the variables of its Prefect settings.
    """

    def __init__(self, home: Path, listener: socket.socket, environment: Mapping[str, str]) -> None:
        self._home, self._listener, self._environment = home, listener, environment
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._start_again, name="prefect-server", daemon=True)

    def __enter__(self) -> None:
        self._process = self._started()
        if not self._answers():
            self._end()
            raise self._reason()
        self._watch.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._watch.join()
        self._end()

    def _started(self) -> BaseProcess:
        # Spawned, not forked, so that the socket is handed on by the means of each system.
        process = multiprocessing.get_context("spawn").Process(
            target=serve_prefect, args=(self._listener, self._environment, self._home), daemon=True
        )
        process.start()
        return process

    def _answers(self) -> bool:
        """Whether the server answers before it ends, or its time is over."""
        health = f"{self._environment['PREFECT_API_URL']}/health"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.is_alive():
            with suppress(httpx.TransportError):
                if httpx.get(health, trust_env=False, timeout=2).is_success:
                    return True
        return False

    def _reason(self) -> ConfigurationError:
        if shutil.disk_usage(self._home).free < _ROOM:
            return ConfigurationError("disk_full", file=str(self._home))
        return ConfigurationError("prefect_not_started", file=str(self._home / _LOG))

    def _start_again(self) -> None:
        pause = 0.0
        began = time.monotonic()
        while not self._stopping.wait(_LOOK_SECONDS):
            if self._process.is_alive():
                continue
            # One that ends again and again (a full disk) is tried again more and more seldom.
            pause = 0.0 if time.monotonic() - began > _LONGEST_PAUSE else min(2 * pause + 1, _LONGEST_PAUSE)
            logger.warning("The local Prefect server ended (%s) and is started again.", self._process.exitcode)
            if not self._stopping.wait(pause):
                self._process, began = self._started(), time.monotonic()

    def _end(self) -> None:
        self._process.terminate()
        self._process.join(_STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
