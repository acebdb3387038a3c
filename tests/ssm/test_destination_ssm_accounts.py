"""A contact's company by the code of its account (R4)."""

import json
from datetime import timedelta

import pytest
from airbyte_cdk.models import AirbyteMessageSerializer, ConfiguredAirbyteCatalogSerializer, Type
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_ssm.accounts import Accounts, code_of, codes_of, with_account
from destination_ssm.destination import DestinationSsm
from sage100_ssm.connectors.request import write_request
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault, Reset
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP
from tests.support import connector_processes as airbyte
from tests.support.connector_processes import record, state

KNOWN = {"carat": {7}, "411": {8}, "twins": {9, 10}, "nowhere": set(), "waiting": set()}
GONE = "2026-03-02T10:00:00Z"
REFUSED, RETRY = Outcome.REFUSED, Outcome.RETRY
MISSING, MALFORMED = Cause.COMPANY_MISSING, Cause.MALFORMED

RESOLVED = {
    "by code": ({"account_ext_id": "CARAT"}, ({"accountId": 7}, None)),
    "without case and blanks, as Sage compares": ({"account_ext_id": " Carat "}, ({"accountId": 7}, None)),
    "a code that is a number": ({"account_ext_id": 411}, ({"accountId": 8}, None)),
    "no code, and an id": ({"account_ext_id": None, "accountId": 3}, ({"accountId": 3}, None)),
    "an empty code clears no company": ({"id": 1, "account_ext_id": ""}, ({}, None)),
    "a code, and no id": ({"account_ext_id": "CARAT", "accountId": None}, ({"accountId": 7}, None)),
    "both, of one account": ({"account_ext_id": "CARAT", "accountId": '{"id": 7}'}, ({"accountId": 7}, None)),
    "the id tells twins apart": ({"account_ext_id": "TWINS", "accountId": 10}, ({"accountId": 10}, None)),
    "both, of two accounts": ({"account_ext_id": "CARAT", "accountId": 8}, (REFUSED, MALFORMED)),
    "both, the id in a column of its own": (
        {"account_ext_id": "CARAT", "accountId_id": 7.0},
        ({"accountId_id": 7.0, "accountId": 7}, None),
    ),
    "both, another id in a column of its own": ({"account_ext_id": "CARAT", "accountId_id": 8}, (REFUSED, MALFORMED)),
    "expected, the id in a column of its own": (
        {"id": 1, "_expected": {"account_ext_id": "", "accountId_id": 7}},
        ({}, {"accountId": 7, "accountId_id": 7}),
    ),
    "both, the id being none": ({"account_ext_id": "CARAT", "accountId": {"name": "Or"}}, (REFUSED, MALFORMED)),
    "both, the id being a list": ({"account_ext_id": "CARAT", "accountId": [7]}, (REFUSED, MALFORMED)),
    "an id, and a code of nobody": ({"account_ext_id": "NOWHERE", "accountId": 8}, (REFUSED, MISSING)),
    "a code of nobody": ({"account_ext_id": "NOWHERE"}, (REFUSED, MISSING)),
    "a code of several": ({"account_ext_id": "TWINS"}, (REFUSED, MISSING)),
    "a code of an account that waits": ({"account_ext_id": "WAITING"}, (RETRY, MISSING)),
    "no code at all": ({"account_ext_id": True}, (REFUSED, MALFORMED)),
    "a reference, whose id is no code": ({"account_ext_id": {"id": 411, "value": "Or"}}, (REFUSED, MALFORMED)),
    "an id beside narrowed to the code": (
        {"_set": ["account_ext_id"], "account_ext_id": "CARAT", "accountId": 8},
        (REFUSED, MALFORMED),
    ),
    "narrowed to others": (
        {"id": 1, "_set": ["email"], "account_ext_id": "NOWHERE", "email": "x"},
        ({"email": "x"}, None),
    ),
    "a deletion needs no company": ({"id": 1, "_ab_cdc_deleted_at": GONE, "account_ext_id": "NOWHERE"}, None),
    "expected": ({"id": 1, "email": "x", "_expected": {"account_ext_id": "CARAT"}}, ({"email": "x"}, {"accountId": 7})),
    "expected to have none": ({"id": 1, "_expected": {"account_ext_id": ""}}, ({}, {"accountId": None})),
    "expected, with the id": (
        {"id": 1, "_expected": {"account_ext_id": "CARAT", "accountId": 7}},
        ({}, {"accountId": 7}),
    ),
    "expected by two names that differ": (
        {"id": 1, "_expected": {"account_ext_id": "CARAT", "accountId": 8}},
        (REFUSED, MALFORMED),
    ),
    "expected, and nobody's": ({"id": 1, "_expected": {"account_ext_id": "NOWHERE"}}, (REFUSED, MISSING)),
    "a deletion of somebody expected elsewhere": (
        {"id": 1, "_ab_cdc_deleted_at": GONE, "_expected": {"account_ext_id": "NOWHERE"}},
        (REFUSED, MISSING),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), RESOLVED.values(), ids=RESOLVED)
def test_r4_a_company_by_its_code(data, expected):
    request = write_request(0, "contacts", data, id_field="id", declared=(), rename={})
    resolved = with_account(request, KNOWN, {"waiting"})
    if isinstance(resolved, Receipt):
        assert (resolved.outcome, resolved.cause) == expected
        assert resolved.field == "account_ext_id"
        assert resolved.reason.startswith("account_ext_id ")
        assert not any(code.upper() in resolved.reason for code in KNOWN)
    elif request.action is Action.DELETE:
        assert expected is None
    else:
        assert (dict(resolved.values), resolved.expected) == expected
    assert {code_of(code) for code in codes_of(request)} <= KNOWN.keys()


# --- over HTTP


def account(side, code, **fields):
    values = {"name": code, "extId": code, "branchId": BRANCH, "salesRepId1": SALES_REP, **fields}
    return side.api.store.create("accounts", values, user=90)


def named(code, number=0):
    return {"firstName": "Zoé", "lastName": f"L{number}", "extId": f"crm{number}", "account_ext_id": code}


def test_r4_the_accounts_of_a_batch_are_looked_up_once(side):
    accounts = {f"C{n}": account(side, f"C{n}") for n in range(20)}
    receipts = side.write(*(named(f"C{n}", n) for n in range(20)))
    assert [receipt.record["accountId"]["id"] for receipt in receipts] == [*accounts.values()]
    assert len([call for call in side.api.requests if call.path == "/accounts"]) == 3, "a page, and twice its end"


def test_a_record_without_the_code_asks_for_no_account(side):
    side.write(side.new())
    assert not [call for call in side.api.requests if call.path == "/accounts"]


def test_r4_a_deleted_account_and_one_of_another_code_are_nobody_s(side):
    side.api.store.delete("accounts", account(side, "CARAT"), user=90)
    account(side, "CARAT2")
    (receipt,) = side.write(named("CARAT"))
    assert (receipt.outcome, receipt.cause) == (REFUSED, MISSING)
    assert "CARAT" in receipt.detail
    assert "CARAT" not in receipt.reason


def test_r4_several_living_accounts_of_one_code_are_nobody_s_on_whatever_page(side):
    account(side, "CARAT")
    for n in range(side.client._config.page_size):
        account(side, "carat" if n == 7 else f"OTHER{n}")
    side.api.store.quirks = Quirks(where_ignored=True)
    (receipt,) = side.write(named("CARAT"))
    assert (receipt.outcome, receipt.reason) == (REFUSED, "account_ext_id is that of several accounts")


def test_r4_a_contact_moves_to_the_account_of_its_code(side):
    new, moved = account(side, "CARAT"), side.contact(extId="crm0")
    (receipt,) = side.write({"extId": "crm0", "account_ext_id": "carat"})
    assert (receipt.id, side.row(moved)["accountId"]) == (moved, new)
    (again,) = side.write({"extId": "crm0", "account_ext_id": "CARAT"})
    assert (again.outcome, again.wrote) == (Outcome.APPLIED, False)


def test_r4_the_code_may_be_in_another_field_of_the_account(side):
    wanted = account(side, "x", vatNumber="CARAT")
    account(side, "CARAT")
    (receipt,) = side.write(named("CARAT"), config={"company_code_field": "vatNumber"})
    assert receipt.record["accountId"]["id"] == wanted


def test_a_field_of_the_code_that_ssm_does_not_have_is_for_a_person(side):
    with pytest.raises(AirbyteTracedException, match="company_code_field") as caught:
        side.write(named("CARAT"), config={"company_code_field": "Z_unknown"})
    assert caught.value.failure_type.value == "config_error"
    assert [receipt.outcome for receipt in side.receipts] == [RETRY]


def test_a_code_that_ssm_takes_no_query_of_is_nobody_s_and_the_others_are_found(side):
    wanted = account(side, "CARAT")
    refused = CannedResponse(400, {"code": 901})

    def refuse(call):
        if call.path == "/accounts" and "%" in call.query.get("where", ""):
            side.api.faults.add(Fault(refused, "GET", "/accounts"))

    side.api.on_request = refuse
    odd, other = side.write(named("50%", 1), named("CARAT", 2))
    assert (odd.outcome, odd.cause) == (REFUSED, MISSING)
    assert other.record["accountId"]["id"] == wanted


@pytest.mark.parametrize("effect", [Reset(), CannedResponse(503), CannedResponse(404, "<p>gone")])
def test_accounts_that_cannot_be_read_stop_the_writing_and_refuse_nobody(side, effect):
    side.api.faults.add(Fault(effect, "GET", "/accounts", times=None))
    with pytest.raises(AirbyteTracedException) as caught:
        side.write(named("CARAT", 1), side.new())
    assert caught.value.failure_type.value == "transient_error"
    assert [(receipt.outcome, receipt.cause) for receipt in side.receipts] == [(RETRY, Cause.CONNECTION)] * 2
    assert not side.api.store.rows("contacts")


# --- accounts and contacts in one sync


def synced(side, caplog, *messages):
    """What a sync of both streams gives: the states, the failure, and the lines of the log about contacts."""
    fields = {"accounts": ["name", "extId"], "contacts": ["firstName", "lastName", "extId", "account_ext_id"]}
    configured = airbyte.catalog(*fields)
    for stream in configured["streams"]:
        stream["stream"]["json_schema"] = {"properties": {name: {} for name in fields[stream["stream"]["name"]]}}
    given, failure = [], None
    try:
        given += DestinationSsm(client=side.client).write(
            side.config,
            ConfiguredAirbyteCatalogSerializer.load(configured),
            [AirbyteMessageSerializer.load(message) for message in messages],
        )
    except AirbyteTracedException as error:
        failure = error
    assert {message.type for message in given} <= {Type.STATE}
    lines = [json.loads(line) for line in caplog.messages if '"receipt"' in line and '"contacts"' in line]
    return [message.state.stream.stream_descriptor.name for message in given], failure, lines


@pytest.mark.parametrize("contacts", [1, 60])
def test_r4_accounts_that_came_before_in_the_same_sync_are_found(side, caplog, contacts):
    names = [record("accounts", {"name": f"C{n}", "extId": f"C{n}"}) for n in range(3)]
    people = [record("contacts", named(f"C{n % 3}", n)) for n in range(contacts)]
    states, failure, lines = synced(side, caplog, people.pop(0), *names, *people, state("accounts"), state("contacts"))
    assert (failure, lines) == (None, [])
    assert states == ["accounts", "contacts"]
    assert len(side.api.store.rows("contacts")) == contacts


def test_r4_an_account_that_lists_do_not_show_yet_is_found_all_the_same(side, caplog):
    side.api.store.quirks = Quirks(new_rows_listed_after=timedelta(hours=1))
    given = [record("accounts", {"name": "Or", "extId": "CARAT"}), record("contacts", named("CARAT"))]
    _, _, lines = synced(side, caplog, *given, state("contacts"))
    assert [row["accountId"] for row in side.api.store.rows("contacts")] == [side.api.store.rows("accounts")[-1]["id"]]
    assert all(line["receipt"] != "refused" for line in lines)


def test_r4_contacts_of_an_account_that_could_not_be_written_wait_with_it(side, caplog):
    side.api.faults.add(Fault(CannedResponse(423, {"Message": "Locked"}), "POST", "/accounts", times=None))
    given = [record("accounts", {"name": "Or", "extId": "CARAT"}), record("contacts", named("CARAT"))]
    states, failure, (line,) = synced(side, caplog, *given, state("contacts"), state("accounts"))
    assert (states, failure.failure_type.value) == ([], "transient_error")
    assert (line["receipt"], line["cause"]) == ("retry", "company_missing")


def test_an_account_that_the_sync_renames_or_deletes_has_its_old_code_no_more():
    accounts = Accounts(None, "extId")
    accounts._rows = lambda codes: []
    request = write_request(0, "accounts", {}, id_field="id", declared=(), rename={})

    def noted(action, code):
        accounts.note(request, Receipt(0, "accounts", action, Outcome.APPLIED, 7, {"id": 7, "extId": code}))
        return accounts.find(["old", "new"])

    assert noted(Action.CREATE, "OLD") == {"old": {7}, "new": set()}
    assert noted(Action.UPDATE, "NEW") == {"old": set(), "new": {7}}
    assert noted(Action.DELETE, "NEW") == {"old": set(), "new": set()}
