"""Writing a batch: one reading before, the writes side by side, one reading after."""

from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus

from destination_ssm.decision import (
    Attempt,
    Demands,
    Seen,
    Write,
    decide,
    fault,
    malformed,
    not_tried,
    passed_over,
    settle,
    settle_among,
    target,
    unsearchable,
)
from destination_ssm.known_fields import Fields
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Receipt
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import LoginRefused, PassingError, Rejected, SsmError
from sage100_ssm.ssm.values import ext_id

_SECONDS_OF_WRITING = 5
"""How long a batch may take to write: so old is, at most, what the decisions rest upon (P11)."""
_LARGEST_BATCH = 50
_THREADS = 16
"""Enough to use up 13 requests per second where an answer takes a second."""
_LARGEST_BULK = 100
"""Half of what SSM takes at once, so that one request stays within those few seconds."""
_SMALLEST_BULK = 8
"""Fewer cost no more requests one by one: a bulk is read before and after, too."""


class SsmWriter:
    """Writes the records of one stream.

    Args:
        client: the client, shared with others.
        stream: `contacts` or `accounts`, which is the resource's name too.
        demands: what a new row needs.
        bulk: whether many records are tried in one request first.
    """

    id_field = "id"

    def __init__(self, client: SsmClient, stream: str, demands: Demands, *, bulk: bool = False) -> None:
        self._client, self._stream, self._demands = client, stream, demands
        self._fields = Fields(client, stream)
        self._bulk = bulk
        self._few = max(1, min(_LARGEST_BATCH, int(client.requests_per_second * _SECONDS_OF_WRITING)))
        self.batch_size = _LARGEST_BULK if bulk else self._few

    def write(self, requests: Sequence[WriteRequest]) -> Iterator[Receipt]:
        """Carry out the requests; one receipt each.

        Requests about the same row, or the same `extId`, are carried out one after the other, each on a reading
        of what the one before it left.

        Raises:
            ConnectorError: SSM cannot be read, or refuses the login. All requests have their receipt then.
        """
        faults = {request.index: fault(request) for request in requests}
        yield from (malformed(request, faults[request.index]) for request in requests if faults[request.index])
        left = yield from self._in_bulk([request for request in requests if not faults[request.index]])
        while left:
            few, seen, rest = yield from self._looked_up(left)
            now, later = _apart(few, seen)
            left = [*later, *rest]
            refused = yield from self._carry_out((yield from self._decided(now, seen)))
            if refused:
                yield from (not_tried(request, refused) for request in left)
                raise ConnectorError.of(refused) from refused

    def _looked_up(
        self, left: Sequence[WriteRequest]
    ) -> Generator[Receipt, None, tuple[Sequence[WriteRequest], Seen, Sequence[WriteRequest]]]:
        """Look up the first of the requests: return them, how their rows stand, and the others.

        One that SSM makes no query of, such as an `extId` with a character that it does not take, is found by asking
        for fewer and fewer; it is refused, and the others go on.

        Raises:
            ConnectorError: SSM cannot be read. All requests have their receipt then.
        """
        size = self._few
        while left:
            few = left[:size]
            try:
                return few, self._look_up(few), left[size:]
            except SsmError as error:
                if isinstance(error, Rejected) and len(few) > 1:
                    size = len(few) // 2
                elif isinstance(error, Rejected) and self._can_be_searched():
                    yield unsearchable(few[0], error)
                    left, size = left[1:], self._few
                else:
                    yield from (not_tried(request, error) for request in left)
                    raise _stopped(error) from error
        return [], Seen.of(()), []

    def _can_be_searched(self) -> bool:
        """Whether SSM takes the conditions that rows are looked up by, where nothing is the matter with the values."""
        try:
            next(self._client.find(self._stream, ids=(0,), ext_ids=("0",)), None)
        except SsmError:
            return False
        return True

    def _decided(self, requests: Sequence[WriteRequest], seen: Seen) -> Generator[Receipt, None, list[Write]]:
        """Decide on requests; give the receipts of those that come to nothing, return the writes."""
        narrowed = self._fields.narrowed(requests, seen.by_id.values())
        decisions = [decide(request, seen, self._demands) for request in narrowed]
        yield from (decision for decision in decisions if isinstance(decision, Receipt))
        return [decision for decision in decisions if isinstance(decision, Write)]

    def _in_bulk(self, requests: Sequence[WriteRequest]) -> Generator[Receipt, None, list[WriteRequest]]:
        """Try to write many at once; give the receipts of what is settled, return what is left to be written alone.

        A request that is refused as a whole is halved, again and again, until those at fault are few.
        """
        if not self._bulk or len(requests) < _SMALLEST_BULK:
            return list(requests)
        try:
            before = self._look_up(requests)
        except SsmError:
            return list(requests)
        now, alone = _apart(requests, before)
        writes = yield from self._decided(now, before)
        attempts: list[Attempt] = []
        for action in (Action.UPDATE, Action.CREATE):
            many = [write for write in writes if write.action is action and write.can_be_found]
            attempts += self._attempt_many(action, many) if len(many) >= _SMALLEST_BULK else []
        after = self._read_back(attempts, [attempt for attempt in attempts if attempt.error])
        settled = [(attempt, settle_among(attempt, before, after)) for attempt in attempts]
        yield from (receipt for _, receipt in settled if receipt)
        tried = {attempt.write.request.index for attempt in attempts}
        alone += [write.request for write in writes if write.request.index not in tried]
        again = [attempt for attempt, receipt in settled if receipt is None]
        alone += [attempt.write.request for attempt in again if not attempt.refused_with_others]
        whole = [attempt.write.request for attempt in again if attempt.refused_with_others]
        for half in (whole[: len(whole) // 2], whole[len(whole) // 2 :]):
            alone += yield from self._in_bulk(half)
        return sorted(alone, key=lambda request: request.index)

    def _attempt_many(self, action: Action, writes: Sequence[Write]) -> list[Attempt]:
        results: Sequence[int | SsmError]
        try:
            if action is Action.CREATE:
                results = self._client.create_many(self._stream, [write.fields for write in writes])
            else:
                results = self._client.update_many(self._stream, [(write.id or 0, write.fields) for write in writes])
        except SsmError as error:
            self._bulk = not _is_for_good(error)
            results = [error] * len(writes)
        return [
            Attempt(write, result, None) if isinstance(result, int) else Attempt(write, write.id, result)
            for write, result in zip(writes, results, strict=True)
        ]

    def _carry_out(self, writes: Sequence[Write]) -> Generator[Receipt, None, LoginRefused | None]:
        """Send the writes, read them back, give the receipts; return the refusal of the login, if there was one."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="ssm-write") as pool:
            attempts = list(pool.map(self._attempt, writes))
        doubtful = [attempt for attempt in attempts if attempt.in_doubt]
        seen = self._read_back(attempts, doubtful)
        if self._insist(attempts, seen):
            seen = self._read_back(attempts, doubtful)
        yield from (settle(attempt, seen) for attempt in attempts)
        return next((attempt.error for attempt in attempts if isinstance(attempt.error, LoginRefused)), None)

    def _insist(self, attempts: Sequence[Attempt], seen: Seen | None) -> bool:
        """Clear by an empty text what SSM passed a null over for; tell whether anything was sent."""
        left = [(attempt.id, texts) for attempt in attempts if (texts := passed_over(attempt, seen))]
        for identifier, texts in left:
            with suppress(Rejected, PassingError):  # what still stands is read back, and told by whoever asked for it
                self._client.update(self._stream, identifier or 0, texts)
        return bool(left)

    def _attempt(self, write: Write) -> Attempt:
        identifier = write.id
        try:
            if identifier is None:
                identifier = self._client.create(self._stream, write.fields)
            elif write.action is Action.UPDATE:
                self._update(identifier, write)
            else:
                self._client.delete(self._stream, identifier)
        except SsmError as error:
            return Attempt(write, identifier, error)
        return Attempt(write, identifier, None)

    def _update(self, identifier: int, write: Write) -> None:
        refusal: Rejected | None = None
        for fields in write.ways:
            try:
                self._client.update(self._stream, identifier, fields)
            except Rejected as error:
                refusal = refusal or error
            else:
                return
        assert refusal is not None, "an update has one way at least"
        raise refusal

    def _look_up(self, requests: Sequence[WriteRequest]) -> Seen:
        ids = {request.id for request in requests if request.id is not None}
        matched = [request for request in requests if request.id is None or request.action is Action.CREATE]
        return self._read(ids, {bears for request in matched if (bears := ext_id(request.identity))})

    def _read_back(self, attempts: Sequence[Attempt], doubtful: Sequence[Attempt]) -> Seen | None:
        """Read what was written: by its id, and by its `extId` where that is all that is known of it."""
        ids = {attempt.id for attempt in attempts if attempt.id is not None}
        try:
            return self._read(ids, {bears for attempt in doubtful if (bears := attempt.write.ext_id)})
        except SsmError:
            return None

    def _read(self, ids: Collection[int], ext_ids: Collection[str]) -> Seen:
        return Seen.of(self._client.find(self._stream, ids, ext_ids))


def _stopped(error: SsmError) -> ConnectorError:
    """Say why nothing more can be written; what SSM refuses it would refuse again."""
    if isinstance(error, Rejected):
        sentence = f"Rows are looked up by id and extId before they are written, and that is refused. {error}"
        return ConnectorError(error.code, sentence, configuration=True)
    return ConnectorError.of(error)


def _is_for_good(error: SsmError) -> bool:
    """Whether SSM takes no request with many writes at all."""
    if isinstance(error, Rejected):
        return error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
    return not isinstance(error, PassingError)


def _apart(requests: Sequence[WriteRequest], seen: Seen) -> tuple[list[WriteRequest], list[WriteRequest]]:
    """Part the requests that can go side by side from those that touch what an earlier one touches."""
    now: list[WriteRequest] = []
    later: list[WriteRequest] = []
    taken: set[int | str | None] = set()
    for request in requests:
        row = target(request, seen)
        names = {request.id, row["id"] if row else None, ext_id(request.identity), ext_id(request.values)} - {None}
        (later if names & taken else now).append(request)
        taken |= names
    return now, later
