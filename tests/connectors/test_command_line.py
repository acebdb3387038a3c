"""What a connector is told on its command line: files that cannot be read, and settings that it does not know."""
# ruff: noqa: E501 - a case is a row of a table

import json
from typing import Literal

import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer, FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import BaseModel, Field

from sage100_ssm.connectors.command_line import exit_on_configuration_error, read_configuration, read_protocol_file
from sage100_ssm.connectors.destination_settings import DestinationSettings
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.source import PagedSource


class Door(BaseModel):
    kind: Literal["door"]
    handle: str = "left"


class Window(BaseModel):
    kind: Literal["window"]
    glass: str = "clear"


class House(DestinationSettings):
    entrance: Door | Window = Field(discriminator="kind")
    storeys: int = 1


@pytest.fixture
def file(tmp_path):
    """Writes a file; gives its path."""

    def written(content):
        path = tmp_path / "a.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    return written


@pytest.fixture
def warned(file, caplog):
    """The warnings of a configuration."""

    def warnings(config):
        assert read_configuration(file(config), House) == config
        return [entry.getMessage() for entry in caplog.records]

    return warnings


DOOR = {"kind": "door"}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"entrance": DOOR, "storeys": 2, "rename": {"x": {"y": "z"}}}, []),
        ({"entrance": DOOR, "_airbyte": 1, "__injected_declarative_manifest": {}}, []),
        ({"entrance": DOOR, "storey": "s3cret"}, ["The setting storey is not known here, and has no effect: is storeys meant?"]),
        ({"entrance": DOOR, "garden": "s3cret"}, ["The setting garden is not known here, and has no effect."]),
        ({"entrance": DOOR | {"handel": "s3cret"}}, ["The setting entrance.handel is not known here, and has no effect: is entrance.handle meant?"]),
        ({"entrance": DOOR | {"glass": "s3cret"}}, ["The setting entrance.glass is not known here, and has no effect."]),
        ({"entrance": DOOR, "streams": [{"stream": "a", "heer": "s3cret"}]}, ["The setting streams.heer is not known here, and has no effect: is streams.here meant?"]),
        ({"entrance": {"kind": ["window"], "x": 1}}, []),
        ({"entrance": "s3cret", "storeys": {"x": 1}}, []),
    ],
    ids=["known", "the platform's", "misspelt", "like none", "within a choice", "of another choice", "in an entry", "no kind", "wrong"],
)  # fmt: skip
def test_a_setting_that_is_not_known_is_told_by_its_name_with_the_nearest_that_is(warned, config, told):
    assert warned(config) == told


def test_a_configuration_may_begin_with_a_mark_of_its_encoding(file):
    assert read_configuration(file(b"\xef\xbb\xbf" + json.dumps({"entrance": DOOR}).encode()), House) == {
        "entrance": DOOR
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"a": s3cret}', "is not JSON (line 1, column 7)."),
        (b"\xff\xfe", "is not JSON in UTF-8."),
        (b"[" * 100_000, "is not JSON in UTF-8."),
        (b"[]", "is no JSON object."),
    ],
)
def test_a_configuration_that_is_none_is_told_in_a_sentence_without_its_content(file, content, told):
    path = file(content)
    with pytest.raises(AirbyteTracedException) as caught:
        read_configuration(path, House)
    assert (caught.value.failure_type, caught.value.internal_message) == (FailureType.config_error, "file")
    assert caught.value.message == f"The configuration file {path} {told}"


@pytest.mark.parametrize("content", [5, {}, {"streams": [{"name": "contacts"}]}])
def test_a_catalog_that_is_none_is_told(file, content):
    with pytest.raises(AirbyteTracedException, match="holds no configured catalog of the Airbyte protocol"):
        read_protocol_file(file(content), "configured catalog", ConfiguredAirbyteCatalogSerializer.load)


def of_stream(state):
    return {"type": "STREAM", "stream": {"stream_descriptor": {"name": "contacts"}, "stream_state": state}}


@pytest.mark.parametrize(
    "content",
    [5, "x", {"contacts": {}}, ["x"], [{"type": "STREAM"}], [of_stream(5)], [of_stream([1])], [of_stream("x")]],
)
def test_a_state_that_is_none_is_told(file, content):
    with pytest.raises(AirbyteTracedException, match="holds no state of the Airbyte protocol"):
        PagedSource.read_state(file(content))


@pytest.mark.parametrize(("content", "count"), [([], 0), ({}, 0), (None, 0), ([of_stream({"at": 1})], 1)])
def test_a_state_may_be_empty(file, content, count):
    assert len(PagedSource.read_state(file(content))) == count


def test_what_the_configuration_mends_ends_the_process_by_its_sentence_alone(capsys):
    with pytest.raises(SystemExit) as ended, exit_on_configuration_error():
        raise ConnectorError("file", "It is so.", configuration=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert (ended.value.code, json.loads(line)["trace"]["error"]) == (
        1,
        {"message": "It is so.", "internal_message": "file", "failure_type": "config_error"},
    )


def test_what_the_configuration_does_not_mend_is_left_to_the_cdk():
    with pytest.raises(AirbyteTracedException), exit_on_configuration_error():
        raise AirbyteTracedException(failure_type=FailureType.transient_error)
