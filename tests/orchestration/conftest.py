import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from sage100_ssm.orchestration.local_server import local_server


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory):
    """The address of a real Prefect server that lasts as long as the tests, and that this process speaks to."""
    with local_server(tmp_path_factory.mktemp("prefect")) as api_url, temporary_settings({PREFECT_API_URL: api_url}):
        yield api_url


@pytest.fixture(scope="module", autouse=True)
def no_worker_left(prefect_api):
    """Let nothing of Prefect work on in this process behind a module's tests.

    What is still to be sent would be tried again at the end of the process, without a server; and the socket for events
    draws a random number for each ping, which Hypothesis, in other tests, would take for one of a strategy's.
    """
    yield
    APILogWorker.drain_all()
    EventsWorker.drain_all()
