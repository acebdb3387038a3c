"""The deletions of the last 24 hours, which count for the deletion guard (P9)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.transaction import Transaction

_KEY = "deletions"
_COUNTED_FOR = timedelta(hours=24)


def recent_deletions(transaction: Transaction, now: datetime) -> dict[Side, int]:
    """Per side, the number of deletions of the last 24 hours, less those that a person let through."""
    counts = dict.fromkeys(Side, 0)
    for _, side, number in _recalled(transaction, now):
        counts[Side(side)] += number
    return counts


def remember_deletions(transaction: Transaction, done: Mapping[Side, int], now: datetime) -> None:
    """Add a run's deletions, and forget those of the day before."""
    fresh = [[now.isoformat(), side.value, number] for side, number in done.items() if number]
    if fresh:
        transaction.remember(_KEY, [*_recalled(transaction, now), *fresh])


def _recalled(transaction: Transaction, now: datetime) -> list[tuple[str, str, int]]:
    # A stamp in the future came from a clock that was ahead: it counts until it is a day old.
    kept = transaction.recall(_KEY) or []
    return [(at, side, number) for at, side, number in kept if now - datetime.fromisoformat(at) < _COUNTED_FOR]
