"""Each way in which a connection fails is told in one sentence with its remedy: real drivers, sockets and TLS."""

import socket
import sys
import threading
from contextlib import closing

import pytest

from sage100_ssm.messages import say
from sage100_ssm.sage100 import diagnosis, engine
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.errors import (
    CONFIGURATION_CODES,
    UNAVAILABLE_CODES,
    UNREACHABLE_CODES,
    MisconfiguredError,
    SageError,
    UnreachableError,
)
from sage100_ssm.standins.sql_server.drivers import FREETDS, MICROSOFT, install, missing
from source_sage100.source import SourceSage100
from tests.support.tls_front import TlsFront, write_certificate

CERTIFIED = "srv-sage.example"


@pytest.fixture(scope="module", autouse=True)
def drivers(tmp_path_factory):
    install(tmp_path_factory.mktemp("odbc"))


@pytest.fixture(params=[MICROSOFT, FREETDS])
def driver(request):
    if reason := missing(request.param):
        pytest.skip(reason)
    return request.param


@pytest.fixture
def microsoft():
    if reason := missing(MICROSOFT):
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def haste(monkeypatch):
    monkeypatch.setattr(engine, "_LOGIN_SECONDS", 1)
    monkeypatch.setattr(diagnosis, "_SECONDS", 0.3)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return write_certificate(tmp_path_factory.mktemp("tls"), CERTIFIED)


@pytest.fixture(scope="module")
def front(certificate):
    with TlsFront(certificate) as listening:
        yield listening


@pytest.fixture
def closed_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as once:
        return once.getsockname()[1]


def server(driver=MICROSOFT, **connection):
    named = {"kind": "sqlserver", "host": "127.0.0.1", "database": "BIJOU", "username": "sync", "password": "p4ss;word"}
    return Sage100Config(company="BIJOU", connection={**named, "driver": driver, **connection})


def failure(config) -> SageError:
    with pytest.raises(SageError) as caught:
        open_database(config)
    assert "p4ss" not in str(caught.value)
    return caught.value


def browser(monkeypatch, answer):
    """SQL Server Browser, on a port of its own."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    monkeypatch.setattr(diagnosis, "_BROWSER_PORT", listening.getsockname()[1])

    def serve():
        with closing(listening):
            _, client = listening.recvfrom(64)
            listening.sendto(b"\x05" + len(answer).to_bytes(2, "little") + answer.encode(), client)

    threading.Thread(target=serve, daemon=True).start()


def test_a_machine_whose_name_nobody_knows_is_named(driver):
    error = failure(server(driver, host="srv-sage.invalid"))
    assert (type(error), error.code) == (UnreachableError, "host_unknown")
    assert "srv-sage.invalid" in str(error)


def test_a_port_where_nobody_listens_is_named(driver, closed_port):
    error = failure(server(driver, port=closed_port))
    assert (error.code, str(closed_port) in str(error)) == ("port_closed", True)


def test_an_instance_is_asked_for_at_the_browser_service_which_is_silent(microsoft):
    assert failure(server(instance="SAGE100")).code == "instance_silent"


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        ("ServerName;SRV;InstanceName;SAGEI7;IsClustered;No;Version;13.0;tcp;51433;;", "instance_unknown", "SAGEI7"),
        ("ServerName;SRV;InstanceName;SAGE100;IsClustered;No;Version;13.0;np;pipe;;", "instance_unknown", "SAGE100"),
        ("ServerName;SRV;InstanceName;Sage100;IsClustered;No;Version;13.0;tcp;1;;", "port_closed", "port 1"),
    ],
    ids=["another instance", "without TCP/IP", "its port is closed"],
)
def test_an_instance_is_looked_for_among_those_that_the_browser_service_names(
    microsoft, monkeypatch, told, code, words
):
    browser(monkeypatch, told)
    error = failure(server(instance="SAGE100"))
    assert (error.code, words in str(error)) == (code, True)


def test_a_listener_that_is_no_sql_server_is_unreachable(microsoft):
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        assert failure(server(port=mute.getsockname()[1])).code == "unreachable"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, "certificate"),
        ({"host_name_in_certificate": CERTIFIED}, "certificate"),
        ({"trust_server_certificate": True}, "login_refused"),
        ({"username": None, "password": None, "trust_server_certificate": True}, "windows_login"),
    ],
    ids=["not trusted", "not trusted under its own name either", "trusted by setting", "Windows authentication"],
)
def test_a_certificate_that_nobody_signed_wants_a_decision(microsoft, front, settings, code):
    error = failure(server(port=front.port, **settings))
    assert (type(error), error.code) == (MisconfiguredError, code)


@pytest.mark.parametrize(
    ("settings", "code"),
    [({}, "certificate_name"), ({"host_name_in_certificate": CERTIFIED}, "login_refused")],
    ids=["another name", "the name given"],
)
def test_a_private_authority_is_trusted_by_the_machine_and_the_name_by_the_settings(
    microsoft, front, certificate, monkeypatch, settings, code
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert failure(server(port=front.port, **settings)).code == code


@pytest.mark.parametrize(
    ("keywords", "code", "remedy"),
    [
        ("", "odbc_certificate", "TrustServerCertificate=yes"),
        ("TrustServerCertificate=yes", "login_refused", "password"),
    ],
    ids=["not trusted", "trusted by the connection string"],
)
def test_the_remedy_for_a_certificate_is_one_that_a_connection_string_has(microsoft, front, keywords, code, remedy):
    string = f"DRIVER={{{MICROSOFT}}};SERVER=127.0.0.1,{front.port};UID=sync;PWD=p4ss;{keywords}"
    error = failure(Sage100Config(company="BIJOU", connection={"kind": "odbc", "connection_string": string}))
    assert (error.code, remedy in str(error), "trust_server_certificate" in str(error)) == (code, True, False)
    assert "trust_server_certificate" not in say(error.code, "fr", side="sage100")


def test_freetds_encrypts_and_verifies_no_certificate(front):
    if reason := missing(FREETDS):
        pytest.skip(reason)
    assert failure(server(FREETDS, port=front.port)).code == "login_refused"


@pytest.mark.parametrize(
    ("connection", "code"),
    [
        ({"kind": "sqlserver", "host": "x", "database": "B", "driver": "ODBC Driver 99"}, "driver_missing"),
        ({"kind": "odbc", "connection_string": "DSN=nowhere;PWD=p4ss"}, "data_source_missing"),
        (
            {"kind": "odbc", "connection_string": f"DRIVER={{{MICROSOFT}}};Encrypt=perhaps;PWD=p4ss"},
            "connection_string",
        ),
        ({"kind": "odbc", "connection_string": f"DRIVER={{{MICROSOFT}}};SERVER=127.0.0.1,1;PWD=p4ss"}, "unreachable"),
    ],
    ids=["driver", "data source", "connection string", "by connection string"],
)
def test_what_odbc_lacks_is_named(microsoft, connection, code):
    assert failure(Sage100Config(company="BIJOU", connection=connection)).code == code


def test_a_machine_without_unixodbc_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    error = failure(server())
    assert (error.code, "apt-get install unixodbc" in str(error)) == ("odbc_missing", True)


def test_airbytes_check_tells_it_as_a_matter_of_configuration(microsoft, closed_port):
    config = server(port=closed_port).model_dump(exclude_none=True)
    config["connection"]["password"] = "p4ss;word"
    with pytest.raises(Exception, match="Nobody answers") as caught:
        SourceSage100().check_connection(None, config)
    assert caught.value.failure_type.value == "config_error"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("code", [*CONFIGURATION_CODES, *UNREACHABLE_CODES, *UNAVAILABLE_CODES])
def test_each_has_a_sentence_for_the_operator(code, language):
    facts = {"host": "SRV-SAGE", "port": 1433, "instance": "SAGE100", "database": "BIJOU", "driver": MICROSOFT}
    told = say(code, language, side="sage100", text="…words…", **facts)
    assert len(told) > 40
    assert "{" not in told
