"""Bases and observations in, writes and problems out: no I/O, no clock, the same answer for the same world."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from connector_base.receipt import Action
from contact_sync import matching, normal, rules
from contact_sync.codecs import Held
from contact_sync.contact import Contact, ExtId, subject_of
from contact_sync.fields import COMPANY, FIRST_NAME, LAST_NAME, Direction, Field
from contact_sync.mapping import REQUIRED, Mapper
from contact_sync.merge import Merged, Views, changed_sides, merge
from contact_sync.model import Code, Entry, Intent, Link, LinkStatus, Pair, Side, Subject, Value
from contact_sync.policy import Policy

EXT_ID = "ext_id"
_NOT_RESTORED = frozenset({"id", "deleted", "extId", "changed_at", "readOnly"})
_NOT_RESTORED_PREFIXES = ("date", "salesRepIdCreated", "salesRepIdUpdated", "salesRepIdDeleted")


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
        policy: the site's answers.
    """

    database: str
    links: Sequence[Link]
    intents: Sequence[Intent]
    sage100: Mapping[int, Contact]
    ssm: Mapping[int, Contact]
    complete: Mapping[Side, bool]
    mapper: Mapper
    policy: Policy


@dataclass(frozen=True, slots=True)
class Change:
    """A field's value before and after, for people to read."""

    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Write:
    """One write to one side.

    Attributes:
        side: the side written.
        action: create, update or delete.
        subject: whom it is about.
        values: the side's own names and raw values to be written.
        expected: the raw values that the row must still hold (P11).
        changes: per field, before and after, for people to read.
        target_id: the row's id on that side; None for a create.
        link: the link it belongs to; None where the create makes one.
        origin: for a create, where the contact was born.
        sage100: the Sage contact that the decision was based on.
        ssm: the SSM contact that the decision was based on.
        carried: the fields whose base it sets.
        notices: what is told to the user once it is done.
    """

    side: Side
    action: Action
    subject: Subject
    values: Mapping[str, Any] = default(default_factory=dict)
    expected: Mapping[str, Any] = default(default_factory=dict)
    changes: Mapping[str, Change] = default(default_factory=dict)
    target_id: int | None = None
    link: Link | None = None
    origin: Side | None = None
    sage100: Contact | None = None
    ssm: Contact | None = None
    carried: tuple[str, ...] = ()
    notices: tuple[Entry, ...] = ()


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
        held: writes that a guard or a pause keeps from being done, each with its code.
    """

    links: dict[int, Link] = default(default_factory=dict)
    writes: list[Write] = default(default_factory=list)
    problems: list[Entry] = default(default_factory=list)
    notices: list[Entry] = default(default_factory=list)
    edited: Counter[Side] = default(default_factory=Counter)
    held: list[tuple[Write, str]] = default(default_factory=list)

    def of(self, side: Side, action: Action | None = None) -> list[Write]:
        """The writes on one side, of one kind if wished."""
        return [w for w in self.writes if w.side is side and action in (None, w.action)]


def plan(world: World) -> Plan:
    """Decide what a run is to do."""
    return _Planner(world).plan()


def ext_id_write(link: Link, sage100: Contact, ssm: Contact, database: str) -> Write | None:
    """The update that gives a linked SSM contact its ``extId``, where it lacks it."""
    wanted = ExtId(link.origin, database, sage100.id)
    text = rules.ext_id_to_write(ssm, wanted)
    if text is None:
        return None
    return Write(
        Side.SSM,
        Action.UPDATE,
        subject_of(sage100, ssm),
        {"extId": text},
        {"extId": ssm.row.get("extId")},
        {EXT_ID: Change(ssm.ext_id, text)},
        ssm.id,
        link,
        sage100=sage100,
        ssm=ssm,
    )


class _Planner:
    """Gathers a plan, link by link and then contact by contact."""

    def __init__(self, world: World) -> None:
        self._world, self._mapper = world, world.mapper
        self._companies = world.mapper.companies
        self._plan = Plan()
        self._by_number = {c.number: c for c in world.sage100.values() if c.number}
        self._names = {_name_in_sage(c): c.id for c in world.sage100.values()}
        self._next_number = max(self._by_number, default=0) + 1
        self._linked = {link.sage100_id: link for link in world.links}
        self._linked_ssm = {link.ssm_id for link in world.links}
        self._waiting: Counter[str] = Counter()

    @property
    def _whole(self) -> bool:
        return all(self._world.complete.values())

    def plan(self) -> Plan:
        for link in self._world.links:
            self._link(link)
        if self._whole:
            self._unlinked()
            self._company_problems()
        return self._plan

    # --- linked contacts

    def _link(self, link: Link) -> None:
        sage100 = rules.same_in_sage(link, self._world.sage100, self._by_number)
        ssm = self._world.ssm.get(link.ssm_id)
        if self._unseen(sage100, Side.SAGE100) or self._unseen(ssm, Side.SSM):
            return
        if sage100 and (sage100.id, sage100.number) != (link.sage100_id, link.sage100_no):
            self._linked.pop(link.sage100_id, None)
            link = self._save(link, replace(link, sage100_id=sage100.id, sage100_no=sage100.number))
        self._decide(link, sage100, ssm)

    def _decide(self, link: Link, sage100: Contact | None, ssm: Contact | None) -> None:
        """P13 goes before R7-R9: while a link sleeps no deletion is derived."""
        reason = rules.sleep_reason(link, sage100, ssm, self._companies)
        if reason or ssm is None:
            self._sleep(link, reason or rules.Sleep.NOT_VISIBLE, sage100, ssm)
            return
        verdict = rules.fate_of_deleted(link, sage100, ssm, self._mapper, self._world.policy)
        if verdict:
            self._deleted(link, verdict, sage100, ssm)
        elif sage100:
            self._both_live(self._awake(link), sage100, ssm)

    def _unseen(self, contact: Contact | None, side: Side) -> bool:
        """P10: what an incomplete read did not show is not gone."""
        return contact is None and not self._world.complete[side]

    def _sleep(self, link: Link, reason: rules.Sleep, sage100: Contact | None, ssm: Contact | None) -> None:
        code = Code.NOT_VISIBLE_IN_SSM if reason is rules.Sleep.NOT_VISIBLE else Code.OUT_OF_SCOPE
        self._save(link, replace(link, status=LinkStatus.ASLEEP, reason=code))
        rule = "P10" if code is Code.NOT_VISIBLE_IN_SSM else "P13"
        subject = Subject(
            sage100.company if sage100 else link.company,
            link.sage100_id,
            link.ssm_id,
            subject_of(sage100, ssm).contact or link.contact,
        )
        self._plan.problems.append(Entry(code, subject, rule, details={"reason": reason.value}))

    def _awake(self, link: Link) -> Link:
        return self._save(link, replace(link, status=LinkStatus.ACTIVE, reason=None))

    def _deleted(self, link: Link, verdict: rules.Verdict, sage100: Contact | None, ssm: Contact) -> None:
        match verdict.fate:
            case rules.Fate.END:
                self._save(link, replace(link, status=LinkStatus.ENDED, reason=None))
            case rules.Fate.DELETE_IN_SSM:
                self._delete_in_ssm(self._awake(link), ssm)
            case rules.Fate.DELETE_IN_SAGE if sage100:
                self._write(self._deletion(self._awake(link), Side.SAGE100, sage100, ssm))
            case rules.Fate.LEAVE_DELETED_IN_SSM if sage100:
                self._leave_deleted(link, verdict, sage100, ssm)
            case rules.Fate.RESTORE_IN_SSM if sage100:
                self._restore(self._awake(link), verdict, sage100, ssm)
            case _:
                raise AssertionError(verdict)

    def _deletion(self, link: Link, side: Side, sage100: Contact | None, ssm: Contact) -> Write:
        seen = sage100 if side is Side.SAGE100 and sage100 else ssm
        expected = {_name_on(f, side): seen.row.get(_name_on(f, side)) for f in self._mapper.fields}
        if side is Side.SAGE100:
            expected["CT_No"] = seen.row.get("CT_No")
        subject = Subject(link.company, link.sage100_id, link.ssm_id, seen.full_name or link.contact)
        return Write(
            side, Action.DELETE, subject, expected=expected, target_id=seen.id, link=link, sage100=sage100, ssm=ssm
        )

    def _delete_in_ssm(self, link: Link, ssm: Contact) -> None:
        """R9; P2: what somebody edited in SSM since is kept in the journal."""
        write = self._deletion(link, Side.SSM, None, ssm)
        lost = tuple(
            Entry(
                Code.DELETION_OVERRODE_EDIT,
                write.subject,
                "P2",
                f.name,
                self._mapper.shown(f, Side.SAGE100, base.sage100),
                self._mapper.shown(f, Side.SSM, ssm.values.get(f.name)),
            )
            for f in self._mapper.fields
            if (base := link.base.get(f.name))
            and not self._mapper.says_nothing(f, Side.SSM, ssm.values.get(f.name))
            and not self._mapper.unchanged(f, Side.SSM, ssm.values.get(f.name), base.ssm)
        )
        self._write(replace(write, notices=lost))

    def _leave_deleted(self, link: Link, verdict: rules.Verdict, sage100: Contact, ssm: Contact) -> None:
        """P5 ``leave``: the link sleeps until the contact is deleted in Sage too; told once."""
        asleep = replace(link, status=LinkStatus.ASLEEP, reason=Code.DELETION_REFUSED)
        if asleep != link:
            self._plan.notices.append(_refused(verdict, link, sage100, ssm))
        self._save(link, asleep)

    def _restore(self, link: Link, verdict: rules.Verdict, sage100: Contact, ssm: Contact) -> None:
        """P5: the link moves to a live contact that stands for it already, or the contact is created again."""
        refused = _refused(verdict, link, sage100, ssm)
        if successor := self._successor(link, sage100):
            self._plan.notices.append(refused)
            self._linked_ssm.add(successor.id)
            moved = replace(link, ssm_id=successor.id, base={}, ssm_stamp=None)
            self._both_live(self._save(link, moved), sage100, successor)
            return
        accounts = self._companies.accounts_of(sage100.company)
        if len(accounts) != 1:
            self._waiting[sage100.company or ""] += not accounts
            return
        views = Views(link, sage100, ssm)
        merged = list(merge(views, self._mapper, self._world.policy))
        self._note(merged)
        to_ssm = [m for m in merged if m.to is Side.SSM]
        to_sage = self._free_names([m for m in merged if m.to is Side.SAGE100], views)
        self._update(Side.SAGE100, link, views, to_sage)
        values = _restorable(ssm.row) | {m.field.ssm: m.value for m in to_ssm}
        for field in self._mapper.fields:
            if field.name in REQUIRED[Side.SSM] and not values.get(field.ssm):
                values[field.ssm] = self._mapper.carry(field, Side.SSM, sage100.values.get(field.name), None)
        ext_id = rules.ext_id_to_write(ssm, ExtId(link.origin, self._world.database, sage100.id)) or ssm.ext_id
        values |= {"accountId": accounts[0], "extId": ext_id}
        carried = [m.field.name for m in merged if m.agreed or m.to is Side.SSM or m.field.name in link.base]
        back = {m.field.name for m in merged if m.to is Side.SAGE100 or m.problem}
        self._write(
            Write(
                Side.SSM,
                Action.CREATE,
                subject_of(sage100, ssm),
                values,
                changes=self._shown_create(Side.SSM, values),
                link=link,
                origin=link.origin,
                sage100=sage100,
                ssm=ssm,
                carried=(*(name for name in carried if name not in back), COMPANY),
                notices=(refused, *(m.notice for m in to_ssm if m.notice)),
            )
        )

    def _successor(self, link: Link, sage100: Contact) -> Contact | None:
        """P5: a live contact without a link that bears the ``extId``, or is the only namesake."""
        free = [c for c in self._world.ssm.values() if not c.deleted and c.id not in self._linked_ssm]
        wanted = ExtId(link.origin, self._world.database, sage100.id)
        if bearers := [c for c in free if ExtId.parse(c.ext_id, self._world.database) == wanted]:
            return bearers[0] if len(bearers) == 1 else None
        namesakes = [c for c in free if c.match_key == sage100.match_key and c.values.get(LAST_NAME)]
        return namesakes[0] if len(namesakes) == 1 else None

    def _both_live(self, link: Link, sage100: Contact, ssm: Contact) -> None:
        """R5: what changed on one side reaches the other, field by field."""
        views = Views(link, sage100, ssm)
        merged = list(merge(views, self._mapper, self._world.policy))
        self._count_edits(merged, views)
        self._note(merged)
        to_sage = self._free_names([m for m in merged if m.to is Side.SAGE100], views)
        link = self._rebase(link, views, merged)
        self._update(Side.SAGE100, link, views, to_sage)
        self._update_ssm(link, views, [m for m in merged if m.to is Side.SSM])

    def _count_edits(self, merged: Sequence[Merged], views: Views) -> None:
        differing = [m.field for m in merged if not m.agreed and m.field.name in views.link.base]
        self._plan.edited.update({side for f in differing for side in changed_sides(f, views, self._mapper)})

    def _note(self, merged: Sequence[Merged]) -> None:
        self._plan.problems.extend(m.problem for m in merged if m.problem)

    def _rebase(self, link: Link, views: Views, merged: Sequence[Merged]) -> Link:
        """Where both sides say the same, what they say now is the base."""
        agreed = {m.field.name: views.pair(m.field) for m in merged if m.agreed}
        if rules.company_in_ssm(views, self._companies) is None:
            agreed[COMPANY] = Pair(views.sage100.company, views.ssm.company)
        news = {name: pair for name, pair in agreed.items() if link.base.get(name) != pair}
        shown = replace(link, company=views.sage100.company or link.company, contact=views.sage100.full_name)
        if not news:
            return self._save(link, shown)
        stamped = replace(shown, sage100_stamp=views.sage100.stamp, ssm_stamp=views.ssm.stamp)
        return self._save(link, replace(stamped, base={**link.base, **news}))

    def _free_names(self, to_sage: list[Merged], views: Views) -> list[Merged]:
        """P12: on a rename onto a namesake only the two names wait."""
        names = {m.field.name: m.value for m in to_sage if m.field.name in (LAST_NAME, FIRST_NAME)}
        if not names:
            return to_sage
        key = _name_in_sage(views.sage100, names)
        holder = self._names.setdefault(key, views.sage100.id)
        if holder == views.sage100.id:
            return to_sage
        details: dict[str, Any] = {"other": holder}
        subject = subject_of(views.sage100, views.ssm)
        shown = views.ssm.full_name
        self._plan.problems.append(
            Entry(Code.DUPLICATE_IN_SAGE, subject, "P12", LAST_NAME, views.sage100.full_name, shown, details)
        )
        return [m for m in to_sage if m.field.name not in names]

    def _update(self, side: Side, link: Link, views: Views, merged: Sequence[Merged]) -> None:
        if not merged:
            return
        row = views.of(side).row
        expected = {_name_on(m.field, side): row.get(_name_on(m.field, side)) for m in merged}
        if side is Side.SAGE100:
            expected["CT_No"] = row.get("CT_No")
        self._write(
            Write(
                side,
                Action.UPDATE,
                subject_of(views.sage100, views.ssm),
                {_name_on(m.field, side): m.value for m in merged},
                expected,
                {m.field.name: self._change(m.field, side, views, m.value) for m in merged},
                views.of(side).id,
                link,
                sage100=views.sage100,
                ssm=views.ssm,
                carried=tuple(m.field.name for m in merged),
                notices=tuple(m.notice for m in merged if m.notice),
            )
        )

    def _update_ssm(self, link: Link, views: Views, merged: Sequence[Merged]) -> None:
        """The fields, the company (R6, P6) and the ``extId``, in one write."""
        before = len(self._plan.writes)
        self._update(Side.SSM, link, views, merged)
        updates = [self._plan.writes.pop()] if len(self._plan.writes) > before else []
        if moved := self._move(link, views):
            updates.append(moved)
        if marked := ext_id_write(link, views.sage100, views.ssm, self._world.database):
            updates.append(marked)
        if updates:
            self._write(_joined(updates))

    def _move(self, link: Link, views: Views) -> Write | None:
        move = rules.company_in_ssm(views, self._companies)
        if move is None:
            return None
        subject = subject_of(views.sage100, views.ssm)
        if move.account is None:
            self._waiting[views.sage100.company or ""] += move.problem is Code.COMPANY_NOT_IN_SSM
            return None
        refused = Entry(Code.COMPANY_CHANGE_REFUSED, subject, "R6", COMPANY, views.sage100.company, views.ssm.company)
        return Write(
            Side.SSM,
            Action.UPDATE,
            subject,
            {"accountId": move.account},
            {"accountId": views.ssm.row.get("accountId")},
            {COMPANY: Change(views.ssm.company, views.sage100.company)},
            views.ssm.id,
            link,
            sage100=views.sage100,
            ssm=views.ssm,
            carried=(COMPANY,),
            notices=(refused,) if move.refused else (),
        )

    def _change(self, field: Field, side: Side, views: Views, after: Value) -> Change:
        shown = self._mapper.shown
        return Change(shown(field, side, views.value(field, side)), shown(field, side, after))

    # --- contacts without a link

    def _unlinked(self) -> None:
        sage100 = [
            c for c in self._world.sage100.values() if c.id not in self._linked and self._companies.in_scope(c.company)
        ]
        ssm = [c for c in self._world.ssm.values() if not c.deleted and c.id not in self._linked_ssm]
        known = matching.Known(
            self._world.database, self._world.sage100, self._linked, self._born(), self._world.intents
        )
        found = matching.match(sage100, ssm, known)
        self._plan.problems.extend(found.problems)
        for pair in found.matches:
            self._match(pair)
        for contact in sorted(ssm, key=lambda c: c.id):
            if not found.taken(contact):
                self._create_in_sage(contact)
        for contact in sage100:
            if not found.taken(contact):
                self._create_in_ssm(contact, known.born)

    def _born(self) -> dict[int, Side]:
        """P4: a deleted SSM row still tells the origin of its ``extId``."""
        told = (ExtId.parse(c.ext_id, self._world.database) for c in self._world.ssm.values() if c.deleted)
        return {ext_id.sage100_id: ext_id.origin for ext_id in told if ext_id}

    def _match(self, pair: matching.Match) -> None:
        link = Link(
            pair.sage100.id,
            pair.sage100.number,
            pair.ssm.id,
            pair.sage100.company or "",
            pair.sage100.full_name,
            pair.origin,
        )
        if (pair.ssm.ext_id or "") and ExtId.parse(pair.ssm.ext_id, self._world.database) is None:
            self._plan.notices.append(_foreign(subject_of(pair.sage100, pair.ssm), pair.ssm))
        self._linked_ssm.add(link.ssm_id)
        self._decide(self._save(None, link), pair.sage100, pair.ssm)

    def _create_in_sage(self, contact: Contact) -> None:
        """R3, R4, P12."""
        if problem := rules.company_problem(contact, self._companies):
            self._plan.problems.append(problem)
            return
        if not self._companies.in_scope(contact.company):
            return
        values, carried, notices = self._carried(contact, Side.SAGE100)
        if not values.get("CT_Nom"):
            return
        values["CT_Num"] = self._companies.stored_code(contact.company)
        key = (normal.company_code(values["CT_Num"]), values["CT_Nom"], values.get("CT_Prenom") or "")
        holder = self._names.setdefault(key, -contact.id)
        if holder != -contact.id:
            details = {"other": abs(holder)}
            self._plan.problems.append(Entry(Code.DUPLICATE_IN_SAGE, contact.subject, "P12", details=details))
            return
        values["CT_No"], self._next_number = self._next_number, self._next_number + 1
        if contact.ext_id and ExtId.parse(contact.ext_id, self._world.database) is None:
            notices.append(_foreign(contact.subject, contact))
        self._write(
            Write(
                Side.SAGE100,
                Action.CREATE,
                contact.subject,
                values,
                changes=self._shown_create(Side.SAGE100, values),
                origin=Side.SSM,
                ssm=contact,
                carried=(*carried, COMPANY),
                notices=tuple(notices),
            )
        )

    def _create_in_ssm(self, contact: Contact, born: Mapping[int, Side]) -> None:
        """R3, P6."""
        accounts = self._companies.accounts_of(contact.company)
        if len(accounts) != 1:
            self._waiting[contact.company or ""] += not accounts
            return
        values, carried, notices = self._carried(contact, Side.SSM)
        if not all(values.get(f.ssm) for f in self._mapper.fields if f.name in REQUIRED[Side.SSM]):
            return
        origin = born.get(contact.id, Side.SAGE100)
        values = {name: value for name, value in values.items() if value is not None}
        values |= {"accountId": accounts[0], "extId": str(ExtId(origin, self._world.database, contact.id))}
        self._write(
            Write(
                Side.SSM,
                Action.CREATE,
                contact.subject,
                values,
                changes=self._shown_create(Side.SSM, values),
                origin=origin,
                sage100=contact,
                carried=(*carried, COMPANY),
                notices=tuple(notices),
            )
        )

    def _carried(self, contact: Contact, target: Side) -> tuple[dict[str, Any], list[str], list[Entry]]:
        """The values of a new contact on ``target``; what it cannot hold is held back, field by field (P7)."""
        values: dict[str, Any] = {}
        carried: list[str] = []
        notices: list[Entry] = []
        for field in self._mapper.fields:
            if field.name == COMPANY or field.direction is _AWAY_FROM[target]:
                continue
            value = contact.values.get(field.name)
            result = self._mapper.carry(field, target, value, None)
            if isinstance(result, Held):
                self._plan.problems.append(self._entry(result.code, field, contact, result.details))
                continue
            values[_name_on(field, target)] = result
            carried.append(field.name)
            if target is Side.SAGE100 and self._mapper.shortened(field, value, result):
                notices.append(self._entry(Code.VALUE_TRUNCATED, field, contact, {"text": result}))
        return values, carried, notices

    def _entry(self, code: Code, field: Field, contact: Contact, details: Mapping[str, Any]) -> Entry:
        shown = self._mapper.shown(field, contact.side, contact.values.get(field.name))
        sage100, ssm = (shown, None) if contact.side is Side.SAGE100 else (None, shown)
        return Entry(code, contact.subject, "P7", field.name, sage100, ssm, details)

    def _shown_create(self, side: Side, values: Mapping[str, Any]) -> dict[str, Change]:
        shown = {
            f.name: Change(None, self._mapper.shown(f, side, values.get(_name_on(f, side))))
            for f in self._mapper.fields
            if f.name != COMPANY and values.get(_name_on(f, side)) not in (None, "")
        }
        account = self._companies.account(values.get("accountId"))
        code = account.code if account else values.get("CT_Num")
        return shown | {COMPANY: Change(None, code)} | ({EXT_ID: Change(None, e)} if (e := values.get("extId")) else {})

    def _company_problems(self) -> None:
        """One entry per company that SSM lacks, or has twice, with the number of contacts that wait."""
        for company, number in sorted(self._waiting.items()):
            if number:
                entry = Entry(Code.COMPANY_NOT_IN_SSM, Subject(company), "P6", details={"number": number})
                self._plan.problems.append(entry)
        for company, accounts in sorted(self._companies.twins().items()):
            details = {"number": len(accounts), "account": ", ".join(map(str, accounts))}
            self._plan.problems.append(Entry(Code.AMBIGUOUS_COMPANY, Subject(company), details=details))

    # --- gathering

    def _write(self, write: Write) -> None:
        self._plan.writes.append(write)

    def _save(self, known: Link | None, link: Link) -> Link:
        """Remember the link as it now stands, once, if it differs from what is known."""
        self._linked[link.sage100_id] = link
        if link != known:
            self._plan.links[link.id or -link.sage100_id] = link
        return link


_AWAY_FROM = {Side.SAGE100: Direction.TO_SSM, Side.SSM: Direction.TO_SAGE100}


def _name_on(field: Field, side: Side) -> str:
    return field.sage100 if side is Side.SAGE100 else field.ssm


def _name_in_sage(contact: Contact, renamed: Mapping[str, Value] | None = None) -> tuple[str, str, str]:
    """What Sage's unique index compares byte for byte: company, last and first name (P12)."""
    names = {LAST_NAME: contact.row.get("CT_Nom") or "", FIRST_NAME: contact.row.get("CT_Prenom") or ""}
    names |= {name: str(value or "") for name, value in (renamed or {}).items()}
    return normal.company_code(contact.company), names[LAST_NAME], names[FIRST_NAME]


def _restorable(row: Mapping[str, Any]) -> dict[str, Any]:
    """P5: what a deleted SSM row still shows and a new one may bear, references as ids."""
    return {
        name: _written(value)
        for name, value in row.items()
        if value is not None and name not in _NOT_RESTORED and not name.startswith(_NOT_RESTORED_PREFIXES)
    }


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get("id")
    return [_written(item) for item in value] if isinstance(value, list) else value


def _joined(writes: Sequence[Write]) -> Write:
    """Updates of one row as a single write."""

    def together(maps: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
        return {key: value for each in maps for key, value in each.items()}

    return replace(
        writes[0],
        values=together(w.values for w in writes),
        expected=together(w.expected for w in writes),
        changes=together(w.changes for w in writes),
        carried=tuple(name for w in writes for name in w.carried),
        notices=tuple(notice for w in writes for notice in w.notices),
    )


def _refused(verdict: rules.Verdict, link: Link, sage100: Contact, ssm: Contact) -> Entry:
    return Entry(Code.DELETION_REFUSED, subject_of(sage100, ssm), verdict.rule, details={"origin": link.origin.value})


def _foreign(subject: Subject, ssm: Contact) -> Entry:
    return Entry(Code.FOREIGN_EXT_ID, subject, "P4", ssm_value=ssm.ext_id, details={"ext_id": ssm.ext_id})
