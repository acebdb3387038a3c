"""The start page and the page of a contact: where it is, why it does not travel, and what was done so far."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from starlette.authentication import requires
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sage100_ssm.app.search.find import find
from sage100_ssm.app.search.found import Found, SearchResult, Standing
from sage100_ssm.app.search.words import standing_words
from sage100_ssm.app.status import read_status
from sage100_ssm.app.undo import AskedBack, ask_undo, undoable_fields
from sage100_ssm.messages import Words as Said
from sage100_ssm.sync.contacts.fields import field_map
from sage100_ssm.sync.journal import Guard
from sage100_ssm.sync.model import ContactRef, Side
from sage100_ssm.sync.state.transaction import Transaction
from sage100_ssm.web.cards import CardLine, Cards
from sage100_ssm.web.rendering import (
    back_to,
    installation_of,
    language_of,
    note,
    path_number,
    render,
    visitor_name,
    words_of,
)
from sage100_ssm.web.words import Words

_LONGEST = 200
_EVENTS = 100
"""How much of a contact's history is shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A contact as the page shows it.

    Attributes:
        found: the contact.
        said: whether it is synchronised and what to do, in words.
        tone: whether that is good news.
        cards: its two cards side by side.
    """

    found: Found
    said: Said
    tone: Literal["good", "warn", "note"]
    cards: list[CardLine]


@requires("look", redirect="login")
def show_search(request: Request) -> Response:
    """The field, who was found, and below it how the synchronisation is."""
    who = request.query_params.get("who", "").strip()[:_LONGEST]
    is_live = request.query_params.get("live") == "1"
    installation, now = installation_of(request), datetime.now(UTC)
    with installation.state() as state:
        status = read_status(state, now)
        result = find(state, installation.settings, who, now, look_at_sides=is_live) if who else None
        shown = _shown(request, state, result)
    words = words_of(request)
    return render(
        request,
        "search.html",
        who=who,
        result=result,
        shown=shown,
        is_live=is_live,
        failures=_failures(result, words),
        status=status,
        guards=[known.entry for known in status.problems if isinstance(known.entry.facts, Guard)],
        events=_EVENTS,
        can_be_asked_back=lambda record: undoable_fields(record, installation.settings),
    )


@requires("look", redirect="login")
def show_contact(request: Request) -> Response:
    """One contact, by its id on a side."""
    side, number = request.path_params["side"], path_number(request)
    if side not in set(Side):
        raise HTTPException(404)
    installation = installation_of(request)
    with installation.state() as state:
        result = find(state, installation.settings, f"{side}:{number}", datetime.now(UTC))
        shown = _shown(request, state, result)
    own = ContactRef(Side(side), number)
    known = next((one for one in shown if own in refs_of(one.found)), None)
    if known is None:
        raise HTTPException(404)
    return render(
        request,
        "contact.html",
        one=known,
        events=_EVENTS,
        can_be_asked_back=lambda record: undoable_fields(record, installation.settings),
    )


@requires("settle")
def ask_back(request: Request, form: FormData) -> Response:
    """Ask back what a field held before a write; the next run types it there again."""
    asked = AskedBack(path_number(request), None, visitor_name(request), datetime.now(UTC))
    installation = installation_of(request)
    with installation.state_to_decide() as state:
        ask_undo(state, installation.settings, asked)
    note(request, "asked_back")
    return back_to(str(form.get("back", "/")))


def refs_of(found: Found) -> list[ContactRef]:
    """A contact's ids, Sage's first."""
    ids = ((Side.SAGE100, found.subject.sage100_id), (Side.SSM, found.subject.ssm_id))
    return [ContactRef(side, id_) for side, id_ in ids if id_ is not None]


def _shown(request: Request, state: Transaction, result: SearchResult | None) -> list[Shown]:
    """The contacts that were found, in words."""
    if result is None:
        return []
    settings, language = installation_of(request).settings, language_of(request)
    cards = Cards(field_map(settings.fields), state.observed("contact_types"), settings.locale)
    is_live = bool(result.looked_at)
    shown = []
    for found in result.found:
        said = standing_words(found, language, settings.locale.time_zone, is_live=is_live)
        if found.standing is Standing.UNKNOWN and not is_live:
            said = Said(said.message, words_of(request)("remedy_unknown"))
        shown.append(Shown(found, said, _tone(found), cards.as_found(found)))
    return shown


def _tone(found: Found) -> Literal["good", "warn", "note"]:
    if found.standing is Standing.SYNCHRONISED:
        return "good"
    calm = (Standing.LEFT_OUT, Standing.OTHER_DATABASE, Standing.DELETED, Standing.NOT_SEEN_YET)
    return "note" if found.standing in calm and not found.foreseen else "warn"


def _failures(result: SearchResult | None, words: Words) -> list[str]:
    """Why a side could not be asked."""
    if result is None:
        return []
    return [words.failure(side, failure) for side, failure in result.failures.items()]
