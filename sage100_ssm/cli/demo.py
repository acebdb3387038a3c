"""The whole product on sample data: people work on both sides, and after each act a run of the Prefect flow."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from sage100_ssm.app.settings import Settings, load_settings
from sage100_ssm.cli import tables
from sage100_ssm.cli.demo_story import STORY, Act
from sage100_ssm.cli.tables import plain
from sage100_ssm.messages import Language, describe, say
from sage100_ssm.orchestration.local_server import prefect_server
from sage100_ssm.standins.sample_installation import SampleInstallation, sample_installation
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.store import StateStore

_SHOWN = 4
"""Contacts told one by one, on each side and in each act."""
_UNTOLD = ("cb", "date", "salesRepId", "deleted", "CT_No", "N_")
_NAMES = {Side.SAGE100: ("CT_Prenom", "CT_Nom"), Side.SSM: ("firstName", "lastName")}
_MARKS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("✗", "red")}
_ID = {Side.SAGE100: "cbMarq", Side.SSM: "id"}

Row = Mapping[str, Any]


class Demo:
    """The demo's stage: an installation of its own, and what is shown of it.

    Args:
        here: the sample company, the SSM stand-in, and the people at work on both.
        settings: of the installation.
        out: where the story is told.
    """

    def __init__(self, here: SampleInstallation, settings: Settings, out: Console) -> None:
        self._here, self._settings, self._out = here, settings, out
        self._journal: dict[int, JournalEntry] = {}
        self._told: set[int] = set()

    @property
    def _language(self) -> Language:
        return self._settings.language

    def play(self) -> None:
        """Tell the story, act by act, and show the journal as a user would see it."""
        for number, act in enumerate(STORY, 1):
            self._play(number, act)
        self._out.print(tables.title("demo_journal", self._language))
        self._out.print(tables.entries(list(self._journal.values())[::-1][:_SHOWN], self._language))

    def _play(self, number: int, act: Act) -> None:
        title = say(f"demo_{act.key}_title", self._language)
        self._out.print(
            Panel(plain(say(f"demo_{act.key}", self._language)), title=f"{number}. {title}", subtitle=act.rule)
        )
        act.happens(self._here)
        before = _contacts(self._here)
        _run_flow(self._here.settings)
        after = _contacts(self._here)
        quiet = True
        for side in Side:
            lines = list(_differences(side, before[side], after[side], self._language))
            quiet &= not lines
            self._show(side, lines)
        if quiet:
            self._out.print(plain(f"  {say('demo_nothing_written', self._language)}", "dim"))
        self._show_news()

    def _show(self, side: Side, lines: Sequence[tuple[str, str]]) -> None:
        """Tell what a run wrote on one side."""
        if not lines:
            return
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=3)
        for action, text in lines[:_SHOWN]:
            mark, style = _MARKS[action]
            grid.add_row(plain(f"  {mark}", style), plain(text))
        if more := len(lines) - _SHOWN:
            grid.add_row("", plain(say("demo_more", self._language, number=more), "dim") if more > 0 else "")
        self._out.print(plain(say("demo_wrote", self._language, side=side), "bold"))
        self._out.print(grid)

    def _show_news(self) -> None:
        """Tell what a run added to the journal, and which problems it closed."""
        with StateStore.open(self._settings.state, read_only=True) as store, store.transaction() as memory:
            entries = memory.journal()[::-1]
        fresh = [e for e in entries if e.id not in self._journal]
        closed = [e for e in entries if e.closed_at and e.id in self._journal and not self._journal[e.id].closed_at]
        self._journal = {e.id: e for e in entries}
        for entry in fresh[:_SHOWN]:
            self._out.print(plain(f"  ! {describe(entry.entry, self._language).message}", "magenta"))
        if len(fresh) > _SHOWN:
            self._out.print(plain(f"    {say('demo_more', self._language, number=len(fresh) - _SHOWN)}", "dim"))
        for entry in closed:
            solved = say("demo_solved", self._language, text=describe(entry.entry, self._language).message)
            self._out.print(plain(f"  ✓ {solved}", "green"))
        self._out.print()


def play(out: Console, *, keep: Path | None, language: Language) -> None:
    """Play the demo.

    Args:
        out: where the story is told.
        keep: a folder for its files, which then stay; else they go with the demo.
        language: of the story and the journal.

    Raises:
        FileExistsError: the folder holds another demo's files.
    """
    with _folder(keep) as folder, sample_installation(folder) as here:
        with here.settings.open("a", encoding="utf-8") as file:
            file.write(f"language: {language}\n")
        settings = load_settings(here.settings)
        out.print(plain(say("demo_welcome", language)))
        out.print(plain(say("server_starting", language), "dim"))
        os.environ.update(_QUIET_PREFECT)
        with prefect_server(folder / "prefect") as dashboard:
            out.print(plain(say("demo_dashboard", language, dashboard=dashboard), "dim"))
            out.print()
            Demo(here, settings, out).play()
            _flush_log()
        out.print(plain(say("demo_kept" if keep else "demo_not_kept", language, file=str(here.settings))))
        out.print(plain(say("demo_next", language)))


_QUIET_PREFECT = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_LOGGING_LEVEL": "INFO"}
"""The flow's own log lines go to its dashboard; the story tells the rest."""


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="sage100-ssm-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _run_flow(settings: Path) -> None:
    """One run of the flow, in this process.

    Raises:
        RuntimeError: it failed; its message says why.
    """
    from sage100_ssm.orchestration.flow import sync_contacts  # noqa: PLC0415 - imports Prefect, which reads its settings then

    state = sync_contacts(str(settings), return_state=True)
    if not state.is_completed():
        raise RuntimeError(state.message)


def _flush_log() -> None:
    """Let Prefect send the last log lines before its server ends."""
    from prefect.logging.handlers import APILogHandler  # noqa: PLC0415 - as above

    APILogHandler().flush()


def _contacts(here: SampleInstallation) -> dict[Side, dict[int, Row]]:
    """The living contacts of both sides, by id."""
    codes = {account["id"]: account["extId"] for account in here.ssm.snapshot()["accounts"]}
    ssm = [{**row, "accountId": codes.get(row["accountId"])} for row in here.ssm.contacts()]
    rows = {Side.SAGE100: here.sage.contacts(), Side.SSM: ssm}
    return {side: {int(row[_ID[side]]): row for row in each} for side, each in rows.items()}


def _differences(
    side: Side, before: Mapping[int, Row], after: Mapping[int, Row], language: Language
) -> Iterator[tuple[str, str]]:
    """What changed between two looks at a side: the action, and whom and what it was about."""
    for key in sorted(before.keys() | after.keys(), reverse=True):
        old, new = before.get(key), after.get(key)
        name = " ".join(str((new or old or {}).get(part) or "") for part in _NAMES[side]).strip()
        if new is None:
            yield "delete", name
        elif old is None:
            yield "create", name
        elif changes := _changes(old, new, language):
            yield "update", f"{name} : {changes}"


def _changes(old: Row, new: Row, language: Language) -> str:
    told = (name for name in new if not name.startswith(_UNTOLD) and old.get(name) != new[name])
    return ", ".join(_change(name, old.get(name), new[name], language) for name in told)


def _change(name: str, old: Any, new: Any, language: Language) -> str:
    before, after = (say("demo_empty", language) if value in (None, "") else str(value) for value in (old, new))
    return f"{name} {before} → {after}"
