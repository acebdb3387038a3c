"""What a run needs of a side: to read it and to write it. ``app`` implements this with the connectors."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sage100_ssm.exchange.reading import Reading, Row, RowDigest, StreamState
from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.sync.contacts.mapping import ColumnLimits


@dataclass(frozen=True, slots=True)
class Location:
    """Where a company database is, as its server says it: by this a copy on another server is known.

    Attributes:
        server: the server and its instance; None where it does not say.
        database: the database on that server, or the file.
    """

    server: str | None
    database: str | None


@dataclass(frozen=True, slots=True)
class HandingOn:
    """How rows are handed on as they are read, so that none is held in memory.

    Attributes:
        receive: takes some rows of a stream.
        seconds: how long reading a stream whole may take, a few rows at least; then it stops, and goes on from its
            state when it is read next. None to read to the end.
    """

    receive: Callable[[str, Sequence[Row]], None]
    seconds: float | None = None


class Access(Protocol):
    """A side, as a run writes it."""

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Write contacts.

        Args:
            records: by the side's own names; the destination takes them one by one as it goes on.
            sink: receives one receipt per record.

        Raises:
            SideFailedError: the side cannot be written any further. What became of the records without a receipt is
                unknown.
        """
        ...


class SageAccess(Access, Protocol):
    """The Sage side."""

    def columns(self) -> Mapping[str, ColumnLimits]:
        """The columns of ``F_CONTACTT`` in this database by name, and what each can hold.

        Raises:
            SideFailedError: the database cannot be looked at.
        """
        ...

    def digests(self, stream: str) -> Iterator[RowDigest]:
        """Every row of ``companies`` or ``contacts``, in its order in Sage, reduced to its digest.

        Raises:
            SideFailedError: the rest could not be read.
        """
        ...

    def find(self, stream: str, column: str, values: Collection[Any]) -> Reading:
        """Read the rows with these values of an indexed column; a failure is part of the reading.

        Args:
            stream: ``companies`` or ``contacts``.
            column: ``cbMarq``, ``CT_Num`` or ``CT_No``.
            values: the values, each as Sage has it.
        """
        ...

    def last_identity(self) -> int | None:
        """The highest ``cbMarq`` ever given to a contact; None where the database does not know it.

        Raises:
            SideFailedError: the database cannot be looked at.
        """
        ...

    def may_write(self) -> bool:
        """Whether the login may write contacts; also true where the database does not say.

        Raises:
            SideFailedError: the database cannot be opened.
        """
        ...

    def location(self) -> Location:
        """Where the database is.

        Raises:
            SideFailedError: the database cannot be opened.
        """
        ...


class SsmAccess(Access, Protocol):
    """The SSM side."""

    def read(
        self, streams: Mapping[str, StreamState | None], handing_on: HandingOn | None = None
    ) -> Mapping[str, Reading]:
        """Read streams: stream to its rows. A failure is part of the reading, and is never raised.

        Args:
            streams: stream to the Airbyte state since which it is read; None to read it whole.
            handing_on: where the rows go as they come; None to have them in the readings.
        """
        ...

    @property
    def requests(self) -> int:
        """The number of HTTP requests sent so far."""
        ...

    @property
    def refusals(self) -> int:
        """The number of those that SSM refused because there were too many."""
        ...

    @property
    def reduced_rate(self) -> float:
        """The requests per second that SSM took after it had refused some."""
        ...

    def find(self, ids: Collection[int]) -> Reading:
        """Read contacts by their ids, deleted ones included; an id that SSM does not show is left out."""
        ...
