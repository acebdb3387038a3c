"""The plan: what a run is to do. A value; whatever takes writes out of it returns another plan."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.journal import Code, Entry, Subject
from sage100_ssm.sync.model import Link, Side
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.rules.matching import Match


@dataclass(frozen=True, slots=True)
class Withheld:
    """A planned write that is not to be done in this run, and the journal code that says why."""

    write: Write
    code: Code


@dataclass(frozen=True, slots=True)
class Figures:
    """What the guards count (P9), in a plan or in several.

    Attributes:
        edits: the number of links that each side has edited since their base.
        renamed: the number of those of which it has changed both the last and the first name.
        deletions: the number of contacts that are to be deleted on each side.
        outdated: the number of links whose Sage row is older than the one last seen.
    """

    edits: Mapping[Side, int] = default(default_factory=dict)
    renamed: Mapping[Side, int] = default(default_factory=dict)
    deletions: Mapping[Side, int] = default(default_factory=dict)
    outdated: int = 0

    def __or__(self, other: "Figures") -> "Figures":
        """The higher figure of both, each by itself."""
        return Figures(
            Counter(self.edits) | Counter(other.edits),
            Counter(self.renamed) | Counter(other.renamed),
            Counter(self.deletions) | Counter(other.deletions),
            max(self.outdated, other.outdated),
        )

    def __add__(self, other: "Figures") -> "Figures":
        """The figures of both together."""
        return Figures(
            Counter(self.edits) + Counter(other.edits),
            Counter(self.renamed) + Counter(other.renamed),
            Counter(self.deletions) + Counter(other.deletions),
            self.outdated + other.outdated,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do.

    Attributes:
        links: the links to save as they are before any write: new, moved, asleep, awake, ended, with a new base.
        writes: the writes, on both sides.
        problems: what is held back, and why.
        notices: what was decided without a write.
        edits: the number of links that each side has edited since their base (P9).
        renamed: the number of those of which it has changed both the last and the first name (P9).
        edited: the contacts of all of them.
        outdated: the number of links whose Sage row is older than the one last seen (P9).
        is_partial: whether it leaves out other work that is due: it is about one contact only, or about links only.
        withheld: the writes that a guard or a backoff took out.
        matches: the contacts without a link that are the same person (P4).
    """

    links: tuple[Link, ...] = ()
    writes: tuple[Write, ...] = ()
    problems: tuple[Entry, ...] = ()
    notices: tuple[Entry, ...] = ()
    edits: Mapping[Side, int] = default(default_factory=dict)
    renamed: Mapping[Side, int] = default(default_factory=dict)
    edited: tuple[Subject, ...] = ()
    outdated: int = 0
    is_partial: bool = False
    withheld: tuple[Withheld, ...] = ()
    matches: tuple[Match, ...] = ()

    @property
    def figures(self) -> Figures:
        """What the guards count in it."""
        deletions = Counter(write.side for write in self.writes if write.action is Action.DELETE)
        return Figures(self.edits, self.renamed, deletions, self.outdated)

    def of(self, side: Side, action: Action | None = None) -> list[Write]:
        """The writes on one side, of one kind if given."""
        return [w for w in self.writes if w.side is side and action in (None, w.action)]

    def withhold(self, reason: Callable[[Write], Code | None]) -> "Plan":
        """The same plan without the writes for which there is a reason to wait.

        Args:
            reason: the journal code that keeps a write from being done; None for a write that stays in the plan.
        """
        reasons = [(write, reason(write)) for write in self.writes]
        withheld = [Withheld(write, code) for write, code in reasons if code]
        if not withheld:
            return self
        kept = tuple(write for write, code in reasons if code is None)
        return replace(self, writes=kept, withheld=(*self.withheld, *withheld))

    def about(self, chosen: "Chosen") -> "Plan":
        """The part of the plan that is about chosen contacts, or about the contacts of one company."""
        return replace(
            self,
            links=tuple(k for k in self.links if Subject(k.company, k.sage100_id, k.ssm_id) in chosen),
            writes=tuple(w for w in self.writes if w.subject in chosen),
            problems=tuple(p for p in self.problems if p.subject in chosen),
            notices=tuple(n for n in self.notices if n.subject in chosen),
            withheld=tuple(w for w in self.withheld if w.write.subject in chosen),
            is_partial=True,
        )


class Chosen:
    """The contacts that a run is confined to (``retry``): those that one open problem is about."""

    def __init__(self, subjects: Iterable[Subject]) -> None:
        self._ids: set[tuple[Side, int]] = set()
        self._companies: set[str | None] = set()
        for subject in subjects:
            ids = ids_of(subject)
            self._ids.update(ids)
            self._companies |= set() if ids else {subject.company}

    def __contains__(self, subject: Subject) -> bool:
        """Whether it is one of the contacts, or of the company where a company was chosen."""
        return subject.company in self._companies or not self._ids.isdisjoint(ids_of(subject))


def ids_of(subject: Subject) -> list[tuple[Side, int]]:
    """The ids of a subject that are known, each with its side."""
    ids = ((Side.SAGE100, subject.sage100_id), (Side.SSM, subject.ssm_id))
    return [(side, number) for side, number in ids if number is not None]


def is_about(one: Subject, subject: Subject) -> bool:
    """Whether one is the subject: the same contact, or of the same company where the subject is a company."""
    if subject.sage100_id is None and subject.ssm_id is None:
        return one.company == subject.company
    return one.sage100_id == subject.sage100_id is not None or one.ssm_id == subject.ssm_id is not None
