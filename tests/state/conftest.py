from datetime import UTC, datetime, timedelta

import pytest

from contact_sync.state.store import StateStore

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
TWO_MINUTES = timedelta(minutes=2)


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/sync-state.db"


@pytest.fixture
def store(url):
    with StateStore.open(url) as store:
        yield store


@pytest.fixture
def transaction(store):
    with store.transaction() as transaction:
        yield transaction
