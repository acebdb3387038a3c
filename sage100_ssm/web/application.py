"""The page as an ASGI application: its addresses, and what guards them."""

import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sage100_ssm.app.endings import ending_after
from sage100_ssm.sync.failures import SyncError
from sage100_ssm.sync.state.errors import StateError, StateMissing
from sage100_ssm.web.access import VisitorBackend
from sage100_ssm.web.installation import Installation
from sage100_ssm.web.pages import jobs, login, pairs, problems, runs, search
from sage100_ssm.web.rendering import CSRF, language_of, render, visitor_of
from sage100_ssm.web.words import Words

_LARGEST_FORM = 100_000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # an address may have a name that was searched for
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",  # names and e-mails stay in no cache of the browser
}

Posted = Callable[[Request, FormData], Response]


class _SecureHeaders:
    """Adds the headers of every answer that has none of that name itself; an address to go to becomes one of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                # Behind a proxy, Starlette knows neither the name nor HTTPS, and would lead there in clear.
                if place := headers.get("location"):
                    parts = urlsplit(place)
                    path = f"/{parts.path.lstrip('/')}"
                    headers["location"] = parts._replace(scheme="", netloc="", path=path).geturl()
            await send(message)

        await self._app(scope, receive, send_with_headers)


def create_app(installation: Installation) -> Starlette:
    """The page of an installation."""
    web = installation.settings.web
    app = Starlette(
        routes=[
            Route("/", search.show_search, name="search"),
            Route("/contacts/{side}/{number}", search.show_contact),
            _form("/writes/{number}/undo", search.ask_back),
            Route("/login", login.show_login, name="login"),
            _form("/login", login.log_in),
            _form("/logout", login.log_out),
            _form("/language", login.choose_language),
            Route("/problems", problems.show_problems),
            Route("/problems.csv", problems.save_problems),
            Route("/problems.xlsx", problems.save_problems),
            _form("/problems/retry", problems.retry_problems),
            Route("/problems/{number}", problems.show_problem),
            _form("/problems/{number}/answer", problems.answer_problem),
            _form("/problems/{number}/undo", problems.undo_answer),
            Route("/runs", runs.show_runs),
            _form("/runs", runs.run_now),
            Route("/runs/{id}", runs.show_run),
            Route("/charts/{name}.svg", runs.show_chart),
            Route("/plan", runs.show_plan),
            _form("/plan", runs.make_plan),
            _form("/lift", runs.lift_guard),
            Route("/pairs", pairs.show_pairs),
            _form("/pairs", pairs.find_pairs),
            _form("/pairs/decide", pairs.decide_pair),
            Route("/jobs/{id}", jobs.show_job),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ],
        middleware=[
            Middleware(_SecureHeaders),
            Middleware(TrustedHostMiddleware, allowed_hosts=web.host_names, www_redirect=False),
            Middleware(RequestBodyLimitMiddleware, max_body_size=_LARGEST_FORM),
            Middleware(
                SessionMiddleware,
                # Another one with each start: sessions are in memory, and end with the process anyway.
                secret_key=secrets.token_hex(32),
                # Browsers give a cookie to all ports of a host, and `serve` has a page for each company.
                session_cookie=f"sage100-ssm-{web.port}",
                max_age=None,  # the session ends it
                same_site="lax",
                https_only=web.is_https,
            ),
            Middleware(AuthenticationMiddleware, backend=VisitorBackend(installation.access, installation.sessions)),
        ],
        exception_handlers={
            HTTPException: _refused,
            SyncError: _failed,
            StateError: _failed,
            Exception: _failed,
        },
    )
    app.state.installation = installation
    return app


def _form(path: str, page: Posted) -> Route:
    """The address to which a form is sent. Only forms of a page that we gave to this browser are accepted."""

    async def checked(request: Request) -> Response:
        # Ours are sent in this form alone. Another one names a character set that its bytes are decoded with.
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            raise HTTPException(415)
        form = await request.form(max_files=0)
        expected, sent = request.session.get(CSRF), form.get(CSRF)
        if not expected or not isinstance(sent, str) or not hmac.compare_digest(expected.encode(), sent.encode()):
            raise HTTPException(403, "csrf")
        return await run_in_threadpool(page, request, form)

    return Route(path, checked, methods=["POST"])


def _refused(request: Request, error: Exception) -> Response:
    """A page that does not exist, or that the visitor may not open."""
    assert isinstance(error, HTTPException)
    words = Words(language_of(request))
    form = "error_form" if visitor_of(request) else "error_session"
    known = {403: form if error.detail == "csrf" else "error_role", 404: "error_missing"}
    sentence = words(known.get(error.status_code, "error_request"))
    return render(request, "error.html", error.status_code, sentence=sentence, first_run=False)


def _failed(request: Request, error: Exception) -> Response:
    """What went wrong, in the sentence that the commands print."""
    sentence = ending_after(error, language_of(request)).message
    if isinstance(error, StateMissing):
        sentence = Words(language_of(request))("error_no_state")
    status = 409 if isinstance(error, SyncError) else 503 if isinstance(error, StateError) else 500
    return render(request, "error.html", status, sentence=sentence, first_run=isinstance(error, StateMissing))
