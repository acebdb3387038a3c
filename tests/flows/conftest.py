import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import local_server


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory):
    """The address of a real Prefect server that lasts as long as the tests, and that this process speaks to."""
    with local_server(tmp_path_factory.mktemp("prefect")) as api_url, temporary_settings({PREFECT_API_URL: api_url}):
        yield api_url
        # What is still to be sent would be tried again at the end of the process, without a server.
        APILogWorker.drain_all()
        EventsWorker.drain_all()
