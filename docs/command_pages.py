# ruff: noqa: INP001 - a script beside the pages that it writes
"""The reference of the operator's commands, in English and French, from the commands themselves.

    python -m docs.command_pages

writes docs/commands.md and docs/commands.fr.md. A test compares them with the commands.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal

import yaml
from typer.main import get_command

from sage100_ssm.cli.commands import app

FOLDER = Path(__file__).parent
FRENCH = FOLDER.parent / "sage100_ssm" / "cli" / "help.fr.yaml"
"""The help in French. What is not in there is in English, as the command itself shows it."""

_BRACES = str.maketrans("", "", "{}")
"""Typer puts braces around an argument that must be given."""

Language = Literal["en", "fr"]
PAGES: Mapping[str, Language] = {"commands.md": "en", "commands.fr.md": "fr"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says beside the commands' own help."""

    title: str
    introduction: str
    head: tuple[str, str, str]
    option_of_all: str


WORDS: Mapping[Language, Words] = {
    "en": Words(
        title="Commands",
        introduction=(
            "The operator's command, `sage100-ssm`, with every option: what `sage100-ssm COMMAND --help` shows. What "
            "scripts can rely on, and the JSON of each command: [contract.md](contract.md)."
        ),
        head=("option", "default", "meaning"),
        option_of_all="Options before the command",
    ),
    "fr": Words(
        title="Commandes",
        introduction=(
            "La commande de l'exploitant, `sage100-ssm`, avec toutes ses options : ce que `sage100-ssm COMMAND --help` "
            "montre. Ce sur quoi les scripts peuvent compter, et le JSON de chaque commande : "
            "[contract.fr.md](contract.fr.md)."
        ),
        head=("option", "défaut", "sens"),
        option_of_all="Options avant la commande",
    ),
}


def command_page(language: Language) -> str:
    """The page of a language."""
    words, root = WORDS[language], get_command(app)
    help_of = _French() if language == "fr" else _English()
    lines = [f"# {words.title}", "", "<!-- make pages -->", "", words.introduction, ""]
    lines += [f"## {words.option_of_all}", "", *_options("", root, words, help_of)]
    for path, command in _commands(root):
        usage = " ".join(command.collect_usage_pieces(command.context_class(command))).translate(_BRACES)
        lines += [f"## {path}", "", "```text", f"sage100-ssm {path} {usage}", "```", ""]
        lines += [_escaped(help_of.command(path, command)), "", *_options(path, command, words, help_of)]
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The commands with their names; one within another has the names of both."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


class _English:
    """The help as the commands have it."""

    def command(self, path: str, command: Any) -> str:  # noqa: ARG002 - the French one needs the name
        return cleandoc(command.help or "")

    def parameter(self, path: str, parameter: Any) -> str:  # noqa: ARG002 - as above
        return str(parameter.help or "")


class _French(_English):
    """The help in French, as far as it is translated."""

    def __init__(self) -> None:
        french = yaml.safe_load(FRENCH.read_text("utf-8")) if FRENCH.is_file() else {}
        self._commands, self._options = french.get("commands", {}), french.get("options", {})

    def command(self, path: str, command: Any) -> str:
        return cleandoc(self._commands.get(path, {}).get("help") or super().command(path, command))

    def parameter(self, path: str, parameter: Any) -> str:
        own = self._commands.get(path, {}).get("options", {})
        name = max(parameter.opts, key=len) if _is_option(parameter) else str(parameter.name).upper()
        return own.get(name) or self._options.get(name) or super().parameter(path, parameter)


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _options(path: str, command: Any, words: Words, help_of: _English) -> list[str]:
    """The table of a command's arguments and options; nothing if it has none."""
    context = command.context_class(command)
    rows = [
        f"| `{_cell(one.get_help_record(context)[0])}` | {_default(one)} | {_cell(help_of.parameter(path, one))} |"
        for one in command.params
        if not getattr(one, "hidden", False)
    ]
    return [f"| {' | '.join(words.head)} |", "|---|---|---|", *rows, ""] if rows else []


def _default(parameter: Any) -> str:
    default = parameter.default
    if default is None or default is False:
        return ""
    return f"`{' '.join(map(str, default)) if isinstance(default, list) else default}`"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Help as Markdown: the paragraphs of the help are those of the page."""
    return re.sub(r"(?<=[^\n]):\n(?=- )", ":\n\n", text)


def main() -> None:
    """Write both pages."""
    for name, language in PAGES.items():
        (FOLDER / name).write_text(command_page(language), "utf-8")


if __name__ == "__main__":
    main()
