"""A long list in parts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Part(Generic[ItemT]):
    """One part of a list.

    Attributes:
        items: what is in it.
        number: which part it is, from 1.
        parts: how many there are.
        total: how many items the whole list has.
    """

    items: Sequence[ItemT]
    number: int
    parts: int
    total: int


def part_of(items: Sequence[ItemT], number: int, size: int) -> Part[ItemT]:
    """A part of a list; for a number that is too high, the last one."""
    parts = max(1, -(-len(items) // size))
    number = min(max(number, 1), parts)
    return Part(items[(number - 1) * size : number * size], number, parts, len(items))
