"""Every place that names the version names the one of `sage100_ssm.__version__`."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sage100_ssm import __version__
from sage100_ssm.cli.commands import app

ROOT = Path(__file__).parents[2]
NUMBER = r"(\d+\.\d+\.\d+\w*)"
TAGS = re.compile(
    rf"sage100-ssm/[$\w-]+:{NUMBER}|dockerImageTag\W+{NUMBER}|tag \(`{NUMBER}`\)"
    rf"|sage100_ssm-{NUMBER}-py3|VERSION={NUMBER}"
)
NAMED = (
    *("README.md", "LISEZMOI.md", "Dockerfile", "metadata.yaml"),
    *("deploy/compose.yaml", "deploy/compose.postgresql.yaml"),
)
FILES = [*(ROOT / name for name in NAMED), *(ROOT / "docs").rglob("*.md")]


def _tags(file):
    return ["".join(groups) for groups in TAGS.findall(file.read_text("utf-8"))]


def test_the_version_is_a_semantic_one():
    assert re.fullmatch(NUMBER, __version__)


def test_the_command_prints_its_version():
    assert CliRunner().invoke(app, ["--version"]).output == f"sage100-ssm {__version__}\n"


@pytest.mark.parametrize("file", [file for file in FILES if _tags(file)], ids=lambda file: file.name)
def test_an_image_is_named_with_the_tag_of_this_version(file):
    assert set(_tags(file)) == {__version__}


def test_images_are_named_where_they_are_built_started_and_described():
    naming = {str(file.relative_to(ROOT)) for file in FILES if _tags(file)}

    assert naming == {*NAMED, "docs/airbyte.md", "docs/airbyte.fr.md"}


def test_the_changelog_begins_with_this_version():
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[1]

    assert first in (__version__, "Unreleased")
