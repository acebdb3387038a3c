"""Do what was planned: an intent before each create, a commit after each receipt (DESIGN.md, "Apply")."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from dataclasses import field as default
from datetime import datetime
from typing import Any

from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.exchange.reading import Row
from sage100_ssm.exchange.receipt import Action, Outcome, Receipt
from sage100_ssm.exchange.record import CREATE, DELETED_AT, EXPECTED, SET
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Entry, Link, LinkStatus, Side
from sage100_ssm.sync.planning.draft import Plan, World
from sage100_ssm.sync.planning.writes import Write, ext_id_update
from sage100_ssm.sync.run.ledger import Books, intent_of
from sage100_ssm.sync.run.ports import Access
from sage100_ssm.sync.run.receipts import hoped, refusal, settled
from sage100_ssm.sync.run.report import Counts
from sage100_ssm.sync.state.transaction import Transaction

_ID = {Side.SAGE100: "cbMarq", Side.SSM: "id"}
_ORDER = (Action.DELETE, Action.UPDATE, Action.CREATE)


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
            left = {} if write.action is Action.DELETE else hoped(write, self._mapper)
            self._announced[index] = self._books.intend(write, left)
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
        if row is None and receipt.outcome is Outcome.APPLIED and write.action is Action.DELETE and write.ssm:
            row = {**write.ssm.row, "deleted": True}
        if row is not None:
            transaction.save_observed("contacts", [row])

    def _ended(self, transaction: Transaction, write: Write) -> None:
        link = self._link_of(write)
        if link:
            self._books.keep(transaction, replace(link, status=LinkStatus.ENDED, reason=None))

    def _settled(self, transaction: Transaction, write: Write, now: Contact) -> None:
        after = settled(write, self._link_of(write), now, self._mapper)
        self._outcomes.problems += [(entry, write) for entry in after.stuck]
        link = self._books.keep(transaction, after.link)
        if write.action is Action.CREATE:
            self._forget_intent(transaction, write)
            self.created += [(link, after.sage100, after.ssm)] if self._side is Side.SAGE100 else []

    def _link_of(self, write: Write) -> Link | None:
        return self._books.links.get(write.link.sage100_id) if write.link else None

    def _forget_intent(self, transaction: Transaction, write: Write) -> None:
        intent = intent_of(write)
        self._books.close_intent(transaction, (intent.side, intent.source_id))

    # --- not done

    def _not_done(self, write: Write, receipt: Receipt) -> None:
        if receipt.outcome is not Outcome.CHANGED:
            self._counts.failed += 1
        with self._books.transaction() as transaction:
            self._observed(transaction, write, receipt)
            if receipt.outcome is not Outcome.UNCERTAIN:
                transaction.settle(self._announced[receipt.index], done=False)
            if receipt.outcome is Outcome.REFUSED and write.action is Action.CREATE:
                self._forget_intent(transaction, write)
        if problem := refusal(write, receipt, self._mapper):
            self._outcomes.problems.append((problem, write))


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
