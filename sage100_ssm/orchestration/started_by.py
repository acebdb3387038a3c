"""Who started the flow run that is under way, as far as Prefect knows."""

from contextlib import suppress

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from sage100_ssm.messages import Language, say
from sage100_ssm.orchestration.prefect_api import api_errors_in_words
from sage100_ssm.sync.failures import SyncError


def started_by(language: Language) -> str:
    """Who started this flow run: a user of Prefect Cloud, an automation, a schedule; else somebody in Prefect.

    A server of one's own has one key for all, and no names of people.
    """
    # A name is not worth a failed run.
    with suppress(SyncError), api_errors_in_words(), get_client(sync_client=True) as client:
        created_by = client.read_flow_run(flow_run.id).created_by
        if created_by and created_by.display_value:
            return say("prefect_started_by", language, name=created_by.display_value)
    return say("prefect_started_by_somebody", language)
