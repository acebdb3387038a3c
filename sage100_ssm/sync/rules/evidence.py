"""What speaks for two contacts being the same person (P4): evidence, not a score."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cached_property

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.codecs import text_of
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import EMAIL, MOBILE
from sage100_ssm.sync.model import Side


class Evidence(StrEnum):
    """Why two contacts are taken for one person, or may be one."""

    EXT_ID = "ext_id"
    NAME = "name"
    EMAIL = "email"
    MOBILE = "mobile"
    SWAPPED = "swapped"
    """Last and first name exchanged."""
    ONE_FIELD = "one_field"
    """The whole name typed in one field."""
    NO_FIRST_NAME = "no_first_name"
    """No first name on one side, and a last name that no other contact of the company has."""
    SEPARATED = "separated"
    """They were linked, and a person took that back."""


Trait = tuple[Evidence, str]
"""Something of a contact that few others of its company have: its e-mail, its mobile number, its last name."""


class People:
    """The contacts that live on both sides, by what identifies a person within a company.

    Args:
        contacts: every contact that lives on a side, linked ones too.
        country: ISO code of the country of phone numbers without a prefix.
    """

    def __init__(self, contacts: Iterable[Contact], country: str) -> None:
        self._contacts, self._country = contacts, country
        self._counted: dict[str, Counter[tuple[Side, Trait]]] = {}

    def is_same_person(self, one: Contact, two: Contact) -> bool:
        """P4.1: the same last names, and the same first names or the same e-mail, which nobody else has."""
        (last, first), (other_last, other_first) = one.name_key, two.name_key
        if not last or last != other_last:
            return False
        return first == other_first or self.share(one, two, Evidence.EMAIL)

    def share(self, one: Contact, two: Contact, kind: Evidence) -> bool:
        """Whether both have the same e-mail, or mobile number, and nobody else of their companies has it."""
        traits = [trait for trait in self.traits(one) if trait[0] is kind]
        return any(trait in self.traits(two) and self.is_own(trait, one, two) for trait in traits)

    def is_own(self, trait: Trait, *contacts: Contact) -> bool:
        """Whether no other contact of their companies has it, on either side."""
        counted = [self._count(normalise.company_code(contact.company)) for contact in contacts]
        of_side = Counter(contact.side for contact in contacts)
        return all(counts[side, trait] <= max(1, of_side[side]) for counts in counted for side in Side)

    def traits(self, contact: Contact) -> list[Trait]:
        """The contact's e-mail and mobile number, as P8 compares them, and its last name, as P4 does."""
        email = normalise.email(text_of(contact.values.get(EMAIL)))
        mobile = normalise.phone(text_of(contact.values.get(MOBILE)), self._country)
        last, _ = contact.name_key
        found = {Evidence.EMAIL: email, Evidence.MOBILE: mobile, Evidence.NO_FIRST_NAME: last}
        return [(kind, value) for kind, value in found.items() if value]

    def _count(self, company: str) -> Counter[tuple[Side, Trait]]:
        """How many contacts of a company have each trait, per side."""
        if company not in self._counted:
            members = self._by_company.get(company, ())
            self._counted[company] = Counter((c.side, trait) for c in members for trait in self.traits(c))
        return self._counted[company]

    @cached_property
    def _by_company(self) -> dict[str, list[Contact]]:
        # Made at the first question: a run without new contacts asks none.
        members: defaultdict[str, list[Contact]] = defaultdict(list)
        for contact in self._contacts:
            members[normalise.company_code(contact.company)].append(contact)
        return members


def whole_names(contact: Contact) -> Iterator[Trait]:
    """The ways in which somebody on the other side may have typed a name: exchanged, or all of it in one field.

    Two contacts may be one person where the one's ``whole_names`` meet the other's ``typed_name``.
    """
    last, first = contact.name_key
    if last and first:
        yield Evidence.SWAPPED, f"{first}\0{last}"
        yield Evidence.ONE_FIELD, _joined(last, first)
        yield Evidence.ONE_FIELD, _joined(first, last)


def typed_name(contact: Contact) -> Trait | None:
    """A name as it was typed: in both fields, or all in one; None for no name."""
    last, first = contact.name_key
    if last and first:
        return Evidence.SWAPPED, f"{last}\0{first}"
    return (Evidence.ONE_FIELD, _joined(last, first)) if last or first else None


def _joined(one: str, two: str) -> str:
    return (one + two).replace(" ", "")
