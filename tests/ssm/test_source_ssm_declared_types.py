"""Values that are not of the type that a stream declares."""

import httpx
import jsonschema
import pytest
import respx

from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from source_ssm import schemas
from source_ssm.declared_types import DeclaredTypes
from source_ssm.source import SourceSsm
from tests.support.ssm_reading import KEYS, URL, Reading

TEXT, WHOLE, NUMBER, FLAG, REFERENCE = "comment", "permissionLevel", "latitude", "geocoded", "branchId"
DATE = "dateGeocoded"


@pytest.mark.parametrize(
    ("field", "value", "given"),
    [
        (TEXT, 12, "12"),
        (TEXT, 1.5, "1.5"),
        (WHOLE, "3", 3),
        (WHOLE, "-3", -3),
        (WHOLE, 3.0, 3),
        (NUMBER, "45.5", 45.5),
        (FLAG, 1, True),
        (FLAG, "false", False),
        (FLAG, "", None),
        (DATE, "2024-05-01T12:00:00", "2024-05-01T12:00:00Z"),
        (DATE, "2024-05-01", "2024-05-01T00:00:00Z"),
        (DATE, "2024-05-01T12:00:00+02:00", "2024-05-01T12:00:00+02:00"),
        (REFERENCE, 12, {"id": 12}),
        (REFERENCE, "12", {"id": 12}),
        (REFERENCE, "", None),
        ("Z_own", "12", "12"),
    ],
)
def test_a_value_comes_in_the_type_declared_where_nothing_is_lost_by_it(caplog, field, value, given):
    row = DeclaredTypes("accounts", schemas.ACCOUNTS)({"id": 7, field: value})
    assert (row[field], type(row[field])) == (given, type(given))
    jsonschema.validate(row, schemas.ACCOUNTS)
    assert not caplog.records


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (TEXT, True),
        (TEXT, {"id": 3}),
        (WHOLE, "03"),
        (WHOLE, "high"),
        (WHOLE, 1.5),
        (WHOLE, True),
        (NUMBER, "nan"),
        (NUMBER, "45,5"),
        (FLAG, 2),
        (FLAG, "yes"),
        (FLAG, []),
        (REFERENCE, "Headquarter"),
        (REFERENCE, True),
        (DATE, "soon"),
    ],
)
def test_any_other_value_is_passed_on_and_told_once_by_its_field(caplog, field, value):
    typed = DeclaredTypes("accounts", schemas.ACCOUNTS)
    assert [typed({"id": number, field: value})[field] for number in range(3)] == [value] * 3
    (told,) = [entry.getMessage() for entry in caplog.records]
    assert told == f"accounts has values in {field} of a type not declared ({type(value).__name__}): passed on."


@pytest.mark.parametrize(
    ("value", "flat"),
    [
        ({"id": 9, "value": "Or"}, 9),
        ({"id": 9.0}, 9),
        ({"id": "9"}, 9),
        (9, 9),
        (None, None),
        ("Or", None),
        ({"id": None}, None),
        ({}, None),
    ],
)
def test_beside_a_reference_comes_its_id_alone(value, flat):
    row = DeclaredTypes("accounts", schemas.ACCOUNTS)({"id": 7, REFERENCE: value})
    assert (row["branchId_id"], type(row["branchId_id"])) == (flat, type(flat))


def test_beside_a_tenants_reference_comes_its_id_alone_unless_the_tenant_has_a_field_of_that_name():
    own = {
        "Z_club": {"id": 3, "value": "Or"},
        "Z_a": {"id": 4},
        "Z_a_id": "mine",
        "Z_list": [{"id": 5}],
        "Z_map": {"x": 1},
    }
    row = DeclaredTypes("contacts", schemas.CONTACTS)({"id": 7, **own})
    assert row == {"id": 7, **own, "Z_club_id": 3}


@pytest.mark.parametrize(
    ("declared", "flat"),
    [
        ({"type": "integer"}, 4),
        (schemas.flat_id("Z_a"), 4),
        (schemas.nullable("string", "A field of this tenant."), None),
    ],
)
def test_a_tenants_own_field_of_such_a_name_is_not_filled_where_it_is_empty(declared, flat):
    typed = DeclaredTypes("contacts", schemas.CONTACTS, {"properties": {"Z_a": {}, "Z_a_id": declared}})
    assert typed({"id": 7, "Z_a": {"id": 4}}).get("Z_a_id") == flat


@pytest.mark.parametrize(
    ("declared", "value", "given"),
    [
        (schemas.reference("…"), 9, {"id": 9}),
        ({"type": ["null", "number"]}, "1.5", 1.5),
        ({"type": "integer"}, "3", 3),
        ({"type": ["null", "string"]}, 3, "3"),
        ({"type": ["null", "string"]}, True, "true"),
        ({"type": ["null", "string"]}, {"id": 3, "value": "É"}, '{"id": 3, "value": "É"}'),
        ({"type": ["null", "string"], "format": "date-time"}, "2024-05-01T12:00:00", "2024-05-01T12:00:00Z"),
        ({"type": ["null", "array"]}, [{"id": 3}], [{"id": 3}]),
        ({"type": ["null", "string", "object"]}, 3, 3),
        ({}, 3, 3),
        (True, 3, 3),
    ],
)
def test_a_tenants_field_comes_in_the_type_of_the_configured_catalog(declared, value, given):
    typed = DeclaredTypes("contacts", schemas.CONTACTS, {"properties": {"Z_own": declared}})
    assert typed({"id": 7, "Z_own": value})["Z_own"] == given


@pytest.mark.parametrize("configured", [None, {}, {"properties": None}, {"properties": []}])
def test_a_configured_catalog_without_fields_changes_nothing(configured):
    assert DeclaredTypes("users", schemas.USERS, configured)({"id": 7, "Z_a": 1}) == {"id": 7, "Z_a": 1}


def test_fields_that_the_configured_catalog_does_not_declare_are_named_once(caplog):
    caplog.set_level("INFO", logger="airbyte")
    typed = DeclaredTypes("users", schemas.USERS, {"properties": {"id": {}, "Z_a": {}}})
    for row in (
        {"id": 1, "Z_a": 1, "Z_b": 2, "Z_c": 3},
        {"id": 2, "Z_b": 2, "email": "a@or.example"},
        {"id": 3, "Z_d": 4},
    ):
        typed(row)
    sentence = "users has fields that the catalog does not declare, refresh its schema to get them"
    assert [entry.getMessage() for entry in caplog.records] == [f"{sentence}: Z_b, Z_c.", f"{sentence}: Z_d."]


def test_what_the_configured_catalog_declares_of_a_field_of_ssm_does_not_count():
    typed = DeclaredTypes("accounts", schemas.ACCOUNTS, {"properties": {TEXT: {"type": "integer"}}})
    assert typed({"id": 7, TEXT: "12"})[TEXT] == "12"


@pytest.mark.parametrize("schema", [schemas.ACCOUNTS, schemas.CONTACTS, schemas.USERS, schemas.CONTACT_TYPES])
def test_every_field_has_one_type_beside_null(schema):
    for name, field in schemas.with_flat_ids(schema["properties"]).items():
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        assert len({*kinds} - {"null"}) == 1, name


def read(source, stream):
    page = httpx.Response(200, json=[{"id": 2, "email": 5, "deleted": 1, "order": "3"}])
    with respx.mock(base_url=URL, assert_all_called=False) as mock:
        mock.post("/login").respond(json={"token": "t-o-k-e-n"})
        for path in ("/contacts", "/contactTypes"):
            mock.get(path).mock(side_effect=[page, httpx.Response(200, json=[]), httpx.Response(200, json=[])])
        return Reading(source, {**KEYS, "base_url": URL, "emit_deletions": True}, stream).records[stream][0]


def test_streams_give_rows_of_the_types_declared():
    contact = read(SourceSsm(), "contacts")
    assert (contact["email"], contact["deleted"], contact["_ab_cdc_deleted_at"]) == ("5", 1, None)
    assert read(SourceSsm(), "contact_types")["order"] == 3


def test_who_lends_a_client_is_given_rows_as_ssm_shows_them():
    with SsmClient(SsmConfig.model_validate({**KEYS, "base_url": URL})) as client:
        assert read(SourceSsm(client), "contacts")["email"] == 5
