"""An SSM on loopback, and a way to write to it."""

import pytest

from sage100_ssm.standins.ssm_api.server import SsmApiServer
from tests.support.ssm_side import Side


@pytest.fixture(scope="session")
def shared_server():
    """One server for all tests: stopping one takes longer than most tests."""
    with SsmApiServer() as api:
        yield api


@pytest.fixture
def side(request, shared_server):
    """``@pytest.mark.parametrize("side", [Quirks(…)], indirect=True)`` says how SSM behaves."""
    shared_server.reset(quirks=getattr(request, "param", None))
    opened = Side(shared_server)
    yield opened
    opened.client.close()
