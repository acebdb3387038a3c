"""One write to one side, as data, and how each kind of write is made."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.contact import Contact, ExtId, Marks, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY, NAMES
from sage100_ssm.sync.contacts.mapping import Mapper, is_edited_by_users
from sage100_ssm.sync.journal import CompanyChangeRefused, DeletedInSage, Entry, Subject
from sage100_ssm.sync.model import Change, Link, Occasion, Side, Value
from sage100_ssm.sync.rules import links
from sage100_ssm.sync.rules.merge import Merged
from sage100_ssm.sync.rules.pair import ShownPair

EXT_ID = "ext_id"
"""The ``extId`` in a write's ``changes``: the field map does not contain it."""

# What SSM sets by itself (docs/facts/ssm-api.md, "Contacts"), `changed_at`, which source-ssm adds to each row, and
# `extId`, about which a restored contact has a rule of its own (P5).
_NOT_RESTORED = frozenset({"id", "deleted", "extId", "changed_at", "readOnly"})
_NOT_RESTORED_PREFIXES = ("date", "salesRepIdCreated", "salesRepIdUpdated", "salesRepIdDeleted")


@dataclass(frozen=True, slots=True)
class Write:
    """One write to one side.

    Attributes:
        side: the side that is written.
        action: create, update or delete.
        subject: the contact, for the journal.
        values: what is written, by the side's own names and in its raw form (a reference of SSM as a bare id).
        expected: the raw values that the row must still have, by the side's own names (P11).
        changes: per field, before and after, for people to read.
        target_id: the row's id on that side; None for a creation.
        link: the link it belongs to; None for a creation that makes one.
        origin: for a creation, the side on which the contact was created first.
        sage100: the Sage contact that the decision was based on.
        ssm: the SSM contact that the decision was based on.
        carried: the names of the fields whose base it sets.
        follows: the link whose deletion on the same side must be done first: its row's ``cbMarq`` was given to another
            contact.
        notices: for the journal once it is done.
        undoes: the key of the write whose values it types again, because a person asked for them.
        deleted_because: for a deletion, whether it was carried over, or a person let it through (P9).
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
    follows: Link | None = None
    notices: tuple[Entry, ...] = ()
    undoes: int | None = None
    deleted_because: Occasion = Occasion.DELETED

    @property
    def target(self) -> Contact | None:
        """The contact that it changes, as it was read; None where there was none."""
        return self.sage100 if self.side is Side.SAGE100 else self.ssm

    @property
    def source(self) -> Contact | None:
        """The contact on the other side, whose values it carries over; None where that side has none any more."""
        return self.ssm if self.side is Side.SAGE100 else self.sage100


def update(side: Side, pair: ShownPair, merged: Sequence[Merged], mapper: Mapper) -> Write | None:
    """R5: the update of one side with merged fields; None if there are none.

    Args:
        side: the side to be written.
        pair: the contact on both sides.
        merged: the decisions about fields that go to that side.
        mapper: the field map at work.
    """
    if not merged:
        return None
    seen = pair.of(side)
    names = [m.field.name_on(side) for m in merged]
    return Write(
        side,
        Action.UPDATE,
        subject_of(pair.sage100, pair.ssm),
        values={name: m.value for name, m in zip(names, merged, strict=True)},
        expected=_expected(seen, _decided_on(merged, side, mapper)),
        changes={m.field.name: _change(m, pair, mapper) for m in merged},
        target_id=seen.id,
        link=pair.link,
        sage100=pair.sage100,
        ssm=pair.ssm,
        carried=tuple(m.field.name for m in merged),
        notices=tuple(m.notice for m in merged if m.notice),
    )


def _decided_on(merged: Sequence[Merged], side: Side, mapper: Mapper) -> list[str]:
    """The side's own names of the fields that were decided: a name is decided together with the other one (P1)."""
    fields = {m.field.name for m in merged}
    fields |= set() if fields.isdisjoint(NAMES) else set(NAMES)
    return [field.name_on(side) for field in mapper.fields if field.name in fields]


def _change(merged: Merged, pair: ShownPair, mapper: Mapper) -> Change:
    assert merged.to is not None, "a field that is written to no side is no change"
    before = pair.value(merged.field, merged.to)
    before, after = (mapper.shown(merged.field, merged.to, value) for value in (before, merged.value))
    return Change(before, after, merged.occasion)


def _expected(contact: Contact, names: Iterable[str]) -> dict[str, Any]:
    """The raw values on which a decision was based, by the side's own names (P11)."""
    # A `cbMarq` may have been given to another row since; with the same `CT_No` it is still the same contact (P14).
    identity = ("CT_No",) if contact.side is Side.SAGE100 else ()
    return {name: contact.row.get(name) for name in (*names, *identity)}


def company_update(pair: ShownPair, move: links.Move) -> Write | None:
    """R6, P6: the update that moves an SSM contact to its account; None where it has to wait for one."""
    if move.account is None:
        return None
    subject = subject_of(pair.sage100, pair.ssm)
    in_sage100, in_ssm = pair.sage100.company, pair.ssm.company
    refused = Entry(subject, CompanyChangeRefused(), COMPANY, in_sage100, in_ssm)
    return Write(
        Side.SSM,
        Action.UPDATE,
        subject,
        values={"accountId": move.account},
        expected=_expected(pair.ssm, ["accountId"]),
        changes={COMPANY: Change(in_ssm, in_sage100, Occasion.PUT_BACK if move.refused else Occasion.EDIT)},
        target_id=pair.ssm.id,
        link=pair.link,
        sage100=pair.sage100,
        ssm=pair.ssm,
        carried=(COMPANY,),
        notices=(refused,) if move.refused else (),
    )


def ext_id_update(link: Link, sage100: Contact, ssm: Contact, marks: Marks) -> Write | None:
    """The update that gives a linked SSM contact its ``extId``; None if it has it, or that of other software."""
    text = marks.to_write(ssm.ext_id, ExtId(link.origin, marks.database, sage100.id))
    if text is None:
        return None
    return Write(
        Side.SSM,
        Action.UPDATE,
        subject_of(sage100, ssm),
        values={"extId": text},
        expected=_expected(ssm, ["extId"]),
        changes={EXT_ID: Change(ssm.ext_id, text, Occasion.MARK)},
        target_id=ssm.id,
        link=link,
        sage100=sage100,
        ssm=ssm,
    )


def joined(writes: Sequence[Write]) -> Write:
    """Updates of one row as a single update: one request for all of them."""
    return replace(
        writes[0],
        values=_joined_maps(w.values for w in writes),
        expected=_joined_maps(w.expected for w in writes),
        changes=_joined_maps(w.changes for w in writes),
        carried=tuple(name for w in writes for name in w.carried),
        notices=tuple(notice for w in writes for notice in w.notices),
        undoes=next((w.undoes for w in writes if w.undoes is not None), None),
    )


def own_name(field: str, side: Side, mapper: Mapper) -> str:
    """The name that a side has for a field of a write's ``changes``."""
    return "extId" if field == EXT_ID else next(f.name_on(side) for f in mapper.fields if f.name == field)


def without(write: Write, fields: Collection[str], mapper: Mapper) -> Write:
    """A write without some of its fields, by the names that they have in its ``changes``.

    Without the last name or the first name, the other one is left out, too: they are written together (P1).
    """
    return _without(write, {*fields, *(NAMES if not set(NAMES).isdisjoint(fields) else ())}, mapper)


def _without(write: Write, fields: Collection[str], mapper: Mapper) -> Write:
    names = {own_name(field, write.side, mapper) for field in fields}
    return replace(
        write,
        values={n: v for n, v in write.values.items() if n not in names},
        expected={n: v for n, v in write.expected.items() if n not in names},
        changes={f: c for f, c in write.changes.items() if f not in fields},
        carried=tuple(f for f in write.carried if f not in fields),
        notices=tuple(n for n in write.notices if n.field is None or n.field not in fields),
    )


def only(write: Write, field: str, mapper: Mapper) -> Write:
    """A write with one of its fields alone, by the name that it has in its ``changes``."""
    name = own_name(field, write.side, mapper)
    alone = _without(write, write.changes.keys() - {field}, mapper)
    return replace(alone, values={name: write.values.get(name)})


def _joined_maps(maps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for each in maps for key, value in each.items()}


def deletion(link: Link, target: Contact, other: Contact | None, mapper: Mapper) -> Write:
    """R7, R9: the deletion of a linked contact, provided that it is as it was read (P11).

    In Sage every column counts that a user can edit (P3): what is deleted there is gone. In SSM the mapped fields do.
    """
    sage100, ssm = (target, other) if target.side is Side.SAGE100 else (other, target)
    names = [f.name_on(target.side) for f in mapper.fields]
    if target.side is Side.SAGE100:
        names += [name for name in target.row if mapper.is_column(name) and name not in names]
    return Write(
        target.side,
        Action.DELETE,
        Subject(link.company, link.sage100_id, link.ssm_id, target.full_name or link.contact),
        expected=_expected(target, names),
        target_id=target.id,
        link=link,
        sage100=sage100,
        ssm=ssm,
        notices=(_deleted_in_sage(link, target, other, mapper),) if target.side is Side.SAGE100 else (),
    )


def _deleted_in_sage(link: Link, target: Contact, ssm: Contact | None, mapper: Mapper) -> Entry:
    """R7: what the row contained, so that it can be typed again, and who deleted the contact in SSM."""
    by_column = {field.sage100: field for field in mapper.fields}

    def shown(column: str) -> Value:
        field = by_column.get(column)
        value: Value = target.row[column]
        return mapper.shown(field, Side.SAGE100, target.values.get(field.name)) if field else value

    filled = [name for name, value in target.row.items() if is_edited_by_users(name) and value not in (None, "")]
    row = tuple((name, str(shown(name))) for name in filled)
    subject = Subject(link.company, link.sage100_id, link.ssm_id, target.full_name or link.contact)
    return Entry(subject, DeletedInSage(row, links.deleted_by(ssm) if ssm else None))


def restorable_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """P5: the values of a deleted SSM contact that a new one can be created with, references as bare ids."""
    return {
        name: _writable(value)
        for name, value in row.items()
        if value is not None and name not in _NOT_RESTORED and not name.startswith(_NOT_RESTORED_PREFIXES)
    }


def _writable(value: Any) -> Any:
    # Values of lists read as objects and are written as integers (docs/facts/ssm-api.md).
    if isinstance(value, Mapping):
        return value.get("id")
    return [_writable(item) for item in value] if isinstance(value, list) else value


def creation_changes(
    side: Side, values: Mapping[str, Any], mapper: Mapper, occasion: Occasion = Occasion.NEW
) -> dict[str, Change]:
    """The changes that a creation makes, field by field, for people to read.

    Args:
        side: the side on which the contact is created.
        values: what is written, as in ``Write.values``.
        mapper: the field map at work.
        occasion: why it is created.
    """
    fields = [f for f in mapper.fields if f.name != COMPANY and values.get(f.name_on(side)) not in (None, "")]
    shown: dict[str, Value] = {f.name: mapper.shown(f, side, values[f.name_on(side)]) for f in fields}
    account = mapper.companies.account(values.get("accountId"))
    shown[COMPANY] = account.code if account else values.get("CT_Num")
    if ext_id := values.get("extId"):
        shown[EXT_ID] = ext_id
    return {name: Change(None, value, occasion) for name, value in shown.items()}
