"""One synchronisation as a Prefect flow: a task per step, so that the dashboard shows where it stands.

Prefect keeps names, log lines, messages and artifacts in its own database: they bear ids, codes and figures,
and no personal data.
"""

# Before whatever imports the Airbyte CDK, which would take over the logging of Prefect.
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
from sage100_ssm.sync.failures import Exit
from sage100_ssm.messages import Language, say
from sage100_ssm.sync.run.report import RunReport
from sage100_ssm.sync.state.records import JournalEntry
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.orchestration.blocks import settings_of
from sage100_ssm.app.assemble import open_run
from sage100_ssm.app.endings import Ending, ending_after

_STATE_NAMES = {Exit.DONE: "Done", Exit.GUARD: "Held", Exit.ANOTHER_RUN: "Skipped"}
"""The endings that are no failure of a flow run, by the name of its last state."""


@flow(name="sage100-ssm", description="Contacts of Sage 100 and Sage Sales Management, both ways.")
def sync_contacts(
    config: str = "sync.yaml", *, allow_deletions: bool = False, allow_mass_change: bool = False
) -> State[Any]:
    """Synchronise once.

    Args:
        config: path of the settings file on the machine that runs the flow, or ``block:NAME``.
        allow_deletions: lift the deletion guard for this run (P9).
        allow_mass_change: lift the other guards for this run (P9).

    Returns:
        Completed, named ``Done``, ``Held`` (a guard held something back) or ``Skipped`` (another run is under
        way); else Failed. The message says what happened.
    """
    # The CDK notes each stream that it reads; its warnings are of interest here.
    logging.getLogger("airbyte").setLevel(logging.WARNING)
    language: Language = "fr"
    try:
        settings = settings_of(config)
        language = settings.language
        options = RunOptions(allow_deletions=allow_deletions, allow_mass_change=allow_mass_change)
        with open_run(settings, options=options) as run:
            report = synchronise(run, _as_tasks(language))
        _publish(report, _open_problems(settings.state), language)
        return _state_of(Ending(report.exit_code, _summary(report, language)))
    except Exception as error:  # noqa: BLE001 - whatever ends a run is put into words
        return _state_of(ending_after(error, language))


def _as_tasks(language: Language) -> Take:
    """Take each step as a Prefect task with the step's own label."""

    def take(step: Step, action: Callable[[], ResultT], /) -> ResultT:
        label = say(f"step_{step}", language)
        get_run_logger().info(label)
        return cast("ResultT", _step.with_options(name=label)(action, language))

    return take


@task(cache_policy=NO_CACHE)
def _step(action: Callable[[], Any], language: Language) -> Any:
    """Take one step. Its error goes to the flow as it is, without Prefect logging a traceback."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - the flow reports it, and needs it whole
        return Failed(message=say("step_failed", language), data=error)


def _state_of(ending: Ending) -> State[Any]:
    if name := _STATE_NAMES.get(ending.exit_code):
        return Completed(name=name, message=ending.message)
    return Failed(message=ending.message)


def _open_problems(state: str) -> list[JournalEntry]:
    with StateStore.open(state, read_only=True) as store, store.transaction() as memory:
        return memory.open_problems()


def _summary(report: RunReport, language: Language) -> str:
    counts = report.as_json()
    sides = [say("run_side", language, side=side, **counts[side]) for side in ("sage100", "ssm")]
    left = [say("run_postponed", language, number=report.postponed)] if report.postponed else []
    return " - ".join([say(f"run_{report.status}", language), *sides, say("run_summary", language, **counts), *left])


def _publish(report: RunReport, problems: list[JournalEntry], language: Language) -> None:
    """Show the run's figures and the open problems among Prefect's artifacts."""
    counts = report.as_json()
    figures = [{"": side, **counts[side]} for side in ("sage100", "ssm")]
    create_table_artifact(key="synchronisation", table=figures, description=say("run_summary", language, **counts))
    create_table_artifact(
        key="open-problems",
        table=[_problem_row(known) for known in problems],
        description=say("title_problems", language),
    )


def _problem_row(known: JournalEntry) -> dict[str, Any]:
    """A problem by its ids: who it is about is for ``sage100-ssm problems`` to say."""
    subject = known.entry.subject
    return {
        "id": known.id,
        "code": known.entry.code.value,
        "rule": known.entry.rule,
        "company": subject.company,
        "cbMarq": subject.sage100_id,
        "SSM": subject.ssm_id,
        "field": known.entry.field,
        "since": known.first_seen.isoformat(timespec="minutes"),
        "count": known.count,
    }
