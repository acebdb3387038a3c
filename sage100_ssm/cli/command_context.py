"""What every command does around its own work: settings, language, output, and the end in words."""

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, TextIO, cast

import typer
from rich.console import Console, RenderableType

from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.progress import in_words
from sage100_ssm.app.settings import Settings, load_settings, load_settings_to_look
from sage100_ssm.app.value_format import ValueFormatter, value_formatter
from sage100_ssm.cli.encoding import holds_every_character
from sage100_ssm.cli.language import language_of_user
from sage100_ssm.cli.logs import log_wanted
from sage100_ssm.cli.run_log import log_run, logged_runs
from sage100_ssm.cli.tables import HARD_SPACES, plain
from sage100_ssm.exchange.failure import Failure
from sage100_ssm.messages import Language, describe, plain_spaces, say, say_error
from sage100_ssm.sync.contacts.fields import field_map
from sage100_ssm.sync.failures import SyncError, side_error
from sage100_ssm.sync.journal import Entry
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.run.pace import Writing
from sage100_ssm.sync.state.errors import AnotherRun
from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.sync.state.store import stored_state
from sage100_ssm.sync.state.transaction import Transaction

if TYPE_CHECKING:
    # It loads the rules, for which the commands that only look do not wait.
    from sage100_ssm.sync.run.course import Step
    from sage100_ssm.sync.run.report import RunReport

logger = logging.getLogger("sage100_ssm")

WIDTH = 100
"""Columns of the output where it goes to no terminal and nobody (COLUMNS) says how many there are."""

_FOR_THE_USER = frozenset({"explain_nearest"})
"""Notes that name contacts: they are for whoever called the command, never for a log."""


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
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH
    return console


@dataclass(frozen=True)
class CommandContext:
    """One call of a command.

    Attributes:
        settings: the settings of the installation.
        as_json: whether the result goes to the standard output as JSON, and nothing else does.
        logs_notes: whether what is said about the work goes to the log instead of the standard error.
    """

    settings: Settings
    as_json: bool = False
    logs_notes: bool = False
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

    def progress(self, event: "Step | Writing") -> None:
        """Report that a step of a run begins, or how far its writes are."""
        key, named = in_words(event)
        self.note(key, **named)

    def waiting(self, other: AnotherRun) -> None:
        """Report that a run waits to see whether one on another machine is alive."""
        self.note("another_run_watched", owner=other.owner)

    def note(self, key: str, **params: object) -> None:
        """Say something about the work, on the standard error or in the log."""
        sentence = say(key, self.language, **params)
        if self.logs_notes and key not in _FOR_THE_USER:
            logger.info(plain_spaces(sentence), extra={"event": key})
        else:
            self._err.print(plain(sentence), soft_wrap=True)

    def _warn(self, event: str, sentence: str) -> None:
        if self.logs_notes:
            logger.warning(plain_spaces(sentence), extra={"event": event})
        else:
            self._err.print(plain(sentence), soft_wrap=True)

    def log_run(self, report: "RunReport") -> None:
        """Log the figures of the run that this command has done."""
        if self.logs_notes:
            times = report.started_at, report.finished_at
            log_run(
                RunRow(report.run_id, *times, report.status, report.counts(), report.exit_code),
                self.settings.sage100.company,
            )

    @contextmanager
    def logged_runs(self) -> Iterator[None]:
        """Log the runs that end while the block lasts, where a log is wanted."""
        with logged_runs(self.settings.state, self.settings.sage100.company) if self.logs_notes else nullcontext():
            yield

    def print_guards(self, guards: Iterable[Entry]) -> None:
        """Print which guards held a run back, and what to do, on the standard error."""
        for guard in guards:
            words = describe(guard, self.language)
            self._warn(guard.code, f"{words.message} → {words.remedy}")

    def print_failures(self, failures: Mapping[Side, Failure]) -> None:
        """Print why a side could not be read or written to the end, on the standard error."""
        for side, failure in failures.items():
            error = side_error(side, failure)
            self._warn(error.code, say_error(error.code, self.language, **error.params))

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
            text = _as_json(item)
            print("," if printed else "[", indent(text, "  "), sep="\n", end="")  # noqa: T201 - the command's output
            printed = True
        print("\n]" if printed else "[]")  # noqa: T201 - as above


@contextmanager
def command_context(config: Path, *, as_json: bool = False, only_looks: bool = False) -> Iterator[CommandContext]:
    """Load the settings, and end the command in words whatever happens within the block.

    Args:
        config: the settings file.
        as_json: see ``CommandContext``.
        only_looks: whether the command needs the state alone: then a secret that is not set does not matter.

    Raises:
        typer.Exit: something went wrong; the sentence has been printed on the standard error.
    """
    with ended_in_words(language_of_user() or "fr"):
        settings = load_settings_to_look(config) if only_looks else load_settings(config)
    with ended_in_words(settings.language, as_json=as_json):
        yield CommandContext(settings, as_json, log_wanted().replaces_notes)


@contextmanager
def ended_in_words(language: Language, *, as_json: bool = False) -> Iterator[None]:
    """End the command in words whatever happens within the block.

    Raises:
        typer.Exit: something went wrong; the sentence has been printed on the standard error, or logged.
    """
    try:
        yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise  # a reader that has seen enough (`| head`) is no fault
    except Exception as error:
        if as_json and isinstance(error, SyncError) and error.report:
            _print_json(error.report)
        ending = ending_after(error, language)
        if log_wanted().replaces_notes:
            facts = {"event": "command_failed", "exit_code": int(ending.exit_code)}
            logger.error(plain_spaces(ending.message), extra=facts)  # noqa: TRY400 - the traceback has its own place
        else:
            for line in ending.message.splitlines():
                terminal(stderr=True).print(plain(line), soft_wrap=True)
        logger.debug("The command ended after this error.", exc_info=error)
        raise typer.Exit(ending.exit_code) from None


def _print_json(result: Any) -> None:
    print(_as_json(result))  # noqa: T201 - the command's output


def _as_json(result: Any) -> str:
    # In an output that does not hold every character, JSON escapes them, and loses none.
    return json.dumps(result, ensure_ascii=not holds_every_character(sys.stdout.encoding), indent=2)
