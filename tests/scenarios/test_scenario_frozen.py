"""A day with a change of every kind, its run frozen before each of its writes in turn, for longer than its lease.

Meanwhile the next run takes over and works; then the frozen one wakes: it writes nothing more, on either side. The
whole process is frozen, so no thread of it is between its check and its write.
"""

import copy
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from sage100_ssm.app import sides
from sage100_ssm.app.assemble import lease_owner, run_once
from sage100_ssm.sage100.database import Database
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.sync.run.lease import HeldLease
from sage100_ssm.sync.state.errors import LeaseLost
from sage100_ssm.sync.state.store import DURATION, StateStore
from tests.scenarios.test_scenario_killed import Morning
from tests.support.a_day import day, evening, morning

SHARDS = 4


@dataclass
class Frost:
    """Counts the checks before a run's writes, and freezes the run at one of them.

    Attributes:
        at: before which write the run is frozen; None for never.
        meanwhile: what happens then; it is given the side of the write.
        writes: the writes so far.
        others: whether what is opened now belongs to somebody else than the run that may be frozen.
    """

    at: int | None = None
    meanwhile: object = None
    writes: int = 0
    others: bool = False
    gate: threading.RLock = field(default_factory=threading.RLock)
    databases: set = field(default_factory=set)
    in_sage: threading.local = field(default_factory=threading.local)

    def strike(self):
        """A write is about to begin."""
        if self.others:
            return
        self.writes += 1
        if self.writes == self.at:
            self.others = True
            self.meanwhile("sage100" if getattr(self.in_sage, "is_writing", False) else "ssm")
            self.others = False


@pytest.fixture
def frost(monkeypatch):
    """Freezes a run; its threads take turns, from before their check until after their write."""
    frost = Frost()
    client, opened, writing, check = sides.SsmClient, sides.open_database, Database.writing, HeldLease.check

    def client_in_turn(*args, **more):
        made = client(*args, **more)
        if not frost.others:
            send = made._send

            def send_in_turn(*args, **more):
                with frost.gate:
                    return send(*args, **more)

            made._send = send_in_turn
        return made

    def open_in_turn(*args):
        database = opened(*args)
        if not frost.others:
            frost.databases.add(id(database))
        return database

    @contextmanager
    def writing_in_turn(self):
        if id(self) not in frost.databases:
            with writing(self) as connection:
                yield connection
            return
        with frost.gate:
            frost.in_sage.is_writing = True
            try:
                with writing(self) as connection:
                    yield connection
            finally:
                frost.in_sage.is_writing = False

    def check_after_the_frost(self):
        frost.strike()
        check(self)

    monkeypatch.setattr(sides, "SsmClient", client_in_turn)
    monkeypatch.setattr(sides, "open_database", open_in_turn)
    monkeypatch.setattr(Database, "writing", writing_in_turn)
    monkeypatch.setattr(HeldLease, "check", check_after_the_frost)
    return frost


@pytest.fixture
def days(stage):
    """Days that all begin alike."""
    stage.decide(policy={"max_deletions": {"floor": 10}})
    morning(stage)
    return Morning(stage, copy.deepcopy(stage.api.store._tables))


SHORT_LINKEDIN = pytest.mark.parametrize("quirks", [Quirks(max_lengths={"linkedin": 10})], indirect=True)


@SHORT_LINKEDIN
@pytest.mark.parametrize("shard", range(SHARDS))
def test_p11_run_frozen_before_any_write_writes_nothing_once_another_has_taken_over(days, frost, shard):
    world = days.again("undisturbed")
    day(world)
    frost.writes = 0
    world.run()
    writes = frost.writes
    world.clock.advance(minutes=15)
    world.run()
    expected = evening(world)
    assert writes > 30
    for number in range(1 + shard, writes + 1, SHARDS):
        assert _evening_after_frost(days, frost, number) == expected, f"frozen before write {number} of {writes}"


def _evening_after_frost(days, frost, number):
    world = days.again(number)
    day(world)
    shown = []

    def take_over(side):
        world.clock.advance(seconds=DURATION.total_seconds() + 1)
        if side == "ssm":
            run_once(world.settings)
        else:
            # The frozen run's transaction keeps the others from Sage, on SQL Server too.
            with StateStore.open(world.settings.state) as store:
                store.release(store.acquire(lease_owner(), world.clock(), DURATION))
        shown.append(world.snapshot())

    frost.at, frost.writes, frost.meanwhile = number, 0, take_over
    with pytest.raises(LeaseLost):
        world.run()
    assert shown == [world.snapshot()], "the run wrote after it was overtaken"
    frost.at = None
    for _ in range(2):
        world.clock.advance(minutes=15)
        world.run()
    return evening(world)


def test_p11_value_of_a_frozen_run_does_not_undo_what_was_typed_meanwhile(stage, frost):
    ada = stage.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="v@alpha.example")

    def take_over(_):
        stage.clock.advance(minutes=3)
        ada.edit_ssm(email="e@x.example", phone1="+33 1 02 03 04 05")
        run_once(stage.settings)
        ada.edit_ssm(email="f@x.example")

    frost.at, frost.writes, frost.meanwhile = 1, 0, take_over
    with pytest.raises(LeaseLost):
        stage.run()
    assert ada.card["email"] == "f@x.example"


def test_p11_creation_of_a_frozen_run_does_not_double_the_one_of_a_later_run(stage, frost):
    stage.sage.create_contact("ALPHA", "Aubrelin", "Ada")

    def take_over(_):
        for _ in range(2):  # the first one leaves a creation alone that another run has just begun
            stage.clock.advance(minutes=15)
            run_once(stage.settings)

    frost.at, frost.meanwhile = 1, take_over
    with pytest.raises(LeaseLost):
        stage.run()
    assert stage.names_in_ssm().count("Aubrelin") == 1
