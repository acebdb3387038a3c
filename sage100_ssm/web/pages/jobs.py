"""Jobs: one begins, and its page says how far it is and what came of it."""

from collections.abc import Callable
from typing import Any

from starlette.authentication import requires
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sage100_ssm.app.settings import Settings
from sage100_ssm.web.jobs import Job, JobKind, JobUnderWayError
from sage100_ssm.web.rendering import back_to, installation_of, language_of, note, own_page, render, visitor_name


def begin(request: Request, kind: JobKind, work: Callable[[Settings, Job], Any], *, back: str) -> Response:
    """Begin a job and lead to its page; where another one is under way, lead to that one's."""
    installation = installation_of(request)
    job = Job(kind, visitor_name(request), language_of(request), own_page(back))
    try:
        installation.jobs.start(job, lambda job: work(installation.settings, job))
    except JobUnderWayError as error:
        note(request, "another_job")
        job = error.job
    return back_to(f"/jobs/{job.id}")


@requires("look", redirect="login")
def show_job(request: Request) -> Response:
    """How far a job is, or what came of it."""
    job = installation_of(request).jobs.get(request.path_params["id"])
    if job is None:
        raise HTTPException(404)
    if job.ended_at and job.failure is None and job.kind in (JobKind.PLAN, JobKind.PAIRS):
        return back_to(job.back)
    return render(request, "job.html", shown=job)
