"""How each journal entry comes about: by a plan, a guard, a receipt or a run, and never made up by hand."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.sync.contacts.companies import Scope
from sage100_ssm.sync.contacts.fields import Direction, FieldChange, field_map
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Code, Decided, Entry, Subject, UndoAsked
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.planning.flapping import ENOUGH, stop_flapping
from sage100_ssm.sync.planning.guards import Lifted, guard
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import PartlyRead, Unreadable
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.policy import ConflictPolicy, Policy, TooLong
from sage100_ssm.sync.run.observe import unreachable
from sage100_ssm.sync.run.receipts import after_write, refusals, restored_in_part
from sage100_ssm.sync.state.store import StateStore
from tests.support import worlds
from tests.support.memory_play import Answers, Play
from tests.support.memory_sides import Fate, Weather

Row = dict[str, Any]

OURS = "sage100:TEST:1"
ADA, ADA_THERE = worlds.sage_row(), worlds.ssm_row(extId=OURS)
GONE_THERE = ADA_THERE | {"deleted": True}
BY_USER = {"salesRepIdDeleted": 90}
MARTIN = worlds.sage_row(2, CT_Nom="Martin")
ACCOUNTS = [dict(account) for account in worlds.ACCOUNTS]


def the(code: Code, entries: Iterable[Entry]) -> Entry:
    """The first entry of a code."""
    return next(entry for entry in entries if entry.code is code)


def planned(code: Code, plan: Plan) -> Entry:
    """The first entry of a code in a plan, wherever it is in there."""
    return the(code, [*plan.problems, *plan.notices, *(notice for w in plan.writes for notice in w.notices)])


def of_a_link(code: Code, sage100: Row | None, ssm: Row | None, *, using: Mapper | None = None, **link: Any) -> Entry:
    """What a plan says of Ada, who is linked and now shows this."""
    policy = link.pop("policy", None)
    base = link.pop("base_of", (ADA, ADA_THERE))
    known = worlds.linked(*base, using=using, **link)
    here, there = ([row] if row else [] for row in (sage100, ssm))
    return planned(code, decide(worlds.world(here, there, [known], using=using, policy=policy)))


def of_newcomers(code: Code, sage100: list[Row], ssm: list[Row], using: Mapper | None = None) -> Entry:
    """What a plan says of contacts without a link."""
    return planned(code, decide(worlds.world(sage100, ssm, using=using)))


def of_namesakes(side: Side) -> Entry:
    """What a plan says of a contact of one side where several on both sides have its name."""
    rows, cards = [ADA, worlds.sage_row(2)], [worlds.ssm_row(501), worlds.ssm_row(502)]
    problems = decide(worlds.world(rows, cards)).problems
    return next(e for e in problems if (e.subject.ssm_id is None) is (side is Side.SAGE100))


def with_accounts(*accounts: Row) -> Mapper:
    """The standard field map, with these accounts in SSM."""
    return worlds.mapper(known=worlds.companies(accounts=accounts))


def cutting() -> Mapper:
    """The field map of a site that shortens what is too long, its job titles being a free text in SSM."""
    return worlds.mapper(worlds.FREE_JOB_TITLES, policy=Policy(too_long=TooLong.TRUNCATE))


# --- receipts


def write_to(side: Side, action: Action = Action.UPDATE) -> tuple[Write, Mapper]:
    """A write to one side: an e-mail of Ada's, or Ada as a new contact."""
    known = worlds.mapper()
    if action is Action.CREATE:
        rows = ([ADA], []) if side is Side.SSM else ([], [worlds.ssm_row()])
        (write,) = decide(worlds.world(*rows)).writes
        return write, known
    here, there = (ADA, ADA_THERE | {"email": "a@x.example"})
    if side is Side.SSM:
        here, there = ADA | {"CT_EMail": "a@x.example"}, ADA_THERE
    (write,) = decide(worlds.world([here], [there], [worlds.linked(ADA, ADA_THERE)])).writes
    return write, known


def refused(side: Side, cause: Cause, action: Action = Action.UPDATE, **receipt: Any) -> Entry:
    """What follows from a write that the side does not do."""
    write, known = write_to(side, action)
    outcome = Outcome.RETRY if cause is Cause.LOCKED else Outcome.REFUSED
    (entry,) = refusals(write, Receipt(0, "contacts", action, outcome, cause=cause, **receipt), known)
    return entry


def restored_without(**refused: str) -> Entry:
    """What follows from restoring Ada in SSM, which refuses some of what her deleted row has."""
    known = worlds.mapper()
    (write,) = decide(worlds.world([ADA], [GONE_THERE], [worlds.linked(ADA, ADA_THERE)])).writes
    entry = restored_in_part(write, Receipt(0, "contacts", Action.CREATE, Outcome.APPLIED, refused=refused), known)
    assert entry, "something was refused"
    return entry


def not_applied() -> Entry:
    """What follows from an e-mail that SSM accepts and does not change."""
    write, known = write_to(Side.SSM)
    return after_write(write, write.link, known.read(Side.SSM, ADA_THERE), known).not_applied[0]


def flapping() -> Entry:
    """What follows from an e-mail that is written again in run after run."""
    write, known = write_to(Side.SSM)
    memory: dict[str, Any] = {}
    for _ in range(ENOUGH):
        _, _, rewrites = stop_flapping(Plan(writes=(write,)), memory, known)
        memory = rewrites.remembered([write])
    return stop_flapping(Plan(writes=(write,)), memory, known)[1][0]


# --- guards


def people(number: int) -> tuple[list[Row], list[Row]]:
    """So many contacts, the same on both sides."""
    names = [f"Person{n}" for n in range(1, number + 1)]
    here = [worlds.sage_row(n, CT_Nom=name) for n, name in enumerate(names, 1)]
    there = [worlds.ssm_row(500 + n, lastName=name, extId=f"sage100:TEST:{n}") for n, name in enumerate(names, 1)]
    return here, there


def guarded(code: Code, number: int, lifted: Lifted | None = None, **world: Any) -> Entry:
    """What guards say of linked people of whom the sides now show this; by default what they showed."""
    plan, stops = plan_and_guards(number, lifted, **world)
    return the(code, [*stops, *plan.notices])


def let_through(number: int, lifted: Lifted, **world: Any) -> Entry:
    """What is said of one of those who are deleted because a guard was lifted."""
    plan, _ = plan_and_guards(number, lifted, **world)
    return the(Code.GUARD_LIFTED, [notice for write in plan.writes for notice in write.notices])


def plan_and_guards(number: int, lifted: Lifted | None, **world: Any) -> tuple[Plan, tuple[Entry, ...]]:
    here, there = people(number)
    links = [worlds.linked(*pair) for pair in zip(here, there, strict=True)]
    shown = worlds.world(world.pop("sage100", here), world.pop("ssm", there), links)
    return guard(decide(replace(shown, **world)), replace(shown, **world), lifted or Lifted())


def edited(rows: list[Row]) -> list[Row]:
    """The same contacts of SSM, each with an e-mail of its own."""
    return [row | {"email": f"new{row['id']}@x.example"} for row in rows]


def renamed(rows: list[Row]) -> list[Row]:
    """The same contacts of SSM, each under the name of somebody else."""
    return [row | {"lastName": f"Other{row['id']}", "firstName": f"Zoé{row['id']}"} for row in rows]


def older(rows: list[Row]) -> list[Row]:
    """The same contacts of Sage, as a backup would bring them back."""
    return [row | {"CT_EMail": "old@x.example", "cbModification": "2026-02-01T09:00:00+01:00"} for row in rows]


# --- runs


def plan_of_an_older_row() -> Plan:
    """The plan after an import tool changed a row of Sage and left it an old stamp."""
    rows, cards = people(1)
    links = [worlds.linked(*pair) for pair in zip(rows, cards, strict=True)]
    return decide(worlds.world(older(rows), cards, links))


@contextmanager
def a_play() -> Iterator[Play]:
    """Whole runs over two sides in memory."""
    with tempfile.TemporaryDirectory() as folder, StateStore.open(f"sqlite:///{Path(folder) / 'state.db'}") as store:
        yield Play(store, Answers())


def after_a_run(code: Code, happens: Callable[[Play], object]) -> Entry:
    """What the journal says after something has happened and a run has followed."""
    with a_play() as play:
        happens(play)
        play.run()
        return the(code, [known.entry for known in play.journal])


def ssm_shows_an_odd_row(play: Play) -> None:
    """A reference that is no number."""
    play.ssm.contacts[900] = next(iter(play.ssm.contacts.values())) | {"id": 900, "accountId": "eleven"}


def asked_back_too_late(play: Play, old: str = "old@x.example") -> None:
    """An e-mail is edited, asked back, and edited once more."""
    row = play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Aubrelin", "CT_Prenom": "Ada", "CT_EMail": old})
    play.run()
    play.sage100.updated(row, {"CT_EMail": "new@x.example"})
    play.run()
    with play.store.transaction() as transaction:
        transaction.writes.ask_undo(transaction.writes.all(1)[0].id or 0, ["email"])
    play.sage100.updated(row, {"CT_EMail": "third@x.example"})


def sage_is_read_only(play: Play) -> None:
    """The login may only read contacts in Sage."""
    play.sage100.is_read_only = True


def sage_is_cut_off(play: Play) -> None:
    """The reading of Sage breaks off before its end."""
    play.sage100.weather = Weather(read_to=1)


def ssm_is_away(play: Play) -> None:
    """Nothing of SSM can be read."""
    play.ssm.weather = Weather(read_to=0)


def sage_breaks_off(play: Play) -> None:
    """A write to Sage finds no connection any more."""
    play.ssm.insert({"accountId": max(play.ssm.accounts), "lastName": "Aubrelin", "firstName": "Ada"})
    play.sage100.weather = Weather(iter([Fate.BROKEN]))


def ssm_is_another_instance(play: Play) -> None:
    """The same ids, and other rows."""
    for row in (*play.ssm.contacts.values(), *play.ssm.accounts.values()):
        row.update(extId=None, dateCreated="2001-01-01T00:00:00Z", dateUpdated="2026-03-02T12:10:00Z")


# --- all of them

ANSWERED = Subject("ALPHA", 1, 501, "Ada Aubrelin")

C, S = Code, Side
HOW: Mapping[str, Callable[[], Entry]] = {
    "no account": lambda: of_newcomers(C.COMPANY_MISSING, [], [worlds.ssm_row(accountId=None)]),
    "an account with a supplier's code": lambda: of_newcomers(
        C.COMPANY_NOT_IN_SAGE, [], [worlds.ssm_row()], with_accounts(ACCOUNTS[0] | {"extId": "GAMMA"})
    ),
    "an account without a code": lambda: of_newcomers(
        C.COMPANY_NOT_IN_SAGE, [], [worlds.ssm_row()], with_accounts(ACCOUNTS[0] | {"extId": None})
    ),
    "a company that Sage deletes meanwhile": lambda: refused(S.SAGE100, Cause.COMPANY_MISSING, Action.CREATE),
    "a company without an account": lambda: of_newcomers(C.COMPANY_NOT_IN_SSM, [ADA, MARTIN], [], with_accounts()),
    "two accounts of one code": lambda: of_newcomers(
        C.AMBIGUOUS_COMPANY, [ADA], [], with_accounts(ACCOUNTS[0], ACCOUNTS[0] | {"id": 13, "name": "Alpha SA"})
    ),
    "a company that the settings leave out": lambda: of_a_link(
        C.OUT_OF_SCOPE, ADA, ADA_THERE, using=worlds.mapper(known=worlds.companies(scope=Scope(exclude=("AL*",))))
    ),
    "a client who has become a supplier": lambda: of_a_link(
        C.OUT_OF_SCOPE, ADA, ADA_THERE, using=worlds.mapper(known=worlds.companies(clients=()))
    ),
    "a deleted account": lambda: of_a_link(
        C.OUT_OF_SCOPE, ADA, ADA_THERE, using=with_accounts(ACCOUNTS[0] | {"deleted": True})
    ),
    "a contact of SSM that went with its account": lambda: of_a_link(
        C.OUT_OF_SCOPE, ADA, GONE_THERE, using=with_accounts(ACCOUNTS[0] | {"deleted": True}), origin=S.SSM
    ),
    "a contact that SSM no longer shows": lambda: of_a_link(C.NOT_VISIBLE_IN_SSM, ADA, None),
    "a move in SSM": lambda: of_a_link(C.COMPANY_CHANGE_REFUSED, ADA, ADA_THERE | {"accountId": 12}),
    "deleted in SSM, born in Sage": lambda: of_a_link(C.DELETION_REFUSED, ADA, GONE_THERE),
    "deleted in SSM, edited in Sage": lambda: of_a_link(
        C.DELETION_REFUSED, ADA | {"CT_EMail": "new@x.example"}, GONE_THERE, origin=S.SSM
    ),
    "deleted in SSM by a user who is known": lambda: of_a_link(C.DELETION_REFUSED, ADA, GONE_THERE | BY_USER),
    "deleted in SSM by a user who is known, edited in Sage": lambda: of_a_link(
        C.DELETION_REFUSED, ADA | {"CT_EMail": "new@x.example"}, GONE_THERE | BY_USER, origin=S.SSM
    ),
    "deleted in SSM by a user who is known, born in SSM": lambda: of_a_link(
        C.DELETED_IN_SAGE, ADA, GONE_THERE | {"salesRepIdDeleted": {"id": 90}}, origin=S.SSM
    ),
    "deleted in SSM, born in SSM": lambda: of_a_link(C.DELETED_IN_SAGE, ADA, GONE_THERE, origin=S.SSM),
    "deleted in Sage, edited in SSM": lambda: of_a_link(
        C.DELETION_OVERRODE_EDIT, None, ADA_THERE | {"email": "new@x.example"}
    ),
    "two edits": lambda: of_a_link(
        C.CONFLICT_SETTLED, ADA | {"CT_EMail": "a@x.example"}, ADA_THERE | {"email": "b@x.example"}
    ),
    "two persons' names": lambda: of_a_link(
        C.CONFLICT_SETTLED, ADA | {"CT_Nom": "Martin"}, ADA_THERE | {"firstName": "Eva"}
    ),
    "an edit where the field is not kept": lambda: of_a_link(
        C.CHANGE_PUT_BACK,
        ADA,
        ADA_THERE | {"email": "new@x.example"},
        using=worlds.mapper(field_map({"email": FieldChange(direction=Direction.TO_SSM)})),
    ),
    "two persons' names, for a person to settle": lambda: of_a_link(
        C.CONFLICT,
        ADA | {"CT_Nom": "Martin"},
        ADA_THERE | {"firstName": "Eva"},
        policy=Policy(ConflictPolicy.MANUAL),
    ),
    "two edits, for a person to settle": lambda: of_a_link(
        C.CONFLICT,
        ADA | {"CT_EMail": "a@x.example"},
        ADA_THERE | {"email": "b@x.example"},
        policy=Policy(ConflictPolicy.MANUAL),
    ),
    "namesakes": lambda: of_newcomers(C.AMBIGUOUS_MATCH, [ADA], [worlds.ssm_row(501), worlds.ssm_row(502)]),
    "namesakes on both sides, one of SSM": lambda: of_namesakes(Side.SSM),
    "namesakes on both sides, one of Sage": lambda: of_namesakes(Side.SAGE100),
    "an extId of somebody else": lambda: of_newcomers(
        C.AMBIGUOUS_MATCH, [MARTIN | {"cbMarq": 1, "CT_Prenom": "Eva"}], [ADA_THERE]
    ),
    "the same e-mail under two names": lambda: of_newcomers(
        C.POSSIBLE_DUPLICATE, [MARTIN | {"CT_EMail": "ada@x.example"}], [worlds.ssm_row(email="ada@x.example")]
    ),
    "an extId of another database": lambda: of_newcomers(
        C.OTHER_DATABASE, [], [worlds.ssm_row(extId="sage100:COPY:1")]
    ),
    "a person's answer": lambda: Entry(
        Subject("ALPHA", 1, 501, "Ada Aubrelin"), Decided("same", "claire", C.AMBIGUOUS_MATCH)
    ),
    "a problem that a person accepts": lambda: Entry(
        Subject("ALPHA", 1, 501, "Ada Aubrelin"), Decided("accept", "claire", C.VALUE_MISSING)
    ),
    "an answer taken back": lambda: Entry(
        Subject("ALPHA", 1, 501, "Ada Aubrelin"), Decided("same", "claire", C.AMBIGUOUS_MATCH, undone=True)
    ),
    "a value that a person asks back": lambda: Entry(
        Subject("ALPHA", 1, 501, "Ada Aubrelin"), UndoAsked("claire", Side.SSM, "old@x.example"), "email"
    ),
    "a value that was asked back and edited since": lambda: after_a_run(C.UNDO_OVERTAKEN, asked_back_too_late),
    "no value that was asked back, and edited since": lambda: after_a_run(
        C.UNDO_OVERTAKEN, lambda play: asked_back_too_late(play, "")
    ),
    "no value that a person asks back": lambda: Entry(
        Subject("ALPHA", 1, 501, "Ada Aubrelin"), UndoAsked("claire", Side.SSM, None), "email"
    ),
    "an extId of a row that is gone": lambda: of_newcomers(C.ORPHAN_EXT_ID, [], [ADA_THERE]),
    "a new contact named like one in Sage": lambda: planned(
        C.DUPLICATE_IN_SAGE,
        decide(worlds.world([ADA], [ADA_THERE, worlds.ssm_row(502)], [worlds.linked(ADA, ADA_THERE)])),
    ),
    "two new contacts of one name": lambda: of_newcomers(
        C.DUPLICATE_IN_SAGE, [], [worlds.ssm_row(501), worlds.ssm_row(502)]
    ),
    "a rename onto another contact": lambda: planned(
        C.DUPLICATE_IN_SAGE,
        decide(worlds.world([ADA, MARTIN], [ADA_THERE | {"lastName": "Martin"}], [worlds.linked(ADA, ADA_THERE)])),
    ),
    "a name that Sage finds taken": lambda: refused(S.SAGE100, Cause.DUPLICATE, Action.CREATE, id=7),
    "a name that Sage finds taken, without saying by whom": lambda: refused(S.SAGE100, Cause.DUPLICATE, id=1),
    "a copied extId": lambda: planned(
        C.DUPLICATE_EXT_ID,
        decide(worlds.world([ADA], [ADA_THERE, ADA_THERE | {"id": 502}], [worlds.linked(ADA, ADA_THERE)])),
    ),
    "an extId of other software": lambda: of_newcomers(C.FOREIGN_EXT_ID, [ADA], [worlds.ssm_row(extId="CRM-7")]),
    "a long text, shortened": lambda: of_a_link(
        C.VALUE_TRUNCATED, ADA, ADA_THERE | {"Z_job": "x" * 40}, using=cutting()
    ),
    "a new contact with a long text, shortened": lambda: of_newcomers(
        C.VALUE_TRUNCATED, [], [worlds.ssm_row(Z_job="x" * 40)], cutting()
    ),
    "a long text": lambda: of_a_link(C.VALUE_TOO_LONG, ADA, ADA_THERE | {"skype": "x" * 40}),
    "a text that Sage finds too long": lambda: refused(S.SAGE100, Cause.TOO_LONG, field="CT_EMail"),
    "a text that Sage finds too long, without saying which": lambda: refused(S.SAGE100, Cause.TOO_LONG),
    "a Greek letter": lambda: of_a_link(C.VALUE_NOT_REPRESENTABLE, ADA, ADA_THERE | {"skype": "Ω"}),
    "a character that Sage does not take": lambda: refused(S.SAGE100, Cause.NOT_REPRESENTABLE, field="CT_EMail"),
    "a character that Sage does not take, without saying where": lambda: refused(S.SAGE100, Cause.NOT_REPRESENTABLE),
    "no first name": lambda: of_newcomers(C.VALUE_MISSING, [ADA | {"CT_Prenom": ""}], []),
    "a column that Sage wants filled": lambda: refused(S.SAGE100, Cause.VALUE_MISSING, field="CT_Facebook"),
    "a column that Sage wants filled, without saying which": lambda: refused(S.SAGE100, Cause.VALUE_MISSING),
    "a job title that SSM does not have": lambda: of_newcomers(C.VALUE_UNKNOWN, [ADA | {"CT_Fonction": "Zouave"}], []),
    "a contact type without a label": lambda: of_a_link(C.VALUE_UNKNOWN, ADA, ADA_THERE | {"typeId": 77}),
    "a contact that may be an odd row of SSM": lambda: planned(
        C.VALUE_UNKNOWN,
        decide(replace(worlds.world([ADA]), unreadable=Unreadable(in_ssm=(PartlyRead("aubrelin", "ada"),)))),
    ),
    "an odd row of SSM": lambda: after_a_run(C.VALUE_UNKNOWN, ssm_shows_an_odd_row),
    "a value that SSM refuses": lambda: refused(
        S.SSM, Cause.VALUE_REFUSED, field="email", refused={"email": "no e-mail address"}
    ),
    "a value that SSM refuses without a word": lambda: refused(
        S.SSM, Cause.VALUE_REFUSED, field="email", refused={"email": ""}
    ),
    "restored without a comment": lambda: restored_without(comment="too long"),
    "restored without its owner": lambda: restored_without(salesRepId="", Z_note=""),
    "a write that Sage refuses": lambda: refused(S.SAGE100, Cause.REJECTED, detail="Error 900"),
    "a write that Sage refuses without a word": lambda: refused(S.SAGE100, Cause.IN_USE),
    "a write that SSM refuses": lambda: refused(S.SSM, Cause.REJECTED, detail="linkedin: max length 10"),
    "an owner whom SSM refuses": lambda: refused(S.SSM, Cause.REJECTED, detail="salesRepId refers to what is not"),
    "a write that SSM refuses without a word": lambda: refused(S.SSM, Cause.REJECTED),
    "a record that is open in Sage": lambda: refused(S.SAGE100, Cause.LOCKED),
    "a value that SSM accepts and does not store": not_applied,
    "a value that something changes back": flapping,
    "many deletions": lambda: guarded(C.DELETION_GUARD, 10, sage100=people(10)[0][4:]),
    "many edits": lambda: guarded(C.MASS_CHANGE_GUARD, 20, ssm=edited(people(20)[1])),
    "most people renamed": lambda: guarded(C.MASS_CHANGE_GUARD, 4, ssm=renamed(people(4)[1])),
    "marks and no link": lambda: guarded(C.LOST_STATE_GUARD, 4, links=()),
    "nobody in SSM any more": lambda: guarded(C.EMPTY_SIDE_GUARD, 10, ssm=[]),
    "a backup, by its rows": lambda: guarded(C.RESTORED_SIDE_GUARD, 3, sage100=older(people(3)[0])),
    "one row with an old stamp": lambda: planned(C.OLDER_STAMP, plan_of_an_older_row()),
    "a backup, by its numbers": lambda: guarded(C.RESTORED_SIDE_GUARD, 2, identity_fell=True),
    "many deletions, meant": lambda: guarded(C.GUARD_LIFTED, 10, Lifted(deletions=True), sage100=people(10)[0][4:]),
    "one of them": lambda: let_through(10, Lifted(deletions=True), sage100=people(10)[0][4:]),
    "a backup, meant": lambda: guarded(C.GUARD_LIFTED, 2, Lifted(mass_change=True), identity_fell=True),
    "many deletions, meant by somebody": lambda: guarded(
        C.GUARD_LIFTED, 10, Lifted(deletions=True, by="marie"), sage100=people(10)[0][4:]
    ),
    "one of them, by somebody": lambda: let_through(10, Lifted(deletions=True, by="marie"), sage100=people(10)[0][4:]),
    "a backup, meant by somebody": lambda: guarded(
        C.GUARD_LIFTED, 2, Lifted(mass_change=True, by="marie"), identity_fell=True
    ),
    "a reading that is cut off": lambda: after_a_run(C.INCOMPLETE_READ, sage_is_cut_off),
    "a side that is away": lambda: after_a_run(C.SIDE_UNREACHABLE, ssm_is_away),
    "a login that may only read": lambda: after_a_run(C.SAGE100_READ_ONLY, sage_is_read_only),
    "a login that is refused": lambda: unreachable(
        S.SSM, Failure("login_refused", "SSM refused the keys.", configuration=True)
    ),
    "a right that is refused": lambda: unreachable(
        S.SSM, Failure("forbidden", "The keys give no right to contacts.", configuration=True)
    ),
    "a connection that breaks": lambda: after_a_run(C.SIDE_UNREACHABLE, sage_breaks_off),
    "another instance of SSM": lambda: after_a_run(C.SIDE_UNREACHABLE, ssm_is_another_instance),
}
"""What happens, and how to bring it about."""


@cache
def outcome(name: str) -> Entry:
    """What comes of it."""
    return HOW[name]()


def outcomes() -> list[Entry]:
    """What comes of all of them."""
    return [outcome(name) for name in HOW]


@cache
def older_rows() -> Mapping[str, Row]:
    """The journal's rows that the version before typed facts stored of the same."""
    rows: Mapping[str, Row] = json.loads(Path(__file__).with_name("older_entries.json").read_text("utf-8"))
    return rows
