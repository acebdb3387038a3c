"""What became of a write, by SSM's answer and by what was read afterwards. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from destination_ssm.decision import Snapshot, Write
from destination_ssm.parts import Division
from destination_ssm.reasons import reason_of
from destination_ssm.receipts import NO_ROW, passing_cause, receipt
from destination_ssm.value_forms import holds
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.ssm.errors import Forbidden, PassingError, Rejected, SsmError, UnexpectedStatus
from sage100_ssm.ssm.values import Row, ext_id, is_deleted, same, value_of

NO_BULK = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
"""How a server answers a request that it does not have."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write that was sent.

    Attributes:
        write: what was sent.
        id: the row, as far as it is known.
        error: why it was not confirmed; None if it was.
        division: the whole write, where this is what came of its parts, or of the last one that was sent.
    """

    write: Write
    id: int | None
    error: SsmError | None
    division: Division | None = None

    @property
    def is_in_doubt(self) -> bool:
        """Whether it may have been carried out without a confirmation."""
        return isinstance(self.error, PassingError) and self.error.sent

    @property
    def is_unfinished(self) -> bool:
        """Whether parts of it were not sent yet."""
        return self.division is not None and bool(self.division.waiting)

    @property
    def was_refused_with_others(self) -> bool:
        """Whether SSM refused the whole bulk request that it was part of."""
        return isinstance(self.error, Rejected) and self.error.status >= HTTPStatus.BAD_REQUEST

    @property
    def can_be_decided_anew(self) -> bool:
        """Whether it may be tried again after a new look: a creation only if it was certainly not carried out."""
        if not isinstance(self.error, PassingError):
            return False
        if self.division:
            return not (self.division.is_creating and self.error.sent)
        return self.write.action is not Action.CREATE or not self.error.sent


def settle(attempt: Attempt, after: Snapshot | None, *, alike: bool = False) -> Receipt:
    """The receipt of a write.

    Args:
        attempt: the write and its answer.
        after: what was read afterwards; None if it could not be.
        alike: whether all that were sent with it got the same refusal: it is then not known to be about this record.
    """
    row = _row_after(attempt, after)
    is_gone = after is not None and (row is None or is_deleted(row))
    if attempt.error is None:
        settled = _confirmed(attempt, row, after)
    elif isinstance(attempt.error, Rejected | Forbidden):
        settled = _rejected(attempt, attempt.error, row, is_gone=is_gone, alike=alike)
    else:
        settled = _unconfirmed(attempt, row, is_gone=is_gone, was_read=after is not None)
    return attempt.division.reported(settled) if attempt.division else settled


def with_parts_seen(attempt: Attempt, after: Snapshot | None) -> Attempt:
    """An attempt that was interrupted between its parts, with what a reading shows of them."""
    division, row = attempt.division, _row_after(attempt, after)
    if division is None or not division.waiting or row is None or is_deleted(row):
        return attempt
    if division.is_creating:
        if not attempt.is_in_doubt:
            return attempt
        division = division.after_acceptance(row["id"])
    return result_of_parts(division.after_look(row), attempt)


def result_of_parts(division: Division, last: Attempt) -> Attempt:
    """What came of a write in parts: of the last one that was sent, as long as others are waiting."""
    if division.waiting:
        return replace(last, division=division)
    # Where nothing was taken at all, the refusal is the first one, of the whole.
    error = None if division.has_written else division.refusal
    return Attempt(division.written, division.id, error, division)


def settle_later(in_doubt: Attempt, now: Snapshot) -> Receipt | None:
    """The receipt of an update or a deletion in doubt that a later look shows as done; None where it does not."""
    row = now.by_id.get(in_doubt.id or 0)
    return _applied(in_doubt, row) if _is_done(in_doubt, row) else None


def changed_or_done(in_doubt: Attempt, row: Row | None) -> Receipt:
    """The receipt where, after a write in doubt, the row has neither what was expected nor what was written."""
    # SSM may have stored what was written in a form of its own, or somebody was faster: the sender looks again.
    detail = "the row has neither what was expected nor what was written"
    request, action = in_doubt.write.request, in_doubt.write.action
    return receipt(request, action, Outcome.UNCERTAIN, in_doubt.id, row, Cause.NOT_CONFIRMED, detail, wrote=True)


def is_unproven(attempt: Attempt, after: Snapshot) -> bool:
    """Whether a reading does not bear out a confirmed creation or update: the row is missing, or is another one."""
    if attempt.error is not None or attempt.write.action is Action.DELETE:
        return False
    row = after.by_id.get(attempt.id or 0)
    return row is None or not _is_of(attempt.write, row)


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
        shown = row is not None and not any(same(value_of(row, f), value_of(was, f)) for f in attempt.write.fields)
        # Without a confirmation, another value than before may be somebody's edit.
        done = shown and (attempt.error is None or _is_done(attempt, row))
    else:
        done = row is not None
    if done and row is not None:
        return receipt(request, action, Outcome.APPLIED, row["id"], row, wrote=True)
    has_no_bulk = isinstance(attempt.error, UnexpectedStatus) and attempt.error.status in NO_BULK and after is not None
    certainly_undone = attempt.error is not None and (not attempt.is_in_doubt or has_no_bulk)
    if isinstance(attempt.error, Rejected) and after is None:
        certainly_undone = False
    if action is Action.UPDATE or certainly_undone:
        return None
    if attempt.error is None:
        return _not_borne_out(attempt, after)
    return receipt(
        request,
        action,
        Outcome.UNCERTAIN,
        attempt.id,
        None,
        Cause.CONNECTION,
        str(attempt.error),
        reason=_reason(attempt),
        wrote=True,
    )


def uncleared_texts(attempt: Attempt, after: Snapshot | None) -> Mapping[str, str]:
    """The texts that a confirmed update should have cleared and did not, each as the empty text."""
    row = _row_after(attempt, after) if attempt.error is None else None
    if row is None:
        return {}
    # One with another text than before was typed just now.
    return {text: "" for text, was in attempt.write.texts.items() if was and row.get(text) == was}


def _row_after(attempt: Attempt, after: Snapshot | None) -> Row | None:
    """The row of a write, as a reading afterwards shows it: what was created is the row with the `extId` sent."""
    if after is None:
        return None
    row = after.by_id.get(attempt.id) if attempt.id is not None else None
    if attempt.write.action is not Action.CREATE or (row is not None and _is_of(attempt.write, row)):
        return row
    return after.live_by_ext_id.get(attempt.write.ext_id or "")


def _is_of(write: Write, row: Row) -> bool:
    """Whether a row may be what a write created: an answer can name a wrong id, which would link a stranger."""
    if write.ext_id is None:
        return True
    return (ext_id(row) or "").strip().casefold() == write.ext_id.strip().casefold()


def _is_done(attempt: Attempt, row: Row | None) -> bool:
    """Whether a row shows that a write was carried out."""
    if row is None:
        return False
    if attempt.write.action is Action.UPDATE:
        return not is_deleted(row) and all(holds(row, f, value) for f, value in attempt.write.fields.items())
    return attempt.write.action is Action.CREATE or is_deleted(row)


def _applied(attempt: Attempt, row: Row | None) -> Receipt:
    identifier = row["id"] if row else attempt.id
    return receipt(attempt.write.request, attempt.write.action, Outcome.APPLIED, identifier, row, wrote=True)


def _not_borne_out(attempt: Attempt, after: Snapshot | None) -> Receipt:
    """The receipt of a write that SSM confirmed and does not show."""
    identifier, cause, detail = attempt.id, Cause.NOT_CONFIRMED, "confirmed, and not shown yet"
    if after is None:
        cause, detail = Cause.CONNECTION, "not read back"
    elif attempt.id in after.by_id:
        identifier, detail = None, "the id in the answer is that of another row"
    request, action = attempt.write.request, attempt.write.action
    return receipt(request, action, Outcome.UNCERTAIN, identifier, None, cause, detail, wrote=True)


def _confirmed(attempt: Attempt, row: Row | None, after: Snapshot | None) -> Receipt:
    request, action = attempt.write.request, attempt.write.action
    if row is None and action is not Action.DELETE:
        return _not_borne_out(attempt, after)
    if action is Action.DELETE and row is not None and not is_deleted(row):
        return receipt(request, action, Outcome.REFUSED, attempt.id, row, Cause.REJECTED, "accepted, yet not deleted")
    return _applied(attempt, row)


def _reason(attempt: Attempt) -> str:
    """Why a write was not confirmed, without values."""
    whole = attempt.division.write if attempt.division else attempt.write
    return reason_of(attempt.error, whole.fields) if attempt.error else ""


def _rejected(attempt: Attempt, error: Rejected | Forbidden, row: Row | None, *, is_gone: bool, alike: bool) -> Receipt:
    detail, reason = error.detail or str(error), _reason(attempt)
    # SSM answers 400 for a row that is gone, even where an earlier try of the same request deleted it.
    request, action = attempt.write.request, attempt.write.action
    if action is Action.DELETE and row is not None and is_deleted(row):
        return receipt(request, action, Outcome.APPLIED, attempt.id, row, wrote=True)
    if is_gone and action is not Action.CREATE:
        return receipt(request, action, Outcome.REFUSED, attempt.id, row, Cause.NOT_FOUND, detail, reason=reason)
    outcome = Outcome.RETRY if alike else Outcome.REFUSED
    return receipt(request, action, outcome, attempt.id, row, Cause.REJECTED, detail, reason=reason)


def _unconfirmed(attempt: Attempt, row: Row | None, *, is_gone: bool, was_read: bool) -> Receipt:
    """The receipt of a write whose answer was lost: the reading shows whether it was carried out."""
    request, action = attempt.write.request, attempt.write.action
    if _is_done(attempt, row):
        return _applied(attempt, row)
    if is_gone and action is Action.UPDATE:
        return receipt(request, action, Outcome.REFUSED, attempt.id, row, Cause.NOT_FOUND, reason=NO_ROW)
    # A creation may still be under way; an update or a deletion that was read as not done can be repeated.
    is_unknown = attempt.is_in_doubt and (action is Action.CREATE or not was_read)
    outcome = Outcome.UNCERTAIN if is_unknown else Outcome.RETRY
    cause, reason = passing_cause(attempt.error), _reason(attempt)
    return receipt(request, action, outcome, attempt.id, row, cause, str(attempt.error), reason=reason)
