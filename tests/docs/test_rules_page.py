"""docs/rules.md has every rule, every field and every journal code, as the program has them."""

import re

import pytest
import yaml

from sage100_ssm.messages import code_label
from sage100_ssm.sync.contacts.fields import STANDARD
from sage100_ssm.sync.journal import Code
from tests.support.pages import ROOT, codes, page, rows, section

PAGE = page("rules.md")
RULES = [*(f"R{number}" for number in range(1, 11)), *(f"P{number}" for number in range(1, 19))]
FIELDS = {codes(row[0])[0]: row for row in rows(section(PAGE, "The fields"))}
JOURNAL = {codes(row[0])[0]: row for row in rows(section(PAGE, "The journal"))}


def plain(text):
    """A sentence as it is typed, before it is typeset."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def test_every_rule_has_a_heading_in_the_order_of_the_numbers():
    assert re.findall(r"^### ([RP]\d+): ", PAGE, re.MULTILINE) == RULES


def test_every_rule_can_be_reached_from_the_top_of_the_page():
    assert re.findall(r"\[([RP]\d+)\]\(#", PAGE.partition("## Words")[0]) == RULES


def test_every_standard_field_has_a_row_and_no_other_has():
    assert list(FIELDS) == [field.name for field in STANDARD]


@pytest.mark.parametrize("field", STANDARD, ids=lambda field: field.name)
def test_a_field_is_where_the_page_says_and_goes_the_way_it_says(field):
    _, sage100, _, ssm, direction, *_ = FIELDS[field.name]

    assert (codes(sage100)[0], codes(ssm), codes(direction)) == (field.sage100, [field.ssm], [field.direction])


@pytest.mark.parametrize("field", [field for field in STANDARD if field.optional], ids=lambda field: field.name)
def test_a_field_that_older_databases_do_not_have_is_said_to_be_one(field):
    assert "newer Sage 100 databases only" in FIELDS[field.name][-1]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_standard_field_has_a_name_for_users(language):
    words = yaml.safe_load((ROOT / f"sage100_ssm/messages/{language}/names.yaml").read_text("utf-8"))

    assert [field.name for field in STANDARD if not words["fields"].get(field.name)] == []


def test_every_journal_code_has_a_row_and_no_other_has():
    assert list(JOURNAL) == list(Code)


@pytest.mark.parametrize("code", Code)
def test_a_journal_code_has_the_kind_the_rule_and_the_titles_of_the_program(code):
    _, kind, rule, english, french, when = JOURNAL[code]

    assert kind == code.kind
    assert code.rule is None or rule.startswith(code.rule)
    assert [english, french] == [plain(code_label(code, language)) for language in ("en", "fr")]
    assert when


def test_every_guard_has_a_row_that_says_how_it_is_lifted():
    lifted = {codes(row[0])[0]: codes(row[-1])[0] for row in rows(section(PAGE, "P9: guards against mass changes"))}

    assert set(lifted) == {code for code in Code if code.endswith("_guard")}
    assert {switch for code, switch in lifted.items() if code != Code.DELETION_GUARD} == {"run --allow-mass-change"}
    assert lifted[Code.DELETION_GUARD] == "run --allow-deletions"
