"""What people decided (P16), as the state keeps it."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from sage100_ssm.sync.journal import Entry
from sage100_ssm.sync.model import ContactRef, Side, Value, ValuePair
from sage100_ssm.sync.rules.decisions import Choice, Decisions, Pair, ValueDecision
from sage100_ssm.sync.state import ascii_json, rows, tables
from sage100_ssm.sync.state.records import JournalEntry

_ABOUT_PAIRS = frozenset({Choice.SAME, Choice.DIFFERENT})


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a person.

    Attributes:
        choice: what was decided.
        decided_by: who decided.
        decided_at: when.
        problem_id: the journal's key of the problem that it settles; None for a pair from a table.
        sage100_id: the Sage contact of the pair that it is about.
        ssm_id: the SSM contact of that pair.
        field: the field whose value stands.
        sage100_value: the value that Sage showed, for people to read.
        ssm_value: the value that SSM showed.
        fingerprint: a digest of the problem that was accepted.
        taken_back_at: when it was taken back; None for one that holds.
    """

    choice: Choice
    decided_by: str
    decided_at: datetime
    problem_id: int | None = None
    sage100_id: int | None = None
    ssm_id: int | None = None
    field: str | None = None
    sage100_value: Value = None
    ssm_value: Value = None
    fingerprint: str | None = None
    taken_back_at: datetime | None = None


class StoredDecisions:
    """The decisions within a transaction of the state.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, decisions: Iterable[Decision]) -> None:
        """Store decisions; a later one about the same pair or problem counts."""
        for decision in decisions:
            self._connection.execute(insert(tables.decisions).values(asdict(decision)))

    def take_back(self, problem_id: int, now: datetime) -> list[Decision]:
        """Take back what was decided about a problem.

        Returns:
            The decisions that no longer hold; none where none held.
        """
        held = [d for d in self.all() if d.problem_id == problem_id and d.taken_back_at is None]
        column = tables.decisions.c
        own = update(tables.decisions).where(column.problem_id == problem_id, column.taken_back_at.is_(None))
        self._connection.execute(own.values(taken_back_at=now))
        return held

    def take_back_pair(self, pair: Pair, now: datetime) -> list[Decision]:
        """Take back what was decided about two contacts being one person or two.

        Returns:
            The decisions that no longer hold; none where none held.
        """
        held = [
            d
            for d in self.all()
            if (d.sage100_id, d.ssm_id) == pair and d.choice in _ABOUT_PAIRS and d.taken_back_at is None
        ]
        column = tables.decisions.c
        about = (column.sage100_id == pair.sage100_id, column.ssm_id == pair.ssm_id, column.taken_back_at.is_(None))
        choices = column.choice.in_([choice.value for choice in _ABOUT_PAIRS])
        self._connection.execute(update(tables.decisions).where(*about, choices).values(taken_back_at=now))
        return held

    def all(self) -> list[Decision]:
        """Every decision, oldest first, those that were taken back too."""
        stored = self._connection.execute(select(tables.decisions).order_by(tables.decisions.c.id))
        return [_decision_of(row) for row in stored]

    def current(self) -> Decisions:
        """What holds now, as the rules need it."""
        return in_force(self.all())

    def accepted(self, problems: Iterable[JournalEntry]) -> set[int]:
        """The numbers of those problems that a person accepted, and that have not changed since."""
        held = [d for d in self.all() if d.choice is Choice.ACCEPT and d.taken_back_at is None]
        known = {(d.problem_id, d.fingerprint) for d in held}
        return {p.id for p in problems if (p.id, fingerprint(p.entry)) in known} if known else set()

    def follow(self, moved: Mapping[ContactRef, int]) -> None:
        """Let the decisions be about the same contacts still, where links have found theirs under other ids (P14).

        Args:
            moved: by the contact as it was known, its id now.
        """
        if not moved:
            return
        column = tables.decisions.c
        stored = self._connection.execute(select(column.id, column.sage100_id, column.ssm_id)).all()
        for id_, sage100_id, ssm_id in stored:
            now = now_of(moved, sage100_id, ssm_id)
            if now != (sage100_id, ssm_id):
                one = update(tables.decisions).where(column.id == id_)
                self._connection.execute(one.values(sage100_id=now[0], ssm_id=now[1]))

    def prune(self, lives: Callable[[Pair], bool]) -> None:
        """Delete the decisions about pairs of which a contact is gone: they hold as long as both live."""
        column = tables.decisions.c
        stored = self._connection.execute(select(column.id, column.sage100_id, column.ssm_id))
        gone = [
            id_
            for id_, sage100_id, ssm_id in stored
            if sage100_id is not None and ssm_id is not None and not lives(Pair(sage100_id, ssm_id))
        ]
        if gone:
            self._connection.execute(delete(tables.decisions).where(column.id.in_(gone)))


def now_of(
    moved: Mapping[ContactRef, int], sage100_id: int | None, ssm_id: int | None
) -> tuple[int | None, int | None]:
    """The ids that the contacts of a decision have now."""
    in_sage100 = None if sage100_id is None else moved.get(ContactRef(Side.SAGE100, sage100_id), sage100_id)
    return in_sage100, None if ssm_id is None else moved.get(ContactRef(Side.SSM, ssm_id), ssm_id)


def in_force(decisions: Iterable[Decision]) -> Decisions:
    """What holds of decisions in the order in which they were taken: the last one about a pair or a field counts."""
    pairs: dict[Pair, Decision] = {}
    values: defaultdict[Pair, dict[str, ValueDecision]] = defaultdict(dict)
    for decision in decisions:
        if decision.sage100_id is None or decision.ssm_id is None:
            continue
        pair = Pair(decision.sage100_id, decision.ssm_id)
        if decision.choice in _ABOUT_PAIRS:
            pairs[pair] = decision
        elif decision.field and decision.taken_back_at is None:
            shown = ValuePair(decision.sage100_value, decision.ssm_value)
            values[pair][decision.field] = ValueDecision(Side(decision.choice.value), shown)
    hold = {pair: d.choice for pair, d in pairs.items() if d.taken_back_at is None}
    return Decisions(
        same=frozenset(pair for pair, choice in hold.items() if choice is Choice.SAME),
        different=frozenset(pair for pair, choice in hold.items() if choice is Choice.DIFFERENT),
        separated=frozenset(p for p, d in pairs.items() if d.choice is Choice.SAME and d.taken_back_at is not None),
        values=dict(values),
    )


def fingerprint(entry: Entry) -> str:
    """A digest of what a problem says, by which it is recognised as unchanged."""
    said = ascii_json.dumps(rows.entry_row(entry))
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


def _decision_of(row: Row[Any]) -> Decision:
    columns = dict(row._mapping)  # noqa: SLF001 - public in spite of its name
    del columns["id"]
    return Decision(**columns | {"choice": Choice(columns["choice"])})
