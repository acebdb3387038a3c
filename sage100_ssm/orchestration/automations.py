"""Prefect's automations: what its server notices by itself, also while none of our programs runs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState, DoNothing, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.orchestration.parts import Found
from sage100_ssm.orchestration.run_names import HELD_EVENT, company_resource

TAG = "sage100-ssm"
"""The tag of all our flow runs."""

KILLED = "No sign of life: the process was killed."

_HEARTBEAT = "prefect.flow-run.heartbeat"
_ENDS = {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed")}
_DEAD_AFTER = timedelta(minutes=5)
"""A run without a heartbeat for so long was killed: there is one each minute (``prefect_environment``)."""

_FAILURES_RUNNING = 4
_LATE_AFTER = timedelta(hours=1)
_ANY_RUN = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})


def of_killed_runs() -> AutomationCore:
    """Mark a run as crashed if its process is gone; by itself Prefect shows it as running for ever."""
    trigger = EventTrigger(
        after={_HEARTBEAT},
        expect={_HEARTBEAT, *_ENDS},
        match=_ANY_RUN,
        match_related=_related("tag", TAG),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=_DEAD_AFTER,
    )
    crashed = ChangeFlowRunState(state=StateType.CRASHED, message=KILLED)
    return AutomationCore(name=f"{TAG}: runs that were killed", trigger=trigger, actions=[crashed])


def of_worker(
    company: str, deployment: UUID, every: timedelta, notifier: UUID | None, language: Language
) -> Sequence[AutomationCore]:
    """The automations for runs that a worker takes.

    Args:
        company: the company database, which is in their names.
        deployment: the deployment.
        every: the time from one run to the next.
        notifier: the block by which Prefect sends a message; None where it has none.
        language: the language of the messages.
    """
    message: list[ActionTypes] = [DoNothing()]
    if notifier is not None:
        message = [_message(notifier, "prefect_late_subject", "prefect_late", company, language)]
    held = EventTrigger(
        expect={HELD_EVENT},
        match=ResourceSpecification(company_resource(company)),
        posture=Posture.Reactive,
        threshold=1,
    )
    return [
        of_killed_runs(),
        # The runs themselves send messages about these two; here they are to be seen, and to be given other actions.
        AutomationCore(name=f"{TAG} {company}: held", trigger=held, actions=[DoNothing()]),
        _failing(company, deployment, every),
        _late(company, deployment, every, message),
    ]


def of_connection(connection: str, deployment: UUID, every: timedelta) -> Sequence[AutomationCore]:
    """The automations for the runs of an Airbyte connection; a person gives them what they do.

    Args:
        connection: the id of the connection, which is in their names.
        deployment: the deployment.
        every: the time from one run to the next.
    """
    nothing: list[ActionTypes] = [DoNothing()]
    return [of_killed_runs(), _failing(connection, deployment, every), _late(connection, deployment, every, nothing)]


def of_housekeeping(company: str, deployment: UUID, notifier: UUID | None, language: Language) -> AutomationCore:
    """The automation for a night in which the state was not copied."""
    message: list[ActionTypes] = [DoNothing()]
    if notifier is not None:
        subject = "prefect_housekeeping_failed_subject"
        message = [_message(notifier, subject, "prefect_housekeeping_failed", company, language)]
    trigger = _failed(deployment, 1, timedelta(0))
    return AutomationCore(name=f"{TAG} {company}: housekeeping failed", trigger=trigger, actions=message)


def _message(notifier: UUID, subject: str, body: str, company: str, language: Language) -> SendNotification:
    title, text = (plain_spaces(say(key, language, company=company)) for key in (subject, body))
    return SendNotification(block_document_id=notifier, subject=title, body=text)


def _failing(what: str, deployment: UUID, every: timedelta) -> AutomationCore:
    trigger = _failed(deployment, _FAILURES_RUNNING, _FAILURES_RUNNING * every)
    return AutomationCore(
        name=f"{TAG} {what}: failed {_FAILURES_RUNNING} times", trigger=trigger, actions=[DoNothing()]
    )


def _failed(deployment: UUID, times: int, within: timedelta) -> EventTrigger:
    return EventTrigger(
        expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
        match=_ANY_RUN,
        match_related=_related("deployment", str(deployment)),
        posture=Posture.Reactive,
        threshold=times,
        within=within,
    )


def _late(what: str, deployment: UUID, every: timedelta, actions: list[ActionTypes]) -> AutomationCore:
    trigger = EventTrigger(
        after={"prefect.flow-run.Late"},
        expect={"prefect.flow-run.Running"},
        match=_ANY_RUN,
        match_related=_related("deployment", str(deployment)),
        posture=Posture.Proactive,
        threshold=1,
        within=max(_LATE_AFTER, 2 * every),
    )
    return AutomationCore(name=f"{TAG} {what}: late", trigger=trigger, actions=actions)


def bring_about(client: SyncPrefectClient, wanted: AutomationCore, *, write: bool) -> Found:
    """Create an automation, or give it the trigger that it should have; what there was of it.

    Actions that a person added stay.
    """
    known = next(iter(client.read_automations_by_name(wanted.name)), None)
    if known is None:
        if write:
            client.create_automation(wanted)
        return Found.MISSING
    is_idle = all(isinstance(action, DoNothing) for action in known.actions)
    actions = wanted.actions if is_idle else known.actions
    is_same = _essence(known.trigger) == _essence(wanted.trigger) and known.enabled
    if is_same and [type(action) for action in actions] == [type(action) for action in known.actions]:
        return Found.SAME
    if write:
        changed = AutomationCore(name=wanted.name, trigger=wanted.trigger, actions=actions, enabled=True)
        client.update_automation(known.id, changed)
    return Found.DIFFERENT


def _essence(trigger: Any) -> dict[str, Any]:
    """A trigger without what a server adds to it."""
    shown: dict[str, Any] = trigger.model_dump(mode="json", exclude={"id"})
    # One and a list of one are the same.
    related = shown["match_related"]
    return {
        **shown,
        "match_related": related if isinstance(related, list) else [related],
        **{name: sorted(shown[name]) for name in ("after", "expect", "for_each")},
    }


def _related(role: str, name: str) -> ResourceSpecification:
    return ResourceSpecification({"prefect.resource.role": role, "prefect.resource.id": f"prefect.{role}.{name}"})
