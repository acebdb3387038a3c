"""Growing waits of what a side keeps refusing: a write as a whole, or one value of it.

A whole write waits after ``rejected_by_sage`` and ``rejected_by_ssm``. After ``value_refused``, and after
``not_applied``, that value alone waits: it is left out of the contact's writes, which go on (P7, P8).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.fields import COMPANY, NAMES
from sage100_ssm.sync.contacts.mapping import REQUIRED, Mapper
from sage100_ssm.sync.journal import Code, Entry
from sage100_ssm.sync.planning.plan import Plan, Withheld, is_about
from sage100_ssm.sync.planning.writes import EXT_ID, Write, own_name, without
from sage100_ssm.sync.rules.refused_values import RefusedValues, digest, value_fingerprint
from sage100_ssm.sync.state.records import JournalEntry

BACKED_OFF = frozenset({Code.REJECTED_BY_SAGE, Code.REJECTED_BY_SSM, Code.NOT_APPLIED, Code.VALUE_REFUSED})
"""The refusals after which a write, or a value, waits."""
_OF_VALUES = frozenset({Code.VALUE_REFUSED, Code.NOT_APPLIED})
"""Those that are about one value."""
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
    return digest([write.side, write.action, write.target_id, values])


def fingerprint_of(problem: Entry, *refused: Write) -> str:
    """A short text for what a side refused: writes as a whole, or the one value that is left in a write."""
    if problem.code not in _OF_VALUES:
        return fingerprint(*refused)
    values = [(w.side, w.source.id if w.source else None, n, value) for w in refused for n, value in w.values.items()]
    return _BETWEEN.join(value_fingerprint(*value) for value in values)


def refused_values(problems: Iterable[JournalEntry]) -> RefusedValues:
    """The values that a side has refused, whether they wait or not."""
    known = [p.fingerprint for p in problems if p.fingerprint and p.entry.code is Code.VALUE_REFUSED]
    return frozenset(value for each in known for value in each.split(_BETWEEN))


def next_try(tries: int, now: datetime) -> datetime:
    """When a write that has failed ``tries`` times is tried again: at once, after 30 minutes, an hour, … a day."""
    return now if tries <= 1 else now + min(_STEP * 2 ** min(tries - 1, _DOUBLINGS), _LONGEST)


def back_off(
    plan: Plan, problems: Iterable[JournalEntry], now: datetime, mapper: Mapper
) -> tuple[Plan, tuple[Entry, ...]]:
    """Withhold the writes whose wait is not over, and of other writes the values whose wait is not over.

    Args:
        plan: the plan.
        problems: the open problems, with the time of the next try.
        now: the time.
        mapper: the field map at work.

    Returns:
        The plan without those writes and values, and the problems that explain why they wait.
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
    plan, met = _without_waiting_values(plan, waiting, mapper)

    def reason(write: Write) -> Code | None:
        entry = waiting.get(fingerprint(write))
        if entry is None:
            return None
        # Of a problem of several contacts only this one waits for certain.
        each = entry.about_each()
        met.extend(each if len(each) == 1 else (one for one in each if is_about(one.subject, write.subject)))
        return entry.code

    return plan.withhold(reason), tuple(met)


def _without_waiting_values(plan: Plan, waiting: Mapping[str, Entry], mapper: Mapper) -> tuple[Plan, list[Entry]]:
    """The plan without the values that wait, and the problems that explain why."""
    if all(entry.code not in _OF_VALUES for entry in waiting.values()):
        return plan, []
    met: list[Entry] = []
    writes: list[Write] = []
    withheld: list[Withheld] = []
    for write in plan.writes:
        refused = _waiting_values(write, waiting, mapper)
        met += refused.values()
        if not refused:
            writes.append(write)
        elif _is_nothing_without(write, refused):
            withheld.append(Withheld(write, next(iter(refused.values())).code))
        else:
            writes.append(without(write, refused, mapper))
            others = write.changes.keys() - refused.keys()
            withheld.append(Withheld(without(write, others, mapper), next(iter(refused.values())).code))
    return replace(plan, writes=tuple(writes), withheld=(*plan.withheld, *withheld)), met


def _waiting_values(write: Write, waiting: Mapping[str, Entry], mapper: Mapper) -> dict[str, Entry]:
    """The fields of a write whose values wait, each with its problem."""
    found: dict[str, Entry] = {}
    for field in write.changes:
        name = own_name(field, write.side, mapper)
        source_id = write.source.id if write.source else None
        entry = waiting.get(value_fingerprint(write.side, source_id, name, write.values.get(name)))
        if entry and entry.code in _OF_VALUES:
            found[field] = entry
    # A contact's names are one value: a card never has the last name of one person and the first name of another.
    names = write.changes.keys() & NAMES
    return found if names <= found.keys() else {field: e for field, e in found.items() if field not in names}


def _is_nothing_without(write: Write, fields: Collection[str]) -> bool:
    """Whether a write cannot be done without some of its fields."""
    if write.action is Action.CREATE:
        return not {COMPANY, EXT_ID, *REQUIRED[write.side]}.isdisjoint(fields)
    return write.changes.keys() <= {*fields}
