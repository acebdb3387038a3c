"""The field map: where each field is on each side, as data (docs/rules.md, "The fields").

A new standard field is one more line in ``STANDARD``; a site's own fields come from its settings.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from enum import StrEnum
from types import MappingProxyType

from sage100_ssm.sync.model import Side
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
    """Which way a field's changes go (R1)."""

    BOTH = "both"
    TO_SSM = "to_ssm"
    TO_SAGE100 = "to_sage100"
    NONE = "none"
    """The field takes no part."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the field map.

    Attributes:
        name: the field's name in settings, journal and state.
        sage100: its column in ``F_CONTACTT``.
        ssm: its field of an SSM contact.
        kind: how its values are compared and carried over.
        direction: which way its changes go.
        conflict: who wins a conflict on this field; None for the site's setting for all fields (P1).
        values: for labels, Sage text to SSM label where the two differ.
        optional: whether the column is missing in older databases (docs/facts/sage100.md, "Generations").
    """

    name: str
    sage100: str
    ssm: str
    kind: FieldKind = FieldKind.TEXT
    direction: Direction = Direction.BOTH
    conflict: ConflictPolicy | None = None
    values: Mapping[str, str] = default(default_factory=lambda: MappingProxyType({}))
    optional: bool = False

    @property
    def is_own(self) -> bool:
        """Whether the site's settings added it to the standard map."""
        return self.name not in _STANDARD_NAMES

    @property
    def may_be_shortened(self) -> bool:
        """P7: whether a part of its value still says something true: no name, number, address or id does."""
        return self.name == JOB_TITLE or (self.is_own and self.kind is FieldKind.TEXT)

    def name_on(self, side: Side) -> str:
        """The field's own name on a side: the column, or the field of an SSM contact."""
        return self.sage100 if side is Side.SAGE100 else self.ssm


LAST_NAME = "last_name"
FIRST_NAME = "first_name"
NAMES = (LAST_NAME, FIRST_NAME)
"""One field for conflicts and for what a side cannot hold (P1, P7): both belong to one person."""

EMAIL = "email"
MOBILE = "mobile"
JOB_TITLE = "job_title"
LINKEDIN = "linkedin"
SKYPE = "skype"
COMPANY = "company"

STANDARD = (
    Field(LAST_NAME, "CT_Nom", "lastName"),
    Field(FIRST_NAME, "CT_Prenom", "firstName"),
    Field(JOB_TITLE, "CT_Fonction", "typeId", FieldKind.LABEL),
    Field("phone", "CT_Telephone", "phone1", FieldKind.PHONE),
    Field(MOBILE, "CT_TelPortable", "phone2", FieldKind.PHONE),
    Field("fax", "CT_Telecopie", "fax", FieldKind.PHONE),
    Field(EMAIL, "CT_EMail", "email", FieldKind.EMAIL),
    Field("civility", "CT_Civilite", "gender", FieldKind.CIVILITY),
    Field(LINKEDIN, "CT_LinkedIn", "linkedin", optional=True),
    Field(SKYPE, "CT_Skype", "skype", optional=True),
    Field(COMPANY, "CT_Num", "accountId", FieldKind.COMPANY, Direction.TO_SSM),
)

_STANDARD_NAMES = frozenset(field.name for field in STANDARD)


class FieldMapError(ValueError):
    """A site's changes do not fit the field map.

    Attributes:
        reason: why, as a code for the sentence that the user reads.
        field: the field's name.
    """

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.reason, self.field = reason, field


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What a site's settings change in one field of the map; None changes nothing."""

    sage100: str | None = None
    ssm: str | None = None
    kind: FieldKind | None = None
    direction: Direction | None = None
    conflict: ConflictPolicy | None = None
    values: Mapping[str, str] | None = None


def field_map(changes: Mapping[str, FieldChange]) -> tuple[Field, ...]:
    """The standard map with a site's changes, and with the site's own fields at its end.

    Args:
        changes: field name to change; a name that the standard map does not have makes a field of the site's own.

    Raises:
        FieldMapError: a field of the site's own misses a side, a change would let SSM move contacts (R6), one name
            would go another way than the other or none at all (P1), or ``values`` are given for a field without labels.
    """
    known = {f.name: f for f in STANDARD}
    for name, change in changes.items():
        if name == COMPANY and (change.direction or change.kind or change.sage100 or change.ssm):
            raise FieldMapError("company_direction", name)
        known[name] = _changed(name, known.get(name), change)
    last, first = (known[name] for name in NAMES)
    if unused := next((field.name for field in (last, first) if field.direction is Direction.NONE), None):
        raise FieldMapError("names_needed", unused)
    if (last.direction, last.conflict) != (first.direction, first.conflict):
        raise FieldMapError("names_apart", FIRST_NAME if FIRST_NAME in changes else LAST_NAME)
    return tuple(known.values())


def _changed(name: str, field: Field | None, change: FieldChange) -> Field:
    if field is None:
        if not (change.sage100 and change.ssm):
            raise FieldMapError("side_missing", name)
        field = Field(name, change.sage100, change.ssm)
    given = {
        key: value
        for key in ("sage100", "ssm", "kind", "direction", "conflict", "values")
        if (value := getattr(change, key)) is not None
    }
    changed = replace(field, **given, optional=field.optional and change.sage100 is None)
    if changed.kind is FieldKind.LABEL and changed.ssm != "typeId":
        # No other list of SSM is read than `/contactTypes`, so no other field can be matched by its labels.
        changed = replace(changed, kind=FieldKind.TEXT)
    if changed.values and changed.kind is not FieldKind.LABEL:
        raise FieldMapError("values_without_labels", name)
    return changed


def fields_present(fields: Iterable[Field], columns: Container[str]) -> tuple[Field, ...]:
    """The fields that a database can synchronise.

    Args:
        fields: the field map.
        columns: the columns of ``F_CONTACTT`` in this database.
    """
    return tuple(f for f in fields if f.sage100 in columns and f.direction is not Direction.NONE)


def fields_missing(fields: Iterable[Field], columns: Container[str]) -> tuple[Field, ...]:
    """The fields whose column a database should have and does not: a person must correct the map.

    Args:
        fields: the field map.
        columns: the columns of ``F_CONTACTT`` in this database.
    """
    return tuple(f for f in fields if f.sage100 not in columns and not f.optional and f.direction is not Direction.NONE)
