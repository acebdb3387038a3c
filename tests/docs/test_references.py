"""Whatever the repository cites is in the repository: pages, headings, paths."""

import re

import pytest

from tests.support.pages import DOCS, ROOT, anchors, codes, links, pages

FOLDERS = (
    "benchmarks", "deploy", "destination_sage100", "destination_ssm", "docs", "examples", "flows", "sage100_ssm",
    "source_contact_sync", "source_sage100", "source_ssm", "tests", ".github",
)  # fmt: skip
SUFFIXES = {".py", ".sql", ".yaml", ".yml", ".toml", ".json", ".sh", ".md", ".ini", ".cfg", ".mako"}
_PAGE = re.compile(r"[\w./-]*\w\.md\b")
_ENDINGS = {".fr.md", "fr.md"}
_OF_THE_SITE = ("docs/site/", "tests/docs/test_site.py", "tests/docs/test_french_pages.py")
"""What names pages as the site has them, or as a page in another folder does."""
_PATH = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*-]*")


def _files():
    at_the_top = [file for file in ROOT.iterdir() if file.is_file() and (file.suffix in SUFFIXES or not file.suffix)]
    within = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES]
    return [
        file
        for file in (*at_the_top, *within)
        if file.name not in {".git", ".coverage"} and "cassettes" not in file.parts
    ]


def _name(file):
    return str(file.relative_to(ROOT))


_TEXT_OF_LINK = re.compile(r"\[[^\]\n]*\]\(")


def test_every_page_that_is_cited_exists():
    files = [file for file in _files() if not _name(file).startswith(_OF_THE_SITE)]
    missing = {_name(file): cited for file in files if (cited := _missing_pages(file))}

    assert missing == {}


def _missing_pages(file):
    # Pages, and the tests of pages, name each other from the folder docs; code names them from the root.
    starts = (ROOT, file.parent, DOCS) if "docs" in file.parts else (ROOT, file.parent)
    text = _TEXT_OF_LINK.sub("](", file.read_text("utf-8"))  # a link's address counts
    cited = [one for one in _PAGE.findall(text) if not one.startswith("//") and one not in _ENDINGS]
    return [one for one in cited if not any((start / one).is_file() for start in starts)]


def test_no_paragraph_of_a_paper_outside_of_the_repository_is_cited():
    cited = re.compile(r"\(\N{SECTION SIGN}|\N{SECTION SIGN}\d")

    assert [_name(file) for file in _files() if cited.search(file.read_text("utf-8"))] == []


@pytest.mark.parametrize("file", pages(), ids=_name)
def test_every_link_leads_to_a_file_and_a_heading(file):
    text = file.read_text("utf-8")
    for target in links(text):
        path, _, anchor = target.partition("#")
        there = (file.parent / path).resolve() if path else file

        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text("utf-8")), target


@pytest.mark.parametrize("file", pages(), ids=_name)
def test_every_path_that_a_page_names_exists(file):
    named = [code for code in codes(file.read_text("utf-8")) if _PATH.fullmatch(code)]

    assert [path for path in named if not any(ROOT.glob(path.rstrip("/")))] == []
