"""How a command or a flow run ends after an error: a sentence in the user's language, and the exit code."""

import errno
import os
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sage100_ssm.app.settings import SettingsError
from sage100_ssm.messages import Language, describe, say, say_error
from sage100_ssm.sync.failures import Exit, SyncError, side_error
from sage100_ssm.sync.state.backup import BackupFailed
from sage100_ssm.sync.state.errors import (
    AnotherRun,
    LeaseLost,
    StateDamaged,
    StateError,
    StateMissing,
    StateOutdated,
    StateUnavailable,
)
from sage100_ssm.sync.state.records import ONE_WAY

if TYPE_CHECKING:
    # It loads the rules: the commands that only look do not wait for them.
    from sage100_ssm.sync.run.report import RunReport

_STATE_ERRORS: dict[type[StateError], tuple[str, Exit]] = {
    AnotherRun: ("another_run", Exit.ANOTHER_RUN),
    BackupFailed: ("backup_failed", Exit.CONFIGURATION),
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
        return Ending(error.exit_code, _settings_message(error, error.language or language))
    if isinstance(error, SyncError):
        return Ending(error.exit_code, say_error(error.code, language, **error.params))
    if isinstance(error, StateError) and type(error) in _STATE_ERRORS:
        code, exit_code = _STATE_ERRORS[type(error)]
        # A driver's own words are no reason that the sentences know.
        words = {"text": error.reason} if isinstance(error, StateUnavailable) else {}
        return Ending(exit_code, say(code, language, **vars(error), **words))
    if isinstance(error, OSError) and _is_full_disk(error):
        return Ending(Exit.CONFIGURATION, say("disk_full", language, file=error.filename))
    return Ending(Exit.FAULT, say("unexpected", language, file=_write_traceback(error)))


def is_about_state(error: Exception) -> bool:
    """Whether the state, or the disk that it is on, could not be used: nothing can be remembered there."""
    return isinstance(error, StateDamaged | StateUnavailable) or _is_full_disk(error)


def _is_full_disk(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def report_message(report: "RunReport", language: Language) -> str:
    """What a run did, without personal data: why a side failed and what a guard holds, else the figures."""
    errors = (side_error(side, failure) for side, failure in report.failures.items())
    sentences = [say_error(error.code, language, **error.params) for error in errors]
    guards = (describe(guard, language) for guard in report.guards)
    sentences += [f"{words.message} → {words.remedy}" for words in guards]
    return "\n".join(sentences) or _figures(report, language)


def one_way_sentence(counts: Mapping[str, Any], language: Language) -> str | None:
    """That nothing is written into Sage, and how many changes of SSM wait or stay there (P18).

    Args:
        counts: the figures of a run.
        language: the language.

    Returns:
        The sentence; None where both sides are written.
    """
    one_way = counts.get(ONE_WAY)
    return say(f"one_way_{one_way['reason']}", language, number=one_way["left"]) if one_way else None


def _figures(report: "RunReport", language: Language) -> str:
    counts = report.as_json()
    sides = [say("run_side", language, side=side, **counts[side]) for side in ("sage100", "ssm")]
    parts = [say(f"run_{report.status}", language), *sides, say("run_summary", language, **counts)]
    if report.postponed:
        parts.append(say("run_postponed", language, number=report.postponed))
    if report.whole_read:
        parts.append(say_whole_read(report.whole_read.progress(), language))
    if report.companies_left:
        parts.append(say("run_companies_left", language, number=report.companies_left))
    parts += filter(None, [one_way_sentence(counts, language)])
    return " - ".join(parts)


def say_whole_read(progress: Mapping[str, Any], language: Language) -> str:
    """How far the whole read of SSM is that the next run goes on with."""
    return say("run_first_read" if progress["is_first"] else "run_whole_read", language, **progress)


def _settings_message(error: SettingsError, language: Language) -> str:
    lines = [say(error.code, language, **error.params)]
    for setting in error.invalid:
        sentence = say(f"setting_{setting.reason}", language, key=setting.key or None, **setting.params)
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
