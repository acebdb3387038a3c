"""A small company database, on SQLite and on SQL Server, and the connectors on it."""

import json
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteRecordMessage,
    ConfiguredAirbyteCatalogSerializer,
    Type,
)

from destination_sage100.destination import DestinationSage100
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, P_CONTACT, P_SERVICECPTA
from sage100_ssm.sage100.writing import in_transaction
from sage100_ssm.standins.sql_server.drivers import missing
from tests.support.sage100_databases import (
    DATABASES,
    GIVEN_SERVER,
    OLDER_SAGE,
    SQLITE_FILE,
    SqliteCompany,
    given_company,
)
from tests.support.sage100_ddl import NEWER, OLDER

ROOT = Path(__file__).parents[2]
COMPANIES = [
    {"CT_Num": "CARAT", "CT_Type": 0, "CT_Intitule": "Carat"},
    {"CT_Num": "ÉMAIL", "CT_Type": 0, "CT_Intitule": "Émail", "CT_Prospect": 1, "CT_Encours": 1500.5},
    {"CT_Num": "FOURNI", "CT_Type": 1, "CT_Intitule": "A supplier"},
]
CONTACTS = [
    {"CT_Num": "CARAT", "CT_Nom": "Durand", "CT_Prenom": "Anne", "CT_No": 10, "CT_EMail": "anne@example.org"},
    {"CT_Num": "CARAT", "CT_Nom": "Petit", "CT_Prenom": None, "CT_No": 11, "CT_Civilite": 2},
    {"CT_Num": "FOURNI", "CT_Nom": "Moreau", "CT_Prenom": "Luc", "CT_No": 12},
]
STAMP = datetime(2026, 3, 2, 10, 0)  # noqa: DTZ001 - the server's local time


@pytest.fixture(params=DATABASES)
def company(request, tmp_path):
    """An empty company database, on SQLite and on a SQL Server; `EVERYWHERE` and the like ask for others."""
    made = _company(request, tmp_path, request.param)
    yield made
    made.engine.dispose()


def _company(request, tmp_path, kind):
    if kind == SQLITE_FILE:
        return SqliteCompany(tmp_path / "bijou.db")
    request.getfixturevalue("drivers")
    if kind == GIVEN_SERVER:
        return given_company()
    driver = kind.partition(",")[0]
    if reason := missing(driver):
        pytest.skip(reason)
    return request.getfixturevalue("sql_server").company(driver, OLDER if kind == OLDER_SAGE else NEWER)


@pytest.fixture
def sage(company):
    """Three companies and three contacts, written at STAMP."""
    for table, rows in (
        (F_COMPTET, COMPANIES),
        (F_CONTACTT, CONTACTS),
        (P_SERVICECPTA, [{"S_Intitule": "Ventes", "cbIndice": 1}, {"S_Intitule": "", "cbIndice": 2}]),
        (P_CONTACT, [{"C_Intitule": "Acheteur", "cbIndice": 1}, {"C_Intitule": "", "cbIndice": 2}]),
    ):
        company.add(table, *rows)
    for table in (F_COMPTET, F_CONTACTT):
        company.edit_all(table, cbModification=STAMP, cbCreation=STAMP)
    return company


def _catalog(stream="contacts", fields=(), mode="full_refresh"):
    """A configured catalog of one stream."""
    return ConfiguredAirbyteCatalogSerializer.load(
        {
            "streams": [
                {
                    "stream": {
                        "name": stream,
                        "json_schema": {"properties": {field: {} for field in fields}},
                        "supported_sync_modes": ["full_refresh", "incremental"],
                    },
                    "sync_mode": mode,
                    "destination_sync_mode": "append",
                }
            ]
        }
    )


@pytest.fixture
def catalog():
    """Makes configured catalogs of one stream."""
    return _catalog


def _record(data, stream="contacts"):
    return AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream=stream, data=dict(data), emitted_at=1))


@pytest.fixture
def write(sage):
    """Write records; give the receipts."""

    def written(*records, fields=(), config=None, database=None, sink=None):
        receipts = [] if sink is None else sink
        destination = DestinationSage100(sink=receipts.append, database=database)
        list(destination.write(config or sage.config, _catalog(fields=fields), map(_record, records)))
        return receipts

    return written


@pytest.fixture
def at_once():
    """Several writers, each with a connection of its own, create contacts at once; gives the numbers."""

    def created(config, *, writers, each):
        numbers = []

        def create(writer):
            with open_database(Sage100Config.model_validate(config)) as database:
                for n in range(each):
                    contact = {"CT_Num": "CARAT", "CT_Nom": f"Blanc {writer} {n}"}
                    row = in_transaction(database, lambda contacts, new=contact: contacts.insert(new, None))
                    numbers.append(row["CT_No"])

        threads = [threading.Thread(target=create, args=(writer,)) for writer in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(numbers) == writers * each
        return set(numbers)

    return created


CREATING = """
import json, sys
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.writing import in_transaction

config, writer, each = json.loads(sys.argv[1])
with open_database(Sage100Config.model_validate(config)) as database:
    for n in range(each):
        contact = {"CT_Num": "CARAT", "CT_Nom": f"Blanc {writer} {n}"}
        print(in_transaction(database, lambda contacts: contacts.insert(contact, None))["CT_No"])
"""


@pytest.fixture
def processes_at_once():
    """As `at_once`, each writer in a process of its own."""

    def created(config, *, writers, each):
        processes = [
            subprocess.Popen(  # noqa: S603 - the test's own words
                [sys.executable, "-c", CREATING, json.dumps([config, writer, each])],
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for writer in range(writers)
        ]
        told = [process.communicate(timeout=60)[0].split() for process in processes]
        assert [process.returncode for process in processes] == [0] * writers
        return {int(number) for numbers in told for number in numbers}

    return created
