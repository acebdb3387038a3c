"""What to write for a record, by what was read before. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from destination_ssm.own_types import as_text, in_own_type
from destination_ssm.receipts import NO_ROW, changed, receipt, unreadable
from destination_ssm.value_forms import as_written, holds
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.ssm.responses import Page
from sage100_ssm.ssm.values import STAMPS, Row, ext_id, is_deleted, same, value_of

OWNED = frozenset(
    {"id", "deleted", "readOnly", "changed_at", *STAMPS}
    | {"salesRepIdCreated", "salesRepIdUpdated", "salesRepIdDeleted"}
)
"""Fields that SSM fills itself, and the one that the source computes: never written."""
_FILLED_BY_SSM = frozenset({"permissionLevel"})
"""Fields that SSM fills in a new row where the record does not, besides truth values."""


@dataclass(frozen=True, slots=True)
class CreationRules:
    """What a new row of a stream needs.

    Attributes:
        defaults: values for fields that the record leaves empty; None where there is no default.
        required: the fields without which SSM creates no row.
    """

    defaults: Mapping[str, int | None]
    required: Sequence[str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows as one reading shows them.

    Attributes:
        by_id: all of them, deleted ones included.
        live_by_ext_id: those not deleted; of several with one `extId` the oldest.
        unreadable: the ids, and the `extId`, of rows that exist and cannot be read.
        pages: how many pages were read.
        asked_at: when the first of them was asked for, by the monotonic clock.
    """

    by_id: Mapping[int, Row]
    live_by_ext_id: Mapping[str, Row]
    unreadable: frozenset[int | str] = frozenset()
    pages: int = 0
    asked_at: float = 0.0

    @classmethod
    def of_pages(cls, pages: Iterable[Page]) -> "Snapshot":
        """The snapshot of the rows of some pages."""
        read = list(pages)
        odd = frozenset(key for page in read for row in page.unreadable for key in (row.id, row.ext_id) if key)
        rows = cls.of(row for page in read for row in page.rows)
        return replace(rows, unreadable=odd, pages=len(read), asked_at=read[0].asked_at if read else 0.0)

    def with_rows(self, rows: Iterable[Row]) -> "Snapshot":
        """The same with some rows as they were read later."""
        later = self.of([*self.by_id.values(), *rows])
        return replace(self, by_id=later.by_id, live_by_ext_id=later.live_by_ext_id)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Snapshot":
        """The snapshot of some rows."""
        by_id = {row["id"]: row for row in rows}
        newest_first = sorted(by_id.values(), key=lambda row: -row["id"])
        live = {key: row for row in newest_first if (key := ext_id(row)) and not is_deleted(row)}
        return cls(by_id, live)


@dataclass(frozen=True, slots=True)
class Write:
    """A write to be sent.

    Attributes:
        request: the record that asks for it.
        action: what is done.
        id: the row; None for one to be created.
        fields: what is sent.
        texts: the text fields that an update clears, with what they contained.
    """

    request: WriteRequest
    action: Action
    id: int | None
    fields: Mapping[str, Any]
    texts: Mapping[str, str] = default(default_factory=dict)

    @property
    def ext_id(self) -> str | None:
        """The `extId` by which a row whose creation was not confirmed is found."""
        return ext_id(self.fields) if self.action is Action.CREATE else None

    @property
    def cleared(self) -> Iterator[str]:
        """The fields whose value an update clears."""
        return (field for field, value in self.fields.items() if self.action is Action.UPDATE and same(value, None))

    @property
    def can_be_verified(self) -> bool:
        """Whether a reading shows if it was carried out: then it may be sent in bulk, whatever SSM answers."""
        return self.action is Action.UPDATE or self.ext_id is not None

    @property
    def variants(self) -> Iterator[Mapping[str, Any]]:
        """The fields of an update in the forms to try, the likeliest first."""
        # How a field is cleared is not documented (docs/facts/ssm-api.md, "Open questions", 8): by null, or a text by
        # the empty text.
        yield self.fields
        if self.texts:
            yield {**self.fields, **dict.fromkeys(self.texts, "")}


def with_ext_id_as_text(request: WriteRequest) -> WriteRequest:
    """A request whose `extId` is a text, as SSM's are, where the sender has numbers."""
    identity, values = (
        {**given, "extId": as_text(given["extId"])} if "extId" in given else given
        for given in (request.identity, request.values)
    )
    return replace(request, identity=identity, values=values)


def malformation(request: WriteRequest) -> str:
    """Why a record cannot be sent at all; empty if it can."""
    given = request.identity.get("extId")
    if given is not None and not isinstance(given, str):
        return "extId must be a text or a whole number"
    try:
        json.dumps([request.values, request.identity], ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        return "a value cannot be written as JSON"
    if request.action is Action.DELETE and request.id is None and ext_id(request.identity) is None:
        return "a deletion names neither id nor extId"
    return ""


def decide(request: WriteRequest, snapshot: Snapshot, rules: CreationRules) -> Write | Receipt:
    """The write that a record asks for, or a receipt where there is nothing to write."""
    row = matching_row(request, snapshot)
    if row is None and snapshot.unreadable & {request.id, ext_id(request.identity)}:
        return unreadable(request)
    if request.action is Action.DELETE:
        return _delete(request, row)
    if request.action is Action.CREATE and row is not None:
        reason = "a row with this id or extId exists already"
        return receipt(request, Action.CREATE, Outcome.REFUSED, row["id"], row, Cause.DUPLICATE, reason=reason)
    if request.action is Action.UPDATE or row is not None:
        return _update(request, row, rules)
    if request.action is None and request.expected:  # it was expected to exist
        return changed(request, Action.CREATE, None, None)
    return _create(request, rules)


def matching_row(request: WriteRequest, snapshot: Snapshot) -> Row | None:
    """The row of a record: by its id, else the living one with its `extId`."""
    by_id = snapshot.by_id.get(request.id) if request.id is not None else None
    if request.id is not None and request.action is not Action.CREATE:
        return by_id
    # A deleted row does not prevent a creation: a contact that is restored gets a new row with the same `extId` (P5).
    if by_id is not None and not is_deleted(by_id):
        return by_id
    return snapshot.live_by_ext_id.get(ext_id(request.identity) or "")


def unexpected_field(row: Row, expected: Mapping[str, Any]) -> str | None:
    """The first field that no longer holds what was expected: exactly, references by id, null and '' alike (P11)."""
    for field, value in expected.items():
        current = value_of(row, field)
        if not same(current, value) and not same(current, in_own_type(field, value, current)):
            return field
    return None


def _delete(request: WriteRequest, row: Row | None) -> Write | Receipt:
    if row is None and request.id is not None:
        # Not shown is not deleted (P10): the row may be hidden from this login, or the answer incomplete.
        return receipt(request, Action.DELETE, Outcome.REFUSED, request.id, None, Cause.NOT_FOUND, reason=NO_ROW)
    if row is None or is_deleted(row):
        return receipt(request, Action.DELETE, Outcome.APPLIED, row["id"] if row else None, row)
    if (field := unexpected_field(row, request.expected or {})) is not None:
        return changed(request, Action.DELETE, field, row)
    return Write(request, Action.DELETE, row["id"], {})


def _update(request: WriteRequest, row: Row | None, rules: CreationRules) -> Write | Receipt:
    if row is None or is_deleted(row):
        return receipt(request, Action.UPDATE, Outcome.REFUSED, request.id, row, Cause.NOT_FOUND, reason=NO_ROW)
    if (field := unexpected_field(row, request.expected or {})) is not None:
        return changed(request, Action.UPDATE, field, row)
    fields = {f: value for f, value in _writable(request, row).items() if not _is_to_be_ignored(f, value, row, rules)}
    changes = {field: value for field, value in fields.items() if not holds(row, field, value)}
    if not changes:
        return receipt(request, Action.UPDATE, Outcome.APPLIED, row["id"], row)
    texts = {field: row[field] for field, value in changes.items() if value is None and isinstance(row.get(field), str)}
    return Write(request, Action.UPDATE, row["id"], changes, texts)


def _is_to_be_ignored(field: str, value: Any, row: Row, rules: CreationRules) -> bool:
    """Whether a value is a null for a field that creation fills by itself."""
    # The sender that left it empty then sends its null again with each update, and would clear it each time.
    filled = field in rules.defaults or field in _FILLED_BY_SSM or isinstance(value_of(row, field), bool)
    return filled and same(value, None)


def _create(request: WriteRequest, rules: CreationRules) -> Write | Receipt:
    given = {**_writable(request, {}), "extId": request.identity.get("extId")}
    fields = {**rules.defaults, **{field: value for field, value in given.items() if not same(value, None)}}
    missing = next((field for field in rules.required if fields.get(field) is None), None)
    if missing:
        reason = f"a new row needs {missing}, and the record has no value for it"
        refusal = receipt(request, Action.CREATE, Outcome.REFUSED, None, None, Cause.VALUE_MISSING, reason=reason)
        return replace(refusal, field=missing)
    return Write(request, Action.CREATE, None, {field: value for field, value in fields.items() if value is not None})


def _writable(request: WriteRequest, row: Row) -> Mapping[str, Any]:
    return {field: as_written(field, value, row) for field, value in request.values.items() if field not in OWNED}
