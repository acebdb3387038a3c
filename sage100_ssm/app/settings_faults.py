"""What can be wrong with a settings file, found by pydantic and told as data: a key path and a reason."""

import dataclasses
import difflib
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ValidationError


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the settings.

    Attributes:
        key: the path of keys to it, with dots; empty for the whole file.
        reason: what is wrong: ``syntax``, ``environment_missing``, ``unknown_key``, or one of ``_REASONS``.
        params: what the sentence names beside the key. Never the value that stands there.
    """

    key: str
    reason: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)


_REASONS = {
    "missing": "missing",
    "literal_error": "not_a_choice",
    "enum": "not_a_choice",
    "union_tag_invalid": "not_a_choice",
    "union_tag_not_found": "not_a_choice",
    "string_type": "not_text",
    "int_type": "not_a_number",
    "int_parsing": "not_a_number",
    "int_from_float": "not_a_number",
    "float_type": "not_a_number",
    "float_parsing": "not_a_number",
    "bool_type": "not_yes_or_no",
    "bool_parsing": "not_yes_or_no",
    "dataclass_type": "not_a_section",
    "model_type": "not_a_section",
    "model_attributes_type": "not_a_section",
    "dict_type": "not_a_section",
    "mapping_type": "not_a_section",
    "tuple_type": "not_a_list",
    "list_type": "not_a_list",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "value_error": "invalid",
}
_QUOTED = re.compile("'([^']+)'")


def validation_faults(error: ValidationError, tree: Mapping[str, Any]) -> Iterator[Fault]:
    """Tell pydantic's findings as faults.

    Args:
        error: what pydantic found.
        tree: the settings as they were given, to tell keys from the tags of unions.
    """
    for found in error.errors(include_url=False, include_input=False):
        reason = _REASONS.get(found["type"], "invalid")
        params: dict[str, Mapping[str, Any]] = {
            "not_a_choice": {"choices": _choices(found.get("ctx", {}))},
            "invalid": {"detail": str(found.get("ctx", {}).get("error", found["msg"]))},
        }
        yield Fault(_key(found["loc"], tree), reason, params.get(reason, {}))


def _choices(context: Mapping[str, Any]) -> list[str]:
    """Take the names out of pydantic's English list of them."""
    return _QUOTED.findall(str(context.get("expected") or context.get("expected_tags")))


def _key(location: Sequence[str | int], tree: Any) -> str:
    """Write a location as a path, without the union tags that pydantic puts between the keys."""
    parts: list[str] = []
    for index, part in enumerate(location):
        is_last = index == len(location) - 1
        if isinstance(tree, Mapping) and part not in tree and not is_last:
            continue
        parts.append(str(part))
        tree = _child(tree, part)
    return ".".join(parts)


def _child(tree: Any, part: str | int) -> Any:
    if isinstance(tree, Mapping):
        return tree.get(part)
    return tree[part] if isinstance(tree, list) and isinstance(part, int) and part < len(tree) else None


def unknown_keys(model: type, tree: Mapping[Any, Any], path: tuple[str, ...] = ()) -> Iterator[Fault]:
    """Find the keys that the settings do not know, each with the nearest one that they do.

    The connectors' own models let unknown keys pass, so that an older connector takes a newer
    configuration; in a file written by hand an unknown key is a misspelt one.
    """
    known = _annotations(model)
    for name, value in tree.items():
        here = (*path, str(name))
        if name not in known:
            nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
            yield Fault(".".join(here), "unknown_key", {"nearest": nearest[0] if nearest else None})
        else:
            yield from _unknown_below(known[name], value, here)


def _unknown_below(annotation: Any, value: Any, path: tuple[str, ...]) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        return
    origin, models = typing.get_origin(annotation), list(_models(annotation))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        for name, item in value.items():
            yield from _unknown_below(models[0] if models else None, item, (*path, str(name)))
    elif model := next((m for m in models if len(models) == 1 or _is_of_kind(m, value.get("kind"))), None):
        yield from unknown_keys(model, value, path)


def _annotations(model: type) -> Mapping[str, Any]:
    if issubclass(model, BaseModel):
        return {name: info.annotation for name, info in model.model_fields.items()}
    return typing.get_type_hints(model)


def _models(annotation: Any) -> Iterator[type]:
    """Give the models within an annotation: itself, or those of a union or a mapping's values."""
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


def _is_of_kind(model: type, kind: Any) -> bool:
    annotation = _annotations(model)["kind"]
    return typing.get_origin(annotation) is Literal and kind in typing.get_args(annotation)
