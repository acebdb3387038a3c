"""A person's decisions (P16): what an answer to a problem means, checked, and stored for the next run."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.journal import (
    AboutSide,
    Code,
    Decided,
    Entry,
    Kind,
    Named,
    PossibleDuplicate,
    Subject,
    WhoIsWho,
)
from sage100_ssm.sync.rules.decisions import Choice, Pair
from sage100_ssm.sync.state.decisions import Decision, fingerprint
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.transaction import Transaction

_NOT_ASKED = PossibleDuplicate((), (), ())
"""What an answer is about that was given before a run asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answers to a problem.

    Attributes:
        choice: the answer.
        by: who answers.
        at: when.
        other: the contact opposite that is meant, by its id, where the problem names several.
        seen: the digest of the problem as the person saw it; None where it is not known.
    """

    choice: Choice
    by: str
    at: datetime
    other: int | None = None
    seen: str | None = None


def decide(transaction: Transaction, problem_id: int, answer: Answer) -> Entry:
    """Store the answer to a problem; the next run acts on it.

    Returns:
        The notice of it, which is in the journal.

    Raises:
        ConfigurationError: there is no such open problem, it is not what the person saw any more, or the answer is none
            to it.
    """
    problem = _found(transaction, problem_id)
    if problem.kind is not Kind.PROBLEM or problem.closed_at is not None:
        raise ConfigurationError("problem_not_open", number=problem_id)
    # A run may have met other values, or another contact, since the page was shown.
    if answer.seen not in (None, fingerprint(problem.entry)):
        raise ConfigurationError("problem_changed", number=problem_id)
    _store(transaction, _decisions(problem, answer))
    return _note(transaction, problem.entry, answer.choice, answer.by, answer.at)


def take_over(transaction: Transaction, answers: Sequence[Decision]) -> None:
    """Store the answers of a table, each with its notice in the journal; the next run acts on them."""
    _store(transaction, answers)
    for made in answers:
        problem = transaction.journal_entry(made.problem_id) if made.problem_id else None
        # Before a first run nobody has been asked yet, and the journal knows no name.
        asked = problem.entry if problem else Entry(Subject(None, made.sage100_id, made.ssm_id), _NOT_ASKED)
        _note(transaction, asked, made.choice, made.decided_by, made.decided_at)


def _store(transaction: Transaction, made: Iterable[Decision]) -> None:
    """Store decisions, unless one makes a contact the same person as two contacts opposite.

    Raises:
        ConfigurationError: one does; nothing is stored.
    """
    made = list(made)
    answered = {(d.sage100_id, d.ssm_id) for d in made}
    # A later decision about the same pair replaces the one that is known.
    known = [pair for pair in transaction.decisions.current().same if pair not in answered]
    for decision in made if known else ():
        for pair in known if decision.choice is Choice.SAME else ():
            if decision.sage100_id == pair.sage100_id:
                raise ConfigurationError("same_as_another", number=pair.sage100_id, known=pair.ssm_id)
            if decision.ssm_id == pair.ssm_id:
                raise ConfigurationError("same_as_another", number=pair.ssm_id, known=pair.sage100_id)
    transaction.decisions.add(made)


def take_back(transaction: Transaction, problem_id: int, by: str, at: datetime) -> Entry:
    """Take back what was decided about a problem, open or closed.

    Raises:
        ConfigurationError: there is no such problem, or nothing was decided about it.
    """
    problem = _found(transaction, problem_id)
    taken_back = transaction.decisions.take_back(problem_id, at)
    if not taken_back:
        raise ConfigurationError("nothing_decided", number=problem_id)
    return _note(transaction, problem.entry, taken_back[-1].choice, by, at, undone=True)


def take_back_pair(transaction: Transaction, pair: Pair, by: str, at: datetime) -> Entry:
    """Take back what was decided about two contacts, by a table or on the page.

    Raises:
        ConfigurationError: nothing was decided about them.
    """
    taken_back = transaction.decisions.take_back_pair(pair, at)
    if not taken_back:
        raise ConfigurationError("web_nothing_decided", one=pair.sage100_id, other=pair.ssm_id)
    last = taken_back[-1]
    problem = transaction.journal_entry(last.problem_id) if last.problem_id else None
    asked = problem.entry if problem else Entry(Subject(None, pair.sage100_id, pair.ssm_id), _NOT_ASKED)
    return _note(transaction, asked, last.choice, by, at, undone=True)


def choices_for(entry: Entry) -> Sequence[Choice]:
    """The answers that a problem takes; none where only its cause can settle it."""
    if isinstance(entry.facts, AboutSide):
        return ()
    if isinstance(entry.facts, WhoIsWho):
        return Choice.SAME, Choice.DIFFERENT, Choice.ACCEPT
    if entry.code is Code.CONFLICT and entry.subject.sage100_id is not None and entry.subject.ssm_id is not None:
        return Choice.SAGE100, Choice.SSM, Choice.ACCEPT
    return (Choice.ACCEPT,)


def _found(transaction: Transaction, problem_id: int) -> JournalEntry:
    entry = transaction.journal_entry(problem_id)
    if entry is None:
        raise ConfigurationError("problem_not_open", number=problem_id)
    return entry


def _decisions(problem: JournalEntry, answer: Answer) -> list[Decision]:
    """An answer as the decisions that it stands for: one per pair of contacts.

    Raises:
        ConfigurationError: it is no answer to the problem, or leaves open who is meant.
    """
    entry, choice = problem.entry, answer.choice
    allowed = choices_for(entry)
    if choice not in allowed:
        known = ", ".join(allowed) or None
        raise ConfigurationError("choice_not_possible", number=problem.id, choice=choice.value, choices=known)
    made = Decision(choice, answer.by, answer.at, problem.id)
    if choice is Choice.ACCEPT:
        return [replace(made, fingerprint=fingerprint(entry))]
    if choice in (Choice.SAGE100, Choice.SSM):
        subject = entry.subject
        return [
            replace(
                made,
                sage100_id=subject.sage100_id,
                ssm_id=subject.ssm_id,
                field=entry.field,
                sage100_value=entry.sage100_value,
                ssm_value=entry.ssm_value,
            )
        ]
    pairs = _pairs(problem, answer)
    return [replace(made, sage100_id=pair.sage100_id, ssm_id=pair.ssm_id) for pair in pairs]


def _pairs(problem: JournalEntry, answer: Answer) -> list[Pair]:
    """The pairs that an answer is about: the contact of the problem with those opposite, or with the one named."""
    entry = problem.entry
    assert isinstance(entry.facts, WhoIsWho), "these alone take such an answer"
    subject = entry.subject
    sage100_ids = _ids(subject.sage100_id, entry.facts.in_sage100)
    ssm_ids = _ids(subject.ssm_id, entry.facts.in_ssm)
    pairs = [Pair(one, two) for one in sage100_ids for two in ssm_ids]
    opposite = 0 if subject.ssm_id is not None else 1
    others = ", ".join(str(pair[opposite]) for pair in pairs)
    if answer.other is not None:
        pairs = [pair for pair in pairs if pair[opposite] == answer.other]
        if not pairs:
            raise ConfigurationError("other_unknown", number=problem.id, other=answer.other, others=others)
    if answer.choice is Choice.SAME and len(pairs) > 1:
        raise ConfigurationError("other_missing", number=problem.id, other=pairs[0][opposite], others=others)
    return pairs


def _note(
    transaction: Transaction, problem: Entry, choice: Choice, by: str, at: datetime, *, undone: bool = False
) -> Entry:
    """Note a decision in the journal."""
    facts = Decided(choice.value, by, problem.code, undone)
    notice = Entry(problem.subject, facts, problem.field)
    transaction.add_notice(notice, now=at, run_id=f"decide-{uuid.uuid4().hex[:12]}")
    return notice


def _ids(own: int | None, named: Iterable[Named]) -> list[int]:
    """The contact that a problem is about, or those that it names."""
    return [own] if own is not None else [each.id for each in named]
