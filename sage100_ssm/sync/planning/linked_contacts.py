"""What a run does about contacts that are linked: merge them, delete them, restore them, let them sleep."""

from collections.abc import Sequence
from dataclasses import replace

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.codecs import Held
from sage100_ssm.sync.contacts.contact import Contact, ExtId, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY, FIRST_NAME, LAST_NAME
from sage100_ssm.sync.contacts.mapping import REQUIRED
from sage100_ssm.sync.model import Code, Entry, Link, LinkStatus, Pair, Side, Subject
from sage100_ssm.sync.planning import writes
from sage100_ssm.sync.planning.draft import Draft, name_in_sage
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.rules import links
from sage100_ssm.sync.rules.merge import Merged, Views, changed_sides, confirmed, merge


def plan_link(draft: Draft, link: Link) -> None:
    """Find both contacts of a link and decide about it; what an incomplete read did not show is not gone (P10)."""
    world = draft.world
    sage100 = links.same_in_sage(link, world.sage100, draft.by_number, draft.held)
    ssm = world.ssm.get(link.ssm_id)
    if (sage100 is None and not world.complete[Side.SAGE100]) or (ssm is None and not world.complete[Side.SSM]):
        return
    if sage100 and (sage100.id, sage100.number) != (link.sage100_id, link.sage100_no):
        draft.let_go(link)
        link = draft.save(replace(link, sage100_id=sage100.id, sage100_no=sage100.number), link)
    decide(draft, draft.save(confirmed(link, sage100, ssm, draft.mapper), link), sage100, ssm)


def decide(draft: Draft, link: Link, sage100: Contact | None, ssm: Contact | None) -> None:
    """P13 goes before R7-R9: while a link sleeps no deletion is derived. An incomplete read tells neither (P10)."""
    reason = links.sleep_reason(link, sage100, ssm, draft.companies)
    if reason or ssm is None:
        _put_to_sleep(draft, link, reason or links.Sleep.NOT_VISIBLE, sage100, ssm)
        return
    verdict = links.fate_of_deleted(link, sage100, ssm, draft.mapper, draft.world.policy)
    if verdict and not _untold(draft, verdict):
        _deleted(draft, link, verdict, sage100, ssm)
    elif sage100 and not verdict:
        _both_live(draft, _views(draft, _awake(draft, link), sage100, ssm))


def _put_to_sleep(draft: Draft, link: Link, reason: links.Sleep, sage100: Contact | None, ssm: Contact | None) -> None:
    """P13; P5: unless somebody typed the contact again; P10: or an incomplete read did not show its company."""
    complete = draft.world.complete
    typed_again = reason is links.Sleep.WENT_WITH_ACCOUNT and all(complete.values())
    if typed_again and sage100 and ssm and _moved(draft, _views(draft, link, sage100, ssm)):
        return
    if complete[Side.SAGE100] or reason is not links.Sleep.NO_CLIENT:
        _sleep(draft, link, reason, sage100, ssm)


def _untold(draft: Draft, verdict: links.Verdict) -> bool:
    """P10: whether the read that would have to tell broke off: it tells of no deletion, and matches nobody."""
    complete = draft.world.complete
    match verdict.fate:
        case links.Fate.RESTORE_IN_SSM:
            return not all(complete.values())
        case links.Fate.DELETE_IN_SAGE | links.Fate.LEAVE_DELETED_IN_SSM:
            return not complete[Side.SSM]
    return False


def _views(draft: Draft, link: Link, sage100: Contact, ssm: Contact) -> Views:
    disputed = (draft.world.disputed.get((c.side, c.id), frozenset()) for c in (sage100, ssm))
    return Views(link, sage100, ssm, frozenset().union(*disputed))


def _awake(draft: Draft, link: Link) -> Link:
    return draft.save(_woken(link), link)


def _woken(link: Link) -> Link:
    if link.status is LinkStatus.ACTIVE and link.reason is None:
        return link
    return replace(link, status=LinkStatus.ACTIVE, reason=None)


def _sleep(draft: Draft, link: Link, reason: links.Sleep, sage100: Contact | None, ssm: Contact | None) -> None:
    """P10, P13: nothing is written while the reason lasts."""
    unseen = reason is links.Sleep.NOT_VISIBLE
    code, rule = (Code.NOT_VISIBLE_IN_SSM, "P10") if unseen else (Code.OUT_OF_SCOPE, "P13")
    draft.save(replace(link, status=LinkStatus.ASLEEP, reason=code), link)
    company = sage100.company if sage100 else link.company
    subject = Subject(company, link.sage100_id, link.ssm_id, subject_of(sage100, ssm).contact or link.contact)
    where = {"account": company} if reason is links.Sleep.WENT_WITH_ACCOUNT else {}
    draft.problem(Entry(code, subject, rule, details={"reason": reason.value, **where}))


# --- deleted on one side


def _deleted(draft: Draft, link: Link, verdict: links.Verdict, sage100: Contact | None, ssm: Contact) -> None:
    match verdict.fate:
        case links.Fate.END:
            draft.save(replace(link, status=LinkStatus.ENDED, reason=None), link)
        case links.Fate.DELETE_IN_SSM:
            _delete_in_ssm(draft, _awake(draft, link), ssm)
        case links.Fate.DELETE_IN_SAGE if sage100:
            draft.write(writes.deletion(_awake(draft, link), sage100, ssm, draft.mapper))
            draft.free_name(sage100)
        case links.Fate.LEAVE_DELETED_IN_SSM if sage100:
            _leave_deleted(draft, link, _refused(verdict, link, sage100, ssm))
        case links.Fate.RESTORE_IN_SSM if sage100:
            views = _views(draft, _awake(draft, link), sage100, ssm)
            _restore(draft, views, _refused(verdict, link, sage100, ssm))
        case _:
            raise AssertionError(verdict)


def _refused(verdict: links.Verdict, link: Link, sage100: Contact, ssm: Contact) -> Entry:
    details = {"origin": link.origin.value}
    return Entry(Code.DELETION_REFUSED, subject_of(sage100, ssm), verdict.rule, details=details)


def _delete_in_ssm(draft: Draft, link: Link, ssm: Contact) -> None:
    """R9; P2: what somebody edited in SSM since is kept in the journal."""
    write = writes.deletion(link, ssm, None, draft.mapper)
    draft.write(replace(write, notices=tuple(_lost_edits(draft, write, link, ssm))))


def _lost_edits(draft: Draft, write: Write, link: Link, ssm: Contact) -> list[Entry]:
    mapper, entries = draft.mapper, []
    for field in mapper.fields:
        base, value = link.base.get(field.name), ssm.values.get(field.name)
        known = Pair(None, None) if base is None else base
        if not mapper.says_nothing(field, Side.SSM, value) and not mapper.unchanged(field, Side.SSM, value, known.ssm):
            before, lost = mapper.shown(field, Side.SAGE100, known.sage100), mapper.shown(field, Side.SSM, value)
            entries.append(Entry(Code.DELETION_OVERRODE_EDIT, write.subject, "P2", field.name, before, lost))
    return entries


def _leave_deleted(draft: Draft, link: Link, refused: Entry) -> None:
    """P5 ``leave``: the link sleeps until the contact is deleted in Sage too; told once."""
    asleep = replace(link, status=LinkStatus.ASLEEP, reason=Code.DELETION_REFUSED)
    if asleep != link:
        draft.plan.notices.append(refused)
    draft.save(asleep, link)


# --- restored in SSM


def _restore(draft: Draft, views: Views, refused: Entry) -> None:
    """P5: the link moves to a live contact that stands for it already, or the contact is created again."""
    if _moved(draft, views):
        draft.plan.notices.append(refused)
        return
    accounts = draft.companies.accounts_of(views.sage100.company)
    if len(accounts) != 1:
        draft.wait_for_company(views.sage100)
        return
    merged = list(merge(views, draft.mapper, draft.world.policy))
    draft.plan.problems.extend(m.problem for m in merged if m.problem)
    to_sage = _free_names(draft, views, [m for m in merged if m.to is Side.SAGE100])
    draft.write(writes.update(Side.SAGE100, views, to_sage, draft.mapper))
    draft.write(_second_create(draft, views, merged, accounts[0], refused))


def _moved(draft: Draft, views: Views) -> bool:
    """P5: move the link to the live contact that stands for the deleted one already, if there is one."""
    successor = _successor(draft, views)
    if successor is None:
        return False
    draft.linked_ssm.add(successor.id)
    hoped = draft.hoped(views.sage100.id, successor.id)
    moved = replace(_woken(views.link), ssm_id=successor.id, base={}, ssm_stamp=None, unconfirmed=hoped)
    moved = draft.save(confirmed(moved, views.sage100, successor, draft.mapper), views.link)
    _both_live(draft, _views(draft, moved, views.sage100, successor))
    return True


def _successor(draft: Draft, views: Views) -> Contact | None:
    """P5: the one live contact without a link that bears the ``extId``, or else is the only namesake."""
    wanted = ExtId(views.link.origin, draft.world.database, views.sage100.id)
    bearers = _free(draft, draft.bearers.get(wanted, ()))
    candidates = bearers or _free(draft, draft.namesakes.get(views.sage100.match_key, ()))
    return candidates[0] if len(candidates) == 1 else None


def _free(draft: Draft, contacts: Sequence[Contact]) -> list[Contact]:
    return [contact for contact in contacts if contact.id not in draft.linked_ssm]


def _second_create(draft: Draft, views: Views, merged: Sequence[Merged], account: int, refused: Entry) -> Write:
    """P5: the same ``extId``, the merged fields, and all else that the deleted row still shows."""
    link, sage100, ssm = views.link, views.sage100, views.ssm
    to_ssm = [m for m in merged if m.to is Side.SSM]
    values = writes.restorable(ssm.row) | {m.field.ssm: m.value for m in to_ssm}
    for field in draft.mapper.fields:
        if field.name in REQUIRED[Side.SSM] and not values.get(field.ssm):
            carried = draft.mapper.carry(field, Side.SSM, sage100.values.get(field.name), None)
            values[field.ssm] = None if isinstance(carried, Held) else carried
    wanted = ExtId(link.origin, draft.world.database, sage100.id)
    ext_id = links.ext_id_to_write(ssm, wanted) or ssm.ext_id
    values |= {"accountId": account, "extId": None if ext_id in draft.spent else ext_id}
    based = [m.field.name for m in merged if m.agreed or m.to is Side.SSM or m.field.name in link.base]
    elsewhere = {m.field.name for m in merged if m.to is Side.SAGE100 or m.problem}
    return Write(
        Side.SSM,
        Action.CREATE,
        subject_of(sage100, ssm),
        values,
        changes=writes.shown_create(Side.SSM, values, draft.mapper),
        link=link,
        origin=link.origin,
        sage100=sage100,
        ssm=ssm,
        carried=(*(name for name in based if name not in elsewhere), COMPANY),
        notices=(refused, *(m.notice for m in to_ssm if m.notice)),
    )


# --- living on both sides


def _both_live(draft: Draft, views: Views) -> None:
    """R5: what changed on one side reaches the other, field by field; P1, P7: the rest is settled or held back."""
    merged = [] if _at_rest(views) else list(merge(views, draft.mapper, draft.world.policy))
    _count_edits(draft, views, merged)
    draft.plan.problems.extend(m.problem for m in merged if m.problem)
    views = replace(views, link=_rebased(draft, views, merged))
    to_sage = _free_names(draft, views, [m for m in merged if m.to is Side.SAGE100])
    draft.write(writes.update(Side.SAGE100, views, to_sage, draft.mapper))
    updates = [
        writes.update(Side.SSM, views, [m for m in merged if m.to is Side.SSM], draft.mapper),
        _company(draft, views),
        _mark(draft, views),
    ]
    if due := [update for update in updates if update]:
        draft.write(writes.joined(due))


def _at_rest(views: Views) -> bool:
    """Whether both sides show exactly their base: then no field is to be looked at."""
    base, here, there = views.link.base, views.sage100.values, views.ssm.values
    return here.keys() <= base.keys() and all(
        base[name].sage100 == value and base[name].ssm == there[name] for name, value in here.items()
    )


def _count_edits(draft: Draft, views: Views, merged: Sequence[Merged]) -> None:
    """P9 counts the links that a side edited, not the fields; and those whose Sage row is older than what was seen."""
    differing = [m.field for m in merged if not m.agreed and m.field.name in views.link.base]
    edited = {side for f in differing for side in changed_sides(f, views, draft.mapper)}
    draft.plan.edited.update(edited)
    draft.plan.turned_back += Side.SAGE100 in edited and links.turned_back(views.link, views.sage100, draft.world.now)


def _rebased(draft: Draft, views: Views, merged: Sequence[Merged]) -> Link:
    """Where both sides say the same, what they say now is the base."""
    link, sage100, ssm = views.link, views.sage100, views.ssm
    agreed = {m.field.name: views.pair(m.field) for m in merged if m.agreed}
    if links.company_in_ssm(views, draft.companies) is None:
        agreed[COMPANY] = Pair(sage100.company, ssm.company)
    news = {name: pair for name, pair in agreed.items() if link.base.get(name) != pair}
    company, contact = sage100.company or link.company, sage100.full_name
    if not news and (company, contact) == (link.company, link.contact):
        return link
    shown = replace(link, company=company, contact=contact)
    if not news:
        return draft.save(shown, link)
    rebased = replace(shown, base={**link.base, **news}, sage100_stamp=sage100.stamp, ssm_stamp=ssm.stamp)
    return draft.save(rebased, link)


def _mark(draft: Draft, views: Views) -> Write | None:
    """The ``extId`` that the SSM contact still lacks, unless SSM would not take it."""
    mark = writes.ext_id_update(views.link, views.sage100, views.ssm, draft.world.database)
    return None if mark and mark.values["extId"] in draft.spent else mark


def _company(draft: Draft, views: Views) -> Write | None:
    """R6, P6: the account that SSM is to show."""
    move = links.company_in_ssm(views, draft.companies)
    if move and move.problem:
        draft.wait_for_company(views.sage100)
    return writes.company_update(views, move) if move else None


def _free_names(draft: Draft, views: Views, to_sage: list[Merged]) -> list[Merged]:
    """P12: on a rename onto a namesake only the two names wait, the other fields go through."""
    names = {m.field.name: m.value for m in to_sage if m.field.name in (LAST_NAME, FIRST_NAME)}
    holder = draft.claim_name(name_in_sage(views.sage100, names), views.sage100.id) if names else None
    if holder is None:
        return to_sage
    subject, here, there = subject_of(views.sage100, views.ssm), views.sage100.full_name, views.ssm.full_name
    draft.problem(Entry(Code.DUPLICATE_IN_SAGE, subject, "P12", LAST_NAME, here, there, {"other": holder}))
    return [m for m in to_sage if m.field.name not in names]
