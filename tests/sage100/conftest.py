"""A small company database on SQLite, and the connectors on it."""

from datetime import datetime
from typing import Any

import pytest
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteRecordMessage,
    ConfiguredAirbyteCatalogSerializer,
    Type,
)
from sqlalchemy import create_engine, insert, select, update

from destination_sage100.destination import DestinationSage100
from sage100.tables import F_COMPTET, F_CONTACTT, METADATA, P_CONTACT, P_SERVICECPTA

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


class Sage:
    """The database file, with a way round the product."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self.config = {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}}
        self.engine = create_engine(f"sqlite:///{path}")

    def contact(self, marq: int) -> dict[str, Any] | None:
        with self.engine.begin() as connection:
            row = connection.execute(select(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq)).mappings().first()
        return None if row is None else dict(row)

    def edit(self, marq: int, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq).values(values))

    def run(self, sql: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(sql)


@pytest.fixture
def sage(tmp_path):
    """Three companies and three contacts, written at STAMP."""
    made = Sage(tmp_path / "bijou.db")
    METADATA.create_all(made.engine)
    with made.engine.begin() as connection:
        for row in COMPANIES:
            connection.execute(insert(F_COMPTET).values(row))
        for row in CONTACTS:
            connection.execute(insert(F_CONTACTT).values(row))
        connection.execute(
            insert(P_SERVICECPTA), [{"S_Intitule": "Ventes", "cbIndice": 1}, {"S_Intitule": "", "cbIndice": 2}]
        )
        connection.execute(
            insert(P_CONTACT), [{"C_Intitule": "Acheteur", "cbIndice": 1}, {"C_Intitule": "", "cbIndice": 2}]
        )
        for table in (F_COMPTET, F_CONTACTT):
            connection.execute(update(table).values(cbModification=STAMP, cbCreation=STAMP))
    yield made
    made.engine.dispose()


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
