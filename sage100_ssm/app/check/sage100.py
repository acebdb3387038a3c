"""Findings about Sage 100: the server, the layout, the rights, and the data that will cause problems."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sage100_ssm.app.check.findings import Finding, SideFindings, first_few
from sage100_ssm.app.sides import SageSide
from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.sage100.engine import is_freetds
from sage100_ssm.sage100.inspection import Inspection, Trigger
from sage100_ssm.sage100.rights import LISTS, TO_WRITE, Right
from sage100_ssm.sage100.tables import ROUNDED
from sage100_ssm.sync.contacts.companies import Scope
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import FIRST_NAME, LAST_NAME, Field, fields_missing, fields_present
from sage100_ssm.sync.contacts.mapping import ColumnLimits
from sage100_ssm.sync.policy import SiteDirection
from sage100_ssm.sync.run.ports import Location

_TOLERATED_CLOCK_DIFFERENCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SageSnapshot:
    """What a check reads of Sage.

    Attributes:
        companies: rows of ``F_COMPTET``, clients and prospects.
        contacts: rows of ``F_CONTACTT``.
        columns: what the columns of ``F_CONTACTT`` can hold.
        inspection: server, layout, triggers and rights.
        location: where the database is.
    """

    companies: Sequence[Mapping[str, Any]]
    contacts: Sequence[Mapping[str, Any]]
    columns: Mapping[str, ColumnLimits]
    inspection: Inspection
    location: Location


def read(side: SageSide, direction: SiteDirection) -> SageSnapshot:
    """Read Sage.

    Args:
        side: the side.
        direction: whether it is to be written as well (P18).

    Raises:
        SideFailedError: it cannot be read; or it cannot be written, and that is not because the login may only read.
    """
    inspection, columns = side.inspection(), side.columns()
    readings = side.read({"companies": None, "contacts": None})
    may_write = direction is SiteDirection.BOTH and not inspection.is_read_only
    # The missing rights come first: they name all at once what else would fail one statement after another.
    failure = (
        _missing_rights(inspection, LISTS if may_write else (*LISTS, *TO_WRITE))
        or next((reading.failure for reading in readings.values() if reading.failure), None)
        or (side.check() if may_write else None)
    )
    if failure:
        raise SideFailedError(failure)
    companies, contacts = readings["companies"].rows, readings["contacts"].rows
    return SageSnapshot(companies, contacts, columns, inspection, side.location())


def _missing_rights(inspection: Inspection, needless: Collection[Right]) -> Failure | None:
    missing = [right for right in inspection.missing_rights or () if right not in needless]
    return Failure("right_missing", first_few(missing), configuration=True) if missing else None


def server_findings(sage: SageSnapshot, findings: SideFindings, zone: str, now: datetime) -> Iterator[Finding]:
    """The server, the layout, the clock and the triggers."""
    inspection = sage.inspection
    if inspection.version is None:
        yield findings.unseen("server")
    else:
        yield findings.ok("server", version=inspection.version, edition=inspection.edition, driver=inspection.driver)
    if inspection.driver and is_freetds(inspection.driver):
        yield findings.advice("unverified")
    yield findings.ok(f"generation_{inspection.generation}")
    yield findings.ok("text", collation=inspection.collation, encoding=inspection.encoding)
    yield _clock_finding(inspection.clock, findings, zone, now)
    if not inspection.is_sample:
        yield from _trigger_findings(inspection, findings)


def _clock_finding(clock: datetime | None, findings: SideFindings, zone: str, now: datetime) -> Finding:
    if clock is None:
        return findings.unseen("clock")
    difference = abs(clock - now.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
    if difference < _TOLERATED_CLOCK_DIFFERENCE:
        return findings.ok("clock", zone=zone)
    minutes = round(difference.total_seconds() / 60)
    return findings.advice("clock_apart", zone=zone, minutes=minutes, clock=f"{clock:%H:%M}")


def _trigger_findings(inspection: Inspection, findings: SideFindings) -> Iterator[Finding]:
    triggers = inspection.triggers
    if triggers is None:
        yield findings.unseen("triggers")
        return
    sages = [trigger for trigger in triggers if trigger.is_sage_own]
    foreign = [trigger for trigger in triggers if not trigger.is_sage_own]
    yield findings.ok("triggers", number=len(sages)) if sages else findings.advice("triggers_none")
    if disabled := [trigger for trigger in sages if trigger.is_disabled]:
        yield findings.advice("triggers_off", names=_trigger_names(disabled))
    if foreign:
        yield findings.advice("triggers_foreign", names=_trigger_names(foreign))


def _trigger_names(triggers: Sequence[Trigger]) -> str:
    return first_few(f"{trigger.name} ({trigger.table})" for trigger in triggers)


def rights_findings(sage: SageSnapshot, findings: SideFindings, direction: SiteDirection) -> Iterator[Finding]:
    """Whether the login has exactly the rights that are needed. A missing right that is needed has ended ``read``."""
    missing, needless = sage.inspection.missing_rights, sage.inspection.needless_rights
    is_one_way = direction is SiteDirection.TO_SSM
    if is_one_way:
        yield findings.ok("one_way")
    elif sage.inspection.is_read_only:
        yield findings.advice("read_only")
    if missing is None:
        yield findings.unseen("rights")
    elif lists := [right for right in missing if right in LISTS]:
        yield findings.advice("rights_lists", rights=first_few(lists))
    elif not (is_one_way or sage.inspection.is_read_only):
        yield findings.ok("rights")
    may_write = missing is not None and not set(TO_WRITE) <= set(missing)
    if is_one_way and may_write and not sage.inspection.is_sample:
        yield findings.advice("rights_to_write")
    if needless:
        yield findings.advice("rights_needless", rights=first_few(needless))


def field_map_findings(
    fields: tuple[Field, ...], columns: Mapping[str, ColumnLimits], findings: SideFindings
) -> Iterator[Finding]:
    """The columns that the field map names and the database does not have."""
    missing = fields_missing(fields, columns)
    if missing:
        yield findings.mend("columns_missing", columns=first_few(f"F_CONTACTT.{f.sage100}" for f in missing))
    if absent := [f.name for f in fields if f not in fields_present(fields, columns) and f not in missing]:
        yield findings.ok("fields_absent", fields=", ".join(absent))


def scope_findings(scope: Scope, columns: Mapping[str, ColumnLimits], findings: SideFindings) -> Iterator[Finding]:
    """The columns by which the settings leave out contacts and that the database does not have (P13)."""
    if missing := scope.contacts.columns - columns.keys():
        yield findings.mend("scope_columns_missing", columns=first_few(sorted(missing)))


def data_findings(
    sage: SageSnapshot, contacts: Sequence[Contact], findings: SideFindings, *, has_first_name_substitute: bool
) -> Iterator[Finding]:
    """How much data there is, and what of it will have to wait.

    Args:
        sage: what was read of Sage.
        contacts: the contacts in scope.
        findings: creates the findings.
        has_first_name_substitute: whether the settings have a text for a missing first name (P7).
    """
    prospects = sum(row.get("CT_Prospect") == 1 for row in sage.companies)
    yield findings.ok(
        "contents",
        clients=len(sage.companies) - prospects,
        prospects=prospects,
        contacts=len(sage.contacts),
        in_scope=len(contacts),
    )
    without_first_name = [] if has_first_name_substitute else [c.id for c in contacts if not c.values.get(FIRST_NAME)]
    for code, examples in (
        ("duplicates", _twins(contacts)),
        ("without_last_name", [c.id for c in contacts if not c.values.get(LAST_NAME)]),
        ("without_first_name", without_first_name),
        ("without_number", [row["cbMarq"] for row in sage.contacts if not row.get("CT_No")]),
        ("future", _changed_in_the_future(sage)),
    ):
        if examples:
            yield findings.advice(code, number=len(examples), examples=first_few(examples))


def _twins(contacts: Sequence[Contact]) -> list[str]:
    """Contacts of one company that a match by name cannot distinguish (P4), by company and ``cbMarq``."""
    by_name: defaultdict[Any, list[Contact]] = defaultdict(list)
    for contact in contacts:
        by_name[contact.match_key].append(contact)
    return [f"{same[0].company} ({' = '.join(str(c.id) for c in same)})" for same in by_name.values() if len(same) > 1]


def _changed_in_the_future(sage: SageSnapshot) -> list[int]:
    """The ``cbMarq`` of contacts whose ``cbModification`` is later than the server's clock."""
    clock = sage.inspection.clock
    if clock is None:
        return []
    latest = clock + ROUNDED
    stamps = ((row["cbMarq"], row.get("cbModification")) for row in sage.contacts)
    return [marq for marq, stamp in stamps if stamp and datetime.fromisoformat(stamp).replace(tzinfo=None) > latest]
