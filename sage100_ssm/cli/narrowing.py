"""What ``problems`` and ``journal`` show: all entries, or those of one code, company or contact; totals per cause."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sage100_ssm.app.search.find import find
from sage100_ssm.app.settings import Settings
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.journal import Code, Subject
from sage100_ssm.sync.state.records import JournalEntry, WriteRecord
from sage100_ssm.sync.state.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which of the journal's entries a person asks for; None where it does not matter.

    Attributes:
        code: those of this code.
        company: those about this company, or about one of its contacts.
        contact: those about the contacts that answer to this name, e-mail or number.
    """

    code: Code | None = None
    company: str | None = None
    contact: str | None = None

    def of(
        self, entries: Iterable[JournalEntry], transaction: Transaction, settings: Settings, now: datetime
    ) -> list[JournalEntry]:
        """The entries that are asked for, in their order."""
        found = [known for known in entries if self.code in (None, known.entry.code)]
        if self.company is not None:
            found = [known for known in found if self._is_about_company(known)]
        if self.contact is not None:
            contacts = find(transaction, settings, self.contact, now).found
            theirs = {known.id for one in contacts for known in one.entries}
            found = [known for known in found if known.id in theirs]
        return found

    def of_writes(self, transaction: Transaction, settings: Settings, now: datetime) -> list[WriteRecord]:
        """What was written of the contacts that are asked for, newest first."""
        if self.contact is None:
            found = transaction.writes.all()
        else:
            theirs = {
                one.id: one for each in find(transaction, settings, self.contact, now).found for one in each.writes
            }
            found = [one for _, one in sorted(theirs.items(), reverse=True)]
        if self.company is not None:
            found = [one for one in found if self._is_company(one.subject.company)]
        return found

    def _is_about_company(self, known: JournalEntry) -> bool:
        return any(self._is_company(subject.company) for subject in (known.entry.subject, *known.entry.contacts))

    def _is_company(self, code: str | None) -> bool:
        return code is not None and normalise.company_code(code) == normalise.company_code(self.company)


@dataclass(frozen=True, slots=True)
class Total:
    """How much one cause holds back.

    Attributes:
        code: the journal's code.
        entries: the number of its entries.
        contacts: the number of contacts that they are about.
    """

    code: Code
    entries: int
    contacts: int


def totals(entries: Sequence[JournalEntry]) -> list[Total]:
    """The totals per cause, the cause that holds back most contacts first."""
    by_code: dict[Code, list[JournalEntry]] = {}
    for known in entries:
        by_code.setdefault(known.entry.code, []).append(known)
    found = [Total(code, len(those), len(_contacts(those))) for code, those in by_code.items()]
    return sorted(found, key=lambda total: (-total.contacts, -total.entries, total.code))


def _contacts(entries: Iterable[JournalEntry]) -> set[tuple[int | None, int | None]]:
    contacts = (contact for known in entries for contact in known.entry.contacts)
    return {ids for contact in contacts if (ids := _ids(contact)) != (None, None)}


def _ids(contact: Subject) -> tuple[int | None, int | None]:
    return contact.sage100_id, contact.ssm_id
