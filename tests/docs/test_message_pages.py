"""docs/messages has a page for each journal code, in both languages. What is out of date, `make pages` writes."""

import pytest

from docs.message_pages import FOLDER, message_pages
from sage100_ssm.sync.journal import Code

PAGES = message_pages()


def test_r10_every_code_has_a_page_in_both_languages_and_there_is_no_other_page():
    expected = {f"{stem}{language}.md" for stem in (*Code, "README") for language in ("", ".fr")}

    assert {file.name for file in FOLDER.iterdir()} == set(PAGES) == expected


@pytest.mark.parametrize("name", PAGES)
def test_r10_the_page_of_a_code_says_what_the_program_says(name):
    assert (FOLDER / name).read_text("utf-8") == PAGES[name], "make pages"


@pytest.mark.parametrize("code", Code)
def test_r10_the_page_of_a_code_has_an_example_and_a_remedy(code):
    page = PAGES[f"{code}.md"]

    assert "\n> " in page
    assert "\n**What to do:** " in page
