"""Whether the Prefect server that this process is to use is one that it can use."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import prefect
from prefect.client.base import ServerType
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from sage100_ssm.sync.failures import ConfigurationError, Exit, SyncError

_VERSION = re.compile(r"(\d+)\.\d+")
_SECONDS = 10.0


class PrefectUnavailableError(SyncError):
    """The Prefect server could not be reached, or does not work for now."""

    exit_code = Exit.SIDE


def require_prefect_server() -> None:
    """Make sure that the Prefect server answers, takes our key and is of our major version.

    Raises:
        PrefectUnavailableError: it cannot be reached, or answers that it does not work.
        ConfigurationError: another program answers there, it refuses the key, or it is of another version.
    """
    with (
        api_errors_in_words(),
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(sync_client=True, httpx_settings={"timeout": _SECONDS}) as client,
    ):
        if client.server_type is ServerType.CLOUD:
            client.hello()
        else:
            _require_version(client.api_version())


def _require_version(answer: Any) -> None:
    version = _VERSION.match(answer) if isinstance(answer, str) else None
    if version is None:
        raise ConfigurationError("prefect_not_found", url=_address())
    if version[1] != prefect.__version__.partition(".")[0]:
        raise ConfigurationError("prefect_version", url=_address(), version=answer, own=prefect.__version__)


@contextmanager
def api_errors_in_words() -> Iterator[None]:
    """Turn the errors of Prefect's client within the block into errors that have a sentence.

    Raises:
        PrefectUnavailableError, ConfigurationError: as ``require_prefect_server``.
    """
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise ConfigurationError("prefect_login", url=_address()) from None
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise PrefectUnavailableError("prefect_unavailable", url=_address(), text=f"HTTP {status}") from None
        raise ConfigurationError("prefect_not_found", url=_address()) from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.DecodingError, ValueError):
        # What is not JSON is a ValueError, as is an address that is none.
        raise ConfigurationError("prefect_not_found", url=_address()) from None
    except httpx.HTTPError as error:
        text = str(error) or type(error).__name__
        raise PrefectUnavailableError("prefect_unavailable", url=_address(), text=text) from None


def _address() -> str:
    """The address of the server, without a password that it may contain."""
    url = httpx.URL(PREFECT_API_URL.value() or "")
    return str(url.copy_with(userinfo=b"")) if url.userinfo else str(url)
