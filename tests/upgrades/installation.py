"""An installation with both sides in memory: what a release left behind, opened and run again by this version."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sage100_ssm.app.assemble import site_of
from sage100_ssm.app.settings import load_settings
from sage100_ssm.sync.run.context import Context, Run, RunOptions
from sage100_ssm.sync.run.course import synchronise
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.state.store import StateStore
from tests.support.memory_sides import Clock, MemorySage, MemorySsm

SETTINGS, STATE, SIDES = "sync.yaml", "state.sql", "sides.json"


def run_step(_step, action):
    """Take a step of a run without showing it."""
    return action()


class Installation:
    """A state in a file, its settings, and both sides.

    Args:
        settings: the settings file.
        state: the file of the state.
        now: the time on both sides.
    """

    def __init__(self, settings: Path, state: Path, now: datetime) -> None:
        self.clock = Clock(now)
        self.settings = load_settings(settings, {})
        self.sage100, self.ssm = MemorySage(self.clock), MemorySsm(self.clock)
        self.store = StateStore.open(f"sqlite:///{state}")

    def run(self) -> RunReport:
        """One run, a quarter of an hour later."""
        self.clock.advance(minutes=15)
        lease = self.store.acquire("test:1", self.clock(), timedelta(minutes=2))
        context = Context(self.store, self.sage100, self.ssm, site_of(self.settings), RunOptions(), self.clock)
        report = synchronise(Run(context, lease, f"run {self.clock():%d %H:%M}", self.clock()), run_step)
        self.store.release(lease)
        return report

    def keep_sides(self, file: Path) -> None:
        """Write both sides to a file."""
        sides = {
            "now": self.clock().isoformat(),
            "companies": self.sage100.companies,
            "sage100": list(self.sage100.contacts.values()),
            "accounts": list(self.ssm.accounts.values()),
            "ssm": list(self.ssm.contacts.values()),
        }
        file.write_text(json.dumps(sides, indent=1) + "\n", "utf-8")


def kept(release: Path, folder: Path) -> Installation:
    """What a release left behind, with its state brought to this version in a folder."""
    sides = json.loads((release / SIDES).read_text("utf-8"))
    state = folder / "sync-state.db"
    with closing(sqlite3.connect(state)) as connection:
        connection.executescript((release / STATE).read_text("utf-8"))
    installation = Installation(release / SETTINGS, state, datetime.fromisoformat(sides["now"]).astimezone(UTC))
    installation.sage100.companies |= sides["companies"]
    installation.sage100.contacts |= {row["cbMarq"]: row for row in sides["sage100"]}
    installation.sage100.continue_after(max(installation.sage100.contacts))
    installation.ssm.accounts |= {row["id"]: row for row in sides["accounts"]}
    installation.ssm.contacts |= {row["id"]: row for row in sides["ssm"]}
    return installation
