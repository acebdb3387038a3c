"""The way to SSM: its proxy, the certificates that the system trusts, and a time limit for a request as a whole.

One client speaks to one address alone, so that the way is decided once: redirects are not followed.
"""

import errno
import ipaddress
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
import truststore

from sage100_ssm.ssm.errors import MisconfiguredWay, SsmError, Unreachable
from sage100_ssm.ssm.loopback import is_loopback

WHOLE = "whole_seconds"
"""The extension of a request that says how long it may take, its whole answer included."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_WRONG_NAME = 62
"""OpenSSL's number for a certificate that is made out to another host."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Way:
    """How an address is reached.

    Attributes:
        host: of the address.
        port: of the address.
        proxy: the proxy, with its password; None for a direct connection.
    """

    host: str
    port: int
    proxy: str | None

    @classmethod
    def to(cls, address: str) -> "Way":
        """The way to an address, by the system's proxy settings."""
        parts = urlsplit(address)
        host = parts.hostname or ""
        return cls(host, parts.port or _PORTS.get(parts.scheme, 0), _proxy_for(parts.scheme, host))

    @property
    def details(self) -> Mapping[str, Any]:
        """What a sentence may name: no password."""
        if self.proxy is None:
            return {"host": self.host, "port": self.port}
        proxy = self.proxy.partition("://")[2].rpartition("@")[2].rstrip("/")
        return {"host": self.host, "port": self.port, "proxy": proxy}


def transport_to(way: Way, ca_certificates: str | None = None) -> httpx.BaseTransport:
    """What carries requests along a way. Where the proxy's settings are of no use, every request says so.

    Args:
        way: the way.
        ca_certificates: authorities to be trusted beside the system's, as PEM text.
    """
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_certificates:
        context.load_verify_locations(cadata=ca_certificates)
    try:
        return _LimitedTransport(verify=context, proxy=way.proxy, trust_env=False)
    except ImportError:
        return _Blocked(MisconfiguredWay("proxy_settings", {**way.details, "why": "SOCKS is not supported here"}))
    except (ValueError, httpx.InvalidURL):
        return _Blocked(MisconfiguredWay("proxy_settings", {**way.details, "why": "this is no address of a proxy"}))


def why_failed(error: httpx.TransportError, way: Way) -> SsmError:
    """What kept a request from being answered, by its first cause."""
    sent = not isinstance(error, _NOT_SENT)
    if isinstance(error, httpx.ProxyError):
        return _of_proxy(str(error), way)
    first = _first_cause(error)
    if isinstance(first, ssl.SSLCertVerificationError):
        named = first.verify_code == _WRONG_NAME or "mismatch" in first.verify_message.lower()
        code = "api_certificate_name" if named else "api_certificate"
        return MisconfiguredWay(code, {**way.details, "why": first.verify_message.rstrip(".")})
    if isinstance(first, ssl.SSLError) and not sent:
        return MisconfiguredWay("api_encryption", {**way.details, "why": first.reason or type(first).__name__})
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return _not_connected(error, first, way)
    code = "api_silent" if isinstance(error, httpx.ReadTimeout) else "unreachable"
    return Unreachable(type(error).__name__, sent=sent, code=code, details=way.details)


def _not_connected(error: httpx.TransportError, first: BaseException, way: Way) -> Unreachable:
    name_unknown = isinstance(first, socket.gaierror)
    refused = isinstance(first, ConnectionRefusedError)
    late = isinstance(error, httpx.ConnectTimeout) or getattr(first, "errno", None) in {
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
    if way.proxy is not None:
        why = "its name is not known" if name_unknown else "nobody answers"
        return Unreachable(
            "the proxy is dead", sent=False, code="proxy_unreachable", details={**way.details, "why": why}
        )
    code = "api_host_unknown" if name_unknown else "api_port_closed" if refused else "api_silent" if late else ""
    return Unreachable(type(error).__name__, sent=False, code=code or "unreachable", details=way.details)


def _of_proxy(words: str, way: Way) -> SsmError:
    """What a proxy's refusal to connect means: httpcore gives its status and words."""
    if words.startswith("407"):
        return MisconfiguredWay("proxy_password", way.details)
    if words[:1] == "5":
        return Unreachable(words, sent=False, code="proxy_unreachable", details={**way.details, "why": words})
    return MisconfiguredWay("proxy_refused", {**way.details, "why": words or "no reason given"})


def _first_cause(error: BaseException) -> BaseException:
    """The system's own error behind one of httpx; that one where there is none."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, OSError):
        behind = behind.__cause__ or behind.__context__
    return behind or error


def _proxy_for(scheme: str, host: str) -> str | None:
    """The system's proxy for a host; None where it is reached directly. Loopback always is."""
    # Not by httpx: with NO_PROXY=fd00::/8, or a proxy of a kind that it does not have, it cannot even be created.
    if is_loopback(host) or _is_excepted(host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _is_excepted(host: str) -> bool:
    """Whether `NO_PROXY`, or the system's settings, except a host: by name, by its end, or by a range of addresses."""
    if urllib.request.proxy_bypass(host):
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    exceptions = urllib.request.getproxies_environment().get("no", "")
    return any(address in network for network in _networks(exceptions.split(",")))


def _networks(texts: Iterable[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for text in texts:
        try:
            yield ipaddress.ip_network(text.strip().strip("[]"), strict=False)
        except ValueError:
            continue


class _Blocked(httpx.BaseTransport):
    """No way at all.

    Args:
        error: why.
    """

    def __init__(self, error: SsmError) -> None:
        self._error = error

    def handle_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - httpx's signature
        """Say why.

        Raises:
            SsmError: always.
        """
        raise self._error


class _Deadline(threading.local):
    """When the request that this thread has under way must be answered, by the monotonic clock."""

    moment: float | None = None

    def left(self, timeout: float | None) -> float | None:
        """The seconds that one step may take: those asked for, or what is left of the request's time.

        Raises:
            httpcore.ReadTimeout: nothing is left.
        """
        if self.moment is None:
            return timeout
        left = self.moment - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the answer as a whole takes too long")
        return left if timeout is None else min(left, timeout)


class _LimitedTransport(httpx.HTTPTransport):
    """HTTP whose time limit is that of the request as a whole, too: a body of a byte now and then never ends else."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._deadline = _Deadline()
        # httpx does not hand httpcore's `network_backend` on.
        self._pool._network_backend = _LimitedBackend(self._pool._network_backend, self._deadline)  # noqa: SLF001

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its time begins now."""
        seconds = request.extensions.get(WHOLE)
        self._deadline.moment = None if seconds is None else time.monotonic() + seconds
        return super().handle_request(request)


class _LimitedBackend(httpcore.NetworkBackend):
    """Connects; its streams keep to a deadline."""

    def __init__(self, plain: httpcore.NetworkBackend, deadline: _Deadline) -> None:
        self._plain, self._deadline = plain, deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect."""
        stream = self._plain.connect_tcp(host, port, timeout, local_address, socket_options)
        return _LimitedStream(stream, self._deadline)


class _LimitedStream(httpcore.NetworkStream):
    """Reads until a deadline."""

    def __init__(self, plain: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._plain, self._deadline = plain, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come."""
        return self._plain.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all."""
        self._plain.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        """Close."""
        self._plain.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on encrypted."""
        return _LimitedStream(self._plain.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the plain stream says."""
        return self._plain.get_extra_info(info)
