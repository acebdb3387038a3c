"""Fields that are rewritten in run after run: something changes them by itself, and writing them stops.

What counts is the same value written to the same field of the same contact in consecutive runs. Only the last run's
writes are remembered, so that the memory is no larger than one run's writes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Entry, Flapping
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.writes import Write, own_name, without

ENOUGH = 3
"""Consecutive runs in which a field may be rewritten."""

Memory = Mapping[str, Any]
"""Per contact and field (``side:id:field``): a digest of the value written, and in how many consecutive runs. JSON."""


@dataclass(frozen=True, slots=True)
class Rewrites:
    """The rewrites of consecutive runs.

    Attributes:
        before: what the last run remembered.
        mapper: the field map at work.
        stopped: the fields that are not written any more, in the form of a memory.
        so_far: what this run has remembered in its earlier rounds.
    """

    before: Memory
    mapper: Mapper
    stopped: Memory
    so_far: Memory = default(default_factory=dict)

    def remembered(self, written: Iterable[Write]) -> dict[str, Any]:
        """What the next run must know.

        Args:
            written: the updates that this round has done.
        """
        counted = {
            _key(write, field): [_digest(write, field, self.mapper), _runs(write, field, self) + 1]
            for write in written
            for field in write.changes
        }
        return {**self.so_far, **self.stopped, **counted}


def stop_flapping(
    plan: Plan, before: Memory, mapper: Mapper, so_far: Memory | None = None
) -> tuple[Plan, tuple[Entry, ...], Rewrites]:
    """Take the fields that were rewritten often enough out of the plan's updates.

    Args:
        plan: the plan.
        before: what the last run remembered.
        mapper: the field map at work.
        so_far: what this run has remembered in its earlier rounds.

    Returns:
        The plan without them, a problem for each, and what to remember of this run's rewrites.
    """
    rewrites = Rewrites(before, mapper, {}, so_far or {})
    problems: list[Entry] = []
    stopped: dict[str, Any] = {}
    writes: list[Write] = []
    for write in plan.writes:
        flapping = [field for field in write.changes if _runs(write, field, rewrites) >= ENOUGH]
        for field in flapping:
            stopped[_key(write, field)] = [_digest(write, field, mapper), ENOUGH]
            problems.append(_problem(write, field))
        kept = without(write, flapping, mapper) if flapping else write
        if kept.values or kept.action is not Action.UPDATE:
            writes.append(kept)
    return replace(plan, writes=tuple(writes)), tuple(problems), replace(rewrites, stopped=stopped)


def _runs(write: Write, field: str, rewrites: Rewrites) -> int:
    """In how many consecutive runs before this one the same value was written to the field."""
    if write.action is not Action.UPDATE:
        return 0
    digest, runs = rewrites.before.get(_key(write, field), ("", 0))
    return int(runs) if digest == _digest(write, field, rewrites.mapper) else 0


def _key(write: Write, field: str) -> str:
    return f"{write.side}:{write.target_id}:{field}"


def _digest(write: Write, field: str, mapper: Mapper) -> str:
    value = write.values.get(own_name(field, write.side, mapper))
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


def _problem(write: Write, field: str) -> Entry:
    wanted, present = write.changes[field].after, write.changes[field].before
    sage100, ssm = (wanted, present) if write.side is Side.SSM else (present, wanted)
    return Entry(write.subject, Flapping(), field, sage100, ssm)
