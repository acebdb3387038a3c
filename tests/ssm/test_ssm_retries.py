import logging

import httpx
import pytest
import respx
from stamina.instrumentation import set_on_retry_hooks

from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.retries import RetryPolicy, log_retries


@pytest.fixture
def told():
    log_retries()
    yield
    set_on_retry_hooks(None)


def test_a_request_that_is_tried_again_is_told_with_its_reason_and_without_a_secret(told, caplog):
    config = SsmConfig(base_url="https://ssm.example/api/v4", public_key="a-public-key", private_key="a-private-key")
    policy = RetryPolicy(attempts=2, wait_initial=0, wait_max=0)
    with respx.mock(base_url=config.base_url) as mock, SsmClient(config, policy) as client:
        mock.post("/login").mock(side_effect=[httpx.ConnectError("no"), httpx.Response(200, json={"token": "t"})])
        with caplog.at_level(logging.WARNING, "ssm"):
            client.log_in()

    assert caplog.messages == [
        "Sage Sales Management cannot be reached or does not answer: ConnectError. Trying again in 0.0 s."
    ]
