"""What a run changes among the open problems: which it met again, which are new, which close. Pure."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from sage100_ssm.sync.journal import Entry, Subject
from sage100_ssm.sync.model import Side
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
    about a company, else about a side.

    Args:
        open_problems: the problems that were open before the run.
        met: the problems that the run met; one that it met twice counts once.
        keep: whether an open problem that the run did not meet stays open, because the run did not look at it.
    """
    index = _Index()
    known = [_Tracked(problem.entry, problem.id) for problem in open_problems]
    for tracked in known:
        index.add(tracked)
    # A dictionary without values: each problem once, in the order in which they were met.
    reported = dict.fromkeys(_meet(index, entry) for entry in met)
    compared = zip(open_problems, known, strict=True)
    return ProblemChanges(
        again={t.id: t.entry for t in reported if t.id is not None and not t.is_merged},
        opened=[t.entry for t in reported if t.id is None and not t.is_merged],
        closed=[p.id for p, t in compared if t.is_merged or not (t in reported or keep(p))],
    )


def same_problem(one: Entry, two: Entry) -> bool:
    """Whether two problems are the same: code, field, and no id of the contact that is known of both differs."""
    return not set(_keys(one)).isdisjoint(_keys(two)) and _may_be_same_contact(one.subject, two.subject)


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
        return [tracked for tracked in found if _may_be_same_contact(tracked.entry.subject, entry.subject)]


def _meet(index: _Index, entry: Entry) -> _Tracked:
    """The problem that an entry reports: a tracked one, brought up to date, or a new one."""
    tracked, *others = index.find(entry) or [_Tracked(entry)]
    tracked.entry = replace(entry, subject=_completed(entry.subject, tracked.entry.subject))
    index.add(tracked)
    # One problem had the contact's Sage id, the other its SSM id. The entry has both, so they are one.
    for other in others:
        if _may_be_same_contact(tracked.entry.subject, other.entry.subject):
            other.is_merged = True
            index.remove(other)
    return tracked


def _keys(entry: Entry) -> list[Hashable]:
    """What a problem is found by: code, field and each id of its contact, else its company, else its side."""
    subject = entry.subject
    about: list[tuple[str, Hashable]] = [
        (side, id_) for side, id_ in ((Side.SAGE100, subject.sage100_id), (Side.SSM, subject.ssm_id)) if id_ is not None
    ]
    if not about:
        about = [("side", entry.side) if subject.company is None else ("company", subject.company)]
    return [(entry.code, entry.field, kind, name) for kind, name in about]


def _may_be_same_contact(one: Subject, other: Subject) -> bool:
    """Whether no id that is known of both differs."""
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
