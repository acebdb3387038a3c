"""What users need is in both languages, in two files beside each other, and says the same of the program."""

import re

import pytest

from docs.french_links import corrected
from tests.support.pages import DOCS, all_blocks, codes, headings, page, rows

# For those who change the program, who answer for the machine, or who set up Airbyte field by field.
ENGLISH_ALONE = {"architecture.md", "releasing.md", "threat-model.md"}
FOLDERS_OF_USERS = ("", "messages/")

FRENCH = sorted(file.relative_to(DOCS).as_posix() for file in DOCS.rglob("*.fr.md"))
# Its English page has a column with the place of each word in the code, and another order.
OF_SAME_TABLES = [name for name in FRENCH if name != "glossary.fr.md"]
WHOLE_ROWS = {"contract.fr.md": {"requis": "required"}}
"""The pages of which the second column is a default or an option, too, and its words in English."""


def english(name):
    return page(name.replace(".fr.md", ".md"))


def without_comments(block):
    language, content = block
    if language in ("sh", "yaml", "ini", "python"):
        content = re.sub(r"(?m) *# .*$", "", content)
    content = re.sub(r"\n\n+", "\n", content)
    # What a language is called, or chosen for, is the only thing in which commands may differ.
    return language, re.sub(r"\b(language:?) (?:fr|en)\b", r"\1", content)


def test_every_page_for_users_is_in_both_languages():
    pages = {name for folder in FOLDERS_OF_USERS for name in _names(folder)} - ENGLISH_ALONE

    assert [name for name in sorted(pages) if name.replace(".md", ".fr.md") not in FRENCH] == []


def _names(folder):
    return {f"{folder}{file.name}" for file in (DOCS / folder).glob("*.md") if not file.name.endswith(".fr.md")}


def test_every_french_page_is_beside_an_english_one():
    assert [name for name in FRENCH if not (DOCS / name.replace(".fr.md", ".md")).exists()] == []


@pytest.mark.parametrize("name", FRENCH)
def test_a_french_page_has_the_headings_of_the_english_one(name):
    assert [level for level, _ in headings(page(name))] == [level for level, _ in headings(english(name))]


@pytest.mark.parametrize("name", FRENCH)
def test_a_french_page_has_the_code_blocks_of_the_english_one(name):
    # A diagram has words.
    blocks = [[b for b in all_blocks(text) if b[0] != "mermaid"] for text in (page(name), english(name))]

    assert [without_comments(block) for block in blocks[0]] == [without_comments(block) for block in blocks[1]]


@pytest.mark.parametrize("name", OF_SAME_TABLES)
def test_the_tables_of_a_french_page_are_about_the_same_things(name):
    cells = WHOLE_ROWS.get(name)
    french, of_english = (
        [[codes(cell) for cell in row[: 2 if cells else 1]] for row in rows(text)]
        for text in (page(name), english(name))
    )

    assert french == of_english


@pytest.mark.parametrize("name", WHOLE_ROWS)
def test_a_default_is_the_same_in_both_languages(name):
    words = WHOLE_ROWS[name]
    french = [words.get(row[1], "") for row in rows(page(name)) if row[1] in words.keys() | {""}]
    of_english = [row[1] for row in rows(english(name)) if row[1] in {*words.values(), ""}]

    assert french == of_english


@pytest.mark.parametrize("name", FRENCH)
def test_a_french_page_leads_to_french_pages_where_there_are(name):
    assert page(name) == corrected(DOCS / name, page(name)), "make pages"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("page.fr.md", "[a](rules.md)", "[a](rules.fr.md)"),
        ("page.fr.md", "[a](rules.md#the-journal)", "[a](rules.fr.md#le-journal)"),
        ("messages/flapping.fr.md", "[a](../contract.md#exit-codes)", "[a](../contract.fr.md#codes-de-retour)"),
        ("page.fr.md", "[a](threat-model.md#the-page)", "[a](threat-model.md#the-page)"),
        ("glossary.fr.md", "[a](glossary.md)", "[a](glossary.md)"),
        ("installing.fr.md", "[en anglais](installing.md)", "[en anglais](installing.md)"),
        ("rules.fr.md", "[a](rules.md#the-journal)", "[a](rules.fr.md#le-journal)"),
        ("page.fr.md", "[a](rules.fr.md#le-journal)", "[a](rules.fr.md#le-journal)"),
    ],
)
def test_a_link_of_a_french_page_is_led_to_the_same_heading_in_french(name, text, expected):
    assert corrected(DOCS / name, text) == expected


@pytest.mark.parametrize("name", FRENCH)
def test_a_french_page_does_not_lead_to_itself_for_the_english_one(name):
    assert f"]({name.rpartition('/')[2]})" not in page(name)


def test_the_glossary_has_the_same_words_in_both_languages():
    words = [row[0] for row in rows(page("glossary.md")) if len(row) == 4]

    assert [row[1].strip("*") for row in rows(page("glossary.fr.md"))] == words


def test_the_rules_have_their_numbers_in_both_languages():
    def numbers(text):
        return [re.match(r"[RP]\d+", words)[0] for level, words in headings(text) if re.match(r"[RP]\d+", words)]

    assert numbers(page("rules.fr.md")) == numbers(page("rules.md"))
    assert all(words.partition(" :")[1] for _, words in headings(page("rules.fr.md")) if re.match(r"[RP]\d+", words))


def test_a_journal_code_has_the_titles_the_kind_and_the_rule_of_the_english_page():
    kinds = {"problème": "problem", "avis": "notice"}
    french = [row for row in rows(page("rules.fr.md")) if len(row) == 6 and row[1] in kinds]
    of_english = [row for row in rows(page("rules.md")) if len(row) == 6 and row[1] in kinds.values()]

    assert [[row[0], kinds[row[1]], row[2].replace(" ou ", " or "), *row[3:5]] for row in french] == [
        row[:5] for row in of_english
    ]
