"""The state database: opened, its lease given to one run at a time, read and written in transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, Row, select, update

from sage100_ssm.sync.state import tables
from sage100_ssm.sync.state.database import open_database
from sage100_ssm.sync.state.errors import AnotherRun, LeaseLost
from sage100_ssm.sync.state.records import Lease
from sage100_ssm.sync.state.transaction import Transaction

_LeaseRow = Row[tuple[int, str | None, datetime | None]]

_LEASE = select(tables.lease.c.number, tables.lease.c.owner, tables.lease.c.expires_at)


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

    def acquire(self, owner: str, now: datetime, duration: timedelta) -> Lease:
        """Acquire the lease, also from a run that let it expire. Its number is higher than any before.

        Args:
            owner: which run acquires it, for people to read.
            now: the time.
            duration: how long it lasts unless renewed.

        Raises:
            AnotherRun: another run has it, and it has not expired.
        """
        with self._engine.begin() as connection:
            row = _locked_row(connection)
            _refuse_if_leased(row, now)
            lease = Lease(row.number + 1, owner)
            connection.execute(update(tables.lease).values(number=lease.number, owner=owner, expires_at=now + duration))
        return lease

    def refuse_if_leased(self, now: datetime) -> None:
        """Check that no run is under way, without acquiring the lease.

        Raises:
            AnotherRun: a run has the lease.
        """
        with self._engine.begin() as connection:
            _refuse_if_leased(connection.execute(_LEASE).one(), now)

    def renew(self, lease: Lease, now: datetime, duration: timedelta) -> None:
        """Let the lease expire ``duration`` from now, and no earlier.

        Raises:
            LeaseLost: it was taken over, or released.
        """
        with self._engine.begin() as connection:
            _lock_lease(connection, lease)
            connection.execute(update(tables.lease).values(expires_at=now + duration))

    def release(self, lease: Lease) -> None:
        """Release the lease; one that was lost stays with its new owner."""
        mine = update(tables.lease).where(tables.lease.c.number == lease.number)
        with self._engine.begin() as connection:
            connection.execute(mine.values(owner=None, expires_at=None))

    def check(self, lease: Lease) -> None:
        """Check, before a write to a side, that the lease is not lost.

        Raises:
            LeaseLost: it was taken over, or released.
        """
        with self.transaction(lease):
            pass

    @contextmanager
    def transaction(self, lease: Lease | None = None) -> Iterator[Transaction]:
        """One transaction, committed at the end of the block, rolled back by an exception.

        Args:
            lease: the lease under which it is committed. It cannot be taken over while the transaction lasts;
                transactions under it take turns. None for a transaction that writes nothing.

        Raises:
            LeaseLost: the lease was taken over, or released.
        """
        with self._engine.begin() as connection:
            if lease is not None:
                _lock_lease(connection, lease)
            yield Transaction(connection)


def _refuse_if_leased(row: _LeaseRow, now: datetime) -> None:
    if row.owner is not None and row.expires_at is not None and row.expires_at > now:
        raise AnotherRun(row.owner, row.expires_at)


def _lock_lease(connection: Connection, lease: Lease) -> None:
    """Check that a lease is not lost; the lock on its row keeps it so until the transaction ends."""
    row = _locked_row(connection)
    # An expired lease that nobody took over is not lost: its run is slow, and still the only one.
    if row.number != lease.number or row.owner is None:
        raise LeaseLost(lease.number)


def _locked_row(connection: Connection) -> _LeaseRow:
    # On PostgreSQL the lock lets transactions under a lease take turns. On SQLite all that may write do so anyway.
    return connection.execute(_LEASE.with_for_update()).one()
