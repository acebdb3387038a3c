"""The rows of SSM as they were last read: a reading writes those alone that differ from what is stored."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Text, bindparam, delete, insert, select, type_coerce, update

from sage100_ssm.sync.state import ascii_json, forgetting, rows, tables

_AT_ONCE = 1000
"""Rows per statement: bounds the memory for a side of any size, and the number of parameters."""

_table = tables.observations


def observed(connection: Connection, stream: str) -> Iterator[dict[str, Any]]:
    """The rows of a stream, by id, read while they are consumed."""
    seen = select(_table.c.data).where(_table.c.stream == stream).order_by(_table.c.id)
    yield from connection.scalars(seen, execution_options={"yield_per": _AT_ONCE})


def save(connection: Connection, stream: str, read: Iterable[Mapping[str, Any]]) -> None:
    """Store rows as they were read. Of two rows with the same ``id`` the later one counts."""
    source = iter(read)
    while batch := list(islice(source, _AT_ONCE)):
        latest = list({row["id"]: row for row in batch}.values())
        if stream == forgetting.CONTACTS:
            latest = forgetting.without_gone_people(connection, latest)
        stored = _stored_texts(connection, stream, [row["id"] for row in latest])
        new = [row for row in latest if row["id"] not in stored]
        changed = [row for row in latest if row["id"] in stored and stored[row["id"]] != ascii_json.dumps(dict(row))]
        if new:
            connection.execute(insert(_table), [rows.observation_row(stream, row) for row in new])
        if changed:
            one = update(_table).where(_table.c.stream == stream, _table.c.id == bindparam("seen"))
            connection.execute(one, [{"seen": row["id"], "data": dict(row)} for row in changed])


def _stored_texts(connection: Connection, stream: str, ids: Collection[int]) -> dict[int, str]:
    """The stored rows with these ids, as the texts that they are stored as."""
    text = type_coerce(_table.c.data, Text)
    wanted = select(_table.c.id, text).where(_table.c.stream == stream, _table.c.id.in_(ids))
    return dict(connection.execute(wanted).tuples().all())


def forget(connection: Connection, stream: str, ids: Iterable[int]) -> None:
    """Forget the rows with these ids."""
    if chosen := [{"gone": id_} for id_ in ids]:
        one = delete(_table).where(_table.c.stream == stream, _table.c.id == bindparam("gone"))
        connection.execute(one, chosen)


def forget_all_but(connection: Connection, stream: str, seen: Collection[int]) -> None:
    """Forget the rows whose ids a whole reading did not show."""
    stored = select(_table.c.id).where(_table.c.stream == stream)
    ids = connection.scalars(stored, execution_options={"yield_per": _AT_ONCE})
    forget(connection, stream, [id_ for id_ in ids if id_ not in seen])
