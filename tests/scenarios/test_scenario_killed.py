"""A day with a change of every kind, its run killed at each of its calls in turn: the next run ends it right.

Killed means that nothing passes any more, in whatever thread: no request, no transaction in Sage, no commit of the
state, not even the giving back of the lease. ``EXPLORE=1`` leaves no call out where people go on before the next run.
"""

import copy
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from sage100_ssm.app import sides
from sage100_ssm.sage100.database import Database
from sage100_ssm.standins.people import SageUser
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.sync.run import observation, observe
from sage100_ssm.sync.state.store import StateStore
from tests.support.a_day import day, evening, goodbyes, morning, night

SHARDS = 4
EVERY = 1 if os.environ.get("EXPLORE") else 5


class Killed(BaseException):
    """The run's process is no more."""


@dataclass
class Death:
    """Counts the calls of a run, and lets it die at one of them: from then on none passes."""

    at: int | None = None
    calls: int = 0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def strike(self):
        """A call."""
        with self._turn:
            self.calls += 1
            if self.dead:
                raise Killed

    @property
    def dead(self):
        """Whether the run has died."""
        return self.at is not None and self.calls >= self.at


@pytest.fixture
def death(monkeypatch):
    """What kills runs: once a request was answered, once Sage has committed, before the state commits."""
    fate = Death()
    client, writing, transaction, release = (
        sides.SsmClient,
        Database.writing,
        StateStore.transaction,
        StateStore.release,
    )

    def mortal_client(*args, **more):
        opened = client(*args, **more)
        send = opened._send

        def send_and_strike(*args, **more):
            answer = send(*args, **more)
            fate.strike()
            return answer

        opened._send = send_and_strike
        return opened

    @contextmanager
    def mortal_writing(self):
        with writing(self) as connection:
            yield connection
        fate.strike()

    @contextmanager
    def mortal_transaction(self, lease=None):
        with transaction(self, lease) as opened:
            yield opened
            if lease is not None:
                fate.strike()

    def mortal_release(self, lease):
        if not fate.dead:
            release(self, lease)

    monkeypatch.setattr(sides, "SsmClient", mortal_client)
    monkeypatch.setattr(Database, "writing", mortal_writing)
    monkeypatch.setattr(StateStore, "transaction", mortal_transaction)
    monkeypatch.setattr(StateStore, "release", mortal_release)
    return fate


@dataclass
class Morning:
    """A morning to come back to."""

    world: object
    tables: dict

    def again(self, number):
        """The same morning in files of its own."""
        folder = self.world.folder / str(number)
        folder.mkdir()
        for file in self.world.folder.glob("*.db"):
            shutil.copyfile(file, folder / file.name)
        world = replace(self.world, folder=folder, sage=SageUser(folder / "company.db", clock=self.world.clock))
        connection = {"kind": "sqlite", "path": str(folder / "company.db")}
        sections = {"sage100": {**self.world.tree["sage100"], "connection": connection}}
        world.tree = {**self.world.tree, **sections, "state": f"sqlite:///{world.state_file}"}
        world.api.store._tables = copy.deepcopy(self.tables)
        return world


@pytest.fixture
def days(stage, death):
    """Days that all begin alike."""
    stage.decide(policy={"max_deletions": {"floor": 10}})
    morning(stage)
    return Morning(stage, copy.deepcopy(stage.api.store._tables))


def undisturbed(days, death, more):
    """How a day ends on which nothing is killed, and how many calls its run has."""
    world = days.again("undisturbed")
    day(world)
    death.calls = 0
    world.run()
    calls = death.calls
    world.clock.advance(minutes=15)
    more(world)
    world.run()
    return evening(world), calls


def killed(days, death, more, call):
    """How a day ends whose run is killed."""
    world = days.again(call)
    day(world)
    death.at, death.calls = call, 0
    with suppress(Killed):
        world.run()
    death.at = None
    world.clock.advance(minutes=15)
    more(world)
    world.run()
    stands = evening(world)
    world.clock.advance(minutes=15)
    report = world.run()
    assert (report.sage100.written, report.ssm.written, report.notices) == (0, 0, 0)
    return stands


SHORT_LINKEDIN = pytest.mark.parametrize(
    "quirks", [Quirks(max_lengths={"linkedin": 10}, error_body="generic")], indirect=True
)


@SHORT_LINKEDIN
@pytest.mark.parametrize("shard", range(SHARDS))
def test_run_killed_at_any_call_the_next_run_ends_as_if_nothing_had_been(days, death, shard, monkeypatch):
    if shard == SHARDS - 1:
        # What the next run reads whole takes several runs, and is stored in small parts.
        days.world.tree["ssm"]["page_size"] = 5
        monkeypatch.setattr(observe, "_seconds_of_reading", lambda *_: 0.0)
        monkeypatch.setattr(observation, "_STORED_AT_ONCE", 5)
    expected, calls = undisturbed(days, death, more=lambda _: None)
    assert calls > 80
    for call in range(1 + shard, calls + 1, SHARDS):
        assert killed(days, death, lambda _: None, call) == expected, f"killed at call {call} of {calls}"


def go_on(world):
    """People go on working, and delete contacts."""
    night(world)
    goodbyes(world)


@SHORT_LINKEDIN
@pytest.mark.parametrize("shard", range(SHARDS))
def test_so_it_does_if_people_go_on_before_the_next_run(days, death, shard):
    expected, calls = undisturbed(days, death, more=go_on)
    for call in range(1 + shard, calls + 1, SHARDS * EVERY):
        stands = killed(days, death, go_on, call)
        assert but_for_deletions(stands) == but_for_deletions(expected), f"killed at call {call} of {calls}"


def but_for_deletions(stands):
    """The evening but for the notices of deletions in Sage: NéSsm may be deleted before Sage ever had him."""
    return stands | {"notices": [n for n in stands["notices"] if n[0] != "deleted_in_sage"]}
