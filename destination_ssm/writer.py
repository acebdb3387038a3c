"""Writing a batch: one reading before, the writes side by side, one reading after (P11)."""

from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus

from destination_ssm.decision import CreationRules, Snapshot, Write, decide, malformation, matching_row
from destination_ssm.known_fields import KnownFields
from destination_ssm.outcome import Attempt, settle, settle_bulk, uncleared_texts
from destination_ssm.receipts import malformed, not_searchable, not_sent
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Receipt
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import LoginRefused, PassingError, Rejected, SsmError
from sage100_ssm.ssm.values import ext_id

_SECONDS_PER_BATCH = 5
"""How long a batch may take to write: so old, at most, is the reading on which its decisions are based (P11)."""
_LARGEST_BATCH = 50
_THREADS = 16
"""Enough to use up 13 requests per second where an answer takes a second."""
_LARGEST_BULK = 100
"""Half of what SSM accepts in one request, so that it is done within those few seconds."""
_SMALLEST_BULK = 8
"""Fewer take no more requests one by one: a bulk request is read before and after, too."""


class SsmWriter:
    """Writes the records of one stream.

    Args:
        client: the client, shared with others.
        stream: `contacts` or `accounts`, which is the resource's name too.
        rules: what a new row needs.
        bulk: whether many records are first tried in one request.
    """

    id_field = "id"

    def __init__(self, client: SsmClient, stream: str, rules: CreationRules, *, bulk: bool = False) -> None:
        self._client, self._stream, self._rules = client, stream, rules
        self._fields = KnownFields(client, stream)
        self._bulk = bulk
        self._batch = max(1, min(_LARGEST_BATCH, int(client.requests_per_second * _SECONDS_PER_BATCH)))
        self.batch_size = _LARGEST_BULK if bulk else self._batch

    def write(self, requests: Sequence[WriteRequest]) -> Iterator[Receipt]:
        """Carry out the requests; one receipt each.

        Requests for the same row, or the same `extId`, are carried out one after the other, each based on a reading
        of what the one before it left.

        Raises:
            ConnectorError: SSM cannot be read, or refuses the login. All requests have their receipt then.
        """
        faults = {request.index: malformation(request) for request in requests}
        yield from (malformed(request, faults[request.index]) for request in requests if faults[request.index])
        waiting = yield from self._write_in_bulk([request for request in requests if not faults[request.index]])
        while waiting:
            batch, before, rest = yield from self._look_up_batch(waiting)
            now, later = _without_collisions(batch, before)
            waiting = [*later, *rest]
            writes = yield from self._decide(now, before)
            refused = yield from self._carry_out(writes)
            if refused:
                yield from (not_sent(request, refused) for request in waiting)
                raise ConnectorError.of(refused) from refused

    # --- looking up

    def _look_up_batch(
        self, waiting: Sequence[WriteRequest]
    ) -> Generator[Receipt, None, tuple[Sequence[WriteRequest], Snapshot, Sequence[WriteRequest]]]:
        """Look up the first of the requests: return them, the snapshot of their rows, and the other requests.

        Raises:
            ConnectorError: SSM cannot be read. All requests have their receipt then.
        """
        # A single request that SSM does not understand, such as an `extId` with an odd character, must not stop the
        # others: it is found by looking up fewer and fewer at once, and is refused alone.
        size = self._batch
        while waiting:
            batch = waiting[:size]
            try:
                return batch, self._look_up(batch), waiting[size:]
            except SsmError as error:
                if isinstance(error, Rejected) and len(batch) > 1:
                    size = len(batch) // 2
                elif isinstance(error, Rejected) and self._accepts_queries():
                    yield not_searchable(batch[0], error)
                    waiting, size = waiting[1:], self._batch
                else:
                    yield from (not_sent(request, error) for request in waiting)
                    raise _error_of_look_up(error) from error
        return [], Snapshot.of(()), []

    def _look_up(self, requests: Sequence[WriteRequest]) -> Snapshot:
        ids = {request.id for request in requests if request.id is not None}
        matched = [request for request in requests if request.id is None or request.action is Action.CREATE]
        return self._read(ids, {key for request in matched if (key := ext_id(request.identity))})

    def _accepts_queries(self) -> bool:
        """Whether SSM accepts the conditions by which rows are looked up, with harmless values."""
        try:
            next(self._client.find(self._stream, ids=(0,), ext_ids=("0",)), None)
        except SsmError:
            return False
        return True

    def _read_back(self, attempts: Sequence[Attempt], in_doubt: Sequence[Attempt]) -> Snapshot | None:
        """What was written: by its id, and what may have been created by its `extId`; None if it cannot be read."""
        ids = {attempt.id for attempt in attempts if attempt.id is not None}
        try:
            return self._read(ids, {key for attempt in in_doubt if (key := attempt.write.ext_id)})
        except SsmError:
            return None

    def _read(self, ids: Collection[int], ext_ids: Collection[str]) -> Snapshot:
        return Snapshot.of(self._client.find(self._stream, ids, ext_ids))

    # --- deciding

    def _decide(self, requests: Sequence[WriteRequest], before: Snapshot) -> Generator[Receipt, None, list[Write]]:
        """Return the writes; yield the receipts of the requests that need none."""
        known = self._fields.without_unknown(requests, before.by_id.values())
        decisions = [decide(request, before, self._rules) for request in known]
        yield from (decision for decision in decisions if isinstance(decision, Receipt))
        return [decision for decision in decisions if isinstance(decision, Write)]

    # --- writing one by one

    def _carry_out(self, writes: Sequence[Write]) -> Generator[Receipt, None, LoginRefused | None]:
        """Send the writes, read them back, yield their receipts; return the refusal of the login, if there was one."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="ssm-write") as pool:
            attempts = list(pool.map(self._send, writes))
        in_doubt = [attempt for attempt in attempts if attempt.is_in_doubt]
        after = self._read_back(attempts, in_doubt)
        if self._clear_texts(attempts, after):
            after = self._read_back(attempts, in_doubt)
        yield from (settle(attempt, after) for attempt in attempts)
        return next((attempt.error for attempt in attempts if isinstance(attempt.error, LoginRefused)), None)

    def _send(self, write: Write) -> Attempt:
        identifier = write.id
        try:
            if identifier is None:
                identifier = self._client.create(self._stream, write.fields)
            elif write.action is Action.UPDATE:
                self._send_update(identifier, write)
            else:
                self._client.delete(self._stream, identifier)
        except SsmError as error:
            return Attempt(write, identifier, error)
        return Attempt(write, identifier, None)

    def _send_update(self, identifier: int, write: Write) -> None:
        """Send an update in the first form that SSM accepts.

        Raises:
            SsmError: it failed; where SSM rejects every form, the first refusal, which is about the whole update.
        """
        refusal: Rejected | None = None
        for fields in write.variants:
            try:
                self._client.update(self._stream, identifier, fields)
            except Rejected as error:
                refusal = refusal or error
            else:
                return
        assert refusal is not None, "an update has one form at least"
        raise refusal

    def _clear_texts(self, attempts: Sequence[Attempt], after: Snapshot | None) -> bool:
        """Clear by an empty text what SSM did not clear by null, without an error; whether anything was sent."""
        uncleared = [(attempt.id, texts) for attempt in attempts if (texts := uncleared_texts(attempt, after))]
        for identifier, texts in uncleared:
            with suppress(Rejected, PassingError):  # the receipt shows the row as it reads back
                self._client.update(self._stream, identifier or 0, texts)
        return bool(uncleared)

    # --- writing in bulk

    def _write_in_bulk(self, requests: Sequence[WriteRequest]) -> Generator[Receipt, None, list[WriteRequest]]:
        """Try to write many at once; yield the receipts of what is settled, return what is to be written alone."""
        if not self._bulk or len(requests) < _SMALLEST_BULK:
            return list(requests)
        try:
            before = self._look_up(requests)
        except SsmError:
            return list(requests)
        now, alone = _without_collisions(requests, before)
        writes = yield from self._decide(now, before)
        attempts: list[Attempt] = []
        for action in (Action.UPDATE, Action.CREATE):
            many = [write for write in writes if write.action is action and write.can_be_verified]
            attempts += self._send_bulk(action, many) if len(many) >= _SMALLEST_BULK else []
        after = self._read_back(attempts, [attempt for attempt in attempts if attempt.error])
        settled = [(attempt, settle_bulk(attempt, before, after)) for attempt in attempts]
        yield from (receipt for _, receipt in settled if receipt)
        sent = {attempt.write.request.index for attempt in attempts}
        alone += [write.request for write in writes if write.request.index not in sent]
        unsettled = [attempt for attempt, receipt in settled if receipt is None]
        alone += [attempt.write.request for attempt in unsettled if not attempt.was_refused_with_others]
        # A request that was refused as a whole is halved, again and again, until those at fault are few.
        whole = [attempt.write.request for attempt in unsettled if attempt.was_refused_with_others]
        for half in (whole[: len(whole) // 2], whole[len(whole) // 2 :]):
            alone += yield from self._write_in_bulk(half)
        return sorted(alone, key=lambda request: request.index)

    def _send_bulk(self, action: Action, writes: Sequence[Write]) -> list[Attempt]:
        results: Sequence[int | SsmError]
        try:
            if action is Action.CREATE:
                results = self._client.create_many(self._stream, [write.fields for write in writes])
            else:
                results = self._client.update_many(self._stream, [(write.id or 0, write.fields) for write in writes])
        except SsmError as error:
            self._bulk = not _refuses_bulk(error)
            results = [error] * len(writes)
        return [
            Attempt(write, result, None) if isinstance(result, int) else Attempt(write, write.id, result)
            for write, result in zip(writes, results, strict=True)
        ]


def _error_of_look_up(error: SsmError) -> ConnectorError:
    """Why nothing more can be written."""
    if isinstance(error, Rejected):
        # A matter of configuration: SSM would refuse the same condition again at the next sync.
        sentence = f"Rows are looked up by id and extId before they are written, and that is refused. {error}"
        return ConnectorError(error.code, sentence, configuration=True)
    return ConnectorError.of(error)


def _refuses_bulk(error: SsmError) -> bool:
    """Whether SSM takes no bulk requests at all."""
    if isinstance(error, Rejected):
        return error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
    return not isinstance(error, PassingError)


def _without_collisions(
    requests: Sequence[WriteRequest], before: Snapshot
) -> tuple[list[WriteRequest], list[WriteRequest]]:
    """The requests that can be sent side by side, and those for a row that an earlier request is for."""
    now: list[WriteRequest] = []
    later: list[WriteRequest] = []
    taken: set[int | str | None] = set()
    for request in requests:
        row = matching_row(request, before)
        keys = {request.id, row["id"] if row else None, ext_id(request.identity), ext_id(request.values)} - {None}
        (later if keys & taken else now).append(request)
        taken |= keys
    return now, later
