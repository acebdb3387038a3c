"""Logging in and out, and the language."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from sage100_ssm.web.access import SESSION, TooManyLoginsError
from sage100_ssm.web.rendering import CSRF, back_to, installation_of, note, own_page, render, visitor_of


def show_login(request: Request) -> Response:
    """Ask who it is."""
    if visitor_of(request) is not None:
        return back_to("/")
    return _login_page(request)


def log_in(request: Request, form: FormData) -> Response:
    """Begin a session, where name and password are right."""
    installation = installation_of(request)
    if not installation.access.has_login:
        return _login_page(request, 403)
    try:
        visitor = installation.access.logged_in(str(form.get("name", "")), str(form.get("password", "")))
    except TooManyLoginsError:
        return _login_page(request, 429, "login_too_many")
    if visitor is None:
        return _login_page(request, 403, "login_wrong")
    installation.sessions.end(str(request.session.get(SESSION, "")))
    request.session[SESSION] = installation.sessions.begin(visitor)
    request.session.pop(CSRF, None)  # whoever knew the token of the time before login knows none now
    return back_to(str(form.get("next", "/")))


def log_out(request: Request, _: FormData) -> Response:
    """End the session."""
    installation_of(request).sessions.end(str(request.session.pop(SESSION, "")))
    request.session.pop(CSRF, None)
    note(request, "logged_out")
    return back_to("/login")


def choose_language(request: Request, form: FormData) -> Response:
    """Show the pages in another language from now on."""
    if form.get("language") in ("fr", "en"):
        request.session["language"] = form["language"]
    return back_to(str(form.get("next", "/")))


def _login_page(request: Request, status: int = 200, fault: str | None = None) -> Response:
    access = installation_of(request).access
    wanted = request.query_params.get("next", "/")
    # Starlette names the whole address; only what follows the host is ours to lead back to.
    path = "/" + wanted.partition("://")[2].partition("/")[2] if "://" in wanted else wanted
    context = {"access": access, "fault": fault, "next": own_page(path)}
    return render(request, "login.html", status if access.has_login else 403, **context)
