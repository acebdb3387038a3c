"""What takes seconds to minutes: runs, plans and looks at both sides, in a thread, one at a time."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from threading import Lock, Thread
from typing import Any

from sage100_ssm.app.endings import Ending, ending_after
from sage100_ssm.messages import Language

_KEPT = 20
"""How many jobs are remembered: each holds what it found."""
_KEPT_FOR = timedelta(hours=12)
"""How long what a job found is remembered: names, of somebody perhaps who was forgotten since (P17)."""


class JobKind(StrEnum):
    """What a job does."""

    RUN = "run"
    RETRY = "retry"
    PLAN = "plan"
    PAIRS = "pairs"


@dataclass(slots=True, eq=False)
class Job:
    """One job. Its thread changes it; the pages read it.

    Attributes:
        id: its name in addresses.
        kind: what it does.
        by: who started it.
        language: in which a failure is put into words.
        back: the page to return to afterwards.
        started_at: when it began.
        step: the step that a run is at.
        done: how many parts are done, of those that it has.
        parts: how many there are.
        ended_at: when it ended; None while it is under way.
        result: what came of it, where it did not fail.
        failure: how it failed, in words.
    """

    kind: JobKind
    by: str
    language: Language
    back: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    step: str = ""
    done: int = 0
    parts: int = 1
    ended_at: datetime | None = None
    result: Any = None
    failure: Ending | None = None


Work = Callable[[Job], Any]
"""Does the work of a job and returns its result; it may say how far it is by changing the job."""


class JobUnderWayError(Exception):
    """Another job is under way.

    Attributes:
        job: that one.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job.kind)
        self.job = job


class Jobs:
    """The jobs since the page was started. One is under way at a time; the lease keeps out runs from elsewhere."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()

    def start(self, job: Job, work: Work) -> Job:
        """Begin a job.

        Raises:
            JobUnderWayError: another one is under way.
        """
        with self._lock:
            if under_way := self.under_way:
                raise JobUnderWayError(under_way)
            for old in list(self._jobs)[: max(0, len(self._jobs) + 1 - _KEPT)]:
                self._jobs.pop(old, None)
            self._jobs[job.id] = job
        # Not a daemon: when the page is stopped, a run that is under way goes on to its end.
        Thread(target=_carry_out, args=(job, work), name=f"page-{job.kind}").start()
        return job

    @property
    def under_way(self) -> Job | None:
        """The job that is under way, if one is."""
        return next((job for job in list(self._jobs.values()) if job.ended_at is None), None)

    def get(self, id_: str) -> Job | None:
        """The job of that name; None for one that is forgotten."""
        self._forget_old()
        return self._jobs.get(id_)

    def last(self, kind: JobKind) -> Job | None:
        """The last job of a kind that was done."""
        self._forget_old()
        done = [job for job in list(self._jobs.values()) if job.kind is kind and job.ended_at and job.failure is None]
        return done[-1] if done else None

    def _forget_old(self) -> None:
        limit = datetime.now(UTC) - _KEPT_FOR
        for job in list(self._jobs.values()):
            if job.ended_at is not None and job.ended_at <= limit:
                self._jobs.pop(job.id, None)


def _carry_out(job: Job, work: Work) -> None:
    try:
        job.result = work(job)
    except Exception as error:  # noqa: BLE001 - whatever it is, the page says it in words
        job.failure = ending_after(error, job.language)
    job.ended_at = datetime.now(UTC)
