"""What a person types to find a contact, understood once for the state and for both sides. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.model import ContactRef, Side

_DIGITS_OF_A_PHONE = 6
_LARGEST_ID = 2**63 - 1
_SIGNIFICANT_DIGITS = 9
"""The last digits of a phone number, which are the same with and without the country's prefix."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: a contact answers if it matches one of these.

    Attributes:
        text: as it was typed.
        refs: the contact of a side with this id.
        ext_id: the contact with this ``extId``.
        email: a contact with this e-mail, as e-mails are compared.
        digits: a contact with a phone number that ends with these digits.
        words: a contact whose name and company contain all of these, as names are compared.
    """

    text: str
    refs: tuple[ContactRef, ...] = ()
    ext_id: str | None = None
    email: str | None = None
    digits: str | None = None
    words: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nobody can answer to it."""
        return not (self.refs or self.ext_id or self.email or self.digits or self.words)

    def ids(self, side: Side) -> list[int]:
        """The ids that it names on a side."""
        return [ref.id for ref in self.refs if ref.side is side]

    def matches(self, texts: Iterable[str | None], emails: Iterable[object], phones: Iterable[object]) -> bool:
        """Whether a contact answers to it, by its names and company, its e-mails or its phone numbers."""
        if self.email and self.email in {normalise.email(one) for one in emails if isinstance(one, str)}:
            return True
        if self.digits and any(_digits(one).endswith(self.digits) for one in phones if isinstance(one, str)):
            return True
        return bool(self.words) and self.has_all_words(" ".join(normalise.name(text) for text in texts))

    def has_all_words(self, text: str) -> bool:
        """Whether a text, in the form in which names are compared, contains all the words."""
        return all(word in text for word in self.words)


def query(who: str) -> Query:
    """Understand what a person typed.

    Args:
        who: a name or part of one with any words of the company, a company's code or name, an e-mail, a phone number
            in any spelling, a ``cbMarq`` or an SSM id (``sage100:12``, ``ssm:340`` where both have the number), or an
            ``extId``.
    """
    who = who.strip()
    if ext_id := ExtId.parse(who):
        return Query(who, _refs([Side.SAGE100], ext_id.sage100_id), ext_id=who)
    side, _, number = who.partition(":")
    if side in set(Side) and number.isdecimal():
        return Query(who, _refs([Side(side)], int(number)))
    if "@" in who:
        return Query(who, email=normalise.email(who))
    refs = _refs(Side, int(who)) if who.isdecimal() else ()
    digits = None if any(map(str.isalpha, who)) else _digits(who)[-_SIGNIFICANT_DIGITS:]
    if digits and len(digits) >= _DIGITS_OF_A_PHONE:
        return Query(who, refs, digits=digits)
    # A civility is in a field of its own, and people say it with the name.
    return Query(who, refs, words=() if refs else tuple(normalise.name(normalise.without_civility(who)).split()))


def _refs(sides: Iterable[Side], number: int) -> tuple[ContactRef, ...]:
    """The contacts with that id on these sides; none for a number that no id can be."""
    return tuple(ContactRef(side, number) for side in sides) if number <= _LARGEST_ID else ()


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdecimal())
