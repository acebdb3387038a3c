"""Both connectors alone, as commands that speak the Airbyte protocol, and one piped into the other."""
# ruff: noqa: S603 - the commands are the test's own

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE, DESTINATION = "source_sage100", "destination_sage100"


def command(connector, *arguments):
    start = f"from {connector}.run import run; run()"
    return [sys.executable, "-c", start, *map(str, arguments)]


ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def spoken(connector, *arguments, given=None, code=0):
    """Run a command; give its messages by type."""
    done = subprocess.run(
        command(connector, *arguments), input=given, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert done.returncode == code, done.stderr
    return by_type(done.stdout)


def by_type(text):
    messages = {}
    for line in text.splitlines():
        message = json.loads(line)
        messages.setdefault(message["type"], []).append(message)
    return messages


@pytest.fixture
def files(sage, tmp_path):
    """A configuration and a catalog, as files."""

    def written(name, content):
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    properties = {"CT_Num": {}, "CT_Nom": {}, "CT_Prenom": {}, "CT_EMail": {}, "CT_No": {}}
    stream = {"name": "contacts", "json_schema": {"properties": properties}, "supported_sync_modes": ["incremental"]}
    configured = {"stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append"}
    return written("config.json", sage.config), written("catalog.json", {"streams": [configured]})


@pytest.mark.parametrize(("connector", "modes"), [(SOURCE, None), (DESTINATION, ["append", "append_dedup"])])
def test_spec(connector, modes):
    (message,) = spoken(connector, "spec")["SPEC"]
    assert message["spec"]["connectionSpecification"]["required"] == ["company", "connection"]
    assert message["spec"].get("supported_destination_sync_modes") == modes
    assert ("rename" in message["spec"]["connectionSpecification"]["properties"]) is (connector == DESTINATION)


@pytest.mark.parametrize("connector", [SOURCE, DESTINATION])
def test_check_of_a_database_that_is_not_there(connector, files, sage):
    sage.path.unlink()
    (status,) = spoken(connector, "check", "--config", files[0])["CONNECTION_STATUS"]
    assert status["connectionStatus"]["status"] == "FAILED"
    assert "does not exist" in status["connectionStatus"]["message"]


def test_discover(files):
    (message,) = spoken(SOURCE, "discover", "--config", files[0])["CATALOG"]
    names = [stream["name"] for stream in message["catalog"]["streams"]]
    assert names == ["companies", "contacts", "services", "contact_types"]


def test_write_gives_a_state_back_and_logs_receipts_without_values(files, sage):
    config, catalog = files
    state = {"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "contacts"}}}}
    record = {"stream": "contacts", "data": {"cbMarq": 99, "CT_Nom": "Confidentiel"}, "emitted_at": 1}
    given = "".join(json.dumps(message) + "\n" for message in ({"type": "RECORD", "record": record}, state))
    spoke = spoken(DESTINATION, "write", "--config", config, "--catalog", catalog, given=given)
    assert spoke["STATE"][0]["state"]["destinationStats"] == {"recordCount": 1.0}
    logged = "".join(message["log"]["message"] for message in spoke["LOG"])
    assert '"cause":"not_found"' in logged
    assert "Confidentiel" not in logged


def test_a_source_piped_into_a_destination_brings_its_contacts_to_another_database(files, sage, tmp_path):
    config, catalog = files
    other = tmp_path / "other.db"
    shutil.copy(sage.path, other)
    with sqlite3.connect(other) as connection:
        connection.execute("DELETE FROM F_CONTACTT")
    connection.close()
    settings = sage.config | {"connection": {"kind": "sqlite", "path": str(other)}}
    to_other = tmp_path / "to_other.json"
    to_other.write_text(json.dumps(settings | {"rename": {"contacts": {"cbMarq": "id_there"}}}))
    with subprocess.Popen(
        command(SOURCE, "read", "--config", config, "--catalog", catalog), stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as source:
        written = subprocess.run(
            command(DESTINATION, "write", "--config", to_other, "--catalog", catalog),
            stdin=source.stdout, capture_output=True, text=True, check=True, env=ENVIRONMENT,
        )  # fmt: skip
    assert source.returncode == 0
    (state,) = by_type(written.stdout)["STATE"]
    assert state["state"]["stream"]["stream_state"] == {"cbModification": "2026-03-02T10:00:00+01:00"}
    with sqlite3.connect(other) as connection:
        rows = connection.execute("SELECT cbMarq, CT_Nom, CT_Prenom, CT_No, CT_EMail FROM F_CONTACTT").fetchall()
    connection.close()
    assert rows == [
        (4, "Durand", "Anne", 10, "anne@example.org"),
        (5, "Petit", "", 11, ""),
        (6, "Moreau", "Luc", 12, ""),
    ]
