"""Who is the same contact on both sides, where no link says so yet (P4, P12's groups, lost state)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.codecs import text_of
from sage100_ssm.sync.contacts.contact import Contact, ExtId, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY, EMAIL, FIRST_NAME, JOB_TITLE, LAST_NAME
from sage100_ssm.sync.model import Code, Entry, Intent, Link, Side, Subject


@dataclass(frozen=True, slots=True)
class Match:
    """A Sage contact and an SSM contact that are the same person, and where that person was born."""

    sage100: Contact
    ssm: Contact
    origin: Side


@dataclass(slots=True)
class Matching:
    """What came of matching.

    Attributes:
        matches: the pairs found.
        problems: those that nobody may touch, and why.
        left_alone: the contacts that are neither matched nor to be created, per side.
        outside: SSM contacts whose Sage row is out of scope.
    """

    matches: list[Match] = default(default_factory=list)
    problems: list[Entry] = default(default_factory=list)
    left_alone: dict[Side, set[int]] = default(default_factory=lambda: {Side.SAGE100: set(), Side.SSM: set()})

    outside: list[Contact] = default(default_factory=list)

    def taken(self, contact: Contact) -> bool:
        """Whether the contact is matched or left alone."""
        return contact.id in self.left_alone[contact.side]


@dataclass(frozen=True, slots=True)
class Known:
    """What matching may rely on.

    Attributes:
        database: the company database's name in our ``extId``.
        sage100: every Sage contact read, by ``cbMarq``.
        linked: the living links, by ``cbMarq``.
        born: the origin told by the ``extId`` of deleted SSM rows, by ``cbMarq``.
        intents: creates that were not confirmed.
    """

    database: str
    sage100: Mapping[int, Contact]
    linked: Mapping[int, Link]
    born: Mapping[int, Side]
    intents: Sequence[Intent]

    def ext_id(self, contact: Contact) -> ExtId | None:
        """The contact's ``extId`` if it is ours."""
        return ExtId.parse(contact.ext_id, self.database)

    def intended(self, sage100_id: int, ext_id: str | None) -> bool:
        """Whether we were about to create that contact in SSM under that ``extId``."""
        return any(i.side is Side.SSM and (i.source_id, i.ext_id) == (sage100_id, ext_id) for i in self.intents)

    def creating(self, ssm_id: int) -> Intent | None:
        """The unconfirmed creation in Sage of an SSM contact."""
        return next((i for i in self.intents if i.side is Side.SAGE100 and i.source_id == ssm_id), None)


def match(
    sage100: Iterable[Contact], ssm: Iterable[Contact], known: Known, deleted: Iterable[Contact] = ()
) -> Matching:
    """Match the contacts without a link (P4).

    Args:
        sage100: the Sage contacts in scope without a link.
        ssm: the living SSM contacts without a link.
        known: what matching may rely on.
        deleted: SSM contacts deleted since we were about to create them in Sage.
    """
    free = {c.id: c for c in sage100}
    contacts = list(ssm)
    result = Matching()
    _by_ext_id(contacts, free, known, result)
    _by_intent([*contacts, *deleted], free, known, result)
    _by_name(contacts, free, known, result)
    _orphans(contacts, known, result)
    return result


def _by_ext_id(ssm: Sequence[Contact], free: Mapping[int, Contact], known: Known, result: Matching) -> None:
    claims: defaultdict[int, list[tuple[Contact, ExtId]]] = defaultdict(list)
    for contact in ssm:
        ext_id = known.ext_id(contact)
        if ext_id and ext_id.sage100_id in known.sage100:
            claims[ext_id.sage100_id].append((contact, ext_id))
    for sage100_id, claimants in claims.items():
        target = known.sage100[sage100_id]
        if link := known.linked.get(sage100_id):
            for contact, ext_id in claimants:
                _leave(result, _duplicate_ext_id(target, contact, ext_id, link), contact)
        elif target.id not in free:
            outside = [c for c, _ in claimants]
            result.outside += outside
            _leave(result, None, *outside)
        elif len(claimants) == 1 and _is_same(target, *claimants[0], known):
            _pair(result, target, claimants[0][0], claimants[0][1].origin)
        else:
            _ambiguous(result, [target], [c for c, _ in claimants])


def _is_same(target: Contact, contact: Contact, ext_id: ExtId, known: Known) -> bool:
    """Whether an ``extId`` may be believed: a name or the e-mail agrees, or the create was ours (P4)."""
    return agrees(target, contact) or known.intended(target.id, str(ext_id))


def agrees(one: Contact, two: Contact) -> bool:
    """Whether last name, first name or e-mail agree."""
    names = any(a and a == b for a, b in zip(one.name_key, two.name_key, strict=True))
    mail, other = (normalise.email(text_of(contact.values.get(EMAIL))) for contact in (one, two))
    return names or (mail is not None and mail == other)


def _by_intent(ssm: Sequence[Contact], free: Mapping[int, Contact], known: Known, result: Matching) -> None:
    """An unconfirmed creation in Sage is found by its ``CT_No``, even if somebody corrected its name since."""
    by_number = {c.number: c for c in free.values() if c.number} if known.intents else {}
    for contact in ssm if by_number else ():
        intent = known.creating(contact.id)
        found = by_number.get(intent.sage100_no or 0) if intent else None
        if not intent or not found or result.taken(found) or result.taken(contact):
            continue
        if _bears(found, intent.names) or _shares_value(found, contact):
            _pair(result, found, contact, Side.SSM)


def _bears(row: Contact, names: tuple[str | None, str | None]) -> bool:
    """Whether the row bears the very names that a create was to give it."""
    return any(names) and row.name_key == tuple(normalise.name(name) for name in names)


def _shares_value(one: Contact, two: Contact) -> bool:
    """Whether something personal agrees: a ``CT_No`` alone may have gone to somebody else's contact.

    A first name is enough within a company alone: somebody may have moved the contact by now.
    """
    if normalise.company_code(one.company) == normalise.company_code(two.company) and agrees(one, two):
        return True
    return bool(_personal(one) & _personal(two))


def _personal(contact: Contact) -> set[str]:
    """What hardly two people have in common."""
    shared = {COMPANY, FIRST_NAME, JOB_TITLE}
    return {normalise.name(v) for name, v in contact.values.items() if isinstance(v, str) and name not in shared}


def _by_name(ssm: Sequence[Contact], free: Mapping[int, Contact], known: Known, result: Matching) -> None:
    here, there = _groups(free.values(), result), _groups(ssm, result)
    for key in here.keys() & there.keys():
        rows, contacts = here[key], there[key]
        if len(rows) == len(contacts) == 1:
            _pair(result, rows[0], contacts[0], _origin(rows[0], contacts[0], known))
        else:
            _ambiguous(result, rows, contacts)


def _groups(contacts: Iterable[Contact], result: Matching) -> dict[tuple[str, str, str], list[Contact]]:
    groups: defaultdict[tuple[str, str, str], list[Contact]] = defaultdict(list)
    for contact in contacts:
        if contact.company and contact.values.get(LAST_NAME) and not result.taken(contact):
            groups[contact.match_key].append(contact)
    return groups


def _origin(row: Contact, contact: Contact, known: Known) -> Side:
    """What an ``extId`` says, that of a deleted row included; else who was creating it; else Sage (P4)."""
    if ext_id := known.ext_id(contact):
        return ext_id.origin
    if known.creating(contact.id):
        return Side.SSM
    return known.born.get(row.id, Side.SAGE100)


def _orphans(ssm: Sequence[Contact], known: Known, result: Matching) -> None:
    """An ``extId`` of ours whose Sage row is gone and that matches nobody is left alone (P4)."""
    for contact in ssm:
        if not result.taken(contact) and (ext_id := known.ext_id(contact)):
            details = {"ext_id": str(ext_id)}
            _leave(result, Entry(Code.ORPHAN_EXT_ID, contact.subject, "P4", details=details), contact)


def _pair(result: Matching, row: Contact, contact: Contact, origin: Side) -> None:
    result.matches.append(Match(row, contact, origin))
    _leave(result, None, row, contact)


def _ambiguous(result: Matching, rows: Sequence[Contact], contacts: Sequence[Contact]) -> None:
    """Several could be the same: nobody is touched (P4). One problem per contact; a pair has one for both."""
    alone = rows[0] if len(rows) == 1 else None
    for contact in contacts:
        _leave(result, _may_be(subject_of(alone, contact), rows), contact)
    for row in rows:
        _leave(result, None if alone else _may_be(row.subject, contacts), row)


def _may_be(subject: Subject, others: Sequence[Contact]) -> Entry:
    details = {"number": len(others), "other": ", ".join(str(c.id) for c in others)}
    return Entry(Code.AMBIGUOUS_MATCH, subject, "P4", details=details)


def _duplicate_ext_id(target: Contact, contact: Contact, ext_id: ExtId, link: Link) -> Entry:
    details = {"ext_id": str(ext_id), "other": link.ssm_id, "origin": target.id}
    return Entry(Code.DUPLICATE_EXT_ID, contact.subject, "P4", details=details)


def _leave(result: Matching, problem: Entry | None, *contacts: Contact) -> None:
    if problem:
        result.problems.append(problem)
    for contact in contacts:
        result.left_alone[contact.side].add(contact.id)
