"""Reading a table page by page, so that memory and locks do not grow with it.

Each page is a short transaction of its own: others can write in the meantime, even into the same SQLite file.
Pages are ordered by `cbMarq`, the one column that is indexed everywhere and never changes: a row that exists
throughout is read once, whatever is inserted, deleted or edited between two pages, and a reading that broke off
goes on where it was.
"""

import hashlib
import marshal
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select, true

from sage100_ssm.exchange.reading import RowDigest
from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.tables import F_COMPTET, P_CONTACT, P_SERVICECPTA

OVERLAP = timedelta(minutes=65)
"""How far a reading of changes goes back before its cursor.

One hour, because local time goes back by one in autumn; and five minutes for stamps that are rounded to the minute
(up to 30 s in the future, and one for several changes; docs/facts/sage100.md, "Stamps") and for transactions that
commit after a later stamp was read. Rows that were read before come again: readers must accept a row twice.
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
        since: the server's local time up to which everything was read before: rows stamped earlier than `OVERLAP`
            before it are left out. Rows without a stamp are always read.
        after: the `cbMarq` that this reading has reached.

    Raises:
        SageError: the database failed.
    """
    query = _query(database, table)
    if since is not None:
        stamp = database.comparable_stamp(table.c.cbModification)
        query = query.where(or_(stamp >= database.comparable_time(since - OVERLAP), stamp.is_(None)))
    place, record = database.layout(table).names.index("cbMarq"), database.recorder(table)
    for page in _pages(database, query, table.c.cbMarq, place, after, _PAGE):
        yield [record(row) for row in page]


def newest(database: Database, table: Table) -> datetime | None:
    """The newest stamp in a table, in the server's local time; None without any stamp.

    To be asked for before a reading: what is changed in its course gets a later one.

    Raises:
        SageError: the database failed.
    """
    with database.reading() as connection:
        return connection.execute(select(func.max(database.comparable_stamp(table.c.cbModification)))).scalar()


def is_filtered(table: Table) -> bool:
    """Whether `pages` leaves out rows of a table."""
    return table in _CONDITIONS


def keys(database: Database, table: Table, *, whole: bool = False) -> Iterator[int]:
    """The `cbMarq` of every row that `pages` reads, in ascending order.

    Args:
        database: the database.
        table: the table.
        whole: whether to include the rows that `pages` leaves out.

    Raises:
        SageError: the database failed; the keys yielded so far are not all.
    """
    marq = table.c.cbMarq
    query = select(marq).where(true() if whole else _condition(table))
    for page in _pages(database, query, marq, 0, None, _PAGE_OF_KEYS):
        yield from (row[0] for row in page)


def codes(database: Database) -> Iterator[tuple[int, str]]:
    """The `cbMarq` and the `CT_Num` of every company, whatever its type.

    Raises:
        SageError: the database failed; the codes yielded so far are not all.
    """
    marq = F_COMPTET.c.cbMarq
    query = select(marq, F_COMPTET.c.CT_Num)
    for page in _pages(database, query, marq, 0, None, _PAGE_OF_KEYS):
        yield from ((key, code) for key, code in page)


def digests(database: Database, table: Table) -> Iterator[RowDigest]:
    """Every row that `pages` reads, by ascending `cbMarq`, reduced to its digest: nothing is made of the row itself.

    Raises:
        SageError: the database failed.
    """
    names = list(database.layout(table).readable)
    marq, company = names.index("cbMarq"), names.index("CT_Num")
    number = names.index("CT_No") if "CT_No" in names else None
    for page in _pages(database, _query(database, table), table.c.cbMarq, marq, None, _PAGE):
        for row in page:
            yield RowDigest(row[marq], row[company], (row[number] or 0) if number is not None else 0, _digest(row))


def _digest(row: Sequence[Any]) -> int:
    values = tuple(row)
    try:
        # Version 2: a later one writes equal values in different ways, by how often each is referred to.
        text = marshal.dumps(values, 2)
    except ValueError:
        text = repr(values).encode(errors="surrogatepass")  # times and decimals of SQL Server
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1


def rows_of(database: Database, table: Table, wanted: Sequence[Any]) -> Iterator[Sequence[Record]]:
    """Read the rows with these `cbMarq`, as far as they exist.

    Raises:
        SageError: the database failed.
    """
    for page in rows_with_digests(database, table, wanted):
        yield [record for record, _ in page]


def rows_with_digests(
    database: Database, table: Table, wanted: Sequence[Any], by: str = "cbMarq"
) -> Iterator[Sequence[tuple[Record, int]]]:
    """Read the rows with these `cbMarq`, or with these values of another column, each with its digest.

    Raises:
        SageError: the database failed.
    """
    record = database.recorder(table)
    for start in range(0, len(wanted), _KEYS_AT_ONCE):
        some = wanted[start : start + _KEYS_AT_ONCE]
        query = _query(database, table).where(table.c[by].in_(some)).order_by(table.c.cbMarq)
        with database.reading() as connection:
            page = _fetched(connection, query)
        yield [(record(row), _digest(row)) for row in page]


def _query(database: Database, table: Table) -> Select[Any]:
    return select(*database.layout(table).readable.values()).where(_condition(table))


def _condition(table: Table) -> ColumnElement[bool]:
    return _CONDITIONS.get(table, true())


def _pages(
    database: Database, query: Select[Any], marq: ColumnElement[int], place: int, after: int | None, size: int
) -> Iterator[Sequence[Sequence[Any]]]:
    """Read a query page by page, by ascending `cbMarq`.

    Args:
        database: the database.
        query: the query.
        marq: its column `cbMarq`.
        place: the position of that column in a row.
        after: the `cbMarq` after which to begin; None for the beginning.
        size: the number of rows of a page.
    """
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
    """The rows of a query as the driver returns them."""
    # Past SQLAlchemy's own row objects, which take as long to make as the rows to fetch.
    result = connection.execute(query)
    assert result.cursor is not None
    rows: Sequence[Sequence[Any]] = result.cursor_strategy.fetchall(result, result.cursor)
    return rows
