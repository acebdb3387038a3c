"""What only a comparison of both sides shows: companies and job titles that the other side does not have."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sage100_ssm.app.check.findings import Finding, SideFindings, first_few
from sage100_ssm.app.check.ssm import SsmSnapshot
from sage100_ssm.sync.contacts.codecs import CannotHold
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import JOB_TITLE, FieldKind
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Side


def company_findings(
    contacts: Sequence[Contact], companies: Companies, ssm: SsmSnapshot, code_field: str, findings: SideFindings
) -> Iterator[Finding]:
    """Companies whose contacts will wait (R4, P6), and codes that several accounts have.

    Args:
        contacts: the Sage contacts in scope.
        companies: the companies of both sides.
        ssm: what was read of SSM.
        code_field: the account field that contains the code, by the settings.
        findings: creates the findings.
    """
    living = [account for row in ssm.accounts if (account := companies.account(row["id"])) and not account.deleted]
    if living and not any(companies.stored_code(account.code) for account in living):
        yield findings.mend("code_field", number=len(living), field=code_field)
        return  # what follows would say it again, of each account
    waiting = Counter(contact.company for contact in contacts if not companies.accounts_of(contact.company))
    if waiting:
        names = first_few(f"{code} ({number})" for code, number in waiting.most_common())
        yield findings.advice("not_in_ssm", companies=len(waiting), contacts=waiting.total(), names=names)
    if without_code := [account.id for account in living if not account.code]:
        yield findings.advice("accounts_without_code", number=len(without_code), names=first_few(without_code))
    if unknown := [account.code for account in living if account.code and not companies.stored_code(account.code)]:
        yield findings.advice("accounts_unknown", number=len(unknown), names=first_few(unknown))
    if twins := companies.twins():
        names = first_few(f"{code} ({' = '.join(map(str, ids))})" for code, ids in twins.items())
        yield findings.advice("accounts_twins", number=len(twins), names=names)
    if not (waiting or without_code or unknown or twins):
        yield findings.ok("companies", number=len(living))


def job_title_findings(contacts: Sequence[Contact], mapper: Mapper, findings: SideFindings) -> Iterator[Finding]:
    """The job titles of Sage for which SSM has no contact type.

    Args:
        contacts: the Sage contacts in scope.
        mapper: maps them, and knows SSM's contact types.
        findings: creates the findings.
    """
    field = next((f for f in mapper.fields if f.name == JOB_TITLE and f.kind is FieldKind.LABEL), None)
    if field is None:
        return
    used = Counter(str(title) for contact in contacts if (title := contact.values.get(field.name)))
    unknown = [
        title for title, _ in used.most_common() if isinstance(mapper.carry(field, Side.SSM, title, None), CannotHold)
    ]
    if unknown:
        number = sum(used[title] for title in unknown)
        yield findings.advice("job_titles", titles=len(unknown), contacts=number, names=first_few(unknown))
    elif used:
        yield findings.ok("job_titles_known", number=len(used))
