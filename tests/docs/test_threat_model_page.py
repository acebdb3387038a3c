"""Every test that the threat model cites is there, under its name."""

import re

import pytest

from tests.support.pages import ROOT, page

CITED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page("threat-model.md"))))


def test_each_line_of_each_table_is_held_by_a_test():
    rows = [line for line in page("threat-model.md").splitlines() if line.startswith("| ") and " may " not in line[:12]]

    assert [row for row in rows if "held by" not in row and "::test_" not in row] == []


@pytest.mark.parametrize(("file", "test"), CITED)
def test_a_cited_test_is_in_the_file(file, test):
    assert re.search(rf"^def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)
