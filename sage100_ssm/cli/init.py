"""The command ``init``: questions, each answer tried at once, and the settings file that follows."""

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sage100_ssm.cli.language import language_of_user
from sage100_ssm.cli.options import SYNC_YAML
from sage100_ssm.sync.failures import ConfigurationError, Exit

if TYPE_CHECKING:
    from sage100_ssm.cli.dialogue import Dialogue


def init(
    *,
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The settings file to write.", metavar="FILE")
    ] = SYNC_YAML,
    ssm_url: Annotated[
        str | None,
        typer.Option(help="Address of the SSM API, where it is not the usual one: that of `sample`.", metavar="URL"),
    ] = None,
) -> None:
    """Set up your own company: answer a dozen questions, and get a `sync.yaml` that works. Writes to neither side.

    Each answer is tried at once: the server, the login, the database, the keys, the e-mail. What is wrong is said, and
    asked again. Passwords and keys go to a file of their own beside the settings, for your account alone. Nothing is
    written before the last answer, and no file is replaced unless you say so. Ctrl-C leaves everything as it was.

    Have ready: the SQL Server's name and a login, an API key pair of SSM, and the number or name of the SSM user who
    will own what is created.

    - `sage100-ssm init`
    - `sage100-ssm init -c /etc/sage100-ssm/sync.yaml`
    - to try it: `sage100-ssm sample --dir try`, then in a second terminal `sage100-ssm init -c mine/sync.yaml --ssm-url
      URL`, with the address, the keys and the database's file that `sample` shows
    """
    from sage100_ssm.cli.dialogue import Dialogue

    dialogue = Dialogue(language_of_user() or "fr")
    file = config.absolute()
    new_folders = [folder for folder in file.parents if not folder.exists()]
    try:
        _set_up(dialogue, file, {"base_url": ssm_url} if ssm_url else {})
    except (typer.Abort, KeyboardInterrupt, EOFError):
        _remove_empty(new_folders)
        typer.echo()
        dialogue.say("init_aborted")
        raise typer.Exit(Exit.CONFIGURATION) from None


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, as far as nothing is in them."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _has_terminal() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def _set_up(dialogue: "Dialogue", file: Path, ssm: Mapping[str, Any]) -> None:
    from sage100_ssm.app.first_settings import AnswerRefusedError, require_writable, write_first_settings
    from sage100_ssm.cli.command_context import ended_in_words

    with ended_in_words(dialogue.language):
        if not _has_terminal():
            raise ConfigurationError("init_no_terminal")
        from sage100_ssm.cli.interview import interview

        chosen = dialogue.choose("init_language", {"fr": "français", "en": "English"}, dialogue.language)
        dialogue.language = "fr" if chosen == "fr" else "en"
        dialogue.say("init_welcome", file=str(file))
        try:
            require_writable(file.parent, dialogue.language)
        except AnswerRefusedError as error:
            dialogue.complain(str(error))
            raise typer.Exit(Exit.CONFIGURATION) from None
        if file.exists() and not dialogue.agrees("init_replace", file=str(file)):
            raise typer.Abort
        settings = interview(dialogue, file.parent, ssm)
        secrets = write_first_settings(file, settings)
        dialogue.praise("init_written", file=str(file), secrets=str(secrets))
        dialogue.say("init_next", option="" if file == SYNC_YAML.absolute() else f' -c "{file}"')
