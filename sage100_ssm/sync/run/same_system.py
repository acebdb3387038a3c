"""Whether state and sides belong together: rows seen before must still be the rows that they were. Pure.

Ids tell nothing by themselves: another company database or another instance gives out the same numbers. What tells is
when a row was created, since no edit changes that. What a row says is not held against it: people may change all of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sage100_ssm.exchange.reading import Row
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.contact import is_ours
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.model import Link, Side

_SAMPLE = 20
_TO_THE_SECOND = len("2024-03-05T10:11:12")
_A_MINUTE = timedelta(minutes=1)

Companies = Mapping[str, Sequence[Any]]
"""Some companies of Sage as they are remembered: ``cbMarq`` to ``CT_Num``, ``CT_Intitule`` and ``cbCreation``."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What rows with known ids tell.

    Attributes:
        same: how many are the rows that were seen.
        other: how many bear the id of a row that was seen, and are others.
    """

    same: int = 0
    other: int = 0


_NOTHING = Evidence()


def same_settings(links: Sequence[Link], known: str | None, database: str) -> None:
    """The settings name the company database that the links were made for: its name is part of every ``extId``.

    Raises:
        ConfigurationError: they name another one.
    """
    if links and known not in (None, database):
        raise ConfigurationError("other_company", side=Side.SAGE100.value, known=known, company=database)


# --- SSM


def of_ssm(before: Mapping[int, Row], rows: Iterable[Row]) -> Evidence:
    """What rows of one stream of SSM tell: those created when they were, or under our own ``extId``, are the same."""
    known = [_is_same_in_ssm(before[row["id"]], row) for row in rows if row["id"] in before]
    return Evidence(sum(known), len(known) - sum(known))


def same_instance(contacts: Evidence, accounts: Evidence = _NOTHING, *, none_is_strange: bool = False) -> None:
    """SSM must show the rows that it showed: it marks rows as deleted, and takes none away.

    Contacts go before accounts: they bear our own mark.

    Args:
        contacts: what the contacts tell.
        accounts: what the accounts tell.
        none_is_strange: whether rows that are known ought to be among those read.

    Raises:
        ConfigurationError: most are others, or none is there: this is another instance.
    """
    told = accounts if contacts.same == contacts.other else contacts
    if told.other > told.same or (none_is_strange and not (contacts.same or accounts.same)):
        raise ConfigurationError("other_side", side=Side.SSM.value)


def _is_same_in_ssm(was: Row, row: Row) -> bool:
    mark, mark_now = was.get("extId"), row.get("extId")
    if is_ours(mark) and is_ours(mark_now):
        return bool(mark == mark_now)
    return _born_alike(was, row)


def _born_alike(was: Row, row: Row) -> bool:
    """Whether both tell the same moment of creation, however they spell it, to the minute; or one tells none."""
    try:
        one, two = (datetime.fromisoformat(r["dateCreated"]) for r in (was, row))
    except (KeyError, TypeError, ValueError):
        return True
    one, two = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (one, two))
    return abs(one - two) <= _A_MINUTE


# --- Sage


def remembered_companies(rows: Iterable[Row]) -> Companies:
    """What to remember of the companies of Sage: the oldest few, which stay the longest."""
    oldest = sorted((row for row in rows if "cbMarq" in row), key=lambda row: int(row["cbMarq"]))[:_SAMPLE]
    return {str(row["cbMarq"]): [row["CT_Num"], row.get("CT_Intitule"), _born(row)] for row in oldest}


def same_database(
    links: Sequence[Link], known: Companies, companies: Sequence[Row], contacts: Sequence[Row], *, complete: bool
) -> None:
    """The companies that Sage showed must be there as they were created, or the linked contacts under their names.

    The names count where a database was built anew, which gives all rows new ids and moments of creation (P14), or
    where the last client became a supplier (P13).

    Args:
        links: the living links.
        known: the companies remembered.
        companies: the companies that were read.
        contacts: the contacts that were read.
        complete: whether both were read to their end.

    Raises:
        ConfigurationError: most companies are others, or all are gone, and so are the contacts: this is another
            company database.
    """
    if not links:
        return
    there = {str(row.get("cbMarq")): row for row in companies}
    told = [_is_same_company(was, there[key]) for key, was in known.items() if key in there]
    gone = complete and bool(known) and not told
    if (gone or sum(told) * 2 < len(told)) and not _most_are_there(links, contacts):
        raise ConfigurationError("other_side", side=Side.SAGE100.value)


def _is_same_company(was: Sequence[Any], row: Row) -> bool:
    """Older databases do not tell when a row was created: there the code and the name speak."""
    code, name, born = was
    if born and (now := _born(row)):
        return bool(born == now)
    same_code = normalise.company_code(code) == normalise.company_code(row["CT_Num"])
    return same_code and normalise.name(name) == normalise.name(row.get("CT_Intitule"))


def _born(row: Row) -> str | None:
    """When a row was created, by the server's clock on the wall, whatever zone the settings say it stands in."""
    stamp = row.get("cbCreation")
    return stamp[:_TO_THE_SECOND] if isinstance(stamp, str) else None


def _most_are_there(links: Sequence[Link], contacts: Sequence[Row]) -> bool:
    """Whether most linked contacts stand in Sage under the name that they had, by ``cbMarq`` or ``CT_No``."""
    by_id = {row["cbMarq"]: row for row in contacts}
    by_number = {row["CT_No"]: row for row in contacts if row.get("CT_No")}
    found = [
        normalise.name(link.contact) in _names_of(by_id.get(link.sage100_id), by_number.get(link.sage100_no))
        for link in links
    ]
    return sum(found) * 2 > len(found)


def _names_of(*rows: Row | None) -> Iterator[str]:
    return (normalise.name(f"{row.get('CT_Prenom') or ''} {row.get('CT_Nom') or ''}") for row in rows if row)
