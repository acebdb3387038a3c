"""One field of a linked contact: what is written, what is settled, what is held back (P1, P7, P8)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sage100_ssm.sync.contacts.codecs import CannotHold
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import COMPANY, Direction, Field
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Conflict, ConflictSettled, Entry, Facts
from sage100_ssm.sync.model import Link, Side, Value
from sage100_ssm.sync.policy import ConflictPolicy, Policy
from sage100_ssm.sync.rules.pair import ShownPair
from sage100_ssm.sync.rules.refused_values import value_fingerprint

_TIE = timedelta(minutes=2)
_RECEIVER = {Direction.TO_SSM: Side.SSM, Direction.TO_SAGE100: Side.SAGE100}


@dataclass(frozen=True, slots=True)
class Merged:
    """What becomes of one field.

    Attributes:
        field: the field.
        agreed: both sides have the same value: their present values become the base.
        to: the side to be written, if one is.
        value: what is written there, in that side's form.
        problem: why the field is held back, if it is.
        notice: what was decided for the user; for the journal once the write is done.
    """

    field: Field
    agreed: bool = False
    to: Side | None = None
    value: Value = None
    problem: Entry | None = None
    notice: Entry | None = None


def merge(pair: ShownPair, mapper: Mapper, policy: Policy) -> Iterator[Merged]:
    """Decide each field but the company by itself: a conflict on one never holds back the others (P1)."""
    for field in mapper.fields:
        if field.name != COMPANY:
            yield FieldMerge(field, pair, mapper, policy).decide()


@dataclass(frozen=True, slots=True)
class FieldMerge:
    """The decision about one field of a linked contact (P1, P7, P8).

    Attributes:
        field: the field.
        pair: the contact on both sides, with the base.
        mapper: the field map at work.
        policy: the site's choices.
    """

    field: Field
    pair: ShownPair
    mapper: Mapper
    policy: Policy

    def decide(self) -> Merged:
        """What becomes of the field."""
        values = self.pair.values(self.field)
        if self.mapper.is_equal(self.field, values.sage100, values.ssm):
            return Merged(self.field, agreed=True)
        changed = changed_sides(self.field, self.pair, self.mapper)
        if self.field.direction is not Direction.BOTH:
            return self._one_way(changed)
        if not changed:
            # The sides differ, and neither has changed: without a base this is how they began.
            return Merged(self.field, agreed=self.field.name not in self.pair.link.base)
        # Once a person has to settle the conflict, one side put back to its base is no answer: nothing is written
        # until both sides hold the same.
        awaits_person = self.field.name in self.pair.disputed and self._setting is ConflictPolicy.MANUAL
        if len(changed) == 1 and not awaits_person:
            return self._carry(source=changed[0])
        return self._settle()

    @property
    def _setting(self) -> ConflictPolicy:
        return self.field.conflict or self.policy.conflict

    def _one_way(self, changed: tuple[Side, ...]) -> Merged:
        """Carry the source over; a change made on the receiving side is overwritten."""
        source = _RECEIVER[self.field.direction].other
        # Without a base, an empty source does not overwrite a value.
        due = changed if self.field.name in self.pair.link.base else source in changed
        return self._carry(source=source) if due else Merged(self.field)

    def _carry(self, *, source: Side) -> Merged:
        """Carry the source's value over, or say why the other side cannot hold it (P7)."""
        target = source.other
        value, current = self.pair.value(self.field, source), self.pair.value(self.field, target)
        carried = self.mapper.carry(self.field, target, value, current)
        if isinstance(carried, CannotHold):
            return Merged(self.field, problem=self._entry(carried.facts))
        if self.mapper.is_unchanged(self.field, target, carried, current):
            return Merged(self.field, agreed=True)
        truncated = self.mapper.truncated(self.field, value, carried) if target is Side.SAGE100 else None
        return Merged(self.field, to=target, value=carried, notice=self._entry(truncated) if truncated else None)

    def _settle(self) -> Merged:
        """Both sides changed: the setting decides, and a value that the other side cannot hold never wins (P1)."""
        if self._setting is ConflictPolicy.MANUAL:
            return Merged(self.field, problem=self._entry(Conflict()))
        newest_wins = self._setting is ConflictPolicy.NEWEST
        winner = newest(self.pair, self.mapper.locale.time_zone) if newest_wins else Side(self._setting.value)
        merged = self._carry(source=winner)
        if self._cannot_win(merged) and not self._cannot_win(fallback := self._carry(source=winner.other)):
            winner, merged = winner.other, fallback
        if merged.to is None:
            return merged
        return replace(merged, notice=self._entry(ConflictSettled(winner)))

    def _cannot_win(self, merged: Merged) -> bool:
        """Whether the receiving side cannot hold the value, or is known to refuse it."""
        if merged.to is None:
            return merged.problem is not None
        source, name = self.pair.of(merged.to.other), self.field.name_on(merged.to)
        return value_fingerprint(merged.to, source.id, name, merged.value) in self.pair.refused

    def _entry(self, facts: Facts) -> Entry:
        sage100, ssm = (self.mapper.shown(self.field, side, self.pair.value(self.field, side)) for side in Side)
        return Entry(self.pair.subject, facts, self.field.name, sage100, ssm)


def changed_sides(field: Field, pair: ShownPair, mapper: Mapper) -> tuple[Side, ...]:
    """The sides whose value differs from their base; without a base, those that hold a value (P4)."""
    base = pair.link.base.get(field.name)

    def has_changed(side: Side) -> bool:
        value = pair.value(field, side)
        if base is None:
            return not mapper.is_empty(field, value)
        return not mapper.is_unknown(field, side, value) and not mapper.is_unchanged(field, side, value, base.of(side))

    return tuple(side for side in Side if has_changed(side))


def confirmed(link: Link, sage100: Contact | None, ssm: Contact | None, mapper: Mapper) -> Link:
    """The link once it is known what became of a write whose receipt never came.

    The write was done where its side now reads what was written: otherwise our own value would count as that side's
    change.
    """
    if not link.unconfirmed:
        return link
    base = dict(link.base)
    for contact in (c for c in (sage100, ssm) if c and c.side in link.unconfirmed):
        written = link.unconfirmed[contact.side]
        for field in (f for f in mapper.fields if f.name in written):
            now = contact.values.get(field.name)
            if mapper.is_unchanged(field, contact.side, now, written[field.name].of(contact.side)):
                base[field.name] = written[field.name].with_value(contact.side, now)
    return replace(link, base=base, unconfirmed={})


def newest(pair: ShownPair, zone: ZoneInfo) -> Side:
    """The side whose record was changed last; a tie goes to Sage (P1).

    Args:
        pair: the contact on both sides.
        zone: the zone of Sage's stamps, in which an hour may come twice.
    """
    sage100, ssm = moment(pair.sage100.stamp), moment(pair.ssm.stamp)
    # A record whose stamp has not moved since the base is the older one.
    if ssm is None or pair.ssm.stamp == pair.link.ssm_stamp:
        return Side.SAGE100
    if sage100 is None or pair.sage100.stamp == pair.link.sage100_stamp:
        return Side.SSM
    if abs(ssm - sage100) < _TIE or _is_ambiguous(sage100, zone):
        return Side.SAGE100
    return Side.SSM if ssm > sage100 else Side.SAGE100


def moment(stamp: str | None) -> datetime | None:
    """The time of a stamp (ISO 8601 with a zone)."""
    return datetime.fromisoformat(stamp) if stamp else None


def _is_ambiguous(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks showed that local time twice, in the night when summer time ends."""
    local = instant.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
