"""Loopback is never reached through a proxy, whatever the environment says about other addresses."""

from urllib.request import getproxies

import httpx

from sage100_ssm.sync.failures import ConfigurationError

_LOOPBACK = ("127.0.0.1", "localhost")


def proxy_variables() -> dict[str, str]:
    """Environment variables by which every client of this process and its children reaches loopback directly.

    What the user or the system decided about other addresses stays; only entries of ``NO_PROXY`` that Prefect's HTTP
    client cannot read are left out, since it ends with an error at the first of them.

    Raises:
        ConfigurationError: the client cannot work with the proxy that is set.
    """
    proxies = getproxies()
    direct = [host for entry in proxies.pop("no", "").split(",") if (host := entry.strip())]
    if not proxies or "*" in direct:
        return {}
    readable = ",".join([*filter(_can_be_read, direct), *(host for host in _LOOPBACK if host not in direct)])
    # Named one by one, because a system's own proxies (Windows, macOS) no longer count once NO_PROXY is set.
    variables = {f"{scheme}_proxy": url for scheme, url in proxies.items()}
    _require_usable(proxies)
    return variables | {"no_proxy": readable, "NO_PROXY": readable}


def _can_be_read(host: str) -> bool:
    """Whether httpx takes an entry of ``NO_PROXY``; it does not take ranges of IPv6 addresses."""
    try:
        httpx.URL(f"all://[{host}]" if ":" in host and "://" not in host else f"all://{host}")
    except httpx.InvalidURL:
        return False
    return True


def _require_usable(proxies: dict[str, str]) -> None:
    for scheme in proxies.keys() & {"http", "https", "all"}:
        url = proxies[scheme] if "://" in proxies[scheme] else f"http://{proxies[scheme]}"
        try:
            httpx.HTTPTransport(proxy=url).close()
        except (ImportError, ValueError, httpx.InvalidURL):
            raise ConfigurationError("proxy_settings", why=f"{scheme.upper()}_PROXY") from None
