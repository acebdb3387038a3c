"""How a command or a flow run ends after an error: a sentence in the user's language, and the exit code."""

import errno
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
    StateOutdated,
    StateUnavailable,
)

_STATE_ERRORS: dict[type[StateError], tuple[str, Exit]] = {
    AnotherRun: ("another_run", Exit.ANOTHER_RUN),
    LeaseLost: ("lease_lost", Exit.ANOTHER_RUN),
    StateDamaged: ("state_damaged", Exit.CONFIGURATION),
    StateMissing: ("state_missing", Exit.CONFIGURATION),
    StateOutdated: ("state_unavailable", Exit.CONFIGURATION),
    StateUnavailable: ("state_unavailable", Exit.CONFIGURATION),
}

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a command or of a flow run.

    Attributes:
        exit_code: the exit code of the operator's command.
        message: what happened and what to do, for people; several lines where several settings are invalid.
    """

    exit_code: Exit
    message: str


def ending_after(error: Exception, language: Language) -> Ending:
    """The ending that an error leads to.

    Any other error is a fault of the program: its traceback goes to a file that only its owner can read.
    """
    if isinstance(error, SettingsError):
        return Ending(error.exit_code, _settings_message(error))
    if isinstance(error, SyncError):
        return Ending(error.exit_code, say_error(error.code, language, **error.params))
    if isinstance(error, StateError) and type(error) in _STATE_ERRORS:
        code, exit_code = _STATE_ERRORS[type(error)]
        return Ending(exit_code, say(code, language, **vars(error)))
    if isinstance(error, OSError) and _is_full_disk(error):
        return Ending(Exit.CONFIGURATION, say("disk_full", language, file=error.filename))
    return Ending(Exit.FAULT, say("unexpected", language, file=_write_traceback(error)))


def is_about_state(error: Exception) -> bool:
    """Whether the state, or the disk that it is on, could not be used: nothing can be remembered there."""
    return isinstance(error, StateDamaged | StateUnavailable) or _is_full_disk(error)


def _is_full_disk(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def _settings_message(error: SettingsError) -> str:
    lines = [say(error.code, error.language, **error.params)]
    for setting in error.invalid:
        sentence = say(f"setting_{setting.reason}", error.language, key=setting.key or None, **setting.params)
        lines.append(f"- {sentence}")
    return "\n".join(lines)


def _write_traceback(error: Exception) -> Path | None:
    """Write a traceback to a file; None where there is no room for one."""
    try:
        # A traceback may quote data of contacts: mkstemp makes the file readable for its owner alone.
        handle, name = tempfile.mkstemp(prefix="sage100-ssm-", suffix=".traceback.txt")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return None
    return Path(name)
