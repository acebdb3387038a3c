"""The Sage side: the server, the layout, the rights, and what in the data will make trouble."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sage100_ssm.app.check.finding import Finding, Teller, some
from sage100_ssm.app.sides import SageSide
from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.sage100.engine import is_freetds
from sage100_ssm.sage100.inspection import Inspection, Trigger
from sage100_ssm.sage100.rights import LISTS
from sage100_ssm.sage100.tables import ROUNDED
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import FIRST_NAME, LAST_NAME, Field, present
from sage100_ssm.sync.contacts.mapping import Column

_CLOCKS_APART = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SageSeen:
    """What was read of Sage.

    Attributes:
        companies: rows of ``F_COMPTET``, clients and prospects.
        contacts: rows of ``F_CONTACTT``.
        columns: what the columns of ``F_CONTACTT`` can hold.
        inspection: what the database is like.
    """

    companies: Sequence[Mapping[str, Any]]
    contacts: Sequence[Mapping[str, Any]]
    columns: Mapping[str, Column]
    inspection: Inspection


def look(side: SageSide) -> SageSeen:
    """Read Sage.

    Raises:
        SideFailedError: it cannot be read, or not be written.
    """
    inspection, columns = side.inspection(), side.columns()
    readings = side.read({"companies": None, "contacts": None})
    failure = _lacking(inspection) or next((r.failure for r in readings.values() if r.failure), None) or side.check()
    if failure:
        raise SideFailedError(failure)
    return SageSeen(readings["companies"].rows, readings["contacts"].rows, columns, inspection)


def _lacking(inspection: Inspection) -> Failure | None:
    """Name all rights at once that are needed and lacking."""
    lacking = [right for right in inspection.missing or () if right not in LISTS]
    return Failure("right_missing", some(lacking), configuration=True) if lacking else None


def about_server(seen: SageSeen, tell: Teller, zone: str, now: datetime) -> Iterator[Finding]:
    """The server, the layout, the clock, the triggers."""
    here = seen.inspection
    if here.version is None:
        yield tell.unseen("server")
    else:
        yield tell.ok("server", version=here.version, edition=here.edition, driver=here.driver)
    if here.driver and is_freetds(here.driver):
        yield tell.advice("unverified")
    yield tell.ok(f"generation_{here.generation}")
    yield tell.ok("text", collation=here.collation, encoding=here.encoding)
    yield _clock(here.clock, tell, zone, now)
    if not here.sample:
        yield from _triggers(here, tell)


def _clock(clock: datetime | None, tell: Teller, zone: str, now: datetime) -> Finding:
    if clock is None:
        return tell.unseen("clock")
    apart = abs(clock - now.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
    if apart < _CLOCKS_APART:
        return tell.ok("clock", zone=zone)
    return tell.advice("clock_apart", zone=zone, minutes=round(apart.total_seconds() / 60), clock=f"{clock:%H:%M}")


def _triggers(here: Inspection, tell: Teller) -> Iterator[Finding]:
    if here.triggers is None or (not here.triggers and here.fires):
        yield tell.unseen("triggers")
        return
    sages = [one for one in here.triggers if one.is_sages]
    others = [one for one in here.triggers if not one.is_sages]
    yield tell.ok("triggers", number=len(sages)) if sages else tell.advice("triggers_none")
    if off := [one for one in sages if one.disabled]:
        yield tell.advice("triggers_off", names=_named(off))
    if others:
        yield tell.advice("triggers_foreign", names=_named(others))


def _named(triggers: Sequence[Trigger]) -> str:
    return some(f"{one.name} ({one.table})" for one in triggers)


def about_rights(seen: SageSeen, tell: Teller) -> Iterator[Finding]:
    """Exactly the rights that are needed. What is lacking to write is a failure before."""
    missing, needless = seen.inspection.missing, seen.inspection.needless
    if missing is None:
        yield tell.unseen("rights")
    elif missing:
        yield tell.advice("rights_lists", rights=some(missing))
    else:
        yield tell.ok("rights")
    if needless:
        yield tell.advice("rights_needless", rights=some(needless))


def about_map(fields: tuple[Field, ...], columns: Mapping[str, Column], tell: Teller) -> Iterator[Finding]:
    """The columns that the field map names."""
    there, missing = present(fields, columns)
    if missing:
        yield tell.mend("columns_missing", columns=some(f"F_CONTACTT.{f.sage100}" for f in missing))
    if absent := [f.name for f in fields if f not in there and f not in missing]:
        yield tell.ok("fields_absent", fields=", ".join(absent))


def about_data(seen: SageSeen, contacts: Sequence[Contact], tell: Teller, *, stands_in: bool) -> Iterator[Finding]:
    """How much there is, and what of it will wait.

    Args:
        seen: what was read.
        contacts: the contacts in scope.
        tell: puts it into words.
        stands_in: whether the settings have a text for a first name that is missing.
    """
    prospects = sum(row.get("CT_Prospect") == 1 for row in seen.companies)
    counts = {"clients": len(seen.companies) - prospects, "prospects": prospects, "contacts": len(seen.contacts)}
    yield tell.ok("contents", **counts, in_scope=len(contacts))
    if twins := _twins(contacts):
        yield tell.advice("duplicates", number=len(twins), examples=some(twins))
    if nameless := [c.id for c in contacts if not c.values.get(LAST_NAME)]:
        yield tell.advice("without_last_name", number=len(nameless), examples=some(nameless))
    if not stands_in and (first := [c.id for c in contacts if not c.values.get(FIRST_NAME)]):
        yield tell.advice("without_first_name", number=len(first), examples=some(first))
    if unnumbered := [row["cbMarq"] for row in seen.contacts if not row.get("CT_No")]:
        yield tell.advice("without_number", number=len(unnumbered), examples=some(unnumbered))
    if future := _future(seen):
        yield tell.advice("future", number=len(future), examples=some(future))


def _twins(contacts: Sequence[Contact]) -> list[str]:
    """Contacts of one company that a match by name cannot tell apart (P4), by company and ``cbMarq``."""
    alike: defaultdict[Any, list[Contact]] = defaultdict(list)
    for contact in contacts:
        alike[contact.match_key].append(contact)
    return [f"{many[0].company} ({' = '.join(str(c.id) for c in many)})" for many in alike.values() if len(many) > 1]


def _future(seen: SageSeen) -> list[int]:
    clock = seen.inspection.clock
    if clock is None:
        return []
    latest = clock + ROUNDED
    stamps = ((row["cbMarq"], row.get("cbModification")) for row in seen.contacts)
    return [marq for marq, stamp in stamps if stamp and datetime.fromisoformat(stamp).replace(tzinfo=None) > latest]


def job_titles(contacts: Sequence[Contact], name: str) -> Counter[str]:
    """The job titles in use, with the number of contacts that have each."""
    return Counter(str(value) for contact in contacts if (value := contact.values.get(name)))
