"""Carrying out write requests on F_CONTACTT (docs/contract.md, "Streams")."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.null_columns import NullColumns, empty_fields, empty_in_all
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, changed_detail
from sage100_ssm.sage100.conversion import Record, digits, whole_number
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.errors import (
    LockedError,
    Refusal,
    RefusedError,
    SageError,
    UnexpectedError,
    UnreachableError,
)
from sage100_ssm.sage100.tables import F_CONTACTT
from sage100_ssm.sage100.writing import NAME, Contacts, DuplicateError, Values, in_transaction

logger = logging.getLogger("airbyte")

_CAUSES: Mapping[Refusal, Cause] = {
    Refusal.DUPLICATE_NAME: Cause.DUPLICATE,
    Refusal.DUPLICATE_NUMBER: Cause.REJECTED,
    Refusal.FOREIGN_KEY: Cause.COMPANY_MISSING,
    Refusal.COMPANY_MISSING: Cause.COMPANY_MISSING,
    Refusal.TOO_LONG: Cause.TOO_LONG,
    Refusal.NOT_REPRESENTABLE: Cause.NOT_REPRESENTABLE,
    Refusal.VALUE_MISSING: Cause.VALUE_MISSING,
    Refusal.WRONG_TYPE: Cause.MALFORMED,
    Refusal.OTHER: Cause.REJECTED,
}
_REQUIRED = ("CT_Num", "CT_Nom")
_COMPANY = "CT_Num"
_NUMBER = "CT_No"
"""Sage's own number: taken from a record when its contact is created, and never changed."""
_TECHNICAL_PREFIX = "cb"
_LOOK_AHEAD = 50
_SAME_ANSWERS = 10
"""After so many refusals in the same words, and no write that was done, it is not the records."""


class ContactWriter:
    """Writes contacts, each in a transaction of its own.

    Args:
        database: the open database.
        company: the company's name.
        nulls: watches what is cleared; None where the sender knows what it clears.
    """

    id_field = "cbMarq"

    def __init__(self, database: Database, company: str, nulls: NullColumns | None = None) -> None:
        self._database, self._company, self._nulls = database, company, nulls
        # The first records come together, to see what they would clear. Else a batch would gain nothing: each contact
        # is a transaction of its own.
        self.batch_size = _LOOK_AHEAD if nulls else 1
        self._has_warned_of_columns = self._has_warned_of_companies = False
        self._has_written = False
        self._refusals: Counter[str] = Counter()

    def write(self, requests: Sequence[WriteRequest]) -> Iterator[Receipt]:
        """Carry out the requests in order; one receipt each.

        Raises:
            ConnectorError: the connection broke (the request under way has its receipt: uncertain), or the database
                takes no write, whatever the contact (the request under way is to be tried again).
        """
        if self._nulls:
            self._nulls.look(requests, self._cleared(requests))
            if self._nulls.records >= _LOOK_AHEAD:
                self._nulls, self.batch_size = None, 1
        for request in requests:
            if self._is_of_another_company(request):
                self._warn_of_other_companies(request.stream)
                yield _of_another_company(request, self._company)
                continue
            self._warn_of_unknown_columns(request)
            yield from self._carry_out(request)

    def _cleared(self, requests: Sequence[WriteRequest]) -> list[str]:
        """The columns that the requests would clear, each once for every contact that has a value."""

        def of_all(contacts: Contacts) -> list[str]:
            ours = [request for request in requests if not self._is_of_another_company(request)]
            return [name for request in ours for name in _Task(self._database, request).cleared(contacts)]

        if not empty_in_all(requests):
            return []
        # What keeps the database from being read keeps it from being written, and is reported there.
        with suppress(SageError):
            return in_transaction(self._database, of_all)
        return []

    def _carry_out(self, request: WriteRequest) -> Iterator[Receipt]:
        """The request's receipt, yielded before the error that ends the writing."""
        task = _Task(self._database, request)
        try:
            receipt = in_transaction(self._database, task.run)
            self._has_written |= receipt.wrote
            yield receipt
        except RefusedError as error:
            if self._is_same_for_all(error):
                yield _not_now(request, task.action, error)
                raise ConnectorError.of(UnexpectedError(error.words)) from error
            yield _refused(request, error, task.action)
        except LockedError as error:
            yield _receipt(
                request, Outcome.RETRY, task.action, cause=Cause.LOCKED, detail=str(error), reason=error.reason
            )
        except UnreachableError as error:
            yield _receipt(
                request, Outcome.UNCERTAIN, task.action, cause=Cause.CONNECTION, detail=str(error), reason=error.reason
            )
            raise ConnectorError.of(error) from error
        except SageError as error:
            yield _not_now(request, task.action, error)
            raise ConnectorError.of(error) from error

    def _is_same_for_all(self, error: RefusedError) -> bool:
        """Whether the database refuses every write, and always in the same words."""
        # A trigger that refuses one contact speaks like one that refuses all, as while a company is closed for work.
        if self._has_written or error.refusal is not Refusal.OTHER:
            return False
        self._refusals[error.words] += 1
        return len(self._refusals) == 1 and self._refusals.total() >= _SAME_ANSWERS

    def _is_of_another_company(self, request: WriteRequest) -> bool:
        """Whether the record's `cbMarq` belongs to another company's database, where it is somebody else's."""
        company = _company_name(request.company)
        return request.id is not None and company not in {"", _company_name(self._company)}

    def _warn_of_other_companies(self, stream: str) -> None:
        """Log once what to do about records of another company."""
        if not self._has_warned_of_companies:
            self._has_warned_of_companies = True
            # Not which company: that is a value of the records, and none of them is logged.
            words = "Records with a cbMarq of another company than %s are refused: %s"
            logger.warning(words, self._company, _remedy(stream))

    def _warn_of_unknown_columns(self, request: WriteRequest) -> None:
        """Log once which fields are no columns of this database, and so are left out."""
        known = self._database.layout(F_CONTACTT).columns
        unknown = sorted(
            name for name in request.values if name not in known and not name.startswith(_TECHNICAL_PREFIX)
        )
        if unknown and not self._has_warned_of_columns:
            self._has_warned_of_columns = True
            logger.warning("Not columns of F_CONTACTT in this database, ignored: %s.", ", ".join(unknown))


class _Task:
    """One request within one transaction.

    Attributes:
        action: what is done; where the request leaves it open, a creation until a contact of that name is found.
    """

    _contacts: Contacts

    def __init__(self, database: Database, request: WriteRequest) -> None:
        self._database, self._request = database, request
        self.action = request.action or Action.CREATE

    def run(self, contacts: Contacts) -> Receipt:
        """Carry it out, in the transaction of these contacts.

        Raises:
            SageError: it cannot be carried out.
        """
        self._contacts = contacts
        match self._request.action:
            case Action.DELETE:
                return self._delete()
            case Action.UPDATE:
                return self._update_by_id()
            case Action.CREATE:
                return self._create(self._name())
            case _:
                return self._create_or_update(self._name())

    def cleared(self, contacts: Contacts) -> list[str]:
        """The columns of a contact that its values would clear."""
        self._contacts = contacts
        empty = empty_fields(self._request)
        if self._request.action in {Action.DELETE, Action.CREATE} or not empty:
            return []
        try:
            row = contacts.named(self._name()) if self._request.id is None else contacts.get(self._request.id)
        except RefusedError:
            return []
        columns = self._stored(dict.fromkeys(empty - {_NUMBER, *_REQUIRED}))
        return [*_different(columns, row)] if row else []

    def _delete(self) -> Receipt:
        """Delete by `cbMarq`; no error where the contact is gone already."""
        marq = self._request.id
        if marq is None:
            raise RefusedError(Refusal.WRONG_TYPE, "a deletion needs the contact's cbMarq", ContactWriter.id_field)
        row = self._contacts.get(marq)
        if row is None:
            return _receipt(self._request, Outcome.APPLIED, id=marq)
        if (field := self._unexpected_field(row)) is not None:
            return _changed(self._request, Action.DELETE, field, id=marq, record=row)
        self._contacts.delete(row)
        return _receipt(self._request, Outcome.APPLIED, id=marq, wrote=True)

    def _update_by_id(self) -> Receipt:
        """Update by `cbMarq`; a contact that does not exist is refused, never created."""
        marq = self._request.id
        row = None if marq is None else self._contacts.get(marq)
        if row is None:
            words = "no such cbMarq"
            return _receipt(self._request, Outcome.REFUSED, id=marq, cause=Cause.NOT_FOUND, detail=words, reason=words)
        return self._update(row)

    def _create_or_update(self, name: Values) -> Receipt:
        """Update the contact of that name, or create it."""
        # The action is known only now, and a receipt needs it even where the write fails.
        row = self._contacts.named(name)
        self.action = Action.CREATE if row is None else Action.UPDATE
        if row is not None:
            return self._update(row)
        if self._request.expected:  # it was expected to exist
            return _changed(self._request, self.action, None)
        return self._create(name)

    def _update(self, row: Record) -> Receipt:
        """Write the columns that differ."""
        marq = int(row["cbMarq"])
        if (field := self._unexpected_field(row)) is not None:
            return _changed(self._request, Action.UPDATE, field, id=marq, record=row)
        given = self._stored({name: value for name, value in self._request.values.items() if name != _NUMBER})
        # Twice: a company's code may turn out equal once it is spelt as F_COMPTET does.
        changes = _different(self._checked(_different(given, row)), row)
        if changes:
            row = self._contacts.update(row, changes, self._request.expected or ())
        return _receipt(self._request, Outcome.APPLIED, Action.UPDATE, id=marq, record=row, wrote=bool(changes))

    def _create(self, name: Values) -> Receipt:
        """Create the contact, with the `CT_No` of the record if that is free."""
        given = self._stored({**self._request.values, _NUMBER: self._request.identity.get(_NUMBER)})
        number = int(given.pop(_NUMBER, 0))
        row = self._contacts.insert({**given, **name}, number if number > 0 else None)
        return _receipt(self._request, Outcome.APPLIED, Action.CREATE, id=row["cbMarq"], record=row, wrote=True)

    def _name(self) -> Values:
        """Company, last and first name of the record, by which it is matched (P12).

        Raises:
            RefusedError: one is missing, cannot be held or, the company, does not exist.
        """
        return self._checked(self._stored({name: self._request.identity.get(name) for name in NAME}))

    def _stored(self, values: Mapping[str, Any]) -> dict[str, str | int]:
        """What the columns would hold; names that are no columns here, or the database's own, are left out."""
        writable = self._database.layout(F_CONTACTT).writable
        return {n: self._database.stored(F_CONTACTT, n, v) for n, v in values.items() if n in writable}

    def _checked(self, values: Values) -> Values:
        """The values with the company's code as F_COMPTET spells it (P8).

        Raises:
            RefusedError: the last name or the company is empty, or the company does not exist.
        """
        for name in _REQUIRED:
            if name in values and not str(values[name]).strip():
                raise RefusedError(Refusal.VALUE_MISSING, f"{name} must not be empty", name)
        if _COMPANY not in values:
            return values
        code = self._contacts.company(str(values[_COMPANY]))
        if code is None:
            raise RefusedError(Refusal.COMPANY_MISSING, "no such company in F_COMPTET", _COMPANY)
        return {**values, _COMPANY: code}

    def _unexpected_field(self, row: Record) -> str | None:
        """The first column that no longer holds what was expected, compared exactly, null being '' (P11)."""
        for name, value in (self._request.expected or {}).items():
            held = row.get(name)
            if _or_none(held) != _or_none(value) and held != _in_type_of(held, value):
                return name
        return None


def _company_name(name: str | None) -> str:
    return (name or "").strip().casefold()


def _in_type_of(held: Any, value: Any) -> Any:
    """A value as a column of that type holds it: senders have texts for numbers, and numbers for texts."""
    if _or_none(value) is None:
        return value
    return digits(value) if isinstance(held, str) else whole_number(value) if isinstance(held, int) else value


def _or_none(value: Any) -> Any:
    return None if value == "" else value


def _different(values: Values, row: Record) -> dict[str, str | int]:
    """The values that the row does not hold yet; null is '' or 0."""
    return {n: value for n, value in values.items() if value != (type(value)() if row[n] is None else row[n])}


def _refused(request: WriteRequest, error: RefusedError, action: Action) -> Receipt:
    row = error.row if isinstance(error, DuplicateError) else None
    # SQL Server has one number, 547, for both: a company that does not exist, and a contact that is still in use.
    in_use = error.refusal is Refusal.FOREIGN_KEY and request.action is Action.DELETE
    return _receipt(
        request,
        Outcome.REFUSED,
        action,
        id=request.id if row is None else row["cbMarq"],
        record=row,
        cause=Cause.IN_USE if in_use else _CAUSES[error.refusal],
        field=error.column,
        detail=error.words,
        reason=error.reason,
    )


def _not_now(request: WriteRequest, action: Action, error: SageError) -> Receipt:
    """The receipt of a write that was not done because the database takes none."""
    return _receipt(request, Outcome.RETRY, action, cause=Cause.REJECTED, detail=str(error), reason=error.reason)


def _changed(request: WriteRequest, action: Action, field: str | None, **row: Any) -> Receipt:
    return _receipt(request, Outcome.CHANGED, action, field=field, detail=changed_detail(field), **row)


def _of_another_company(request: WriteRequest, company: str) -> Receipt:
    remedy = _remedy(request.stream)
    words = f"the cbMarq is one of {request.company}, not of {company}: {remedy}"
    reason = f"the cbMarq is not one of {company}: {remedy}"
    return _receipt(
        request,
        Outcome.REFUSED,
        cause=Cause.OTHER_COMPANY,
        field=ContactWriter.id_field,
        detail=words,
        reason=reason,
    )


def _remedy(stream: str) -> str:
    setting = json.dumps({stream: {"cbMarq": "source_cbMarq"}})
    return f"here it is somebody else's. The setting rename, as {setting}, has contacts matched by company and names."


def _receipt(request: WriteRequest, outcome: Outcome, action: Action | None = None, **others: Any) -> Receipt:
    """A receipt of the request; by default for the action and the id that it asks for."""
    others = {"id": request.id} | others
    return Receipt(request.index, request.stream, action or request.action or Action.UPDATE, outcome, **others)
