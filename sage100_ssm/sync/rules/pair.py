"""A link together with the two contacts that it links, as both sides show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default

from sage100_ssm.sync.contacts.contact import Contact, subject_of
from sage100_ssm.sync.contacts.fields import Field
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Link, Side, Value, ValuePair
from sage100_ssm.sync.rules.decisions import ValueDecision
from sage100_ssm.sync.rules.refused_values import RefusedValues


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A linked contact that both sides show; in SSM it may be marked as deleted.

    Attributes:
        link: the link, with the base.
        sage100: the Sage contact.
        ssm: the SSM contact.
        disputed: the fields that a person has to settle, according to the journal (P1 ``manual``).
        refused: the values that a side is known to refuse (P7).
        decided: whose value of a field stands, where a person said so (P16).
    """

    link: Link
    sage100: Contact
    ssm: Contact
    disputed: frozenset[str] = frozenset()
    refused: RefusedValues = frozenset()
    decided: Mapping[str, ValueDecision] = default(default_factory=dict)

    @property
    def subject(self) -> Subject:
        """The contact, for a journal entry."""
        return subject_of(self.sage100, self.ssm)

    def of(self, side: Side) -> Contact:
        """The contact on one side."""
        return self.sage100 if side is Side.SAGE100 else self.ssm

    def value(self, field: Field, side: Side) -> Value:
        """The field's present value on one side."""
        return self.of(side).values.get(field.name)

    def values(self, field: Field) -> ValuePair:
        """The field's present values on both sides."""
        return ValuePair(self.value(field, Side.SAGE100), self.value(field, Side.SSM))


@dataclass(frozen=True, slots=True)
class LinkedPair:
    """A link and its contacts; a side may show no contact any more.

    Attributes:
        link: the link.
        sage100: the Sage contact; None where Sage does not have it.
        ssm: the SSM contact, possibly marked as deleted; None where SSM does not show it.
    """

    link: Link
    sage100: Contact | None
    ssm: Contact | None

    @property
    def company(self) -> str | None:
        """``CT_Num`` of the contact's company: Sage's word, else the last one known."""
        return self.sage100.company if self.sage100 else self.link.company

    @property
    def subject(self) -> Subject:
        """The contact, for a journal entry, by the link's ids and the last name that is known."""
        name = subject_of(self.sage100, self.ssm).contact or self.link.contact
        return Subject(self.company, self.link.sage100_id, self.link.ssm_id, name)
