"""What the README says about the distribution is so."""

import re
from pathlib import Path

from typer.main import get_command

from sage100_ssm.cli.commands import app

ROOT = Path(__file__).parents[2]


def test_the_commands_in_the_readme_are_those_that_exist():
    section = (ROOT / "README.md").read_text("utf-8").split("## The operator's commands")[1].split("| exit code")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = {words.split()[0] for row in rows for words in re.findall(r"`(.+?)`", row)}

    assert named == set(get_command(app).commands)
