"""The destination alone, as in a sync of Airbyte: what is SSM's fault is no record's, and is never acknowledged."""

import json
from dataclasses import replace

import pytest
from airbyte_cdk.models import AirbyteMessageSerializer
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_ssm.destination import DestinationSsm
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from tests.support.connector_processes import record, state
from tests.support.ssm_side import HASTE, catalog

HTML = "<!doctype html><title>Maintenance</title><p>Back soon."
LOGIN_PAGE = "<!doctype html><title>Sign in</title><form action=/login>"
SIDE = {
    "stopped behind a 403 in HTML": (403, HTML),
    "stopped behind a 404 in HTML": (404, HTML),
    "the login page of a proxy": (200, LOGIN_PAGE),
    "404": (404, {"Message": "Not found"}),
    "405": (405, {"Message": "Method not allowed"}),
    "409": (409, {"Message": "Conflict"}),
    "421": (421, {}),
    "423": (423, {"Message": "Locked"}),
    "425": (425, {}),
    "500 in JSON": (500, {"Message": "Internal error", "code": 900}),
    "maintenance page": (503, HTML),
    "400 in HTML": (400, HTML),
    "a right is missing": (403, {"Message": "No right"}),
    "the tenant's API is closed": (400, {"Message": "The subscription is suspended"}),
}
MANY = 40
FIELDS = ("firstName", "lastName", "accountId", "extId", "email")


@pytest.fixture
def alone(side, caplog):
    """Write records of contacts alone; give the number of states that came back, the failure, and the log's lines."""

    def written(*records, fields=(), config=None, stream="contacts"):
        caplog.clear()
        states, failure = [], None
        messages = [AirbyteMessageSerializer.load(m) for m in [*(record(stream, r) for r in records), state(stream)]]
        try:
            write = DestinationSsm(client=side.client).write
            states += write({**side.config, **(config or {})}, catalog(stream, fields), messages)
        except AirbyteTracedException as error:
            failure = error
        lines = [json.loads(line) for line in caplog.messages if line.startswith("{")]
        return len(states), failure, [line for line in lines if "receipt" in line]

    return written


def people(side, count=MANY):
    return [side.new(extId=f"crm{n}", lastName=f"L{n}", email=f"e{n}@example.org") for n in range(count)]


# --- what is SSM's fault


@pytest.mark.parametrize("method", ["POST", None], ids=["creations", "everything"])
@pytest.mark.parametrize("answer", SIDE.values(), ids=SIDE)
def test_no_state_passes_what_no_record_can_help_and_the_sync_says_why(side, alone, answer, method):
    side.client.log_in()
    side.api.faults.add(Fault(CannedResponse(*answer), method, "/contacts*", times=None))
    states, failure, lines = alone(*people(side))
    assert (states, len(side.api.store.rows("contacts"))) == (0, 0)
    assert {line["receipt"] for line in lines} <= {"retry", "uncertain"}
    assert len(lines) == MANY
    assert all(line["reason"] for line in lines)
    assert failure.failure_type.value in {"transient_error", "config_error"}
    assert "\n" not in failure.message


@pytest.mark.parametrize("status", [404, 409, 423, 425, 500])
def test_a_record_that_is_wrong_among_them_is_refused_and_stays_its_own(side, alone, status):
    wrong = side.new(extId="crm-wrong", lastName=None)
    side.api.faults.add(Fault(CannedResponse(status, {"Message": "no"}), "POST", "/contacts", times=None))
    states, failure, lines = alone(*people(side, 5), wrong, *people(side, 3), fields=FIELDS)
    assert (states, failure.failure_type.value) == (0, "transient_error")
    assert {line["record"]: line["receipt"] for line in lines if line["receipt"] == "refused"} == {5: "refused"}


def test_what_ssm_refuses_of_one_record_is_final_while_it_is_busy_for_the_others(side, alone):
    records = people(side, 12)
    records[7]["lastName"] = "x" * 500
    busy = CannedResponse(423, {"Message": "Locked"})
    side.api.faults.add(Fault(busy, "POST", "/contacts", nth=2))
    states, failure, lines = alone(*records)
    refused = [line for line in lines if line["receipt"] == "refused"]
    assert [(line["record"], line["field"], line["reason"]) for line in refused] == [
        (7, "lastName", "HTTP 400: The value of lastName is longer than … characters")
    ]
    assert (states, failure.internal_message) == (0, "records_postponed")
    assert len(side.api.store.rows("contacts")) == 10


# --- one refusal for all, or the same mistake in each


def test_a_closed_api_refuses_all_in_the_same_words_and_the_sync_quotes_what_it_may(side, alone):
    closed = CannedResponse(400, {"Message": "The API of Bijou SARL is disabled", "code": 77})
    side.api.faults.add(Fault(closed, "POST", "/contacts", times=None))
    states, failure, lines = alone(*people(side))
    reason = "HTTP 400, code 77: The API of … is disabled"
    assert {(line["receipt"], line["reason"]) for line in lines} == {("retry", reason)}
    assert (states, failure.internal_message) == (0, "records_postponed")
    assert failure.message.startswith(f"40 record(s) could not be written for now ({reason}).")


def test_records_that_all_lack_a_last_name_are_refused_each(side, alone):
    records = [{**each, "lastName": None} for each in people(side)]
    states, failure, lines = alone(*records, fields=FIELDS)
    assert (states, failure) == (1, None)
    assert {(line["receipt"], line["cause"], line["field"]) for line in lines} == {
        ("refused", "value_missing", "lastName")
    }
    assert {line["reason"] for line in lines} == {"a new row needs lastName, and the record has no value for it"}


def test_records_whose_values_ssm_refuses_alike_by_the_name_of_the_field_are_refused_each(side, alone):
    # So many are sent side by side that a busy machine may take more than a second to answer.
    side.client = SsmClient(SsmConfig.model_validate(side.config), replace(HASTE, answer_timeout=10))
    states, failure, lines = alone(*({**each, "lastName": "x" * 101} for each in people(side)))
    assert (states, failure, len(lines)) == (1, None, MANY)
    assert {(line["receipt"], line["field"]) for line in lines} == {("refused", "lastName")}


# --- why


def test_the_refused_record_keeps_all_the_words_of_ssm_and_the_log_only_those_without_values(
    side, alone, tmp_path, caplog
):
    taken = CannedResponse(400, {"Message": "email e0@example.org is already used by Paul Martin"})
    side.api.faults.add(Fault(taken, "PUT", "/contacts/*", times=None))
    path = tmp_path / "refused.jsonl"
    kept = {"refused_records": {"kind": "file", "path": str(path)}}
    _, _, (line,) = alone({"id": side.contact(), "email": "e0@example.org"}, config=kept)
    assert line["reason"] == "HTTP 400: email … is already used by"
    assert json.loads(path.read_text())["detail"] == "email e0@example.org is already used by Paul Martin"
    assert not {"e0@", "Martin"} & {*caplog.text.split()}


@pytest.mark.parametrize("status", [409, 500, 403])
def test_the_sentence_that_ends_a_sync_quotes_no_value_either(side, alone, caplog, status):
    words = CannedResponse(status, {"Message": "Conflict: e1@example.org belongs to Paul Martin"})
    side.api.faults.add(Fault(words, "POST", "/contacts", times=None))
    _, failure, _ = alone(*people(side, 3))
    assert f"HTTP {status}" in failure.message
    assert not [word for word in ("e1@", "Martin") if word in failure.message + caplog.text]


def test_p7_a_record_that_is_written_in_part_says_why_for_each_field(side, alone):
    _, _, (line,) = alone({**people(side, 1)[0], "typeId": 999})
    assert (line["receipt"], line["without"]) == ("applied", ["typeId"])
    assert line["reason"] == "typeId: typeId refers to … does not exist"


REFUSALS = {
    "no such row": ({"id": 99, "email": "x"}, "there is no row with this id, or it is deleted"),
    "to be created, and there": ({"_create": True, "extId": "there"}, "a row with this id or extId exists already"),
    "a deletion without a key": ({"_ab_cdc_deleted_at": "2026-01-01"}, "a deletion names neither id nor extId"),
}


@pytest.mark.parametrize(("sent", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_what_the_destination_refuses_itself_has_a_reason_too(side, alone, sent, reason):
    side.contact(extId="there")
    states, _, (line,) = alone(sent)
    assert (states, line["receipt"], line["reason"]) == (1, "refused", reason)


# --- a column without values


@pytest.mark.parametrize("bulk", [False, True], ids=["one by one", "in bulk"])
def test_a_column_without_values_is_warned_of_before_the_first_write(side, alone, caplog, bulk):
    ids = [side.contact(fax="1", comment="x" if n else None, extId=f"x{n}") for n in range(12)]
    warned = []

    def before_write(call):
        if call.method != "GET" and call.path != "/login" and not warned:
            warned.append([line for line in caplog.messages if line.startswith("Empty in all")])

    side.api.on_request = before_write
    records = [{"id": identifier, "phone1": str(identifier)} for identifier in ids]
    states, failure, _ = alone(
        *records, fields=("id", "fax", "comment", "phone1", "salesRepId"), config={"bulk_writes": bulk}
    )
    assert (states, failure) == (1, None)
    ((line,),) = warned
    assert (
        "first 12 records of contacts, and so about to be cleared here: comment (11 values), fax (12 values)." in line
    )


def test_what_nobody_has_anyway_is_no_matter_for_a_warning(side, alone, caplog):
    ids = [side.contact() for _ in range(5)]
    alone(*({"id": identifier, "phone1": "1"} for identifier in ids), fields=("id", "fax", "phone1"))
    assert not [line for line in caplog.messages if line.startswith("Empty in all")]


def test_with_a_sink_its_owner_clears_what_it_means_to(side, caplog):
    ids = [side.contact(fax="1") for _ in range(5)]
    side.write(*({"id": identifier} for identifier in ids), fields=("id", "fax"))
    assert not [line for line in caplog.messages if line.startswith("Empty in all")]
