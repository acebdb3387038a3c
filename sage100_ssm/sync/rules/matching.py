"""Which contacts without a link are the same person on both sides (P4)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.contact import Contact, ExtId, Marks, subject_of
from sage100_ssm.sync.contacts.fields import LAST_NAME
from sage100_ssm.sync.journal import AmbiguousMatch, DuplicateExtId, Entry, Facts, OrphanExtId, PossibleDuplicate
from sage100_ssm.sync.model import ContactRef, Intent, Link, Side
from sage100_ssm.sync.policy import PossibleDuplicates
from sage100_ssm.sync.rules.decisions import Decisions, Pair
from sage100_ssm.sync.rules.evidence import Evidence, People, Trait, typed_name, whole_names

LikelyPair = tuple[Contact, Contact, Evidence]
"""A Sage contact and an SSM contact that may be the same person, and what speaks for it."""

Partners = Mapping[ContactRef, Contact]
"""By a contact, the one opposite that is known to be the same person."""
_NOBODY: Partners = {}
_MOST_OF_ONE_PERSON = 2
"""How many contacts of a side one person is at most here: somebody's partner, and who may be that person as well."""


@dataclass(frozen=True, slots=True)
class Match:
    """A Sage contact and an SSM contact that are the same person.

    Attributes:
        sage100: the Sage contact.
        ssm: the SSM contact.
        origin: the side where that person was created.
        evidence: what shows that they are the same; empty where a person said so.
    """

    sage100: Contact
    ssm: Contact
    origin: Side
    evidence: tuple[Evidence, ...] = ()


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
        marks: which ``extId`` are ours.
        people: everybody who lives on both sides.
        sage100: every Sage contact that was read, by ``cbMarq``.
        links: the live links, by ``cbMarq``.
        origins: the origin that the ``extId`` of a deleted SSM row names, by ``cbMarq``.
        intents: the creates that were not confirmed.
        decisions: what people decided about pairs (P16).
        possible_duplicate: whether a person is asked about two contacts that are likely the same one.
        ssm: every SSM contact that is known, deleted ones included, by id.
        asked: the pairs about which a person is asked since an earlier run.
    """

    marks: Marks
    people: People
    sage100: Mapping[int, Contact]
    links: Mapping[int, Link]
    origins: Mapping[int, Side]
    intents: Sequence[Intent]
    decisions: Decisions = default(default_factory=Decisions)
    possible_duplicate: PossibleDuplicates = PossibleDuplicates.ASK
    ssm: Mapping[int, Contact] = default(default_factory=dict)
    asked: frozenset[Pair] = frozenset()

    def is_intended(self, sage100_id: int, ext_id: ExtId) -> bool:
        """Whether we were about to create that contact in SSM with that ``extId``."""
        wanted = (sage100_id, str(ext_id))
        return any(i.side is Side.SSM and (i.source_id, i.ext_id) == wanted for i in self.intents)

    def both(self, sage100_id: int, ssm_id: int) -> tuple[Contact, Contact] | None:
        """The two contacts of these ids, if both live and the second belongs to no other company database."""
        row, contact = self.sage100.get(sage100_id), self.ssm.get(ssm_id)
        if row is None or contact is None or contact.deleted or self.marks.other_database(contact.ext_id):
            return None
        return row, contact

    def keeps_apart(self, row: Contact, contact: Contact) -> bool:
        """P16: whether a person decided that the two are different, or is to decide again."""
        return self.decisions.keep_apart(row.id, contact.id)

    def creation_in_sage(self, ssm_id: int) -> Intent | None:
        """The unconfirmed creation of an SSM contact in Sage."""
        return next((i for i in self.intents if i.side is Side.SAGE100 and i.source_id == ssm_id), None)


def match(
    sage100: Iterable[Contact],
    ssm: Iterable[Contact],
    known: Known,
    deleted: Iterable[Contact] = (),
    others: Iterable[Contact] = (),
) -> Matching:
    """Match the contacts without a link (P4).

    Args:
        sage100: the Sage contacts in scope without a link.
        ssm: the live SSM contacts without a link.
        known: what matching may rely on.
        deleted: SSM contacts that were deleted since we were about to create them in Sage.
        others: live SSM contacts of another company database: who may be one of them is left alone (P15).
    """
    matcher = _Matcher(list(sage100), list(ssm), known)
    matcher.by_decision()
    matcher.by_ext_id()
    matcher.by_intent(deleted)
    matcher.leave_to_others(list(others))
    matcher.by_name()
    matcher.unanswered()
    matcher.doubted_ext_ids()
    matcher.possible_duplicates()
    matcher.orphans()
    return matcher.result()


def who_may_be_same(
    sage100: Iterable[Contact], ssm: Iterable[Contact], known: Known
) -> Iterator[tuple[Contact, Contact]]:
    """The pairs of contacts without a link that matching may find to be one person, or asks about.

    Args:
        sage100: the Sage contacts in scope without a link.
        ssm: the live SSM contacts without a link.
        known: what matching may rely on.
    """
    matcher = _Matcher(list(sage100), list(ssm), known)
    return (pair for pair in matcher.candidates() if not known.keeps_apart(*pair))


@dataclass(slots=True)
class _Matcher:
    """One matching under way. Its steps take contacts out of the search, each from what the one before left."""

    sage100: Sequence[Contact]
    ssm: Sequence[Contact]
    known: Known
    _matches: list[Match] = default(default_factory=list)
    _problems: list[Entry] = default(default_factory=list)
    _out_of_scope: list[Contact] = default(default_factory=list)
    _taken: set[ContactRef] = default(default_factory=set)
    _doubted: list[tuple[Contact, ExtId]] = default(default_factory=list)

    def result(self) -> Matching:
        """What came of it."""
        remaining = {Side.SAGE100: self._free(self.sage100), Side.SSM: self._free(self.ssm)}
        return Matching(self._matches, self._problems, self._out_of_scope, remaining)

    def _free(self, contacts: Iterable[Contact]) -> list[Contact]:
        return [contact for contact in contacts if not self._is_taken(contact)]

    def _is_taken(self, contact: Contact) -> bool:
        return contact.ref in self._taken

    def candidates(self) -> Iterator[tuple[Contact, Contact]]:
        """The pairs that the steps would look at, whatever came of each."""
        rows = {row.id: row for row in self.sage100}
        by_number = {row.number: row for row in self.sage100 if row.number}
        by_name = _by_name_key(self.sage100)
        for contact in self.ssm:
            ext_id, intent = self.known.marks.ours(contact.ext_id), self.known.creation_in_sage(contact.id)
            named = rows.get(ext_id.sage100_id) if ext_id else None
            created = by_number.get(intent.sage100_no or 0) if intent else None
            same_names = by_name.get(contact.match_key, ())
            yield from ((row, contact) for row in (named, created, *same_names) if row)
        if self.known.possible_duplicate is PossibleDuplicates.ASK:
            yield from ((row, contact) for row, contact, _ in self._likely_pairs(self.sage100, self.ssm))

    # --- the steps

    def by_decision(self) -> None:
        """P16: what a person said is the same contact."""
        rows, contacts = ({c.id: c for c in free} for free in (self._free(self.sage100), self._free(self.ssm)))
        for sage100_id, ssm_id in sorted(self.known.decisions.same):
            row, contact = rows.get(sage100_id), contacts.get(ssm_id)
            if row and contact and not (self._is_taken(row) or self._is_taken(contact)):
                self._pair(row, contact, self._origin(row, contact))

    def by_ext_id(self) -> None:
        """An ``extId`` of ours names the Sage row; one that is not believed counts for nothing."""
        claims: defaultdict[int, list[tuple[Contact, ExtId]]] = defaultdict(list)
        for contact in self._free(self.ssm):
            ext_id = self.known.marks.ours(contact.ext_id)
            if ext_id is None or ext_id.sage100_id not in self.known.sage100:
                continue
            if self._is_believed(self.known.sage100[ext_id.sage100_id], contact, ext_id):
                claims[ext_id.sage100_id].append((contact, ext_id))
            else:
                self._doubted.append((contact, ext_id))
        in_scope = {row.id for row in self._free(self.sage100)}
        for sage100_id, claimants in claims.items():
            row = self.known.sage100[sage100_id]
            contacts = [contact for contact, _ in claimants]
            if sage100_id in self.known.links:
                for contact, ext_id in claimants:
                    self._leave_as_copy(contact, ext_id)
            elif sage100_id not in in_scope:
                self._out_of_scope += contacts
                self._leave(None, *contacts)
            elif len(claimants) == 1:
                self._pair(row, contacts[0], claimants[0][1].origin, Evidence.EXT_ID, Evidence.NAME)
            else:
                self._ambiguous([row], contacts, by_ext_id=True)

    def _is_believed(self, row: Contact, contact: Contact, ext_id: ExtId) -> bool:
        """P4.1: names and e-mail show the same person, or the create was ours; unless a person said otherwise."""
        if self.known.keeps_apart(row, contact):
            return False
        return self.known.people.is_same_person(row, contact) or self.known.is_intended(row.id, ext_id)

    def by_intent(self, deleted: Iterable[Contact]) -> None:
        """An unconfirmed creation in Sage is found by its ``CT_No``, even if somebody has corrected its name since."""
        rows = self.known.sage100.values() if self.known.intents else ()
        by_number = {row.number: row for row in rows if row.number}
        in_scope = {row.id for row in self.sage100}
        for contact in (*self.ssm, *deleted) if by_number else ():
            intent = self.known.creation_in_sage(contact.id)
            row = by_number.get(intent.sage100_no or 0) if intent else None
            if intent is None or row is None or self._is_taken(row) or self._is_taken(contact):
                continue
            if row.id in self.known.links or not self._is_created(intent, row, contact):
                continue
            if row.id in in_scope:
                self._pair(row, contact, Side.SSM)
            elif not contact.deleted:
                # P13: its company, or the row itself, has left the scope since.
                self._out_of_scope.append(contact)
                self._leave(None, contact)

    def _is_created(self, intent: Intent, row: Contact, contact: Contact) -> bool:
        """Whether a row with the ``CT_No`` of a creation is what came of it, and not somebody else's contact."""
        return row.is_named(*intent.names) or self._shares_trait(row, contact)

    def _shares_trait(self, row: Contact, contact: Contact) -> bool:
        """Whether something personal agrees: the same ``CT_No`` alone may have gone to somebody else's contact."""
        people = self.known.people
        # Somebody may have corrected the last name since, or moved the contact.
        first, other_first = row.name_key[1], contact.name_key[1]
        same_company = normalise.company_code(row.company) == normalise.company_code(contact.company)
        shared = set(people.traits(row)) & set(people.traits(contact))
        if any(people.is_own(trait, row, contact) for trait in shared):
            return True
        if first and other_first:
            return same_company and first == other_first
        # Or cleared the first name: then the last name and one more thing must agree, which a copy may have, too.
        return len(shared) > 1

    def leave_to_others(self, others: Sequence[Contact]) -> None:
        """P15: a Sage contact that may be one that belongs to another company database is left alone, too.

        Where a contact that belongs to nobody may be that Sage contact as well, a person is asked about the two.
        """
        if not others:
            return
        left = {row.id: row for row, _, _ in self._may_be_same(self._free(self.sage100), others)}
        unmarked = [c for c in self._free(self.ssm) if self.known.marks.ours(c.ext_id) is None]
        self._ask(self._may_be_same(list(left.values()), unmarked))
        self._leave(None, *left.values())

    def by_name(self) -> None:
        """P4.2: the name key, where exactly one contact without a link has it on each side."""
        in_sage100, in_ssm = _by_name_key(self._free(self.sage100)), _by_name_key(self._free(self.ssm))
        for key in (key for key in in_sage100 if key in in_ssm):
            for rows, contacts in self._who_may_be_same(in_sage100[key], in_ssm[key]):
                self._namesakes(rows, contacts)

    def _who_may_be_same(
        self, rows: Sequence[Contact], contacts: Sequence[Contact]
    ) -> list[tuple[Sequence[Contact], Sequence[Contact]]]:
        """Namesakes, parted where a person said that some are different."""
        if not (self.known.decisions.different or self.known.decisions.separated):
            return [(rows, contacts)]
        return [*_components((row, c) for row in rows for c in contacts if not self.known.keeps_apart(row, c))]

    def _namesakes(self, rows: Sequence[Contact], contacts: Sequence[Contact]) -> None:
        """Contacts of one name: those that share a mobile or an e-mail with exactly one opposite are matched by it."""
        if len(rows) == len(contacts) == 1:
            self._pair(rows[0], contacts[0], self._origin(rows[0], contacts[0]), Evidence.NAME)
            return
        for kind in (Evidence.MOBILE, Evidence.EMAIL):
            for row, contact in self._sharing(self._free(rows), self._free(contacts), kind):
                self._pair(row, contact, self._origin(row, contact), Evidence.NAME, kind)
        rows, contacts = self._free(rows), self._free(contacts)
        if rows and contacts:
            self._ambiguous(rows, contacts, by_ext_id=False)

    def _sharing(
        self, rows: Sequence[Contact], contacts: Sequence[Contact], kind: Evidence
    ) -> Iterator[tuple[Contact, Contact]]:
        """The pairs in which each shares its e-mail, or mobile number, with exactly one contact opposite."""
        holders: defaultdict[Trait, tuple[list[Contact], list[Contact]]] = defaultdict(lambda: ([], []))
        for index, side in enumerate((rows, contacts)):
            for contact in side:
                for trait in self.known.people.traits(contact):
                    if trait[0] is kind:
                        holders[trait][index].append(contact)
        for in_sage100, in_ssm in holders.values():
            if len(in_sage100) == len(in_ssm) == 1 and not self.known.keeps_apart(in_sage100[0], in_ssm[0]):
                yield in_sage100[0], in_ssm[0]

    def _origin(self, row: Contact, contact: Contact) -> Side:
        """P4: what an ``extId`` names, also that of a deleted row; else who was creating the contact; else Sage."""
        ext_id = self.known.marks.ours(contact.ext_id)
        # One that names another row, which lives, is not believed and says nothing of this one.
        if ext_id and (ext_id.sage100_id == row.id or ext_id.sage100_id not in self.known.sage100):
            return ext_id.origin
        if self.known.creation_in_sage(contact.id):
            return Side.SSM
        return self.known.origins.get(row.id, Side.SAGE100)

    def unanswered(self) -> None:
        """P4.3, P16: that two contacts are the same answers nothing about others who may be that person, too.

        Those about whom a person is asked, or would have been, wait for an answer of their own.
        """
        self._ask([*self._beside_matched(), *self._beside_decided(), *self._separated_by_half()])

    def _beside_matched(self) -> Iterator[LikelyPair]:
        """Who is likely the same as a contact that this run has matched with somebody else."""
        same = self.known.decisions.same
        matched = [m for m in self._matches if Pair(m.sage100.id, m.ssm.id) not in same]
        for likely in (
            self._likely_pairs([m.sage100 for m in matched], self._free(self.ssm)),
            self._likely_pairs(self._free(self.sage100), [m.ssm for m in matched]),
        ):
            yield from likely

    def _beside_decided(self) -> Iterator[LikelyPair]:
        """Who may be the same as a contact of whom a person said who it is; and who is asked about since a link."""
        same, asked = self.known.decisions.same, self.known.asked
        both = [(m.sage100, m.ssm) for m in self._matches if Pair(m.sage100.id, m.ssm.id) in same]
        both += self._linked(same | asked)
        partners = {row.ref: contact for row, contact in both} | {contact.ref: row for row, contact in both}
        decided = {ContactRef(Side.SAGE100, pair.sage100_id) for pair in same}
        decided |= {ContactRef(Side.SSM, pair.ssm_id) for pair in same}
        for pairs in (
            self._may_be_same([row for row, _ in both], self._free(self.ssm), partners),
            self._may_be_same(self._free(self.sage100), [contact for _, contact in both], partners),
        ):
            for row, contact, kind in pairs:
                is_decided = row.ref in decided or contact.ref in decided
                if is_decided or Pair(row.id, contact.id) in asked:
                    yield row, contact, kind

    def _separated_by_half(self) -> Iterator[LikelyPair]:
        """The pairs about which a person took an answer back, and of which one contact has another partner since."""
        free = {contact.ref for side in (self.sage100, self.ssm) for contact in self._free(side)}
        for pair in sorted(self.known.decisions.separated):
            both = self.known.both(*pair)
            if both and (both[0].ref in free) != (both[1].ref in free):
                yield *both, Evidence.SEPARATED

    def _linked(self, pairs: Collection[Pair]) -> list[tuple[Contact, Contact]]:
        """The linked contacts that live and of which one is in one of these pairs."""
        if not pairs:
            return []
        rows, contacts = ({pair[index] for pair in pairs} for index in (0, 1))
        links = [k for k in self.known.links.values() if k.sage100_id in rows or k.ssm_id in contacts]
        return [both for link in links if (both := self.known.both(link.sage100_id, link.ssm_id))]

    def doubted_ext_ids(self) -> None:
        """P4.1: an ``extId`` that is not believed, where the names find no partner either: nobody is touched."""
        for contact, ext_id in self._doubted:
            row = self.known.sage100[ext_id.sage100_id]
            if self._is_taken(contact) or self.known.keeps_apart(row, contact):
                continue
            if row.id in self.known.links or self._is_matched(row):
                self._leave_as_copy(contact, ext_id)
            else:
                self._ambiguous([row], [contact], by_ext_id=True)

    def _is_matched(self, row: Contact) -> bool:
        return any(match.sage100.id == row.id for match in self._matches)

    def possible_duplicates(self) -> None:
        """P4.3: contacts of one company that are likely the same person wait until a person decides (P16)."""
        rows, contacts = ({c.id: c for c in self._free(side)} for side in (self.sage100, self.ssm))
        found = [
            (rows[pair.sage100_id], contacts[pair.ssm_id], Evidence.SEPARATED)
            for pair in sorted(self.known.decisions.separated)
            if pair.sage100_id in rows and pair.ssm_id in contacts
        ]
        self._ask([*found, *self._likely_pairs(rows.values(), contacts.values())])

    def _may_be_same(
        self, sage100: Sequence[Contact], ssm: Sequence[Contact], partners: Partners = _NOBODY
    ) -> Iterator[LikelyPair]:
        """The pairs of one company that have one name or are likely the same person, with what speaks for it."""
        namesakes = _by_name_key(ssm)
        for row in sage100:
            same_names = (c for c in namesakes.get(row.match_key, ()) if not self.known.keeps_apart(row, c))
            yield from ((row, contact, Evidence.NAME) for contact in same_names)
        yield from self._likely_pairs(sage100, ssm, partners)

    def _ask(self, found: Iterable[LikelyPair]) -> None:
        """Hold contacts that may be the same person, until a person says so or otherwise."""
        asks = self.known.possible_duplicate is PossibleDuplicates.ASK
        asked = [each for each in found if asks or each[2] in (Evidence.NAME, Evidence.SEPARATED)]
        evidence: defaultdict[Pair, dict[Evidence, None]] = defaultdict(dict)
        for row, contact, kind in asked:
            evidence[Pair(row.id, contact.id)][kind] = None
        for in_sage100, in_ssm in _components((row, contact) for row, contact, _ in asked):
            pairs = (Pair(row.id, contact.id) for row in in_sage100 for contact in in_ssm)
            kinds = dict.fromkeys(kind for pair in pairs for kind in evidence.get(pair, ()))
            if Evidence.NAME in kinds:
                self._ambiguous(in_sage100, in_ssm, by_ext_id=False)
                continue
            facts = PossibleDuplicate(tuple(c.named for c in in_sage100), tuple(c.named for c in in_ssm), tuple(kinds))
            self._hold(in_sage100, in_ssm, facts)

    def _likely_pairs(
        self, sage100: Iterable[Contact], ssm: Iterable[Contact], partners: Partners = _NOBODY
    ) -> Iterator[LikelyPair]:
        """The pairs of one company that are likely the same person, with what speaks for it.

        Those whom a person keeps apart are left out (P16).

        Args:
            sage100: the Sage contacts.
            ssm: the SSM contacts.
            partners: who is known to be the same person as one of them: what the two share is still a person's own.
        """
        likely = self._look_alikes(sage100, ssm, partners)
        return (each for each in likely if not self.known.keeps_apart(each[0], each[1]))

    def _look_alikes(
        self, sage100: Iterable[Contact], ssm: Iterable[Contact], partners: Partners
    ) -> Iterator[LikelyPair]:
        people = self.known.people
        rows, contacts = _by_company(sage100), _by_company(ssm)
        for company in (company for company in rows if company in contacts):
            by_trait, by_whole, by_typed = _indexed(people, contacts[company])
            for row in rows[company]:
                for trait in people.traits(row):
                    sharing = by_trait.get(trait, ())
                    # What many have is nobody's own: in a company of thousands one mailbox makes millions of pairs.
                    for contact in sharing if len(sharing) <= _MOST_OF_ONE_PERSON else ():
                        known = [partners[c.ref] for c in (row, contact) if c.ref in partners]
                        if people.is_own(trait, row, contact, *known) and _speaks(trait, row, contact):
                            yield row, contact, trait[0]
                found = [c for trait in whole_names(row) for c in by_typed.get(trait, ())]
                if typed := typed_name(row):
                    found += by_whole.get(typed, ())
                yield from ((row, contact, _swapped_or_joined(row, contact)) for contact in found)

    def orphans(self) -> None:
        """An ``extId`` of ours whose Sage row is gone and that matches nobody is left alone (P4)."""
        for contact in self._free(self.ssm):
            ext_id = self.known.marks.ours(contact.ext_id)
            if ext_id and ext_id.sage100_id not in self.known.sage100:
                self._leave(Entry(contact.subject, OrphanExtId(contact.ext_id or "")), contact)

    # --- what a step finds

    def _pair(self, row: Contact, contact: Contact, origin: Side, *evidence: Evidence) -> None:
        self._matches.append(Match(row, contact, origin, evidence))
        self._leave(None, row, contact)

    def _ambiguous(self, rows: Sequence[Contact], contacts: Sequence[Contact], *, by_ext_id: bool) -> None:
        """Several could be the same: nobody is touched (P4)."""
        facts = AmbiguousMatch(tuple(c.named for c in rows), tuple(c.named for c in contacts), by_ext_id)
        self._hold(rows, contacts, facts)

    def _hold(self, rows: Sequence[Contact], contacts: Sequence[Contact], facts: Facts) -> None:
        """Nobody is touched until a person decides: one problem per contact; a single row shares them."""
        only_row = rows[0] if len(rows) == 1 else None
        for contact in contacts:
            self._leave(Entry(subject_of(only_row, contact), facts), contact)
        for row in rows:
            self._leave(None if only_row else Entry(row.subject, facts), row)

    def _leave_as_copy(self, contact: Contact, ext_id: ExtId) -> None:
        """A live contact with the ``extId`` of one that is linked is left alone."""
        if link := self.known.links.get(ext_id.sage100_id):
            linked_id = link.ssm_id
        else:
            linked_id = next(m.ssm.id for m in self._matches if m.sage100.id == ext_id.sage100_id)
        self._leave(Entry(contact.subject, DuplicateExtId(contact.ext_id or "", linked_id)), contact)

    def _leave(self, problem: Entry | None, *contacts: Contact) -> None:
        """Take contacts out of the search."""
        self._problems += [problem] if problem else []
        self._taken |= {contact.ref for contact in contacts}


def _components(pairs: Iterable[tuple[Contact, Contact]]) -> list[tuple[list[Contact], list[Contact]]]:
    """The groups of contacts that pairs hang together, each with its Sage contacts and its SSM contacts."""
    groups: dict[ContactRef, dict[ContactRef, Contact]] = {}
    for pair in pairs:
        one, two = (groups.setdefault(contact.ref, {contact.ref: contact}) for contact in pair)
        if one is not two:
            one |= two
            groups.update(dict.fromkeys(two, one))
    distinct = {id(group): group for group in groups.values()}
    return [
        ([c for c in group.values() if c.side is Side.SAGE100], [c for c in group.values() if c.side is Side.SSM])
        for group in distinct.values()
    ]


def _by_name_key(contacts: Iterable[Contact]) -> dict[tuple[str, str, str], list[Contact]]:
    groups: defaultdict[tuple[str, str, str], list[Contact]] = defaultdict(list)
    for contact in contacts:
        if contact.company and contact.values.get(LAST_NAME):
            groups[contact.match_key].append(contact)
    return groups


def _by_company(contacts: Iterable[Contact]) -> dict[str, list[Contact]]:
    members: defaultdict[str, list[Contact]] = defaultdict(list)
    for contact in contacts:
        if contact.company:
            members[normalise.company_code(contact.company)].append(contact)
    return members


_ByTrait = Mapping[Trait, Sequence[Contact]]


def _indexed(people: People, contacts: Iterable[Contact]) -> tuple[_ByTrait, _ByTrait, _ByTrait]:
    """Contacts by their traits, by the other ways to type their names, and by their names as typed."""
    by_trait: defaultdict[Trait, list[Contact]] = defaultdict(list)
    by_whole: defaultdict[Trait, list[Contact]] = defaultdict(list)
    by_typed: defaultdict[Trait, list[Contact]] = defaultdict(list)
    for contact in contacts:
        for trait in people.traits(contact):
            by_trait[trait].append(contact)
        for trait in whole_names(contact):
            by_whole[trait].append(contact)
        if typed := typed_name(contact):
            by_typed[typed].append(contact)
    return by_trait, by_whole, by_typed


def _speaks(trait: Trait, row: Contact, contact: Contact) -> bool:
    """Whether a trait that both have speaks for one person: a last name does where a first name is missing."""
    return trait[0] is not Evidence.NO_FIRST_NAME or not (row.name_key[1] and contact.name_key[1])


def _swapped_or_joined(row: Contact, contact: Contact) -> Evidence:
    return Evidence.SWAPPED if all((*row.name_key, *contact.name_key)) else Evidence.ONE_FIELD
