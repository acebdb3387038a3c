# ruff: noqa: INP001 - a script beside the pages that it prepares
"""The pages of the site, one folder for each language, from those of the repository.

    python -m docs.site.stage

writes build/pages/en and build/pages/fr, and a configuration of the site's generator for each. ``make site`` calls
both.

``NAME.md`` is an English page and ``NAME.fr.md`` beside it the same in French; both get one name on the site. Links are
rewritten where the site has their target in another place: a page of the other language, a page outside of docs, a
file that readers may want to have. A link to source code becomes plain text, because the site does not contain it.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BUILD = ROOT / "build"

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")

COPIED = {".cfg", ".ini", ".json", ".service", ".sh", ".sql", ".timer", ".xml", ".yaml", ".yml"}
"""The kinds of files that readers may want to have: a link to one leads to a copy on the site."""

SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "First steps",
        "Premiers pas",
        ("first-day.md", "installing.md", "before-writing-into-sage.md", "sql-server.md"),
    ),
    # The pages of docs that no section names are in this one, too.
    ("How to", "Comment faire", ("operations.md", "page.md", "monitoring.md", "*.md", "airbyte.md")),
    ("What each message means", "Ce que dit chaque message", ("messages/*.md",)),
    ("Reference", "Référence", ("rules.md", "contract.md", "commands.md", "settings.md", "measures.md", "glossary.md")),
    ("Connectors", "Connecteurs", ("connectors/*.md",)),
    (
        "For developers",
        "Pour les développeurs (en anglais)",
        ("architecture.md", "threat-model.md", "releasing.md", "decisions/*.md", "facts/*.md", "project/*.md"),
    ),
)
"""The navigation: a title in each language and the pages, in the order in which a user needs them."""

_FENCED = re.compile(r"^( *)(```+).*?\n.*?^\1\2[ \t]*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^# (.+)$", re.MULTILINE)
_ITEM = re.compile(r"(?:[-*]|\d+\.) +")
_NARROW = re.compile(r"(?<=\S) (?=[:;!?»%](?:\s|$))|(?<=«) |(?<=n°) ")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is on the site.

    Attributes:
        language: the language of the page.
        name: its name, the same in both languages: ``connectors/source-ssm.md``.
    """

    language: Language
    name: str


def places() -> Mapping[Path, Place]:
    """The pages of the site, by their paths in the repository."""
    outside = [*ROOT.glob("*.md"), *(file for one in ("deploy", "examples") for file in (ROOT / one).rglob("*.md"))]
    return {file.relative_to(ROOT): _place(file) for file in sorted([*DOCS.rglob("*.md"), *outside])}


def _place(file: Path) -> Place:
    path = file.relative_to(ROOT)
    if not file.is_relative_to(DOCS):
        # LISEZMOI.md is the README in French.
        language: Language = "fr" if path.stem == "LISEZMOI" else "en"
        name = "readme" if path.stem == "LISEZMOI" else "-".join(path.with_suffix("").parts).lower()
        return Place(language, f"project/{name}.md")
    name = file.relative_to(DOCS).as_posix()
    language = "fr" if name.endswith(".fr.md") else "en"
    name = name.removesuffix(".fr.md").removesuffix(".md")
    return Place(language, re.sub(r"(^|/)README$", r"\1index", name) + ".md")


def staged(path: Path, text: str, pages: Mapping[Path, Place]) -> str:
    """The text of a page as the site has it: diagrams as pictures, and links to where the site has their targets.

    Args:
        path: its path in the repository.
        text: its text there.
        pages: all pages of the site.
    """
    here = pages[path]
    parts, end = [], 0
    for fence in _FENCED.finditer(text):
        parts += [_written(text[end : fence.start()], path, here, pages), _pictured(fence[0], here)]
        end = fence.end()
    return indented("".join([*parts, _written(text[end:], path, here, pages)]))


def _written(text: str, path: Path, here: Place, pages: Mapping[Path, Place]) -> str:
    linked = _linked(text, path, here, pages)
    return typeset(linked) if here.language == "fr" else linked


def typeset(text: str) -> str:
    """French without a line that begins with a colon: the spaces at which no line may break are hard ones.

    Headings stay as they are, because their anchors follow from their words.
    """
    lines = text.split("\n")
    return "\n".join(line if line.startswith("#") else _typeset_line(line) for line in lines)


def _typeset_line(line: str) -> str:
    code = re.split(r"(`[^`]*`)", line)
    code[::2] = [_NARROW.sub("\N{NO-BREAK SPACE}", words) for words in code[::2]]
    return "".join(code)


def indented(text: str) -> str:
    """Lists as Python-Markdown reads them: what belongs to an item is four spaces further in, with a line above a list.

    In the repository it is as far in as the item's own words, which is what its host reads.
    """
    lines: list[str] = []
    items: list[int] = []
    fence = ""
    for line in text.split("\n"):
        inside, words = len(line) - len(line.lstrip()), line.strip()
        while not fence and words and items and inside < items[-1]:
            items.pop()
        starts = not fence and _ITEM.match(words)
        if starts and not items and lines and lines[-1].strip() and not _ITEM.match(lines[-1]):
            lines.append("")
        margin = items[-1] if items else 0
        lines.append("    " * len(items) + line[margin:] if words else "")
        if words.startswith("```"):
            fence = "" if fence else "```"
        elif starts:
            items.append(inside + len(starts[0]))
    return "\n".join(lines)


def diagrams(text: str) -> list[str]:
    """The sources of the diagrams in a page."""
    return _DIAGRAM.findall(text)


def diagram_name(source: str) -> str:
    """The name of a diagram's picture below docs/images, which changes with its source."""
    return f"diagram-{hashlib.sha256(source.encode()).hexdigest()[:8]}.svg"


def _pictured(fence: str, here: Place) -> str:
    """A diagram as its picture, or as its source as long as nobody has drawn it (``make screenshots``)."""
    found = _DIAGRAM.fullmatch(fence)
    if not found or not (DOCS / "images" / diagram_name(found[1])).exists():
        return fence
    return f"![{'Schéma' if here.language == 'fr' else 'Diagram'}]({_up(here)}images/{diagram_name(found[1])})"


def _linked(text: str, path: Path, here: Place, pages: Mapping[Path, Place]) -> str:
    def replaced(found: re.Match[str]) -> str:
        picture, words, target = found.groups()
        if "://" in target or target.startswith(("#", "mailto:")):
            return found[0]
        address = _address(target, path, here, pages)
        if words.endswith(".md") and (there := _resolved(target, path)) in pages:
            words = _title(ROOT / there)  # a site has titles, and no file names
        return f"{picture}[{words}]({address})" if address else words

    return _LINK.sub(replaced, text)


def _address(target: str, path: Path, here: Place, pages: Mapping[Path, Place]) -> str | None:
    """Where a link of a page leads on the site; None where the site does not have its target."""
    there, anchor = _resolved(target, path), target.partition("#")[2]
    if there in pages:
        return _to_page(here, pages[there], f"#{anchor}" if anchor else "")
    if (DOCS / "images") in (ROOT / there).parents:
        return f"{_up(here)}images/{there.name}"
    if there.suffix in COPIED and (ROOT / there).is_file():
        return f"{_up(here)}files/{there.as_posix()}"
    return None


def _resolved(target: str, path: Path) -> Path:
    """The path in the repository to which a link leads; of a folder its first page, in French where there is one."""
    there = Path(os.path.normpath(path.parent / target.partition("#")[0]))
    if not (ROOT / there).is_dir():
        return there
    return next((there / name for name in _firsts(path) if (ROOT / there / name).exists()), there)


def _firsts(path: Path) -> tuple[str, ...]:
    is_french = path.name.endswith(".fr.md") or path.stem == "LISEZMOI"
    return ("README.fr.md", "README.md") if is_french else ("README.md",)


def _to_page(here: Place, there: Place, anchor: str) -> str:
    if here.language == there.language:
        return f"{_up(here)}{there.name}{anchor}"
    other = "fr/" if there.language == "fr" else "../"
    return f"{_up(here)}{other}{there.name.removesuffix('.md')}.html{anchor}"


def _up(place: Place) -> str:
    return "../" * place.name.count("/")


def navigation(language: Language, pages: Mapping[Path, Place]) -> list[object]:
    """The navigation of a language: titles and pages.

    What there is in English alone is in the French navigation as a link to the English site; of a folder, its index.
    """
    names = {place.name for place in pages.values()}
    own = {place.name for place in pages.values() if place.language == language}
    titles = {place.name: _title(ROOT / path) for path, place in pages.items() if place.language == "en"}
    titles |= {place.name: _title(ROOT / path) for path, place in pages.items() if place.language == language}
    taken = {"index.md", *(name for *_, patterns in SECTIONS for name in patterns)}

    def entry(name: str) -> object:
        # A source and a destination have one title.
        is_connector = name.startswith("connectors/") and not name.endswith("index.md")
        title = PurePosixPath(name).stem if is_connector else titles[name]
        if name in own:
            return {title: name} if is_connector else name
        return {f"{title} (en)": f"../{name.removesuffix('.md')}.html"}

    nav: list[object] = ["index.md"]
    for english, french, patterns in SECTIONS:
        entries: list[object] = []
        for pattern in patterns:
            found = _matching(pattern, names - taken, titles) if "*" in pattern else sorted({pattern} & names)
            index = next((name for name in found if name.endswith("/index.md")), None)
            if index and index not in own:
                entries.append(entry(index))
            elif index and len(patterns) > 1:
                entries.append({titles[index]: [entry(name) for name in found]})
            else:
                entries += [entry(name) for name in found]
        nav.append({french if language == "fr" else english: entries})
    return nav


def _matching(pattern: str, names: Iterable[str], titles: Mapping[str, str]) -> list[str]:
    """The pages of a folder, its index first. Messages are in the order of their titles."""
    found = [name for name in names if PurePosixPath(name).parent == PurePosixPath(pattern).parent]
    order = titles if pattern.startswith("messages/") else {name: name for name in found}
    return sorted(found, key=lambda name: (not name.endswith("index.md"), order[name]))


def _title(file: Path) -> str:
    found = _HEADING.search(file.read_text("utf-8"))
    assert found, f"{file} has no title"
    return found[1].replace("`", "")


def configuration(language: Language, pages: Mapping[Path, Place]) -> str:
    """The configuration of the generator for a language."""
    settings = {
        "INHERIT": os.path.relpath(DOCS / "site" / "mkdocs.yml", BUILD),
        "site_name": "Sage 100 ⇄ Sage Sales Management",
        "docs_dir": f"pages/{language}",
        # Each language is a site of its own, with its own search; the French one is in a folder of the English one.
        "site_dir": "site" if language == "en" else "site/fr",
        "theme": {"language": language, "custom_dir": os.path.relpath(DOCS / "site" / "theme", BUILD)},
        "plugins": {"search": {"lang": language}, "offline": {}},
        "nav": navigation(language, pages),
    }
    return json.dumps(settings, ensure_ascii=False, indent=1)


def front_matter(place: Place, pages: Mapping[Path, Place]) -> str:
    """What the theme's switch between languages needs: the page's address in each, or that of its first page."""
    known = set(pages.values())
    found = {language: place.name if Place(language, place.name) in known else "index.md" for language in LANGUAGES}
    to = {
        language: _to_page(Place(place.language, "index.md"), Place(language, name), "").replace(".md", ".html")
        for language, name in found.items()
    }
    return f"---\nlanguages: {json.dumps(to)}\n---\n"


def main() -> None:
    """Write the pages and configurations of both languages."""
    for folder in ("pages", "site"):
        shutil.rmtree(BUILD / folder, ignore_errors=True)
    pages = places()
    for path, place in pages.items():
        text = (ROOT / path).read_text("utf-8")
        file = BUILD / "pages" / place.language / place.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(front_matter(place, pages) + staged(path, text, pages), "utf-8")
        _copy_files(path, text, place)
    for language in LANGUAGES:
        shutil.copytree(DOCS / "images", BUILD / "pages" / language / "images")
        (BUILD / f"site.{language}.yml").write_text(configuration(language, pages), "utf-8")


def _copy_files(path: Path, text: str, place: Place) -> None:
    """Copy the files that a page links to and that readers may want to have."""
    for _, _, target in _LINK.findall(text):
        file = Path(os.path.normpath(path.parent / target.partition("#")[0]))
        if file.suffix in COPIED and (ROOT / file).is_file():
            copy = BUILD / "pages" / place.language / "files" / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, copy)


if __name__ == "__main__":
    main()
