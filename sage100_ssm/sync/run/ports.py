"""What the engine asks of a side: to be read and to be written. The connectors are put behind this in ``app``."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from sage100_ssm.exchange.reading import Reading, Row, StreamState
from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.sync.contacts.mapping import Column


class Access(Protocol):
    """A side, as the engine reads and writes it."""

    def read(self, streams: Mapping[str, StreamState | None]) -> Mapping[str, Reading]:
        """Read streams, each whole or since a state. A failure is told in the reading, never raised."""
        ...

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Write contacts, one by one as they are given; one receipt each.

        Raises:
            SideFailedError: the side cannot be written any further. Records without a receipt are uncertain.
        """
        ...


class SageAccess(Access, Protocol):
    """The Sage side."""

    def columns(self) -> Mapping[str, Column]:
        """The columns of ``F_CONTACTT`` in this database, and what each can hold.

        Raises:
            SideFailedError: the database cannot be looked at.
        """
        ...

    def last_identity(self) -> int | None:
        """The highest ``cbMarq`` ever given to a contact; None where the database does not tell.

        Raises:
            SideFailedError: the database cannot be looked at.
        """
        ...


class SsmAccess(Access, Protocol):
    """The SSM side."""

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent so far."""
        ...

    def find(self, ids: Collection[int]) -> Reading:
        """Read contacts by their ids, deleted ones included."""
        ...
