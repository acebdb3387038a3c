"""Company databases to test on: a SQLite file, and servers that speak T-SQL. Each can also be used past the product.

The stand-in for SQL Server is reached through a real ODBC driver; so is any other server, by ``SAGE100_TEST_URL``: the
SQLAlchemy URL of a database in which the tests may create and drop Sage's tables.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Engine, NullPool, Table, create_engine, event, insert, make_url, select, update

from sage100_ssm.sage100.tables import F_CONTACTT, METADATA
from sage100_ssm.standins.sql_server.database import Database
from sage100_ssm.standins.sql_server.drivers import FREETDS, MICROSOFT
from sage100_ssm.standins.sql_server.errors import SqlError
from sage100_ssm.standins.sql_server.locks import Locks
from sage100_ssm.standins.sql_server.server import Fault, TdsServer
from sage100_ssm.standins.sql_server.session import Login, Session
from tests.support.sage100_ddl import LOCKED, NEWER, TABLES, Generation, batches

URL_VARIABLE = "SAGE100_TEST_URL"

SQLITE_FILE, OLDER_SAGE, GIVEN_SERVER = "SQLite", f"{MICROSOFT}, older Sage", "given server"
_GIVEN = [GIVEN_SERVER] if URL_VARIABLE in os.environ else []
DATABASES = [SQLITE_FILE, MICROSOFT, *_GIVEN]
ON_SQLITE = pytest.mark.parametrize("company", [SQLITE_FILE], indirect=True)
ON_SERVERS = pytest.mark.parametrize("company", [MICROSOFT, FREETDS, *_GIVEN], indirect=True)
EVERYWHERE = pytest.mark.parametrize("company", [*DATABASES, FREETDS, OLDER_SAGE], indirect=True)
"""For tests of what may differ between drivers and between generations of Sage."""

_PATIENCE = 2000
"""Milliseconds that a Sage user waits for a lock."""
USER, PASSWORD = "sync", "p4ss"


class Company:
    """A company database, as Sage's own users work in it.

    Attributes:
        config: the product's settings for it.
        engine: connections that are not the product's.
        absent: columns that this generation of Sage does not have.
    """

    config: dict[str, Any]
    engine: Engine
    absent: frozenset[str] = frozenset()

    def contact(self, marq: int) -> dict[str, Any] | None:
        """The row of a contact; None if there is none."""
        columns = [column for column in F_CONTACTT.columns if column.name not in self.absent]
        with self.engine.begin() as connection:
            row = connection.execute(select(*columns).where(F_CONTACTT.c.cbMarq == marq)).mappings().first()
        return None if row is None else dict(row)

    def contacts(self) -> list[dict[str, Any]]:
        """The rows of all contacts."""
        with self.engine.begin() as connection:
            marqs = connection.execute(select(F_CONTACTT.c.cbMarq).order_by(F_CONTACTT.c.cbMarq)).scalars().all()
        return [row for marq in marqs if (row := self.contact(marq))]

    def add(self, table: Table, *rows: dict[str, Any]) -> None:
        """Create rows, without the columns that this generation of Sage does not have."""
        with self.engine.begin() as connection:
            for row in rows:
                connection.execute(insert(table).values({n: v for n, v in row.items() if n not in self.absent}))

    def edit(self, marq: int, **values: Any) -> None:
        """Change a contact."""
        with self.engine.begin() as connection:
            connection.execute(update(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq).values(values))

    def edit_all(self, table: Table, **values: Any) -> None:
        """Change all rows of a table."""
        with self.engine.begin() as connection:
            connection.execute(update(table).values({n: v for n, v in values.items() if n not in self.absent}))

    def run(self, sql: str) -> None:
        """Carry out a statement."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(sql)

    @contextmanager
    def somebody_changes(self, marq: int) -> Iterator[Connection]:
        """A Sage user has changed a contact and not committed; it is undone in the end."""
        with self.engine.connect() as connection:
            transaction = connection.begin()
            connection.execute(update(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq).values(CT_Fonction="Autre"))
            yield connection
            transaction.rollback()


class SqliteCompany(Company):
    """A company database in a SQLite file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}}
        self.engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _PATIENCE / 1000})
        METADATA.create_all(self.engine)

    def refer_to(self, number: int) -> None:
        """A debt recovery file refers to the contact of a ``CT_No``."""
        self.run("CREATE TABLE F_DRECOUVREMENT (cbCT_No INTEGER REFERENCES F_CONTACTT (CT_No))")
        self.run(f"INSERT INTO F_DRECOUVREMENT VALUES ({number})")  # noqa: S608 - the test's own words

    def open_on_a_screen(self, marq: int) -> None:
        """A Sage user has a contact open."""
        for verb in ("UPDATE", "DELETE"):
            self.run(
                f"CREATE TRIGGER TG_CB{verb} BEFORE {verb} ON F_CONTACTT WHEN OLD.cbMarq = {marq} "
                f"BEGIN SELECT RAISE(ABORT, '{LOCKED}'); END"
            )

    def refuse_updates(self, words: str) -> None:
        """A trigger refuses every change."""
        self.run(f"CREATE TRIGGER ZZ_UPD BEFORE UPDATE ON F_CONTACTT BEGIN SELECT RAISE(ABORT, '{words}'); END")

    def shout_jobs(self) -> None:
        """A trigger writes job titles in capitals."""
        self.run(
            "CREATE TRIGGER ZZ_UPD AFTER UPDATE OF CT_Fonction ON F_CONTACTT "
            "BEGIN UPDATE F_CONTACTT SET CT_Fonction = upper(NEW.CT_Fonction) WHERE cbMarq = NEW.cbMarq; END"
        )

    @contextmanager
    def somebody_changes(self, marq: int) -> Iterator[Connection]:
        """A Sage user has changed a contact and not committed: nobody else can write to the file."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.rollback()


class ServerCompany(Company):
    """A company database on a server that speaks T-SQL.

    Args:
        connection_string: for ODBC.
        connection: the product's settings to reach it.
        generation: of Sage.
    """

    def __init__(self, connection_string: str, connection: dict[str, Any], generation: Generation = NEWER) -> None:
        self.connection_string, self.absent = connection_string, generation.absent
        self.config = {"company": "BIJOU", "connection": connection}
        self.engine = create_engine("mssql+pyodbc://", poolclass=NullPool)
        event.listen(
            self.engine,
            "do_connect",
            lambda _d, _r, arguments, _o: arguments.__setitem__(slice(None), [connection_string]),
        )

        event.listen(self.engine, "connect", lambda connection, _: _set_lock_timeout(connection))

    def refer_to(self, number: int) -> None:
        """A debt recovery file refers to the contact of a ``CT_No``."""
        self.run(f"INSERT INTO dbo.F_DRECOUVREMENT (cbCT_No) VALUES ({number})")  # noqa: S608 - the test's own words

    def open_on_a_screen(self, marq: int) -> None:
        """A Sage user has a contact open."""
        self.run(f"INSERT INTO dbo.ZZ_LOCK (cbMarq) VALUES ({marq})")  # noqa: S608 - the test's own words

    def refuse_updates(self, words: str) -> None:
        """A trigger refuses every change."""
        self.run(
            "CREATE TRIGGER ZZ_UPD ON dbo.F_CONTACTT AFTER UPDATE AS "
            f"BEGIN RAISERROR('{words}', 16, 1); ROLLBACK TRANSACTION; END"
        )

    def shout_jobs(self) -> None:
        """A trigger writes job titles in capitals."""
        self.run(
            "CREATE TRIGGER ZZ_UPD ON dbo.F_CONTACTT AFTER UPDATE AS BEGIN SET NOCOUNT ON; "
            "UPDATE dbo.F_CONTACTT SET CT_Fonction = UPPER(CT_Fonction) "
            "WHERE cbMarq IN (SELECT cbMarq FROM inserted); END"
        )


@dataclass
class Front:
    """The SQL Server stand-in, with an empty company database of each generation to copy.

    Attributes:
        server: the stand-in.
        count: how many databases were copied.
    """

    server: TdsServer
    count: int = 0

    def company(self, driver: str, generation: Generation = NEWER, *, numbers: bool = False) -> ServerCompany:
        """A new, empty company database, reached through a driver."""
        self.count += 1
        name = f"BIJOU{self.count}"
        self.server.databases[name] = self._template(generation, numbers=numbers).copy(name)
        return ServerCompany(self.string(driver, name), self.settings(driver, name), generation)

    def database(self, company: ServerCompany) -> Database:
        """The stand-in's database of a company, to change how the server behaves."""
        return self.server.databases[company.config["connection"]["database"]]

    def order(self, *faults: Fault) -> None:
        """Order faults of the server."""
        self.server.faults.extend(faults)

    def settings(self, driver: str, name: str) -> dict[str, Any]:
        """The product's settings."""
        return {
            "kind": "sqlserver", "host": "127.0.0.1", "port": self.server.port, "database": name,
            "username": USER, "password": PASSWORD, "driver": driver, "encrypt": False,
        }  # fmt: skip

    def string(self, driver: str, name: str) -> str:
        """A connection string."""
        own = "TDS_Version=7.4;ClientCharset=UTF-8" if driver == FREETDS else "Encrypt=no"
        return (
            f"DRIVER={{{driver}}};SERVER=127.0.0.1,{self.server.port};DATABASE={name};UID={USER};PWD={PASSWORD};{own}"
        )

    def _template(self, generation: Generation, *, numbers: bool) -> Database:
        name = f"TEMPLATE {generation.name} {numbers}"
        if name not in self.server.databases:
            made = self.server.databases[name] = Database(name)
            session = Session(0, Login(), made, Locks(), lambda: None, {})
            for batch in batches(generation, numbers=numbers):
                session.run(batch, {}, _raise_errors)
        return self.server.databases[name]


def given_company() -> ServerCompany:
    """Sage's tables, dropped and created in the database of ``SAGE100_TEST_URL``."""
    url = make_url(os.environ[URL_VARIABLE])
    string = _odbc_string(url)
    company = ServerCompany(string, {"kind": "odbc", "connection_string": string})
    for table in TABLES:
        company.run(f"IF OBJECT_ID('dbo.{table}') IS NOT NULL DROP TABLE dbo.{table}")
    for batch in batches(NEWER):
        company.run(batch)
    return company


def only_here(company: Company) -> None:
    """Skip a test on a server of which faults cannot be ordered."""
    if company.config["connection"]["kind"] == "odbc":
        pytest.skip(f"faults cannot be ordered of the server in {URL_VARIABLE}")


def _set_lock_timeout(connection: Any) -> None:
    connection.execute(f"SET LOCK_TIMEOUT {_PATIENCE}").close()


def _odbc_string(url: URL) -> str:
    (string,), _ = create_engine(url).dialect.create_connect_args(url)
    return str(string)


def _raise_errors(answer: object) -> None:
    if isinstance(answer, SqlError):
        raise answer
