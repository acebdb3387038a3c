"""What each stream of the Airbyte source reads from the state, and what its Airbyte state contains.

A stream that is read incrementally gives each record at least once after each change that it follows. Its state holds
the highest number that was there, and what below it was not settled yet.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sage100_ssm.app.contact_sync import records
from sage100_ssm.app.contact_sync.records import Columns, Record
from sage100_ssm.connectors.source import CursorStream, FullStream, Pages, State, state_errors, state_integer
from sage100_ssm.messages import Language
from sage100_ssm.sync.state.changes import Position
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction

T = TypeVar("T")

_PAGE = 1000
_CLOCKS_APART = timedelta(hours=1)
"""How far the clocks of the machines may differ on which problems are closed and people forgotten."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_LAST, _PENDING, _CLOSED, _FORGOTTEN = "last", "pending", "closed_at", "forgotten_at"
_AHEAD = "The state of %s is of another state database (%d, where the newest number is %d): it is read from the start."

logger = logging.getLogger("airbyte")


class StateStreams:
    """The streams of a state database.

    Args:
        open_state: opens the state, to read alone.
        language: of titles and sentences.
        with_personal_data: whether records contain names and values of people.
    """

    def __init__(self, open_state: Callable[[], StateStore], language: Language, *, with_personal_data: bool) -> None:
        self._open_state, self._language, self._with_personal_data = open_state, language, with_personal_data

    def streams(self) -> list[FullStream]:
        """All of them."""
        return [
            self._incremental("runs", records.RUNS, "run_id", "number", self._runs),
            self._full("open_problems", records.OPEN_PROBLEMS, self._open_problems),
            self._incremental("journal", records.JOURNAL, "id", "changed_at", self._journal),
            self._incremental("writes", records.WRITES, "id", "id", self._writes),
            self._full("links", records.LINKS, self._links),
        ]

    def _full(self, name: str, columns: Columns, read: Callable[[Transaction], Iterable[Record]]) -> FullStream:
        def pages() -> Pages:
            with self._open_state() as store, store.reading() as transaction:
                for page in _paged(read(transaction)):
                    yield self._shown(columns, page), None

        return FullStream(name, self._schema(columns), "id", pages)

    def _incremental(
        self, name: str, columns: Columns, key: str, cursor: str, read: Callable[[Transaction, State], Pages]
    ) -> CursorStream:
        def since(state: State) -> Pages:
            with self._open_state() as store, store.reading() as transaction:
                for page, reached in read(transaction, state):
                    yield self._shown(columns, page), reached

        return CursorStream(name, self._schema(columns), key, cursor, lambda: since({}), since)

    def _schema(self, columns: Columns) -> records.Schema:
        return records.schema_of(columns, with_personal_data=self._with_personal_data)

    def _shown(self, columns: Columns, page: Iterable[Any]) -> list[Any]:
        return list(page) if self._with_personal_data else records.without_personal_data(columns, page)

    def _open_problems(self, transaction: Transaction) -> Iterator[Record]:
        return (records.problem_record(known, self._language) for known in transaction.open_problems())

    def _links(self, transaction: Transaction) -> Iterator[Record]:
        return map(records.link_record, transaction.newest_links())

    def _runs(self, transaction: Transaction, state: State) -> Pages:
        changes = transaction.changes
        reached = _position("runs", state, changes.last_run_number()).last
        unfinished: list[int] = []
        for page in _paged(changes.runs(reached)):
            unfinished += [number for number, run in page if run.finished_at is None]
            reached = page[-1][0]
            yield [records.run_record(number, run) for number, run in page], None
        # A run that is under way comes again once it has ended.
        yield (), {_LAST: min([reached, *(number - 1 for number in unfinished)])}

    def _journal(self, transaction: Transaction, state: State) -> Pages:
        since = _position("journal", state, transaction.changes.last_journal_id())
        with state_errors():
            closed, forgotten = _moment(state.get(_CLOSED)), _moment(state.get(_FORGOTTEN))
        seen: list[int] = []
        pending: list[int] = []
        changed = transaction.changes.entries(since, _earlier(closed), _earlier(forgotten))
        for page in _paged(changed):
            seen += [each.known.id for each in page]
            pending += [each.known.id for each in page if each.is_pending]
            shown = [each for each in page if not each.is_pending]
            closed = _latest(closed, (each.known.closed_at for each in shown))
            forgotten = _latest(forgotten, (each.known.forgotten_at for each in shown))
            yield [records.entry_record(each, self._language) for each in shown], None
        reached = _state(since.after(seen, pending))
        yield (), reached | {_CLOSED: _iso(closed), _FORGOTTEN: _iso(forgotten)}

    def _writes(self, transaction: Transaction, state: State) -> Pages:
        since = _position("writes", state, transaction.changes.last_write_id())
        seen: list[int] = []
        in_doubt: list[int] = []
        for page in _paged(transaction.changes.writes(since)):
            seen += [write.id for write in page if write.id is not None]
            in_doubt += [write.id for write in page if write.id is not None and not write.is_confirmed]
            # One that turns out not to have been done is discarded: it would stay in the warehouse.
            yield [records.write_record(write) for write in page if write.is_confirmed], None
        yield (), _state(since.after(seen, in_doubt))


def _position(stream: str, state: State, newest: int) -> Position:
    """The position in a state; the beginning where the state is of another database, with a warning.

    Raises:
        ConnectorError: the state is not one of this source.
    """
    with state_errors():
        position = Position(state_integer(state, _LAST) or 0, frozenset(map(int, state.get(_PENDING) or ())))
    if position.last > newest:
        logger.warning(_AHEAD, stream, position.last, newest)
        return Position()
    return position


def _state(position: Position) -> dict[str, Any]:
    return {_LAST: position.last, _PENDING: sorted(position.pending)}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _earlier(moment: datetime | None) -> datetime:
    # Where nothing was closed or forgotten yet, whatever is so now is news.
    return moment - _CLOCKS_APART if moment else _LONG_AGO


def _latest(known: datetime | None, others: Iterable[datetime | None]) -> datetime | None:
    return max(filter(None, (known, *others)), default=None)


def _paged(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while page := list(islice(rest, _PAGE)):
        yield page
