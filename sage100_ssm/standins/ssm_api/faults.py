"""Faults on order: what goes wrong at which call of the SSM API."""

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
    """The request that a fault strikes."""

    def carry_out(self, *, ignore_page_size: bool = False, first: int | None = None) -> Response:
        """Do what was asked for, of many writes the first few, and give the answer that this would have got."""
        ...

    def expire_tokens(self) -> None:
        """Make every session token unknown."""
        ...


class Effect(Protocol):
    """What goes wrong."""

    async def strike(self, turn: PendingRequest) -> Response | None:
        """Answer in the request's stead; None resets the connection."""
        ...


@dataclass(frozen=True, slots=True)
class CannedResponse:
    """Another answer.

    Attributes:
        status: HTTP status.
        body: sent as JSON; a text is sent as it is, as HTML.
        headers: e.g. ``Retry-After``.
        after: whether the request is carried out first.
    """

    status: int
    body: Any = default(default_factory=lambda: {"Message": "Fault on order"})
    headers: Mapping[str, str] = default(default_factory=dict)
    after: bool = False

    async def strike(self, turn: PendingRequest) -> Response:
        """Carry the request out if it is to be, and answer otherwise."""
        if self.after:
            turn.carry_out()
        if isinstance(self.body, str):
            return Response(self.body, self.status, headers=dict(self.headers), media_type="text/html")
        return JSONResponse(self.body, self.status, headers=dict(self.headers))


@dataclass(frozen=True, slots=True)
class PartOfBulk:
    """Of many writes the first few are carried out, then the server fails.

    Attributes:
        done: how many are carried out.
    """

    done: int

    async def strike(self, turn: PendingRequest) -> Response:
        """Carry out the first few and answer 500."""
        turn.carry_out(first=self.done)
        return JSONResponse({"Message": "Fault on order"}, 500)


@dataclass(frozen=True, slots=True)
class ReorderedResults:
    """The results of many writes come in another order, without some.

    Attributes:
        left_out: how many are missing.
    """

    left_out: int = 0

    async def strike(self, turn: PendingRequest) -> Response:
        """Carry the request out and turn the list of results round."""
        answer = turn.carry_out()
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

    async def strike(self, turn: PendingRequest) -> Response:
        """Wait, before or after carrying the request out."""
        if self.after:
            answer = turn.carry_out()
            await asyncio.sleep(self.seconds)
            return answer
        await asyncio.sleep(self.seconds)
        return turn.carry_out()


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset without an answer.

    Attributes:
        after: whether the request is carried out first.
    """

    after: bool = False

    async def strike(self, turn: PendingRequest) -> None:
        """Carry the request out if it is to be, and give no answer."""
        if self.after:
            turn.carry_out()


@dataclass(frozen=True, slots=True)
class CutJson:
    """The request is carried out, but half of the answer is missing."""

    async def strike(self, turn: PendingRequest) -> Response:
        """Carry the request out and send the first half of the answer."""
        answer = turn.carry_out()
        body = bytes(answer.body)
        return Response(body[: len(body) // 2], answer.status_code, media_type="application/json")


@dataclass(frozen=True, slots=True)
class ExpireTokens:
    """All session tokens expire just before the request."""

    async def strike(self, turn: PendingRequest) -> Response:
        """Expire them and carry on."""
        turn.expire_tokens()
        return turn.carry_out()


@dataclass(frozen=True, slots=True)
class IgnorePageSize:
    """The page-size headers are not obeyed."""

    async def strike(self, turn: PendingRequest) -> Response:
        """Carry the request out with the default page size."""
        return turn.carry_out(ignore_page_size=True)


@dataclass(frozen=True, slots=True)
class Fault:
    """An effect and the calls that it strikes.

    Attributes:
        effect: what goes wrong.
        method: HTTP method, or any.
        path: path below the base, with ``*`` as a wildcard (``/contacts``, ``/contacts/*``).
        nth: the first matching call that is struck, counted from 1 since the fault was added.
        times: how many matching calls in a row are struck; None for all that follow.
    """

    effect: Effect
    method: str | None = None
    path: str = "*"
    nth: int = 1
    times: int | None = 1

    def matches(self, method: str, path: str) -> bool:
        """Whether a call is one of those counted."""
        return self.method in {None, method} and fnmatchcase(path, self.path)

    def due(self, call: int) -> bool:
        """Whether the matching call of this number is struck."""
        return call >= self.nth and (self.times is None or call < self.nth + self.times)


class Faults:
    """The faults on order. Safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: dict[int, int] = {}
        self._ordered: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Order faults; where several are due at one call, the first ordered strikes."""
        with self._lock:
            self._ordered.extend(faults)

    def clear(self) -> None:
        """Cancel all faults."""
        with self._lock:
            self._ordered.clear()
            self._calls.clear()

    def due(self, method: str, path: str) -> Effect | None:
        """Count a call, and give the effect that strikes it."""
        with self._lock:
            due = [fault for number, fault in enumerate(self._ordered) if self._counts(number, fault, method, path)]
        return due[0].effect if due else None

    def _counts(self, number: int, fault: Fault, method: str, path: str) -> bool:
        if not fault.matches(method, path):
            return False
        self._calls[number] = self._calls.get(number, 0) + 1
        return fault.due(self._calls[number])
