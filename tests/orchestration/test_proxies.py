"""Loopback is never reached through a proxy; what was decided about other addresses stays."""

import httpx
import pytest

from sage100_ssm.orchestration.proxies import proxy_variables
from sage100_ssm.sync.failures import ConfigurationError

PROXY = "http://proxy.example:3128"


@pytest.fixture
def environment(monkeypatch):
    """A function that sets the proxies of this process, and then what is added to them."""
    for name in ("http", "https", "all", "no"):
        for variable in (f"{name}_proxy", f"{name}_proxy".upper()):
            monkeypatch.delenv(variable, raising=False)

    def environment(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        added = proxy_variables()
        for name, value in added.items():
            monkeypatch.setenv(name, value)
        return added

    return environment


def _is_direct(url):
    with httpx.Client() as client:
        return client._transport_for_url(httpx.URL(url)) is client._transport


@pytest.mark.parametrize("variables", [{"HTTP_PROXY": PROXY}, {"http_proxy": PROXY}, {"ALL_PROXY": PROXY}])
def test_loopback_is_reached_directly_and_the_rest_as_before(environment, variables):
    environment(**variables)

    assert _is_direct("http://127.0.0.1:4200/api")
    assert _is_direct("http://localhost:4200/api")
    assert not _is_direct("http://api.example/")


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_the_user_reaches_directly_stays_so(environment, name):
    environment(HTTPS_PROXY=PROXY, **{name: "intranet.example, 10.0.0.1"})

    assert _is_direct("https://intranet.example/")
    assert _is_direct("https://10.0.0.1/")
    assert _is_direct("https://127.0.0.1/")
    assert not _is_direct("https://api.example/")


@pytest.mark.parametrize("variables", [{}, {"NO_PROXY": "*", "HTTP_PROXY": PROXY}])
def test_nothing_is_changed_where_no_proxy_is_used(environment, variables):
    assert environment(**variables) == {}
    assert _is_direct("http://127.0.0.1:4200/api")


def test_a_range_of_addresses_that_the_client_cannot_read_does_not_end_it(environment):
    environment(HTTP_PROXY=PROXY, NO_PROXY="fd00::/8,intranet.example,::1")

    assert _is_direct("http://127.0.0.1:4200/api")
    assert _is_direct("http://intranet.example/")
    assert _is_direct("http://[::1]/")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "ftp://x", "http://x:port"])
def test_a_proxy_that_cannot_be_used_is_told_by_its_variable(environment, proxy):
    with pytest.raises(ConfigurationError, match=r"proxy_settings \(why=ALL_PROXY\)"):
        environment(ALL_PROXY=proxy)
