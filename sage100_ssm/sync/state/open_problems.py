"""Which open problems a run found again, which are new, which are gone. Pure."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from sage100_ssm.sync.journal import Entry, Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.records import JournalEntry


@dataclass(frozen=True, slots=True)
class Standing:
    """What a run makes of the open problems.

    Attributes:
        again: id of an open problem to what it says now.
        new: problems that were not open.
        gone: ids of open problems to close.
    """

    again: dict[int, Entry]
    new: list[Entry]
    gone: list[int]


def standing_after(
    standing: Sequence[JournalEntry], entries: Iterable[Entry], *, keep: Callable[[JournalEntry], bool]
) -> Standing:
    """Hold the problems of a run against those that stood before it.

    A problem is known by its code, its field and its contact; the contact by its pair of ids, as far as they are
    known: two problems of which one names only the SSM id and the other both are the same. Without ids, a problem
    is about a company, else about a side.

    Args:
        standing: the open problems.
        entries: the problems that the run met; one met twice counts once.
        keep: whether an open problem that the run did not meet stays open (its side was not read).
    """
    register = _Register()
    for problem in standing:
        register.put(problem.id, problem.entry)
    met: set[int] = set()
    merged: set[int] = set()
    for entry in entries:
        place, *others = register.find(entry) or [register.free()]
        register.put(place, entry)
        met.add(place)
        merged.update(register.merge(place, others))
    met -= merged
    return Standing(
        again={place: register.entries[place] for place in met if place > 0},
        new=[register.entries[place] for place in sorted(met, reverse=True) if place < 0],
        gone=[p.id for p in standing if p.id not in met and (p.id in merged or not keep(p))],
    )


class _Register:
    """Problems, found again by what they are about. Known ones stand under their id, new ones below zero."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self._places: defaultdict[Hashable, dict[int, None]] = defaultdict(dict)
        self._lowest = 0

    def free(self) -> int:
        """A place for a new problem."""
        self._lowest -= 1
        return self._lowest

    def find(self, entry: Entry) -> list[int]:
        """The places of the problems that are the same as this one."""
        places = dict.fromkeys(place for key in _keys(entry) for place in self._places[key])
        return [p for p in places if _agree(self.entries[p].subject, entry.subject)]

    def put(self, place: int, entry: Entry) -> None:
        """Let a problem stand at a place, with what was known there of its subject."""
        if (known := self.entries.get(place)) is not None:
            entry = replace(entry, subject=_completed(entry.subject, known.subject))
        self.entries[place] = entry
        for key in _keys(entry):
            self._places[key][place] = None

    def merge(self, place: int, others: Iterable[int]) -> list[int]:
        """Take those out that turn out to be the problem at ``place``: each knew one of its two ids."""
        subject = self.entries[place].subject
        same = [other for other in others if _agree(subject, self.entries[other].subject)]
        for other in same:
            for key in _keys(self.entries.pop(other)):
                del self._places[key][other]
        return same


def _keys(entry: Entry) -> list[Hashable]:
    """What a problem is found by: each id that it names, else the company, else the side."""
    subject = entry.subject
    about: list[tuple[str, Hashable]] = [
        (side, id_) for side, id_ in ((Side.SAGE100, subject.sage100_id), (Side.SSM, subject.ssm_id)) if id_ is not None
    ]
    if not about:
        about = [("side", entry.side) if subject.company is None else ("company", subject.company)]
    return [(entry.code, entry.field, kind, name) for kind, name in about]


def _agree(one: Subject, other: Subject) -> bool:
    pairs = ((one.sage100_id, other.sage100_id), (one.ssm_id, other.ssm_id))
    return all(a is None or b is None or a == b for a, b in pairs)


def _completed(subject: Subject, known: Subject) -> Subject:
    return Subject(
        company=known.company if subject.company is None else subject.company,
        sage100_id=known.sage100_id if subject.sage100_id is None else subject.sage100_id,
        ssm_id=known.ssm_id if subject.ssm_id is None else subject.ssm_id,
        contact=known.contact if subject.contact is None else subject.contact,
    )
