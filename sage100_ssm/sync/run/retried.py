"""What became of the contact that a person had tried again (``retry``). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.plan import Chosen, Plan
from sage100_ssm.sync.run.report import Counts, Tally
from sage100_ssm.sync.state.records import JournalEntry


class Became(StrEnum):
    """What became of a contact, in the words of ``retry --json``."""

    REFUSED = "refused"
    """A side has refused a write, or did not apply it: its problem says why."""
    WAITING = "waiting"
    """A problem, or a guard, still holds the contact or a field of it back."""
    UNDECIDED = "undecided"
    """A write was not done, or it is not known whether it was: the next run decides."""
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    """There was nothing to do, and nothing holds the contact back."""


_DONE = {Action.CREATE: Became.CREATED, Action.DELETE: Became.DELETED, Action.UPDATE: Became.UPDATED}
"""Of several writes the first of these says what became of the contact: its ``extId`` follows a creation."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the contacts that a person had tried again: of one, or of all that waited for one cause.

    Attributes:
        subjects: the contacts, or the company.
        became: what became of them, in a word.
        done: the writes that were done, by side.
        problems: the problems of the contacts that are open at the end of the run.
    """

    subjects: tuple[Subject, ...]
    became: Became
    done: tuple[tuple[Side, Action], ...]
    problems: tuple[JournalEntry, ...]


def retried(subjects: tuple[Subject, ...], plan: Plan, tally: Tally, open_problems: Sequence[JournalEntry]) -> Retried:
    """What became of some contacts.

    Args:
        subjects: the contacts.
        plan: what the run was allowed to do about them.
        tally: what its writes came to.
        open_problems: the problems that are open at the end of the run.
    """
    chosen = Chosen(subjects)
    done = tuple((side, action) for action in _DONE for side in Side if _number_of(tally.counts[side], action))
    problems = tuple(known for known in open_problems if any(each in chosen for each in known.entry.contacts))
    return Retried(subjects, _became(plan, tally, done, problems), done, problems)


def _became(plan: Plan, tally: Tally, done: Sequence[tuple[Side, Action]], problems: Sequence[JournalEntry]) -> Became:
    refused = {(entry.code, entry.field) for entry, _ in tally.refusals}
    if any((known.entry.code, known.entry.field) in refused for known in problems):
        return Became.REFUSED
    if problems or plan.withheld:
        return Became.WAITING
    if tally.failures or tally.postponed or any(counts.failed for counts in tally.counts.values()):
        return Became.UNDECIDED
    return _DONE[done[0][1]] if done else Became.UNCHANGED


def _number_of(counts: Counts, action: Action) -> int:
    return {Action.CREATE: counts.created, Action.DELETE: counts.deleted, Action.UPDATE: counts.updated}[action]
