"""The stand-in for a Sage 100 company database: Sage's tables in a SQLite file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, event, insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, METADATA, P_CONTACT, P_SERVICECPTA
from sage100_ssm.standins import sample

Row = Mapping[str, Any]


def company_engine(path: Path) -> Engine:
    """An engine for a company database as Sage itself uses it: with foreign keys, and no connection kept open."""
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    event.listen(engine, "connect", _enforce_foreign_keys)
    return engine


def create_company_database(
    path: Path, companies: Iterable[Row] | None = None, contacts: Iterable[Row] | None = None
) -> None:
    """Write a company database with its service and contact-type lists.

    Args:
        path: the file, which must not exist yet.
        companies: rows of ``F_COMPTET``; by default the sample company's.
        contacts: rows of ``F_CONTACTT``; by default the sample company's.

    Raises:
        FileExistsError: the file exists.
    """
    path.touch(exist_ok=False)
    engine = company_engine(path)
    METADATA.create_all(engine)
    with engine.begin() as connection:
        for table, rows in (
            (P_SERVICECPTA, sample.services()),
            (P_CONTACT, sample.contact_types()),
            (F_COMPTET, sample.companies() if companies is None else companies),
            (F_CONTACTT, sample.contacts() if contacts is None else contacts),
        ):
            for row in rows:
                connection.execute(insert(table).values(**row))


def _enforce_foreign_keys(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")  # a setting of each connection, off by default
    cursor.close()
