"""Values as people read them: a civility or a label where a side stores a code."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sage100_ssm.sync.contacts.codecs import CODECS, Locale
from sage100_ssm.sync.contacts.fields import Field
from sage100_ssm.sync.model import Side, Value

ValueFormatter = Callable[[str, Side, Value], Value]
"""Returns the value to show, given a field's name, a side and the value there."""


def value_formatter(
    fields: Iterable[Field], contact_types: Iterable[Mapping[str, Any]], locale: Locale
) -> ValueFormatter:
    """A formatter for the fields of the field map.

    Args:
        fields: the field map.
        contact_types: rows of ``/contactTypes``, as last read.
        locale: the site's country and language.
    """
    types = list(contact_types)
    codecs = {field.name: CODECS[field.kind](field, types, locale) for field in fields}

    def formatted(name: str, side: Side, value: Value) -> Value:
        # A link still has the base of a field that was in the map before.
        return codecs[name].shown(side, value) if name in codecs else value

    return formatted
