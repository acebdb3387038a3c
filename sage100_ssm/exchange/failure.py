"""Why a side could not be read or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from types import MappingProxyType
from typing import Any


class SideError(Exception):
    """The base of the errors that `sage100` and `ssm` raise. ``str()`` is one sentence for people, without secrets.

    Attributes:
        code: what is wrong, as a stable name (``login_refused``, ``unreachable``, ``schema_missing``).
        configuration: whether a person must first mend settings, a login, a right or a table; else it is passing,
            or about one record.
        details: what else a sentence for people may name, such as the host.
    """

    code: str
    configuration: bool = False
    details: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a side, or a stream of it, could not be read or written.

    Attributes:
        code: as of `SideError`.
        text: one sentence for people, without secrets.
        configuration: as of `SideError`; where it is False, the next run tries again.
        details: what else a sentence for people may name: the server, the database, the driver.
    """

    code: str
    text: str
    configuration: bool = False
    details: Mapping[str, Any] = default(default_factory=dict)


class SideFailedError(Exception):
    """A side cannot be read or written any further: what the engine, which knows no side, is to catch.

    Attributes:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure
