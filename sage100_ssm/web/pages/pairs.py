"""Who is the same person on both sides (P4): the doubtful pairs first, each decided with a click."""

from datetime import UTC, datetime

from starlette.authentication import requires
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sage100_ssm.app.decisions import take_back_pair, take_over
from sage100_ssm.sync.contacts.fields import field_map
from sage100_ssm.sync.rules.decisions import Choice, Decisions, Pair
from sage100_ssm.sync.run.pairs import Candidates, Verdict
from sage100_ssm.sync.state.decisions import Decision
from sage100_ssm.sync.state.errors import StateMissing
from sage100_ssm.web import work
from sage100_ssm.web.cards import Cards
from sage100_ssm.web.jobs import JobKind
from sage100_ssm.web.pages.jobs import begin
from sage100_ssm.web.paging import part_of
from sage100_ssm.web.rendering import back_to, installation_of, note, number_of, part_in, render, visitor_name

_ON_A_PAGE = 10
_SURE_ON_A_PAGE = 100


@requires("look", redirect="login")
def show_pairs(request: Request) -> Response:
    """The doubtful pairs with their cards; the sure ones as a table."""
    installation = installation_of(request)
    job = installation.jobs.last(JobKind.PAIRS)
    found: list[Candidates] = job.result if job else []
    doubtful = [each for each in found if each.verdict is not Verdict.SAME]
    sure = [each for each in found if each.verdict is Verdict.SAME]
    try:
        with installation.state() as state:
            decisions, types = state.decisions.current(), list(state.observed("contact_types"))
    except StateMissing:  # before the first run
        decisions, types = Decisions(), []
    return render(
        request,
        "pairs.html",
        looked_at=job.ended_at if job else None,
        doubtful=part_of(doubtful, part_in(request), _ON_A_PAGE),
        sure=part_of(sure, part_in(request, "sure"), _SURE_ON_A_PAGE),
        cards=Cards(field_map(installation.settings.fields), types, installation.settings.locale),
        choice_of=lambda sage100, ssm: _choice(decisions, Pair(sage100.id, ssm.id)),
    )


@requires("look")
def find_pairs(request: Request, form: FormData) -> Response:
    """Look at both sides for pairs; nothing is written."""
    return begin(request, JobKind.PAIRS, work.pairs, back=str(form.get("back", "/pairs")))


@requires("settle")
def decide_pair(request: Request, form: FormData) -> Response:
    """Store whether two contacts are one person, or take that back (P16)."""
    pair, problem = _pair_in(form), number_of(form.get("problem"))
    by, now, choice = visitor_name(request), datetime.now(UTC), str(form.get("choice", ""))
    if choice not in (Choice.SAME, Choice.DIFFERENT, "undo"):
        raise HTTPException(400)
    with installation_of(request).state_to_decide() as state:
        if choice == "undo":
            take_back_pair(state, pair, by, now)
        else:
            take_over(state, [Decision(Choice(choice), by, now, problem, pair.sage100_id, pair.ssm_id)])
    note(request, "taken_back" if choice == "undo" else "decided")
    return back_to(str(form.get("back", "/pairs")))


def _pair_in(form: FormData) -> Pair:
    sage100_id, ssm_id = (number_of(form.get(name)) for name in ("sage100_id", "ssm_id"))
    if sage100_id is None or ssm_id is None:
        raise HTTPException(400)
    return Pair(sage100_id, ssm_id)


def _choice(decisions: Decisions, pair: Pair) -> Choice | None:
    if pair in decisions.same:
        return Choice.SAME
    return Choice.DIFFERENT if pair in decisions.different else None
