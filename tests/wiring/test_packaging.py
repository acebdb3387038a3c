import re
import tomllib
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from airbyte_cdk.models.connector_metadata import MetadataFile
from typer.main import get_command

from console.app import app

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONNECTORS = list(yaml.safe_load_all((ROOT / "metadata.yaml").read_text("utf-8")))
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()


def test_airbyte_knows_each_connector_by_its_console_script_at_the_distributions_version():
    known = {one["data"]["dockerRepository"].split("/")[1]: one["data"]["dockerImageTag"] for one in CONNECTORS}

    assert known == {name: PROJECT["version"] for name in PROJECT["scripts"] if name != "sage100-ssm"}


@pytest.mark.parametrize("document", CONNECTORS, ids=lambda document: document["data"]["githubIssueLabel"])
def test_each_connectors_description_is_one_that_airbyte_reads(document):
    MetadataFile.model_validate(document)
    kind, _ = document["data"]["githubIssueLabel"].split("-")

    assert document["data"]["connectorType"] == kind
    assert UUID(document["data"]["definitionId"]).version == 4


def test_no_two_connectors_share_an_id():
    assert len({document["data"]["definitionId"] for document in CONNECTORS}) == len(CONNECTORS)


def test_constraints_hold_names_and_versions_alone():
    plain = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w. <>=!'-]+)?")

    assert [line for line in CONSTRAINTS if not plain.fullmatch(line)] == []


def test_each_dependency_of_the_product_has_its_version_in_the_constraints():
    held = {line.split("==")[0] for line in CONSTRAINTS}
    asked = [*PROJECT["dependencies"], *(one for group in PROJECT["optional-dependencies"].values() for one in group)]

    assert {re.split(r"[<>=\[ ]", one)[0] for one in asked} <= held


def test_the_deployment_for_a_work_pool_is_the_one_that_serve_makes():
    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]

    assert deployment["entrypoint"] == "flows.sync.sync_contacts"
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert deployment["schedules"][0]["interval"] == 900


def test_the_commands_in_the_readme_are_those_that_there_are():

    section = (ROOT / "README.md").read_text("utf-8").split("## The operator's commands")[1].split("| exit code")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = {words.split()[0] for row in rows for words in re.findall(r"`(.+?)`", row)}

    assert named == set(get_command(app).commands)
