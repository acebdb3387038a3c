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
class Reading:
    """The outcome of reading one stream.

    Attributes:
        rows: what was read, all of it or up to the failure.
        state: the stream's state after a complete read.
        failure: why it is incomplete; None if it is complete (P10).
        unreadable: what is known of the rows that the side has beside those and that cannot be kept: such of ``id``,
            ``extId``, ``deleted``, ``lastName`` and ``firstName`` as can be read.
        digests: of the rows, in their order, as ``RowDigest`` has them; only of rows of Sage that were looked up.
    """

    rows: list[dict[str, Any]]
    state: StreamState | None = None
    failure: Failure | None = None
    unreadable: Sequence[Row] = ()
    digests: Sequence[int] = ()

    @property
    def complete(self) -> bool:
        """Whether the stream was read to its end."""
        return self.failure is None
