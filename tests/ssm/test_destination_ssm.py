"""The destination, in process, against the API on loopback."""

import logging

import pytest
from airbyte_cdk.models import AirbyteMessageSerializer, FailureType, Status
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_ssm.destination import DestinationSsm
from destination_ssm.writer import SsmWriter
from sage100_ssm.exchange.receipt import Action, Cause, Outcome
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import Rejected
from sage100_ssm.standins.ssm_api.faults import (
    EMPTY_PAGE,
    HTML,
    CannedResponse,
    CutJson,
    Delay,
    ExpireTokens,
    Fault,
    Reset,
)
from sage100_ssm.standins.ssm_api.quirks import Normalisation, Quirks
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP
from source_ssm import schemas
from tests.support.ssm_side import catalog

LOGGER = logging.getLogger("airbyte")
FIELDS = ("extId", "firstName", "lastName", "accountId", "email", "typeId")


def test_new_contact_is_created_owned_by_the_default_owner_and_read_back(side):
    (receipt,) = side.write(side.new(extId="x1", email="z@or.example"))
    assert (receipt.outcome, receipt.wrote) == (Outcome.APPLIED, True)
    assert receipt.record["salesRepId"]["id"] == SALES_REP
    assert side.row(receipt.id)["extId"] == receipt.record["extId"] == "x1"


def test_new_account_has_the_default_owner_and_branch(side):
    (receipt,) = side.write({"name": "Perles", "extId": "PERLES"}, stream="accounts")
    assert receipt.record["branchId"]["id"] == BRANCH
    assert receipt.record["salesRepId1"]["id"] == SALES_REP


def test_batch_of_updates_costs_one_request_each_and_one_reading_before_and_after(side):
    ids = [side.contact(lastName=f"L{number}") for number in range(20)]
    receipts = side.write(*({"id": number, "email": f"{number}@or.example"} for number in ids))
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert [receipt.record["email"] for receipt in receipts] == [f"{number}@or.example" for number in ids]
    assert len(side.calls("PUT")) == 20
    assert len(side.calls("GET")) == 2
    assert side.client.requests == 23


def test_what_is_equal_already_is_not_written(side):
    identifier = side.contact()
    (receipt,) = side.write({"id": identifier, "firstName": "Zoé", "accountId": {"id": side.account, "value": "Or"}})
    assert (receipt.outcome, receipt.wrote) == (Outcome.APPLIED, False)
    assert side.calls("PUT", "POST", "DELETE") == [("POST", "/login")]


def test_only_what_differs_is_sent(side):
    identifier = side.contact(email="old@or.example")
    side.write({"id": identifier, "firstName": "Zoé", "email": "new@or.example"})
    (sent,) = [call.body for call in side.api.requests if call.method == "PUT"]
    assert sent == {"email": "new@or.example"}


def test_declared_field_missing_on_the_wire_is_cleared(side):
    identifier = side.contact(email="old@or.example", extId="x1")
    side.write({"id": identifier, **side.new(extId="x1")}, fields=["id", *FIELDS])
    assert side.row(identifier)["email"] is None


@pytest.mark.parametrize(
    "side", [Quirks(), Quirks(null_refused=True)], ids=["null clears", "null refused"], indirect=True
)
@pytest.mark.parametrize(
    ("stream", "schema", "record"),
    [
        ("contacts", schemas.CONTACTS, {"extId": "x1", "firstName": "Zoé", "lastName": "Or", "email": "z@or.example"}),
        ("accounts", schemas.ACCOUNTS, {"extId": "PERLES", "name": "Perles", "city": "Lyon"}),
    ],
)
def test_what_was_created_is_not_written_by_a_second_identical_sync(side, stream, schema, record):
    record = record | ({"accountId": side.account} if stream == "contacts" else {})
    fields = [name for name in schema["properties"] if name != "id"]
    (first,), (second,) = (side.write(record, stream=stream, fields=fields) for _ in range(2))
    assert (first.action, first.outcome, first.wrote) == (Action.CREATE, Outcome.APPLIED, True)
    assert (second.action, second.outcome, second.wrote) == (Action.UPDATE, Outcome.APPLIED, False)
    assert side.calls("PUT") == []


def test_senders_field_names_are_adapted(side):
    identifier = side.contact()
    record = {"id": identifier, "mail": "z@or.example"}
    side.write(record, fields=["id", "mail"], config={"rename": {"contacts": {"mail": "email"}}})
    assert side.row(identifier)["email"] == "z@or.example"


@pytest.mark.parametrize("side", [Quirks(null_clears=False, empty_text_clears=False)], indirect=True)
def test_value_that_ssm_does_not_clear_is_told_as_it_reads_back(side):
    identifier = side.contact(email="old@or.example")
    (receipt,) = side.write({"id": identifier, "email": None})
    assert (receipt.outcome, receipt.record["email"]) == (Outcome.APPLIED, "old@or.example")


@pytest.mark.parametrize("side", [Quirks(normalisations=frozenset({Normalisation.LAST_NAME}))], indirect=True)
def test_value_that_ssm_rewrites_is_told_as_it_reads_back(side):
    (receipt,) = side.write(side.new())
    assert receipt.record["lastName"] == "OR"


def test_deletion_marks_the_row_and_a_second_one_writes_nothing(side):
    identifier = side.contact()
    marked = {"id": identifier, "_ab_cdc_deleted_at": "2024-01-01T00:00:00Z"}
    (first,), (second,) = side.write(marked), side.write(marked)
    assert (first.outcome, first.wrote, first.record["deleted"]) == (Outcome.APPLIED, True, True)
    assert (second.outcome, second.wrote, second.record["deleted"]) == (Outcome.APPLIED, False, True)
    assert len(side.calls("DELETE")) == 1


def test_creation_is_refused_where_a_living_row_bears_the_ext_id(side):
    there = side.contact(extId="O'x")
    (receipt,) = side.write({"_create": True, **side.new(extId="O'x")})
    assert (receipt.outcome, receipt.cause, receipt.id) == (Outcome.REFUSED, Cause.DUPLICATE, there)
    assert receipt.record["id"] == there


def test_ext_id_that_differs_in_case_alone_is_no_match(side):
    there = side.contact(extId="ABC")
    (receipt,) = side.write(side.new(extId="abc"))
    assert receipt.id != there


def test_one_refused_record_does_not_stop_the_others(side):
    receipts = side.write(
        side.new(accountId=999_999), side.new(firstName=""), {"id": 999_999}, side.new(extId=True), side.new()
    )
    assert [(receipt.outcome, receipt.cause) for receipt in receipts] == [
        (Outcome.REFUSED, Cause.VALUE_REFUSED),
        (Outcome.REFUSED, Cause.VALUE_MISSING),
        (Outcome.REFUSED, Cause.NOT_FOUND),
        (Outcome.REFUSED, Cause.MALFORMED),
        (Outcome.APPLIED, None),
    ]
    assert [receipt.action for receipt in receipts] == [Action.CREATE] * 2 + [Action.UPDATE] + [Action.CREATE] * 2
    assert receipts[0].detail
    assert receipts[1].field == "firstName"


def test_records_about_the_same_contact_are_written_in_their_order(side):
    identifier = side.contact(extId="x1")
    receipts = side.write(
        {"id": identifier, "email": "first@or.example"},
        {"extId": "x1", "email": "second@or.example"},
        {"id": identifier, "_ab_cdc_deleted_at": "2024-01-01T00:00:00Z"},
        side.new(extId="x1", email="third@or.example"),
        side.new(extId="x1", email="fourth@or.example"),
    )
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert receipts[3].id == receipts[4].id != identifier
    assert side.row(receipts[4].id)["email"] == "fourth@or.example"
    assert side.row(identifier)["email"] == "second@or.example"


def test_row_deleted_between_reading_and_update_is_not_found(side):
    identifier = side.contact()

    def delete_first(call):
        if call.method == "PUT":
            side.api.store.delete("contacts", identifier, user=90)

    side.api.on_request = delete_first
    (receipt,) = side.write({"id": identifier, "email": "z@or.example"})
    assert (receipt.outcome, receipt.cause) == (Outcome.REFUSED, Cause.NOT_FOUND)
    assert receipt.record["deleted"] is True


PASSING = [
    Fault(ExpireTokens(), "GET"),
    Fault(ExpireTokens(), "PUT"),
    Fault(Reset(), "PUT"),
    Fault(Reset(after=True), "PUT"),
    Fault(Delay(1.5, after=True), "PUT"),
    Fault(CannedResponse(500, after=True), "PUT", times=2),
    Fault(HTML, "PUT"),
    Fault(CutJson(), "PUT"),
    Fault(CannedResponse(429, headers={"Retry-After": "0"}), "PUT"),
    Fault(EMPTY_PAGE, "GET"),
    Fault(CannedResponse(503), "GET", nth=2),
    Fault(CutJson(), "GET", nth=2),
]


@pytest.mark.parametrize("fault", PASSING)
def test_update_is_applied_through_any_passing_fault(side, fault):
    identifier = side.contact()
    side.api.faults.add(fault)
    (receipt,) = side.write({"id": identifier, "email": "z@or.example"})
    assert (receipt.outcome, receipt.record["email"]) == (Outcome.APPLIED, "z@or.example")


def test_update_that_never_arrives_is_to_be_tried_again(side):
    identifier = side.contact()
    side.api.faults.add(Fault(CannedResponse(500), "PUT", times=None))
    (receipt,) = side.write({"id": identifier, "email": "z@or.example"})
    assert (receipt.outcome, receipt.cause) == (Outcome.RETRY, Cause.CONNECTION)


@pytest.mark.parametrize(
    "lost", [Reset(after=True), Delay(1.5, after=True), CutJson(), CannedResponse(500, after=True)]
)
def test_creation_without_an_answer_is_found_by_its_ext_id_and_never_sent_twice(side, lost):
    side.api.faults.add(Fault(lost, "POST", "/contacts"))
    (receipt,) = side.write({"_create": True, **side.new(extId="x1")})
    assert receipt.outcome is Outcome.APPLIED
    assert [row["id"] for row in side.api.store.rows("contacts")] == [receipt.id]
    assert side.calls("POST").count(("POST", "/contacts")) == 1


@pytest.mark.parametrize("lost", [Reset(), Reset(after=True)])
def test_creation_without_an_answer_and_without_ext_id_is_uncertain(side, lost):
    side.api.faults.add(Fault(lost, "POST", "/contacts"))
    (receipt,) = side.write(side.new())
    assert (receipt.outcome, receipt.cause) == (Outcome.UNCERTAIN, Cause.CONNECTION)


def test_creation_that_cannot_be_read_back_is_uncertain_and_names_the_id(side):
    side.api.faults.add(Fault(CannedResponse(500), "GET", "/contacts", nth=3, times=None))
    (receipt,) = side.write(side.new(extId="x1"))
    assert (receipt.outcome, receipt.id) == (Outcome.UNCERTAIN, side.api.store.rows("contacts")[0]["id"])


def test_deletion_whose_first_answer_was_lost_is_applied(side):
    identifier = side.contact()
    side.api.faults.add(Fault(Reset(after=True), "DELETE"))
    (receipt,) = side.write({"id": identifier, "_ab_cdc_deleted_at": "2024-01-01T00:00:00Z"})
    assert (receipt.outcome, receipt.record["deleted"]) == (Outcome.APPLIED, True)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(CannedResponse(500), "GET", times=None), "unreachable"),
        (Fault(CannedResponse(401), "POST", "/login", times=None), "login_refused"),
        (Fault(CannedResponse(401), "PUT", times=None), "login_refused"),
    ],
)
def test_side_that_cannot_be_used_stops_the_write_after_every_receipt_is_given(side, fault, code):
    records = [{"id": side.contact(lastName=f"L{number}"), "email": "z@or.example"} for number in range(3)]
    side.api.faults.add(fault)
    receipts = []
    messages = [
        AirbyteMessageSerializer.load(
            {"type": "RECORD", "record": {"stream": "contacts", "data": record, "emitted_at": 1}}
        )
        for record in records
    ]
    with pytest.raises(AirbyteTracedException) as caught:
        list(DestinationSsm(receipts.append, side.client).write(side.config, catalog("contacts", ()), messages))
    assert caught.value.internal_message == code
    assert [receipt.outcome for receipt in receipts] == [Outcome.RETRY] * 3


BAD_QUERY = {"code": 901, "Message": "SQL not generated correctly"}


def refusing(monkeypatch, client, is_refused):
    """Let SSM refuse to look for some `extId`."""
    found = client.find_pages

    def refused(resource, ids=(), ext_ids=()):
        if any(map(is_refused, ext_ids)):
            raise Rejected(400, "SQL not generated correctly")
        return found(resource, ids, ext_ids)

    monkeypatch.setattr(client, "find_pages", refused)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_record_that_ssm_makes_no_query_of_is_refused_and_stops_no_other(side, monkeypatch, bulk):
    refusing(monkeypatch, side.client, lambda ext_id: "%" in ext_id)
    names = [f"x{number}" for number in range(9)]
    names[2], names[7] = "x%2", "x%7"
    receipts = side.write(*(side.new(extId=name) for name in names), config={"bulk_writes": bulk})
    assert [receipt.outcome for receipt in receipts] == [
        Outcome.REFUSED if "%" in name else Outcome.APPLIED for name in names
    ]
    assert {(r.action, r.cause, r.field, r.detail) for r in receipts if r.outcome is Outcome.REFUSED} == {
        (Action.UPDATE, Cause.REJECTED, "extId", "SQL not generated correctly")
    }
    assert len(side.api.store.rows("contacts")) == 7


def test_a_tenant_that_makes_no_query_of_any_lookup_is_for_a_person_and_nothing_is_taken_for_refused(side):
    side.api.faults.add(Fault(CannedResponse(400, BAD_QUERY), "GET", "/contacts", times=None))
    receipts = []
    given = [{"type": "RECORD", "record": {"stream": "contacts", "data": side.new(extId="x1"), "emitted_at": 1}}] * 3
    messages = map(AirbyteMessageSerializer.load, given)
    with pytest.raises(AirbyteTracedException) as caught:
        list(DestinationSsm(receipts.append, side.client).write(side.config, catalog("contacts", ()), messages))
    assert (caught.value.internal_message, caught.value.failure_type) == ("rejected", FailureType.config_error)
    assert "SQL not generated correctly" in caught.value.message
    assert {(receipt.outcome, receipt.cause) for receipt in receipts} == {(Outcome.RETRY, Cause.REJECTED)}
    assert len(receipts) == 3


@pytest.mark.parametrize(("per_second", "size"), [(0.1, 1), (1, 5), (4, 20), (13, 50)])
def test_batch_is_what_the_quota_lets_through_in_five_seconds(side, per_second, size):
    config = SsmConfig.model_validate({**side.config, "requests_per_second": per_second})
    with SsmClient(config) as client:
        assert SsmWriter(client, "contacts", None).batch_size == size


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, Status.SUCCEEDED),
        ({"default_branch_id": None}, Status.SUCCEEDED),
        ({"default_sales_rep_id": 999_999}, Status.FAILED),
        ({"default_branch_id": 999_999}, Status.FAILED),
        ({"private_key": "wrong-key"}, Status.FAILED),
        ({"private_key": ""}, Status.FAILED),
    ],
)
def test_check_looks_for_the_default_owner_and_branch(side, settings, status):
    outcome = DestinationSsm().check(LOGGER, {**side.config, **settings})
    assert outcome.status is status
    assert "wrong-key" not in (outcome.message or "")


def test_check_refuses_an_owner_who_is_not_active(side):
    side.api.store.put("users", {**side.row(SALES_REP, "users"), "isActive": False})
    assert DestinationSsm().check(LOGGER, side.config).status is Status.FAILED


def test_branches_that_cannot_be_read_do_not_fail_the_check(side):
    side.api.faults.add(Fault(CannedResponse(400), "GET", "/branches", times=None))
    assert DestinationSsm().check(LOGGER, side.config).status is Status.SUCCEEDED


def test_spec_offers_the_modes_that_overwrite_nothing():
    spec = DestinationSsm().spec(LOGGER)
    assert {mode.value for mode in spec.supported_destination_sync_modes} == {"append", "append_dedup"}
    assert set(spec.connectionSpecification["required"]) == {"public_key", "private_key", "default_sales_rep_id"}
