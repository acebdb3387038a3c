"""P11: no write rests on what is not certain any more, whatever SSM answers and whoever edits meanwhile."""

import itertools
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_ssm import writer
from sage100_ssm.exchange.receipt import Action, Cause, Outcome
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

OLD, OURS, THEIRS = "old@or.example", "ours@or.example", "theirs@or.example"
GONE = {"_ab_cdc_deleted_at": "2024-01-01T00:00:00Z"}

NOT_DONE = {
    "429": CannedResponse(429, headers={"Retry-After": "0"}),
    "503 with Retry-After": CannedResponse(503, headers={"Retry-After": "0"}),
    "500": CannedResponse(500),
    "404": CannedResponse(404),
    "405": CannedResponse(405),
    "409": CannedResponse(409),
    "421": CannedResponse(421),
    "423": CannedResponse(423),
    "425": CannedResponse(425),
    "403 in HTML": CannedResponse(403, "<h1>Blocked</h1>"),
    "400 in HTML": CannedResponse(400, "<h1>Bad request</h1>"),
    "HTML with 200": HTML,
    "reset": Reset(),
    "an expired session": ExpireTokens(),
}
DONE = {
    "500 after all": CannedResponse(500, after=True),
    "409 after all": CannedResponse(409, after=True),
    "429 after all": CannedResponse(429, headers={"Retry-After": "0"}, after=True),
    "reset after all": Reset(after=True),
    "cut answer": CutJson(),
    "time-out": Delay(1.5, after=True),
}


def edits_at(side, method, **fields):
    """Let a user save a contact right after the first answer to a write."""
    saved = []

    def save(call):
        if call.method == method and call.path != "/login" and not saved:
            saved.append(call)
            side.api.store.update("contacts", int(call.path.rpartition("/")[2]), fields, user=310)

    side.api.on_answer = save


def puts(side):
    return side.calls("PUT")


@pytest.mark.parametrize("effect", NOT_DONE.values(), ids=NOT_DONE)
def test_p11_an_update_that_was_not_carried_out_is_decided_anew_and_an_edit_meanwhile_is_kept(side, effect):
    identifier = side.contact(email=OLD)
    side.api.faults.add(Fault(effect, "PUT"))
    edits_at(side, "PUT", email=THEIRS)
    (receipt,) = side.write({"id": identifier, "email": OURS, "_expected": {"email": OLD}})
    assert side.row(identifier)["email"] == THEIRS
    assert receipt.outcome in {Outcome.CHANGED, Outcome.UNCERTAIN}
    assert (receipt.record["email"], len(puts(side))) == (THEIRS, 1)


@pytest.mark.parametrize("effect", [*NOT_DONE.values(), *DONE.values()], ids=[*NOT_DONE, *DONE])
def test_p11_an_update_is_applied_in_the_end_where_nobody_edits(side, effect):
    identifier = side.contact(email=OLD)
    side.api.faults.add(Fault(effect, "PUT"))
    (receipt,) = side.write({"id": identifier, "email": OURS, "_expected": {"email": OLD}})
    assert (receipt.outcome, receipt.wrote, side.row(identifier)["email"]) == (Outcome.APPLIED, True, OURS)


@pytest.mark.parametrize("effect", DONE.values(), ids=DONE)
def test_p11_an_update_that_only_a_later_look_shows_as_done_is_applied_and_not_sent_again(side, effect):
    identifier = side.contact(email=OLD)
    side.api.faults.add(Fault(effect, "PUT"), Fault(CannedResponse(500), "GET", "/contacts", nth=2, times=2))
    (receipt,) = side.write({"id": identifier, "email": OURS, "_expected": {"email": OLD}})
    assert (receipt.outcome, receipt.wrote, len(puts(side))) == (Outcome.APPLIED, True, 1)


@pytest.mark.parametrize("side", [Quirks(normalisations=frozenset({Normalisation.LAST_NAME}))], indirect=True)
def test_p11_a_lost_update_that_ssm_rewrote_is_uncertain_and_not_somebody_s_edit(side):
    identifier = side.contact(lastName="OLD")
    side.api.faults.add(Fault(Reset(after=True), "PUT"))
    (receipt,) = side.write({"id": identifier, "lastName": "Ours", "_expected": {"lastName": "OLD"}})
    assert (receipt.outcome, receipt.cause, receipt.wrote) == (Outcome.UNCERTAIN, Cause.NOT_CONFIRMED, True)
    assert receipt.record["lastName"] == "OURS"


@pytest.mark.parametrize("effect", NOT_DONE.values(), ids=NOT_DONE)
def test_p11_a_deletion_that_was_not_carried_out_spares_what_was_edited_meanwhile(side, effect):
    identifier = side.contact(email=OLD)
    side.api.faults.add(Fault(effect, "DELETE"))
    edits_at(side, "DELETE", email=THEIRS)
    side.write({"id": identifier, **GONE, "_expected": {"email": OLD}})
    assert side.row(identifier)["deleted"] is False


@pytest.mark.parametrize("effect", [*NOT_DONE.values(), *DONE.values()], ids=[*NOT_DONE, *DONE])
def test_a_deletion_is_carried_out_in_the_end_and_said_to_be_ours(side, effect):
    identifier = side.contact(email=OLD)
    side.api.faults.add(Fault(effect, "DELETE"))
    (receipt,) = side.write({"id": identifier, **GONE})
    assert (receipt.outcome, receipt.wrote, side.row(identifier)["deleted"]) == (Outcome.APPLIED, True, True)


@pytest.mark.parametrize("effect", [*NOT_DONE.values(), *DONE.values()], ids=[*NOT_DONE, *DONE])
@pytest.mark.parametrize("read_back", [True, False])
def test_a_creation_in_doubt_is_never_sent_twice(side, effect, read_back):
    side.api.faults.add(Fault(effect, "POST", "/contacts"))
    if not read_back:
        side.api.faults.add(Fault(CannedResponse(500), "GET", "/contacts", nth=3, times=2))
    with suppress(AirbyteTracedException):  # where it cannot be read afterwards, the write ends
        side.write({"_create": True, **side.new(extId="x1")})
    (receipt,), rows = side.receipts, side.api.store.rows("contacts")
    assert len(rows) <= 1
    if receipt.outcome is Outcome.APPLIED:
        assert [row["id"] for row in rows] == [receipt.id]
    elif receipt.outcome is Outcome.RETRY:
        assert effect in (NOT_DONE["429"], NOT_DONE["an expired session"], DONE["429 after all"])
    elif receipt.outcome is Outcome.REFUSED:
        assert (receipt.cause, receipt.id) == (Cause.DUPLICATE, rows[0]["id"]), "a 429 whose request was carried out"


# --- what is confirmed, and is not so


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("side", [Quirks(new_rows_listed_after=timedelta(hours=1))], indirect=True)
def test_a_creation_that_lists_do_not_show_yet_is_read_by_its_id(side, bulk):
    receipts = side.write(
        *({"_create": True, **side.new(extId=f"x{n}")} for n in range(9)), config={"bulk_writes": bulk}
    )
    assert {(receipt.outcome, receipt.record["id"] == receipt.id) for receipt in receipts} == {(Outcome.APPLIED, True)}


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize(
    "side",
    [Quirks(new_rows_listed_after=timedelta(hours=1), new_rows_readable_at_once=False)],
    indirect=True,
)
def test_a_creation_that_nothing_shows_yet_is_uncertain_with_its_id_and_the_side_is_not_out_of_reach(side, bulk):
    receipts = side.write(
        *({"_create": True, **side.new(extId=f"x{n}")} for n in range(9)), config={"bulk_writes": bulk}
    )
    ids = [row["id"] for row in side.api.store.rows("contacts")]
    assert sorted(receipt.id for receipt in receipts) == ids
    assert {(r.outcome, r.cause, r.wrote) for r in receipts} == {(Outcome.UNCERTAIN, Cause.NOT_CONFIRMED, True)}


def test_a_wrong_id_in_the_answer_links_no_stranger(side):
    stranger = side.contact(extId="other", lastName="Martin")
    side.api.faults.add(Fault(CannedResponse(200, {"id": stranger, "Message": "created"}), "POST", "/contacts"))
    (receipt,) = side.write({"_create": True, **side.new(extId="x1")})
    assert (receipt.outcome, receipt.cause, receipt.id) == (Outcome.UNCERTAIN, Cause.NOT_CONFIRMED, None)
    assert receipt.record is None


@pytest.mark.parametrize("wrong", ["a stranger's", "nobody's"])
def test_what_was_created_is_found_by_its_ext_id_where_the_answer_names_a_wrong_id(side, wrong):
    stranger = side.contact(extId="other", lastName="Martin") if wrong == "a stranger's" else 987_654
    side.api.faults.add(Fault(CannedResponse(200, {"id": stranger}, after=True), "POST", "/contacts"))
    (receipt,) = side.write({"_create": True, **side.new(extId="x1")})
    assert (receipt.outcome, receipt.record["extId"]) == (Outcome.APPLIED, "x1")
    assert receipt.id != stranger


def test_wrong_ids_among_many_link_no_stranger(side):
    strangers = [side.contact(extId=f"other{n}", lastName="Martin") for n in range(9)]

    carry_out = side.api._bulk_create
    numbers = itertools.cycle(strangers)
    side.api._bulk_create = lambda table, item: carry_out(table, item) and next(numbers)
    receipts = side.write(
        *({"_create": True, **side.new(extId=f"x{n}")} for n in range(9)), config={"bulk_writes": True}
    )
    assert [receipt.record["extId"] for receipt in receipts] == [f"x{n}" for n in range(9)]
    assert not {receipt.id for receipt in receipts} & set(strangers)


def test_a_text_typed_while_another_was_being_cleared_is_not_cleared(side):
    identifier = side.contact(email=OLD)
    edits_at(side, "PUT", email=THEIRS)
    side.write({"id": identifier, "email": None})
    assert side.row(identifier)["email"] == THEIRS


# --- how old a decision may be


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(writer, "_SECONDS_AT_MOST", 0.3)


@pytest.mark.parametrize("side", [Quirks(where_ignored=True, max_page_size=5)], indirect=True)
def test_where_ssm_passes_conditions_over_a_row_is_asked_for_by_its_id_right_before_it_is_written(side, impatient):
    ids = [side.contact(lastName=f"L{n}", email=OLD) for n in range(60)]
    edited = []

    def slow_and_edited(call):
        if (call.method, call.path) == ("GET", "/contacts"):
            time.sleep(0.03)
            if call.query["page"] == "11" and not edited:
                edited.append(side.api.store.update("contacts", ids[-1], {"email": THEIRS}, user=310))

    side.api.on_answer = slow_and_edited
    expected = {"_expected": {"email": OLD}}
    receipts = side.write({"id": ids[-1], "email": OURS, **expected}, {"id": ids[0], "email": OURS, **expected})
    assert (receipts[0].outcome, side.row(ids[-1])["email"]) == (Outcome.CHANGED, THEIRS)
    assert (receipts[1].outcome, side.row(ids[0])["email"]) == (Outcome.APPLIED, OURS)
    before = next(n for n, call in enumerate(side.api.requests) if call.method == "PUT") - 1
    assert side.api.requests[before].path in {f"/contacts/{ids[0]}", f"/contacts/{ids[-1]}"}


def test_p11_a_write_that_waited_for_the_quota_too_long_is_decided_anew(side, impatient):
    identifier = side.contact(email=OLD)
    paused = []

    def pause(call):
        if call.method == "GET" and not paused:
            paused.append(side.client._quota.pause(0.6))
            side.api.store.update("contacts", identifier, {"phone1": "1"}, user=310)

    side.api.on_answer = pause
    (receipt,) = side.write({"id": identifier, "email": OURS, "_expected": {"email": OLD, "phone1": None}})
    assert (receipt.outcome, puts(side)) == (Outcome.CHANGED, [])


# --- errors by their reach


def written(side, count, effect, method="PUT", **settings):
    """The receipts of many updates, or creations, that get the same answer, and the error that ended them."""
    records = [{"id": side.contact(lastName=f"L{n}"), "email": OURS} for n in range(count)]
    if method == "POST":
        records = [{"_create": True, **side.new(extId=f"new{n}", lastName=f"L{n}")} for n in range(count)]
    side.api.faults.add(Fault(effect, method, "/contacts*", times=None))
    try:
        return side.write(*records, config=settings), None
    except AirbyteTracedException as error:
        return side.receipts, error


REACH = {
    status: CannedResponse(status, body)
    for status, body in [(404, {}), (405, {}), (409, {}), (421, {}), (423, {}), (425, {}), (500, {}), (429, {})]
} | {"403 in HTML": CannedResponse(403, "<p>Blocked"), "400 in HTML": CannedResponse(400, "<p>Bad gateway")}


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("effect", REACH.values(), ids=map(str, REACH))
def test_what_every_record_gets_alike_is_no_final_refusal_and_ends_the_write(side, effect, method):
    effect = replace(effect, headers={"Retry-After": "0"})
    receipts, error = written(side, 3, effect, method)
    assert {receipt.outcome for receipt in receipts} <= {Outcome.RETRY, Outcome.UNCERTAIN}
    assert len(receipts) == 3
    assert error.failure_type is FailureType.transient_error


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_right_that_is_missing_for_all_is_for_a_person_and_refuses_no_record(side, method):
    receipts, error = written(side, 3, CannedResponse(403, {"Message": "no right"}), method)
    assert {(receipt.outcome, receipt.cause) for receipt in receipts} == {(Outcome.RETRY, Cause.REJECTED)}
    assert (error.internal_message, error.failure_type) == ("forbidden", FailureType.config_error)


def test_a_right_that_is_missing_for_one_of_several_refuses_that_one(side):
    first, second = side.contact(lastName="A"), side.contact(lastName="B")
    side.api.faults.add(Fault(CannedResponse(403, {"Message": "locked"}), "PUT", f"/contacts/{first}", times=None))
    receipts = side.write({"id": first, "email": OURS}, {"id": second, "email": OURS})
    assert [receipt.outcome for receipt in receipts] == [Outcome.REFUSED, Outcome.APPLIED]


def test_the_same_refusal_of_a_whole_batch_is_not_final(side):
    receipts, error = written(side, 20, CannedResponse(400, {"Message": "The field Z_region is required"}), "POST")
    assert error is None
    assert {(r.outcome, r.cause, r.detail) for r in receipts} == {
        (Outcome.RETRY, Cause.REJECTED, "The field Z_region is required")
    }


def test_the_same_refusal_of_a_few_is_that_of_each(side):
    receipts, _ = written(side, 4, CannedResponse(400, {"Message": "typeId refers to nothing"}), "POST")
    assert {receipt.outcome for receipt in receipts} == {Outcome.REFUSED}


# --- rows that cannot be read


def test_a_row_that_cannot_be_read_is_neither_updated_nor_created_again(side):
    odd = side.contact(extId="x1")
    side.api.store._tables["contacts"][odd]["fax"] = 10**30
    updated, created, other = side.write(
        {"id": odd, "email": OURS}, {"_create": True, **side.new(extId="x1")}, {"_create": True, **side.new(extId="x2")}
    )
    assert (updated.outcome, updated.cause, updated.action) == (Outcome.RETRY, Cause.UNREADABLE, Action.UPDATE)
    assert (created.outcome, created.cause) == (Outcome.RETRY, Cause.UNREADABLE)
    assert other.outcome is Outcome.APPLIED
    assert len(side.api.store.rows("contacts")) == 2


def test_an_empty_look_up_by_mistake_creates_nobody_twice(side):
    there = side.contact(extId="x1")
    side.api.faults.add(Fault(EMPTY_PAGE, "GET", "/contacts"))
    (receipt,) = side.write({"_create": True, **side.new(extId="x1")})
    assert (receipt.outcome, receipt.id) == (Outcome.REFUSED, there)
