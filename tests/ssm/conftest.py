"""An SSM on loopback, and a way to write to it."""

import pytest

from sage100_ssm.standins.ssm_api.server import SsmApiServer
from tests.support.ssm_side import Side


@pytest.fixture
def side(request):
    """``@pytest.mark.parametrize("side", [Quirks(…)], indirect=True)`` says how SSM behaves."""
    with SsmApiServer(quirks=getattr(request, "param", None)) as api:
        opened = Side(api)
        yield opened
        opened.client.close()
