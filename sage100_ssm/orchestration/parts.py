"""The parts of what ``prefect setup`` sets up, as it reports them."""

from dataclasses import dataclass
from enum import StrEnum


class Found(StrEnum):
    """What there was of a part. ``prefect_found_<value>`` and ``prefect_made_<value>`` are the sentences."""

    SAME = "same"
    MISSING = "missing"
    DIFFERENT = "different"
    KEPT = "kept"
    """Different by the hand of a person, and left so."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part.

    Attributes:
        kind: what it is: ``pool``, ``block``, ``deployment``, ``automation``.
        name: its name.
        found: what there was of it.
    """

    kind: str
    name: str
    found: Found
