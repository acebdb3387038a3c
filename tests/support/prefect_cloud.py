"""A stand-in for Prefect Cloud on loopback: a Prefect server behind what Cloud has of its own.

That is: an address with the ids of account and workspace, an API key instead of a login, and events that are sent with
the key in a header. What is behind it is the open-source server, so that rights, limits and Cloud's own objects
(accounts, service accounts, webhooks) are not imitated.
"""

import asyncio
import json
import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

API_KEY = "pnu_0123456789abcdef"
ACCOUNT, WORKSPACE = "9b649228-0419-40e1-9e0d-44954b5c0ab6", "96bd3cf8-85c9-4545-9713-b4e3c3e03466"
_OWN = f"/api/accounts/{ACCOUNT}/workspaces/{WORKSPACE}"
_NOT_PASSED_ON = {"authorization", "host", "content-length", "connection", "accept-encoding", "transfer-encoding"}


class PrefectCloud:
    """Prefect Cloud while the context is open.

    Args:
        server: the address of the API of the server behind it.
        key: what that server asks for.

    Attributes:
        refused: the paths of requests without the key.
    """

    def __init__(self, server: str, key: str) -> None:
        self._server, self._key = server, key
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.refused: list[str] = []
        routes = [
            WebSocketRoute(f"{_OWN}/events/in", self._events),
            Route(f"{_OWN}/{{path:path}}", self._pass_on, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Route("/api/{path:path}", self._elsewhere, methods=["GET", "POST"]),
        ]
        app = Starlette(routes=routes, lifespan=self._lifespan)
        self._uvicorn = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [self._listener]})

    @property
    def root(self) -> str:
        """What all addresses of Cloud's API begin with."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/api"

    @property
    def url(self) -> str:
        """The address of the workspace."""
        return f"{self.root}{_OWN.removeprefix('/api')}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that uses it."""
        return {"PREFECT_CLOUD_API_URL": self.root, "PREFECT_API_URL": self.url, "PREFECT_API_KEY": API_KEY}

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._uvicorn.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._uvicorn.should_exit = True
        self._thread.join()
        self._listener.close()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        name = str(uuid.uuid4())
        login = (self._key.partition(":")[0], self._key.partition(":")[2])
        async with httpx.AsyncClient(auth=login, timeout=60, trust_env=False) as self._client:
            token = (await self._client.get(f"{self._server}/csrf-token", params={"client": name})).json()["token"]
            self._client.headers.update({"Prefect-Csrf-Client": name, "Prefect-Csrf-Token": token})
            yield

    def _has_key(self, headers: object, path: str) -> bool:
        if headers.get("authorization", "").lower() == f"bearer {API_KEY}".lower():
            return True
        self.refused.append(path)
        return False

    async def _pass_on(self, request: Request) -> Response:
        path = request.path_params["path"]
        if not self._has_key(request.headers, path):
            return JSONResponse({"detail": "Unauthorized"}, 401)
        if path == "csrf-token":
            return JSONResponse({"detail": "Not Found"}, 404)
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_PASSED_ON}
        address = f"{self._server}/{path}"
        answer = await self._client.request(
            request.method, address, params=request.query_params, headers=headers, content=await request.body()
        )
        kind = answer.headers.get("content-type")
        return Response(answer.content, answer.status_code, {"content-type": kind} if kind else None)

    async def _elsewhere(self, request: Request) -> Response:
        path = request.path_params["path"]
        if not self._has_key(request.headers, path):
            return JSONResponse({"detail": "Unauthorized"}, 401)
        return JSONResponse({"detail": "Not Found"}, 404)

    async def _events(self, cloud: WebSocket) -> None:
        """Pass events on to the server, which wants its login as the first message."""
        if not self._has_key(cloud.headers, "events/in"):
            await cloud.close(1008)
            return
        address = f"{self._server.replace('http', 'ws', 1)}/events/in"
        async with connect(address, subprotocols=[Subprotocol("prefect")], proxy=None) as server:
            await server.send(json.dumps({"type": "auth", "token": self._key}))
            await server.recv()
            await cloud.accept()
            with suppress(WebSocketDisconnect, ConnectionClosed, asyncio.CancelledError):
                while True:
                    await server.send(await cloud.receive_text())
