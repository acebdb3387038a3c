"""How a command or a flow run ends by an error: one sentence in the user's language, and the exit code."""

import os
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

from sage100_ssm.app.settings import SettingsError
from sage100_ssm.messages import Language, say, say_error
from sage100_ssm.sync.failures import Exit, SyncError
from sage100_ssm.sync.state.errors import (
    AnotherRun,
    LeaseLost,
    StateDamaged,
    StateError,
    StateMissing,
    StateUnavailable,
)

_STATE_ERRORS: dict[type[StateError], tuple[str, Exit]] = {
    AnotherRun: ("another_run", Exit.ANOTHER_RUN),
    LeaseLost: ("lease_lost", Exit.ANOTHER_RUN),
    StateDamaged: ("state_damaged", Exit.CONFIGURATION),
    StateMissing: ("state_missing", Exit.CONFIGURATION),
    StateUnavailable: ("state_unavailable", Exit.CONFIGURATION),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended.

    Attributes:
        exit_code: of the operator's command.
        message: what happened and what to do, for people; several lines if several things are to be mended.
    """

    exit_code: Exit
    message: str


def ending_of(error: Exception, language: Language) -> Ending:
    """Put an error into words.

    The traceback of a fault of the program goes to a file that its owner alone can read.
    """
    if isinstance(error, SettingsError):
        return Ending(error.exit_code, "\n".join(_sentences(error)))
    if isinstance(error, SyncError):
        return Ending(error.exit_code, say_error(error.code, language, **error.params))
    if isinstance(error, StateError) and type(error) in _STATE_ERRORS:
        code, exit_code = _STATE_ERRORS[type(error)]
        return Ending(exit_code, say(code, language, **vars(error)))
    return Ending(Exit.FAULT, say("unexpected", language, file=_kept_traceback(error)))


def _sentences(error: SettingsError) -> list[str]:
    faults = [
        say(f"fault_{fault.reason}", error.language, key=fault.key or None, **fault.params) for fault in error.faults
    ]
    return [say(error.code, error.language, **error.params), *(f"- {sentence}" for sentence in faults)]


def _kept_traceback(error: Exception) -> Path:
    handle, name = tempfile.mkstemp(prefix="sage100-ssm-", suffix=".traceback.txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(traceback.format_exception(error))
    return Path(name)
