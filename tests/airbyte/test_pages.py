"""The connectors' pages say what the connectors do. What a page lacks, `python docs/connectors/tables.py` writes."""

import json
import logging
import re
import runpy
from pathlib import Path

import jsonschema
import pytest

from destination_sage100.destination import DestinationSage100
from destination_ssm.destination import DestinationSsm
from sage100_ssm.exchange.receipt import Cause, Outcome
from source_contact_sync.source import SourceContactSync
from source_sage100.source import SourceSage100
from source_ssm.source import SourceSsm

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "connectors"
CONNECTORS = {
    "source-sage100": SourceSage100,
    "source-ssm": SourceSsm,
    "source-contact-sync": SourceContactSync,
    "destination-sage100": DestinationSage100,
    "destination-ssm": DestinationSsm,
}


@pytest.fixture(scope="module")
def reference():
    return runpy.run_path(str(PAGES / "tables.py"))


@pytest.fixture(scope="module")
def tables(reference):
    return reference["tables"]()


@pytest.fixture(params=CONNECTORS)
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


def test_a_link_within_the_documentation_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page):
        file, _, anchor = target.partition("#")
        text = (PAGES / file).read_text("utf-8") if file else page
        assert not anchor or anchor in {heading(line) for line in text.splitlines() if line.startswith("#")}


def test_the_configuration_shown_is_one_that_the_connector_takes(name, page):
    specification = CONNECTORS[name]().spec(logging.getLogger("airbyte")).connectionSpecification
    whole, *others = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL))

    for settings in (whole, *others):
        jsonschema.validate(whole | settings, specification | {"additionalProperties": False})


@pytest.mark.parametrize("name", ["destination-sage100", "destination-ssm"])
def test_the_causes_told_are_ones_that_a_log_line_can_have(page):
    rows = re.findall(r"^\| (`.*?) \|", page.partition("| Cause in the log |")[2], re.MULTILINE)
    causes = re.findall(r"`(\w+)`", " ".join(rows))

    assert causes
    assert set(causes) <= {*Cause, Outcome.CHANGED}


def heading(line):
    """The anchor that a heading has."""
    return re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
