"""The state as one run keeps it: links, intents and notices, each change a transaction under the run's lease."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from dataclasses import field as default
from datetime import datetime

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.model import Base, Entry, Intent, Link, LinkStatus, Side
from sage100_ssm.sync.planning.draft import Plan
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.state.records import Lease
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(slots=True)
class Books:
    """The state as one run keeps it.

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

    def keep(self, transaction: Transaction, link: Link) -> Link:
        """Save a link as it now stands, and give it back with its key."""
        saved = transaction.save_link(link)
        self.links[saved.sage100_id] = saved
        return saved

    def _close_intents(self, transaction: Transaction) -> None:
        """An intent is fulfilled once its contact has a link."""
        if not self.intents:
            return
        linked = {(Side.SSM, link.sage100_id) for link in self.links.values()}
        linked |= {(Side.SAGE100, link.ssm_id) for link in self.links.values()}
        for key in linked & self.intents.keys():
            self.close_intent(transaction, key)

    def intend(self, write: Write, hoped: Base) -> list[int]:
        """Record a write that is about to be tried: how it is known again, and what it decides for the user.

        Args:
            write: the write.
            hoped: the base that it leaves if it is done.

        Returns:
            The keys of the notices announced.

        Raises:
            LeaseLost: another run has taken over; nothing may be written.
        """
        with self.transaction() as transaction:
            if write.action is Action.CREATE:
                intent = intent_of(write)
                key = (intent.side, intent.source_id)
                known = self.intents.get(key)
                intent = replace(intent, base=hoped, id=known.id if known else None)
                self.intents[key] = transaction.save_intent(intent)
            elif hoped and write.link and (link := self.links.get(write.link.sage100_id)):
                self.keep(transaction, replace(link, unconfirmed={**link.unconfirmed, write.side: hoped}))
            return transaction.announce(write.notices, now=self.now(), run_id=self.run_id)

    def close_intent(self, transaction: Transaction, key: tuple[Side, int]) -> None:
        """Forget an intent: what became of it is known."""
        intent = self.intents.pop(key, None)
        if intent and intent.id is not None:
            transaction.close_intent(intent.id)


def intent_of(write: Write) -> Intent:
    """What finds a create again if its receipt never comes."""
    assert write.source is not None, "a create carries a contact over from the other side"
    if write.side is Side.SSM:
        return Intent(write.side, write.source.id, ext_id=write.values["extId"])
    names = (write.values.get("CT_Nom"), write.values.get("CT_Prenom"))
    return Intent(write.side, write.source.id, sage100_no=write.values["CT_No"], names=names)


def _said(entry: Entry) -> tuple[object, ...]:
    """What makes two notices the same."""
    subject = entry.subject
    return entry.code, subject.sage100_id, subject.ssm_id, entry.field, entry.sage100_value, entry.ssm_value
