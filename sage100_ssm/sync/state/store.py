"""The state database: opened, its lease given to one run at a time, read and written in transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, Row, func, select, update

from sage100_ssm.sync.state import tables
from sage100_ssm.sync.state.database import READING, erase_leftovers, open_database
from sage100_ssm.sync.state.errors import AnotherRun, LeaseLost
from sage100_ssm.sync.state.records import Lease, Sighting
from sage100_ssm.sync.state.transaction import Transaction

_LeaseRow = Row[tuple[int, str | None, datetime | None]]

_LEASE = select(tables.lease.c.number, tables.lease.c.owner, tables.lease.c.expires_at)

DURATION = timedelta(minutes=2)
"""How long a run's lease lasts unless renewed: a killed run keeps others out no longer than this."""
_CLOCK_TOLERANCE = timedelta(seconds=10)
"""By how much a clock may have been set back since a live run renewed its lease."""


class StateStore:
    """What the synchronisation remembers. May be used by several threads, each in transactions of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str, *, read_only: bool = False) -> "StateStore":
        """Open the state; it is created, or migrated to this version's tables, where needed.

        Args:
            url: ``sqlite:///…`` or ``postgresql+psycopg://…``.
            read_only: create, migrate and write nothing.

        Raises:
            StateMissing: read-only, and there is no state yet.
            StateDamaged: what is there is no state, is broken, or was written by a newer version.
            StateUnavailable: it cannot be reached, or read-only and still of an older version.
        """
        return cls(open_database(url, read_only=read_only))

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def acquire(self, owner: str, now: datetime, duration: timedelta, abandoned: Sighting | None = None) -> Lease:
        """Acquire the lease, also from a run that let it expire. Its number is higher than any before.

        Args:
            owner: which run acquires it, ``host:process``.
            now: the time by this machine's clock; PostgreSQL uses its server's clock instead.
            duration: how long it lasts unless renewed.
            abandoned: a lease that the caller watched for its whole duration without seeing it renewed. It is taken
                over if it has not been renewed since.

        Raises:
            AnotherRun: another run has it, and it has not expired.
        """
        with self._engine.begin() as connection:
            row = _locked_row(connection)
            now = _deciding_time(connection, now)
            if abandoned is None or abandoned != Sighting(row.number, row.expires_at):
                _refuse_if_leased(connection, row, now, duration, owner)
            lease = Lease(row.number + 1, owner)
            connection.execute(update(tables.lease).values(number=lease.number, owner=owner, expires_at=now + duration))
        return lease

    def refuse_if_leased(self, now: datetime, duration: timedelta = DURATION) -> None:
        """Check that no run is under way, without acquiring the lease.

        Args:
            now: the time, as in ``acquire``.
            duration: how long a lease lasts unless renewed.

        Raises:
            AnotherRun: a run has the lease.
        """
        with self._engine.begin() as connection:
            row = connection.execute(_LEASE).one()
            _refuse_if_leased(connection, row, _deciding_time(connection, now), duration, row.owner or "")

    def renew(self, lease: Lease, now: datetime, duration: timedelta) -> None:
        """Let the lease expire ``duration`` from now, and no earlier.

        Raises:
            LeaseLost: it was taken over, or released.
        """
        with self._engine.begin() as connection:
            _lock_lease(connection, lease)
            expires_at = _deciding_time(connection, now) + duration
            connection.execute(update(tables.lease).values(expires_at=expires_at))

    def release(self, lease: Lease) -> None:
        """Release the lease; one that was lost stays with its new owner."""
        mine = update(tables.lease).where(tables.lease.c.number == lease.number)
        with self._engine.begin() as connection:
            connection.execute(mine.values(owner=None, expires_at=None))

    def check(self, lease: Lease) -> None:
        """Check, before a write to a side, that the lease is not lost. It waits for no other transaction.

        Raises:
            LeaseLost: it was taken over, or released.
        """
        with self._engine.execution_options(**{READING: True}).begin() as connection:
            _refuse_if_lost(connection.execute(_LEASE).one(), lease)

    @contextmanager
    def transaction(self, lease: Lease | None = None) -> Iterator[Transaction]:
        """One transaction, committed at the end of the block, rolled back by an exception.

        Args:
            lease: the lease under which it is committed. It cannot be taken over while the transaction lasts;
                transactions under it take turns. None for a transaction that writes nothing but what a person decides.

        Raises:
            LeaseLost: the lease was taken over, or released.
        """
        with self._engine.begin() as connection:
            if lease is not None:
                _lock_lease(connection, lease)
            yield Transaction(connection)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One transaction that only reads. No other waits for it: the lease is renewed while much is read."""
        with self._engine.execution_options(**{READING: True}).begin() as connection:
            yield Transaction(connection)

    def erase_leftovers(self, *, whole: bool = False) -> bool:
        """Overwrite what the file still has of forgotten rows (P17), outside any transaction.

        Args:
            whole: whether the file is written anew as well, for what an earlier version deleted.

        Returns:
            Whether it is done; another program that reads the state at that moment prevents it.
        """
        return erase_leftovers(self._engine, whole=whole)


@contextmanager
def stored_state(url: str) -> Iterator[Transaction]:
    """The state at an address, to read; nothing is created or changed.

    Raises:
        StateError: there is no state yet, or it cannot be used.
    """
    with StateStore.open(url, read_only=True) as store, store.transaction() as transaction:
        yield transaction


def _deciding_time(connection: Connection, now: datetime) -> datetime:
    """The clock that decides about expiry: the server's on PostgreSQL, else the caller's."""
    # Machines that share a PostgreSQL may have clocks that differ by more than a lease lasts. Not the transaction's
    # own time: it began before the wait for the lease's row.
    if connection.dialect.name != "postgresql":
        return now
    time: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return time


def _refuse_if_leased(connection: Connection, row: _LeaseRow, now: datetime, duration: timedelta, asking: str) -> None:
    if row.owner is None or row.expires_at is None:
        return
    sighting = Sighting(row.number, row.expires_at)
    if connection.dialect.name != "postgresql" and _host(row.owner) != _host(asking):
        # Its expiry was written by another machine's clock, which may differ from this one's by any amount.
        raise AnotherRun(row.owner, row.expires_at, to_watch=sighting)
    # An expiry further away than a lease lasts was written while the clock was ahead.
    if now < row.expires_at <= now + duration + _CLOCK_TOLERANCE:
        raise AnotherRun(row.owner, row.expires_at)


def _host(owner: str) -> str:
    return owner.rpartition(":")[0]


def _lock_lease(connection: Connection, lease: Lease) -> None:
    """Check that a lease is not lost; the lock on its row keeps it so until the transaction ends."""
    _refuse_if_lost(_locked_row(connection), lease)


def _refuse_if_lost(row: _LeaseRow, lease: Lease) -> None:
    # An expired lease that nobody took over is not lost: its run may still record what it did.
    if row.number != lease.number or row.owner is None:
        raise LeaseLost(lease.number)


def _locked_row(connection: Connection) -> _LeaseRow:
    # On PostgreSQL the lock lets transactions under a lease take turns. On SQLite all that may write do so anyway.
    return connection.execute(_LEASE.with_for_update()).one()
