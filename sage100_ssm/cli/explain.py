"""Who is meant by a name, an e-mail or an id, and what is remembered of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.fields import EMAIL
from sage100_ssm.sync.model import Kind, Link, LinkStatus, Side, Subject
from sage100_ssm.sync.state.records import JournalEntry


@dataclass(frozen=True, slots=True)
class Known:
    """A contact as far as it is remembered.

    Attributes:
        subject: its ids, company and name, as far as known.
        link: its link, a living one before an ended one; None if it has never had one.
        history: its journal entries, newest first.
    """

    subject: Subject
    link: Link | None
    history: tuple[JournalEntry, ...]

    @property
    def is_synchronised(self) -> bool:
        """Whether changes travel."""
        return self.link is not None and self.link.status is LinkStatus.ACTIVE

    @property
    def open_problems(self) -> tuple[JournalEntry, ...]:
        """What holds it, or one of its fields, back now."""
        return tuple(known for known in self.history if known.kind is Kind.PROBLEM and known.closed_at is None)


_Id = tuple[Side, int]


def contacts_meant(
    who: str, links: Iterable[Link], observed: Iterable[Mapping[str, Any]], journal: Sequence[JournalEntry]
) -> list[Known]:
    """Find the contacts that a person means, each with its history.

    Args:
        who: a name or part of one, an e-mail, a ``cbMarq`` or an SSM id.
        links: all links, ended ones too.
        observed: the SSM contacts as last seen, deleted ones too.
        journal: all entries, newest first.
    """
    links = sorted(links, key=lambda link: (link.status is not LinkStatus.ENDED, link.id or 0))
    link_of = {key: link for link in links for key in _ids(_subject(link))}
    found: dict[_Id, Known] = {}
    for subject, emails in _candidates(links, observed, journal):
        if _is_meant(who, subject, emails) and not any(key in found for key in _ids(subject)):
            link = next((link_of[key] for key in _ids(subject) if key in link_of), None)
            whole = _subject(link) if link else subject
            known = Known(whole, link, _history(whole, journal))
            found |= dict.fromkeys(_ids(whole), known)
    return list({id(known): known for known in found.values()}.values())


def _candidates(
    links: Sequence[Link], observed: Iterable[Mapping[str, Any]], journal: Iterable[JournalEntry]
) -> Iterator[tuple[Subject, set[str]]]:
    """Give everyone who is remembered, with their e-mails; living links first."""
    for link in reversed(links):
        email = link.base.get(EMAIL)
        yield _subject(link), _emails(email.sage100, email.ssm) if email else set()
    for row in observed:
        name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
        yield Subject(None, None, row["id"], name or None), _emails(row.get("email"))
    for known in journal:
        yield known.entry.subject, set()
        yield from ((subject, set()) for subject in _waiting(known))


def _waiting(known: JournalEntry) -> list[Subject]:
    """The contacts that wait, of a problem that is told once for their whole company."""
    company = known.entry.subject.company
    return [Subject(company, sage100_id, None, name) for sage100_id, name in known.entry.details.get("contacts", ())]


def _subject(link: Link) -> Subject:
    return Subject(link.company, link.sage100_id, link.ssm_id, link.contact)


def _ids(subject: Subject) -> Iterator[_Id]:
    if subject.sage100_id is not None:
        yield Side.SAGE100, subject.sage100_id
    if subject.ssm_id is not None:
        yield Side.SSM, subject.ssm_id


def _emails(*values: Any) -> set[str]:
    return {email for value in values if isinstance(value, str) and (email := normalise.email(value))}


def _is_meant(who: str, subject: Subject, emails: set[str]) -> bool:
    if who.isdecimal():
        return int(who) in (subject.sage100_id, subject.ssm_id)
    if "@" in who:
        return normalise.email(who) in emails
    name = normalise.name(subject.contact)
    return all(word in name for word in normalise.name(who).split())


def _history(subject: Subject, journal: Iterable[JournalEntry]) -> tuple[JournalEntry, ...]:
    """What the journal says of a contact; an open problem of a whole side (a guard) is everybody's."""
    ids = set(_ids(subject))
    return tuple(known for known in journal if _holds_all(known) or any(ids & set(_ids(s)) for s in _subjects(known)))


def _subjects(known: JournalEntry) -> list[Subject]:
    return [known.entry.subject, *_waiting(known)]


def _holds_all(known: JournalEntry) -> bool:
    return known.entry.subject == Subject() and known.kind is Kind.PROBLEM and known.closed_at is None
