"""A page as HTML: the template with what every page shows, in the visitor's language."""

import secrets
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sage100_ssm.messages import Language
from sage100_ssm.web.access import Visitor
from sage100_ssm.web.installation import Installation
from sage100_ssm.web.words import Words

CSRF = "csrf"
_TEMPLATES = Path(__file__).parent / "templates"
_NOTE = "note"
_DIGITS = 18
"""Of the largest number in a column of 64 bits; a longer text is no number of ours."""
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,  # everywhere: each template is a page
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def installation_of(request: Request) -> Installation:
    """The installation whose page is asked for."""
    installation: Installation = request.app.state.installation
    return installation


def visitor_of(request: Request) -> Visitor | None:
    """Who asks; None for nobody who is known."""
    user = request.scope.get("user")
    return user if isinstance(user, Visitor) else None


def visitor_name(request: Request) -> str:
    """The name of who asks, for what is stored."""
    visitor = visitor_of(request)
    assert visitor is not None, "the page is for those who are logged in"
    return visitor.name


def language_of(request: Request) -> Language:
    """The language that the visitor chose, else the site's."""
    chosen = request.scope.get("session", {}).get("language")
    language: Language = installation_of(request).settings.language
    if chosen == "fr" or chosen == "en":  # noqa: PLR1714 - so that the type checker follows
        language = chosen
    return language


def words_of(request: Request) -> Words:
    """The page's words for a visitor: in the language that they chose, with the times of the site."""
    return Words(language_of(request), installation_of(request).settings.locale.time_zone)


def csrf_token(request: Request) -> str:
    """The token that each form of this browser has to send back."""
    session = request.scope.get("session", {})
    if CSRF not in session:
        session[CSRF] = secrets.token_urlsafe(24)
    return str(session[CSRF])


def render(request: Request, template: str, http_status: int = 200, **context: Any) -> Response:
    """A page."""
    session = request.scope.get("session", {})
    visitor = visitor_of(request)
    shown = {
        "t": words_of(request),
        "visitor": visitor,
        "may_settle": visitor is not None and "settle" in visitor.scopes,
        "csrf": csrf_token(request),
        "note": session.pop(_NOTE, None),
        "here": _here(request),
        "company": installation_of(request).settings.sage100.company,
        "job": installation_of(request).jobs.under_way if visitor else None,
    }
    page = _ENVIRONMENT.get_template(template).render({**shown, **context})
    # A name from SSM may contain half a surrogate pair, which no page can.
    return HTMLResponse(page.encode(errors="replace"), http_status)


def note(
    request: Request, key: Literal["decided", "accepted", "taken_back", "asked_back", "another_job", "logged_out"]
) -> None:
    """Say a sentence at the head of the next page."""
    request.session[_NOTE] = key


def back_to(place: str) -> Response:
    """Lead the browser to another page of ours after a form was sent."""
    return RedirectResponse(own_page(place), status_code=303)


def own_page(place: str) -> str:
    """An address if it is one of this page, else the start page: a link cannot lead a visitor elsewhere."""
    is_ours = place.startswith("/") and not place.startswith("//") and "\\" not in place
    return place if is_ours and place.isprintable() else "/"


def number_of(text: object) -> int | None:
    """A number that somebody sent, if it is one that the state can have."""
    is_number = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return int(str(text)) if is_number else None


def part_in(request: Request, name: str = "part") -> int:
    """Which part of a list the address asks for."""
    return number_of(request.query_params.get(name)) or 1


def path_number(request: Request) -> int:
    """The number in the address's path.

    Raises:
        HTTPException: it is none that the state can have.
    """
    number = number_of(request.path_params["number"])
    if number is None:
        raise HTTPException(404)
    return number


def address(path: str, **query: object) -> str:
    """An address with those parts of a query that say something."""
    said = {name: value for name, value in query.items() if value not in (None, "", False)}
    return f"{path}?{urlencode(said, errors='replace')}" if said else path


def _here(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "") if request.method == "GET" else "/"


_ENVIRONMENT.globals["address"] = address
