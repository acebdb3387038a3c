"""The commands that explain the product: help, and the sample company to try the others on."""

import pytest
from typer.main import get_command

from sage100_ssm.cli.commands import app
from sage100_ssm.standins.sample_installation import sample_installation


@pytest.mark.parametrize("command", sorted(get_command(app).commands))
def test_the_help_of_each_command_has_an_example(command, call):
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"sage100-ssm {command}" in " ".join(result.stdout.split())


@pytest.mark.parametrize(("command", "option"), [("sample", "--dir"), ("demo", "--keep")])
@pytest.mark.parametrize(("language", "words"), [("fr", "existe déjà"), ("en", "exists already")])
def test_a_folder_with_another_sample_company_is_left_alone(tmp_path, call, command, option, language, words):
    with sample_installation(tmp_path):
        pass

    result = call(command, option, tmp_path, "--language", language)

    assert result.exit_code == 2
    assert words in result.stderr.replace("\N{NO-BREAK SPACE}", " ")
    assert option in result.stderr
