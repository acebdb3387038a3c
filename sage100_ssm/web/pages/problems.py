"""Open problems: the totals, a list, one of them with its answers, a table to save, and trying again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.authentication import requires
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sage100_ssm.app.decisions import Answer, decide, take_back
from sage100_ssm.app.spreadsheet import csv_table, workbook, workbook_bytes
from sage100_ssm.sync.contacts.fields import field_map
from sage100_ssm.sync.journal import Code, Subject, WhoIsWho
from sage100_ssm.sync.model import Link, LinkStatus, Side
from sage100_ssm.sync.rules.decisions import Choice
from sage100_ssm.sync.run.pairs import Candidates
from sage100_ssm.sync.state.transaction import Transaction
from sage100_ssm.web import work
from sage100_ssm.web.cards import CardLine, Cards
from sage100_ssm.web.installation import Installation
from sage100_ssm.web.jobs import JobKind
from sage100_ssm.web.pages.jobs import begin
from sage100_ssm.web.paging import part_of
from sage100_ssm.web.problems import COLUMNS, Filter, OpenProblem, Task, read_problems, table_lines, totals
from sage100_ssm.web.rendering import (
    back_to,
    installation_of,
    note,
    number_of,
    part_in,
    path_number,
    render,
    visitor_name,
    words_of,
)

_ON_A_PAGE = 20
_AT_ONCE = 50
"""Problems that are tried again at once; for more, a synchronisation of all contacts takes less time."""
_WIDTHS = (8, 20, 28, 22, 12, 26, 11, 9, 16, 70, 70, 17, 17)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@requires("look", redirect="login")
def show_problems(request: Request) -> Response:
    """The totals by what to do and by cause; below them the problems, all or those that are asked for."""
    words, wanted = words_of(request), _filter_of(request)
    with installation_of(request).state() as state:
        problems = read_problems(state)
    found = wanted.of(problems, words)
    shown = Filter(accepted=wanted.accepted).of(problems, words)
    return render(
        request,
        "problems.html",
        totals=totals(shown),
        accepted=sum(problem.is_accepted for problem in problems),
        part=part_of(found, part_in(request), _ON_A_PAGE),
        filter=wanted,
        query=_query_of(wanted),
        tasks=list(Task),
        codes=sorted({problem.code for problem in problems}, key=words.code),
    )


@requires("look", redirect="login")
def show_problem(request: Request) -> Response:
    """One problem, open or closed, with both cards side by side and its answers."""
    installation, number = installation_of(request), path_number(request)
    with installation.state() as state:
        known = state.journal_entry(number)
        if known is None:
            raise HTTPException(404)
        problem = next((one for one in read_problems(state) if one.id == number), None)
        pairs = [] if problem is None else _pairs(installation, state, problem)
        decisions = [d for d in state.decisions.all() if d.problem_id == number]
    looked = installation.jobs.last(JobKind.PAIRS)
    return render(
        request,
        "problem.html",
        known=known,
        problem=problem,
        pairs=pairs,
        decisions=decisions,
        asks_who_is_who=isinstance(known.entry.facts, WhoIsWho),
        looked_at=looked.ended_at if looked and any(lines for _, lines in pairs) else None,
    )


@requires("settle")
def answer_problem(request: Request, form: FormData) -> Response:
    """Store an answer to a problem (P16)."""
    number = path_number(request)
    try:
        choice = Choice(str(form.get("choice", "")))
    except ValueError:
        raise HTTPException(400) from None
    seen = str(form["seen"]) if "seen" in form else None
    answer = Answer(choice, visitor_name(request), datetime.now(UTC), number_of(form.get("other")), seen)
    with installation_of(request).state_to_decide() as state:
        decide(state, number, answer)
    note(request, "accepted" if choice is Choice.ACCEPT else "decided")
    return back_to(str(form.get("back", f"/problems/{number}")))


@requires("settle")
def undo_answer(request: Request, form: FormData) -> Response:
    """Take back what was answered to a problem."""
    number = path_number(request)
    with installation_of(request).state_to_decide() as state:
        take_back(state, number, visitor_name(request), datetime.now(UTC))
    note(request, "taken_back")
    return back_to(str(form.get("back", f"/problems/{number}")))


@requires("settle")
def retry_problems(request: Request, form: FormData) -> Response:
    """Try the contacts of the chosen problems again, now."""
    chosen = [number for text in form.getlist("problem") if (number := number_of(text))]
    if not chosen:
        return back_to(str(form.get("back", "/problems")))
    numbers = list(dict.fromkeys(chosen))[:_AT_ONCE]
    return begin(
        request,
        JobKind.RETRY,
        lambda settings, job: work.retry(settings, numbers, job),
        back=str(form.get("back", "/problems")),
    )


@requires("look", redirect="login")
def save_problems(request: Request) -> Response:
    """The problems that are asked for as a table, CSV or Excel."""
    words = words_of(request)
    with installation_of(request).state() as state:
        found = _filter_of(request).of(read_problems(state), words)
    heading, lines = [words(f"column_{name}") for name in COLUMNS], table_lines(found, words)
    kind = request.url.path.rpartition(".")[2]
    content = csv_table(heading, lines) if kind == "csv" else workbook_bytes(workbook(heading, lines, _WIDTHS)[0])
    name = f"{words('file_problems')}-{datetime.now(UTC):%Y-%m-%d}.{kind}"
    return Response(
        content,
        media_type="text/csv; charset=utf-8" if kind == "csv" else _XLSX,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _filter_of(request: Request) -> Filter:
    query = request.query_params
    code, task = query.get("code", ""), query.get("task", "")
    return Filter(
        code=Code(code) if code in set(Code) else None,
        task=Task(task) if task in set(Task) else None,
        company=query.get("company", "").strip()[:100],
        text=query.get("text", "").strip()[:200],
        accepted=query.get("accepted") == "1",
    )


def _query_of(wanted: Filter) -> Mapping[str, Any]:
    return {
        "code": wanted.code and wanted.code.value,
        "task": wanted.task and wanted.task.value,
        "company": wanted.company,
        "text": wanted.text,
        "accepted": "1" if wanted.accepted else "",
    }


Pair = tuple[tuple[Side, int, str] | None, list[CardLine]]
"""A candidate opposite, where there are candidates, and the two cards field by field."""


def _pairs(installation: Installation, state: Transaction, problem: OpenProblem) -> list[Pair]:
    """The cards that a problem is about: those of a link, or those of each two contacts that may be one person."""
    settings, entry = installation.settings, problem.known.entry
    cards = Cards(field_map(settings.fields), state.observed("contact_types"), settings.locale)
    if problem.code is Code.CONFLICT:
        link = _link_of(state, entry.subject)
        return [(None, cards.of_link(link, entry))] if link else []
    looked = installation.jobs.last(JobKind.PAIRS)
    found: list[Candidates] = looked.result if looked else []
    people = {contact.ref: contact for each in found for contact in (*each.sage100, *each.ssm)}
    by_id = {(ref.side, ref.id): contact for ref, contact in people.items()}
    pairs: list[Pair] = []
    for candidate in problem.candidates:
        ids = {problem.candidates_side: candidate.id, problem.candidates_side.other: _own_id(problem)}
        sage100, ssm = (by_id.get((side, ids[side] or 0)) for side in Side)
        lines = cards.of_contacts(sage100, ssm) if sage100 and ssm else []
        pairs.append(((problem.candidates_side, candidate.id, candidate.name), lines))
    return pairs


def _own_id(problem: OpenProblem) -> int | None:
    subject = problem.known.entry.subject
    return subject.ssm_id if problem.candidates_side is Side.SAGE100 else subject.sage100_id


def _link_of(state: Transaction, subject: Subject) -> Link | None:
    ids = (subject.sage100_id, subject.ssm_id)
    links = state.search.links_of([subject.sage100_id or 0], [subject.ssm_id or 0])
    return next((k for k in links if (k.sage100_id, k.ssm_id) == ids and k.status is not LinkStatus.ENDED), None)
