"""One synchronisation as a Prefect flow, with a task per step, so that the dashboard shows its progress.

Prefect stores names, log lines, messages and artifacts in its own database: they contain ids, codes and figures, but
no personal data.
"""

# Before anything that imports the Airbyte CDK, which would take over the logging of Prefect.
import sage100_ssm.connectors.cdk_logging  # noqa: F401, I001 - imported for its effect, and first

import logging
from collections.abc import Callable
from typing import Any, cast

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.sync.run.course import ResultT, Step, Take, synchronise
from sage100_ssm.sync.failures import Exit, side_error
from sage100_ssm.messages import Language, say, say_error
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.state.errors import AnotherRun
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.orchestration.blocks import load_settings_for_flow
from sage100_ssm.orchestration.configured import DEFAULT_CONFIG, allowed_config, require_allowed
from sage100_ssm.app.assemble import open_run
from sage100_ssm.app.endings import Ending, ending_after

_STATE_NAMES = {Exit.DONE: "Done", Exit.GUARD: "Held", Exit.ANOTHER_RUN: "Skipped"}
"""The name of the flow run's last state where the run has not failed."""


@flow(name="sage100-ssm", description="Contacts of Sage 100 and Sage Sales Management, both ways.")
def sync_contacts(
    config: str = DEFAULT_CONFIG, *, allow_deletions: bool = False, allow_mass_change: bool = False
) -> State[Any]:
    """Synchronise once.

    Args:
        config: path of the settings file on the machine that runs the flow, or ``block:NAME``; refused unless it
            is what this machine or the deployment was set up for.
        allow_deletions: lift the deletion guard for this run (P9).
        allow_mass_change: lift the other guards for this run (P9).

    Returns:
        Completed, named ``Done``, ``Held`` (a guard held something back) or ``Skipped`` (another run is under
        way); else Failed. The message says what happened.
    """
    # The CDK logs each stream that it reads; only its warnings matter here.
    logging.getLogger("airbyte").setLevel(logging.WARNING)
    language: Language = "fr"
    try:
        allowed = allowed_config(config)
        settings = load_settings_for_flow(allowed)
        language = settings.language
        require_allowed(config, allowed)
        options = RunOptions(allow_deletions=allow_deletions, allow_mass_change=allow_mass_change)

        def waiting(other: AnotherRun) -> None:
            get_run_logger().info(say("another_run_watched", language, owner=other.owner))

        with open_run(settings, options, waiting) as run:
            report = synchronise(run, _as_tasks(language))
        with StateStore.open(settings.state, read_only=True) as store, store.transaction() as state:
            problems = state.open_problems()
        _publish_artifacts(report, problems, language)
        return _final_state(Ending(report.exit_code, _summary(report, language)))
    except Exception as error:  # noqa: BLE001 - every error becomes a sentence of the flow run
        return _final_state(ending_after(error, language))


def _as_tasks(language: Language) -> Take:
    """Take each step as a Prefect task with the step's own label."""

    def take(step: Step, action: Callable[[], ResultT], /) -> ResultT:
        label = say(f"step_{step}", language)
        get_run_logger().info(label)
        # Without return_state, a task that returns a failed state hands that state over instead of raising its error.
        state = _step.with_options(name=label)(action, language, return_state=True)
        return cast("ResultT", state.result())

    return take


@task(cache_policy=NO_CACHE)
def _step(action: Callable[[], Any], language: Language) -> Any:
    """Take one step. Its error goes to the flow as it is, without Prefect logging a traceback."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - the flow reports it, and needs it whole
        return Failed(message=say("step_failed", language), data=error)


def _final_state(ending: Ending) -> State[Any]:
    if name := _STATE_NAMES.get(ending.exit_code):
        return Completed(name=name, message=ending.message)
    return Failed(message=ending.message)


def _summary(report: RunReport, language: Language) -> str:
    counts = report.as_json()
    sides = [say("run_side", language, side=side, **counts[side]) for side in ("sage100", "ssm")]
    parts = [say(f"run_{report.status}", language), *sides, say("run_summary", language, **counts)]
    if report.postponed:
        parts.append(say("run_postponed", language, number=report.postponed))
    errors = (side_error(side, failure) for side, failure in report.failures.items())
    parts += [say_error(error.code, language, **error.params) for error in errors]
    return " - ".join(parts)


def _publish_artifacts(report: RunReport, problems: list[JournalEntry], language: Language) -> None:
    """Add the run's figures and the open problems to Prefect's artifacts."""
    counts = report.as_json()
    figures = [{"": side, **counts[side]} for side in ("sage100", "ssm")]
    create_table_artifact(key="synchronisation", table=figures, description=say("run_summary", language, **counts))
    create_table_artifact(
        key="open-problems",
        table=[_problem_row(known) for known in problems],
        description=say("title_problems", language),
    )


def _problem_row(known: JournalEntry) -> dict[str, Any]:
    """A problem by its ids alone; ``sage100-ssm problems`` shows the names."""
    subject = known.entry.subject
    return {
        "id": known.id,
        "code": known.entry.code.value,
        "rule": known.entry.rule,
        "company": subject.company,
        "cbMarq": subject.sage100_id,
        "SSM": subject.ssm_id,
        "contacts": len(known.entry.contacts),
        "field": known.entry.field,
        "since": known.first_seen.isoformat(timespec="minutes"),
        "count": known.count,
    }
