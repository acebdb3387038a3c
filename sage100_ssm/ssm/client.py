"""The client of the REST API: one login, one quota and one count of requests for all threads of a process."""

import itertools
import threading
import uuid
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
    PassingError,
    QuotaExhausted,
    Rejected,
    SsmError,
    Unreachable,
)
from sage100_ssm.ssm.quota import Quota
from sage100_ssm.ssm.responses import Page, SchemaField
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.ssm.session import Session
from sage100_ssm.ssm.values import Row, ext_id, is_deleted

T = TypeVar("T")

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOGIN_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
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
    """

    def __init__(
        self,
        config: SsmConfig,
        retry_policy: RetryPolicy | None = None,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        self._before_write = before_write
        self._config, self._policy = config, retry_policy or RetryPolicy()
        self._quota = Quota(config.requests_per_second)
        self._session = Session(self._log_in)
        self._requests = 0
        self._counting = threading.Lock()
        self._secrets = [config.public_key.get_secret_value(), config.private_key.get_secret_value()]
        self._session.watch(self._secrets.append)
        self._retry = self._policy.caller()
        self._http = httpx.Client(
            base_url=config.base_url,
            headers={"Accept": "application/json"},
            timeout=httpx.Timeout(self._policy.answer_timeout, connect=self._policy.connect_timeout),
            event_hooks={"request": [self._before_each]},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, logins and repetitions included."""
        return self._requests

    @property
    def requests_per_second(self) -> float:
        """The instance's quota."""
        return self._config.requests_per_second

    def on_token(self, callback: Callable[[str], None]) -> None:
        """Have a function called with every session token, so that logs can mask it."""
        self._session.watch(callback)

    def log_in(self) -> None:
        """Make sure that there is a session.

        Raises:
            LoginRefused: the keys are wrong.
            PassingError: SSM did not answer, or not as it should, at the last attempt either.
        """
        self._repeat(self._session.token, lambda _: True)

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
        before: list[int] = []
        # Sorted by id, newest first: rows created in the meantime move others to a later page, which repeats some and
        # skips none.
        for number in itertools.count():
            page = self._page(resource, condition, number)
            # The end is an empty page: SSM does not reliably fill pages to the size that was asked for. It is asked for
            # twice, since an empty page by mistake would hide all the rest (P10).
            if not page.rows and not 0 < len(before) < (full or 0):
                page = self._page(resource, condition, number)
            if not page.rows:
                return
            ids = [row["id"] for row in page.rows]
            if ids == before:
                raise MalformedAnswer("the same page again and again", sent=True)
            before = ids
            fresh = {row["id"]: row for row in page.rows if row["id"] not in seen}
            seen.update(fresh)
            yield Page(list(fresh.values()), page.date)

    def rows(self, resource: str, condition: str | None = None) -> Iterator[Row]:
        """Read a list to its end, as `pages` does, row by row."""
        for page in self.pages(resource, condition):
            yield from page.rows

    def find(self, resource: str, ids: Collection[int] = (), ext_ids: Collection[str] = ()) -> Iterator[Row]:
        """The rows with these ids, and those with these ``extId``, deleted ones included.

        The reading ends as soon as each id, and a living row for each ``extId``, is found.

        Raises:
            SsmError: the list cannot be read.
        """
        conditions = [*map(where.is_id, ids), *map(where.has_ext_id, ext_ids)]
        missing_ids, missing_ext_ids = set(ids), set(ext_ids)
        found: set[int] = set()
        for condition in where.any_of(conditions):
            for page in self.pages(resource, condition):
                for row in page.rows:
                    # Tested again here: SSM may have ignored the condition.
                    if row["id"] not in found and (row["id"] in ids or ext_id(row) in ext_ids):
                        found.add(row["id"])
                        missing_ids.discard(row["id"])
                        missing_ext_ids -= set() if is_deleted(row) else {ext_id(row)}
                        yield row
                if not missing_ids and not missing_ext_ids:
                    return

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

    def create(self, resource: str, fields: Mapping[str, Any]) -> int:
        """Create a row; return its id. Repeated only where SSM cannot have received the request.

        Raises:
            Rejected: SSM refuses the row.
            PassingError: its `sent` says whether the row may have been created.
            LoginRefused, Forbidden: the login, or a right, is refused.
        """
        return self._call("POST", resource, responses.parse_created_id, repeatable=False, json=dict(fields))

    def update(self, resource: str, identifier: int, fields: Mapping[str, Any]) -> None:
        """Set fields of a row, leaving the others as they are; null clears a field.

        Raises:
            Rejected: SSM refuses the values, or has no such row.
            PassingError: its `sent` says whether the row may have the values now.
            LoginRefused, Forbidden: the login, or a right, is refused.
        """
        self._call("PUT", f"{resource}/{identifier}", responses.check_confirmation, json=dict(fields))

    def delete(self, resource: str, identifier: int) -> None:
        """Mark a row as deleted.

        Raises:
            Rejected: SSM refuses, or has no such row; so too where an earlier try, whose answer was lost, deleted it.
            PassingError: its `sent` says whether the row may be deleted now.
            LoginRefused, Forbidden: the login, or a right, is refused.
        """
        self._call("DELETE", f"{resource}/{identifier}", responses.check_confirmation)

    def create_many(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> list[int | SsmError]:
        """Create rows in one request. Repeated only where SSM cannot have received it.

        Args:
            resource: ``contacts`` or ``accounts``.
            rows: 200 at most.

        Returns:
            For each row its id; a ``Rejected`` where SSM refuses it; a ``MalformedAnswer`` where its result is unknown.

        Raises:
            Rejected: SSM refuses the request as a whole.
            PassingError: its `sent` says whether some of the rows may have been created.
            LoginRefused, Forbidden: the login, or a right, is refused.
        """
        return self._bulk("POST", resource, [{"data": dict(row)} for row in rows], repeatable=False)

    def update_many(self, resource: str, changes: Sequence[tuple[int, Mapping[str, Any]]]) -> list[int | SsmError]:
        """Set fields of rows in one request, as `update` does of one.

        Args:
            resource: ``contacts`` or ``accounts``.
            changes: pairs of a row's id and its fields, 200 at most.

        Returns, Raises:
            As `create_many`.
        """
        return self._bulk("PUT", resource, [{"data": {"id": row, **fields}} for row, fields in changes])

    def _bulk(
        self, method: str, resource: str, operations: Sequence[Mapping[str, Any]], *, repeatable: bool = True
    ) -> list[int | SsmError]:
        guids = [str(uuid.uuid4()) for _ in operations]
        return self._call(
            method,
            f"{resource}/bulk",
            lambda response: responses.parse_bulk_results(response, guids, self._secrets),
            repeatable=repeatable,
            json=[{"guid": guid, **operation} for guid, operation in zip(guids, operations, strict=True)],
            timeout=httpx.Timeout(self._policy.bulk_timeout, connect=self._policy.connect_timeout),
        )

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        """Send one request; return the answer as it is, refusals included. It is not repeated.

        Args:
            method: HTTP method.
            path: path below the base.
            headers: override the usual ones, the session's included.
            content: ``params`` and ``json``, as httpx takes them.

        Raises:
            Unreachable: there was no answer.
            LoginRefused: the keys are wrong.
        """
        token = self._token()
        response = self._send(method, path, headers={"X-Session-Key": token, **(headers or {})}, **content)
        if response.status_code == HTTPStatus.UNAUTHORIZED and "X-Session-Key" not in (headers or {}):
            token = self._token(refused=token)
            response = self._send(method, path, headers={"X-Session-Key": token, **(headers or {})}, **content)
        return response

    def new_session(self) -> str:
        """Log in once more; return the token, which nothing else uses.

        Raises:
            LoginRefused, PassingError: as in `log_in`.
        """
        token = self._repeat(self._log_in, lambda _: True)
        self._secrets.append(token)
        return token

    def _page(self, resource: str, condition: str | None, number: int) -> Page:
        params: dict[str, str | int] = {"page": number}
        if resource not in _UNSORTED:
            params["order"] = "id"
        if condition:
            params["where"] = condition
        size = str(self._config.page_size)
        headers = {"Count": size, "X-FM-Entity-Count": size}
        return self._call("GET", resource, responses.parse_page, params=params, headers=headers)

    def _call(
        self,
        method: str,
        path: str,
        parse: Callable[[httpx.Response], T],
        *,
        repeatable: bool = True,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> T:
        def once() -> T:
            response = self.ask(method, path, headers=headers, **content)
            self._raise_for_status(response, path)
            return parse(response)

        return self._repeat(once, lambda error: repeatable or not error.sent)

    def _repeat(self, once: Callable[[], T], may_repeat: Callable[[PassingError], bool]) -> T:
        return self._retry(lambda error: isinstance(error, PassingError) and may_repeat(error), once)

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
        if response.status_code in _LOGIN_REFUSALS:
            raise LoginRefused
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise Rejected(response.status_code, "there is no API at this address, check it (base_url)")
        self._raise_for_status(response, "login")
        return responses.parse_token(response)

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **content)
        except httpx.DecodingError:
            raise MalformedAnswer("damaged compression", sent=True) from None
        except httpx.TransportError as error:
            raise Unreachable(type(error).__name__, sent=not isinstance(error, _NOT_SENT)) from None

    def _before_each(self, request: httpx.Request) -> None:
        self._quota.wait()
        # After the wait, which may be long.
        if request.method != "GET" and not request.url.path.endswith("/login"):
            self._before_write()
        with self._counting:
            self._requests += 1

    def _raise_for_status(self, response: httpx.Response, path: str) -> None:
        status = response.status_code
        if response.is_success:
            return
        if response.is_redirect:
            raise MalformedAnswer("a redirect, which is not followed", sent=True)
        if status == HTTPStatus.UNAUTHORIZED:
            raise LoginRefused
        raise self._error_of(response, path)

    def _error_of(self, response: httpx.Response, path: str) -> SsmError:
        """The error for a refusal; all threads pause where SSM asks for it."""
        status, codes = response.status_code, responses.error_codes(response)
        detail = responses.error_text(response, self._secrets)
        asked = responses.retry_after(response, datetime.now(UTC))
        # First, whatever the status: a query that SSM does not understand stays so, even where it answers 500.
        if _BAD_QUERY in codes and response.request.method == "GET":
            return Rejected(status, detail)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._pause(self._policy.pause if asked is None else asked)
            return QuotaExhausted(detail, sent=False)
        if status == HTTPStatus.REQUEST_TIMEOUT or response.is_server_error or _NO_DATABASE in codes:
            self._pause(asked or 0)
            return Unreachable(f"HTTP {status} {detail}".strip(), sent=True)
        if status == HTTPStatus.FORBIDDEN:
            return Forbidden(path.partition("/")[0], detail)
        return Rejected(status, detail)

    def _pause(self, seconds: float) -> None:
        self._quota.pause(min(seconds, self._policy.pause_max))
