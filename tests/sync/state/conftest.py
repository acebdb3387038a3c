"""State databases for tests: of SQLite, and of PostgreSQL where there is a server."""

import shutil
from datetime import UTC, datetime

import pytest
from sqlalchemy import make_url

from sage100_ssm.sync.state.store import StateStore
from tests.support import postgresql


@pytest.fixture
def now():
    return datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/sync-state.db"


@pytest.fixture(scope="session")
def server():
    with postgresql.running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, url):
    """A new database of each kind."""
    if request.param == "sqlite":
        yield url
        return
    with postgresql.new_database(request.getfixturevalue("server")) as database:
        yield database


@pytest.fixture
def store(database, empty_state):
    if database.startswith("sqlite"):
        shutil.copy(empty_state, make_url(database).database)
    with StateStore.open(database) as store:
        yield store


@pytest.fixture
def transaction(store):
    with store.transaction() as transaction:
        yield transaction
