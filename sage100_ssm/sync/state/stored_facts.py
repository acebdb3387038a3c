"""The facts of a journal entry as the JSON object of its row, and back, whichever version wrote it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sage100_ssm.sync.journal import FACTS, Code, Facts, OlderFacts

_FORMER_NAMES = {
    Code.DUPLICATE_EXT_ID: {"other": "linked_ssm_id"},
    Code.GUARD_LIFTED: {"reason": "guard"},
}
"""Facts that earlier versions stored under another name."""


def packed_facts(facts: Facts | OlderFacts) -> dict[str, Any]:
    """Facts as JSON values by name."""
    if isinstance(facts, OlderFacts):
        return {}
    packed: dict[str, Any] = _adapter(facts.code).dump_python(facts, mode="json")
    return packed


def facts_of(code: Code, rule: str | None, details: Mapping[str, Any]) -> Facts | OlderFacts:
    """The facts of a row; of one in which a fact is missing, that it is an older version's."""
    former = _FORMER_NAMES.get(code, {})
    try:
        return _adapter(code).validate_python({former.get(name, name): value for name, value in details.items()})
    except ValidationError:
        return OlderFacts(code, rule)


@cache
def _adapter(code: Code) -> TypeAdapter[Facts]:
    return TypeAdapter(FACTS[code])
