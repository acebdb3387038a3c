"""Whether state and sides belong together: what is known of the links must still be there. Pure.

Ids tell nothing by themselves: another company database or another instance gives out the same numbers. Of a row
that stands under a known id it is asked whether it is the one that was seen.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from contact_sync.contact import Contact, personal
from contact_sync.failures import ConfigurationError
from contact_sync.fields import LAST_NAME
from contact_sync.model import Link, Side
from contact_sync.sides import Row

_FEW = 3
"""Up to so many links, all may be gone on a normal day."""

_QUARTER, _ROUNDED = timedelta(minutes=15), timedelta(seconds=1)

_MARKS = ("extId", "lastName", "email", "phone1", "phone2")
"""What a contact of SSM is known by, beside when it was created."""


def same_settings(links: Sequence[Link], known: str | None, database: str) -> None:
    """The settings name the company database that the links were made for: its name is part of every ``extId``.

    Raises:
        ConfigurationError: they name another one.
    """
    if links and known not in (None, database):
        raise ConfigurationError("other_company", known=known, company=database)


def same_instance(before: Mapping[int, Row], asked: Collection[int], rows: Iterable[Row], *, complete: bool) -> None:
    """Of the contacts of SSM seen before, those asked for must be there, created when they were, most of them as seen.

    Args:
        before: the contacts as last seen, by id.
        asked: the ids of those that ought to be there.
        rows: what was read.
        complete: whether what was read is all there is of those asked for.

    Raises:
        ConfigurationError: none is there, or most are others: this is another instance.
    """
    now = {row["id"]: row for row in rows}
    known = [i for i in asked if i in before]
    pairs = [(before[i], now[i]) for i in known if i in now]
    born_then = [pair for pair in pairs if _born_alike(*pair)]
    familiar = sum(any(was.get(mark) and was.get(mark) == row.get(mark) for mark in _MARKS) for was, row in born_then)
    _refuse(Side.SSM, familiar, len(pairs) - familiar, certain=len(pairs) - len(born_then))
    if complete and len(known) > _FEW and not familiar:
        raise ConfigurationError("other_side", side=Side.SSM.value)


def _born_alike(was: Row, row: Row) -> bool:
    """Whether both tell the same moment of creation, however they spell it, or one tells none.

    Fractions of a second may come or go, and a time that is shown in a user's zone moves by quarters of an hour.
    """
    try:
        one, two = (datetime.fromisoformat(r["dateCreated"]).replace(tzinfo=None) for r in (was, row))
    except (KeyError, TypeError, ValueError):
        return True
    apart = abs(one - two) % _QUARTER
    return min(apart, _QUARTER - apart) <= _ROUNDED


def same_database(links: Sequence[Link], contacts: Mapping[int, Contact], *, complete: bool) -> None:
    """Of the linked rows of Sage, some must still say something personal that they said, and most of those there.

    A row counts under its ``cbMarq`` or its ``CT_No``, as in P14. A database that reads empty is P9's.

    Args:
        links: the living links.
        contacts: the contacts of Sage that were read, by ``cbMarq``.
        complete: whether they are all.

    Raises:
        ConfigurationError: none does, or most are others: this is another company database.
    """
    by_number = {contact.number: contact for contact in contacts.values() if contact.number}
    familiar = strange = 0
    for link in links:
        row = contacts.get(link.sage100_id)
        if _says_the_same(link, row) or _says_the_same(link, by_number.get(link.sage100_no or 0)):
            familiar += 1
        elif row:
            strange += 1
    _refuse(Side.SAGE100, familiar, strange)
    if complete and contacts and len(links) > _FEW and not familiar:
        raise ConfigurationError("other_side", side=Side.SAGE100.value)


def _refuse(side: Side, familiar: int, strange: int, certain: int = 0) -> None:
    """Refuse a side on which most are others; one contact alone may have become somebody else altogether.

    Args:
        side: the side.
        familiar: how many rows are those that were seen.
        strange: how many bear the id of one that was seen and nothing else of it.
        certain: how many of the strange ones cannot be it, whatever somebody edited.
    """
    if strange > familiar and (certain or strange > 1):
        raise ConfigurationError("other_side", side=side.value)


def _says_the_same(link: Link, row: Contact | None) -> bool:
    if row is None:
        return False
    base = {name: pair.sage100 for name, pair in link.base.items()}
    last_name = base.get(LAST_NAME)
    return (bool(last_name) and last_name == row.values.get(LAST_NAME)) or bool(personal(base) & personal(row.values))
