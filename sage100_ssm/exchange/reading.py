"""What reading a side yields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sage100_ssm.exchange.failure import Failure

Row = Mapping[str, Any]
"""One record by the side's own names, in the types of JSON."""
StreamState = Mapping[str, Any]
"""How far a stream was read, in the terms of its source: handed back to it at the next read, unchanged."""


class RowDigest(NamedTuple):
    """A row of Sage, reduced to what shows whether it is as it was.

    Attributes:
        id: ``cbMarq``.
        company: ``CT_Num``.
        number: ``CT_No``; 0 for none, and for a company.
        digest: of all columns that are read; 63 bits.
    """

    id: int
    company: str
    number: int
    digest: int


@dataclass(frozen=True, slots=True)
class IdRange:
    """Some ids of a stream, in their order.

    Attributes:
        lowest: the lowest of them; None where they go down to the first.
        highest: the highest of them; None where they go up to the last.
    """

    lowest: int | None = None
    highest: int | None = None

    def __contains__(self, id_: int) -> bool:
        """Whether an id is one of them."""
        return (self.lowest is None or self.lowest <= id_) and (self.highest is None or id_ <= self.highest)


@dataclass(frozen=True, slots=True)
class Reading:
    """The outcome of reading one stream.

    Attributes:
        rows: what was read, all of it or up to the failure.
        state: the stream's state after a complete read.
        failure: why it is incomplete; None if it is complete (P10).
        unreadable: what is known of the rows that the side has beside those and that cannot be kept: such of ``id``,
            ``extId``, ``deleted``, ``lastName`` and ``firstName`` as can be read.
        digests: of the rows, in their order, as ``RowDigest`` has them; only of rows of Sage that were looked up.
        handed_on: the ids of the rows that were handed on as they came, and are not among ``rows``.
        covered: the ids of which every row was shown that the side has; None where only changes were read.
    """

    rows: Sequence[Row]
    state: StreamState | None = None
    failure: Failure | None = None
    unreadable: Sequence[Row] = ()
    digests: Sequence[int] = ()
    handed_on: frozenset[int] = frozenset()
    covered: IdRange | None = None

    @property
    def ids(self) -> frozenset[int]:
        """The ids of all rows that were read."""
        return self.handed_on.union(row["id"] for row in self.rows)

    @property
    def is_to_go_on(self) -> bool:
        """Whether a whole reading stopped because its time was over; the next one goes on from its state."""
        return self.covered is not None and self.covered.lowest is not None

    @property
    def complete(self) -> bool:
        """Whether the stream was read to its end."""
        return self.failure is None
