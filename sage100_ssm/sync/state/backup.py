"""A consistent and verified copy of the state, in one SQLite file."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import delete, insert, make_url, select

from sage100_ssm.sync.state import tables
from sage100_ssm.sync.state.database import BUSY_SECONDS, open_database
from sage100_ssm.sync.state.errors import Damage, StateDamaged, StateError, StateMissing

_ROWS_AT_ONCE = 1000

Rows = Mapping[str, int]
"""The number of rows of each table."""


class BackupFailed(StateError):  # noqa: N818 - named as the operator reads it
    """The copy could not be written, or is not what the state was; nothing of it is left.

    Attributes:
        file: the copy.
        text: what went wrong, as the database or the system says it.
    """

    def __init__(self, file: Path, text: str) -> None:
        super().__init__(f"The copy {file} could not be made: {text}.")
        self.file = str(file)
        self.text = text


def state_file(address: str) -> Path | None:
    """The file of a state; None for a state on a server."""
    url = make_url(address)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def copy_state(address: str, file: Path) -> Rows:
    """Copy a state, also while a run writes to it, and compare the copy with it; a file of that name is replaced.

    The copy can be used as a state as it is. A state in SQLite may be of any version, one in PostgreSQL of this one.

    Args:
        address: of the state, ``sqlite:///…`` or ``postgresql+psycopg://…``.
        file: the copy, readable by its owner alone.

    Returns:
        The rows that were copied.

    Raises:
        BackupFailed: there is no copy; a file of that name is as it was.
        StateError: the state cannot be read.
    """
    source = state_file(address)
    try:
        with _partial(file) as partial:
            rows = _copy_server(address, partial) if source is None else _copy_file(source, partial)
            _make_restorable(partial)
            _verify(partial, rows)
            partial.replace(file)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(file, str(error)) from error
    return rows


@contextmanager
def _partial(file: Path) -> Iterator[Path]:
    """An empty file beside another one, for its owner's eyes only; nothing is left of it afterwards."""
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)  # the rest of a copy that was killed
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield partial
    finally:
        for part in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                partial.with_name(f"{partial.name}{part}").unlink(missing_ok=True)


def _copy_file(source: Path, target: Path) -> Rows:
    """Copy a SQLite state as it is at one moment.

    Raises:
        StateMissing, StateDamaged: there is no state, or it cannot be read.
        sqlite3.Error: something else prevents the copy.
    """
    if not source.exists():
        raise StateMissing(str(source))
    uri = f"{source.absolute().as_uri()}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as state,
            closing(sqlite3.connect(target)) as copy,
        ):
            # Counted and copied in one transaction: a run may be writing.
            state.execute("BEGIN")
            rows = _count(state)
            if tables.VERSION_TABLE not in rows:
                raise StateDamaged(str(source), Damage.FOREIGN) if rows else StateMissing(str(source))
            state.backup(copy)
    except sqlite3.DatabaseError as error:
        # The low byte of SQLite's extended code is the error itself. The copy is new: what is broken is the state.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise StateDamaged(str(source), Damage.BROKEN) from error
        raise
    return rows


def _copy_server(address: str, target: Path) -> Rows:
    """Copy a state from a server, table by table, as it is at one moment.

    Raises:
        StateError: the state cannot be read.
    """
    source, copy = open_database(address, read_only=True), open_database(f"sqlite:///{target}", read_only=False)
    rows = {tables.VERSION_TABLE: 1}
    try:
        snapshot = source.execution_options(isolation_level="REPEATABLE READ")
        with snapshot.begin() as reading, copy.begin() as writing:
            for table in tables.metadata.sorted_tables:
                writing.execute(delete(table))  # the first migration inserts the lease's row
                rows[table.name] = 0
                stored = reading.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
                for part in stored.mappings().partitions():
                    writing.execute(insert(table), [dict(row) for row in part])
                    rows[table.name] += len(part)
    finally:
        source.dispose()
        copy.dispose()
    return rows


def _make_restorable(copy: Path) -> None:
    """Let a copy be one file, whose lease nobody has: the run that had it does not go on in the copy."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("UPDATE lease SET owner = NULL, expires_at = NULL")


def _verify(copy: Path, rows: Rows) -> None:
    """Check that a copy is intact, has the rows that were read, and is on the disk.

    Raises:
        sqlite3.DatabaseError: it is not.
    """
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        [found, *_] = [text for (text,) in connection.execute("PRAGMA integrity_check")]
        if found != "ok":
            raise sqlite3.DatabaseError(f"integrity_check: {found}")
        counted = _count(connection)
    if counted != rows:
        raise sqlite3.DatabaseError(f"rows: {dict(rows)} were read, {counted} are in the copy")
    with copy.open("rb+") as file:
        os.fsync(file.fileno())


def _count(connection: sqlite3.Connection) -> dict[str, int]:
    """The number of rows of each table."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    # The names are SQLite's own answer.
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
