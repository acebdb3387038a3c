"""Fields that are rewritten run after run: something changes them on its own, and writing them stops.

What is counted is the same value written to the same field of the same contact in runs that follow each other.
Only what the last run wrote is remembered, so that the memory is no larger than a run's writes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.fields import COMPANY
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Code, Entry, Side
from sage100_ssm.sync.planning.draft import Plan
from sage100_ssm.sync.planning.writes import EXT_ID, Write, name_on

ENOUGH = 3
"""Runs running in which a field may be rewritten."""


class Rewrites:
    """What the last runs have rewritten, and what this one does.

    Args:
        before: what the last run left, as ``remembered`` gave it.
        mapper: the field map at work.
    """

    def __init__(self, before: Mapping[str, list[Any]], mapper: Mapper) -> None:
        self._before, self._names = before, {f.name: f for f in mapper.fields}
        self._now: dict[str, list[Any]] = {}

    def hold(self, plan: Plan) -> list[Entry]:
        """Take out of the plan's updates the fields that have been rewritten often enough; say which."""
        problems: list[Entry] = []
        for index, write in enumerate(plan.writes):
            for field in [f for f in write.changes if self._runs(write, f) >= ENOUGH]:
                self._now[_key(write, field)] = [self._mark(write, field), ENOUGH]
                problems.append(_flapping(write, field))
                plan.writes[index] = _without(plan.writes[index], field, self._own_name(write, field))
        plan.writes[:] = [w for w in plan.writes if w.values or w.action is not Action.UPDATE]
        return problems

    def remembered(self, written: Iterable[Write]) -> dict[str, list[Any]]:
        """What the next run must know.

        Args:
            written: the updates that this run has done.
        """
        for write in written:
            for field in write.changes:
                self._now[_key(write, field)] = [self._mark(write, field), self._runs(write, field) + 1]
        return self._now

    def _runs(self, write: Write, field: str) -> int:
        """In how many runs before this one the same value was written to the field."""
        if write.action is not Action.UPDATE:
            return 0
        mark, runs = self._before.get(_key(write, field), ("", 0))
        return int(runs) if mark == self._mark(write, field) else 0

    def _mark(self, write: Write, field: str) -> str:
        value = write.values.get(self._own_name(write, field))
        return hashlib.sha256(repr(value).encode()).hexdigest()[:12]

    def _own_name(self, write: Write, field: str) -> str:
        special = {COMPANY: "accountId", EXT_ID: "extId"}
        return special.get(field) or name_on(self._names[field], write.side)


def _key(write: Write, field: str) -> str:
    return f"{write.side}:{write.target_id}:{field}"


def _flapping(write: Write, field: str) -> Entry:
    wanted, stands = write.changes[field].after, write.changes[field].before
    sage100, ssm = (wanted, stands) if write.side is Side.SSM else (stands, wanted)
    return Entry(Code.FLAPPING, write.subject, None, field, sage100, ssm)


def _without(write: Write, field: str, name: str) -> Write:
    return replace(
        write,
        values={n: v for n, v in write.values.items() if n != name},
        expected={n: v for n, v in write.expected.items() if n != name},
        changes={f: c for f, c in write.changes.items() if f != field},
        carried=tuple(f for f in write.carried if f != field),
        notices=tuple(n for n in write.notices if n.field != field),
    )
