"""Values that a side has refused: how one is recognised when it is about to be written again (P1, P7). Pure."""

import hashlib
import json
from typing import Any

from sage100_ssm.sync.model import Side

RefusedValues = frozenset[str]
"""The fingerprints of the values that are known to be refused."""


def value_fingerprint(side: Side, source_id: int | None, name: str, value: Any) -> str:
    """A short text for one value of a contact, the same whether it is part of a creation or of an update.

    Args:
        side: the side that is written.
        source_id: the contact's id on the other side.
        name: the field's own name on the written side.
        value: the value, as it is written.
    """
    return digest([side, source_id, name, value])


def digest(attempt: Any) -> str:
    """A short text for anything that JSON can hold."""
    return hashlib.sha256(json.dumps(attempt, default=str).encode()).hexdigest()[:16]
