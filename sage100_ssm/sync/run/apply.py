"""The fourth step of a run: do what was planned. A write is noted before it is tried, and committed with its receipt.

Creations (R3, R8), updates (R5, R6) and deletions (R7, R9), each on the condition that its record is unchanged (P11).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from sage100_ssm.exchange.failure import SideFailedError
from sage100_ssm.exchange.reading import Row
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.exchange.record import CREATE, DELETED_AT, EXPECTED, SET
from sage100_ssm.sync.contacts.companies import MalformedRowError
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Code, Entry, Subject
from sage100_ssm.sync.model import Link, LinkStatus, Side
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.planning.writes import Write, ext_id_update, only, without
from sage100_ssm.sync.rules.decisions import Pair, Undo
from sage100_ssm.sync.rules.undo import not_typed_again
from sage100_ssm.sync.run.context import Run
from sage100_ssm.sync.run.deletions import remember_deletions
from sage100_ssm.sync.run.guard import REWRITES, Guarded
from sage100_ssm.sync.run.ledger import IntentKey, Ledger, Pending, intent_of
from sage100_ssm.sync.run.observation import remember_identity
from sage100_ssm.sync.run.pace import Pace
from sage100_ssm.sync.run.ports import Access
from sage100_ssm.sync.run.receipts import (
    AfterWrite,
    after_write,
    refusals,
    refused_fields,
    restored_in_part,
    value_refusals,
)
from sage100_ssm.sync.run.report import Counts
from sage100_ssm.sync.run.written import record_after
from sage100_ssm.sync.state.transaction import Transaction

_ID = {Side.SAGE100: "cbMarq", Side.SSM: "id"}
_ORDER = (Action.DELETE, Action.UPDATE, Action.CREATE)


def apply(run: Run, guarded: Guarded) -> None:
    """Write both sides at the same time; then give the contacts created in Sage their ``extId`` in SSM.

    The results of the writes are in the run's tally.

    Raises:
        LeaseLost: another run has taken over; nothing more is written.
    """
    plan, world, seen = guarded.plan, guarded.decided.world, guarded.decided.seen
    intents = {(i.side, i.source_id): i for i in world.intents}
    ledger = Ledger(run, {link.sage100_id: link for link in world.links}, intents)
    if guarded.decided.fresh_types is not None:
        with run.transaction() as transaction:
            transaction.save_observed("contact_types", guarded.decided.fresh_types, replace=True)

    whole = all(world.complete.values()) and not plan.is_partial
    companies = guarded.decided.companies
    restless = [key for key, digest in companies.items() if digest is None]
    rest = {key: digest for key, digest in companies.items() if digest is not None}
    if guarded.forbids_all or not whole:
        rest = {}
    if restless or rest:
        # Before anything is written: whatever becomes of this run, the next one looks at the restless ones, and at
        # those into which somebody moves a contact just before it is written.
        with run.transaction() as transaction:
            transaction.unsettle_companies(restless)
            transaction.settle_companies(rest)
    # What earlier runs left open is looked at in the first round.
    settles = whole and guarded.decided.round.is_first
    believed = world if settles and not guarded.forbids_all else None
    run.tally.notices += ledger.start(plan, believed, whole=settles)
    deleted_before = {side: run.tally.counts[side].deleted for side in Side}
    updated = _write(run, guarded, ledger)
    with run.transaction() as transaction:
        if guarded.rewrites is not None:
            transaction.remember(REWRITES, guarded.rewrites.remembered(updated))
        if not run.context.options.allow_deletions:
            deleted = {side: run.tally.counts[side].deleted - before for side, before in deleted_before.items()}
            remember_deletions(transaction, deleted, run.context.now())
        if guarded.forbids_all:
            return
        if (identity := seen.observation.sage100.identity) is not None:
            remember_identity(transaction, identity)
        if believed:
            transaction.decisions.prune(believed.both_live)
            _close_overtaken_undos(transaction, believed, plan, ledger)


def _write(run: Run, guarded: Guarded, ledger: Ledger) -> list[Write]:
    """Do the writes; return the updates that were done."""
    plan, mapper, marks = guarded.plan, guarded.decided.world.mapper, guarded.decided.world.marks
    access: Mapping[Side, Access] = {Side.SAGE100: run.context.sage100, Side.SSM: run.context.ssm}
    at_once = {side: [w for w in plan.of(side) if w.follows is None] for side in Side}
    writers = {side: _SideWriter(side, at_once[side], ledger, mapper) for side in Side}
    with ThreadPoolExecutor(2, "apply") as pool:
        for done in [pool.submit(w.write, access[side]) for side, w in writers.items() if w.writes]:
            done.result()
    # The `cbMarq` of a contact created in Sage, which its `extId` names, is known only now.
    updates = (ext_id_update(*created, marks) for created in writers[Side.SAGE100].created)
    # A creation that follows a deletion is left to the next run where the deletion was not done.
    due = [w for w in plan.of(Side.SSM) if w.follows is not None and ledger.has_ended(w.follows)]
    following = _SideWriter(Side.SSM, [*filter(None, updates), *due], ledger, mapper)
    if following.writes and Side.SSM not in run.tally.failures:
        following.write(access[Side.SSM])
    return [write for writer in (*writers.values(), following) for write in writer.updated]


def _close_overtaken_undos(transaction: Transaction, world: World, plan: Plan, ledger: Ledger) -> None:
    """P16: close what was asked back and cannot be done any more, and say so."""
    overtaken = _overtaken_undos(world.decisions.undos, plan, ledger)
    for notice in _overtaken_notices(overtaken, ledger):
        transaction.add_notice(notice, now=ledger.now, run_id=ledger.run.run_id)
        ledger.run.tally.notices += 1
    transaction.writes.close_undos([undo.id for undo in overtaken.values()])


def _overtaken_undos(undos: Mapping[Pair, Undo], plan: Plan, ledger: Ledger) -> Mapping[Pair, Undo]:
    """What was asked back and cannot be done any more: it is not planned, so somebody has edited the field since."""
    if not undos:
        return {}
    waiting = {w.undoes for w in (*plan.writes, *(withheld.write for withheld in plan.withheld))}

    def is_asleep(pair: Pair) -> bool:
        # Of a link that sleeps, no field was looked at.
        link = ledger.links.get(pair.sage100_id)
        return link is not None and link.ssm_id == pair.ssm_id and link.status is LinkStatus.ASLEEP

    return {pair: undo for pair, undo in undos.items() if undo.id not in waiting and not is_asleep(pair)}


def _overtaken_notices(overtaken: Mapping[Pair, Undo], ledger: Ledger) -> Iterator[Entry]:
    """P16: of each field that was asked back and is not typed again, that it is not."""
    for pair, undo in overtaken.items():
        link = ledger.links.get(pair.sage100_id)
        named = (link.company, link.contact) if link else (None, None)
        yield from not_typed_again(undo, Subject(named[0], *pair, named[1]))


class _SideWriter:
    """The writes of one side, and what becomes of each.

    Attributes:
        writes: in the order in which they are done: deletions, updates, creations.
        created: for each contact created in Sage, its link and both contacts.
        updated: the updates that were done.
    """

    def __init__(self, side: Side, writes: Sequence[Write], ledger: Ledger, mapper: Mapper) -> None:
        self._side, self._ledger, self._mapper = side, ledger, mapper
        self._tally = ledger.run.tally
        self.writes = sorted(writes, key=lambda w: _ORDER.index(w.action))
        self.created: list[tuple[Link, Contact, Contact]] = []
        self.updated: list[Write] = []
        self._pending: dict[int, Pending] = {}
        self._answered: set[int] = set()
        self._pace = Pace(side, len(self.writes), ledger.run.watch)

    def write(self, access: Access) -> None:
        """Hand the records over and process each receipt."""
        try:
            access.write(self._records(), self._receive)
        except SideFailedError as error:
            self._tally.failures[self._side] = error.failure
            # Handed over and without a receipt; the rest was not tried.
            self._counts.failed += len(self._pending) - len(self._answered)

    @property
    def _counts(self) -> Counts:
        return self._tally.counts[self._side]

    def _records(self) -> Iterator[Row]:
        for index, write in enumerate(self.writes):
            if self._ledger.run.is_over:
                self._tally.postponed += self.writes[index:]
                del self.writes[index:]
                return
            self._pending[index] = self._ledger.intend(write, self._mapper)
            yield record_of(write, self._ledger.now)

    def _receive(self, receipt: Receipt) -> None:
        self._answered.add(receipt.index)
        write = self.writes[receipt.index]
        if receipt.outcome is Outcome.APPLIED:
            self._applied(write, receipt)
        else:
            self._not_applied(write, receipt)
        self._pace.count()

    # --- done

    def _applied(self, write: Write, receipt: Receipt) -> None:
        refused = refused_fields(write, receipt, self._mapper)
        if receipt.wrote:
            self._counts.add(write.action)
            written = without(write, refused, self._mapper) if refused else write
            self.updated += [written] if write.action is Action.UPDATE else []
        self._note_refusals(write, value_refusals(write, receipt, self._mapper))
        with self._ledger.transaction() as transaction:
            self._save_observed(transaction, write, receipt)
            link = self._ledger.links.get(write.link.sage100_id) if write.link else None
            after: AfterWrite | None = None
            if write.action is Action.DELETE:
                if link:
                    self._ledger.keep(transaction, replace(link, status=LinkStatus.ENDED, reason=None))
            elif receipt.record is not None:
                # What this write leaves is in the state already; the row is read again in the next run.
                with suppress(MalformedRowError):
                    now = self._mapper.read(self._side, receipt.record)
                    after = after_write(write, link, now, self._mapper, refused)
                    self._save_link(transaction, write, after)
            self._resolve_notices(transaction, write, receipt, refused)
            self._confirm_record(transaction, write, receipt, after, refused)
            if write.undoes is not None:
                transaction.writes.close_undos([write.undoes])

    def _resolve_notices(
        self, transaction: Transaction, write: Write, receipt: Receipt, refused: Collection[str]
    ) -> None:
        """Keep the notices of what was done, and note what a restored contact came back without (P5)."""
        pending = list(zip(self._pending[receipt.index].notices, write.notices, strict=True))
        done = [key for key, notice in pending if receipt.wrote and notice.field not in refused]
        transaction.resolve_pending_notices(done, done=True)
        transaction.resolve_pending_notices([key for key, _ in pending if key not in done], done=False)
        self._tally.notices += len(done)
        if notice := restored_in_part(write, receipt, self._mapper):
            transaction.add_notice(notice, now=self._ledger.now, run_id=self._ledger.run.run_id)
            self._tally.notices += 1

    def _save_observed(self, transaction: Transaction, write: Write, receipt: Receipt) -> None:
        """Save the row of SSM that was read back."""
        if self._side is not Side.SSM:
            return
        row = receipt.record
        if row is None and receipt.outcome is Outcome.APPLIED and write.action is Action.DELETE and write.ssm:
            # A deleted row that SSM no longer shows is remembered as deleted.
            row = {**write.ssm.row, "deleted": True}
        if row is not None:
            transaction.save_observed("contacts", [row])

    def _confirm_record(
        self,
        transaction: Transaction,
        write: Write,
        receipt: Receipt,
        after: AfterWrite | None,
        refused: Collection[str],
    ) -> None:
        """Keep the record of what was written, with the values that it left; of what was there already none is kept."""
        record = self._pending[receipt.index].record
        if not receipt.wrote:
            transaction.writes.discard([record.id or 0])
            return
        now = self._ledger.now
        transaction.writes.save(record_after(record, write, self._mapper, now, after, refused))

    def _save_link(self, transaction: Transaction, write: Write, after: AfterWrite) -> None:
        self._tally.refusals += [
            (e, only(write, e.field, self._mapper) if e.field else write) for e in after.not_applied
        ]
        saved = self._ledger.keep(transaction, after.link)
        if write.action is Action.CREATE:
            self._ledger.close_intent(transaction, _intent_key(write))
            self.created += [(saved, after.sage100, after.ssm)] if self._side is Side.SAGE100 else []

    # --- not done

    def _not_applied(self, write: Write, receipt: Receipt) -> None:
        if receipt.outcome is not Outcome.CHANGED:
            self._counts.failed += 1
        with self._ledger.transaction() as transaction:
            self._save_observed(transaction, write, receipt)
            # An uncertain write may have been done: its notices stay pending until a later run finds out.
            if receipt.outcome is not Outcome.UNCERTAIN:
                pending = self._pending[receipt.index]
                transaction.resolve_pending_notices(pending.notices, done=False)
                transaction.writes.discard([pending.record.id or 0])
            if write.undoes is not None and receipt.outcome is Outcome.REFUSED:
                transaction.writes.close_undos([write.undoes])
            if write.action is Action.CREATE:
                key = _intent_key(write)
                if receipt.outcome is Outcome.UNCERTAIN:
                    self._ledger.keep_in_doubt(transaction, key, receipt.id)
                else:
                    # It was certainly not created: the next run may try at once.
                    self._ledger.close_intent(transaction, key)
            if self._side is Side.SSM and receipt.cause is Cause.NOT_FOUND and receipt.record is None:
                self._sleep_unseen(transaction, write)
        self._note_refusals(write, refusals(write, receipt, self._mapper))

    def _note_refusals(self, write: Write, problems: Iterable[Entry]) -> None:
        for problem in problems:
            # P7: a value that was refused waits alone, the others go on.
            value = problem.field if problem.code is Code.VALUE_REFUSED else None
            self._tally.refusals.append((problem, only(write, value, self._mapper) if value else write))

    def _sleep_unseen(self, transaction: Transaction, write: Write) -> None:
        """P10: SSM does not show the contact by its id either: its link sleeps until it does."""
        link = self._ledger.links.get(write.link.sage100_id) if write.link else None
        if link:
            asleep = replace(link, status=LinkStatus.ASLEEP, reason=Code.NOT_VISIBLE_IN_SSM)
            self._ledger.keep(transaction, asleep)
            transaction.forget_observed("contacts", link.ssm_id)


def _intent_key(write: Write) -> IntentKey:
    intent = intent_of(write)
    return intent.side, intent.source_id


def record_of(write: Write, now: datetime) -> dict[str, Any]:
    """A write as the record that a destination takes."""
    id_column = {} if write.target_id is None else {_ID[write.side]: write.target_id}
    expected = {EXPECTED: dict(write.expected)} if write.expected else {}
    match write.action:
        case Action.DELETE:
            return {**id_column, DELETED_AT: now.isoformat(), **expected}
        case Action.UPDATE:
            return {**id_column, **write.values, SET: list(write.values), **expected}
        case Action.CREATE:
            return {**write.values, SET: list(write.values), CREATE: True}
