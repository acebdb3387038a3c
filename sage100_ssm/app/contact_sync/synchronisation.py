"""One synchronisation for one read of the Airbyte source, and what it means for the sync that asked for it."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date

from sage100_ssm.app.assemble import open_run, showing, utc_now
from sage100_ssm.app.contact_sync.form import ContactSyncConfig
from sage100_ssm.app.endings import ending_after, report_message
from sage100_ssm.app.progress import in_words
from sage100_ssm.app.settings import Settings
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.in_process import masked_secrets
from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.sync.failures import Exit, SyncError
from sage100_ssm.sync.run.course import Step, synchronise
from sage100_ssm.sync.run.pace import Writing
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.state.database import REFUSED
from sage100_ssm.sync.state.errors import (
    AnotherRun,
    LeaseLost,
    StateDamaged,
    StateError,
    StateMissing,
    StateUnavailable,
)
from sage100_ssm.sync.state.store import StateStore

_LOOK_EVERY_SECONDS = 1.0
_REFUSED_BY_SERVER = ("FATAL", REFUSED)
"""What shows that a PostgreSQL server answered: its own word, in any language, for a login that it refuses; a right."""

logger = logging.getLogger("airbyte.contact_sync")
"""Below the logger of all connectors, so that it can speak while those are quiet."""


@contextmanager
def quiet_sides() -> Iterator[None]:
    """Let the connectors of the sides log their warnings alone: twenty lines about each of their reads hide ours."""
    of_all = logging.getLogger("airbyte")
    level, wanted = of_all.level, of_all.getEffectiveLevel()
    if wanted <= logging.DEBUG:
        yield
        return
    logger.setLevel(wanted)
    of_all.setLevel(logging.WARNING)
    try:
        yield
    finally:
        of_all.setLevel(level)
        logger.setLevel(logging.NOTSET)


def today(settings: Settings) -> date:
    """The day where the company is."""
    return utc_now().astimezone(settings.locale.time_zone).date()


def synchronise_once(config: ContactSyncConfig) -> ConnectorError | None:
    """One synchronisation, with its progress in the log.

    What a person must look at later (a guard, an open problem, a run that is under way already) is no error: the log
    and the streams say it.

    Returns:
        Why the sync is to fail in the end, although what the streams have of it can be read; None where it succeeded.

    Raises:
        ConnectorError: nothing was done, and nothing can be read.
    """
    settings = config.settings
    language = settings.language
    options = config.run_options(today(settings))
    _log(logging.INFO, say("contact_sync_begins", language))
    _mention_expired_days(config, language)

    def show(event: Step | Writing) -> None:
        key, named = in_words(event)
        _log(logging.INFO, say(key, language, **named))

    try:
        _wait_for_killed_run(settings, lambda other: _log(logging.INFO, _waits(other, language)))
        # After the sides: opening them may leave no secret masked but theirs.
        with quiet_sides(), open_run(settings, options, watch=show) as run, masked_secrets(config):
            report = synchronise(run, showing(show))
    except AnotherRun as other:
        _log(logging.WARNING, say("contact_sync_left", language, owner=other.owner))
    except SyncError as error:
        return _failure(error.code, ending_after(error, language).message, error.exit_code)
    except LeaseLost as error:
        return _failure("lease_lost", ending_after(error, language).message, Exit.SIDE)
    except StateError as error:
        raise state_failure(error, language) from error
    else:
        return _outcome(report, language)
    return None


def state_failure(error: StateError, language: Language) -> ConnectorError:
    """Why the state cannot be used, in Airbyte's form."""
    # A server that is out of reach may be back at the next attempt; one that refuses a password will refuse it again.
    is_out_of_reach = isinstance(error, StateUnavailable) and not any(w in error.reason for w in _REFUSED_BY_SERVER)
    return ConnectorError(
        "state", plain_spaces(ending_after(error, language).message), configuration=not is_out_of_reach
    )


def _wait_for_killed_run(settings: Settings, waits: Callable[[AnotherRun], None]) -> None:
    """Wait until the lease of a run that does not renew it has expired.

    Airbyte repeats an attempt that was killed at once, while its lease still lasts for up to two minutes. A run that is
    alive renews its lease twice a minute.

    Raises:
        AnotherRun: the run is alive.
    """
    # What is wrong with the state is found, and reported to the administrator, where the run opens it.
    with (
        suppress(StateMissing, StateDamaged, StateUnavailable),
        StateStore.open(settings.state, read_only=True) as store,
    ):
        watched: AnotherRun | None = None
        while other := _holder(store):
            if watched is None:
                watched = other
                waits(other)
            elif (watched.owner, watched.expires_at) != (other.owner, other.expires_at):
                raise other
            time.sleep(_LOOK_EVERY_SECONDS)


def _holder(store: StateStore) -> AnotherRun | None:
    try:
        store.refuse_if_leased(utc_now())
    except AnotherRun as other:
        return other
    return None


def _outcome(report: RunReport, language: Language) -> ConnectorError | None:
    message = report_message(report, language)
    if report.exit_code not in (Exit.DONE, Exit.GUARD):
        return _failure("side_failed", message, report.exit_code)
    _log(logging.WARNING if report.guards else logging.INFO, message)
    if report.guards:
        _log(
            logging.WARNING,
            say("contact_sync_guard", language, settings="allow_deletions_until, allow_mass_change_until"),
        )
    return None


def _failure(code: str, message: str, exit_code: Exit) -> ConnectorError:
    return ConnectorError(code, plain_spaces(message), configuration=exit_code is Exit.CONFIGURATION)


def _waits(other: AnotherRun, language: Language) -> str:
    return say("contact_sync_waits", language, owner=other.owner)


def _mention_expired_days(config: ContactSyncConfig, language: Language) -> None:
    for setting, day in config.expired_days(today(config.settings)).items():
        _log(logging.INFO, say("contact_sync_expired", language, setting=setting, day=day.isoformat()))


def _log(level: int, sentence: str) -> None:
    for line in sentence.splitlines():
        logger.log(level, plain_spaces(line))
