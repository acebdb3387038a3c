"""The operator's command with its help in the user's language. English is in the commands; French in a file beside."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, wraps
from importlib.resources import files
from inspect import cleandoc
from typing import Any

import typer
import yaml
from typer.main import get_command

from sage100_ssm.cli.commands import app
from sage100_ssm.cli.language import language_of_help
from sage100_ssm.cli.usage_errors import in_french

_TITLES = ("ARGUMENTS_PANEL_TITLE", "OPTIONS_PANEL_TITLE", "COMMANDS_PANEL_TITLE", "ERRORS_PANEL_TITLE")
"""The headings of typer's own, by the names of its constants."""
_HINT_OF_ERRORS = "RICH_HELP"
"""Typer's "Try … for help", by the name of its constant."""

_UsageError: Any = typer.BadParameter.__base__
"""The base of typer's errors of usage, of which it exports this one alone."""


def command(words: Sequence[str]) -> Any:
    """The command, as typer makes it of its functions.

    Args:
        words: the words of the command line, by which the settings, and so the language, are found.
    """
    root = get_command(app)
    if _asks_for_help(words, root) and language_of_help(words) == "fr":
        _translate(root)
    # An error of usage is raised by one of these two, and shown by typer.
    for method in ("make_context", "invoke"):
        setattr(root, method, _with_errors_in_users_language(getattr(root, method), words))
    return root


def _asks_for_help(words: Sequence[str], root: Any) -> bool:
    """Whether the help is shown, also since a command that has others within it is called alone."""
    last = words[-1] if words else ""
    return not words or not {"-h", "--help"}.isdisjoint(words) or hasattr(root.commands.get(last), "commands")


def all_commands(root: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """A command and all within it, each with its words: ``prefect setup``; the root's are empty."""
    yield path, root
    for name, inner in getattr(root, "commands", {}).items():
        yield from all_commands(inner, f"{path} {name}".strip())


def option_name(parameter: Any) -> str:
    """How a parameter is named in the file of translations: by its longest option, an argument by its own name."""
    is_option = parameter.param_type_name == "option"
    return str(max(parameter.opts, key=len) if is_option else parameter.name.upper())


def translation_of(path: str, name: str) -> str | None:
    """The French help of a parameter: that of its command, else the one that all commands share."""
    own: Mapping[str, str] = _french()["commands"].get(path, {}).get("options", {})
    shared: Mapping[str, str] = _french()["options"]
    return own.get(name) or shared.get(name)


@cache
def _french() -> Mapping[str, Any]:
    text = files("sage100_ssm.cli").joinpath("help.fr.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    french: Mapping[str, Any] = yaml.load(text, loader)  # noqa: S506 - safe
    return french


def _translate(root: Any) -> None:
    french = _french()
    _translate_words_of_typer()
    for path, one in all_commands(root):
        # What nobody has translated yet is better read in English than not at all.
        if text := french["commands"].get(path, {}).get("help"):
            one.help = cleandoc(text)
        panel = getattr(one, "rich_help_panel", None)
        one.rich_help_panel = french["panels"].get(panel, panel)
        for parameter in one.params:
            parameter.help = translation_of(path, option_name(parameter)) or parameter.help
        _translate_help_option(one, french["options"]["--help"])


def _translate_words_of_typer() -> None:
    from typer import rich_utils  # noqa: PLC0415 - it loads Pygments, for which a command that works does not wait

    french = _french()
    for constant in _TITLES:
        title = getattr(rich_utils, constant)
        setattr(rich_utils, constant, french["panels"].get(title, title))
    setattr(rich_utils, _HINT_OF_ERRORS, french["hint"])


def _with_errors_in_users_language(action: Callable[..., Any], words: Sequence[str]) -> Callable[..., Any]:
    """The same action, whose errors of usage are in the user's language; their exit code stays."""

    @wraps(action)
    def translated(*args: Any, **kwargs: Any) -> Any:
        try:
            return action(*args, **kwargs)
        except _UsageError as error:
            # Only now: the settings, which name the language, are not read for a command that works.
            if language_of_help(words) == "fr":
                _translate_words_of_typer()
                sentence = in_french(error.format_message(), _french()["usage"])
                error.format_message = lambda: sentence
            raise

    return translated


def _translate_help_option(one: Any, text: str) -> None:
    """Replace what typer says of the option that each command has by itself."""
    original = one.get_help_option

    def translated(context: typer.Context) -> Any:
        option = original(context)
        if option is not None:
            option.help = text
        return option

    one.get_help_option = translated
