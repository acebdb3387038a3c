"""The connectors of both sides as Airbyte runs them: real processes, messages on pipes, states, kills."""

import itertools
import logging
import shlex
import subprocess
from collections import Counter

import jsonschema
import pytest
from airbyte_cdk.models import AirbyteMessageSerializer

from source_sage100.source import SourceSage100
from source_ssm.source import SourceSsm
from tests.support.connector_processes import Spoken, catalog, command, conversation, piped, record, spoken, state

SOURCES = {"sage100": SourceSage100, "ssm": SourceSsm}
CROWD = {"sage100": 6_000, "ssm": 150}
"""More than the page of each side."""


@pytest.fixture
def settings(side, written):
    return written("config.json", side.config)


@pytest.fixture
def schemas(side, name):
    """The schemas of all streams, as discovered."""
    found = SOURCES[name]().discover(logging.getLogger("airbyte"), side.config)
    return {stream.name: stream.json_schema for stream in found.streams}


@pytest.fixture
def reading(schemas, settings, written):
    """The arguments of a read of all streams."""
    return ["read", "--config", settings, "--catalog", written("catalog.json", catalog(*schemas))]


@pytest.fixture
def writing(side, settings, written):
    """The arguments of a write of contacts: what the catalog declares is their names, company and e-mail."""
    fields = [side.key, *side.names, side.company, side.email, "extId"]
    return ["write", "--config", settings, "--catalog", written("catalog.json", catalog("contacts", fields=fields))]


def surnames(side):
    """The last names on a side, each with how many bear it."""
    return Counter(row[side.names[0]] for row in side.contacts().values())


def told(side, identifier):
    """A contact as a record, with all that the catalog declares."""
    row = side.contacts()[identifier]
    return {field: row[field] for field in (side.key, *side.names, side.company, side.email)}


@pytest.mark.parametrize("connector", ["source", "destination"])
def test_a_setting_that_cannot_be_fails_the_check_by_its_name_and_without_a_secret(side, written, connector):
    said = spoken(getattr(side, connector), "check", "--config", written("wrong.json", side.malformed))

    (status,) = said.of("CONNECTION_STATUS")
    assert said.code == 0
    assert status == {"status": "FAILED", "message": f"The configuration is wrong: {side.complaint}."}
    assert not any(secret in said.text + said.errors for secret in side.secrets)


@pytest.mark.parametrize("connector", ["source", "destination"])
@pytest.mark.parametrize("missing", ["configuration", "configured catalog"])
def test_a_file_that_is_not_there_is_told_in_a_sentence(side, settings, tmp_path, connector, missing):
    nowhere = tmp_path / "nowhere.json"
    config, catalog = (nowhere, settings) if missing == "configuration" else (settings, nowhere)
    does = "read" if connector == "source" else "write"
    said = spoken(getattr(side, connector), does, "--config", config, "--catalog", catalog)

    (trace,) = said.of("TRACE")
    assert said.code == 1
    assert trace["error"]["message"] == f"The {missing} file {nowhere} cannot be read: No such file or directory."
    assert "Traceback" not in said.text + said.errors


@pytest.mark.parametrize("connector", ["source", "destination"])
def test_a_misspelt_setting_is_told_and_does_no_harm(side, written, connector):
    config = written("config.json", side.config | {"time_zon": "s3cret", "request_per_second": "s3cret"})
    said = spoken(getattr(side, connector), "check", "--config", config)

    (status,) = said.of("CONNECTION_STATUS")
    assert status["status"] == "SUCCEEDED"
    told = [each["message"] for each in said.of("LOG") if each["level"] == "WARN"]
    assert len(told) == 2
    assert "s3cret" not in said.text + said.errors


def test_streams_are_read_in_lines_that_fit_what_was_discovered_each_state_after_the_records_it_covers(
    side, schemas, reading
):
    said = spoken(side.source, *reading)

    assert said.code == 0
    for message in said.messages:
        AirbyteMessageSerializer.load(message)
    for given in said.of("RECORD"):
        jsonschema.validate(given["data"], schemas[given["stream"]])
    for stream in schemas:
        messages = of_stream(said, stream)
        assert sorts(messages)[:3] == ["STARTED", "RUNNING", "RECORD"]
        assert sorts(messages)[-2:] == ["STATE", "COMPLETE"]
        counts = [each["state"]["sourceStats"]["recordCount"] for each in messages if each["type"] == "STATE"]
        assert sum(counts) == sum(each["type"] == "RECORD" for each in messages)


def test_a_read_from_the_states_of_another_gives_what_was_changed_and_deleted_since(side, reading, written):
    side.crowd(20)
    reading[2] = written("deletions.json", side.config | {"emit_deletions": True})
    states = spoken(side.source, *reading).of("STATE")
    changed, deleted, *_ = sorted(side.contacts())
    side.rename(changed, "Changée")
    side.delete(deleted)
    said = spoken(side.source, *reading, "--state", written("state.json", states))

    given = {each["data"][side.key]: each["data"] for each in said.of("RECORD") if each["stream"] == "contacts"}
    assert given[changed][side.names[0]] == "Changée"
    assert [key for key, data in given.items() if data.get("_ab_cdc_deleted_at")] == [deleted]
    assert len(given) < len(side.contacts())


def test_a_read_that_was_killed_goes_on_from_its_last_state_and_loses_nobody(side, name, settings, written):
    side.crowd(CROWD[name])
    contacts = ["read", "--config", settings, "--catalog", written("catalog.json", catalog("contacts"))]
    given, states = set(), []
    with conversation(side.source, *contacts) as source:
        for message in source.hear():
            states += [message["state"]] if message["type"] == "STATE" else []
            given |= {message["record"]["data"][side.key]} if message["type"] == "RECORD" else set()
            if len(given) > CROWD[name] * 0.9:
                source.kill()
                break
    rest = spoken(side.source, *contacts, *(["--state", written("state.json", states[-1:])] if states else []))

    again = {each["data"][side.key] for each in rest.of("RECORD")}
    everybody = set(side.contacts())
    assert everybody <= given | again
    assert not everybody <= given
    assert bool(states) is (name == "sage100"), "SSM's lists are covered by a state once they are read to their end"
    assert (everybody <= again) is not bool(states)


def test_a_write_takes_what_is_for_it_and_gives_each_state_back_once_it_is_true(side, writing):
    cleared, deleted = sorted(side.contacts())[:2]
    gone, before = side.contacts()[deleted], surnames(side)
    said = spoken(
        side.destination, *writing,
        given=[
            {"type": "LOG", "log": {"level": "INFO", "message": "of the source"}},
            {"type": "TRACE", "trace": {"type": "ESTIMATE", "emitted_at": 1.0,
                                        "estimate": {"name": "contacts", "type": "STREAM", "row_estimate": 3}}},
            "no message at all", {"hello": 1}, {"type": "OF_THE_FUTURE"},
            record("contacts", side.newcomer("Nouvelle")),
            state("contacts", at=1),
            record("contacts", told(side, cleared) | {side.email: None}),
            record("contacts", {side.key: 999_999, side.names[0]: "Confidentielle"}),
            record("contacts", {side.key: deleted, "_ab_cdc_deleted_at": "2026-01-01T00:00:00Z"}),
            state("contacts", at=2),
        ],
    )  # fmt: skip

    assert said.code == 0
    back = [(each["stream"]["stream_state"], each["destinationStats"]) for each in said.of("STATE")]
    assert back == [
        ({"at": 1}, {"recordCount": 1.0, "rejectedRecordCount": 2.0}),
        ({"at": 2}, {"recordCount": 2.0, "rejectedRecordCount": 1.0}),
    ]
    assert surnames(side) == before + Counter(["Nouvelle"]) - Counter([gone[side.names[0]]])
    assert not side.contacts()[cleared][side.email]
    logged = "".join(each["message"] for each in said.of("LOG"))
    assert '"cause":"not_found"' in logged
    assert "Confidentielle" not in said.text + said.errors
    assert not any(secret in said.text + said.errors for secret in side.secrets)


@pytest.mark.parametrize("name", ["sage100"])
def test_a_write_without_an_input_ends_with_a_sentence(side, writing):
    shell = f"{shlex.join(command(side.destination, *writing))} <&-"
    said = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603, S607

    (trace,) = Spoken(said.returncode, said.stdout, said.stderr).of("TRACE")
    assert said.returncode == 1
    assert trace["error"]["message"] == "There is nothing to write: the standard input is closed."
    assert "Traceback" not in said.stdout + said.stderr


def test_a_write_that_was_killed_after_a_state_goes_on_from_it_and_writes_nobody_twice(side, writing):
    before = surnames(side)
    people = [record("contacts", side.newcomer(surname)) for surname in ("Première", "Deuxième", "Troisième")]
    with conversation(side.destination, *writing) as destination:
        destination.say(people[0], state("contacts", at=1))
        heard = next(message for message in destination.hear() if message["type"] == "STATE")
        destination.say(people[1])
        destination.kill()
    rest = spoken(side.destination, *writing, given=[*people[1:], state("contacts", at=2)])

    assert heard["state"]["stream"]["stream_state"] == {"at": 1}
    assert [each["stream"]["stream_state"] for each in rest.of("STATE")] == [{"at": 2}]
    assert surnames(side) == before + Counter(["Première", "Deuxième", "Troisième"])


def test_a_source_piped_into_a_destination_makes_a_twin_equal_and_writes_nothing_else(
    side, settings, writing, written, tmp_path
):
    twin = side.twin(tmp_path / "twin")
    try:
        twin.rename(max(twin.contacts()), "Autrement")
        before = twin.contacts()
        to_twin = [*writing[:2], written("twin.json", twin.config), *writing[3:]]
        said, code = piped(
            command(side.source, "read", "--config", settings, *writing[3:]), command(twin.destination, *to_twin)
        )
        after = twin.contacts()
    finally:
        twin.close()

    assert (said.code, code) == (0, 0)
    assert said.of("STATE")
    assert {key for key in after if after[key] != before[key]} == {max(before)}
    assert {key: row[side.names[0]] for key, row in after.items()} == {
        key: row[side.names[0]] for key, row in side.contacts().items()
    }


def of_stream(said, stream):
    """A stream's messages."""
    return [message for message in said.messages if name_of(message) == stream]


def name_of(message):
    match message:
        case {"type": "RECORD", "record": {"stream": stream}}:
            return stream
        case {"type": "STATE", "state": {"stream": {"stream_descriptor": {"name": stream}}}}:
            return stream
        case {"type": "TRACE", "trace": {"stream_status": {"stream_descriptor": {"name": stream}}}}:
            return stream
        case _:
            return None


def sorts(messages):
    """What messages are, by type or status, those of one sort in a row told once."""
    told = [m["trace"]["stream_status"]["status"] if m["type"] == "TRACE" else m["type"] for m in messages]
    return [sort for sort, _ in itertools.groupby(told)]
