"""A state in memory: all that a run keeps, for worlds that are left and come back to thousands of times.

What it keeps is what ``sage100_ssm.sync.state`` keeps; ``test_small_world`` plays the same scripts on both.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sage100_ssm.exchange.reading import IdRange
from sage100_ssm.sync.contacts import keys
from sage100_ssm.sync.journal import Entry, Kind, Subject
from sage100_ssm.sync.model import ContactRef, Intent, Link, LinkStatus
from sage100_ssm.sync.policy import Retention
from sage100_ssm.sync.rules.decisions import Decisions, Pair, Undo
from sage100_ssm.sync.state.decisions import Decision, in_force, now_of
from sage100_ssm.sync.state.errors import AlreadyLinked, LeaseLost
from sage100_ssm.sync.state.open_problems import problem_changes
from sage100_ssm.sync.state.records import JournalEntry, Lease, LinkCounts, RunRow, RunStatus, WriteRecord
from sage100_ssm.sync.state.transaction import LIVE

_EVERYTHING = IdRange()


@dataclass(frozen=True, slots=True)
class Noted:
    """A journal entry as it is kept: by which run, and whether it is a notice that is still pending."""

    shown: JournalEntry
    run_id: str
    is_pending: bool = False


@dataclass
class Kept:
    """What is remembered, in tables of values that never change."""

    links: dict[int, Link] = field(default_factory=dict)
    observed: dict[str, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    intents: dict[int, Intent] = field(default_factory=dict)
    journal: dict[int, Noted] = field(default_factory=dict)
    runs: dict[str, RunRow] = field(default_factory=dict)
    decisions: dict[int, Decision] = field(default_factory=dict)
    writes: dict[int, WriteRecord] = field(default_factory=dict)
    undos: dict[int, frozenset[str]] = field(default_factory=dict)
    companies: dict[str, int | None] = field(default_factory=dict)

    def copy(self) -> "Kept":
        """Tables of their own, of the same values."""
        return Kept(*map(dict, vars(self).values()))


class MemoryDecisions:
    """The part of ``StoredDecisions`` that a run uses."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def add(self, decisions: Iterable[Decision]) -> None:
        """Keep decisions."""
        for decision in decisions:
            self._kept.decisions[max(self._kept.decisions, default=0) + 1] = decision

    def take_back(self, problem_id: int, now: datetime) -> list[Decision]:
        """Take back what was decided about a problem."""
        decisions = self._kept.decisions
        held = {key: d for key, d in decisions.items() if d.problem_id == problem_id and d.taken_back_at is None}
        decisions |= {key: replace(decision, taken_back_at=now) for key, decision in held.items()}
        return list(held.values())

    def current(self) -> Decisions:
        """What holds now."""
        return in_force(self._kept.decisions.values())

    def follow(self, moved: Mapping[ContactRef, int]) -> None:
        """Let the decisions be about the same contacts still, under their ids now."""
        for key, decision in self._kept.decisions.items():
            sage100_id, ssm_id = now_of(moved, decision.sage100_id, decision.ssm_id)
            self._kept.decisions[key] = replace(decision, sage100_id=sage100_id, ssm_id=ssm_id)

    def prune(self, lives: Callable[[Pair], bool]) -> None:
        """Forget the decisions about pairs of which a contact is gone."""
        held = self._kept.decisions.items()
        pairs = {key: (d.sage100_id, d.ssm_id) for key, d in held}
        for key, (sage100_id, ssm_id) in pairs.items():
            if sage100_id is not None and ssm_id is not None and not lives(Pair(sage100_id, ssm_id)):
                del self._kept.decisions[key]


class MemoryWrites:
    """The part of ``StoredWrites`` that a run uses."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def save(self, record: WriteRecord) -> WriteRecord:
        """Keep a record."""
        return _save(self._kept.writes, record)

    def discard(self, ids: Collection[int]) -> None:
        """Delete the records of writes that were not done."""
        for id_ in ids:
            del self._kept.writes[id_]

    def in_doubt(self) -> list[WriteRecord]:
        """The writes whose outcome is not known, oldest first."""
        return [record for _, record in sorted(self._kept.writes.items()) if not record.is_confirmed]

    def ask_undo(self, id_: int, fields: Collection[str]) -> None:
        """Keep that a person asked fields of a write back."""
        self._kept.undos[id_] = self._kept.undos.get(id_, frozenset()) | frozenset(fields)

    def undos(self) -> dict[Pair, Undo]:
        """What people asked back."""
        found = {}
        for id_, asked in sorted(self._kept.undos.items()):
            record = self._kept.writes[id_]
            values = {name: (c.before, c.after) for name, c in record.changes.items() if name in asked}
            found[Pair(record.subject.sage100_id or 0, record.subject.ssm_id or 0)] = Undo(id_, record.side, values)
        return found

    def close_undos(self, ids: Collection[int]) -> None:
        """What was asked back is done, or cannot be any more."""
        for id_ in ids:
            self._kept.undos.pop(id_, None)

    def find(self, id_: int) -> WriteRecord | None:
        """The write of that number."""
        return self._kept.writes.get(id_)

    def all(self) -> list[WriteRecord]:
        """Every write, newest first."""
        return [record for _, record in sorted(self._kept.writes.items(), reverse=True)]


class MemoryLookups:
    """``StoredLookups`` over tables in memory; the code of a company is in ``extId``.

    Args:
        kept: what is remembered.
    """

    def __init__(self, kept: Kept) -> None:
        self._links = [link for _, link in sorted(kept.links.items()) if link.status in LIVE]
        self._rows = {stream: kept.observed.get(stream, {}) for stream in ("accounts", "contacts")}

    def links_of(self, sage100_ids: Collection[int] = (), ssm_ids: Collection[int] = ()) -> list[Link]:
        return [link for link in self._links if link.sage100_id in sage100_ids or link.ssm_id in ssm_ids]

    def sleeping_links(self) -> list[Link]:
        return [link for link in self._links if link.status is LinkStatus.ASLEEP]

    def linked_ids(self) -> Iterator[tuple[int, LinkStatus]]:
        return ((link.ssm_id, link.status) for link in self._links)

    def linked_and_unseen(self) -> Iterator[tuple[int, LinkStatus]]:
        return ((id_, status) for id_, status in self.linked_ids() if id_ not in self._rows["contacts"])

    def linked_and_astray(self) -> Iterator[int]:
        stored = self._rows["contacts"]
        found = {i for i, row in stored.items() if keys.is_live(row) or self._of_contact(row) != keys.NO_COMPANY}
        return (link.ssm_id for link in self._links if link.ssm_id not in found)

    def some_linked_ids(self, number: int) -> list[int]:
        stored = self._rows["contacts"]
        return [k.ssm_id for k in self._links if k.status is LinkStatus.ACTIVE and k.ssm_id in stored][:number]

    def has_links(self) -> bool:
        return bool(self._links)

    def highest_number(self) -> int:
        return max((link.sage100_no or 0 for link in self._links), default=0)

    def has_rows(self) -> bool:
        return any(self._rows.values())

    def lives_in_ssm(self) -> bool:
        return any(map(keys.is_live, self._rows["contacts"].values()))

    def some_live_ids(self, number: int) -> list[int]:
        return [id_ for id_, row in self._rows["contacts"].items() if keys.is_live(row)][:number]

    def rows_by_id(self, stream: str, ids: Iterable[int]) -> list[Mapping[str, Any]]:
        return [self._rows[stream][id_] for id_ in sorted(ids) if id_ in self._rows[stream]]

    def companies_of(self, stream: str, ids: Iterable[int]) -> dict[int, str]:
        company_of = self._of_account if stream == "accounts" else self._of_contact
        return {row["id"]: company_of(row) for row in self.rows_by_id(stream, ids)}

    def _of_account(self, row: Mapping[str, Any]) -> str:
        return keys.key_of_account(row, "extId")

    def _of_contact(self, row: Mapping[str, Any]) -> str:
        account = self._rows["accounts"].get(keys.account_id_of(row) or 0)
        return keys.key_of_contact(self._of_account(account) if account else None)

    def accounts_of(self, companies: Collection[str]) -> list[Mapping[str, Any]]:
        wanted = set(companies) - {keys.NO_COMPANY}
        return [row for row in self._rows["accounts"].values() if self._of_account(row) in wanted]

    def contacts_of(self, companies: Collection[str]) -> list[Mapping[str, Any]]:
        found = [row for row in self._rows["contacts"].values() if self._of_contact(row) in companies]
        return [row for row in found if keys.is_live(row) or self._of_contact(row) != keys.NO_COMPANY]

    def contacts_with_accounts(self, account_ids: Collection[int]) -> list[Mapping[str, Any]]:
        return [row for row in self._rows["contacts"].values() if keys.account_id_of(row) in account_ids]

    def contacts_naming(self, sage100_ids: Collection[int]) -> list[int]:
        return [id_ for id_, row in self._rows["contacts"].items() if keys.named_by(row) in sage100_ids]

    def marks(self) -> Iterator[tuple[int, str]]:
        living = ((id_, row) for id_, row in self._rows["contacts"].items() if keys.is_live(row))
        return ((id_, row["extId"]) for id_, row in living if keys.named_by(row) is not None)

    def contacts_with_ext_id(self, ext_id: str) -> list[Mapping[str, Any]]:
        return [row for row in self._rows["contacts"].values() if row.get("extId") == ext_id]


class MemoryTransaction:
    """The part of ``sage100_ssm.sync.state.transaction.Transaction`` that a run uses, over tables in memory."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    @property
    def decisions(self) -> MemoryDecisions:
        """What people decided."""
        return MemoryDecisions(self.kept)

    @property
    def writes(self) -> MemoryWrites:
        """What was written on the sides."""
        return MemoryWrites(self.kept)

    @property
    def lookup(self) -> MemoryLookups:
        """Links and rows by keys."""
        return MemoryLookups(self.kept)

    def companies(self) -> Iterator[tuple[str, int | None]]:
        """Every company, with the digest that vouches for it."""
        return iter(self.kept.companies.items())

    def settle_companies(self, settled: Mapping[str, int]) -> None:
        """Keep what vouches for companies."""
        self.kept.companies |= settled

    def unsettle_companies(self, keys: Iterable[str] | None = None) -> None:
        """Let the next run look at companies."""
        self.kept.companies |= dict.fromkeys(self.kept.companies if keys is None else keys)

    def rekey_observed(self, code_field: str, after: None = None) -> None:
        """Nothing: rows are found without an index."""

    def newest_links(self) -> Iterator[Link]:
        """The live links, newest first."""
        return reversed(self.links())

    def links(self) -> list[Link]:
        """The live links, oldest first."""
        return [link for _, link in sorted(self.kept.links.items()) if link.status in LIVE]

    def count_links(self) -> LinkCounts:
        """How many live links there are."""
        return LinkCounts(Counter((link.status, link.origin) for link in self.links()))

    def save_link(self, link: Link, now: datetime | None = None) -> Link:
        """Keep a link; a contact has one living link."""
        others = [other for other in self.links() if other.id != link.id] if link.status in LIVE else []
        if any(other.sage100_id == link.sage100_id or other.ssm_id == link.ssm_id for other in others):
            raise AlreadyLinked(link.sage100_id, link.ssm_id)
        return _save(self.kept.links, link)

    def add_links(self, links: Sequence[Link], now: datetime | None = None) -> list[Link]:
        """Keep new links."""
        return [self.save_link(link, now) for link in links]

    def release_contacts(self, link: Link) -> None:
        """Let other links have the contacts of a link."""
        self.save_link(replace(link, status=LinkStatus.ENDED))

    def observed(self, stream: str) -> Iterator[Mapping[str, Any]]:
        """The rows last seen of a stream, by id."""
        return iter([row for _, row in sorted(self.kept.observed.get(stream, {}).items())])

    def save_observed(
        self,
        stream: str,
        observed: Iterable[Mapping[str, Any]],
        *,
        replace: bool = False,
        code_field: str = "extId",
    ) -> None:
        """Keep rows as last seen."""
        known = self.kept.observed.get(stream, {})
        read = {row["id"]: row for row in observed}
        changed = {id_ for id_, row in read.items() if known.get(id_) != row}
        changed |= known.keys() - read.keys() if replace else set()
        with self._unsettling(stream, changed):
            self.kept.observed[stream] = ({} if replace else known) | read

    def forget_unobserved(self, stream: str, seen: Collection[int], within: IdRange = _EVERYTHING) -> None:
        """Forget what a whole reading of a range of ids did not show."""
        for id_ in self.kept.observed.get(stream, {}).keys() - seen:
            if id_ in within:
                self.forget_observed(stream, id_)

    def forget_observed(self, stream: str, id_: int) -> None:
        """Forget a row."""
        with self._unsettling(stream, {id_}):
            known = self.kept.observed.get(stream, {})
            self.kept.observed[stream] = {other: row for other, row in known.items() if other != id_}

    @contextmanager
    def _unsettling(self, stream: str, changed: Collection[int]) -> Iterator[None]:
        """Take away what vouches for the companies of rows, those of before and those of after."""
        of_companies = stream in ("accounts", "contacts")
        before = self.lookup.companies_of(stream, changed) if of_companies else {}
        yield
        after = self.lookup.companies_of(stream, changed) if of_companies else {}
        self.unsettle_companies([*before.values(), *after.values()])

    def cursor(self, stream: str) -> Any:
        """The state up to which a stream was read."""
        return self.recall(f"cursor:{stream}")

    def save_cursor(self, stream: str, state: Mapping[str, Any]) -> None:
        """Keep the state of a stream."""
        self.remember(f"cursor:{stream}", dict(state))

    def recall(self, key: str) -> Any:
        """A small fact."""
        return self.kept.facts.get(key)

    def remember(self, key: str, value: Any) -> None:
        """Keep a small fact."""
        self.kept.facts[key] = value

    def intents(self) -> list[Intent]:
        """The creates whose outcome is not known, oldest first."""
        return [intent for _, intent in sorted(self.kept.intents.items())]

    def save_intent(self, intent: Intent) -> Intent:
        """Keep an intent."""
        return _save(self.kept.intents, intent)

    def close_intent(self, intent_id: int) -> None:
        """Forget an intent."""
        del self.kept.intents[intent_id]

    def open_problems(self) -> list[JournalEntry]:
        """The problems that stand, oldest first."""
        return [e for e in self.journal()[::-1] if e.kind is Kind.PROBLEM and e.closed_at is None]

    def report_problems(
        self, entries: Iterable[Entry], *, now: datetime, run_id: str, keep: Callable[[JournalEntry], bool]
    ) -> tuple[int, int]:
        """Bring the open problems to what a run met."""
        after = problem_changes(self.open_problems(), entries, keep=keep)
        for id_, entry in after.again.items():
            self._change(id_, entry=entry, last_seen=now, count=self.kept.journal[id_].shown.count + 1)
        for entry in after.opened:
            self._note(entry, now, run_id)
        for id_ in after.closed:
            self._change(id_, closed_at=now)
        return len(after.opened), len(after.closed)

    def schedule(
        self, problem_id: int, *, tries: int, next_try_at: datetime | None, fingerprint: str | None = None
    ) -> None:
        """Say when a write is tried again."""
        self._change(problem_id, tries=tries, next_try_at=next_try_at, fingerprint=fingerprint)

    def add_notice(self, entry: Entry, *, now: datetime, run_id: str) -> None:
        """Note what was decided, once in a run."""
        if not any(n.run_id == run_id and _same(n.shown.entry, entry) for n in self.kept.journal.values()):
            self._note(entry, now, run_id)

    def add_pending_notices(self, entries: Collection[Entry], *, now: datetime, run_id: str) -> list[int]:
        """Store the notices of a write before it is tried."""
        return [self._note(entry, now, run_id, is_pending=True) for entry in entries]

    def pending_notices(self) -> list[JournalEntry]:
        """The notices of writes whose outcome is not known, oldest first."""
        return [noted.shown for _, noted in sorted(self.kept.journal.items()) if noted.is_pending]

    def resolve_pending_notices(self, keys: Collection[int], *, done: bool) -> None:
        """Make pending notices notices of the journal, or delete them."""
        for id_ in keys:
            noted = self.kept.journal.pop(id_)
            if done:
                self.kept.journal[id_] = replace(noted, is_pending=False)

    def journal_entry(self, entry_id: int) -> JournalEntry | None:
        """The entry of that number."""
        noted = self.kept.journal.get(entry_id)
        return noted.shown if noted else None

    def journal(self) -> list[JournalEntry]:
        """The journal's entries, newest first."""
        return [noted.shown for _, noted in sorted(self.kept.journal.items(), reverse=True) if not noted.is_pending]

    def forget_expired(self, retention: Retention, now: datetime) -> int:
        """Nothing is kept long enough to be forgotten."""
        return 0

    def start_run(self, run: RunRow) -> None:
        """Record that a run begins; one that never ended has failed."""
        for known in list(self.kept.runs.values()):
            if known.status is RunStatus.RUNNING:
                self.finish_run(replace(known, status=RunStatus.FAILED, finished_at=run.started_at))
        self.kept.runs[run.run_id] = run

    def finish_run(self, run: RunRow) -> None:
        """Record how a run ended; no world asks for any but the last."""
        self.kept.runs = {run.run_id: run}

    def runs(self, limit: int | None = None) -> list[RunRow]:
        """The runs, newest first."""
        return sorted(self.kept.runs.values(), key=lambda run: run.started_at, reverse=True)[:limit]

    def _note(self, entry: Entry, now: datetime, run_id: str, *, is_pending: bool = False) -> int:
        id_ = max(self.kept.journal, default=0) + 1
        self.kept.journal[id_] = Noted(JournalEntry(id_, entry, now, now), run_id, is_pending)
        return id_

    def _change(self, id_: int, **changes: Any) -> None:
        noted = self.kept.journal[id_]
        self.kept.journal[id_] = replace(noted, shown=replace(noted.shown, **changes))


class MemoryStore:
    """The state in memory, with the verbs of ``sage100_ssm.sync.state.store.StateStore`` that a play uses.

    Attributes:
        kept: what is remembered.
        before_commit: called before each transaction under a lease is kept; if it raises, nothing is.
    """

    def __init__(self) -> None:
        self.kept = Kept()
        self._number = 0
        self.before_commit: Callable[[], object] = _nothing

    def acquire(self, owner: str, now: datetime, duration: timedelta) -> Lease:
        """Take the lease: a run that had it was killed, or is frozen."""
        self._number += 1
        return Lease(self._number, owner)

    def release(self, lease: Lease) -> None:
        """Give the lease back."""

    def check(self, lease: Lease) -> None:
        """Check that no other run has taken the lease.

        Raises:
            LeaseLost: one has.
        """
        if lease.number != self._number:
            raise LeaseLost(lease.number)

    @contextmanager
    def transaction(self, lease: Lease | None = None) -> Iterator[MemoryTransaction]:
        """One transaction: all or nothing of it is kept."""
        if lease is None:
            yield MemoryTransaction(self.kept)
            return
        self.check(lease)
        transaction = MemoryTransaction(self.kept.copy())
        yield transaction
        self.before_commit()
        self.check(lease)
        self.kept = transaction.kept

    @contextmanager
    def reading(self) -> Iterator[MemoryTransaction]:
        """What is kept, to be read."""
        yield MemoryTransaction(self.kept)


def _nothing() -> None:
    """Nobody waits for a commit."""


def _save(table: dict[int, Any], row: Any) -> Any:
    saved = replace(row, id=row.id or max(table, default=0) + 1)
    table[saved.id] = saved
    return saved


def _same(one: Entry, other: Entry) -> bool:
    def known(entry: Entry) -> tuple[object, ...]:
        subject: Subject = entry.subject
        about = (subject.company, subject.sage100_id, subject.ssm_id)
        return entry.code, *about, entry.field, entry.sage100_value, entry.ssm_value

    return known(one) == known(other)
