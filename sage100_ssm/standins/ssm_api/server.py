"""The stand-in for the SSM API v4, on loopback, as docs/facts/ssm-api.md describes the API.

    with SsmApiServer() as api:
        httpx.post(f"{api.base_url}/login", json={"username": api.public_key, "password": api.private_key})

It shares no code with the product's client, so that neither can hide the other's mistakes.
"""

import asyncio
import json
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from functools import partial
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sage100_ssm.standins.ssm_api import where_parser
from sage100_ssm.standins.ssm_api.faults import Faults
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.resources import RESOURCES, WRITABLE, ApiType, Record
from sage100_ssm.standins.ssm_api.store import BadRequestError, Store
from sage100_ssm.standins.ssm_api.table import Query
from sage100_ssm.standins.ssm_api.tenant import API_USER, with_value_lists

BASE_PATH = "/api/v4"

_BULK_LIMITS = {"POST": 200, "PUT": 200, "DELETE": 120}
_TRANSPORT = "ssm_api.transport"
_INTERNAL_DATA_ERROR = 901


@dataclass(frozen=True, slots=True)
class Call:
    """A request in the log: without headers, and without the body of a login.

    Attributes:
        method: HTTP method.
        path: path below the base (``/contacts/287``).
        query: query parameters.
        body: the parsed JSON; None without one.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Any


Hook = Callable[[Call], None]
Handler = Callable[[Request, Any], Response]


class SsmApiServer:
    """An SSM tenant that answers on 127.0.0.1, in a thread of its own, while the context is open.

    Args:
        store: the tenant's rows; by default users, a branch and value lists, but no account and no contact.
        quirks: how the default store behaves; a store that is given has its own.
        public_key: the API key's public half.
        private_key: the API key's private half.
        port: the port to listen on; 0 takes a free one.
        requests_per_second: over this rate it answers 429; None for no limit.
        token_life: seconds after which a session token expires; None for never.

    Attributes:
        store: the tenant's rows, for users of SSM's own application and for tests.
        faults: the faults to inject.
        requests: every request so far, the newest last.
        on_request: called with each request before it is carried out; may do anything, even send requests.
        on_answer: called with each request after it was carried out, before the answer is sent.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        quirks: Quirks | None = None,
        public_key: str = "stand-in-public-key",
        private_key: str = "stand-in-private-key",
        port: int = 0,
        requests_per_second: int | None = None,
        token_life: float | None = None,
    ) -> None:
        self.store = store or with_value_lists(Store(quirks))
        self.public_key, self.private_key = public_key, private_key
        self.faults = Faults()
        self.requests: list[Call] = []
        self.on_request: Hook | None = None
        self.on_answer: Hook | None = None
        self._tokens: dict[str, float] = {}
        self._rate_limit = _RateLimit(requests_per_second)
        self._token_life = token_life
        self._port = port
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self._server = _Server(Starlette(routes=self._routes()), self._port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()

    @property
    def base_url(self) -> str:
        """The address for a client's configuration: ``http://127.0.0.1:<port>/api/v4``."""
        if self._server is None:
            raise RuntimeError("The server is not open")
        return f"http://127.0.0.1:{self._server.port}{BASE_PATH}"

    def reset(self, store: Store | None = None, *, quirks: Quirks | None = None) -> None:
        """Become another tenant on the same port: other rows, and no faults, hooks, log or sessions."""
        self.store = store or with_value_lists(Store(quirks))
        self.on_request = self.on_answer = None
        self.faults.clear()
        self.requests.clear()
        self.expire_tokens()

    def expire_tokens(self) -> None:
        """Invalidate every session token."""
        self._tokens.clear()

    def _routes(self) -> list[BaseRoute]:
        routes = [
            self._route("/login", "POST", self._login),
            self._route("/hooks", "GET", self._with_session(self._hooks, "hooks")),
        ]
        for table in sorted(set(RESOURCES) - {"genders"}):
            routes.append(self._route(f"/{table}", "GET", self._with_session(self._list, table)))
            if table in WRITABLE:
                routes += self._write_routes(table)
            routes.append(self._route(f"/{table}/{{id}}", "GET", self._with_session(self._get, table)))
        return routes

    def _write_routes(self, table: str) -> list[BaseRoute]:
        return [
            self._route(f"/{table}/schema", "GET", self._with_session(self._schema, table)),
            self._route(f"/{table}", "POST", self._with_session(self._create, table)),
            *(
                self._route(f"/{table}/bulk", method, self._with_session(self._bulk, table))
                for method in ("POST", "PUT", "DELETE")
            ),
            self._route(f"/{table}/{{id}}", "PUT", self._with_session(self._update, table)),
            self._route(f"/{table}/{{id}}", "DELETE", self._with_session(self._delete, table)),
        ]

    def _route(self, path: str, method: str, handler: Handler) -> BaseRoute:
        async def endpoint(request: Request) -> Response:
            return await self._serve(request, handler)

        return Route(BASE_PATH + path, endpoint, methods=[method])

    async def _serve(self, request: Request, handler: Handler) -> Response:
        """Log a request, carry it out or let a fault occur, and call the hooks."""
        content = await request.body()
        call = _call_of(request, content)
        self.requests.append(call)
        await _call_hook(self.on_request, call)
        answer = await self._answer(_PendingRequest(self, request, content, handler), call)
        await _call_hook(self.on_answer, call)
        if answer is None:
            _reset_connection(request.scope)
            return Response()
        answer.headers.setdefault("Date", format_datetime(self.store.now(), usegmt=True))
        return answer

    async def _answer(self, request: "_PendingRequest", call: Call) -> Response | None:
        if not self._rate_limit.allows():
            return _error_response(self.store.quirks, 429, "Too many requests", headers={"Retry-After": "1"})
        effect = self.faults.due(call.method, call.path)
        return request.carry_out() if effect is None else await effect.apply(request)

    def _success(self, message: str, **more: Any) -> JSONResponse:
        return JSONResponse({**more, self.store.quirks.message_key: message})

    def _with_session(self, handler: Callable[[str, Request, Any], Response], table: str) -> Handler:
        """The handler, for requests with a valid session token only."""

        def guarded(request: Request, body: Any) -> Response:
            expiry = self._tokens.get(request.headers.get("x-session-key", ""))
            if expiry is None or expiry < time.monotonic():
                return _error_response(self.store.quirks, 401, "Missing, incorrect or expired session")
            return handler(table, request, body)

        return guarded

    def _login(self, _request: Request, body: Any) -> Response:
        if _expect_object(body) != {"username": self.public_key, "password": self.private_key}:
            return _error_response(self.store.quirks, 401, "Incorrect keys")
        if self.store.quirks.one_session:
            self.expire_tokens()
        token = secrets.token_urlsafe(48)
        life = float("inf") if self._token_life is None else self._token_life
        self._tokens[token] = time.monotonic() + life
        return JSONResponse({"token": token})

    def _hooks(self, _table: str, _request: Request, _body: Any) -> Response:
        number = self.store.quirks.hooks
        if number is None:
            raise BadRequestError("The resource does not exist", code=910)
        return JSONResponse([{"id": hook, "action": "insert", "entity": "contact"} for hook in range(1, number + 1)])

    def _list(self, table: str, request: Request, _body: Any) -> Response:
        size = self._page_size(request)
        page = _page_number(request.query_params.get("page", "0"))
        asked = frozenset((name, text) for name, text in request.query_params.items() if name != "page")
        query = Query(asked, tuple(self._predicates(table, request)), self._order(table, request))
        rows = self.store.page(table, query, start=page * size, size=size)
        return JSONResponse([self._shown(table, row, request) for row in rows])

    def _page_size(self, request: Request) -> int:
        quirks = self.store.quirks
        if request.state.ignore_page_size:
            return min(quirks.default_page_size, quirks.max_page_size)
        asked = [request.headers.get(name) for name in quirks.page_size_headers]
        size = next((int(text) for text in asked if text and text.isdecimal() and int(text)), quirks.default_page_size)
        return min(size, quirks.max_page_size)

    def _predicates(self, table: str, request: Request) -> list[where_parser.Predicate]:
        fields, quirks = self.store.fields[table], self.store.quirks
        if not quirks.where_on_deleted_date:
            fields = {name: field for name, field in fields.items() if name != "dateDeleted"}
        query = request.query_params
        try:
            asked = [
                where_parser.equals(name, text, fields, ignore_case=quirks.where_ignores_case)
                for name, text in query.items()
                if name in fields and name not in {"order", "page", "where"}
            ]
            text = "" if quirks.where_ignored else query.get("where", "")
            if not text:
                return asked
            dates = where_parser.Dates(quirks.where_inclusive, quirks.where_dates_ahead, quirks.where_on_dates_ignored)
            ignore_case, id_ranges = quirks.where_ignores_case, quirks.where_on_id_ranges
            return [
                *asked,
                where_parser.parse(text, fields, ignore_case=ignore_case, dates=dates, id_ranges=id_ranges),
            ]
        except where_parser.BadWhereError as error:
            raise BadRequestError(f"SQL not generated correctly: {error}", code=_INTERNAL_DATA_ERROR) from error

    def _order(self, table: str, request: Request) -> str | None:
        name = request.query_params.get("order", "").removesuffix(" DESC")
        if not name:
            return None
        field = self.store.fields[table].get(name)
        if field is None or field.type is ApiType.RAW:
            raise BadRequestError("SQL not generated correctly: order", code=_INTERNAL_DATA_ERROR)
        return name

    def _shown(self, table: str, row: Record, request: Request) -> Record:
        return self.store.shown(
            table,
            row,
            language=request.query_params.get("lang"),
            bare_extras=request.headers.get("extrafielddescription") == "0",
        )

    def _get(self, table: str, request: Request, _body: Any) -> Response:
        row = self.store.row(table, _path_id(request))
        hidden = not (self.store.quirks.new_rows_readable_at_once or self.store.is_listed(row))
        if hidden or (row["deleted"] and not self.store.quirks.deleted_row_readable):
            raise BadRequestError("The resource does not exist", code=910)
        return JSONResponse(self._shown(table, row, request))

    def _schema(self, table: str, _request: Request, _body: Any) -> Response:
        if not self.store.quirks.schema_readable:
            raise BadRequestError("The resource does not exist", code=910)
        return JSONResponse(self.store.schema(table))

    def _create(self, table: str, _request: Request, body: Any) -> Response:
        new_id = self.store.create(table, _expect_object(body), user=API_USER)
        return self._success("entity created", id=new_id)

    def _update(self, table: str, request: Request, body: Any) -> Response:
        self._put(table, _path_id(request), _expect_object(body))
        return self._success("entity updated")

    def _delete(self, table: str, request: Request, _body: Any) -> Response:
        self.store.delete(table, _path_id(request), user=API_USER)
        return self._success("entity deleted")

    def _put(self, table: str, row_id: int, values: Record) -> None:
        """Update a row by the tenant's own way to clear a field, or to restore a deleted row."""
        quirks = self.store.quirks
        if quirks.null_refused and None in values.values():
            raise BadRequestError("Null is no value")
        if not quirks.empty_text_clears and "" in values.values():
            raise BadRequestError("An empty text is no value")
        if not quirks.null_clears:
            values = {name: value for name, value in values.items() if value is not None}
        self.store.update(table, row_id, values, user=API_USER)
        if quirks.put_undeletes and values.get("deleted") is False:
            self.store.undelete(table, row_id)

    def _bulk(self, table: str, request: Request, body: Any) -> Response:
        if not isinstance(body, list) or len(body) > _BULK_LIMITS[request.method]:
            raise BadRequestError(f"An array of at most {_BULK_LIMITS[request.method]} operations is expected")
        operation = {"POST": self._bulk_create, "PUT": self._bulk_update, "DELETE": self._bulk_delete}[request.method]
        if self.store.quirks.bulk_is_all_or_nothing:
            with self.store.all_or_nothing():
                done = [operation(table, _expect_object(item)) for item in body]
            return JSONResponse([_bulk_success(item, row_id) for item, row_id in zip(body, done, strict=True)])
        return JSONResponse([self._bulk_result(partial(operation, table), _expect_object(item)) for item in body])

    def _bulk_result(self, operation: Callable[[Record], int], item: Record) -> Record:
        try:
            done = operation(item)
        except BadRequestError as refused:
            return {"code": refused.code, "guid": item.get("guid"), "id": item.get("id"), "message": str(refused)}
        return _bulk_success(item, done)

    def _bulk_create(self, table: str, item: Record) -> int:
        return self.store.create(table, _expect_object(item.get("data")), user=API_USER)

    def _bulk_update(self, table: str, item: Record) -> int:
        place = self.store.quirks.bulk_put_fields
        fields = {key: value for key, value in item.items() if key not in {"guid", "data"}} if place != "data" else {}
        if place != "item":
            fields |= _expect_object(item.get("data", {}))
        row_id = _bulk_id(fields)
        self._put(table, row_id, fields)
        return row_id

    def _bulk_delete(self, table: str, item: Record) -> int:
        row_id = _bulk_id(item)
        self.store.delete(table, row_id, user=API_USER)
        return row_id


class _PendingRequest:
    """A request that has not been carried out yet."""

    def __init__(self, api: SsmApiServer, request: Request, content: bytes, handler: Handler) -> None:
        self._api, self._request, self._content, self._handler = api, request, content, handler

    def carry_out(self, *, ignore_page_size: bool = False, first: int | None = None) -> Response:
        """Carry it out, of a bulk only the first few writes."""
        self._request.state.ignore_page_size = ignore_page_size
        try:
            body = _parsed_body(self._content)
            return self._handler(self._request, body if first is None else body[:first])
        except BadRequestError as refused:
            quirks, field = self._api.store.quirks, refused.field
            return _error_response(quirks, 400, str(refused), code=refused.code, field=field)

    def expire_tokens(self) -> None:
        """Invalidate every session token."""
        self._api.expire_tokens()


class _RateLimit:
    """At most so many requests within any second."""

    def __init__(self, per_second: int | None) -> None:
        self._per_second = per_second
        self._recent: deque[float] = deque()
        self._lock = Lock()

    def allows(self) -> bool:
        """Count a request, if it is within the rate."""
        if self._per_second is None:
            return True
        now = time.monotonic()
        with self._lock:
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= self._per_second:
                return False
            self._recent.append(now)
            return True


class _ResettableProtocol(H11Protocol):
    """HTTP that gives the application its connection, so that a fault can reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base class
        # asyncio does not set this for a socket that we have created: each answer would wait for an acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, _TRANSPORT: transport}, receive, send)

        self.app = with_transport


class _Server:
    """Uvicorn in a thread of its own, which listens from the start."""

    def __init__(self, app: Starlette, port: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                http=_ResettableProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_keep_alive=60,
            )
        )
        self._thread = Thread(target=self._uvicorn.run, kwargs={"sockets": [self._socket]}, name="ssm-api", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._uvicorn.should_exit = self._uvicorn.force_exit = True
        self._thread.join()
        self._socket.close()


def _error_response(
    quirks: Quirks,
    status: int,
    message: str,
    *,
    code: int | None = None,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    error = {"code": code or status, quirks.message_key: message}
    invalid = {quirks.message_key: "The request is invalid.", "ModelState": {f"contact.{field}": ["Not valid."]}}
    bodies: Mapping[str, Any] = {
        "object": error,
        "list": {"errors": [error]},
        "model_state": invalid if field else error,
        "generic": {quirks.message_key: "Bad Request"},
    }
    match quirks.error_body:
        case "text":
            return PlainTextResponse(message, status, headers=headers)
        case "nothing":
            return Response(status_code=status, headers=headers)
        case shape:
            return JSONResponse(bodies[shape], status, headers=headers)


async def _call_hook(hook: Hook | None, call: Call) -> None:
    if hook is not None:
        await run_in_threadpool(hook, call)


def _call_of(request: Request, content: bytes) -> Call:
    path = request.url.path.removeprefix(BASE_PATH)
    try:
        body = None if path == "/login" else _parsed_body(content)
    except BadRequestError:
        body = None
    return Call(request.method, path, dict(request.query_params), body)


def _reset_connection(scope: Scope) -> None:
    """Reset the connection (RST), as a client sees it when a network or a server fails."""
    transport = scope[_TRANSPORT]
    no_linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    transport.abort()


def _parsed_body(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        raise BadRequestError("The body is not JSON") from None


def _expect_object(body: Any) -> Record:
    if not isinstance(body, dict):
        raise BadRequestError("An object is expected")
    return body


def _page_number(text: str) -> int:
    if not text.isdecimal():
        raise BadRequestError("page is not a whole number")
    return int(text)


def _path_id(request: Request) -> int:
    text = request.path_params["id"]
    if not text.isdecimal():
        raise BadRequestError("The resource does not exist", code=910)
    return int(text)


def _bulk_success(item: Record, row_id: int) -> Record:
    return {"code": 1, "guid": item.get("guid"), "id": row_id, "message": "Entity success"}


def _bulk_id(item: Record) -> int:
    row_id = item.get("id")
    if not isinstance(row_id, int):
        raise BadRequestError("The resource does not exist", code=910)
    return row_id
