"""Many records in one request: nothing twice, nothing lost, whatever SSM makes of it."""

import pytest

from sage100_ssm.exchange.receipt import Cause, Outcome
from sage100_ssm.standins.ssm_api.faults import (
    HTML,
    CannedResponse,
    CutJson,
    Delay,
    ExpireTokens,
    Fault,
    PartOfBulk,
    ReorderedResults,
    Reset,
)
from sage100_ssm.standins.ssm_api.quirks import Normalisation, Quirks

MANY = 60


@pytest.fixture(autouse=True)
def _bulk(side):
    side.config["bulk_writes"] = True


def new(side, count=MANY):
    return [{"_create": True, **side.new(lastName=f"L{number}", extId=f"x{number}")} for number in range(count)]


def known(side, count=MANY):
    return [side.contact(lastName=f"L{number}", email="old@or.example") for number in range(count)]


def living(side):
    """The contacts that SSM holds, by their `extId`: each once."""
    bears = [row["extId"] for row in side.api.store.rows("contacts") if not row["deleted"]]
    assert len(bears) == len(set(bears)), "a contact was created twice"
    return set(bears)


def sent(side):
    return [(call.method, call.path) for call in side.api.requests if call.method != "GET" and call.path != "/login"]


def test_a_hundred_creations_cost_one_request_beside_the_readings(side):
    receipts = side.write(*new(side, 100))
    assert {(receipt.outcome, receipt.wrote) for receipt in receipts} == {(Outcome.APPLIED, True)}
    assert [receipt.record["lastName"] for receipt in receipts] == [f"L{number}" for number in range(100)]
    assert len(living(side)) == 100
    assert sent(side) == [("POST", "/contacts/bulk")]
    assert side.client.requests <= 10


def test_a_hundred_updates_cost_one_request_beside_the_readings(side):
    receipts = side.write(*({"id": number, "email": f"{number}@or.example"} for number in known(side, 100)))
    assert {(receipt.outcome, receipt.wrote) for receipt in receipts} == {(Outcome.APPLIED, True)}
    assert all(row["email"] == f"{row['id']}@or.example" for row in side.api.store.rows("contacts"))
    assert sent(side) == [("PUT", "/contacts/bulk")]


def test_a_few_records_and_all_deletions_go_one_by_one(side):
    ids = known(side, 20)
    side.write(*new(side, 3), *({"id": number, "_ab_cdc_deleted_at": "2024-01-01T00:00:00Z"} for number in ids))
    assert {path for _, path in sent(side) if path.endswith("bulk")} == set()


def test_creations_that_could_not_be_found_again_go_one_by_one(side):
    receipts = side.write(*(side.new(lastName=f"L{number}") for number in range(20)))
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert set(sent(side)) == {("POST", "/contacts")}


PARTLY = [
    pytest.param(PartOfBulk(25), 25, id="500 after a part"),
    pytest.param(PartOfBulk(0), 0, id="500 before any"),
    pytest.param(CannedResponse(500, after=True), MANY, id="500 after all"),
    pytest.param(Reset(), 0, id="reset before"),
    pytest.param(Reset(after=True), MANY, id="reset after all"),
    pytest.param(Delay(2.5, after=True), MANY, id="time-out"),
    pytest.param(CutJson(), MANY, id="cut answer"),
    pytest.param(HTML, 0, id="HTML"),
    pytest.param(ReorderedResults(), MANY, id="another order"),
    pytest.param(ReorderedResults(left_out=7), MANY, id="answers missing"),
    pytest.param(CannedResponse(200, [], after=True), MANY, id="no answers"),
    pytest.param(CannedResponse(200, {"Message": "accepted"}), 0, id="no list"),
]


@pytest.mark.parametrize(("effect", "done"), PARTLY)
def test_creations_are_told_by_what_is_read_back_and_never_sent_twice(side, effect, done):
    side.api.faults.add(Fault(effect, "POST", "/contacts/bulk"))
    receipts = side.write(*new(side))
    outcomes = [receipt.outcome for receipt in receipts]
    assert outcomes == [Outcome.APPLIED] * done + [Outcome.UNCERTAIN] * (MANY - done)
    assert {receipt.record["extId"] for receipt in receipts[:done]} == living(side)
    assert sent(side) == [("POST", "/contacts/bulk")]


@pytest.mark.parametrize(("effect", "done"), PARTLY)
def test_updates_that_do_not_show_are_sent_again_alone(side, effect, done):
    ids = known(side)
    side.api.faults.add(Fault(effect, "PUT", "/contacts/bulk", times=2))
    receipts = side.write(*({"id": number, "email": f"{number}@or.example"} for number in ids))
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert all(side.row(number)["email"] == f"{number}@or.example" for number in ids)
    alone = {path for _, path in sent(side) if not path.endswith("bulk")}  # one that times out is sent twice
    assert len(alone) == MANY - done


@pytest.mark.parametrize("side", [None, Quirks(bulk_is_all_or_nothing=True)], indirect=True, ids=["each", "whole"])
def test_of_many_creations_only_the_culprits_are_refused_each_with_ssm_s_words(side):
    records = new(side)
    for culprit in (7, 31):
        records[culprit]["accountId"] = 999_999
    receipts = side.write(*records)
    refused = [receipt.index for receipt in receipts if receipt.outcome is Outcome.REFUSED]
    assert refused == [7, 31]
    assert all("accountId" in receipts[index].detail for index in refused)
    assert living(side) == {f"x{number}" for number in range(MANY)} - {"x7", "x31"}
    alone = [path for _, path in sent(side) if not path.endswith("bulk")]
    assert len(alone) < MANY / 2, "the others went together"


@pytest.mark.parametrize("status", [403, 404, 405])
def test_where_ssm_takes_no_bulk_all_go_one_by_one(side, status):
    side.api.faults.add(Fault(CannedResponse(status), "POST", "/contacts/bulk", times=None))
    receipts = side.write(*new(side))
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert len(living(side)) == MANY
    assert [path for _, path in sent(side) if path.endswith("bulk")] == ["/contacts/bulk"]


@pytest.mark.parametrize("side", [Quirks(bulk_put_fields="item")], indirect=True)
def test_where_a_bulk_update_holds_its_fields_elsewhere_all_go_one_by_one(side):
    ids = known(side)
    receipts = side.write(*({"id": number, "email": "new@or.example"} for number in ids))
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert {side.row(number)["email"] for number in ids} == {"new@or.example"}


def test_updates_that_are_confirmed_and_do_not_show_are_sent_again_alone(side, monkeypatch):
    ids, put, calls = known(side), side.api._put, []

    def put_after_a_while(*arguments):
        calls.append(arguments)
        return put(*arguments) if len(calls) > MANY else None

    monkeypatch.setattr(side.api, "_put", put_after_a_while)
    receipts = side.write(*({"id": number, "email": "new@or.example"} for number in ids))
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert {side.row(number)["email"] for number in ids} == {"new@or.example"}


def test_an_expired_session_is_renewed_and_the_request_sent_once_more(side):
    side.api.faults.add(Fault(ExpireTokens(), "POST", "/contacts/bulk"))
    receipts = side.write(*new(side))
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert len(living(side)) == MANY


@pytest.mark.parametrize("side", [Quirks(null_clears=False)], indirect=True)
def test_a_text_that_null_does_not_clear_is_cleared_after_all(side):
    ids = known(side, 10)
    side.write(*({"id": number, "email": None, "lastName": f"New {number}"} for number in ids))
    assert {side.row(number)["email"] or "" for number in ids} == {""}
    assert {side.row(number)["lastName"] for number in ids} == {f"New {number}" for number in ids}


@pytest.mark.parametrize("side", [Quirks(normalisations=frozenset({Normalisation.LAST_NAME}))], indirect=True)
def test_a_value_that_ssm_rewrites_is_told_as_it_reads_back_and_not_sent_again(side):
    receipts = side.write(*new(side))
    assert {receipt.record["lastName"] for receipt in receipts} == {f"L{number}" for number in range(MANY)}
    receipts = side.write(*({"id": receipt.id, "lastName": f"n{receipt.id}"} for receipt in receipts))
    assert {receipt.record["lastName"] for receipt in receipts} == {f"N{receipt.id}" for receipt in receipts}
    assert sent(side) == [("POST", "/contacts/bulk"), ("PUT", "/contacts/bulk")]


def test_what_was_edited_since_it_was_seen_is_left_alone_among_many(side):
    """P11."""
    ids = known(side)
    side.api.store.update("contacts", ids[3], {"email": "user@or.example"}, user=90)
    expected = {"email": "old@or.example"}
    receipts = side.write(*({"id": number, "email": "new@or.example", "_expected": expected} for number in ids))
    assert [receipt.index for receipt in receipts if receipt.outcome is Outcome.CHANGED] == [3]
    assert side.row(ids[3])["email"] == "user@or.example"


def test_records_about_the_same_contact_keep_their_order_among_many(side):
    records = new(side, 20)
    later = [{**record, "_create": False, "lastName": "Later"} for record in records[:2]]
    receipts = side.write(*records, *later)
    assert {receipt.outcome for receipt in receipts} == {Outcome.APPLIED}
    assert [receipts[0].id, receipts[1].id] == [receipts[20].id, receipts[21].id]
    assert side.row(receipts[0].id)["lastName"] == "Later"


def test_a_contact_that_is_there_already_is_refused_and_not_made_again(side):
    there = side.contact(extId="x5")
    receipts = side.write(*new(side))
    assert (receipts[5].outcome, receipts[5].cause, receipts[5].id) == (Outcome.REFUSED, Cause.DUPLICATE, there)
    assert len(living(side)) == MANY


@pytest.mark.parametrize("effect", [CannedResponse(500), CannedResponse(429, headers={"Retry-After": "0"}), Reset()])
def test_a_side_that_cannot_be_read_afterwards_leaves_no_doubt_unsaid(side, effect):
    side.api.faults.add(Fault(effect, "GET", "/contacts", nth=3, times=2))
    receipts = side.write(*new(side))
    for receipt in receipts:
        assert (receipt.outcome is Outcome.APPLIED) or (receipt.outcome is Outcome.UNCERTAIN and receipt.id)
    assert len(living(side)) == MANY
    assert sent(side) == [("POST", "/contacts/bulk")]
