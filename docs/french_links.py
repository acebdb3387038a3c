# ruff: noqa: INP001 - a script beside the pages that it corrects
"""Lets links of French pages lead to French pages where there are, whatever their author has written.

    python -m docs.french_links

A link to ``rules.md#the-journal`` becomes one to the same heading of the French page beside it: both have the same
headings in the same order, which a test holds.
"""

import re
from pathlib import Path

from tests.support.pages import DOCS, anchor, headings

_LINK = re.compile(r"(?<=\]\()([\w./-]+\.md)(?:#([^)\s]+))?(?=\))")


def corrected(file: Path, text: str) -> str:
    """The text of a French page with its links as they should be."""

    def french(found: re.Match[str]) -> str:
        target, fragment = found[1], found[2]
        english = (file.parent / target).resolve()
        there = english.with_suffix(".fr.md")
        # A page that names itself as a whole names its English version: « La même page en anglais ».
        is_switch = there == file.resolve() and not fragment
        if target.endswith(".fr.md") or not there.exists() or is_switch:
            return found[0]
        page = target.removesuffix(".md") + ".fr.md"
        return f"{page}#{_same_heading(english, there, fragment)}" if fragment else page

    return _LINK.sub(french, text)


def _same_heading(english: Path, french: Path, fragment: str) -> str:
    """The anchor of a heading in French, by its place among the page's headings."""
    anchors = [[anchor(words) for _, words in headings(page.read_text("utf-8"))] for page in (english, french)]
    return anchors[1][anchors[0].index(fragment)]


def main() -> None:
    """Correct all French pages."""
    for file in DOCS.rglob("*.fr.md"):
        text = file.read_text("utf-8")
        file.write_text(corrected(file, text), "utf-8")


if __name__ == "__main__":
    main()
