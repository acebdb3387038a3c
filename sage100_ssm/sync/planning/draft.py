"""The world that a plan is made for, the plan, and what planning keeps in mind while it makes one."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from functools import cached_property

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact, ExtId
from sage100_ssm.sync.contacts.fields import FIRST_NAME, LAST_NAME
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Base, Code, Entry, Intent, Link, Side, Subject, Value
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.policy import Policy

_HIGHEST_NUMBER = 2**31 - 1
"""``CT_No`` is an ``int``."""


@dataclass(frozen=True, slots=True)
class World:
    """What one run knows.

    Attributes:
        database: the company database's name, part of every ``extId``.
        links: the living links.
        intents: creates that were not confirmed.
        sage100: every Sage contact read, by ``cbMarq``.
        ssm: every SSM contact known, deleted ones included, by id.
        complete: whether each side was read to its end (P10).
        mapper: the field map at work.
        policy: the site's choices.
        disputed: the fields with an open ``conflict``, by the contact's id on either side (P1 ``manual``).
        ext_id_once: whether SSM refuses an ``extId`` that a deleted contact already has.
        identity_fell: whether Sage gives out a ``cbMarq`` that it has given before (P9).
        now: the time of the run; None where no stamp can be of the future.
    """

    database: str
    links: Sequence[Link]
    intents: Sequence[Intent]
    sage100: Mapping[int, Contact]
    ssm: Mapping[int, Contact]
    complete: Mapping[Side, bool]
    mapper: Mapper
    policy: Policy
    disputed: Mapping[tuple[Side, int], frozenset[str]] = default(default_factory=dict)
    ext_id_once: bool = False
    identity_fell: bool = False
    now: datetime | None = None


@dataclass(slots=True)
class Plan:
    """What a run is to do.

    Attributes:
        links: the links to be saved as they stand, before any write: new, moved, asleep, awake, ended, rebased;
            by the state's key, new ones by their negative ``cbMarq``.
        writes: the writes, on both sides.
        problems: what is held back, and why.
        notices: what was decided without a write.
        edited: how many links each side has edited since their base (P9).
        turned_back: how many links show Sage values older than those seen (P9).
        partial: whether it leaves out what else there is to do: one contact alone, or links alone.
        held: writes that a guard or a pause keeps from being done, each with its code.
    """

    links: dict[int, Link] = default(default_factory=dict)
    writes: list[Write] = default(default_factory=list)
    problems: list[Entry] = default(default_factory=list)
    notices: list[Entry] = default(default_factory=list)
    edited: Counter[Side] = default(default_factory=Counter)
    turned_back: int = 0
    partial: bool = False
    held: list[tuple[Write, str]] = default(default_factory=list)

    def of(self, side: Side, action: Action | None = None) -> list[Write]:
        """The writes on one side, of one kind if wished."""
        return [w for w in self.writes if w.side is side and action in (None, w.action)]

    def narrow(self, subject: Subject) -> None:
        """Leave of the plan what is about one contact, or about the contacts of one company."""
        self.partial = True
        self.writes[:] = [w for w in self.writes if is_about(w.subject, subject)]
        self.problems[:] = [p for p in self.problems if is_about(p.subject, subject)]
        self.notices[:] = [n for n in self.notices if is_about(n.subject, subject)]
        about = {k: Subject(link.company, link.sage100_id, link.ssm_id) for k, link in self.links.items()}
        self.links = {key: link for key, link in self.links.items() if is_about(about[key], subject)}


def is_about(one: Subject, subject: Subject) -> bool:
    """Whether one is the subject: the same contact, or of the same company where the subject is a company."""
    ids = {subject.sage100_id, subject.ssm_id} - {None}
    if not ids:
        return one.company == subject.company
    return one.sage100_id == subject.sage100_id is not None or one.ssm_id == subject.ssm_id is not None


class Draft:
    """A plan in the making, and what its parts must know of each other.

    Attributes:
        world: what the run knows.
        plan: what came of it so far.
        linked: the links as they stand, by ``cbMarq``.
        linked_ssm: the SSM ids that have a link.
        by_number: the Sage contacts by ``CT_No``.
        held: ``cbMarq`` and ``CT_No`` of the living links.
        spent: the ``extId`` that SSM gives to no contact any more, since a deleted one bears them.
    """

    def __init__(self, world: World) -> None:
        self.world, self.plan = world, Plan()
        self.linked = {link.sage100_id: link for link in world.links}
        self.linked_ssm = {link.ssm_id for link in world.links}
        self.by_number = {c.number: c for c in world.sage100.values() if c.number}
        self.held = {(link.sage100_id, link.sage100_no or 0) for link in world.links}
        self.spent = {c.ext_id for c in world.ssm.values() if c.deleted and c.ext_id} if world.ext_id_once else set()
        self._names = {name_in_sage(c): c.id for c in world.sage100.values()}
        # Not the number of a row that was deleted while its link lives: the new row would be taken for it (P14).
        self._last_number = max((*self.by_number, *(link.sage100_no or 0 for link in world.links)), default=0)
        self._given: set[int] = set()
        self._waiting: dict[str, dict[int, str]] = {}

    @property
    def mapper(self) -> Mapper:
        """The field map at work."""
        return self.world.mapper

    @property
    def companies(self) -> Companies:
        """The companies of both sides."""
        return self.world.mapper.companies

    @cached_property
    def bearers(self) -> Mapping[ExtId, Sequence[Contact]]:
        """The living SSM contacts by an ``extId`` of ours."""
        found: dict[ExtId, list[Contact]] = {}
        for contact in self._living_in_ssm():
            if ext_id := ExtId.parse(contact.ext_id, self.world.database):
                found.setdefault(ext_id, []).append(contact)
        return found

    @cached_property
    def namesakes(self) -> Mapping[tuple[str, str, str], Sequence[Contact]]:
        """The living SSM contacts with a last name, by company and names as P4 compares them."""
        found: dict[tuple[str, str, str], list[Contact]] = {}
        for contact in self._living_in_ssm():
            if contact.values.get(LAST_NAME):
                found.setdefault(contact.match_key, []).append(contact)
        return found

    def _living_in_ssm(self) -> Iterator[Contact]:
        return (contact for contact in self.world.ssm.values() if not contact.deleted)

    def save(self, link: Link, known: Link | None = None) -> Link:
        """Remember the link as it now stands, if that is news."""
        self.linked[link.sage100_id] = link
        if link != known:
            self.plan.links[link.id or -link.sage100_id] = link
        return link

    def let_go(self, link: Link) -> None:
        """Forget under which ``cbMarq`` a link stood, unless another one stands there by now."""
        if self.linked.get(link.sage100_id) is link:
            del self.linked[link.sage100_id]

    def hoped(self, sage100_id: int, ssm_id: int) -> dict[Side, Base]:
        """What the unconfirmed create of a contact, on either side, leaves if it was done."""
        known = {Side.SSM: sage100_id, Side.SAGE100: ssm_id}
        return {i.side: i.base for i in self.world.intents if i.base and known[i.side] == i.source_id}

    def write(self, write: Write | None) -> None:
        """Add a write, if there is one."""
        if write is not None:
            self.plan.writes.append(write)

    def problem(self, entry: Entry | None) -> None:
        """Add a problem, if there is one."""
        if entry is not None:
            self.plan.problems.append(entry)

    def next_number(self) -> int:
        """A ``CT_No`` that no contact bears yet: the next one, or once the column is at its end the lowest free one."""
        number = self._last_number + 1 if self._last_number < _HIGHEST_NUMBER else self._lowest_free()
        self._last_number = max(self._last_number, number)
        self._given.add(number)
        return number

    def _lowest_free(self) -> int:
        return next(n for n in itertools.count(1) if n not in self.by_number and n not in self._given)

    def claim_name(self, name: tuple[str, str, str], claimant: int) -> int | None:
        """P12: take a name in Sage; if another contact has it, that one's id (an SSM id if it is only planned)."""
        holder = self._names.setdefault(name, claimant)
        return None if holder == claimant else abs(holder)

    def free_name(self, contact: Contact) -> None:
        """The name of a Sage contact that is about to be deleted may be taken in the same run: deletions come first."""
        name = name_in_sage(contact)
        if self._names.get(name) == contact.id:
            del self._names[name]

    def wait_for_company(self, contact: Contact) -> None:
        """Count a Sage contact whose company SSM does not have."""
        if not self.companies.accounts_of(contact.company):
            self._waiting.setdefault(contact.company or "", {})[contact.id] = contact.full_name

    def company_problems(self) -> None:
        """One entry per company that SSM lacks, with the number of contacts that wait, or has twice."""
        for company, contacts in sorted(self._waiting.items()):
            details = {"number": len(contacts), "contacts": [[i, name] for i, name in sorted(contacts.items())]}
            self.problem(Entry(Code.COMPANY_NOT_IN_SSM, Subject(company), "P6", details=details))
        for company, accounts in sorted(self.companies.twins().items()):
            details = {"number": len(accounts), "account": ", ".join(map(str, accounts))}
            self.problem(Entry(Code.AMBIGUOUS_COMPANY, Subject(company), details=details))


def name_in_sage(contact: Contact, renamed: Mapping[str, Value] | None = None) -> tuple[str, str, str]:
    """What Sage's unique index compares byte for byte: company, last and first name (P12)."""
    names = {LAST_NAME: contact.row.get("CT_Nom") or "", FIRST_NAME: contact.row.get("CT_Prenom") or ""}
    names |= {name: str(value or "") for name, value in (renamed or {}).items()}
    return normalise.company_code(contact.company), names[LAST_NAME], names[FIRST_NAME]
