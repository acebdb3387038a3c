"""The resources of the SSM API as data: which fields each has, of which type, and who may write them.

Source: docs/facts/ssm-api.md. Lengths that are not known are assumed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

Record = dict[str, Any]
"""A stored row: references as bare ids, dates as aware UTC datetimes."""


class ApiType(StrEnum):
    """The type of a field, which decides how its values are accepted, filtered and shown."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    REFERENCE = "reference"
    RAW = "raw"
    """Shown as stored; neither written nor filtered on."""


@dataclass(frozen=True, slots=True)
class ApiField:
    """One field of a resource.

    Attributes:
        name: its name in the API.
        type: its type.
        max_length: the limit of a text, in characters.
        table: the resource that a reference points to.
        required: whether a POST must fill it.
        read_only: whether only the API sets it; what a client sends is ignored.
        default: its value in a new row.
    """

    name: str
    type: ApiType = ApiType.TEXT
    max_length: int = 255
    table: str = ""
    required: bool = False
    read_only: bool = False
    default: Any = None


def _texts(*names: str, max_length: int = 255) -> list[ApiField]:
    return [ApiField(name, max_length=max_length) for name in names]


def _reference(name: str, table: str, *, required: bool = False, default: int | None = None) -> ApiField:
    return ApiField(name, ApiType.REFERENCE, table=table, required=required, default=default)


def _flag(name: str, *, default: bool = False) -> ApiField:
    return ApiField(name, ApiType.BOOLEAN, default=default)


_SET_BY_THE_API = [
    ApiField("id", ApiType.INTEGER, read_only=True),
    ApiField("deleted", ApiType.BOOLEAN, read_only=True, default=False),
    *(ApiField(f"date{event}", ApiType.DATE, read_only=True) for event in ("Created", "Updated", "Deleted")),
    *(ApiField(f"salesRepId{event}", ApiType.INTEGER, read_only=True) for event in ("Created", "Updated", "Deleted")),
]

_ADDRESS = [
    *_texts("address1", max_length=180),
    *_texts("city", max_length=200),
    *_texts("postcode", "region", max_length=50),
    *_texts("comment", max_length=6000),
    _reference("countryId", "countries"),
]

CONTACT = [
    *_SET_BY_THE_API,
    *_ADDRESS,
    *(ApiField(name, max_length=100, required=True) for name in ("firstName", "lastName")),
    _reference("accountId", "accounts", required=True),
    _reference("salesRepId", "users", required=True),
    _reference("typeId", "contactTypes"),
    _reference("gender", "genders"),
    *_texts("phone1", "phone2", "fax", max_length=50),
    *_texts("email", "email2", "email3", "extId", "linkedin", "skype"),
    ApiField("birthday", ApiType.DATE),
    ApiField("permissionLevel", ApiType.INTEGER, default=2),
    _flag("UseCompanyAddress"),
    _flag("marketingCommunications"),
    _flag("readOnly"),
]

ACCOUNT = [
    *_SET_BY_THE_API,
    *_ADDRESS,
    ApiField("name", required=True),
    *_texts("address2", max_length=180),
    *_texts("phone", "phone2", "phone3", "fax", "vatNumber", max_length=50),
    *_texts("email", "website", "extId"),
    _reference("branchId", "branches", required=True),
    _reference("salesRepId1", "users", required=True),
    *(_reference(f"salesRepId{number}", "users") for number in (2, 3, 4, 5)),
    _reference("typeId", "accountTypes"),
    _reference("statusId", "accountStatuses"),
    _reference("segmentId", "accountSegments"),
    _reference("rateId", "rates"),
    *(ApiField(name, ApiType.NUMBER) for name in ("latitude", "longitude")),
    ApiField("geocodingAccuracy", ApiType.INTEGER),
    ApiField("dateGeocoded", ApiType.DATE),
    ApiField("permissionLevel", ApiType.INTEGER, default=0),
    *(_flag(name) for name in ("geocoded", "readOnly", "marketingCommunications")),
    ApiField("public", ApiType.BOOLEAN),
]

_USER = [
    *_SET_BY_THE_API,
    *_texts("name", "lastName", "email", "nic", "phone", "idPrefix", "phoneExtension", "extId"),
    *_texts("locale", "dbLanguage", "uiLanguage"),
    ApiField("level", ApiType.INTEGER),
    ApiField("lastPasswordChangeDate", ApiType.DATE),
    *(ApiField(name, ApiType.BOOLEAN) for name in ("isActive", "billable", "computeSfm", "branchRestriction")),
    *(ApiField(name, ApiType.RAW) for name in ("branches", "userTypeId", "managerId", "rateId")),
]

LANGUAGES = ("ES", "EN", "US", "IT", "DE", "FR", "BR", "DK", "PT", "RU")
"""The languages of a value list's labels."""

_VALUE_LIST = [
    *_SET_BY_THE_API,
    ApiField("order", ApiType.INTEGER),
    *_texts(*(f"description{language}" for language in LANGUAGES)),
    ApiField("branchVisibility", ApiType.RAW, default=[]),
]

_ACCOUNT_LIST = [
    *_VALUE_LIST,
    *(ApiField(name, ApiType.BOOLEAN) for name in ("internal", "computeSfm")),
    ApiField("visitCycle", ApiType.INTEGER),
]

_COUNTRY = [
    *_SET_BY_THE_API,
    *_texts("iso2", "iso3", "phoneCode", "strName"),
    ApiField("isoNum", ApiType.INTEGER),
]

RESOURCES: Mapping[str, Sequence[ApiField]] = {
    "accounts": ACCOUNT,
    "contacts": CONTACT,
    "users": _USER,
    "branches": _VALUE_LIST,
    "contactTypes": _VALUE_LIST,
    "accountTypes": _ACCOUNT_LIST,
    "accountSegments": _ACCOUNT_LIST,
    "accountStatuses": [*_VALUE_LIST, _flag("won"), _flag("lost")],
    "rates": _VALUE_LIST,
    "countries": _COUNTRY,
    "genders": _VALUE_LIST,
}
"""Every resource of the stand-in. ``genders`` is built in and has no path of its own."""

WRITABLE = ("accounts", "contacts")
"""The resources that accept POST, PUT and DELETE."""


def parse_date(text: str) -> datetime:
    """An ISO 8601 date as a datetime; one without a zone is in UTC.

    Raises:
        ValueError: it is not a date.
    """
    date = datetime.fromisoformat(text)
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)


def show_date(date: datetime) -> str:
    """A date as SSM writes it: UTC, ``Z``, 0 to 3 fractional digits without trailing zeros."""
    fraction = f".{date.microsecond // 1000:03}".rstrip("0").rstrip(".")
    return f"{date:%Y-%m-%dT%H:%M:%S}{fraction}Z"
