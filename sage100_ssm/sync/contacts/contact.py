"""A contact as one side shows it, and the external id that names its row in Sage."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.fields import COMPANY, FIRST_NAME, LAST_NAME
from sage100_ssm.sync.journal import Named, Subject
from sage100_ssm.sync.model import ContactRef, Side, Value

_EXT_ID = re.compile(r"(sage100|ssm):(.+):([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class ExtId:
    """An ``extId`` of ours, ``sage100:BIJOU:1234``: where the contact was created, and its row in Sage.

    Attributes:
        origin: the side on which it was created.
        database: the name of the company database; it may contain colons.
        sage100_id: ``cbMarq``.
    """

    origin: Side
    database: str
    sage100_id: int

    def __str__(self) -> str:
        return f"{self.origin}:{self.database}:{self.sage100_id}"

    @classmethod
    def parse(cls, text: object) -> "ExtId | None":
        """An ``extId`` from its text, of any company database; None if it belongs to other software."""
        match = _EXT_ID.fullmatch(text) if isinstance(text, str) else None
        return cls(Side(match[1]), match[2], int(match[3])) if match else None


@dataclass(frozen=True, slots=True)
class Marks:
    """Which ``extId`` are ours (P15).

    Attributes:
        database: the company database's name, which every new ``extId`` gets.
        formerly: the names that it had before.
    """

    database: str
    formerly: frozenset[str] = frozenset()

    def ours(self, text: str | None) -> ExtId | None:
        """An ``extId`` of this company database, under its present name; None if it is none of them."""
        ext_id = ExtId.parse(text)
        if ext_id is None or ext_id.database == self.database:
            return ext_id
        return replace(ext_id, database=self.database) if ext_id.database in self.formerly else None

    def other_database(self, text: str | None) -> str | None:
        """The company database that an ``extId`` in our form names; None if it is this one, or in another form."""
        ext_id = ExtId.parse(text)
        if ext_id is None or ext_id.database == self.database or ext_id.database in self.formerly:
            return None
        return ext_id.database

    def to_write(self, text: str | None, wanted: ExtId) -> str | None:
        """The ``extId`` that a contact with this one does not have yet; another software's is never overwritten."""
        # First what holds for nearly every contact of a run.
        if text == str(wanted) or (text is not None and self.ours(text) is None):
            return None
        return str(wanted)


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as one side shows it.

    Attributes:
        side: the side that shows it.
        id: ``cbMarq`` or the SSM id.
        values: the mapped fields by name, each in the side's own form; ``company`` is always a ``CT_Num`` or None.
        row: the whole row as it was read, by the side's own names.
        number: ``CT_No``; None in SSM.
        account: the account's id in SSM; None for none, and in Sage.
        ext_id: the ``extId`` in SSM; None where it is empty, and in Sage.
        deleted: whether SSM marks it as deleted.
        stamp: when the side says it was last changed (ISO 8601 with a zone).
    """

    side: Side
    id: int
    values: Mapping[str, Value]
    row: Mapping[str, Any]
    number: int | None = None
    account: int | None = None
    ext_id: str | None = None
    deleted: bool = False
    stamp: str | None = None

    @property
    def company(self) -> str | None:
        """``CT_Num`` of its company."""
        value = self.values.get(COMPANY)
        return value if isinstance(value, str) else None

    @property
    def full_name(self) -> str:
        """First and last name, for people to read."""
        first, last = self.values.get(FIRST_NAME), self.values.get(LAST_NAME)
        return f"{first} {last}" if first and last else str(first or last or "")

    @property
    def name_key(self) -> tuple[str, str]:
        """Last and first name as P4 compares them."""
        return normalise.name_key(self._text(LAST_NAME), self._text(FIRST_NAME))

    def is_named(self, last: str | None, first: str | None) -> bool:
        """Whether it has these names, as P4 compares them; no names are nobody's."""
        return bool(last or first) and self.name_key == normalise.name_key(last, first)

    @property
    def match_key(self) -> tuple[str, str, str]:
        """Company, last and first name as P4 compares them."""
        return normalise.company_code(self.company), *self.name_key

    @property
    def ref(self) -> ContactRef:
        """Its side and its id there."""
        return ContactRef(self.side, self.id)

    @property
    def named(self) -> Named:
        """Its id and its name, for people to read."""
        return Named(self.id, self.full_name)

    @property
    def subject(self) -> Subject:
        """The contact as the subject of a journal entry."""
        sage100_id, ssm_id = (self.id, None) if self.side is Side.SAGE100 else (None, self.id)
        return Subject(self.company, sage100_id, ssm_id, self.full_name or None)

    def _text(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else str(value)


def subject_of(sage: Contact | None, ssm: Contact | None) -> Subject:
    """A pair as the subject of a journal entry: with Sage's company and name if Sage has the contact, else SSM's."""
    shown = sage or ssm
    return Subject(
        company=shown.company if shown else None,
        sage100_id=sage.id if sage else None,
        ssm_id=ssm.id if ssm else None,
        contact=(shown.full_name or None) if shown else None,
    )
