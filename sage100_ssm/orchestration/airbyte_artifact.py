"""What Prefect shows of the last job of an Airbyte connection, and where to find what Airbyte's API does not give."""

from collections.abc import Mapping
from contextlib import suppress

from prefect.artifacts import create_markdown_artifact

from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.orchestration.airbyte_api import Connection, Job
from sage100_ssm.orchestration.artifacts import as_markdown
from sage100_ssm.orchestration.prefect_api import api_errors_in_words
from sage100_ssm.sync.failures import SyncError

_OPEN_PROBLEMS = "open_problems"
"""The stream of source-contact-sync that contains them."""


def publish_job(message: str, job: Job, connection: Connection, page: str, language: Language) -> None:
    """Add to Prefect's artifacts what a job of Airbyte came to.

    Args:
        message: that, in words.
        job: the job.
        connection: its connection.
        page: the connection's address in Airbyte's user interface.
        language: the language of the site.
    """
    figures = {"records": job.rows, "size": job.size, "duration": job.duration}
    lines = [
        f"## {as_markdown(connection.name)}",
        "",
        as_markdown(message),
        "",
        f"- {say('airbyte_figures', language, number=job.number, **_or_unknown(figures, language))}",
        f"- {say('airbyte_not_given', language, page=page)}",
    ]
    if table := connection.tables.get(_OPEN_PROBLEMS):
        others = {name: connection.tables.get(name, "-") for name in ("runs", "journal")}
        tables = {name: f"`{one}`" for name, one in {"problems": table, **others}.items()}
        lines.append(f"- {say('airbyte_in_the_warehouse', language, **tables)}")
    with suppress(SyncError), api_errors_in_words():
        create_markdown_artifact(key=f"airbyte-{connection.id}", markdown=plain_spaces("\n".join([*lines, ""])))


def _or_unknown(figures: Mapping[str, object], language: Language) -> dict[str, object]:
    unknown = say("airbyte_unknown", language)
    return {name: unknown if value is None else value for name, value in figures.items()}
