"""Reading a table page by page, so that neither memory nor a lock grows with it.

Each page is a short transaction of its own: whoever writes meanwhile, into the same file even, is not held up.
A row that is there throughout is read, whatever is inserted or deleted between two pages.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, func, or_, select, true

from sage100.database import Database
from sage100.tables import F_COMPTET, P_CONTACT, P_SERVICECPTA
from sage100.values import Record

OVERLAP = timedelta(minutes=65)
"""How far a reading of changes goes back before its cursor.

An hour, because local time goes back by one in autumn; and five minutes for stamps rounded to the minute (half
a minute into the future, several changes in one) and for transactions that are committed after a later stamp
was read. What was read before and not changed since comes again: readers must take a row twice.
"""

_PAGE = 5000

_CONDITIONS: Mapping[Table, ColumnElement[bool]] = {
    F_COMPTET: F_COMPTET.c.CT_Type == 0,  # clients and prospects
    P_SERVICECPTA: P_SERVICECPTA.c.S_Intitule != "",  # an empty label is an entry that is not used
    P_CONTACT: P_CONTACT.c.C_Intitule != "",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A row read since a cursor.

    Attributes:
        record: the row.
        cursor: the server's local time up to which all is read once this row is taken; None as long as that
            is not known.
    """

    record: Record
    cursor: datetime | None


def rows(database: Database, table: Table) -> Iterator[Record]:
    """Read a table whole, by ascending `cbMarq`; of F_COMPTET the clients and prospects alone.

    Raises:
        SageError: the database failed.
    """
    marq = table.c.cbMarq
    query = _query(database, table).order_by(marq)
    for row in _pages(database, query, lambda last: marq > last.cbMarq):
        yield database.record(table, row)


def changes(database: Database, table: Table, cursor: datetime | None) -> Iterator[Change]:
    """Read what was changed since a cursor less `OVERLAP`, by ascending (`cbModification`, `cbMarq`).

    Without a cursor all is read as `rows` does it, and the cursor comes with the last row. Rows without a stamp
    come first, each time. The cursor never runs ahead of the server's clock: a stamp from the future would hide
    all changes until then.

    Args:
        database: the database, whose table has a `cbModification`.
        table: the table.
        cursor: the cursor of the last row taken before, the server's local time; None to begin.

    Raises:
        SageError: the database failed.
    """
    return _all(database, table) if cursor is None else _since(database, table, cursor)


def _all(database: Database, table: Table) -> Iterator[Change]:
    reached = _latest(database, table)
    last: Record | None = None
    for record in rows(database, table):
        if last is not None:
            yield Change(last, None)
        last = record
    if last is not None:
        yield Change(last, reached)


def _latest(database: Database, table: Table) -> datetime | None:
    """The newest stamp before the reading begins, for what changes behind it is to be read the next time."""
    with database.reading() as connection:
        newest = connection.execute(select(func.max(database.stamp(table.c.cbModification)))).scalar()
    return newest and min(newest, database.now())


def _since(database: Database, table: Table, cursor: datetime) -> Iterator[Change]:
    latest, marq = database.now(), table.c.cbMarq
    stamp = database.stamp(table.c.cbModification)
    query = _query(database, table)
    for row in _pages(database, query.where(stamp.is_(None)).order_by(marq), lambda last: marq > last.cbMarq):
        yield Change(database.record(table, row), None)

    def after(last: Row[Any]) -> ColumnElement[bool]:
        moment = database.moment(last.cursor_stamp)
        return or_(stamp > moment, and_(stamp == moment, marq > last.cbMarq))

    changed = query.add_columns(stamp.label("cursor_stamp")).where(stamp >= database.moment(cursor - OVERLAP))
    for row in _pages(database, changed.order_by(stamp, marq), after):
        yield Change(database.record(table, row), max(cursor, min(row.cursor_stamp, latest)))


def _query(database: Database, table: Table) -> Select[Any]:
    return select(*database.layout(table).columns.values()).where(_CONDITIONS.get(table, true()))


def _pages(
    database: Database, query: Select[Any], after: Callable[[Row[Any]], ColumnElement[bool]]
) -> Iterator[Row[Any]]:
    """Read an ordered query page by page; `after` is the condition of what follows a row."""
    page_query = query.limit(_PAGE)
    while True:
        with database.reading() as connection:
            page = connection.execute(page_query).all()
        yield from page
        if len(page) < _PAGE:
            return
        page_query = query.where(after(page[-1])).limit(_PAGE)
