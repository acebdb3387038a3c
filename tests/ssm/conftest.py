"""An SSM on loopback, and a way to write to it."""

import pytest

from sandbox.ssm_api import SsmSandbox
from tests.ssm.side import Side


@pytest.fixture
def side(request):
    """``@pytest.mark.parametrize("side", [Quirks(…)], indirect=True)`` says how SSM behaves."""
    with SsmSandbox(quirks=getattr(request, "param", None)) as api:
        opened = Side(api)
        yield opened
        opened.client.close()
