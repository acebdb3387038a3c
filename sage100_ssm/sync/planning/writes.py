"""One write to one side, as data, and how each kind of write is made up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.contact import Contact, ExtId, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY, Field
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import CompanyChangeRefused, Entry, Subject
from sage100_ssm.sync.model import Link, Side, Value
from sage100_ssm.sync.rules import links
from sage100_ssm.sync.rules.merge import Merged
from sage100_ssm.sync.rules.pair import ShownPair

EXT_ID = "ext_id"
_NOT_RESTORED = frozenset({"id", "deleted", "extId", "changed_at", "readOnly"})
_NOT_RESTORED_PREFIXES = ("date", "salesRepIdCreated", "salesRepIdUpdated", "salesRepIdDeleted")


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

    @property
    def target(self) -> Contact | None:
        """The contact that it changes, as it was seen; None where there was none."""
        return self.sage100 if self.side is Side.SAGE100 else self.ssm

    @property
    def source(self) -> Contact | None:
        """The contact on the other side, which it carries over; None where it is gone there."""
        return self.ssm if self.side is Side.SAGE100 else self.sage100


def name_on(field: Field, side: Side) -> str:
    """A field's own name on a side."""
    return field.sage100 if side is Side.SAGE100 else field.ssm


def update(side: Side, pair: ShownPair, merged: Sequence[Merged], mapper: Mapper) -> Write | None:
    """The update that carries merged fields over; None where nothing is to be carried."""
    if not merged:
        return None
    seen = pair.of(side)
    names = [name_on(m.field, side) for m in merged]
    return Write(
        side,
        Action.UPDATE,
        subject_of(pair.sage100, pair.ssm),
        values={name: m.value for name, m in zip(names, merged, strict=True)},
        expected=_as_seen(seen, names),
        changes={m.field.name: _change(m, pair, mapper) for m in merged},
        target_id=seen.id,
        link=pair.link,
        sage100=pair.sage100,
        ssm=pair.ssm,
        carried=tuple(m.field.name for m in merged),
        notices=tuple(m.notice for m in merged if m.notice),
    )


def _change(merged: Merged, pair: ShownPair, mapper: Mapper) -> Change:
    assert merged.to is not None, "only what travels is a change"
    before = pair.value(merged.field, merged.to)
    return Change(*(mapper.shown(merged.field, merged.to, value) for value in (before, merged.value)))


def _as_seen(contact: Contact, names: Iterable[str]) -> dict[str, Any]:
    """The raw values on which a decision was based; in Sage the ``CT_No`` too, that it is still the same row (P14)."""
    identity = ("CT_No",) if contact.side is Side.SAGE100 else ()
    return {name: contact.row.get(name) for name in (*names, *identity)}


def company_update(pair: ShownPair, move: links.Move) -> Write | None:
    """R6, P6: the update that gives an SSM contact its account; None where it has to wait."""
    if move.account is None:
        return None
    subject = subject_of(pair.sage100, pair.ssm)
    here, there = pair.sage100.company, pair.ssm.company
    refused = Entry(subject, CompanyChangeRefused(), COMPANY, here, there)
    return Write(
        Side.SSM,
        Action.UPDATE,
        subject,
        values={"accountId": move.account},
        expected=_as_seen(pair.ssm, ["accountId"]),
        changes={COMPANY: Change(there, here)},
        target_id=pair.ssm.id,
        link=pair.link,
        sage100=pair.sage100,
        ssm=pair.ssm,
        carried=(COMPANY,),
        notices=(refused,) if move.refused else (),
    )


def ext_id_update(link: Link, sage100: Contact, ssm: Contact, database: str) -> Write | None:
    """The update that gives a linked SSM contact its ``extId``; None where it bears it, or another system's."""
    text = links.ext_id_to_write(ssm, ExtId(link.origin, database, sage100.id))
    if text is None:
        return None
    return Write(
        Side.SSM,
        Action.UPDATE,
        subject_of(sage100, ssm),
        values={"extId": text},
        expected=_as_seen(ssm, ["extId"]),
        changes={EXT_ID: Change(ssm.ext_id, text)},
        target_id=ssm.id,
        link=link,
        sage100=sage100,
        ssm=ssm,
    )


def joined(writes: Sequence[Write]) -> Write:
    """Updates of one row as a single write."""
    return replace(
        writes[0],
        values=_together(w.values for w in writes),
        expected=_together(w.expected for w in writes),
        changes=_together(w.changes for w in writes),
        carried=tuple(name for w in writes for name in w.carried),
        notices=tuple(notice for w in writes for notice in w.notices),
    )


def _together(maps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for each in maps for key, value in each.items()}


def deletion(link: Link, target: Contact, other: Contact | None, mapper: Mapper) -> Write:
    """R7, R9: the deletion of a linked contact, if it still is what was seen (P11)."""
    sage100, ssm = (target, other) if target.side is Side.SAGE100 else (other, target)
    return Write(
        target.side,
        Action.DELETE,
        Subject(link.company, link.sage100_id, link.ssm_id, target.full_name or link.contact),
        expected=_as_seen(target, [name_on(f, target.side) for f in mapper.fields]),
        target_id=target.id,
        link=link,
        sage100=sage100,
        ssm=ssm,
    )


def restorable(row: Mapping[str, Any]) -> dict[str, Any]:
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


def shown_creation(side: Side, values: Mapping[str, Any], mapper: Mapper) -> dict[str, Change]:
    """What a create brings, field by field, for people to read."""
    fields = [f for f in mapper.fields if f.name != COMPANY and values.get(name_on(f, side)) not in (None, "")]
    shown: dict[str, Value] = {f.name: mapper.shown(f, side, values[name_on(f, side)]) for f in fields}
    account = mapper.companies.account(values.get("accountId"))
    shown[COMPANY] = account.code if account else values.get("CT_Num")
    if ext_id := values.get("extId"):
        shown[EXT_ID] = ext_id
    return {name: Change(None, value) for name, value in shown.items()}
