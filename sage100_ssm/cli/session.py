"""What every command does around its own work: settings, language, output, and how it ends."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, cast

import typer
from rich.console import Console, RenderableType

from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.settings import Settings, load_settings
from sage100_ssm.cli.tables import HARD_SPACES, plain
from sage100_ssm.cli.values import Shown, shown_by
from sage100_ssm.messages import Language, describe, say
from sage100_ssm.sync.contacts.fields import field_map
from sage100_ssm.sync.failures import Exit, SyncError
from sage100_ssm.sync.model import Entry
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction

logger = logging.getLogger("sage100_ssm")

WIDTH = 100
"""Columns of the output where no terminal says otherwise, and at most."""


class _Unbroken:
    """A standard stream that writes hard spaces where their stand-ins are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write."""
        for space, stand_in in HARD_SPACES.items():
            text = text.replace(stand_in, space)
        return self._stream.write(text)


def terminal(*, stderr: bool = False) -> Console:
    """Open a standard stream for text that is data: no markup, no emoji, no colour rules are read from it."""
    stream = cast("TextIO", _Unbroken(sys.stderr if stderr else sys.stdout))
    console = Console(file=stream, markup=False, emoji=False, highlight=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


@dataclass(frozen=True)
class Session:
    """One call of a command.

    Attributes:
        settings: those of the installation.
        as_json: whether the standard output takes JSON, and nothing else.
    """

    settings: Settings
    as_json: bool = False
    _out: Console = field(default_factory=terminal)
    _err: Console = field(default_factory=lambda: terminal(stderr=True))

    @property
    def language(self) -> Language:
        """The language of all that people read."""
        return self.settings.language

    @contextmanager
    def memory(self) -> Iterator[Transaction]:
        """Read what is remembered; nothing is created or changed.

        Raises:
            StateError: there is no state yet, or it cannot be used.
        """
        with StateStore.open(self.settings.state, read_only=True) as store, store.transaction() as memory:
            yield memory

    def shown(self, memory: Transaction) -> Shown:
        """How values are shown here."""
        return shown_by(field_map(self.settings.fields), memory.observed("contact_types"), self.settings.locale)

    def tell(self, key: str, **params: object) -> None:
        """Tell how the work goes on; never on the standard output."""
        self._err.print(plain(say(key, self.language, **params)), soft_wrap=True)

    def tell_guards(self, guards: Iterable[Entry]) -> None:
        """Tell which guards stood against a run, and what to do; never on the standard output."""
        for guard in guards:
            words = describe(guard, self.language)
            self._err.print(plain(f"{words.message} → {words.remedy}"), soft_wrap=True)

    def progress(self, step: str) -> None:
        """Tell which step of a run begins."""
        self.tell(f"step_{step}")

    def show(self, record: Any, *shown: RenderableType) -> None:
        """Give the result: as JSON or as people read it."""
        if self.as_json:
            print(json.dumps(record, ensure_ascii=False, indent=2))  # noqa: T201 - the command's output
        else:
            self._out.print(*shown, sep="\n")


@contextmanager
def session(config: Path, *, as_json: bool = False) -> Iterator[Session]:
    """Load the settings, and end the command in words whatever happens within the block.

    Raises:
        typer.Exit: something went wrong; the sentence is on the standard error already.
    """
    language: Language = "fr"
    try:
        settings = load_settings(config)
        language = settings.language
        yield Session(settings, as_json)
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - the last place where an error can be put into words
        if as_json and isinstance(error, SyncError) and error.report:
            print(json.dumps(error.report, ensure_ascii=False, indent=2))  # noqa: T201 - the command's output
        raise typer.Exit(_told(error, language)) from None


def _told(error: Exception, language: Language) -> Exit:
    ending = ending_after(error, language)
    for line in ending.message.splitlines():
        terminal(stderr=True).print(plain(line), soft_wrap=True)
    logger.debug("The command ended by this error.", exc_info=error)
    return ending.exit_code
