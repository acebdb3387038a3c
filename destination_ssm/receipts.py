"""Receipts of requests for which nothing was sent, and the form of all receipts. Pure."""

from dataclasses import replace

from destination_ssm.reasons import reason_of
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, changed_detail
from sage100_ssm.ssm.errors import QuotaExhausted, Rejected, SsmError
from sage100_ssm.ssm.values import Row, ext_id

NO_ROW = "there is no row with this id, or it is deleted"


def receipt(  # noqa: PLR0913 - one for each part of a receipt
    request: WriteRequest,
    action: Action,
    outcome: Outcome,
    identifier: int | None,
    row: Row | None,
    cause: Cause | None = None,
    detail: str = "",
    *,
    reason: str | None = None,
    wrote: bool = False,
) -> Receipt:
    """A receipt of a request.

    Args:
        request: the request.
        action: what was done, or would have been.
        outcome: how it ended.
        identifier: the row's id, where known.
        row: the row as it is now.
        cause: why nothing was written.
        detail: the same in words.
        reason: in words without values; by default `detail`, which then is in our words.
        wrote: whether a write was sent.
    """
    return Receipt(
        request.index,
        request.stream,
        action,
        outcome,
        identifier,
        row,
        cause=cause,
        detail=detail,
        reason=detail if reason is None else reason,
        wrote=wrote,
    )


def changed(request: WriteRequest, action: Action, field: str | None, row: Row | None) -> Receipt:
    """The row no longer holds what was expected (P11); or, without a row and a field, does not exist."""
    identifier = row["id"] if row else None
    return replace(
        receipt(request, action, Outcome.CHANGED, identifier, row, detail=changed_detail(field)), field=field
    )


def malformed(request: WriteRequest, detail: str) -> Receipt:
    """The record itself is at fault."""
    return receipt(request, likely_action(request), Outcome.REFUSED, request.id, None, Cause.MALFORMED, detail=detail)


def not_sent(request: WriteRequest, error: SsmError) -> Receipt:
    """Nothing was sent, since SSM cannot be read, or refuses every query."""
    cause = Cause.REJECTED if isinstance(error, Rejected) else passing_cause(error)
    reason = reason_of(error, request.identity)
    return receipt(request, likely_action(request), Outcome.RETRY, request.id, None, cause, str(error), reason=reason)


def passing_cause(error: SsmError | None) -> Cause:
    """The cause of a write that was not confirmed, and that SSM did not refuse."""
    return Cause.QUOTA if isinstance(error, QuotaExhausted) else Cause.CONNECTION


def not_searchable(request: WriteRequest, error: Rejected) -> Receipt:
    """SSM refuses the query by which the record's row is looked up."""
    refusal = receipt(
        request,
        likely_action(request),
        Outcome.REFUSED,
        request.id,
        None,
        Cause.REJECTED,
        error.detail or str(error),
        reason=reason_of(error, request.identity),
    )
    return replace(refusal, field="id" if ext_id(request.identity) is None else "extId")


def unreadable(request: WriteRequest) -> Receipt:
    """The row exists, and cannot be read: nothing is known on which a write could be based."""
    detail = "the row exists and cannot be read: it contains what is no text, number or date"
    return receipt(request, likely_action(request), Outcome.RETRY, request.id, None, Cause.UNREADABLE, detail)


def likely_action(request: WriteRequest) -> Action:
    """The action of a request whose row was not read: without an `extId` it would have matched no row."""
    return request.action or (Action.UPDATE if ext_id(request.identity) else Action.CREATE)
