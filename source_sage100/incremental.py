"""The course of a reading, and what its states hold.

A state says up to which stamp all was delivered by readings that came to their end. While one is under way it
says besides how far that has come, and which stamp will be reached at its end: a reading that broke off goes on
there, and what changed behind it meanwhile bears a later stamp and comes with the next.

Where deletions are told, a state holds the keys of all rows that the reader may have: it does before any of them
is delivered, so that a row is missed whatever the reader has kept of a reading that broke off. Of companies it holds
the codes, too, by which they are known elsewhere, and which the database no longer tells.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Self

from sqlalchemy import Table

from sage100_ssm.connectors.source import Pages, State, state_errors, state_integer
from sage100_ssm.exchange.record import DELETED_AT
from sage100_ssm.sage100 import reading
from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.tables import F_COMPTET
from source_sage100.company_codes import Codes, followed, packed, unpacked
from source_sage100.key_set import Keys

CURSOR = "cbModification"
KEY = "cbMarq"
UNTIL = "until"
"""In the state of a reading under way: the stamp that is reached at its end."""
KEYS = "keys"
"""In a state where deletions are told: the keys of all rows that the reader may have."""
NEW = "new"
"""Beside `KEYS`: those of them that are yet to be read, whatever their stamp."""
CODES = "codes"
"""Beside `KEYS` of companies: the code of each."""
CODE = "CT_Num"

_DELETIONS_AT_ONCE = 5000
_MANY = 20
"""Of so many known rows, more than half do not vanish by themselves."""

_logger = logging.getLogger("airbyte")


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
            ConnectorError: it is not one of this source.
        """
        with state_errors():
            return cls(_moment(state, CURSOR), _moment(state, UNTIL), state_integer(state, KEY))

    @property
    def under_way(self) -> bool:
        """Whether a reading has begun and not come to its end."""
        return self.after is not None

    def begun(self, database: Database, table: Table) -> Self:
        """What it is once a reading is under way: that which broke off, or a new one."""
        if self.under_way:
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
    before = Progress.of(state)
    for records, progress in _course(database, table, before, broken=before.under_way):
        yield records, progress.state(database)


def changes_and_deletions(database: Database, table: Table, state: State) -> Pages:
    """Read what was changed since a state, and tell what is gone; all of the table where no state holds keys yet.

    A row whose key was not there before is read whatever its stamp. A company that is no client or prospect any
    more leaves the stream and is not told as deleted: its row is still there.
    """
    held, reached = _keys(state, KEYS), Progress.of(state)
    before = Progress() if held is None else reached
    begun = before.begun(database, table).state(database)
    census = _Census.taken(database, table, held, _keys(state, NEW))
    if table is F_COMPTET:
        census = census.coded(_codes(state), dict(reading.codes(database)))
    yield (), {**begun, **census.state()}
    yield from ((records, None) for records in _deletions(database, census))
    yield from ((records, None) for records in reading.picked(database, table, list(census.new)))
    told = census.told()
    if told != census:
        yield (), {**begun, **told.state()}
    given = Keys() if before.under_way else census.new  # behind one that broke off, they may have changed since
    for records, progress in _course(database, table, Progress.of(begun), broken=before.under_way):
        # What came into the table since its keys were read is left to the next reading, which will know of it.
        due = [row for row in records if row[KEY] in told.known and row[KEY] not in given]
        yield due, {**progress.state(database), **told.state()}


@dataclass(frozen=True)
class _Census:
    """The keys of a table, compared with those that the reader may have.

    Attributes:
        known: those that the reader may have, or will be given.
        gone: those of them whose rows are gone.
        new: those of them that are to be read whatever the row's stamp.
        codes: of companies, the codes of those known.
    """

    known: Keys
    gone: Keys = field(default_factory=Keys)
    new: Keys = field(default_factory=Keys)
    codes: Codes = field(default_factory=dict)

    @classmethod
    def taken(cls, database: Database, table: Table, held: Keys | None, unread: Keys | None) -> Self:
        """Read the keys of a table, all of them or fail.

        Args:
            database: the database.
            table: the table.
            held: the keys that the reader may have; None before the first reading, which gives every row.
            unread: those of them that a reading which broke off was yet to give.
        """
        present = Keys.of(reading.keys(database, table))
        if held is None:
            return cls(present)
        there = present | Keys.of(reading.keys(database, table, whole=True)) if reading.is_part(table) else present
        new = (present - held) | (present & (unread or Keys()))
        return cls(held | present, _believed(table, held, there), new)

    def coded(self, before: Codes, now: Codes) -> Self:
        """What it is with the codes of its rows: those known before, and those of the rows that are there."""
        return replace(self, codes=followed(before, now, self.known))

    def told(self) -> Self:
        """What it is once the deletions are told and the new rows given."""
        known = self.known - self.gone
        return type(self)(known, codes={key: code for key, code in self.codes.items() if key in known})

    def state(self) -> dict[str, Any]:
        """What a state holds of it."""
        return {KEYS: self._packed} | ({NEW: self.new.packed()} if self.new else {}) | self._packed_codes

    @cached_property
    def _packed_codes(self) -> dict[str, str]:
        return {CODES: packed(self.codes, self.known)} if self.codes else {}

    @cached_property
    def _packed(self) -> str:
        return self.known.packed()


def _believed(table: Table, held: Keys, there: Keys) -> Keys:
    """The rows that are gone; none of them while the table reads empty.

    Few empty their books, but a restore under way, or a view that filters, shows just that. What is not told stays
    known, and is told once the table holds a row again.
    """
    gone = held - there
    if gone and not there:
        _logger.warning(
            "%s reads empty, where it had %d rows: they are not told as deleted before it holds a row again. If it is "
            "to stay empty, clear the stream's data.",
            table.name,
            len(gone),
        )
        return Keys()
    if len(held) >= _MANY and 2 * len(gone) > len(held):
        _logger.warning("%d of the %d rows of %s are gone: they are told as deleted.", len(gone), len(held), table.name)
    return gone


def _course(
    database: Database, table: Table, progress: Progress, *, broken: bool
) -> Iterator[tuple[Sequence[Record], Progress]]:
    """Give pages, each with the progress that it makes.

    A reading that broke off is brought to its end, and followed by one of what changed behind it.
    """
    progress = progress.begun(database, table)
    for page in reading.pages(database, table, since=progress.since, after=progress.after or None):
        progress = progress.at(page)
        yield page, progress
    progress = progress.ended()
    yield (), progress
    if broken:
        yield from _course(database, table, progress, broken=False)


def _deletions(database: Database, census: _Census) -> Iterator[Sequence[Record]]:
    """Records of deletions, of a company with its code.

    Their stamp is the next full minute: whoever keeps the record with the latest one must not prefer the row's
    last change, whose stamp Sage may have rounded up to the minute.
    """
    now = database.now()
    deleted_at = database.time.told(now)
    stamp = database.time.told(now.replace(second=0, microsecond=0) + timedelta(minutes=1))
    keys = iter(census.gone)
    while some := list(islice(keys, _DELETIONS_AT_ONCE)):
        told = {CURSOR: stamp, DELETED_AT: deleted_at}
        yield [{KEY: key} | ({CODE: census.codes[key]} if key in census.codes else {}) | told for key in some]


def _keys(state: State, name: str) -> Keys | None:
    with state_errors():
        return Keys.unpacked(state[name]) if name in state else None


def _moment(state: Mapping[str, Any], name: str) -> datetime | None:
    """The server's local time in a state; the offset in it is for others."""
    text = state.get(name)
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)


def _codes(state: State) -> Codes:
    with state_errors():
        return unpacked(state[CODES], Keys.unpacked(state[KEYS])) if {CODES, KEYS} <= state.keys() else {}
