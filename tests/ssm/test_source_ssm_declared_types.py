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
        (REFERENCE, "12", 12),
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
    ],
)
def test_any_other_value_is_passed_on_and_told_once_by_its_field(caplog, field, value):
    typed = DeclaredTypes("accounts", schemas.ACCOUNTS)
    assert [typed({"id": number, field: value})[field] for number in range(3)] == [value] * 3
    (told,) = [entry.getMessage() for entry in caplog.records]
    assert told == f"accounts has values in {field} of a type not declared ({type(value).__name__}): passed on."


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
