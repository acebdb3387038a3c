"""What a run changes among the open problems: which it met again, which are new, which close. Pure."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from sage100_ssm.sync.journal import Entry, Subject
from sage100_ssm.sync.model import Side, Value
from sage100_ssm.sync.state.records import JournalEntry


@dataclass(frozen=True, slots=True)
class ProblemChanges:
    """What a run changes among the open problems.

    Attributes:
        again: the problems that it met again, as it met them, by their id in the journal.
        opened: the problems that were not open, in the order in which it met them.
        closed: the ids of the problems that are gone.
    """

    again: dict[int, Entry]
    opened: list[Entry]
    closed: list[int]


def problem_changes(
    open_problems: Sequence[JournalEntry], met: Iterable[Entry], *, keep: Callable[[JournalEntry], bool]
) -> ProblemChanges:
    """Compare the problems that a run met with those that were open before it.

    Two problems are the same if code, field and contact are. A contact is compared by its two ids, as far as they are
    known: a problem with the SSM id alone and one with that id and the Sage id are the same. A problem without ids is
    about a company, else about a side. Where the cause is outside the contacts, the problems of all contacts that wait
    for it are one: it is the same as long as the cause is.

    Args:
        open_problems: the problems that were open before the run.
        met: the problems that the run met; one that it met twice counts once.
        keep: whether an open problem that the run did not meet stays open, because the run did not look at it. Of a
            problem of several contacts it is asked for each.
    """
    met = list(met)
    met_causes = {cause for entry in met if (cause := _cause(entry)) is not None}
    index = _Index()
    known = [_Tracked(problem.entry, problem.id) for problem in open_problems]
    kept: set[int] = set()
    for problem, tracked in zip(open_problems, known, strict=True):
        index.add(tracked)
        each = problem.entry.about_each()
        waiting = [entry for entry in each if keep(replace(problem, entry=entry))]
        if _cause(problem.entry) in met_causes or 0 < len(waiting) < len(each):
            met += waiting  # the run looked at some of its contacts; the others still wait
        elif waiting:
            kept.add(problem.id)
    # A dictionary without values: each problem once, in the order in which they were met.
    reported = dict.fromkeys(_meet(index, entry) for entry in joined_by_cause(met))
    compared = zip(open_problems, known, strict=True)
    return ProblemChanges(
        again={t.id: t.entry for t in reported if t.id is not None and not t.is_merged},
        opened=[t.entry for t in reported if t.id is None and not t.is_merged],
        closed=[p.id for p, t in compared if t.is_merged or not (t in reported or p.id in kept)],
    )


def finder(open_problems: Iterable[JournalEntry]) -> Callable[[Entry], int | None]:
    """A function that gives the journal's number of the open problem that is the same as an entry, if one is."""
    index = _Index()
    for problem in open_problems:
        index.add(_Tracked(problem.entry, problem.id))
    return lambda entry: next((tracked.id for tracked in index.find(entry)), None)


def joined_by_cause(entries: Iterable[Entry]) -> list[Entry]:
    """Entries in their order, those that have one cause outside the contacts joined into one."""
    joined: dict[Hashable, list[Entry]] = {}
    for number, entry in enumerate(entries):
        joined.setdefault(_cause(entry) or number, []).append(entry)
    return [_joined(same) if len(same) > 1 else same[0] for same in joined.values()]


def _joined(entries: Sequence[Entry]) -> Entry:
    """One entry for contacts that wait for one cause, with the values that they have in common."""
    contacts: dict[tuple[Side, int | None], Subject] = {}
    for contact in (contact for entry in entries for contact in entry.contacts):
        ids = [(Side.SAGE100, contact.sage100_id), (Side.SSM, contact.ssm_id)]
        known = next((contacts[key] for key in ids if key in contacts), None)
        merged = _completed(contact, known) if known else contact
        contacts |= {key: merged for key in ids if key[1] is not None}
    # A contact is in there once per id.
    joined = entries[0].about(*dict.fromkeys(contacts.values()))
    return replace(
        joined,
        sage100_value=_common(entry.sage100_value for entry in entries),
        ssm_value=_common(entry.ssm_value for entry in entries),
    )


def _common(values: Iterable[Value]) -> Value:
    """The value that is the same everywhere; None where there are several."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _cause(entry: Entry) -> Hashable:
    """What the entries of one cause have in common; None for an entry about one contact, a company or a side."""
    return None if entry.cause is None else (entry.code, entry.field, entry.cause)


@dataclass(slots=True, eq=False)
class _Tracked:
    """A problem, open before the run or met by it, while the two are compared.

    Attributes:
        entry: the problem as it was last met, with all that is known of its subject.
        id: its key in the journal; None for a problem that was not open.
        is_merged: whether it turned out to be another one of the tracked problems.
    """

    entry: Entry
    id: int | None = None
    is_merged: bool = False


class _Index:
    """Tracked problems by what they are about: thousands may be open, and each entry is compared with a few of them."""

    def __init__(self) -> None:
        self._by_key: defaultdict[Hashable, dict[_Tracked, None]] = defaultdict(dict)

    def add(self, tracked: _Tracked) -> None:
        """Make a problem findable by all that is known of its subject."""
        for key in _keys(tracked.entry):
            self._by_key[key][tracked] = None

    def remove(self, tracked: _Tracked) -> None:
        """Make a problem unfindable."""
        for key in _keys(tracked.entry):
            del self._by_key[key][tracked]

    def find(self, entry: Entry) -> list[_Tracked]:
        """The tracked problems that may be the same as this one: those found by its Sage id come first."""
        found = dict.fromkeys(tracked for key in _keys(entry) for tracked in self._by_key[key])
        return [tracked for tracked in found if _may_be_same(tracked.entry, entry)]


def _meet(index: _Index, entry: Entry) -> _Tracked:
    """The problem that an entry reports: a tracked one, brought up to date, or a new one."""
    tracked, *others = index.find(entry) or [_Tracked(entry)]
    # A cause has other contacts now than before.
    subject = entry.subject if entry.cause else _completed(entry.subject, tracked.entry.subject)
    tracked.entry = replace(entry, subject=subject)
    index.add(tracked)
    # One problem had the contact's Sage id, the other its SSM id. The entry has both, so they are one.
    for other in others:
        if _may_be_same(tracked.entry, other.entry):
            other.is_merged = True
            index.remove(other)
    return tracked


def _keys(entry: Entry) -> list[Hashable]:
    """What a problem is found by: code, field and its cause, or each id of its contact, its company, its side."""
    if cause := _cause(entry):
        return [cause]
    subject = entry.subject
    about: list[tuple[str, Hashable]] = [
        (side, id_) for side, id_ in ((Side.SAGE100, subject.sage100_id), (Side.SSM, subject.ssm_id)) if id_ is not None
    ]
    if not about:
        about = [("side", entry.side) if subject.company is None else ("company", subject.company)]
    return [(entry.code, entry.field, kind, name) for kind, name in about]


def _may_be_same(entry: Entry, another: Entry) -> bool:
    """Whether two entries have one cause, or no id of a contact that is known of both differs."""
    if entry.cause or another.cause:
        return entry.cause == another.cause
    one, other = entry.subject, another.subject
    pairs = ((one.sage100_id, other.sage100_id), (one.ssm_id, other.ssm_id))
    return all(a is None or b is None or a == b for a, b in pairs)


def _completed(subject: Subject, known: Subject) -> Subject:
    """A subject with what was known of it before and is missing now."""
    return Subject(
        company=known.company if subject.company is None else subject.company,
        sage100_id=known.sage100_id if subject.sage100_id is None else subject.sage100_id,
        ssm_id=known.ssm_id if subject.ssm_id is None else subject.ssm_id,
        contact=known.contact if subject.contact is None else subject.contact,
    )
