"""Users who work on both sides in memory, and the runs between them: what plays are made of."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest import mock

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts import fields, normalise
from sage100_ssm.sync.contacts.companies import Companies, Scope
from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.contacts.fields import STANDARD
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.failures import SyncError
from sage100_ssm.sync.journal import Code, Kind
from sage100_ssm.sync.model import Link, Side
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.policy import ConflictPolicy, DeletionLimit, Policy, RefusedDeletion, TooLong
from sage100_ssm.sync.run import rounds
from sage100_ssm.sync.run.context import Context, Run, RunOptions, Site
from sage100_ssm.sync.run.course import Step, synchronise
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.state.errors import LeaseLost
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.store import StateStore
from tests.support import worlds
from tests.support.memory_sides import Clock, Fate, Killed, MemorySage, MemorySsm, RefusedError, Weather
from tests.support.part_and_whole import check_part, check_sieve

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
QUIET_RUNS = 3
COMPANIES = ("ALPHA", "BETA")
FOREIGN = "sage100:COPIE:7"
"""The mark of another company database."""

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
        replaced: the ``cbMarq`` under which an import has put another contact.
    """

    def __init__(self, side: MemorySage, typing: "Typing") -> None:
        self._side, self._typing = side, typing
        self.retyped: set[int] = set()
        self.replaced: set[int] = set()

    def act(self, kind: str, who: int, what: int) -> None:
        """Do something to the ``who``-th contact; what Sage refuses is not done."""
        people = [row for row in self._side.living().values() if row["CT_Nom"] != "Anker"]
        with suppress(RefusedError):
            if kind == "create":
                self._create(what)
            elif kind == "company":
                self._side.companies["BETA"] = 1 - self._side.companies["BETA"]
            elif people:
                getattr(self, kind)(people[who % len(people)], what)

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

    def edit(self, row: dict[str, Any], what: int) -> None:
        """Type a new text into a field."""
        name = TYPED[what % len(TYPED)]
        self.update(row, {COLUMN[name]: self._typing.text(name)})

    def clear(self, row: dict[str, Any], what: int) -> None:
        self.update(row, {(*COLUMN.values(), "CT_Prenom", "CT_Fonction")[what % 5]: ""})

    def choose(self, row: dict[str, Any], what: int) -> None:
        self.update(row, {"CT_Civilite": what % 3, "CT_Fonction": ("", "acheteur", "Gerant", "Zouave")[what % 4]})

    def rename(self, row: dict[str, Any], what: int) -> None:
        last, first = NAMES[what % len(NAMES)]
        self.update(row, {"CT_Nom": last, "CT_Prenom": first})

    def move(self, row: dict[str, Any], what: int) -> None:
        self.update(row, {"CT_Num": COMPANIES[what % 2]})

    def delete(self, row: dict[str, Any], what: int) -> None:
        self._typing.typed_over(*row.values())
        self._side.removed(row)

    def recreate(self, row: dict[str, Any], what: int) -> None:
        self.delete(row, what)
        again = {name: row[name] for name in ("CT_Num", "CT_Nom", "CT_Prenom", "CT_EMail")}
        if what % 2:
            self._insert(again)
        else:
            marq = self._side.insert(again | {"CT_No": row["CT_No"]})["cbMarq"]
            self._side.born_here.add(marq)
            self.retyped.add(marq)

    def replace(self, row: dict[str, Any], what: int) -> None:
        """An import puts somebody else under the ``cbMarq`` of a contact."""
        last, first = NAMES[what % len(NAMES)]
        if normalise.name(last) == normalise.name(row["CT_Nom"]):
            return
        self.delete(row, what)
        values = {"CT_Num": row["CT_Num"], "CT_Nom": last, "CT_Prenom": first, "CT_EMail": self._typing.text("email")}
        try:
            self._side.insert(values, marq=row["cbMarq"])
        except RefusedError:
            return
        self._side.born_here.add(row["cbMarq"])
        self.replaced.add(row["cbMarq"])
        self._typing.typed(*values.values())

    def update(self, row: dict[str, Any], values: dict[str, Any]) -> None:
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
                getattr(self, kind)(people[who % len(people)], what)

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

    def edit(self, row: dict[str, Any], what: int) -> None:
        """Type a new text into a field."""
        name = TYPED[what % len(TYPED)]
        more = ("", "Ω", "x" * 70)[what % 7 % 3] if name == "skype" else ""
        self.update(row, {FIELD[name]: self._typing.text(name) + more})

    def clear(self, row: dict[str, Any], what: int) -> None:
        self.update(row, {(*FIELD.values(), "typeId", "gender")[what % 5]: None})

    def choose(self, row: dict[str, Any], what: int) -> None:
        self.update(row, {"gender": what % 2, "typeId": (None, 1, 2, 3)[what % 4]})

    def rename(self, row: dict[str, Any], what: int) -> None:
        last, first = NAMES[what % len(NAMES)]
        self.update(row, {"lastName": last, "firstName": first})

    def move(self, row: dict[str, Any], what: int) -> None:
        self.update(row, {"accountId": self._account(COMPANIES[what % 2])})

    def delete(self, row: dict[str, Any], what: int) -> None:
        born_in_sage = (row["extId"] or "").startswith(Side.SAGE100)
        (self._typing.given_up if born_in_sage else self._typing.typed_over)(*row.values())
        self._side.removed(row)

    def recreate(self, row: dict[str, Any], what: int) -> None:
        self.delete(row, what)
        self._insert({name: row.get(name) for name in ("accountId", "lastName", "firstName", "email")})

    def twin(self, row: dict[str, Any], what: int) -> None:
        """An import brings a contact in a second time, with its ``extId``."""
        self._insert(row)

    def mark(self, row: dict[str, Any], what: int) -> None:
        """Another installation marks a contact as its own, or gives it up (P15)."""
        self._side.touch(row, extId=None if row["extId"] == FOREIGN else FOREIGN)

    def odd(self, row: dict[str, Any], what: int) -> None:
        """SSM shows a row in a way that nobody described, or as it should again."""
        if self._side.odd.pop(row["id"], None) is None:
            future = (self._side.clock() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            shown: tuple[dict[str, Any], ...] = (
                {"deleted": "false"},
                {"deleted": 1},
                {"dateUpdated": "2026-03-02T11:00:00"},
                {"dateUpdated": future},
                {"dateUpdated": "yesterday"},
                {"gender": "male"},
                {"extId": 7},
                {"lastName": {"id": 3}},
                {"id": "none"},
            )
            self._side.odd[row["id"]] = shown[what % len(shown)]
        # What SSM shows is read again where the row has changed.
        self._side.touch(row, comment=f"Comment {what}")

    def update(self, row: dict[str, Any], values: dict[str, Any]) -> None:
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
        limit = DeletionLimit(1.0, 1000)
        return Site(
            database=worlds.DATABASE,
            fields=STANDARD,
            locale=worlds.LOCALE,
            policy=Policy(self.conflict, self.refused, too_long, self.missing_first_name, max_deletions=limit),
            scope=Scope(),
            code_field="extId",
            ext_id_once=False,
            time_budget=timedelta(minutes=14),
        )


class Play:
    """Both sides, their users, the state, and the runs between them.

    Args:
        store: the state.
        answers: the site's answers.
        at_once: how many companies a round of a run looks at; None for as many as the product has.
    """

    def __init__(self, store: StateStore, answers: Answers, at_once: int | None = None) -> None:
        self._at_once = at_once
        self.clock = Clock(NOON)
        self.store, self.site = store, answers.site
        self.sage100, self.ssm = MemorySage(self.clock), MemorySsm(self.clock)
        # Whether a number is given again is for the users to decide (`_recreate`), so that plays know who is who.
        self.sage100.gives_numbers_again = False
        self.typing = Typing(self.sage100)
        sage_user, self._ssm_user = SageUser(self.sage100, self.typing), SsmUser(self.ssm, self.typing)
        self.retyped, self.replaced = sage_user.retyped, sage_user.replaced
        self.users: dict[Side, SageUser | SsmUser] = {Side.SAGE100: sage_user, Side.SSM: self._ssm_user}
        self.origins: dict[int, Side] = {}
        self.is_confirmed = False
        self._number_of_runs, self._clock_ahead = 0, timedelta()
        for side in (self.sage100, self.ssm):
            side.meanwhile = self.pass_by
        self.ssm.edit = self._edit_before_read_back
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

    def run(self, *, minutes: int = 15, clock_ahead: timedelta = timedelta()) -> RunReport | None:
        """One run; None where it was killed, could not read a side, or was overtaken by another one while frozen.

        Args:
            minutes: how long after what happened last.
            clock_ahead: how far the clock of its machine is ahead of the sides' clock.
        """
        # The ten minutes for which a creation is not repeated (P11) are those of the machine's clock.
        differs = clock_ahead != self._clock_ahead
        self._clock_ahead = clock_ahead
        self.clock.advance(minutes=max(minutes, 10) if differs else minutes)
        # Whose clock decides about a lease is tested elsewhere; here the time of the run's decisions is wrong.
        lease = self.store.acquire("test", self.clock(), timedelta(minutes=2))
        self._number_of_runs += 1

        def now() -> datetime:
            return self.clock() + clock_ahead

        # P9: of so few people most may be renamed at once; somebody looks and says that it is meant.
        options = RunOptions(allow_mass_change=self.is_confirmed)
        context = Context(self.store, self.sage100, self.ssm, self.site, options, now)
        take = partial(self._take, context)
        for side in (self.sage100, self.ssm):
            side.check = lambda: self.store.check(lease)
        in_rounds = mock.patch.object(rounds, "COMPANIES_AT_ONCE", self._at_once) if self._at_once else nullcontext()
        try:
            with in_rounds:
                report = synchronise(Run(context, lease, f"run {self._number_of_runs}", now()), take)
        except (Killed, LeaseLost):
            return None
        except SyncError:
            report = None
        finally:
            for side in (self.sage100, self.ssm):
                side.check = int
        self.store.release(lease)
        held = report.guards if report else ()
        self.is_confirmed = any(entry.code is Code.MASS_CHANGE_GUARD for entry in held)
        return report

    def pass_by(self) -> None:
        """Another run, undisturbed, while one is frozen."""
        weathers = [(side, side.weather, side.check) for side in (self.sage100, self.ssm)]
        self.sage100.weather, self.ssm.weather = Weather(), Weather()
        self.run(minutes=3, clock_ahead=self._clock_ahead)
        for side, weather, check in weathers:
            side.weather, side.check = weather, check

    def _edit_before_read_back(self, card: dict[str, Any]) -> None:
        """A user of SSM edits a contact that the product has just written."""
        with suppress(RefusedError):
            self._ssm_user.edit(card, 0)

    def _take(self, context: Context, step: Step, action: Callable[[], Any]) -> Any:
        result = action()
        if step is Step.PLAN:
            if not self._at_once:
                check_part(context, result)
            elif result.round.is_first:
                check_sieve(context, result.seen)
            self._note_typed_again(result.plan)
            self._check_deletions(result.plan)
            self._check_disputes(result.plan)
        return result

    def _note_typed_again(self, plan: Plan) -> None:
        """P14: who was deleted and typed again in Sage goes on as the contact of the link that takes the new row."""
        rows = {link.id: link.sage100_id for link in self.links}
        moved = {link.sage100_id for link in plan.links if rows.get(link.id, link.sage100_id) != link.sage100_id}
        self.retyped |= moved
        # Whom we were creating in Sage was created in SSM, even if a user was faster in Sage.
        with self.store.transaction() as memory:
            begun = {i.source_id for i in memory.intents() if i.side is Side.SAGE100}
        self.retyped |= {match.sage100.id for match in plan.matches if match.ssm.id in begun}

    def _check_disputes(self, plan: Plan) -> None:
        """P1 ``manual``: a field that waits for a person is not written, unless a person has decided (P16)."""
        disputed = [p.entry for p in self.problems if p.entry.code is Code.CONFLICT]
        with self.store.transaction() as memory:
            decided = memory.decisions.current().values.items()
        answered = {(pair.sage100_id, name) for pair, values in decided for name in values}
        # An answer about one name is about both (P1).
        answered |= {(marq, name) for marq, one in answered if one in fields.NAMES for name in fields.NAMES}
        waiting = {(entry.subject.sage100_id, entry.field) for entry in disputed} - answered
        for write in (write for write in plan.writes if write.action is Action.UPDATE):
            settled = {name for name in write.changes if (write.subject.sage100_id, name) in waiting}
            assert not settled, f"{settled} of {write.subject} waits for a person (P1)"

    def _check_deletions(self, plan: Plan) -> None:
        """R7, R8, R9, P13: nobody is deleted whom nobody deleted on the other side, where they may be deleted."""
        for write in (write for write in plan.writes if write.action is Action.DELETE):
            link, card = write.link, write.ssm
            assert card is None or card.ext_id != FOREIGN, f"{write.subject} belongs to another database (P15)"
            assert link, f"{write.subject} is nobody's"
            assert card, f"{write.subject} is not in SSM"
            account = self.ssm.accounts[card.account or 0]
            again = sum(a["extId"] == link.company and not a["deleted"] for a in self.ssm.accounts.values())
            # That an account is deleted is not known where the reading of SSM broke off.
            outlived = write.side is Side.SSM and (again == 1 or self.ssm.weather.read_to is not None)
            assert outlived or not account["deleted"], f"{write.subject} has left the scope (P13)"
            if write.side is Side.SAGE100:
                assert card.id in self.ssm.deleted_here, f"{write.subject} was deleted by nobody (R7)"
                assert link.origin is Side.SSM, f"{write.subject} was born in Sage (R8)"
                born_here = self.sage100.born_here - self.retyped - self.replaced
                assert link.sage100_id not in born_here, f"{write.subject} was born in Sage (R8)"
                company = self.sage100.contacts[link.sage100_id]["CT_Num"]
                assert self.sage100.companies[company] == 0, f"{write.subject} has left the scope (P13)"
                mark = str(ExtId(link.origin, worlds.DATABASE, link.sage100_id))
                free = (
                    self.ssm.living().keys() - {k.ssm_id for k in self.links} - self.ssm.unlisted - self.ssm.invisible
                )
                heirs = [id_ for id_ in free - self.ssm.odd.keys() if self.ssm.contacts[id_]["extId"] == mark]
                assert heirs == [], f"{heirs} have the external id of {write.subject} (R7)"
            else:
                lives = link.sage100_id in self.sage100.living().keys() - self.replaced
                assert not lives, f"{write.subject} lives in Sage (R9)"
                assert link.sage100_id in self.sage100.deleted_here, f"{write.subject} was deleted by nobody (R9)"

    def come_to_rest(self) -> None:
        """Quiet runs, each after all pauses; then one that reads SSM whole, and one that does not, do nothing."""
        quiet = QUIET_RUNS
        while quiet:
            self.clock.advance(hours=25)
            self.run()
            # A run that waits for a person (P9) does not count.
            quiet -= not self.is_confirmed
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
