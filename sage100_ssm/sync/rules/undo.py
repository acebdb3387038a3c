"""P16: what a person asked back after a write is typed on the side on which it was edited, like an edit of its own."""

from collections.abc import Collection, Iterator, Sequence

from sage100_ssm.sync.contacts.codecs import CannotHold
from sage100_ssm.sync.contacts.fields import COMPANY, NAMES, Direction, Field, FieldKind
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Entry, Subject, UndoOvertaken
from sage100_ssm.sync.model import Occasion, Side
from sage100_ssm.sync.rules.decisions import Undo
from sage100_ssm.sync.rules.merge import Merged
from sage100_ssm.sync.rules.pair import ShownPair

_AS_SHOWN = frozenset({FieldKind.TEXT, FieldKind.PHONE, FieldKind.EMAIL, FieldKind.NUMBER})
"""The kinds of fields whose values are shown as they are stored."""


def can_be_undone(field: Field) -> bool:
    """Whether what was written into a field can be asked back: it goes both ways, and is kept as it is shown."""
    return field.direction is Direction.BOTH and field.kind in _AS_SHOWN and field.name != COMPANY


def undone(undo: Undo, pair: ShownPair, mapper: Mapper) -> list[Merged]:
    """The values that are typed again on the side opposite to the one that was written.

    None where a field no longer holds what was written, or either side has edited it since (P11).
    """
    fields = [f for f in mapper.fields if f.name in undo.values and can_be_undone(f)]
    names = [f for f in fields if f.name in NAMES]
    typed = list(_typed(undo, pair, mapper, [f for f in fields if f not in names]))
    # P1: a card never ends with the last name of one person and the first name of another.
    of_names = list(_typed(undo, pair, mapper, names))
    return typed + (of_names if len(of_names) == len(names) else [])


def not_typed_again(undo: Undo, subject: Subject, typed: Collection[str] = ()) -> Iterator[Entry]:
    """The notice of each field that was asked back and is not typed again.

    Args:
        undo: what was asked back.
        subject: the contact.
        typed: the names of the fields that are.
    """
    for field, (old, _) in undo.values.items():
        if field not in typed:
            yield Entry(subject, UndoOvertaken(None if old is None else str(old)), field)


def _typed(undo: Undo, pair: ShownPair, mapper: Mapper, fields: Sequence[Field]) -> Iterator[Merged]:
    to: Side = undo.written.other
    for field in fields:
        before, after = undo.values[field.name]
        base, values = pair.link.base.get(field.name), pair.values(field)
        is_edited = base is None or any(
            not mapper.is_unchanged(field, side, values.of(side), base.of(side)) for side in Side
        )
        if is_edited or not mapper.is_unchanged(field, undo.written, values.of(undo.written), after):
            continue
        carried = mapper.carry(field, to, before, values.of(to))
        if not isinstance(carried, CannotHold) and not mapper.is_unchanged(field, to, carried, values.of(to)):
            yield Merged(field, to=to, value=carried, occasion=Occasion.UNDO)
