"""A small world to play scenarios in: two clients, both stand-ins, and what people see on either side.

Every scenario ends with the same check: one more run writes nothing, tells nothing new, and links stand one to one.
"""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sage100_ssm.app import assemble, sides
from sage100_ssm.app.assemble import plan_once, resync, run_once
from sage100_ssm.app.decisions import Answer, decide, take_back
from sage100_ssm.app.settings import Settings
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.people import SageUser, SsmUser
from sage100_ssm.standins.ssm_api.faults import Fault
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.resources import ApiField
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP, with_value_lists
from sage100_ssm.sync.failures import SyncError
from sage100_ssm.sync.journal import Kind
from sage100_ssm.sync.model import Link
from sage100_ssm.sync.rules.decisions import Choice
from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.sync.run.report import PlanReport, RunReport
from sage100_ssm.sync.state.records import JournalEntry, WriteRecord
from sage100_ssm.sync.state.store import StateStore

HASTE = RetryPolicy(
    attempts=3, wait_initial=0, wait_max=0, pause=0, pause_max=0.01, connect_timeout=1, answer_timeout=0.5
)
EXTRA_FIELDS = {"contacts": [ApiField("Z_note", max_length=500), ApiField("Z_fonction", max_length=200)]}


@dataclass
class Clock:
    """The time, on both sides and where runs are made; as far ahead of the real one as the scenario likes."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **units: float) -> None:
        """Let time go by."""
        self.ahead += timedelta(**units)


@dataclass
class Person:
    """One person, as the scenario follows them through both systems."""

    world: "World"
    marq: int
    ssm_id: int

    @property
    def row(self) -> dict[str, Any] | None:
        """Sage's row, or None."""
        return self.world.sage.contact(self.marq)

    @property
    def card(self) -> dict[str, Any]:
        """The SSM contact that the person was first seen as, deleted or not."""
        return self.world.ssm.contact(self.ssm_id)

    @property
    def link(self) -> Link | None:
        """The living link of Sage's row."""
        return self.world.links.get(self.marq)

    @property
    def standing(self) -> tuple[str, str] | None:
        """Origin and status of the link."""
        return (self.link.origin.value, self.link.status.value) if self.link else None

    @property
    def current(self) -> dict[str, Any]:
        """The SSM contact to which the link now leads."""
        assert self.link is not None
        return self.world.ssm.contact(self.link.ssm_id)

    def edit_sage(self, **columns: Any) -> None:
        """Somebody edits the person in Sage."""
        self.world.sage.edit_contact(self.marq, **columns)

    def edit_ssm(self, **fields: Any) -> None:
        """Somebody edits the person in SSM."""
        self.world.ssm.edit_contact(self.ssm_id, **fields)

    def delete_sage(self) -> None:
        """Somebody deletes the person in Sage."""
        self.world.sage.delete_contact(self.marq)

    def delete_ssm(self) -> None:
        """Somebody deletes the person in SSM."""
        self.world.ssm.delete_contact(self.ssm_id)


@dataclass
class World:
    """Both sides, the settings and the state, with the verbs of a scenario."""

    folder: Path
    api: SsmApiServer
    clock: Clock
    sage: SageUser
    ssm: SsmUser
    tree: dict[str, Any] = field(default_factory=dict)

    # --- settings

    @property
    def settings(self) -> Settings:
        """The settings as they now stand."""
        return Settings.model_validate(self.tree)

    def decide(self, **sections: Any) -> None:
        """Change settings: ``policy={"conflict": "ssm"}``, ``scope={…}``, ``fields={…}``."""
        for name, section in sections.items():
            known = self.tree.get(name)
            self.tree[name] = {**known, **section} if isinstance(known, dict) else section

    @property
    def state_file(self) -> Path:
        """The file of the state."""
        return self.folder / "state.db"

    def lose_state(self) -> None:
        """The state is lost."""
        self.state_file.unlink()

    # --- runs

    def run(self, *, meanwhile: Callable[[], object] | None = None, after: float = 15, **options: bool) -> RunReport:
        """One run, so many minutes after the last one.

        What people do ``meanwhile`` they do between the decisions and the first write.
        """
        self.clock.advance(minutes=after)
        self.api.requests.clear()
        step_done = {"apply": meanwhile} if meanwhile else {}
        return run_once(self.settings, RunOptions(**options), lambda step: step_done.get(step, lambda: None)())

    def resync(self) -> RunReport:
        """Links rebuilt from both sides; nothing is written to either."""
        before = self.snapshot()
        self.clock.advance(minutes=15)
        report = resync(self.settings)
        assert self.snapshot() == before, "a resync wrote to a side"
        return report

    def fails(self) -> int:
        """One run that does not get to its end. Returns the exit code."""
        with pytest.raises(SyncError) as caught:
            run_once(self.settings)
        return int(caught.value.exit_code)

    def answer(self, code: str, choice: str, other: int | None = None) -> int:
        """Somebody answers an open problem of that code (P16). Returns its number."""
        number = next(e.id for e in self.journal if e.entry.code == code and e.closed_at is None)
        with StateStore.open(self.settings.state) as store, store.transaction() as memory:
            decide(memory, number, Answer(Choice(choice), "claire", self.clock(), other))
        return number

    def take_back(self, problem: int) -> None:
        """Somebody takes the answer to a problem back."""
        with StateStore.open(self.settings.state) as store, store.transaction() as memory:
            take_back(memory, problem, "claire", self.clock())

    def plan(self) -> PlanReport:
        """What a run would do. Changes nothing anywhere."""
        before = self.snapshot(), self.memory
        plan = plan_once(self.settings)
        assert (self.snapshot(), self.memory) == before, "a plan changed something"
        return plan

    def disturb(self, *faults: Fault) -> None:
        """Order faults of the API."""
        self.api.faults.add(*faults)

    def calm(self) -> None:
        """Whatever went wrong is over."""
        self.api.faults.clear()
        self.api.on_request = self.api.on_answer = None

    # --- what stands

    def snapshot(self) -> tuple[Any, Any]:
        """All that users of both sides see."""
        return self.sage.snapshot(), self.ssm.snapshot()

    @property
    def memory(self) -> bytes:
        """The state's file, as it is."""
        return self.state_file.read_bytes() if self.state_file.exists() else b""

    @property
    def links(self) -> dict[int, Link]:
        """The living links, by ``cbMarq``."""
        with StateStore.open(self.settings.state, read_only=True) as store, store.transaction() as memory:
            return {link.sage100_id: link for link in memory.links()}

    @property
    def written(self) -> list[WriteRecord]:
        """The records of what was written, oldest first."""
        with StateStore.open(self.settings.state, read_only=True) as store, store.transaction() as memory:
            return memory.writes.all()[::-1]

    @property
    def journal(self) -> list[JournalEntry]:
        """All entries of the journal, oldest first."""
        with StateStore.open(self.settings.state, read_only=True) as store, store.transaction() as memory:
            return memory.journal()[::-1]

    @property
    def problems(self) -> list[tuple[str, str | None]]:
        """Code and field of the open problems, sorted."""
        standing = [e.entry for e in self.journal if e.kind is Kind.PROBLEM and e.closed_at is None]
        return sorted(((e.code.value, e.field) for e in standing), key=str)

    @property
    def notices(self) -> list[tuple[str, str | None, Any, Any]]:
        """Code, field, Sage's and SSM's value of the notices, oldest first."""
        told = [e.entry for e in self.journal if e.kind is Kind.NOTICE]
        return [(e.code.value, e.field, e.sage100_value, e.ssm_value) for e in told]

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Method and path of what the last run wrote to SSM."""
        return [(c.method, c.path) for c in self.api.requests if c.method != "GET" and c.path != "/login"]

    def names_in_sage(self) -> list[str]:
        """The last names in Sage, by ``cbMarq``."""
        return [row["CT_Nom"] for row in self.sage.contacts()]

    def names_in_ssm(self) -> list[str]:
        """The last names of the living contacts of SSM, by id."""
        return [row["lastName"] for row in self.ssm.contacts()]

    # --- people

    def company(self, code: str, **columns: Any) -> int:
        """A client that stands on both sides. Returns the account's id."""
        self.sage.create_company(code, code.title(), **columns)
        return self.ssm.create_company(code, code.title())

    def person(self, last: str, first: str, *, born: str = "sage100", company: str = "ALPHA", **more: Any) -> Person:
        """Somebody who was created on one side, ``more`` in that side's names, and has come to the other."""
        if born == "sage100":
            marq = self.sage.create_contact(company, last, first, **more)
            self.run()
            return Person(self, marq, self.links[marq].ssm_id)
        ssm_id = self.ssm.create_contact(company, last, first, **more)
        self.run()
        return Person(self, next(link.sage100_id for link in self.links.values() if link.ssm_id == ssm_id), ssm_id)

    def bystander(self) -> None:
        """Somebody else on both sides: a side with nobody left would stop the run (P9)."""
        self.person("Zelle", "Zita", company="BETA")

    def follow(self, marq: int, ssm_id: int) -> Person:
        """The person who is this row in Sage and this contact in SSM."""
        return Person(self, marq, ssm_id)

    def people(self, number: int, *, born: str = "sage100") -> list[Person]:
        """Several persons, brought over in one run."""
        create = self.sage.create_contact if born == "sage100" else self.ssm.create_contact
        ids = [create("ALPHA", f"Personne{n:02}", "Camille") for n in range(number)]
        self.run()
        links = {(link.sage100_id if born == "sage100" else link.ssm_id): link for link in self.links.values()}
        return [Person(self, links[one].sage100_id, links[one].ssm_id) for one in ids]

    def rest(self) -> None:
        """One more run writes nothing, tells nothing new, and links stand one to one."""
        before = self.snapshot()
        report = self.run(after=0)
        told = {
            "sage100": report.sage100.written,
            "ssm": report.ssm.written,
            "failed": report.sage100.failed + report.ssm.failed,
            "opened": report.problems_opened,
            "closed": report.problems_closed,
            "notices": report.notices,
        }
        assert told == dict.fromkeys(told, 0), "a second run is not quiet"
        assert self.writes == [], "a second run writes to SSM"
        assert self.snapshot() == before
        assert max(Counter(link.ssm_id for link in self.links.values()).values(), default=1) == 1


@pytest.fixture(scope="session")
def server():
    with SsmApiServer() as api:
        yield api


@pytest.fixture(scope="session")
def empty_company(tmp_path_factory):
    path = tmp_path_factory.mktemp("sage") / "empty.db"
    create_company_database(path, companies=(), contacts=())
    return path


@pytest.fixture
def quirks(request):
    """How SSM behaves: ``@pytest.mark.parametrize("quirks", [Quirks(…)], indirect=True)``."""
    return getattr(request, "param", Quirks())


@pytest.fixture
def stage(server, empty_company, empty_state, quirks, tmp_path, monkeypatch):
    """Two clients on both sides, and nobody in them; the final check is left to the scenario."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # loopback needs no certificates, and loading them takes long
    monkeypatch.setattr(sides, "RetryPolicy", partial(replace, HASTE))
    clock = Clock()
    monkeypatch.setattr(assemble, "utc_now", clock)
    server.reset(with_value_lists(Store(quirks, clock=clock, extra_fields=EXTRA_FIELDS)))
    database = tmp_path / "company.db"
    shutil.copyfile(empty_company, database)
    world = World(tmp_path, server, clock, SageUser(database, clock=clock), SsmUser(server))
    shutil.copy(empty_state, world.state_file)
    world.tree = {
        "sage100": {"company": "TEST", "connection": {"kind": "sqlite", "path": str(database)}},
        "ssm": {
            "base_url": server.base_url,
            "public_key": server.public_key,
            "private_key": server.private_key,
            "requests_per_second": 10_000,
            "default_sales_rep_id": SALES_REP,
            "default_branch_id": BRANCH,
        },
        "state": f"sqlite:///{world.state_file}",
    }
    world.company("ALPHA")
    world.company("BETA")
    return world


@pytest.fixture
def world(stage):
    """A stage that must come to rest when the scenario is over."""
    yield stage
    stage.calm()
    stage.rest()
