"""What both sides show, by the keys of a plan's part: Sage is asked, SSM's rows are in the state, or were just read."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.reading import Row
from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.contacts.keys import (
    NO_COMPANY,
    ODD_ACCOUNT,
    account_id_of,
    company_key,
    is_live,
    key_of_account,
    key_of_contact,
    named_by,
)
from sage100_ssm.sync.model import Link
from sage100_ssm.sync.run.ports import SageAccess
from sage100_ssm.sync.run.survey import DIGEST_BITS, Survey
from sage100_ssm.sync.state.lookups import StoredLookups


@dataclass(frozen=True, slots=True)
class Unsaved:
    """Rows of SSM that were read and are not in the state: a rehearsal saves nothing, and no run an empty side.

    Attributes:
        accounts: rows of accounts, by id.
        contacts: rows of contacts, by id.
        are_all: whether they are all that SSM shows: then none counts that is in the state alone.
    """

    accounts: Mapping[int, Row] = default(default_factory=dict)
    contacts: Mapping[int, Row] = default(default_factory=dict)
    are_all: bool = False


class Shown:
    """Both sides, by keys.

    Args:
        stored: the state.
        sage100: the Sage side.
        survey: what Sage showed as a whole.
        unsaved: rows of SSM that are not in the state.
        code_field: the account field that contains the ``CT_Num``.
        without_bases: the fields whose bases no longer count (P4).

    Attributes:
        failure: why a row of Sage could not be read, if one could not.
    """

    def __init__(
        self,
        stored: StoredLookups,
        sage100: SageAccess,
        survey: Survey,
        unsaved: Unsaved,
        code_field: str,
        without_bases: Collection[str] = (),
    ) -> None:
        self._stored, self._sage100, self._survey = stored, sage100, survey
        self._unsaved, self._code_field, self._without_bases = unsaved, code_field, without_bases
        self.failure: Failure | None = None
        self._digests: dict[tuple[str, str, int], int] = {}

    # --- Sage

    def companies_of(self, companies: Iterable[str]) -> list[Row]:
        """The rows of ``F_COMPTET`` of companies."""
        return self._find("companies", "CT_Num", self._codes(companies))

    def sage100_of(self, companies: Collection[str]) -> list[Row]:
        """The rows of ``F_CONTACTT`` of companies."""
        return self._find("contacts", "CT_Num", self._codes(companies))

    def sage100_by(self, column: str, values: Collection[int]) -> list[Row]:
        """The rows of ``F_CONTACTT`` with these ``cbMarq``, or with these ``CT_No``."""
        return self._find("contacts", column, values)

    def _codes(self, companies: Iterable[str]) -> list[str]:
        return [code for key in companies for code in self._survey.codes.get(key, ())]

    def _find(self, stream: str, column: str, values: Collection[Any]) -> list[Row]:
        if not values:
            return []
        reading = self._sage100.find(stream, column, values)
        self.failure = self.failure or reading.failure
        for row, digest in zip(reading.rows, reading.digests, strict=True):
            self._digests.setdefault((company_key(row.get("CT_Num")), stream, row.get("cbMarq", 0)), digest)
        return list(reading.rows)

    def digests_of_found(self) -> dict[str, int]:
        """By the keys of companies, the sum of the digests of their rows that were looked up, as a survey has it.

        Sage may have shown something else at the survey: what it showed then must not vouch for what was decided.
        """
        sums: dict[str, int] = {}
        for (company, *_), digest in self._digests.items():
            sums[company] = (sums.get(company, 0) + digest) & DIGEST_BITS
        return sums

    # --- SSM

    def accounts_of(self, companies: Collection[str], ids: Collection[int]) -> list[Row]:
        """The accounts of companies and those with these ids, and all that cannot be understood; deleted ones, too."""
        keys = {ODD_ACCOUNT, *companies} - {NO_COMPANY}
        found: dict[int, Row] = {}
        if not self._unsaved.are_all:
            found |= {row["id"]: row for row in self._stored.accounts_of(keys)}
            found |= {row["id"]: row for row in self._stored.rows_by_id("accounts", ids)}
        for id_, row in self._unsaved.accounts.items():
            if id_ in found or id_ in ids or key_of_account(row, self._code_field) in keys:
                found[id_] = row
        return [row for _, row in sorted(found.items())]

    def ssm_of(self, companies: Collection[str]) -> list[Row]:
        """The contacts of companies, deleted ones included; without a company, live ones alone."""
        found: dict[int, Row] = {}
        if not self._unsaved.are_all:
            found = {row["id"]: row for row in self._stored.contacts_of(companies)}
            found |= {row["id"]: row for row in self._stored.contacts_with_accounts(self._unsaved.accounts)}
        found |= self._unsaved.contacts
        if not (self._unsaved.accounts or self._unsaved.contacts):
            return list(found.values())
        keys = self.companies_in_ssm(list(found.values()))
        return [
            row for id_, row in found.items() if keys[id_] in companies and (keys[id_] != NO_COMPANY or is_live(row))
        ]

    def ssm_by_id(self, ids: Collection[int]) -> list[Row]:
        """The contacts with these ids."""
        stored = (
            () if self._unsaved.are_all else self._stored.rows_by_id("contacts", ids - self._unsaved.contacts.keys())
        )
        return [*stored, *(self._unsaved.contacts[id_] for id_ in ids if id_ in self._unsaved.contacts)]

    def ssm_naming(self, sage100_ids: Collection[int]) -> list[int]:
        """The ids of the contacts whose ``extId`` names one of these ``cbMarq``."""
        stored = () if self._unsaved.are_all else self._stored.contacts_naming(sage100_ids)
        unsaved = self._unsaved.contacts
        return [
            *(id_ for id_ in stored if id_ not in unsaved),
            *(id_ for id_, row in unsaved.items() if named_by(row) in sage100_ids),
        ]

    def ssm_with_ext_id(self, ext_id: str) -> list[Row]:
        """The contacts with an ``extId``, whoever's it is."""
        stored = () if self._unsaved.are_all else self._stored.contacts_with_ext_id(ext_id)
        unsaved = self._unsaved.contacts
        found = (*(row for row in stored if row["id"] not in unsaved), *unsaved.values())
        return [row for row in found if row.get("extId") == ext_id]

    def linked_and_astray(self) -> set[int]:
        """The ids of linked contacts to which no company leads: SSM does not show them, or deleted, without account."""
        gone = [row for row in self._unsaved.contacts.values() if not is_live(row)]
        without_company = {id_ for id_, key in self.companies_in_ssm(gone).items() if key == NO_COMPANY}
        return {*self._stored.linked_and_astray(), *(k.ssm_id for k in self._stored.links_of(ssm_ids=without_company))}

    def companies_in_ssm(self, contacts: Collection[Row]) -> dict[int, str]:
        """The keys of the companies of contacts, by their ids."""
        accounts = {row["id"]: account_id_of(row) for row in contacts}
        ids = {id_ for id_ in accounts.values() if id_ is not None}
        keys = {} if self._unsaved.are_all else dict(self._stored.companies_of("accounts", ids))
        for id_ in ids & self._unsaved.accounts.keys():
            keys[id_] = key_of_account(self._unsaved.accounts[id_], self._code_field)
        return {id_: key_of_contact(keys.get(account or 0)) for id_, account in accounts.items()}

    def companies_of_unsaved(self) -> set[str]:
        """The keys of the companies, before and now, of rows that are not in the state."""
        accounts, contacts = self._unsaved.accounts, self._unsaved.contacts
        before = {
            stream: self._stored.companies_of(stream, ids)
            for stream, ids in (("accounts", accounts), ("contacts", contacts))
        }
        now = {key_of_account(row, self._code_field) for row in accounts.values()}
        now |= set(self.companies_in_ssm(list(contacts.values())).values())
        return now.union(*(keys.values() for keys in before.values())) - {ODD_ACCOUNT}

    def lives_in_ssm(self) -> bool:
        """Whether SSM has any live contact."""
        is_unsaved = any(map(is_live, self._unsaved.contacts.values()))
        return is_unsaved or (not self._unsaved.are_all and self._stored.lives_in_ssm())

    def marks_by_database(self) -> Counter[str]:
        """How many live contacts carry an ``extId`` in our form, by the company database that it names."""
        stored = () if self._unsaved.are_all else self._stored.marks()
        unsaved = self._unsaved.contacts
        marks = itertools.chain(
            (mark for id_, mark in stored if id_ not in unsaved),
            (row.get("extId") for row in unsaved.values() if is_live(row)),
        )
        return Counter(ext_id.database for mark in marks if (ext_id := ExtId.parse(mark)))

    # --- links

    def links_of(self, sage100_ids: Collection[int] = (), ssm_ids: Collection[int] = ()) -> list[Link]:
        """The live links of contacts, without the bases that no longer count."""
        return [without_bases(link, self._without_bases) for link in self._stored.links_of(sage100_ids, ssm_ids)]


def without_bases(link: Link, fields: Collection[str]) -> Link:
    """P4: a link without the bases of fields that are new in the map, or changed in it."""
    if link.base.keys().isdisjoint(fields):
        return link
    return replace(link, base={name: pair for name, pair in link.base.items() if name not in fields})
