"""Parsing HTTP responses of SSM: JSON where it is due, one line of words where SSM refuses."""

import html
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from sage100_ssm.ssm import border
from sage100_ssm.ssm.border import Unreadable
from sage100_ssm.ssm.errors import MalformedAnswer, Rejected, SsmError
from sage100_ssm.ssm.values import Row

# The shape of an error's body is not documented (docs/facts/ssm-api.md, "Errors"): these keys were seen, in any case.
_MESSAGE_KEYS = ("message", "error", "detail", "title", "description", "code", "errors")
_SCRIPTS = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"<[^>]*>")
_WORD = re.compile(r"[A-Za-z]\w*")
_LONGEST_LINE = 300
_LONGEST_BODY = 20_000
ASKED_AT = "asked_at"
"""The extension of a request that says when it was sent, by the monotonic clock."""
_BULK_SUCCESS = 1
"""The code of a write of a bulk request that was carried out."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        rows: the rows as SSM returns them, fit to be stored.
        date: the server's clock when it answered, where it says.
        unreadable: rows that cannot be stored, such as one without a whole number as its id.
        asked_at: when the page was asked for, by the monotonic clock: its rows are as old as that, at most.
    """

    rows: list[Row]
    date: datetime | None
    unreadable: Sequence[Unreadable] = ()
    asked_at: float = 0.0


def parse_page(response: httpx.Response) -> Page:
    """One page of a list.

    Raises:
        MalformedAnswer: it is no JSON array.
    """
    items = _json(response)
    if not isinstance(items, list):
        raise MalformedAnswer("not a list of rows", sent=True)
    fitted = [border.fit(item) for item in items]
    rows = [row for row in fitted if not isinstance(row, Unreadable)]
    unreadable = [row for row in fitted if isinstance(row, Unreadable)]
    asked_at = response.request.extensions.get(ASKED_AT, 0.0)
    return Page(rows, _http_date(response.headers.get("Date", "")), unreadable, asked_at)


def parse_row(response: httpx.Response, identifier: int) -> Row:
    """The one row that was asked for by its id.

    Raises:
        MalformedAnswer: it is another one, or none that can be stored.
    """
    fitted = border.fit(_json(response))
    if isinstance(fitted, Unreadable) or fitted["id"] != identifier:
        raise MalformedAnswer("not the row that was asked for", sent=True)
    return fitted


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field as the instance describes it.

    Attributes:
        max_length: the largest number of characters of a text, where it names one.
        required: whether a new row must fill the field.
        read_only: whether SSM alone writes it.
        types: its JSON types, without null.
        is_moment: whether its texts are dates.
        is_reference: whether its objects refer to a row, by `id`.
        description: what it is, in SSM's words.
    """

    max_length: int | None
    required: bool
    read_only: bool
    types: frozenset[str] = frozenset()
    is_moment: bool = False
    is_reference: bool = False
    description: str = ""


def parse_schema(response: httpx.Response) -> Mapping[str, SchemaField]:
    """The fields of a resource from its JSON schema, by name.

    Raises:
        MalformedAnswer: it is no JSON schema.
    """
    body = _json(response)
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise MalformedAnswer("not a schema", sent=True)
    required = body.get("required")
    listed = required if isinstance(required, list) else ()
    return {name: _schema_field(name, field, listed) for name, field in properties.items()}


def _schema_field(name: str, field: Any, required: Collection[Any]) -> SchemaField:
    field = field if isinstance(field, dict) else {}
    length, types, parts = field.get("maxLength"), field.get("type"), field.get("required")
    return SchemaField(
        max_length=length if type(length) is int else None,
        # True alone: within a reference, "required" is the list of what the reference must contain.
        required=name in required or field.get("required") is True,
        read_only=field.get("readOnly") is True,
        types=frozenset(str(kind) for kind in (types if isinstance(types, list) else [types] if types else ()))
        - {"null"},
        is_moment=field.get("format") == "date-time",
        is_reference="table" in field or (isinstance(parts, list) and "id" in parts),
        description=str(field.get("description") or ""),
    )


def parse_created_id(response: httpx.Response) -> int:
    """The id of the row that was created.

    Raises:
        MalformedAnswer: the answer contains none.
    """
    body = _json(response)
    named = {key.lower(): value for key, value in body.items()} if isinstance(body, dict) else {}
    identifier = named.get("id")
    if isinstance(identifier, str) and identifier.isascii() and identifier.isdigit():
        identifier = border.parsed(identifier.encode())
    if type(identifier) is not int:
        raise MalformedAnswer("no id of what was created", sent=True)
    return identifier


def check_confirmation(response: httpx.Response) -> None:
    """Check the answer to an update or a delete: that it is JSON is all that is known of it.

    Raises:
        MalformedAnswer: something else answered, such as a proxy's login page.
    """
    if response.content:
        _json(response)


def parse_bulk_results(
    response: httpx.Response, guids: Sequence[str], secrets: Collection[str]
) -> list[int | SsmError]:
    """The results of a bulk request, in the order of the ``guid`` of its writes.

    Returns:
        For each guid the id of the row written; a ``Rejected`` where SSM refuses the write; a ``MalformedAnswer``
        where its result is missing or unclear.

    Raises:
        MalformedAnswer: it is no list.
    """
    body = _json(response)
    if not isinstance(body, list):
        raise MalformedAnswer("not a list of results", sent=True)
    named = [{str(key).lower(): value for key, value in item.items()} for item in body if isinstance(item, dict)]
    results = {item["guid"]: item for item in named if isinstance(item.get("guid"), str)}
    return [_bulk_result(results.get(guid, {}), response.status_code, secrets) for guid in guids]


def _bulk_result(result: Mapping[str, Any], status: int, secrets: Collection[str]) -> int | SsmError:
    # The code 1 alone is known, for success; another code is taken for a refusal.
    code, identifier = result.get("code"), result.get("id")
    if code == _BULK_SUCCESS and type(identifier) is int:
        return identifier
    if type(code) is int and code != _BULK_SUCCESS:
        return Rejected(status, _one_line(result, secrets), codes=[code])
    return MalformedAnswer("no word on one of many writes", sent=True)


def parse_token(response: httpx.Response) -> str:
    """The token of a new session.

    Raises:
        MalformedAnswer: the answer contains none.
    """
    body = _json(response)
    token = body.get("token") if isinstance(body, dict) else None
    # Visible ASCII: anything else could not be sent in a header.
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise MalformedAnswer("a login without a token", sent=True)
    return token


def error_text(response: httpx.Response, secrets: Collection[str]) -> str:
    """What an error's body says, whatever its shape: one short line without markup and secrets."""
    try:
        body = border.parsed(response.content)
    except (ValueError, RecursionError):
        body = response.content[:_LONGEST_BODY].decode("utf-8", "replace")
    return _one_line(body, secrets)


def error_words(response: httpx.Response) -> set[str]:
    """All words of an error's body in lower case, whatever its shape, the names of its JSON fields included."""
    return {word.lower() for word in _WORD.findall(response.content[:_LONGEST_BODY].decode("utf-8", "replace"))}


def error_codes(response: httpx.Response) -> set[int]:
    """All of the vendor's error codes in an error's body, at any depth."""
    try:
        return set(_codes(border.parsed(response.content)))
    except (ValueError, RecursionError):
        return set()


def retry_after(response: httpx.Response, now: datetime) -> float | None:
    """The seconds that the server asks to wait, from a ``Retry-After`` in seconds or as a date; None without one."""
    header = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(header)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        date = _http_date(header)
        return max(0.0, (date - now).total_seconds()) if date else None


def _json(response: httpx.Response) -> Any:
    try:
        return border.parsed(response.content)
    except (ValueError, RecursionError):
        raise MalformedAnswer("not JSON, or cut short", sent=True) from None


def is_of_a_gateway(response: httpx.Response) -> bool:
    """Whether a refusal comes in HTML, as from a proxy or a gateway: the API speaks JSON."""
    kind = response.headers.get("Content-Type", "").lower()
    return "html" in kind or response.content.lstrip()[:1] == b"<"


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _one_line(body: Any, secrets: Collection[str]) -> str:
    try:
        text = ": ".join(dict.fromkeys(_messages(body)))[:_LONGEST_BODY]
    except RecursionError:
        text = ""
    text = html.unescape(_MARKUP.sub(" ", _SCRIPTS.sub(" ", text)))
    for secret in secrets:
        text = text.replace(secret, "****")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"


def _messages(body: Any) -> Iterator[str]:
    """The messages in an error's body: the values of known keys, the items of lists, bare values."""
    if isinstance(body, Mapping):
        named = {str(key).lower(): value for key, value in body.items()}
        for key in _MESSAGE_KEYS:
            yield from _messages(named.get(key))
    elif isinstance(body, list):
        for item in body:
            yield from _messages(item)
    elif body is not None and body != "":
        yield str(body)


def _codes(body: Any) -> Iterator[int]:
    if isinstance(body, Mapping):
        for key, value in body.items():
            if str(key).lower() == "code" and str(value).isdecimal():
                yield int(value)
            yield from _codes(value)
    elif isinstance(body, list):
        for item in body:
            yield from _codes(item)
