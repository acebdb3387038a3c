"""Runs: what each wrote, their charts, the plan of the next one, and lifting a guard."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.authentication import requires
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sage100_ssm.app.endings import one_way_sentence
from sage100_ssm.app.undo import undoable_fields
from sage100_ssm.sync.journal import DeletionGuard, Guard
from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.sync.run.report import PlanReport
from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.sync.state.transaction import Transaction
from sage100_ssm.web import work
from sage100_ssm.web.charts import CHARTS, SHOWN, chart_svg, requests, seconds
from sage100_ssm.web.installation import Installation
from sage100_ssm.web.jobs import Job, JobKind
from sage100_ssm.web.pages.jobs import begin
from sage100_ssm.web.paging import part_of
from sage100_ssm.web.rendering import back_to, installation_of, part_in, render, visitor_name, words_of

_ON_A_PAGE = 25
_WRITES_ON_A_PAGE = 50
_FRESH = timedelta(minutes=15)
"""How long a plan is worth deciding upon: after that, another run has passed."""


@requires("look", redirect="login")
def show_runs(request: Request) -> Response:
    """The last runs as charts and as a table."""
    installation = installation_of(request)
    with installation.state() as state:
        runs = state.runs()
        guards = _guards(state)
    return render(
        request,
        "runs.html",
        part=part_of(runs, part_in(request), _ON_A_PAGE),
        charts=list(CHARTS) if len(runs) > 1 else [],
        guards=guards,
        requests=requests,
        seconds=seconds,
        quota=installation.settings.ssm.requests_per_second,
        share=lambda run: _share_of_quota(run, installation.settings.ssm.requests_per_second),
    )


@requires("look", redirect="login")
def show_run(request: Request) -> Response:
    """One run: its figures per side, and what it wrote."""
    installation = installation_of(request)
    with installation.state() as state:
        run = next((one for one in state.runs() if one.run_id == request.path_params["id"]), None)
        writes = state.writes.of_run(run.run_id) if run else []
    if run is None:
        raise HTTPException(404)
    return render(
        request,
        "run.html",
        run=run,
        one_way=one_way_sentence(run.counts, words_of(request).language),
        part=part_of(writes, part_in(request), _WRITES_ON_A_PAGE),
        can_be_asked_back=lambda record: undoable_fields(record, installation.settings),
    )


@requires("look")
def show_chart(request: Request) -> Response:
    """A chart of the last runs."""
    if request.path_params["name"] not in CHARTS:
        raise HTTPException(404)
    with installation_of(request).state() as state:
        runs = [run for run in state.runs(3 * SHOWN) if not run.is_retry][:SHOWN][::-1]
    svg = chart_svg(request.path_params["name"], runs, words_of(request))
    # The library writes its style into the picture. Scripts are forbidden in it as everywhere.
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(svg, media_type="image/svg+xml", headers=policy)


@requires("settle")
def run_now(request: Request, _: FormData) -> Response:
    """Synchronise now, with every guard in place."""
    return begin(request, JobKind.RUN, lambda settings, job: work.run(settings, RunOptions(), job), back="/runs")


@requires("look", redirect="login")
def show_plan(request: Request) -> Response:
    """What the next run would write, and what a guard holds back; from here a guard can be lifted."""
    job = installation_of(request).jobs.last(JobKind.PLAN)
    report = job.result if job else None
    return render(
        request,
        "plan.html",
        report=report,
        plan=job,
        can_be_lifted=job is not None and _can_be_lifted(installation_of(request), job),
        writes=_writes(report, part_in(request)) if report else None,
    )


@requires("look")
def make_plan(request: Request, _: FormData) -> Response:
    """Look at both sides and plan; nothing is written."""
    return begin(request, JobKind.PLAN, work.plan, back="/plan")


@requires("settle")
def lift_guard(request: Request, form: FormData) -> Response:
    """Lift the guards of the plan that was looked at, for one run."""
    job = installation_of(request).jobs.last(JobKind.PLAN)
    # The plan that was looked at: somebody else may have asked for another one meanwhile.
    is_seen = job is not None and form.get("seen") == job.id
    if job is None or not is_seen or not _can_be_lifted(installation_of(request), job):
        return back_to("/plan")
    guards = tuple(guard.facts for guard in job.result.guards)
    # The run plans anew: what has come since the plan was looked at is held back by its guard again.
    options = RunOptions(
        allow_deletions=any(isinstance(guard, DeletionGuard) for guard in guards),
        allow_mass_change=any(not isinstance(guard, DeletionGuard) for guard in guards),
        looked_at=guards,
        by=visitor_name(request),
    )
    return begin(request, JobKind.RUN, lambda settings, job: work.run(settings, options, job), back="/runs")


def _guards(state: Transaction) -> list[Any]:
    """The guards that hold something back now."""
    return [known.entry for known in state.open_problems() if isinstance(known.entry.facts, Guard)]


def _can_be_lifted(installation: Installation, job: Job) -> bool:
    """Whether a plan still says what lifting its guards would do: it is fresh, and no run has passed since."""
    if not job.result.guards or job.ended_at is None or datetime.now(UTC) - job.ended_at > _FRESH:
        return False
    with installation.state() as state:
        last = next(iter(state.runs(1)), None)
    return last is None or last.started_at < job.started_at


def _writes(report: PlanReport, part: int) -> Any:
    """The writes of a plan, what is held back first, in parts."""
    held = [(None, write) for write in report.held_back]
    planned = [
        (side, write) for side, of_side in (("sage100", report.sage100), ("ssm", report.ssm)) for write in of_side
    ]
    return part_of([*held, *planned], part, 100)


def _share_of_quota(run: RunRow, per_second: float) -> str:
    """How much of what the quota allows while it lasted a run has used, in percent."""
    allowed = per_second * max(seconds(run), 1.0)
    return f"{min(100, round(100 * requests(run) / allowed))} %"
