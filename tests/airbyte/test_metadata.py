"""How the connectors are described to Airbyte, and what Airbyte's tools make of it."""

import logging
import runpy
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from airbyte_cdk.models.connector_metadata import MetadataFile
from airbyte_cdk.test.standard_tests.util import create_connector_test_suite
from airbyte_cdk.utils import docker
from airbyte_connector_models.metadata.v0.connector_metadata_definition_v0 import ConnectorMetadataDefinitionV0

from sage100_ssm import DOCUMENTATION, __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONNECTORS = [document["data"] for document in yaml.safe_load_all((ROOT / "metadata.yaml").read_text("utf-8"))]
WRITER = runpy.run_path(str(ROOT / "connectors" / "metadata.py"))


@pytest.fixture(params=CONNECTORS, ids=lambda connector: connector["githubIssueLabel"])
def connector(request):
    return request.param


@pytest.fixture
def name(connector):
    return connector["githubIssueLabel"]


@pytest.fixture
def folder(name):
    return ROOT / "connectors" / name


def test_each_console_script_that_is_a_connector_has_its_document_and_its_folder():
    names = [name for name in PROJECT["scripts"] if name != "sage100-ssm"]
    assert [connector["githubIssueLabel"] for connector in CONNECTORS] == names
    assert {file.parent.name for file in (ROOT / "connectors").glob("*/metadata.yaml")} == {*names}


def test_the_repositorys_metadata_are_those_of_the_connectors_folders(connector, folder):
    assert yaml.safe_load((folder / "metadata.yaml").read_text("utf-8"))["data"] == connector


def test_the_metadata_are_as_make_metadata_writes_them(folder, name):
    written = WRITER["connector_metadata"](name, DOCUMENTATION)
    assert (folder / "metadata.yaml").read_text("utf-8") == written
    assert (ROOT / "metadata.yaml").read_text("utf-8") == WRITER["repository_metadata"](DOCUMENTATION)


def test_another_address_of_the_documentation_is_that_of_every_page(name):
    written = yaml.safe_load(WRITER["connector_metadata"](name, "https://docs.example.org/sync"))
    assert written["data"]["documentationUrl"] == f"https://docs.example.org/sync/connectors/{name}"


def test_a_document_is_one_by_airbytes_own_schema(connector):
    ConnectorMetadataDefinitionV0.model_validate({"metadataSpecVersion": "1.0", "data": connector})


def test_a_connector_has_one_name_its_kind_and_the_distributions_version(connector, name):
    assert f"{connector['dockerRepository']}:{connector['dockerImageTag']}" == f"sage100-ssm/{name}:{__version__}"
    assert connector["connectorType"] == name.split("-")[0]
    assert connector["documentationUrl"] == f"{DOCUMENTATION}/connectors/{name}"
    page = (ROOT / "docs" / "connectors" / f"{name}.md").read_text("utf-8")
    assert page.startswith(f"# {connector['name']}\n")
    assert f"\n| {__version__} | " in page.partition("## Changelog")[2]


def test_the_form_links_to_the_page_that_the_metadata_name(connector, name):
    suite = create_connector_test_suite(connector_directory=ROOT / "connectors" / name)
    specification = suite.create_connector(None).spec(logging.getLogger("airbyte"))
    assert specification.documentationUrl == connector["documentationUrl"]


def test_an_icon_is_a_square_drawing_that_fetches_nothing(connector, folder):
    drawing = ET.parse(folder / connector["icon"]).getroot()  # noqa: S314 - a file of ours

    assert drawing.attrib["viewBox"] == "0 0 64 64"
    assert not any("href" in name for element in drawing.iter() for name in element.attrib)


def test_no_two_connectors_share_an_id():
    assert len({connector["definitionId"] for connector in CONNECTORS}) == len(CONNECTORS)


def test_airbytes_image_build_gives_docker_the_base_image_the_labels_and_the_connectors_name(monkeypatch, folder, name):
    commands = []
    monkeypatch.setattr(docker, "run_docker_command", lambda command, **_: commands.append(command))
    metadata = MetadataFile.from_file(folder / "metadata.yaml")
    docker.build_connector_image(
        name, folder, metadata=metadata, tag="dev", no_verify=True, dockerfile_override=ROOT / "Dockerfile"
    )

    build = next(command for command in commands if "build" in command)
    arguments = {f"BASE_IMAGE={WRITER['base_image']()}", f"CONNECTOR_NAME={name}"}
    labels = {f"io.airbyte.name=sage100-ssm/{name}", f"io.airbyte.version={__version__}"}
    assert arguments | labels < set(build)
