"""Each side as the suite gets it: in memory, and through the connectors on every stand-in."""

from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.standins.sql_server.drivers import FREETDS, missing
from sage100_ssm.standins.ssm_api.quirks import Normalisation, Quirks
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import with_value_lists
from tests.sides.adapters import ApiSsmAdapter, DatabaseSageAdapter, MemorySageAdapter, MemorySsmAdapter
from tests.support.memory_sides import Clock
from tests.support.sage100_databases import (
    DATABASES,
    GIVEN_SERVER,
    OLDER_SAGE,
    SQLITE_FILE,
    SqliteCompany,
    given_company,
)
from tests.support.sage100_ddl import NEWER, OLDER

IN_MEMORY = "in memory"
IN_BULK = "in bulk"

SAGES = [IN_MEMORY, *DATABASES, FREETDS, OLDER_SAGE]

TENANTS = {
    "likeliest": Quirks(),
    IN_BULK: Quirks(),
    "rewrites texts": Quirks(
        normalisations=frozenset({Normalisation.TRIM, Normalisation.PHONES, Normalisation.EMAILS}),
        keys_ignore_case=True,
        message_key="message",
    ),
    "strict": Quirks(
        null_refused=True,
        unknown_keys_refused=True,
        deleted_row_readable=False,
        where_on_deleted_date=False,
        where_ignores_case=False,
        ext_id_unique="live",
        error_body="nothing",
        schema_readable=False,
        one_session=True,
    ),
    "lax": Quirks(
        null_clears=False,
        deleted_row_writable=True,
        put_undeletes=True,
        delete_bumps_date_updated=True,
        sentinel_dates=True,
        normalisations=frozenset({Normalisation.CUT}),
        where_inclusive=True,
        page_size_headers=("count",),
        error_body="list",
    ),
    "other clock": Quirks(clock_skew=timedelta(hours=2), where_dates_ahead=timedelta(hours=2), error_body="text"),
}
"""The SSM tenants: what nobody knows of SSM before it is tried, answered in several ways."""


@pytest.fixture(params=SAGES)
def sage(request, tmp_path, monkeypatch):
    """A Sage company database with the clients CARAT and ÉMAIL and the supplier FOURNI."""
    adapter = _sage(request, tmp_path, monkeypatch)
    for code, kind in {"CARAT": 0, "ÉMAIL": 0, "FOURNI": 1}.items():
        adapter.add_company(code, kind)
    yield adapter
    adapter.close()


def _sage(request, tmp_path, monkeypatch):
    if request.param == IN_MEMORY:
        return MemorySageAdapter()
    if request.param == SQLITE_FILE:
        return DatabaseSageAdapter(SqliteCompany(tmp_path / "bijou.db"), None, monkeypatch)
    request.getfixturevalue("drivers")
    if request.param == GIVEN_SERVER:
        return DatabaseSageAdapter(given_company(), None, monkeypatch)
    driver = request.param.partition(",")[0]
    if reason := missing(driver):
        pytest.skip(reason)
    server = request.getfixturevalue("sql_server")
    return DatabaseSageAdapter(
        server.company(driver, OLDER if request.param == OLDER_SAGE else NEWER), server, monkeypatch
    )


@pytest.fixture(scope="session")
def ssm_api():
    """The SSM stand-in's thread, once for all tests."""
    with SsmApiServer() as api:
        yield api


@pytest.fixture(params=[IN_MEMORY, *TENANTS])
def ssm(request):
    """An SSM tenant with the account CARAT."""
    if request.param == IN_MEMORY:
        yield MemorySsmAdapter()
        return
    api, clock = request.getfixturevalue("ssm_api"), Clock(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
    api.reset(with_value_lists(Store(TENANTS[request.param], clock=clock)))
    adapter = ApiSsmAdapter(api, clock, in_bulk=request.param == IN_BULK)
    yield adapter
    adapter.close()
