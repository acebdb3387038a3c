"""P7: a value that SSM refuses is left out, and the rest of the record is written."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination_ssm import writer
from destination_ssm.decision import CreationRules, Write
from destination_ssm.parts import Division
from sage100_ssm.connectors.request import write_request
from sage100_ssm.exchange.receipt import Action, Cause, Outcome
from sage100_ssm.ssm.errors import Rejected, TooLate
from sage100_ssm.standins.ssm_api.faults import CannedResponse, ExpireTokens, Fault, Reset
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.resources import ApiField
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import OTHER_SALES_REP, SALES_REP, with_value_lists
from tests.support.ssm_side import Side

TWO = "paul@or.example; anna@or.example"
TEN = {
    "phone1": "01 99 00 00 01",
    "phone2": "06 99 00 00 02",
    "fax": "01 99 00 00 03",
    "linkedin": "zoe",
    "skype": "zoe.or",
    "city": "Lyon",
    "comment": "aime l'or",
    "typeId": 3,
    "gender": 1,
    "email": "zoe@or.example",
}
SHAPES = ["object", "list", "model_state", "generic", "text", "nothing"]
NAMED = {"object", "list", "model_state", "text"}


def strict(shape="object", **more):
    return Quirks(one_address_per_email=True, error_body=shape, **more)


def writes(side):
    return [call for call in side.api.requests if call.method in {"POST", "PUT"} and call.path != "/login"]


# --- an update


@pytest.mark.parametrize("side", [strict(shape) for shape in SHAPES], indirect=True, ids=SHAPES)
def test_p7_of_ten_fields_the_refused_one_is_left_out_at_the_cost_of_a_few_requests(side):
    identifier = side.contact()
    (receipt,) = side.write({"id": identifier, **TEN, "email": TWO})
    assert (receipt.outcome, receipt.wrote, [*receipt.refused]) == (Outcome.APPLIED, True, ["email"])
    row = side.row(identifier)
    assert {name: row[name] for name in TEN} == {**TEN, "email": None}
    assert receipt.record["phone1"] == TEN["phone1"]
    named = side.api.store.quirks.error_body in NAMED
    assert len(writes(side)) <= (2 if named else 9)
    assert side.client.requests <= (6 if named else 13)  # with the login, a look and a reading of what was written


@pytest.mark.parametrize("side", [strict(shape) for shape in ("object", "generic")], indirect=True)
def test_p7_a_single_value_that_is_refused_is_named_without_another_request(side):
    identifier = side.contact(email="zoe@or.example")
    (receipt,) = side.write({"id": identifier, "email": TWO})
    assert (receipt.outcome, receipt.cause, receipt.field) == (Outcome.REFUSED, Cause.VALUE_REFUSED, "email")
    assert (receipt.wrote, len(writes(side)), side.row(identifier)["email"]) == (False, 1, "zoe@or.example")


@pytest.mark.parametrize("side", [strict(shape) for shape in ("object", "generic")], indirect=True)
def test_p7_several_values_that_are_refused_are_all_named(side):
    identifier = side.contact()
    bad = {"email": TWO, "email2": TWO, "typeId": 999_999}
    (receipt,) = side.write({"id": identifier, **TEN, **bad})
    assert (receipt.outcome, {*receipt.refused}) == (Outcome.APPLIED, {*bad})
    assert side.row(identifier)["phone1"] == TEN["phone1"]


@pytest.mark.parametrize("side", [Quirks(read_only_row_writable=False)], indirect=True)
def test_where_every_part_is_refused_the_record_is_refused_as_a_whole(side):
    identifier = side.contact(readOnly=True)
    (receipt,) = side.write({"id": identifier, "phone1": "1", "fax": "2", "city": "Lyon"})
    assert (receipt.outcome, receipt.cause, receipt.field) == (Outcome.REFUSED, Cause.REJECTED, None)
    assert ("read-only" in receipt.detail, dict(receipt.refused)) == (True, {})


@pytest.mark.parametrize("side", [Quirks(max_lengths={"lastName": 5})], indirect=True)
def test_p7_a_row_never_gets_the_last_name_of_one_person_and_the_first_name_of_another(side):
    identifier = side.contact()
    (receipt,) = side.write({"id": identifier, "firstName": "Anna", "lastName": "Durandeau", "phone1": "1"})
    row = side.row(identifier)
    assert (row["firstName"], row["lastName"], row["phone1"]) == ("Zoé", "Or", "1")
    assert {*receipt.refused} == {"firstName", "lastName"}


@pytest.mark.parametrize("field", ["accountId", "extId"])
@pytest.mark.parametrize(
    "side", [strict(error_shape, ext_id_unique="all") for error_shape in ("object", "generic")], indirect=True
)
def test_p7_an_account_and_an_ext_id_are_values_like_others(side, field):
    side.contact(extId="taken")
    identifier = side.contact()
    (receipt,) = side.write({"id": identifier, "phone1": "1", field: 999_999 if field == "accountId" else "taken"})
    assert (receipt.outcome, [*receipt.refused]) == (Outcome.APPLIED, [field])
    assert (side.row(identifier)["phone1"], side.row(identifier)["accountId"]) == ("1", side.account)


@pytest.mark.parametrize("side", [strict()], indirect=True)
def test_a_field_that_is_named_by_mistake_is_written_all_the_same(side):
    identifier = side.contact()
    side.api.faults.add(Fault(CannedResponse(400, {"Message": "fax: no such person"}), "PUT"))
    (receipt,) = side.write({"id": identifier, "email": TWO, "fax": "2", "phone1": "1"})
    assert ([*receipt.refused], side.row(identifier)["fax"], side.row(identifier)["phone1"]) == (["email"], "2", "1")


@pytest.mark.parametrize("status", [403, 404, 409, 423, 429, 500])
def test_no_other_refusal_is_taken_apart(side, status):
    identifier = side.contact()
    words = {"Message": "email is locked"}
    side.api.faults.add(Fault(CannedResponse(status, words, {"Retry-After": "0"}), "PUT", times=2))
    side.api.store.quirks.max_lengths.clear()
    try:
        side.write({"id": identifier, **TEN})
    finally:
        assert all({*call.body} == {*TEN} for call in writes(side))


def test_a_row_that_is_gone_is_not_found_whatever_its_values(side):
    identifier = side.contact()
    side.api.on_answer = lambda call: (
        call.method == "GET"
        and side.api.store.rows("contacts")[0]["deleted"] is False
        and (side.api.store.delete("contacts", identifier, user=310))
    )
    (receipt,) = side.write({"id": identifier, "phone1": "1", "fax": "2"})
    assert (receipt.outcome, receipt.cause, receipt.action) == (Outcome.REFUSED, Cause.NOT_FOUND, Action.UPDATE)


# --- many records


@pytest.mark.parametrize("side", [strict(shape) for shape in ("object", "generic")], indirect=True)
def test_p7_many_records_with_the_same_fault_are_each_written_without_it(side):
    ids = [side.contact(lastName=f"L{n}") for n in range(15)]
    receipts = side.write(*({"id": identifier, "email": TWO, "phone1": "1"} for identifier in ids))
    assert Counter(receipt.outcome for receipt in receipts) == {Outcome.APPLIED: 15}
    assert {tuple(receipt.refused) for receipt in receipts} == {("email",)}
    assert {side.row(identifier)["phone1"] for identifier in ids} == {"1"}


def test_a_refusal_that_many_get_alike_and_that_names_no_field_is_tried_on_one_alone(side):
    ids = [side.contact(lastName=f"L{n}") for n in range(15)]
    side.api.faults.add(Fault(CannedResponse(400, {"Message": "Bad Request"}), "PUT", "/contacts/*", times=None))
    receipts = side.write(*({"id": identifier, "fax": "2", "phone1": "1"} for identifier in ids))
    assert {(receipt.outcome, receipt.cause) for receipt in receipts} == {(Outcome.RETRY, Cause.REJECTED)}
    assert len(writes(side)) == 15 + 2


def test_of_many_values_that_are_refused_alike_each_is_named_and_none_is_lost(side):
    ids = [side.contact(lastName=f"L{n}") for n in range(15)]
    side.api.faults.add(Fault(CannedResponse(400, {"Message": "Bad Request"}), "PUT", "/contacts/*", times=None))
    receipts = side.write(*({"id": identifier, "email": TWO} for identifier in ids))
    assert {(r.outcome, r.cause, r.field) for r in receipts} == {(Outcome.RETRY, Cause.VALUE_REFUSED, "email")}
    assert len(writes(side)) == 15


@pytest.mark.parametrize("side", [strict(shape) for shape in ("object", "generic")], indirect=True)
def test_p7_in_bulk_the_culprits_are_found_among_the_records_and_then_among_their_values(side):
    records = [{"_create": True, **side.new(lastName=f"L{n}", extId=f"x{n}", phone1="1")} for n in range(40)]
    records[7]["email"] = records[23]["email"] = TWO
    receipts = side.write(*records, config={"bulk_writes": True})
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert [receipt.index for receipt in receipts if receipt.refused] == [7, 23]
    rows = side.api.store.rows("contacts")
    assert (len(rows), {row["phone1"] for row in rows}) == (40, {"1"})


# --- a creation


@pytest.mark.parametrize("side", [strict(shape) for shape in SHAPES], indirect=True, ids=SHAPES)
def test_p7_a_creation_goes_ahead_without_the_refused_field_and_creates_one_row(side):
    (receipt,) = side.write({"_create": True, **side.new(extId="x1"), **TEN, "email": TWO})
    assert (receipt.outcome, receipt.action, [*receipt.refused]) == (Outcome.APPLIED, Action.CREATE, ["email"])
    (row,) = side.api.store.rows("contacts")
    assert {name: row[name] for name in TEN} == {**TEN, "email": None}
    assert (row["extId"], receipt.record["phone1"]) == ("x1", TEN["phone1"])
    named = side.api.store.quirks.error_body in NAMED
    assert len(writes(side)) <= (2 if named else 10)


@pytest.mark.parametrize(
    "side", [strict("object", phones_unique=True), strict("generic", phones_unique=True)], indirect=True
)
def test_p7_the_telephone_number_of_another_contact_is_left_out(side):
    side.contact(lastName="Standard", phone1="01 99 00 00 00")
    (receipt,) = side.write(
        {"_create": True, **side.new(extId="x1"), "phone1": "01 99 00 00 00", "email": "z@or.example"}
    )
    assert (receipt.outcome, [*receipt.refused], receipt.record["email"]) == (
        Outcome.APPLIED,
        ["phone1"],
        "z@or.example",
    )


@pytest.mark.parametrize("side", [Quirks(max_lengths={"lastName": 5})], indirect=True)
def test_p7_a_new_contact_whose_last_name_is_refused_is_not_created(side):
    (receipt,) = side.write({"_create": True, **side.new(lastName="Durandeau", extId="x1", phone1="1")})
    assert (receipt.outcome, receipt.cause, receipt.field) == (Outcome.REFUSED, Cause.VALUE_REFUSED, "lastName")
    assert side.api.store.rows("contacts") == []


@pytest.mark.parametrize("shape", ["object", "generic"])
def test_a_creation_whose_ext_id_is_refused_creates_nobody_without_it(shape):
    """SSM may refuse it because another row has it that this login is not shown: the contact would be there twice."""
    with SsmApiServer(quirks=Quirks(ext_id_unique="all", error_body=shape)) as api:
        side = Side(api)
        api.store.delete("contacts", side.contact(extId="x1"), user=310)
        (receipt,) = side.write({"_create": True, **side.new(extId="x1", phone1="1")})
        side.client.close()
    assert receipt.outcome is Outcome.REFUSED
    assert receipt.cause is (Cause.VALUE_REFUSED if shape == "object" else Cause.REJECTED)
    assert len(api.store.rows("contacts")) == 1


@pytest.mark.parametrize("side", [strict(s, retired_values_refused=True) for s in ("object", "generic")], indirect=True)
def test_an_owner_who_has_left_is_replaced_by_the_default_owner(side):
    side.api.store._tables["users"][OTHER_SALES_REP]["isActive"] = False
    (receipt,) = side.write({"_create": True, **side.new(extId="x1", phone1="1", salesRepId=OTHER_SALES_REP)})
    assert (receipt.outcome, [*receipt.refused]) == (Outcome.APPLIED, ["salesRepId"])
    (row,) = side.api.store.rows("contacts")
    assert (row["salesRepId"], row["phone1"]) == (SALES_REP, "1")


@pytest.mark.parametrize(("shape", "listed"), [("object", False), ("object", True), ("generic", True)])
def test_a_field_that_the_instance_requires_is_part_of_the_first_try(shape, listed):
    extra = {"contacts": [ApiField("Z_region", required=True)]}
    quirks = strict(shape, schema_lists_required=listed)
    with SsmApiServer(with_value_lists(Store(quirks, extra_fields=extra))) as api:
        side = Side(api)
        (receipt,) = side.write(
            {"_create": True, **side.new(extId="x1", Z_region="Rhône", email=TWO, email2=TWO, phone1="1")}
        )
        side.client.close()
    assert (receipt.outcome, {*receipt.refused}) == (Outcome.APPLIED, {"email", "email2"})
    (row,) = api.store.rows("contacts")
    assert (row["Z_region"], row["phone1"]) == ("Rhône", "1")


# --- interrupted on the way


INTERRUPTIONS = {
    "reset": Reset(),
    "reset after": Reset(after=True),
    "500": CannedResponse(500),
    "500 after": CannedResponse(500, after=True),
    "429": CannedResponse(429, headers={"Retry-After": "0"}),
    "session": ExpireTokens(),
}


@pytest.mark.parametrize("nth", range(2, 8))
@pytest.mark.parametrize("effect", INTERRUPTIONS.values(), ids=INTERRUPTIONS)
@pytest.mark.parametrize("side", [strict("generic")], indirect=True)
def test_an_update_in_parts_that_is_interrupted_goes_on_where_it_was(side, effect, nth):
    identifier = side.contact()
    side.api.faults.add(Fault(effect, "PUT", nth=nth))
    expected = dict.fromkeys(TEN)
    (receipt,) = side.write({"id": identifier, **TEN, "email": TWO, "_expected": expected})
    assert (receipt.outcome, [*receipt.refused]) == (Outcome.APPLIED, ["email"])
    row = side.row(identifier)
    assert {name: row[name] for name in TEN} == {**TEN, "email": None}


@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("effect", INTERRUPTIONS.values(), ids=INTERRUPTIONS)
@pytest.mark.parametrize("side", [strict("generic")], indirect=True)
def test_a_creation_in_parts_that_is_interrupted_creates_nobody_twice(side, effect, nth):
    method, nth = ("POST", 3) if nth == 1 else ("PUT", nth - 1)  # the first POST is the login, the second the whole
    side.api.faults.add(Fault(effect, method, "/contacts*", nth=2 if method == "POST" else nth))
    (receipt,) = side.write({"_create": True, **side.new(extId="x1"), **TEN, "email": TWO})
    rows = side.api.store.rows("contacts")
    assert len(rows) <= 1
    if receipt.outcome is Outcome.APPLIED:
        assert [*receipt.refused] == ["email"]
        assert {name: rows[0][name] for name in TEN} == {**TEN, "email": None}
    else:
        assert (receipt.outcome, method, rows) == (Outcome.UNCERTAIN, "POST", [])


def in_short_looks(side, monkeypatch):
    """Let what was looked at be too old for every third write of a record."""
    counts = Counter()

    def short(send):
        def send_or_be_late(resource, *args, **more):
            key = args[0] if isinstance(args[0], int) else args[0]["extId"]
            counts[key] += 1
            if counts[key] % 3 == 0:
                raise TooLate
            return send(resource, *args, **more)

        return send_or_be_late

    for name in ("update", "create"):
        monkeypatch.setattr(side.client, name, short(getattr(side.client, name)))


@pytest.mark.parametrize("created", [False, True], ids=["updates", "creations"])
@pytest.mark.parametrize("side", [strict("generic")], indirect=True)
def test_parts_that_do_not_fit_into_the_few_seconds_of_a_look_follow_after_the_next_one(side, monkeypatch, created):
    records = [{"id": side.contact(lastName=f"L{n}"), **TEN, "email": TWO} for n in range(3)]
    if created:
        new = [side.new(lastName=f"N{n}", extId=f"x{n}") for n in range(3)]
        records = [{"_create": True, **one, **TEN, "email": TWO} for one in new]
    in_short_looks(side, monkeypatch)
    receipts = side.write(*records)
    assert {(receipt.outcome, *receipt.refused) for receipt in receipts} == {(Outcome.APPLIED, "email")}
    assert {receipt.action for receipt in receipts} == {Action.CREATE if created else Action.UPDATE}
    rows = [row for row in side.api.store.rows("contacts") if row["phone1"]]
    assert [{name: row[name] for name in TEN} for row in rows] == [{**TEN, "email": None}] * 3
    looks = [call for call in side.api.requests if call.method == "GET" and call.path == "/contacts"]
    assert len(looks) > 6, "each interruption is followed by a new look"


@pytest.mark.parametrize("side", [strict("generic")], indirect=True)
def test_p11_what_is_edited_between_two_parts_that_lie_far_apart_is_kept(side, monkeypatch):
    monkeypatch.setattr(writer, "_SECONDS_AT_MOST", 0.2)
    identifier = side.contact(skype="old")
    typed = []

    def pause_and_type(call):
        if call.method == "PUT" and not typed:
            typed.append(side.client._quota.pause(0.3))
            side.api.store.update("contacts", identifier, {"skype": "typed"}, user=310)

    side.api.on_answer = pause_and_type
    (receipt,) = side.write(
        {"id": identifier, "email": TWO, "skype": "ours", "_expected": {"email": None, "skype": "old"}}
    )
    assert (receipt.outcome, side.row(identifier)["skype"]) == (Outcome.CHANGED, "typed")


# --- the search, without any network


def request(**data):
    return write_request(0, "contacts", data, id_field="id", declared=(), rename={})


def search(write, accepts, *, names=False, required=()):
    """How a division ends where SSM takes what ``accepts`` says, and how many writes it cost."""

    def answer(fields):
        bad = sorted(field for field in fields if not accepts(field))
        return Rejected(400, "no", [bad[0].lower()] if names else []) if bad else None

    refusal, cost = answer(write.fields), 1
    division = Division.of(write, refusal, CreationRules({}, required), ())
    while division.waiting:
        error = answer(division.next_write.fields)
        division = division.after_refusal(error) if error else division.after_acceptance(7)
        cost += 1
    return division, cost


FIELDS = [f"f{n}" for n in range(12)] + ["lastName", "firstName"]


@given(st.sets(st.sampled_from(FIELDS), min_size=1), st.data(), st.booleans())
def test_every_value_is_either_written_or_named_and_no_innocent_one_is_left_out(fields, data, names):
    bad = data.draw(st.sets(st.sampled_from(sorted(fields)), min_size=1))
    write = Write(request(id=7, **dict.fromkeys(fields, 1)), Action.UPDATE, 7, dict.fromkeys(sorted(fields), 1))
    division, cost = search(write, lambda field: field not in bad, names=names)
    guilty = bad | ({"lastName", "firstName"} & fields if {"lastName", "firstName"} & bad else set())
    assert (division.taken, {*division.refused}) == (fields - guilty, guilty)
    assert cost <= 2 * len(fields) + len(bad)


@given(st.sets(st.sampled_from(FIELDS[:12]), min_size=1), st.data(), st.booleans())
def test_of_a_creation_too_every_optional_value_is_either_written_or_named(fields, data, names):
    bad = data.draw(st.sets(st.sampled_from(sorted(fields)), min_size=1))
    values = {"extId": "x", "lastName": "Or", **dict.fromkeys(sorted(fields), 1)}
    write = Write(request(**values), Action.CREATE, None, values)
    division, _ = search(write, lambda field: field not in bad, names=names, required=("lastName",))
    assert (division.id, {*division.refused}) == (7, bad)
    assert division.taken == {*values} - bad
