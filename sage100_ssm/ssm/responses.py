"""What an HTTP answer of SSM says: JSON where it is due, one line of words where it refuses."""

import html
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from sage100_ssm.ssm.errors import MalformedAnswer, Rejected, SsmError
from sage100_ssm.ssm.values import Row

_SAYING = ("message", "error", "detail", "title", "description", "code", "errors")
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"<[^>]*>")
_LONGEST_LINE = 300
_DONE = 1
"""The code of a write among many that was carried out."""
_LONGEST_BODY = 20_000


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        rows: the rows as SSM gives them.
        date: the server's clock when it answered, where it tells.
    """

    rows: list[Row]
    date: datetime | None


def page(response: httpx.Response) -> Page:
    """Read one page of a list.

    Raises:
        MalformedAnswer: it is no JSON array of objects with an integer id.
    """
    rows = _json(response)
    if not isinstance(rows, list):
        raise MalformedAnswer("not a list of rows", sent=True)
    if not all(isinstance(row, dict) and type(row.get("id")) is int for row in rows):
        raise MalformedAnswer("a row without an integer id", sent=True)
    return Page(rows, _http_date(response.headers.get("Date", "")))


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field as the instance describes it.

    Attributes:
        max_length: the most characters of a text, where it tells.
        required: whether it says that a new row must fill the field.
        read_only: whether nobody but SSM writes it.
    """

    max_length: int | None
    required: bool
    read_only: bool


def schema(response: httpx.Response) -> Mapping[str, SchemaField]:
    """Read the fields of a resource from its schema, by name.

    Raises:
        MalformedAnswer: it is no JSON schema.
    """
    body = _json(response)
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        raise MalformedAnswer("not a schema", sent=True)
    required = body.get("required")
    listed = required if isinstance(required, list) else ()
    return {name: _schema_field(name, told, listed) for name, told in properties.items()}


def _schema_field(name: str, told: Any, required: Collection[Any]) -> SchemaField:
    # Within a reference, "required" is the list of what the reference must hold.
    told = told if isinstance(told, dict) else {}
    length = told.get("maxLength")
    return SchemaField(
        max_length=length if type(length) is int else None,
        required=name in required or told.get("required") is True,
        read_only=told.get("readOnly") is True,
    )


def created_id(response: httpx.Response) -> int:
    """Read the id of what was created.

    Raises:
        MalformedAnswer: the answer names none.
    """
    body = _json(response)
    named = {key.lower(): value for key, value in body.items()} if isinstance(body, dict) else {}
    identifier = named.get("id")
    if isinstance(identifier, str) and identifier.isascii() and identifier.isdigit():
        return int(identifier)
    if type(identifier) is not int:
        raise MalformedAnswer("no id of what was created", sent=True)
    return identifier


def confirmed(response: httpx.Response) -> None:
    """Read the answer to an update or a delete, of which only its being JSON counts.

    Raises:
        MalformedAnswer: something else answered, a proxy's login page for one.
    """
    if response.content:
        _json(response)


def done_of_each(response: httpx.Response, guids: Sequence[str], secrets: Collection[str]) -> list[int | SsmError]:
    """Read the answer to many writes at once: per ``guid``, in whatever order SSM gives them.

    Returns:
        For each guid the id of the row written; ``Rejected`` where SSM refuses the write; ``MalformedAnswer`` where
        it does not say, or not clearly.

    Raises:
        MalformedAnswer: it is no list.
    """
    body = _json(response)
    if not isinstance(body, list):
        raise MalformedAnswer("not a list of results", sent=True)
    named = [{str(key).lower(): value for key, value in item.items()} for item in body if isinstance(item, dict)]
    results = {item["guid"]: item for item in named if isinstance(item.get("guid"), str)}
    return [_done(results.get(guid, {}), response.status_code, secrets) for guid in guids]


def _done(result: Mapping[str, Any], status: int, secrets: Collection[str]) -> int | SsmError:
    """Read one result. Only the code 1 is known to stand for success; a refusal has a code and no success."""
    code, identifier = result.get("code"), result.get("id")
    if code == _DONE and type(identifier) is int:
        return identifier
    if type(code) is int and code != _DONE:
        return Rejected(status, _line(result, secrets))
    return MalformedAnswer("no word on one of many writes", sent=True)


def session_token(response: httpx.Response) -> str:
    """Read the token of a new session.

    Raises:
        MalformedAnswer: the answer holds none.
    """
    body = _json(response)
    token = body.get("token") if isinstance(body, dict) else None
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise MalformedAnswer("a login without a token", sent=True)
    return token


def words(response: httpx.Response, secrets: Collection[str]) -> str:
    """Put an error's body of whatever shape into one short line, without markup and secrets."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = response.text[:_LONGEST_BODY]
    return _line(body, secrets)


def _line(body: Any, secrets: Collection[str]) -> str:
    text = ": ".join(dict.fromkeys(_sayings(body)))
    text = html.unescape(_MARKUP.sub(" ", _UNSEEN.sub(" ", text)))
    for secret in secrets:
        text = text.replace(secret, "****")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"


def error_codes(response: httpx.Response) -> set[int]:
    """Give the vendor's codes of what went wrong that an error's body holds, wherever they stand."""
    try:
        return set(_codes(response.json()))
    except (ValueError, RecursionError):
        return set()


def retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Give the seconds that the server asks to be left alone, told as seconds or as a date; None if it does not."""
    told = response.headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(told))
    except ValueError:
        date = _http_date(told)
        return max(0.0, (date - now).total_seconds()) if date else None


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        raise MalformedAnswer("not JSON, or cut short", sent=True) from None


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _codes(body: Any) -> Iterator[int]:
    if isinstance(body, Mapping):
        for key, value in body.items():
            if str(key).lower() == "code" and str(value).isdecimal():
                yield int(value)
            yield from _codes(value)
    elif isinstance(body, list):
        for item in body:
            yield from _codes(item)


def _sayings(body: Any) -> Iterator[str]:
    """Find what an error's body says: known keys of an object in any case, the items of a list, bare values."""
    if isinstance(body, Mapping):
        named = {str(key).lower(): value for key, value in body.items()}
        for key in _SAYING:
            yield from _sayings(named.get(key))
    elif isinstance(body, list):
        for item in body:
            yield from _sayings(item)
    elif body is not None and body != "":
        yield str(body)
