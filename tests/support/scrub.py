"""What is taken out of a recorded conversation: secrets, and all that may tell of a person.

Kept is what is known to be harmless, and no more. Of a request that is the few headers that mean something, and the
body, which the recorder made up, except at login. Of an answer it is flags, ids, the dates of a record's life, the
words of a schema, and what the recorder wrote itself; any other text gets a number in its stead, the same for the same
text. The numbers are counted, so that nothing can be reckoned back from them.
"""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from vcr.request import Request

from source_ssm.schemas import ACCOUNTS, CONTACTS

HOST = "https://ssm.example/api/v4"
"""What stands in cassettes for the instance's address."""
PUBLIC_KEY, PRIVATE_KEY, TOKEN = "public-key", "private-key", "session-token"
REQUEST_HEADERS = frozenset({"accept", "content-type", "count", "x-fm-entity-count"})
ANSWER_HEADERS = frozenset({"content-type", "date", "retry-after"})

_BASE = "/api/v4"
_SECRET = re.compile("token|secret|password|session|key$", re.IGNORECASE)
_LIFE = frozenset({"dateCreated", "dateUpdated", "dateDeleted"})
_NUMBERS = re.compile("(^id|Id|^salesRepId.*|^code|^order|[lL]evel|^maxLength)$")
_SAYING = frozenset({"message", "error", "detail", "title"})
_SCHEMA_WORDS = frozenset({"string", "null", "object", "integer", "number", "boolean", "array", "date-time"})
_SOME_DAY = "1970-01-01T00:00:00Z"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_QUOTED = re.compile("'([^']*)'")
_WORD = re.compile(r"[^\W_][\w'’@.+-]*")
_FIELDS = frozenset({*CONTACTS["properties"], *ACCOUNTS["properties"]})
_PLAIN_WORDS = frozenset(
    [
        "a",
        "already",
        "an",
        "and",
        "are",
        "array",
        "at",
        "be",
        "been",
        "cannot",
        "characters",
        "created",
        "data",
        "delete",
        "deleted",
        "does",
        "empty",
        "entity",
        "error",
        "exist",
        "exists",
        "expected",
        "expired",
        "field",
        "fields",
        "for",
        "found",
        "generated",
        "have",
        "id",
        "in",
        "incorrect",
        "internal",
        "invalid",
        "is",
        "it",
        "keys",
        "length",
        "longer",
        "maximum",
        "method",
        "missing",
        "more",
        "most",
        "must",
        "no",
        "not",
        "null",
        "object",
        "of",
        "or",
        "page",
        "permission",
        "read-only",
        "record",
        "records",
        "refers",
        "required",
        "requests",
        "resource",
        "right",
        "rights",
        "row",
        "rows",
        "server",
        "session",
        "sql",
        "success",
        "than",
        "that",
        "the",
        "this",
        "to",
        "too",
        "unauthorized",
        "unique",
        "unknown",
        "update",
        "updated",
        "valid",
        "value",
        "values",
        "what",
        "with",
        "without",
    ]
)


class Scrubber:
    """Scrubs the conversations of one recording.

    Args:
        secrets: what must not stand anywhere, beside what looks like a secret.
    """

    def __init__(self, *secrets: str) -> None:
        self._secrets = secrets
        self._said: set[str] = set()
        self._numbers: dict[str, int] = {}

    def request(self, request: Request) -> Request:
        """Give the request as it is kept; twice is as once."""
        kept = copy.copy(request)
        kept.headers = {name: value for name, value in request.headers.items() if name.lower() in REQUEST_HEADERS}
        path = urlsplit(request.uri).path.rpartition(_BASE)[2]
        query = urlsplit(request.uri).query
        self._said.update(_QUOTED.findall(unquote_plus(query)))
        kept.uri = HOST + path + (f"?{query}" if query else "")
        if path == "/login":
            kept.body = json.dumps({"username": PUBLIC_KEY, "password": PRIVATE_KEY})
        elif request.body:
            self._said.update(_texts(json.loads(request.body)))
        return kept

    def answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Give the answer as it is kept."""
        headers = {name: value for name, value in answer["headers"].items() if name.lower() in ANSWER_HEADERS}
        return {**answer, "headers": headers, "body": {"string": self._body(answer["body"]["string"])}}

    def _body(self, body: bytes) -> bytes:
        try:
            held = json.loads(body) if body else None
        except ValueError:
            return b"(no JSON)"
        text = json.dumps(self._kept("", "", held), ensure_ascii=False) if body else ""
        for secret in self._secrets:
            text = text.replace(secret, TOKEN)
        return text.encode()

    def _kept(self, field: str, key: str, value: Any) -> Any:
        """Give a value as it is kept.

        Args:
            field: the record's field that it is in, however deep.
            key: the key that it stands under.
            value: the value.
        """
        match value:
            case dict():
                return {inner: self._kept(field or inner, inner, each) for inner, each in value.items()}
            case list():
                return [self._kept(field, key, each) for each in value]
            case str():
                return self._text(field, key, value)
            case int() | float() if not isinstance(value, bool):
                harmless = _NUMBERS.search(key) and not field.startswith(("Z_", "z_"))
                return value if harmless else 0
        return value

    def _text(self, field: str, key: str, text: str) -> str:
        if _SECRET.search(key) or _SECRET.search(field):
            return TOKEN
        if _DATE.match(text):
            return text if key in _LIFE else _SOME_DAY
        if not text or text in self._said or text in _SCHEMA_WORDS:
            return text
        if key.lower() in _SAYING:
            return _WORD.sub(_plain, text)
        return self._stand_in(field, text)

    def _stand_in(self, field: str, text: str) -> str:
        number = self._numbers.setdefault(text, len(self._numbers) + 1)
        if "mail" in field.lower():
            return f"person{number}@example.org"
        if field.lower().startswith(("phone", "fax")):
            return f"01 99 00 {number // 100 % 100:02} {number % 100:02}"
        return f"{field or 'text'} {number}"


def _plain(word: re.Match[str]) -> str:
    """Keep a word of a server's sentence where it tells of no person: a plain one, or the name of a field."""
    return word[0] if word[0].lower().rstrip(".") in _PLAIN_WORDS or word[0] in _FIELDS else "…"


def _texts(value: Any) -> Iterator[str]:
    """Give all texts in a JSON value."""
    match value:
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
        case str():
            yield value
