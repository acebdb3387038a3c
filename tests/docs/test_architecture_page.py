"""docs/architecture.md leads to code that exists. What its table of rules lacks, `make pages` writes."""

import runpy

import pytest

from tests.support.pages import DOCS, ROOT, codes, page, rows, section

PAGE = page("architecture.md")
TO_CHANGE = rows(section(PAGE, "To change something"))


@pytest.fixture(scope="module")
def rule_map():
    return runpy.run_path(str(DOCS / "rule_map.py"))


@pytest.fixture(scope="module")
def table(rule_map):
    return {row[0].partition("]")[0].removeprefix("["): row[1:] for row in rows(rule_map["rule_table"]())}


def test_the_table_of_rules_is_up_to_date(rule_map):
    assert rule_map["rewritten"](PAGE) == PAGE, "make pages"


def test_every_rule_has_a_row(table):
    assert list(table) == [*(f"R{number}" for number in range(1, 11)), *(f"P{number}" for number in range(1, 19))]


def test_every_rule_is_found_in_code_and_in_a_test(table):
    assert [
        rule for rule, (decided, carried_out, tested) in table.items() if not (tested and (decided or carried_out))
    ] == []


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("P13 goes before R7-R9.", {"P13", "R7", "R8", "R9"}),
        ("who may delete (R4 to R6)", {"R4", "R5", "R6"}),
        ("WHERE cbMarq = @P1", set()),
        ("Z_P1, P100, R11", set()),
        ("R10: each error", {"R10"}),
    ],
)
def test_the_rules_that_a_text_cites(rule_map, text, rules):
    assert rule_map["cited"](text) == rules


@pytest.mark.parametrize("row", TO_CHANGE, ids=lambda row: row[0])
def test_what_is_to_be_changed_is_where_the_table_says(row):
    paths = codes(row[1])

    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_folder_of_tests_is_described():
    described = {path for row in rows(section(PAGE, "Tests")) for path in codes(row[0])}
    folders = {f"tests/{file.name}/" for file in (ROOT / "tests").iterdir() if any(file.glob("**/test_*.py"))}

    assert folders <= described
