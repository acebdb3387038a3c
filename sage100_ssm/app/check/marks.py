"""Findings about whose marks SSM's contacts carry, and whether the company database is where it was."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from sage100_ssm.app.check.findings import Finding, SideFindings, first_few
from sage100_ssm.app.sides import SsmSide
from sage100_ssm.messages import DAY
from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.run.context import Site
from sage100_ssm.sync.run.observation import Remembered
from sage100_ssm.sync.run.ports import Location
from sage100_ssm.sync.state.store import stored_state


def location_findings(
    known: Remembered | None, location: Location, company: str, findings: SideFindings
) -> Iterator[Finding]:
    """Where the company database is, and whether the links were made with it there.

    Args:
        known: what earlier runs left in the state; None where there was none.
        location: where it is now.
        company: its name in the settings.
        findings: creates the findings.
    """
    now = {"company": company, "server": location.server, "database": location.database}
    *earlier, last = known.locations if known and known.locations else (None,)
    if last is None:
        yield findings.ok("location", **now)
    elif last.location != location:
        was = {"old_server": last.location.server, "old_database": last.location.database}
        yield findings.advice("location_changed", **now, **was, since=last.since.strftime(DAY[findings.language]))
    elif earlier:
        was = {"old_server": earlier[-1].location.server, "old_database": earlier[-1].location.database}
        yield findings.ok("location_since", **now, **was, since=last.since.strftime(DAY[findings.language]))
    else:
        yield findings.ok("location_since", **now, since=last.since.strftime(DAY[findings.language]))


def mark_findings(
    known: Remembered | None, address: str, side: SsmSide, site: Site, findings: SideFindings
) -> Iterator[Finding]:
    """How many contacts of SSM carry the mark of which company database (P15), and what a run without links does (P9).

    Args:
        known: what earlier runs left in the state; None where there was none.
        address: the state's URL.
        side: SSM, which is asked only where the state has not seen it yet.
        site: the names of the company database, and the limit of the guard.
        findings: creates the findings.
    """
    if known and known.has_rows:
        with stored_state(address) as transaction:
            numbers = _marks(transaction.observed("contacts"))
    else:
        reading = side.find_marked()
        if reading.failure:
            yield findings.unseen("marks")
            return
        numbers = _marks(reading.rows)
    others = Counter({name: number for name, number in numbers.items() if name not in site.own_databases})
    former = sum(numbers[name] for name in site.formerly)
    if not numbers:
        yield findings.ok("marks_none")
    elif not others:
        facts = {"former": former} if former else {}
        yield findings.ok("marks", number=numbers[site.database], company=site.database, **facts)
    else:
        own = {"own": numbers[site.database] + former, "company": site.database}
        yield findings.advice("marks_other", number=others.total(), names=_by_database(others), **own)
    is_without_links = known is None or not (known.has_links or known.has_intents or known.is_rebuilt)
    if is_without_links and numbers.total() > site.policy.max_deletions.floor:
        yield findings.mend("marks_without_links", number=numbers.total(), names=_by_database(numbers))


def _marks(contacts: Iterable[Mapping[str, object]]) -> Counter[str]:
    """How many live contacts name each company database in their ``extId``."""
    marks = (ExtId.parse(row.get("extId")) for row in contacts if row.get("deleted") is not True)
    return Counter(mark.database for mark in marks if mark)


def _by_database(numbers: Counter[str]) -> str:
    return first_few(f"{name} ({number})" for name, number in numbers.most_common())
