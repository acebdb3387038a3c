"""The state database: opened, leased to one run at a time, used in transactions."""

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
        """Open the state, made or brought to this version's tables where needed.

        Args:
            url: ``sqlite:///…`` or ``postgresql+psycopg://…``.
            read_only: neither create, nor migrate, nor write anything.

        Raises:
            StateMissing: read-only, and nothing is there yet.
            StateDamaged: what is there is no state, is broken, or was written by a newer version.
            StateUnavailable: it cannot be reached, or read-only and still of an older version.
        """
        return cls(open_database(url, read_only=read_only))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def acquire(self, owner: str, now: datetime, duration: timedelta) -> Lease:
        """Take the lease, also from a run that let it expire. Its number is higher than any before.

        Args:
            owner: who takes it, for people to read.
            now: the time.
            duration: how long it lasts unless renewed.

        Raises:
            AnotherRun: it is held, and has not expired.
        """
        with self._engine.begin() as connection:
            held = _locked(connection)
            _refuse_if_held(held, now)
            lease = Lease(held.number + 1, owner)
            connection.execute(update(tables.lease).values(number=lease.number, owner=owner, expires_at=now + duration))
        return lease

    def refuse_if_held(self, now: datetime) -> None:
        """Make sure that no run is under way, without taking the lease.

        Raises:
            AnotherRun: a run is.
        """
        with self._engine.begin() as connection:
            _refuse_if_held(connection.execute(_LEASE).one(), now)

    def renew(self, lease: Lease, now: datetime, duration: timedelta) -> None:
        """Let the lease last ``duration`` from now.

        Raises:
            LeaseLost: it was taken over, or released.
        """
        with self._engine.begin() as connection:
            _hold(connection, lease)
            connection.execute(update(tables.lease).values(expires_at=now + duration))

    def release(self, lease: Lease) -> None:
        """Give the lease back; one that was lost is left to its new owner."""
        mine = update(tables.lease).where(tables.lease.c.number == lease.number)
        with self._engine.begin() as connection:
            connection.execute(mine.values(owner=None, expires_at=None))

    def check(self, lease: Lease) -> None:
        """Make sure that the lease is still held, before a write to a side.

        Raises:
            LeaseLost: it was taken over, or released.
        """
        with self.transaction(lease):
            pass

    @contextmanager
    def transaction(self, lease: Lease | None = None) -> Iterator[Transaction]:
        """One transaction, committed at the end of the block, undone by an exception.

        Args:
            lease: the lease without which nothing may be committed. It cannot be taken over while the
                transaction lasts; transactions under it take turns.

        Raises:
            LeaseLost: the lease was taken over, or released.
        """
        with self._engine.begin() as connection:
            if lease is not None:
                _hold(connection, lease)
            yield Transaction(connection)


def _refuse_if_held(held: _LeaseRow, now: datetime) -> None:
    if held.owner is not None and held.expires_at is not None and held.expires_at > now:
        raise AnotherRun(held.owner, held.expires_at)


def _hold(connection: Connection, lease: Lease) -> None:
    """Make sure that a lease is held, and that it stays so until the transaction ends."""
    held = _locked(connection)
    if held.number != lease.number or held.owner is None:
        raise LeaseLost(lease.number)


def _locked(connection: Connection) -> _LeaseRow:
    """The lease's row, locked: transactions under a lease take turns on PostgreSQL as all do on SQLite."""
    return connection.execute(_LEASE.with_for_update()).one()
