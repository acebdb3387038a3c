"""Growing waits of a write that a side keeps refusing, and of a field that it ignores.

A refused write (``rejected_by_sage``, ``rejected_by_ssm``) waits as a whole. Of one with an ignored field
(``not_applied``) only that field waits: what else changes in the contact is written.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Code, Entry
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.writes import Write, without
from sage100_ssm.sync.state.records import JournalEntry

BACKED_OFF = frozenset({Code.REJECTED_BY_SAGE, Code.REJECTED_BY_SSM, Code.NOT_APPLIED})
"""The refusals after which a write waits."""
_PROPOSED = "CT_No"
"""A number that is drawn anew for each attempt to create a contact in Sage."""
_STEP = timedelta(minutes=15)
_LONGEST = timedelta(hours=24)
_DOUBLINGS = 10
"""More doublings than lead from the step to the longest wait; bounds the power of two."""


def fingerprint(write: Write, ignored: str | None = None) -> str:
    """A short text for what a write would do: only the same attempt waits, another content is tried at once.

    Args:
        write: the write.
        ignored: the field that the side ignored; None where the whole write was refused.
    """
    if ignored is not None and ignored in write.changes:
        content: object = [ignored, write.changes[ignored].after]
    else:
        content = sorted((name, value) for name, value in write.values.items() if name != _PROPOSED)
    attempt = [write.side, write.action, write.target_id, content]
    return hashlib.sha256(json.dumps(attempt, default=str).encode()).hexdigest()[:16]


def next_try(tries: int, now: datetime) -> datetime:
    """When a write that has failed ``tries`` times is tried again: at once, after 30 minutes, an hour, … a day."""
    return now if tries <= 1 else now + min(_STEP * 2 ** min(tries - 1, _DOUBLINGS), _LONGEST)


def back_off(
    plan: Plan, problems: Iterable[JournalEntry], now: datetime, mapper: Mapper
) -> tuple[Plan, tuple[Entry, ...]]:
    """Withhold the writes, and the fields of updates, whose wait is not over.

    Args:
        plan: the plan.
        problems: the open problems, with the time of the next try.
        now: the time.
        mapper: the field map at work.

    Returns:
        The plan without them, and the problems that explain why they wait.
    """
    # A wait longer than the longest was set while the clock was ahead.
    until = now + _LONGEST
    waiting = {p.fingerprint: p.entry for p in problems if p.next_try_at and now < p.next_try_at <= until}
    waiting.pop(None, None)
    if not waiting:
        return plan, ()
    met: list[Entry] = []

    def ignored_fields(write: Write) -> dict[str, Entry]:
        # A creation is done whatever it ignores: the update that follows it waits.
        fields = write.changes if write.action is Action.UPDATE else ()
        return {field: entry for field in fields if (entry := waiting.get(fingerprint(write, field)))}

    def without_ignored(write: Write) -> Write:
        ignored = ignored_fields(write)
        if not ignored or ignored.keys() == write.changes.keys():
            return write  # one with nothing else to write is withheld as a whole
        met.extend(ignored.values())
        return without(write, ignored.keys(), mapper)

    def reason(write: Write) -> Code | None:
        refused = waiting.get(fingerprint(write))
        entries = [*([refused] if refused else []), *ignored_fields(write).values()]
        met.extend(entries)
        return entries[0].code if entries else None

    plan = replace(plan, writes=tuple(map(without_ignored, plan.writes)))
    return plan.withhold(reason), tuple(met)
