"""A check of both sides: each by itself, then what only a comparison shows. Nothing is written."""

import platform
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from sage100_ssm.app.assemble import site_of, utc_now
from sage100_ssm.app.check import comparison, marks, sage100, ssm, state
from sage100_ssm.app.check.findings import CheckReport, Finding, SideFindings
from sage100_ssm.app.check.sage100 import SageSnapshot
from sage100_ssm.app.check.ssm import SsmSnapshot
from sage100_ssm.app.settings import Settings
from sage100_ssm.app.sides import both_sides
from sage100_ssm.exchange.failure import SideFailedError
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import Direction, fields_present
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Side

_DISTRIBUTIONS = ("sage100-ssm", "airbyte-cdk", "prefect", "SQLAlchemy", "pyodbc")


def check_sides(settings: Settings) -> CheckReport:
    """Look at both sides."""
    return CheckReport(tuple(_Check(settings).findings()))


class _Check:
    """One check.

    Args:
        settings: the settings of the installation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._site = settings, site_of(settings)
        self._fields = tuple(f for f in self._site.fields if f.direction is not Direction.NONE)
        self._general, self._sage100, self._ssm = (SideFindings(side, settings.language) for side in (None, *Side))

    def findings(self) -> Iterator[Finding]:
        """What was found, Sage first, then SSM, then what only a comparison shows."""
        parts = ", ".join(_installed())
        yield self._general.ok("versions", parts=f"{parts}, Python {platform.python_version()}")
        language, company = self._settings.language, self._settings.sage100.company
        address = self._settings.state
        known, fault = state.recall(address, utc_now(), language)
        if fault:
            yield fault
        sage_snapshot: SageSnapshot | None = None
        ssm_snapshot: SsmSnapshot | None = None
        with both_sides(self._settings.sage100, self._settings.ssm) as (sage_side, ssm_side):
            try:
                sage_snapshot = sage100.read(sage_side, self._site.policy.direction)
            except SideFailedError as error:
                yield self._sage100.failed(error.failure)
            else:
                yield from self._sage100_findings(sage_snapshot)
                yield from marks.location_findings(known, sage_snapshot.location, company, self._sage100)
                if known:
                    yield from state.recognition_of_sage100(known, address, sage_snapshot, self._site, language)
            try:
                ssm_snapshot = ssm.read(ssm_side)
            except SideFailedError as error:
                yield self._ssm.failed(error.failure)
            else:
                columns = sage_snapshot.columns if sage_snapshot else {}
                yield from ssm.content_findings(ssm_snapshot, self._ssm)
                yield from ssm.field_map_findings(self._fields, columns, ssm_snapshot, company, self._ssm)
                yield from marks.mark_findings(known, address, ssm_side, self._site, self._ssm)
                if known:
                    yield from state.recognition_of_ssm(known, address, ssm_snapshot, ssm_side, self._site, language)
                    yield from state.quota_findings(known, self._ssm)
        if sage_snapshot and ssm_snapshot:
            yield from self._comparison_findings(sage_snapshot, ssm_snapshot)

    def _sage100_findings(self, snapshot: SageSnapshot) -> Iterator[Finding]:
        findings, settings = self._sage100, self._settings
        yield from sage100.server_findings(snapshot, findings, settings.sage100.time_zone, utc_now())
        yield from sage100.rights_findings(snapshot, findings, settings.policy.direction)
        yield from sage100.field_map_findings(self._fields, snapshot.columns, findings)
        yield from sage100.scope_findings(settings.scope, snapshot.columns, findings)
        yield from sage100.data_findings(
            snapshot,
            _contacts_in_scope(snapshot, self._mapper(snapshot)),
            findings,
            has_first_name_substitute=settings.policy.missing_first_name is not None,
        )

    def _comparison_findings(self, sage_snapshot: SageSnapshot, ssm_snapshot: SsmSnapshot) -> Iterator[Finding]:
        mapper = self._mapper(sage_snapshot, ssm_snapshot)
        contacts = _contacts_in_scope(sage_snapshot, mapper)
        code_field = self._site.code_field
        yield from comparison.company_findings(contacts, mapper.companies, ssm_snapshot, code_field, self._general)
        yield from comparison.job_title_findings(contacts, mapper, self._general)

    def _mapper(self, sage_snapshot: SageSnapshot, ssm_snapshot: SsmSnapshot | None = None) -> Mapper:
        site = self._site
        accounts = ssm_snapshot.accounts if ssm_snapshot else ()
        contact_types = ssm_snapshot.contact_types if ssm_snapshot else ()
        fields = fields_present(self._fields, sage_snapshot.columns)
        companies = Companies(sage_snapshot.companies, accounts, code_field=site.code_field, scope=site.scope)
        return Mapper(fields, companies, contact_types, sage_snapshot.columns, site.locale, site.policy)


def _installed() -> Iterator[str]:
    """The versions of what a fault report should name. The image of the Airbyte source has no Prefect."""
    for name in _DISTRIBUTIONS:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"


def _contacts_in_scope(snapshot: SageSnapshot, mapper: Mapper) -> list[Contact]:
    contacts = (mapper.read(Side.SAGE100, row) for row in snapshot.contacts)
    known = mapper.companies
    return [c for c in contacts if known.takes_part(c.company, c.row)]
