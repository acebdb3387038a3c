"""A private certificate authority, as a company or a proxy that opens connections has one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates for hosts.

    Args:
        name: its name.

    Attributes:
        pem: its own certificate, as text.
    """

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named(name)
        everything = x509.BasicConstraints(ca=True, path_length=None)
        self.pem = _signed(self._subject, self._subject, self._key, self._key, everything).public_bytes(PEM).decode()

    def write_certificate(self, folder: Path, host: str) -> Path:
        """Write a certificate for a host name, after its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = _signed(_named(host), self._subject, key, self._key, names)
        plain = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = folder / "signed.pem"
        file.write_bytes(plain + certificate.public_bytes(PEM))
        return file


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1)
    )
    return builder.add_extension(extension, critical=False).sign(signer, hashes.SHA256())
