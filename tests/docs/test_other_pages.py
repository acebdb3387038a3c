"""The glossary, the decisions and the facts name what there is."""

import re
from dataclasses import fields

import pytest
import yaml

from sage100_ssm.ssm.probe import SETTLED_BY_LOOKING, SETTLED_BY_WRITING
from sage100_ssm.standins.ssm_api.quirks import Quirks
from tests.support.pages import DOCS, ROOT, codes, page, rows, section

GLOSSARY = [row for row in rows(page("glossary.md")) if len(row) == 4]
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))


@pytest.mark.parametrize("row", GLOSSARY, ids=lambda row: row[0])
def test_a_word_is_where_the_glossary_says(row):
    for place in re.findall(r"`([^`]+/[^`]*)`(?:: `(\w+)`)?", row[3]):
        path, name = place
        file = ROOT / path

        assert file.exists(), path
        assert not name or re.search(rf"\b{name}\b", file.read_text("utf-8")), place


def test_no_word_is_in_the_glossary_twice():
    words = [row[0] for row in GLOSSARY]

    assert sorted(words) == sorted(set(words))


def test_the_decisions_are_numbered_without_a_gap_and_listed_by_their_titles():
    titles = [file.read_text("utf-8").splitlines()[0].removeprefix("# ") for file in DECISIONS]
    listed = [row for row in rows(page("decisions/README.md")) if row[0].startswith("[")]

    assert [title[:4] for title in titles] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert [f"{row[0][1:5]} {row[1]}" for row in listed] == titles
    assert [file.name for file in DECISIONS] == [row[0].partition("(")[2].rstrip(")") for row in listed]


@pytest.mark.parametrize("file", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_has_its_context_and_its_consequence(file):
    assert re.findall(r"^\*\*(\w+)\.\*\*", file.read_text("utf-8"), re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequence",
    ]


def test_every_open_question_about_ssm_has_its_switches_in_the_stand_in():
    text = page("facts/ssm-api.md")
    questions = rows(section(text, "Open questions"))
    switches = {field.name for field in fields(Quirks)}

    assert [int(row[0]) for row in questions] == sorted(SETTLED_BY_LOOKING | SETTLED_BY_WRITING)
    assert {code for row in questions for code in codes(row[3])} <= switches
    assert switches <= set(codes(section(text, "Open questions")))


def test_the_open_questions_about_sage_100_are_those_that_probe_asks():
    sentences = yaml.safe_load((ROOT / "sage100_ssm/messages/en/probe.yaml").read_text("utf-8"))
    numbers = {int(key.split("_")[2]) for key in sentences if re.fullmatch(r"probe_sage100_\d+", key)}
    listed = re.findall(r"^(\d+)\. ", section(page("facts/sage100.md"), "Open questions"), re.MULTILINE)

    assert {int(number) for number in listed} == numbers


def test_the_hooks_before_a_commit_run_what_is_installed_and_nothing_from_elsewhere():
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]

    assert {one["repo"] for one in repositories} == {"local"}
    assert {hook["entry"].partition(" ")[0].rpartition("/")[0] for hook in repositories[0]["hooks"]} == {".venv/bin"}


def test_an_issue_template_is_a_form_that_asks_for_something():
    for file in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml")):
        form = yaml.safe_load(file.read_text("utf-8"))

        assert form.keys() == {"name", "description", "labels", "body"}
        assert {part["type"] for part in form["body"]} <= {"markdown", "input", "textarea"}
