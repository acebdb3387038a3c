"""The container images: what they contain, and what can be started in them. `make images` runs the build steps."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
ALLOWED = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
PACKAGES = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def test_the_image_is_built_from_every_package_of_the_distribution_and_little_else():
    others = {"LICENSE", "README.md", "constraints.txt", "pyproject.toml", "deploy/certificates", "deploy/drivers"}
    assert PACKAGES | others == ALLOWED
    assert all((ROOT / name).exists() for name in ALLOWED)


def test_every_console_script_has_its_image():
    connectors = set(re.search(r"name one: ([\w, -]+)", DOCKERFILE)[1].split(", "))
    assert connectors | {"sage100-ssm"} == set(PROJECT["project"]["scripts"])


def test_nothing_runs_as_root_and_messages_are_written_at_once():
    stages = DOCKERFILE.split("\nFROM ")[1:]
    ends = {stage.split(" AS ")[1].split()[0]: re.findall(r"^USER (\w+)", stage, re.MULTILINE)[-1] for stage in stages}
    assert (ends["sync"], ends["connector"]) == ("airbyte", "airbyte")
    assert "PYTHONUNBUFFERED=1" in DOCKERFILE


def test_airbyte_has_the_absolute_path_of_what_it_starts():
    entrypoint = re.search(r"AIRBYTE_ENTRYPOINT=(\S+)", DOCKERFILE)[1]
    assert entrypoint.startswith("/")
    assert DOCKERFILE.rstrip().endswith(f'ENTRYPOINT ["{entrypoint}"]')
