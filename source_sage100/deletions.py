"""Reading what changed in a table together with what was deleted from it.

Sage logs no deletion (docs/facts/sage100.md, "Deletions"). A state therefore contains the keys of all rows that the
reader may have, compared at each reading with those that exist. It does so before any of them is delivered: a row that
is deleted is reported whatever the reader has kept of a reading that broke off. For companies the state also contains
the codes, by which other systems know them, and which the database no longer has.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Self

from sqlalchemy import Table

from sage100_ssm.connectors.source import Pages, State, state_errors
from sage100_ssm.exchange.record import DELETED_AT
from sage100_ssm.sage100 import reading
from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.tables import F_COMPTET
from source_sage100 import company_codes
from source_sage100.company_codes import Codes
from source_sage100.incremental import CURSOR, KEY, Progress, pages_with_progress, progress_of
from source_sage100.key_set import KeySet

KEYS = "keys"
"""In a state: the keys of all rows that the reader may have."""
NEW = "new"
"""Beside `KEYS`: those of them that are still to be read, whatever their stamp."""
CODES = "codes"
"""Beside `KEYS` of companies: the code of each."""
CODE = "CT_Num"

_DELETIONS_PER_PAGE = 5000
_MANY = 20
"""Of so many known rows, it is unlikely that more than half are deleted at once."""

_logger = logging.getLogger("airbyte")


def changes_and_deletions(database: Database, table: Table, state: State) -> Pages:
    """Read what changed since a state, and what was deleted; the whole table where no state contains keys yet.

    A row whose key is new is read whatever its stamp. A company that is no client or prospect any more leaves the
    stream without a deletion: its row still exists.
    """
    held, reached = _key_set(state, KEYS), progress_of(database, table, state)
    before = Progress() if held is None else reached
    begun = before.begun(database, table)
    census = _Census.taken(database, table, held, _key_set(state, NEW))
    if table is F_COMPTET:
        census = census.with_codes(_codes(state), dict(reading.codes(database)))
    yield (), {**begun.state(database), **census.state()}
    yield from ((records, None) for records in _deletions(database, census))
    yield from ((records, None) for records in reading.rows_of(database, table, list(census.new)))
    rest = census.delivered()
    if rest != census:
        yield (), {**begun.state(database), **rest.state()}
    # Behind a reading that broke off, the new rows may have changed since they were read.
    delivered = KeySet() if before.is_under_way else census.new
    pages = pages_with_progress(database, table, begun, has_broken_off=before.is_under_way)
    for records, progress in pages:
        # A row that was inserted after the census is left to the next reading, whose census has its key.
        due = [row for row in records if row[KEY] in rest.known and row[KEY] not in delivered]
        yield due, {**progress.state(database), **rest.state()}


@dataclass(frozen=True)
class _Census:
    """The keys of a table, compared with those that the reader may have.

    Attributes:
        known: the rows that the reader may have, or is about to get.
        gone: those of them that were deleted.
        new: those of them that are to be read whatever their stamp.
        codes: of companies, the codes of those known.
    """

    known: KeySet
    gone: KeySet = field(default_factory=KeySet)
    new: KeySet = field(default_factory=KeySet)
    codes: Codes = field(default_factory=dict)

    @classmethod
    def taken(cls, database: Database, table: Table, held: KeySet | None, unread: KeySet | None) -> Self:
        """Compare with the keys of a table.

        Args:
            database: the database.
            table: the table.
            held: the keys that the reader may have; None before the first reading, which delivers every row.
            unread: those of them that a reading which broke off had still to deliver.

        Raises:
            SageError: not all keys could be read.
        """
        present = KeySet.of(reading.keys(database, table))
        if held is None:
            return cls(present)
        existing = present
        if reading.is_filtered(table):
            existing |= KeySet.of(reading.keys(database, table, whole=True))
        new = (present - held) | (present & (unread or KeySet()))
        return cls(held | present, _deleted(table, held, existing), new)

    def with_codes(self, before: Codes, now: Codes) -> Self:
        """The same with the codes of its rows: those known before, and those of the rows that exist."""
        return replace(self, codes=company_codes.updated(before, now, self.known))

    def delivered(self) -> Self:
        """The same once the deletions and the new rows are delivered."""
        known = self.known - self.gone
        return type(self)(known, codes={key: code for key, code in self.codes.items() if key in known})

    def state(self) -> dict[str, Any]:
        """Its part of a state."""
        return self._packed | ({NEW: self.new.packed()} if self.new else {})

    @cached_property
    def _packed(self) -> dict[str, str]:
        # Packed once: a state is sent with every page.
        codes = {CODES: company_codes.packed(self.codes, self.known)} if self.codes else {}
        return {KEYS: self.known.packed(), **codes}


def _deleted(table: Table, held: KeySet, existing: KeySet) -> KeySet:
    """The rows that were deleted; none while the table is empty."""
    gone = held - existing
    if gone and not existing:
        # Hardly anybody deletes everything, but a restore under way, or a view that filters, looks like that. The rows
        # stay known, and are reported once the table has a row again.
        _logger.warning(
            "%s reads empty, where it had %d rows: they are not reported as deleted before it has a row again. If it "
            "is to stay empty, clear the stream's data.",
            table.name,
            len(gone),
        )
        return KeySet()
    if len(held) >= _MANY and 2 * len(gone) > len(held):
        _logger.warning(
            "%d of the %d rows of %s are gone: they are reported as deleted.", len(gone), len(held), table.name
        )
    return gone


def _deletions(database: Database, census: _Census) -> Iterator[Sequence[Record]]:
    """Pages of records of deletions: the key, of a company also its code, the stamp and the time of the deletion."""
    now = database.now()
    deleted_at = database.time.iso(now)
    # The next full minute: a reader that keeps the record with the latest stamp must not prefer the row's last change,
    # whose stamp Sage may have rounded up to the minute.
    stamp = database.time.iso(now.replace(second=0, microsecond=0) + timedelta(minutes=1))
    keys = iter(census.gone)
    while some := list(islice(keys, _DELETIONS_PER_PAGE)):
        times = {CURSOR: stamp, DELETED_AT: deleted_at}
        yield [{KEY: key} | ({CODE: census.codes[key]} if key in census.codes else {}) | times for key in some]


def _key_set(state: State, name: str) -> KeySet | None:
    with state_errors():
        return KeySet.unpacked(state[name]) if name in state else None


def _codes(state: State) -> Codes:
    with state_errors():
        known = {CODES, KEYS} <= state.keys()
        return company_codes.unpacked(state[CODES], KeySet.unpacked(state[KEYS])) if known else {}
