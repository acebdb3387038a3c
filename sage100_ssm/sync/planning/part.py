"""The part of both sides that a plan is made for, and what of it needs no look until something changes there.

The unit is the company: what the rules ask about many contacts at once (P4, P5, P12, P14) they ask about those of one
company. All else is found by a key: a contact by its id, a row of Sage by its ``CT_No`` or by the ``extId`` that names
it, a link by its contacts.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Generic, Protocol, TypeVar

from sage100_ssm.exchange.reading import Row
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.contact import Contact, ExtId
from sage100_ssm.sync.contacts.keys import NO_COMPANY, company_key, is_live, named_by
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Link, LinkStatus
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.rules.links import has_another_creation

KeyT = TypeVar("KeyT", int, str)


class Lookups(Protocol):
    """Where contacts and links are found."""

    def sage100_of(self, companies: Collection[str]) -> Iterable[Row]:
        """The rows of Sage of companies, by their keys."""
        ...

    def sage100_by(self, column: str, values: Collection[int]) -> Iterable[Row]:
        """The rows of Sage with these ``cbMarq``, or with these ``CT_No``."""
        ...

    def ssm_of(self, companies: Collection[str]) -> Iterable[Row]:
        """The SSM contacts of companies, by their keys, deleted ones included."""
        ...

    def ssm_by_id(self, ids: Collection[int]) -> Iterable[Row]:
        """The SSM contacts with these ids."""
        ...

    def ssm_naming(self, sage100_ids: Collection[int]) -> Iterable[int]:
        """The ids of the SSM contacts whose ``extId`` names one of these ``cbMarq``."""
        ...

    def companies_in_ssm(self, contacts: Collection[Row]) -> Mapping[int, str]:
        """The keys of the companies of SSM contacts, by their ids."""
        ...

    def links_of(self, sage100_ids: Collection[int] = (), ssm_ids: Collection[int] = ()) -> Iterable[Link]:
        """The live links of contacts."""
        ...


@dataclass(frozen=True, slots=True)
class Seeds:
    """What a plan must look at in any case.

    Attributes:
        companies: the keys of companies.
        sage100_ids: the ``cbMarq`` of contacts.
        numbers: the ``CT_No`` of contacts.
        ssm_ids: the ids of SSM contacts.
        named: the ``cbMarq`` that an ``extId`` names.
    """

    companies: frozenset[str] = frozenset()
    sage100_ids: frozenset[int] = frozenset()
    numbers: frozenset[int] = frozenset()
    ssm_ids: frozenset[int] = frozenset()
    named: frozenset[int] = frozenset()

    def with_contacts(self, subjects: Iterable[Subject]) -> "Seeds":
        """The same and these contacts; of a subject without an id, the company."""
        known = list(subjects)
        without_ids = (s for s in known if s.sage100_id is None and s.ssm_id is None and s.company is not None)
        return replace(
            self,
            companies=self.companies | {company_key(s.company) for s in without_ids},
            sage100_ids=self.sage100_ids | {s.sage100_id for s in known if s.sage100_id is not None},
            ssm_ids=self.ssm_ids | {s.ssm_id for s in known if s.ssm_id is not None},
        )


@dataclass(frozen=True, slots=True)
class Part:
    """What a plan is made for: rows and links by their ids, in the order of these ids, and the companies.

    Attributes:
        companies: the keys of the companies that are here as a whole.
        sage100: rows of ``F_CONTACTT``.
        ssm: rows of SSM contacts.
        companies_in_ssm: the keys of their companies, by their ids.
        links: the live links.
    """

    companies: set[str] = default(default_factory=set)
    sage100: dict[int, Row] = default(default_factory=dict)
    ssm: dict[int, Row] = default(default_factory=dict)
    companies_in_ssm: dict[int, str] = default(default_factory=dict)
    links: dict[int, Link] = default(default_factory=dict)


def gathered(seeds: Seeds, lookups: Lookups) -> Part:
    """The seeds, with all contacts of their companies, both contacts of their links, and whoever a key names."""
    gathering = _Gathering(lookups, seeds)
    while gathering.has_grown():
        pass
    part = gathering.part
    return replace(
        part,
        sage100=dict(sorted(part.sage100.items())),
        ssm=dict(sorted(part.ssm.items())),
        links=dict(sorted(part.links.items())),
    )


class _Keys(Generic[KeyT]):
    """The keys of one kind: those that are due to be looked up, each once."""

    def __init__(self, keys: Iterable[KeyT]) -> None:
        self._due: set[KeyT] = set(keys)
        self._known: set[KeyT] = set(self._due)

    def add(self, key: KeyT) -> None:
        if key not in self._known:
            self._known.add(key)
            self._due.add(key)

    def is_due(self, key: KeyT) -> bool:
        return key in self._due

    def take_due(self) -> set[KeyT]:
        due, self._due = self._due, set()
        return due


class _Gathering:
    def __init__(self, lookups: Lookups, seeds: Seeds) -> None:
        self._look = lookups
        self.part = Part()
        self._companies, self._numbers = _Keys(seeds.companies), _Keys(seeds.numbers)
        self._sage100_ids, self._ssm_ids, self._named = (
            _Keys(seeds.sage100_ids),
            _Keys(seeds.ssm_ids),
            _Keys(seeds.named),
        )
        self._unchecked: list[Link] = []

    def has_grown(self) -> bool:
        """Look up what is due; whether there was anything."""
        self._check_rows()
        companies, numbers, named = self._companies.take_due(), self._numbers.take_due(), self._named.take_due()
        sage100_ids, ssm_ids = self._sage100_ids.take_due(), self._ssm_ids.take_due()
        if not (companies or numbers or named or sage100_ids or ssm_ids):
            return False
        look = self._look
        self.part.companies.update(companies)
        if companies:
            self._add_sage100(look.sage100_of(companies))
            self._add_ssm(look.ssm_of(companies))
        self._add_sage100(look.sage100_by("cbMarq", sage100_ids - self.part.sage100.keys()))
        self._add_sage100(look.sage100_by("CT_No", numbers))
        self._add_ssm(look.ssm_by_id(ssm_ids - self.part.ssm.keys()))
        for id_ in look.ssm_naming(named):
            self._ssm_ids.add(id_)
        self._add_links(look.links_of(sage100_ids=sage100_ids))
        self._add_links(look.links_of(ssm_ids=ssm_ids - {link.ssm_id for link in self.part.links.values()}))
        return True

    def _add_sage100(self, rows: Iterable[Row]) -> None:
        for row in rows:
            id_ = row["cbMarq"]
            if id_ not in self.part.sage100:
                self.part.sage100[id_] = row
                self._companies.add(company_key(row.get("CT_Num")))
                self._sage100_ids.add(id_)
                self._named.add(id_)

    def _add_ssm(self, rows: Iterable[Row]) -> None:
        new = [row for row in rows if row["id"] not in self.part.ssm]
        companies = self._look.companies_in_ssm(new) if new else {}
        for row in new:
            id_ = row["id"]
            self.part.ssm[id_] = row
            self.part.companies_in_ssm[id_] = companies.get(id_, NO_COMPANY)
            self._ssm_ids.add(id_)
            # Of a contact that is deleted only the link, the id and the `extId` matter.
            if is_live(row):
                self._companies.add(self.part.companies_in_ssm[id_])
                if (named := named_by(row)) is not None:
                    self._sage100_ids.add(named)

    def _check_rows(self) -> None:
        """Look for the row of a link by its ``CT_No`` where the one of its ``cbMarq`` may be another's (P14)."""
        # By its `cbMarq` a row is looked up first.
        waiting = [link for link in self._unchecked if self._sage100_ids.is_due(link.sage100_id)]
        for link in (link for link in self._unchecked if not self._sage100_ids.is_due(link.sage100_id)):
            if link.sage100_no and not _is_its_row(link, self.part.sage100.get(link.sage100_id)):
                self._numbers.add(link.sage100_no)
        self._unchecked = waiting

    def _add_links(self, links: Iterable[Link]) -> None:
        for link in links:
            assert link.id is not None, "a link of the state"
            if link.id not in self.part.links:
                self.part.links[link.id] = link
                self._companies.add(company_key(link.company))
                self._sage100_ids.add(link.sage100_id)
                self._ssm_ids.add(link.ssm_id)
                self._unchecked.append(link)


def _is_its_row(link: Link, row: Row | None) -> bool:
    """Whether a row under a link's ``cbMarq`` is certainly the link's; else another one may be, by its ``CT_No``."""
    if row is None or (row.get("CT_No") or 0) != (link.sage100_no or 0):
        return False
    return not has_another_creation(link, row)


def connected(part: Part) -> frozenset[str]:
    """The companies of a part that a key leads into, or out of: a link, an ``extId`` or a ``CT_No``."""
    found: set[str] = set()
    by_number = {number: row for row in part.sage100.values() if (number := row.get("CT_No"))}
    for link in part.links.values():
        rows = (part.sage100.get(link.sage100_id), by_number.get(link.sage100_no))
        keys = {company_key(link.company), *(company_key(row.get("CT_Num")) for row in rows if row)}
        keys |= {part.companies_in_ssm[link.ssm_id]} if link.ssm_id in part.companies_in_ssm else set()
        found |= keys if len(keys) > 1 else set()
    for id_, row in part.ssm.items():
        if named := part.sage100.get(named_by(row) or 0):
            keys = {part.companies_in_ssm[id_], company_key(named.get("CT_Num"))}
            found |= keys if len(keys) > 1 else set()
    return frozenset(found)


# --- what needs no look until something changes


def at_rest(part: Part, world: World, plan: Plan) -> frozenset[str]:
    """The companies of a part about which the plan has nothing to do or to report.

    All their contacts that take part have a link, and each link has both contacts, live and under its mark.
    """
    restless = {NO_COMPANY}
    for subject in _subjects(plan):
        restless |= _companies_of(part, subject)
    linked_sage100, linked_ssm = set(), set()
    for link in part.links.values():
        linked_sage100.add(link.sage100_id)
        linked_ssm.add(link.ssm_id)
        if not _rests(link, world):
            restless |= _companies_of(part, Subject(link.company, link.sage100_id, link.ssm_id))
    for id_, row in part.sage100.items():
        contact = world.sage100.get(id_)
        takes_part = contact is None or world.mapper.companies.takes_part(contact.company, contact.row)
        if takes_part and (contact is None or id_ not in linked_sage100):
            restless.add(company_key(row.get("CT_Num")))
    for id_, row in part.ssm.items():
        if id_ not in world.ssm or (is_live(row) and id_ not in linked_ssm):
            restless.add(part.companies_in_ssm[id_])
    return frozenset(part.companies - restless)


def _subjects(plan: Plan) -> Iterable[Subject]:
    yield from (Subject(link.company, link.sage100_id, link.ssm_id) for link in plan.links)
    yield from (write.subject for write in (*plan.writes, *(withheld.write for withheld in plan.withheld)))
    yield from (contact for entry in (*plan.problems, *plan.notices) for contact in (entry.subject, *entry.contacts))
    yield from (contact.subject for match in plan.matches for contact in (match.sage100, match.ssm))
    yield from plan.edited


def _companies_of(part: Part, subject: Subject) -> set[str]:
    found = {company_key(subject.company)}
    if row := part.sage100.get(subject.sage100_id or 0):
        found.add(company_key(row.get("CT_Num")))
    if subject.ssm_id in part.companies_in_ssm:
        found.add(part.companies_in_ssm[subject.ssm_id])
    return found


def _rests(link: Link, world: World) -> bool:
    row, card = world.sage100.get(link.sage100_id), world.ssm.get(link.ssm_id)
    if row is None or card is None or card.deleted or world.mapper.companies.is_deleted(card.account):
        return False
    if link.status is not LinkStatus.ACTIVE or link.reason is not None or link.unconfirmed:
        return False
    return _has_its_mark(link, row, card, world) and _is_its_row(link, row.row) and _same_company(row, card)


def _has_its_mark(link: Link, row: Contact, card: Contact, world: World) -> bool:
    wanted = ExtId(link.origin, world.database, row.id)
    return world.marks.to_write(card.ext_id, wanted) is None and world.marks.other_database(card.ext_id) is None


def _same_company(row: Contact, card: Contact) -> bool:
    return normalise.company_code(row.company) == normalise.company_code(card.company)
