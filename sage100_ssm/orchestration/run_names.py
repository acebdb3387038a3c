"""How a run shows in lists: named after company, time and what it did; a held one with a tag and an event."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.runtime import deployment, flow_run

from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.orchestration.prefect_api import api_errors_in_words
from sage100_ssm.sync.failures import Exit, SyncError
from sage100_ssm.sync.run.report import RunReport

HELD = "held"
"""The tag of a run that a guard held back, by which a list of runs can be narrowed."""

HELD_EVENT = "sage100-ssm.held"
"""The event that such a run makes; Prefect's own event of its end still has the tags from before."""

_DATES: dict[Language, str] = {"fr": "%d/%m %H:%M", "en": "%d %b %H:%M"}
_ENDED = {Exit.GUARD: "prefect_run_held", Exit.ANOTHER_RUN: "prefect_run_skipped"}


def company_resource(company: str) -> dict[str, str]:
    """A company as what our events are about."""
    return {"prefect.resource.id": f"sage100-ssm.company.{company}", "prefect.resource.name": company}


@dataclass(frozen=True, slots=True)
class RunName:
    """The name of the flow run that is under way.

    Attributes:
        company: the company database; None where the settings could not be read.
        language: the language of the site.
        time_zone: the time zone of the site.
    """

    company: str | None = None
    language: Language = "fr"
    time_zone: tzinfo = UTC

    @classmethod
    def of(cls, settings: Settings) -> "RunName":
        """The name of a run with these settings."""
        return cls(settings.sage100.company, settings.language, settings.locale.time_zone)

    def show_running(self) -> None:
        """Say whose run it is."""
        self.show(say("prefect_run_running", self.language))

    def show_ended(self, exit_code: Exit, report: RunReport | None) -> None:
        """Say what it did."""
        written = report.sage100.written + report.ssm.written if report else 0
        key = _ENDED.get(exit_code, "prefect_run_failed")
        if exit_code is Exit.DONE:
            key = "prefect_run_wrote" if written else "prefect_run_quiet"
        is_held = exit_code is Exit.GUARD
        self.show(say(key, self.language, number=written), [HELD] if is_held else [])
        if is_held and self.company:
            emit_event(HELD_EVENT, resource=company_resource(self.company))

    def show(self, did: str, tags: list[str] | None = None) -> None:
        """Name the run.

        Args:
            did: what it does, or did.
            tags: tags to add.
        """
        company = self.company or deployment.name or "sage100-ssm"
        time = datetime.now(UTC).astimezone(self.time_zone).strftime(_DATES[self.language])
        name = plain_spaces(f"{company} {time} - {did}")
        # A name is not worth a failed run.
        with suppress(SyncError), api_errors_in_words(), get_client(sync_client=True) as client:
            client.update_flow_run(flow_run.id, name=name, tags=[*flow_run.tags, *tags] if tags else None)
