"""The small world: one person, two fields, one company that comes and goes; all that can happen to them.

A step is a deed of a user, or a run, in which at any commit and at any write something may happen: the process is
killed, the write does not arrive, its receipt is lost, a user does something. From a world every step is taken in turn,
and from where they lead again, up to a number of happenings; worlds that differ in names, ids and hours alone are one.
In each it is looked at what must hold there, and whether quiet runs bring it to rest.
"""

import hashlib
import json
import pickle
import re
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self
from unittest import mock

from sage100_ssm.sync.journal import Entry, Kind
from sage100_ssm.sync.model import Base, Link, Side, Value
from sage100_ssm.sync.policy import ConflictPolicy, RefusedDeletion
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.state.records import RunStatus
from tests.support.invariants import check_end, check_ext_ids, check_origins, readable
from tests.support.memory_play import QUIET_RUNS, Answers, Play, SageUser, SsmUser
from tests.support.memory_sides import Fate, Killed, Weather
from tests.support.memory_state import MemoryStore

ON_ITS_WAY = (Fate.REFUSED, Fate.LOCKED, Fate.LOST_BEFORE, Fate.LOST_AFTER, Fate.BROKEN)
KILLED = Fate.KILLED_BEFORE
_TIE = timedelta(minutes=2)


# --- what can happen


@dataclass(frozen=True, slots=True)
class Deed:
    """What a user does: on which side, what, to the how manieth person, and in which way."""

    side: str
    kind: str
    who: int = 0
    what: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Turn:
    """A run.

    Attributes:
        happenings: at which commit or write, counted from 0, what happens: a deed just before it, or a fate.
        hours: how long it is waited before: after a day SSM is read whole, and no pause lasts.
        minutes: how long it is waited besides.
        ahead: by how many hours the clock of the run's machine is ahead.
        backwards: the side that is commonly read and written second goes first.
        cut: the side whose contacts cannot be read to their end.
    """

    happenings: tuple[tuple[int, "Deed | str"], ...] = ()
    hours: int = 0
    minutes: int = 15
    ahead: int = 0
    backwards: bool = False
    cut: str | None = None

    def __repr__(self) -> str:
        plain = Turn()
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        differing = (f"{name}={value!r}" for name, value in told.items() if value != getattr(plain, name))
        return f"Turn({', '.join(differing)})"

    def along(self, position: int, happening: "Deed | str") -> "Turn":
        """The same run with one more happening."""
        return replace(self, happenings=(*self.happenings, (position, happening)))


Step = Deed | Turn


ROOTS: dict[str, tuple[Step, ...]] = {
    "nobody": (),
    "born in Sage": (Deed("sage100", "create", 0, 1), Turn(), Turn()),
    "born in SSM": (Deed("ssm", "create", 0, 1), Turn(), Turn()),
}
"""Where explorations begin: with nobody, and with somebody of either origin who has come over."""


class OneByOne:
    """Stands for the engine's pools: what is submitted is done in turn, so that a script is played alike each time."""

    backwards = False

    def __init__(self, *_: Any) -> None:
        self._jobs: list[_Job] = []
        self.is_at_work = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Any, *args: Any, **more: Any) -> "_Job":
        """Put work aside until somebody asks for what comes of it."""
        self._jobs.append(_Job(self, lambda: work(*args, **more)))
        return self._jobs[-1]

    def work(self) -> None:
        """Do all that was put aside."""
        self.is_at_work = True
        for job in reversed(self._jobs) if OneByOne.backwards else self._jobs:
            job.do()
        self._jobs.clear()


@dataclass
class _Job:
    pool: OneByOne
    work: Any
    answer: Any = None
    is_begun: bool = False

    def do(self) -> None:
        if not self.is_begun:
            self.is_begun = True
            self.answer = self.work()

    def result(self) -> Any:
        # One job may ask for what comes of another.
        if self.pool.is_at_work:
            self.do()
        else:
            self.pool.work()
        return self.answer


@contextmanager
def taking_turns() -> Iterator[None]:
    """Let the sides be read and written one after the other."""
    with (
        mock.patch("sage100_ssm.sync.run.observation.ThreadPoolExecutor", OneByOne),
        mock.patch("sage100_ssm.sync.run.apply.ThreadPoolExecutor", OneByOne),
    ):
        yield


# --- the world


class SmallWorld(Play):
    """A play that is scripted, left and come back to.

    Attributes:
        met: the commits and writes of the last run, in their order.
    """

    def __init__(self, answers: Answers, store: Any = None) -> None:
        self.met: list[str] = []
        self._script: dict[int, list[Deed | str]] = {}
        super().__init__(store or MemoryStore(), answers)
        self.sage100._last_marq, self.sage100._highest_number, self.ssm._last_id = 1000, 2000, 5000

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "site"}

    def take(self, step: Step) -> RunReport | None:
        """Let a step happen. Gives what a run reported, if it came to its end."""
        if isinstance(step, Deed):
            self._do(step)
            return None
        script = defaultdict(list)
        for position, happening in step.happenings:
            script[position].append(happening)
        self.met, self._script, OneByOne.backwards = [], script, step.backwards
        cuts = {side: 1 if step.cut == side else None for side in Side}
        self.sage100.weather = Weather(_fates(self, Side.SAGE100), cuts[Side.SAGE100])
        self.ssm.weather = Weather(_fates(self, Side.SSM), cuts[Side.SSM])
        self.store.before_commit = lambda: self._meet("commit")
        self.clock.advance(hours=step.hours)
        try:
            return self.run(minutes=step.minutes, clock_ahead=timedelta(hours=step.ahead))
        finally:
            self.store.before_commit = int
            self.sage100.weather, self.ssm.weather = Weather(), Weather()

    def _do(self, deed: Deed) -> None:
        self.clock.advance(minutes=5)
        user = self.users[Side(deed.side)]
        if deed.kind == "copy":
            self._copy(user, deed.who)
        else:
            user.act(deed.kind, deed.who, deed.what)

    def _copy(self, user: SageUser | SsmUser, who: int) -> None:
        """A user types the e-mail that the other side shows already."""
        ids = [row.get("cbMarq", row.get("id")) for row in self.people(user)[who : who + 1]]
        link = next((k for k in self.links if {k.sage100_id, k.ssm_id} & set(ids)), None)
        here, there = (self.sage100.living(), self.ssm.living())
        if link is None or link.sage100_id not in here or link.ssm_id not in there:
            return
        row, card = here[link.sage100_id], there[link.ssm_id]
        if isinstance(user, SageUser):
            user.update(row, {"CT_EMail": card.get("email")})
        else:
            user.update(card, {"email": row["CT_EMail"]})

    def _meet(self, name: str) -> Fate:
        """What the script says to the next commit or write."""
        happenings = self._script[len(self.met)]
        self.met.append(name)
        return self._suffer(happenings)

    def _suffer(self, happenings: Iterable["Deed | str"]) -> Fate:
        """Let all of it happen; what becomes of the write."""
        fate = Fate.DONE
        for happening in happenings:
            if isinstance(happening, Deed):
                self._do(happening)
            elif happening == KILLED:
                raise Killed
            else:
                fate = Fate(happening)
        return fate

    # --- what users could do

    def people(self, user: SageUser | SsmUser) -> list[dict[str, Any]]:
        """Those who live on a user's side, but for the one who never changes."""
        return [row for row in user._side.living().values() if "Anker" not in row.values()]

    def deeds(self) -> Iterator[Deed]:
        """All that users could do now."""
        for side, user in self.users.items():
            people = self.people(user)
            if not people:
                yield Deed(side.value, "create", 0, 1)
            yield Deed(side.value, "company")
            for who, row in enumerate(people[:2]):
                renamed = 1 if "Dupré" in row.values() else 2
                moved = 0 if self._company(row) == "BETA" else 1
                again = (0, 1) if side is Side.SAGE100 else (0,)
                ways = {"edit": (0, 2), "clear": (0,), "copy": (0,), "rename": (renamed,), "move": (moved,)}
                for kind, whats in {**ways, "delete": (0,), "recreate": again}.items():
                    yield from (Deed(side.value, kind, who, what) for what in whats)

    def _company(self, row: dict[str, Any]) -> str:
        return row["CT_Num"] if "CT_Num" in row else self.ssm.accounts[row["accountId"]]["extId"]

    # --- what must hold at any time

    def check(self) -> None:
        """Links stand one to one, origins stay, and what users typed is on a side or in the journal."""
        check_origins(self)
        for ids in ([k.sage100_id for k in self.links], [k.ssm_id for k in self.links]):
            assert len(ids) == len(set(ids)), "a contact has two links"
        journal, announced = self.journal, self._announced()
        lasting = [e.entry for e in journal if e.kind is Kind.NOTICE or e.closed_at]
        self.typing.typed_over(*_values(lasting))
        lost = self.typing.lost(*readable(self), *_values([*(e.entry for e in journal), *announced]))
        assert lost == set(), f"lost: {lost}"

    def check_rest(self) -> None:
        """What must hold once nothing happens any more."""
        check_end(self)
        check_ext_ids(self)

    def _announced(self) -> list[Entry]:
        with self.store.transaction() as memory:
            return [e.entry for e in memory.pending_notices()]

    # --- leaving and coming back

    def freeze(self) -> bytes:
        """The world as it stands, to come back to."""
        self.store.before_commit = int
        return zlib.compress(pickle.dumps(self, pickle.HIGHEST_PROTOCOL), 1)

    @classmethod
    def thaw(cls, frozen: bytes, answers: Answers) -> "SmallWorld":
        """A world as it was left."""
        world: SmallWorld = pickle.loads(zlib.decompress(frozen))  # noqa: S301 - frozen by this very process
        world.site = answers.site
        return world

    def key(self) -> bytes:
        """What the world is but for names, ids and hours: of worlds of one key the same will come."""
        with self.store.transaction() as memory:
            last = memory.runs(1)[0].status in (RunStatus.FAILED, RunStatus.RUNNING)
            rewrites = memory.recall("rewrites") or {}
            whole = self.clock() - datetime.fromisoformat(memory.recall("ssm_whole_read_at")) > timedelta(hours=24)
            kept = [
                [_link(link) for link in memory.links()],
                [list(memory.observed(stream)) for stream in ("accounts", "contacts")],
                [memory.cursor(stream) for stream in ("accounts", "contacts")],
                sorted([key, self._written(mark), runs] for key, (mark, runs) in rewrites.items()),
                [[i.side, i.source_id, i.ext_id, i.sage100_no, i.names, _pairs(i.base)] for i in memory.intents()],
                [
                    [_entry(p.entry), p.tries, max(0, (p.next_try_at - self.clock()).seconds) if p.next_try_at else 0]
                    for p in memory.open_problems()
                ],
                [_entry(e.entry) for e in memory.pending_notices()],
            ]
        sides = [
            self.sage100.companies,
            [row for _, row in sorted(self.sage100.contacts.items())],
            list(self.ssm.accounts.values()),
            [row for _, row in sorted(self.ssm.contacts.items())],
            sorted(self.sage100.born_here & self.sage100.contacts.keys()),
            sorted(self.ssm.born_here),
        ]
        text = json.dumps([sides, kept, last, whole, sorted(self.typing.standing)], default=str)
        return hashlib.blake2b(_anonymous(text).encode(), digest_size=12).digest()

    def _written(self, mark: str) -> str:
        """What a mark of a rewritten value stands for."""
        return next((t for t in self.typing._given if hashlib.sha256(repr(t).encode()).hexdigest()[:12] == mark), mark)


def _fates(world: SmallWorld, side: Side) -> Iterator[Fate]:
    while True:
        yield world._meet(side.value)


def _values(entries: Iterable[Entry]) -> list[Any]:
    return [value for entry in entries for value in (entry.sage100_value, entry.ssm_value)]


def _entry(entry: Entry) -> list[Any]:
    about = [(subject.company, subject.sage100_id, subject.ssm_id) for subject in entry.contacts]
    return [entry.code, about, entry.field, entry.sage100_value, entry.ssm_value]


def _pairs(base: Base) -> dict[str, list[Value]]:
    return {name: [pair.sage100, pair.ssm] for name, pair in base.items()}


def _link(link: Link) -> list[Any]:
    bases = {"": link.base, **link.unconfirmed}
    told = {side: _pairs(base) for side, base in sorted(bases.items())}
    stands = [link.company, link.origin, link.status, link.reason, link.sage100_stamp, link.ssm_stamp]
    return [link.sage100_id, link.sage100_no, link.ssm_id, *stands, told]


_STAMP = r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)"
_NAMED = re.compile(rf"({_STAMP})|t\d+@x\.example|06\d{{8}}|\b[125]\d{{3}}\b")


def _anonymous(text: str) -> str:
    """The text with names and ids numbered as they come up, and times in their order; close times stay close."""
    stamps = {stamp: datetime.fromisoformat(stamp) for stamp in set(re.findall(_STAMP, text))}
    rank, group, before = {}, 0, None
    for number, moment in enumerate(sorted(set(stamps.values()))):
        group += before is not None and moment - before > _TIE
        rank[moment], before = f"T{group}.{number}", moment
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        if found[1]:
            return rank[stamps[found[1]]]
        return names.setdefault(found[0], f"N{len(names)}")

    return _NAMED.sub(named, text)


# --- exploring it


@dataclass
class Exploration:
    """All worlds within a number of happenings of some roots.

    Attributes:
        answers: the site's answers.
        depth: how many happenings there are at most on a way: deeds, and what happens to runs.
        until: when to stop, by ``time.monotonic``; None to go on to the end.
        seen: each world met: with how few happenings, and from which other world by which step.
        runs: how many runs were played.
        reached: the number of happenings up to which all worlds were met.
    """

    answers: Answers
    depth: int
    until: float | None = None
    seen: dict[bytes, tuple[int, bytes | None, Sequence[Step]]] = field(default_factory=dict)
    runs: int = 0
    reached: int = -1
    _levels: dict[int, deque[tuple[bytes, bytes]]] = field(default_factory=lambda: defaultdict(deque))
    _rest: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def explore(self, roots: Iterable[Sequence[Step]]) -> "Exploration":
        """Take every step from every world.

        Raises:
            AssertionError: something does not hold; with the script that leads there.
        """
        with taking_turns():
            for root in roots:
                world = SmallWorld(self.answers)
                for step in root:
                    self._take(world, step, None, root)
                self._arrive(world, 0, None, root)
            for cost in range(self.depth):
                while self._levels[cost]:
                    if self.until is not None and time.monotonic() > self.until:
                        return self
                    self._expand(*self._levels[cost].popleft(), cost)
                self.reached = cost
            self.reached = self.depth
        return self

    def _expand(self, frozen: bytes, key: bytes, cost: int) -> None:
        if self.seen[key][0] < cost:
            return
        for deed in SmallWorld.thaw(frozen, self.answers).deeds():
            world = SmallWorld.thaw(frozen, self.answers)
            self._take(world, deed, key)
            self._arrive(world, cost + 1, key, [deed])
        self._disturb(frozen, key, cost, Turn(), 0)
        for side in Side:
            self._run(frozen, key, cost + 1, Turn(cut=side.value))

    def _disturb(self, frozen: bytes, key: bytes, cost: int, turn: Turn, start: int) -> None:
        """One run, and the same with one more happening at each commit and write from ``start`` on."""
        after = self._run(frozen, key, cost, turn)
        if not turn.backwards and not turn.happenings and {"sage100", "ssm"} <= set(after.met):
            self._disturb(frozen, key, cost, replace(turn, backwards=True), start)
        if cost == self.depth:
            return
        deeds = dict.fromkeys([*SmallWorld.thaw(frozen, self.answers).deeds(), *after.deeds()])
        for position in range(start, len(after.met)):
            self._run(frozen, key, cost + 1, turn.along(position, KILLED.value))
            if after.met[position] != "commit":
                for fate in ON_ITS_WAY:
                    self._disturb(frozen, key, cost + 1, turn.along(position, fate.value), position + 1)
                for deed in deeds:
                    self._disturb(frozen, key, cost + 1, turn.along(position, deed), position)

    def _run(self, frozen: bytes, key: bytes, cost: int, turn: Turn) -> "SmallWorld":
        world = SmallWorld.thaw(frozen, self.answers)
        self._take(world, turn, key)
        self._arrive(world, cost, key, [turn])
        return world

    def _arrive(self, world: SmallWorld, cost: int, parent: bytes | None, steps: Sequence[Step]) -> None:
        """Meet a world: what must hold there, and whether quiet runs bring it to rest."""
        key = world.key()
        if key in self.seen and self.seen[key][0] <= cost:
            return
        self.seen[key] = cost, parent, steps
        frozen = world.freeze()
        for hours in (25, 0):
            self._come_to_rest(frozen, key, hours)
        if cost < self.depth:
            self._levels[cost].append((frozen, key))

    def _come_to_rest(self, frozen: bytes, key: bytes, hours: int) -> None:
        """At most three runs write or tell anything."""
        ways: list[tuple[bytes, bool]] = []
        world, here, quiet = SmallWorld.thaw(frozen, self.answers), key, Turn(hours=hours)
        while (here, hours) not in self._rest:
            with self._told(key, [quiet] * (len(ways) + 1)):
                assert len(ways) <= QUIET_RUNS + 2, "it comes to no rest"
                before = world.snapshot()
                silent = _silent(world.take(quiet)) and world.snapshot() == before
                self.runs += 1
                world.check()
                ways.append((here, silent))
                there = world.key()
                if silent and there == here:
                    self._rest[here, hours] = 0
                    world.check_rest()
            here = there
        rest = self._rest[here, hours]
        for one, silent in reversed(ways):
            rest = rest if silent and rest == 0 else rest + 1
            self._rest[one, hours] = rest
        with self._told(key, [quiet] * rest):
            assert rest <= QUIET_RUNS, f"it takes {rest} quiet runs to come to rest"

    def _take(self, world: SmallWorld, step: Step, key: bytes | None, root: Sequence[Step] = ()) -> None:
        self.runs += isinstance(step, Turn)
        with self._told(key, [*root, step] if key is None else [step]):
            world.take(step)
            world.check()

    @contextmanager
    def _told(self, key: bytes | None, steps: Sequence[Step]) -> Iterator[None]:
        """Put the script that leads to a failure into its words."""
        try:
            yield
        except Exception as error:
            script = [*self.script(key), *steps]
            raise AssertionError(f"{error!r}\n{told(self.answers, script)}") from error

    def script(self, key: bytes | None) -> list[Step]:
        """The steps that lead to a world."""
        steps: list[Step] = []
        while key is not None:
            _, key, last = self.seen[key]
            steps[:0] = last
        return steps


def _silent(report: RunReport | None) -> bool:
    if report is None:
        return False
    counts = (report.sage100, report.ssm)
    told = (report.problems_opened, report.problems_closed, report.notices)
    return not any((*(c.written + c.failed for c in counts), *told))


def told(answers: Answers, script: Sequence[Step]) -> str:
    """A script for people to read and to play again: what follows is Python."""
    lines = "".join(f"    {step!r},\n" for step in script)
    return f"replay(\n    {answers.conflict.value!r}, {answers.refused.value!r},\n{lines})"


def replay(conflict: str, refused_deletion: str, *script: Step) -> None:
    """Play a script again, with all that must hold along the way and in the end."""
    world = play(SmallWorld(Answers(ConflictPolicy(conflict), RefusedDeletion(refused_deletion))), script)
    world.come_to_rest()
    world.check_rest()


def play(world: SmallWorld, script: Iterable[Step]) -> SmallWorld:
    """Play a script, with all that must hold along the way."""
    with taking_turns():
        for step in script:
            world.take(step)
            world.check()
    return world
