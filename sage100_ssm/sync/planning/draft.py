"""A plan in the making: what the parts of planning must know of each other, and what they have decided so far."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact, ExtId, subject_of
from sage100_ssm.sync.contacts.fields import FIRST_NAME, LAST_NAME
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import AmbiguousCompany, CompanyNotInSsm, Entry, Named, OtherDatabase, Subject
from sage100_ssm.sync.model import Base, ContactRef, Link, LinkStatus, Side, Value
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.rules.evidence import People
from sage100_ssm.sync.rules.links import same_in_sage
from sage100_ssm.sync.rules.matching import Match

HIGHEST_NUMBER = 2**31 - 1
"""``CT_No`` is an ``int``."""

_NOT_REPEATED_FOR = timedelta(minutes=10)

SageName = tuple[str, str, str]
"""Company, last and first name, as Sage's unique index compares them (P12)."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """The key of a link that the state does not have yet: a Sage contact gets one link at most in a run."""

    sage100_id: int


class Draft:
    """A plan in the making.

    Attributes:
        world: what the run knows.
        by_sage100_id: the links as they now are, by ``cbMarq``.
        linked_ssm_ids: the ids of the SSM contacts that have a link.
        sage100_by_number: the Sage contacts by ``CT_No``.
        linked_identities: ``cbMarq`` and ``CT_No`` of the live links.
        held_ssm_ids: the ids of SSM contacts without a link about whom a person is asked already.
        left_alone: the Sage contacts of links that are left alone, by ``cbMarq``.
        displaced: the links whose ``cbMarq`` was given to another contact, by that ``cbMarq``.
        spent_ext_ids: the values of ``extId`` that SSM accepts for no other contact, because a deleted one has them.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.by_sage100_id = {link.sage100_id: link for link in world.links}
        self.linked_ssm_ids = {link.ssm_id for link in world.links}
        self.sage100_by_number = {c.number: c for c in world.sage100.values() if c.number}
        self.linked_identities = {(link.sage100_id, link.sage100_no or 0) for link in world.links}
        deleted = (c.ext_id for c in world.ssm.values() if c.deleted and c.ext_id)
        self.spent_ext_ids = set(deleted) if world.ext_id_once else set()

        self.held_ssm_ids: set[int] = set()
        self.left_alone: set[int] = set()
        self.displaced: dict[int, Link] = {}
        self._links: dict[int | NewLink, Link] = {}
        self._writes: list[Write] = []
        self._problems: list[Entry] = []
        self._notices: list[Entry] = []
        self._matches: list[Match] = []
        self._edits: Counter[Side] = Counter()
        self._renamed: Counter[Side] = Counter()
        self._edited: list[Subject] = []
        self._outdated = 0

        self._name_holders = {name_in_sage(c): c.ref for c in world.sage100.values()}
        # The number of a row that was deleted while its link lives is not free: a new row would be taken for it (P14).
        linked_numbers = (link.sage100_no or 0 for link in world.links)
        self._last_number = max((*self.sage100_by_number, *linked_numbers, world.beyond.highest_number))
        self._given_numbers: set[int] = set()

    @cached_property
    def people(self) -> People:
        """Everybody who lives on both sides, by what identifies a person (P4)."""
        cards = (contact for contact in self.world.ssm.values() if not contact.deleted)
        return People(itertools.chain(self.world.sage100.values(), cards), self.world.mapper.locale.country)

    @property
    def mapper(self) -> Mapper:
        """The field map at work."""
        return self.world.mapper

    @property
    def companies(self) -> Companies:
        """The companies of both sides."""
        return self.world.mapper.companies

    def finished(self) -> Plan:
        """The plan that came of it."""
        return Plan(
            links=tuple(self._links.values()),
            writes=tuple(self._writes),
            problems=tuple(self._problems),
            notices=tuple(self._notices),
            edits=dict(self._edits),
            renamed=dict(self._renamed),
            edited=tuple(self._edited),
            outdated=self._outdated,
            matches=tuple(self._matches),
        )

    # --- what the parts decide

    def save(self, link: Link, known: Link | None = None) -> Link:
        """Save the link as it now is, if it differs from the one that is known."""
        self.by_sage100_id[link.sage100_id] = link
        if link != known:
            self._links[NewLink(link.sage100_id) if link.id is None else link.id] = link
        return link

    def forget_place(self, link: Link) -> None:
        """Forget under which ``cbMarq`` a link was, unless another link has taken the place."""
        if self.by_sage100_id.get(link.sage100_id) is link:
            del self.by_sage100_id[link.sage100_id]

    def part(self, link: Link) -> None:
        """P16: end the link of two contacts that a person holds for two people; both go on without a link."""
        self.forget_place(self.save(replace(link, status=LinkStatus.ENDED, reason=None), link))
        self.linked_ssm_ids.discard(link.ssm_id)

    def displace(self, link: Link) -> None:
        """P14: the ``cbMarq`` of a link whose contact is deleted in SSM was given to another contact of Sage.

        That one may be created in SSM in this run, once the deletion is done: the state allows a ``cbMarq`` one live
        link at a time.
        """
        if link.sage100_id in self.world.sage100:
            self.forget_place(link)
            self.displaced[link.sage100_id] = link

    def write(self, *writes: Write | None) -> None:
        """Add the writes that there are."""
        self._writes += filter(None, writes)

    def problem(self, *entries: Entry | None) -> None:
        """Add the problems that there are."""
        self._problems += filter(None, entries)

    def notice(self, *entries: Entry) -> None:
        """Add notices of what was decided without a write."""
        self._notices += entries

    def match(self, found: Match) -> None:
        """Add a pair of contacts that are the same person."""
        self._matches.append(found)

    def count_edits(
        self, subject: Subject, sides: Collection[Side], renamed_on: Iterable[Side] = (), *, is_outdated: bool
    ) -> None:
        """Count one link that these sides have edited, and on which of them both its names changed (P9)."""
        self._edited += [subject] if sides or is_outdated else []
        self._edits.update(sides)
        self._renamed.update(renamed_on)
        self._outdated += is_outdated

    # --- look-ups

    @cached_property
    def live_by_ext_id(self) -> Mapping[ExtId, Sequence[Contact]]:
        """The live SSM contacts by their ``extId``, where it is one of ours."""
        found: dict[ExtId, list[Contact]] = {}
        for contact in self._living_in_ssm():
            if ext_id := self.world.marks.ours(contact.ext_id):
                found.setdefault(ext_id, []).append(contact)
        return found

    @cached_property
    def live_by_name(self) -> Mapping[tuple[str, str, str], Sequence[Contact]]:
        """The live SSM contacts with a last name, by company and names as P4 compares them."""
        found: dict[tuple[str, str, str], list[Contact]] = {}
        for contact in self._living_in_ssm():
            if contact.values.get(LAST_NAME):
                found.setdefault(contact.match_key, []).append(contact)
        return found

    @cached_property
    def of_other_databases(self) -> Mapping[int, str]:
        """The SSM contacts that belong to other company databases: their ids, with the database (P15)."""
        other = self.world.marks.other_database
        return {c.id: database for c in self.world.ssm.values() if (database := other(c.ext_id))}

    @cached_property
    def unlinked_by_name(self) -> dict[tuple[str, str, str], list[Contact]]:
        """The Sage contacts in scope that no link has, by company and names as P4 compares them."""
        world = self.world
        linked = (
            same_in_sage(link, world.sage100, self.sage100_by_number, self.linked_identities) for link in world.links
        )
        taken = {row.id for row in linked if row} | self.by_sage100_id.keys()
        # What we created, unconfirmed, is the contact of another card, even if both have one name.
        taken |= {row.id for row in world.sage100.values() if self._may_be_unconfirmed(row)}
        found: dict[tuple[str, str, str], list[Contact]] = {}
        for row in world.sage100.values():
            if row.id not in taken and row.values.get(LAST_NAME) and self.companies.takes_part(row.company, row.row):
                found.setdefault(row.match_key, []).append(row)
        return found

    def _may_be_unconfirmed(self, row: Contact) -> bool:
        """Whether a Sage contact may be one that we created, unconfirmed: by its ``CT_No``, or by its names."""
        # Somebody else may have had the number by then: the row then has another one.
        return any(
            i.sage100_no == row.number or row.is_named(*i.names) for i in self.world.intents if i.side is Side.SAGE100
        )

    def _living_in_ssm(self) -> Iterator[Contact]:
        """The live SSM contacts, but for those that belong to other company databases."""
        return (c for c in self.world.ssm.values() if not c.deleted and c.id not in self.of_other_databases)

    def unconfirmed_bases(self, row: Contact, ssm_id: int) -> dict[Side, Base]:
        """Per side with an unconfirmed create of the contact: the base that the create leaves if it was done."""
        source = {Side.SSM: row.id, Side.SAGE100: ssm_id}
        bases = {i.side: i for i in self.world.intents if i.base and source[i.side] == i.source_id}
        # Another row than the one that we created was typed by somebody: its values are theirs.
        is_ours = Side.SAGE100 not in bases or bases[Side.SAGE100].sage100_no == row.number
        return {side: intent.base for side, intent in bases.items() if side is Side.SSM or is_ours}

    def is_unconfirmed(self, side: Side, source_id: int) -> bool:
        """P11: whether the contact's creation was tried a moment ago and may still show: it is not repeated."""
        begun = (i.begun_at for i in self.world.intents if (i.side, i.source_id) == (side, source_id))
        return any(self._may_still_show(at) for at in begun if at is not None)

    def _may_still_show(self, begun_at: datetime) -> bool:
        now, observed_at = self.world.now, self.world.observed_at
        if observed_at is not None and begun_at >= observed_at:
            return True
        return now is not None and abs(now - begun_at) < _NOT_REPEATED_FOR

    # --- what a new SSM contact needs

    def new_ext_id(self, wanted: str | None) -> str | None:
        """The ``extId`` to create a contact with: none where another has that one, as SSM may refuse it to a second.

        The new contact gets it by the update that follows, once it is free.
        """
        if wanted is None or wanted in self.spent_ext_ids:
            return None
        # Whoever had its `cbMarq` is deleted before (P14).
        displaced = set() if self.world.ext_id_once else {link.ssm_id for link in self.displaced.values()}
        return None if self._living_with.get(wanted, set()) - displaced else wanted

    @cached_property
    def _living_with(self) -> Mapping[str, set[int]]:
        """The ids of the live SSM contacts by their ``extId``, whoever's it is."""
        found: dict[str, set[int]] = {}
        for contact in self._living_in_ssm():
            if contact.ext_id:
                found.setdefault(contact.ext_id, set()).add(contact.id)
        return found

    # --- what a new Sage contact needs

    def next_number(self) -> int:
        """A ``CT_No`` that no contact has: the next one, or the lowest free one once the column is at its end."""
        if self._last_number < HIGHEST_NUMBER:
            self._last_number += 1
            number = self._last_number
        else:
            taken = self.sage100_by_number.keys() | self._given_numbers
            number = next(n for n in itertools.count(1) if n not in taken)
        self._given_numbers.add(number)
        return number

    def claim_name(self, name: SageName, claimant: ContactRef) -> ContactRef | None:
        """Take a name in Sage; the contact that has it already, if there is one (P12).

        Args:
            name: the name.
            claimant: who is to have it: a Sage contact, or an SSM contact that this run creates in Sage.
        """
        holder = self._name_holders.setdefault(name, claimant)
        return None if holder == claimant else holder

    def free_name(self, contact: Contact) -> None:
        """Let others have the name of a Sage contact that is about to be deleted: deletions come first in a run."""
        name = name_in_sage(contact)
        if self._name_holders.get(name) == contact.ref:
            del self._name_holders[name]

    # --- companies

    def wait_for_company(self, contact: Contact) -> None:
        """Add the problem of a Sage contact whose company is not in SSM."""
        if not self.companies.accounts_of(contact.company):
            self.problem(Entry(contact.subject, CompanyNotInSsm()))

    def problems_of_others(self) -> None:
        """Add the problem of each SSM contact that belongs to another company database (P15)."""
        others = ((self.world.ssm[id_], database) for id_, database in sorted(self.of_other_databases.items()))
        # Of those that are deleted only a linked one matters: its Sage contact waits, and is named.
        reported = ((one, name) for one, name in others if not one.deleted or one.id in self.linked_ssm_ids)
        linked = (link for link in self.world.links if link.ssm_id in self.of_other_databases)
        rows = {link.ssm_id: self.world.sage100.get(link.sage100_id) for link in linked}
        self.problem(*(Entry(subject_of(rows.get(one.id), one), OtherDatabase(name)) for one, name in reported))

    def company_problems(self) -> None:
        """Add one problem per company that SSM has more than once."""
        for company, ids in sorted(self.companies.twins().items()):
            accounts = [account for id_ in ids if (account := self.companies.account(id_))]
            named = tuple(Named(account.id, account.name or "") for account in accounts)
            self.problem(Entry(Subject(company), AmbiguousCompany(named)))


def name_in_sage(contact: Contact, renamed: Mapping[str, Value] | None = None) -> SageName:
    """What Sage's unique index compares byte for byte (P12).

    Args:
        contact: a Sage contact.
        renamed: the names that it is to get, by field name.
    """
    names = {LAST_NAME: contact.row.get("CT_Nom") or "", FIRST_NAME: contact.row.get("CT_Prenom") or ""}
    names |= {name: str(value or "") for name, value in (renamed or {}).items()}
    return normalise.company_code(contact.company), names[LAST_NAME], names[FIRST_NAME]
