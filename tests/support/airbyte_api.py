"""An imitation of Airbyte's public API on loopback: applications, definitions, connections and their jobs.

As a self-managed Airbyte behaves by its sources (``airbyte-server``, ``publicapi``): a wrong id or secret is a 400, a
second sync a 409, a cancellation counts for the job that the connection is running, and a job says neither why it
failed nor how many attempts it took.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

CLIENT_ID, CLIENT_SECRET = "0da998a2-0d7b-49c7-bb6e-9f7eb9cc68a0", "s3cret"
WORKSPACE = "744cc0ed-7f05-4949-9e60-2a814f90c035"
CONNECTION = "9924bcd0-99be-453d-ba47-c2c9766f7da5"
_OVER = {"succeeded", "failed", "cancelled"}
_PREFIX = "/api/public/v1"
_STREAMS = ("runs", "open_problems", "journal", "writes", "links")

Answer = tuple[int, Any]


@dataclass
class Job:
    """A job.

    Attributes:
        number: its number.
        statuses: the statuses that it has one after the other, each shown once; the last one stays.
        kind: its type.
    """

    number: int
    statuses: list[str]
    kind: str = "sync"

    @property
    def status(self) -> str:
        """The status that it has now."""
        return self.statuses[0]

    def shown(self) -> dict[str, Any]:
        """What the API says of it."""
        times = {"startTime": "2026-11-26T06:15:00Z", "lastUpdatedAt": "2026-11-26T06:15:41Z"}
        known = {"duration": "PT41S", "bytesSynced": 20480, "rowsSynced": 12} if self.status in _OVER else {}
        job = {"jobId": self.number, "status": self.status, "connectionId": CONNECTION, "jobType": self.kind}
        if len(self.statuses) > 1:
            self.statuses.pop(0)
        return job | times | known


@dataclass
class AirbyteApi:
    """The API while the context is open.

    Attributes:
        course: the statuses of the jobs that are started from now on.
        jobs: the jobs so far.
        cancelled: the numbers of jobs that were to be cancelled.
        connection_status: of the one connection that there is.
        tokens: how many tokens were issued; the last one alone is valid.
        uses_of_token: after how many requests a token is no longer valid.
        refusals: a status and a body for requests to a path, by its beginning (``jobs``).
        definitions: of connectors, by kind.
        delay: seconds that a definition takes.
    """

    course: tuple[str, ...] = ("pending", "running", "succeeded")
    jobs: list[Job] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    connection_status: str = "active"
    tokens: int = 0
    uses_of_token: int = 1_000
    refusals: dict[str, Answer] = field(default_factory=dict)
    definitions: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"sources": [], "destinations": []})
    delay: float = 0

    def __enter__(self) -> Self:
        self._uses = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self._server.server_port}{_PREFIX}"

    def runs(self, *statuses: str) -> Job:
        """Start a job as somebody in Airbyte's user interface does."""
        job = Job(len(self.jobs) + 1, list(statuses or self.course))
        self.jobs.append(job)
        return job

    def answer(self, method: str, path: str, query: Mapping[str, list[str]], body: Any, token: str | None) -> Answer:
        """What a request is answered."""
        refused = next((answer for beginning, answer in self.refusals.items() if path.startswith(beginning)), None)
        if path == "applications/token":
            return refused or self._token(body)
        self._uses += 1
        if token != f"Bearer t{self.tokens}" or self._uses > self.uses_of_token:
            return 401, {"message": "Unauthorized"}
        if refused:
            return refused
        return self._of_jobs(method, path, query, body) or self._of_others(method, path, body)

    def _of_jobs(self, method: str, path: str, query: Mapping[str, list[str]], body: Any) -> Answer | None:
        match method, path.split("/"):
            case "GET", ["jobs"]:
                assert query["connectionId"] == [CONNECTION]
                return 200, {"data": [job.shown() for job in reversed(self.jobs)]}
            case "POST", ["jobs"]:
                return self._started(body)
            case "GET", ["jobs", number]:
                return 200, self.jobs[int(number) - 1].shown()
            case "DELETE", ["jobs", number]:
                return self._cancelled(int(number))
        return None

    def _of_others(self, method: str, path: str, body: Any) -> Answer:
        match method, path.split("/"):
            case "GET", ["connections", id_]:
                return (200, self._connection()) if id_ == CONNECTION else (404, _problem(404, "resource-not-found"))
            case _, ["workspaces", _workspace, "definitions", kind, *rest]:
                return self._definition(method, kind, rest, body)
        return 404, {"message": "Page Not Found"}

    def _token(self, body: Any) -> Answer:
        if body["client_secret"] != CLIENT_SECRET:
            return 400, {"message": "Bad Request", "_embedded": {"errors": [{"message": "Invalid client id or token"}]}}
        self.tokens, self._uses = self.tokens + 1, 0
        return 200, {"access_token": f"t{self.tokens}", "token_type": "Bearer", "expires_in": 900}

    def _connection(self) -> dict[str, Any]:
        streams = [{"name": name, "syncMode": "incremental_deduped_history"} for name in _STREAMS]
        return {
            "connectionId": CONNECTION,
            "name": "Contacts BIJOU",
            "sourceId": "s",
            "destinationId": "d",
            "workspaceId": WORKSPACE,
            "status": self.connection_status,
            "schedule": {"scheduleType": "manual"},
            "prefix": "bijou_",
            "createdAt": 1764140400,
            "tags": [],
            "configurations": {"streams": streams},
        }

    def _started(self, body: Any) -> Answer:
        assert body == {"connectionId": CONNECTION, "jobType": "sync"}
        if any(job.status not in _OVER for job in self.jobs):
            about = {"message": f"A sync is already running for: {CONNECTION}"}
            return 409, _problem(409, "try-again-later", "Please try again later.", about)
        return 200, self.runs().shown()

    def _cancelled(self, number: int) -> Answer:
        job = self.jobs[number - 1]
        if job.status in _OVER:
            return 409, _problem(409, "state-conflict", "State conflict", {"message": "Job is not currently running"})
        self.cancelled.append(number)
        job.statuses = ["cancelled"]
        return 200, job.shown()

    def _definition(self, method: str, kind: str, rest: list[str], body: Any) -> Answer:
        known = self.definitions[kind]
        if method == "GET":
            return 200, {"data": known}
        time.sleep(self.delay)
        self._uses = self.uses_of_token  # what was issued expires meanwhile
        image = (body or {}).get("dockerRepository", "")
        if refused := next((answer for ending, answer in self.refusals.items() if image.endswith(ending)), None):
            return refused
        if method == "POST":
            known.append(body | {"id": f"d{len(known)}"})
            return 200, known[-1]
        # As the API: a name and a tag, both required, and nothing else.
        assert set(body) == {"name", "dockerImageTag"}
        changed = next(one for one in known if one["id"] == rest[0])
        changed.update(body)
        return 200, changed


def _problem(status: int, title: str, detail: str = "", data: Any = None) -> dict[str, Any]:
    return {"status": status, "title": title, "detail": detail, "data": data}


def _handler(imitation: AirbyteApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            query = parse_qs(address.query)
            path, token = address.path.removeprefix(f"{_PREFIX}/"), self.headers["Authorization"]
            status, answer = 404, b"<html>Airbyte</html>"
            if address.path.startswith(_PREFIX):
                status, answer = imitation.answer(self.command, path, query, body, token)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            kind = "text/html" if isinstance(answer, bytes) else "application/json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
