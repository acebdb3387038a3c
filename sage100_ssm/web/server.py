"""The page, served until it is stopped, or beside something else."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from sage100_ssm.app.settings import Settings
from sage100_ssm.app.web_settings import WebSettings
from sage100_ssm.orchestration.api_key import api_key, key_file
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.web.access import Access
from sage100_ssm.web.application import create_app
from sage100_ssm.web.installation import Installation, user_of_this_machine

UVICORN: dict[str, Any] = {
    # No line for each request: its address may have a name that was searched for.
    "log_config": None,
    "access_log": False,
    "server_header": False,
    # Whose address a request has decides whether its header is believed; so no header may change it.
    "proxy_headers": False,
    "ws": "none",
    "lifespan": "off",
    "timeout_graceful_shutdown": 3,
}
"""How uvicorn serves the page."""

Say = Callable[..., None]
"""Says a sentence to the operator, by its key and what it names."""


def serve_page(settings: Settings, home: Path, say: Say) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        settings: the settings of the installation.
        home: the folder in which its key is.
        say: says where the page is.

    Raises:
        ConfigurationError: its address is taken, or the folder belongs to another account.
    """
    _serve(*_prepared(settings, home, say))


@contextmanager
def page_beside(settings: Settings, home: Path, say: Say) -> Iterator[None]:
    """Serve the page while the block lasts. Where its address is taken, say so, and do without."""
    try:
        server, listening = _prepared(settings, home, say)
    except ConfigurationError as error:
        say(error.code, **error.params)
        yield
        return
    thread = threading.Thread(target=_serve, args=(server, listening), name="page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _prepared(settings: Settings, home: Path, say: Say) -> tuple[uvicorn.Server, socket.socket]:
    """A server that listens already, so that the address is surely its own."""
    web = settings.web
    asks_for_key = not web.users and web.proxy is None
    key = api_key(home) if asks_for_key else None
    listening = _listening(web)
    app = create_app(Installation(settings, Access(web, key, user_of_this_machine())))
    config = uvicorn.Config(app, **UVICORN)
    port = listening.getsockname()[1]
    host = f"[{web.host}]" if ":" in web.host else web.host
    say("web_page_open", address=web.address or f"http://{host}:{port}")
    if asks_for_key:
        say("web_page_key", file=key_file(home))
    return uvicorn.Server(config), listening


def _listening(web: WebSettings) -> socket.socket:
    """A socket at the page's address.

    Raises:
        ConfigurationError: the address is taken, or not this machine's.
    """
    try:
        # Not shared with a program that listens already, unlike what uvicorn's own socket allows on Windows.
        return socket.create_server(
            (web.host, web.port), family=socket.AF_INET6 if ":" in web.host else socket.AF_INET, backlog=128
        )
    except OSError as error:
        raise ConfigurationError("web_page_address", host=web.host, port=web.port, text=error.strerror or "") from None


def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    with listening:
        server.run(sockets=[listening])
