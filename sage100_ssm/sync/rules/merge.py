"""One field of a linked contact: what travels, what is settled, what is held back (P1, P7, P8)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sage100_ssm.sync.contacts.codecs import Held
from sage100_ssm.sync.contacts.contact import Contact, subject_of
from sage100_ssm.sync.contacts.fields import COMPANY, Direction, Field
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Code, Entry, Link, Pair, Side, Value
from sage100_ssm.sync.policy import ConflictPolicy, Policy

_TIE = timedelta(minutes=2)
_RECEIVER = {Direction.TO_SSM: Side.SSM, Direction.TO_SAGE100: Side.SAGE100}


@dataclass(frozen=True, slots=True)
class Merged:
    """What becomes of one field.

    Attributes:
        field: the field.
        agreed: both sides say the same: their present values become the base.
        to: the side to be written, if one is.
        value: what is written there, in that side's form.
        problem: why the field is held back, if it is.
        notice: what was decided for the user, to be told once it is written.
    """

    field: Field
    agreed: bool = False
    to: Side | None = None
    value: Value = None
    problem: Entry | None = None
    notice: Entry | None = None


@dataclass(frozen=True, slots=True)
class Views:
    """A linked contact as both sides show it, and the base they are measured against.

    Attributes:
        link: the link, with the base.
        sage100: the Sage contact.
        ssm: the SSM contact.
        disputed: the fields of which the journal says that a person must settle them (P1 ``manual``).
    """

    link: Link
    sage100: Contact
    ssm: Contact
    disputed: frozenset[str] = frozenset()

    def of(self, side: Side) -> Contact:
        """The contact on one side."""
        return self.sage100 if side is Side.SAGE100 else self.ssm

    def value(self, field: Field, side: Side) -> Value:
        """The field's present value on one side."""
        return self.of(side).values.get(field.name)

    def pair(self, field: Field) -> Pair:
        """The field's present values."""
        return Pair(self.value(field, Side.SAGE100), self.value(field, Side.SSM))


def merge(views: Views, mapper: Mapper, policy: Policy) -> Iterator[Merged]:
    """Decide each field but the company by itself: a conflict on one never holds back the others (P1)."""
    for field in mapper.fields:
        if field.name != COMPANY:
            yield merge_field(field, views, mapper, policy)


def merge_field(field: Field, views: Views, mapper: Mapper, policy: Policy) -> Merged:
    """Decide one field of a linked contact (P1, P7, P8).

    Once a conflict is a person's to settle, one side put back to its base is no answer: nothing is written until both
    sides hold the same.
    """
    pair = views.pair(field)
    if mapper.equal(field, pair.sage100, pair.ssm):
        return Merged(field, agreed=True)
    changed = changed_sides(field, views, mapper)
    if field.direction is not Direction.BOTH:
        return _one_way(field, views, mapper, changed)
    if not changed:
        return Merged(field, agreed=field.name not in views.link.base)
    if len(changed) == 1 and not (field.name in views.disputed and _setting(field, policy) is ConflictPolicy.MANUAL):
        return _send(field, views, mapper, source=changed[0])
    return _settle(field, views, mapper, policy)


def changed_sides(field: Field, views: Views, mapper: Mapper) -> tuple[Side, ...]:
    """The sides whose value differs from their base; without a base, those that hold a value (P4)."""
    base = views.link.base.get(field.name)
    return tuple(side for side in Side if _has_changed(field, side, views, mapper, base))


def _has_changed(field: Field, side: Side, views: Views, mapper: Mapper, base: Pair | None) -> bool:
    value = views.value(field, side)
    if base is None:
        return not mapper.empty(field, value)
    return not mapper.says_nothing(field, side, value) and not mapper.unchanged(field, side, value, base.of(side))


def _one_way(field: Field, views: Views, mapper: Mapper, changed: tuple[Side, ...]) -> Merged:
    """The receiving side's own change is put back; without a base an empty source puts nothing over a value."""
    receiver = _RECEIVER[field.direction]
    if field.name in views.link.base:
        return _send(field, views, mapper, source=receiver.other) if changed else Merged(field)
    return _send(field, views, mapper, source=receiver.other) if receiver.other in changed else Merged(field)


def _send(field: Field, views: Views, mapper: Mapper, *, source: Side) -> Merged:
    """Carry the source's value over, or say why the other side cannot hold it (P7)."""
    target = source.other
    value, current = views.value(field, source), views.value(field, target)
    carried = mapper.carry(field, target, value, current)
    if isinstance(carried, Held):
        return Merged(field, problem=_held(field, views, mapper, carried))
    if mapper.unchanged(field, target, carried, current):
        return Merged(field, agreed=True)
    shortened = target is Side.SAGE100 and mapper.shortened(field, value, carried)
    notice = _entry(Code.VALUE_TRUNCATED, field, views, mapper, rule="P7", text=carried) if shortened else None
    return Merged(field, to=target, value=carried, notice=notice)


def _settle(field: Field, views: Views, mapper: Mapper, policy: Policy) -> Merged:
    """Both sides changed: the setting decides, and a value that the other side cannot hold never wins (P1)."""
    setting = _setting(field, policy)
    if setting is ConflictPolicy.MANUAL:
        return Merged(field, problem=_entry(Code.CONFLICT, field, views, mapper, rule="P1"))
    winner = newest(views, mapper.locale.time_zone) if setting is ConflictPolicy.NEWEST else Side(setting.value)
    merged = _send(field, views, mapper, source=winner)
    if merged.problem:
        winner = winner.other
        fallback = _send(field, views, mapper, source=winner)
        merged = merged if fallback.problem else fallback
    if merged.to is None:
        return merged
    notice = _entry(Code.CONFLICT_SETTLED, field, views, mapper, rule="P1", winner=winner.value)
    return Merged(field, to=merged.to, value=merged.value, notice=notice)


def _setting(field: Field, policy: Policy) -> ConflictPolicy:
    return field.conflict or policy.conflict


def confirmed(link: Link, sage100: Contact | None, ssm: Contact | None, mapper: Mapper) -> Link:
    """The link once it is known what became of a write whose receipt never came.

    It was done where its side now reads what was written: else what we wrote would count as that side's own change.
    """
    if not link.unconfirmed:
        return link
    base = dict(link.base)
    for contact in (c for c in (sage100, ssm) if c and c.side in link.unconfirmed):
        left = link.unconfirmed[contact.side]
        for field in (f for f in mapper.fields if f.name in left):
            now = contact.values.get(field.name)
            if mapper.unchanged(field, contact.side, now, left[field.name].of(contact.side)):
                base[field.name] = left[field.name].showing(contact.side, now)
    return replace(link, base=base, unconfirmed={})


def newest(views: Views, zone: ZoneInfo) -> Side:
    """The side whose record was changed last; a tie goes to Sage (P1)."""
    sage100, ssm = moment(views.sage100.stamp), moment(views.ssm.stamp)
    if ssm is None or views.ssm.stamp == views.link.ssm_stamp:
        return Side.SAGE100
    if sage100 is None or views.sage100.stamp == views.link.sage100_stamp:
        return Side.SSM
    if abs(ssm - sage100) < _TIE or _ambiguous(sage100, zone):
        return Side.SAGE100
    return Side.SSM if ssm > sage100 else Side.SAGE100


def moment(stamp: str | None) -> datetime | None:
    """The time of a stamp (ISO 8601 with a zone)."""
    return datetime.fromisoformat(stamp) if stamp else None


def _ambiguous(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether the local time stood on the clock twice that night."""
    local = instant.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _held(field: Field, views: Views, mapper: Mapper, held: Held) -> Entry:
    return _entry(held.code, field, views, mapper, rule="P7", **held.details)


def _entry(code: Code, field: Field, views: Views, mapper: Mapper, *, rule: str, **details: object) -> Entry:
    return Entry(
        code,
        subject_of(views.sage100, views.ssm),
        rule,
        field.name,
        mapper.shown(field, Side.SAGE100, views.value(field, Side.SAGE100)),
        mapper.shown(field, Side.SSM, views.value(field, Side.SSM)),
        details,
    )
