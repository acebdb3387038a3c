"""What the state forgets of people (P17): after their time, or at once for one person."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Text, and_, case, delete, or_, select, type_coerce, update

from sage100_ssm.sync.contacts.keys import company_key
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Link, LinkStatus, Side
from sage100_ssm.sync.policy import Retention
from sage100_ssm.sync.state import ascii_json, at_rest, rows, tables
from sage100_ssm.sync.state.records import JournalEntry, WriteRecord

CONTACTS = "contacts"
"""The stream of SSM whose rows are people."""

_KEPT_OF_DELETED_ROW = ("id", "extId", "deleted", "dateCreated", "dateUpdated", "dateDeleted")
"""What the observation of a deleted row keeps: its ids, what P4 takes the origin from, and times."""
_DIGITS_OF_A_PHONE = 6
"""A text with so many digits is taken for a phone number."""
_AT_ONCE = 500
"""Ids per statement: databases limit the number of parameters."""

_link, _journal = tables.links.c, tables.journal.c

_LINK_FORGOTTEN: Mapping[str, Any] = {
    "company": "",
    "contact": "",
    "base": rows.base_text({}),
    "sage100_stamp": None,
    "ssm_stamp": None,
    "unconfirmed": None,
    "unmapped_digest": None,
    "sage100_created": None,
}
_is_about_contact = or_(_journal.sage100_id.is_not(None), _journal.ssm_id.is_not(None))
_ENTRY_FORGOTTEN: Mapping[str, Any] = {
    # An entry about a company as a whole keeps its code.
    "company": case((_is_about_contact, None), else_=_journal.company),
    "contact": None,
    "sage100_value": None,
    "ssm_value": None,
    "details": {},
    "fingerprint": None,
}


# --- after their time


def forget_expired(connection: Connection, retention: Retention, now: datetime) -> int:
    """Forget the names and values of ended links and settled journal entries whose time is over, and old writes.

    Returns:
        How many links, entries and writes that were.
    """
    ended = update(tables.links).where(tables.is_ended_and_kept, _link.ended_at.is_(None))
    connection.execute(ended.values(ended_at=now))
    limit = now - timedelta(days=retention.ended_links_days)
    is_expired = and_(tables.is_ended_and_kept, _link.ended_at <= limit)
    gone = connection.scalars(select(_link.ssm_id).where(is_expired)).all()
    if gone:
        connection.execute(update(tables.links).where(is_expired).values(**_LINK_FORGOTTEN, forgotten_at=now))
        _reduce_observed(connection, gone)
    settled = and_(tables.is_settled_and_kept, _journal.settled_at <= now - timedelta(days=retention.journal_days))
    expired = connection.execute(update(tables.journal).where(settled).values(**_ENTRY_FORGOTTEN, forgotten_at=now))
    is_old = tables.writes.c.at <= now - timedelta(days=retention.writes_days)
    written = connection.execute(delete(tables.writes).where(is_old))
    return len(gone) + expired.rowcount + written.rowcount


def without_gone_people(connection: Connection, observed: Collection[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of SSM contacts as they are to be stored: of a deleted one that nothing needs any more, ids and flags alone.

    Needed are the rows of links that live or ended a short while ago (P5 restores from them), and of creations whose
    outcome is not known.
    """
    deleted = {row["id"] for row in observed if row.get("deleted") is True}
    if not deleted:
        return list(observed)
    gone = deleted - _needed(connection, deleted)
    return [_reduced(row) if row["id"] in gone else row for row in observed]


def _reduced(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of the row of a deleted contact."""
    return {name: row[name] for name in _KEPT_OF_DELETED_ROW if name in row}


def _needed(connection: Connection, ssm_ids: Collection[int]) -> set[int]:
    intents = tables.intents.c
    needed: set[int] = set()
    for ids in _batches(ssm_ids):
        for wanted in (
            # Apart: each has a partial index.
            select(_link.ssm_id).where(tables.is_live, _link.ssm_id.in_(ids)),
            select(_link.ssm_id).where(tables.is_ended_and_kept, _link.ssm_id.in_(ids)),
            select(intents.source_id).where(intents.side == Side.SAGE100.value, intents.source_id.in_(ids)),
            select(intents.target_id).where(intents.side == Side.SSM.value, intents.target_id.in_(ids)),
        ):
            needed.update(connection.scalars(wanted))
    return needed


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    source = iter(ids)
    while batch := list(islice(source, _AT_ONCE)):
        yield batch


def _reduce_observed(connection: Connection, ssm_ids: Collection[int]) -> None:
    table = tables.observations
    for ids in _batches(ssm_ids):
        is_theirs = and_(table.c.stream == CONTACTS, table.c.id.in_(ids))
        observed = connection.scalars(select(table.c.data).where(is_theirs)).all()
        for was, now in zip(observed, without_gone_people(connection, observed), strict=True):
            if now != was:
                _save_observed(connection, now)


def _save_observed(connection: Connection, row: Mapping[str, Any]) -> None:
    table = tables.observations
    one = update(table).where(table.c.stream == CONTACTS, table.c.id == row["id"])
    connection.execute(one.values(data=dict(row)))


# --- at once, for one person


@dataclass(frozen=True, slots=True)
class LivesOn:
    """Where a person still is, as far as the state knows: nothing is deleted there.

    Attributes:
        side: the side.
        id: the person's id there.
        company: ``CT_Num`` of the company, where it is known.
        is_deleted: whether the side itself shows the record as deleted: SSM keeps such records.
    """

    side: Side
    id: int
    company: str | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """All that the state has of one person.

    Attributes:
        sage100_ids: every ``cbMarq`` that the person has had.
        ssm_ids: every SSM id that the person has had.
        names: every name that the person has had.
        links: the person's links, also ended ones.
        entries: the keys of the journal's entries that are about the person, or quote the person.
        intents: the keys of the creations under way.
        writes: the records of what was written.
        observed: the rows of SSM.
        lives_on: where the person still is.
    """

    sage100_ids: frozenset[int]
    ssm_ids: frozenset[int]
    names: frozenset[str]
    links: tuple[Link, ...]
    entries: frozenset[int]
    intents: frozenset[int]
    writes: tuple[WriteRecord, ...]
    observed: tuple[Mapping[str, Any], ...]
    lives_on: tuple[LivesOn, ...]

    @property
    def is_linked(self) -> bool:
        """Whether the person has a live link."""
        return any(link.status is not LinkStatus.ENDED for link in self.links)

    def has(self, contact: Subject) -> bool:
        """Whether a contact is the person."""
        return contact.sage100_id in self.sage100_ids or contact.ssm_id in self.ssm_ids


def stored_person(connection: Connection, subject: Subject) -> StoredPerson:
    """All that the state has of one person.

    Args:
        connection: to the state.
        subject: a contact of the person, with an id.
    """
    sage100_ids, ssm_ids = ids_of_person(connection, subject)
    of_person = or_(_link.sage100_id.in_(sage100_ids), _link.ssm_id.in_(ssm_ids))
    links = [rows.link_of(row) for row in connection.execute(select(tables.links).where(of_person).order_by(_link.id))]
    table = tables.observations
    seen = select(table.c.data).where(table.c.stream == CONTACTS, table.c.id.in_(ssm_ids)).order_by(table.c.id)
    observed = connection.scalars(seen).all()
    write = tables.writes.c
    of_writes = or_(write.sage100_id.in_(sage100_ids), write.ssm_id.in_(ssm_ids))
    written = [rows.write_record_of(row) for row in connection.execute(select(tables.writes).where(of_writes))]
    once = (subject.contact, *(link.contact for link in links), *(record.subject.contact for record in written))
    names = {name for name in once if name}
    names |= {name for row in observed if (name := _full_name(row))}
    found = StoredPerson(
        sage100_ids,
        ssm_ids,
        frozenset(names),
        tuple(links),
        frozenset(),
        frozenset(_intents_of(connection, sage100_ids, ssm_ids)),
        tuple(written),
        tuple(observed),
        (),
    )
    about = or_(_journal.sage100_id.in_(sage100_ids), _journal.ssm_id.in_(ssm_ids))
    entries = set(connection.scalars(select(_journal.id).where(about)))
    entries |= _quoting(connection, names | set(_identifying_values(found)))
    entries |= {known.id for known in _of_several_contacts(connection) if any(map(found.has, known.entry.contacts))}
    found = replace(found, entries=frozenset(entries))
    return replace(found, lives_on=tuple(_lives_on(connection, found)))


def ids_of_person(connection: Connection, subject: Subject) -> tuple[frozenset[int], frozenset[int]]:
    """Every id that a person has had on either side: one link leads to the next, as after a restoration (P5)."""
    sage100_ids = set() if subject.sage100_id is None else {subject.sage100_id}
    ssm_ids = set() if subject.ssm_id is None else {subject.ssm_id}
    number = 0
    while number != (number := len(sage100_ids) + len(ssm_ids)):
        linked = or_(_link.sage100_id.in_(sage100_ids), _link.ssm_id.in_(ssm_ids))
        for sage100_id, ssm_id in connection.execute(select(_link.sage100_id, _link.ssm_id).where(linked)):
            sage100_ids.add(sage100_id)
            ssm_ids.add(ssm_id)
    return frozenset(sage100_ids), frozenset(ssm_ids)


def _intents_of(connection: Connection, sage100_ids: frozenset[int], ssm_ids: frozenset[int]) -> Iterable[int]:
    intent = tables.intents.c
    in_ssm = and_(intent.side == Side.SSM.value, or_(intent.source_id.in_(sage100_ids), intent.target_id.in_(ssm_ids)))
    in_sage100 = and_(intent.side == Side.SAGE100.value, intent.source_id.in_(ssm_ids))
    return connection.scalars(select(intent.id).where(or_(in_ssm, in_sage100)))


def _full_name(row: Mapping[str, Any]) -> str:
    return " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))


def _identifying_values(person: StoredPerson) -> Iterator[str]:
    """The e-mails and phone numbers of a person in every form in which they are stored."""
    for link in person.links:
        for base in (link.base, *link.unconfirmed.values()):
            yield from _identifying(value for pair in base.values() for value in (pair.sage100, pair.ssm))
    for record in person.writes:
        yield from _identifying(value for change in record.changes.values() for value in (change.before, change.after))
    for row in person.observed:
        yield from _identifying(value for name, value in row.items() if name not in _KEPT_OF_DELETED_ROW)


def _identifying(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and ("@" in value or sum(map(str.isdigit, value)) >= _DIGITS_OF_A_PHONE):
            yield value


def _quoting(connection: Connection, texts: Iterable[str]) -> set[int]:
    """The entries whose facts or values contain one of these texts: what a side answered may quote another contact."""
    columns = [type_coerce(_journal[name], Text) for name in ("details", "sage100_value", "ssm_value")]
    found: set[int] = set()
    for text in texts:
        # A single word is in many texts: it must be the whole value.
        stored = ascii_json.dumps(text)[1:-1] if len(text.split()) > 1 or "@" in text else ascii_json.dumps(text)
        is_quoted = or_(*(column.contains(stored, autoescape=True) for column in columns))
        found.update(connection.scalars(select(_journal.id).where(is_quoted)))
    return found


def _of_several_contacts(connection: Connection) -> Iterator[JournalEntry]:
    """The entries that have no ids because several contacts wait for one cause."""
    without_ids = select(tables.journal).where(_journal.sage100_id.is_(None), _journal.ssm_id.is_(None))
    known = (rows.journal_entry_of(row) for row in connection.execute(without_ids))
    return (one for one in known if one.entry.contacts != (one.entry.subject,))


def _lives_on(connection: Connection, person: StoredPerson) -> Iterator[LivesOn]:
    live = [link for link in person.links if link.status is not LinkStatus.ENDED]
    companies: dict[int, str | None] = {link.sage100_id: link.company for link in live}
    is_theirs = and_(tables.is_open_problem, _journal.id.in_(person.entries))
    for row in connection.execute(select(tables.journal).where(is_theirs)):
        # Contacts without a link that wait for something.
        for contact in filter(person.has, rows.journal_entry_of(row).entry.contacts):
            if contact.sage100_id is not None:
                companies.setdefault(contact.sage100_id, contact.company)
    yield from (LivesOn(Side.SAGE100, id_, company or None) for id_, company in sorted(companies.items()))
    deleted = {link.ssm_id: False for link in live} | {row["id"]: row.get("deleted") is True for row in person.observed}
    yield from (LivesOn(Side.SSM, id_, is_deleted=is_deleted) for id_, is_deleted in sorted(deleted.items()))


def forget_person(connection: Connection, person: StoredPerson, now: datetime) -> None:
    """Forget a person: names and values, live links, and what people decided about the person (P16).

    A contact that lives on is one without a link afterwards, which the next run matches again (P4).
    """
    _forget_links(connection, person, now)
    decided = tables.decisions.c
    about = or_(decided.sage100_id.in_(person.sage100_ids), decided.ssm_id.in_(person.ssm_ids))
    connection.execute(delete(tables.decisions).where(about))
    # Of a name that people can guess, a digest says whether the guess is right.
    accepted = update(tables.decisions).where(decided.problem_id.in_(person.entries))
    connection.execute(accepted.values(fingerprint=None))
    intents = update(tables.intents).where(tables.intents.c.id.in_(person.intents))
    connection.execute(intents.values(names=[None, None], base=None))
    connection.execute(delete(tables.writes).where(tables.writes.c.id.in_([record.id for record in person.writes])))
    _forget_entries(connection, person, now)
    _forget_observed(connection, person)


def _forget_links(connection: Connection, person: StoredPerson, now: datetime) -> None:
    ended = {link.id for link in person.links if link.status is LinkStatus.ENDED}
    live = {link.id for link in person.links} - ended
    at_rest.unsettle(connection, (company_key(link.company) for link in person.links if link.id in live))
    connection.execute(delete(tables.links).where(_link.id.in_(live)))
    connection.execute(update(tables.links).where(_link.id.in_(ended)).values(**_LINK_FORGOTTEN, forgotten_at=now))


def _forget_entries(connection: Connection, person: StoredPerson, now: datetime) -> None:
    chosen = _journal.id.in_(person.entries)
    connection.execute(delete(tables.journal).where(chosen, _journal.kind == tables.PENDING_NOTICE))
    shortened = {}
    for known in _of_several_contacts(connection):
        others = [one for one in known.entry.contacts if not person.has(one)]
        if known.id in person.entries and others and len(others) < len(known.entry.contacts):
            shortened[known.id] = rows.entry_row(known.entry.about(*others))
    for key, row in shortened.items():
        connection.execute(update(tables.journal).where(_journal.id == key).values(row))
    rest = update(tables.journal).where(_journal.id.in_(person.entries - shortened.keys()))
    connection.execute(rest.values(**_ENTRY_FORGOTTEN, forgotten_at=now))


def _forget_observed(connection: Connection, person: StoredPerson) -> None:
    table, facts = tables.observations, tables.facts
    deleted = [row for row in person.observed if row.get("deleted") is True]
    for row in deleted:
        _save_observed(connection, _reduced(row))
    if len(deleted) < len(person.observed):
        live = person.ssm_ids - {row["id"] for row in deleted}
        is_theirs = and_(table.c.stream == CONTACTS, table.c.id.in_(live))
        at_rest.unsettle(
            connection, connection.scalars(select(table.c.company).where(is_theirs, table.c.company != ""))
        )
        connection.execute(delete(table).where(is_theirs))
        # Without its row the contact would be taken for one that SSM does not have: the next run reads SSM whole.
        connection.execute(delete(facts).where(facts.c.key == f"cursor:{CONTACTS}"))
