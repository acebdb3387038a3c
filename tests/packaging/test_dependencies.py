"""What the distribution needs, and in which versions."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()


def test_constraints_hold_names_and_versions_alone():
    plain = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w. <>=!'*-]+)?")

    assert [line for line in CONSTRAINTS if not plain.fullmatch(line)] == []


def test_each_dependency_of_the_product_and_of_its_build_has_its_version_in_the_constraints():
    pinned = {line.split("==")[0] for line in CONSTRAINTS}
    extras = (one for group in PROJECT["optional-dependencies"].values() for one in group)
    needed = [*PYPROJECT["build-system"]["requires"], *PROJECT["dependencies"], *extras]

    assert {re.split(r"[<>=;\[ ]", one)[0] for one in needed} <= pinned
