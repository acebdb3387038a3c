"""A bucket of refused records, in Amazon S3 or a storage that has its API: objects of JSON lines.

Imported only where the setting ``refused_records`` asks for it: boto3 is an extra (``sage100-ssm[s3]``).
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

import boto3
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - named so by botocore; ours is not used here
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    SSLError,
)

from sage100_ssm.connectors.destination_settings import S3Refused
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.refused_records import NOT_KEPT, line_of
from sage100_ssm.exchange.receipt import Receipt

_OBJECT_BYTES = 8 * 2**20
"""How many bytes wait in memory, all streams together; then they are stored without waiting for a STATE."""
_NO_STREAM = "unreadable"
"""The folder of lines that were not understood, which belong to no stream."""
_CONFIG = {
    "connect_timeout": 10,
    "read_timeout": 60,
    "retries": {"mode": "standard", "total_max_attempts": 5},
    # Else boto3 sends its checksum behind the body, which other storages than Amazon's may refuse. Content-MD5 goes
    # instead, which all of them verify, and which a bucket with Object Lock demands.
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}
_PASSING_STATUS = frozenset({408, 409, 425, 429})
_PASSING_CODES = frozenset({"ExpiredToken", "RequestTimeout", "SlowDown"})
"""Passing refusals whose status does not show it: another try, or the pod's next token, may go through."""


class RefusedRecordsBucket:
    """A bucket that is known to take objects.

    Args:
        setting: the bucket, and how it is reached.

    Raises:
        ConnectorError: it is not reached, or takes none.
    """

    def __init__(self, setting: S3Refused) -> None:
        self._bucket = setting.s3_bucket_name
        self._folder = "".join(f"{part}/" for part in setting.bucket_path.split("/") if part)
        self._waiting: dict[str, bytearray] = {}
        with self._failing_in_a_sentence():
            self._client = _client(setting)
            self._verify_writable()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.save()
            elif not (isinstance(error, ConnectorError) and error.code == NOT_KEPT):
                # No STATE confirms these records, which will come again; why the write failed must not be hidden.
                with suppress(ConnectorError):
                    self.save()
        finally:
            self._client.close()

    def append(self, receipt: Receipt, record: Mapping[str, Any] | str) -> None:
        """Add a line to those that wait; store them where they have become many."""
        self._waiting.setdefault(receipt.stream, bytearray()).extend(line_of(receipt, record))
        if sum(map(len, self._waiting.values())) >= _OBJECT_BYTES:
            self.save()

    def save(self) -> None:
        """Store what waits: one object per stream."""
        for stream in list(self._waiting):
            with self._failing_in_a_sentence():
                self._put(stream, bytes(self._waiting[stream]))
            del self._waiting[stream]

    def _put(self, stream: str, lines: bytes) -> None:
        digest = hashlib.md5(lines, usedforsecurity=False).digest()
        folder = quote(stream, safe=" ", errors="replace") or _NO_STREAM
        self._client.put_object(
            Bucket=self._bucket,
            # The last part makes it an object of its own, whoever else writes here in the same second.
            Key=f"{self._folder}{folder}/{datetime.now(UTC):%Y-%m-%d/%H%M%S}-{uuid4().hex}.jsonl",
            Body=lines,
            ContentType="application/x-ndjson",
            ContentMD5=base64.b64encode(digest).decode("ascii"),
        )

    def _verify_writable(self) -> None:
        """Begin an upload and give it up: needs the right to put objects, and leaves none, nor an event about one."""
        at = {"Bucket": self._bucket, "Key": f"{self._folder}check-{uuid4().hex}"}
        upload = self._client.create_multipart_upload(**at)
        # The right to abort may be missing; an upload without a part holds nothing.
        with suppress(ClientError):
            self._client.abort_multipart_upload(**at, UploadId=upload["UploadId"])

    @contextmanager
    def _failing_in_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, ValueError) as error:
            raise ConnectorError(
                NOT_KEPT,
                f"Refused records cannot be kept in the bucket {self._bucket}: {_words(error)}.",
                configuration=_is_for_a_person(error),
            ) from error


def _client(setting: S3Refused) -> Any:
    """The client of the bucket's storage."""
    # Without keys, the library looks for the identity of the pod or machine.
    own = dict(zip(("aws_access_key_id", "aws_secret_access_key"), setting.keys, strict=False))
    # By the bucket's name in the path: a storage at an address of one's own has no host name for each bucket.
    addressing = {"addressing_style": "path"} if setting.s3_endpoint else {}
    return boto3.session.Session().client(
        "s3",
        region_name=setting.s3_bucket_region,
        endpoint_url=setting.s3_endpoint,
        config=Config(**_CONFIG, s3=addressing),
        **own,
    )


def _is_for_a_person(error: Exception) -> bool:
    """Whether only a change of the settings, or of the bucket's rights, mends an error."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code")
        return 300 <= status < 500 and status not in _PASSING_STATUS and code not in _PASSING_CODES  # noqa: PLR2004
    # A certificate that is not trusted stays so; the other failures of the network pass.
    passing = (ConnectionError, HTTPClientError, CredentialRetrievalError)
    return isinstance(error, SSLError) or not isinstance(error, passing)


def _words(error: Exception) -> str:
    """The reason in the storage's or the library's own words."""
    if isinstance(error, ClientError):
        refusal = error.response.get("Error", {})
        words = f"{refusal.get('Message') or 'no reason given'} ({refusal.get('Code')})"
    elif isinstance(error, EndpointConnectionError):
        host = urlsplit(error.kwargs["endpoint_url"]).netloc
        words = (
            f"{host} is not known in this network, or nobody answers there; check s3_endpoint and s3_bucket_region, "
            "and that no firewall is in between"
        )
    elif isinstance(error, NoCredentialsError):
        words = "the settings give no access key, and there is no identity of the pod or machine"
    else:
        words = str(error)
    return filter_secrets(" ".join(words.split()).rstrip("."))
