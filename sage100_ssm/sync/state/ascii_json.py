"""JSON in ASCII: a text that every database stores, whatever characters a side put into a name."""

import json
from typing import Any

import orjson


def dumps(value: Any) -> str:
    """A value as compact JSON, every character outside ASCII escaped."""
    # Not orjson: it writes UTF-8, and refuses half a surrogate pair, which a name from SSM may contain.
    return json.dumps(value, separators=(",", ":"))


def loads(text: str) -> Any:
    """The value of a JSON text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # orjson is four times as fast, and refuses half a surrogate pair.
        return json.loads(text)
