"""What the process of the local Prefect server does: Prefect's own application behind a check of host and origin.

``prefect server start`` has no setting for the hosts that it answers to, and opens its port itself. This process takes
the listening socket from ``serve``, so that the port stays the same and nobody else's while a server is replaced.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Collection, Mapping
from multiprocessing.connection import wait
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sage100_ssm.orchestration.only_one import only_one

if TYPE_CHECKING:
    import uvicorn

_HOSTS = ("127.0.0.1", "localhost")
_GRACE_SECONDS = 5
_LAST_SECONDS = 15


class OwnPagesOnly:
    """Refuses what a page from elsewhere sends, before Prefect sees it.

    Args:
        app: the application that answers all others.
        origins: the addresses of its own pages. A request without an origin does not come from a page.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app, self._origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_request = scope["type"] in ("http", "websocket")
        if is_request and Headers(scope=scope).get("origin", "") not in {"", *self._origins}:
            await PlainTextResponse("Origin not allowed", status_code=403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def own_origins(port: int) -> tuple[str, ...]:
    """The addresses at which a browser on this machine shows the dashboard."""
    return tuple(f"http://{host}:{port}" for host in _HOSTS)


def guarded(app: ASGIApp, port: int) -> ASGIApp:
    """An application that answers to its own address alone: no foreign page, no name that points to loopback."""
    return TrustedHostMiddleware(OwnPagesOnly(app, own_origins(port)), allowed_hosts=_HOSTS, www_redirect=False)


def serve_prefect(listener: socket, environment: Mapping[str, str], home: Path) -> None:
    """Run a Prefect server until it is told to stop, or its parent is gone.

    Args:
        listener: the socket at which it answers.
        environment: the variables of its Prefect settings; others that begin with ``PREFECT_`` do not count.
        home: the folder of its lock and its log.
    """
    if hasattr(os, "setsid"):
        # Ctrl-C reaches the whole group of a terminal; the server ends after the run that needs it.
        os.setsid()
    _write_to(home / "server.log")
    with only_one(home / "server.lock"):
        _run(listener, environment)


def _run(listener: socket, environment: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ.update(environment)
    # Prefect reads its settings when it is imported.
    import uvicorn  # noqa: PLC0415
    from prefect.server.api.server import create_app  # noqa: PLC0415
    from prefect.settings import get_current_settings  # noqa: PLC0415

    api = get_current_settings().server.api
    server = uvicorn.Server(
        uvicorn.Config(
            guarded(create_app(final=True), listener.getsockname()[1]),
            log_level="warning",
            timeout_keep_alive=api.keepalive_timeout,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ws_ping_interval=api.websocket_ping_interval,
            ws_ping_timeout=api.websocket_ping_timeout,
        )
    )
    threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()
    server.run(sockets=[listener])


def _write_to(log: Path) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)


def _stop_with_parent(server: "uvicorn.Server") -> None:
    """End the server when its parent was killed: nobody would serve its runs."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "it is spawned"
    wait([parent.sentinel])
    server.should_exit = True
    time.sleep(_LAST_SECONDS)
    os._exit(1)  # whatever still holds it up
