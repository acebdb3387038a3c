"""One state perturbed on both sides, writes that fail in any way, a run killed anywhere: then quiet.

Whatever came before, at most three quiet runs bring both sides to rest, and nothing that a user typed is lost.

Hypothesis plays the users and the weather, by default the same hundred plays each time. ``HYPOTHESIS_PROFILE=explore``
plays others, and for long; a failure prints what to put above the test to see it again.
"""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contact_sync.codecs import Locale
from contact_sync.companies import Companies, Scope
from contact_sync.contact import ExtId
from contact_sync.engine import Run, RunOptions, Site
from contact_sync.failures import SyncError
from contact_sync.fields import COMPANY, FIRST_NAME, LAST_NAME, STANDARD, ConflictPolicy
from contact_sync.mapping import Mapper
from contact_sync.model import Code, Kind, Link, LinkStatus, Side
from contact_sync.policy import DeletionLimit, Policy, RefusedDeletion
from contact_sync.report import RunReport
from contact_sync.state.records import JournalEntry
from contact_sync.state.store import StateStore
from contact_sync.writes import EXT_ID
from tests.contact_sync import worlds
from tests.contact_sync.memory_sides import (
    Clock,
    Fate,
    Killed,
    MemorySage,
    MemorySsm,
    RefusedError,
    Weather,
)

settings.register_profile("default", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
QUIET_RUNS = 3
COMPANIES = ("ALPHA", "BETA")
NAMES = (
    ("Durand", "Ada"),
    ("DURAND", "Ada"),
    ("Dupré", "Zoé"),
    ("Dupre", "Zoe"),
    ("Łukasz", "Jan"),
    ("Long" * 9, "Bo"),
)
TYPED = ("email", "skype", "mobile")
"""The fields in which each value that a user types is told from all others."""
COLUMN = {"email": "CT_EMail", "skype": "CT_Skype", "mobile": "CT_TelPortable"}
PATIENT = frozenset({"delete", "recreate", "company"})
"""What nobody does while a create is unconfirmed: its contact would be left without a link (R9, R4)."""
FIELD = {"email": "email", "skype": "skype", "mobile": "phone2"}


# --- what users do


class SageUser:
    """Users of Sage, within what Sage lets them do.

    Args:
        side: their side.
        typing: gives texts that were never typed before.
    """

    def __init__(self, side: MemorySage, typing: "Typing") -> None:
        self._side, self._typing = side, typing

    def act(self, kind: str, who: int, what: int) -> None:
        """Do something to the ``who``-th contact; what Sage refuses is not done."""
        people = [row for row in self._side.living().values() if row["CT_Nom"] != "Anker"]
        with suppress(RefusedError):
            if kind == "create":
                self._create(what)
            elif kind == "company":
                self._side.companies["BETA"] = 1 - self._side.companies["BETA"]
            elif people:
                getattr(self, f"_{kind}")(people[who % len(people)], what)

    def _create(self, what: int) -> None:
        last, first = NAMES[what % len(NAMES)]
        values = {
            "CT_Num": COMPANIES[what % 2],
            "CT_Nom": last,
            "CT_Prenom": first,
            "CT_EMail": self._typing.text("email"),
        }
        self._insert(values | {"N_Service": what})

    def _insert(self, values: dict[str, Any]) -> None:
        self._side.born_here.add(self._side.insert(values)["cbMarq"])
        self._typing.typed(*values.values())

    def _edit(self, row: dict[str, Any], what: int) -> None:
        name = TYPED[what % len(TYPED)]
        self._update(row, {COLUMN[name]: self._typing.text(name)})

    def _clear(self, row: dict[str, Any], what: int) -> None:
        self._update(row, {(*COLUMN.values(), "CT_Prenom", "CT_Fonction")[what % 5]: ""})

    def _choose(self, row: dict[str, Any], what: int) -> None:
        self._update(row, {"CT_Civilite": what % 3, "CT_Fonction": ("", "acheteur", "Gerant", "Zouave")[what % 4]})

    def _rename(self, row: dict[str, Any], what: int) -> None:
        last, first = NAMES[what % len(NAMES)]
        self._update(row, {"CT_Nom": last, "CT_Prenom": first})

    def _move(self, row: dict[str, Any], what: int) -> None:
        self._update(row, {"CT_Num": COMPANIES[what % 2]})

    def _delete(self, row: dict[str, Any], what: int) -> None:
        self._typing.typed_over(*row.values())
        self._side.removed(row)

    def _recreate(self, row: dict[str, Any], what: int) -> None:
        self._delete(row, what)
        self._insert({name: row[name] for name in ("CT_Num", "CT_Nom", "CT_Prenom", "CT_EMail")})

    def _update(self, row: dict[str, Any], values: dict[str, Any]) -> None:
        before = {name: row[name] for name in values}
        if self._side.updated(row, values):
            self._typing.typed_over(*(before[name] for name in values if before[name] != row[name]))
            self._typing.typed(*values.values())


class SsmUser:
    """Users of SSM, within what SSM lets them do.

    Args:
        side: their side.
        typing: gives texts that were never typed before.
    """

    def __init__(self, side: MemorySsm, typing: "Typing") -> None:
        self._side, self._typing = side, typing

    def act(self, kind: str, who: int, what: int) -> None:
        """Do something to the ``who``-th contact; what SSM refuses is not done."""
        people = [row for row in self._side.living().values() if row["lastName"] != "Anker"]
        with suppress(RefusedError):
            if kind == "create":
                self._create(what)
            elif kind == "company":
                self._company()
            elif people:
                getattr(self, f"_{kind}")(people[who % len(people)], what)

    def _account(self, code: str) -> int:
        return max(id_ for id_, row in self._side.accounts.items() if row["extId"] == code)

    def _company(self) -> None:
        account = self._side.accounts[self._account("BETA")]
        if account["deleted"]:
            self._side.open_account("BETA")
        else:
            self._side.touch(account, deleted=True)

    def _create(self, what: int) -> None:
        last, first = NAMES[what % len(NAMES)]
        values = {"lastName": last, "firstName": first, "accountId": self._account(COMPANIES[what % 2])}
        self._insert(values | {"email": self._typing.text("email"), "comment": f"Comment {what}"})

    def _insert(self, values: dict[str, Any]) -> None:
        self._side.born_here.add(self._side.insert(values)["id"])
        self._typing.typed(*values.values())

    def _edit(self, row: dict[str, Any], what: int) -> None:
        name = TYPED[what % len(TYPED)]
        more = ("", "Ω", "x" * 70)[what % 7 % 3] if name == "skype" else ""
        self._update(row, {FIELD[name]: self._typing.text(name) + more})

    def _clear(self, row: dict[str, Any], what: int) -> None:
        self._update(row, {(*FIELD.values(), "typeId", "gender")[what % 5]: None})

    def _choose(self, row: dict[str, Any], what: int) -> None:
        self._update(row, {"gender": what % 2, "typeId": (None, 1, 2, 3)[what % 4]})

    def _rename(self, row: dict[str, Any], what: int) -> None:
        last, first = NAMES[what % len(NAMES)]
        self._update(row, {"lastName": last, "firstName": first})

    def _move(self, row: dict[str, Any], what: int) -> None:
        self._update(row, {"accountId": self._account(COMPANIES[what % 2])})

    def _delete(self, row: dict[str, Any], what: int) -> None:
        born_in_sage = (row["extId"] or "").startswith(Side.SAGE100)
        (self._typing.given_up if born_in_sage else self._typing.typed_over)(*row.values())
        self._side.removed(row)

    def _recreate(self, row: dict[str, Any], what: int) -> None:
        self._delete(row, what)
        self._insert({name: row.get(name) for name in ("accountId", "lastName", "firstName", "email")})

    def _update(self, row: dict[str, Any], values: dict[str, Any]) -> None:
        before = {name: row.get(name) for name in values}
        if self._side.updated(row, values):
            self._typing.typed_over(*(before[name] for name in values if before[name] != row.get(name)))
            self._typing.typed(*values.values())


@dataclass
class Typing:
    """What users typed, as long as nobody knowingly typed over it or deleted it.

    Attributes:
        sage100: the Sage side.
        standing: the texts that must not be lost.
    """

    sage100: MemorySage
    standing: set[str] = field(default_factory=set)
    _given: set[str] = field(default_factory=set)

    def text(self, name: str) -> str:
        """A text for a field that was never typed before."""
        number = len(self._given) + 1
        text = {"email": f"t{number}@x.example", "skype": f"typed{number}.", "mobile": f"06{number:08}"}[name]
        self._given.add(text)
        return text

    def typed(self, *values: Any) -> None:
        """A user's side took these values."""
        self.standing |= _within(self._given, values)

    def typed_over(self, *values: Any) -> None:
        """A user who saw these values replaced or deleted them."""
        self.standing -= _within(self.standing, values)

    def given_up(self, *values: Any) -> None:
        """A user of SSM deleted a contact born in Sage: only what Sage does not show of it is given up (R8)."""
        shown = _within(self.standing, (v for row in self.sage100.living().values() for v in row.values()))
        self.standing -= _within(self.standing, values) - shown

    def lost(self, *values: Any) -> set[str]:
        """The texts that are in none of these values."""
        return self.standing - _within(self.standing, values)


def _within(texts: set[str], values: Iterable[Any]) -> set[str]:
    """Those of the texts that one of the values shows."""
    told = "\n".join(str(value) for value in values if value is not None)
    return {text for text in texts if text in told}


# --- the play


Deed = tuple[str, int, int]


@dataclass(frozen=True)
class Round:
    """What happens between two runs, and to the second one.

    Attributes:
        sage100: what users of Sage do.
        ssm: what users of SSM do.
        sage100_fates: what becomes of the run's writes to Sage.
        ssm_fates: what becomes of the run's writes to SSM.
        sage100_read_to: where the reading of Sage is cut off.
        ssm_read_to: where the reading of SSM is cut off.
    """

    sage100: list[Deed]
    ssm: list[Deed]
    sage100_fates: list[Fate] = field(default_factory=list)
    ssm_fates: list[Fate] = field(default_factory=list)
    sage100_read_to: int | None = None
    ssm_read_to: int | None = None


@dataclass(frozen=True)
class Answers:
    """The site's answers."""

    conflict: ConflictPolicy = ConflictPolicy.SAGE100
    refused: RefusedDeletion = RefusedDeletion.RESTORE
    missing_first_name: str | None = None
    truncate: bool = False

    @property
    def site(self) -> Site:
        """As the engine needs them; so few contacts may all be deleted at once."""
        policy = Policy(self.conflict, self.refused, DeletionLimit(1.0, 1000))
        return Site(
            worlds.DATABASE, STANDARD, Locale("FR", "fr", self.missing_first_name, truncate=self.truncate), policy
        )


class Play:
    """Both sides, their users, the state, and the runs between them."""

    def __init__(self, store: StateStore, answers: Answers) -> None:
        self.clock = Clock(NOON)
        self.store, self.site = store, answers.site
        self.sage100, self.ssm = MemorySage(self.clock), MemorySsm(self.clock)
        self.typing = Typing(self.sage100)
        self.users = {Side.SAGE100: SageUser(self.sage100, self.typing), Side.SSM: SsmUser(self.ssm, self.typing)}
        self.origins: dict[int, Side] = {}
        for code in COMPANIES:
            self.sage100.companies[code] = 0
            self.ssm.open_account(code)
        # By somebody who never changes each side is known again.
        self.sage100.born_here.add(
            self.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Anker", "CT_Prenom": "Eva"})["cbMarq"]
        )
        self.run()

    def happen(self, turn: Round) -> None:
        """Let users work on both sides, then run in that weather."""
        unconfirmed = self.unconfirmed
        for side, deeds in ((Side.SAGE100, turn.sage100), (Side.SSM, turn.ssm)):
            for deed in deeds:
                if not (unconfirmed and deed[0] in PATIENT):
                    self.users[side].act(*deed)
        self.sage100.weather = Weather(iter(turn.sage100_fates), turn.sage100_read_to)
        self.ssm.weather = Weather(iter(turn.ssm_fates), turn.ssm_read_to)
        self.run()
        self.sage100.weather, self.ssm.weather = Weather(), Weather()

    def run(self) -> RunReport | None:
        """One run a quarter of an hour later; None where it was killed or could not read a side."""
        self.clock.advance(minutes=15)
        lease = self.store.acquire("test", self.clock(), timedelta(minutes=2))
        run_id = f"run at {self.clock()}"
        run = Run(self.store, lease, self.sage100, self.ssm, self.site, RunOptions(), run_id=run_id, now=self.clock)
        try:
            for step in (run.observe, run.plan, run.guard, run.apply):
                step()
            report = run.report()
        except Killed:
            return None
        except SyncError as error:
            run.abort(error)
            report = None
        self.store.release(lease)
        return report

    def come_to_rest(self) -> RunReport:
        """Quiet runs, each after all pauses; the last of them has nothing to do."""
        for _ in range(QUIET_RUNS):
            self.clock.advance(hours=25)
            self.run()
        before = self.snapshot()
        self.clock.advance(hours=25)
        report = self.run()
        assert report is not None
        written = report.sage100.written + report.ssm.written, report.sage100.failed + report.ssm.failed
        assert written == (0, 0), f"not at rest after {QUIET_RUNS} quiet runs"
        assert self.snapshot() == before
        assert (report.problems_opened, report.problems_closed, report.notices) == (0, 0, 0)
        return report

    # --- what stands

    def snapshot(self) -> tuple[Any, Any]:
        """All rows of both sides."""
        return [dict(r) for r in self.sage100.contacts.values()], [dict(r) for r in self.ssm.contacts.values()]

    @property
    def links(self) -> list[Link]:
        """The living links."""
        with self.store.transaction() as memory:
            return memory.links()

    @property
    def unconfirmed(self) -> bool:
        """Whether it is not known of a create what became of it."""
        with self.store.transaction() as memory:
            return bool(memory.intents())

    @property
    def journal(self) -> list[JournalEntry]:
        """All entries."""
        with self.store.transaction() as memory:
            return memory.journal()

    @property
    def problems(self) -> list[JournalEntry]:
        """The problems that stand."""
        return [e for e in self.journal if e.kind is Kind.PROBLEM and e.closed_at is None]

    def mapper(self) -> Mapper:
        """How the two sides are compared."""
        clients = [{"CT_Num": code} for code, kind in self.sage100.companies.items() if kind == 0]
        companies = Companies(clients, self.ssm.accounts.values(), code_field="extId", scope=Scope())
        return Mapper(STANDARD, companies, worlds.CONTACT_TYPES, worlds.COLUMNS, self.site.locale)


# --- what must hold in the end


def unequal(play: Play) -> Iterator[str]:
    """The fields in which linked contacts differ without a problem that says why."""
    mapper = play.mapper()
    for link in play.links:
        here, there = play.sage100.contacts.get(link.sage100_id), play.ssm.contacts.get(link.ssm_id)
        if link.status is LinkStatus.ASLEEP:
            continue
        assert here, f"{link} has no Sage contact"
        assert there, f"{link} has no SSM contact"
        one, two = mapper.sage100(here), mapper.ssm(play.ssm.shown(there))
        told = problems_of(play, link.sage100_id, link.ssm_id, one.company)
        if there["deleted"] and COMPANY in told:
            continue  # it is restored once its company is in SSM (P5, P6)
        for each in mapper.fields:
            pair = one.values[each.name], two.values[each.name]
            if not mapper.equal(each, *pair) and not told & {None, each.name}:
                # A null gender says nothing (RULES.md, "Fields").
                if each.name == "civility" and pair[1] is None:
                    continue
                yield f"{each.name} of {link.contact}: {pair}"


def problems_of(play: Play, sage100_id: int | None, ssm_id: int | None, company: str | None = None) -> set[str | None]:
    """The fields that open problems of a contact are about; None for the whole contact."""
    told: set[str | None] = set()
    for problem in play.problems:
        about = problem.entry.subject
        same = {about.sage100_id, about.ssm_id} & {sage100_id, ssm_id} - {None}
        if problem.entry.code is Code.AMBIGUOUS_MATCH:
            same |= {id_ for id_ in (sage100_id,) if str(id_) in str(problem.entry.details["other"]).split(", ")}
        waiting = about.sage100_id is None and about.ssm_id is None and about.company and about.company == company
        if same:
            told.add(problem.entry.field)
        if waiting:
            told.add(COMPANY if sage100_id and ssm_id else None)
        if same and problem.entry.code is Code.DUPLICATE_IN_SAGE:
            told |= {LAST_NAME, FIRST_NAME}
    return told


def left_out(play: Play) -> Iterator[str]:
    """The living contacts that have neither a link nor a problem that says why."""
    linked = {Side.SAGE100: {k.sage100_id for k in play.links}, Side.SSM: {k.ssm_id for k in play.links}}
    for id_, row in play.sage100.living().items():
        in_scope = play.sage100.companies[row["CT_Num"]] == 0
        if in_scope and id_ not in linked[Side.SAGE100] and not problems_of(play, id_, None, row["CT_Num"]):
            yield f"Sage {id_}"
    for id_ in play.ssm.living():
        if id_ not in linked[Side.SSM] and not problems_of(play, None, id_):
            yield f"SSM {id_}"


def doubles(play: Play) -> Iterator[str]:
    """Contacts in scope that the product created and that no link leads to: somebody stands there twice."""
    mapper, links = play.mapper(), play.links
    for id_ in play.sage100.living().keys() - play.sage100.born_here - {k.sage100_id for k in links}:
        if mapper.companies.in_scope(play.sage100.contacts[id_]["CT_Num"]):
            yield f"Sage {id_}"
    for id_ in play.ssm.living().keys() - play.ssm.born_here - {k.ssm_id for k in links}:
        if mapper.companies.in_scope(mapper.ssm(play.ssm.shown(play.ssm.contacts[id_])).company):
            yield f"SSM {id_}"


def check_end(play: Play) -> None:
    """All that must hold once both sides are at rest."""
    assert list(unequal(play)) == []
    assert list(left_out(play)) == []
    assert list(doubles(play)) == []
    assert Code.FLAPPING not in {problem.entry.code for problem in play.problems}, "nothing here changes by itself"
    for ids in ([k.sage100_id for k in play.links], [k.ssm_id for k in play.links]):
        assert max(Counter(ids).values(), default=1) == 1
    rows = [*play.sage100.living().values(), *play.ssm.living().values()]
    told = [v for e in play.journal for v in (e.entry.sage100_value, e.entry.ssm_value)]
    assert play.typing.lost(*(v for row in rows for v in row.values()), *told) == set()


def check_origins(play: Play) -> None:
    """The origin of a link never changes, and who was born in Sage was created there by a user."""
    for link in play.links:
        assert play.origins.setdefault(link.sage100_id, link.origin) is link.origin
        assert link.origin is Side.SSM or link.sage100_id in play.sage100.born_here, "deleted, and yet it lives on"


def check_ext_ids(play: Play) -> None:
    """Every linked living SSM contact bears its ``extId``, unless a problem says why not."""
    for link in play.links:
        row = play.ssm.contacts[link.ssm_id]
        told = problems_of(play, link.sage100_id, link.ssm_id)
        if link.status is LinkStatus.ACTIVE and not row["deleted"] and not told & {None, EXT_ID}:
            assert row["extId"] == str(ExtId(link.origin, worlds.DATABASE, link.sage100_id))


def untouched(play: Play) -> tuple[Any, Any]:
    """What is not in the field map, of the contacts that users created."""
    return (
        {id_: row["N_Service"] for id_, row in play.sage100.contacts.items() if id_ in play.sage100.born_here},
        {id_: row["comment"] for id_, row in play.ssm.contacts.items() if id_ in play.ssm.born_here},
    )


KINDS = ("create", "edit", "clear", "choose", "rename", "move", "delete", "recreate", "company")
deeds = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5), st.integers(0, 20)), max_size=4)
creations = st.lists(st.tuples(st.just("create"), st.just(0), st.integers(0, 11)), max_size=4)
fates = st.lists(st.sampled_from(Fate), max_size=4)
cuts = st.none() | st.none() | st.integers(1, 3)
rounds = st.builds(Round, deeds, deeds, fates, fates, cuts, cuts)
first_rounds = st.builds(Round, creations, creations, fates, fates)
answers = st.builds(
    Answers,
    st.sampled_from(ConflictPolicy),
    st.sampled_from(RefusedDeletion),
    st.sampled_from((None, "-")),
    st.booleans(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an empty state that examples copy."""
    path = tmp_path_factory.mktemp("states")
    StateStore.open(f"sqlite:///{path}/empty.db").close()
    return path


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(answers=answers, first=first_rounds, then=st.lists(rounds, min_size=1, max_size=3))
def test_whatever_happens_both_sides_come_to_rest_and_nothing_typed_is_lost(folder, answers, first, then):
    file = folder / f"{uuid.uuid4().hex}.db"
    shutil.copyfile(folder / "empty.db", file)
    with StateStore.open(f"sqlite:///{file}") as store:
        play = Play(store, answers)
        for turn in (first, *then):
            play.happen(turn)
            check_origins(play)
        before = untouched(play)
        play.come_to_rest()
        check_end(play)
        check_origins(play)
        check_ext_ids(play)
        after = untouched(play)
        assert all(before[n][id_] == value for n in (0, 1) for id_, value in after[n].items())
