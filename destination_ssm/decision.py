"""What is to be done about a record, by what was read before; what became of it, by what was read after. Pure."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from destination_ssm.value_forms import bears, in_form
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, changed_detail
from sage100_ssm.ssm.errors import Forbidden, PassingError, Rejected, SsmError
from sage100_ssm.ssm.values import STAMPS, Row, ext_id, is_deleted, same, value_of

OWNED = frozenset(
    {"id", "deleted", "readOnly", "changed_at", *STAMPS}
    | {"salesRepIdCreated", "salesRepIdUpdated", "salesRepIdDeleted"}
)
"""Fields that SSM fills itself, and the one that the source computes: never written."""
_NEVER_EMPTY = frozenset({"permissionLevel"})
"""Fields, beside yes or no and those with a default, that SSM fills in a new row where the record does not."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What SSM demands of a new row of a stream.

    Attributes:
        defaults: what stands in for a field that the record leaves empty; None where nothing does.
        required: the fields without which SSM creates no row.
    """

    defaults: Mapping[str, int | None]
    required: Sequence[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows as one reading shows them.

    Attributes:
        by_id: all of them, deleted ones included.
        living: those not deleted, by the `extId` that they bear; of twins the older.
    """

    by_id: Mapping[int, Row]
    living: Mapping[str, Row]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Seen":
        """Sort rows."""
        by_id = {row["id"]: row for row in rows}
        newest_first = sorted(by_id.values(), key=lambda row: -row["id"])
        living = {bears: row for row in newest_first if (bears := ext_id(row)) and not is_deleted(row)}
        return cls(by_id, living)


@dataclass(frozen=True, slots=True)
class Write:
    """A write that is to go out.

    Attributes:
        request: the record that asks for it.
        action: what is done.
        id: the row; None for one to be created.
        fields: what is sent.
        texts: of an update, the texts that it clears.
    """

    request: WriteRequest
    action: Action
    id: int | None
    fields: Mapping[str, Any]
    texts: Collection[str] = ()

    @property
    def ext_id(self) -> str | None:
        """The `extId` by which a row whose creation was not confirmed is found."""
        return ext_id(self.fields) if self.action is Action.CREATE else None

    @property
    def can_be_found(self) -> bool:
        """Whether reading tells if it was done, should SSM not say: it may then go out among many."""
        return self.action is Action.UPDATE or self.ext_id is not None

    @property
    def ways(self) -> Iterator[Mapping[str, Any]]:
        """The ways to put an update, the likeliest first: SSM does not say what it takes for "clear this field".

        Null; for texts the empty text; and in the end without what is to be cleared, which must not hold back the rest.
        """
        yield self.fields
        if self.texts:
            yield {**self.fields, **dict.fromkeys(self.texts, "")}
        filled = {field: value for field, value in self.fields.items() if value is not None}
        if filled and len(filled) < len(self.fields):
            yield filled


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write that went out.

    Attributes:
        write: what was sent.
        id: the row, as far as it is known.
        error: why it was not confirmed; None if it was.
    """

    write: Write
    id: int | None
    error: SsmError | None

    @property
    def in_doubt(self) -> bool:
        """Whether it may have been carried out without a confirmation."""
        return isinstance(self.error, PassingError) and self.error.sent

    @property
    def refused_with_others(self) -> bool:
        """Whether SSM refused the whole request that it was part of."""
        return isinstance(self.error, Rejected) and self.error.status >= HTTPStatus.BAD_REQUEST


def fault(request: WriteRequest) -> str:
    """Say why a record cannot be sent at all; empty if it can."""
    if not isinstance(request.identity.get("extId") or "", str):
        return "extId must be a text"
    try:
        json.dumps([request.values, request.identity], ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        return "a value cannot be written as JSON"
    if request.action is Action.DELETE and request.id is None and ext_id(request.identity) is None:
        return "a deletion names neither id nor extId"
    return ""


def decide(request: WriteRequest, seen: Seen, demands: Demands) -> Write | Receipt:
    """Decide what a record comes to: a write, or a receipt where there is nothing to write."""
    row = target(request, seen)
    if request.action is Action.DELETE:
        return _delete(request, row)
    if request.action is Action.CREATE and row is not None:
        return _receipt(request, Action.CREATE, Outcome.REFUSED, row["id"], row, Cause.DUPLICATE)
    if request.action is Action.UPDATE or row is not None:
        return _update(request, row, demands)
    if request.action is None and request.expected:
        return _left_alone(request, Action.CREATE, None, None)
    return _create(request, demands)


def target(request: WriteRequest, seen: Seen) -> Row | None:
    """Find the row that a record is about: by its id, else the living one that bears its `extId`.

    A deleted row is in nobody's way: what is restored bears its `extId` again.
    """
    by_id = seen.by_id.get(request.id) if request.id is not None else None
    if request.id is not None and request.action is not Action.CREATE:
        return by_id
    if by_id is not None and not is_deleted(by_id):
        return by_id
    return seen.living.get(ext_id(request.identity) or "")


def changed_field(row: Row, expected: Mapping[str, Any]) -> str | None:
    """Name the first field that holds another value than expected: exactly, references by id, null as empty text."""
    return next((field for field, value in expected.items() if not same(value_of(row, field), value)), None)


def settle(attempt: Attempt, seen: Seen | None) -> Receipt:
    """Tell what became of a write.

    Args:
        attempt: the write and its answer.
        seen: what was read afterwards; None if it could not be.
    """
    row = _read_back(attempt, seen)
    gone = seen is not None and (row is None or is_deleted(row))
    if attempt.error is None:
        return _confirmed(attempt, row)
    if isinstance(attempt.error, Rejected | Forbidden):
        return _rejected(attempt, row, attempt.error.detail or str(attempt.error), gone=gone)
    return _unconfirmed(attempt, row, gone=gone, read=seen is not None)


def settle_among(attempt: Attempt, before: Seen, after: Seen | None) -> Receipt | None:
    """Tell what became of a write that went out among many; None where it was not done, and is to go out alone.

    How SSM words the refusal of one among many is not known, nor which of its words to believe: only the reading
    counts. What it does not show, and SSM does not refuse, may yet be under way: a creation is then uncertain.

    Args:
        attempt: the write and its answer.
        before: what the decision rested upon.
        after: what was read afterwards; None if it could not be.
    """
    request, action, row = attempt.write.request, attempt.write.action, _read_back(attempt, after)
    if action is Action.UPDATE:
        was = before.by_id[attempt.write.id or 0]
        done = row is not None and not any(same(value_of(row, f), value_of(was, f)) for f in attempt.write.fields)
    else:
        done = row is not None
    if done and row is not None:
        return _receipt(request, action, Outcome.APPLIED, row["id"], row, wrote=True)
    undone = attempt.error is not None and not attempt.in_doubt
    if isinstance(attempt.error, Rejected) and after is None:
        undone = False
    if action is Action.UPDATE or undone:
        return None
    return _receipt(
        request, action, Outcome.UNCERTAIN, attempt.id, None, Cause.CONNECTION, str(attempt.error or ""), wrote=True
    )


def passed_over(attempt: Attempt, seen: Seen | None) -> Mapping[str, str]:
    """Give the texts that a confirmed update was to clear and that still stand, as empty ones."""
    row = _read_back(attempt, seen) if attempt.error is None else None
    return {} if row is None else {text: "" for text in attempt.write.texts if row.get(text)}


def not_tried(request: WriteRequest, error: SsmError) -> Receipt:
    """Tell that nothing was sent, since SSM cannot be read, or takes no query."""
    cause = Cause.REJECTED if isinstance(error, Rejected) else Cause.CONNECTION
    return _receipt(request, _asked(request), Outcome.RETRY, request.id, None, cause, detail=str(error))


def unsearchable(request: WriteRequest, error: Rejected) -> Receipt:
    """Tell that SSM makes no query of what the record is looked up by."""
    refusal = _receipt(
        request, _asked(request), Outcome.REFUSED, request.id, None, Cause.REJECTED, error.detail or str(error)
    )
    return replace(refusal, field="id" if ext_id(request.identity) is None else "extId")


def malformed(request: WriteRequest, detail: str) -> Receipt:
    """Tell that the record itself is at fault."""
    return _receipt(request, _asked(request), Outcome.REFUSED, request.id, None, Cause.MALFORMED, detail=detail)


def _asked(request: WriteRequest) -> Action:
    """Tell what a request asks for, as far as can be told unread: without an `extId` it would match nobody."""
    return request.action or (Action.UPDATE if ext_id(request.identity) else Action.CREATE)


def _delete(request: WriteRequest, row: Row | None) -> Write | Receipt:
    if row is None and request.id is not None:
        # Not shown is not deleted (P10): the row may be hidden from this login, or the answer cut short.
        return _receipt(request, Action.DELETE, Outcome.REFUSED, request.id, None, Cause.NOT_FOUND)
    if row is None or is_deleted(row):
        return _receipt(request, Action.DELETE, Outcome.APPLIED, row["id"] if row else None, row)
    if (changed := changed_field(row, request.expected or {})) is not None:
        return _left_alone(request, Action.DELETE, changed, row)
    return Write(request, Action.DELETE, row["id"], {})


def _update(request: WriteRequest, row: Row | None, demands: Demands) -> Write | Receipt:
    if row is None or is_deleted(row):
        return _receipt(request, Action.UPDATE, Outcome.REFUSED, request.id, row, Cause.NOT_FOUND)
    if (changed := changed_field(row, request.expected or {})) is not None:
        return _left_alone(request, Action.UPDATE, changed, row)
    asked = {f: value for f, value in _writable(request, row).items() if not _says_nothing(f, value, row, demands)}
    changes = {field: value for field, value in asked.items() if not bears(row, field, value)}
    if not changes:
        return _receipt(request, Action.UPDATE, Outcome.APPLIED, row["id"], row)
    texts = [field for field, value in changes.items() if value is None and isinstance(row.get(field), str)]
    return Write(request, Action.UPDATE, row["id"], changes, texts)


def _says_nothing(field: str, value: Any, row: Row, demands: Demands) -> bool:
    """Whether a null is about a field that a new row has filled without the record: it would be cleared ever again."""
    filled = field in demands.defaults or field in _NEVER_EMPTY or isinstance(value_of(row, field), bool)
    return filled and same(value, None)


def _create(request: WriteRequest, demands: Demands) -> Write | Receipt:
    asked = {**_writable(request, {}), "extId": request.identity.get("extId")}
    fields = {**demands.defaults, **{field: value for field, value in asked.items() if not same(value, None)}}
    missing = next((field for field in demands.required if fields.get(field) is None), None)
    if missing:
        refusal = _receipt(request, Action.CREATE, Outcome.REFUSED, None, None, Cause.VALUE_MISSING)
        return replace(refusal, field=missing)
    return Write(request, Action.CREATE, None, {field: value for field, value in fields.items() if value is not None})


def _writable(request: WriteRequest, row: Row) -> Mapping[str, Any]:
    return {field: in_form(field, value, row) for field, value in request.values.items() if field not in OWNED}


def _read_back(attempt: Attempt, seen: Seen | None) -> Row | None:
    if seen is None:
        return None
    return seen.by_id.get(attempt.id) if attempt.id is not None else seen.living.get(attempt.write.ext_id or "")


def _confirmed(attempt: Attempt, row: Row | None) -> Receipt:
    request, action = attempt.write.request, attempt.write.action
    if row is None and action is not Action.DELETE:
        return _receipt(
            request, action, Outcome.UNCERTAIN, attempt.id, None, Cause.CONNECTION, "not read back", wrote=True
        )
    if action is Action.DELETE and row is not None and not is_deleted(row):
        return _receipt(request, action, Outcome.REFUSED, attempt.id, row, Cause.REJECTED, "accepted, yet not deleted")
    return _receipt(request, action, Outcome.APPLIED, attempt.id, row, wrote=True)


def _rejected(attempt: Attempt, row: Row | None, detail: str, *, gone: bool) -> Receipt:
    """Look behind a refusal: SSM answers 400 for a row that is gone, even where an earlier try deleted it."""
    request, action = attempt.write.request, attempt.write.action
    if action is Action.DELETE and row is not None and is_deleted(row):
        return _receipt(request, action, Outcome.APPLIED, attempt.id, row, wrote=True)
    cause = Cause.NOT_FOUND if gone and action is not Action.CREATE else Cause.REJECTED
    return _receipt(request, action, Outcome.REFUSED, attempt.id, row, cause, detail)


def _unconfirmed(attempt: Attempt, row: Row | None, *, gone: bool, read: bool) -> Receipt:
    """Let the reading tell whether a write was carried out whose answer never came."""
    request, action = attempt.write.request, attempt.write.action
    done = {
        Action.CREATE: row is not None,
        Action.UPDATE: row is not None and all(bears(row, f, value) for f, value in attempt.write.fields.items()),
        Action.DELETE: row is not None and is_deleted(row),
    }[action]
    if done:
        return _receipt(request, action, Outcome.APPLIED, row["id"] if row else attempt.id, row, wrote=True)
    if gone and action is Action.UPDATE:
        return _receipt(request, action, Outcome.REFUSED, attempt.id, row, Cause.NOT_FOUND)
    unknown = attempt.in_doubt and (action is Action.CREATE or not read)
    outcome = Outcome.UNCERTAIN if unknown else Outcome.RETRY
    return _receipt(request, action, outcome, attempt.id, row, Cause.CONNECTION, str(attempt.error))


def _left_alone(request: WriteRequest, action: Action, field: str | None, row: Row | None) -> Receipt:
    left = _receipt(request, action, Outcome.CHANGED, row["id"] if row else None, row, detail=changed_detail(field))
    return replace(left, field=field)


def _receipt(
    request: WriteRequest,
    action: Action,
    outcome: Outcome,
    identifier: int | None,
    row: Row | None,
    cause: Cause | None = None,
    detail: str = "",
    *,
    wrote: bool = False,
) -> Receipt:
    return Receipt(
        request.index, request.stream, action, outcome, identifier, row, cause=cause, detail=detail, wrote=wrote
    )
