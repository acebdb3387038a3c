"""One job of an Airbyte connection, from its start to its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from airbyte_api.models import JobStatusEnum

from sage100_ssm.orchestration.airbyte_api import (
    Airbyte,
    AirbyteAddressError,
    AirbyteConflictError,
    AirbyteUnavailableError,
    Connection,
    Job,
)
from sage100_ssm.sync.failures import ConfigurationError, Exit, SyncError

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_TRIES = 3
"""How often a job is asked for that Airbyte refuses although none seems to run: one is just ending, or beginning."""
_AWAY_AT_MOST = timedelta(minutes=5)
"""How long Airbyte may be away while a job is watched: it is restarted, and its jobs go on."""

_ACTIVE = "active"

_WHILE_RUNNING = {
    JobStatusEnum.QUEUED: "airbyte_queued",
    JobStatusEnum.RUNNING: "airbyte_running",
    JobStatusEnum.INCOMPLETE: "airbyte_incomplete",
}


class AirbyteJobError(SyncError):
    """A job took too long."""

    exit_code = Exit.SIDE


class Report(Protocol):
    """Says what happens, by the key of its sentence."""

    def __call__(self, key: str, /, **params: object) -> None:
        """Say it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One job of a connection, from its start to its end.

    Attributes:
        airbyte: Airbyte.
        connection: the connection.
        limit: how long the job may take.
        report: says what happens.
        is_being_cancelled: whether the work as a whole is being cancelled, asked where something stops it.
    """

    airbyte: Airbyte
    connection: Connection
    limit: timedelta
    report: Report
    is_being_cancelled: Callable[[], bool]

    def followed(self) -> Job:
        """The job after its end.

        Raises:
            ConfigurationError: the connection cannot run a job.
            AirbyteJobError: the job took too long.
            SyncError: see ``errors_in_words``.
        """
        if self.connection.status != _ACTIVE:
            raise ConfigurationError(
                "airbyte_connection_inactive", connection=self.connection.name, status=self.connection.status
            )
        job, is_ours = self._job()
        with self._cancelled_with_the_work(job) if is_ours else nullcontext():
            self._report("airbyte_started" if is_ours else "airbyte_running_already", number=job.number)
            return self._ended(job, is_ours=is_ours)

    def _job(self) -> tuple[Job, bool]:
        """A job of the connection, and whether it was started here."""
        for _ in range(_TRIES - 1):
            if job := self.airbyte.running_job(self.connection):
                if job.is_sync:
                    return job, False
                # Its data is being cleared: that is no sync, and Airbyte starts none meanwhile.
                self._ended(job, is_ours=False)
            try:
                return self.airbyte.start_sync(self.connection), True
            except AirbyteConflictError:
                time.sleep(_FIRST_PAUSE)
        return self.airbyte.start_sync(self.connection), True

    def _ended(self, job: Job, *, is_ours: bool) -> Job:
        began = seen = time.monotonic()
        pause = _FIRST_PAUSE
        status = job.status
        while not job.is_over:
            if time.monotonic() - began > self.limit.total_seconds():
                raise self._too_long(job, is_ours=is_ours)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            try:
                job = self.airbyte.job(job.number)
            except (AirbyteUnavailableError, AirbyteAddressError):
                # While Airbyte starts, a proxy before it may answer with a page of its own, or that there is none.
                if time.monotonic() - seen > _AWAY_AT_MOST.total_seconds():
                    raise
                continue
            seen = time.monotonic()
            if job.status != status and (key := _WHILE_RUNNING.get(job.status)):
                self._report(key, number=job.number)
            status = job.status
        return job

    def _too_long(self, job: Job, *, is_ours: bool) -> AirbyteJobError:
        """Why a job is not watched any longer; one that was started here is cancelled first."""
        if is_ours:
            self.airbyte.cancel(job.number)
        code = "airbyte_hung" if is_ours else "airbyte_hung_elsewhere"
        minutes = self.limit.total_seconds() / 60
        return AirbyteJobError(code, connection=self.connection.name, number=job.number, minutes=f"{minutes:g}")

    @contextmanager
    def _cancelled_with_the_work(self, job: Job) -> Iterator[None]:
        """Cancel the job if the work is cancelled within the block.

        Where its process is merely stopped, the job goes on, and the next run waits for it.
        """
        try:
            yield
        except Exception:
            raise
        except BaseException as stop:
            if isinstance(stop, KeyboardInterrupt) or self.is_being_cancelled():
                with suppress(SyncError):
                    self.airbyte.cancel(job.number)
                self._report("airbyte_cancelled_with_run", number=job.number)
            raise

    def _report(self, key: str, **params: object) -> None:
        self.report(key, connection=self.connection.name, **params)
