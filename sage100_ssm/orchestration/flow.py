"""One synchronisation as a Prefect flow, with a task per step, so that the dashboard shows its progress.

Prefect stores names, log lines, messages and artifacts in its own database: they contain ids, codes and figures, but
no personal data.
"""

# Before anything that imports the Airbyte CDK, which would take over the logging of Prefect.
import sage100_ssm.connectors.cdk_logging  # noqa: F401, I001 - imported for its effect, and first

import faulthandler
import logging
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import deployment
from prefect.states import Failed

from sage100_ssm.sync.run.context import Run, RunOptions
from sage100_ssm.sync.run.course import ResultT, Step, Take, synchronise
from sage100_ssm.sync.run.pace import Writing
from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.sync.state.errors import AnotherRun
from sage100_ssm.sync.state.store import stored_state
from sage100_ssm.orchestration.artifacts import publish
from sage100_ssm.orchestration.carried_out import carried_out
from sage100_ssm.orchestration.configured import DEFAULT_CONFIG
from sage100_ssm.orchestration.run_names import RunName
from sage100_ssm.orchestration.started_by import started_by
from sage100_ssm.app.assemble import open_run
from sage100_ssm.app.endings import Ending, report_message
from sage100_ssm.app.progress import in_words
from sage100_ssm.app.settings import Settings

_RECENT_RUNS = 48
_HANGS_AFTER_BUDGETS = 2


@flow(name="sage100-ssm", description="Contacts of Sage 100 and Sage Sales Management, both ways.")
def sync_contacts(
    config: str = DEFAULT_CONFIG, *, allow_deletions: bool = False, allow_mass_change: bool = False
) -> State[Any]:
    """Synchronise once.

    Args:
        config: The settings. Leave it as it is: a run that asks for others is refused.
        allow_deletions: Carry out the deletions that a guard held back, in this run only. First look at them with
            "sage100-ssm plan".
        allow_mass_change: Lift the other guards, in this run only. First look at "sage100-ssm plan".

    Returns:
        Completed; Cancelled where another run was under way; else Failed, also where a guard held something back. The
        message is the sentence of the operator's command. The names of the states are Prefect's own, because its
        lists show no others.
    """
    # The CDK logs each stream that it reads; only its warnings matter here.
    logging.getLogger("airbyte").setLevel(logging.WARNING)
    options = RunOptions(allow_deletions=allow_deletions, allow_mass_change=allow_mass_change)
    return carried_out(config, partial(_synchronisation, options))


def _synchronisation(options: RunOptions, settings: Settings, name: RunName) -> Ending:
    language = settings.language
    if options.allow_deletions or options.allow_mass_change:
        options = replace(options, by=started_by(language))

    def waiting(other: AnotherRun) -> None:
        get_run_logger().info(plain_spaces(say("another_run_watched", language, owner=other.owner)))

    log = get_run_logger()  # the threads that write do not know which run they belong to

    def watch(writing: Writing) -> None:
        key, named = in_words(writing)
        log.info(plain_spaces(say(key, language, **named)))

    with _ended_if_it_hangs(settings), open_run(settings, options, waiting, watch) as run:
        report = synchronise(run, _as_tasks(run, language))
    ending = Ending(report.exit_code, report_message(report, language))
    with stored_state(settings.state) as state:
        publish(settings, ending.message, report, state.open_problems(), state.runs(_RECENT_RUNS))
    name.show_ended(ending.exit_code, report)
    return ending


@contextmanager
def _ended_if_it_hangs(settings: Settings) -> Iterator[None]:
    """End the process of a run that takes twice its time budget: its company has no other run as long as it lasts.

    Reading keeps to the budget by itself, and writing has half of one more at most. What is left is a driver that never
    returns.
    """
    # Without a deployment, the process is not the run's own; a Windows service may have nothing to log to.
    can_be_ended = deployment.id is not None and sys.stderr is not None
    if can_be_ended:
        # A thread of C's own, that a driver which holds Python's lock does not hold up. It logs where it hung.
        faulthandler.dump_traceback_later(settings.time_budget_minutes * 60 * _HANGS_AFTER_BUDGETS, exit=True)
    try:
        yield
    finally:
        if can_be_ended:
            faulthandler.cancel_dump_traceback_later()


class _Taken:
    """What a step came to. No dataclass: Prefect looks into those, down to the last contact.

    Attributes:
        value: what it found.
        error: what ended it.
    """

    def __init__(self, value: Any = None, error: Exception | None = None) -> None:
        self.value, self.error = value, error


def _as_tasks(run: Run, language: Language) -> Take:
    """Take each step as a Prefect task, up to the first one that does not succeed.

    The engine takes the remaining steps with what it has, to bring the journal up to date. They are no tasks: a green
    step after a red one would say that its work was done.
    """
    is_over = False

    def take(step: Step, action: Callable[[], ResultT], /) -> ResultT:
        nonlocal is_over
        if is_over:
            return action()
        label = say(f"step_{step}", language)
        get_run_logger().info(label)
        # Without return_state, a task that returns a failed state hands that state over instead of its result.
        state = _step.with_options(name=_ascii(label))(
            action, lambda value: _stopped(step, value, run), language, return_state=True
        )
        taken = cast("_Taken", state.result(raise_on_failure=False))
        is_over = state.is_failed()
        if taken.error:
            raise taken.error
        return cast("ResultT", taken.value)

    return take


@task(cache_policy=NO_CACHE)
def _step(action: Callable[[], Any], stopped: Callable[[Any], str | None], language: Language) -> Any:
    """Take one step. Its error goes to the flow as it is, without Prefect logging a traceback."""
    try:
        taken = _Taken(action())
    except Exception as error:  # noqa: BLE001 - the flow reports it, and needs it whole
        return Failed(message=plain_spaces(say("step_failed", language)), data=_Taken(error=error))
    if sentence := stopped(taken.value):
        return Failed(message=plain_spaces(say(sentence, language)), data=taken)
    return taken


def _stopped(step: Step, value: Any, run: Run) -> str | None:
    """The sentence for a step that returned and did not do all of its work; None for one that did."""
    if (step is Step.OBSERVE and value.observation.failures) or (step is Step.APPLY and run.tally.failures):
        return "step_failed"
    return "step_held" if step is Step.GUARD and value.guards else None


def _ascii(label: str) -> str:
    """A label in the only characters that Prefect's picture of a run can draw."""
    return unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
