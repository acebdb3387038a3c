"""Reading the Markdown pages of the repository: sections, tables, links, code blocks."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_HEADING = re.compile(r"^(#+) (.+)$")
_FENCE = re.compile(r"^ *```")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")


def page(name: str) -> str:
    """The text of a page below docs."""
    return (DOCS / name).read_text("utf-8")


def pages() -> list[Path]:
    """All Markdown pages of the repository."""
    folders = ("docs", "deploy", ".github", "examples")
    return [*sorted(ROOT.glob("*.md")), *sorted(file for one in folders for file in (ROOT / one).rglob("*.md"))]


def section(text: str, title: str) -> str:
    """What is below a heading, up to the next heading of its level or above."""
    lines = text.splitlines()
    starts = [
        (index, found[1]) for index, line in enumerate(lines) if (found := _HEADING.match(line)) and found[2] == title
    ]
    assert len(starts) == 1, f"one heading {title!r}, not {len(starts)}"
    begin, level = starts[0]
    ends = (
        i
        for i, line in enumerate(lines)
        if i > begin and (found := _HEADING.match(line)) and len(found[1]) <= len(level)
    )
    return "\n".join(lines[begin + 1 : next(ends, len(lines))])


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without their heads."""
    table = [line for line in text.splitlines() if line.startswith("|")]
    heads = {index for index, line in enumerate(table[1:]) if re.fullmatch(r"[|\s:-]+", line) and "-" in line}
    kept = (line for index, line in enumerate(table) if index not in heads and index - 1 not in heads)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in kept]


def codes(text: str) -> list[str]:
    """What is between backticks."""
    return _CODE.findall(text)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def headings(text: str) -> list[tuple[int, str]]:
    """The headings of a page: level and words."""
    found = (_HEADING.match(line) for line in _outside_of_blocks(text))
    return [(len(one[1]), one[2]) for one in found if one]


def all_blocks(text: str) -> list[tuple[str, str]]:
    """The code blocks of a page: language and content, without the indentation of a list."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [(language, dedent(content)) for _, language, content in found]


def links(text: str) -> list[str]:
    """The targets of a page's links that are within the repository."""
    return [target for target in _LINK.findall(_without_code(text)) if "://" not in target]


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings have."""
    return {anchor(words) for _, words in headings(text)}


def anchor(heading: str) -> str:
    """The anchor of a heading, as the repository's host and the site make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _without_code(text: str) -> str:
    return _CODE.sub("", "\n".join(_outside_of_blocks(text)))


def _outside_of_blocks(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            yield line
