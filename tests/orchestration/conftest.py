import time
import uuid
from contextlib import contextmanager, suppress

import httpx
import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from sage100_ssm.orchestration.api_key import api_key
from sage100_ssm.orchestration.local_server import local_server


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory):
    """The folder of the Prefect server of the tests."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def prefect_key(prefect_home):
    """The key of the Prefect server of the tests."""
    return api_key(prefect_home)


@pytest.fixture(scope="session")
def prefect_api(prefect_home, prefect_key):
    """The address of a real Prefect server that lasts as long as the tests, and that this process speaks to."""
    with (
        local_server(prefect_home) as server,
        temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: prefect_key}),
    ):
        yield server.api_url


@pytest.fixture(scope="session")
def client_of():
    """A client of a Prefect server, with its key and a token against foreign pages."""

    class Patient(httpx.HTTPTransport):
        """Repeats a request as Prefect's own clients do: where its database was locked (503), or its server ended."""

        def handle_request(self, request):
            for _ in range(30):
                with suppress(httpx.ReadError, httpx.RemoteProtocolError):
                    answer = super().handle_request(request)
                    if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                        return answer
                    answer.close()
                time.sleep(1)
            raise TimeoutError

    @contextmanager
    def client_of(api_url, key):
        name = str(uuid.uuid4())
        login = tuple(key.split(":"))
        with httpx.Client(base_url=api_url, auth=login, transport=Patient(), timeout=60) as client:
            token = client.get("/csrf-token", params={"client": name}).raise_for_status().json()["token"]
            client.headers.update({"Prefect-Csrf-Client": name, "Prefect-Csrf-Token": token})
            yield client

    return client_of


@pytest.fixture(scope="session")
def prefect(prefect_api, prefect_key, client_of):
    """A client of the Prefect server of the tests."""
    with client_of(prefect_api, prefect_key) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def no_worker_left(prefect_api):
    """Let nothing of Prefect work on in this process behind a module's tests.

    What is still to be sent would be tried again at the end of the process, without a server; and the socket for events
    draws a random number for each ping, which Hypothesis, in other tests, would take for one of a strategy's.
    """
    yield
    APILogWorker.drain_all()
    EventsWorker.drain_all()
