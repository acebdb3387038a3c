# ruff: noqa: INP001 - a script beside the page that it writes
"""The table of docs/architecture.md that lists where each rule is decided, carried out and tested.

    python docs/rule_map.py

collects the rules' numbers from docstrings and comments of the code and from the tests, and writes the table between
``<!-- table: rules -->`` and ``<!-- end -->``. A test compares the page with the code.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sage100_ssm.gc_pause import paused

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
RULES = ROOT / "docs" / "rules.md"

DECIDED = (
    "sage100_ssm/sync/policy.py",
    "sage100_ssm/sync/contacts",
    "sage100_ssm/sync/rules",
    "sage100_ssm/sync/planning",
)
CARRIED_OUT = (
    "sage100_ssm/sync/run",
    "sage100_ssm/sync/state",
    "sage100_ssm/exchange",
    "sage100_ssm/connectors",
    "sage100_ssm/sage100",
    "sage100_ssm/ssm",
    "sage100_ssm/messages",
    "sage100_ssm/app",
    "sage100_ssm/orchestration",
    "source_contact_sync",
    "source_sage100",
    "source_ssm",
    "destination_sage100",
    "destination_ssm",
)
TESTED = ("tests",)

# Not a parameter of SQL (@P1), nor a part of a longer name.
_RULE = r"(?<![\w@#])(?:R(?:10|[1-9])|P(?:1[0-8]|[1-9]))(?!\w)"
_IN_A_NAME = re.compile(r"(?<=_)(?:r(?:10|[1-9])|p(?:1[0-8]|[1-9]))(?=_)")
_RANGE = re.compile(rf"({_RULE})(?:-| to )({_RULE})")
_HEADING = re.compile(r"^### ((?:R|P)\d+): (.+)$", re.MULTILINE)
_TABLE = re.compile(r"(<!-- table: rules -->\n).*?(<!-- end -->)", re.DOTALL)


def rules() -> Mapping[str, str]:
    """The title of each rule by its number, as docs/rules.md has them, in its order."""
    return dict(_HEADING.findall(RULES.read_text("utf-8")))


def cited(text: str) -> set[str]:
    """The numbers of the rules that a text names; ``R7-R9`` names three."""
    found = set(re.findall(_RULE, text))
    for first, last in _RANGE.findall(text):
        found |= {f"{first[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1)}
    return found


def rule_table() -> str:
    """The table in Markdown: a line for each rule."""
    places = {name: _modules(where) for name, where in (("d", DECIDED), ("c", CARRIED_OUT), ("t", TESTED))}
    lines = ["| rule | decided in | carried out in | tested in |", "|---|---|---|---|"]
    for rule, title in rules().items():
        cells = ["<br>".join(_link(path) for path, named in places[name].items() if rule in named) for name in "dct"]
        lines.append(f"| [{rule}](rules.md#{_anchor(f'{rule}: {title}')}) {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def rewritten(text: str) -> str:
    """The text of a page with the table as it should be."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{rule_table()}\n\n{found[2]}", text)


def _modules(places: Iterable[str]) -> dict[Path, set[str]]:
    """The rules that each module of the places cites."""
    files = sorted(file for place in places for file in _files(ROOT / place))
    tests = places is TESTED
    # The tests of the pages name every rule and test none.
    modules = [f for f in files if not tests or (f.name.startswith("test_") and f.parent.name != "docs")]
    return {file.relative_to(ROOT): cited("\n".join(_words(file.read_text("utf-8"), tests=tests))) for file in modules}


def _files(place: Path) -> Iterable[Path]:
    return [place] if place.is_file() else place.rglob("*.py")


def _words(source: str, *, tests: bool) -> Iterator[str]:
    """The comments and docstrings of a module; of a test its names and every text, because tables name their cases."""
    yield from (
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    )
    # CPython 3.11 may fail where the garbage collector runs while it builds a tree (gh-106905).
    with paused():
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if tests and isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif tests and isinstance(node, ast.FunctionDef):
            yield " ".join(_IN_A_NAME.findall(node.name)).upper()
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def _link(path: Path) -> str:
    short = path.relative_to("sage100_ssm") if path.is_relative_to("sage100_ssm") else path
    name = short.with_suffix("").as_posix().removesuffix("/__init__")
    return f"[{name}](../{path.as_posix()})"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def main() -> None:
    """Write the table."""
    PAGE.write_text(rewritten(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
