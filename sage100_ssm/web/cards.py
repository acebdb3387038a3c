"""Two contacts side by side, field by field, with what differs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sage100_ssm.app.search.found import Found
from sage100_ssm.sync.contacts.codecs import CODECS, Locale
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import Field
from sage100_ssm.sync.journal import Entry
from sage100_ssm.sync.model import Link, Side, Value, ValuePair


@dataclass(frozen=True, slots=True)
class CardLine:
    """One field of two contacts.

    Attributes:
        field: the field's name.
        sage100: the value in Sage 100, for people to read.
        ssm: the value in SSM, for people to read.
        differs: whether the two are not the same, as P8 compares them, nor left so by a run.
    """

    field: str
    sage100: Value
    ssm: Value
    differs: bool


class Cards:
    """Puts contacts side by side.

    Args:
        fields: the field map.
        contact_types: rows of ``/contactTypes``, as last read.
        locale: the site's country and language.
    """

    def __init__(self, fields: Iterable[Field], contact_types: Iterable[Mapping[str, Any]], locale: Locale) -> None:
        types = list(contact_types)
        self._codecs = {field.name: CODECS[field.kind](field, types, locale) for field in fields}

    def of_contacts(self, sage100: Contact | None, ssm: Contact | None) -> list[CardLine]:
        """Two contacts as they were read; of one that is not known, nothing."""
        return self._lines(
            {
                name: ValuePair(
                    sage100.values.get(name) if sage100 else None,
                    ssm.values.get(name) if ssm else None,
                )
                for name in self._codecs
            },
            compared=sage100 is not None and ssm is not None,
        )

    def of_link(self, link: Link, conflict: Entry | None = None) -> list[CardLine]:
        """A link's two contacts as they were last read back; the field of a conflict with the values that it names."""
        lines = self._lines(link.base, compared=True)
        if conflict is None or conflict.field is None:
            return lines
        in_conflict = CardLine(conflict.field, conflict.sage100_value, conflict.ssm_value, differs=True)
        return [in_conflict if line.field == conflict.field else line for line in lines]

    def as_found(self, found: Found) -> list[CardLine]:
        """The two cards of a contact that was found; of one that is not known, nothing."""
        sage100, ssm = (found.cards.get(side, {}) for side in Side)
        are_both_known = len(found.cards) == len(Side)
        return [
            CardLine(name, sage100.get(name), ssm.get(name), are_both_known and name in found.differing_fields)
            for name in self._codecs
            if name in sage100 or name in ssm
        ]

    def _lines(self, values: Mapping[str, ValuePair], *, compared: bool) -> list[CardLine]:
        lines = []
        for name, codec in self._codecs.items():
            pair = values.get(name, ValuePair(None, None))
            shown = [codec.shown(side, pair.of(side)) for side in Side]
            if shown != [None, None]:
                differs = compared and not codec.is_equal(pair.sage100, pair.ssm)
                lines.append(CardLine(name, shown[0], shown[1], differs))
        return lines
