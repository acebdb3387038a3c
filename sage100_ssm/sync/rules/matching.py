"""Which contacts without a link are the same person on both sides (P4)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.codecs import text_of
from sage100_ssm.sync.contacts.contact import Contact, ExtId, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY, EMAIL, FIRST_NAME, JOB_TITLE, LAST_NAME
from sage100_ssm.sync.journal import AmbiguousMatch, DuplicateExtId, Entry, OrphanExtId
from sage100_ssm.sync.model import Intent, Link, Side


@dataclass(frozen=True, slots=True)
class Match:
    """A Sage contact and an SSM contact that are the same person, and the side where that person was created."""

    sage100: Contact
    ssm: Contact
    origin: Side


@dataclass(frozen=True, slots=True)
class Matching:
    """The result of matching.

    Attributes:
        matches: the pairs that were found.
        problems: the contacts that are left alone, and why.
        out_of_scope: SSM contacts whose Sage row is out of scope.
        remaining: per side, the contacts that are neither matched nor left alone: they are to be created opposite.
    """

    matches: Sequence[Match]
    problems: Sequence[Entry]
    out_of_scope: Sequence[Contact]
    remaining: Mapping[Side, Sequence[Contact]]


@dataclass(frozen=True, slots=True)
class Known:
    """What matching may rely on.

    Attributes:
        database: the company database's name in our ``extId``.
        sage100: every Sage contact that was read, by ``cbMarq``.
        links: the live links, by ``cbMarq``.
        origins: the origin that the ``extId`` of a deleted SSM row names, by ``cbMarq``.
        intents: the creates that were not confirmed.
    """

    database: str
    sage100: Mapping[int, Contact]
    links: Mapping[int, Link]
    origins: Mapping[int, Side]
    intents: Sequence[Intent]

    def ext_id(self, contact: Contact) -> ExtId | None:
        """The contact's ``extId`` if it is ours."""
        return ExtId.parse(contact.ext_id, self.database)

    def is_intended(self, sage100_id: int, ext_id: ExtId) -> bool:
        """Whether we were about to create that contact in SSM with that ``extId``."""
        wanted = (sage100_id, str(ext_id))
        return any(i.side is Side.SSM and (i.source_id, i.ext_id) == wanted for i in self.intents)

    def creation_in_sage(self, ssm_id: int) -> Intent | None:
        """The unconfirmed creation of an SSM contact in Sage."""
        return next((i for i in self.intents if i.side is Side.SAGE100 and i.source_id == ssm_id), None)


def match(
    sage100: Iterable[Contact], ssm: Iterable[Contact], known: Known, deleted: Iterable[Contact] = ()
) -> Matching:
    """Match the contacts without a link (P4).

    Args:
        sage100: the Sage contacts in scope without a link.
        ssm: the live SSM contacts without a link.
        known: what matching may rely on.
        deleted: SSM contacts that were deleted since we were about to create them in Sage.
    """
    matcher = _Matcher(list(sage100), list(ssm), known)
    matcher.by_ext_id()
    matcher.by_intent(deleted)
    matcher.by_name()
    matcher.orphans()
    return matcher.result()


@dataclass(slots=True)
class _Matcher:
    """One matching under way. Its steps take contacts out of the search, each from what the one before left."""

    sage100: Sequence[Contact]
    ssm: Sequence[Contact]
    known: Known
    _matches: list[Match] = default(default_factory=list)
    _problems: list[Entry] = default(default_factory=list)
    _out_of_scope: list[Contact] = default(default_factory=list)
    _taken: set[tuple[Side, int]] = default(default_factory=set)

    def result(self) -> Matching:
        """What came of it."""
        remaining = {Side.SAGE100: self._free(self.sage100), Side.SSM: self._free(self.ssm)}
        return Matching(self._matches, self._problems, self._out_of_scope, remaining)

    def _free(self, contacts: Iterable[Contact]) -> list[Contact]:
        return [contact for contact in contacts if (contact.side, contact.id) not in self._taken]

    # --- the steps

    def by_ext_id(self) -> None:
        """An ``extId`` of ours names the Sage row."""
        claims: defaultdict[int, list[tuple[Contact, ExtId]]] = defaultdict(list)
        for contact in self.ssm:
            ext_id = self.known.ext_id(contact)
            if ext_id and ext_id.sage100_id in self.known.sage100:
                claims[ext_id.sage100_id].append((contact, ext_id))
        in_scope = {row.id for row in self.sage100}
        for sage100_id, claimants in claims.items():
            row = self.known.sage100[sage100_id]
            contacts = [contact for contact, _ in claimants]
            if link := self.known.links.get(sage100_id):
                for contact, ext_id in claimants:
                    self._leave(Entry(contact.subject, DuplicateExtId(str(ext_id), link.ssm_id)), contact)
            elif sage100_id not in in_scope:
                self._out_of_scope += contacts
                self._leave(None, *contacts)
            elif len(claimants) == 1 and self._is_believed(row, *claimants[0]):
                self._pair(row, contacts[0], claimants[0][1].origin)
            else:
                self._ambiguous([row], contacts, by_ext_id=True)

    def _is_believed(self, row: Contact, contact: Contact, ext_id: ExtId) -> bool:
        """P4: a name or the e-mail agrees, or the create was ours."""
        return agrees(row, contact) or self.known.is_intended(row.id, ext_id)

    def by_intent(self, deleted: Iterable[Contact]) -> None:
        """An unconfirmed creation in Sage is found by its ``CT_No``, even if somebody has corrected its name since."""
        by_number = {c.number: c for c in self.sage100 if c.number} if self.known.intents else {}
        for contact in (*self.ssm, *deleted) if by_number else ():
            intent = self.known.creation_in_sage(contact.id)
            row = by_number.get(intent.sage100_no or 0) if intent else None
            if intent is None or row is None or len(self._free([row, contact])) < 2:  # noqa: PLR2004 - both of them
                continue
            has_names = any(intent.names) and row.name_key == tuple(normalise.name(name) for name in intent.names)
            if has_names or _shares_value(row, contact):
                self._pair(row, contact, Side.SSM)

    def by_name(self) -> None:
        """The name key, where exactly one contact without a link has it on each side."""
        in_sage100, in_ssm = self._by_name_key(self.sage100), self._by_name_key(self.ssm)
        for key in in_sage100.keys() & in_ssm.keys():
            rows, contacts = in_sage100[key], in_ssm[key]
            if len(rows) == len(contacts) == 1:
                self._pair(rows[0], contacts[0], self._origin(rows[0], contacts[0]))
            else:
                self._ambiguous(rows, contacts, by_ext_id=False)

    def _by_name_key(self, contacts: Iterable[Contact]) -> dict[tuple[str, str, str], list[Contact]]:
        groups: defaultdict[tuple[str, str, str], list[Contact]] = defaultdict(list)
        for contact in self._free(contacts):
            if contact.company and contact.values.get(LAST_NAME):
                groups[contact.match_key].append(contact)
        return groups

    def _origin(self, row: Contact, contact: Contact) -> Side:
        """P4: what an ``extId`` names, also that of a deleted row; else who was creating the contact; else Sage."""
        if ext_id := self.known.ext_id(contact):
            return ext_id.origin
        if self.known.creation_in_sage(contact.id):
            return Side.SSM
        return self.known.origins.get(row.id, Side.SAGE100)

    def orphans(self) -> None:
        """An ``extId`` of ours whose Sage row is gone and that matches nobody is left alone (P4)."""
        for contact in self._free(self.ssm):
            if ext_id := self.known.ext_id(contact):
                self._leave(Entry(contact.subject, OrphanExtId(str(ext_id))), contact)

    # --- what a step finds

    def _pair(self, row: Contact, contact: Contact, origin: Side) -> None:
        self._matches.append(Match(row, contact, origin))
        self._leave(None, row, contact)

    def _ambiguous(self, rows: Sequence[Contact], contacts: Sequence[Contact], *, by_ext_id: bool) -> None:
        """Several could be the same: nobody is touched (P4). One problem per contact; a single row shares them."""
        facts = AmbiguousMatch(tuple(c.named for c in rows), tuple(c.named for c in contacts), by_ext_id)
        only_row = rows[0] if len(rows) == 1 else None
        for contact in contacts:
            self._leave(Entry(subject_of(only_row, contact), facts), contact)
        for row in rows:
            self._leave(None if only_row else Entry(row.subject, facts), row)

    def _leave(self, problem: Entry | None, *contacts: Contact) -> None:
        """Take contacts out of the search."""
        self._problems += [problem] if problem else []
        self._taken |= {(contact.side, contact.id) for contact in contacts}


def agrees(one: Contact, two: Contact) -> bool:
    """Whether last name, first name or e-mail agree."""
    names = any(a and a == b for a, b in zip(one.name_key, two.name_key, strict=True))
    mail, other = (normalise.email(text_of(contact.values.get(EMAIL))) for contact in (one, two))
    return names or (mail is not None and mail == other)


def _shares_value(one: Contact, two: Contact) -> bool:
    """Whether something personal agrees: the same ``CT_No`` alone may have gone to somebody else's contact."""
    # A first name is enough within one company only: somebody may have moved the contact since.
    if normalise.company_code(one.company) == normalise.company_code(two.company) and agrees(one, two):
        return True
    impersonal = {COMPANY, FIRST_NAME, JOB_TITLE}
    values, others = (
        {normalise.name(v) for name, v in contact.values.items() if isinstance(v, str) and name not in impersonal}
        for contact in (one, two)
    )
    return not values.isdisjoint(others)
