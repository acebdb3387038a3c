"""The client of the REST API: one login, one quota and one count of requests for all threads of a process."""

import itertools
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Self, TypeVar

import httpx

from sage100_ssm.ssm import responses, where
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import (
    Forbidden,
    LoginRefused,
    MalformedAnswer,
    MisconfiguredWay,
    PassingError,
    QuotaExhausted,
    Rejected,
    SessionExpired,
    SsmError,
    TooLate,
    UnexpectedStatus,
    Unreachable,
)
from sage100_ssm.ssm.quota import Quota
from sage100_ssm.ssm.responses import ASKED_AT, Page, SchemaField
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.ssm.session import Session
from sage100_ssm.ssm.share import share_of
from sage100_ssm.ssm.transport import WHOLE, Way, transport_to, why_failed
from sage100_ssm.ssm.values import Row, ext_id, is_deleted

T = TypeVar("T")

_LOGIN_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_NO_API = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})
_OF_A_RECORD = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
"""The refusals that are known to be about what was sent, and not about the way to SSM or its present state."""
_UNTIL = "until"
"""The extension of a request that says after which moment, by the monotonic clock, it must not be sent any more."""
_LARGEST_BODY = 32 * 2**20
_DEFLATED = zlib.MAX_WBITS | 32
"""For zlib: gzip or deflate, by what the first bytes say."""
_NO_DATABASE, _BAD_QUERY = 900, 901
"""The vendor's codes for: SSM does not reach its own database; it does not understand a condition or an order."""
_UNSORTED = frozenset({"contactTypes", "branches"})
"""Value lists: they have a field named ``order``, which as a parameter would filter by it."""


class SsmClient:
    """A client of one SSM instance. Threads may share it; close it, or use it as a context manager.

    Args:
        config: where the instance is, and the keys.
        retry_policy: how often to try and how long to wait.
        before_write: called immediately before each request that writes, repetitions included; where it raises, the
            request is not sent.

    Attributes:
        policy: the retry policy.
    """

    def __init__(
        self,
        config: SsmConfig,
        retry_policy: RetryPolicy | None = None,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        self._before_write = before_write
        self._config, self.policy = config, retry_policy or RetryPolicy()
        self._way = Way.to(config.base_url)
        self._share = share_of(config)
        self._quota = Quota(config.requests_per_second, share=self._share or (lambda: 1.0))
        self._session = Session(self._log_in)
        self._requests = 0
        self._counting = threading.Lock()
        self._secrets = [config.public_key.get_secret_value(), config.private_key.get_secret_value()]
        self._session.watch(self._secrets.append)
        self._retry = self.policy.caller()
        self._http = httpx.Client(
            base_url=config.base_url,
            headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
            timeout=httpx.Timeout(self.policy.answer_timeout, connect=self.policy.connect_timeout),
            event_hooks={"request": [self._before_each]},
            transport=transport_to(self._way, config.ca_certificates),
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        if self._share:
            self._share.close()

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, logins and repetitions included."""
        return self._requests

    @property
    def requests_per_second(self) -> float:
        """The instance's quota."""
        return self._config.requests_per_second

    @property
    def refusals(self) -> int:
        """How many requests SSM refused because there were too many (HTTP 429)."""
        return self._quota.refusals

    @property
    def reduced_rate(self) -> float:
        """The requests per second that SSM took after it had refused some; the quota where it refused none."""
        return self._quota.reduced_rate

    def on_token(self, callback: Callable[[str], None]) -> None:
        """Have a function called with every session token, so that logs can mask it."""
        self._session.watch(callback)

    def log_in(self) -> None:
        """Make sure that there is a session.

        Raises:
            LoginRefused: the keys are wrong.
            PassingError: SSM did not answer, or not as it should, at the last attempt either.
        """
        self._repeat(self._session.token)

    def pages(self, resource: str, condition: str | None = None, *, full: int | None = None) -> Iterator[Page]:
        """Read a list to its end, deleted rows included, each row once.

        Args:
            resource: ``contacts``, ``accounts``, ``users``…
            condition: a ``where``; SSM may ignore it.
            full: the largest number of rows that a page of this list was seen to have: after a page with fewer, which
                must be the last, an empty page is believed at once.

        Raises:
            SsmError: the list cannot be read to its end. It is never taken to be shorter than it is.
        """
        seen: set[int] = set()
        marks: set[int] = set()
        size = 0
        until = time.monotonic() + self.policy.reading_timeout
        # Sorted by id, newest first: rows created in the meantime move others to a later page, which repeats some and
        # skips none.
        for number in itertools.count():
            page = self._page(resource, condition, number)
            # The end is an empty page: SSM does not reliably fill pages to the size that was asked for. It is asked for
            # twice, since an empty page by mistake would hide all the rest (P10).
            if not (page.rows or page.unreadable) and not 0 < size < (full or 0):
                page = self._page(resource, condition, number)
            if not (page.rows or page.unreadable):
                if marks and not seen and condition is None:
                    raise MalformedAnswer("no row with an integer id", sent=True)
                return
            size = len(page.rows) + len(page.unreadable)
            fresh = {row["id"]: row for row in page.rows if row["id"] not in seen}
            unreadable = [row for row in page.unreadable if row.mark not in marks]
            # Without this, a server that returns the same pages over and over would be read for ever.
            if not (fresh or unreadable):
                raise MalformedAnswer("a page that repeats others", sent=True)
            if time.monotonic() > until:
                raise Unreachable("too long", sent=True, code="api_too_long", details={"why": resource})
            seen.update(fresh)
            marks.update(row.mark for row in unreadable)
            yield Page(list(fresh.values()), page.date, unreadable, page.asked_at)

    def rows(self, resource: str, condition: str | None = None) -> Iterator[Row]:
        """Read a list to its end, as `pages` does, row by row."""
        for page in self.pages(resource, condition):
            yield from page.rows

    def find(self, resource: str, ids: Collection[int] = (), ext_ids: Collection[str] = ()) -> Iterator[Row]:
        """The rows with these ids, and those with these ``extId``, deleted ones included.

        Raises:
            SsmError: the list cannot be read.
        """
        for page in self.find_pages(resource, ids, ext_ids):
            yield from page.rows

    def find_pages(self, resource: str, ids: Collection[int] = (), ext_ids: Collection[str] = ()) -> Iterator[Page]:
        """What `find` finds, page by page.

        The reading ends as soon as each id, and a living row for each ``extId``, is found.

        Raises:
            SsmError: the list cannot be read.
        """
        conditions = [*map(where.is_id, ids), *map(where.has_ext_id, ext_ids)]
        missing_ids, missing_ext_ids = set(ids), set(ext_ids)
        found: set[int] = set()
        for condition in where.any_of(conditions):
            for page in self.pages(resource, condition):
                # Tested again here: SSM may have ignored the condition.
                rows = [r for r in page.rows if r["id"] not in found and (r["id"] in ids or ext_id(r) in ext_ids)]
                unreadable = [r for r in page.unreadable if r.id in ids or r.ext_id in ext_ids]
                found.update(row["id"] for row in rows)
                missing_ids -= found
                missing_ext_ids -= {ext_id(row) for row in rows if not is_deleted(row)}
                yield Page(rows, page.date, unreadable, page.asked_at)
                if not missing_ids and not missing_ext_ids:
                    return

    def get(self, resource: str, identifier: int) -> Row | None:
        """One row as it is now; None where SSM has none of this id, or refuses to show it.

        Raises:
            SsmError: SSM does not answer, or not as it should.
        """
        try:
            return self._call("GET", f"{resource}/{identifier}", lambda answer: responses.parse_row(answer, identifier))
        except Rejected:
            return None

    def field_names(self, resource: str) -> frozenset[str]:
        """The names of a resource's fields in this instance, its own ``Z_`` fields included.

        Raises:
            SsmError: the instance does not describe them.
        """
        return frozenset(self.schema(resource))

    def schema(self, resource: str) -> Mapping[str, SchemaField]:
        """A resource's fields in this instance, by name.

        Raises:
            SsmError: the instance does not describe them.
        """
        return self._call("GET", f"{resource}/schema", responses.parse_schema)

    # Each write is sent once: what was not carried out is for whoever has looked again at what it rests upon (P11).

    def create(self, resource: str, fields: Mapping[str, Any], *, until: float | None = None) -> int:
        """Create a row and return its id.

        Args:
            resource: ``contacts`` or ``accounts``.
            fields: its fields.
            until: the moment, by the monotonic clock, after which the row is not to be created any more.

        Raises:
            Rejected: SSM refuses the row.
            PassingError: its `sent` says whether the row may have been created; `TooLate` that `until` has passed.
            LoginRefused, Forbidden, MisconfiguredWay: as described there.
        """
        return self._write("POST", resource, responses.parse_created_id, until=until, json=dict(fields))

    def update(self, resource: str, identifier: int, fields: Mapping[str, Any], *, until: float | None = None) -> None:
        """Set fields of a row, leaving the others as they are; null clears.

        Raises:
            Rejected: SSM refuses the values, or has no such row.
            PassingError: the row may hold the values, if its `sent` says so; else as `create`.
            LoginRefused, Forbidden, MisconfiguredWay: as described there.
        """
        self._write("PUT", f"{resource}/{identifier}", responses.check_confirmation, until=until, json=dict(fields))

    def delete(self, resource: str, identifier: int, *, until: float | None = None) -> None:
        """Mark a row as deleted.

        Raises:
            Rejected: SSM refuses, or has no such row: also where an earlier try, unanswered, has deleted it.
            PassingError: the row may be deleted, if its `sent` says so; else as `create`.
            LoginRefused, Forbidden, MisconfiguredWay: as described there.
        """
        self._write("DELETE", f"{resource}/{identifier}", responses.check_confirmation, until=until)

    def create_many(
        self, resource: str, rows: Sequence[Mapping[str, Any]], *, until: float | None = None
    ) -> list[int | SsmError]:
        """Create rows in one request.

        Args:
            resource: ``contacts`` or ``accounts``.
            rows: 200 at most.
            until: as in `create`.

        Returns:
            For each row its id; ``Rejected`` where SSM refuses it; a ``MalformedAnswer`` where it does not say.

        Raises:
            Rejected: SSM refuses the request as a whole.
            PassingError: its `sent` says whether some of the rows may have been created.
            LoginRefused, Forbidden, MisconfiguredWay: as described there.
        """
        return self._bulk("POST", resource, [{"data": dict(row)} for row in rows], until)

    def update_many(
        self, resource: str, changes: Sequence[tuple[int, Mapping[str, Any]]], *, until: float | None = None
    ) -> list[int | SsmError]:
        """Set fields of rows in one request, as `update` does of one.

        Args:
            resource: ``contacts`` or ``accounts``.
            changes: pairs of a row's id and its fields, 200 at most.
            until: as in `create`.

        Returns, Raises:
            As `create_many`.
        """
        return self._bulk("PUT", resource, [{"data": {"id": row, **fields}} for row, fields in changes], until)

    def _bulk(
        self, method: str, resource: str, operations: Sequence[Mapping[str, Any]], until: float | None
    ) -> list[int | SsmError]:
        guids = [str(uuid.uuid4()) for _ in operations]
        return self._write(
            method,
            f"{resource}/bulk",
            lambda response: responses.parse_bulk_results(response, guids, self._secrets),
            until=until,
            json=[{"guid": guid, **operation} for guid, operation in zip(guids, operations, strict=True)],
            timeout=httpx.Timeout(self.policy.bulk_timeout, connect=self.policy.connect_timeout),
            extensions={WHOLE: self.policy.whole_timeout + self.policy.bulk_timeout},
        )

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        """Send one request; return the answer as it is, refusals included.

        A request that only reads is sent once more, with a new session, where the session is refused.

        Args:
            method: HTTP method.
            path: path below the base.
            headers: override the usual ones, the session's included.
            content: ``params`` and ``json``, as httpx takes them.

        Raises:
            Unreachable: there was no answer.
            LoginRefused, MisconfiguredWay: as described there.
        """
        token = self._token()
        # A token lives an hour to a day: after a 401 one new login, by one of the threads.
        response = self._send(method, path, headers={"X-Session-Key": token, **(headers or {})}, **content)
        refused = response.status_code == HTTPStatus.UNAUTHORIZED and "X-Session-Key" not in (headers or {})
        if refused and method != "GET":
            self._session.forget(token)
        elif refused:
            token = self._token(refused=token)
            response = self._send(method, path, headers={"X-Session-Key": token, **(headers or {})}, **content)
        return response

    def new_session(self) -> str:
        """Log in once more; return the token, which nothing else uses.

        Raises:
            LoginRefused, PassingError: as in `log_in`.
        """
        token = self._repeat(self._log_in)
        self._secrets.append(token)
        return token

    def _page(self, resource: str, condition: str | None, number: int) -> Page:
        params: dict[str, str | int] = {"page": number}
        if resource not in _UNSORTED:
            params["order"] = "id"
        if condition:
            params["where"] = condition
        # Both headers: the vendor's pages name one or the other (docs/facts/ssm-api.md, "Lists").
        size = str(self._config.page_size)
        headers = {"Count": size, "X-FM-Entity-Count": size}
        return self._call("GET", resource, responses.parse_page, params=params, headers=headers)

    def _call(
        self,
        method: str,
        path: str,
        parse: Callable[[httpx.Response], T],
        *,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> T:
        """Send what only reads, again and again if need be, and read the answer."""

        def once() -> T:
            response = self.ask(method, path, headers=headers, **content)
            self._raise_for_status(response, path)
            return parse(response)

        return self._repeat(once)

    def _write(
        self, method: str, path: str, parse: Callable[[httpx.Response], T], *, until: float | None, **content: Any
    ) -> T:
        """Send a write, once, and read the answer."""
        extensions = {**content.pop("extensions", {}), _UNTIL: until}
        response = self.ask(method, path, extensions=extensions, **content)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise SessionExpired
        self._raise_for_status(response, path)
        return parse(response)

    def _repeat(self, once: Callable[[], T]) -> T:
        return self._retry(PassingError, once)

    def _token(self, refused: str | None = None) -> str:
        try:
            return self._session.token(refused)
        except PassingError as error:
            error.sent = False  # the request that needs the session has not been sent
            raise

    def _log_in(self) -> str:
        keys = {
            "username": self._config.public_key.get_secret_value(),
            "password": self._config.private_key.get_secret_value(),
        }
        response = self._send("POST", "login", json=keys)
        # A 400 to a login is taken for wrong keys: nothing else in the request can be wrong.
        status, gateway = response.status_code, responses.is_of_a_gateway(response)
        if status == HTTPStatus.UNAUTHORIZED or (status in _LOGIN_REFUSALS and not gateway):
            raise LoginRefused
        if status in _NO_API:
            why = f"HTTP {status}"
            raise MisconfiguredWay("api_missing", {**self._way.details, "why": why})
        self._raise_for_status(response, "login")
        return responses.parse_token(response)

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request and read the answer, of which neither size nor duration is left to the server.

        Raises:
            SsmError: there was no answer, or one of no use.
        """
        extensions = {WHOLE: self.policy.whole_timeout, **content.pop("extensions", {})}
        try:
            with self._http.stream(method, path, extensions=extensions, **content) as response:
                body = _decoded(response)
        except httpx.TransportError as error:
            raise why_failed(error, self._way) from None
        kept = [(name, value) for name, value in response.headers.multi_items() if name != "content-encoding"]
        return httpx.Response(response.status_code, headers=kept, content=body, request=response.request)

    def _before_each(self, request: httpx.Request) -> None:
        self._quota.wait()
        # After the wait, which may be long.
        if request.method != "GET" and not request.url.path.endswith("/login"):
            self._before_write()
        request.extensions[ASKED_AT] = now = time.monotonic()
        if (until := request.extensions.get(_UNTIL)) is not None and now > until:
            raise TooLate
        with self._counting:
            self._requests += 1

    def _raise_for_status(self, response: httpx.Response, path: str) -> None:
        if response.is_success:
            return
        if response.is_redirect:
            # Not followed: it would send the session's token, or a write, to an address of somebody else's choice.
            raise MalformedAnswer("a redirect, which is not followed", sent=True)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise LoginRefused
        if response.status_code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise MisconfiguredWay("proxy_password", self._way.details)
        raise self._error_of(response, path)

    def _error_of(self, response: httpx.Response, path: str) -> SsmError:
        """The error for a refusal; all threads pause where SSM asks for it."""
        status, codes = response.status_code, responses.error_codes(response)
        detail = responses.error_text(response, self._secrets)
        asked = responses.retry_after(response, datetime.now(UTC))
        # First, whatever the status: a query that SSM does not understand stays so, even where it answers 500.
        if _BAD_QUERY in codes and response.request.method == "GET":
            return Rejected(status, detail, codes=codes)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._quota.refuse(response.request.extensions[ASKED_AT])
            self._pause(self.policy.pause if asked is None else asked)
            return QuotaExhausted(detail, sent=False)
        if status == HTTPStatus.REQUEST_TIMEOUT or response.is_server_error or _NO_DATABASE in codes:
            self._pause(asked or 0)
            return Unreachable(f"HTTP {status} {detail}".strip(), sent=True)
        # In doubt it is the side that refuses for now, not the record.
        if responses.is_of_a_gateway(response):
            return UnexpectedStatus(status, detail)
        if status == HTTPStatus.FORBIDDEN:
            return Forbidden(path.partition("/")[0], detail)
        words = responses.error_words(response)
        return Rejected(status, detail, words, codes) if status in _OF_A_RECORD else UnexpectedStatus(status, detail)

    def _pause(self, seconds: float) -> None:
        self._quota.pause(min(seconds, self.policy.pause_max))


def _decoded(response: httpx.Response) -> bytes:
    """The body of an answer, decompressed, up to a size that no answer of the API has.

    Raises:
        MalformedAnswer: it is larger, or not compressed as it says.
    """
    compression = response.headers.get("Content-Encoding", "identity").strip().lower()
    if compression not in {"identity", "", "gzip", "x-gzip", "deflate"}:
        raise MalformedAnswer(f"a compression that was not asked for ({compression[:20]})", sent=True)
    unpack = zlib.decompressobj(_DEFLATED) if compression not in {"identity", ""} else None
    body = bytearray()
    for chunk in response.iter_raw():
        # A few bytes may become gigabytes: never more is unpacked than may be kept.
        room = _LARGEST_BODY + 1 - len(body)
        try:
            body += chunk if unpack is None else unpack.decompress(chunk, room)
        except zlib.error:
            raise MalformedAnswer("damaged compression", sent=True) from None
        if len(body) > _LARGEST_BODY:
            raise MalformedAnswer(f"an answer of more than {_LARGEST_BODY >> 20} MB", sent=True)
    if unpack is not None and body and not unpack.eof:
        raise MalformedAnswer("damaged compression", sent=True)
    return bytes(body)
