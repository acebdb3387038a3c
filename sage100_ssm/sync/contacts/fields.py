"""The field map: which field stands where on each side, as data (docs/rules.md, "The fields").

A new standard field is one more line in ``STANDARD``; a site's own fields come from its settings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from enum import StrEnum
from types import MappingProxyType

from sage100_ssm.sync.policy import ConflictPolicy


class FieldKind(StrEnum):
    """How a field's values are compared and carried over."""

    TEXT = "text"
    PHONE = "phone"
    EMAIL = "email"
    NUMBER = "number"
    LABEL = "label"
    """A free text in Sage, a row of ``/contactTypes`` in SSM."""
    CIVILITY = "civility"
    COMPANY = "company"


class Direction(StrEnum):
    """Which way a field travels (R1)."""

    BOTH = "both"
    TO_SSM = "to_ssm"
    TO_SAGE100 = "to_sage100"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the field map.

    Attributes:
        name: the field's name in settings, journal and state.
        sage100: its column in ``F_CONTACTT``.
        ssm: its field of an SSM contact.
        kind: how its values are compared and carried over.
        direction: which way it travels.
        conflict: who wins a conflict on this field; None for the site's general answer.
        values: for labels, Sage text to SSM label where the two differ.
        optional: whether a database may lack the column (older Sage 100).
    """

    name: str
    sage100: str
    ssm: str
    kind: FieldKind = FieldKind.TEXT
    direction: Direction = Direction.BOTH
    conflict: ConflictPolicy | None = None
    values: Mapping[str, str] = default(default_factory=lambda: MappingProxyType({}))
    optional: bool = False


LAST_NAME = "last_name"
FIRST_NAME = "first_name"
EMAIL = "email"
JOB_TITLE = "job_title"
COMPANY = "company"

STANDARD = (
    Field(LAST_NAME, "CT_Nom", "lastName"),
    Field(FIRST_NAME, "CT_Prenom", "firstName"),
    Field(JOB_TITLE, "CT_Fonction", "typeId", FieldKind.LABEL),
    Field("phone", "CT_Telephone", "phone1", FieldKind.PHONE),
    Field("mobile", "CT_TelPortable", "phone2", FieldKind.PHONE),
    Field("fax", "CT_Telecopie", "fax", FieldKind.PHONE),
    Field(EMAIL, "CT_EMail", "email", FieldKind.EMAIL),
    Field("civility", "CT_Civilite", "gender", FieldKind.CIVILITY),
    Field("linkedin", "CT_LinkedIn", "linkedin", optional=True),
    Field("skype", "CT_Skype", "skype", optional=True),
    Field(COMPANY, "CT_Num", "accountId", FieldKind.COMPANY, Direction.TO_SSM),
)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What a site's settings lay over one field; None leaves the map's own answer."""

    sage100: str | None = None
    ssm: str | None = None
    kind: FieldKind | None = None
    direction: Direction | None = None
    conflict: ConflictPolicy | None = None
    values: Mapping[str, str] | None = None


def field_map(changes: Mapping[str, FieldChange]) -> tuple[Field, ...]:
    """Lay a site's changes over the standard map.

    Raises:
        ValueError: a field of the site's own lacks a side, or a change would let SSM move contacts (R6).
    """
    known = {f.name: f for f in STANDARD}
    for name, change in changes.items():
        if name == COMPANY and (change.direction or change.kind or change.sage100 or change.ssm):
            raise ValueError(f"{name}: a contact's company always goes from Sage to SSM (R6)")
        known[name] = _changed(name, known.get(name), change)
    return tuple(known.values())


def _changed(name: str, field: Field | None, change: FieldChange) -> Field:
    if field is None:
        if not (change.sage100 and change.ssm):
            raise ValueError(f"{name}: a field of your own needs both 'sage100' and 'ssm'")
        field = Field(name, change.sage100, change.ssm)
    given = {
        key: value
        for key in ("sage100", "ssm", "kind", "direction", "conflict", "values")
        if (value := getattr(change, key)) is not None
    }
    changed = replace(field, **given, optional=field.optional and change.sage100 is None)
    if changed.kind is FieldKind.LABEL and changed.ssm != "typeId":
        # The only value list that is read is that of the contact types.
        changed = replace(changed, kind=FieldKind.TEXT)
    return changed


def present(fields: Iterable[Field], columns: Iterable[str]) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """Split the map by the columns that the database has: the fields that stand, the indispensable ones missing."""
    has = set(columns)
    there = tuple(f for f in fields if f.sage100 in has and f.direction is not Direction.NONE)
    missing = tuple(f for f in fields if f.sage100 not in has and not f.optional and f.direction is not Direction.NONE)
    return there, missing
