"""Open problems as the page shows them: grouped by what to do and by cause, filtered, each with its answers. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sage100_ssm.app.decisions import choices_for
from sage100_ssm.app.spreadsheet import Line
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.journal import Code, Named, RejectedBySsm, Subject, ValueMissing, WhoIsWho
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.rules.decisions import Choice
from sage100_ssm.sync.state.decisions import Decision, fingerprint
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.transaction import Transaction
from sage100_ssm.web.words import Words


class Task(StrEnum):
    """What to do about a problem, in the order in which the page shows it."""

    ANSWER = "answer"
    """Answer a question here."""
    CORRECT = "correct"
    """Correct a contact or a company in Sage 100 or in SSM."""
    ADMINISTER = "administer"
    """The administrator's: a guard, a login, a setting, a list."""
    WAIT = "wait"
    """Nothing: the next runs try again, or all is as somebody wanted it."""


_OTHER_TASKS: Mapping[Code, Task] = {
    Code.CONFLICT: Task.ANSWER,
    Code.AMBIGUOUS_MATCH: Task.ANSWER,
    Code.POSSIBLE_DUPLICATE: Task.ANSWER,
    Code.AMBIGUOUS_COMPANY: Task.ADMINISTER,
    Code.OTHER_DATABASE: Task.ADMINISTER,
    Code.DUPLICATE_EXT_ID: Task.ADMINISTER,
    Code.FLAPPING: Task.ADMINISTER,
    Code.NOT_APPLIED: Task.ADMINISTER,
    Code.DELETION_GUARD: Task.ADMINISTER,
    Code.MASS_CHANGE_GUARD: Task.ADMINISTER,
    Code.EMPTY_SIDE_GUARD: Task.ADMINISTER,
    Code.RESTORED_SIDE_GUARD: Task.ADMINISTER,
    Code.LOST_STATE_GUARD: Task.ADMINISTER,
    Code.INCOMPLETE_READ: Task.ADMINISTER,
    Code.SIDE_UNREACHABLE: Task.ADMINISTER,
    Code.LOGIN_REFUSED: Task.ADMINISTER,
    Code.RECORD_LOCKED: Task.WAIT,
    Code.OUT_OF_SCOPE: Task.WAIT,
    Code.NOT_VISIBLE_IN_SSM: Task.WAIT,
}
"""The codes about which there is something else to do than to correct a contact or a company."""


def task_of(problem: JournalEntry) -> Task:
    """What to do about a problem."""
    match problem.entry.facts:
        # A column that the synchronisation does not fill, an owner who has left: no contact is to blame.
        case ValueMissing(is_outside_map=True):
            return Task.ADMINISTER
        case RejectedBySsm() if problem.entry.cause:
            return Task.ADMINISTER
    return _OTHER_TASKS.get(problem.entry.code, Task.CORRECT)


@dataclass(frozen=True, slots=True)
class OpenProblem:
    """An open problem with what people have said about it.

    Attributes:
        known: the problem.
        task: what to do about it.
        decision: the answer that holds; None where there is none.
        is_accepted: whether it is not shown again until it changes.
    """

    known: JournalEntry
    task: Task
    decision: Decision | None = None
    is_accepted: bool = False

    @property
    def id(self) -> int:
        """Its number in the journal."""
        return self.known.id

    @property
    def code(self) -> Code:
        """Its code."""
        return self.known.entry.code

    @property
    def fingerprint(self) -> str:
        """A digest of what it says: an answer is about what was seen."""
        return fingerprint(self.known.entry)

    @property
    def contacts(self) -> tuple[Subject, ...]:
        """The contacts that it holds back; none where it is about a whole side."""
        return tuple(one for one in self.known.entry.contacts if one != Subject())

    @property
    def can_be_retried(self) -> bool:
        """Whether its contacts can be tried again by themselves."""
        return bool(self.contacts)

    @property
    def choices(self) -> Sequence[Choice]:
        """The answers that it takes."""
        return choices_for(self.known.entry)

    @property
    def candidates(self) -> tuple[Named, ...]:
        """The contacts opposite of which one may be the same person."""
        entry = self.known.entry
        if not isinstance(entry.facts, WhoIsWho):
            return ()
        return entry.facts.in_sage100 if self.candidates_side is Side.SAGE100 else entry.facts.in_ssm

    @property
    def candidates_side(self) -> Side:
        """The side of the candidates: opposite to the contact that the problem is about."""
        return Side.SSM if self.known.entry.subject.ssm_id is None else Side.SAGE100


def read_problems(transaction: Transaction) -> list[OpenProblem]:
    """The open problems: in the order of what to do, there newest first."""
    known = transaction.journal(open_only=True)
    accepted = transaction.decisions.accepted(known)
    # An acceptance counts as long as the problem has not changed; any other answer until it is taken back.
    decided = {d.problem_id: d for d in transaction.decisions.all() if d.taken_back_at is None}
    holds = {number: d for number, d in decided.items() if d.choice is not Choice.ACCEPT or number in accepted}
    problems = [OpenProblem(one, task_of(one), holds.get(one.id), one.id in accepted) for one in known]
    return sorted(problems, key=lambda problem: list(Task).index(problem.task))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which problems a person asks for. What is None, or empty, does not matter.

    Attributes:
        code: those of this code.
        task: those about which this is to do.
        company: those about this company or one of its contacts.
        text: those in which all these words are, as names are compared.
        accepted: whether those that somebody accepted are shown, too.
    """

    code: Code | None = None
    task: Task | None = None
    company: str = ""
    text: str = ""
    accepted: bool = False

    def of(self, problems: Iterable[OpenProblem], words: Words) -> list[OpenProblem]:
        """The problems that are asked for."""
        return [problem for problem in problems if self._has(problem, words)]

    def _has(self, problem: OpenProblem, words: Words) -> bool:
        if (problem.is_accepted and not self.accepted) or self.code not in (None, problem.code):
            return False
        if self.task not in (None, problem.task):
            return False
        entry = problem.known.entry
        subjects = (entry.subject, *entry.contacts)
        if self.company and normalise.company_code(self.company) not in {
            normalise.company_code(one.company) for one in subjects if one.company
        }:
            return False
        if not self.text:
            return True
        names = (text for one in subjects for text in (one.contact, one.company) if text)
        said = normalise.name(" ".join([words.message(entry), *names]))
        return all(word in said for word in normalise.name(self.text).split())


@dataclass(frozen=True, slots=True)
class CauseTotal:
    """How many problems and contacts one cause holds back."""

    code: Code
    problems: int
    contacts: int


def totals(problems: Iterable[OpenProblem]) -> dict[Task, list[CauseTotal]]:
    """The totals by what to do, and there by cause: the one that holds back most contacts first."""
    grouped: dict[Task, dict[Code, list[OpenProblem]]] = {task: {} for task in Task}
    for problem in problems:
        grouped[problem.task].setdefault(problem.code, []).append(problem)
    return {
        task: sorted(
            (CauseTotal(code, len(those), _number_of_contacts(those)) for code, those in by_code.items()),
            key=lambda total: (-total.contacts, -total.problems, total.code),
        )
        for task, by_code in grouped.items()
        if by_code
    }


def _number_of_contacts(problems: Iterable[OpenProblem]) -> int:
    contacts = {(one.sage100_id, one.ssm_id) for problem in problems for one in problem.contacts}
    return len(contacts - {(None, None)})


COLUMNS = (
    "number",
    "task",
    "cause",
    "code",
    "company",
    "contact",
    "sage100_id",
    "ssm_id",
    "field",
    "message",
    "remedy",
    "first_seen",
    "last_seen",
)
"""The columns of the table that can be saved; their headings are sentences."""


def table_lines(problems: Iterable[OpenProblem], words: Words) -> list[Line]:
    """The problems as lines of a table: one for each contact that a problem holds back."""
    lines: list[Line] = []
    for problem in problems:
        entry = problem.known.entry
        seen = [words.time(problem.known.first_seen), words.time(problem.known.last_seen)]
        for one in entry.contacts:
            about = [
                one.company or entry.subject.company or "",
                one.contact or "",
                one.sage100_id or "",
                one.ssm_id or "",
            ]
            field = words.field(entry.field) if entry.field else ""
            head: Line = [problem.id, words(f"task_{problem.task.value}"), words.code(problem.code), problem.code.value]
            lines.append([*head, *about, field, words.message(entry), words.remedy(entry), *seen])
    return lines
