"""References in the forms in which a database keeps them: an object, its JSON text, a bare id, a column with the id."""

import json

import pytest

from destination_ssm.value_forms import as_written, holds, without_flat_ids
from sage100_ssm.exchange.receipt import Outcome
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.resources import ApiField, ApiType
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import with_value_lists

TENANT = [ApiField("Z_club", ApiType.REFERENCE, table="branches"), ApiField("Z_crm_id", ApiType.INTEGER)]


@pytest.mark.parametrize(
    "form",
    [
        {"typeId": {"id": 3, "value": "Comptable"}},
        {"typeId": json.dumps({"id": 3, "value": "Comptable"})},
        {"typeId": 3},
        {"typeId": "3"},
        {"typeId_id": 3},
        {"typeId_id": 3.0},
        {"typeId_id": "3"},
        {"typeId": {"id": 3}, "typeId_id": 4},
    ],
)
def test_a_reference_is_taken_in_any_form_and_not_written_again(side, caplog, form):
    identifier = side.contact(typeId=1)
    fields = ("id", *form)
    for is_written in (True, False):
        (receipt,) = side.write({"id": identifier, **form}, fields=fields)
        assert (receipt.outcome, receipt.wrote, side.row(identifier)["typeId"]) == (Outcome.APPLIED, is_written, 3)
    assert "Not fields" not in caplog.text


def test_a_text_of_lists_that_are_too_deep_is_no_reference():
    text = "[" * 900 + "]" * 900
    assert as_written("typeId", text, {}) == text


def test_where_a_reference_and_its_column_are_declared_an_empty_column_clears_nothing_and_an_empty_reference_does(side):
    identifier = side.contact(typeId=1)
    fields = ("id", "typeId", "typeId_id")
    side.write({"id": identifier, "typeId": 1}, fields=fields)
    assert side.row(identifier)["typeId"] == 1
    side.write({"id": identifier, "typeId_id": 1}, fields=fields)
    assert side.row(identifier)["typeId"] is None


def test_a_column_declared_alone_clears_the_reference_where_it_is_empty(side):
    identifier = side.contact(typeId=1)
    side.write({"id": identifier}, fields=("id", "typeId_id"))
    assert side.row(identifier)["typeId"] is None


def test_a_new_contact_gets_its_company_from_the_column(side):
    record = {"firstName": "Zoé", "lastName": "Or", "accountId_id": side.account, "extId": "x1"}
    (receipt,) = side.write(record, fields=tuple(record))
    assert side.row(receipt.id)["accountId"] == side.account


@pytest.mark.parametrize(("expected", "outcome"), [(1, Outcome.APPLIED), (2, Outcome.CHANGED)])
def test_what_is_expected_may_be_given_by_the_column(side, expected, outcome):
    identifier = side.contact(typeId=1)
    (receipt,) = side.write({"id": identifier, "email": "a@or.example", "_expected": {"typeId_id": expected}})
    assert receipt.outcome is outcome


@pytest.mark.parametrize("readable", [True, False])
def test_a_tenants_reference_is_taken_from_its_column_and_a_field_of_its_own_stays_one(side, readable):
    side.api.reset(with_value_lists(Store(Quirks(schema_readable=readable), extra_fields={"contacts": TENANT})))
    account = side.api.store.create("accounts", {"name": "Or", "branchId": 16, "salesRepId1": 310}, user=90)
    identifier = side.contact(accountId=account)
    record = {"id": identifier, "Z_club_id": 16, "Z_crm_id": 7}
    (receipt,) = side.write(record, fields=tuple(record))
    assert (receipt.outcome, receipt.record["Z_club"]["id"], receipt.record["Z_crm_id"]) == (Outcome.APPLIED, 16, 7)


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        ({"gender_id": 0}, {"gender": 0}),
        ({"salesRepId3_id": 9}, {"salesRepId3": 9}),
        ({"extId_id": 9}, {"extId_id": 9}),
        ({"source_id": 9}, {"source_id": 9}),
        ({"_id": 9}, {"_id": 9}),
        ({"Z_a_id": 9}, {"Z_a_id": 9}),
        ({"Z_a_id": 9, "Z_a": 8}, {"Z_a": 8}),
        ({"Z_known_id": 9, "Z_known": 8}, {"Z_known_id": 9, "Z_known": 8}),
    ],
)
def test_only_the_column_of_a_reference_is_taken_for_one(values, plain):
    assert without_flat_ids(values, lambda name: name == "Z_known_id") == plain


@pytest.mark.parametrize(
    ("value", "is_same"), [("2024-05-01T00:00:00Z", True), ("2024-05-02T00:00:00Z", False), ("soon", False)]
)
def test_a_tenants_date_is_the_same_with_and_without_its_time(value, is_same):
    assert holds({"id": 7, "Z_met": "2024-05-01"}, "Z_met", value) is is_same
