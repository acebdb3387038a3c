"""What is printed: on any terminal and into any pipe, as wide as there is room, in the user's language."""

import json
import re
import subprocess
import sys

import pytest
import yaml
from typer import rich_utils
from typer.main import get_command

from sage100_ssm.cli import language as languages
from sage100_ssm.cli.command_context import WIDTH, terminal
from sage100_ssm.cli.commands import app
from sage100_ssm.cli.encoding import _SIGNS, accept_every_character, holds_every_character
from sage100_ssm.cli.language import language_of_help, language_of_user
from sage100_ssm.cli.translated import _HINT_OF_ERRORS, _TITLES, all_commands, command, option_name, translation_of
from sage100_ssm.cli.usage_errors import in_french
from tests.support.message_files import FOLDER
from tests.support.pages import ROOT

ENCODINGS = ["ascii", "cp1252", "cp850", "latin-1"]
FRENCH = yaml.safe_load((ROOT / "sage100_ssm/cli/help.fr.yaml").read_text("utf-8"))

accept_every_character()


def shown(text, encoding):
    return text.encode(encoding, "sage100_ssm.nearest").decode(encoding)


# --- an output that cannot hold every character


@pytest.mark.parametrize(
    ("text", "encoding", "printed"),
    [
        ("Société « Émail » – n’existe pas → voir…", "ascii", 'Societe " Email " - n\'existe pas -> voir...'),
        ("Société « Émail » – n’existe pas → voir", "cp1252", "Société « Émail » – n’existe pas -> voir"),
        ("✓ ✗ ∅ œuf", "ascii", "+ x - oeuf"),
        ("Łódź 山", "ascii", "?odz ?"),
        ("a\ud800b", "utf-8", "a?b"),
    ],
)
def test_the_nearest_signs_are_printed(text, encoding, printed):
    assert shown(text, encoding) == printed


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_sign_of_our_own_sentences_has_a_nearest_one(encoding):
    sentences = "".join(file.read_text("utf-8") for file in FOLDER.rglob("*.yaml"))
    signs = {sign for sign in sentences if ord(sign) > 127} | set(_SIGNS)
    assert {sign for sign in signs if "?" in shown(sign, encoding)} == set()


def test_which_encodings_hold_everything():
    assert [holds_every_character(one) for one in ("utf-8", "UTF8", "utf-16", "cp1252", "ascii", None)] == [
        *(True, True, True),
        *(False, False, False),
    ]


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=lambda one: ", ".join(one.values()),
)
def test_a_pipe_of_another_encoding_ends_no_command(state, settings, monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code = "from sage100_ssm.cli import main; main()"
    words = ["problems", "-c", str(settings())]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, check=False)  # noqa: S603 - own code
    assert done.returncode == 0, done.stderr
    assert b"->" in done.stdout
    assert "Zoé Lancel".encode("cp1252" if "cp1252" in variables.values() else "utf-8") in done.stdout or (
        b"Zoe Lancel" in done.stdout
    )


def test_json_loses_no_sign_in_such_a_pipe(state, settings, monkeypatch, call):
    monkeypatch.setattr("sage100_ssm.cli.command_context.holds_every_character", lambda _: False)
    printed = call("problems", "--json", "-c", settings()).stdout
    assert printed.isascii()
    assert any(one["contact"] == "Zoé Lancel" for one in json.loads(printed))
    assert call("links", "--json", "-c", settings()).stdout.isascii()


def test_tables_are_as_wide_as_the_terminal_or_as_somebody_says(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal().width == WIDTH
    monkeypatch.setenv("COLUMNS", "150")
    assert terminal().width == 150


# --- the language of the help


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A folder without settings, and a machine without a language."""
    monkeypatch.chdir(tmp_path)
    for name in languages._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, None),
        ({"LANG": "C.UTF-8"}, None),
        ({"LANG": "POSIX"}, None),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr_CA"}, "fr"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB", "LANGUAGE": "fr:en"}, "fr"),
    ],
)
def test_the_language_of_the_user_is_that_of_the_locale(variables, language):
    assert language_of_user(variables) == language


@pytest.mark.parametrize(
    ("words", "content", "language"),
    [
        (["--help"], None, "en"),
        (["status", "--help"], "language: fr\nssm: {", "fr"),
        (["status", "-c", "other.yaml", "-h"], "language: fr", "en"),
        (["status", "-c", "sync.yaml", "-h"], 'language: "fr"  # français', "fr"),
        (["status", "--config=sync.yaml", "-h"], "language: fr", "fr"),
        (["-h", "-c"], "language: [", "en"),
        (["-h"], "language: de", "en"),
        ([], "language: fr", "fr"),
    ],
)
def test_the_settings_say_the_language_of_the_help(alone, words, content, language):
    if content is not None:
        (alone / "sync.yaml").write_text(content, "utf-8")
    assert language_of_help(words) == language


def test_settings_that_are_missing_are_said_to_be_in_the_users_language(alone, monkeypatch, call):
    assert "n’existe pas" in call("status").stderr
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    assert "does not exist" in call("status").stderr


@pytest.fixture
def called(alone, monkeypatch, capsys):
    """The exit code and the output of the command in a language, as a shell calls it."""
    for constant in (*_TITLES, _HINT_OF_ERRORS):
        monkeypatch.setattr(rich_utils, constant, getattr(rich_utils, constant))  # English again afterwards

    def call_it(locale, words):
        monkeypatch.setenv("LANG", locale)
        with pytest.raises(SystemExit) as ended:
            command(words)(words, prog_name="sage100-ssm")
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    return call_it


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["prefect"], []], ids=" ".join)
def test_the_help_is_in_french_for_whoever_speaks_it(called, words):
    _, printed = called("fr_FR.UTF-8", words)

    assert "Montrer cette aide" in printed
    assert "Show this message" not in printed


USAGE_ERRORS = {
    "status --confg x": ("No such option: --confg (Possible", "Il n'y a pas d'option --confg (proche : --config"),
    "status -z": ("No such option: -z", "Il n'y a pas d'option -z"),
    "statu": ("No such command 'statu'. Did you mean 'status'?", "Il n'y a pas de commande 'statu'. Vouliez-vous dire"),
    "xyz": ("No such command 'xyz'.", "Il n'y a pas de commande 'xyz'."),
    "explain": ("Missing argument 'who'.", "Il manque l'argument 'who'."),
    "run more": ("Got unexpected extra argument(s) (more)", "Argument(s) en trop (more)"),
    "status --json=1": ("Option '--json' does not take a value.", "L'option '--json' ne prend pas de valeur."),
    "decide 3 --by": ("Option '--by' requires an argument.", "L'option '--by' demande une valeur."),
    "journal --limit x": ("Input should be a valid integer", "'--limit' / '-n' : ce n'est pas un nombre entier"),
    "journal --limit 0": ("Input should be greater than or equal to 1", "'--limit' / '-n' : au moins 1"),
    "serve --port 99999": ("Input should be less than or equal to 65535", "'--port' : au plus 65535"),
    "decide 3 foo": ("'foo' is not one of 'same'", "Valeur inutilisable pour 'choice' : 'foo' n'est pas l'une de"),
    "--log-format xml run": ("'xml' is not one of 'text'", "(variable 'SAGE100_SSM_LOG_FORMAT') : 'xml' n'est pas"),
    "problems --code value_unknwn": ("there is no such code", "'--code' : ce code n'existe pas. Vouliez-vous dire"),
}


@pytest.mark.parametrize("line", USAGE_ERRORS)
@pytest.mark.parametrize(("locale", "heading"), [("en_GB.UTF-8", "Error"), ("fr_FR.UTF-8", "Erreur")])
def test_an_error_of_usage_ends_with_2_and_is_in_the_users_language(called, monkeypatch, line, locale, heading):
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", 200)
    exit_code, printed = called(locale, line.split())

    assert exit_code == 2
    assert f" {heading} " in printed
    assert USAGE_ERRORS[line][locale.startswith("fr")] in printed


def test_typers_words_are_said_in_french_whatever_the_user_typed_into_them():
    for english, french in FRENCH["usage"].items():
        assert set(re.findall(r"{\d}", english)) == set(re.findall(r"{\d}", french))
    assert in_french("No such option: --{x}", FRENCH["usage"]) == "Il n'y a pas d'option --{x}"
    assert in_french("Something new.", FRENCH["usage"]) == "Something new."


COMMANDS = dict(all_commands(get_command(app)))


@pytest.mark.parametrize("path", COMMANDS)
def test_each_command_has_its_help_in_french_with_the_same_examples_of_commands(path):
    english, french = COMMANDS[path].help, FRENCH["commands"][path]["help"]
    assert _commands_in(french) == _commands_in(english)


def _commands_in(text):
    """The commands that a help names, without the names of files, which may be French."""
    return sorted(
        found[1] for found in re.finditer(r"`(?:\w+=\S+ |sudo )?sage100-ssm ([a-z]+)", " ".join(text.split()))
    )


@pytest.mark.parametrize("path", COMMANDS)
def test_each_option_has_its_help_in_french(path):
    names = {option_name(one) for one in COMMANDS[path].params}
    assert {name for name in names if not translation_of(path, name)} == set()
    assert set(FRENCH["commands"][path].get("options", {})) <= names


def test_the_french_help_is_about_what_there_is():
    assert set(FRENCH["commands"]) == set(COMMANDS)
    names = {option_name(one) for found in COMMANDS.values() for one in found.params}
    assert set(FRENCH["options"]) - {"--help"} <= names
    panels = {getattr(one, "rich_help_panel", None) for one in COMMANDS.values()}
    assert {panel for panel in panels if isinstance(panel, str)} <= set(FRENCH["panels"])
