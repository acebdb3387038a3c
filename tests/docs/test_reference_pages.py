"""The pages of commands and settings are those of the program. What is out of date, `make pages` writes."""

import pytest
import yaml
from typer.main import get_command

from docs import command_pages, setting_pages
from sage100_ssm.app.settings import Settings, load_settings
from sage100_ssm.cli.commands import app
from tests.support.pages import all_blocks, codes, headings, page, rows, section
from tests.support.setting_keys import settings_of

SECRETS = {"SAGE_PASSWORD": "a", "SSM_PUBLIC_KEY": "b", "SSM_PRIVATE_KEY": "c"}


@pytest.mark.parametrize(("name", "language"), command_pages.PAGES.items())
def test_the_page_of_commands_is_up_to_date(name, language):
    assert page(name) == command_pages.command_page(language), "make pages"


@pytest.mark.parametrize(("name", "language"), setting_pages.PAGES.items())
def test_the_page_of_settings_is_up_to_date(name, language):
    assert page(name) == setting_pages.setting_page(language), "make pages"


@pytest.mark.parametrize("name", command_pages.PAGES)
def test_every_option_of_a_command_is_in_its_section(name):
    text, run = page(name), get_command(app).commands["run"]
    named = {word for row in rows(section(text, "run")) for word in codes(row[0])[0].replace(",", "").split()}

    assert {option for one in run.params for option in one.opts} <= named
    assert {"prefect setup", "demo"} <= {words for _, words in headings(text)}


@pytest.mark.parametrize("name", setting_pages.PAGES)
def test_the_whole_file_is_one_that_an_installation_can_have_with_the_defaults(name, tmp_path):
    ((_, content),) = all_blocks(page(name))
    file, least = tmp_path / "sync.yaml", tmp_path / "least.yaml"
    file.write_text(content, "utf-8")
    given = yaml.safe_load(content)
    defaults = {key: value for key, value in settings_of(Settings).items() if key not in setting_pages.EXAMPLES}
    for key in defaults:
        _remove(given, key.split("."))
    least.write_text(yaml.safe_dump(given), "utf-8")

    assert load_settings(file, SECRETS) == load_settings(least, SECRETS)


def _remove(tree, path):
    for name in path[:-1]:
        tree = tree.get(name, {})
    tree.pop(path[-1], None)


@pytest.mark.parametrize("name", setting_pages.PAGES)
def test_every_setting_is_in_the_whole_file(name):
    ((_, content),) = all_blocks(page(name))
    named = [line.strip().removeprefix("# ").partition(":")[0] for line in content.splitlines()]

    assert [key for key in settings_of(Settings) if key.split(".")[-1] not in named] == [
        "sage100.connection.connection_string",
        "sage100.connection.path",
    ]
