"""What reading a side yields, and why a side could not be read or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

Row = Mapping[str, Any]
"""One record by the side's own names, in the types of JSON."""
StreamState = Mapping[str, Any]
"""How far a stream was read, in the terms of its source: handed back to it at the next read, unchanged."""


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


class SideFailedError(Exception):
    """A side cannot be read or written any further.

    Attributes:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Reading:
    """The outcome of reading one stream.

    Attributes:
        rows: what was read, all of it or up to the failure.
        state: the stream's state after a complete read.
        failure: why it is incomplete; None if it is complete (P10).
    """

    rows: list[dict[str, Any]]
    state: StreamState | None = None
    failure: Failure | None = None

    @property
    def complete(self) -> bool:
        """Whether the stream was read to its end."""
        return self.failure is None
