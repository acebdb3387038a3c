"""The companies of both sides, and what Sage showed of each when a run had nothing to do about it.

A digest vouches for a company: as long as Sage shows the same and no row of SSM has changed, a run would find nothing
to do again. Whatever changes a row of SSM takes the digest away in the same transaction.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, bindparam, insert, select, update

from sage100_ssm.sync.state import tables

T = TypeVar("T")

_AT_ONCE = 500
"""Keys per statement: databases limit the number of parameters."""

_table = tables.companies


def digests(connection: Connection) -> Iterator[tuple[str, int | None]]:
    """Every company that is known, with its digest; None for one that the next run must look at."""
    found = connection.execute(select(_table.c.company, _table.c.digest), execution_options={"yield_per": 10_000})
    yield from found.tuples()


def settle(connection: Connection, settled: Mapping[str, int]) -> None:
    """Store the digests of companies at rest."""
    add(connection, settled)
    if settled:
        one = update(_table).where(_table.c.company == bindparam("known"))
        values = one.values(digest=bindparam("now"))
        connection.execute(values, [{"known": key, "now": digest} for key, digest in settled.items()])


def unsettle(connection: Connection, keys: Iterable[str]) -> None:
    """Let the next run look at companies."""
    for batch in batches(set(keys)):
        connection.execute(
            update(_table).where(_table.c.company.in_(batch), _table.c.digest.is_not(None)).values(digest=None)
        )
        add(connection, batch)


def unsettle_all(connection: Connection) -> None:
    """Let the next run look at every company."""
    connection.execute(update(_table).values(digest=None))


def add(connection: Connection, keys: Iterable[str]) -> None:
    """Add the companies that are not known yet."""
    for batch in batches(keys):
        known = set(connection.scalars(select(_table.c.company).where(_table.c.company.in_(batch))))
        if new := [{"company": key} for key in batch if key not in known]:
            connection.execute(insert(_table), new)


def batches(values: Iterable[T], size: int = _AT_ONCE) -> Iterator[list[T]]:
    """The values in parts of so many as one statement takes."""
    source = iter(values)
    while batch := list(islice(source, size)):
        yield batch
