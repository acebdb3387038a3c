"""What people decided about pairs of contacts and about fields (P16), as the rules need it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from enum import StrEnum
from typing import NamedTuple

from sage100_ssm.sync.model import Side, Value, ValuePair


class Choice(StrEnum):
    """What a person can decide."""

    SAME = "same"
    """These two contacts are one person: link them."""
    DIFFERENT = "different"
    """They are two people: never ask again, create both."""
    SAGE100 = "sage100"
    """Sage's value stands."""
    SSM = "ssm"
    """SSM's value stands."""
    ACCEPT = "accept"
    """A known problem: not shown again until it changes."""


class Pair(NamedTuple):
    """A Sage contact and an SSM contact, by their ids."""

    sage100_id: int
    ssm_id: int


@dataclass(frozen=True, slots=True)
class ValueDecision:
    """Whose value of a field stands. It holds as long as both sides show what the person saw.

    Attributes:
        winner: the side whose value stands.
        shown: the values that the person saw, as ``Mapper.shown`` gives them.
    """

    winner: Side
    shown: ValuePair


@dataclass(frozen=True, slots=True)
class Undo:
    """What a person asked back: the values from before a write, to be typed on the side that they were edited on.

    Attributes:
        id: the write's key.
        written: the side that the write changed.
        values: per field, the values on that side before and after the write.
    """

    id: int
    written: Side
    values: Mapping[str, tuple[Value, Value]]


@dataclass(frozen=True, slots=True)
class Decisions:
    """The decisions that people took and did not take back.

    Attributes:
        same: the pairs that are one person.
        different: the pairs that are two people.
        separated: the pairs that were linked because a person said so, who took it back: a person decides again.
        values: whose value stands, by the pair and then by the field's name.
        undos: what a person asked back, by the pair.
    """

    same: frozenset[Pair] = frozenset()
    different: frozenset[Pair] = frozenset()
    separated: frozenset[Pair] = frozenset()
    values: Mapping[Pair, Mapping[str, ValueDecision]] = default(default_factory=dict)
    undos: Mapping[Pair, Undo] = default(default_factory=dict)

    def keep_apart(self, sage100_id: int, ssm_id: int) -> bool:
        """Whether a person said that the two are different, or is to say again who they are."""
        pair = Pair(sage100_id, ssm_id)
        return pair in self.different or pair in self.separated
