"""What the engine asks of a side: to be read and to be written. The connectors are put behind this in ``app``."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any, Protocol

from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.sync.contacts.mapping import Column
from sage100_ssm.sync.failures import ConfigurationError, SideUnavailableError, SyncError
from sage100_ssm.sync.model import Side

Row = Mapping[str, Any]
StreamState = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a side, or a stream of it, could not be read or written.

    Attributes:
        code: what is wrong (``login_refused``, ``unreachable``, ``schema_missing``).
        text: the connector's own sentence, with no secret in it.
        configuration: whether a person must mend it; else the next run tries again.
        details: what else a sentence for people may name: the server, the database, the driver.
    """

    code: str
    text: str
    configuration: bool = False
    details: Mapping[str, Any] = default(default_factory=dict)

    def error(self, side: Side) -> SyncError:
        """The error that ends a run which cannot do without the side."""
        kind = ConfigurationError if self.configuration else SideUnavailableError
        return kind(self.code, **self.details, side=side.value, text=self.text)


class SideFailedError(Exception):
    """A side cannot be written any further.

    Attributes:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading one stream.

    Attributes:
        rows: what was read, all of it or up to the failure.
        state: the Airbyte state after a complete read.
        failure: why it is incomplete; None if it is complete (P10).
    """

    rows: list[dict[str, Any]]
    state: StreamState | None = None
    failure: Failure | None = None

    @property
    def complete(self) -> bool:
        """Whether the stream was read to its end."""
        return self.failure is None


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
