"""Whether another ``serve`` synchronises a company on the same Prefect server: each would replace its deployment.

On one machine, the locks of the installation keep two of them apart. Of another machine the server alone knows: as long
as a ``serve`` lasts, it asks the server every few seconds for the runs of its deployment.
"""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import DeploymentStatus
from prefect.exceptions import ObjectNotFound

from sage100_ssm.app.companies import Company, deployment_name
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.sync.failures import Exit, SyncError

WATCHED_SECONDS = 30.0
"""Prefect's runners ask every 10 seconds, where no setting says otherwise."""
_LOOK_SECONDS = 1.0
_MACHINE = "machine:"


class ServedElsewhereError(SyncError):
    """Another ``serve`` synchronises the company on the same Prefect server."""

    exit_code = Exit.ANOTHER_RUN


@dataclass(frozen=True, slots=True)
class Served:
    """A deployment that may be another ``serve``'s.

    Attributes:
        machine: the machine that registered it; None of a version that did not say so.
        file: the settings file there.
        asked_at: when its runs were last asked for.
    """

    machine: str | None
    file: str
    asked_at: datetime | None


def tag_of_machine() -> str:
    """The tag of this machine's deployments, by which those of another one are known."""
    return f"{_MACHINE}{platform.node()}"


def served_elsewhere(
    companies: Sequence[Company], watched_seconds: float = WATCHED_SECONDS, watching: Callable[[], None] = lambda: None
) -> Mapping[str, ServedElsewhereError]:
    """By their names, the companies that another ``serve`` synchronises, each with an error that says so.

    Where there may be one, its deployments are watched for a while: one that has ended does not ask for runs any more.

    Args:
        companies: the companies that are to be served here.
        watched_seconds: how long they are watched.
        watching: called when that begins.
    """
    with get_client(sync_client=True) as client:
        first = {company.name: found for company in companies if (found := _of_another(client, company))}
        if first:
            watching()
        alive: dict[str, ServedElsewhereError] = {}
        deadline = time.monotonic() + watched_seconds
        while len(alive) < len(first) and time.monotonic() < deadline:
            time.sleep(min(_LOOK_SECONDS, watched_seconds))
            for company in companies:
                known = first.get(company.name)
                now = known and _of_another(client, company)
                if known and now and now.asked_at != known.asked_at:
                    names = {"company": company.name, "file": now.file, "machine": now.machine}
                    params = {name: value for name, value in names.items() if value is not None}
                    alive[company.name] = ServedElsewhereError("served_elsewhere", **params)
    return alive


def _of_another(client: SyncPrefectClient, company: Company) -> Served | None:
    """A company's deployment, if it is served with another file or by another machine; None where it is not."""
    try:
        found = client.read_deployment_by_name(f"{sync_contacts.name}/{deployment_name(company.settings)}")
    except ObjectNotFound:
        return None
    # The server says so of one for whose runs nobody has asked for a minute.
    if found.status is not DeploymentStatus.READY:
        return None
    machine = next((tag.removeprefix(_MACHINE) for tag in found.tags if tag.startswith(_MACHINE)), None)
    served = Served(machine, str(found.parameters.get("config")), found.last_polled)
    # The same file on the same machine is this installation, started again: its lock shows that the other has ended.
    return None if (served.machine, served.file) == (platform.node(), str(company.file)) else served
