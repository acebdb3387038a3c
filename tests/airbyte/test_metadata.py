"""What Airbyte is told of the connectors in `metadata.yaml`."""

import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from airbyte_connector_models.metadata.v0.connector_metadata_definition_v0 import ConnectorMetadataDefinitionV0

from sage100_ssm import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONNECTORS = [document["data"] for document in yaml.safe_load_all((ROOT / "metadata.yaml").read_text("utf-8"))]


@pytest.fixture(params=CONNECTORS, ids=lambda connector: connector["githubIssueLabel"])
def connector(request):
    return request.param


def test_each_console_script_that_is_a_connector_has_its_document():
    assert [c["githubIssueLabel"] for c in CONNECTORS] == [n for n in PROJECT["scripts"] if n != "sage100-ssm"]


def test_a_document_is_one_by_airbytes_own_schema(connector):
    ConnectorMetadataDefinitionV0.model_validate({"metadataSpecVersion": "1.0", "data": connector})


def test_a_connector_has_one_name_its_kind_and_the_distributions_version(connector):
    name, version = connector["githubIssueLabel"], __version__

    assert f"{connector['dockerRepository']}:{connector['dockerImageTag']}" == f"sage100-ssm/{name}:{version}"
    assert connector["connectorType"] == name.split("-")[0]
    assert connector["documentationUrl"].endswith(f"/{name}")
    page = (ROOT / "docs" / "connectors" / f"{name}.md").read_text("utf-8")
    assert page.startswith(f"# {connector['name']}\n")
    assert f"\n| {version} | " in page.partition("## Changelog")[2]


def test_an_icon_is_a_square_drawing_that_fetches_nothing(connector):
    drawing = ET.parse(ROOT / connector["icon"]).getroot()  # noqa: S314 - a file of ours

    assert drawing.attrib["viewBox"] == "0 0 64 64"
    assert not any("href" in name for element in drawing.iter() for name in element.attrib)


def test_no_two_connectors_share_an_id_or_an_icon():
    for field in ("definitionId", "icon"):
        assert len({connector[field] for connector in CONNECTORS}) == len(CONNECTORS)
