"""Whether state and sides belong together: rows that were read before must still be the same rows. Pure.

The same ids prove nothing: another company database or another instance gives the same numbers. Rows are recognised by
when they were created, which no edit changes. What else a row says is not compared: people may change all of it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sage100_ssm.exchange.reading import Row
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.model import Link, Side

SAMPLE_SIZE = 20
_TO_THE_SECOND = len("2024-03-05T10:11:12")
_A_MINUTE = timedelta(minutes=1)

CompanySample = Mapping[str, Sequence[Any]]
"""Some companies of Sage as the state stores them: ``cbMarq`` to ``CT_Num``, ``CT_Intitule`` and ``cbCreation``."""


@dataclass(frozen=True, slots=True)
class RowComparison:
    """How many rows that have known ids are the rows that were read under these ids before.

    Attributes:
        same: the number of rows that are.
        different: the number of rows that are not.
    """

    same: int = 0
    different: int = 0


_NOTHING_COMPARED = RowComparison()


def refuse_other_company(known: str | None, database: str, formerly: Collection[str] = (), *, has_links: bool) -> None:
    """Check that the settings name the company database that the links were made for.

    Args:
        known: the name that earlier runs stored; None where there was none.
        database: the name in the settings; it is part of every ``extId``.
        formerly: the names in the settings that it had before.
        has_links: whether there are any live links.

    Raises:
        ConfigurationError: they name another one.
    """
    if has_links and known not in (None, database, *formerly):
        raise ConfigurationError("other_company", side=Side.SAGE100.value, known=known, company=database)


# --- SSM


def compare_ssm_rows(before: Mapping[int, Row], rows: Iterable[Row], own_databases: Collection[str]) -> RowComparison:
    """Compare the rows of one stream of SSM with those that were read before.

    Args:
        before: the rows that were read before, by id.
        rows: the rows that were read now; those with an unknown id do not count.
        own_databases: the company database's names, former ones included.
    """
    same = [_is_same_in_ssm(before[row["id"]], row, own_databases) for row in rows if row["id"] in before]
    return RowComparison(sum(same), len(same) - sum(same))


def refuse_other_instance(
    contacts: RowComparison, accounts: RowComparison = _NOTHING_COMPARED, *, expects_known_rows: bool = False
) -> None:
    """Check that SSM still shows the rows that it showed: a deleted row is marked and stays.

    Args:
        contacts: the comparison of contacts.
        accounts: the comparison of accounts.
        expects_known_rows: whether some row that is known should be among those that were read.

    Raises:
        ConfigurationError: most rows are different, or no expected row came: this is another instance.
    """
    # Contacts decide before accounts, because our own `extId` proves more than a time.
    decisive = accounts if contacts.same == contacts.different else contacts
    no_row_is_known = not (contacts.same or accounts.same)
    if decisive.different > decisive.same or (expects_known_rows and no_row_is_known):
        raise ConfigurationError("other_side", side=Side.SSM.value)


def _is_same_in_ssm(was: Row, row: Row, own_databases: Collection[str]) -> bool:
    """Whether a row is the one that had this id before.

    Our own mark proves it, and that of another company database disproves it. A mark of ours that is now another row's,
    or gone, says only that an import crossed or blanked marks: then it counts when the row was created.
    """
    mark_before, mark = ExtId.parse(was.get("extId")), ExtId.parse(row.get("extId"))
    is_created_at_same_time = _is_created_at_same_time(was, row)
    if mark_before is None or mark is None:
        return is_created_at_same_time is not False  # a time that is unknown contradicts nothing
    if mark_before == mark:
        return True
    if mark_before.database != mark.database and not {mark_before.database, mark.database} <= set(own_databases):
        return False
    return _has_same_names(was, row) if is_created_at_same_time is None else is_created_at_same_time


def _has_same_names(was: Row, row: Row) -> bool:
    names, names_now = (
        normalise.name_key(*(str(r.get(key) or "") for key in ("lastName", "firstName"))) for r in (was, row)
    )
    return names == names_now


def _is_created_at_same_time(was: Row, row: Row) -> bool | None:
    """Whether ``dateCreated`` is the same in both, to the minute; None where one is missing or unreadable."""
    try:
        one, two = (datetime.fromisoformat(r["dateCreated"]) for r in (was, row))
    except (KeyError, TypeError, ValueError):
        return None
    # The API may spell one time in several ways: with none to three decimals, in UTC with or without saying so.
    one, two = (moment if moment.tzinfo else moment.replace(tzinfo=UTC) for moment in (one, two))
    return abs(one - two) <= _A_MINUTE


# --- Sage


def company_sample(rows: Iterable[Row]) -> CompanySample:
    """The companies of Sage to be stored: the oldest few, because they are the least likely to be deleted.

    Args:
        rows: rows of ``F_COMPTET``.
    """
    oldest = sorted((row for row in rows if "cbMarq" in row), key=lambda row: int(row["cbMarq"]))[:SAMPLE_SIZE]
    return {str(row["cbMarq"]): [row["CT_Num"], row.get("CT_Intitule"), _creation_time(row)] for row in oldest}


def refuse_other_database(
    known: CompanySample, companies: Iterable[Row], has_linked_contacts: Callable[[], bool], *, complete: bool
) -> None:
    """Check that the companies of Sage are the ones that it had, or else that the linked contacts are.

    The contacts decide where a database was built anew, which gives all rows new ids and times of creation (P14), or
    where the last client became a supplier (P13).

    Args:
        known: the companies that the state stores.
        companies: the rows of ``F_COMPTET`` of these, as far as there are any.
        has_linked_contacts: whether Sage has most linked contacts, or there is no link; asked where companies differ.
        complete: whether Sage was read to its end.

    Raises:
        ConfigurationError: most companies are different, or all are gone, and so are the contacts: this is another
            company database.
    """
    rows = {str(row.get("cbMarq")): row for row in companies}
    same = [_is_same_company(was, rows[key]) for key, was in known.items() if key in rows]
    all_are_gone = complete and bool(known) and not same
    most_are_different = sum(same) * 2 < len(same)
    if (all_are_gone or most_are_different) and not has_linked_contacts():
        raise ConfigurationError("other_side", side=Side.SAGE100.value)


def _is_same_company(was: Sequence[Any], row: Row) -> bool:
    code, name, created = was
    if created and (created_now := _creation_time(row)):
        return bool(created == created_now)
    # Older databases have no `cbCreation` (docs/facts/sage100.md, "Generations"): code and name decide.
    same_code = normalise.company_code(code) == normalise.company_code(row["CT_Num"])
    return same_code and normalise.name(name) == normalise.name(row.get("CT_Intitule"))


def _creation_time(row: Row) -> str | None:
    """``cbCreation`` to the second; None where the database has none."""
    # Without its zone: Sage stores local time, and the zone is that of the settings, which may have changed.
    stamp = row.get("cbCreation")
    return stamp[:_TO_THE_SECOND] if isinstance(stamp, str) else None


def count_found(contacts: Iterable[Row], links: Iterable[Link]) -> int:
    """How many linked contacts are in Sage under the name of their link, by ``cbMarq`` or ``CT_No``."""
    rows = list(contacts)
    by_id = {row["cbMarq"]: row for row in rows}
    by_number = {row["CT_No"]: row for row in rows if row.get("CT_No")}
    found = 0
    for link in links:
        candidates = (by_id.get(link.sage100_id), by_number.get(link.sage100_no))
        names = (f"{row.get('CT_Prenom') or ''} {row.get('CT_Nom') or ''}" for row in candidates if row)
        found += normalise.letters_and_digits(link.contact) in map(normalise.letters_and_digits, names)
    return found
