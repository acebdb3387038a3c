"""The rows of one resource: in the order of their ids, found by ``extId``, and a list's rows collected once."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from sage100_ssm.standins.ssm_api.resources import Record
from sage100_ssm.standins.ssm_api.where_parser import Predicate


@dataclass(frozen=True, slots=True)
class Query:
    """What a list is asked for.

    Attributes:
        asked: the request's own words, by which the next page of a list is recognised; None for a list of its own.
        predicates: what a row must satisfy.
        order: the field by which it is sorted, the highest first and nulls last; None for by id.
    """

    asked: object = None
    predicates: tuple[Predicate, ...] = ()
    order: str | None = None

    def is_satisfied_by(self, row: Record) -> bool:
        """Whether a row satisfies all predicates."""
        return all(predicate(row) for predicate in self.predicates)


@dataclass(slots=True)
class _Scan:
    """The rows of the last list, for its next page."""

    asked: object
    version: int
    found: list[Record]


class Table(MutableMapping[int, Record]):
    """Rows by id. A row that is in it is changed by ``change`` alone."""

    def __init__(self) -> None:
        self._rows: dict[int, Record] = {}
        self._ids: list[int] = []
        self._by_ext_id: defaultdict[str, set[int]] = defaultdict(set)
        self._version = 0
        self._last_scan: _Scan | None = None

    def __getitem__(self, row_id: int) -> Record:
        return self._rows[row_id]

    def __setitem__(self, row_id: int, row: Record) -> None:
        if row_id in self._rows:
            self._forget_ext_id(row_id)
        else:
            insort(self._ids, row_id)
        self._rows[row_id] = row
        self._note_ext_id(row_id)
        self._version += 1

    def __delitem__(self, row_id: int) -> None:
        self._forget_ext_id(row_id)
        del self._rows[row_id]
        del self._ids[bisect_left(self._ids, row_id)]
        self._version += 1

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._rows)

    def change(self, row_id: int, values: Mapping[str, Any]) -> None:
        """Set some fields of a row."""
        self._forget_ext_id(row_id)
        self._rows[row_id].update(values)
        self._note_ext_id(row_id)
        self._version += 1

    def with_ext_id(self, ext_id: str) -> list[Record]:
        """The rows with this ``extId``, whatever its case."""
        return [self._rows[row_id] for row_id in sorted(self._by_ext_id.get(ext_id.casefold(), ()))]

    def page(self, query: Query, *, start: int, size: int) -> list[Record]:
        """Some of the rows that satisfy a query, in its order.

        The pages of one list cost one search, as long as no row changes between them.
        """
        last = self._last_scan if start and query.asked is not None else None
        if last is None or (last.asked, last.version) != (query.asked, self._version):
            found = [row for row in self._candidates(query) if query.is_satisfied_by(row)]
            found = found if query.order is None else _descending(found, query.order)
            self._last_scan = last = _Scan(query.asked, self._version, found)
        return last.found[start : start + size]

    def _candidates(self, query: Query) -> Iterable[Record]:
        """By id, the rows that a query may be satisfied by: few where it names ids or extIds, else all."""
        keys = next((predicate.keys for predicate in query.predicates if predicate.keys is not None), None)
        if keys is None:
            return self.values()
        ids = {value for field, value in keys if field == "id" and value in self._rows}
        ids.update(*(self._by_ext_id.get(value.casefold(), ()) for field, value in keys if field == "extId"))
        return [self._rows[row_id] for row_id in sorted(ids)]

    def _note_ext_id(self, row_id: int) -> None:
        if ext_id := self._rows[row_id].get("extId"):
            self._by_ext_id[ext_id.casefold()].add(row_id)

    def _forget_ext_id(self, row_id: int) -> None:
        if ext_id := self._rows[row_id].get("extId"):
            self._by_ext_id[ext_id.casefold()].discard(row_id)


def _descending(rows: list[Record], order: str) -> list[Record]:
    filled = [row for row in rows if row[order] is not None]
    empty = [row for row in rows if row[order] is None]
    return [*sorted(filled, key=lambda row: row[order], reverse=True), *empty]
