"""Growing pauses of a write that a side keeps refusing (RULES.md, `rejected_by_…`, `not_applied`)."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from sage100_ssm.sync.model import Code, Entry
from sage100_ssm.sync.planning.draft import Plan
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.state.records import JournalEntry

PAUSED = frozenset({Code.REJECTED_BY_SAGE, Code.REJECTED_BY_SSM, Code.NOT_APPLIED})
_PROPOSED = "CT_No"
"""A number that each attempt to create draws anew."""
_STEP = timedelta(minutes=15)
_LONGEST = timedelta(hours=24)
_DOUBLINGS = 10
"""More of them than lead from the step to the longest pause."""


def fingerprint(write: Write) -> str:
    """What a write would do, as a short text: a different attempt is not paused."""
    values = sorted((name, value) for name, value in write.values.items() if name != _PROPOSED)
    told = [write.side, write.action, write.target_id, values]
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()[:16]


def next_try(tries: int, now: datetime) -> datetime:
    """When a write that has failed ``tries`` times is tried again: at once, after 30 minutes, an hour, … a day."""
    return now if tries <= 1 else now + min(_STEP * 2 ** min(tries - 1, _DOUBLINGS), _LONGEST)


def hold_paused(plan: Plan, problems: Iterable[JournalEntry], now: datetime) -> list[Entry]:
    """Take the writes whose pause lasts out of the plan; return the problems that stand for them."""
    paused = {p.fingerprint: p.entry for p in problems if p.next_try_at and p.next_try_at > now and p.fingerprint}
    held = [(w, paused[mark]) for w in plan.writes if paused and (mark := fingerprint(w)) in paused]
    plan.held.extend((write, entry.code.value) for write, entry in held)
    waiting = {id(write) for write, _ in held}
    plan.writes[:] = [w for w in plan.writes if id(w) not in waiting]
    return [entry for _, entry in held]
