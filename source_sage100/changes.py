"""The course of a reading, and what its states hold.

A state says up to which stamp all was delivered by readings that came to their end. While one is under way it
says besides how far that has come, and which stamp will be reached at its end: a reading that broke off goes on
there, and what changed behind it meanwhile bears a later stamp and comes with the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from sqlalchemy import Table

from connector_base.source import Pages, State
from sage100 import reading
from sage100.database import Database
from sage100.values import Record

CURSOR = "cbModification"
KEY = "cbMarq"
UNTIL = "until"
"""In the state of a reading under way: the stamp that is reached at its end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the readings of a table have come. Times are the server's local times.

    Attributes:
        since: up to where all was read by readings that came to their end; None at first.
        until: up to where all is read at the end of the one under way; None while no row has a stamp.
        after: the `cbMarq` to which that one has come; None where none is under way.
    """

    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None

    @classmethod
    def of(cls, state: State) -> Self:
        """Read a state.

        Raises:
            AirbyteTracedException: it is not one of this source.
        """
        try:
            after = state.get(KEY)
            return cls(_moment(state, CURSOR), _moment(state, UNTIL), None if after is None else int(after))
        except (TypeError, ValueError):
            raise AirbyteTracedException(
                message="The state is not one of this source. Reset it to read from the beginning.",
                internal_message="state",
                failure_type=FailureType.config_error,
            ) from None

    def begun(self, database: Database, table: Table) -> Self:
        """What it is once a reading is under way: that which broke off, or a new one."""
        if self.after is not None:
            return self
        stamps = filter(None, (self.since, reading.newest(database, table)))
        return replace(self, until=max(stamps, default=None), after=0)

    def at(self, page: Sequence[Record]) -> Self:
        """What it is once a page is delivered."""
        return replace(self, after=page[-1][KEY])

    def ended(self) -> Self:
        """What it is once all is delivered."""
        return replace(self, since=self.until, until=None, after=None)

    def state(self, database: Database) -> State:
        """Write a state."""
        told = {CURSOR: database.time.told(self.since), UNTIL: database.time.told(self.until), KEY: self.after}
        return {name: value for name, value in told.items() if value is not None}


def whole(database: Database, table: Table) -> Pages:
    """Read a table whole."""
    progress = Progress().begun(database, table)
    for page in reading.pages(database, table):
        yield page, None
    yield (), progress.ended().state(database)


def changes(database: Database, table: Table, state: State) -> Pages:
    """Read what was changed since a state; all of the table where there is none yet."""
    progress = Progress.of(state).begun(database, table)
    for page in reading.pages(database, table, since=progress.since, after=progress.after):
        progress = progress.at(page)
        yield page, progress.state(database)
    yield (), progress.ended().state(database)


def _moment(state: Mapping[str, Any], name: str) -> datetime | None:
    """The server's local time in a state; the offset in it is for others."""
    text = state.get(name)
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)
