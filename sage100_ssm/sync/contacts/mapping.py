"""From a side's row to a contact, and from one side's value to the other side's, if that side can hold it (P7, P8)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sage100_ssm.exchange.record import COMPANY as RECORD_COMPANY
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.codecs import CODECS, CannotHold, Carried, Locale, text_of
from sage100_ssm.sync.contacts.companies import Companies, MalformedRowError, is_deleted
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import FIRST_NAME, LAST_NAME, LINKEDIN, SKYPE, Field, FieldKind
from sage100_ssm.sync.journal import ValueMissing, ValueNotRepresentable, ValueTooLong, ValueTruncated
from sage100_ssm.sync.model import Side, Value
from sage100_ssm.sync.policy import Policy, TooLong

REQUIRED = {Side.SAGE100: frozenset({LAST_NAME}), Side.SSM: frozenset({LAST_NAME, FIRST_NAME})}
"""The fields without which a side refuses a contact."""

_SPELLING = {
    LAST_NAME: normalise.last_name_key,
    FIRST_NAME: normalise.first_name_key,
    # In an address every sign counts.
    LINKEDIN: normalise.email,
    SKYPE: normalise.email,
}
"""What is left of a field's text without its spelling (P4), where it is not ``normalise.spelling``."""


@dataclass(frozen=True, slots=True)
class ColumnLimits:
    """What a Sage column can hold.

    Attributes:
        max_bytes: how many bytes a text may have in the column's code page; None for no limit.
        encoding: the code page by Python's name (``cp1252``); None for a column that holds any character.
    """

    max_bytes: int | None = None
    encoding: str | None = None


class Mapper:
    """Reads rows into contacts and carries values between the sides.

    Args:
        fields: the fields of the map whose columns the database has.
        companies: the companies of both sides.
        contact_types: rows of ``/contactTypes``.
        columns: what each column of ``F_CONTACTT`` can hold.
        locale: the site's country, language and time zone.
        policy: the site's choices, of which those of P7 are applied here.
    """

    def __init__(
        self,
        fields: tuple[Field, ...],
        companies: Companies,
        contact_types: Iterable[Mapping[str, Any]],
        columns: Mapping[str, ColumnLimits],
        locale: Locale,
        policy: Policy,
    ) -> None:
        self.fields, self.companies, self.locale = fields, companies, locale
        self._columns = columns
        self._missing_first_name = policy.missing_first_name
        self._truncates = policy.too_long is TooLong.TRUNCATE
        types = list(contact_types)
        self._codecs = {f.name: CODECS[f.kind](f, types, locale) for f in fields}

    # --- reading

    def read(self, side: Side, row: Mapping[str, Any]) -> Contact:
        """A side's row as a contact.

        Args:
            side: the side that shows it.
            row: a row of ``F_CONTACTT``, or of ``/contacts``.

        Raises:
            MalformedRowError: a field has not the shape that the side describes.
        """
        try:
            return self._read_sage100(row) if side is Side.SAGE100 else self._read_ssm(row)
        except MalformedRowError:
            raise
        # Whatever an odd value breaks, it is this row that is held back, and no other.
        except Exception as error:  # noqa: BLE001
            raise MalformedRowError(f"{type(error).__name__}: {error}") from None

    def _read_sage100(self, row: Mapping[str, Any]) -> Contact:
        values = {f.name: self._codecs[f.name].read(Side.SAGE100, row.get(f.sage100)) for f in self.fields}
        return Contact(
            Side.SAGE100, row["cbMarq"], values, row, number=row.get("CT_No"), stamp=row.get("cbModification")
        )

    def _read_ssm(self, row: Mapping[str, Any]) -> Contact:
        account_id = _reference(row.get("accountId"))
        if account_id in self.companies.malformed_accounts:
            raise MalformedRowError(f"account {account_id}: {self.companies.malformed_accounts[account_id]}")
        account = self.companies.account(account_id)
        # The company is compared by its code, which is in the account.
        raw = dict(row) | {"accountId": account.code if account else None}
        values = {f.name: self._codecs[f.name].read(Side.SSM, raw.get(f.ssm)) for f in self.fields}
        # P7: the text that we wrote where there is no first name is no first name, and never comes to Sage.
        substitute = self._missing_first_name
        if substitute and normalise.text(text_of(values.get(FIRST_NAME))) == normalise.text(substitute):
            values[FIRST_NAME] = None
        # `dateUpdated` is null until the first update.
        stamp = row.get("dateUpdated") or row.get("dateCreated")
        if stamp is not None and (moment := datetime.fromisoformat(stamp)).tzinfo is None:
            stamp = moment.replace(tzinfo=UTC).isoformat()
        return Contact(
            Side.SSM,
            row["id"],
            values,
            row,
            account=account_id,
            ext_id=_ext_id(row.get("extId")),
            deleted=is_deleted(row),
            stamp=stamp,
        )

    # --- comparing

    def unmapped_digest(self, row: Mapping[str, Any]) -> str:
        """A digest of the columns of a Sage row that users edit and the field map does not have (P3)."""
        mapped = {f.sage100 for f in self.fields}
        others = sorted((name, value) for name, value in row.items() if name not in mapped and is_edited_by_users(name))
        return hashlib.blake2b(repr(others).encode(errors="replace"), digest_size=8).hexdigest()

    def is_unchanged(self, field: Field, side: Side, value: Value, base: Value) -> bool:
        """Whether a side's value is still that of its base, perhaps spelled in another way (P8)."""
        codec = self._codecs[field.name]
        return value == base or codec.form(side, value) == codec.form(side, base)

    def is_read_back_of(self, field: Field, side: Side, reads: Value, written: Value) -> bool:
        """Whether a value that a side reads back is the one that was written, in a form of the side's own (P8).

        That is: equal as P8 compares, the same letters and digits, or cut at its end. Anything else is an edit.
        """
        if self.is_unchanged(field, side, reads, written):
            return True
        if not (isinstance(reads, str) and isinstance(written, str)):
            return False
        kept = normalise.letters_and_digits(reads)
        return bool(kept) and normalise.letters_and_digits(written).startswith(kept)

    def is_equal(self, field: Field, sage100: Value, ssm: Value) -> bool:
        """Whether the values of the two sides are the same, perhaps spelled in different ways (P8)."""
        if self._codecs[field.name].is_equal(sage100, ssm):
            return True
        # P7 `truncate`: Sage's shortened text is the same as the long one, and never comes back to SSM.
        may_be_shortened = self._truncates and field.may_be_shortened and sage100 is not None
        return may_be_shortened and self.carry(field, Side.SAGE100, ssm, sage100) == sage100

    def is_respelled(self, field: Field, sage100: Value, ssm: Value) -> bool:
        """Whether two texts differ in case, accents or spelling alone: no conflict where there is no base (P4)."""
        if field.kind is not FieldKind.TEXT:
            return False
        spelling = _SPELLING.get(field.name, normalise.spelling)
        key = spelling(text_of(sage100))
        return bool(key) and key == spelling(text_of(ssm))

    def is_unknown(self, field: Field, side: Side, value: Value) -> bool:
        """Whether the value stands for "unknown": a null gender in SSM, which is no change and is not carried over."""
        return field.kind is FieldKind.CIVILITY and side is Side.SSM and value is None

    def is_empty(self, field: Field, value: Value) -> bool:
        """Whether a value counts as empty where there is no base (P4)."""
        # Sage has no unknown civility, so that 0 (M.) is also what nobody has filled in.
        return value is None or (field.kind is FieldKind.CIVILITY and value == 0)

    # --- carrying over

    def carry(self, field: Field, side: Side, value: Value, current: Value) -> Carried:
        """A value of the other side in the form of this one, or why this side cannot hold it (P7).

        Args:
            field: the field.
            side: the side to which the value is carried.
            value: the value on the other side.
            current: the value that ``side`` has now; None for a new contact.
        """
        carried = self._codecs[field.name].carry(side, value, current)
        if carried is None and field.name in REQUIRED[side]:
            substitute = self._missing_first_name if (side, field.name) == (Side.SSM, FIRST_NAME) else None
            return substitute or CannotHold(ValueMissing(side))
        if side is Side.SAGE100 and isinstance(carried, str):
            return self._fitted(field, carried)
        return carried

    def _fitted(self, field: Field, text: str) -> Carried:
        """The text if the column can hold it, shortened where the site wishes so, or why it cannot (P7)."""
        column = self._limits_of(field)
        encoding = column.encoding or "utf-8"
        if column.encoding:
            text = normalise.in_code_page(text, encoding)
            if odd := [c for c in text if not normalise.is_representable(c, encoding)]:
                return CannotHold(ValueNotRepresentable("".join(dict.fromkeys(odd))))
        encoded = text.encode(encoding)
        if column.max_bytes is None or len(encoded) <= column.max_bytes:
            return text
        dense = normalise.dense_phone(text) if field.kind is FieldKind.PHONE else text
        if len(dense.encode(encoding)) <= column.max_bytes and self.is_unchanged(field, Side.SAGE100, dense, text):
            return dense
        if self._truncates and field.may_be_shortened:
            # A character of several bytes that the cut divides is dropped.
            return encoded[: column.max_bytes].decode(encoding, errors="ignore").rstrip()
        return CannotHold(ValueTooLong(limit=column.max_bytes, length=len(encoded)))

    def truncated(self, field: Field, value: Value, carried: Value) -> ValueTruncated | None:
        """How a text was shortened when it was carried to Sage; None if it was not (P7)."""
        if not field.may_be_shortened:
            return None
        full, limit = self._codecs[field.name].carry(Side.SAGE100, value, None), self._limits_of(field).max_bytes
        if limit is None or not isinstance(carried, str) or not isinstance(full, str) or len(carried) >= len(full):
            return None
        return ValueTruncated(carried, limit)

    def is_column(self, name: str) -> bool:
        """Whether Sage has a column of its own of that name that users edit; one that a company added is none."""
        return name in self._columns and is_edited_by_users(name)

    def _limits_of(self, field: Field) -> ColumnLimits:
        return self._columns.get(field.sage100, ColumnLimits())

    def shown(self, field: Field, side: Side, value: Value) -> Value:
        """The value for people to read."""
        return self._codecs[field.name].shown(side, value)


def is_edited_by_users(name: str) -> bool:
    """Whether users edit what a Sage row has under a name."""
    # Sage keeps its own records of a row in columns whose names begin with `cb`; the source adds the database's name.
    return name[:2] != "cb" and name != RECORD_COMPANY


def _ext_id(raw: Any) -> str | None:
    """An ``extId``, None where it is empty.

    Raises:
        TypeError: it is no text.
    """
    if raw is not None and not isinstance(raw, str):
        raise TypeError(f"extId {raw!r}")
    return raw or None


def _reference(raw: Any) -> int | None:
    """The id of an SSM reference, which reads ``{"id": 9, "value": "…"}`` and is written as 9.

    Raises:
        TypeError, ValueError: it is neither.
    """
    value = raw.get("id") if isinstance(raw, Mapping) else raw
    return None if value is None else int(value)
