"""The one place where settings, connectors, state and engine are put together."""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sage100_ssm.app.notify import notify_after_run
from sage100_ssm.app.progress import Progress
from sage100_ssm.app.settings import Settings
from sage100_ssm.app.sides import both_sides
from sage100_ssm.sync.contacts.fields import field_map
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.run.context import Context, Run, RunOptions, Site
from sage100_ssm.sync.run.course import ResultT, Step, Take, find_pairs, rehearse, relink, synchronise
from sage100_ssm.sync.run.forgetting import forget_person
from sage100_ssm.sync.run.lease import Waiting, leased
from sage100_ssm.sync.run.pace import Watch
from sage100_ssm.sync.run.pairs import Candidates
from sage100_ssm.sync.run.report import PlanReport, RunReport
from sage100_ssm.sync.state.errors import StateDamaged, StateMissing
from sage100_ssm.sync.state.forgetting import StoredPerson
from sage100_ssm.sync.state.store import StateStore

ORDINARY = RunOptions()
"""A run with every guard in place."""


def site_of(settings: Settings) -> Site:
    """What a site decided, as the engine needs it."""
    return Site(
        database=settings.sage100.company,
        fields=field_map(settings.fields),
        locale=settings.locale,
        policy=settings.policy,
        retention=settings.retention,
        scope=settings.scope,
        code_field=settings.ssm.company_code_field,
        ext_id_once=settings.ssm.ext_id_once,
        time_budget=timedelta(minutes=settings.time_budget_minutes),
        formerly=frozenset(settings.sage100.formerly),
    )


def utc_now() -> datetime:
    """The worker's clock."""
    return datetime.now(UTC)


def lease_owner() -> str:
    """Who holds a lease, for whoever is refused one."""
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def open_run(
    settings: Settings,
    options: RunOptions = ORDINARY,
    waiting: Waiting = lambda _: None,
    watch: Watch = lambda _: None,
) -> Iterator[Run]:
    """A run with its sides open, under its lease, which is checked before each write to a side.

    After it, however it ended, the administrator is sent what it changed.

    Args:
        settings: the settings of the installation.
        options: what a person asked of the run.
        waiting: called where it has to be found out first whether a run on another machine is alive.
        watch: called now and then with how far the writes of a side are.

    Raises:
        AnotherRun: another run is under way.
        StateError: the state cannot be used.
        SyncError: a side cannot be opened.
    """
    # Where a person waits for all to be read, and nothing is written, reading takes the time that it takes.
    reading_seconds = None if options.whole else settings.time_budget_minutes * 60
    try:
        with (
            StateStore.open(settings.state) as store,
            leased(store, lease_owner(), utc_now, waiting) as held,
            both_sides(settings.sage100, settings.ssm, held.check, reading_seconds) as (sage100, ssm),
        ):
            context = Context(store, sage100, ssm, site_of(settings), options, utc_now)
            yield Run(context, held.lease, uuid.uuid4().hex[:12], utc_now(), watch=watch)
    except Exception as error:
        notify_after_run(settings, utc_now(), error)
        raise
    # Here, so that it is the same for every way of running: the command, `serve`, a Prefect worker.
    notify_after_run(settings, utc_now())


def run_once(
    settings: Settings,
    options: RunOptions = ORDINARY,
    progress: Progress = lambda _: None,
    waiting: Waiting = lambda _: None,
) -> RunReport:
    """One synchronisation.

    Raises:
        SyncError, StateError: see ``open_run`` and ``synchronise``.
    """
    with open_run(settings, options, waiting, progress) as run:
        return synchronise(run, showing(progress))


def resync(settings: Settings, progress: Progress = lambda _: None, waiting: Waiting = lambda _: None) -> RunReport:
    """Read both sides whole and rebuild links and observations; neither side is written.

    A state file that is damaged is put aside first, under a name of its own.

    Raises:
        SyncError, StateError: see ``open_run`` and ``relink``.
    """
    with suppress(StateMissing):
        try:
            StateStore.open(settings.state, read_only=True).close()
        except StateDamaged as damaged:
            _put_aside(Path(damaged.place))
    with open_run(settings, RunOptions(whole=True), waiting) as run:
        return relink(run, showing(progress))


def forget(settings: Settings, contact: Subject, waiting: Waiting = lambda _: None) -> tuple[StoredPerson, bool]:
    """Forget one person at once (P17); neither side is asked or written.

    Raises:
        AnotherRun: a run is under way.
        StateError: the state cannot be used.
    """
    with (
        StateStore.open(settings.state) as store,
        leased(store, lease_owner(), utc_now, waiting) as held,
    ):
        return forget_person(store, held.lease, contact, utc_now())


def showing(progress: Progress) -> Take:
    """Take each step after its name was shown."""

    def take(step: Step, action: Callable[[], ResultT], /) -> ResultT:
        progress(step)
        return action()

    return take


def _put_aside(file: Path) -> None:
    """Rename a damaged state and what SQLite keeps beside it."""
    mark = utc_now().strftime("%Y%m%d-%H%M%S")
    for part in file.parent.glob(f"{file.name}*"):
        if part.name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
            part.rename(part.with_name(f"{part.name}.damaged-{mark}"))


def plan_once(settings: Settings, progress: Progress = lambda _: None) -> PlanReport:
    """What a run would do; nothing is changed anywhere, the state included.

    Raises:
        SyncError, StateError: see ``open_run`` and ``rehearse``.
    """
    with _to_look_at(settings) as context:
        return rehearse(context, showing(progress))


def match_once(settings: Settings, progress: Progress = lambda _: None) -> list[Candidates]:
    """Who is the same person on both sides; nothing is changed anywhere, the state included.

    Raises:
        SyncError, StateError: see ``open_run`` and ``find_pairs``.
    """
    with _to_look_at(settings) as context:
        return find_pairs(context, showing(progress))


@contextmanager
def _to_look_at(settings: Settings) -> Iterator[Context]:
    """Both sides and the state, to be read alone."""
    with (
        _state_to_read(settings.state) as store,
        both_sides(settings.sage100, settings.ssm, reading_seconds=settings.time_budget_minutes * 60) as (sage100, ssm),
    ):
        yield Context(store, sage100, ssm, site_of(settings), ORDINARY, utc_now)


@contextmanager
def _state_to_read(url: str) -> Iterator[StateStore]:
    """The state, untouched; before the first run an empty one that is forgotten again.

    Raises:
        AnotherRun: a run is under way, whose writes would be planned once more.
    """
    with TemporaryDirectory(prefix="sage100-ssm-") as folder:
        try:
            store = StateStore.open(url, read_only=True)
        except StateMissing:
            store = StateStore.open(f"sqlite:///{folder}/state.db")
        with store:
            store.refuse_if_leased(utc_now())
            yield store
