"""A SQL Server that shows a certificate, receives the login under TLS, and refuses it.

It is for the settings that decide about encryption. Of TLS within TDS the handshake travels in PRELOGIN messages
([MS-TDS] 2.2.6.5); after it, the TLS records go without them.
"""

import socket
import ssl
import struct
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sage100_ssm.standins.sql_server.errors import SqlError
from sage100_ssm.standins.sql_server.tokens import refusal
from sage100_ssm.standins.sql_server.wire import Channel, PacketType

ENCRYPTED = b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff" + bytes([16, 0, 3, 232, 0, 0]) + b"\x03"
"""The answer to PRELOGIN: a version, and that encryption is required."""
LOGIN_FAILED = SqlError(18456, "Login failed for user 'sync'.")


def write_certificate(folder: Path, name: str) -> Path:
    """Write a self-signed certificate for a host name, after its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(
            subject, subject, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    return file


class TlsFront:
    """Listens on loopback while the context is open."""

    def __init__(self, certificate: Path) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.maximum_version = ssl.TLSVersion.TLSv1_2
        self._tls.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with closing(client), suppress(Exception):  # the client goes as soon as it does not like the certificate
            channel = Channel(client)
            channel.receive()
            client.sendall(_packet(PacketType.RESPONSE, ENCRYPTED))
            received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self._tls.wrap_bio(received, sent, server_side=True)
            while not _handshake_is_done(tls):
                if sent.pending:
                    client.sendall(_packet(PacketType.PRELOGIN, sent.read()))
                received.write(channel.receive()[1])
            client.sendall(_packet(PacketType.PRELOGIN, sent.read()))
            received.write(client.recv(65536))
            tls.read()
            tls.write(_packet(PacketType.RESPONSE, refusal(LOGIN_FAILED)))
            client.sendall(sent.read())
            client.recv(1)


def _packet(kind: PacketType, payload: bytes) -> bytes:
    return struct.pack(">BBHHBB", kind, 1, len(payload) + 8, 0, 1, 0) + payload


def _handshake_is_done(tls: ssl.SSLObject) -> bool:
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
