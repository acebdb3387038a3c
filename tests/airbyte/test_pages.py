"""The connectors' pages say what the connectors do. What a page lacks, `python docs/connectors/tables.py` writes."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "connectors"
NAMES = ["source-sage100", "source-ssm", "destination-sage100", "destination-ssm"]


@pytest.fixture(scope="module")
def reference():
    return runpy.run_path(str(PAGES / "tables.py"))


@pytest.fixture(scope="module")
def tables(reference):
    return reference["tables"]()


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def page(name):
    return (PAGES / f"{name}.md").read_text("utf-8")


def test_every_setting_and_field_is_told_as_the_connector_has_it(reference, tables, name, page):
    assert set(reference["named"](page)) == set(tables[name])
    assert reference["rewritten"](page, tables[name]) == page


def test_every_setting_and_field_has_a_meaning(tables, name):
    lines = [line for table in tables[name].values() for line in table.splitlines()]

    assert [line for line in lines if line.endswith("|  |")] == []


def test_a_page_has_airbytes_sections_in_their_order(page):
    sections = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    expected = ["Prerequisites", "Setup guide", "Supported sync modes", "Supported streams", "Data type map",
                "Limitations and troubleshooting", "Changelog"]  # fmt: skip

    assert [section for section in sections if section in expected] == expected
