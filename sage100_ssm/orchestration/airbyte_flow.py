"""A sync of an Airbyte connection as a Prefect flow: started, watched, reported, and cancelled with its flow run."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from airbyte_api.models import JobStatusEnum
from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run

from sage100_ssm.app.endings import Ending, ending_after
from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.orchestration.airbyte_api import Connection, Job
from sage100_ssm.orchestration.airbyte_application import load_application
from sage100_ssm.orchestration.airbyte_artifact import publish_job
from sage100_ssm.orchestration.airbyte_watch import Report, Watch
from sage100_ssm.orchestration.final_states import final_state
from sage100_ssm.orchestration.log_lines import leave_out_echoes
from sage100_ssm.orchestration.prefect_api import api_errors_in_words
from sage100_ssm.orchestration.run_names import RunName
from sage100_ssm.sync.failures import ConfigurationError, Exit, SyncError

DEFAULT_LIMIT_MINUTES = 120

_IN_WORDS = {
    JobStatusEnum.SUCCEEDED: "airbyte_succeeded",
    JobStatusEnum.FAILED: "airbyte_failed",
    JobStatusEnum.CANCELLED: "airbyte_cancelled",
}
_IN_LISTS = {
    JobStatusEnum.SUCCEEDED: "airbyte_run_succeeded",
    JobStatusEnum.FAILED: "airbyte_run_failed",
    JobStatusEnum.CANCELLED: "airbyte_run_cancelled",
}


@flow(name="sage100-ssm-airbyte", description="A sync of an Airbyte connection.")
def airbyte_sync(connection: str, application: str, limit_minutes: int = DEFAULT_LIMIT_MINUTES) -> State[Any]:
    """Run a sync of an Airbyte connection and wait for its end.

    Where a job of the connection is under way already, whoever started it, it is waited for instead.

    Args:
        connection: The id of the connection. Leave it as it is: a run that asks for another one is refused.
        application: The block with the address of Airbyte and an application.
        limit_minutes: After how long a job is taken for one that hangs, and cancelled.

    Returns:
        Completed; Cancelled where somebody cancelled the job; else Failed. The message says what happened.
    """
    leave_out_echoes()
    language: Language = "fr"
    name = RunName()
    try:
        require_own(connection=connection, application=application)
        block = load_application(application)
        language = block.language
        with block.opened() as airbyte:
            known = airbyte.connection(connection)
            name = RunName(known.name, language, block.zone)
            name.show_running()
            limit = timedelta(minutes=limit_minutes)
            job = Watch(airbyte, known, limit, _logging(language), _is_being_cancelled).followed()
            page = airbyte.page_of(known)
        ending = _ending_of(job, known, page, language)
        publish_job(ending.message, job, known, page, language)
        name.show(say(_IN_LISTS[job.status], language, records=job.rows))
        return final_state(ending, is_cancelled=job.status is JobStatusEnum.CANCELLED)
    except Exception as error:  # noqa: BLE001 - every error becomes a sentence of the flow run
        ending = ending_after(error, language)
        name.show_ended(ending.exit_code, None)
        return final_state(ending)


def require_own(**parameters: str) -> None:
    """Make sure that a flow run asks for what its deployment was set up for.

    Whoever can start a run chooses its parameters; the application may be allowed to run more than this connection.

    Raises:
        ConfigurationError: it asks for something else.
    """
    # Without a deployment the flow was called by a program on this machine.
    if deployment.id is None:
        return
    for parameter, value in parameters.items():
        if value != (own := deployment.parameters.get(parameter)):
            raise ConfigurationError("airbyte_parameter_refused", parameter=parameter, own=own)


def _logging(language: Language) -> Report:
    def report(key: str, /, **params: object) -> None:
        get_run_logger().info(plain_spaces(say(key, language, **params)))

    return report


def _is_being_cancelled() -> bool:
    """Whether somebody cancelled this flow run, on Prefect's dashboard or by its command."""
    with suppress(SyncError), api_errors_in_words(), get_client(sync_client=True) as client:
        state = client.read_flow_run(flow_run.id).state
        return state is not None and (state.is_cancelling() or state.is_cancelled())
    return False


def _ending_of(job: Job, connection: Connection, page: str, language: Language) -> Ending:
    """What a job came to, in words."""
    exit_code = Exit.DONE if job.status is JobStatusEnum.SUCCEEDED else Exit.SIDE
    words = say(_IN_WORDS[job.status], language, connection=connection.name, number=job.number, page=page)
    return Ending(exit_code, words)
