"""Reading what changed in SSM since a state, and what the state contains."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from sage100_ssm.connectors.source import Pages, State, state_errors, state_integer
from sage100_ssm.ssm import where
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Rejected
from sage100_ssm.ssm.responses import Page
from sage100_ssm.ssm.values import changed_at, format_stamp, parse_stamp

CURSOR = "changed_at"
NEWEST_ID = "newest_id"
"""In the state: the id of the row with the newest stamp, which the next reading must show again, since it overlaps."""
PAGE_ROWS = "page_rows"
"""In the state: the largest number of rows of a page in the last whole reading, by which a last page is recognised."""
UNREAD_FROM = "unread_from"
"""In the state of a whole reading that stopped because its time was over: the lowest id that it has shown."""

_logger = logging.getLogger("airbyte")


def changes(
    client: SsmClient,
    resource: str,
    state: State,
    overlap: timedelta,
    note: Callable[[Page], Page],
    until: float | None = None,
) -> Pages:
    """Read what changed since a state; everything where it is empty. The new state comes at the end.

    Reading everything may stop before its end. The next reading goes on from there, and reads what changed besides.

    Args:
        client: the client.
        resource: `contacts` or `accounts`.
        state: the state.
        overlap: how far to go back before its cursor.
        note: is called with each page, and returns it.
        until: the moment, by the monotonic clock, after which reading everything stops; None to read to the end.
    """
    with state_errors():
        start = _cursor(state)
        full, newest_id = state_integer(state, PAGE_ROWS), state_integer(state, NEWEST_ID)
        unread_from = state_integer(state, UNREAD_FROM)
    if start is not None and _is_ahead(client, resource, start, overlap):
        _logger.warning("The state of %s is after the clock of Sage Sales Management: all are read.", resource)
        start = None
    coverage = _Coverage()
    unread = _Unread(unread_from if start else None)
    if start is None or unread.lowest is not None:
        # Of rows without any stamp there would be no state to go on from.
        pages = unread.pages(client, resource, until, lambda: start is not None or coverage.newest is not None)
        yield from coverage.observe(map(note, pages), None)
    if start is not None:
        coverage = _Coverage()
    # The overlap includes the row that was the newest. Where it is not shown again, SSM shifts the dates of the
    # condition, or shows the row no more: changes may be hidden, and everything is read.
    witness = newest_id if start and overlap else None
    if start is not None:
        pages = _changed_pages(client, resource, start - overlap, full)
        yield from coverage.observe(map(note, pages), witness)
    if witness is not None and not coverage.has_seen_witness:
        _logger.warning("The condition on dates hides rows of %s that it should show: all are read.", resource)
        start = unread.lowest = None
        yield from coverage.observe(map(note, client.pages(resource)), witness)
    # Not before: rows come in the order of their ids, so that only a whole pass covers a period.
    if reached := coverage.until(start):
        largest = full if start else coverage.largest
        newest = coverage.newest[1] if coverage.newest else witness
        facts = {PAGE_ROWS: largest, NEWEST_ID: newest, UNREAD_FROM: unread.lowest}
        yield (), {CURSOR: format_stamp(reached), **{name: value for name, value in facts.items() if value}}


@dataclass(slots=True)
class _Unread:
    """What a whole reading has not shown yet, newest id first.

    Attributes:
        lowest: the lowest id that was shown, if the reading stops there; None before the first page and after the last.
    """

    lowest: int | None

    def pages(
        self, client: SsmClient, resource: str, until: float | None, may_stop: Callable[[], bool]
    ) -> Iterator[Page]:
        """The pages, until the time is over; those that were shown come again where SSM cannot leave them out.

        Args:
            client: the client.
            resource: `contacts` or `accounts`.
            until: the moment after which it stops, one page at least; None to read to the end.
            may_stop: whether it may stop after the page that was taken last.
        """
        if self.lowest is not None:
            is_gone = False
            with suppress(Rejected):
                # The lowest id once more: where it is not shown, the condition hides rows, and the rest as well.
                below = client.pages(resource, where.is_up_to(self.lowest))
                first = next(below, None)
                ids = _ids(first) if first else set()
                if first and self.lowest in ids and max(ids) <= self.lowest:
                    yield from self._in_order(chain([first], below), until, may_stop)
                    return
                is_gone = max(ids, default=0) < self.lowest and not self._is_shown(client, resource)
            if is_gone:
                _logger.warning("Row %d of %s is not shown any more: all are read again.", self.lowest, resource)
            else:
                _logger.warning("The condition on ids does not hold for %s: all are read at once.", resource)
                until = None
            self.lowest = None
        yield from self._in_order(client.pages(resource), until, may_stop)

    def _is_shown(self, client: SsmClient, resource: str) -> bool:
        """Whether SSM shows the row with the lowest id where it is asked for that one."""
        return any(self.lowest in _ids(page) for page in client.pages(resource, where.is_id(self.lowest or 0)))

    def _in_order(self, pages: Iterable[Page], until: float | None, may_stop: Callable[[], bool]) -> Iterator[Page]:
        is_in_order, before = True, self.lowest
        for page in pages:
            yield page
            ids = _ids(page)
            # A row further up would be missed by a reading that goes on below.
            is_in_order = (
                is_in_order and (self.lowest is None or max(ids, default=0) <= self.lowest) and _descends(page)
            )
            self.lowest = min(ids, default=self.lowest)
            # Where the lowest id of the part before is all that came, it has not gone on yet.
            has_gone_on = self.lowest is not None and self.lowest != before
            if until is not None and time.monotonic() >= until and is_in_order and has_gone_on and may_stop():
                return
        self.lowest = None


def _ids(page: Page) -> set[int]:
    return {*(row["id"] for row in page.rows), *(row.id for row in page.unreadable if row.id is not None)}


def _descends(page: Page) -> bool:
    """Whether the rows of a page come with the newest id first."""
    ids = [row["id"] for row in page.rows]
    return ids == sorted(ids, reverse=True)


@dataclass(slots=True)
class _Coverage:
    """What the pages of a reading have shown so far.

    Attributes:
        began: the server's clock at the first page; ours where it does not say.
        newest: the newest stamp, and the id of its row.
        largest: the largest number of rows of a page.
        has_seen_witness: whether the row was shown that must be.
    """

    began: datetime | None = None
    newest: tuple[datetime, int] | None = None
    largest: int = 0
    has_seen_witness: bool = False

    def observe(self, pages: Iterable[Page], witness: int | None) -> Pages:
        """Pass pages on, and note what they show."""
        here = datetime.now(UTC)
        for page in pages:
            self.began = self.began or page.date or here
            self.largest = max(self.largest, len(page.rows) + len(page.unreadable))
            self.has_seen_witness = self.has_seen_witness or witness in _ids(page)
            stamps = [(moment, row["id"]) for row in page.rows if (moment := changed_at(row))]
            self.newest = max(filter(None, (self.newest, *stamps)), default=None)
            yield page.rows, None

    def until(self, start: datetime | None) -> datetime | None:
        """The time up to which everything is read; None where nothing has a stamp.

        Args:
            start: the time up to which everything was read before.
        """
        # The newest stamp; but not after the server's clock at the first page: a row may change behind the reading.
        reached = min(self.newest[0], self.began or self.newest[0]) if self.newest else None
        return max(filter(None, (reached, start)), default=None)


def _is_ahead(client: SsmClient, resource: str, start: datetime, overlap: timedelta) -> bool:
    """Whether a cursor is so far after SSM's clock that a reading would leave out what is changed now.

    Less than the overlap does no harm: a reading goes back by that much.
    """
    # SSM shows its clock with a page alone; ours, which may be wrong, says whether there is a reason to ask.
    if start <= datetime.now(UTC) + overlap:
        return False
    page = next(client.pages(resource), None)
    return start > ((page and page.date) or datetime.now(UTC)) + overlap


def _changed_pages(client: SsmClient, resource: str, since: datetime | None, full: int | None) -> Iterator[Page]:
    """Pages of what changed, by the narrowest condition that SSM accepts; all pages where it accepts none."""
    if since is not None:
        # Not every instance may accept a condition on `dateDeleted`.
        for condition in (where.changed_since(since), where.changed_since_or_deleted(since)):
            with suppress(Rejected):
                yield from client.pages(resource, condition, full=full)
                return
    yield from client.pages(resource)


def _cursor(state: State) -> datetime | None:
    """The time of a state; None where it has none.

    Raises:
        TypeError, ValueError: the value is no date.
    """
    stamp = state.get(CURSOR)
    if stamp is None:
        return None
    datetime.fromisoformat(stamp)  # raises; `parse_stamp` would return None
    return parse_stamp(stamp)
