"""What shows only when both sides are laid beside each other: companies and job titles."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sage100_ssm.app.check.finding import Finding, Teller, some
from sage100_ssm.app.check.sage100 import job_titles
from sage100_ssm.app.check.ssm import SsmSeen
from sage100_ssm.sync.contacts.codecs import Held
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import JOB_TITLE, FieldKind
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Side


def about_companies(
    contacts: Sequence[Contact], companies: Companies, seen: SsmSeen, tell: Teller
) -> Iterator[Finding]:
    """Whose contacts will wait for a company: R4, P6, and codes that several accounts bear.

    Args:
        contacts: the Sage contacts in scope.
        companies: the companies of both sides.
        seen: what was read of SSM.
        tell: puts it into words.
    """
    waiting = Counter(contact.company for contact in contacts if not companies.accounts_of(contact.company))
    if waiting:
        names = some(f"{code} ({number})" for code, number in waiting.most_common())
        yield tell.advice("not_in_ssm", companies=len(waiting), contacts=waiting.total(), names=names)
    living = [account for row in seen.accounts if (account := companies.account(row["id"])) and not account.deleted]
    if codeless := [account.id for account in living if not account.code]:
        yield tell.advice("accounts_without_code", number=len(codeless), names=some(codeless))
    if unknown := [account for account in living if account.code and not companies.stored_code(account.code)]:
        yield tell.advice("accounts_unknown", number=len(unknown), names=some(account.code for account in unknown))
    if twins := companies.twins():
        names = some(f"{code} ({' = '.join(map(str, ids))})" for code, ids in twins.items())
        yield tell.advice("accounts_twins", number=len(twins), names=names)
    if not (waiting or codeless or unknown or twins):
        yield tell.ok("companies", number=len(living))


def about_job_titles(contacts: Sequence[Contact], mapper: Mapper, tell: Teller) -> Iterator[Finding]:
    """The job titles for which SSM has no contact type."""
    field = next((f for f in mapper.fields if f.name == JOB_TITLE and f.kind is FieldKind.LABEL), None)
    if field is None:
        return
    used = job_titles(contacts, field.name)
    unknown = [title for title, _ in used.most_common() if isinstance(mapper.carry(field, Side.SSM, title, None), Held)]
    if unknown:
        number = sum(used[title] for title in unknown)
        yield tell.advice("job_titles", titles=len(unknown), contacts=number, names=some(unknown))
    elif used:
        yield tell.ok("job_titles_known", number=len(used))
