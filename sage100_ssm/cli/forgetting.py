"""Whom ``forget`` and ``export`` are about: one person, who may be several contacts one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sage100_ssm.app.search.find import find
from sage100_ssm.app.search.found import Found
from sage100_ssm.app.settings import Settings
from sage100_ssm.sync.state.forgetting import StoredPerson
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Who answers to a call of ``forget`` or ``export``.

    Attributes:
        contacts: the contacts that answer to it.
        person: what is stored of the one person that they are; None where they are nobody, or several people.
    """

    contacts: Sequence[Found]
    person: StoredPerson | None


def find_person(transaction: Transaction, settings: Settings, who: str, now: datetime) -> FoundPerson:
    """The one person that a call means; ``who`` as the search understands it."""
    contacts = find(transaction, settings, who, now).found
    # A contact that was restored (P5) answers once for each of its records in SSM.
    people = {transaction.ids_of_person(contact.subject) for contact in contacts}
    person = transaction.stored_person(contacts[0].subject) if len(people) == 1 else None
    return FoundPerson(contacts, person)
