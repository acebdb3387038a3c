"""Each `sage100-ssm …` in a page is a command line that exists; those of the first day are run, in their order."""

import re
import shlex
from pathlib import Path

import pytest
from typer.exceptions import TyperException
from typer.main import get_command
from typer.testing import CliRunner

from sage100_ssm.cli.commands import app
from sage100_ssm.standins.sample_installation import sample_installation
from tests.support.pages import ROOT, all_blocks, codes, page, pages

SHELLS = {"sh", "ini"}
COMMAND = get_command(app)
OPTIONS = {option for one in COMMAND.params for option in one.opts} | {"--help"}
OF_A_USER = {
    "CHOICE": "same", "CODE": "value_unknown", "COMMAND": "check", "ID": "12", "NUMBER": "12", "NUMÉRO": "12",
    "WRITE": "12", "ÉCRITURE": "12",
}  # fmt: skip
"""What a page leaves to its reader, and something that a reader could type there."""

_LINE = re.compile(r"(?:^|[\s=(]|bin/)sage100-ssm (?!sage100-ssm )([^|>&)]+)")
SETTINGS = ["-c", "try/sync.yaml"]
_LOOK = {"status", "problems", "journal", "links"}
_UNTIL_CTRL_C = {"sample", "web", "serve"}


def lines_in(text):
    """The command lines of a page: in the blocks for a shell, and between backticks."""
    blocks = [content for language, content in all_blocks(text) if language in SHELLS]
    inline = [" ".join(code.split()) for code in codes(re.sub(r"(?ms)^ *```.*?^ *```$", "", text))]
    for line in "\n".join([*blocks, *inline]).splitlines():
        yield from filter(None, map(str.strip, _LINE.findall(line.partition(" #")[0])))


LINES = {file: lines for file in pages() if (lines := sorted(set(lines_in(file.read_text("utf-8")))))}


def parse(words):
    """Whatever the command line does with these words before it calls a command."""
    command, context, name = COMMAND, None, "sage100-ssm"
    while hasattr(command, "commands"):
        context = command.make_context(name, words, parent=context)
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
    return command.make_context(name, words, parent=context)


def typed(line):
    """What a reader would type, as the words that a shell makes of it."""
    words = shlex.split(line.replace("[OPTIONS]", "").replace("…", ""))
    return [OF_A_USER.get(word.strip("[]"), word) for word in words]


def what_is_wrong(line):
    """Why the command line is not understood; None if it is."""
    words = typed(line)
    if len(words) == 1 and words[0] in COMMAND.commands:
        return None  # a page may name a command without what it needs
    if words[0].startswith("--") and words[-1] == words[0]:
        # An option that does something at once, such as changing the user's shell: it must only exist.
        return None if words[0] in OPTIONS else f"{line}: no such option"
    if words[-1] == "--help":
        return None if words[0] in COMMAND.commands else f"{line}: no such command"
    try:
        parse(words)
    except TyperException as error:
        return f"{line}: {error.format_message()}"
    return None


@pytest.mark.parametrize("file", LINES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_command_lines_in_a_page_are_understood(file):
    assert [wrong for line in LINES[file] if (wrong := what_is_wrong(line))] == []


@pytest.mark.parametrize(
    "line",
    ["run --all", "prefect setip", "problems --code no_such", "decide x", "retry 1 2", "--no-such", "no_such --help"],
)
def test_a_command_line_that_does_not_exist_is_noticed(line):
    assert what_is_wrong(line)


def test_the_commands_of_the_first_day_work_one_after_another_and_then_all_that_look(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = all_blocks(page("first-day.md").partition("## The afternoon")[0])
    lines = [words for _, content in blocks for line in content.splitlines() for words in _LINE.findall(line)]
    commands = [typed(line) for line in lines if line.split()[0] not in _UNTIL_CTRL_C]

    assert {command[0] for command in commands} >= {"check", "match", "plan", "run", "problems", "explain", "journal"}
    with sample_installation(Path("try"), language="en"):
        results = [(command, CliRunner().invoke(app, command)) for command in commands]
        looked = [(command, CliRunner().invoke(app, [*command, *SETTINGS])) for command in that_look()]
    assert [(command, result.output) for command, result in results if result.exit_code] == []
    said = {" ".join(command): result.output for command, result in results}
    assert "Maïwenn Aubrelin" in said["journal --writes --contact maïwenn aubrelin -c try/sync.yaml"]
    assert "Links: 81; open problems: 2" in said["run -c try/sync.yaml"]
    # 1: nobody of that name is in the sample company.
    assert [(command, result.output) for command, result in looked if result.exit_code not in {0, 1}] == []


def that_look():
    """The command lines of all pages that read the state alone, each once; those of the messages' pages are alike."""
    of_pages = (line for file, lines in LINES.items() if file.parent.name != "messages" for line in lines)
    found = {tuple(typed(line)) for line in of_pages if line.split()[0] in _LOOK and len(line.split()) > 1}
    return [list(words) for words in sorted(found) if "-c" not in words and "--help" not in words]


def test_every_make_target_that_a_page_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {target for file in pages() for target in _make_targets(file.read_text("utf-8"))}

    assert named - targets == set()


def _make_targets(text):
    shell = "\n".join(content for language, content in all_blocks(text) if language == "sh")
    return {target for code in [*codes(text), *shell.splitlines()] for target in re.findall(r"^make ([a-z-]+)", code)}
