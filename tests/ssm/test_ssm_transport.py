"""The way to SSM over real sockets: what is in between, what answers, how much and for how long."""

import gzip
import socket
import threading
import time
import tracemalloc
import zlib

import pytest

from sage100_ssm.connectors import in_process
from sage100_ssm.connectors.errors import ConnectorError, parse_configuration
from sage100_ssm.messages import say_error
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import UNREACHABLE_CODES, WAY_CODES, MalformedAnswer, SsmError, Unreachable
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.ssm.transport import Way
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from source_ssm.source import SourceSsm
from tests.support.authority import Authority
from tests.support.odd_servers import OddServer, dripping, logging_in, sent
from tests.support.tls_front import write_certificate

KEYS = {"public_key": "public-key-of-ours", "private_key": "private-key-of-ours", "requests_per_second": 1000}
HASTE = RetryPolicy(
    attempts=1, wait_initial=0, wait_max=0, pause=0, connect_timeout=1, answer_timeout=1, whole_timeout=1.5
)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
MEGABYTE = 2**20


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def client_of(address, policy=HASTE):
    return SsmClient(SsmConfig(base_url=address, **KEYS), policy)


def raised(address, policy=HASTE):
    """What reading contacts from an address comes to."""
    with client_of(address, policy) as client, pytest.raises(SsmError) as caught:
        list(client.rows("contacts"))
    return caught.value


# --- what answers, how much and for how long


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nContent-Type: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"],
    ids=["header", "body"],
)
def test_an_answer_of_a_byte_now_and_then_ends_by_the_time_limit_of_the_request(start):
    began = time.monotonic()
    with OddServer(logging_in(dripping(start, b" ", every=0.2))) as server:
        error = raised(f"http://127.0.0.1:{server.port}")
    assert (type(error), error.sent) == (Unreachable, True)
    assert time.monotonic() - began < 4


def zeros(megabytes):
    packed = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return b"".join([*(packed.compress(b" " * MEGABYTE) for _ in range(megabytes)), packed.flush()])


@pytest.mark.parametrize("headers", [{"Content_Encoding": "gzip"}, {}], ids=["gzip", "plain"])
def test_an_answer_of_more_than_any_list_needs_is_malformed_and_fills_no_memory(headers):
    body = zeros(1600) if headers else b" " * 40 * MEGABYTE
    with OddServer(logging_in(lambda stream, _: stream.sendall(sent("200 OK", body, **headers)))) as server:
        tracemalloc.start()
        try:
            error = raised(f"http://127.0.0.1:{server.port}", RetryPolicy(attempts=1, whole_timeout=60))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert isinstance(error, MalformedAnswer)
    assert "more than 32 MB" in str(error)
    assert peak < 250 * MEGABYTE


def test_an_answer_that_is_compressed_is_read():
    def answer(stream, head):
        rows = b'[{"id": 7, "lastName": "Durand"}]' if b"page=0" in head else b"[]"
        stream.sendall(sent("200 OK", gzip.compress(rows), Content_Encoding="gzip"))

    with OddServer(logging_in(answer)) as server, client_of(f"http://127.0.0.1:{server.port}") as client:
        assert [row["lastName"] for row in client.rows("contacts")] == ["Durand"]


@pytest.mark.parametrize(
    ("body", "compression"),
    [(b"no gzip", "gzip"), (zeros(1)[:-20], "gzip"), (b"[]", "br"), (zeros(1), "gzip, gzip")],
    ids=["damaged", "cut", "not asked for", "twice"],
)
def test_a_compression_that_is_damaged_or_unknown_is_malformed(body, compression):
    answer = sent("200 OK", body, Content_Encoding=compression)
    with OddServer(logging_in(lambda stream, _: stream.sendall(answer))) as server:
        assert isinstance(raised(f"http://127.0.0.1:{server.port}"), MalformedAnswer)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_keys_and_session_follow_no_redirect(status):
    with OddServer(lambda stream, _: stream.sendall(sent("200 OK", b'{"token": "x"}'))) as elsewhere:
        place = {"Location": f"http://127.0.0.1:{elsewhere.port}/api"}
        redirecting = sent(status, b"", **place)
        with OddServer(lambda stream, _: stream.sendall(redirecting)) as server:
            assert isinstance(raised(f"http://127.0.0.1:{server.port}"), MalformedAnswer)
        with OddServer(logging_in(lambda stream, _: stream.sendall(redirecting))) as server:
            assert isinstance(raised(f"http://127.0.0.1:{server.port}"), MalformedAnswer)
            with client_of(f"http://127.0.0.1:{server.port}") as client, pytest.raises(MalformedAnswer):
                client.update("contacts", 7, {"email": "x"})
        assert elsewhere.heads == []


# --- why it is not reached


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_an_unknown_host_is_told_as_such():
    error = raised("https://ssm.invalid/api/v4")
    assert (error.code, error.configuration, error.sent) == ("api_host_unknown", False, False)
    assert "ssm.invalid" in str(error)


def test_a_port_where_nobody_listens_is_told_as_such():
    port = closed_port()
    error = raised(f"http://127.0.0.1:{port}/api/v4")
    assert (error.code, error.configuration, error.details["port"]) == ("api_port_closed", False, port)


def test_a_server_that_is_silent_is_told_as_such():
    with OddServer(logging_in(lambda *_: time.sleep(3))) as server:
        assert raised(f"http://127.0.0.1:{server.port}").code == "api_silent"


@pytest.mark.parametrize(
    ("name", "trusted", "code"),
    [
        ("localhost", False, "api_certificate"),
        ("else.example", True, "api_certificate_name"),
        ("localhost", True, None),
    ],
)
def test_a_certificate_counts_as_the_system_trusts_it_and_is_told_by_what_is_wrong_with_it(
    tmp_path, monkeypatch, name, trusted, code
):
    certificate = write_certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with OddServer(logging_in(lambda stream, _: stream.sendall(sent("200 OK", b"[]"))), certificate) as server:
        address = f"https://localhost:{server.port}/api/v4"
        if code:
            error = raised(address)
            assert (error.code, error.configuration, error.details["host"]) == (code, True, "localhost")
            assert error.details["why"]
        else:
            with client_of(address) as client:
                assert list(client.rows("contacts")) == []


@pytest.fixture(scope="module")
def authorities():
    """A company's own authority, and another one."""
    return Authority("Our company"), Authority("Somebody else")


@pytest.mark.parametrize(
    ("name", "trusted", "code"),
    [
        ("localhost", (), "api_certificate"),
        ("localhost", (1,), "api_certificate"),
        ("localhost", (0,), None),
        ("localhost", (1, 0), None),
        ("else.example", (0,), "api_certificate_name"),
    ],
    ids=["none", "another authority", "the authority", "the authority among others", "another name"],
)
def test_a_private_authority_is_trusted_by_the_settings_and_for_the_name_alone(
    tmp_path, authorities, name, trusted, code
):
    certificate = authorities[0].write_certificate(tmp_path, name)
    settings = {"ca_certificates": "".join(authorities[number].pem for number in trusted)}
    with OddServer(logging_in(lambda stream, _: stream.sendall(sent("200 OK", b"[]"))), certificate) as server:
        config = SsmConfig(base_url=f"https://localhost:{server.port}/api/v4", **KEYS, **settings)
        with SsmClient(config, HASTE) as client:
            if code is None:
                assert list(client.rows("contacts")) == []
                return
            with pytest.raises(SsmError) as caught:
                list(client.rows("contacts"))
    assert (caught.value.code, caught.value.configuration) == (code, True)
    assert ("ca_certificates" in str(caught.value)) is (code == "api_certificate")


def test_the_settings_authority_counts_beside_the_systems(tmp_path, authorities, monkeypatch):
    (tmp_path / "system.pem").write_text(authorities[0].pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    certificate = authorities[0].write_certificate(tmp_path, "localhost")
    with OddServer(logging_in(lambda stream, _: stream.sendall(sent("200 OK", b"[]"))), certificate) as server:
        address = f"https://localhost:{server.port}/api/v4"
        with SsmClient(SsmConfig(base_url=address, **KEYS, ca_certificates=authorities[1].pem), HASTE) as client:
            assert list(client.rows("contacts")) == []


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "é",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "/etc/ssl/our-company.crt",
    ],
    ids=["words", "no ASCII", "damaged", "a path"],
)
def test_what_is_no_certificate_is_refused_by_the_settings(text):
    with pytest.raises(ConnectorError, match="ca_certificates: these are no certificates in PEM form") as caught:
        parse_configuration(SsmConfig, {**KEYS, "ca_certificates": text})
    assert text not in caught.value.message


def test_a_private_key_among_the_certificates_is_refused_and_not_quoted(tmp_path, authorities):
    with_key = authorities[0].write_certificate(tmp_path, "localhost").read_text()
    with pytest.raises(ConnectorError, match="there is a private key in it") as caught:
        parse_configuration(SsmConfig, {**KEYS, "ca_certificates": with_key})
    assert with_key.splitlines()[1] not in caught.value.message


def test_a_server_without_tls_is_told_as_such():
    def greet(listener):
        client, _ = listener.accept()
        with client:
            client.sendall(sent("400 Bad Request"))
            client.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, args=(listener,), daemon=True).start()
        error = raised(f"https://localhost:{listener.getsockname()[1]}")
    assert (error.code, error.configuration) == ("api_encryption", True)


# --- proxies

REFUSALS = {
    "wants a password": (sent("407 Proxy Authentication Required"), "proxy_password", True),
    "forbids it": (sent("403 Forbidden"), "proxy_refused", True),
    "cannot get through": (sent("502 Bad Gateway"), "proxy_unreachable", False),
}


@pytest.mark.parametrize(("answer", "code", "mends"), REFUSALS.values(), ids=REFUSALS)
def test_a_proxy_that_lets_nobody_through_is_told_by_its_reason_and_without_its_password(
    monkeypatch, answer, code, mends
):
    with OddServer(lambda stream, _: stream.sendall(answer)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://ada:s3cret@127.0.0.1:{proxy.port}")
        error = raised("https://api.forcemanager.com/api/v4")
    assert (error.code, error.configuration) == (code, mends)
    assert error.details["proxy"] == f"127.0.0.1:{proxy.port}"
    assert "s3cret" not in f"{error}{error.details}"
    assert proxy.heads[0].startswith(b"CONNECT api.forcemanager.com:443")


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("form", ["http://127.0.0.1:{}", "127.0.0.1:{}"])
def test_a_dead_proxy_is_told_as_such(monkeypatch, name, form):
    monkeypatch.setenv(name, form.format(closed_port()))
    assert raised("https://api.forcemanager.com/api/v4").code == "proxy_unreachable"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "socks4://127.0.0.1:1", "http://[::1", "ftp://x"])
def test_proxy_settings_that_cannot_be_used_are_a_sentence(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    error = raised("https://api.forcemanager.com/api/v4")
    assert (error.code, error.configuration) == ("proxy_settings", True)


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "http://[::1"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_never_asked_through_a_proxy(monkeypatch, proxy, host):
    for name in PROXIES[:3]:
        monkeypatch.setenv(name, proxy)
    with SsmApiServer() as api:
        address = api.base_url.replace("127.0.0.1", host)
        config = SsmConfig(base_url=address, public_key=api.public_key, private_key=api.private_key)
        with SsmClient(config, HASTE) as client:
            client.log_in()


@pytest.mark.parametrize(
    ("exceptions", "host", "direct"),
    [
        ("fd00::/8,::1,10.0.0.0/8", "[fd12::7]", True),
        ("fd00::/8,10.0.0.0/8", "10.1.2.3", True),
        ("fd00::/8,10.0.0.0/8", "192.168.1.2", False),
        ("forcemanager.com", "api.forcemanager.com", True),
        (".forcemanager.com , x", "api.forcemanager.com", True),
        ("*", "api.forcemanager.com", True),
        ("[::1],]a[,//,%", "api.forcemanager.com", False),
    ],
)
def test_exceptions_from_the_proxy_are_names_ends_and_ranges_and_never_a_traceback(
    monkeypatch, exceptions, host, direct
):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert (Way.to(f"https://{host}/api/v4").proxy is None) is direct


# --- the sentences


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("code", [*UNREACHABLE_CODES, *WAY_CODES])
def test_every_reason_has_a_sentence_of_its_own_in_both_languages(language, code):
    facts = {"host": "HOST", "port": 443, "proxy": "PROXY", "why": "WHY", "side": "ssm", "text": "TEXT"}
    sentence = say_error(code, language, **facts)
    assert "TEXT" not in sentence
    assert "…" not in sentence
    assert any(fact in sentence for fact in ("HOST", "PROXY", "WHY"))


def test_what_a_sentence_names_reaches_who_reads_in_this_process():
    config = SsmConfig(base_url="https://ssm.invalid/api/v4", **KEYS)
    with SsmClient(config, HASTE) as client:
        reading = in_process.read(SourceSsm(client), in_process.configuration_of(config), {"contacts": None})
    failure = reading["contacts"].failure
    assert (failure.code, failure.details["host"]) == ("api_host_unknown", "ssm.invalid")
