"""Whether a contact is synchronised, judged by all that is known of it. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from datetime import datetime, timedelta

from sage100_ssm.app.search.found import Card, Found, Standing
from sage100_ssm.sync.contacts.companies import Companies, LeftOut
from sage100_ssm.sync.contacts.contact import Contact, Marks, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Code, CompanyNotInSsm, Decided, Entry, ForgottenFacts, Kind, Subject, WhoIsWho
from sage100_ssm.sync.model import Link, LinkStatus, Side, Value
from sage100_ssm.sync.rules.links import company_problem
from sage100_ssm.sync.state.records import JournalEntry, WriteAction, WriteRecord

_COMPANY_ALONE = frozenset({Code.COMPANY_NOT_IN_SSM, Code.AMBIGUOUS_COMPANY})
"""The problems for which only the company of a linked contact waits (P6)."""

_STAMP_TOLERANCE = timedelta(minutes=2)
"""Sage rounds its stamps to the minute, and its clock is another one."""


@dataclass(slots=True)
class Person:
    """A contact that answers to a search, as far as it has been found.

    Attributes:
        subject: its ids, company and name.
        link: its link, if it has or had one.
        contacts: the contact as a side shows it, or showed it last.
        seen_now: the sides on which it was looked for a moment ago.
    """

    subject: Subject
    link: Link | None = None
    contacts: dict[Side, Contact] = default(default_factory=dict)
    seen_now: frozenset[Side] = frozenset()

    @property
    def refs(self) -> set[tuple[Side, int]]:
        """Its side and id on each side, by its link and as it was found."""
        return set(ids_of(self.subject)) | (set(ids_of(subject_of_link(self.link))) if self.link else set())


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the contacts themselves.

    Attributes:
        mapper: reads and shows values; its companies are those of SSM, and those of Sage if it was asked.
        marks: which ``extId`` are ours.
        knows_sage: whether the clients and prospects of Sage are among the companies.
        last_run: when the last run for all contacts began; None before the first.
        next_run: when the next one is due; None where nothing is scheduled.
        is_one_way: whether nothing is written into Sage (P18).
    """

    mapper: Mapper
    marks: Marks
    knows_sage: bool = False
    last_run: datetime | None = None
    next_run: datetime | None = None
    is_one_way: bool = False

    @property
    def companies(self) -> Companies:
        """The companies."""
        return self.mapper.companies


def judge(
    person: Person,
    known: Known,
    entries: Iterable[JournalEntry],
    writes: Sequence[WriteRecord] = (),
    synchronised_since: datetime | None = None,
) -> Found:
    """Whether a contact is synchronised, and why not.

    Args:
        person: the contact.
        known: what is known beside it.
        entries: entries of the journal, newest first, those about others too.
        writes: what was written of it, newest first.
        synchronised_since: since when its link has been there.
    """
    theirs = tuple(entry for entry in entries if is_about(entry, person.refs) or concerns_everybody(entry))
    problems = tuple(entry for entry in theirs if entry.kind is Kind.PROBLEM and entry.closed_at is None)
    found = Found(
        _with_company(person, theirs),
        Standing.UNKNOWN,
        company_name=_company_name(person, known),
        link=person.link,
        synchronised_since=synchronised_since,
        problems=problems,
        next_run=known.next_run,
        cards=dict(_cards(person, known.mapper)),
        differing_fields=frozenset(_differing(person, known.mapper)),
        entries=theirs,
        writes=tuple(writes),
    )
    own = [entry for entry in problems if not concerns_everybody(entry)]
    gone = list(_gone_from(person))
    if person.link and person.link.status is LinkStatus.ACTIVE:
        if gone:
            return replace(found, standing=Standing.DELETED_SINCE, deleted_on=gone[0] if len(gone) == 1 else None)
        return _linked(found, own, _edited(person, known.mapper))
    if person.link and person.link.status is LinkStatus.ASLEEP:
        return replace(found, standing=Standing.ASLEEP)
    return replace(found, standing=Standing.WAITING) if own else _without_problem(found, person, known)


def _linked(found: Found, problems: Sequence[JournalEntry], edited: Iterable[str]) -> Found:
    fields = [COMPANY if p.entry.code in _COMPANY_ALONE else p.entry.field for p in problems]
    waiting = tuple(dict.fromkeys(field for field in fields if field))
    if len(waiting) < len(set(fields)):
        return replace(found, standing=Standing.WAITING, waiting_fields=waiting)
    # A field that waits differs from its base until it is corrected; only what else differs is news.
    found = replace(found, edited_fields=tuple(dict.fromkeys(name for name in edited if name not in waiting)))
    return replace(found, standing=Standing.EXCEPT_FIELDS if waiting else Standing.SYNCHRONISED, waiting_fields=waiting)


def _without_problem(found: Found, person: Person, known: Known) -> Found:
    """A contact without a live link, and without a problem that says why."""
    sage100, ssm = person.contacts.get(Side.SAGE100), person.contacts.get(Side.SSM)
    ssm = None if ssm and ssm.deleted else ssm
    if not (sage100 or ssm):
        is_gone = bool(person.link or list(_gone_from(person)))
        standing = Standing.DELETED if is_gone else Standing.UNKNOWN
        return replace(found, standing=standing, deleted_on=_deleted_first_on(found.writes) if is_gone else None)
    if ssm and (other := known.marks.other_database(ssm.ext_id)):
        return replace(found, standing=Standing.OTHER_DATABASE, other_database=other)
    if reason := _why_left_out(sage100, ssm, known):
        return replace(found, standing=Standing.LEFT_OUT, left_out=reason)
    if ssm and not sage100 and known.is_one_way:
        return replace(found, standing=Standing.STAYS_IN_SSM)
    if known.knows_sage and person.seen_now:
        foreseen = _foreseen(sage100, ssm, known)
        if foreseen or _is_new(person, known):
            return replace(found, standing=Standing.NOT_SEEN_YET, foreseen=foreseen)
    return found


def _why_left_out(sage100: Contact | None, ssm: Contact | None, known: Known) -> LeftOut | None:
    """Why a contact takes no part; of the companies of Sage the state alone knows only what the settings leave out."""
    if sage100:
        return known.companies.why_left_out(sage100.company, sage100.row) if known.knows_sage else None
    if ssm is None or not known.companies.is_left_out(ssm.company):
        return None
    return known.companies.why_company_left_out(ssm.company)


def _foreseen(sage100: Contact | None, ssm: Contact | None, known: Known) -> Entry | None:
    """The problem that the next run will report about the company of a contact that no run has seen yet (R4, P6)."""
    if sage100:
        has_account = bool(known.companies.accounts_of(sage100.company))
        return None if has_account else Entry(sage100.subject, CompanyNotInSsm())
    return company_problem(ssm, known.companies) if ssm else None


def _is_new(person: Person, known: Known) -> bool:
    """Whether a contact was created after the last run began, as far as its stamp says."""
    created = [contact.row.get("cbCreation") or contact.row.get("dateCreated") for contact in person.contacts.values()]
    moments = [datetime.fromisoformat(text) for text in created if text]
    return known.last_run is None or not moments or max(moments) >= known.last_run - _STAMP_TOLERANCE


def _deleted_first_on(writes: Sequence[WriteRecord]) -> Side | None:
    """The side from which a deletion was carried over."""
    return next((record.side.other for record in writes if record.action is WriteAction.DELETE), None)


def _gone_from(person: Person) -> Iterator[Side]:
    """The sides that show a contact as deleted, or do not have it any more."""
    ssm = person.contacts.get(Side.SSM)
    if ssm and ssm.deleted:
        yield Side.SSM
    is_linked_in_sage = person.link is not None or person.subject.sage100_id is not None
    if Side.SAGE100 in person.seen_now and Side.SAGE100 not in person.contacts and is_linked_in_sage:
        yield Side.SAGE100


def _edited(person: Person, mapper: Mapper) -> Iterator[str]:
    """The fields in which a side that was looked at no longer shows what the last run left there."""
    base = person.link.base if person.link else {}
    for field in mapper.fields:
        for side in person.seen_now & person.contacts.keys():
            values = person.contacts[side].values
            if (pair := base.get(field.name)) and not mapper.is_unchanged(
                field, side, values.get(field.name), pair.of(side)
            ):
                yield field.name


def _differing(person: Person, mapper: Mapper) -> Iterator[str]:
    """The fields in which the two sides differ, and not in a way that the last run left so, such as Mlle and Mme."""
    base = person.link.base if person.link else {}
    for field in mapper.fields:
        left = base.get(field.name)
        pair: dict[Side, Value] = {
            side: contact.values.get(field.name)
            if (contact := person.contacts.get(side))
            else (left.of(side) if left else None)
            for side in Side
        }
        is_as_left = left and all(mapper.is_unchanged(field, side, pair[side], left.of(side)) for side in Side)
        if not (is_as_left or mapper.is_equal(field, pair[Side.SAGE100], pair[Side.SSM])):
            yield field.name


def _cards(person: Person, mapper: Mapper) -> Iterator[tuple[Side, Card]]:
    for side in Side:
        if contact := person.contacts.get(side):
            values: Mapping[str, Value] = contact.values
        elif person.link and person.link.base:
            values = {name: pair.of(side) for name, pair in person.link.base.items()}
        else:
            continue
        shown = {f.name: mapper.shown(f, side, values.get(f.name)) for f in mapper.fields}
        yield side, {name: value for name, value in shown.items() if value not in (None, "")}


def _company_name(person: Person, known: Known) -> str | None:
    ssm = person.contacts.get(Side.SSM)
    account = known.companies.account(ssm.account) if ssm else None
    if account is None and person.subject.company:
        accounts = known.companies.accounts_of(person.subject.company)
        account = known.companies.account(accounts[0]) if accounts else None
    return account.name if account else None


# --- whom an entry of the journal is about


def people_of(entry: Entry) -> Sequence[Subject]:
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


def is_about(known: JournalEntry, refs: Collection[tuple[Side, int]]) -> bool:
    """Whether an entry is about a contact."""
    return any(ref in refs for subject in people_of(known.entry) for ref in ids_of(subject))


def concerns_everybody(known: JournalEntry) -> bool:
    """Whether an entry is an open problem of a whole side, such as a guard."""
    return known.entry.contacts == (Subject(),) and known.kind is Kind.PROBLEM and known.closed_at is None


def ids_of(subject: Subject) -> Iterator[tuple[Side, int]]:
    """The ids of a subject with their sides."""
    if subject.sage100_id is not None:
        yield Side.SAGE100, subject.sage100_id
    if subject.ssm_id is not None:
        yield Side.SSM, subject.ssm_id


def subject_of_link(link: Link) -> Subject:
    """The contact of a link."""
    return Subject(link.company, link.sage100_id, link.ssm_id, link.contact)


def subject_of_contacts(contacts: Mapping[Side, Contact]) -> Subject:
    """A contact as it was found on one side or both."""
    return subject_of(contacts.get(Side.SAGE100), contacts.get(Side.SSM))


def _with_company(person: Person, entries: Iterable[JournalEntry]) -> Subject:
    """The contact with its company, from the journal where nothing else names it."""
    subject = person.subject
    if subject.company or person.link:
        return subject
    about = (one for known in entries for one in people_of(known.entry) if person.refs & set(ids_of(one)))
    return replace(subject, company=next((one.company for one in about if one.company), None))
