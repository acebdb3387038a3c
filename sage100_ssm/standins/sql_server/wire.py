"""MS-TDS on a socket: packets, and the little-endian pieces that messages are made of."""

import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct(">BBHHBB")
_LAST, _IGNORE = 0x01, 0x02
_PACKET_SIZE = 4096


class Kind(IntEnum):
    """What a message is (MS-TDS 2.2.3.1.1)."""

    BATCH = 0x01
    RPC = 0x03
    ANSWER = 0x04
    ATTENTION = 0x06
    TRANSACTION = 0x0E
    LOGIN = 0x10
    PRELOGIN = 0x12


class Closed(Exception):  # noqa: N818 - an end, no error
    """The client has gone."""


@dataclass
class Channel:
    """One client's connection, message by message."""

    socket: socket.socket

    def receive(self) -> tuple[Kind, bytes]:
        """The next message.

        Raises:
            Closed: the client has gone.
        """
        payload = bytearray()
        while True:
            kind, status, length, *_ = _HEADER.unpack(self._exactly(_HEADER.size))
            payload += self._exactly(length - _HEADER.size)
            if status & _IGNORE:
                payload.clear()
            if status & _LAST:
                return Kind(kind), bytes(payload)

    def send(self, payload: bytes) -> None:
        """Answer, in as many packets as it takes.

        Raises:
            Closed: the client has gone.
        """
        size = _PACKET_SIZE - _HEADER.size
        pieces = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
        packets = bytearray()
        for number, piece in enumerate(pieces, 1):
            last = _LAST if number == len(pieces) else 0
            packets += _HEADER.pack(Kind.ANSWER, last, len(piece) + _HEADER.size, 0, number % 256, 0) + piece
        try:
            self.socket.sendall(packets)
        except OSError:
            raise Closed from None

    def something_came(self) -> bool:
        """Whether the client has sent something while it waits: an attention, or its farewell."""
        self.socket.settimeout(0)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) is not None
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(None)

    def _exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            try:
                piece = self.socket.recv(size - len(received))
            except OSError:
                raise Closed from None
            if not piece:
                raise Closed
            received += piece
        return bytes(received)


@dataclass
class Reader:
    """Takes a message apart from its beginning."""

    data: bytes
    at: int = 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def bytes(self, size: int) -> bytes:
        """So many bytes."""
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int, *, signed: bool = False) -> int:
        """A number of so many bytes."""
        return int.from_bytes(self.bytes(size), "little", signed=signed)

    def text(self, size_of_length: int) -> str:
        """A UTF-16 text behind its number of characters."""
        return self.bytes(2 * self.number(size_of_length)).decode("utf-16-le")

    def headers(self) -> None:
        """Pass over ALL_HEADERS."""
        self.at += int.from_bytes(self.data[self.at : self.at + 4], "little")

    def rest(self) -> str:
        """What is left, as a UTF-16 text."""
        return self.bytes(len(self.data) - self.at).decode("utf-16-le")

    def chunks(self) -> bytearray:
        """The chunks of a partially length-prefixed value, put together."""
        whole = bytearray()
        while length := self.number(4):
            whole += self.bytes(length)
        return whole


def number(value: int, size: int) -> bytes:
    """A number in so many bytes."""
    return value.to_bytes(size, "little", signed=value < 0)


def text(value: str, size_of_length: int) -> bytes:
    """A UTF-16 text behind its number of characters."""
    encoded = value.encode("utf-16-le")
    return number(len(encoded) // 2, size_of_length) + encoded
