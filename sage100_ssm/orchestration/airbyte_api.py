"""What is asked of Airbyte's public API: the client of its makers, with errors that have a sentence.

The client's own login is not used: it sends a form, which a self-managed Airbyte refuses, and it looks for the token
outside ``/api/public/v1``. So the token is fetched here, in JSON, and handed to the client.
"""

import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar

import httpx
import truststore
from airbyte_api import AirbyteAPI, api, errors, models
from pydantic import TypeAdapter

from sage100_ssm.sync.failures import ConfigurationError, Exit, SyncError

ResponseT = TypeVar("ResponseT")

_SECONDS = 60.0
_CONNECT_SECONDS = 20.0
_RENEWED_EARLIER = 60.0
"""Seconds before its end at which a token is not used any more."""
_LATEST_JOBS = 10
_CLOUD, _CLOUD_PAGES = "https://api.airbyte.com/v1", "https://cloud.airbyte.com"
_SYNCS = frozenset({models.JobTypeEnum.SYNC, models.JobTypeEnum.REFRESH})
_OVER = frozenset({models.JobStatusEnum.SUCCEEDED, models.JobStatusEnum.FAILED, models.JobStatusEnum.CANCELLED})
_NOT_ALLOWED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
_WRONG_KEYS = frozenset({httpx.codes.BAD_REQUEST, *_NOT_ALLOWED})
"""How Airbyte refuses a wrong id or secret: self-managed with 400, Airbyte Cloud with 401."""
_NOT_FOUND = frozenset({httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED})
_UNKNOWN_CONNECTION = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND})
"""How Airbyte refuses the id of a connection: by its form, by the rights of the application, or as unknown."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DURATION = TypeAdapter(timedelta)


class AirbyteUnavailableError(SyncError):
    """Airbyte could not be reached, or does not work for now."""

    exit_code = Exit.SIDE


class AirbyteAddressError(ConfigurationError):
    """What answers is not Airbyte's public API."""


class AirbyteConflictError(SyncError):
    """Airbyte starts no job for the connection now, as a rule because one is running."""

    exit_code = Exit.ANOTHER_RUN


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection in Airbyte.

    Attributes:
        id: its id.
        name: its name.
        workspace: the id of its workspace.
        status: ``active``, or why no job can be started.
        tables: the tables that its streams are written to, by the stream's name.
    """

    id: str
    name: str
    workspace: str
    status: str
    tables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a connection, as far as Airbyte's public API describes it: neither its attempts nor its errors.

    Attributes:
        number: its number.
        status: its status.
        rows: the records that were written; None where Airbyte does not say.
        size: their bytes, likewise.
        duration: how long it took so far, likewise.
        is_sync: whether it reads the source, as a sync and a refresh do; clearing data does not.
    """

    number: int
    status: models.JobStatusEnum
    rows: int | None = None
    size: int | None = None
    duration: timedelta | None = None
    is_sync: bool = True

    @property
    def is_over(self) -> bool:
        """Whether it has ended. An incomplete one has not: an attempt failed, and another follows."""
        return self.status in _OVER

    @classmethod
    def of(cls, response: models.JobResponse | None) -> "Job":
        """The job in an answer."""
        assert response is not None, "the client returns one or raises"
        duration = _DURATION.validate_python(response.duration) if response.duration else None
        is_sync = response.job_type in _SYNCS
        return cls(response.job_id, response.status, response.rows_synced, response.bytes_synced, duration, is_sync)


class Airbyte:
    """An Airbyte, self-managed or Airbyte Cloud, with the rights of an application.

    Args:
        url: the address of its public API, up to and including ``/v1``.
        client_id: of the application, made under *User settings > Applications*.
        client_secret: of the same.
        seconds: how long an answer may take.

    Attributes:
        url: the address.
        client: the client of Airbyte's makers, logged in. Its errors have no sentence of ours.
    """

    def __init__(self, url: str, client_id: str, client_secret: str, seconds: float = _SECONDS) -> None:
        self.url = url.rstrip("/")
        self._keys = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
        self._token, self._expires_at = "", 0.0
        # Authorities of the house are in the system's store, which Python does not look into by itself.
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        wait = httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))
        self._http = httpx.Client(verify=context, timeout=wait)
        self.client = AirbyteAPI(server_url=self.url, client=self._http, security=self._security)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def connection(self, id_: str) -> Connection:
        """A connection.

        Raises:
            ConfigurationError: there is none of that id, or it is not the application's; or see ``errors_in_words``.
            AirbyteUnavailableError: see ``errors_in_words``.
        """
        missing = ConfigurationError("airbyte_connection_missing", url=self.url, connection=id_)
        if not _UUID.fullmatch(id_):
            raise missing  # Airbyte would answer with a fault of its own
        request = api.GetConnectionRequest(connection_id=id_)
        with errors_in_words(self.url):
            try:
                found = self.ask(self.client.connections.get_connection, request).connection_response
            except errors.SDKError as error:
                # The address is right: a token came from there.
                if error.status_code in _UNKNOWN_CONNECTION:
                    raise missing from None
                raise
        assert found is not None, "the client returns one or raises"
        streams = found.configurations.streams or []
        tables = {stream.name: f"{found.prefix or ''}{stream.name}" for stream in streams}
        return Connection(id_, found.name, found.workspace_id, found.status.value, tables)

    def running_job(self, connection: Connection) -> Job | None:
        """The job of a connection that has not ended, whoever started it."""
        request = api.ListJobsRequest(connection_id=connection.id, limit=_LATEST_JOBS, order_by="createdAt|DESC")
        listed = self._call(self.client.jobs.list_jobs, request).jobs_response
        jobs = [Job.of(response) for response in listed.data] if listed else []
        return next((job for job in jobs if not job.is_over), None)

    def start_sync(self, connection: Connection) -> Job:
        """Start a sync.

        Raises:
            AirbyteConflictError: Airbyte starts none now.
        """
        request = models.JobCreateRequest(connection_id=connection.id, job_type=models.JobTypeEnum.SYNC)
        return Job.of(self._call(self.client.jobs.create_job, request).job_response)

    def job(self, number: int) -> Job:
        """A job as it is now."""
        return Job.of(self._call(self.client.jobs.get_job, api.GetJobRequest(job_id=number)).job_response)

    def cancel(self, number: int) -> None:
        """Cancel a job; one that has ended meanwhile stays as it is."""
        with suppress(AirbyteConflictError):
            self._call(self.client.jobs.cancel_job, api.CancelJobRequest(job_id=number))

    def page_of(self, connection: Connection) -> str:
        """The address of a connection in Airbyte's user interface."""
        root = _CLOUD_PAGES if self.url == _CLOUD else self.url.removesuffix("/api/public/v1")
        return f"{root}/workspaces/{connection.workspace}/connections/{connection.id}/timeline"

    def _call(self, operation: Callable[..., ResponseT], request: Any) -> ResponseT:
        with errors_in_words(self.url):
            return self.ask(operation, request)

    def ask(self, operation: Callable[..., ResponseT], request: Any) -> ResponseT:
        """Ask by an operation of the client: once more with a new token where ours is refused.

        Raises:
            errors.SDKError, httpx.HTTPError: those of the client, without a sentence of ours.
            SyncError: the login; see ``errors_in_words``.
        """
        try:
            return operation(request=request)
        except errors.SDKError as error:
            if error.status_code != httpx.codes.UNAUTHORIZED:
                raise
            self._expires_at = 0.0
            return operation(request=request)

    def _security(self) -> models.Security:
        """What each request is authorised by. The client asks for it several times a request."""
        if time.monotonic() >= self._expires_at:
            with errors_in_words(self.url):
                answer = self._http.post(f"{self.url}/applications/token", json=self._keys)
                if answer.status_code in _WRONG_KEYS:
                    raise ConfigurationError("airbyte_login", url=self.url)
                token = answer.raise_for_status().json()
                self._token = str(token["access_token"])
                self._expires_at = time.monotonic() + float(token.get("expires_in", 0)) - _RENEWED_EARLIER
        return models.Security(bearer_auth=self._token)


@contextmanager
def errors_in_words(url: str) -> Iterator[None]:
    """Turn the errors of the client within the block into errors that have a sentence.

    Raises:
        AirbyteUnavailableError: Airbyte cannot be reached, or answers that it does not work.
        AirbyteConflictError: Airbyte answers that it does not do this now.
        ConfigurationError: the login or a right is refused, or the address is not that of Airbyte's public API.
    """
    try:
        yield
    except errors.SDKError as error:
        raise _refusal(url, error.raw_response) from None
    except httpx.HTTPStatusError as error:
        raise _refusal(url, error.response) from None
    except (errors.ResponseValidationError, httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError, LookupError):
        # What is not JSON is a ValueError, an answer without what it should contain a LookupError.
        raise AirbyteAddressError("airbyte_address", url=url) from None
    except httpx.HTTPError as error:
        text = str(error) or type(error).__name__
        raise AirbyteUnavailableError("airbyte_unavailable", url=url, text=text) from None


def _refusal(url: str, response: httpx.Response) -> SyncError:
    status = response.status_code
    if status in _NOT_ALLOWED:
        return ConfigurationError("airbyte_login", url=url)
    if status == httpx.codes.CONFLICT:
        return AirbyteConflictError("airbyte_conflict", text=reason_of(response))
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
        return AirbyteUnavailableError("airbyte_unavailable", url=url, text=reason_of(response))
    # A page of Airbyte's user interface, a redirection to it, or nothing at all.
    if status < httpx.codes.BAD_REQUEST or status in _NOT_FOUND:
        return AirbyteAddressError("airbyte_address", url=url)
    return ConfigurationError("airbyte_refused", url=url, text=reason_of(response))


def reason_of(response: httpx.Response) -> str:
    """Airbyte's own words about a refusal, with what it was about; the status where it has none."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    words = next((body[key] for key in ("detail", "message", "title") if body.get(key)), response.reason_phrase)
    about = body.get("data")
    about = "; ".join(map(str, about.values())) if isinstance(about, dict) else about
    return f"HTTP {response.status_code}: {words}{f' ({about})' if about else ''}"
