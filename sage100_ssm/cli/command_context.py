"""What every command does around its own work: settings, language, output, and the end in words."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any, TextIO, cast

import typer
from rich.console import Console, RenderableType

from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.settings import Settings, load_settings
from sage100_ssm.app.value_format import ValueFormatter, value_formatter
from sage100_ssm.cli.tables import HARD_SPACES, plain
from sage100_ssm.exchange.failure import Failure
from sage100_ssm.messages import Language, describe, say, say_error
from sage100_ssm.sync.contacts.fields import field_map
from sage100_ssm.sync.failures import SyncError, side_error
from sage100_ssm.sync.journal import Entry
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.errors import AnotherRun
from sage100_ssm.sync.state.store import stored_state
from sage100_ssm.sync.state.transaction import Transaction

logger = logging.getLogger("sage100_ssm")

WIDTH = 100
"""Columns of the output, at most; exactly so many where it does not go to a terminal."""


class _HardSpaceStream:
    """A standard stream that writes the hard spaces that ``plain`` has replaced."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text."""
        for space, replacement in HARD_SPACES.items():
            text = text.replace(replacement, space)
        return self._stream.write(text)


def terminal(*, stderr: bool = False) -> Console:
    """A standard stream for text that is data: no markup, emoji or colour rules are read from it."""
    stream = cast("TextIO", _HardSpaceStream(sys.stderr if stderr else sys.stdout))
    console = Console(file=stream, markup=False, emoji=False, highlight=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


@dataclass(frozen=True)
class CommandContext:
    """One call of a command.

    Attributes:
        settings: the settings of the installation.
        as_json: whether the result goes to the standard output as JSON, and nothing else does.
    """

    settings: Settings
    as_json: bool = False
    _out: Console = field(default_factory=terminal)
    _err: Console = field(default_factory=lambda: terminal(stderr=True))

    @property
    def language(self) -> Language:
        """The language of everything that people read."""
        return self.settings.language

    @contextmanager
    def state(self) -> Iterator[Transaction]:
        """The state, to read; nothing is created or changed.

        Raises:
            StateError: there is no state yet, or it cannot be used.
        """
        with stored_state(self.settings.state) as transaction:
            yield transaction

    def value_formatter(self, transaction: Transaction) -> ValueFormatter:
        """A formatter for values of this installation's fields."""
        settings = self.settings
        return value_formatter(field_map(settings.fields), transaction.observed("contact_types"), settings.locale)

    def progress(self, step: str) -> None:
        """Report that a step of a run begins."""
        self.note(f"step_{step}")

    def waiting(self, other: AnotherRun) -> None:
        """Report that a run waits to see whether one on another machine is alive."""
        self.note("another_run_watched", owner=other.owner)

    def note(self, key: str, **params: object) -> None:
        """Print a sentence about the work, on the standard error."""
        self._err.print(plain(say(key, self.language, **params)), soft_wrap=True)

    def print_guards(self, guards: Iterable[Entry]) -> None:
        """Print which guards held a run back, and what to do, on the standard error."""
        for guard in guards:
            words = describe(guard, self.language)
            self._err.print(plain(f"{words.message} → {words.remedy}"), soft_wrap=True)

    def print_failures(self, failures: Mapping[Side, Failure]) -> None:
        """Print why a side could not be read or written to the end, on the standard error."""
        for side, failure in failures.items():
            error = side_error(side, failure)
            self._err.print(plain(say_error(error.code, self.language, **error.params)), soft_wrap=True)

    def print_result(self, as_json: Any, *as_tables: RenderableType) -> None:
        """Print the result on the standard output, in the one form or in the other."""
        if self.as_json:
            _print_json(as_json)
        else:
            self._out.print(*as_tables, sep="\n")

    def print_list(self, items: Iterable[Any]) -> None:
        """Print a list of any length as JSON, item by item."""
        printed = False
        for item in items:
            text = json.dumps(item, ensure_ascii=False, indent=2)
            print("," if printed else "[", indent(text, "  "), sep="\n", end="")  # noqa: T201 - the command's output
            printed = True
        print("\n]" if printed else "[]")  # noqa: T201 - as above


@contextmanager
def command_context(config: Path, *, as_json: bool = False) -> Iterator[CommandContext]:
    """Load the settings, and end the command in words whatever happens within the block.

    Raises:
        typer.Exit: something went wrong; the sentence has been printed on the standard error.
    """
    with ended_in_words("fr"):
        settings = load_settings(config)
    with ended_in_words(settings.language, as_json=as_json):
        yield CommandContext(settings, as_json)


@contextmanager
def ended_in_words(language: Language, *, as_json: bool = False) -> Iterator[None]:
    """End the command in words whatever happens within the block.

    Raises:
        typer.Exit: something went wrong; the sentence has been printed on the standard error.
    """
    try:
        yield
    except (typer.Exit, BrokenPipeError):
        raise  # a reader that has seen enough (`| head`) is no fault
    except Exception as error:
        if as_json and isinstance(error, SyncError) and error.report:
            _print_json(error.report)
        ending = ending_after(error, language)
        for line in ending.message.splitlines():
            terminal(stderr=True).print(plain(line), soft_wrap=True)
        logger.debug("The command ended after this error.", exc_info=error)
        raise typer.Exit(ending.exit_code) from None


def _print_json(result: Any) -> None:
    print(json.dumps(result, ensure_ascii=False, indent=2))  # noqa: T201 - the command's output
