"""The keys of a configuration, as its classes have them."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

REQUIRED = "required"
"""The default of a setting that has none, and must be given."""


def fields_of(kind: Any) -> list[tuple[str, Any, Any]]:
    """The fields of a model or of a dataclass: name, annotation and default."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return [
            (one.name, hints[one.name], REQUIRED if one.default is MISSING else one.default) for one in fields(kind)
        ]
    return [(name, one.annotation, model_default(one)) for name, one in kind.model_fields.items()]


def model_default(field: FieldInfo) -> Any:
    """What a model has for a field that is not set."""
    if field.default_factory is not None:
        return field.default_factory()  # type: ignore[call-arg]
    return REQUIRED if field.default is PydanticUndefined else field.default


def sections_in(annotation: Any) -> list[Any]:
    """The classes with settings of their own that a setting is one of; none for a plain value."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return [kind for part in get_args(annotation) for kind in sections_in(part)]
    is_section = isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation))
    return [annotation] if is_section else []


def settings_of(kind: Any, prefix: str = "", outer: Any = None) -> dict[str, Any]:
    """The keys of a configuration, with dots, and their defaults.

    Args:
        kind: a model or a dataclass.
        prefix: where it is in the configuration.
        outer: what it is by default, whose values go before the class's own.
    """
    found: dict[str, Any] = {}
    for name, annotation, own_default in fields_of(kind):
        default = getattr(outer, name, own_default)
        inner = sections_in(annotation)
        for one in inner:
            found |= settings_of(one, f"{prefix}{name}.", None if default == REQUIRED else default)
        if get_origin(annotation) is Mapping and sections_in(get_args(annotation)[1]):
            found |= settings_of(get_args(annotation)[1], f"{prefix}{name}.NAME.")
        elif not inner:
            found[f"{prefix}{name}"] = default
    return found
