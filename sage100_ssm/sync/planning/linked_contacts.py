"""What a run does about contacts that are linked: merge them, delete them, restore them, let them sleep."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.codecs import CannotHold
from sage100_ssm.sync.contacts.contact import Contact, ExtId, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY, FIRST_NAME, LAST_NAME
from sage100_ssm.sync.contacts.mapping import REQUIRED, Mapper
from sage100_ssm.sync.journal import (
    AmbiguousMatch,
    Code,
    DeletionOverrodeEdit,
    DeletionRefused,
    DuplicateInSage,
    Entry,
    NotVisibleInSsm,
    OlderStamp,
    OutOfScope,
    SleepReason,
)
from sage100_ssm.sync.model import Link, LinkStatus, Occasion, Side, ValuePair
from sage100_ssm.sync.planning import writes
from sage100_ssm.sync.planning.draft import Draft, name_in_sage
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.rules import links
from sage100_ssm.sync.rules.decisions import Pair
from sage100_ssm.sync.rules.merge import Merged, changed_sides, confirmed, merge
from sage100_ssm.sync.rules.pair import LinkedPair, ShownPair
from sage100_ssm.sync.rules.undo import not_typed_again, undone


def plan_link(draft: Draft, link: Link) -> None:
    """Find both contacts of a link and decide about it; what an incomplete read did not show is not gone (P10)."""
    world = draft.world
    sage100 = links.same_in_sage(link, world.sage100, draft.sage100_by_number, draft.linked_identities)
    # P15: a contact that belongs to another company database is left alone on both sides.
    if _is_unreadable(draft, link, sage100) or link.ssm_id in draft.of_other_databases:
        draft.left_alone |= {sage100.id} if sage100 else set()
        return
    if draft.world.decisions.keep_apart(link.sage100_id, link.ssm_id):
        draft.part(link)
        return
    ssm = world.ssm.get(link.ssm_id)
    if (sage100 is None and not world.complete[Side.SAGE100]) or (ssm is None and not world.complete[Side.SSM]):
        return
    if sage100 is None and (row := world.sage100.get(link.sage100_id)) and links.is_replacement(link, row):
        draft.count_edits(row.subject, (), is_outdated=True)
    if sage100 and (sage100.id, sage100.number) != (link.sage100_id, link.sage100_no):
        draft.forget_place(link)
        created = sage100.row.get("cbCreation")
        moved = replace(link, sage100_id=sage100.id, sage100_no=sage100.number, sage100_created=created)
        link = draft.save(moved, link)
    decide_pair(draft, LinkedPair(draft.save(confirmed(link, sage100, ssm, draft.mapper), link), sage100, ssm))


def _is_unreadable(draft: Draft, link: Link, sage100: Contact | None) -> bool:
    """Whether a row that cannot be understood is a contact of the link, or may be its Sage contact."""
    unreadable = draft.world.unreadable
    if link.ssm_id in unreadable.ssm_ids or link.sage100_id in unreadable.sage100_ids:
        return True
    ssm = draft.world.ssm.get(link.ssm_id)
    may_be = link.sage100_no in unreadable.sage100_numbers or (ssm is not None and unreadable.may_be_in_sage100(ssm))
    return sage100 is None and may_be


def decide_pair(draft: Draft, pair: LinkedPair) -> None:
    """P13 goes before R7-R9: while a link sleeps no deletion is derived."""
    link, sage100, ssm = pair.link, pair.sage100, pair.ssm
    reason = links.sleep_reason(pair, draft.companies)
    if reason or ssm is None:
        _put_to_sleep(draft, pair, reason or SleepReason.NOT_VISIBLE)
        return
    fate = links.fate_of_deleted(link, sage100, ssm, draft.mapper, draft.world.policy)
    if fate and sage100 and draft.world.unreadable.may_be_in_ssm(sage100):
        return  # perhaps it lives in SSM as a contact that cannot be understood
    if _is_typed_again(draft, link, fate, sage100, ssm):
        return
    if fate and _may_act_on(draft, fate):
        _deleted_on_one_side(draft, link, fate, sage100, ssm)
    elif sage100 and not fate:
        _both_live(draft, _shown(draft, _awake(draft, link), sage100, ssm))


def _is_typed_again(draft: Draft, link: Link, fate: links.Fate | None, sage100: Contact | None, ssm: Contact) -> bool:
    """P14: before a deletion is carried over, who was deleted and typed again takes the link; nothing is deleted."""
    # What was created a moment ago, unconfirmed, holds nothing that the map does not carry.
    if link.id is None:
        return False
    # P10: an incomplete read yields no match; the deletion waits, too, where there is somebody who could be the match.
    complete = all(draft.world.complete.values())
    if fate is links.Fate.DELETE_IN_SSM:
        candidates = _successors_in_sage(draft, link, ssm)
        return _move_to_successor_in_sage(draft, link, ssm, candidates) if complete else bool(candidates)
    if fate is links.Fate.DELETE_IN_SAGE and sage100:
        pair = _shown(draft, link, sage100, ssm)
        if complete:
            return _goes_on_in_ssm(draft, pair)
        claimants = _claimants(draft, pair)
        return bool(claimants or _successor_in_ssm(draft, pair, claimants))
    return False


def _may_act_on(draft: Draft, fate: links.Fate) -> bool:
    """P9, P10: whether the fate may be acted upon.

    An incomplete read yields no deletion and no match; a run that first sees changed settings yields no deletion.
    """
    complete = draft.world.complete
    if not draft.world.may_delete and fate in (links.Fate.DELETE_IN_SAGE, links.Fate.DELETE_IN_SSM):
        return False
    match fate:
        case links.Fate.RESTORE_IN_SSM:
            return all(complete.values())
        case links.Fate.DELETE_IN_SAGE | links.Fate.LEAVE_DELETED_IN_SSM:
            return complete[Side.SSM]
    return True


def _shown(draft: Draft, link: Link, sage100: Contact, ssm: Contact) -> ShownPair:
    disputed = (draft.world.disputed.get((c.side, c.id), frozenset()) for c in (sage100, ssm))
    decided = draft.world.decisions.values.get(Pair(sage100.id, ssm.id), {})
    return ShownPair(link, sage100, ssm, frozenset().union(*disputed), draft.world.refused, decided)


# --- asleep, awake


def _put_to_sleep(draft: Draft, pair: LinkedPair, reason: SleepReason) -> None:
    """P10, P13: nothing is written while the reason lasts."""
    complete = draft.world.complete
    with_account = reason is SleepReason.WENT_WITH_ACCOUNT
    # P5: somebody may have typed again the contact that went with its account; then the link moves there.
    if with_account and all(complete.values()) and pair.sage100 and pair.ssm:
        shown = _shown(draft, pair.link, pair.sage100, pair.ssm)
        if _goes_on_in_ssm(draft, shown):
            return
    # P10: a read of Sage that broke off may not have come to the company.
    if reason is SleepReason.NO_CLIENT and not complete[Side.SAGE100]:
        return
    facts = NotVisibleInSsm() if reason is SleepReason.NOT_VISIBLE else OutOfScope(reason)
    draft.save(replace(pair.link, status=LinkStatus.ASLEEP, reason=facts.code), pair.link)
    draft.problem(Entry(pair.subject, facts))


def _awake(draft: Draft, link: Link) -> Link:
    return draft.save(_woken(link), link)


def _woken(link: Link) -> Link:
    if link.status is LinkStatus.ACTIVE and link.reason is None:
        return link
    return replace(link, status=LinkStatus.ACTIVE, reason=None)


# --- deleted on one side


def _deleted_on_one_side(draft: Draft, link: Link, fate: links.Fate, sage100: Contact | None, ssm: Contact) -> None:
    if sage100 is None:
        # R9: gone from Sage; if SSM shows it as deleted, too, the link has nothing left to link.
        if fate is links.Fate.END:
            draft.forget_place(draft.save(replace(link, status=LinkStatus.ENDED, reason=None), link))
        else:
            awake = _awake(draft, link)
            _delete_in_ssm(draft, awake, ssm)
            draft.displace(awake)
        return
    match fate:
        case links.Fate.DELETE_IN_SAGE:
            draft.write(writes.deletion(_awake(draft, link), sage100, ssm, draft.mapper))
            draft.free_name(sage100)
        case links.Fate.LEAVE_DELETED_IN_SSM:
            # P5 `leave`: the link sleeps until the contact is deleted in Sage too; reported once.
            asleep = replace(link, status=LinkStatus.ASLEEP, reason=Code.DELETION_REFUSED)
            if asleep != link:
                draft.notice(_refused(link, sage100, ssm))
            draft.save(asleep, link)
        case _:  # RESTORE_IN_SSM
            pair = _shown(draft, _awake(draft, link), sage100, ssm)
            _restore(draft, pair, _refused(link, sage100, ssm))


def _successors_in_sage(draft: Draft, link: Link, ssm: Contact) -> list[Contact]:
    """P14: the Sage contacts without a link that have the names of the deleted one."""
    names = {ssm.name_key, links.names_in_base(link)}
    companies = {normalise.company_code(link.company), *_companies(ssm)}
    namesakes = [
        row for company in companies for key in names for row in draft.unlinked_by_name.get((company, *key), ())
    ]
    return [row for row in namesakes if not draft.world.decisions.keep_apart(row.id, ssm.id)]


def _move_to_successor_in_sage(draft: Draft, link: Link, ssm: Contact, candidates: Sequence[Contact]) -> bool:
    """P14: before R9, the only Sage contact without a link that has the names of the deleted one takes the link.

    The SSM contact goes on with all that the field map does not have: comments, owner, visits.
    """
    if len(candidates) != 1:
        return False
    (row,) = candidates
    moved = replace(
        _woken(link),
        sage100_id=row.id,
        sage100_no=row.number,
        base={},
        sage100_stamp=None,
        sage100_created=None,
        unmapped_digest=None,
    )
    draft.forget_place(link)
    moved = draft.save(confirmed(moved, row, ssm, draft.mapper), link)
    draft.unlinked_by_name[row.match_key].remove(row)
    _both_live(draft, _shown(draft, moved, row, ssm))
    return True


def _refused(link: Link, sage100: Contact, ssm: Contact) -> Entry:
    return Entry(subject_of(sage100, ssm), DeletionRefused(link.origin, links.deleted_by(ssm)))


def _delete_in_ssm(draft: Draft, link: Link, ssm: Contact) -> None:
    """R9; P2: what somebody edited in SSM since is kept in the journal."""
    write = writes.deletion(link, ssm, None, draft.mapper)
    draft.write(replace(write, notices=tuple(_lost_edits(write, link, ssm, draft.mapper))))


def _lost_edits(write: Write, link: Link, ssm: Contact, mapper: Mapper) -> Iterator[Entry]:
    for field in mapper.fields:
        base, value = link.base.get(field.name, ValuePair(None, None)), ssm.values.get(field.name)
        if not mapper.is_unknown(field, Side.SSM, value) and not mapper.is_unchanged(field, Side.SSM, value, base.ssm):
            before, lost = mapper.shown(field, Side.SAGE100, base.sage100), mapper.shown(field, Side.SSM, value)
            yield Entry(write.subject, DeletionOverrodeEdit(), field.name, before, lost)


# --- restored in SSM


def _restore(draft: Draft, pair: ShownPair, refused: Entry) -> None:
    """P5: the link moves to a live contact that is the same person, or the contact is created again."""
    if _goes_on_in_ssm(draft, pair, refused):
        return
    accounts = draft.companies.accounts_of(pair.sage100.company)
    if len(accounts) != 1:
        draft.wait_for_company(pair.sage100)
        return
    merged = list(merge(pair, draft.mapper, draft.world.policy))
    draft.problem(*(m.problem for m in merged))
    to_sage = _with_free_names(draft, pair, [m for m in merged if m.to is Side.SAGE100])
    draft.write(
        writes.update(Side.SAGE100, pair, to_sage, draft.mapper),
        _second_creation(draft, pair, merged, accounts[0], refused),
    )


def _goes_on_in_ssm(draft: Draft, pair: ShownPair, *notices: Entry) -> bool:
    """P5, P14: move the link from a deleted SSM contact to the live one that is the same person, if there is one.

    A live contact with the link's ``extId`` that is not believed to be that person waits, with the link, for a person
    to decide (P16): nobody else knows which of the two the deletion meant.

    Args:
        draft: the plan in the making.
        pair: the Sage contact and the deleted SSM contact.
        notices: what the journal says if the link moves.

    Returns:
        Whether nothing else is to be done about the deletion in this run.
    """
    claimants = _claimants(draft, pair)
    if successor := _successor_in_ssm(draft, pair, claimants):
        draft.notice(*notices)
        _move_in_ssm(draft, pair, successor)
        return True
    facts = AmbiguousMatch((pair.sage100.named,), tuple(c.named for c in claimants), by_ext_id=True)
    draft.problem(*(Entry(subject_of(pair.sage100, claimant), facts) for claimant in claimants))
    draft.held_ssm_ids |= {claimant.id for claimant in claimants}
    return bool(claimants)


def _claimants(draft: Draft, pair: ShownPair) -> list[Contact]:
    """The live SSM contacts without a link that have the link's ``extId`` and are not known to be somebody else."""
    row = pair.sage100
    wanted = ExtId(pair.link.origin, draft.world.database, row.id)
    unlinked = (c for c in draft.live_by_ext_id.get(wanted, ()) if c.id not in draft.linked_ssm_ids)
    return [c for c in unlinked if not draft.world.decisions.keep_apart(row.id, c.id)]


def _successor_in_ssm(draft: Draft, pair: ShownPair, claimants: Sequence[Contact]) -> Contact | None:
    """The live SSM contact without a link that is the deleted one typed again.

    That is the one that a person named, the only one with the ``extId`` that passes the test of P4.1, or else the only
    namesake.
    """
    row, gone = pair.sage100, pair.ssm
    keys = {(company, *names) for company in _companies(row, gone) for names in (row.name_key, gone.name_key)}
    named = (c for key in keys for c in draft.live_by_name.get(key, ()) if c.id not in draft.linked_ssm_ids)
    # Whom an earlier run may have created in Sage is somebody of its own.
    created = {intent.source_id for intent in draft.world.intents if intent.side is Side.SAGE100}
    namesakes = [c for c in named if c.id not in created and not draft.world.decisions.keep_apart(row.id, c.id)]
    marked = [c for c in claimants if draft.people.is_same_person(row, c)]
    named_by_person = [c for c in (*claimants, *namesakes) if Pair(row.id, c.id) in draft.world.decisions.same]
    candidates = {c.id: c for c in named_by_person or marked or namesakes}
    return next(iter(candidates.values())) if len(candidates) == 1 else None


def _move_in_ssm(draft: Draft, pair: ShownPair, successor: Contact) -> None:
    draft.linked_ssm_ids.add(successor.id)
    unconfirmed = draft.unconfirmed_bases(pair.sage100, successor.id)
    moved = replace(_woken(pair.link), ssm_id=successor.id, base={}, ssm_stamp=None, unconfirmed=unconfirmed)
    moved = draft.save(confirmed(moved, pair.sage100, successor, draft.mapper), pair.link)
    _both_live(draft, _shown(draft, moved, pair.sage100, successor))


def _companies(*contacts: Contact) -> set[str]:
    """The companies of contacts, as they are compared: an account or client may have become another one (P14)."""
    return {normalise.company_code(contact.company) for contact in contacts}


def _second_creation(draft: Draft, pair: ShownPair, merged: Sequence[Merged], account: int, refused: Entry) -> Write:
    """P5: the same ``extId``, the merged fields, and all else that the deleted row still shows."""
    link, sage100, ssm = pair.link, pair.sage100, pair.ssm
    to_ssm = [m for m in merged if m.to is Side.SSM]
    values = writes.restorable_values(ssm.row) | {m.field.ssm: m.value for m in to_ssm}
    for field in draft.mapper.fields:
        if field.name in REQUIRED[Side.SSM] and not values.get(field.ssm):
            carried = draft.mapper.carry(field, Side.SSM, sage100.values.get(field.name), None)
            values[field.ssm] = None if isinstance(carried, CannotHold) else carried

    wanted = ExtId(link.origin, draft.world.database, sage100.id)
    ext_id = draft.world.marks.to_write(ssm.ext_id, wanted) or ssm.ext_id
    values |= {"accountId": account, "extId": draft.new_ext_id(ext_id)}

    # The new row sets the base of what it carries; not of what goes to Sage, or is held back.
    has_base = [m.field.name for m in merged if m.agreed or m.to is Side.SSM or m.field.name in link.base]
    elsewhere = {m.field.name for m in merged if m.to is Side.SAGE100 or m.is_held}
    return Write(
        Side.SSM,
        Action.CREATE,
        pair.subject,
        values,
        changes=writes.creation_changes(Side.SSM, values, draft.mapper, Occasion.RESTORED),
        link=link,
        origin=link.origin,
        sage100=sage100,
        ssm=ssm,
        carried=(*(name for name in has_base if name not in elsewhere), COMPANY),
        notices=(refused, *(m.notice for m in to_ssm if m.notice)),
    )


# --- live on both sides


def _both_live(draft: Draft, pair: ShownPair) -> None:
    """R5: what changed on one side reaches the other, field by field; P1, P7: the rest is settled or held back."""
    merged = [] if _is_at_rest(pair) else list(merge(pair, draft.mapper, draft.world.policy))
    move = links.company_in_ssm(pair, draft.companies)
    is_outdated = _count_edits(draft, pair, merged, move)
    draft.problem(*(m.problem for m in merged))
    pair = replace(pair, link=_rebased(draft, pair, merged, move))

    to_sage = _with_free_names(draft, pair, [m for m in merged if m.to is Side.SAGE100])
    asked = {side: _undo(draft, pair, side) for side in Side}
    in_sage = [writes.update(Side.SAGE100, pair, to_sage, draft.mapper), asked[Side.SAGE100]]
    if due := [update for update in in_sage if update]:
        draft.write(writes.joined(due))
    update = writes.update(Side.SSM, pair, [m for m in merged if m.to is Side.SSM], draft.mapper)
    to_ssm = [
        _noted_as_outdated(update, pair) if is_outdated and update else update,
        _company_update(draft, pair, move),
        _ext_id_update(draft, pair),
        asked[Side.SSM],
    ]
    # One request for all that changes in an SSM contact.
    if due := [update for update in to_ssm if update]:
        draft.write(writes.joined(due))


def _undo(draft: Draft, pair: ShownPair, side: Side) -> Write | None:
    """P16: what a person asked back, typed on one side as if somebody had edited it there; None where nothing is."""
    undo = draft.world.decisions.undos.get(Pair(pair.sage100.id, pair.ssm.id))
    if undo is None or undo.written is side:
        return None
    typed = undone(undo, pair, draft.mapper)
    typed = _with_free_names(draft, pair, typed) if side is Side.SAGE100 else typed
    update = writes.update(side, pair, typed, draft.mapper)
    if update is None:
        return None
    left = not_typed_again(undo, subject_of(pair.sage100, pair.ssm), {merged.field.name for merged in typed})
    # It sets no base: the next run takes it for that side's own edit, and carries it over.
    return replace(update, carried=(), undoes=undo.id, notices=(*update.notices, *left))


def _is_at_rest(pair: ShownPair) -> bool:
    """Whether both sides show exactly their base: then no field needs to be looked at."""
    base, in_sage100, in_ssm = pair.link.base, pair.sage100.values, pair.ssm.values
    return in_sage100.keys() <= base.keys() and all(
        base[name].sage100 == value and base[name].ssm == in_ssm[name] for name, value in in_sage100.items()
    )


def _count_edits(draft: Draft, pair: ShownPair, merged: Sequence[Merged], move: links.Move | None) -> bool:
    """P9 counts the links that a side edited, not the fields; and those whose Sage row is older than the one seen.

    Returns:
        Whether the Sage row is older.
    """
    differing = [m.field for m in merged if not m.agreed and m.field.name in pair.link.base]
    edited = {side for f in differing for side in changed_sides(f, pair, draft.mapper)}
    if move and (moved_on := links.moved_on(pair, move)):
        edited.add(moved_on)
    renamed_on = [side for side in edited if links.has_both_names_changed(pair, side)]
    is_outdated = Side.SAGE100 in edited and links.is_outdated(pair.link, pair.sage100, draft.world.now)
    draft.count_edits(pair.subject, edited, renamed_on, is_outdated=is_outdated)
    return is_outdated


def _noted_as_outdated(update: Write, pair: ShownPair) -> Write:
    """P9: a row with an older stamp counts as an edit; the values that it replaces in SSM are kept in the journal."""
    facts = OlderStamp(pair.sage100.stamp or "", pair.link.sage100_stamp or "")
    replaced = [Entry(update.subject, facts, name, c.after, c.before) for name, c in update.changes.items()]
    return replace(update, notices=(*update.notices, *replaced))


def _rebased(draft: Draft, pair: ShownPair, merged: Sequence[Merged], move: links.Move | None) -> Link:
    """The link, its base being what both sides now show wherever they agree."""
    link, sage100, ssm = pair.link, pair.sage100, pair.ssm
    agreed = {m.field.name: pair.values(m.field) for m in merged if m.agreed}
    if move is None:
        agreed[COMPANY] = ValuePair(sage100.company, ssm.company)
    changed = {name: values for name, values in agreed.items() if link.base.get(name) != values}
    # Only a contact of origin SSM can be deleted in Sage, and then its unmapped columns matter (P3).
    digest = draft.mapper.unmapped_digest(sage100.row) if link.origin is Side.SSM else None
    company, created = sage100.company or link.company, sage100.row.get("cbCreation")
    known = (link.company, link.contact, link.unmapped_digest, link.sage100_created)
    if not changed and (company, sage100.full_name, digest, created) == known:
        return link
    rebased = replace(link, company=company, contact=sage100.full_name, unmapped_digest=digest, sage100_created=created)
    if changed:
        base = {**link.base, **changed}
        rebased = replace(rebased, base=base, sage100_stamp=sage100.stamp, ssm_stamp=ssm.stamp)
    return draft.save(rebased, link)


def _company_update(draft: Draft, pair: ShownPair, move: links.Move | None) -> Write | None:
    """R6, P6: the account that SSM has to show."""
    if move and move.problem:
        draft.wait_for_company(pair.sage100)
    return writes.company_update(pair, move) if move else None


def _ext_id_update(draft: Draft, pair: ShownPair) -> Write | None:
    """The ``extId`` that the SSM contact does not have yet, unless SSM would refuse it."""
    update = writes.ext_id_update(pair.link, pair.sage100, pair.ssm, draft.world.marks)
    return None if update and update.values["extId"] in draft.spent_ext_ids else update


def _with_free_names(draft: Draft, pair: ShownPair, to_sage: list[Merged]) -> list[Merged]:
    """P12: on a rename onto a namesake only the two names wait, the other fields go through."""
    names = {m.field.name: m.value for m in to_sage if m.field.name in (LAST_NAME, FIRST_NAME)}
    if not names:
        return to_sage
    holder = draft.claim_name(name_in_sage(pair.sage100, names), pair.sage100.ref)
    if holder is None:
        return to_sage
    in_sage100, in_ssm = pair.sage100.full_name, pair.ssm.full_name
    draft.problem(Entry(pair.subject, DuplicateInSage(holder), LAST_NAME, in_sage100, in_ssm))
    return [m for m in to_sage if m.field.name not in names]
