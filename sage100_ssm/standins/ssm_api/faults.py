"""Fault injection: what goes wrong at which call of the SSM API."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any, Protocol

from starlette.responses import JSONResponse, Response


class PendingRequest(Protocol):
    """A request that has not been carried out yet."""

    def carry_out(self, *, ignore_page_size: bool = False, first: int | None = None) -> Response:
        """Carry it out, of a bulk only the first few writes, and return the answer."""
        ...

    def expire_tokens(self) -> None:
        """Invalidate every session token."""
        ...


class Effect(Protocol):
    """What goes wrong."""

    async def apply(self, request: PendingRequest) -> Response | None:
        """The answer to send; None to reset the connection."""
        ...


@dataclass(frozen=True, slots=True)
class CannedResponse:
    """An answer that does not depend on the request.

    Attributes:
        status: HTTP status.
        body: sent as JSON; a text as HTML.
        headers: e.g. ``Retry-After``.
        after: whether the request is carried out first.
    """

    status: int
    body: Any = default(default_factory=lambda: {"Message": "Injected fault"})
    headers: Mapping[str, str] = default(default_factory=dict)
    after: bool = False

    async def apply(self, request: PendingRequest) -> Response:
        """The fixed answer, after the request was carried out if it is to be."""
        if self.after:
            request.carry_out()
        if isinstance(self.body, str):
            return Response(self.body, self.status, headers=dict(self.headers), media_type="text/html")
        return JSONResponse(self.body, self.status, headers=dict(self.headers))


@dataclass(frozen=True, slots=True)
class PartOfBulk:
    """The first few writes of a bulk are carried out, then the server fails.

    Attributes:
        done: how many are carried out.
    """

    done: int

    async def apply(self, request: PendingRequest) -> Response:
        """500, after the first few writes."""
        request.carry_out(first=self.done)
        return JSONResponse({"Message": "Injected fault"}, 500)


@dataclass(frozen=True, slots=True)
class ReorderedResults:
    """The results of a bulk come in another order, and some are missing.

    Attributes:
        left_out: how many are missing.
    """

    left_out: int = 0

    async def apply(self, request: PendingRequest) -> Response:
        """The results in reverse order."""
        answer = request.carry_out()
        results = json.loads(bytes(answer.body))
        return JSONResponse(results[::-1][self.left_out :], answer.status_code)


EMPTY_PAGE = CannedResponse(200, [])
HTML = CannedResponse(200, "<!doctype html><title>Maintenance</title><p>Back soon.")


@dataclass(frozen=True, slots=True)
class Delay:
    """The right answer, late.

    Attributes:
        seconds: how late.
        after: whether the request is carried out before the wait.
    """

    seconds: float
    after: bool = False

    async def apply(self, request: PendingRequest) -> Response:
        """The right answer, after a wait."""
        if self.after:
            answer = request.carry_out()
            await asyncio.sleep(self.seconds)
            return answer
        await asyncio.sleep(self.seconds)
        return request.carry_out()


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset without an answer.

    Attributes:
        after: whether the request is carried out first.
    """

    after: bool = False

    async def apply(self, request: PendingRequest) -> None:
        """No answer, after the request was carried out if it is to be."""
        if self.after:
            request.carry_out()


@dataclass(frozen=True, slots=True)
class CutJson:
    """The request is carried out, but half of the answer is missing."""

    async def apply(self, request: PendingRequest) -> Response:
        """The first half of the right answer."""
        answer = request.carry_out()
        body = bytes(answer.body)
        return Response(body[: len(body) // 2], answer.status_code, media_type="application/json")


@dataclass(frozen=True, slots=True)
class ExpireTokens:
    """All session tokens expire just before the request."""

    async def apply(self, request: PendingRequest) -> Response:
        """The answer to a request whose session has expired."""
        request.expire_tokens()
        return request.carry_out()


@dataclass(frozen=True, slots=True)
class IgnorePageSize:
    """The page-size headers are not obeyed."""

    async def apply(self, request: PendingRequest) -> Response:
        """The answer with the default page size."""
        return request.carry_out(ignore_page_size=True)


@dataclass(frozen=True, slots=True)
class Fault:
    """An effect, and the calls at which it occurs.

    Attributes:
        effect: what goes wrong.
        method: HTTP method; None for any.
        path: path below the base, with ``*`` as a wildcard (``/contacts``, ``/contacts/*``).
        nth: the first matching call at which it occurs, counted from 1 since the fault was added.
        times: at how many matching calls in a row it occurs; None for all that follow.
    """

    effect: Effect
    method: str | None = None
    path: str = "*"
    nth: int = 1
    times: int | None = 1

    def matches(self, method: str, path: str) -> bool:
        """Whether a call is counted."""
        return self.method in {None, method} and fnmatchcase(path, self.path)

    def due(self, call: int) -> bool:
        """Whether it occurs at the matching call of this number."""
        return call >= self.nth and (self.times is None or call < self.nth + self.times)


class Faults:
    """The faults to inject. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: dict[int, int] = {}
        self._faults: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Add faults; where several are due at one call, the first one added occurs."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()
            self._calls.clear()

    def due(self, method: str, path: str) -> Effect | None:
        """Count a call, and return the effect that occurs at it, if any."""
        with self._lock:
            due = [fault for number, fault in enumerate(self._faults) if self._is_due(number, fault, method, path)]
        return due[0].effect if due else None

    def _is_due(self, number: int, fault: Fault, method: str, path: str) -> bool:
        if not fault.matches(method, path):
            return False
        self._calls[number] = self._calls.get(number, 0) + 1
        return fault.due(self._calls[number])
