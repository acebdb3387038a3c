"""Clocks that are wrong, and that are put forward and back: no change is missed, and none is made twice.

Three clocks play: Sage's server's, in local time without its offset; SSM's; and the worker's, on which the runs are.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.app import assemble
from sage100_ssm.sage100.database import Database
from sage100_ssm.standins.people import SageUser
from sage100_ssm.standins.ssm_api.faults import Fault
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.state.store import DURATION, StateStore

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NONE = timedelta()
NOON = datetime(2027, 6, 1, 10, 0, tzinfo=UTC)
FORWARD = datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
"""In Paris it is 2:00, and becomes 3:00."""
BACK = datetime(2027, 10, 31, 1, 0, tzinfo=UTC)
"""In Paris it is 3:00, and becomes 2:00."""


@dataclass
class Clocks:
    """How far each clock is ahead of the time, and how Sage writes it down."""

    world: object
    sage100: timedelta = NONE
    ssm: timedelta = NONE
    worker: timedelta = NONE
    to_the_minute: bool = False

    def set(self, moment):
        """Let it be that moment."""
        self.world.clock.ahead = moment - datetime.now(UTC)

    def of_sage(self):
        """The time by Sage's server, rounded as a ``smalldatetime`` where its columns are."""
        now = self.world.clock() + self.sage100
        return (now + MINUTE / 2).replace(second=0, microsecond=0) if self.to_the_minute else now

    def of_ssm(self):
        """The time by SSM."""
        return self.world.clock() + self.ssm

    def of_worker(self):
        """The time by the worker."""
        return self.world.clock() + self.worker


@pytest.fixture
def clocks(world, monkeypatch):
    """Clocks that are right until they are set wrong."""
    clocks = Clocks(world)
    clocks.set(NOON)
    world.sage = SageUser(world.folder / "company.db", clock=clocks.of_sage)
    world.api.store._clock = clocks.of_ssm
    local = {"tzinfo": None, "microsecond": 0}
    monkeypatch.setattr(Database, "_zone_time", lambda self: clocks.of_sage().astimezone(self.zone).replace(**local))
    monkeypatch.setattr(assemble, "utc_now", clocks.of_worker)
    return clocks


@dataclass(frozen=True)
class Dated:
    """The right answer under an odd ``Date``, or none."""

    date: str

    async def apply(self, request):
        """The right answer, with that date."""
        answer = request.carry_out()
        answer.headers["Date"] = self.date
        return answer


@dataclass(frozen=True)
class Hours:
    """Some hours of work, with a run each quarter of an hour.

    Attributes:
        begin: when they begin.
        wrong: how far clocks are ahead, and whether Sage tells minutes alone.
        worker: how far the worker's clock is ahead at each run, where it does not stay as it is.
        date: what SSM's answers bear as ``Date``, if it is not the time.
    """

    begin: datetime = NOON
    wrong: dict = field(default_factory=dict)
    worker: tuple = ()
    date: str | None = None


HOURS = {
    "all right": Hours(),
    "SSM 10 minutes ahead": Hours(wrong={"ssm": 10 * MINUTE}),
    "SSM 10 minutes behind": Hours(wrong={"ssm": -10 * MINUTE}),
    "worker 10 minutes ahead": Hours(wrong={"worker": 10 * MINUTE}),
    "worker 10 minutes behind": Hours(wrong={"worker": -10 * MINUTE}),
    "worker jumps back by an hour": Hours(worker=(NONE, NONE, -HOUR, -HOUR, -HOUR)),
    "worker jumps ahead by two days and back": Hours(worker=(NONE, 48 * HOUR, NONE, NONE)),
    "Sage 10 minutes ahead": Hours(wrong={"sage100": 10 * MINUTE}),
    "Sage 3 hours behind": Hours(wrong={"sage100": -3 * HOUR}),
    "Sage to the minute": Hours(wrong={"to_the_minute": True}),
    "clocks are put forward": Hours(FORWARD - 25 * MINUTE),
    "clocks are put back": Hours(BACK - 35 * MINUTE),
    "clocks are put back, Sage to the minute": Hours(BACK - 35 * MINUTE, {"to_the_minute": True}),
    "no Date": Hours(date=""),
    "a Date of 1970": Hours(date="Thu, 01 Jan 1970 00:00:00 GMT"),
    "a Date of 2099": Hours(date="Thu, 01 Jan 2099 00:00:00 GMT"),
    "a Date that is none": Hours(date="soon"),
}


@pytest.mark.parametrize("hours", HOURS.values(), ids=HOURS)
def test_r5_whatever_the_clocks_say_each_change_goes_over_once(world, clocks, monkeypatch, hours):
    world.decide(policy={"max_deletions": {"floor": 10}})
    clocks.set(hours.begin)
    for name, wrong in hours.wrong.items():
        setattr(clocks, name, wrong)
    if hours.date is not None:
        world.disturb(Fault(Dated(hours.date), "GET", times=None))
    here, there = world.person("Aubrelin", "Ada"), world.person("Belmont", "Ida", born="ssm")
    for number, worker in enumerate(hours.worker or (clocks.worker,) * 3):
        world.clock.advance(minutes=15)
        clocks.worker = worker
        here.edit_sage(CT_EMail=f"sage{number}@alpha.example")
        there.edit_ssm(email=f"ssm{number}@alpha.example")
        marq = world.sage.create_contact("ALPHA", f"Né{number}", "Ada")
        report = world.run()
        assert report.exit_code == Exit.DONE
        assert (here.card["email"], there.row["CT_EMail"]) == (
            f"sage{number}@alpha.example",
            f"ssm{number}@alpha.example",
        )
        assert (report.sage100.written, report.ssm.updated, report.ssm.created) == (1, 1, 1)
        world.sage.delete_contact(marq)
        assert world.run().ssm.deleted == 1
    assert (world.notices, world.problems) == ([], [])


@dataclass(frozen=True)
class Race:
    """Two edits of one field, one on each side.

    Attributes:
        first: the side that was edited first.
        gap: how much later the other one was.
        winner: whose value stands.
        begin: when the first edit was.
        wrong: how far clocks are ahead, and whether Sage tells minutes alone.
    """

    first: str
    gap: timedelta
    winner: str
    begin: datetime = NOON
    wrong: dict = field(default_factory=dict)


RACES = {
    "Sage, then SSM": Race("sage100", 5 * MINUTE, "ssm"),
    "SSM, then Sage": Race("ssm", 5 * MINUTE, "sage100"),
    "SSM's clock ahead by more than the gap": Race("ssm", 5 * MINUTE, "ssm", wrong={"ssm": 10 * MINUTE}),
    "SSM's clock ahead by less": Race("ssm", 15 * MINUTE, "sage100", wrong={"ssm": 10 * MINUTE}),
    "SSM's clock ahead by the gap: a tie": Race("ssm", 10 * MINUTE, "sage100", wrong={"ssm": 10 * MINUTE}),
    "SSM's clock behind by more than the gap": Race("sage100", 5 * MINUTE, "sage100", wrong={"ssm": -10 * MINUTE}),
    "Sage's clock ahead by more than the gap": Race("sage100", 5 * MINUTE, "sage100", wrong={"sage100": 10 * MINUTE}),
    "Sage to the minute, a minute later: a tie": Race("sage100", MINUTE, "sage100", wrong={"to_the_minute": True}),
    "Sage to the minute, three minutes later": Race("sage100", 3 * MINUTE, "ssm", wrong={"to_the_minute": True}),
    "Sage to the minute, three minutes earlier": Race("ssm", 3 * MINUTE, "sage100", wrong={"to_the_minute": True}),
    "clocks put forward between the two": Race("sage100", 5 * MINUTE, "ssm", FORWARD - 2 * MINUTE),
    "clocks put forward between the two, SSM first": Race("ssm", 5 * MINUTE, "sage100", FORWARD - 2 * MINUTE),
    "the hour that comes twice, first pass": Race("sage100", 5 * MINUTE, "sage100", BACK - 30 * MINUTE),
    "the hour that comes twice, second pass": Race("sage100", 5 * MINUTE, "sage100", BACK + 30 * MINUTE),
    "the hour that comes twice, SSM after it": Race("sage100", 95 * MINUTE, "sage100", BACK - 30 * MINUTE),
    "before the hour that comes twice": Race("sage100", 5 * MINUTE, "ssm", BACK - 70 * MINUTE),
    "after the hour that came twice": Race("ssm", 5 * MINUTE, "sage100", BACK + 61 * MINUTE),
}


@pytest.mark.parametrize("race", RACES.values(), ids=RACES)
def test_p1_newest_by_the_stamps_and_the_loser_is_in_the_journal(world, clocks, race):
    world.decide(policy={"conflict": "newest"})
    clocks.set(race.begin - 3 * HOUR)
    ada = world.person("Aubrelin", "Ada")
    for name, wrong in race.wrong.items():
        setattr(clocks, name, wrong)
    edits = [("sage100", lambda: ada.edit_sage(CT_EMail="sage100@x.example"))]
    edits.insert(race.first == "sage100", ("ssm", lambda: ada.edit_ssm(email="ssm@x.example")))
    for moment, (_, edit) in zip((race.begin, race.begin + race.gap), edits, strict=True):
        clocks.set(moment)
        edit()
    world.run()
    assert ada.row["CT_EMail"] == ada.card["email"] == f"{race.winner}@x.example"
    assert world.notices == [("conflict_settled", "email", "sage100@x.example", "ssm@x.example")]


# --- rows that come late, and stamps of the future


@pytest.mark.parametrize("ahead", [3 * MINUTE, HOUR, timedelta(days=4000)], ids=["3 minutes", "an hour", "11 years"])
def test_run_killed_while_the_clock_was_ahead_locks_nobody_out_and_the_next_reads_ssm_whole(world, clocks, ahead):
    ada = world.person("Aubrelin", "Ada")
    clocks.worker = ahead
    world.run()
    with StateStore.open(world.settings.state) as store:
        store.acquire(assemble.lease_owner(), clocks.of_worker(), DURATION)
    clocks.worker = NONE
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.run()
    assert ada.card["email"] == "ada@alpha.example"
    with StateStore.open(world.settings.state) as store, store.transaction() as memory:
        assert datetime.fromisoformat(memory.recall("ssm_whole_read_at")) <= clocks.of_worker()
        assert memory.runs(1)[0].started_at <= clocks.of_worker()


@pytest.mark.parametrize("late", [5 * MINUTE, HOUR], ids=["5 minutes", "an hour"])
def test_r5_change_in_sage_committed_after_a_later_one_is_not_missed(world, clocks, late):
    ada, ida = world.person("Aubrelin", "Ada"), world.person("Belmont", "Ida")
    world.clock.advance(hours=3)
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.run()
    stamp = ada.row["cbModification"] - late
    ida.edit_sage(CT_EMail="ida@alpha.example", cbModification=stamp)
    marq = world.sage.create_contact("ALPHA", "Née", "Ève", cbModification=stamp, cbCreation=stamp)
    world.run()
    assert (ida.card["email"], marq in world.links) == ("ida@alpha.example", True)


LATE = pytest.mark.parametrize(
    ("late", "runs"), [(5 * MINUTE, 1), (3 * HOUR, 2)], ids=["within the overlap", "by the whole read of the day"]
)


@LATE
@pytest.mark.parametrize("deleted", [False, True], ids=["edited", "deleted"])
def test_r5_change_in_ssm_that_shows_after_a_later_one_is_not_missed(world, clocks, late, runs, deleted):
    ada, ida = world.person("Aubrelin", "Ada", born="ssm"), world.person("Belmont", "Ida", born="ssm")
    world.clock.advance(hours=3)
    ada.edit_ssm(email="ada@alpha.example")
    world.run()
    stamp = clocks.of_ssm() - late
    change = {"deleted": True, "dateDeleted": stamp} if deleted else {"email": "ida@x.example", "dateUpdated": stamp}
    world.api.store.put("contacts", {**world.api.store.row("contacts", ida.ssm_id), **change})
    for _ in range(runs):
        before = (ida.row, ida.link)
        assert before[0] is not None
        world.run()
        world.clock.advance(hours=25)
    assert (ida.row is None) if deleted else (ida.row["CT_EMail"] == "ida@x.example")
    assert [code for code, *_ in world.notices] == ["deleted_in_sage"] * deleted


@LATE
def test_r3_contact_that_shows_late_in_ssm_is_created_once(world, clocks, late, runs):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    world.clock.advance(hours=3)
    ada.edit_ssm(email="ada@alpha.example")
    world.run()
    stamp = clocks.of_ssm() - late
    row = world.api.store.row("contacts", ada.ssm_id)
    new = {"id": ada.ssm_id + 1000, "lastName": "Tardive", "extId": None, "dateCreated": stamp, "dateUpdated": None}
    world.api.store.put("contacts", {**row, **new})
    for _ in range(runs):
        world.run()
        world.clock.advance(hours=25)
    assert sorted(world.names_in_sage()) == ["Aubrelin", "Tardive"]


def test_r5_row_of_sage_stamped_in_the_future_goes_over_and_holds_nothing_up_when_it_is_edited(world, clocks):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="future@alpha.example", cbModification=datetime(2031, 1, 1, 8, 0))  # noqa: DTZ001
    world.run()
    assert ada.card["email"] == "future@alpha.example"
    for text in ("now@alpha.example", "then@alpha.example"):
        world.clock.advance(hours=1)
        ada.edit_sage(CT_EMail=text)
        assert (world.run().exit_code, ada.card["email"]) == (Exit.DONE, text)


@pytest.mark.parametrize("date", [None, ""], ids=["dated answers", "answers without a date"])
def test_r5_row_of_ssm_stamped_in_the_future_hides_no_change_of_others(world, clocks, date):
    if date is not None:
        world.disturb(Fault(Dated(date), "GET", times=None))
    ada, ida = world.person("Aubrelin", "Ada"), world.person("Belmont", "Ida")
    row = world.api.store.row("contacts", ada.ssm_id)
    world.api.store.put("contacts", {**row, "email": "future@alpha.example", "dateUpdated": NOON + 10_000 * HOUR})
    world.run()
    assert ada.row["CT_EMail"] == "future@alpha.example"
    for text in ("now@alpha.example", "then@alpha.example"):
        world.clock.advance(hours=1)
        ida.edit_ssm(email=text)
        world.run()
        assert ida.row["CT_EMail"] == text
