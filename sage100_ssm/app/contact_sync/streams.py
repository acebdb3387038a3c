"""What each stream of the Airbyte source reads from the state, and what its Airbyte state contains.

A stream that is read incrementally gives each record at least once after each change that it follows. Its state holds
the highest number that was there, what below it was not settled yet, and the newest run of that moment.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
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

_LAST, _PENDING, _CLOSED, _FORGOTTEN, _RUN = "last", "pending", "closed_at", "forgotten_at", "run"
_OTHER_DATABASE = (
    "The state of %s was made with another state database, or before this one was restored from a backup: "
    "everything is read from the beginning."
)

logger = logging.getLogger("airbyte")


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a stream was read; the beginning by default.

    Attributes:
        position: in the table that it shows.
        closed: when the last problem was closed that was emitted as closed.
        forgotten: when the last entry was forgotten that was emitted without its names.
        run_id: the newest run that the state database had; None: it had none.
    """

    position: Position = field(default_factory=Position)
    closed: datetime | None = None
    forgotten: datetime | None = None
    run_id: str | None = None


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
        self, name: str, columns: Columns, key: str, cursor: str, read: Callable[[Transaction, Reached], Pages]
    ) -> CursorStream:
        def since(state: State) -> Pages:
            with self._open_state() as store, store.reading() as transaction:
                # Before the rows: whoever finds this run in a database finds all that was there when it began.
                newest = {_RUN: transaction.changes.newest_run_id()}
                for page, reached in read(transaction, _reached(name, state, transaction)):
                    yield self._shown(columns, page), None if reached is None else {**reached, **newest}

        return CursorStream(name, self._schema(columns), key, cursor, lambda: since({}), since)

    def _schema(self, columns: Columns) -> records.Schema:
        return records.schema_of(columns, with_personal_data=self._with_personal_data)

    def _shown(self, columns: Columns, page: Iterable[Any]) -> list[Any]:
        return list(page) if self._with_personal_data else records.without_personal_data(columns, page)

    def _open_problems(self, transaction: Transaction) -> Iterator[Record]:
        return (records.problem_record(known, self._language) for known in transaction.open_problems())

    def _links(self, transaction: Transaction) -> Iterator[Record]:
        return map(records.link_record, transaction.newest_links())

    def _runs(self, transaction: Transaction, since: Reached) -> Pages:
        last = since.position.last
        unfinished: list[int] = []
        for page in _paged(transaction.changes.runs(last)):
            unfinished += [number for number, run in page if run.finished_at is None]
            last = page[-1][0]
            yield [records.run_record(number, run) for number, run in page], None
        # A run that is under way comes again once it has ended.
        yield (), {_LAST: min([last, *(number - 1 for number in unfinished)])}

    def _journal(self, transaction: Transaction, since: Reached) -> Pages:
        closed, forgotten = since.closed, since.forgotten
        seen: list[int] = []
        pending: list[int] = []
        changed = transaction.changes.entries(since.position, _earlier(closed), _earlier(forgotten))
        for page in _paged(changed):
            seen += [each.known.id for each in page]
            pending += [each.known.id for each in page if each.is_pending]
            shown = [each for each in page if not each.is_pending]
            closed = _latest(closed, (each.known.closed_at for each in shown))
            forgotten = _latest(forgotten, (each.known.forgotten_at for each in shown))
            yield [records.entry_record(each, self._language) for each in shown], None
        reached = _state(since.position.after(seen, pending))
        yield (), reached | {_CLOSED: _iso(closed), _FORGOTTEN: _iso(forgotten)}

    def _writes(self, transaction: Transaction, since: Reached) -> Pages:
        seen: list[int] = []
        in_doubt: list[int] = []
        for page in _paged(transaction.changes.writes(since.position)):
            seen += [write.id for write in page if write.id is not None]
            in_doubt += [write.id for write in page if write.id is not None and not write.is_confirmed]
            # One that turns out not to have been done is discarded: it would stay in the warehouse.
            yield [records.write_record(write) for write in page if write.is_confirmed], None
        yield (), _state(since.position.after(seen, in_doubt))


def _reached(stream: str, state: State, transaction: Transaction) -> Reached:
    """How far a state says that a stream was read; the beginning where it is not one of this state database.

    Raises:
        ConnectorError: the state is not one of this source.
    """
    with state_errors():
        reached = _parsed(state)
    # Numbers alone do not show it: another database may have grown past them. A run's name is random, and stays.
    if state and not transaction.changes.has_run(reached.run_id):
        if reached.position.last:
            logger.warning(_OTHER_DATABASE, stream)
        return Reached()
    return reached


def _parsed(state: State) -> Reached:
    """How far a state says that a stream was read.

    Raises:
        TypeError, ValueError: a value in the state has the wrong type or form.
    """
    run_id = state.get(_RUN)
    if not isinstance(run_id, str | None):
        raise TypeError(_RUN)
    position = Position(state_integer(state, _LAST) or 0, frozenset(map(int, state.get(_PENDING) or ())))
    return Reached(position, _moment(state.get(_CLOSED)), _moment(state.get(_FORGOTTEN)), run_id)


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
