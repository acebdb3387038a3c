"""How each kind of field is read, compared and carried over (docs/rules.md, "The fields").

A new kind of field is one more codec here and one more line in ``CODECS``.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.fields import Field, FieldKind
from sage100_ssm.sync.journal import Facts, ValueUnknown
from sage100_ssm.sync.model import Side, Value


@dataclass(frozen=True, slots=True)
class CannotHold:
    """A value that the other side cannot hold: the field is held back (P7).

    Attributes:
        facts: why, for the problem in the journal that names the field.
    """

    facts: Facts


Carried = Value | CannotHold
"""A value in the form of the side to which it is carried, or why that side cannot hold it."""


class Codec(Protocol):
    """How one kind of field is read, compared and carried over."""

    def read(self, side: Side, raw: Any) -> Value:
        """A raw value of a side's row in that side's own form; an empty one is None.

        Raises:
            AttributeError, TypeError, ValueError: it is not of the shape that the side's API gives.
        """
        ...

    def form(self, side: Side, value: Value) -> Hashable:
        """The form in which two values of one side are compared."""
        ...

    def is_equal(self, sage100: Value, ssm: Value) -> bool:
        """Whether the values of the two sides are the same."""
        ...

    def carry(self, side: Side, value: Value, current: Value) -> Carried:
        """A value of the other side in the form of ``side``, which now holds ``current``."""
        ...

    def shown(self, side: Side, value: Value) -> Value:
        """The value for people to read."""
        ...


_LETTER_OR_DIGIT = re.compile("[0-9A-Za-z]")
"""What nearly all values contain: those are no placeholder, and need no closer look."""


class TextCodec:
    """Texts that are the same on both sides: names, phones, e-mails.

    Args:
        compared: makes the form that is compared; of a placeholder and an empty text, None.
        written: makes the form that is written.
    """

    def __init__(
        self,
        compared: Callable[[str | None], str | None],
        written: Callable[[str | None], str | None] = normalise.one_line,
    ) -> None:
        self._form, self._written = compared, written

    def read(self, side: Side, raw: Any) -> Value:
        """The text itself; of a reference of SSM (``{"id": 9, "value": "…"}``), its label; a placeholder is None."""
        if isinstance(raw, Mapping):
            # An object without it is no empty value, which would clear the other side: its row is left alone.
            raw = raw["value"]
        if isinstance(raw, list | bool):
            raise TypeError(f"{raw!r} is no text")
        if raw in (None, ""):
            return None
        text = str(raw)
        return text if _LETTER_OR_DIGIT.search(text) or self._form(text) is not None else None

    def form(self, side: Side, value: Value) -> Hashable:
        """The normalised text."""
        return self._form(text_of(value))

    def is_equal(self, sage100: Value, ssm: Value) -> bool:
        """Whether the normalised texts are the same."""
        return sage100 == ssm or self._form(text_of(sage100)) == self._form(text_of(ssm))

    def carry(self, side: Side, value: Value, current: Value) -> Carried:
        """The text with plain spaces and without invisible signs."""
        return self._written(text_of(value))

    def shown(self, side: Side, value: Value) -> Value:
        """The value itself."""
        return value


class NumberCodec:
    """Whole numbers. Sage's number columns are never empty, so 0 and none are the same."""

    def read(self, side: Side, raw: Any) -> Value:
        """A whole number, or None."""
        if isinstance(raw, Mapping):
            raw = raw["id"]
        return None if raw in (None, "") else int(raw)

    def form(self, side: Side, value: Value) -> Hashable:
        """The number, none being 0."""
        return value or 0

    def is_equal(self, sage100: Value, ssm: Value) -> bool:
        """The same number."""
        return (sage100 or 0) == (ssm or 0)

    def carry(self, side: Side, value: Value, current: Value) -> Carried:
        """The number; none is written to Sage as 0."""
        return (value or 0) if side is Side.SAGE100 else value

    def shown(self, side: Side, value: Value) -> Value:
        """The value itself."""
        return value


_FEMALE = 1
_CIVILITIES: Mapping[Value, Value] = {0: "M.", 1: "Mme", 2: "Mlle"}
_GENDERS = range(2)


class CivilityCodec:
    """Sage 0 M., 1 Mme, 2 Mlle; SSM 0 male, 1 female, or unknown (docs/facts/sage100.md, docs/facts/ssm-api.md).

    Another code is kept as it is; the other side cannot hold it.
    """

    def read(self, side: Side, raw: Any) -> Value:
        """Sage's code, 0 where there is none; SSM's id, or None for unknown."""
        if isinstance(raw, Mapping):
            raw = raw["id"]
        if raw in (None, ""):
            return 0 if side is Side.SAGE100 else None
        return int(raw)

    def form(self, side: Side, value: Value) -> Hashable:
        """The code."""
        return value

    def is_equal(self, sage100: Value, ssm: Value) -> bool:
        """Whether the gender is that of the civility: Mme and Mlle are both female."""
        gender = _gender(sage100)
        return gender is not None and gender == ssm

    def carry(self, side: Side, value: Value, current: Value) -> Carried:
        """The gender of a civility; the civility of a gender."""
        if side is Side.SSM:
            gender = _gender(value)
            return CannotHold(ValueUnknown(str(value), side)) if gender is None else gender
        # Mlle stays Mlle for a woman, and an unknown gender changes nothing.
        if value is None or _gender(current) == value:
            return current or 0
        return value if value in _GENDERS else CannotHold(ValueUnknown(str(value), side))

    def shown(self, side: Side, value: Value) -> Value:
        """The civility as people write it; a code that has none as it is."""
        return _CIVILITIES.get(value, value)


def _gender(civility: Value) -> int | None:
    """The gender of a civility of Sage; None for a code that is none of them."""
    code = int(civility or 0)
    return min(code, _FEMALE) if code in _CIVILITIES else None


class LabelCodec:
    """A free text in Sage, a row of ``/contactTypes`` in SSM: matched by label, in any language.

    A row has a label per language, ``descriptionFR``, ``descriptionEN`` and so on.

    Args:
        types: rows of ``/contactTypes``, deleted ones included.
        pairs: Sage text to SSM label, where the two differ.
        language: the language of the label that is written to Sage (``fr``).
    """

    def __init__(self, types: Iterable[Mapping[str, Any]], pairs: Mapping[str, str], language: str) -> None:
        self._label: dict[int, str] = {}
        self._keys: dict[int, set[str]] = {}
        self._ids: dict[str, int] = {}
        # By id: of two rows with one label the older one is written.
        for row in sorted(types, key=lambda r: int(r["id"])):
            labels = _labels(row, language)
            if not labels:
                continue
            self._label[row["id"]] = labels[0]
            self._keys[row["id"]] = {normalise.name(label) for label in labels}
            # A deleted row still has its label for the contacts that refer to it, and is written to no other.
            if not row.get("deleted"):
                for key in self._keys[row["id"]]:
                    self._ids.setdefault(key, row["id"])
        self._pairs = {normalise.name(sage): normalise.name(ssm) for sage, ssm in pairs.items()}
        # Of several Sage texts for one label the first one that the settings name is written.
        self._sage_text = {normalise.name(ssm): sage for sage, ssm in reversed(list(pairs.items()))}

    def read(self, side: Side, raw: Any) -> Value:
        """Sage's text, a placeholder being None; SSM's id."""
        if isinstance(raw, Mapping):
            raw = raw["id"]
        if raw in (None, ""):
            return None
        if side is Side.SSM:
            return int(raw)
        text = str(raw)
        return text if _LETTER_OR_DIGIT.search(text) or normalise.text(text) is not None else None

    def form(self, side: Side, value: Value) -> Hashable:
        """Sage's text normalised; SSM's id."""
        return normalise.text(text_of(value)) if side is Side.SAGE100 else value

    def is_equal(self, sage100: Value, ssm: Value) -> bool:
        """Whether the text is one of the row's labels, or is paired with one by the settings."""
        if ssm is None or normalise.text(text_of(sage100)) is None:
            return normalise.text(text_of(sage100)) is None and ssm is None
        key = normalise.name(text_of(sage100))
        return self._pairs.get(key, key) in self._keys.get(int(ssm), ())

    def carry(self, side: Side, value: Value, current: Value) -> Carried:
        """The id of the row with a label; the label of the row with an id."""
        if side is Side.SSM:
            key = normalise.name(text_of(value))
            found = self._ids.get(self._pairs.get(key, key)) if key else None
            return found if found or not key else CannotHold(ValueUnknown(str(value), side))
        if value is None:
            return None
        paired = next((self._sage_text[k] for k in self._keys.get(int(value), ()) if k in self._sage_text), None)
        label = paired or self._label.get(int(value))
        return normalise.one_line(label) if label else CannotHold(ValueUnknown(str(value), side))

    def shown(self, side: Side, value: Value) -> Value:
        """The label."""
        return self._label.get(int(value), value) if side is Side.SSM and value is not None else value


def _labels(row: Mapping[str, Any], language: str) -> list[str]:
    """The labels of a row of ``/contactTypes``, the one in the language first."""
    described = {k: v for k, v in row.items() if k.startswith("description") and isinstance(v, str) and v.strip()}
    first = described.get(f"description{language.upper()}")
    return ([first] if first else []) + [v for v in described.values() if v != first]


class CompanyCodec:
    """The contact's company, by its ``CT_Num`` on both sides. It has its own rules about which way it goes (R6, P6)."""

    def read(self, side: Side, raw: Any) -> Value:
        """The code."""
        return normalise.one_line(text_of(raw))

    def form(self, side: Side, value: Value) -> Hashable:
        """The code as Sage's collation compares it (P8)."""
        return normalise.company_code(text_of(value))

    def is_equal(self, sage100: Value, ssm: Value) -> bool:
        """The same code."""
        return normalise.company_code(text_of(sage100)) == normalise.company_code(text_of(ssm))

    def carry(self, side: Side, value: Value, current: Value) -> Carried:
        """The code itself."""
        return value

    def shown(self, side: Side, value: Value) -> Value:
        """The code."""
        return value


@dataclass(frozen=True, slots=True)
class Locale:
    """Where a site is: its country, language and time zone.

    Attributes:
        country: ISO code of the country of phone numbers without a prefix (``FR``).
        language: the language of the labels that are written to Sage (``fr``).
        time_zone: the zone of the clock by which Sage stamps its changes.
    """

    country: str
    language: str
    time_zone: ZoneInfo


CODECS: Mapping[FieldKind, Callable[[Field, Sequence[Mapping[str, Any]], Locale], Codec]] = {
    FieldKind.TEXT: lambda field, *_: (
        TextCodec(normalise.free_text, normalise.lines) if field.is_own else TextCodec(normalise.text)
    ),
    FieldKind.PHONE: lambda _, __, locale: TextCodec(lambda value: normalise.phone(value, locale.country)),
    FieldKind.EMAIL: lambda *_: TextCodec(normalise.email),
    FieldKind.NUMBER: lambda *_: NumberCodec(),
    FieldKind.CIVILITY: lambda *_: CivilityCodec(),
    FieldKind.LABEL: lambda field, types, locale: LabelCodec(types, field.values, locale.language),
    FieldKind.COMPANY: lambda *_: CompanyCodec(),
}
"""Kind of field to what makes its codec from the field, the rows of ``/contactTypes`` and the site's locale."""


def text_of(value: Value) -> str | None:
    """A value as text; none stays none."""
    return None if value is None else str(value)
