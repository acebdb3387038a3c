"""Reading a table page by page, so that neither memory nor a lock grows with it.

Each page is a short transaction of its own: whoever writes meanwhile, into the same file even, is not held up.
Pages go by ascending `cbMarq`, the one column that is indexed everywhere and never changes: a row that is there
throughout is read once, whatever is inserted, deleted or edited between two pages, and a reading that broke off
goes on where it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select, true

from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.tables import F_COMPTET, P_CONTACT, P_SERVICECPTA

OVERLAP = timedelta(minutes=65)
"""How far a reading of changes goes back before its cursor.

An hour, because local time goes back by one in autumn; and five minutes for stamps rounded to the minute (half
a minute into the future, several changes in one) and for transactions that are committed after a later stamp
was read. What was read before and not changed since comes again: readers must take a row twice.
"""

_PAGE = 2000
_PAGE_OF_KEYS = 50_000
_KEYS_AT_ONCE = 500
"""SQL Server takes no more than 2,100 parameters in a statement."""

_CONDITIONS: Mapping[Table, ColumnElement[bool]] = {
    F_COMPTET: F_COMPTET.c.CT_Type == 0,  # clients and prospects
    P_SERVICECPTA: P_SERVICECPTA.c.S_Intitule != "",  # an empty label is an entry that is not used
    P_CONTACT: P_CONTACT.c.C_Intitule != "",
}


def pages(
    database: Database, table: Table, *, since: datetime | None = None, after: int | None = None
) -> Iterator[Sequence[Record]]:
    """Read a table, or what was changed in it, by ascending `cbMarq`; of F_COMPTET the clients and prospects alone.

    Args:
        database: the database.
        table: the table; it has a `cbModification` where `since` is given.
        since: the server's local time up to which all was read before: rows stamped earlier than `OVERLAP` before
            it are left out. Rows without a stamp are always read.
        after: the `cbMarq` up to which this reading has come.

    Raises:
        SageError: the database failed.
    """
    query = _query(database, table)
    if since is not None:
        stamp = database.stamp(table.c.cbModification)
        query = query.where(or_(stamp >= database.moment(since - OVERLAP), stamp.is_(None)))
    place, record = database.layout(table).names.index("cbMarq"), database.recorder(table)
    for page in _pages(database, query, table.c.cbMarq, place, after, _PAGE):
        yield [record(row) for row in page]


def newest(database: Database, table: Table) -> datetime | None:
    """The newest stamp in a table, the server's local time; never after its clock, None where there is none.

    It is asked for before a reading: what changes behind the reading bears a later one. A stamp from the future
    would hide all changes until then.

    Raises:
        SageError: the database failed.
    """
    with database.reading() as connection:
        stamp = connection.execute(select(func.max(database.stamp(table.c.cbModification)))).scalar()
    return stamp and min(stamp, database.now())


def is_part(table: Table) -> bool:
    """Whether `pages` leaves rows of a table out."""
    return table in _CONDITIONS


def keys(database: Database, table: Table, *, whole: bool = False) -> Iterator[int]:
    """Read the `cbMarq` of every row that `pages` gives, in ascending order.

    Args:
        database: the database.
        table: the table.
        whole: whether to read those too of the rows that `pages` leaves out.

    Raises:
        SageError: the database failed; what was given until then is not all.
    """
    marq = table.c.cbMarq
    query = select(marq).where(true() if whole else _condition(table))
    for page in _pages(database, query, marq, 0, None, _PAGE_OF_KEYS):
        yield from (row[0] for row in page)


def codes(database: Database) -> Iterator[tuple[int, str]]:
    """Read the `cbMarq` and the `CT_Num` of every company, whatever its type.

    Raises:
        SageError: the database failed; what was given until then is not all.
    """
    marq = F_COMPTET.c.cbMarq
    query = select(marq, F_COMPTET.c.CT_Num)
    for page in _pages(database, query, marq, 0, None, _PAGE_OF_KEYS):
        yield from ((key, code) for key, code in page)


def picked(database: Database, table: Table, wanted: Sequence[int]) -> Iterator[Sequence[Record]]:
    """Read those of the rows with these `cbMarq` that are there.

    Raises:
        SageError: the database failed.
    """
    record = database.recorder(table)
    for start in range(0, len(wanted), _KEYS_AT_ONCE):
        some = wanted[start : start + _KEYS_AT_ONCE]
        query = _query(database, table).where(table.c.cbMarq.in_(some)).order_by(table.c.cbMarq)
        with database.reading() as connection:
            page = _fetched(connection, query)
        yield [record(row) for row in page]


def _query(database: Database, table: Table) -> Select[Any]:
    return select(*database.layout(table).read.values()).where(_condition(table))


def _condition(table: Table) -> ColumnElement[bool]:
    return _CONDITIONS.get(table, true())


def _pages(
    database: Database, query: Select[Any], marq: ColumnElement[int], place: int, after: int | None, size: int
) -> Iterator[Sequence[Sequence[Any]]]:
    """Read a query page by page, by ascending `cbMarq`, which has that place in a row."""
    query = query.order_by(marq).limit(size)
    while True:
        with database.reading() as connection:
            page = _fetched(connection, query if after is None else query.where(marq > after))
        if page:
            yield page
            after = page[-1][place]
        if len(page) < size:
            return


def _fetched(connection: Connection, query: Select[Any]) -> Sequence[Sequence[Any]]:
    """The rows as the driver gives them: to make SQLAlchemy's of them takes as long as to fetch them."""
    result = connection.execute(query)
    assert result.cursor is not None
    rows: Sequence[Sequence[Any]] = result.cursor_strategy.fetchall(result, result.cursor)
    return rows
