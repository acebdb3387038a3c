"""Reading a table whole, or by what changed since a state; and what the states contain.

A state contains the stamp up to which everything was delivered by readings that came to their end. While a reading is
under way, it also contains how far that one has come, and which stamp it reaches at its end: a reading that broke
off goes on there, and rows that change behind it in the meantime get a later stamp and come with the next reading.

No cursor is set after the server's clock, and none that is there by way of a clock that was put right is believed: all
changes until then would be left out. Rows that are themselves stamped in the future come with each reading until then.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from sqlalchemy import Table

from sage100_ssm.connectors.source import Pages, State, state_errors, state_integer
from sage100_ssm.sage100 import reading
from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database

CURSOR = "cbModification"
KEY = "cbMarq"
UNTIL = "until"
"""In the state of a reading under way: the stamp that is reached at its end."""

_logger = logging.getLogger("airbyte")

_FIRST_YEAR = 1900
"""Sage stores 1753 and 1900 for no date."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the readings of a table have come. Times are the server's local times.

    Attributes:
        since: up to where everything was read by readings that came to their end; None before the first one.
        until: up to where everything is read at the end of the one under way; None while no row has a stamp.
        after: the `cbMarq` that this one has reached; None where none is under way.
    """

    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None

    @classmethod
    def of(cls, state: State) -> Self:
        """The progress in a state.

        Raises:
            ConnectorError: the state is not one of this source.
        """
        with state_errors():
            return cls(_local_time(state, CURSOR), _local_time(state, UNTIL), state_integer(state, KEY))

    @property
    def is_under_way(self) -> bool:
        """Whether a reading has begun and not come to its end."""
        return self.after is not None

    def is_ahead_of(self, now: datetime) -> bool:
        """Whether a stamp is so far after the server's clock that a reading would leave out what is changed now."""
        # Up to the overlap it leaves out nothing. Local time goes back by an hour in autumn.
        return self.latest is not None and self.latest > now + reading.OVERLAP

    @property
    def latest(self) -> datetime | None:
        """The later of its stamps."""
        return max(filter(None, (self.since, self.until)), default=None)

    def begun(self, database: Database, table: Table) -> Self:
        """The progress once a reading is under way: the one that broke off, or a new one."""
        if self.is_under_way:
            return self
        newest = _newest_until_now(database, table, warn=_logger.warning)
        return replace(self, until=max(filter(None, (self.since, newest)), default=None), after=0)

    def at(self, page: Sequence[Record]) -> Self:
        """The progress once a page is delivered."""
        return replace(self, after=page[-1][KEY])

    def ended(self) -> Self:
        """The progress once everything is delivered."""
        return replace(self, since=self.until, until=None, after=None)

    def state(self, database: Database) -> State:
        """A state with this progress."""
        content = {CURSOR: database.time.iso(self.since), UNTIL: database.time.iso(self.until), KEY: self.after}
        return {name: value for name, value in content.items() if value is not None}


_STAMPED_AHEAD = (
    "%s has rows with a cbModification after the server's clock, up to %s (it is %s): they come with each sync until "
    "then."
)
_CURSOR_AHEAD = "The state of %s is after the server's clock (%s; it is %s): the stream is read from the start."


def progress_of(database: Database, table: Table, state: State) -> Progress:
    """The progress in a state: none where it is after the server's clock, with a warning.

    Raises:
        ConnectorError: the state is not one of this source.
    """
    progress = Progress.of(state)
    if progress.latest and progress.is_ahead_of(now := database.now()):
        _logger.warning(_CURSOR_AHEAD, table.name, progress.latest, now)
        return Progress()
    return progress


def whole(database: Database, table: Table) -> Pages:
    """Read a table whole."""
    reached = Progress(since=_newest_until_now(database, table, warn=_logger.debug))
    for page in reading.pages(database, table):
        yield page, None
    yield (), reached.state(database)


def changes(database: Database, table: Table, state: State) -> Pages:
    """Read what changed since a state; the whole table where the state is empty."""
    before = progress_of(database, table, state)
    begun = before.begun(database, table)
    for records, progress in pages_with_progress(database, table, begun, has_broken_off=before.is_under_way):
        yield records, progress.state(database)


def pages_with_progress(
    database: Database, table: Table, begun: Progress, *, has_broken_off: bool
) -> Iterator[tuple[Sequence[Record], Progress]]:
    """Pages of what changed, each with the progress once it is delivered.

    Args:
        database: the database.
        table: the table.
        begun: the progress of the reading, which has begun.
        has_broken_off: whether it began in an earlier sync: it is then followed by one of what changed behind it.
    """
    progress = begun
    for page in reading.pages(database, table, since=progress.since, after=progress.after or None):
        progress = progress.at(page)
        yield page, progress
    progress = progress.ended()
    yield (), progress
    if has_broken_off:
        yield from pages_with_progress(database, table, progress.begun(database, table), has_broken_off=False)


def _newest_until_now(database: Database, table: Table, warn: Callable[..., None]) -> datetime | None:
    """The newest stamp in a table, but not after the server's clock; None without any stamp.

    Args:
        database: the database.
        table: the table.
        warn: is called where rows are stamped in the future, with a message and what it names.
    """
    newest = reading.newest(database, table)
    if newest is None or newest <= (now := database.now()):
        return newest
    if newest > now + reading.OVERLAP:
        warn(_STAMPED_AHEAD, table.name, newest, now)
    return now


def _local_time(state: Mapping[str, str], name: str) -> datetime | None:
    """The server's local time in a state. The offset beside it is for other readers of the state."""
    if (text := state.get(name)) is None:
        return None
    moment = datetime.fromisoformat(text).replace(tzinfo=None)
    # An edited state has 0001-01-01 for "from the start", before which there is no overlap; SQL Server begins at 1753.
    return moment if moment.year >= _FIRST_YEAR else None
