"""What the distribution needs, and in which versions."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.syntax import parsed

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
CONNECTORS = ["source_sage100", "source_ssm", "destination_sage100", "destination_ssm"]
BELOW = [f"sage100_ssm/{package}" for package in ("connectors", "exchange", "messages", "sage100", "ssm")]
"""What the connectors consist of, and what the command says where nothing else is installed."""
SYNCHRONISES = ["source_contact_sync", *(f"sage100_ssm/{part}" for part in ("app/contact_sync", "app/check", "sync"))]
"""What the source that synchronises consists of besides, without what it shares with the command in `app`."""
OURS = {*CONNECTORS, "sage100_ssm", "source_contact_sync"}
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()


def test_constraints_hold_names_and_versions_alone():
    plain = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w. <>=!'*-]+)?")

    assert [line for line in CONSTRAINTS if not plain.fullmatch(line)] == []


def test_each_dependency_of_the_product_and_of_its_build_has_its_version_in_the_constraints():
    pinned = {line.split("==")[0] for line in CONSTRAINTS}
    extras = (one for group in PROJECT["optional-dependencies"].values() for one in group)
    needed = [*PYPROJECT["build-system"]["requires"], *PROJECT["dependencies"], *extras]

    assert {re.split(r"[<>=;\[ ]", one)[0] for one in needed} <= pinned


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (CONNECTORS + BELOW, ["s3"]),
        (CONNECTORS + BELOW + SYNCHRONISES, ["s3", "contact-sync"]),
        (["sage100_ssm", "source_contact_sync"], ["flow", "postgresql", "s3", "dev"]),
    ],
    ids=["the connectors", "the source that synchronises", "the whole product"],
)
def test_each_library_that_is_imported_is_declared(folders, extras):
    declared = [*PROJECT["dependencies"], *(one for extra in extras for one in PROJECT["optional-dependencies"][extra])]
    names = {re.split(r"[<>=;\[ ]", one)[0] for one in declared}

    assert {name for folder in folders for name in _libraries(ROOT / folder)} - names == set()


_DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "argon2": "argon2-cffi",
    "dotenv": "python-dotenv",
    "pythonjsonlogger": "python-json-logger",
}


def _libraries(folder):
    """The distributions that the modules of a folder import, in functions too."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(parsed(file)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            for module in {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - OURS:
                yield _DISTRIBUTIONS.get(module, module.replace("_", "-"))
