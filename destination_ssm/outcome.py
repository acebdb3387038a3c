"""What became of a write, by SSM's answer and by what was read afterwards. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from destination_ssm.decision import Snapshot, Write
from destination_ssm.receipts import receipt
from destination_ssm.value_forms import holds
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.ssm.errors import Forbidden, PassingError, Rejected, SsmError
from sage100_ssm.ssm.values import Row, is_deleted, same, value_of


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write that was sent.

    Attributes:
        write: what was sent.
        id: the row, as far as it is known.
        error: why it was not confirmed; None if it was.
    """

    write: Write
    id: int | None
    error: SsmError | None

    @property
    def is_in_doubt(self) -> bool:
        """Whether it may have been carried out without a confirmation."""
        return isinstance(self.error, PassingError) and self.error.sent

    @property
    def was_refused_with_others(self) -> bool:
        """Whether SSM refused the whole bulk request that it was part of."""
        return isinstance(self.error, Rejected) and self.error.status >= HTTPStatus.BAD_REQUEST


def settle(attempt: Attempt, after: Snapshot | None) -> Receipt:
    """The receipt of a write.

    Args:
        attempt: the write and its answer.
        after: what was read afterwards; None if it could not be.
    """
    row = _row_after(attempt, after)
    is_gone = after is not None and (row is None or is_deleted(row))
    if attempt.error is None:
        return _confirmed(attempt, row)
    if isinstance(attempt.error, Rejected | Forbidden):
        return _rejected(attempt, row, attempt.error.detail or str(attempt.error), is_gone=is_gone)
    return _unconfirmed(attempt, row, is_gone=is_gone, was_read=after is not None)


def settle_bulk(attempt: Attempt, before: Snapshot, after: Snapshot | None) -> Receipt | None:
    """The receipt of a write that was part of a bulk request; None where it is to be sent again, alone.

    Args:
        attempt: the write and its answer.
        before: what the decision was based on.
        after: what was read afterwards; None if it could not be.
    """
    # How SSM reports one refusal among many is not documented (docs/facts/ssm-api.md, "Writes"): only the reading
    # counts. What it does not show, and SSM does not refuse, may still be under way: a creation is then uncertain.
    request, action, row = attempt.write.request, attempt.write.action, _row_after(attempt, after)
    if action is Action.UPDATE:
        was = before.by_id[attempt.write.id or 0]
        done = row is not None and not any(same(value_of(row, f), value_of(was, f)) for f in attempt.write.fields)
    else:
        done = row is not None
    if done and row is not None:
        return receipt(request, action, Outcome.APPLIED, row["id"], row, wrote=True)
    certainly_undone = attempt.error is not None and not attempt.is_in_doubt
    if isinstance(attempt.error, Rejected) and after is None:
        certainly_undone = False
    if action is Action.UPDATE or certainly_undone:
        return None
    return receipt(
        request, action, Outcome.UNCERTAIN, attempt.id, None, Cause.CONNECTION, str(attempt.error or ""), wrote=True
    )


def uncleared_texts(attempt: Attempt, after: Snapshot | None) -> Mapping[str, str]:
    """The texts that a confirmed update should have cleared and did not, each as the empty text."""
    row = _row_after(attempt, after) if attempt.error is None else None
    return {} if row is None else {text: "" for text in attempt.write.texts if row.get(text)}


def _row_after(attempt: Attempt, after: Snapshot | None) -> Row | None:
    if after is None:
        return None
    if attempt.id is not None:
        return after.by_id.get(attempt.id)
    return after.live_by_ext_id.get(attempt.write.ext_id or "")


def _confirmed(attempt: Attempt, row: Row | None) -> Receipt:
    request, action = attempt.write.request, attempt.write.action
    if row is None and action is not Action.DELETE:
        return receipt(
            request, action, Outcome.UNCERTAIN, attempt.id, None, Cause.CONNECTION, "not read back", wrote=True
        )
    if action is Action.DELETE and row is not None and not is_deleted(row):
        return receipt(request, action, Outcome.REFUSED, attempt.id, row, Cause.REJECTED, "accepted, yet not deleted")
    return receipt(request, action, Outcome.APPLIED, attempt.id, row, wrote=True)


def _rejected(attempt: Attempt, row: Row | None, detail: str, *, is_gone: bool) -> Receipt:
    # SSM answers 400 for a row that is gone, even where an earlier try of the same request deleted it.
    request, action = attempt.write.request, attempt.write.action
    if action is Action.DELETE and row is not None and is_deleted(row):
        return receipt(request, action, Outcome.APPLIED, attempt.id, row, wrote=True)
    cause = Cause.NOT_FOUND if is_gone and action is not Action.CREATE else Cause.REJECTED
    return receipt(request, action, Outcome.REFUSED, attempt.id, row, cause, detail)


def _unconfirmed(attempt: Attempt, row: Row | None, *, is_gone: bool, was_read: bool) -> Receipt:
    """The receipt of a write whose answer was lost: the reading shows whether it was carried out."""
    request, action = attempt.write.request, attempt.write.action
    done = {
        Action.CREATE: row is not None,
        Action.UPDATE: row is not None and all(holds(row, f, value) for f, value in attempt.write.fields.items()),
        Action.DELETE: row is not None and is_deleted(row),
    }[action]
    if done:
        return receipt(request, action, Outcome.APPLIED, row["id"] if row else attempt.id, row, wrote=True)
    if is_gone and action is Action.UPDATE:
        return receipt(request, action, Outcome.REFUSED, attempt.id, row, Cause.NOT_FOUND)
    # A creation may still be under way; an update or a deletion that was read as not done can be repeated.
    is_unknown = attempt.is_in_doubt and (action is Action.CREATE or not was_read)
    outcome = Outcome.UNCERTAIN if is_unknown else Outcome.RETRY
    return receipt(request, action, outcome, attempt.id, row, Cause.CONNECTION, str(attempt.error))
