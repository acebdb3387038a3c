"""Packets on a socket, and the little-endian pieces of which messages are made ([MS-TDS] 2.2.3, 2.2.5.2)."""

import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct(">BBHHBB")
"""Type, status, length with the header, SPID, packet number, window (2.2.3.1)."""
_END_OF_MESSAGE, _IGNORE_THIS_MESSAGE = 0x01, 0x02
"""Bits of a packet's status (2.2.3.1.2)."""
_PACKET_SIZE = 4096


class PacketType(IntEnum):
    """What a message is (2.2.3.1.1)."""

    SQL_BATCH = 0x01
    RPC = 0x03
    RESPONSE = 0x04
    ATTENTION = 0x06
    TRANSACTION_MANAGER_REQUEST = 0x0E
    LOGIN7 = 0x10
    PRELOGIN = 0x12


class Disconnected(Exception):  # noqa: N818 - an end, no error
    """The client has closed the connection."""


@dataclass
class Channel:
    """One client's connection, message by message.

    Attributes:
        socket: the connection.
    """

    socket: socket.socket

    def receive(self) -> tuple[PacketType, bytes]:
        """The next message: its type and its content, put together from its packets.

        Raises:
            Disconnected: the client has closed the connection.
        """
        payload = bytearray()
        while True:
            kind, status, length, *_ = _HEADER.unpack(self._exactly(_HEADER.size))
            payload += self._exactly(length - _HEADER.size)
            if status & _IGNORE_THIS_MESSAGE:
                payload.clear()
            if status & _END_OF_MESSAGE:
                return PacketType(kind), bytes(payload)

    def send(self, payload: bytes) -> None:
        """Send a response, in as many packets as it takes.

        Raises:
            Disconnected: the client has closed the connection.
        """
        size = _PACKET_SIZE - _HEADER.size
        pieces = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
        packets = bytearray()
        for number, piece in enumerate(pieces, 1):
            status = _END_OF_MESSAGE if number == len(pieces) else 0
            packets += _HEADER.pack(PacketType.RESPONSE, status, len(piece) + _HEADER.size, 0, number % 256, 0) + piece
        try:
            self.socket.sendall(packets)
        except OSError:
            raise Disconnected from None

    def has_input(self) -> bool:
        """Whether something came from the client, which waits for an answer: an attention, or the connection's end."""
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
                raise Disconnected from None
            if not piece:
                raise Disconnected
            received += piece
        return bytes(received)


@dataclass
class Reader:
    """Takes a message apart from its beginning. It is true while something is left.

    Attributes:
        data: the message.
        at: the position of the next byte.
    """

    data: bytes
    at: int = 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int, *, signed: bool = False) -> int:
        """A number of `size` bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def text(self, size_of_length: int) -> str:
        """A UTF-16 text that follows its length in characters (B_VARCHAR, US_VARCHAR: 2.2.5.2.2)."""
        return self.take(2 * self.number(size_of_length)).decode("utf-16-le")

    def skip_headers(self) -> None:
        """Skip ALL_HEADERS, whose first four bytes are their length (2.2.5.3)."""
        self.at += int.from_bytes(self.data[self.at : self.at + 4], "little")

    def rest(self) -> str:
        """All that is left, as a UTF-16 text."""
        return self.take(len(self.data) - self.at).decode("utf-16-le")

    def chunks(self) -> bytes:
        """The chunks of a partially length-prefixed value, put together (2.2.5.2.3)."""
        whole = bytearray()
        while length := self.number(4):
            whole += self.take(length)
        return bytes(whole)


def encoded_number(value: int, size: int) -> bytes:
    """A number in `size` bytes."""
    return value.to_bytes(size, "little", signed=value < 0)


def encoded_text(value: str, size_of_length: int) -> bytes:
    """A UTF-16 text after its length in characters, itself `size_of_length` bytes long."""
    encoded = value.encode("utf-16-le")
    return encoded_number(len(encoded) // 2, size_of_length) + encoded
