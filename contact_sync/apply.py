"""Do what was planned: an intent before each create, a commit after each receipt (DESIGN.md, "Apply")."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from dataclasses import field as default
from datetime import datetime
from typing import Any

from connector_base.receipt import Action, Cause, Outcome, Receipt
from connector_base.request import CREATE, DELETED_AT, EXPECTED, SET
from contact_sync.contact import Contact, subject_of
from contact_sync.draft import Plan, World
from contact_sync.fields import Field
from contact_sync.mapping import Mapper
from contact_sync.model import Base, Code, Entry, Intent, Link, LinkStatus, Pair, Side, Subject, Value
from contact_sync.report import Counts
from contact_sync.sides import Access, Failure, Row, SideFailedError
from contact_sync.state.records import Lease
from contact_sync.state.store import StateStore
from contact_sync.state.transaction import Transaction
from contact_sync.writes import Write, ext_id_update, name_on

_ID = {Side.SAGE100: "cbMarq", Side.SSM: "id"}
_ORDER = (Action.DELETE, Action.UPDATE, Action.CREATE)
_REJECTED = {Side.SAGE100: Code.REJECTED_BY_SAGE, Side.SSM: Code.REJECTED_BY_SSM}
_PROBLEM_OF = {
    Cause.TOO_LONG: Code.VALUE_TOO_LONG,
    Cause.NOT_REPRESENTABLE: Code.VALUE_NOT_REPRESENTABLE,
    Cause.VALUE_MISSING: Code.VALUE_MISSING,
    Cause.LOCKED: Code.RECORD_LOCKED,
}
_NEXT_RUN = frozenset({Cause.NOT_FOUND})
"""Refusals that say only that the row changed since it was seen."""


@dataclass(slots=True)
class Outcomes:
    """What the writes came to.

    Attributes:
        counts: writes done and not done, per side.
        problems: what the sides refused, with the write that was refused.
        updates: the updates that were done.
        failures: per side, why it could not be written any further.
        notices: how many notices were noted.
        postponed: the writes that were not begun, since the run's time was spent; the next run plans them again.
    """

    counts: dict[Side, Counts] = default(default_factory=lambda: {side: Counts() for side in Side})
    problems: list[tuple[Entry, Write]] = default(default_factory=list)
    updates: list[Write] = default(default_factory=list)
    failures: dict[Side, Failure] = default(default_factory=dict)
    notices: int = 0
    postponed: list[Write] = default(default_factory=list)


@dataclass(slots=True)
class Books:
    """The state as one run keeps it: every change is one transaction under the run's lease.

    Attributes:
        store: what is remembered.
        lease: the run's right to write.
        run_id: the run's name.
        now: the clock.
        until: when the run's time is spent: no write is begun later.
        links: the living links as they now stand, by ``cbMarq``.
        intents: the creates not confirmed yet, by side and the contact's id on the other side.
    """

    store: StateStore
    lease: Lease
    run_id: str
    now: Callable[[], datetime]
    until: datetime
    links: dict[int, Link]
    intents: dict[tuple[Side, int], Intent]
    _turn: threading.RLock = default(default_factory=threading.RLock)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One change of the state. The two sides take turns, so that neither undoes what the other noted of a link."""
        with self._turn, self.store.transaction(self.lease) as transaction:
            yield transaction

    def start(self, plan: Plan, *, whole: bool) -> int:
        """Keep what was decided without a write: links matched, moved, put to sleep, woken, ended, rebased.

        Args:
            plan: the plan.
            whole: whether it was made from whole readings: then a write that an earlier run left in doubt, and
                that is not wanted any more, was done.

        Returns:
            How many notices were noted.
        """
        before = [k for k in self.links.values() if k.id in plan.links]
        for link in before:
            del self.links[link.sage100_id]
        with self.transaction() as transaction:
            told = self._settle_left(transaction, plan) if whole else 0
            # Sage may have given its rows new ids among each other: first none is taken, then each takes its own.
            for link in (k for k in before if k.sage100_id != plan.links[k.id or 0].sage100_id):
                transaction.save_link(replace(link, sage100_id=-link.sage100_id))
            for link in sorted(plan.links.values(), key=lambda k: k.status is not LinkStatus.ENDED):
                self.keep(transaction, link)
            for notice in plan.notices:
                transaction.add_notice(notice, now=self.now(), run_id=self.run_id)
            self._close_intents(transaction)
        return told + len(plan.notices)

    def _settle_left(self, transaction: Transaction, plan: Plan) -> int:
        """Settle the notices whose write was in doubt when a run ended: what is planned again was not done."""
        planned = [n for w in (*plan.writes, *(held for held, _ in plan.held)) for n in w.notices]
        again = {_said(notice) for notice in (*planned, *plan.notices)}
        left = transaction.announced()
        done = [known.id for known in left if _said(known.entry) not in again]
        transaction.settle(done, done=True)
        transaction.settle([known.id for known in left if known.id not in done], done=False)
        return len(done)

    def keep(self, transaction: Transaction, link: Link) -> None:
        """Save a link as it now stands."""
        saved = transaction.save_link(link)
        self.links[saved.sage100_id] = saved

    def _close_intents(self, transaction: Transaction) -> None:
        """An intent is fulfilled once its contact has a link."""
        if not self.intents:
            return
        linked = {(Side.SSM, link.sage100_id) for link in self.links.values()}
        linked |= {(Side.SAGE100, link.ssm_id) for link in self.links.values()}
        for key in linked & self.intents.keys():
            self.close_intent(transaction, key)

    def intend(self, write: Write) -> list[int]:
        """Record a write that is about to be tried: the intent of a create, and what it decides for the user.

        Returns:
            The keys of the notices announced.

        Raises:
            LeaseLost: another run has taken over; nothing may be written.
        """
        with self.transaction() as transaction:
            if write.action is Action.CREATE:
                intent = _intent(write)
                key = (intent.side, intent.source_id)
                known = self.intents.get(key)
                self.intents[key] = transaction.save_intent(replace(intent, id=known.id if known else None))
            return transaction.announce(write.notices, now=self.now(), run_id=self.run_id)

    def close_intent(self, transaction: Transaction, key: tuple[Side, int]) -> None:
        """Forget an intent: what became of it is known."""
        intent = self.intents.pop(key, None)
        if intent and intent.id is not None:
            transaction.close_intent(intent.id)


def _intent(write: Write) -> Intent:
    source = write.sage100 if write.side is Side.SSM else write.ssm
    assert source is not None, "a create carries a contact over from the other side"
    if write.side is Side.SSM:
        return Intent(write.side, source.id, ext_id=write.values["extId"])
    names = (write.values.get("CT_Nom"), write.values.get("CT_Prenom"))
    return Intent(write.side, source.id, sage100_no=write.values["CT_No"], names=names)


def apply(plan: Plan, books: Books, access: Mapping[Side, Access], world: World, outcomes: Outcomes) -> None:
    """Write both sides side by side; then give the contacts created in Sage their ``extId`` in SSM."""
    mapper, database = world.mapper, world.database
    outcomes.notices += books.start(plan, whole=all(world.complete.values()) and not plan.partial)
    desks = {side: _Desk(side, plan.of(side), books, mapper, outcomes) for side in Side}
    with ThreadPoolExecutor(2, "apply") as pool:
        for done in [pool.submit(desk.write, access[side]) for side, desk in desks.items() if desk.writes]:
            done.result()
    marks = [mark for pair in desks[Side.SAGE100].created if (mark := ext_id_update(*pair, database))]
    if marks and Side.SSM not in outcomes.failures:
        _Desk(Side.SSM, marks, books, mapper, outcomes).write(access[Side.SSM])


class _Desk:
    """The writes of one side, and what becomes of each.

    Attributes:
        writes: in the order in which they are done: deletions, updates, creations.
        created: for each contact created in Sage, its link and both contacts.
    """

    def __init__(self, side: Side, writes: Sequence[Write], books: Books, mapper: Mapper, outcomes: Outcomes) -> None:
        self._side, self._books, self._mapper, self._outcomes = side, books, mapper, outcomes
        self.writes = sorted(writes, key=lambda w: _ORDER.index(w.action))
        self.created: list[tuple[Link, Contact, Contact]] = []
        self._announced: dict[int, list[int]] = {}
        self._answered: set[int] = set()

    def write(self, access: Access) -> None:
        """Hand the records over and keep each receipt."""
        try:
            access.write(self._records(), self._receive)
        except SideFailedError as error:
            self._outcomes.failures[self._side] = error.failure
            self._counts.failed += len(self.writes) - len(self._answered)

    @property
    def _counts(self) -> Counts:
        return self._outcomes.counts[self._side]

    def _records(self) -> Iterator[Row]:
        for index, write in enumerate(self.writes):
            if self._books.now() >= self._books.until:
                self._outcomes.postponed += self.writes[index:]
                del self.writes[index:]
                return
            self._announced[index] = self._books.intend(write)
            yield record_of(write, self._books.now())

    def _receive(self, receipt: Receipt) -> None:
        self._answered.add(receipt.index)
        write = self.writes[receipt.index]
        if receipt.outcome is Outcome.APPLIED:
            self._applied(write, receipt)
        else:
            self._not_done(write, receipt)

    # --- done

    def _applied(self, write: Write, receipt: Receipt) -> None:
        if receipt.wrote:
            self._counts.add(write.action)
            self._outcomes.updates += [write] if write.action is Action.UPDATE else []
        with self._books.transaction() as transaction:
            self._observed(transaction, write, receipt)
            if write.action is Action.DELETE:
                self._ended(transaction, write)
            elif receipt.record is not None:
                self._settled(transaction, write, self._mapper.contact(self._side, receipt.record))
            transaction.settle(self._announced[receipt.index], done=receipt.wrote)
        self._outcomes.notices += len(write.notices) if receipt.wrote else 0

    def _observed(self, transaction: Transaction, write: Write, receipt: Receipt) -> None:
        """What SSM reads back is seen; a deleted row that it no longer shows is kept as deleted."""
        if self._side is not Side.SSM:
            return
        row = receipt.record
        if row is None and write.action is Action.DELETE and write.ssm:
            row = {**write.ssm.row, "deleted": True}
        if row is not None:
            transaction.save_observed("contacts", [row])

    def _ended(self, transaction: Transaction, write: Write) -> None:
        link = self._link_of(write)
        if link:
            self._books.keep(transaction, replace(link, status=LinkStatus.ENDED, reason=None))

    def _settled(self, transaction: Transaction, write: Write, now: Contact) -> None:
        """The form that the side reads back becomes its base (P8)."""
        sage100, ssm = (now, write.ssm) if self._side is Side.SAGE100 else (write.sage100, now)
        assert sage100 is not None, "a write to SSM is based on a Sage contact"
        assert ssm is not None, "a write to Sage is based on an SSM contact"
        before = write.sage100 if self._side is Side.SAGE100 else write.ssm
        created = write.action is Action.CREATE
        link = self._link_of(write) or _new_link(write, sage100, ssm)
        stuck = self._stuck(write, before, now, sage100, ssm)
        pairs = {
            f.name: Pair(sage100.values.get(f.name), ssm.values.get(f.name))
            for f in self._mapper.fields
            if f.name in write.carried and f.name not in stuck
        }
        source = ssm if self._side is Side.SAGE100 else sage100
        self._books.keep(transaction, _rebased(link, pairs, now, source, moved=created))
        if created:
            self._books.close_intent(transaction, _intent_key(write))
        if created and self._side is Side.SAGE100:
            self.created.append((self._books.links[sage100.id], sage100, ssm))

    def _link_of(self, write: Write) -> Link | None:
        return self._books.links.get(write.link.sage100_id) if write.link else None

    def _stuck(
        self, write: Write, before: Contact | None, now: Contact, sage100: Contact, ssm: Contact
    ) -> frozenset[str]:
        """The fields that the side accepted and yet reads back as before: ``not_applied``."""
        stuck = [f for f in self._mapper.fields if f.name in write.carried and self._is_stuck(f, write, before, now)]
        for f in stuck:
            shown = self._mapper.shown
            entry = Entry(
                Code.NOT_APPLIED,
                subject_of(sage100, ssm),
                "P8",
                f.name,
                shown(f, Side.SAGE100, sage100.values.get(f.name)),
                shown(f, Side.SSM, ssm.values.get(f.name)),
                {"side": self._side.value},
            )
            self._outcomes.problems.append((entry, write))
        return frozenset(f.name for f in stuck)

    def _is_stuck(self, field: Field, write: Write, before: Contact | None, now: Contact) -> bool:
        name = name_on(field, self._side)
        if name not in write.values:
            return False
        was, reads = (before.values.get(field.name) if before else None), now.values.get(field.name)
        same = self._mapper.unchanged(field, self._side, reads, was)
        return same and not self._is_meant(field, write, reads, write.values[name])

    def _is_meant(self, field: Field, write: Write, reads: Value, written: Value) -> bool:
        """Whether what reads back is, or says, what was written."""
        if reads == written or not (reads or written):
            return True
        source = write.sage100 if self._side is Side.SSM else write.ssm
        other = source.values.get(field.name) if source else None
        pair = (other, reads) if self._side is Side.SSM else (reads, other)
        return self._mapper.equal(field, *pair)

    # --- not done

    def _not_done(self, write: Write, receipt: Receipt) -> None:
        if receipt.outcome is not Outcome.CHANGED:
            self._counts.failed += 1
        with self._books.transaction() as transaction:
            if receipt.record is not None and self._side is Side.SSM:
                transaction.save_observed("contacts", [receipt.record])
            if receipt.outcome is not Outcome.UNCERTAIN:
                transaction.settle(self._announced[receipt.index], done=False)
            if receipt.outcome is Outcome.REFUSED and write.action is Action.CREATE:
                self._books.close_intent(transaction, _intent_key(write))
        if problem := self._problem(write, receipt):
            self._outcomes.problems.append((problem, write))

    def _problem(self, write: Write, receipt: Receipt) -> Entry | None:
        if receipt.outcome is Outcome.CHANGED or receipt.cause in _NEXT_RUN:
            return None
        details = {"text": receipt.detail, "side": self._side.value}
        field = self._field_called(receipt.field)
        if receipt.cause is Cause.DUPLICATE:
            if self._side is Side.SSM:
                return None
            return Entry(Code.DUPLICATE_IN_SAGE, write.subject, "P12", details={**details, "other": receipt.id})
        if receipt.cause is Cause.CONNECTION:
            return Entry(Code.SIDE_UNREACHABLE, Subject(), details=details)
        if receipt.cause is Cause.COMPANY_MISSING:
            return Entry(Code.COMPANY_NOT_IN_SAGE, write.subject, "R4", details=details)
        code = _PROBLEM_OF.get(receipt.cause or Cause.REJECTED, _REJECTED[self._side])
        change = write.changes.get(field) if field else None
        sage100, ssm = (None, change.after if change else None)
        if self._side is Side.SSM:
            sage100, ssm = ssm, sage100
        return Entry(code, write.subject, None, field, sage100, ssm, details)

    def _field_called(self, name: str | None) -> str | None:
        """The field that stands under a side's own name."""
        own = {name_on(f, self._side): f.name for f in self._mapper.fields}
        return own.get(name, name) if name else None


def record_of(write: Write, now: datetime) -> dict[str, Any]:
    """A write as the record that a destination takes (CONTRACT.md, "Streams")."""
    identity = {} if write.target_id is None else {_ID[write.side]: write.target_id}
    expected = {EXPECTED: dict(write.expected)} if write.expected else {}
    match write.action:
        case Action.DELETE:
            return {**identity, DELETED_AT: now.isoformat(), **expected}
        case Action.UPDATE:
            return {**identity, **write.values, SET: list(write.values), **expected}
        case Action.CREATE:
            return {**write.values, SET: list(write.values), CREATE: True}


def _said(entry: Entry) -> tuple[object, ...]:
    """What makes two notices the same."""
    subject = entry.subject
    return entry.code, subject.sage100_id, subject.ssm_id, entry.field, entry.sage100_value, entry.ssm_value


def _new_link(write: Write, sage100: Contact, ssm: Contact) -> Link:
    assert write.origin is not None, "a create says where the contact was born"
    return Link(
        sage100.id,
        sage100.number,
        ssm.id,
        sage100.company or "",
        sage100.full_name,
        write.origin,
        sage100_stamp=sage100.stamp,
        ssm_stamp=ssm.stamp,
    )


def _rebased(link: Link, pairs: Base, now: Contact, source: Contact, *, moved: bool) -> Link:
    """The link with a new base, the stamps of the records that it rests on, and the id of one just created in SSM."""
    sage100, ssm = (now, source) if now.side is Side.SAGE100 else (source, now)
    return replace(
        link,
        base={**link.base, **pairs},
        contact=now.full_name or link.contact,
        sage100_stamp=_later(link.sage100_stamp, sage100.stamp),
        ssm_stamp=_later(link.ssm_stamp, ssm.stamp),
        ssm_id=now.id if moved and now.side is Side.SSM else link.ssm_id,
    )


def _later(one: str | None, two: str | None) -> str | None:
    return max((s for s in (one, two) if s), key=datetime.fromisoformat, default=None)


def _intent_key(write: Write) -> tuple[Side, int]:
    intent = _intent(write)
    return intent.side, intent.source_id
