"""Are both sides ready for the synchronisation? What `check` tells: each finding, and its remedy."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

from sage100_ssm.app.assemble import site_of, utc_now
from sage100_ssm.app.check import both, sage100, ssm
from sage100_ssm.app.check.finding import CheckReport, Finding, Teller
from sage100_ssm.app.check.sage100 import SageSeen
from sage100_ssm.app.check.ssm import SsmSeen
from sage100_ssm.app.settings import Settings
from sage100_ssm.app.sides import both_sides
from sage100_ssm.exchange.failure import SideFailedError
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import Direction, present
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Side

_PARTS = ("sage100-ssm", "airbyte-cdk", "prefect", "SQLAlchemy", "pyodbc")


def check_sides(settings: Settings) -> CheckReport:
    """Look at both sides; nothing is written."""
    return CheckReport(tuple(_Check(settings).findings()))


class _Check:
    """One look at both sides.

    Args:
        settings: those of the installation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._site = settings, site_of(settings)
        self._fields = tuple(f for f in self._site.fields if f.direction is not Direction.NONE)
        self._of_both, self._of_sage, self._of_ssm = (Teller(side, settings.language) for side in (None, *Side))

    def findings(self) -> Iterator[Finding]:
        """What was found, side by side, then between them."""
        parts = ", ".join(f"{name} {version(name)}" for name in _PARTS)
        yield self._of_both.ok("versions", parts=f"{parts}, Python {platform.python_version()}")
        here: SageSeen | None = None
        there: SsmSeen | None = None
        with both_sides(self._settings.sage100, self._settings.ssm) as (sage_side, ssm_side):
            try:
                here = sage100.look(sage_side)
            except SideFailedError as error:
                yield self._of_sage.failed(error.failure)
            else:
                yield from self._about_sage(here)
            try:
                there = ssm.look(ssm_side)
            except SideFailedError as error:
                yield self._of_ssm.failed(error.failure)
            else:
                columns = here.columns if here else {}
                yield from ssm.about_instance(there, self._of_ssm)
                company = self._settings.sage100.company
                yield from ssm.about_map(self._fields, columns, there, company, self._of_ssm)
        if here and there:
            yield from self._about_both(here, there)

    def _about_sage(self, here: SageSeen) -> Iterator[Finding]:
        tell = self._of_sage
        yield from sage100.about_server(here, tell, self._settings.sage100.time_zone, utc_now())
        yield from sage100.about_rights(here, tell)
        yield from sage100.about_map(self._fields, here.columns, tell)
        stands_in = self._settings.policy.missing_first_name is not None
        yield from sage100.about_data(here, self._in_scope(here, self._mapper(here)), tell, stands_in=stands_in)

    def _about_both(self, here: SageSeen, there: SsmSeen) -> Iterator[Finding]:
        mapper = self._mapper(here, there)
        contacts = self._in_scope(here, mapper)
        yield from both.about_companies(contacts, mapper.companies, there, self._of_both)
        yield from both.about_job_titles(contacts, mapper, self._of_both)

    def _mapper(self, here: SageSeen, there: SsmSeen | None = None) -> Mapper:
        site, accounts = self._site, there.accounts if there else ()
        fields, _ = present(self._fields, here.columns)
        companies = Companies(here.companies, accounts, code_field=site.code_field, scope=site.scope)
        return Mapper(fields, companies, there.contact_types if there else (), here.columns, site.locale)

    @staticmethod
    def _in_scope(here: SageSeen, mapper: Mapper) -> list[Contact]:
        contacts = map(mapper.sage100, here.contacts)
        return [contact for contact in contacts if mapper.companies.in_scope(contact.company)]
