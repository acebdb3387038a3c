"""The state while a run writes: links, intents and pending notices, each change a transaction under the lease."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from dataclasses import field as default
from datetime import datetime

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Entry
from sage100_ssm.sync.model import ContactRef, Intent, Link, LinkStatus, Side
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.run.context import Run
from sage100_ssm.sync.run.receipts import expected_base
from sage100_ssm.sync.run.written import CREATING, record_before, settled
from sage100_ssm.sync.state.records import WriteRecord
from sage100_ssm.sync.state.transaction import Transaction

_LINKED_AT_ONCE = 10_000
"""New links per transaction, which takes less than a second."""

IntentKey = tuple[Side, int]
"""The side where a contact was to be created, and its id on the other side."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What a write that is being tried left in the state, until its receipt.

    Attributes:
        notices: the keys of its notices in the journal.
        record: the record of what it writes.
    """

    notices: list[int]
    record: WriteRecord


@dataclass(slots=True)
class Ledger:
    """The state as a run writes it.

    Attributes:
        run: the run, with its lease.
        links: the live links as they now are, by ``cbMarq``.
        intents: the creates that are not confirmed yet.
        in_doubt: the records of earlier creates whose outcome is still not known.
    """

    run: Run
    links: dict[int, Link]
    intents: dict[IntentKey, Intent]
    in_doubt: dict[IntentKey, WriteRecord] = default(default_factory=dict)
    _turn: threading.RLock = default(default_factory=threading.RLock)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One change of the state. The two sides take turns, so that neither undoes what the other saved of a link."""
        with self._turn, self.run.transaction() as transaction:
            yield transaction

    @property
    def now(self) -> datetime:
        """The time."""
        return self.run.context.now()

    def start(self, plan: Plan, believed: World | None, *, whole: bool) -> int:
        """Save what was decided without a write: links matched, moved, put to sleep, woken, ended, with a new base.

        Args:
            plan: the plan.
            believed: what both sides show, if they were read to their end and no guard doubts it: the records of
                writes in doubt are settled by it.
            whole: whether it was made from complete readings and leaves nothing out: then a write that an earlier run
                left in doubt, and that is not planned again, was done.

        Returns:
            The number of notices that were noted.
        """
        planned: dict[int | None, Link] = {link.id: link for link in plan.links if link.id is not None}
        new = [link for link in plan.links if link.id is None]
        before = [link for link in self.links.values() if link.id in planned]
        for link in before:
            del self.links[link.sage100_id]
        with self.transaction() as transaction:
            settled = self._settle_left_in_doubt(transaction, plan) if whole else 0
            # Sage may have exchanged the ids of two rows, and the state allows an id one live link at a time: every
            # link leaves its place before any takes its new one.
            for link in before:
                if link.sage100_id != planned[link.id].sage100_id:
                    transaction.release_contacts(link)
            transaction.decisions.follow(_moved((link, planned[link.id]) for link in before))
            known = (link for link in plan.links if link.id is not None)
            for link in sorted(known, key=lambda k: k.status is not LinkStatus.ENDED):
                self.keep(transaction, link)
            self._add(transaction, new[:_LINKED_AT_ONCE])
            for notice in plan.notices:
                transaction.add_notice(notice, now=self.now, run_id=self.run.run_id)
            if believed:
                self._settle_records(transaction, believed)
            self._close_fulfilled_intents(transaction)
        # A first load has a link for every contact. The lease is renewed between two transactions, and a run that ends
        # here has linked some; the next one matches the rest.
        for begin in range(_LINKED_AT_ONCE, len(new), _LINKED_AT_ONCE):
            with self.transaction() as transaction:
                self._add(transaction, new[begin : begin + _LINKED_AT_ONCE])
                self._close_fulfilled_intents(transaction)
        return settled + len(plan.notices)

    def _add(self, transaction: Transaction, new: Sequence[Link]) -> None:
        self.links |= {link.sage100_id: link for link in transaction.add_links(new, self.now)}

    def _close_fulfilled_intents(self, transaction: Transaction) -> None:
        """Close the intents of the creates whose contact has a link."""
        if self.intents:
            linked = {(Side.SSM, link.sage100_id) for link in self.links.values()}
            linked |= {(Side.SAGE100, link.ssm_id) for link in self.links.values()}
            for key in linked & self.intents.keys():
                self.close_intent(transaction, key)

    def _settle_left_in_doubt(self, transaction: Transaction, plan: Plan) -> int:
        """Settle the notices whose write was in doubt when a run ended: what is planned again was not done."""
        writes = (*plan.writes, *(withheld.write for withheld in plan.withheld))
        again = {_identity(notice) for notice in (*plan.notices, *(n for w in writes for n in w.notices))}
        in_doubt = transaction.pending_notices()
        done = [known.id for known in in_doubt if _identity(known.entry) not in again]
        transaction.resolve_pending_notices(done, done=True)
        transaction.resolve_pending_notices([known.id for known in in_doubt if known.id not in done], done=False)
        return len(done)

    def _settle_records(self, transaction: Transaction, world: World) -> None:
        """Settle the records of the writes that were in doubt when a run ended, by what the sides now show."""
        numbers = {key[1]: intent.sage100_no for key, intent in self.intents.items() if key[0] is Side.SAGE100}
        for record in transaction.writes.in_doubt():
            now = settled(record, world, self.links, numbers)
            source_id = record.subject.ssm_id if record.side is Side.SAGE100 else record.subject.sage100_id
            key = (record.side, source_id or 0)
            if now is None and record.action in CREATING and key in self.intents:
                # The contact may yet turn up, or is created again by this run.
                self.in_doubt[key] = record
            elif now is None:
                transaction.writes.discard([record.id or 0])
            else:
                transaction.writes.save(now)

    def keep(self, transaction: Transaction, link: Link) -> Link:
        """Save a link as it now is, and return it with its key."""
        saved = transaction.save_link(link, self.now)
        self.links[saved.sage100_id] = saved
        return saved

    def has_ended(self, link: Link) -> bool:
        """Whether a link that lived at the start of the run has ended since."""
        now = self.links.get(link.sage100_id)
        return now is not None and now.id == link.id and now.status is LinkStatus.ENDED

    def intend(self, write: Write, mapper: Mapper) -> Pending:
        """Record a write that is about to be tried: how it is recognised later, and what it decides for the user.

        Args:
            write: the write.
            mapper: the field map at work.

        Returns:
            What is pending until the receipt.

        Raises:
            LeaseLost: another run has taken over; nothing may be written.
        """
        expected = {} if write.action is Action.DELETE else expected_base(write, mapper)
        record = record_before(write, mapper, self.run.run_id, self.now)
        with self.transaction() as transaction:
            if write.action is Action.CREATE:
                intent = intent_of(write)
                key = (intent.side, intent.source_id)
                known = self.intents.get(key)
                if known:
                    intent = replace(intent, target_id=known.target_id, id=known.id)
                intent = replace(intent, base=expected, begun_at=self.now)
                self.intents[key] = transaction.save_intent(intent)
                if earlier := self.in_doubt.pop(key, None):
                    record = replace(record, id=earlier.id)
            elif expected and write.link and (link := self.links.get(write.link.sage100_id)):
                unconfirmed = {**link.unconfirmed, write.side: expected}
                self.keep(transaction, replace(link, unconfirmed=unconfirmed))
            notices = transaction.add_pending_notices(write.notices, now=self.now, run_id=self.run.run_id)
            return Pending(notices, transaction.writes.save(record))

    def keep_in_doubt(self, transaction: Transaction, key: IntentKey, target_id: int | None) -> None:
        """Keep the intent of a creation whose outcome is not known.

        Args:
            transaction: the transaction in which it is kept.
            key: the creation.
            target_id: the id that a side gave to a contact which it does not show yet: it is asked for by that id.
        """
        if intent := self.intents.get(key):
            # The request may have left long after the intent was recorded. It is not repeated for ten minutes (P11).
            kept = replace(intent, target_id=target_id or intent.target_id, begun_at=self.now)
            self.intents[key] = transaction.save_intent(kept)

    def close_intent(self, transaction: Transaction, key: IntentKey) -> None:
        """Forget an intent: what became of it is known."""
        intent = self.intents.pop(key, None)
        if intent and intent.id is not None:
            transaction.close_intent(intent.id)


def _moved(links: Iterable[tuple[Link, Link]]) -> dict[ContactRef, int]:
    """The contacts that links have found under other ids, with these; from links before and after."""
    moved: dict[ContactRef, int] = {}
    for was, now in links:
        moved |= {ContactRef(Side.SAGE100, was.sage100_id): now.sage100_id} if was.sage100_id != now.sage100_id else {}
        moved |= {ContactRef(Side.SSM, was.ssm_id): now.ssm_id} if was.ssm_id != now.ssm_id else {}
    return moved


def intent_of(write: Write) -> Intent:
    """What finds a create again if its receipt never comes."""
    assert write.source is not None, "a create carries a contact over from the other side"
    if write.side is Side.SSM:
        return Intent(write.side, write.source.id, ext_id=write.values["extId"])
    names = (write.values.get("CT_Nom"), write.values.get("CT_Prenom"))
    return Intent(write.side, write.source.id, sage100_no=write.values["CT_No"], names=names)


def _identity(entry: Entry) -> tuple[object, ...]:
    """What makes two notices the same."""
    subject = entry.subject
    return entry.code, subject.sage100_id, subject.ssm_id, entry.field, entry.sage100_value, entry.ssm_value
