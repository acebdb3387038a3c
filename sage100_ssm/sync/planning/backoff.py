"""Growing waits of a write that a side keeps refusing (``rejected_by_sage``, ``rejected_by_ssm``, ``not_applied``)."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from sage100_ssm.sync.journal import Code, Entry
from sage100_ssm.sync.planning.plan import Plan, is_about
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.state.records import JournalEntry

BACKED_OFF = frozenset({Code.REJECTED_BY_SAGE, Code.REJECTED_BY_SSM, Code.NOT_APPLIED})
"""The refusals after which a write waits."""
_PROPOSED = "CT_No"
"""A number that is drawn anew for each attempt to create a contact in Sage."""
_BETWEEN = " "
"""What separates the fingerprints of writes that have one cause."""
_STEP = timedelta(minutes=15)
_LONGEST = timedelta(hours=24)
_DOUBLINGS = 10
"""More doublings than lead from the step to the longest wait; bounds the power of two."""


def fingerprint(*writes: Write) -> str:
    """A short text for what writes would do: only the same attempt waits, another content is tried at once."""
    return _BETWEEN.join(map(_fingerprint, writes))


def _fingerprint(write: Write) -> str:
    values = sorted((name, value) for name, value in write.values.items() if name != _PROPOSED)
    attempt = [write.side, write.action, write.target_id, values]
    return hashlib.sha256(json.dumps(attempt, default=str).encode()).hexdigest()[:16]


def next_try(tries: int, now: datetime) -> datetime:
    """When a write that has failed ``tries`` times is tried again: at once, after 30 minutes, an hour, … a day."""
    return now if tries <= 1 else now + min(_STEP * 2 ** min(tries - 1, _DOUBLINGS), _LONGEST)


def back_off(plan: Plan, problems: Iterable[JournalEntry], now: datetime) -> tuple[Plan, tuple[Entry, ...]]:
    """Withhold the writes whose wait is not over.

    Args:
        plan: the plan.
        problems: the open problems, with the time of the next try.
        now: the time.

    Returns:
        The plan without those writes, and the problems that explain why they wait.
    """
    # A wait longer than the longest was set while the clock was ahead.
    until = now + _LONGEST
    waiting = {
        attempt: p.entry
        for p in problems
        if p.fingerprint and p.next_try_at and now < p.next_try_at <= until
        for attempt in p.fingerprint.split(_BETWEEN)
    }
    if not waiting:
        return plan, ()
    met: list[Entry] = []

    def reason(write: Write) -> Code | None:
        entry = waiting.get(fingerprint(write))
        if entry is None:
            return None
        # Of a problem of several contacts only this one waits for certain.
        each = entry.about_each()
        met.extend(each if len(each) == 1 else (one for one in each if is_about(one.subject, write.subject)))
        return entry.code

    return plan.withhold(reason), tuple(met)
