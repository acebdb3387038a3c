"""All that the state keeps of one person, to be handed out to that person (P17)."""

from dataclasses import dataclass, replace

from sage100_ssm.sync.journal import SharedCause
from sage100_ssm.sync.model import Intent
from sage100_ssm.sync.state.decisions import Decision
from sage100_ssm.sync.state.forgetting import StoredPerson
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PersonalData:
    """All that the state keeps of one person.

    Attributes:
        person: the person's ids, names, links, rows of SSM and writes, and where the person still is.
        entries: the journal's entries about the person, oldest first; of several contacts, without the others.
        quoted_in: the entries about somebody else that quote the person.
        intents: the creations under way.
        decisions: what people decided about the person's contacts.
    """

    person: StoredPerson
    entries: tuple[JournalEntry, ...]
    quoted_in: tuple[JournalEntry, ...]
    intents: tuple[Intent, ...]
    decisions: tuple[Decision, ...]


def personal_data(transaction: Transaction, person: StoredPerson) -> PersonalData:
    """All that the state keeps of a person, with nothing of anybody else that can be left out."""
    found = [transaction.journal_entry(key) for key in sorted(person.entries)]
    stored = [known for known in found if known is not None]
    about = [own for known in stored if (own := _about_person(known, person))]
    keys = {known.id for known in about}
    decided = [
        decision
        for decision in transaction.decisions.all()
        if decision.sage100_id in person.sage100_ids or decision.ssm_id in person.ssm_ids or decision.problem_id in keys
    ]
    return PersonalData(
        person,
        tuple(about),
        tuple(known for known in stored if known.id not in keys),
        tuple(intent for intent in transaction.intents() if intent.id in person.intents),
        tuple(decided),
    )


def _about_person(known: JournalEntry, person: StoredPerson) -> JournalEntry | None:
    """An entry as far as it is about a person; None for one that is about somebody else and quotes the person."""
    entry = known.entry
    own = [contact for contact in entry.contacts if person.has(contact)]
    if not own:
        return None
    if isinstance(entry.facts, SharedCause) and len(own) < len(entry.contacts):
        entry = entry.about(*own)
    return replace(known, entry=entry)
