"""Values as people read them: a civility or a label where a side holds a code."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sage100_ssm.sync.contacts.codecs import CODECS, Locale
from sage100_ssm.sync.contacts.fields import Field
from sage100_ssm.sync.model import Side, Value

Shown = Callable[[str, Side, Value], Value]
"""Given a field's name, a side and the value there: what is shown of it."""


def shown_by(fields: Iterable[Field], contact_types: Iterable[Mapping[str, Any]], locale: Locale) -> Shown:
    """Show values by the field map.

    Args:
        fields: the field map.
        contact_types: rows of ``/contactTypes``, as last seen.
        locale: the site's language and country.
    """
    types = list(contact_types)
    codecs = {field.name: CODECS[field.kind](field, types, locale) for field in fields}

    def shown(name: str, side: Side, value: Value) -> Value:
        # The base of a field that has since left the map is still remembered.
        return codecs[name].shown(side, value) if name in codecs else value

    return shown
