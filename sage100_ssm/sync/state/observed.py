"""The rows of SSM as they were last read: a reading writes those alone that differ from what is stored."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, bindparam, delete, func, insert, select, true, type_coerce, update

from sage100_ssm.exchange.reading import IdRange
from sage100_ssm.sync.contacts.keys import NO_COMPANY, account_id_of, is_live, key_of_account, key_of_contact, named_by
from sage100_ssm.sync.state import ascii_json, at_rest, forgetting, rows, tables

_AT_ONCE = 1000
"""Rows per statement: bounds the memory for a side of any size, and the number of parameters."""

_REKEYED_AT_ONCE = 5000
"""Rows that find their keys anew in one transaction, which takes less than a second."""

_ACCOUNTS = "accounts"
_OF_COMPANIES = (_ACCOUNTS, forgetting.CONTACTS)
"""The streams whose rows belong to companies. Accounts come first: from them a contact has its company."""
_NO_KEYS: dict[str, Any] = dict.fromkeys(("account_id", "company", "named", "is_live"))

_table = tables.observations


class ObservedRow(NamedTuple):
    """A row of SSM that is stored.

    Attributes:
        stream: its stream.
        id: its id.
    """

    stream: str
    id: int


def observed(connection: Connection, stream: str) -> Iterator[dict[str, Any]]:
    """The rows of a stream, by id, read while they are consumed."""
    seen = select(_table.c.data).where(_table.c.stream == stream).order_by(_table.c.id)
    yield from connection.scalars(seen, execution_options={"yield_per": _AT_ONCE})


def save(connection: Connection, stream: str, read: Iterable[Mapping[str, Any]], code_field: str) -> None:
    """Store rows as they were read; the companies of those that are new or changed are no longer at rest.

    Of two rows with the same ``id`` the later one counts.
    """
    source = iter(read)
    while batch := list(islice(source, _AT_ONCE)):
        latest = list({row["id"]: row for row in batch}.values())
        if stream == forgetting.CONTACTS:
            latest = forgetting.without_gone_people(connection, latest)
        stored = _stored_texts(connection, stream, [row["id"] for row in latest])
        changed = [row for row in latest if stored.get(row["id"]) != ascii_json.dumps(dict(row))]
        if changed:
            _save_changed(connection, stream, changed, stored.keys(), code_field)


def _save_changed(
    connection: Connection, stream: str, changed: Sequence[Mapping[str, Any]], stored: Collection[int], code_field: str
) -> None:
    keys = _keys_of(connection, stream, changed, code_field)
    before = dict(_companies(connection, stream, [row["id"] for row in changed]))
    if new := [row for row in changed if row["id"] not in stored]:
        connection.execute(insert(_table), [rows.observation_row(stream, row) | keys[row["id"]] for row in new])
    if again := [row for row in changed if row["id"] in stored]:
        one = update(_table).where(_table.c.stream == stream, _table.c.id == bindparam("seen"))
        connection.execute(one, [{"seen": row["id"], "data": dict(row)} | keys[row["id"]] for row in again])
    after = {id_: key["company"] or NO_COMPANY for id_, key in keys.items()}
    if stream == _ACCOUNTS:
        moved = {id_: company for id_, company in after.items() if id_ not in before or before[id_] != company}
        _move_contacts(connection, moved)
    if stream in _OF_COMPANIES:
        at_rest.unsettle(connection, (*before.values(), *after.values()))


def _keys_of(
    connection: Connection, stream: str, read: Iterable[Mapping[str, Any]], code_field: str
) -> dict[int, dict[str, Any]]:
    """What rows are looked up by, by their id."""
    if stream == _ACCOUNTS:
        return {row["id"]: _NO_KEYS | {"company": key_of_account(row, code_field)} for row in read}
    if stream != forgetting.CONTACTS:
        return {row["id"]: _NO_KEYS for row in read}
    accounts = {row["id"]: account_id_of(row) for row in read}
    companies = dict(_companies(connection, _ACCOUNTS, {id_ for id_ in accounts.values() if id_ is not None}))
    return {
        row["id"]: {
            "account_id": accounts[row["id"]],
            # Of those that were deleted without a company there may be many, and nobody looks for them by it.
            "company": key_of_contact(companies.get(accounts[row["id"]] or 0))
            or (NO_COMPANY if is_live(row) else None),
            "named": named_by(row),
            "is_live": is_live(row),
        }
        for row in read
    }


def _companies(connection: Connection, stream: str, ids: Collection[int]) -> Iterator[tuple[int, str]]:
    for batch in at_rest.batches(ids):
        wanted = select(_table.c.id, _table.c.company).where(_table.c.stream == stream, _table.c.id.in_(batch))
        # Of rows that an earlier version stored it is not known until they are keyed anew.
        yield from ((id_, company or "") for id_, company in connection.execute(wanted))


def _move_contacts(connection: Connection, accounts: Mapping[int, str | None]) -> None:
    """Let the contacts of accounts have the company that their account has now."""
    of_account = _table.c.account_id == bindparam("account")
    one = update(_table).where(of_account, _table.c.stream == forgetting.CONTACTS)
    if accounts:
        moved = [{"account": id_, "now": key_of_contact(company)} for id_, company in accounts.items()]
        connection.execute(one.values(company=bindparam("now")), moved)


def rekey(connection: Connection, code_field: str, after: ObservedRow | None) -> ObservedRow | None:
    """Find anew what a part of the rows is looked up by: for the first time, or because another field has the code.

    Args:
        connection: to the state.
        code_field: the account field that contains the ``CT_Num`` now.
        after: the last row of the part before; None for the first part.

    Returns:
        The last row of this part; None where no row was left.
    """
    stream, last = after or ObservedRow(_ACCOUNTS, 0)
    is_next = _table.c.id > last if after else true()
    page = select(_table.c.data).where(_table.c.stream == stream, is_next).order_by(_table.c.id).limit(_REKEYED_AT_ONCE)
    part = connection.scalars(page).all()
    if not part:
        # Only then: a contact has its company from its account.
        first_contact = select(func.min(_table.c.id)).where(_table.c.stream == forgetting.CONTACTS)
        least = connection.scalar(first_contact) if stream == _ACCOUNTS else None
        return None if least is None else ObservedRow(forgetting.CONTACTS, least - 1)
    one = update(_table).where(_table.c.stream == stream, _table.c.id == bindparam("seen"))
    keys = _keys_of(connection, stream, part, code_field)
    connection.execute(one, [{"seen": id_} | key for id_, key in keys.items()])
    at_rest.unsettle(connection, (key["company"] or NO_COMPANY for key in keys.values()))
    return ObservedRow(stream, part[-1]["id"])


def _stored_texts(connection: Connection, stream: str, ids: Collection[int]) -> dict[int, str]:
    """The stored rows with these ids, as the texts that they are stored as."""
    text = type_coerce(_table.c.data, Text)
    wanted = select(_table.c.id, text).where(_table.c.stream == stream, _table.c.id.in_(ids))
    return dict(connection.execute(wanted).tuples().all())


def forget(connection: Connection, stream: str, ids: Iterable[int]) -> None:
    """Forget the rows with these ids; their companies are no longer at rest."""
    chosen = list(ids)
    if not chosen:
        return
    if stream in _OF_COMPANIES:
        at_rest.unsettle(connection, (key for _, key in _companies(connection, stream, chosen)))
    if stream == _ACCOUNTS:
        _move_contacts(connection, dict.fromkeys(chosen))
    one = delete(_table).where(_table.c.stream == stream, _table.c.id == bindparam("gone"))
    connection.execute(one, [{"gone": id_} for id_ in chosen])


def forget_all_but(connection: Connection, stream: str, seen: Collection[int], within: IdRange) -> None:
    """Forget the rows of a range of ids that a whole reading of it did not show."""
    stored = select(_table.c.id).where(_table.c.stream == stream)
    stored = stored if within.lowest is None else stored.where(_table.c.id >= within.lowest)
    stored = stored if within.highest is None else stored.where(_table.c.id <= within.highest)
    ids = connection.scalars(stored, execution_options={"yield_per": _AT_ONCE})
    forget(connection, stream, [id_ for id_ in ids if id_ not in seen])
