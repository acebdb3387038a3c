"""A deployment and its work pool on a Prefect server: compared with what is there, created or brought up to date."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from sage100_ssm.orchestration.automations import TAG
from sage100_ssm.orchestration.parts import Found, Part


@dataclass(frozen=True, slots=True)
class Planned:
    """A deployment as it should be: one run at a time, and none queued.

    Attributes:
        flow: the flow, which a worker imports from what is installed.
        name: its name.
        schedule: when runs begin.
        parameters: the parameters of the runs.
        form: the form in which somebody starts a run by hand, as a JSON schema.
        description: what it does.
        pool: the work pool.
        folder: the folder, on the worker's machine, in which runs begin; None for an empty one.
    """

    flow: Flow[..., Any]
    name: str
    schedule: IntervalSchedule | CronSchedule
    parameters: Mapping[str, Any]
    form: Mapping[str, Any]
    description: str
    pool: str
    folder: str | None = None

    @property
    def as_stored(self) -> dict[str, Any]:
        """What the server has of it, apart from its schedule and limit."""
        module, function = self.flow.fn.__module__, self.flow.fn.__name__
        step = {"prefect.deployments.steps.set_working_directory": {"directory": self.folder}}
        return {
            "entrypoint": f"{module}.{function}",
            "path": None,
            "pull_steps": [step] if self.folder else [],
            "parameters": dict(self.parameters),
            "tags": [TAG],
            "work_pool_name": self.pool,
            "description": self.description,
            "parameter_openapi_schema": dict(self.form),
        }


def bring_about(client: SyncPrefectClient, planned: Planned, *, write: bool) -> tuple[Part, UUID | None]:
    """Create a deployment, or bring it up to date; what there was of it, and its id."""
    plan = planned.as_stored
    known = None
    try:
        known = client.read_deployment_by_name(f"{planned.flow.name}/{planned.name}")
        is_same = all(getattr(known, key) == value for key, value in plan.items())
        is_same = is_same and [one.schedule for one in known.schedules] == [planned.schedule]
        limit = known.global_concurrency_limit
        found = Found.SAME if is_same and limit is not None and limit.limit == 1 else Found.DIFFERENT
    except ObjectNotFound:
        found = Found.MISSING
    deployment_id = known.id if known else None
    if write and found is not Found.SAME:
        deployment_id = client.create_deployment(
            flow_id=client.create_flow(planned.flow),
            name=planned.name,
            schedules=[DeploymentScheduleCreate(schedule=planned.schedule, active=True)],
            concurrency_limit=1,
            concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
            enforce_parameter_schema=True,
            paused=known.paused if known else False,
            **plan,
        )
    return Part("deployment", planned.name, found), deployment_id


def work_pool(client: SyncPrefectClient, name: str, *, write: bool) -> Part:
    """Create a work pool from which workers take runs as processes; what there was of it."""
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        if write:
            template = ProcessWorker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
        return Part("pool", name, Found.MISSING)
    return Part("pool", name, Found.SAME)
