"""What a record comes to, and what became of it: one row per case, no network."""

import pytest

from destination_ssm.decision import CreationRules, Snapshot, Write, decide, malformation, with_ext_id_as_text
from destination_ssm.outcome import Attempt, settle
from destination_ssm.receipts import malformed
from sage100_ssm.connectors.request import write_request
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.ssm.errors import Forbidden, LoginRefused, QuotaExhausted, Rejected, Unreachable

OWNER = 310
DEMANDS = CreationRules({"salesRepId": OWNER}, ("firstName", "lastName", "accountId", "salesRepId"))
LIVING = {
    "id": 7,
    "extId": "x7",
    "firstName": "Zoé",
    "lastName": "Or",
    "email": None,
    "accountId": {"id": 1, "value": ""},
    "birthday": "1990-05-01T00:00:00Z",
    "comment": "2024-05-01T08:00:00Z",
    "fax": "012",
    "permissionLevel": 2,
    "salesRepId": {"id": 310, "value": ""},
    "UseCompanyAddress": False,
    "marketingCommunications": True,
    "phone1": "12",
    "typeId": None,
    "Z_lists": [{"id": 3, "value": "a"}],
    "Z_rate": 3,
    "Z_seen": "2024-05-01 10:00:00.000+02:00",
    "Z_siteId": "12",
    "dateUpdated": "2024-01-01T00:00:00Z",
}
DELETED = {**LIVING, "id": 8, "extId": "x8", "deleted": True}
TWIN = {**LIVING, "id": 9}
SEEN = Snapshot.of([TWIN, DELETED, LIVING])
MARK = {"_ab_cdc_deleted_at": "2024-01-01T00:00:00Z"}
NEW = {"firstName": "Zoé", "lastName": "Or", "accountId": 1}


def request(declared=(), **data):
    return with_ext_id_as_text(write_request(0, "contacts", data, id_field="id", declared=declared, rename={}))


def outcome(decision):
    if isinstance(decision, Write):
        return decision.action, decision.id, dict(decision.fields)
    return decision.outcome, decision.cause, decision.id


APPLIED, REFUSED, CHANGED = Outcome.APPLIED, Outcome.REFUSED, Outcome.CHANGED

DECISIONS = {
    "id given: what differs is sent": ({"id": 7, "email": "z@or"}, (Action.UPDATE, 7, {"email": "z@or"})),
    "nothing differs": ({"id": 7, "firstName": "Zoé", "email": ""}, (APPLIED, None, 7)),
    "a reference is compared by id": ({"id": 7, "accountId": {"id": 1, "value": "Or"}}, (APPLIED, None, 7)),
    "a reference is written as its id": (
        {"id": 7, "accountId": {"id": 2, "value": "Or"}},
        (Action.UPDATE, 7, {"accountId": 2}),
    ),
    "a reference that a database kept as text": ({"id": 7, "accountId": '{"id":1,"value":"Or"}'}, (APPLIED, None, 7)),
    "a reference as digits": ({"id": 7, "accountId": "1"}, (APPLIED, None, 7)),
    "a reference as a fraction": ({"id": 7, "accountId": 2.0}, (Action.UPDATE, 7, {"accountId": 2})),
    "references kept as text are written as their ids": (
        {"id": 7, "accountId": '{"id": 2, "value": null}', "Z_lists": '[{"id":3,"value":"a"},{"id":4,"value":"b"}]'},
        (Action.UPDATE, 7, {"accountId": 2, "Z_lists": [3, 4]}),
    ),
    "references of a list kept as text": ({"id": 7, "Z_lists": '[{"id":3,"value":""}]'}, (APPLIED, None, 7)),
    "a reference to nobody kept as text": ({"id": 7, "typeId": '{"id":null,"value":""}'}, (APPLIED, None, 7)),
    "where SSM holds nothing, a reference is known by its name": (
        {"id": 7, "typeId": '{"id":9,"value":"DAF"}', "gender": '{"id":0,"value":"Male"}'},
        (Action.UPDATE, 7, {"typeId": 9, "gender": 0}),
    ),
    "new: references kept as text": (
        {**NEW, "accountId": '{"id":1,"value":"Or"}', "salesRepId": "5"},
        (Action.CREATE, None, {"salesRepId": 5, **NEW}),
    ),
    "what is no reference stays as it is": (
        {"id": 7, "accountId": "Or", "typeId": "[" * 9_999},
        (Action.UPDATE, 7, {"accountId": "Or", "typeId": "[" * 9_999}),
    ),
    "texts are never unpacked": (
        {"id": 7, "email": '{"id":2}', "lastName": '{"id":7,"value":"Or"}', "extId": "12", "Z_siteId": "012"},
        (
            Action.UPDATE,
            7,
            {"email": '{"id":2}', "lastName": '{"id":7,"value":"Or"}', "extId": "12", "Z_siteId": "012"},
        ),
    ),
    "the same moment in another spelling": (
        {"id": 7, "birthday": "1990-05-01 02:00:00+02", "Z_seen": "2024-05-01T08:00:00Z"},
        (APPLIED, None, 7),
    ),
    "the same day": ({"id": 7, "birthday": "1990-05-01"}, (APPLIED, None, 7)),
    "another moment": (
        {"id": 7, "birthday": "1990-05-01T00:00:00+02:00", "Z_seen": "2024-05-01"},
        (Action.UPDATE, 7, {"birthday": "1990-05-01T00:00:00+02:00", "Z_seen": "2024-05-01"}),
    ),
    "a text that tells a moment is a text": (
        {"id": 7, "comment": "2024-05-01 10:00:00+02:00"},
        (Action.UPDATE, 7, {"comment": "2024-05-01 10:00:00+02:00"}),
    ),
    "a number as text, or as a fraction": ({"id": 7, "permissionLevel": "2", "Z_rate": 3.0}, (APPLIED, None, 7)),
    "yes or no as text": ({"id": 7, "UseCompanyAddress": "False"}, (APPLIED, None, 7)),
    "another yes or no": ({"id": 7, "UseCompanyAddress": "true"}, (Action.UPDATE, 7, {"UseCompanyAddress": True})),
    "another number": ({"id": 7, "permissionLevel": "3"}, (Action.UPDATE, 7, {"permissionLevel": 3})),
    "a number for a text is its digits": (
        {"id": 7, "phone1": 612, "fax": 12.0, "Z_siteId": 13},
        (Action.UPDATE, 7, {"phone1": "612", "fax": "12", "Z_siteId": "13"}),
    ),
    "an object for a text is no text, whatever its id": (
        {"id": 7, "phone1": {"id": 13, "value": "x"}},
        (Action.UPDATE, 7, {"phone1": {"id": 13, "value": "x"}}),
    ),
    "a number for a text that holds its digits": ({"id": 7, "phone1": 12, "Z_siteId": 12}, (APPLIED, None, 7)),
    "an extId that is a number": (
        {**NEW, "extId": 4711},
        (Action.CREATE, None, {**NEW, "extId": "4711", "salesRepId": 310}),
    ),
    "digits for a number of a new row": (
        {**NEW, "permissionLevel": "3", "UseCompanyAddress": 1, "phone1": 12.5},
        (
            Action.CREATE,
            None,
            {**NEW, "permissionLevel": 3, "UseCompanyAddress": True, "phone1": 12.5, "salesRepId": 310},
        ),
    ),
    "an expected number where SSM holds its digits": (
        {"id": 7, "email": "z@or", "_expected": {"phone1": 12, "Z_rate": "3", "UseCompanyAddress": "false"}},
        (Action.UPDATE, 7, {"email": "z@or"}),
    ),
    "another expected number": ({"id": 7, "email": "z@or", "_expected": {"phone1": 13}}, (CHANGED, None, 7)),
    "a text of digits is a text": (
        {"id": 7, "phone1": "+12", "fax": "12"},
        (Action.UPDATE, 7, {"phone1": "+12", "fax": "12"}),
    ),
    "null says nothing of what a new row has filled without the record": (
        {
            "id": 7,
            "salesRepId": None,
            "permissionLevel": None,
            "UseCompanyAddress": "",
            "marketingCommunications": None,
        },
        (APPLIED, None, 7),
    ),
    "null clears": ({"id": 7, "firstName": None}, (Action.UPDATE, 7, {"firstName": None})),
    "case differs": ({"id": 7, "firstName": "zoé"}, (Action.UPDATE, 7, {"firstName": "zoé"})),
    "fields of SSM's own are not written": (
        {"id": 7, "deleted": True, "dateUpdated": "x", "salesRepIdUpdated": 4, "changed_at": "x", "readOnly": True},
        (APPLIED, None, 7),
    ),
    "an id that is not there": ({"id": 99, **NEW}, (REFUSED, Cause.NOT_FOUND, 99)),
    "an id that is deleted": ({"id": 8, "email": "z@or"}, (REFUSED, Cause.NOT_FOUND, 8)),
    "extId matches: of twins the older": ({"extId": "x7", "email": "z@or"}, (Action.UPDATE, 7, {"email": "z@or"})),
    "extId of a deleted row matches nobody": (
        {"extId": "x8", **NEW},
        (Action.CREATE, None, {"extId": "x8", "salesRepId": OWNER, **NEW}),
    ),
    "no extId: created": ({**NEW}, (Action.CREATE, None, {"salesRepId": OWNER, **NEW})),
    "an owner given stays": ({**NEW, "salesRepId": 5}, (Action.CREATE, None, {"salesRepId": 5, **NEW})),
    "empty fields are not sent with a new row": (
        {**NEW, "email": None, "fax": ""},
        (Action.CREATE, None, {"salesRepId": OWNER, **NEW}),
    ),
    "create where a match exists": ({"_create": True, "extId": "x7", **NEW}, (REFUSED, Cause.DUPLICATE, 7)),
    "create where the match is deleted": (
        {"_create": True, "extId": "x8", **NEW},
        (Action.CREATE, None, {"extId": "x8", "salesRepId": OWNER, **NEW}),
    ),
    "create without a match rule": ({"_create": True, **NEW}, (Action.CREATE, None, {"salesRepId": OWNER, **NEW})),
    "a new row bears its extId though _set leaves it out": (
        {"_create": True, "_set": list(NEW), "extId": "x5", **NEW},
        (Action.CREATE, None, {"extId": "x5", "salesRepId": OWNER, **NEW}),
    ),
    "_set narrows": ({"id": 7, "_set": ["email"], "email": "z", "fax": "1"}, (Action.UPDATE, 7, {"email": "z"})),
    "no first name": ({**NEW, "firstName": ""}, (REFUSED, Cause.VALUE_MISSING, None)),
    "no account": ({**NEW, "accountId": {"id": None, "value": ""}}, (REFUSED, Cause.VALUE_MISSING, None)),
    "delete": ({"id": 7, **MARK}, (Action.DELETE, 7, {})),
    "delete by extId": ({"extId": "x7", **MARK}, (Action.DELETE, 7, {})),
    "delete what is deleted": ({"id": 8, **MARK}, (APPLIED, None, 8)),
    "delete what is not shown: it may be hidden": ({"id": 99, **MARK}, (REFUSED, Cause.NOT_FOUND, 99)),
    "delete by an extId that nobody bears": ({"extId": "x99", **MARK}, (APPLIED, None, None)),
    "expected is compared exactly": (
        {"id": 7, "email": "z", "_expected": {"birthday": "1990-05-01 02:00:00+02:00"}},
        (CHANGED, None, 7),
    ),
    "expected is compared exactly, references too": (
        {"id": 7, "email": "z", "_expected": {"accountId": "1"}},
        (CHANGED, None, 7),
    ),
    "expected values still held": (
        {"id": 7, "email": "z", "_expected": {"firstName": "Zoé", "email": "", "accountId": 1, "deleted": False}},
        (Action.UPDATE, 7, {"email": "z"}),
    ),
    "expected value held no more": ({"id": 7, "email": "z", "_expected": {"firstName": "Zoe"}}, (CHANGED, None, 7)),
    "expected stamp held no more": ({"id": 7, "email": "z", "_expected": {"dateUpdated": None}}, (CHANGED, None, 7)),
    "delete of what changed": ({"id": 7, **MARK, "_expected": {"firstName": "Zoe"}}, (CHANGED, None, 7)),
    "expected of nobody": ({"extId": "x99", "_expected": {"firstName": "Zoé"}, **NEW}, (CHANGED, None, None)),
    "expected by extId": ({"extId": "x7", "email": "z", "_expected": {"firstName": "Zoe"}}, (CHANGED, None, 7)),
}


@pytest.mark.parametrize(("data", "expected"), DECISIONS.values(), ids=DECISIONS)
def test_a_record_comes_to(data, expected):
    assert outcome(decide(request(**data), SEEN, DEMANDS)) == expected


@pytest.mark.parametrize(
    ("data", "row"),
    [
        ({"id": 8, "email": "z"}, DELETED),
        ({"id": 7, "email": "z", "_expected": {"firstName": "?"}}, LIVING),
        ({"_create": True, "extId": "x7", **NEW}, LIVING),
        ({"id": 8, **MARK}, DELETED),
        ({"id": 7, "firstName": "Zoé"}, LIVING),
    ],
)
def test_receipt_without_a_write_shows_the_row_as_it_stands(data, row):
    receipt = decide(request(**data), SEEN, DEMANDS)
    assert isinstance(receipt, Receipt)
    assert (receipt.record, receipt.wrote) == (row, False)


def test_a_row_that_changed_is_told_by_the_first_field_that_did_and_no_value():
    receipt = decide(request(id=7, _expected={"firstName": "Zoé", "lastName": "Argent", "email": "?"}), SEEN, DEMANDS)
    assert (receipt.field, receipt.detail) == ("lastName", "lastName no longer holds what is expected")


@pytest.mark.parametrize("field", DEMANDS.required[:3])
def test_missing_field_is_named(field):
    receipt = decide(request(**{**NEW, field: None}), SEEN, DEMANDS)
    assert receipt.field == field


@pytest.mark.parametrize(
    ("data", "action"),
    [
        ({"extId": True}, Action.CREATE),
        ({"latitude": float("nan")}, Action.CREATE),
        ({"extId": "x7", "latitude": float("nan")}, Action.UPDATE),
        ({"id": 7, "latitude": float("nan")}, Action.UPDATE),
        ({"_create": True, "extId": "x7", "latitude": float("nan")}, Action.CREATE),
        ({**MARK}, Action.DELETE),
    ],
)
def test_a_record_refused_unread_tells_what_would_have_been_done(data, action):
    assert malformed(request(**data), "…").action is action


def test_account_without_a_branch_is_not_created():
    demands = CreationRules({"salesRepId1": OWNER, "branchId": None}, ("name", "branchId", "salesRepId1"))
    assert decide(request(name="Or"), SEEN, demands).field == "branchId"


def test_declared_field_that_the_wire_dropped_counts_as_null():
    decision = decide(request(declared=["id", "firstName", "lastName"], id=7, lastName="Or"), SEEN, DEMANDS)
    assert decision.fields == {"firstName": None}


@pytest.mark.parametrize(
    "data",
    [
        {"extId": True},
        {"extId": False},
        {"extId": 1.5},
        {"extId": {"id": 1}},
        {"firstName": "\ud800"},
        {"latitude": float("nan")},
        {**MARK},
        {**MARK, "extId": ""},
    ],
)
def test_record_that_cannot_be_sent_has_a_fault(data):
    assert malformation(request(**data))


LOST, NOT_SENT = Unreachable("ReadTimeout", sent=True), QuotaExhausted("", sent=False)
NO = Rejected(400, "No such id")
CREATE = (Action.CREATE, None, {"extId": "x7", "email": "z"})
PLAIN_CREATE = (Action.CREATE, None, {"email": "z"})
UPDATE = (Action.UPDATE, 7, {"firstName": "Zoé"})
VAIN = (Action.UPDATE, 7, {"firstName": "Léa"})
DELETE = (Action.DELETE, 7, {})
GONE = {**LIVING, "deleted": True}
UNREAD = None

AFTERMATHS = {
    "update confirmed": (UPDATE, None, [LIVING], (APPLIED, None, 7, True, True)),
    "update confirmed, another value reads back": (VAIN, None, [LIVING], (APPLIED, None, 7, True, True)),
    "update confirmed, not read back": (UPDATE, None, UNREAD, (Outcome.UNCERTAIN, Cause.CONNECTION, 7, False, True)),
    "delete confirmed": (DELETE, None, [GONE], (APPLIED, None, 7, True, True)),
    "delete confirmed, yet not done": (DELETE, None, [LIVING], (REFUSED, Cause.REJECTED, 7, True, False)),
    "delete confirmed, not shown any more": (DELETE, None, [], (APPLIED, None, 7, False, True)),
    "delete confirmed, not read back": (DELETE, None, UNREAD, (APPLIED, None, 7, False, True)),
    "update rejected": (VAIN, NO, [LIVING], (REFUSED, Cause.REJECTED, 7, True, False)),
    "update rejected, the row is deleted": (VAIN, NO, [GONE], (REFUSED, Cause.NOT_FOUND, 7, True, False)),
    "update rejected, the row is gone": (VAIN, NO, [], (REFUSED, Cause.NOT_FOUND, 7, False, False)),
    "update rejected, not read back": (VAIN, NO, UNREAD, (REFUSED, Cause.REJECTED, 7, False, False)),
    "update forbidden": (VAIN, Forbidden("contacts", ""), [LIVING], (REFUSED, Cause.REJECTED, 7, True, False)),
    "create rejected": (CREATE, NO, [], (REFUSED, Cause.REJECTED, None, False, False)),
    "delete rejected": (DELETE, NO, [LIVING], (REFUSED, Cause.REJECTED, 7, True, False)),
    "delete rejected, not shown any more: hidden is not deleted": (
        DELETE,
        NO,
        [],
        (REFUSED, Cause.NOT_FOUND, 7, False, False),
    ),
    "delete lost, not shown any more: hidden is not deleted": (
        DELETE,
        LOST,
        [],
        (Outcome.RETRY, Cause.CONNECTION, 7, False, False),
    ),
    "delete repeated, the first try did it": (DELETE, NO, [GONE], (APPLIED, None, 7, True, True)),
    "update lost, but it stands": (UPDATE, LOST, [LIVING], (APPLIED, None, 7, True, True)),
    "update lost": (VAIN, LOST, [LIVING], (Outcome.RETRY, Cause.CONNECTION, 7, True, False)),
    "update lost, the row is deleted": (VAIN, LOST, [GONE], (REFUSED, Cause.NOT_FOUND, 7, True, False)),
    "update lost, not read back": (VAIN, LOST, UNREAD, (Outcome.UNCERTAIN, Cause.CONNECTION, 7, False, False)),
    "update refused by the quota, not read back": (
        VAIN,
        NOT_SENT,
        UNREAD,
        (Outcome.RETRY, Cause.QUOTA, 7, False, False),
    ),
    "delete lost, but done": (DELETE, LOST, [GONE], (APPLIED, None, 7, True, True)),
    "delete lost": (DELETE, LOST, [LIVING], (Outcome.RETRY, Cause.CONNECTION, 7, True, False)),
    "create lost, found by extId": (CREATE, LOST, [LIVING], (APPLIED, None, 7, True, True)),
    "create lost": (CREATE, LOST, [], (Outcome.UNCERTAIN, Cause.CONNECTION, None, False, False)),
    "create lost, no extId": (PLAIN_CREATE, LOST, [LIVING], (Outcome.UNCERTAIN, Cause.CONNECTION, None, False, False)),
    "create lost, not read back": (CREATE, LOST, UNREAD, (Outcome.UNCERTAIN, Cause.CONNECTION, None, False, False)),
    "create refused by the quota": (CREATE, NOT_SENT, [], (Outcome.RETRY, Cause.QUOTA, None, False, False)),
    "login refused": (VAIN, LoginRefused(), [LIVING], (Outcome.RETRY, Cause.CONNECTION, 7, True, False)),
}


@pytest.mark.parametrize(("sent", "error", "rows", "expected"), AFTERMATHS.values(), ids=AFTERMATHS)
def test_a_write_ends(sent, error, rows, expected):
    action, identifier, fields = sent
    attempt = Attempt(Write(request(id=identifier), action, identifier, fields), identifier, error)
    receipt = settle(attempt, None if rows is UNREAD else Snapshot.of(rows))
    assert (
        receipt.outcome,
        receipt.cause,
        receipt.id,
        receipt.record is not None,
        receipt.wrote,
    ) == expected


def test_confirmed_creation_bears_its_new_id_even_if_it_cannot_be_read_back():
    attempt = Attempt(Write(request(), *PLAIN_CREATE), 12, None)
    receipt = settle(attempt, None)
    assert (receipt.outcome, receipt.id, receipt.wrote) == (Outcome.UNCERTAIN, 12, True)


def test_refusal_quotes_ssm():
    attempt = Attempt(Write(request(), *PLAIN_CREATE), None, Rejected(400, "lastName too long"))
    assert settle(attempt, Snapshot.of([])).detail == "lastName too long"
