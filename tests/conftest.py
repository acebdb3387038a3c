"""What tests of several folders share: an empty state, ODBC drivers, and a server that speaks TDS."""

import gc

import pytest

from sage100_ssm.standins.sql_server.drivers import install
from sage100_ssm.standins.sql_server.server import TdsServer
from sage100_ssm.sync.state.store import StateStore
from tests.support import quick_databases  # noqa: F401 - from its import on, databases are quick
from tests.support.sage100_databases import Front


@pytest.fixture(scope="session")
def empty_state(tmp_path_factory):
    """The file of a state in which nothing was stored yet; a test copies it, because the migrations take longer."""
    path = tmp_path_factory.mktemp("state") / "empty.db"
    StateStore.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def drivers(tmp_path_factory):
    """The drivers of this machine, known to unixODBC by the names that customers have them by."""
    install(tmp_path_factory.mktemp("odbc"))


@pytest.fixture(scope="session")
def front(drivers):
    """The server's threads, once for all tests."""
    with TdsServer() as server:
        gc.freeze()
        yield Front(server)


@pytest.fixture
def sql_server(front):
    """A server on loopback that stands in for SQL Server.

    While it is in use, garbage is collected between tests alone: else a thread of the server might be the one that
    closes a client's forgotten connection, and would wait for its own goodbye.
    """
    gc.disable()
    yield front
    front.server.faults.clear()
    front.server.statements.clear()
    gc.collect(1)  # what the test made; a look through everything takes longer than most tests
    gc.enable()
