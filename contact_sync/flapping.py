"""Fields that are rewritten run after run: something changes them on its own, and writing them stops.

What is counted is the same value written to the same field of the same contact in runs that follow each other.
Only what the last run wrote is remembered, so that the memory is no larger than a run's writes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector_base.receipt import Action
from contact_sync.draft import Plan
from contact_sync.fields import COMPANY
from contact_sync.mapping import Mapper
from contact_sync.model import Code, Entry
from contact_sync.writes import EXT_ID, Write, name_on

ENOUGH = 3
"""Runs running in which a field may be rewritten."""

Rewrites = Mapping[str, list[Any]]
"""Side, contact and field to the value's fingerprint and the number of runs that wrote it."""


def hold_flapping(plan: Plan, before: Rewrites, mapper: Mapper) -> tuple[list[Entry], dict[str, list[Any]]]:
    """Take out of the plan what has been rewritten often enough.

    Args:
        plan: the plan; its updates lose the fields that flap.
        before: what the last run wrote.
        mapper: the field map at work.

    Returns:
        The problems, and what is to be remembered of this run.
    """
    problems: list[Entry] = []
    now: dict[str, list[Any]] = {}
    kept = [
        _without_flapping(w, before, now, problems, mapper) if w.action is Action.UPDATE else w for w in plan.writes
    ]
    plan.writes[:] = [write for write in kept if write is not None]
    return problems, now


def _without_flapping(
    write: Write, before: Rewrites, now: dict[str, list[Any]], problems: list[Entry], mapper: Mapper
) -> Write | None:
    names = _own_names(write, mapper)
    for field in list(write.changes):
        key, mark = f"{write.side}:{write.target_id}:{field}", _mark(write.values.get(names[field]))
        known, runs = before.get(key, ["", 0])
        runs = runs if known == mark else 0
        now[key] = [mark, min(runs + 1, ENOUGH)]
        if runs >= ENOUGH:
            change = write.changes[field]
            problems.append(Entry(Code.FLAPPING, write.subject, None, field, change.after, change.before))
            write = _without(write, field, names[field])
    return write if write.values else None


def _own_names(write: Write, mapper: Mapper) -> dict[str, str]:
    names = {f.name: name_on(f, write.side) for f in mapper.fields}
    return names | {COMPANY: "accountId", EXT_ID: "extId"}


def _without(write: Write, field: str, name: str) -> Write:
    return replace(
        write,
        values={n: v for n, v in write.values.items() if n != name},
        expected={n: v for n, v in write.expected.items() if n != name},
        changes={f: c for f, c in write.changes.items() if f != field},
        carried=tuple(f for f in write.carried if f != field),
        notices=tuple(n for n in write.notices if n.field != field),
    )


def _mark(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]
