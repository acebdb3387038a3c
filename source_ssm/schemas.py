"""JSON schemas of the streams: the fields that SSM documents.

Each field has one type beside null, of which a typed destination can make a column. `tenant_fields` adds what an
instance has beside these.
"""

from collections.abc import Mapping
from typing import Any

from sage100_ssm.exchange.record import DELETED_AT
from sage100_ssm.ssm.values import FLAT_ID

Schema = Mapping[str, Any]


def nullable(kind: str, description: str, **more: Any) -> Schema:
    """A field of one type that may be null."""
    return {"type": ["null", kind], "description": description, **more}


def _text(description: str) -> Schema:
    return nullable("string", description)


def _integer(description: str) -> Schema:
    return nullable("integer", description)


def _number(description: str) -> Schema:
    return nullable("number", description)


def _flag(description: str) -> Schema:
    return nullable("boolean", description)


def moment(description: str) -> Schema:
    """A date and time."""
    return nullable("string", description, format="date-time", airbyte_type="timestamp_with_timezone")


def reference(description: str, label: str = "value") -> Schema:
    """A reference: an object with the id and a label that may be empty."""
    parts = {"id": _integer("Id of the row referred to."), label: _text("Its label; often empty.")}
    return nullable("object", description, properties=parts, additionalProperties=True)


def is_reference(field: Schema) -> bool:
    """Whether a field is a reference."""
    return "id" in (field.get("properties") or ()) and "object" in field.get("type", ())


def with_flat_ids(properties: Mapping[str, Schema]) -> dict[str, Schema]:
    """Fields with a column beside each reference that contains its id alone: a join then needs no parsing."""
    flat: dict[str, Schema] = {}
    for name, field in properties.items():
        flat[name] = field
        if is_reference(field) and name + FLAT_ID not in properties:
            flat[name + FLAT_ID] = flat_id(name)
    return flat


def flat_id(name: str) -> Schema:
    """The column with the id alone of a reference."""
    return _integer(f"Id of {name}.")


def _schema(**properties: Schema) -> Schema:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": True,
        "properties": {"id": {"type": "integer", "description": "SSM's id of the row."}, **properties},
    }


_LIFE: Mapping[str, Schema] = {
    "deleted": _flag("Whether the row is marked as deleted; missing means no."),
    "dateCreated": moment("When it was created."),
    "dateUpdated": moment("When it was last updated; null until the first update."),
    "dateDeleted": moment("When it was deleted; may be set on a living row: `deleted` decides."),
    "salesRepIdCreated": _integer("Id of the user who created it."),
    "salesRepIdUpdated": _integer("Id of the user who last updated it."),
    "salesRepIdDeleted": _integer("Id of the user who deleted it."),
}
_CHANGED_AT: Mapping[str, Schema] = {
    "changed_at": moment("The latest of dateCreated, dateUpdated and dateDeleted, in UTC and of fixed width.")
}
_PLACE: Mapping[str, Schema] = {
    "address1": _text("Street and number."),
    "city": _text("City."),
    "postcode": _text("Postal code."),
    "region": _text("Region."),
    "countryId": reference("Country, a row of /countries."),
}
_SHARED: Mapping[str, Schema] = {
    "extId": _text("Id of the row in an external system."),
    "email": _text("E-mail address."),
    "fax": _text("Fax number."),
    "comment": _text("Free text."),
    "permissionLevel": _integer("Level from which users see it; 5 is the highest."),
    "marketingCommunications": _flag("Whether marketing messages are accepted."),
    "readOnly": _flag("Whether users of the application may not change it."),
}


def with_deletions(schema: Schema) -> Schema:
    """A schema with the field that marks a deletion as databases do."""
    return {
        **schema,
        "properties": {**schema["properties"], DELETED_AT: moment("When it was deleted; null while it is not.")},
    }


CONTACTS = _schema(
    firstName=_text("First name."),
    lastName=_text("Last name."),
    accountId=reference("The contact's company, a row of /accounts."),
    salesRepId=reference("Owner, a row of /users."),
    typeId=reference("Job title, a row of /contactTypes."),
    phone1=_text("Landline."),
    phone2=_text("Mobile."),
    email2=_text("Second e-mail address."),
    email3=_text("Third e-mail address."),
    gender=reference("0 male, 1 female."),
    birthday=moment("Birthday."),
    linkedin=_text("LinkedIn profile."),
    skype=_text("Skype name."),
    UseCompanyAddress=_flag("Whether the company's address is the contact's."),
    **_PLACE,
    **_SHARED,
    **_LIFE,
    **_CHANGED_AT,
)
"""Contacts: people, each of one account."""

ACCOUNTS = _schema(
    name=_text("Name of the company."),
    branchId=reference("Branch, a row of /branches."),
    salesRepId1=reference("Owner, a row of /users."),
    salesRepId2=reference("Second owner."),
    salesRepId3=reference("Third owner."),
    salesRepId4=reference("Fourth owner."),
    salesRepId5=reference("Fifth owner."),
    typeId=reference("Type, a row of /accountTypes."),
    statusId=reference("Status, a row of /accountStatuses."),
    segmentId=reference("Segment, a row of /accountSegments."),
    rateId=reference("Price list, a row of /rates."),
    vatNumber=_text("VAT number."),
    website=_text("Website."),
    phone=_text("Telephone number."),
    phone2=_text("Second telephone number."),
    phone3=_text("Third telephone number."),
    address2=_text("Second line of the address."),
    geocoded=_flag("Whether the address has coordinates."),
    geocodingAccuracy=_integer("How exact the coordinates are."),
    dateGeocoded=moment("When the coordinates were found."),
    latitude=_number("Latitude in degrees."),
    longitude=_number("Longitude in degrees."),
    public=_flag("Whether all users see it."),
    **_PLACE,
    **_SHARED,
    **_LIFE,
    **_CHANGED_AT,
)
"""Accounts: companies, clients and prospects alike."""

USERS = _schema(
    name=_text("First name."),
    lastName=_text("Last name."),
    email=_text("E-mail address, by which Sage's collaborators are matched."),
    nic=_text("Short name."),
    phone=_text("Telephone number."),
    extId=_text("Id of the user in an external system."),
    level=_integer("Permission level, 1 to 5."),
    isActive=_flag("Whether the user may work and own rows."),
    billable=_flag("Whether the user costs a licence."),
    locale=_text("Language and country."),
    userTypeId=reference("Type, a row of /userTypes.", label="description"),
    managerId=reference("Superior, a row of /users.", label="description"),
    branches=nullable(
        "array", "Branches that the user belongs to.", items=reference("A row of /branches.", label="description")
    ),
    **_LIFE,
)
"""Users of SSM, who own accounts and contacts."""

_LANGUAGES = ("EN", "US", "FR", "ES", "IT", "DE", "PT", "BR", "DK", "RU")

CONTACT_TYPES = _schema(
    order=_integer("Position in the list."),
    **{f"description{language}": _text(f"Label in the language {language}; may be empty.") for language in _LANGUAGES},
    **_LIFE,
)
"""Contact types: the values that a contact's job title can have."""
