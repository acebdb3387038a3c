"""State databases for tests: SQLite always, PostgreSQL too where TEST_POSTGRESQL names a server.

It is a SQLAlchemy URL (``postgresql+psycopg://user@host/postgres``) whose user may create databases.
"""

import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.schema import DDL

from contact_sync.state.store import StateStore

SERVER = os.environ.get("TEST_POSTGRESQL")


@pytest.fixture
def now():
    return datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/sync-state.db"


@pytest.fixture(params=["sqlite", "postgresql"] if SERVER else ["sqlite"])
def database(request, url):
    """A new database of each kind."""
    if request.param == "sqlite":
        yield url
        return
    server, name = create_engine(SERVER, isolation_level="AUTOCOMMIT"), f"state_{uuid4().hex}"
    with server.connect() as connection:
        connection.execute(DDL(f"CREATE DATABASE {name}"))
        yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
        connection.execute(DDL(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def store(database):
    with StateStore.open(database) as store:
        yield store


@pytest.fixture
def transaction(store):
    with store.transaction() as transaction:
        yield transaction
