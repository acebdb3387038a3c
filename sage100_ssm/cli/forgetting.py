"""Whom ``forget`` is about: one person, who may be several contacts one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from sage100_ssm.cli.explain import ContactHistory, stored_contacts
from sage100_ssm.sync.state.forgetting import StoredPerson
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Who answers to a call of ``forget``.

    Attributes:
        contacts: the contacts that answer to it.
        person: what is stored of the one person that they are; None where they are nobody, or several people.
    """

    contacts: Sequence[ContactHistory]
    person: StoredPerson | None


def find_person(transaction: Transaction, who: str) -> FoundPerson:
    """The one person that a call means; ``who`` as in ``find_contacts``."""
    contacts = stored_contacts(transaction, who)
    # A contact that was restored (P5) answers once for each of its records in SSM.
    people = {transaction.ids_of_person(contact.subject) for contact in contacts}
    person = transaction.stored_person(contacts[0].subject) if len(people) == 1 else None
    return FoundPerson(contacts, person)
