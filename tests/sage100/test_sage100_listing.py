"""What somebody who sets up a connection is shown: the drivers of this machine, the databases of a server."""

import sys

import pytest

from sage100_ssm.sage100 import listing
from sage100_ssm.sage100.config import SqlServer
from sage100_ssm.sage100.errors import SageError
from sage100_ssm.standins.sql_server.drivers import FREETDS, MICROSOFT, missing


@pytest.mark.parametrize(
    ("installed", "usable"),
    [
        (["SQL Server", "FreeTDS", "ODBC Driver 17 for SQL Server", "ODBC Driver 18 for SQL Server", "PostgreSQL"],
         ["ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server", "FreeTDS", "SQL Server"]),
        (["PostgreSQL ANSI"], []),
    ],
)  # fmt: skip
def test_the_best_driver_comes_first_and_those_of_others_not_at_all(monkeypatch, installed, usable):
    monkeypatch.setattr("pyodbc.drivers", lambda: installed)
    assert listing.drivers() == usable


def test_without_a_driver_manager_there_is_no_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    assert listing.drivers() == []


@pytest.fixture(params=[MICROSOFT, FREETDS])
def server(request, drivers, sql_server):
    """The settings of a server with a company database."""
    if reason := missing(request.param):
        pytest.skip(reason)
    company = sql_server.company(request.param)
    databases = sql_server.server.databases
    name = company.config["connection"]["database"]
    # Its view of all databases names the one that is asked: here the server's own shows the company's.
    databases["MASTER"] = databases[name.upper()]
    yield SqlServer(**company.config["connection"]), name
    del databases["MASTER"]


def test_the_databases_that_the_login_may_open_are_listed(server):
    settings, name = server
    assert [found.upper() for found in listing.company_databases(settings)] == [name.upper()]


def test_a_refused_login_is_said_to_be_one(server):
    settings, _ = server
    with pytest.raises(SageError) as caught:
        listing.company_databases(settings.model_copy(update={"username": "somebody"}))
    assert caught.value.code == "login_refused"
