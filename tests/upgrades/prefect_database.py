"""Prefect's database of an installation: kept with ``serve``'s deployment and a run of it, and brought up to date."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from prefect.client.orchestration import get_client
from prefect.server.database.alembic_commands import alembic_upgrade
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_DATABASE_CONNECTION_URL,
    PREFECT_API_URL,
    temporary_settings,
)
from prefect.states import Completed

from sage100_ssm.app.schedule import Schedule
from sage100_ssm.app.settings import load_settings
from sage100_ssm.orchestration import serve
from sage100_ssm.orchestration.api_key import api_key
from sage100_ssm.orchestration.local_server import local_server

PREFECT = "prefect.sql"
_NOT_KEPT = ("events", "event_resources", "block_schema_reference", "block_schema", "block_type", "csrf_token", "log")
"""What a server fills by itself when it starts, or keeps for days alone."""


def keep(settings: Path, file: Path) -> None:
    """Write what a server has once ``serve`` has registered its deployment, and a run has ended."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        with (
            local_server(home) as server,
            temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: api_key(home)}),
        ):
            schedule = Schedule(datetime.now(UTC) + timedelta(days=1), timedelta(minutes=15))
            serve._registered(settings, load_settings(settings, {}), schedule)
            with get_client(sync_client=True) as client:
                [deployment] = client.read_deployments()
                run = client.create_flow_run_from_deployment(deployment.id, name="TEST 12:00")
                client.set_flow_run_state(run.id, Completed(), force=True)
        with closing(sqlite3.connect(next(home.rglob("prefect.db")))) as connection:
            for table in _NOT_KEPT:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant's name
            connection.commit()
            dump = "\n".join(connection.iterdump())
        file.write_text(dump.replace(str(settings.absolute()), "/etc/sage100-ssm/sync.yaml") + "\n", "utf-8")


def upgraded(kept: Path, database: Path) -> sqlite3.Connection:
    """The database that a release left behind, brought to the version of the Prefect that is installed."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(kept.read_text("utf-8"))
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{database}"}):
        anyio.run(anyio.to_thread.run_sync, alembic_upgrade)  # as the server does when it starts
    return sqlite3.connect(database)
