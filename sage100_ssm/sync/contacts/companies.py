"""Companies: the clients and prospects of Sage, and the accounts of SSM that have their codes; and what takes part."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any

from annotated_types import MinLen

from sage100_ssm.sync.contacts import normalise

Pattern = Annotated[str, MinLen(1)]
"""A text in which ``*`` and ``?`` stand for any characters; case does not matter."""


@dataclass(frozen=True, slots=True)
class ContactScope:
    """Which contacts of those companies a site synchronises.

    Attributes:
        exclude: the contacts to leave out, each entry as patterns of columns of ``F_CONTACTT`` that must all match
            (``{N_Service: "9", CT_Fonction: "WEB*"}``). Numbers are compared as text.
    """

    exclude: tuple[Annotated[Mapping[str, Pattern], MinLen(1)], ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the patterns name."""
        return frozenset(column for patterns in self.exclude for column in patterns)

    def excludes(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of ``F_CONTACTT`` is left out."""
        return any(all(_matches(row, *pair) for pair in patterns.items()) for patterns in self.exclude)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which companies and contacts a site synchronises.

    Attributes:
        prospects: whether prospects take part, or clients alone.
        exclude: patterns of ``CT_Num`` to leave out (``DIV*``); case does not matter.
        contacts: which of their contacts take part.
    """

    prospects: bool = True
    exclude: tuple[Pattern, ...] = ()
    contacts: ContactScope = ContactScope()

    def excludes(self, code: str) -> bool:
        """Whether a pattern matches a code."""
        return any(fnmatchcase(normalise.company_code(code), normalise.company_code(p)) for p in self.exclude)


def _matches(row: Mapping[str, Any], column: str, pattern: str) -> bool:
    value = row.get(column)
    # An empty column is one without a value: no pattern but `*` describes it.
    text = "" if value is None else str(value).strip()
    return fnmatchcase(text.casefold(), pattern.casefold())


@dataclass(frozen=True, slots=True)
class Account:
    """An SSM account, as far as contacts need it.

    Attributes:
        id: its id in SSM.
        code: its ``CT_Num`` as SSM spells it; None where the field is empty.
        deleted: whether SSM marks it as deleted.
        name: for people to read.
    """

    id: int
    code: str | None
    deleted: bool
    name: str | None


class LeftOut(StrEnum):
    """Why a contact takes no part in the synchronisation, without being held back by a problem (P13)."""

    NO_CLIENT = "no_client"
    """Its company is neither a client nor a prospect of Sage: a supplier, say."""
    PROSPECT = "prospect"
    """Its company is a prospect, and the settings take clients alone."""
    COMPANY = "company"
    """A pattern of the settings leaves out its company."""
    CONTACT = "contact"
    """A pattern of the settings leaves out the contact by itself."""


class MalformedRowError(ValueError):
    """A row of a side has not the shape that the side describes (docs/facts)."""


def is_deleted(row: Mapping[str, Any]) -> bool:
    """Whether SSM marks a row as deleted: only ``true`` is a deletion (P10).

    Raises:
        MalformedRowError: the flag is neither true nor false nor missing; nobody knows what is meant.
    """
    flag = row.get("deleted")
    if flag is not None and not isinstance(flag, bool):
        raise MalformedRowError(f"deleted {flag!r}")
    return flag is True


class Companies:
    """The companies of both sides, by ``CT_Num`` and by account.

    Args:
        sage100: rows of ``F_COMPTET``, clients and prospects.
        accounts: rows of SSM accounts, deleted ones included.
        code_field: the account field that contains the ``CT_Num``: ``extId``, or a field of the site's own.
        scope: what the settings leave out.
    """

    def __init__(
        self,
        sage100: Iterable[Mapping[str, Any]],
        accounts: Iterable[Mapping[str, Any]],
        *,
        code_field: str,
        scope: Scope,
    ) -> None:
        self._scope = scope
        self.leaves_out_contacts = bool(scope.contacts.exclude)
        """Whether the settings leave out any contacts by themselves."""
        self._stored_codes: dict[str, str] = {}
        self._left_out: dict[str, LeftOut] = {}
        for row in sage100:
            key = normalise.company_code(row["CT_Num"])
            self._stored_codes[key] = row["CT_Num"]
            # Older databases have no `CT_Prospect`: all are clients there (docs/facts/sage100.md, "Generations").
            if scope.excludes(row["CT_Num"]):
                self._left_out[key] = LeftOut.COMPANY
            elif not scope.prospects and row.get("CT_Prospect") == 1:
                self._left_out[key] = LeftOut.PROSPECT
        self._accounts: dict[int, Account] = {}
        self.malformed_accounts: dict[int, str] = {}
        """The accounts that cannot be understood, by id, and why; they and their contacts are left alone."""
        for row in accounts:
            try:
                self._accounts[row["id"]] = account_of(row, code_field)
            except MalformedRowError as error:
                self.malformed_accounts[row["id"]] = str(error)
        self._by_code: dict[str, list[int]] = {}
        for account in self._accounts.values():
            if account.code and not account.deleted:
                self._by_code.setdefault(normalise.company_code(account.code), []).append(account.id)

    def stored_code(self, code: str | None) -> str | None:
        """The code in the form that ``F_COMPTET`` stores; None where no client or prospect has it (R4)."""
        return self._stored_codes.get(normalise.company_code(code)) if code else None

    def is_in_scope(self, code: str | None) -> bool:
        """Whether the company is a client or prospect that the settings do not leave out."""
        key = normalise.company_code(code)
        return key in self._stored_codes and key not in self._left_out

    def is_left_out(self, code: str | None) -> bool:
        """Whether the settings leave the company out."""
        # A pattern also leaves out a company that is no client or prospect any more, and so is not among the rows.
        return bool(code) and (normalise.company_code(code) in self._left_out or self._scope.excludes(code or ""))

    def why_company_left_out(self, code: str | None) -> LeftOut | None:
        """Why no contact of that company takes part; None where they do."""
        if self.is_in_scope(code):
            return None
        key = normalise.company_code(code)
        return self._left_out.get(key) or (LeftOut.COMPANY if self.is_left_out(code) else LeftOut.NO_CLIENT)

    def takes_part(self, code: str | None, row: Mapping[str, Any]) -> bool:
        """Whether a contact of that company is synchronised, by its row of ``F_CONTACTT``."""
        return self.why_left_out(code, row) is None

    def why_left_out(self, code: str | None, row: Mapping[str, Any]) -> LeftOut | None:
        """Why a contact of that company takes no part, by its row of ``F_CONTACTT``; None where it does."""
        if reason := self.why_company_left_out(code):
            return reason
        return LeftOut.CONTACT if self.leaves_out_contact(row) else None

    def leaves_out_contact(self, row: Mapping[str, Any]) -> bool:
        """Whether the settings leave out a contact by itself, whatever its company; by its row of ``F_CONTACTT``."""
        return self.leaves_out_contacts and self._scope.contacts.excludes(row)

    def account(self, account_id: int | None) -> Account | None:
        """The account of that id, deleted ones included; None where SSM shows none."""
        return None if account_id is None else self._accounts.get(account_id)

    def is_deleted(self, account_id: int | None) -> bool:
        """Whether SSM shows the account as deleted."""
        account = self.account(account_id)
        return account is not None and account.deleted

    def accounts_of(self, code: str | None) -> Sequence[int]:
        """The ids of the live accounts that have a code: none, one, or several (``ambiguous_company``)."""
        return tuple(self._by_code.get(normalise.company_code(code), ())) if code else ()

    def twins(self) -> dict[str, Sequence[int]]:
        """The codes in scope that several live accounts have, in the form that ``F_COMPTET`` stores, with the ids."""
        return {
            self._stored_codes[key]: tuple(ids)
            for key, ids in self._by_code.items()
            if len(ids) > 1 and self.is_in_scope(key)
        }


def account_of(row: Mapping[str, Any], code_field: str) -> Account:
    """An SSM account by its row.

    Args:
        row: the row.
        code_field: the field that contains the ``CT_Num``.

    Raises:
        MalformedRowError: nobody knows whether it is deleted.
    """
    code = row.get(code_field)
    # A field of the site's own may be a list, whose values read as `{"id": 3, "value": "CARAT"}`.
    if isinstance(code, Mapping):
        code = code.get("value")
    return Account(row["id"], normalise.one_line(str(code)) if code else None, is_deleted(row), row.get("name"))
