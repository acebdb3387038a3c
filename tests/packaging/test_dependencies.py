import re
import tomllib
from pathlib import Path

import yaml
from typer.main import get_command

from sage100_ssm.cli.app import app

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()


def test_constraints_hold_names_and_versions_alone():
    plain = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w. <>=!'-]+)?")

    assert [line for line in CONSTRAINTS if not plain.fullmatch(line)] == []


def test_each_dependency_of_the_product_has_its_version_in_the_constraints():
    held = {line.split("==")[0] for line in CONSTRAINTS}
    asked = [*PROJECT["dependencies"], *(one for group in PROJECT["optional-dependencies"].values() for one in group)]

    assert {re.split(r"[<>=;\[ ]", one)[0] for one in asked} <= held


def test_the_deployment_for_a_work_pool_is_the_one_that_serve_makes():
    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))["deployments"]

    assert deployment["entrypoint"] == "flows/sync_contacts.py:sync_contacts"
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert deployment["schedules"][0]["interval"] == 900


def test_the_commands_in_the_readme_are_those_that_there_are():

    section = (ROOT / "README.md").read_text("utf-8").split("## The operator's commands")[1].split("| exit code")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = {words.split()[0] for row in rows for words in re.findall(r"`(.+?)`", row)}

    assert named == set(get_command(app).commands)
