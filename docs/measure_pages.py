# ruff: noqa: INP001 - a script beside the pages that it writes
"""The tables of figures in the pages of measures, in English and French.

    python -m docs.measure_pages

writes what is between `<!-- NAME -->` and `<!-- end -->` in docs/measures.md, docs/many-companies.md and their French
twins: from benchmarks/figures.json, which `python -m benchmarks all --to` has written, and benchmarks/fleet.json, which
`python -m benchmarks.fleet --to` has. A test compares them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.goals import Language, as_measured, number

DOCS = Path(__file__).parent
FIGURES = DOCS.parent / "benchmarks" / "figures.json"
FLEET = DOCS.parent / "benchmarks" / "fleet.json"
PAGES: Mapping[str, Language] = {
    "measures.md": "en",
    "measures.fr.md": "fr",
    "many-companies.md": "en",
    "many-companies.fr.md": "fr",
}
_HEADS: Mapping[Language, str] = {
    "en": "| | measured | limit | kept |",
    "fr": "| | mesuré | limite | tenu |",
}
_MACHINES: Mapping[Language, tuple[str, str, str]] = {
    "en": ("machine", "{} contacts each", "{} processors, {} GB"),
    "fr": ("machine", "{} contacts chacune", "{} processeurs, {} Go"),
}
_FILLED = re.compile(r"<!-- (goals|carried) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str, language: Language) -> str:
    """A page with its tables as the figures are."""
    tables = {"goals": goals_table, "carried": carried_table}
    return _FILLED.sub(lambda found: _between(found[1], tables[found[1]](language)), text)


def goals_table(language: Language) -> Iterator[str]:
    """Each goal with what was measured."""
    yield _HEADS[language]
    yield "|---|---|---|---|"
    for measured in as_measured(_read(FIGURES)["goals"]):
        yield f"| {' | '.join(measured.row(language))} |"


def carried_table(language: Language) -> Iterator[str]:
    """How many companies of what size a machine carries."""
    head, contacts, machine = _MACHINES[language]
    carried = _read(FLEET)["carried"]
    sizes = [contacts.format(number(int(size), language)) for size in carried[0]["companies"]]
    yield f"| {head} | {' | '.join(sizes)} |"
    yield f"|---|{'---|' * len(sizes)}"
    for one in carried:
        companies = (number(companies, language) for companies in one["companies"].values())
        yield f"| {machine.format(*one['machine'])} | {' | '.join(companies)} |"


def _between(name: str, lines: Iterator[str]) -> str:
    return "\n".join((f"<!-- {name} -->", "", *lines, "", "<!-- end -->"))


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def main() -> None:
    """Write the tables of all pages."""
    for name, language in PAGES.items():
        page = DOCS / name
        page.write_text(filled(page.read_text("utf-8"), language), "utf-8")


if __name__ == "__main__":
    main()
