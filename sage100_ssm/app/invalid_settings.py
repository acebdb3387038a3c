"""What is wrong with a settings file, as data: the path of the key, and the reason."""

import dataclasses
import difflib
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeGuard

from pydantic import BaseModel, ValidationError

from sage100_ssm.sync.contacts.fields import FieldMapError

INCLUDE = "include"
"""The key that names another file of settings; an included file cannot have it."""
SECRETS = "secrets"
"""The key that names a file of variables; an included file cannot have it, either."""


@dataclasses.dataclass(frozen=True, slots=True)
class InvalidSetting:
    """A setting that cannot be used.

    Attributes:
        key: the path of its key, with dots; empty for the whole file.
        reason: what is wrong: ``syntax``, ``environment_missing``, ``unknown_key``, ``foreign_key``, a value of
            ``_REASONS``, or the reason of a ``FieldMapError``.
        params: what the sentence names besides the key. Never the value in the file, which may be a secret.
    """

    key: str
    reason: str
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)


_REASONS: Mapping[str, str] = {
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
    "https_required": "https_required",
    "no_certificate": "no_certificate",
    "private_key_given": "private_key_given",
    "password_short": "password_short",
    "password_required": "password_required",
}
"""The reason by the type of pydantic's error."""

_QUOTED = re.compile("'([^']+)'")


def invalid_values(error: ValidationError, tree: Mapping[str, Any]) -> Iterator[InvalidSetting]:
    """The invalid settings that pydantic found.

    Args:
        error: pydantic's error.
        tree: the settings as they were given, which distinguish keys from the tags of unions.
    """
    for details in error.errors(include_url=False, include_input=False):
        reason, context = _REASONS.get(details["type"], "invalid"), details.get("ctx", {})
        params: dict[str, Any] = {}
        if isinstance(misfit := context.get("error"), FieldMapError):
            yield InvalidSetting(_key_path((*details["loc"], misfit.field), tree), misfit.reason)
            continue
        if reason == "not_a_choice":
            # The choices exist only in an English sentence: 'refuse' or 'truncate'.
            params = {"choices": _QUOTED.findall(str(context.get("expected") or context.get("expected_tags")))}
        elif reason == "invalid":
            params = {"detail": str(context.get("error", details["msg"]))}
        yield InvalidSetting(_key_path(details["loc"], tree), reason, params)


def _key_path(location: Sequence[str | int], tree: Any) -> str:
    """A location as a path of keys, without the union tags that pydantic puts between them."""
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


def unknown_keys(model: type, tree: Mapping[Any, Any], path: tuple[str, ...] = ()) -> Iterator[InvalidSetting]:
    """The keys that no setting has: each with the nearest one that exists, or only its section.

    Args:
        model: the pydantic model or dataclass that the tree is parsed into.
        tree: the settings as they were given.
        path: the keys that lead to the tree.
    """
    # Pydantic cannot refuse them: the connectors' models accept unknown keys, so that an older connector takes a
    # newer configuration. In a file written by hand an unknown key is a misspelt one.
    known = _annotations(model)
    for name, value in tree.items():
        here = (*path, str(name))
        if name in known:
            yield from _unknown_keys_within(known[name], value, here)
        else:
            nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.7) or _in_a_section(name, known)
            if nearest or name in (INCLUDE, SECRETS):
                yield InvalidSetting(".".join(here), "unknown_key", {"nearest": nearest[0] if nearest else None})
            else:
                # A key that resembles no setting is not quoted: the file may be another one, with secrets in it.
                yield InvalidSetting(".".join(path), "foreign_key", {"known": sorted(known)})


def _in_a_section(name: Any, known: Mapping[str, Any]) -> list[str]:
    """The settings of that name in the sections beside which it was written."""
    sections = ((section, annotation) for section, annotation in known.items() if _is_model(annotation))
    return [f"{section}.{name}" for section, model in sections if name in _annotations(model)]


def _unknown_keys_within(annotation: Any, value: Any, path: tuple[str, ...]) -> Iterator[InvalidSetting]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_keys_within(annotation, item, (*path, str(index)))
    if not isinstance(value, Mapping):
        return
    origin, models = typing.get_origin(annotation), list(_models(annotation))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        for name, item in value.items():
            yield from _unknown_keys_within(models[0] if models else None, item, (*path, str(name)))
    elif model := next((m for m in models if len(models) == 1 or _is_of_kind(m, value.get("kind"))), None):
        yield from unknown_keys(model, value, path)


def _annotations(model: type) -> Mapping[str, Any]:
    if issubclass(model, BaseModel):
        return {name: info.annotation for name, info in model.model_fields.items()}
    return typing.get_type_hints(model)


def _models(annotation: Any) -> Iterator[type]:
    """The models within an annotation: itself, or those of a union or of a mapping's values."""
    if _is_model(annotation):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models(part)


def _is_model(annotation: Any) -> TypeGuard[type]:
    return isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation))


def _is_of_kind(model: type, kind: Any) -> bool:
    annotation = _annotations(model)["kind"]
    return typing.get_origin(annotation) is Literal and kind in typing.get_args(annotation)
