"""Side record to contact, and a value from one side to the other as far as a column can hold it (P7, P8)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.codecs import CODECS, Carried, Held, Locale, text_of
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import FIRST_NAME, LAST_NAME, Field, FieldKind
from sage100_ssm.sync.journal import ValueMissing, ValueNotRepresentable, ValueTooLong, ValueTruncated
from sage100_ssm.sync.model import Side, Value
from sage100_ssm.sync.policy import Policy, TooLong

REQUIRED = {Side.SAGE100: frozenset({LAST_NAME}), Side.SSM: frozenset({LAST_NAME, FIRST_NAME})}
"""Fields that a side does not take empty."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a Sage column can hold.

    Attributes:
        max_length: how many bytes of its code page; None for no limit.
        encoding: its code page; None for any character.
    """

    max_length: int | None = None
    encoding: str | None = None


class OddRowError(ValueError):
    """A row of SSM that is not of the shape that its API gives."""


class Mapper:
    """Reads rows into contacts and carries values between the sides.

    Args:
        fields: the field map, as far as the database has its columns.
        companies: the companies of both sides.
        contact_types: rows of ``/contactTypes``.
        columns: what each Sage column can hold.
        locale: the site's country, language and time zone.
        policy: the site's choices, of which P7's are applied here.
    """

    def __init__(
        self,
        fields: tuple[Field, ...],
        companies: Companies,
        contact_types: Iterable[Mapping[str, Any]],
        columns: Mapping[str, Column],
        locale: Locale,
        policy: Policy,
    ) -> None:
        self.fields, self.companies, self.locale = fields, companies, locale
        self._columns = columns
        self._missing_first_name = policy.missing_first_name
        self._truncates = policy.too_long is TooLong.TRUNCATE
        types = list(contact_types)
        self._codecs = {f.name: CODECS[f.kind](f, types, locale) for f in fields}

    def sage100(self, row: Mapping[str, Any]) -> Contact:
        """A row of ``F_CONTACTT`` as a contact."""
        values = {f.name: self._codecs[f.name].read(Side.SAGE100, row.get(f.sage100)) for f in self.fields}
        return Contact(
            Side.SAGE100, row["cbMarq"], values, row, number=row.get("CT_No"), stamp=row.get("cbModification")
        )

    def ssm(self, row: Mapping[str, Any]) -> Contact:
        """A contact of SSM as a contact.

        Raises:
            OddRowError: a field is not of the shape that the API gives.
        """
        try:
            return self._ssm(row)
        except (AttributeError, TypeError, ValueError) as error:
            raise OddRowError(str(error)) from None

    def _ssm(self, row: Mapping[str, Any]) -> Contact:
        account_id = _reference(row.get("accountId"))
        account = self.companies.account(account_id)
        raw = dict(row) | {"accountId": account.code if account else None}
        values = {f.name: self._codecs[f.name].read(Side.SSM, raw.get(f.ssm)) for f in self.fields}
        if self._stands_for_none(values.get(FIRST_NAME)):
            values[FIRST_NAME] = None
        stamp = row.get("dateUpdated") or row.get("dateCreated")
        if stamp is not None:
            datetime.fromisoformat(stamp)
        return Contact(
            Side.SSM,
            row["id"],
            values,
            row,
            account=account_id,
            ext_id=_ext_id(row.get("extId")),
            deleted=bool(row.get("deleted")),
            stamp=stamp,
        )

    def contact(self, side: Side, row: Mapping[str, Any]) -> Contact:
        """A row of either side as a contact."""
        return self.sage100(row) if side is Side.SAGE100 else self.ssm(row)

    def _stands_for_none(self, first_name: Value) -> bool:
        substitute = self._missing_first_name
        return substitute is not None and normalise.text(text_of(first_name)) == normalise.text(substitute)

    def unchanged(self, field: Field, side: Side, value: Value, base: Value) -> bool:
        """Whether a side still says what it said (P8)."""
        codec = self._codecs[field.name]
        return value == base or codec.form(side, value) == codec.form(side, base)

    def equal(self, field: Field, sage100: Value, ssm: Value) -> bool:
        """Whether both sides say the same; a text cut to fit Sage is its long form (P7, P8)."""
        if self._codecs[field.name].equal(sage100, ssm):
            return True
        return self._truncates and sage100 is not None and self.carry(field, Side.SAGE100, ssm, sage100) == sage100

    def carry(self, field: Field, side: Side, value: Value, current: Value) -> Carried:
        """A value of the other side as ``side`` is to hold it, or why it cannot (P7)."""
        carried = self._codecs[field.name].carry(side, value, current)
        if carried is None and field.name in REQUIRED[side]:
            substitute = self._missing_first_name if (side, field.name) == (Side.SSM, FIRST_NAME) else None
            return substitute or Held(ValueMissing(side))
        if side is Side.SAGE100 and isinstance(carried, str):
            return self._fitted(carried, self._column(field))
        return carried

    def _fitted(self, text: str, column: Column) -> Carried:
        """The text if the column can hold it; cut to fit where the site says so (P7)."""
        encoding = column.encoding or "utf-8"
        if column.encoding and (odd := [c for c in text if not _representable(c, encoding)]):
            return Held(ValueNotRepresentable("".join(dict.fromkeys(odd))))
        encoded = text.encode(encoding)
        if column.max_length is None or len(encoded) <= column.max_length:
            return text
        if self._truncates:
            return encoded[: column.max_length].decode(encoding, errors="ignore").rstrip()
        return Held(ValueTooLong(limit=column.max_length, length=len(encoded)))

    def truncated(self, field: Field, value: Value, carried: Value) -> ValueTruncated | None:
        """How a text carried to Sage was cut to fit; None where it was not."""
        full, limit = self._codecs[field.name].carry(Side.SAGE100, value, None), self._column(field).max_length
        if limit is None or not isinstance(carried, str) or not isinstance(full, str) or len(carried) >= len(full):
            return None
        return ValueTruncated(carried, limit)

    def _column(self, field: Field) -> Column:
        return self._columns.get(field.sage100, Column())

    def says_nothing(self, field: Field, side: Side, value: Value) -> bool:
        """Whether the value stands for "unknown": a null gender in SSM is never carried over."""
        return field.kind is FieldKind.CIVILITY and side is Side.SSM and value is None

    def empty(self, field: Field, value: Value) -> bool:
        """Whether a value counts as empty where there is no base: none, or a civility of 0."""
        return value is None or (field.kind is FieldKind.CIVILITY and value == 0)

    def shown(self, field: Field, side: Side, value: Value) -> Value:
        """The value for people to read."""
        return self._codecs[field.name].shown(side, value)


def _ext_id(raw: Any) -> str | None:
    if raw is not None and not isinstance(raw, str):
        raise TypeError(f"extId {raw!r}")
    return raw or None


def _reference(raw: Any) -> int | None:
    """An SSM reference, read as an object or an integer, as its id."""
    value = raw.get("id") if isinstance(raw, Mapping) else raw
    return None if value is None else int(value)


def _representable(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
