"""A search for contacts by name, e-mail or id, in what is stored: links, SSM contacts as last read, and the journal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.fields import EMAIL
from sage100_ssm.sync.journal import (
    Code,
    Decided,
    Entry,
    ForgottenFacts,
    Kind,
    Subject,
    WhoIsWho,
)
from sage100_ssm.sync.model import Link, LinkStatus, Side
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ContactHistory:
    """What is stored about one contact.

    Attributes:
        subject: its ids, company and name, as far as known.
        link: its link, a living one rather than an ended one; None if it has never had one.
        entries: its journal entries, newest first.
    """

    subject: Subject
    link: Link | None
    entries: tuple[JournalEntry, ...]

    @property
    def is_synchronised(self) -> bool:
        """Whether changes are carried over."""
        return self.link is not None and self.link.status is LinkStatus.ACTIVE

    @property
    def open_problems(self) -> tuple[JournalEntry, ...]:
        """What holds the contact, or one of its fields, back now."""
        return tuple(entry for entry in self.entries if entry.kind is Kind.PROBLEM and entry.closed_at is None)


_Id = tuple[Side, int]


def find_contacts(
    who: str, links: Iterable[Link], ssm_contacts: Iterable[Mapping[str, Any]], journal: Sequence[JournalEntry]
) -> list[ContactHistory]:
    """The contacts that a person asks for, each with its history.

    Args:
        who: a name or part of one, an e-mail, a ``cbMarq`` or an SSM id; with its side where both have the number
            (``sage100:12``, ``ssm:340``).
        links: all links, ended ones too.
        ssm_contacts: the SSM contacts as last read, deleted ones too.
        journal: all entries, newest first.
    """
    # In this order the last link of an id, which link_of keeps, is a living one where there is one.
    links = sorted(links, key=lambda link: (link.status is not LinkStatus.ENDED, link.id or 0))
    link_of = {key: link for link in links for key in _ids(_subject_of(link))}
    found: dict[_Id, ContactHistory] = {}
    for subject, emails in _candidates(links, ssm_contacts, journal):
        if not _matches(who, subject, emails) or any(key in found for key in _ids(subject)):
            continue
        link = next((link_of[key] for key in _ids(subject) if key in link_of), None)
        known = _subject_of(link) if link else _with_company(subject, journal)
        history = ContactHistory(known, link, _entries_about(known, journal))
        found |= dict.fromkeys(_ids(known), history)
    # A contact is in there once per id.
    return list({id(history): history for history in found.values()}.values())


def stored_contacts(transaction: Transaction, who: str) -> list[ContactHistory]:
    """The contacts in the state that a person asks for; see ``find_contacts``."""
    links = transaction.links(list(LinkStatus))
    return find_contacts(who, links, transaction.observed("contacts"), transaction.journal())


def _candidates(
    links: Sequence[Link], ssm_contacts: Iterable[Mapping[str, Any]], journal: Iterable[JournalEntry]
) -> Iterator[tuple[Subject, set[str]]]:
    """Every contact that is stored anywhere, with its e-mails; living links first."""
    for link in reversed(links):
        email = link.base.get(EMAIL)
        yield _subject_of(link), _normalised_emails(email.sage100, email.ssm) if email else set()
    for row in ssm_contacts:
        name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
        yield Subject(None, None, row["id"], name or None), _normalised_emails(row.get("email"))
    for known in journal:
        yield from ((subject, set()) for subject in _people(known.entry))


def _people(entry: Entry) -> Iterable[Subject]:
    """Whom an entry is about, each contact by itself: one that asks who is who names several that may be different."""
    subject, facts = entry.subject, entry.facts
    match facts:
        case WhoIsWho(in_sage100, in_ssm):
            in_sage = (Subject(subject.company, one.id, None, one.name or None) for one in in_sage100)
            return [*in_sage, *(Subject(subject.company, None, one.id, one.name or None) for one in in_ssm)]
        # What was forgotten no longer says whether it was about one contact or two: its link does.
        case Decided(about=Code.AMBIGUOUS_MATCH | Code.POSSIBLE_DUPLICATE) | ForgottenFacts():
            here = [replace(subject, ssm_id=None)] if subject.sage100_id is not None else []
            return [*here, replace(subject, sage100_id=None, contact=None)] if subject.ssm_id is not None else here
    return entry.contacts


def _subject_of(link: Link) -> Subject:
    return Subject(link.company, link.sage100_id, link.ssm_id, link.contact)


def _with_company(subject: Subject, journal: Iterable[JournalEntry]) -> Subject:
    """A contact without a link, with its company from the journal: a stored SSM contact names its account alone."""
    about = (one for known in journal for one in _people(known.entry) if set(_ids(subject)) & set(_ids(one)))
    return replace(subject, company=subject.company or next((one.company for one in about if one.company), None))


def _ids(subject: Subject) -> Iterator[_Id]:
    if subject.sage100_id is not None:
        yield Side.SAGE100, subject.sage100_id
    if subject.ssm_id is not None:
        yield Side.SSM, subject.ssm_id


def _normalised_emails(*values: Any) -> set[str]:
    return {email for value in values if isinstance(value, str) and (email := normalise.email(value))}


def _matches(who: str, subject: Subject, emails: set[str]) -> bool:
    if who.isdecimal():
        return int(who) in (subject.sage100_id, subject.ssm_id)
    side, _, number = who.partition(":")
    if side in set(Side) and number.isdecimal():
        return (Side(side), int(number)) in _ids(subject)
    if "@" in who:
        return normalise.email(who) in emails
    name = normalise.name(subject.contact)
    return all(word in name for word in normalise.name(who).split())


def _entries_about(subject: Subject, journal: Iterable[JournalEntry]) -> tuple[JournalEntry, ...]:
    """The journal entries about a contact, and the open problems of a whole side (guards), which concern everybody."""
    ids = set(_ids(subject))
    return tuple(
        entry
        for entry in journal
        if _concerns_everybody(entry) or any(ids & set(_ids(other)) for other in _people(entry.entry))
    )


def _concerns_everybody(known: JournalEntry) -> bool:
    return known.entry.contacts == (Subject(),) and known.kind is Kind.PROBLEM and known.closed_at is None
