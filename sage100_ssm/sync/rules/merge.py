"""The fields of a linked contact: what is written, what is settled, what is held back (P1, P7, P8)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sage100_ssm.sync.contacts.codecs import CannotHold
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import COMPANY, NAMES, Direction, Field
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import ChangePutBack, Conflict, ConflictSettled, Entry, Facts
from sage100_ssm.sync.model import Link, Occasion, Side, Value, ValuePair
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
        waits: whether it is held back because the other name is (P7).
        occasion: where the value that is written came from.
    """

    field: Field
    agreed: bool = False
    to: Side | None = None
    value: Value = None
    problem: Entry | None = None
    notice: Entry | None = None
    waits: bool = False
    occasion: Occasion = Occasion.EDIT

    @property
    def is_held(self) -> bool:
        """Whether the field keeps its base, and is carried over in a later run."""
        return self.waits or self.problem is not None


def merge(pair: ShownPair, mapper: Mapper, policy: Policy) -> Iterator[Merged]:
    """Decide each field but the company by itself, and the two names together (P1).

    A conflict on one never holds back the others.
    """
    names = tuple(field for field in mapper.fields if field.name in NAMES)
    others = ((field,) for field in mapper.fields if field.name not in (COMPANY, *NAMES))
    for fields in (names, *others):
        yield from FieldMerge(fields, pair, mapper, policy).decide()


@dataclass(frozen=True, slots=True)
class _Difference:
    """A field in which the two sides differ, and the sides that changed it since its base."""

    field: Field
    changed_by: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class FieldMerge:
    """The decision about fields of a linked contact that are decided together: one, or the two names (P1, P7, P8).

    A card must never end with the last name of one person and the first name of another. So a change of either name
    is a change of both, one side's names win as a whole, and if one name cannot be held, both wait.

    Attributes:
        fields: the fields; they have the same direction and the same setting.
        pair: the contact on both sides, with the base.
        mapper: the field map at work.
        policy: the site's choices.
    """

    fields: Sequence[Field]
    pair: ShownPair
    mapper: Mapper
    policy: Policy

    def decide(self) -> list[Merged]:
        """What becomes of each field."""
        agreed, differences = [], []
        for field in self.fields:
            if self._is_agreed(field):
                agreed.append(Merged(field, agreed=True))
            else:
                differences.append(_Difference(field, changed_sides(field, self.pair, self.mapper)))
        return agreed + self._decide_on(differences) if differences else agreed

    def _is_agreed(self, field: Field) -> bool:
        values = self.pair.values(field)
        if self.mapper.is_equal(field, values.sage100, values.ssm):
            return True
        # P4: without a base, legacy capitals are no reason to rewrite what somebody keeps well.
        has_base = field.name in self.pair.link.base
        return not has_base and self.mapper.is_respelled(field, values.sage100, values.ssm)

    def _decide_on(self, differences: Sequence[_Difference]) -> list[Merged]:
        direction = self.fields[0].direction
        if direction is not Direction.BOTH:
            return self._one_way(differences, source=_RECEIVER[direction].other)
        changed = {side for difference in differences for side in difference.changed_by}
        # Once a person has to settle the conflict, one side put back to its base is no answer: nothing is written
        # until both sides hold the same.
        is_disputed = any(difference.field.name in self.pair.disputed for difference in differences)
        awaits_person = is_disputed and self._setting is ConflictPolicy.MANUAL
        if not changed:
            # The sides differ, and neither has changed: without a base this is how they began.
            return [Merged(d.field, agreed=d.field.name not in self.pair.link.base) for d in differences]
        if len(changed) == 1 and not awaits_person:
            return self._carry(differences, source=changed.pop())
        return self._settle(differences)

    @property
    def _setting(self) -> ConflictPolicy:
        return self.fields[0].conflict or self.policy.conflict

    def _one_way(self, differences: Sequence[_Difference], source: Side) -> list[Merged]:
        """Carry the source over; a change made on the receiving side is put back, and kept in the journal."""
        # Without a base, an empty source does not overwrite a value.
        if not any(d.field.name in self.pair.link.base or source in d.changed_by for d in differences):
            return [Merged(d.field) for d in differences]
        merged = self._carry(differences, source=source)
        return self._noted(merged, differences, source.other, ChangePutBack(source), Occasion.PUT_BACK)

    def _settle(self, differences: Sequence[_Difference]) -> list[Merged]:
        """Both sides changed: the setting decides, and a value that the other side cannot hold never wins (P1)."""
        if self._setting is ConflictPolicy.MANUAL:
            if winner := self._decided(differences):
                merged = self._carry(differences, source=winner)
                return self._noted(merged, differences, winner.other, ConflictSettled(winner), Occasion.DECISION)
            entries = (self._entry(d.field, Conflict()) if d.changed_by else None for d in differences)
            return [Merged(d.field, problem=entry) for d, entry in zip(differences, entries, strict=True)]
        newest_wins = self._setting is ConflictPolicy.NEWEST
        winner = newest(self.pair, self.mapper.locale.time_zone) if newest_wins else Side(self._setting.value)
        merged = self._carry(differences, source=winner)
        if self._cannot_win(merged) and not self._cannot_win(fallback := self._carry(differences, source=winner.other)):
            winner, merged = winner.other, fallback
        return self._noted(merged, differences, winner.other, ConflictSettled(winner), Occasion.CONFLICT)

    def _decided(self, differences: Sequence[_Difference]) -> Side | None:
        """P16: whose value stands, where a person said so and both sides still show what that person saw."""
        for field in (difference.field for difference in differences):
            decision = self.pair.decided.get(field.name)
            if decision and decision.shown == self._shown(field):
                return decision.winner
        return None

    def _cannot_win(self, merged: Sequence[Merged]) -> bool:
        """Whether the receiving side cannot hold one of the values, or is known to refuse it."""
        return any(m.problem or self._is_refused(m) for m in merged)

    def _is_refused(self, merged: Merged) -> bool:
        if merged.to is None:
            return False
        source, name = self.pair.of(merged.to.other), merged.field.name_on(merged.to)
        return value_fingerprint(merged.to, source.id, name, merged.value) in self.pair.refused

    def _noted(
        self,
        merged: Sequence[Merged],
        differences: Sequence[_Difference],
        loser: Side,
        facts: Facts,
        occasion: Occasion,
    ) -> list[Merged]:
        """The decisions, with a notice of each value that the losing side had changed and that is overwritten."""
        return [
            replace(m, notice=self._entry(m.field, facts), occasion=occasion)
            if m.to is loser and loser in d.changed_by
            else m
            for m, d in zip(merged, differences, strict=True)
        ]

    def _carry(self, differences: Sequence[_Difference], *, source: Side) -> list[Merged]:
        """Carry the source's values over, or say why the other side cannot hold them: then all of them wait (P7)."""
        merged = [self._carried(d.field, source) if d.changed_by else Merged(d.field) for d in differences]
        if _has_problem(merged):
            return [Merged(m.field, waits=True) if m.to else m for m in merged]
        return merged

    def _carried(self, field: Field, source: Side) -> Merged:
        target = source.other
        value, current = self.pair.value(field, source), self.pair.value(field, target)
        carried = self.mapper.carry(field, target, value, current)
        if isinstance(carried, CannotHold):
            return Merged(field, problem=self._entry(field, carried.facts))
        if self.mapper.is_unchanged(field, target, carried, current):
            return Merged(field, agreed=True)
        truncated = self.mapper.truncated(field, value, carried) if target is Side.SAGE100 else None
        return Merged(field, to=target, value=carried, notice=self._entry(field, truncated) if truncated else None)

    def _entry(self, field: Field, facts: Facts) -> Entry:
        shown = self._shown(field)
        return Entry(self.pair.subject, facts, field.name, shown.sage100, shown.ssm)

    def _shown(self, field: Field) -> ValuePair:
        """The present values, for people to read."""
        return ValuePair(*(self.mapper.shown(field, side, self.pair.value(field, side)) for side in Side))


def _has_problem(merged: Sequence[Merged]) -> bool:
    return any(m.problem for m in merged)


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
