"""Contacts looked for by what is stored of them, in SQL: nothing is made of what does not match.

Patterns are those of ``like_pattern``, in small letters.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, or_, select, type_coerce

from sage100_ssm.sync.model import Link
from sage100_ssm.sync.state import rows, tables
from sage100_ssm.sync.state.records import JournalEntry

_BATCH = 1000

_link, _journal, _observation = tables.links.c, tables.journal.c, tables.observations.c


class StoredContacts:
    """The search within a transaction of the state.

    Args:
        connection: the transaction's connection.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- links, live ones first

    def links_of(self, sage100_ids: Collection[int], ssm_ids: Collection[int]) -> list[Link]:
        """The live links of contacts with these ids, or else the ended ones."""
        are_theirs = or_(_link.sage100_id.in_(sage100_ids), _link.ssm_id.in_(ssm_ids))
        # Apart: for the live ones, which are most of them, there are indexes.
        return list(self._links(and_(tables.is_live, are_theirs))) or list(self._links(are_theirs))

    def links_named(self, words: Sequence[tuple[str, Collection[str]]]) -> Iterator[Link]:
        """The links whose contact's name or company matches each word.

        Args:
            words: per word, its pattern and the codes of companies whose name contains it.
        """
        yield from self._links(
            and_(
                *(
                    or_(_link.contact.ilike(like), _link.company.ilike(like), _link.company.in_(codes))
                    for like, codes in words
                )
            )
        )

    def links_with(self, like: str) -> Iterator[Link]:
        """The links with a value that matches a pattern."""
        yield from self._links(_link.base.ilike(like))

    def _links(self, condition: ColumnElement[bool]) -> Iterator[Link]:
        wanted = select(tables.links).where(condition).order_by(_link.status == "ended", _link.id)
        found = self._connection.execute(wanted, execution_options={"yield_per": _BATCH})
        yield from (rows.link_of(row) for row in found)

    # --- rows of SSM

    def observed_of(self, stream: str, ids: Collection[int]) -> list[dict[str, Any]]:
        """The rows of an SSM stream with these ids."""
        return list(self._observed(stream, _observation.id.in_(ids)))

    def accounts_like(self, likes: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The accounts whose row matches each pattern."""
        data = type_coerce(_observation.data, Text)
        yield from self._observed("accounts", and_(*(data.ilike(like) for like in likes)))

    def unlinked_like(self, words: Sequence[Collection[str]]) -> Iterator[dict[str, Any]]:
        """The contacts of SSM without a live link whose row matches one pattern at least of each word."""
        data = type_coerce(_observation.data, Text)
        # Before the patterns, which nearly every row may match: most contacts have a link.
        has_link = select(_link.id).where(tables.is_live, _link.ssm_id == _observation.id).exists()
        is_like = and_(*(or_(*(data.ilike(like) for like in likes)) for likes in words))
        yield from self._observed("contacts", and_(~has_link, is_like))

    def _observed(self, stream: str, condition: ColumnElement[bool]) -> Iterator[dict[str, Any]]:
        wanted = select(_observation.data).where(_observation.stream == stream, condition).order_by(_observation.id)
        yield from self._connection.scalars(wanted, execution_options={"yield_per": _BATCH})

    # --- the journal, newest first

    def entries_of(self, sage100_ids: Collection[int], ssm_ids: Collection[int]) -> list[JournalEntry]:
        """The entries about contacts with these ids, and those that name several contacts, or none."""
        nobody = and_(_journal.sage100_id.is_(None), _journal.ssm_id.is_(None))
        return self._entries(or_(_journal.sage100_id.in_(sage100_ids), _journal.ssm_id.in_(ssm_ids), nobody))

    def entries_like(self, likes: Sequence[str]) -> list[JournalEntry]:
        """The entries whose contact, or one of those that they name, matches each pattern."""
        details = type_coerce(_journal.details, Text)
        return self._entries(and_(*(or_(_journal.contact.ilike(like), details.ilike(like)) for like in likes)))

    def _entries(self, condition: ColumnElement[bool]) -> list[JournalEntry]:
        is_shown = _journal.kind != tables.PENDING_NOTICE
        wanted = select(tables.journal).where(is_shown, condition).order_by(_journal.id.desc())
        return [rows.journal_entry_of(row) for row in self._connection.execute(wanted)]

    # --- near spellings

    def names(self) -> Iterator[str]:
        """The names of the contacts that are linked, or in the journal."""
        for column in (_link.contact, _journal.contact):
            named = select(column).where(column.is_not(None), column != "").distinct()
            yield from self._connection.scalars(named, execution_options={"yield_per": _BATCH})
