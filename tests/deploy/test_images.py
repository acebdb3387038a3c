"""The container images: what they contain, and what can be started in them. `make images` runs the build steps."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sage100_ssm import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
ALLOWED = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
PACKAGES = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])

NEVER_IMPORTED = {
    line for line in (ROOT / "deploy/never-imported.txt").read_text("utf-8").splitlines() if not line.startswith("#")
}


def test_the_image_is_built_from_every_package_of_the_distribution_and_little_else():
    others = {
        "LICENSE",
        "README.md",
        "constraints.txt",
        "pyproject.toml",
        "deploy/certificates",
        "deploy/drivers",
        "deploy/never-imported.txt",
    }
    assert PACKAGES | others == ALLOWED
    assert all((ROOT / name).exists() for name in ALLOWED)


def test_every_console_script_has_its_image():
    connectors = set(re.search(r"name one: ([\w, -]+)", DOCKERFILE)[1].split(", "))
    assert connectors | {"sage100-ssm"} == set(PROJECT["project"]["scripts"])
    assert set(re.findall(r"^FROM [\w-]+ AS for-([\w-]+)$", DOCKERFILE, re.MULTILINE)) == connectors | {"no-connector"}


def test_a_connectors_image_says_what_it_is_by_airbytes_labels():
    labels = dict(re.findall(r"(io\.airbyte\.\w+)=(\S+)", DOCKERFILE))
    assert labels == {"io.airbyte.name": "sage100-ssm/${CONNECTOR_NAME}", "io.airbyte.version": "${VERSION}"}
    assert f"ARG VERSION={__version__}\n" in DOCKERFILE


def names_of(extra):
    """The distributions of an extra."""
    return {re.split(r"[<>=[]", one)[0] for one in PROJECT["project"]["optional-dependencies"][extra]}


NEEDED_BY_THE_CDK = {"annotated-types", "jinja2", "rich"}
FLOW = names_of("flow") - NEEDED_BY_THE_CDK
IMAGES = {
    "connectors": (
        FLOW | names_of("contact-sync") - NEEDED_BY_THE_CDK,
        PACKAGES - {"sage100_ssm", "source_contact_sync"},
    ),
    "contact-sync": (FLOW - names_of("contact-sync"), {"source_contact_sync"}),
}
"""What the environment of an image does not have, and the packages of its connectors."""


@pytest.mark.parametrize("image", IMAGES)
def test_the_connectors_run_without_what_their_image_leaves_out(image, tmp_path):
    missing, packages = IMAGES[image]
    modules = {name.replace("-", "_") for name in NEVER_IMPORTED | missing}
    # Named otherwise than their distributions.
    modules |= {"google", "grpc", "opentelemetry", "proto", "dotenv", "pythonjsonlogger"}
    # Each of them is replaced by one that refuses to be imported.
    for module in modules:
        (tmp_path / f"{module}.py").write_text("raise ModuleNotFoundError(__name__)")

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", SPECIFICATIONS, *sorted(packages)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.count('"type":"SPEC"') == len(packages), done.stderr


SPECIFICATIONS = """
import importlib, sys

packages, sys.argv = sys.argv[1:], ["", "spec"]
for package in packages:
    importlib.import_module(f"{package}.run").run()
"""


def test_nothing_runs_as_root_and_messages_are_written_at_once():
    stages = DOCKERFILE.split("\nFROM ")[1:]
    users = {stage.split(" AS ")[1].split()[0]: re.findall(r"^USER (\w+)", stage, re.MULTILINE) for stage in stages}
    assert (users["sync"], users["connector"]) == (["airbyte"], ["airbyte"])
    assert "PYTHONUNBUFFERED=1" in DOCKERFILE


def test_airbyte_has_the_absolute_path_of_what_it_starts():
    entrypoint = re.search(r"AIRBYTE_ENTRYPOINT=(\S+)", DOCKERFILE)[1]
    assert entrypoint.startswith("/")
    assert DOCKERFILE.rstrip().endswith(f'ENTRYPOINT ["{entrypoint}"]')
