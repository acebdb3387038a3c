"""A contact's company by the code that Sage knows it by, where the sender has no id of an account (R4)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from destination_ssm.own_types import as_text
from destination_ssm.receipts import likely_action, malformed, receipt
from destination_ssm.value_forms import as_written
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.ssm import where
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Rejected, SsmError
from sage100_ssm.ssm.values import FLAT_ID, Row, is_deleted, same

ACCOUNT_CODE = "account_ext_id"
"""The field of a record that names a contact's account by its code."""
_ACCOUNT = "accountId"
_PASSING = frozenset({Outcome.RETRY, Outcome.UNCERTAIN})

AccountIds = Mapping[str, Collection[int]]
"""The living accounts that have a code, by the code as `code_of` returns it."""


def code_of(value: Any) -> str | None:
    """A code in the form in which codes are compared: without case, as Sage does; None where it is empty or no text."""
    text = as_text(value)
    return text.strip().casefold() or None if isinstance(text, str) else None


class Accounts:
    """The accounts of an instance by their codes, those included that this sync has just written.

    Args:
        client: the client.
        field: the account's field that holds the code.
    """

    def __init__(self, client: SsmClient, field: str) -> None:
        self._client, self._field = client, field
        self._written: dict[int, str] = {}
        self._written_ids: defaultdict[str, set[int]] = defaultdict(set)
        self.postponed: set[str] = set()
        """The codes of accounts that this sync could not write for now: their contacts wait, too."""

    def note(self, request: WriteRequest, written: Receipt) -> None:
        """Remember what became of an account's record: lists may show a new row late."""
        row: Row = written.record or {**request.identity, **request.values}
        code = code_of(row.get(self._field))
        if code is not None and written.outcome in _PASSING:
            self.postponed.add(code)
        if written.outcome is Outcome.APPLIED and written.id is not None:
            self._written_ids[self._written.pop(written.id, "")].discard(written.id)
            if code is not None and written.action is not Action.DELETE:
                self._written[written.id] = code
                self._written_ids[code].add(written.id)

    def find(self, given: Collection[str]) -> AccountIds:
        """The living accounts that have these codes.

        Raises:
            SsmError: accounts cannot be read.
        """
        found: dict[str, set[int]] = {code: set() for text in given if (code := code_of(text))}
        for row in self._rows(sorted(given)):
            if (code := code_of(row.get(self._field))) in found and not is_deleted(row):
                found[code].add(row["id"])
        return {code: ids | self._written_ids.get(code, set()) for code, ids in found.items()}

    def _rows(self, codes: Sequence[str]) -> list[Row]:
        try:
            conditions = where.any_of(where.is_text(self._field, code) for code in codes)
            return [row for condition in conditions for row in self._client.rows("accounts", condition)]
        except Rejected:
            # SSM may take no query with a certain character: that code no account has. The others are found.
            if len(codes) > 1:
                middle = len(codes) // 2
                return [*self._rows(codes[:middle]), *self._rows(codes[middle:])]
            if not self._accepts_queries():
                raise
            return []

    def _accepts_queries(self) -> bool:
        """Whether SSM takes the condition that accounts are looked up by, where nothing is the matter with the code."""
        try:
            next(self._client.rows("accounts", where.is_text(self._field, "0")), None)
        except SsmError:
            return False
        return True


def codes_of(request: WriteRequest) -> list[str]:
    """The codes of accounts that a request names, as the sender writes them."""
    named = (each[ACCOUNT_CODE] for each in (request.values, request.expected or {}) if ACCOUNT_CODE in each)
    return [as_text(code).strip() for code in named if code_of(code)]


def with_account(request: WriteRequest, known: AccountIds, postponed: Collection[str]) -> WriteRequest | Receipt:
    """A request with the id of the account that it names by its code; a receipt where it cannot be carried out.

    Args:
        request: the request.
        known: the accounts of all codes in it.
        postponed: the codes of accounts that could not be written for now.
    """
    values, expected = request.values, request.expected
    if ACCOUNT_CODE in values and request.action is not Action.DELETE:
        resolved = _account_id(request, values[ACCOUNT_CODE], _given_id(request.identity), known, postponed)
        if isinstance(resolved, Receipt):
            return resolved
        values = _with_id(values, resolved.id)
    if expected is not None and ACCOUNT_CODE in expected:
        given = _given_id(expected)
        resolved = _account_id(request, expected[ACCOUNT_CODE], given, known, postponed)
        if isinstance(resolved, Receipt):
            return resolved
        expected = {_ACCOUNT: given, **_with_id(expected, resolved.id)}
    return replace(request, values=values, expected=expected)


@dataclass(frozen=True, slots=True)
class _Resolved:
    """An account.

    Attributes:
        id: its id; None where the record names none.
    """

    id: int | None


def _account_id(
    request: WriteRequest, code: Any, given: Any, known: AccountIds, postponed: Collection[str]
) -> _Resolved | Receipt:
    """The account that a code and, perhaps, an id name together."""
    key = code_of(code)
    if key is None:
        # An empty code names no account: the id decides alone.
        is_text = same(code, None) or isinstance(code, str)
        return _Resolved(None) if is_text else _refused(request, Cause.MALFORMED, "must be a text or a whole number")
    ids, identifier = known[key], as_written(_ACCOUNT, given, {})
    if not same(identifier, None):
        # Of several accounts with one code, the id says which.
        if type(identifier) is int and identifier in ids:
            return _Resolved(identifier)
        if ids:
            return _refused(request, Cause.MALFORMED, f"is not that of the account in {_ACCOUNT}", code)
    if len(ids) == 1:
        return _Resolved(next(iter(ids)))
    if not ids and key in postponed:
        refusal = _refused(request, Cause.COMPANY_MISSING, "is that of an account that could not be written yet", code)
        return replace(refusal, outcome=Outcome.RETRY)
    why = "is that of several accounts" if ids else "is that of no account in Sage Sales Management"
    return _refused(request, Cause.COMPANY_MISSING, why, code)


def _given_id(fields: Mapping[str, Any]) -> Any:
    """The id of the account, from the reference or from the column with its id alone."""
    return fields.get(_ACCOUNT if _ACCOUNT in fields else f"{_ACCOUNT}{FLAT_ID}")


def _with_id(fields: Mapping[str, Any], identifier: int | None) -> Mapping[str, Any]:
    others = {field: value for field, value in fields.items() if field != ACCOUNT_CODE}
    return others if identifier is None else {**others, _ACCOUNT: identifier}


def _refused(request: WriteRequest, cause: Cause, why: str, code: Any = None) -> Receipt:
    """The receipt of a record whose account is not known; its code is a value, and so is not in the reason."""
    reason = f"{ACCOUNT_CODE} {why}"
    if cause is Cause.MALFORMED:
        return replace(malformed(request, reason), field=ACCOUNT_CODE)
    detail = f"{ACCOUNT_CODE} {code} {why}"
    refusal = receipt(request, likely_action(request), Outcome.REFUSED, request.id, None, cause, detail, reason=reason)
    return replace(refusal, field=ACCOUNT_CODE)
