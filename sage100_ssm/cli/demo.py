"""The whole product on sample data: people work on both sides, and after each act the Prefect flow runs once."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from sage100_ssm.app.settings import Settings, load_settings
from sage100_ssm.cli import tables
from sage100_ssm.cli.demo_story import STORY, Act
from sage100_ssm.cli.tables import plain
from sage100_ssm.messages import Language, describe, say
from sage100_ssm.orchestration.local_server import handle_stop_signals, prefect_server
from sage100_ssm.standins.sample_installation import SampleInstallation, sample_installation
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.store import stored_state
from sage100_ssm.web.server import page_beside

_SHOWN = 4
"""How many contacts and journal entries are shown one by one, on each side and in each act."""
_HIDDEN_COLUMNS = ("cb", "date", "salesRepId", "deleted", "CT_No", "N_")
"""How the names begin of columns and fields that say nothing to a spectator."""
_NAME_COLUMNS = {Side.SAGE100: ("CT_Prenom", "CT_Nom"), Side.SSM: ("firstName", "lastName")}
_ID_COLUMN = {Side.SAGE100: "cbMarq", Side.SSM: "id"}
_MARKS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("✗", "red")}
_QUIET_PREFECT = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_LOGGING_LEVEL": "INFO"}
"""The flow's own log lines go to its dashboard alone."""

Row = Mapping[str, Any]


def play(out: Console, *, keep: Path | None, stay: bool, language: Language) -> None:
    """Play the demo.

    Args:
        out: where it is shown.
        keep: a folder for its files, which then stay; None to remove them at the end.
        stay: whether the dashboard and the page stay open in the end, until Ctrl-C.
        language: the language of the story and the journal.

    Raises:
        FileExistsError: the folder contains another demo's files.
    """
    with _folder(keep) as folder, sample_installation(folder, language=language) as sample:
        out.print(plain(say("demo_welcome", language)))
        out.print(plain(say("server_starting", language), "dim"))
        os.environ.update(_QUIET_PREFECT)
        with prefect_server(folder / "prefect") as server:
            out.print(plain(say("demo_dashboard", language, dashboard=server.dashboard), "dim"))
            if server.key_file:
                out.print(plain(say("dashboard_key", language, file=str(server.key_file)), "dim"))
            out.print()
            settings = load_settings(sample.settings)
            Demo(sample, settings, out).play()
            _flush_log()
            if stay:
                _stay_open(out, settings, folder / "prefect")
        out.print(plain(say("demo_kept" if keep else "demo_not_kept", language, file=str(sample.settings))))
        out.print(plain(say("demo_next", language)))


def _stay_open(out: Console, settings: Settings, home: Path) -> None:
    """Keep the page open, and with it the dashboard, until Ctrl-C or SIGTERM."""

    def note(key: str, **params: object) -> None:
        out.print(plain(say(key, settings.language, **params)), soft_wrap=True)

    handle_stop_signals()
    with page_beside(settings, home, note), suppress(KeyboardInterrupt, SystemExit):
        note("demo_stays")
        Event().wait()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="sage100-ssm-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


class Demo:
    """The story, and what each run made of it.

    Args:
        sample: the sample company, its SSM, and the people at work on both.
        settings: the settings of the sample company.
        out: where the story is shown.
    """

    def __init__(self, sample: SampleInstallation, settings: Settings, out: Console) -> None:
        self._sample, self._settings, self._out = sample, settings, out
        self._language = settings.language
        self._journal: dict[int, JournalEntry] = {}

    def play(self) -> None:
        """Play the acts, and at the end show the journal as a user reads it."""
        for number, act in enumerate(STORY, 1):
            self._play_act(number, act)
        newest_first = list(self._journal.values())[::-1]
        self._out.print(tables.title("demo_journal", self._language))
        self._out.print(tables.journal(newest_first[:_SHOWN], self._language))

    def _play_act(self, number: int, act: Act) -> None:
        title = say(f"demo_{act.key}_title", self._language)
        story = plain(say(f"demo_{act.key}", self._language))
        self._out.print(Panel(story, title=f"{number}. {title}", subtitle=act.rule))
        act.happens(self._sample)
        before = _contacts(self._sample)
        _run_flow(self._sample.settings)
        after = _contacts(self._sample)
        written = {side: list(_differences(side, before[side], after[side], self._language)) for side in Side}
        for side, writes in written.items():
            if writes:
                self._show_writes(side, writes)
        if not any(written.values()):
            self._out.print(plain(f"  {say('demo_nothing_written', self._language)}", "dim"))
        self._show_news()

    def _show_writes(self, side: Side, writes: Sequence[tuple[str, str]]) -> None:
        """Show what a run wrote on one side."""
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=3)
        for action, text in writes[:_SHOWN]:
            mark, style = _MARKS[action]
            grid.add_row(plain(f"  {mark}", style), plain(text))
        if len(writes) > _SHOWN:
            grid.add_row("", plain(say("demo_more", self._language, number=len(writes) - _SHOWN), "dim"))
        self._out.print(plain(say("demo_wrote", self._language, side=side), "bold"))
        self._out.print(grid)

    def _show_news(self) -> None:
        """Show what a run added to the journal, and which problems it closed."""
        with stored_state(self._settings.state) as state:
            entries = {entry.id: entry for entry in reversed(state.journal())}
        fresh = [entry for entry in entries.values() if entry.id not in self._journal]
        was_open = {entry.id for entry in self._journal.values() if not entry.closed_at}
        self._journal = entries
        for entry in fresh[:_SHOWN]:
            self._out.print(plain(f"  ! {describe(entry.entry, self._language).message}", "magenta"))
        if len(fresh) > _SHOWN:
            self._out.print(plain(f"    {say('demo_more', self._language, number=len(fresh) - _SHOWN)}", "dim"))
        for entry in entries.values():
            if entry.closed_at and entry.id in was_open:
                solved = say("demo_solved", self._language, text=describe(entry.entry, self._language).message)
                self._out.print(plain(f"  ✓ {solved}", "green"))
        self._out.print()


def _run_flow(settings: Path) -> None:
    """Run the flow once, in this process.

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


def _contacts(sample: SampleInstallation) -> dict[Side, dict[int, Row]]:
    """The living contacts of both sides, by id; in SSM with the code of their company."""
    codes = {account["id"]: account["extId"] for account in sample.ssm.snapshot()["accounts"]}
    ssm = [{**row, "accountId": codes.get(row["accountId"])} for row in sample.ssm.contacts()]
    rows: dict[Side, Iterable[Row]] = {Side.SAGE100: sample.sage.contacts(), Side.SSM: ssm}
    return {side: {int(row[_ID_COLUMN[side]]): row for row in rows[side]} for side in Side}


def _differences(
    side: Side, before: Mapping[int, Row], after: Mapping[int, Row], language: Language
) -> Iterator[tuple[str, str]]:
    """What changed on a side, newest contacts first: the action, and the contact with its changes."""
    for key in sorted(before.keys() | after.keys(), reverse=True):
        old, new = before.get(key), after.get(key)
        name = " ".join(str((new or old or {}).get(part) or "") for part in _NAME_COLUMNS[side]).strip()
        if new is None:
            yield "delete", name
        elif old is None:
            yield "create", name
        elif changes := _changes(old, new, language):
            yield "update", f"{name} : {changes}"


def _changes(old: Row, new: Row, language: Language) -> str:
    empty = say("demo_empty", language)
    changes = []
    for name in new:
        if not name.startswith(_HIDDEN_COLUMNS) and old.get(name) != new[name]:
            before, after = (empty if value in (None, "") else str(value) for value in (old.get(name), new[name]))
            changes.append(f"{name} {before} → {after}")
    return ", ".join(changes)
