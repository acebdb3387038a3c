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
    named = {former.get(name, name): value for name, value in details.items()}
    if code is Code.COMPANY_NOT_IN_SSM:
        named["contacts"] = [_waiting(contact) for contact in named.get("contacts", ())]
    try:
        return _adapter(code).validate_python(named)
    except ValidationError:
        return OlderFacts(code, rule)


def _waiting(contact: Any) -> Any:
    """A contact that waits; earlier versions stored its ``cbMarq`` and its name alone."""
    return {"sage100_id": contact[0], "contact": contact[1]} if isinstance(contact, list) else contact


@cache
def _adapter(code: Code) -> TypeAdapter[Facts]:
    return TypeAdapter(FACTS[code])
