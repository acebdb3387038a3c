"""What ends a run before it has done its work, sorted by what a person does next.

An error carries a code and its parameters; it is put into the user's words in one place, the operator's
command.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.sync.journal import Entry
from sage100_ssm.sync.model import Side


class Exit(IntEnum):
    """Exit codes of the operator's command."""

    DONE = 0
    NEGATIVE = 1
    """The answer is no: there is something to write (`plan --exit-code`), nobody is known (`explain`)."""
    CONFIGURATION = 2
    GUARD = 3
    SIDE = 4
    ANOTHER_RUN = 5
    FAULT = 70


class SyncError(Exception):
    """A run cannot go on.

    Attributes:
        code: which sentence says it (``login_refused``, ``another_run``).
        exit_code: how the command ends.
        params: what the sentence names; never a secret.
        problems: what the journal says of it (R10).
        report: what ``run --json`` prints of the run that it ended, if it ended one.
    """

    exit_code: Exit = Exit.FAULT

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params
        self.problems: Sequence[Entry] = ()
        self.report: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        named = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.code} ({named})" if named else self.code


class ConfigurationError(SyncError):
    """The settings, a login, a right, a column or the state is not as it must be: a person mends it."""

    exit_code = Exit.CONFIGURATION


class SideUnavailableError(SyncError):
    """A side could not be reached: the next run tries again."""

    exit_code = Exit.SIDE


def side_error(side: Side, failure: Failure) -> ConfigurationError | SideUnavailableError:
    """The error that ends a run which cannot go on without the side."""
    kind = ConfigurationError if failure.configuration else SideUnavailableError
    return kind(failure.code, **failure.details, side=side.value, text=failure.text)
