"""Writing a batch: one reading before, the writes side by side, one reading after, and again what was not done."""

import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from dataclasses import field as default
from functools import partial

from destination_ssm.decision import (
    CreationRules,
    Snapshot,
    Write,
    decide,
    malformation,
    matching_row,
    with_ext_id_as_text,
)
from destination_ssm.known_fields import KnownFields
from destination_ssm.outcome import (
    NO_BULK,
    Attempt,
    changed_or_done,
    is_unproven,
    result_of_parts,
    settle,
    settle_bulk,
    settle_later,
    uncleared_texts,
    with_parts_seen,
)
from destination_ssm.parts import Division, names_a_field
from destination_ssm.reasons import failure
from destination_ssm.receipts import malformed, not_searchable, not_sent
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.null_columns import NullColumns
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Outcome, Receipt
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import (
    Forbidden,
    LoginRefused,
    MisconfiguredWay,
    PassingError,
    QuotaExhausted,
    Rejected,
    SessionExpired,
    SsmError,
    TooLate,
    UnexpectedStatus,
)
from sage100_ssm.ssm.values import Row, ext_id, is_deleted

_SECONDS_PER_BATCH = 5
"""How long a batch may take to write: so old is, in the ordinary case, what the decisions rest upon (P11)."""
_SECONDS_AT_MOST = 8.0
"""After that a write is not sent any more, but decided anew."""
_REQUESTS_AT_LEAST = 3
"""So many must fit between a look and its write, however low the quota."""
_FEW_PAGES = 3
"""A look-up that reads more pages than that is one in which SSM passes the condition over."""
_LARGEST_BATCH = 50
_THREADS = 16
"""Enough to use up 13 requests per second where an answer takes a second."""
_LARGEST_BULK = 100
"""Half of what SSM takes at once, so that one request stays within those few seconds."""
_SMALLEST_BULK = 8
"""Fewer cost no more requests one by one: a bulk is read before and after, too."""
_SEVERAL, _MANY = 2, 10
"""So many alike say something about the side: errors of the side itself, and refusals in the same words."""


@dataclass(slots=True)
class _Rounds:
    """What became of the requests of a batch so far.

    Attributes:
        tries: how often each was sent, or would have been, by its index.
        doubtful: its last attempt that may have been carried out, by its index.
        divisions: those that are on their way in parts, by their index.
    """

    tries: dict[int, int] = default(default_factory=dict)
    doubtful: dict[int, Attempt] = default(default_factory=dict)
    divisions: dict[int, Division] = default(default_factory=dict)

    def count(self, attempt: Attempt) -> int:
        """Take note of an attempt; the number of those about the same record without any progress."""
        index = attempt.write.request.index
        if attempt.division and attempt.division is not self.divisions.get(index):
            self.tries[index], self.divisions[index] = 0, attempt.division
        self.tries[index] = self.tries.get(index, 0) + 1
        # A 429 should mean that nothing was done; to look whether it was costs nothing.
        if attempt.is_in_doubt or isinstance(attempt.error, QuotaExhausted):
            self.doubtful[index] = attempt
        return self.tries[index]


class SsmWriter:
    """Writes the records of one stream.

    No write goes out on what was read before the last one about that record: what was not carried out, or may not
    have been, is decided anew after a new look (P11), a batch times, with growing waits. What SSM refuses is sent again
    in parts within the same few seconds, until the values at fault are alone (P7).

    Args:
        client: the client, shared with others.
        stream: `contacts` or `accounts`, which is the resource's name too.
        rules: what a new row needs.
        bulk: whether many records are first tried in one request.
        nulls: watches what is cleared; None where the sender knows what it clears.
        sleep: waits for so many seconds.
    """

    id_field = "id"

    def __init__(
        self,
        client: SsmClient,
        stream: str,
        rules: CreationRules,
        *,
        bulk: bool = False,
        nulls: NullColumns | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._stream, self._rules = client, stream, rules
        self._fields = KnownFields(client, stream)
        self._bulk, self._nulls, self._sleep = bulk, nulls, sleep
        per_second = client.requests_per_second
        self._batch = max(1, min(_LARGEST_BATCH, int(per_second * _SECONDS_PER_BATCH)))
        self._fresh = max(_SECONDS_AT_MOST, _REQUESTS_AT_LEAST / per_second)
        self._by_id = False
        self.batch_size = _LARGEST_BULK if bulk else self._batch

    def write(self, requests: Sequence[WriteRequest]) -> Iterator[Receipt]:
        """Carry out the requests; one receipt each.

        Requests about the same row, or the same `extId`, are carried out one after the other, each on a reading
        of what the one before it waiting.

        Raises:
            ConnectorError: SSM cannot be read or written, or refuses the login. All requests have their receipt then.
        """
        requests = [with_ext_id_as_text(request) for request in requests]
        faults = {request.index: malformation(request) for request in requests}
        yield from (malformed(request, faults[request.index]) for request in requests if faults[request.index])
        rounds = _Rounds()
        waiting = yield from self._write_in_bulk([request for request in requests if not faults[request.index]], rounds)
        while waiting:
            batch, seen, rest = yield from self._look_up_batch(waiting, rounds)
            until = time.monotonic() + self._fresh
            now, later = _without_collisions(batch, seen)
            writes = yield from self._decide(now, seen, rounds)
            again, stop = yield from self._carry_out(writes, rounds, until)
            waiting = sorted([*again, *later, *rest], key=lambda request: request.index)
            if stop:
                yield from (_given_up(request, stop, rounds) for request in waiting)
                raise failure(stop) from stop

    def _look_up_batch(
        self, waiting: Sequence[WriteRequest], rounds: _Rounds
    ) -> Generator[Receipt, None, tuple[Sequence[WriteRequest], Snapshot, Sequence[WriteRequest]]]:
        """Look up the first of the requests: return them, how their rows are, and the others.

        One that SSM makes no query of, such as an `extId` with a character that it does not take, is found by asking
        for fewer and fewer; it is refused, and the others go on.

        Raises:
            ConnectorError: SSM cannot be read. All requests have their receipt then.
        """
        size = self._batch
        while waiting:
            batch = waiting[:size]
            try:
                seen = self._look_up(batch)
            except SsmError as error:
                if isinstance(error, Rejected) and len(batch) > 1:
                    size = len(batch) // 2
                elif isinstance(error, Rejected) and self._accepts_queries():
                    yield not_searchable(batch[0], error)
                    waiting, size = waiting[1:], self._batch
                else:
                    yield from (_given_up(request, error, rounds) for request in waiting)
                    raise _error_of_look_up(error) from error
            else:
                if self._by_id or not self._is_old(seen):
                    return batch, seen, waiting[size:]
                # SSM passes the condition over: its rows are asked for by their ids from now on, which takes moments.
                self._by_id = True
        return [], Snapshot.of(()), []

    def _is_old(self, seen: Snapshot) -> bool:
        """Whether rows were read so long before the end of the look-up that they may have been edited since."""
        return seen.pages > _FEW_PAGES and time.monotonic() - seen.asked_at > self._fresh / 2

    def _accepts_queries(self) -> bool:
        """Whether SSM takes the conditions that rows are looked up by, where nothing is the matter with the values."""
        try:
            next(self._client.find(self._stream, ids=(0,), ext_ids=("0",)), None)
        except SsmError:
            return False
        return True

    def _decide(
        self, requests: Sequence[WriteRequest], seen: Snapshot, rounds: _Rounds
    ) -> Generator[Receipt, None, list[Write]]:
        """Decide on requests; yield the receipts of those that come to nothing, return the writes."""
        writes: list[Write] = []
        for request in self._fields.without_unknown(requests, seen.by_id.values()):
            if request.index in rounds.divisions:
                decision = self._decide_on_rest(rounds.divisions[request.index], seen, rounds)
            else:
                doubtful = rounds.doubtful.get(request.index)
                done = settle_later(doubtful, seen) if doubtful else None
                decision = done or decide(request, seen, self._rules)
                if doubtful and not isinstance(decision, Write) and decision.outcome is Outcome.CHANGED:
                    decision = changed_or_done(doubtful, decision.record)
            if isinstance(decision, Write):
                writes.append(decision)
            else:
                yield decision
        if self._nulls:
            self._nulls.look(requests, (field for write in writes for field in write.cleared))
        return writes

    def _decide_on_rest(self, division: Division, seen: Snapshot, rounds: _Rounds) -> Write | Receipt:
        """Decide on what has not been sent yet of a write in parts."""
        row = seen.by_id.get(division.id) if division.id is not None else None
        if row and not is_deleted(row):
            division = rounds.divisions[division.write.request.index] = division.after_look(row)
        if not division.waiting:
            return settle(Attempt(division.written, division.id, None, division), seen)
        decision = decide(division.remaining_request, seen, self._rules)
        return decision if isinstance(decision, Write) else division.reported(decision)

    def _write_in_bulk(
        self, requests: Sequence[WriteRequest], rounds: _Rounds
    ) -> Generator[Receipt, None, list[WriteRequest]]:
        """Try to write many at once; yield the receipts of what is settled, return what is left to be written alone.

        A request that is refused as a whole is halved, again and again, until those at fault are batch.
        """
        if not self._bulk or len(requests) < _SMALLEST_BULK:
            return list(requests)
        try:
            before = self._look_up(requests)
        except SsmError:
            return list(requests)
        until = time.monotonic() + self._fresh
        now, alone = _without_collisions(requests, before)
        writes = yield from self._decide(now, before, rounds)
        attempts: list[Attempt] = []
        for action in (Action.CREATE,) if self._is_old(before) else (Action.UPDATE, Action.CREATE):
            many = [write for write in writes if write.action is action and write.can_be_verified]
            attempts += self._send_bulk(action, many, until) if len(many) >= _SMALLEST_BULK else []
        after = self._read_back(attempts, [attempt for attempt in attempts if attempt.error])
        for attempt in attempts:
            rounds.count(attempt)
        settled = [(attempt, settle_bulk(attempt, before, after)) for attempt in attempts]
        yield from (receipt for _, receipt in settled if receipt)
        tried = {attempt.write.request.index for attempt in attempts}
        alone += [write.request for write in writes if write.request.index not in tried]
        again = [attempt for attempt, receipt in settled if receipt is None]
        alone += [attempt.write.request for attempt in again if not attempt.was_refused_with_others]
        whole = [attempt.write.request for attempt in again if attempt.was_refused_with_others]
        for half in (whole[: len(whole) // 2], whole[len(whole) // 2 :]):
            alone += yield from self._write_in_bulk(half, rounds)
        return sorted(alone, key=lambda request: request.index)

    def _send_bulk(self, action: Action, writes: Sequence[Write], until: float) -> list[Attempt]:
        results: Sequence[int | SsmError]
        try:
            if action is Action.CREATE:
                results = self._client.create_many(self._stream, [write.fields for write in writes], until=until)
            else:
                changes = [(write.id or 0, write.fields) for write in writes]
                results = self._client.update_many(self._stream, changes, until=until)
        except SsmError as error:
            self._bulk = not _refuses_bulk(error)
            results = [error] * len(writes)
        return [
            Attempt(write, result, None) if isinstance(result, int) else Attempt(write, write.id, result)
            for write, result in zip(writes, results, strict=True)
        ]

    def _carry_out(
        self, writes: Sequence[Write], rounds: _Rounds, until: float
    ) -> Generator[Receipt, None, tuple[list[WriteRequest], SsmError | None]]:
        """Send the writes, read them back, yield the receipts of those that are settled.

        Returns:
            The requests that are to be taken up again, and why nothing more can be written, if that is so.
        """
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="ssm-write") as pool:
            begun = [rounds.divisions.get(write.request.index) for write in writes]
            attempts = list(pool.map(partial(self._send_whole_or_rest, until), writes, begun))
            attempts = self._take_apart(attempts, pool, until)
        doubtful = [attempt for attempt in attempts if attempt.is_in_doubt]
        seen = self._read_back(attempts, doubtful)
        if self._clear_texts(attempts, seen):
            seen = self._read_back(attempts, doubtful)
        again: list[WriteRequest] = []
        alike, lost, pause = _are_alike(attempts), 0, 0.0
        for attempt in (with_parts_seen(attempt, seen) for attempt in attempts):
            receipt = settle(attempt, seen, alike=alike)
            count = rounds.count(attempt)
            if _is_worth_another_try(attempt, receipt) and count < self._client.policy.attempts:
                again.append(attempt.division.remaining_request if attempt.division else attempt.write.request)
                if not isinstance(attempt.error, SessionExpired | TooLate):
                    pause = max(pause, self._client.policy.wait_before(count))
            else:
                lost += isinstance(attempt.error, PassingError) and receipt.outcome is not Outcome.APPLIED
                yield receipt
        stop = _why_stopped(attempts, alike=alike, all_lost=lost == len(attempts))
        if again and not stop:
            self._sleep(pause)
        return again, stop

    def _clear_texts(self, attempts: Sequence[Attempt], seen: Snapshot | None) -> bool:
        """Clear by an empty text what SSM passed a null over for; return whether anything was sent."""
        waiting = [(attempt.id, texts) for attempt in attempts if (texts := uncleared_texts(attempt, seen))]
        until = time.monotonic() + self._fresh
        for identifier, texts in waiting:
            with suppress(SsmError):  # what is still there is read back, and reported by whoever asked for it
                self._client.update(self._stream, identifier or 0, texts, until=until)
        return bool(waiting)

    def _take_apart(self, attempts: Sequence[Attempt], pool: ThreadPoolExecutor, until: float) -> list[Attempt]:
        """Send in parts what SSM has just refused for the values in it (P7); the other attempts stay as they are."""
        done = list(attempts)
        divisions: dict[int, Division] = {}
        for number, attempt in enumerate(attempts):
            is_whole = attempt.division is None and attempt.write.action is not Action.DELETE
            if is_whole and isinstance(attempt.error, Rejected):
                divisions[number] = self._division_of(attempt.write, attempt.error)
                done[number] = replace(attempt, division=divisions[number])
        # What has one value alone is in no need of that.
        numbers = [number for number, division in divisions.items() if division.waiting]
        if numbers and _are_alike(done):
            # Probably it is not the values, and SSM refuses everything for now: one of many shows that.
            first, *numbers = numbers
            done[first] = self._send_in_parts(until, divisions[first])
            if isinstance(done[first].error, Rejected):
                return done
        sent = pool.map(partial(self._send_in_parts, until), [divisions[number] for number in numbers])
        for number, attempt in zip(numbers, sent, strict=True):
            done[number] = attempt
        return done

    def _division_of(self, write: Write, refusal: Rejected) -> Division:
        required = self._fields.required if write.action is Action.CREATE else frozenset[str]()
        return Division.of(write, refusal, self._rules, required)

    def _send_in_parts(self, until: float, division: Division) -> Attempt:
        """Send the parts of a write one after the other, as far as they can be sent now."""
        attempt = Attempt(division.write, division.id, division.refusal, division)
        while division.waiting:
            attempt = self._send(division.next_write, until)
            if attempt.error is None:
                division = division.after_acceptance(attempt.id)
            elif isinstance(attempt.error, Rejected):
                division = division.after_refusal(attempt.error)
            else:
                break
        return result_of_parts(division, attempt)

    def _send_whole_or_rest(self, until: float, write: Write, begun: Division | None) -> Attempt:
        return self._send_in_parts(until, begun) if begun else self._send(write, until)

    def _send(self, write: Write, until: float) -> Attempt:
        identifier = write.id
        # Where only a list of all rows finds an `extId`, that look is always old: for a creation it does no harm.
        limit = None if self._by_id and write.action is Action.CREATE else until
        try:
            if identifier is None:
                identifier = self._client.create(self._stream, write.fields, until=limit)
            elif write.action is Action.UPDATE:
                self._send_update(identifier, write, limit)
            else:
                self._client.delete(self._stream, identifier, until=limit)
        except SsmError as error:
            return Attempt(write, identifier, error)
        return Attempt(write, identifier, None)

    def _send_update(self, identifier: int, write: Write, until: float | None) -> None:
        refusal: Rejected | None = None
        for fields in write.variants:
            try:
                self._client.update(self._stream, identifier, fields, until=until)
            except Rejected as error:
                refusal = refusal or error
            else:
                return
        assert refusal is not None, "an update has one way at least"
        raise refusal

    def _look_up(self, requests: Sequence[WriteRequest]) -> Snapshot:
        ids = {request.id for request in requests if request.id is not None}
        matched = [request for request in requests if request.id is None or request.action is Action.CREATE]
        return self._read(ids, {key for request in matched if (key := ext_id(request.identity))})

    def _read_back(self, attempts: Sequence[Attempt], doubtful: Sequence[Attempt]) -> Snapshot | None:
        """Read what was written: by its id, and by its `extId` where that is all that is known of it.

        What SSM confirmed and does not list, or lists as another row, is asked for in the other way, too.
        """
        ids = {attempt.id for attempt in attempts if attempt.id is not None}
        try:
            seen = self._read(ids, {key for attempt in doubtful if (key := attempt.write.ext_id)})
            unproven = [attempt for attempt in attempts if is_unproven(attempt, seen)]
            seen = seen.with_rows(self._rows({a.id for a in unproven if a.id and a.id not in seen.by_id}))
            strayed = {key for a in unproven if is_unproven(a, seen) and (key := a.write.ext_id)}
            return seen.with_rows(self._client.find(self._stream, ext_ids=strayed)) if strayed else seen
        except SsmError:
            return None

    def _read(self, ids: Collection[int], ext_ids: Collection[str]) -> Snapshot:
        if not self._by_id:
            return Snapshot.of_pages(self._client.find_pages(self._stream, ids, ext_ids))
        # The ids last: a list of all rows takes its time.
        seen = Snapshot.of_pages(self._client.find_pages(self._stream, (), ext_ids))
        return seen.with_rows(self._rows(ids))

    def _rows(self, ids: Collection[int]) -> list[Row]:
        """Rows, each asked for by its id."""
        if not ids:
            return []
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="ssm-read") as pool:
            return [row for row in pool.map(lambda number: self._client.get(self._stream, number), ids) if row]


def _given_up(request: WriteRequest, error: SsmError, rounds: _Rounds) -> Receipt:
    """The receipt of a request that cannot be tried any more."""
    doubtful, division = rounds.doubtful.get(request.index), rounds.divisions.get(request.index)
    given_up = settle(doubtful, None) if doubtful else not_sent(request, error)
    return division.reported(given_up) if division else given_up


def _error_of_look_up(error: SsmError) -> ConnectorError:
    """Why nothing more can be written; what SSM refuses it would refuse again."""
    if isinstance(error, Rejected):
        beginning = (
            "Rows are looked up by id and extId before they are written, and Sage Sales Management refuses that:"
        )
        return failure(error, beginning, configuration=True)
    return failure(error)


def _is_worth_another_try(attempt: Attempt, receipt: Receipt) -> bool:
    """Whether a write is to be decided anew: one that was not carried out, or may not have been."""
    was_not_done = attempt.is_unfinished or receipt.outcome in {Outcome.RETRY, Outcome.UNCERTAIN}
    return attempt.can_be_decided_anew and was_not_done


def _refuses_bulk(error: SsmError) -> bool:
    """Whether SSM takes no request with many writes at all."""
    if isinstance(error, UnexpectedStatus):
        return error.status in NO_BULK
    return not isinstance(error, PassingError | Rejected)


def _are_alike(attempts: Sequence[Attempt]) -> bool:
    """Whether all writes got the same refusal, which then says more about the side than about the records."""
    errors = [attempt.error for attempt in attempts]
    if all(isinstance(error, Forbidden) for error in errors):
        return True
    words = {(error.status, error.detail) if isinstance(error, Rejected) else None for error in errors}
    whole = [attempt.division.write if attempt.division else attempt.write for attempt in attempts]
    if any(isinstance(e, Rejected) and names_a_field(e, w.fields) for e, w in zip(errors, whole, strict=True)):
        return False
    return len(errors) >= _MANY and len(words) == 1 and None not in words


def _why_stopped(attempts: Sequence[Attempt], *, alike: bool, all_lost: bool) -> SsmError | None:
    """What keeps the side from being written any further; None where it can be."""
    errors = [attempt.error for attempt in attempts if attempt.error]
    for error in errors:
        if isinstance(error, LoginRefused | MisconfiguredWay):
            return error
    if errors and all_lost and isinstance(errors[-1], SessionExpired):
        return LoginRefused()
    if len(errors) < _SEVERAL:
        return None
    if alike and isinstance(errors[0], Forbidden):
        return errors[0]
    return errors[-1] if all_lost else None


def _without_collisions(
    requests: Sequence[WriteRequest], seen: Snapshot
) -> tuple[list[WriteRequest], list[WriteRequest]]:
    """Part the requests that can go side by side from those that touch what an earlier one touches."""
    now: list[WriteRequest] = []
    later: list[WriteRequest] = []
    taken: set[int | str | None] = set()
    for request in requests:
        row = matching_row(request, seen)
        keys = {request.id, row["id"] if row else None, ext_id(request.identity), ext_id(request.values)} - {None}
        (later if keys & taken else now).append(request)
        taken |= keys
    return now, later
