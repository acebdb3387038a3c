"""A connector's Airbyte specification, made from the pydantic model of its configuration.

Airbyte's form and the CDK read a part of JSON schema only. Above all, the CDK finds secrets under
``properties`` and ``oneOf`` alone: one under ``anyOf`` or behind a ``$ref`` would be logged in clear.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from sage100_ssm import DOCUMENTATION

Schema = dict[str, Any]

_NULL = {"type": "null"}
_NO_OBJECT = frozenset({"dict_type", "mapping_type", "model_type", "model_attributes_type"})
_NOT_OF_THE_FORM = frozenset(
    {"string_pattern_mismatch", "value_error", "date_type", "date_from_datetime_parsing", "date_from_datetime_inexact"}
)
_PLAIN_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "string_too_short": "is empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}
"""Instead of pydantic's words, which are for programmers, by the kind of error."""
_NOT_READ_BY_AIRBYTE = frozenset({"$defs", "discriminator", "writeOnly"})


def documentation_url(connector: str) -> str:
    """The address of a connector's page.

    Args:
        connector: its name, such as ``source-ssm``.
    """
    return f"{DOCUMENTATION}/connectors/{connector}"


def connection_specification(model: type[BaseModel], without: Collection[str] = ()) -> Schema:
    """The ``connectionSpecification`` of a configuration model.

    References are inlined; an optional field becomes one that is not required; a ``SecretStr`` gets
    ``airbyte_secret``, and each property the ``order`` in which the model declares it; objects take additional
    properties, so that older settings keep working. A mapping is hidden from Airbyte's form; its API takes it. So a
    field that people fill in is a list of objects (``json_schema_input_type``). No secret may be in one: the CDK would
    not find it.

    Args:
        model: the configuration; a choice in it is a union discriminated by a ``Literal`` field.
        without: fields of the model that this connector does not use, and so does not offer.
    """
    schema = model.model_json_schema()
    whole = _object(_inline(schema, schema.get("$defs", {})))
    properties = {name: field for name, field in whole["properties"].items() if name not in without}
    shown = {field.get("group") for field in properties.values() if not field.get("airbyte_hidden")}
    groups = [group for group in whole.get("groups", []) if group["id"] in shown]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **whole,
        "properties": properties,
        **({"groups": groups} if groups else {}),
    }


def invalid_fields(error: ValidationError, specification: Schema) -> str:
    """A sentence about what is wrong with a configuration, field by field, without the values, which may be secret.

    Args:
        error: the errors by its model.
        specification: the `connectionSpecification` of that model.
    """
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(_described(problem["loc"], problem["type"], problem["msg"], specification) for problem in problems)


def unknown_fields(
    config: Mapping[str, Any], specification: Schema, prefix: str = ""
) -> Iterator[tuple[str, str | None]]:
    """The settings of a configuration that its model does not have, each with the most similar one that it has.

    Args:
        config: the configuration, or a part of it.
        specification: the `connectionSpecification` of its model.
        prefix: the path of that part: ``connection.``.
    """
    known = specification["properties"]
    for name, value in config.items():
        if name in known:
            yield from _unknown_within(value, known[name], f"{prefix}{name}.")
        elif not name.startswith("_"):  # those are the platform's own
            nearest = get_close_matches(name, known, n=1)
            yield f"{prefix}{name}", f"{prefix}{nearest[0]}" if nearest else None


def _unknown_within(value: Any, field: Schema, prefix: str) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, Mapping):
        kind = value.get("kind")
        inner = _options(field).get(kind, {}) if isinstance(kind, str) and "oneOf" in field else field
        if "properties" in inner:
            yield from unknown_fields(value, inner, prefix)
    elif isinstance(value, list) and "properties" in field.get("items", {}):
        for entry in value:
            yield from _unknown_within(entry, field["items"], prefix)


def _described(location: Sequence[int | str], kind: str, words: str, field: Schema) -> str:
    names: list[str] = []
    for part in location:
        if isinstance(part, int):
            names[-1] += f" (entry {part + 1})"
            field = field.get("items", {})
            continue
        option = _options(field).get(part)
        field = option or field.get("properties", {}).get(part, {})
        names += [] if option else [part]
    if kind in _PLAIN_WORDS:
        words = _PLAIN_WORDS[kind]
    elif "pattern_descriptor" in field and kind in _NOT_OF_THE_FORM:
        words = f"must be of this form: {field['pattern_descriptor']}"
    elif kind in _NO_OBJECT:
        words = "must be a list of entries" if field.get("type") == "array" else "must be an object"
    elif kind.startswith("union_tag"):
        words = f"must be of one of the kinds {', '.join(map(str, _options(field)))}"
    words = words.removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{'.'.join(names) or 'configuration'}: {words}"


def _options(field: Schema) -> dict[Any, Schema]:
    """The options of a choice, by their discriminating constant."""
    options = field.get("oneOf", ())
    return {value["const"]: option for option in options for value in option["properties"].values() if "const" in value}


def _inline(node: Any, definitions: Mapping[str, Schema]) -> Any:
    """Replace each reference by its definition; keys beside the reference override the definition's."""
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    target = definitions[node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else {}
    merged = {**target, **node}
    return {
        key: _inline(value, definitions)
        for key, value in merged.items()
        if key not in _NOT_READ_BY_AIRBYTE and key != "$ref"
    }


def _object(schema: Schema) -> Schema:
    """An object as Airbyte reads it: its properties, their order, unknown properties allowed."""
    properties = {
        name: {"order": order} | _property(field) for order, (name, field) in enumerate(schema["properties"].items())
    }
    return schema | {"type": "object", "properties": properties, "additionalProperties": True}


def _property(field: Schema) -> Schema:
    """A property as Airbyte reads it."""
    field = _without_null(field)
    if "oneOf" in field:
        return field | {"type": "object", "oneOf": [_object(option) for option in field["oneOf"]]}
    if "properties" in field:
        return _object(field)
    if "properties" in field.get("items", {}):
        return field | {"items": _object(field["items"])}
    if field.get("type") == "object":
        # A mapping. Airbyte's form has no input for free names, and empties an object without properties when it is
        # saved; a property whose type is a list it leaves unchanged.
        return field | {"type": ["object"], "airbyte_hidden": True}
    if field.get("format") == "password":
        return {key: value for key, value in field.items() if key != "format"} | {"airbyte_secret": True}
    return field


def _without_null(field: Schema) -> Schema:
    """A property with ``anyOf: [X, null]`` flattened into X: in Airbyte an optional field is one not required."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != _NULL]
    if len(kinds) == 1:
        field = {key: value for key, value in field.items() if key != "anyOf"} | kinds[0]
    return {key: value for key, value in field.items() if key != "default" or value is not None}
