"""The rows of an SSM tenant, and the rules by which it accepts writes. Without HTTP; thread-safe."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import RLock
from typing import Any

import phonenumbers

from sage100_ssm.standins.ssm_api.quirks import Normalisation, Quirks
from sage100_ssm.standins.ssm_api.resources import (
    LANGUAGES,
    RESOURCES,
    ApiField,
    ApiType,
    Record,
    parse_date,
    show_date,
)
from sage100_ssm.standins.ssm_api.table import Query, Table
from sage100_ssm.standins.ssm_api.where_parser import Predicate

Clock = Callable[[], datetime]

_SENTINEL = datetime(1900, 1, 1, tzinfo=UTC)
_PHONES = frozenset({"phone", "phone1", "phone2", "phone3", "fax"})
_WITHOUT_LABEL = frozenset({"accounts", "users"})


class BadRequestError(Exception):
    """The API refuses a request with 400.

    Attributes:
        code: the vendor's error code: 901 a bad ``where`` or ``order``, 910 no such row, else 400.
        field: the field whose value is refused, where it is a value.
    """

    def __init__(self, message: str, *, code: int = 400, field: str | None = None) -> None:
        super().__init__(message)
        self.code, self.field = code, field


def system_clock() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Store:
    """The rows of a tenant, by resource and id.

    Args:
        quirks: how it behaves where that is not known.
        extra_fields: the tenant's own ``Z_…`` fields, by resource.
        clock: returns the time, aware.
        language: the language of labels where a request names none, one of ``LANGUAGES``.
    """

    def __init__(
        self,
        quirks: Quirks | None = None,
        *,
        extra_fields: Mapping[str, Sequence[ApiField]] | None = None,
        clock: Clock = system_clock,
        language: str = "FR",
    ) -> None:
        self.quirks = quirks or Quirks()
        self.lock = RLock()
        self._clock, self._language = clock, language
        extra = extra_fields or {}
        self.fields: Mapping[str, Mapping[str, ApiField]] = {
            table: {field.name: field for field in [*fields, *extra.get(table, ())]}
            for table, fields in RESOURCES.items()
        }
        self._tables: dict[str, Table] = {table: Table() for table in RESOURCES}
        self._next_id = 1
        for number, (english, french) in enumerate([("Male", "Homme"), ("Female", "Femme")]):
            self.put("genders", {"id": number, "descriptionEN": english, "descriptionFR": french})

    def now(self) -> datetime:
        """The time by SSM's clock, to the millisecond."""
        now = self._clock().astimezone(UTC) + self.quirks.clock_skew
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def put(self, table: str, row: Mapping[str, Any]) -> int:
        """Add a row as it is, without any check: what the tenant contains from the start. Returns its id."""
        with self.lock:
            row_id: int = row.get("id", self._next_id)
            self._next_id = max(self._next_id, row_id + 1)
            defaults = {name: field.default for name, field in self.fields[table].items()}
            self._tables[table][row_id] = {**defaults, "dateCreated": self.now(), **row, "id": row_id}
            return row_id

    def row(self, table: str, row_id: int) -> Record:
        """A copy of one stored row.

        Raises:
            BadRequestError: there is none (910).
        """
        with self.lock:
            return dict(self._row(table, row_id))

    def rows(self, table: str) -> list[Record]:
        """Copies of all stored rows, by id."""
        with self.lock:
            return [dict(row) for row in self._tables[table].values()]

    def page(self, table: str, query: Query, *, start: int, size: int) -> list[Record]:
        """The rows of a page: those that lists show and that satisfy a query."""
        with self.lock:
            until = self._listed_until()
            is_listed = Predicate(lambda row: row["dateCreated"] is None or row["dateCreated"] <= until)
            # Where lists show new rows late, the next page depends on the time as well.
            asked = None if self.quirks.new_rows_listed_after else query.asked
            listed = replace(query, asked=asked, predicates=(*query.predicates, is_listed))
            return [dict(row) for row in self._tables[table].page(listed, start=start, size=size)]

    def is_listed(self, row: Record) -> bool:
        """Whether lists show a row: a new one may take its time."""
        created = row["dateCreated"]
        return created is None or created <= self._listed_until()

    def _listed_until(self) -> datetime:
        return self.now() - self.quirks.new_rows_listed_after

    def create(self, table: str, values: Mapping[str, Any], *, user: int) -> int:
        """Create a row as the API does. Returns its id.

        Raises:
            BadRequestError: a required field is empty, a value does not fit or a reference is unknown.
        """
        with self.lock:
            accepted = self._accepted(table, values)
            self._check_required(table, accepted)
            self._check_ext_id(table, accepted.get("extId"), None)
            self._check_phones(table, accepted, None)
            return self.put(table, {**accepted, "salesRepIdCreated": user})

    def update(self, table: str, row_id: int, values: Mapping[str, Any], *, user: int) -> None:
        """Set some fields of a row as the API does.

        Raises:
            BadRequestError: no such row (910), or it or a value cannot be written.
        """
        with self.lock:
            row = self._writable_row(table, row_id)
            accepted = self._accepted(table, values)
            self._check_required(table, {**row, **accepted})
            self._check_ext_id(table, accepted.get("extId"), row_id)
            self._check_phones(table, accepted, row_id)
            now = self.now()
            self._tables[table].change(row_id, {**accepted, "dateUpdated": now, "salesRepIdUpdated": user})
            if table == "accounts" and self.quirks.account_change_bumps_contacts:
                for contact in self._contacts_of(row_id):
                    self._tables["contacts"].change(contact["id"], {"dateUpdated": now})

    def delete(self, table: str, row_id: int, *, user: int) -> None:
        """Mark a row as deleted, as the API does.

        Raises:
            BadRequestError: no such row (910), or it cannot be written.
        """
        with self.lock:
            self._mark_deleted(table, self._writable_row(table, row_id), user)
            if table == "accounts" and self.quirks.account_delete_cascades:
                for contact in self._contacts_of(row_id):
                    self._mark_deleted("contacts", contact, user)

    def undelete(self, table: str, row_id: int) -> None:
        """Remove the mark of deletion from a row.

        Raises:
            BadRequestError: no such row (910).
        """
        with self.lock:
            self._row(table, row_id)
            self._tables[table].change(row_id, {"deleted": False, "dateDeleted": None})

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo everything that the block wrote if a part of it is refused."""
        with self.lock:
            before = copy.deepcopy(self._tables)
            try:
                yield
            except BadRequestError:
                self._tables = before
                raise

    def shown(self, table: str, row: Record, *, language: str | None = None, bare_extras: bool = False) -> Record:
        """A row as the API shows it: references as objects, dates as text.

        Args:
            table: the resource.
            row: the stored row.
            language: the language of labels; None for the tenant's own.
            bare_extras: whether to show a ``Z_…`` reference as its id alone (``ExtraFieldDescription: 0``).
        """
        return {
            name: row[name]
            if bare_extras and name.startswith("Z_") and field.type is ApiType.REFERENCE
            else self._shown_value(field, row, language)
            for name, field in sorted(self.fields[table].items())
        }

    def _shown_value(self, field: ApiField, row: Record, language: str | None) -> Any:
        value = row[field.name]
        if field.name == "dateDeleted" and value is None and self.quirks.sentinel_dates:
            value = _SENTINEL
        if value is None:
            return None
        if field.type is ApiType.REFERENCE:
            return {"id": value, "value": self._label(field.table, value, language or self._language)}
        return show_date(value) if field.type is ApiType.DATE else value

    def _label(self, table: str, row_id: int, language: str) -> str:
        """The label of a row: empty for accounts and users, as in the vendor's sample."""
        if table in _WITHOUT_LABEL:
            return ""
        row = self._tables[table].get(row_id, {})
        labels = [row.get("strName"), *(row.get(f"description{key}") for key in (language.upper(), *LANGUAGES))]
        return next((label for label in labels if label), "")

    def _row(self, table: str, row_id: int) -> Record:
        try:
            return self._tables[table][row_id]
        except KeyError:
            raise BadRequestError("The resource does not exist", code=910) from None

    def _writable_row(self, table: str, row_id: int) -> Record:
        row = self._row(table, row_id)
        if row["deleted"] and not self.quirks.deleted_row_writable:
            raise BadRequestError("The resource is deleted", code=910)
        if row["readOnly"] and not self.quirks.read_only_row_writable:
            raise BadRequestError("The resource is read-only")
        return row

    def _contacts_of(self, account_id: int) -> list[Record]:
        rows = self._tables["contacts"].values()
        return [row for row in rows if row["accountId"] == account_id and not row["deleted"]]

    def _mark_deleted(self, table: str, row: Record, user: int) -> None:
        now = self.now()
        updated = {"dateUpdated": now} if self.quirks.delete_bumps_date_updated else {}
        deleted = {"deleted": True, "dateDeleted": now, "salesRepIdDeleted": user}
        self._tables[table].change(row["id"], deleted | updated)

    def _accepted(self, table: str, values: Mapping[str, Any]) -> Record:
        return {
            field.name: self._accepted_value(field, value)
            for field, value in self._written_fields(table, values)
            if not field.read_only and field.type is not ApiType.RAW
        }

    def _written_fields(self, table: str, values: Mapping[str, Any]) -> Iterator[tuple[ApiField, Any]]:
        names = {name.lower() if self.quirks.keys_ignore_case else name: f for name, f in self.fields[table].items()}
        for key, value in values.items():
            field = names.get(key.lower() if self.quirks.keys_ignore_case else key)
            if field is not None:
                yield field, value
            elif self.quirks.unknown_keys_refused:
                raise BadRequestError(f"Unknown field {key}")

    def _accepted_value(self, field: ApiField, value: Any) -> Any:
        if value is None:
            return None
        try:
            converted = _CONVERSIONS[field.type](value)
        except (TypeError, ValueError):
            raise BadRequestError(f"The value of {field.name} is not valid", field=field.name) from None
        if field.type is ApiType.REFERENCE and not self._may_be_referred_to(self._tables[field.table].get(converted)):
            raise BadRequestError(f"{field.name} refers to what does not exist", field=field.name)
        return self._accepted_text(field, converted) if field.type is ApiType.TEXT else converted

    def _may_be_referred_to(self, row: Record | None) -> bool:
        if row is None:
            return False
        return not self.quirks.retired_values_refused or not (row["deleted"] or row.get("isActive") is False)

    def _accepted_text(self, field: ApiField, text: str) -> str:
        normal = _normalised(field.name, text, self.quirks.normalisations)
        limit = self.quirks.max_lengths.get(field.name, field.max_length)
        if len(normal) > limit and Normalisation.CUT not in self.quirks.normalisations:
            raise BadRequestError(f"The value of {field.name} is longer than {limit} characters", field=field.name)
        if self.quirks.one_address_per_email and field.name.startswith("email") and normal.count("@") > 1:
            raise BadRequestError(f"The value of {field.name} is not an e-mail address", field=field.name)
        return normal[:limit]

    def _check_required(self, table: str, row: Mapping[str, Any]) -> None:
        for field in self.fields[table].values():
            if field.required and row.get(field.name) in {None, ""}:
                raise BadRequestError(f"The field {field.name} is required", field=field.name)

    def _check_ext_id(self, table: str, ext_id: str | None, own_id: int | None) -> None:
        unique = self.quirks.ext_id_unique
        if not ext_id or unique == "no":
            return
        for row in self._tables[table].with_ext_id(ext_id):
            if row["extId"] == ext_id and row["id"] != own_id and (unique == "all" or not row["deleted"]):
                raise BadRequestError("The field extId must be unique", field="extId")

    def _check_phones(self, table: str, written: Mapping[str, Any], own_id: int | None) -> None:
        if not self.quirks.phones_unique:
            return
        others = [row for row in self._tables[table].values() if row["id"] != own_id and not row["deleted"]]
        taken = {row.get(name) for row in others for name in _PHONES}
        for name in sorted(_PHONES & written.keys()):
            if written[name] and written[name] in taken:
                raise BadRequestError(f"Another record has this {name} already", field=name)

    def schema(self, table: str) -> Record:
        """The answer to ``GET /{table}/schema``: the fields in their read shape."""
        fields = sorted(self.fields[table].items())
        described: Record = {"properties": {name: self._described(field) for name, field in fields}}
        if self.quirks.schema_lists_required:
            described["required"] = [name for name, field in fields if field.required]
        return described

    def _described(self, field: ApiField) -> Record:
        described: Record = {"description": field.name, "type": [_SCHEMA_TYPES[field.type], "null"]}
        if field.type is ApiType.TEXT:
            described["maxLength"] = self.quirks.max_lengths.get(field.name, field.max_length)
        if field.type is ApiType.DATE:
            described["format"] = "date-time"
        if field.type is ApiType.REFERENCE:
            described |= {"table": field.table, "required": ["id"]}
        if field.read_only:
            described["readOnly"] = True
        return described


def _normalised(name: str, text: str, wanted: frozenset[Normalisation]) -> str:
    if Normalisation.TRIM in wanted:
        text = text.strip()
    if Normalisation.PHONES in wanted and name in _PHONES:
        text = _international(text)
    if Normalisation.EMAILS in wanted and name.startswith("email"):
        text = text.lower()
    if Normalisation.LAST_NAME in wanted and name == "lastName":
        text = text.upper()
    return text


def _international(phone: str) -> str:
    try:
        number = phonenumbers.parse(phone, "FR")
    except phonenumbers.NumberParseException:
        return phone
    if not phonenumbers.is_possible_number(number):
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    """A whole number, or a text of one (``permissionLevel`` is written either way)."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    return int(value)


def _reference(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _boolean(value: Any) -> bool:
    if value not in (True, False):
        raise TypeError
    return bool(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _date(value: Any) -> datetime:
    return parse_date(_text(value))


_CONVERSIONS: Mapping[ApiType, Callable[[Any], Any]] = {
    ApiType.TEXT: _text,
    ApiType.INTEGER: _integer,
    ApiType.NUMBER: _number,
    ApiType.BOOLEAN: _boolean,
    ApiType.DATE: _date,
    ApiType.REFERENCE: _reference,
}

_SCHEMA_TYPES: Mapping[ApiType, str] = {
    ApiType.TEXT: "string",
    ApiType.INTEGER: "integer",
    ApiType.NUMBER: "number",
    ApiType.BOOLEAN: "boolean",
    ApiType.DATE: "string",
    ApiType.REFERENCE: "object",
    ApiType.RAW: "object",
}
