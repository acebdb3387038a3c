"""Who is the same person on both sides, who probably is, and where only a person can say (P4, P16). Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.journal import AmbiguousMatch, Entry, PossibleDuplicate
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.rules.evidence import Evidence
from sage100_ssm.sync.state.open_problems import finder
from sage100_ssm.sync.state.records import JournalEntry


class Verdict(StrEnum):
    """How sure it is that contacts are one person."""

    SAME = "same"
    PROBABLE = "probable"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Candidates:
    """Contacts without a link that are one person, or may be.

    Attributes:
        verdict: how sure it is.
        evidence: what speaks for it; empty where a person said so.
        sage100: the Sage contacts; one where it is sure.
        ssm: the SSM contacts; one where it is sure.
        problem_id: the journal's number of the open problem that asks about them, which ``decide`` takes; None before
            a run has reported it.
    """

    verdict: Verdict
    evidence: tuple[str, ...]
    sage100: Sequence[Contact]
    ssm: Sequence[Contact]
    problem_id: int | None = None

    @property
    def company(self) -> str | None:
        """``CT_Num`` of their company."""
        return next((c.company for c in (*self.sage100, *self.ssm) if c.company), None)


def candidates(plan: Plan, world: World, open_problems: Sequence[JournalEntry]) -> list[Candidates]:
    """The contacts that a plan matches, and those about which it asks: first what is sure."""
    matched = [Candidates(Verdict.SAME, tuple(m.evidence), [m.sage100], [m.ssm]) for m in plan.matches]
    asked = _asked(plan.problems, world, open_problems)
    return [*matched, *sorted(asked, key=lambda c: (c.verdict is Verdict.AMBIGUOUS, c.company or ""))]


def _asked(problems: Iterable[Entry], world: World, open_problems: Sequence[JournalEntry]) -> Iterator[Candidates]:
    """Each group of contacts once: several problems, one for each contact, ask about the same group."""
    number_of = finder(open_problems)
    seen: set[tuple[frozenset[int], frozenset[int]]] = set()
    for problem in problems:
        match problem.facts:
            case AmbiguousMatch(in_sage100, in_ssm, by_ext_id):
                verdict, evidence = Verdict.AMBIGUOUS, (Evidence.EXT_ID if by_ext_id else Evidence.NAME,)
            case PossibleDuplicate(in_sage100, in_ssm, evidence):
                verdict = Verdict.PROBABLE
            case _:
                continue
        ids = frozenset(n.id for n in in_sage100), frozenset(n.id for n in in_ssm)
        if ids in seen:
            continue
        seen.add(ids)
        yield Candidates(
            verdict,
            tuple(map(str, evidence)),
            _known(world.sage100, ids[0]),
            _known(world.ssm, ids[1]),
            number_of(problem),
        )


def _known(contacts: Mapping[int, Contact], ids: Iterable[int]) -> list[Contact]:
    return [contacts[id_] for id_ in sorted(ids) if id_ in contacts]
