"""Servers that do odd things on purpose, byte by byte: for what a client must outlive."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

Answer = Callable[[socket.socket, bytes], None]


class OddServer:
    """Listens on loopback while the context is open, and lets a function answer each request.

    Args:
        answer: is given the connection and the head of the request.
        certificate: the file of a certificate and its key, for TLS.

    Attributes:
        port: where it listens.
        heads: the heads of the requests that came.
    """

    def __init__(self, answer: Answer, certificate: Path | None = None) -> None:
        self._answer, self._tls = answer, None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heads: list[bytes] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):  # the client goes when it has had enough
            stream = self._tls.wrap_socket(client, server_side=True) if self._tls else client
            with stream:
                while head := _head(stream):
                    self.heads.append(head)
                    self._answer(stream, head)


def _head(stream: socket.socket) -> bytes:
    """The head of the next request, its body read too; empty at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := stream.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0 and (more := stream.recv(missing)):
        missing -= len(more)
    return head


def sent(status: str, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def logging_in(then: Answer) -> Answer:
    """Let in whoever logs in, and go on with another answer for all else."""

    def answer(stream: socket.socket, head: bytes) -> None:
        if head.startswith(b"POST /login") or b"/login " in head.split(b"\r\n")[0]:
            stream.sendall(sent("200 OK", b'{"token": "t-o-k-e-n"}'))
        else:
            then(stream, head)

    return answer


def dripping(start: bytes, drop: bytes, every: float) -> Answer:
    """Answer a drop now and then, and never come to the end."""

    def answer(stream: socket.socket, _: bytes) -> None:
        stream.sendall(start)
        while True:
            stream.sendall(drop)
            time.sleep(every)

    return answer
