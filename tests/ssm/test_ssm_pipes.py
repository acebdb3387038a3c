"""The connectors from a shell: the Airbyte protocol through real processes and pipes, against the API on loopback."""

import json
import subprocess
import sys

import pytest

from sandbox.ssm_api import SsmSandbox
from sandbox.tenant import BRANCH, SALES_REP

SOURCE, DESTINATION = "source_ssm", "destination_ssm"


def command(package, *arguments):
    return [sys.executable, "-c", f"from {package}.run import run; run()", *arguments]


def speak(package, *arguments, lines=()):
    """Run a connector; give its exit code, its messages and all that it printed."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        command(package, *arguments),
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stdout + done.stderr


def of_type(messages, kind):
    return [message for message in messages if message["type"] == kind]


@pytest.fixture
def api():
    with SsmSandbox(public_key="the-public-key-of-it", private_key="the-private-key-of-it") as sandbox:
        account = sandbox.store.create(
            "accounts", {"name": "Or", "branchId": BRANCH, "salesRepId1": SALES_REP}, user=90
        )
        for name in ("Zoé", "Léa"):
            sandbox.store.create(
                "contacts",
                {"firstName": name, "lastName": "Or", "accountId": account, "salesRepId": SALES_REP},
                user=90,
            )
        yield sandbox


@pytest.fixture
def files(api, tmp_path):
    """Write the configuration and catalogs; give their paths."""
    stream = {
        "stream": {"name": "contacts", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
        "sync_mode": "incremental",
        "destination_sync_mode": "append",
    }
    config = {
        "base_url": api.base_url,
        "public_key": api.public_key,
        "private_key": api.private_key,
        "default_sales_rep_id": SALES_REP,
        "default_branch_id": BRANCH,
        "requests_per_second": 100,
    }
    contents = {
        "config": config,
        "wrong": {**config, "private_key": "another-private-key"},
        "catalog": {"streams": [stream]},
        "unknown": {"streams": [{**stream, "stream": {**stream["stream"], "name": "opportunities"}}]},
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return {name: str(tmp_path / f"{name}.json") for name in [*contents, "state"]}


@pytest.mark.parametrize("package", [SOURCE, DESTINATION])
def test_spec_is_printed(package):
    code, messages, _ = speak(package, "spec")
    assert code == 0
    assert of_type(messages, "SPEC")[0]["spec"]["connectionSpecification"]["required"][0] == "public_key"


@pytest.mark.parametrize(
    ("package", "config", "status"), [(SOURCE, "wrong", "FAILED"), (DESTINATION, "config", "SUCCEEDED")]
)
def test_check_tells_whether_ssm_lets_us_in(files, package, config, status):
    _, messages, text = speak(package, "check", "--config", files[config])
    assert of_type(messages, "CONNECTION_STATUS")[0]["connectionStatus"]["status"] == status
    assert "private-key" not in text


def test_read_gives_records_then_a_state_from_which_a_second_read_goes_on(files, tmp_path):
    arguments = ["read", "--config", files["config"], "--catalog", files["catalog"]]
    code, messages, text = speak(SOURCE, *arguments)
    assert code == 0
    assert {record["record"]["data"]["firstName"] for record in of_type(messages, "RECORD")} == {"Zoé", "Léa"}
    state = of_type(messages, "STATE")[-1]["state"]
    assert state["stream"]["stream_state"]["changed_at"].endswith("Z")
    assert "private-key" not in text
    later = {**state, "stream": {**state["stream"], "stream_state": {"changed_at": "2999-01-01T00:00:00.000000Z"}}}
    (tmp_path / "state.json").write_text(json.dumps([later]), encoding="utf-8")
    code, messages, _ = speak(SOURCE, *arguments, "--state", files["state"])
    assert (code, of_type(messages, "RECORD")) == (0, [])


def test_read_of_a_stream_that_is_not_there_fails(files):
    code, _, _ = speak(SOURCE, "read", "--config", files["config"], "--catalog", files["unknown"])
    assert code == 1


def test_what_the_source_reads_goes_through_a_pipe_into_the_destination(api, files):
    contact = api.store.rows("contacts")[0]
    source = subprocess.run(  # noqa: S603 - our own interpreter and code
        command(SOURCE, "read", "--config", files["config"], "--catalog", files["catalog"]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    api.store.update("contacts", contact["id"], {"firstName": "Changed"}, user=90)
    arguments = ["write", "--config", files["config"], "--catalog", files["catalog"]]
    code, messages, text = speak(DESTINATION, *arguments, lines=source.stdout.splitlines())
    assert code == 0
    assert len(of_type(messages, "STATE")) == len(
        [line for line in source.stdout.splitlines() if '"type":"STATE"' in line]
    )
    assert api.store.row("contacts", contact["id"])["firstName"] == contact["firstName"]
    assert "Zoé" not in text, "log lines bear no values"
    assert len([call for call in api.requests if call.method == "PUT"]) == 1


def test_refused_record_is_logged_with_ids_and_cause_and_without_values(files):
    record = {"stream": "contacts", "data": {"id": 999_999, "firstName": "Secret name"}, "emitted_at": 1}
    arguments = ["write", "--config", files["config"], "--catalog", files["catalog"]]
    code, messages, text = speak(DESTINATION, *arguments, lines=[json.dumps({"type": "RECORD", "record": record})])
    assert code == 0
    assert any('"cause":"not_found"' in log["log"]["message"] for log in of_type(messages, "LOG"))
    assert "Secret name" not in text
