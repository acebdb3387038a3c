"""What a run does about contacts without a link: match them, create them on the other side, or say why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.codecs import CannotHold
from sage100_ssm.sync.contacts.contact import Contact, ExtId, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY, NAMES, Direction, Field
from sage100_ssm.sync.contacts.mapping import REQUIRED
from sage100_ssm.sync.journal import (
    DuplicateInSage,
    Entry,
    Facts,
    ForeignExtId,
    OutOfScope,
    SleepReason,
    Subject,
    ValueUnknown,
)
from sage100_ssm.sync.model import Link, Side, ValuePair
from sage100_ssm.sync.planning import writes
from sage100_ssm.sync.planning.draft import Draft
from sage100_ssm.sync.planning.linked_contacts import decide_pair
from sage100_ssm.sync.planning.world import Unreadable
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.rules import links, matching
from sage100_ssm.sync.rules.merge import confirmed
from sage100_ssm.sync.rules.pair import LinkedPair

_AWAY_FROM = {Side.SAGE100: Direction.TO_SSM, Side.SSM: Direction.TO_SAGE100}


def plan_new_contacts(draft: Draft) -> None:
    """P4 before R3: contacts are matched before anything is created."""
    _delete_unconfirmed(draft)
    # P4: the `extId` of a deleted SSM row still names the origin of its Sage row.
    marks = (draft.world.marks.ours(c.ext_id) for c in draft.world.ssm.values() if c.deleted)
    origins = {ext_id.sage100_id: ext_id.origin for ext_id in marks if ext_id}
    found = _matching(draft, origins)
    draft.problem(*found.problems)
    for contact in found.out_of_scope:
        draft.problem(links.company_problem(contact, draft.companies) or _out_of_scope(draft, contact))
    # Those whose card was deleted last: their link may move to a card that is still free then (P5).
    for pair in sorted(found.matches, key=lambda match: match.ssm.deleted):
        if pair.sage100.id not in draft.displaced:  # its place in the state is free in the next run
            draft.match(pair)
            _link(draft, pair)
    left_out = {c.match_key for c in draft.world.sage100.values() if draft.companies.leaves_out_contact(c.row)}
    taken = draft.linked_ssm_ids | draft.held_ssm_ids
    for contact in sorted((c for c in found.remaining[Side.SSM] if c.id not in taken), key=lambda c: c.id):
        if contact.match_key in left_out:  # P13: Sage has the person already
            draft.problem(Entry(contact.subject, OutOfScope(SleepReason.LEFT_OUT)))
        else:
            _create_in_sage(draft, contact)
    for contact in found.remaining[Side.SAGE100]:
        _create_in_ssm(draft, contact, origins.get(contact.id, Side.SAGE100))


# --- P4, matching


def _matching(draft: Draft, origins: Mapping[int, Side]) -> matching.Matching:
    world, companies = draft.world, draft.companies
    sage100 = [
        c
        for c in world.sage100.values()
        if c.id not in draft.by_sage100_id and c.id not in draft.left_alone and companies.takes_part(c.company, c.row)
    ]
    passed = draft.linked_ssm_ids | draft.held_ssm_ids
    living = [c for c in world.ssm.values() if not c.deleted and c.id not in passed]
    ssm = [c for c in living if c.id not in draft.of_other_databases]
    others = [c for c in living if c.id in draft.of_other_databases]
    known = matching.Known(
        world.marks,
        draft.people,
        world.sage100,
        draft.by_sage100_id,
        origins,
        world.intents,
        world.decisions,
        world.policy.possible_duplicate,
        world.ssm,
        world.asked,
    )
    if world.unreadable != Unreadable():
        sage100, ssm = _without_doubtful(draft, sage100, ssm, known)
    # Contacts that were deleted in SSM while we were about to create them in Sage.
    sources = (world.ssm.get(i.source_id) for i in world.intents if i.side is Side.SAGE100)
    deleted = [c for c in sources if c and c.deleted and c.id not in draft.linked_ssm_ids]
    return matching.match(sage100, ssm, known, deleted, others)


def _without_doubtful(
    draft: Draft, sage100: Sequence[Contact], ssm: Sequence[Contact], known: matching.Known
) -> tuple[list[Contact], list[Contact]]:
    """The contacts without a link, but for those that may be one that cannot be understood, and who may be the same.

    They are neither matched nor created: a problem of each says so.
    """
    unreadable = draft.world.unreadable
    # By its `CT_No`, a contact that we created in Sage, unconfirmed, is known to be one that cannot be understood now.
    numbers = {i.sage100_no for i in known.intents if i.side is Side.SAGE100 and i.source_id in unreadable.ssm_ids}
    marks = {c.id: ext_id for c in ssm if (ext_id := known.marks.ours(c.ext_id))}
    held = {c.ref for c in sage100 if c.number in numbers or unreadable.may_be_in_ssm(c)}
    held |= {c.ref for c in ssm if c.id in marks and marks[c.id].sage100_id in unreadable.sage100_ids}
    held |= {c.ref for c in ssm if unreadable.may_be_in_sage100(c)}
    # Whoever may be the same as one of them waits with it: otherwise it would be created a second time.
    pairs = [{row.ref, contact.ref} for row, contact in matching.who_may_be_same(sage100, ssm, known)]
    while grown := {ref for pair in pairs if pair & held for ref in pair} - held:
        held |= grown
    doubtful = [c for c in (*sage100, *ssm) if c.ref in held]
    draft.problem(*(Entry(contact.subject, ValueUnknown("", side=None, is_opposite=True)) for contact in doubtful))
    return [c for c in sage100 if c.ref not in held], [c for c in ssm if c.ref not in held]


def _out_of_scope(draft: Draft, contact: Contact) -> Entry:
    """P13: the contact's Sage row belongs to no client any more, or the settings leave out that row or its company."""
    ext_id = draft.world.marks.ours(contact.ext_id)
    row = draft.world.sage100.get(ext_id.sage100_id) if ext_id else None
    left_out = draft.companies.is_left_out(row.company if row else contact.company)
    left_out |= row is not None and draft.companies.leaves_out_contact(row.row)
    reason = SleepReason.LEFT_OUT if left_out else SleepReason.NO_CLIENT
    return Entry(subject_of(row, contact), OutOfScope(reason))


def _delete_unconfirmed(draft: Draft) -> None:
    """R9: delete what we created in SSM, unconfirmed, if its Sage row was deleted before there was a link."""
    world = draft.world
    known = world.sage100.keys() | world.unreadable.sage100_ids | world.unreadable.named
    for intent in (i for i in world.intents if i.side is Side.SSM and i.source_id not in known):
        ext_id = world.marks.ours(intent.ext_id)
        found = [c for c in draft.live_by_ext_id.get(ext_id, ()) if c.id not in draft.linked_ssm_ids] if ext_id else []
        # Somebody may have copied it since, with its `extId`: the copy is not ours to delete.
        ours = [c for c in found if c.id == intent.target_id] or found
        if ext_id is None or len(ours) != 1:
            continue
        (contact,) = ours
        draft.linked_ssm_ids.add(contact.id)
        link = Link(
            ext_id.sage100_id,
            None,
            contact.id,
            contact.company or "",
            contact.full_name,
            ext_id.origin,
            intent.base,
        )
        decide_pair(draft, LinkedPair(draft.save(link), None, contact))


def _link(draft: Draft, pair: matching.Match) -> None:
    """P4: a pair that was found becomes a link, whose base is what both sides agree on."""
    row, contact, mapper = pair.sage100, pair.ssm, draft.mapper
    values = {f.name: ValuePair(row.values[f.name], contact.values[f.name]) for f in mapper.fields}
    agreed = {f.name for f in mapper.fields if mapper.is_equal(f, values[f.name].sage100, values[f.name].ssm)}
    link = Link(
        row.id,
        row.number,
        contact.id,
        row.company or "",
        row.full_name,
        pair.origin,
        {name: both for name, both in values.items() if name in agreed},
        row.stamp,
        contact.stamp,
        unconfirmed=draft.unconfirmed_bases(row, contact.id),
    )
    draft.notice(*_foreign(subject_of(row, contact), contact))
    draft.linked_ssm_ids.add(link.ssm_id)
    decide_pair(draft, LinkedPair(draft.save(confirmed(link, row, contact, mapper)), row, contact))


# --- R3, created on the other side


def _create_in_sage(draft: Draft, contact: Contact) -> None:
    """R3: a contact of an SSM company that exists in Sage (R4), under a name that is free there (P12)."""
    if draft.is_unconfirmed(Side.SAGE100, contact.id):
        return
    if problem := links.company_problem(contact, draft.companies):
        draft.problem(problem)
        return
    if not draft.companies.is_in_scope(contact.company):
        return
    load = _load(draft, contact, Side.SAGE100)
    if not load.is_complete:
        return
    company = draft.companies.stored_code(contact.company)
    if draft.companies.leaves_out_contact(load.values | {"CT_Num": company}):
        return  # P13: the row that it would get is one that the settings leave out
    name = (normalise.company_code(company), load.values["CT_Nom"], load.values.get("CT_Prenom") or "")
    if holder := draft.claim_name(name, contact.ref):
        draft.problem(Entry(contact.subject, DuplicateInSage(holder)))
        return
    values = load.values | {"CT_Num": company, "CT_No": draft.next_number()}
    foreign = _foreign(contact.subject, contact)
    draft.write(_creation(draft, contact, Side.SAGE100, Side.SSM, values, load, foreign))


def _create_in_ssm(draft: Draft, contact: Contact, origin: Side) -> None:
    """R3: a Sage contact whose company SSM has, once (P6)."""
    if draft.is_unconfirmed(Side.SSM, contact.id):
        return
    accounts = draft.companies.accounts_of(contact.company)
    if len(accounts) != 1:
        draft.wait_for_company(contact)
        return
    load = _load(draft, contact, Side.SSM)
    if not load.is_complete:
        return
    values = {name: value for name, value in load.values.items() if value is not None}
    ext_id = ExtId(origin, draft.world.database, contact.id)
    values |= {"accountId": accounts[0], "extId": draft.new_ext_id(str(ext_id))}
    creation = _creation(draft, contact, Side.SSM, origin, values, load)
    draft.write(replace(creation, follows=draft.displaced.get(contact.id)))


@dataclass(slots=True)
class _Load:
    """What a new contact takes over to the other side.

    Attributes:
        values: the side's own names and values.
        carried: the fields that the side can hold.
        notices: for the journal once the creation is done.
        is_complete: whether the side can hold both names (P7), and every field without which it creates no contact.
    """

    values: dict[str, Any] = default(default_factory=dict)
    carried: list[str] = default(default_factory=list)
    notices: list[Entry] = default(default_factory=list)
    is_complete: bool = True


def _load(draft: Draft, contact: Contact, target: Side) -> _Load:
    """P7: what the other side cannot hold is held back, field by field."""
    load = _Load()
    for field in draft.mapper.fields:
        # The names go along whichever way their changes go: without them a side takes no contact (R3).
        is_other_way = field.direction is _AWAY_FROM[target] and field.name not in NAMES
        if field.name == COMPANY or is_other_way:
            continue
        value = contact.values.get(field.name)
        carried = draft.mapper.carry(field, target, value, None)
        if isinstance(carried, CannotHold):
            draft.problem(_entry(draft, carried.facts, field, contact))
            load.is_complete &= field.name not in REQUIRED[target] and field.name not in NAMES
            continue
        load.values[field.name_on(target)] = carried
        load.carried.append(field.name)
        if target is Side.SAGE100 and (truncated := draft.mapper.truncated(field, value, carried)):
            load.notices.append(_entry(draft, truncated, field, contact))
    return load


def _creation(
    draft: Draft,
    contact: Contact,
    side: Side,
    origin: Side,
    values: Mapping[str, Any],
    load: _Load,
    notices: Sequence[Entry] = (),
) -> Write:
    return Write(
        side,
        Action.CREATE,
        contact.subject,
        values,
        changes=writes.creation_changes(side, values, draft.mapper),
        origin=origin,
        sage100=contact if side is Side.SSM else None,
        ssm=contact if side is Side.SAGE100 else None,
        carried=(*load.carried, COMPANY),
        notices=(*load.notices, *notices),
    )


def _entry(draft: Draft, facts: Facts, field: Field, contact: Contact) -> Entry:
    shown = draft.mapper.shown(field, contact.side, contact.values.get(field.name))
    sage100, ssm = (shown, None) if contact.side is Side.SAGE100 else (None, shown)
    return Entry(contact.subject, facts, field.name, sage100, ssm)


def _foreign(subject: Subject, ssm: Contact) -> list[Entry]:
    """The notice that the ``extId`` is another software's, if it is."""
    if ssm.ext_id is None or ExtId.parse(ssm.ext_id):
        return []
    return [Entry(subject, ForeignExtId(ssm.ext_id), ssm_value=ssm.ext_id)]
