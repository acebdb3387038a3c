"""Why a SQL Server was not reached. The drivers report a timeout and nothing else, so the network is probed."""

import socket
from contextlib import closing

from sage100_ssm.sage100.config import Connection, Odbc, SqlServer
from sage100_ssm.sage100.engine import engine_of, is_freetds
from sage100_ssm.sage100.errors import MisconfiguredError, SageError, UnreachableError, native_errors

DEFAULT_PORT = 1433
_BROWSER_PORT = 1434
_SECONDS = 3.0
_ALL_INSTANCES = b"\x03"
"""The request ``CLNT_UCAST_EX`` to SQL Server's browser service: list your instances."""
_ANSWER_HEADER = 3


_OF_CONNECTION_STRINGS = {code: f"odbc_{code}" for code in ("certificate", "certificate_name", "encryption")}
"""What is mended in the connection string, where there is one; else by a setting of its own."""


def why_not_opened(connection: Connection, error: SageError) -> SageError:
    """A more precise error where the driver's says too little, or has another remedy here; else the same."""
    match connection:
        case SqlServer():
            return _why_server_not_opened(connection, error)
        case Odbc() if isinstance(error, MisconfiguredError) and error.code in _OF_CONNECTION_STRINGS:
            return MisconfiguredError(_OF_CONNECTION_STRINGS[error.code], error.words)
        case _:
            return error


def _why_server_not_opened(server: SqlServer, error: SageError) -> SageError:
    if isinstance(error, UnreachableError):
        return _why_unreachable(server, error.words)
    if error.code == "login_refused" and is_freetds(server.driver) and _login_is_good(server):
        return MisconfiguredError("database_missing", server.database)
    return error


def _login_is_good(server: SqlServer) -> bool:
    """Whether the login can open another database."""
    # For a missing database the server sends two errors, 4060 and 18456; FreeTDS reports the last one alone.
    engine = engine_of(server.model_copy(update={"database": "master"}))
    try:
        with native_errors(), engine.connect():
            return True
    except SageError:
        return False
    finally:
        engine.dispose()


def _why_unreachable(server: SqlServer, words: str) -> UnreachableError:
    """The error of the first step that fails: the server's name, its instance, its port, or what answers there.

    Args:
        server: the address that was tried.
        words: the driver's own words, for the last case.
    """
    try:
        address = socket.getaddrinfo(server.host, None, type=socket.SOCK_STREAM)[0][4][0]
    except (OSError, UnicodeError):
        return UnreachableError(server.host, "host_unknown")
    port = server.port or DEFAULT_PORT
    if server.instance:
        instances = _instances(str(address))
        if instances is None:
            return UnreachableError(server.host, "instance_silent")
        found = instances.get(server.instance.upper())
        if found is None:
            names = ", ".join(sorted(instances)) or "none"
            return UnreachableError(f"{server.host}: {server.instance} is not among {names}", "instance_unknown")
        port = found
    # The driver failed, so the port is tried without it: closed, or open with something else wrong.
    if not _listens(str(address), port):
        return UnreachableError(f"{server.host}, port {port}", "port_closed")
    return UnreachableError(words)


def _instances(address: str) -> dict[str, int] | None:
    """The instances that take TCP connections, with their ports, from the browser service; None if it is silent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as client:
        client.settimeout(_SECONDS)
        try:
            client.sendto(_ALL_INSTANCES, (address, _BROWSER_PORT))
            answer = client.recv(65536)
        except OSError:
            return None
    return _parse_instances(answer[_ANSWER_HEADER:].decode("latin-1"))


def _parse_instances(answer: str) -> dict[str, int]:
    """Parse ``ServerName;SRV;InstanceName;SAGE100;…;tcp;51433;;ServerName;…``."""
    found: dict[str, int] = {}
    for instance in answer.split(";;"):
        words = instance.split(";")
        properties = dict(zip(words[::2], words[1::2], strict=False))
        if properties.get("tcp", "").isdecimal():
            found[properties.get("InstanceName", "").upper()] = int(properties["tcp"])
    return found


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=_SECONDS).close()
    except OSError:
        return False
    return True
