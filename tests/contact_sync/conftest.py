"""Two clients on both sides, nobody in them yet, a state in PostgreSQL, and the source that synchronises them."""

import json
import logging
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.models import AirbyteStateMessageSerializer, ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sage100_ssm.app import sides
from sage100_ssm.connectors.entrypoint import Entrypoint
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.people import SageUser, SsmUser
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.tenant import SALES_REP
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.tables import metadata
from source_contact_sync.source import SourceContactSync
from tests.support import postgresql
from tests.support.connector_processes import Message, catalog

HASTE = RetryPolicy(attempts=2, wait_initial=0, wait_max=0, pause=0, pause_max=0.01, connect_timeout=1)
STREAMS = ("runs", "open_problems", "journal", "writes", "links")


@dataclass
class Read:
    """What a read in this process gave.

    Attributes:
        messages: its messages, as the protocol has them.
        error: what ended it.
    """

    messages: list[Message]
    error: AirbyteTracedException | None = None

    def records(self, stream: str) -> list[dict[str, Any]]:
        """The records of a stream."""
        given = (message["record"] for message in self.messages if message["type"] == "RECORD")
        return [record["data"] for record in given if record["stream"] == stream]

    @property
    def states(self) -> list[dict[str, Any]]:
        """The states."""
        return [message["state"] for message in self.messages if message["type"] == "STATE"]

    @property
    def text(self) -> str:
        """Everything that it said on the standard output, its log left out."""
        return json.dumps(self.messages)


@dataclass
class Installation:
    """Both sides with their users, the state, and the configuration of the source."""

    folder: Path
    api: SsmApiServer
    sage: SageUser
    ssm: SsmUser
    config: dict[str, Any]
    source: SourceContactSync = field(default_factory=SourceContactSync)

    def read(self, *streams: str, states: list[dict[str, Any]] | None = None, **changes: Any) -> Read:
        """One read of the source, of all streams unless some are named."""
        configured = ConfiguredAirbyteCatalogSerializer.load(catalog(*(streams or STREAMS)))
        given = [AirbyteStateMessageSerializer.load(state) for state in states or []]
        return self._read(configured, given, self.config | changes)

    def read_nothing(self) -> Read:
        """A read for which no stream is selected."""
        return self._read(ConfiguredAirbyteCatalogSerializer.load({"streams": []}), [], self.config)

    def _read(self, configured: Any, states: Any, config: dict[str, Any]) -> Read:
        entrypoint, messages, error = Entrypoint(self.source), [], None
        specification = self.source.spec(logging.getLogger("airbyte"))
        try:
            messages += map(
                entrypoint.airbyte_message_to_string, entrypoint.read(specification, config, configured, states)
            )
        except AirbyteTracedException as caught:
            error = caught
        return Read([json.loads(message) for message in messages], error)

    def check(self, **changes: Any) -> None:
        """The check of the source."""
        self.source.check(logging.getLogger("airbyte"), self.config | changes)

    @property
    def snapshot(self) -> Any:
        """All that users of both sides see."""
        return self.sage.snapshot(), self.ssm.snapshot()

    @property
    def written(self) -> list[tuple[str, str]]:
        """What was written to SSM over HTTP."""
        return [(c.method, c.path) for c in self.api.requests if c.method != "GET" and c.path != "/login"]

    def names(self) -> tuple[list[str], list[str]]:
        """The last names on both sides, sorted."""
        return (
            sorted(row["CT_Nom"] for row in self.sage.contacts()),
            sorted(row["lastName"] for row in self.ssm.contacts()),
        )

    def execute(self, statement: str, **values: Any) -> None:
        """Change the state's database, as a clock or another run would."""
        engine = create_engine(self.config["state"])
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()

    def lease(self, owner: str, seconds: float) -> None:
        """Give the lease to another run, for so long unless it is renewed."""
        self.execute("UPDATE lease SET number = number + 1, owner = :owner", owner=owner)
        self.expire(seconds)

    def expire(self, seconds: float) -> None:
        """Let the lease last so much longer."""
        expires_at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
        self.execute("UPDATE lease SET expires_at = :expires_at", expires_at=expires_at)


@pytest.fixture(scope="session")
def postgres():
    with postgresql.running() as url:
        yield url


@pytest.fixture(scope="session")
def api():
    with SsmApiServer(public_key="the-public-key-of-it", private_key="the-private-key-of-it") as api:
        yield api


@pytest.fixture(scope="session")
def empty_company(tmp_path_factory):
    path = tmp_path_factory.mktemp("sage") / "empty.db"
    create_company_database(path, companies=(), contacts=())
    return path


@pytest.fixture(scope="session")
def made_database(postgres):
    with postgresql.new_database(postgres) as url:
        StateStore.open(url).close()
        yield url


@pytest.fixture
def database(made_database):
    """A state without content; its tables are created once for all tests."""
    engine = create_engine(made_database)
    with engine.begin() as connection:
        names = ", ".join(set(metadata.tables) - {"lease"})
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
        connection.execute(text("UPDATE lease SET number = 0, owner = NULL, expires_at = NULL"))
    engine.dispose()
    return made_database


@pytest.fixture
def site(api, empty_company, database, tmp_path, monkeypatch):
    monkeypatch.setattr(sides, "RetryPolicy", partial(replace, HASTE))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # loopback needs no certificates, and loading them takes long
    api.reset()
    company = tmp_path / "company.db"
    shutil.copyfile(empty_company, company)
    sage, ssm = SageUser(company), SsmUser(api)
    for code in ("ALPHA", "BETA"):
        sage.create_company(code, code.title())
        ssm.create_company(code, code.title())
    config = {
        "company": "TEST",
        "connection": {"kind": "sqlite", "path": str(company)},
        "base_url": api.base_url,
        "public_key": api.public_key,
        "private_key": api.private_key,
        "requests_per_second": 1000,
        "default_sales_rep_id": SALES_REP,
        "state": database,
        "language": "en",
    }
    return Installation(tmp_path, api, sage, ssm, config)
