"""Users who work on both sides in memory, and the runs between them: what plays are made of."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.companies import Companies, Scope
from sage100_ssm.sync.contacts.fields import STANDARD
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.failures import SyncError
from sage100_ssm.sync.journal import Code, Kind
from sage100_ssm.sync.model import Link, Side
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.policy import ConflictPolicy, DeletionLimit, Policy, RefusedDeletion, TooLong
from sage100_ssm.sync.run.context import Context, Run, RunOptions, Site
from sage100_ssm.sync.run.course import Step, synchronise
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.store import StateStore
from tests.support import worlds
from tests.support.memory_sides import Clock, Fate, Killed, MemorySage, MemorySsm, RefusedError, Weather

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
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
FIELD = {"email": "email", "skype": "skype", "mobile": "phone2"}


# --- what users do


class SageUser:
    """Users of Sage, within what Sage lets them do.

    Args:
        side: their side.
        typing: gives texts that were never typed before.

    Attributes:
        retyped: the contacts typed again in place of the one that was deleted. For the product they may be that
            one (P14): with its origin, and with texts that nobody has changed.
    """

    def __init__(self, side: MemorySage, typing: "Typing") -> None:
        self._side, self._typing = side, typing
        self.retyped: set[int] = set()

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
        again = {name: row[name] for name in ("CT_Num", "CT_Nom", "CT_Prenom", "CT_EMail")}
        if what % 2:
            self._insert(again)
        else:
            marq = self._side.insert(again | {"CT_No": row["CT_No"]})["cbMarq"]
            self._side.born_here.add(marq)
            self.retyped.add(marq)

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
        too_long = TooLong.TRUNCATE if self.truncate else TooLong.REFUSE
        return Site(
            database=worlds.DATABASE,
            fields=STANDARD,
            locale=worlds.LOCALE,
            policy=Policy(self.conflict, self.refused, too_long, self.missing_first_name, DeletionLimit(1.0, 1000)),
            scope=Scope(),
            code_field="extId",
            ext_id_once=False,
            time_budget=timedelta(minutes=14),
        )


class Play:
    """Both sides, their users, the state, and the runs between them."""

    def __init__(self, store: StateStore, answers: Answers) -> None:
        self.clock = Clock(NOON)
        self.store, self.site = store, answers.site
        self.sage100, self.ssm = MemorySage(self.clock), MemorySsm(self.clock)
        # Whether a number is given again is for the users to decide (`_recreate`), so that plays know who is who.
        self.sage100.gives_numbers_again = False
        self.typing = Typing(self.sage100)
        sage_user = SageUser(self.sage100, self.typing)
        self.retyped = sage_user.retyped
        self.users: dict[Side, SageUser | SsmUser] = {
            Side.SAGE100: sage_user,
            Side.SSM: SsmUser(self.ssm, self.typing),
        }
        self.origins: dict[int, Side] = {}
        self._mass_change_is_meant = False
        for code in COMPANIES:
            self.sage100.companies[code] = 0
            self.ssm.open_account(code)
        # By somebody who never changes each side is known again.
        self.sage100.born_here.add(
            self.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Anker", "CT_Prenom": "Eva"})["cbMarq"]
        )
        self.run()

    def happen(self, turn: Round) -> RunReport | None:
        """Let users work on both sides, then run in that weather."""
        for side, deeds in ((Side.SAGE100, turn.sage100), (Side.SSM, turn.ssm)):
            for deed in deeds:
                self.users[side].act(*deed)
        self.sage100.weather = Weather(iter(turn.sage100_fates), turn.sage100_read_to)
        self.ssm.weather = Weather(iter(turn.ssm_fates), turn.ssm_read_to)
        report = self.run()
        self.sage100.weather, self.ssm.weather = Weather(), Weather()
        return report

    def run(self) -> RunReport | None:
        """One run a quarter of an hour later; None where it was killed or could not read a side."""
        self.clock.advance(minutes=15)
        lease = self.store.acquire("test", self.clock(), timedelta(minutes=2))
        run_id = f"run at {self.clock()}"
        # P9: of so few people most may be renamed at once; somebody looks and says that it is meant.
        options = RunOptions(allow_mass_change=self._mass_change_is_meant)
        context = Context(self.store, self.sage100, self.ssm, self.site, options, self.clock)
        try:
            report = synchronise(Run(context, lease, run_id, self.clock()), self._take)
        except Killed:
            return None
        except SyncError:
            report = None
        self.store.release(lease)
        held = report.guards if report else ()
        self._mass_change_is_meant = any(entry.code is Code.MASS_CHANGE_GUARD for entry in held)
        return report

    def _take(self, step: Step, action: Callable[[], Any]) -> Any:
        result = action()
        if step is Step.PLAN:
            self._note_typed_again(result.plan)
            self._check_deletions(result.plan)
            self._check_disputes(result.plan)
        return result

    def _note_typed_again(self, plan: Plan) -> None:
        """P14: who was deleted and typed again in Sage goes on as the contact of the link that takes the new row."""
        rows = {link.id: link.sage100_id for link in self.links}
        moved = {link.sage100_id for link in plan.links if rows.get(link.id, link.sage100_id) != link.sage100_id}
        self.retyped |= moved

    def _check_disputes(self, plan: Plan) -> None:
        """P1 ``manual``: a field that waits for a person is not written."""
        waiting = {(p.entry.subject.sage100_id, p.entry.field) for p in self.problems if p.entry.code is Code.CONFLICT}
        for write in (write for write in plan.writes if write.action is Action.UPDATE):
            settled = {name for name in write.changes if (write.subject.sage100_id, name) in waiting}
            assert not settled, f"{settled} of {write.subject} waits for a person (P1)"

    def _check_deletions(self, plan: Plan) -> None:
        """R7, R8, R9, P13: nobody is deleted whom nobody deleted on the other side, where they may be deleted."""
        for write in (write for write in plan.writes if write.action is Action.DELETE):
            link, card = write.link, write.ssm
            assert link, f"{write.subject} is nobody's"
            assert card, f"{write.subject} is not in SSM"
            account = self.ssm.accounts[card.account or 0]
            again = sum(a["extId"] == account["extId"] and not a["deleted"] for a in self.ssm.accounts.values())
            outlived = write.side is Side.SSM and again == 1
            assert outlived or not account["deleted"], f"{write.subject} has left the scope (P13)"
            if write.side is Side.SAGE100:
                assert card.id in self.ssm.deleted_here, f"{write.subject} was deleted by nobody (R7)"
                assert link.origin is Side.SSM, f"{write.subject} was born in Sage (R8)"
                born_here = self.sage100.born_here - self.retyped
                assert link.sage100_id not in born_here, f"{write.subject} was born in Sage (R8)"
                company = self.sage100.contacts[link.sage100_id]["CT_Num"]
                assert self.sage100.companies[company] == 0, f"{write.subject} has left the scope (P13)"
            else:
                assert link.sage100_id not in self.sage100.living(), f"{write.subject} lives in Sage (R9)"
                assert link.sage100_id in self.sage100.deleted_here, f"{write.subject} was deleted by nobody (R9)"

    def come_to_rest(self) -> None:
        """Quiet runs, each after all pauses; then one that reads SSM whole, and one that does not, do nothing."""
        quiet = QUIET_RUNS
        while quiet:
            self.clock.advance(hours=25)
            self.run()
            # A run that waits for a person (P9) does not count.
            quiet -= not self._mass_change_is_meant
        before = self.snapshot()
        for hours in (25, 0):
            self.clock.advance(hours=hours)
            report = self.run()
            assert report is not None
            written = report.sage100.written + report.ssm.written, report.sage100.failed + report.ssm.failed
            assert written == (0, 0), f"not at rest after {QUIET_RUNS} quiet runs"
            assert self.snapshot() == before
            assert (report.problems_opened, report.problems_closed, report.notices) == (0, 0, 0)

    # --- what stands

    def snapshot(self) -> tuple[Any, Any]:
        """All rows of both sides."""
        return [dict(r) for r in self.sage100.contacts.values()], [dict(r) for r in self.ssm.contacts.values()]

    @property
    def links(self) -> list[Link]:
        """The live links."""
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
        return Mapper(STANDARD, companies, worlds.CONTACT_TYPES, worlds.COLUMNS, self.site.locale, self.site.policy)
