"""Links, and rows of SSM as they were last read, by what a run has of them: an id, a company, an ``extId``."""

import random
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, func, select, type_coerce

from sage100_ssm.sync.contacts.keys import NO_COMPANY, ODD_ACCOUNT
from sage100_ssm.sync.model import Link, LinkStatus
from sage100_ssm.sync.state import ascii_json, rows, tables
from sage100_ssm.sync.state.at_rest import batches

_ACCOUNTS, _CONTACTS = "accounts", "contacts"

_link, _row = tables.links.c, tables.observations.c
_LINKS = select(tables.links).where(tables.is_live)


class StoredLookups:
    """The lookups within a transaction of the state.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- live links

    def links_of(self, sage100_ids: Collection[int] = (), ssm_ids: Collection[int] = ()) -> list[Link]:
        """The links of contacts with these ids."""
        # Apart: each has an index.
        found = [*self._links(_link.sage100_id, sage100_ids), *self._links(_link.ssm_id, ssm_ids)]
        return list({link.id: link for link in found}.values())

    def _links(self, column: ColumnElement[int], ids: Collection[int]) -> Iterator[Link]:
        for batch in batches(ids):
            yield from (rows.link_of(row) for row in self._connection.execute(_LINKS.where(column.in_(batch))))

    def sleeping_links(self) -> list[Link]:
        """The links that sleep."""
        asleep = _LINKS.where(_link.status == LinkStatus.ASLEEP.value)
        return [rows.link_of(row) for row in self._connection.execute(asleep)]

    def linked_ids(self) -> Iterator[tuple[int, LinkStatus]]:
        """The SSM ids of all links, each with its link's status, read while they are consumed."""
        wanted = select(_link.ssm_id, _link.status).where(tables.is_live)
        for ssm_id, status in self._connection.execute(wanted, execution_options={"yield_per": 10_000}):
            yield ssm_id, LinkStatus(status)

    def linked_and_unseen(self) -> Iterator[tuple[int, LinkStatus]]:
        """The same, of the links whose SSM contact is not among the rows that are stored."""
        is_stored = select(_row.id).where(_row.stream == _CONTACTS, _row.id == _link.ssm_id).exists()
        wanted = select(_link.ssm_id, _link.status).where(tables.is_live, ~is_stored).order_by(_link.id)
        for ssm_id, status in self._connection.execute(wanted):
            yield ssm_id, LinkStatus(status)

    def linked_and_astray(self) -> Iterator[int]:
        """The SSM ids of the links whose SSM contact is not stored, or without a company: none leads to it."""
        # Of the contacts without a company, those that live have a key all the same.
        wanted_row = (_row.stream == _CONTACTS, _row.id == _link.ssm_id, _row.company.is_not(None))
        wanted = select(_link.ssm_id).where(tables.is_live, ~select(_row.id).where(*wanted_row).exists())
        yield from self._connection.scalars(wanted.order_by(_link.id))

    def some_linked_ids(self, number: int) -> list[int]:
        """The SSM ids of some active links whose contact is stored, others each time."""
        least, most = self._connection.execute(select(func.min(_link.id), func.max(_link.id))).one()
        if least is None:
            return []
        is_stored = select(_row.id).where(_row.stream == _CONTACTS, _row.id == _link.ssm_id).exists()
        one = select(_link.id, _link.ssm_id).where(_link.status == LinkStatus.ACTIVE.value, is_stored)
        found: dict[int, int] = {}
        for _ in range(number):
            begin = random.randint(least, most)  # noqa: S311 - no secret
            after = one.where(_link.id >= begin).order_by(_link.id).limit(1)
            found |= dict(self._connection.execute(after).tuples().all())
        if len(found) < number:
            # Few links, or many that have ended: then the first ones complete the sample.
            found |= dict(self._connection.execute(one.order_by(_link.id).limit(number)).tuples().all())
        return list(found.values())[:number]

    def has_links(self) -> bool:
        """Whether there is any link."""
        return self._connection.execute(select(_link.id).where(tables.is_live).limit(1)).first() is not None

    def highest_number(self) -> int:
        """The highest ``CT_No`` of a link."""
        highest: int | None = self._connection.scalar(
            select(func.max(_link.sage100_no)).where(tables.is_live, _link.sage100_no.is_not(None))
        )
        return highest or 0

    # --- rows of SSM

    def has_rows(self) -> bool:
        """Whether any account or contact is stored."""
        wanted = select(_row.id).where(_row.stream.in_((_ACCOUNTS, _CONTACTS))).limit(1)
        return self._connection.execute(wanted).first() is not None

    def lives_in_ssm(self) -> bool:
        """Whether SSM shows any live contact."""
        wanted = select(_row.id).where(_row.stream == _CONTACTS, _row.is_live).limit(1)
        return self._connection.execute(wanted).first() is not None

    def some_live_ids(self, number: int) -> list[int]:
        """The ids of some live contacts."""
        wanted = select(_row.id).where(_row.stream == _CONTACTS, _row.is_live).order_by(_row.id).limit(number * 50)
        ids = list(self._connection.scalars(wanted))
        return random.sample(ids, min(number, len(ids)))

    def rows_by_id(self, stream: str, ids: Iterable[int]) -> list[dict[str, Any]]:
        """The rows of a stream with these ids."""
        return [row for batch in batches(ids) for row in self._rows(stream, _row.id.in_(batch))]

    def companies_of(self, stream: str, ids: Iterable[int]) -> dict[int, str]:
        """The keys of the companies of the rows with these ids."""
        found: dict[int, str] = {}
        for batch in batches(ids):
            wanted = select(_row.id, _row.company).where(_row.stream == stream, _row.id.in_(batch))
            found |= {id_: key or NO_COMPANY for id_, key in self._connection.execute(wanted)}
        return found

    def accounts_of(self, companies: Iterable[str]) -> list[dict[str, Any]]:
        """The accounts of companies, deleted ones included."""
        keys = (key for key in companies if key != NO_COMPANY)
        return [row for batch in batches(keys) for row in self._rows(_ACCOUNTS, _row.company.in_(batch))]

    def odd_accounts(self) -> list[dict[str, Any]]:
        """The accounts that cannot be understood."""
        return self._rows(_ACCOUNTS, _row.company == ODD_ACCOUNT)

    def contacts_of(self, companies: Iterable[str]) -> list[dict[str, Any]]:
        """The contacts of companies, deleted ones included; without a company, live ones alone."""
        found = (self._rows(_CONTACTS, _row.company.in_(batch)) for batch in batches(companies))
        return [row for rows_ in found for row in rows_]

    def contacts_with_accounts(self, account_ids: Iterable[int]) -> list[dict[str, Any]]:
        """The contacts of accounts."""
        return [row for batch in batches(account_ids) for row in self._rows(_CONTACTS, _row.account_id.in_(batch))]

    def contacts_naming(self, sage100_ids: Iterable[int]) -> list[int]:
        """The ids of the contacts whose ``extId`` names one of these ``cbMarq``, deleted ones included."""
        wanted = select(_row.id).where(_row.stream == _CONTACTS)
        named = (wanted.where(_row.named.in_(batch)) for batch in batches(sage100_ids))
        return [id_ for query in named for id_ in self._connection.scalars(query)]

    def contacts_with_ext_id(self, ext_id: str) -> list[dict[str, Any]]:
        """The contacts whose row contains an ``extId``, whoever's it is: each row is searched."""
        data = type_coerce(_row.data, Text)
        return self._rows(_CONTACTS, data.contains(ascii_json.dumps(ext_id), autoescape=True))

    def marks(self) -> Iterator[tuple[int, str]]:
        """The ids and the ``extId`` of the live contacts that name a row of Sage, read while they are consumed."""
        wanted = select(_row.id, _row.data).where(_row.stream == _CONTACTS, _row.is_live, _row.named.is_not(None))
        for id_, data in self._connection.execute(wanted, execution_options={"yield_per": 1_000}):
            yield id_, data["extId"]

    def _rows(self, stream: str, *conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
        return list(self._connection.scalars(select(_row.data).where(_row.stream == stream, *conditions)))
