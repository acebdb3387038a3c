"""What the engine relies on of an SSM side, whichever it is: reading, and writing the records that the engine makes."""

import pytest

from sage100_ssm.exchange.receipt import Action, Cause, Outcome
from sage100_ssm.exchange.record import CREATE, DELETED_AT, EXPECTED, SET

ANNE = {"lastName": "Durand", "firstName": "Anne", "email": "anne@example.org", "extId": "sage100:BIJOU:1"}
LUC = {"lastName": "Moreau", "firstName": "Luc"}
ZOE = {"lastName": "Blanc", "firstName": "Zoé", "email": "zoe@example.org", "extId": "sage100:BIJOU:3"}

APPLIED, REFUSED = Outcome.APPLIED, Outcome.REFUSED
NOBODY = 4_000_000
MANY = 12
"""So many contacts that they are written in one request where that is set."""


def update(id_, expected=None, **values):
    """The record by which the engine changes a contact."""
    record = {"id": id_, **values, SET: list(values)}
    return record if expected is None else {**record, EXPECTED: expected}


def creation(ssm, **values):
    """The record by which the engine creates a contact."""
    values = {"accountId": ssm.account, **values}
    return {**values, SET: list(values), CREATE: True}


def deletion(id_, expected=None):
    """The record by which the engine deletes a contact."""
    record = {"id": id_, DELETED_AT: "2026-03-03T10:00:00+00:00"}
    return record if expected is None else {**record, EXPECTED: expected}


def plain(value):
    """A value as it is compared: a reference by its id."""
    return value["id"] if isinstance(value, dict) else value


def of(row, *names):
    """Some values of a row that SSM shows, references by their ids."""
    return {name: plain(row.get(name)) for name in names}


# --- reading


def test_every_row_is_read_deleted_ones_included(ssm):
    anne, luc = ssm.create(**ANNE), ssm.create(**LUC)
    ssm.delete(luc)
    readings = ssm.access.read({"accounts": None, "contacts": None, "contact_types": None})
    assert all(reading.complete for reading in readings.values())
    assert [of(row, "id", "extId") for row in readings["accounts"].rows] == [{"id": ssm.account, "extId": "CARAT"}]
    assert {row["id"]: row["deleted"] for row in readings["contacts"].rows} == {anne: False, luc: True}
    labels = {row["id"]: row.get("descriptionFR") for row in readings["contact_types"].rows}
    assert {1, 2} <= labels.keys()


def test_a_row_shows_references_as_objects_and_null_where_nothing_is(ssm):
    ssm.create(**ANNE, gender=1, typeId=1)
    (row,) = ssm.reading().rows
    assert [row[name]["id"] for name in ("accountId", "gender", "typeId")] == [ssm.account, 1, 1]
    assert of(row, *ANNE) == ANNE
    assert (row["deleted"], row["dateUpdated"], row.get("phone1")) == (False, None, None)


def test_an_empty_tenant_is_read_to_its_end(ssm):
    reading = ssm.reading()
    assert (reading.rows, reading.complete) == ([], True)


def test_what_was_created_changed_or_deleted_since_a_state_is_read(ssm):
    old, edited, deleted = (ssm.create(**LUC, phone1=f"01{number}") for number in range(3))
    ssm.clock.advance(days=1)
    ssm.create(**ANNE)
    state, accounts = ssm.reading().state, ssm.reading("accounts").state
    ssm.clock.advance(days=1)
    created = ssm.create(**ZOE)
    ssm.edit(edited, phone1="0199001234")
    ssm.delete(deleted)
    account = ssm.open_account("PERLES")
    assert account in {row["id"] for row in ssm.reading("accounts", accounts).rows}
    reading = ssm.reading(state=state)
    assert {created, edited, deleted} <= {row["id"] for row in reading.rows}
    assert old not in {row["id"] for row in reading.rows} or not ssm.asks_for_changes_alone
    assert reading.complete
    ssm.clock.advance(days=1)
    later = ssm.create(lastName="Petit", firstName="Ève")
    assert later in {row["id"] for row in ssm.reading(state=reading.state).rows}


def test_a_state_stays_where_nothing_changed(ssm):
    ssm.create(**ANNE)
    state = ssm.reading().state
    ssm.clock.advance(days=1)
    assert ssm.reading(state=state).state == state


def test_p10_a_reading_that_breaks_off_says_so_moves_no_state_and_is_not_raised(ssm):
    for number in range(7):
        ssm.create(**LUC, phone1=f"0{number}")
    ssm.cut_reading()
    readings = ssm.access.read({"accounts": None, "contacts": None})
    assert readings["accounts"].complete
    cut = readings["contacts"]
    assert (cut.complete, cut.state) == (False, None)
    assert 0 < len(cut.rows) < 7
    assert (cut.failure.code, cut.failure.configuration) == ("unreachable", False)
    assert cut.failure.text


def test_p10_contacts_are_found_by_their_ids_deleted_ones_included_and_what_is_not_shown_is_not(ssm):
    anne, luc, hidden, _ = (ssm.create(**LUC, phone1=f"0{number}") for number in range(4))
    ssm.delete(luc)
    ssm.hide(hidden)
    found = ssm.access.find([NOBODY, luc, hidden, anne])
    assert found.complete
    assert {row["id"]: row["deleted"] for row in found.rows} == {anne: False, luc: True}


def test_p10_a_side_that_is_down_is_told_in_each_reading_and_nothing_is_raised(ssm):
    anne = ssm.create(**ANNE)
    with ssm.down():
        readings = ssm.access.read({"accounts": None, "contacts": None, "contact_types": None})
        found = ssm.access.find([anne])
    for reading in (*readings.values(), found):
        assert (reading.rows, reading.state) == ([], None)
        assert (reading.failure.code, reading.failure.configuration) == ("unreachable", False)


def test_nobody_is_found_where_nobody_is_asked_for(ssm):
    ssm.create(**ANNE)
    assert ssm.access.find([]).rows == []


def test_requests_are_counted_whatever_they_are_for(ssm):
    anne, counts = ssm.create(**ANNE), [ssm.access.requests]
    for work in (ssm.reading, lambda: ssm.access.find([anne]), lambda: ssm.write(update(anne, phone1="0199001234"))):
        work()
        counts.append(ssm.access.requests)
    assert sorted(set(counts)) == counts


# --- updates


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"email": "new@example.org"}, id="a text"),
        pytest.param({"lastName": "DURAND"}, id="another case"),
        pytest.param({"email": None}, id="null clears a text"),
        pytest.param({"typeId": 2, "gender": 0}, id="references"),
        pytest.param({"extId": "ssm:BIJOU:9"}, id="the mark"),
        pytest.param({"firstName": "é" * 100}, id="P7: as long as the field"),
    ],
)
def test_an_update_writes_what_is_asked_and_reports_the_row_as_it_reads_back(ssm, change):
    id_ = ssm.create(**ANNE, typeId=1, comment="Prefers mornings")
    (receipt,) = ssm.write(update(id_, **change))
    assert (receipt.outcome, receipt.action, receipt.id, receipt.wrote) == (APPLIED, Action.UPDATE, id_, True)
    expected = {**ANNE, "typeId": 1, "comment": "Prefers mornings", **change}
    assert of(receipt.record, *expected) == of(ssm.row(id_), *expected)
    assert {name: value or None for name, value in of(ssm.row(id_), *expected).items()} == {
        name: value or None for name, value in expected.items()
    }


def test_another_account_is_written_by_its_id(ssm):
    id_, other = ssm.create(**ANNE), ssm.open_account("PERLES")
    (receipt,) = ssm.write(update(id_, accountId=other))
    assert plain(receipt.record["accountId"]) == ssm.row(id_)["accountId"] == other


def digits(phone):
    """The digits of a French phone number, without its prefixes."""
    return "".join(filter(str.isdigit, phone)).removeprefix("33").removeprefix("0")


@pytest.mark.parametrize(
    ("name", "typed", "form"),
    [
        pytest.param("phone1", "01 99 00 12 34", digits, id="a phone number with spaces"),
        pytest.param("phone1", " 0199001234 ", digits, id="a phone number with blanks around"),
        pytest.param("email", "New@Example.org", str.casefold, id="an e-mail with capitals"),
        pytest.param("comment", " Prefers mornings ", str.strip, id="a text with blanks around"),
    ],
)
def test_p8_a_value_reads_back_in_another_form_at_most_and_that_form_is_not_written_again(ssm, name, typed, form):
    id_ = ssm.create(**ANNE)
    (first,) = ssm.write(update(id_, **{name: typed}))
    shown = first.record[name]
    assert (first.wrote, form(shown)) == (True, form(typed))
    (second,) = ssm.write(update(id_, {name: shown}, **{name: shown}))
    assert (second.outcome, second.wrote, second.record[name]) == (APPLIED, False, shown)


@pytest.mark.parametrize(
    "same",
    [
        pytest.param({"lastName": "Durand", "email": "anne@example.org"}, id="equal values"),
        pytest.param({"phone1": None}, id="null where nothing is"),
        pytest.param({"phone1": ""}, id="an empty text where nothing is"),
        pytest.param({"typeId": {"id": 1, "value": "Acheteur"}}, id="a reference as SSM shows it"),
        pytest.param({"dateUpdated": "2000-01-01T00:00:00Z", "deleted": True}, id="fields of SSM's own"),
    ],
)
def test_what_is_equal_or_not_ours_to_write_is_applied_without_a_write(ssm, same):
    id_ = ssm.create(**ANNE, typeId=1)
    before = ssm.row(id_)
    (receipt,) = ssm.write(update(id_, **same))
    assert (receipt.outcome, receipt.id, receipt.wrote) == (APPLIED, id_, False)
    assert receipt.record["lastName"] == "Durand"
    assert ssm.row(id_) == before


def test_only_the_fields_of_set_are_written(ssm):
    id_ = ssm.create(**ANNE)
    ssm.write({"id": id_, "phone1": "0199001234", "email": "other@example.org", SET: ["phone1"]})
    assert ssm.row(id_)["email"] == "anne@example.org"
    assert ssm.row(id_)["phone1"]


def test_a_write_moves_the_time_of_the_last_change_alone(ssm):
    id_ = ssm.create(**ANNE)
    (before,) = ssm.reading().rows
    ssm.clock.advance(hours=1)
    (receipt,) = ssm.write(update(id_, email="new@example.org"))
    (after,) = ssm.reading().rows
    assert before["dateUpdated"] is None
    assert after["dateUpdated"] == receipt.record["dateUpdated"] > before["dateCreated"] == after["dateCreated"]


def test_the_row_of_a_receipt_is_the_row_that_a_reading_shows(ssm):
    anne, luc = ssm.create(**ANNE), ssm.create(**LUC)
    receipts = ssm.write(update(anne, phone1="0199001234"), creation(ssm, **ZOE), deletion(luc))
    rows = {row["id"]: row for row in ssm.reading().rows}
    for receipt in receipts:
        assert {name: rows[receipt.id][name] for name in receipt.record} == receipt.record


def test_p8_what_the_side_keeps_as_it_was_is_reported_as_it_reads_back(ssm):
    id_ = ssm.create(**ANNE, typeId=1)
    ssm.keep_job_titles()
    (receipt,) = ssm.write(update(id_, typeId=None, email="new@example.org"))
    assert (receipt.outcome, receipt.wrote) == (APPLIED, True)
    assert of(receipt.record, "typeId", "email") == {"typeId": 1, "email": "new@example.org"}


# --- creations


def test_a_creation_reports_its_id_and_the_row_as_it_reads_back(ssm):
    earlier = ssm.create(**ANNE)
    (receipt,) = ssm.write(creation(ssm, **ZOE, gender=1, phone1=None))
    assert (receipt.outcome, receipt.action, receipt.wrote) == (APPLIED, Action.CREATE, True)
    assert receipt.id > earlier
    expected = {**ZOE, "gender": 1, "accountId": ssm.account}
    assert of(receipt.record, *expected) == of(ssm.row(receipt.id), *expected) == expected
    assert (receipt.record["deleted"], receipt.record["dateUpdated"]) == (False, None)


def test_a_second_living_contact_of_one_mark_is_refused_and_the_first_is_shown(ssm):
    anne = ssm.create(**ANNE)
    (receipt,) = ssm.write(creation(ssm, **ZOE | {"extId": ANNE["extId"]}))
    assert (receipt.outcome, receipt.cause, receipt.id) == (REFUSED, Cause.DUPLICATE, anne)
    assert (receipt.wrote, receipt.record["lastName"]) == (False, "Durand")
    assert ssm.rows().keys() == {anne}


def test_of_two_new_contacts_of_one_mark_the_first_is_created(ssm):
    first, second = ssm.write(creation(ssm, **ZOE), creation(ssm, **LUC, extId=ZOE["extId"]))
    assert (first.outcome, second.outcome, second.cause) == (APPLIED, REFUSED, Cause.DUPLICATE)
    assert first.id == second.id
    assert ssm.rows().keys() == {first.id}


def test_p5_a_restored_contact_bears_the_mark_of_the_deleted_one(ssm):
    anne = ssm.create(**ANNE)
    ssm.delete(anne)
    (receipt,) = ssm.write(creation(ssm, **ANNE))
    assert (receipt.outcome, receipt.record["extId"]) == (APPLIED, ANNE["extId"])
    assert receipt.id != anne


def test_a_mark_in_another_case_is_another_mark(ssm):
    ssm.create(**ANNE)
    (receipt,) = ssm.write(creation(ssm, **ZOE | {"extId": ANNE["extId"].lower()}))
    assert receipt.outcome is APPLIED


# --- deletions


def test_r9_a_deletion_leaves_the_row_marked_as_deleted_with_all_that_it_held(ssm):
    anne, luc = ssm.create(**ANNE), ssm.create(**LUC)
    (receipt,) = ssm.write(deletion(anne))
    assert (receipt.outcome, receipt.action, receipt.id, receipt.wrote) == (APPLIED, Action.DELETE, anne, True)
    assert (receipt.record["deleted"], of(receipt.record, *ANNE)) == (True, ANNE)
    assert receipt.record["dateDeleted"]
    assert {id_: row["deleted"] for id_, row in ssm.rows().items()} == {anne: True, luc: False}
    assert of(ssm.row(anne), *ANNE) == ANNE


def test_a_second_deletion_writes_nothing(ssm):
    anne = ssm.create(**ANNE)
    ssm.delete(anne)
    before = ssm.row(anne)
    (receipt,) = ssm.write(deletion(anne))
    assert (receipt.outcome, receipt.wrote, receipt.record["deleted"]) == (APPLIED, False, True)
    assert ssm.row(anne) == before


@pytest.mark.parametrize("record", [deletion, lambda id_: update(id_, comment="Seen")], ids=["delete", "update"])
def test_p10_who_is_not_shown_is_not_found_and_not_taken_for_deleted(ssm, record):
    hidden = ssm.create(**ANNE)
    ssm.hide(hidden)
    for id_ in (hidden, NOBODY):
        (receipt,) = ssm.write(record(id_))
        assert (receipt.outcome, receipt.cause, receipt.id) == (REFUSED, Cause.NOT_FOUND, id_)
        assert (receipt.record, receipt.wrote) == (None, False)


def test_a_deleted_contact_is_not_updated_and_shown_as_deleted(ssm):
    anne = ssm.create(**ANNE)
    ssm.delete(anne)
    (receipt,) = ssm.write(update(anne, email="new@example.org"))
    assert (receipt.outcome, receipt.cause, receipt.id) == (REFUSED, Cause.NOT_FOUND, anne)
    assert (receipt.wrote, receipt.record["deleted"]) == (False, True)
    assert ssm.row(anne)["email"] == "anne@example.org"


# --- P11: somebody else edits meanwhile


@pytest.mark.parametrize(
    ("expected", "field"),
    [
        pytest.param({"firstName": "Anne", "email": "old@example.org"}, "email", id="another value"),
        pytest.param({"lastName": "durand"}, "lastName", id="another case"),
        pytest.param({"email": None}, "email", id="a value where nothing was"),
        pytest.param({"phone1": "0199001234"}, "phone1", id="nothing where a value was"),
        pytest.param({"typeId": {"id": 2, "value": ""}}, "typeId", id="another reference"),
    ],
)
@pytest.mark.parametrize("record", [lambda i, e: update(i, e, comment="Seen"), deletion], ids=["update", "delete"])
def test_p11_a_row_that_no_longer_holds_what_was_expected_is_left_alone_and_shown(ssm, record, expected, field):
    id_ = ssm.create(**ANNE, typeId=1)
    before = ssm.row(id_)
    (receipt,) = ssm.write(record(id_, expected))
    assert (receipt.outcome, receipt.cause, receipt.id) == (Outcome.CHANGED, None, id_)
    assert (receipt.wrote, receipt.record["email"]) == (False, "anne@example.org")
    assert receipt.field == field
    assert ssm.row(id_) == before


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"lastName": "Durand", "email": "anne@example.org"}, id="values"),
        pytest.param({"phone1": "", "comment": None}, id="null is an empty text"),
        pytest.param({"typeId": {"id": 1, "value": "Gérant"}}, id="a reference by its id"),
        pytest.param({"typeId": 1, "deleted": False}, id="a bare id"),
    ],
)
def test_p11_a_row_that_holds_what_was_expected_is_written(ssm, expected):
    id_ = ssm.create(**ANNE, typeId=1)
    (updated,) = ssm.write(update(id_, expected, fax="0199001234"))
    (deleted,) = ssm.write(deletion(id_, expected))
    assert [(receipt.outcome, receipt.wrote) for receipt in (updated, deleted)] == [(APPLIED, True)] * 2


def test_records_about_one_contact_are_done_in_their_order_each_on_what_the_one_before_left(ssm):
    id_ = ssm.create(**ANNE)
    receipts = ssm.write(
        update(id_, {"email": "anne@example.org"}, email="first@example.org"),
        update(id_, {"email": "anne@example.org"}, email="second@example.org"),
        update(id_, {"email": "first@example.org"}, email="third@example.org"),
        deletion(id_, {"email": "third@example.org"}),
    )
    assert [receipt.outcome for receipt in receipts] == [APPLIED, Outcome.CHANGED, APPLIED, APPLIED]
    assert (ssm.row(id_)["email"], ssm.row(id_)["deleted"]) == ("third@example.org", True)


# --- what SSM refuses


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("accountId", NOBODY, id="an account that does not exist"),
        pytest.param("typeId", NOBODY, id="a job title that does not exist"),
        pytest.param("gender", 7, id="a gender that does not exist"),
    ],
)
def test_p7_a_value_that_ssm_refuses_is_named_and_all_else_is_written(ssm, field, value):
    id_ = ssm.create(**ANNE)
    before = ssm.row(id_).get(field)
    updated, alone = ssm.write(update(id_, fax="0199", **{field: value}), update(id_, **{field: value}))
    assert (updated.outcome, updated.wrote, [*updated.refused]) == (APPLIED, True, [field])
    assert (alone.outcome, alone.cause, alone.field) == (REFUSED, Cause.VALUE_REFUSED, field)
    assert ([*alone.refused], alone.wrote, bool(alone.detail)) == ([field], False, True)
    assert (ssm.row(id_)["fax"], ssm.row(id_).get(field)) == ("0199", before)


def test_p7_a_creation_goes_ahead_without_an_optional_value_and_not_without_its_account(ssm):
    without_title, without_account = ssm.write(
        creation(ssm, **ZOE | {"typeId": NOBODY, "fax": "0199"}), creation(ssm, **LUC | {"accountId": NOBODY})
    )
    assert (without_title.outcome, [*without_title.refused]) == (APPLIED, ["typeId"])
    assert (ssm.row(without_title.id)["fax"], ssm.row(without_title.id).get("typeId")) == ("0199", None)
    # Which of the values that a new contact cannot do without, only SSM's words can say.
    named = {(Cause.VALUE_REFUSED, "accountId"), (Cause.REJECTED, None)}
    assert (without_account.outcome, (without_account.cause, without_account.field) in named) == (REFUSED, True)
    assert (without_account.id, len(ssm.rows())) == (None, 1)


def test_p7_a_text_that_is_too_long_is_refused_or_reads_back_cut(ssm):
    id_, text = ssm.create(**ANNE), "x" * 101
    before = ssm.rows()
    for receipt in ssm.write(update(id_, lastName=text), creation(ssm, **ZOE | {"lastName": text})):
        if receipt.outcome is APPLIED:
            assert receipt.record["lastName"] == text[:100] == ssm.row(receipt.id)["lastName"]
        else:
            assert (receipt.outcome, receipt.wrote, ssm.rows()) == (REFUSED, False, before)
            is_named = (receipt.cause, receipt.field) == (Cause.VALUE_REFUSED, "lastName")
            assert is_named or (receipt.action, receipt.cause) == (Action.CREATE, Cause.REJECTED)


@pytest.mark.parametrize("name", ["firstName", "lastName", "accountId"])
def test_p7_a_new_contact_needs_both_names_and_an_account(ssm, name):
    (receipt,) = ssm.write(creation(ssm, **{**ZOE, name: None}))
    assert (receipt.outcome, receipt.cause, receipt.field) == (REFUSED, Cause.VALUE_MISSING, name)
    assert (receipt.id, receipt.wrote, ssm.rows()) == (None, False, {})


def test_a_refused_record_does_not_stop_the_others_and_each_has_its_receipt(ssm):
    anne = ssm.create(**ANNE)
    receipts = ssm.write(
        update(NOBODY, email="new@example.org"),
        update("one", email="new@example.org"),
        update(anne, phone1="0199001234"),
        creation(ssm, **ZOE | {"extId": ANNE["extId"]}),
        creation(ssm, **ZOE),
        deletion(anne, {"lastName": "Autre"}),
        deletion(anne),
    )
    outcomes = [REFUSED, REFUSED, APPLIED, REFUSED, APPLIED, Outcome.CHANGED, APPLIED]
    assert [(receipt.index, receipt.outcome) for receipt in receipts] == list(enumerate(outcomes))
    assert {receipt.stream for receipt in receipts} == {"contacts"}


def test_of_many_records_each_has_its_own_receipt(ssm):
    ids = [ssm.create(**LUC) for _ in range(MANY)]
    ssm.delete(ids[3])
    marks = [f"sage100:BIJOU:{number}" for number in range(2 * MANY)]
    records = [
        *(update(id_, {"lastName": "Moreau"}, extId=mark) for id_, mark in zip(ids, marks, strict=False)),
        *(creation(ssm, **LUC, extId=mark) for mark in marks[MANY:]),
    ]
    for number in (5, MANY + 5):
        records[number] |= {"gender": 7, SET: [*records[number][SET], "gender"]}
    receipts = ssm.write(*records)
    refused = {3: Cause.NOT_FOUND}
    assert [(receipt.index, *receipt.refused) for receipt in receipts if receipt.refused] == [
        (5, "gender"),
        (MANY + 5, "gender"),
    ]
    assert [receipt.index for receipt in receipts] == list(range(2 * MANY))
    assert {receipt.index: receipt.cause for receipt in receipts if receipt.outcome is not APPLIED} == refused
    written = {receipt.index: ssm.row(receipt.id)["extId"] for receipt in receipts if receipt.wrote}
    assert written == {number: mark for number, mark in enumerate(marks) if number not in refused}


# --- a side that fails


def test_a_side_that_stops_answering_fails_and_says_of_each_record_that_it_was_not_written(ssm):
    anne = ssm.create(**ANNE)
    before = ssm.rows()
    ssm.stop_answering()
    receipts, error = ssm.write_until_failure([update(anne, email="new@example.org"), creation(ssm, **ZOE)])
    assert {receipt.outcome for receipt in receipts} <= {Outcome.RETRY, Outcome.UNCERTAIN}
    assert {receipt.cause for receipt in receipts} == {Cause.CONNECTION}
    assert (error.failure.code, error.failure.configuration) == ("unreachable", False)
    assert ssm.rows() == before


def test_the_receipts_given_before_a_side_stops_answering_stay_true(ssm):
    anne = ssm.create(**ANNE)
    ssm.stop_answering(after=1)
    records = [update(anne, email=f"{number}@example.org") for number in range(3)]
    receipts, _ = ssm.write_until_failure(records)
    assert receipts[0].outcome is APPLIED
    assert {receipt.outcome for receipt in receipts[1:]} <= {Outcome.RETRY, Outcome.UNCERTAIN}
    assert ssm.row(anne)["email"] == "0@example.org"


def test_p11_a_creation_without_an_answer_is_known_by_its_mark_or_uncertain_and_done_once(ssm):
    ssm.lose_answers()
    (receipt,) = ssm.write(creation(ssm, **ZOE))
    assert (receipt.outcome, receipt.action) in {(APPLIED, Action.CREATE), (Outcome.UNCERTAIN, Action.CREATE)}
    assert [row["extId"] for row in ssm.rows().values()] == [ZOE["extId"]]


def test_an_error_of_who_gives_the_records_passes_through(ssm):
    def records():
        yield update(ssm.create(**ANNE), email="new@example.org")
        raise LookupError

    with pytest.raises(LookupError):
        ssm.access.write(records(), lambda _: None)
