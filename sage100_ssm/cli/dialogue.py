"""Questions on the terminal, in the user's language."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import typer
from rich.console import Console

from sage100_ssm.app.first_settings import AnswerRefusedError
from sage100_ssm.cli.command_context import terminal
from sage100_ssm.cli.tables import plain
from sage100_ssm.messages import Language, plain_spaces, say

ValueT = TypeVar("ValueT")

_SHOWN = 30
"""How many choices are listed."""


class Dialogue:
    """Questions and their answers.

    Args:
        language: of the questions.
        out: where they are asked.
    """

    def __init__(self, language: Language, out: Console | None = None) -> None:
        self.language, self._out = language, out or terminal()

    def say(self, key: str, style: str = "", **params: object) -> None:
        """Say a sentence."""
        self._out.print(plain(say(key, self.language, **params), style), soft_wrap=True)

    def complain(self, sentence: str) -> None:
        """Say what is wrong with an answer."""
        self._out.print(plain(f"✗ {sentence}", "red"), soft_wrap=True)

    def praise(self, key: str, **params: object) -> None:
        """Say that an answer works."""
        self._out.print(plain(f"✓ {say(key, self.language, **params)}", "green"), soft_wrap=True)

    def ask(self, key: str, default: str | None = None, **params: object) -> str:
        """Ask for a text, until there is one; an empty ``default`` allows none."""
        question = plain_spaces(say(key, self.language, **params))
        return _as_text(typer.prompt(question, default=default, show_default=bool(default))).strip()

    def ask_secret(self, key: str) -> str:
        """Ask for a password, which is not shown."""
        return _as_text(typer.prompt(plain_spaces(say(key, self.language)), hide_input=True))

    def agrees(self, key: str, **params: object) -> bool:
        """Ask whether to do something: ``o`` and ``y`` are yes, Enter is no."""
        while (answer := self.ask(key, "n", **params).lower()[:1]) not in ("o", "y", "n"):
            pass
        return answer != "n"

    def choose(self, key: str, choices: Mapping[str, str], default: str | None = None) -> str:
        """Ask for one of some choices; a part of what is said of them shows those that have it.

        Args:
            key: the question.
            choices: what is said of each, by what is typed for it.
            default: what an empty answer means.
        """
        self._list(choices)
        while (answer := self.ask(key, default)) not in choices:
            found = {choice: label for choice, label in choices.items() if answer.casefold() in label.casefold()}
            if not found:
                self.complain(say("init_no_choice", self.language, text=answer))
            self._list(found)
        return answer

    def _list(self, choices: Mapping[str, str]) -> None:
        for choice, label in list(choices.items())[:_SHOWN]:
            self._out.print(plain(f"  {choice:<8} {label}"), soft_wrap=True)
        if len(choices) > _SHOWN:
            self.say("init_more", number=len(choices) - _SHOWN)

    def until_accepted(self, ask: Callable[[], ValueT]) -> ValueT:
        """Ask again as long as the answer is refused."""
        while True:
            try:
                return ask()
            except AnswerRefusedError as error:
                self.complain(str(error))
                self.say("init_again", "dim")


def _as_text(answer: str) -> str:
    """An answer as it was typed: a terminal whose locale is ASCII hands accents on as bytes of their own."""
    return answer.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
