"""What the engine relies on of a Sage side, whichever it is: reading, and writing the records that the engine makes."""

import pytest

from sage100_ssm.exchange.failure import SideFailedError
from sage100_ssm.exchange.receipt import Action, Cause, Outcome
from sage100_ssm.exchange.record import CREATE, DELETED_AT, EXPECTED, SET
from tests.support import worlds

ANNE = {"CT_Num": "CARAT", "CT_Nom": "Durand", "CT_Prenom": "Anne", "CT_EMail": "anne@example.org"}
LUC = {"CT_Num": "CARAT", "CT_Nom": "Moreau", "CT_Prenom": "Luc"}
ZOE = {"CT_Num": "CARAT", "CT_Nom": "Blanc", "CT_Prenom": "Zoé", "CT_EMail": "zoe@example.org"}

APPLIED, REFUSED = Outcome.APPLIED, Outcome.REFUSED
NOBODY = 4_000_000


def update(marq, expected=None, **values):
    """The record by which the engine changes a contact."""
    record = {"cbMarq": marq, **values, SET: list(values)}
    return record if expected is None else {**record, EXPECTED: expected}


def creation(**values):
    """The record by which the engine creates a contact."""
    return {**values, SET: list(values), CREATE: True}


def deletion(marq, expected=None):
    """The record by which the engine deletes a contact."""
    record = {"cbMarq": marq, DELETED_AT: "2026-03-03T10:00:00+00:00"}
    return record if expected is None else {**record, EXPECTED: expected}


def filled(row):
    """A row without the columns in which nothing stands, and without what Sage keeps for itself."""
    return {name: value for name, value in row.items() if value not in (None, "", 0) and name[:2] != "cb"}


# --- reading


def test_every_contact_is_read_whatever_its_company_and_of_the_companies_the_clients(sage):
    anne, luc = sage.create(**ANNE), sage.create(**LUC | {"CT_Num": "FOURNI"})
    readings = {stream: sage.reading(stream) for stream in ("companies", "contacts")}
    assert {row["CT_Num"] for row in readings["companies"].rows} == {"CARAT", "ÉMAIL"}
    assert {row["cbMarq"]: row["CT_Nom"] for row in readings["contacts"].rows} == {anne: "Durand", luc: "Moreau"}
    assert all(reading.complete for reading in readings.values())


def test_a_row_bears_its_ids_its_stamp_and_the_columns_of_its_generation(sage):
    marq = sage.create(**ANNE)
    (row,) = sage.reading().rows
    assert row["cbMarq"] == marq
    assert {"CT_No", "cbModification", *ANNE, *({"cbCreation", "CT_Skype", "CT_LinkedIn"} - sage.absent)} <= row.keys()
    assert not row.keys() & sage.absent
    assert {name: row[name] for name in ANNE} == ANNE


def test_a_deleted_contact_is_not_read_any_more(sage):
    anne, luc = sage.create(**ANNE), sage.create(**LUC)
    sage.delete(anne)
    assert [row["cbMarq"] for row in sage.reading().rows] == [luc]


def test_an_empty_database_is_read_to_its_end(sage):
    reading = sage.reading()
    assert (reading.rows, reading.complete) == ([], True)


def test_a_digest_changes_with_any_column_of_its_row_and_with_nothing_else(sage):
    anne, luc = sage.create(**ANNE), sage.create(**LUC)
    before = {digest.id: digest for digest in sage.access.digests("contacts")}
    assert {digest.id: digest for digest in sage.access.digests("contacts")} == before
    (receipt,) = sage.write({"cbMarq": anne, "CT_EMail": "autre@carat.example", SET: ["CT_EMail"]})
    after = {digest.id: digest for digest in sage.access.digests("contacts")}
    assert (receipt.wrote, after[luc], after[anne] != before[anne]) == (True, before[luc], True)
    assert {(d.company, d.number) for d in after.values()} == {(d.company, d.number) for d in before.values()}


def test_rows_are_found_by_their_number_and_their_company_too(sage):
    anne, luc = sage.create(**ANNE), sage.create(**LUC)
    numbers = {digest.id: digest.number for digest in sage.access.digests("contacts")}
    assert [row["cbMarq"] for row in sage.access.find("contacts", "CT_No", [numbers[luc]]).rows] == [luc]
    assert anne in [row["cbMarq"] for row in sage.access.find("contacts", "CT_Num", [ANNE["CT_Num"], "AUCUNE"]).rows]
    assert sage.access.find("contacts", "cbMarq", [10**6]).rows == []


def test_p10_a_reading_that_breaks_off_says_so_and_is_not_raised(sage):
    for number in range(5):
        sage.create(**LUC | {"CT_Prenom": f"Luc {number}"})
    sage.cut_reading()
    readings = {stream: sage.reading(stream) for stream in ("companies", "contacts")}
    assert readings["companies"].complete
    cut = readings["contacts"]
    assert (cut.complete, len(cut.rows)) == (False, 2)
    assert cut.failure.code == "unreachable"
    assert cut.failure.text
    assert not cut.failure.configuration


def test_p7_the_columns_say_what_each_can_hold(sage):
    columns = sage.access.columns()
    mapped = {name: column for name, column in worlds.COLUMNS.items() if name not in {"cbMarq", "cbModification"}}
    assert {name: columns[name] for name in mapped.keys() - sage.absent} == {
        name: column for name, column in mapped.items() if name not in sage.absent
    }
    assert not columns.keys() & sage.absent


def test_p9_the_identity_counter_never_goes_back(sage):
    sage.create(**ANNE)
    luc = sage.create(**LUC)
    assert sage.access.last_identity() == luc
    sage.delete(luc)
    assert sage.access.last_identity() == luc


def test_p10_a_side_that_is_down_is_told_in_each_reading_and_nothing_is_raised(sage):
    sage.create(**ANNE)
    with sage.down():
        readings = {stream: sage.reading(stream) for stream in ("companies", "contacts")}
    for reading in readings.values():
        assert (reading.rows, reading.failure.code, reading.failure.configuration) == ([], "unreachable", False)


def test_the_identity_counter_of_a_side_that_is_down_fails_as_the_side_does(sage):
    with sage.down(), pytest.raises(SideFailedError):
        sage.access.last_identity()


# --- updates


@pytest.mark.parametrize(
    ("change", "reads"),
    [
        pytest.param({"CT_Fonction": "Chef"}, {"CT_Fonction": "Chef"}, id="a text"),
        pytest.param({"CT_EMail": None}, {"CT_EMail": ""}, id="null clears a text"),
        pytest.param({"CT_EMail": ""}, {"CT_EMail": ""}, id="an empty text clears"),
        pytest.param({"CT_Civilite": 1}, {"CT_Civilite": 1}, id="a number"),
        pytest.param({"CT_Nom": "DURAND"}, {"CT_Nom": "DURAND"}, id="P12: other case is another name"),
        pytest.param({"CT_Nom": "Œuvré-ÀÉÎÕÜ ‘€’ ÿ"}, {"CT_Nom": "Œuvré-ÀÉÎÕÜ ‘€’ ÿ"}, id="all of the code page"),
        pytest.param({"CT_Fonction": "é" * 35}, {"CT_Fonction": "é" * 35}, id="P7: as long as the column"),
        pytest.param({"CT_Fonction": " Chef  "}, {"CT_Fonction": " Chef  "}, id="blanks around a text"),
        pytest.param({"CT_Num": "ÉMAIL"}, {"CT_Num": "ÉMAIL"}, id="another company"),
        pytest.param({"CT_Num": "émail"}, {"CT_Num": "ÉMAIL"}, id="P8: a company code as F_COMPTET writes it"),
        pytest.param({"CT_Num": "FOURNI"}, {"CT_Num": "FOURNI"}, id="a supplier is a company"),
    ],
)
def test_an_update_writes_what_is_asked_and_reports_the_row_as_it_reads_back(sage, change, reads):
    marq = sage.create(**ANNE)
    before = filled(sage.row(marq))
    (receipt,) = sage.write(update(marq, **change))
    assert (receipt.outcome, receipt.action, receipt.id, receipt.wrote) == (APPLIED, Action.UPDATE, marq, True)
    assert {name: receipt.record[name] for name in reads} == reads
    assert filled(sage.row(marq)) == filled(before | reads)


@pytest.mark.parametrize(
    "same",
    [
        pytest.param({"CT_Nom": "Durand", "CT_EMail": "anne@example.org"}, id="equal values"),
        pytest.param({"CT_Fonction": None}, id="null where nothing is"),
        pytest.param({"CT_Civilite": None}, id="null over 0"),
        pytest.param({"CT_Num": "carat "}, id="P8: the same company in another spelling"),
        pytest.param({"CT_No": 999_999}, id="Sage's own number never changes"),
        pytest.param({"cbModification": "2000-01-01T00:00:00", "cbMarq": 1}, id="columns of the database's own"),
        pytest.param({"CT_Inconnu": "x"}, id="an unknown column"),
    ],
)
def test_what_is_equal_or_not_ours_to_write_is_applied_without_a_write(sage, same):
    marq = sage.create(**ANNE)
    before = sage.row(marq)
    (receipt,) = sage.write(update(marq, **{**same, "cbMarq": marq} if "cbMarq" in same else same))
    assert (receipt.outcome, receipt.id, receipt.wrote) == (APPLIED, marq, False)
    assert receipt.record["CT_Nom"] == "Durand"
    assert sage.row(marq) == before


def test_a_column_that_holds_null_is_as_one_that_holds_nothing(sage):
    marq = sage.create(**ANNE | {"CT_Fonction": None, "CT_Civilite": None})
    nothing = {"CT_Fonction": "", "CT_Civilite": 0}
    (receipt,) = sage.write(update(marq, {"CT_Fonction": ""}, **nothing))
    assert (receipt.outcome, receipt.wrote) == (APPLIED, False)


def test_only_the_fields_of_set_are_written(sage):
    marq = sage.create(**ANNE)
    sage.write({"cbMarq": marq, "CT_Fonction": "Chef", "CT_EMail": "other@example.org", SET: ["CT_Fonction"]})
    row = sage.row(marq)
    assert (row["CT_Fonction"], row["CT_EMail"]) == ("Chef", "anne@example.org")


def test_a_write_moves_the_stamp_and_leaves_the_time_of_creation(sage):
    marq = sage.create(**ANNE)
    (before,) = sage.reading().rows
    (receipt,) = sage.write(update(marq, CT_Fonction="Chef"))
    (after,) = sage.reading().rows
    assert before["cbModification"] < after["cbModification"] == receipt.record["cbModification"]
    assert before.get("cbCreation") == after.get("cbCreation")


def test_the_row_of_a_receipt_is_the_row_that_a_reading_shows(sage):
    marq = sage.create(**ANNE)
    updated, created = sage.write(update(marq, CT_Fonction="Chef"), creation(**ZOE))
    rows = {row["cbMarq"]: row for row in sage.reading().rows}
    for receipt in (updated, created):
        assert {name: rows[receipt.id][name] for name in receipt.record} == receipt.record


def test_p8_what_the_side_keeps_as_it_was_is_reported_as_it_reads_back(sage):
    marq = sage.create(**ANNE)
    sage.keep_job_titles()
    (receipt,) = sage.write(update(marq, CT_Fonction="Chef", CT_EMail="new@example.org"))
    assert (receipt.outcome, receipt.wrote) == (APPLIED, True)
    assert (receipt.record["CT_Fonction"], receipt.record["CT_EMail"]) == ("", "new@example.org")


# --- creations


def test_a_creation_reports_its_id_and_the_row_as_it_reads_back(sage):
    earlier = sage.create(**ANNE)
    (receipt,) = sage.write(creation(**ZOE, CT_Num2=None, CT_Civilite=1, CT_Fonction=None))
    assert (receipt.outcome, receipt.action, receipt.wrote) == (APPLIED, Action.CREATE, True)
    assert receipt.id > earlier
    expected = {**ZOE, "CT_Civilite": 1}
    assert {name: receipt.record[name] for name in expected} == expected
    assert filled(sage.row(receipt.id)) == {**expected, "CT_No": receipt.record["CT_No"]}


def test_a_new_contact_holds_empty_texts_and_zeros_where_nothing_was_given(sage):
    (receipt,) = sage.write(creation(**LUC))
    texts = {"CT_Fonction", "CT_Telephone", "CT_TelPortable", "CT_Telecopie", "CT_EMail", "CT_LinkedIn"} - sage.absent
    assert {receipt.record[name] for name in texts} == {""}
    assert (receipt.record["CT_Civilite"], receipt.record["N_Service"]) == (0, 0)


def test_p14_the_next_number_may_be_one_that_was_given_before(sage):
    sage.create(**ANNE)
    luc = sage.create(**LUC)
    sage.delete(luc)
    (receipt,) = sage.write(creation(**ZOE))
    assert (receipt.record["CT_No"], receipt.id > luc) == (2, True)


@pytest.mark.parametrize(("wish", "number"), [(77, 77), (1, 2), (None, 2)], ids=["free", "taken", "none"])
def test_p14_a_new_contact_takes_the_number_wished_for_if_it_is_free_else_the_next(sage, wish, number):
    sage.create(**ANNE)
    (receipt,) = sage.write(creation(**ZOE, CT_No=wish))
    assert receipt.record["CT_No"] == number


def test_p14_an_id_is_never_used_again(sage):
    luc = sage.create(**LUC)
    sage.delete(luc)
    (receipt,) = sage.write(creation(**ZOE))
    sage.write(deletion(receipt.id))
    (again,) = sage.write(creation(**ZOE))
    assert luc < receipt.id < again.id


def test_p8_a_new_contact_bears_the_company_code_as_f_comptet_writes_it(sage):
    (receipt,) = sage.write(creation(**ZOE | {"CT_Num": "carat"}))
    assert receipt.record["CT_Num"] == "CARAT"


# --- deletions


def test_a_deletion_removes_the_row(sage):
    anne, luc = sage.create(**ANNE), sage.create(**LUC)
    (receipt,) = sage.write(deletion(anne))
    assert (receipt.outcome, receipt.action, receipt.id, receipt.wrote) == (APPLIED, Action.DELETE, anne, True)
    assert receipt.record is None
    assert sage.rows().keys() == {luc}


def test_a_deletion_of_nobody_is_done_already(sage):
    anne = sage.create(**ANNE)
    (receipt,) = sage.write(deletion(NOBODY))
    assert (receipt.outcome, receipt.id, receipt.record, receipt.wrote) == (APPLIED, NOBODY, None, False)
    assert sage.rows().keys() == {anne}


# --- P11: somebody else edits meanwhile


@pytest.mark.parametrize(
    ("expected", "field"),
    [
        pytest.param({"CT_Prenom": "Anne", "CT_EMail": "old@example.org"}, "CT_EMail", id="another value"),
        pytest.param({"CT_Nom": "durand"}, "CT_Nom", id="another case"),
        pytest.param({"CT_EMail": None}, "CT_EMail", id="a value where nothing was"),
        pytest.param({"CT_Fonction": "Chef"}, "CT_Fonction", id="nothing where a value was"),
        pytest.param({"CT_No": 9}, "CT_No", id="P14: another number"),
    ],
)
@pytest.mark.parametrize("record", [lambda m, e: update(m, e, CT_Fonction="Chef"), deletion], ids=["update", "delete"])
def test_p11_a_row_that_no_longer_holds_what_was_expected_is_left_alone_and_shown(sage, record, expected, field):
    marq = sage.create(**ANNE)
    before = sage.row(marq)
    (receipt,) = sage.write(record(marq, expected))
    assert (receipt.outcome, receipt.cause, receipt.id) == (Outcome.CHANGED, None, marq)
    assert (receipt.wrote, receipt.record["CT_EMail"]) == (False, "anne@example.org")
    assert receipt.field == field
    assert sage.row(marq) == before


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"CT_Nom": "Durand", "CT_EMail": "anne@example.org"}, id="values"),
        pytest.param({"CT_Fonction": None, "CT_Telephone": ""}, id="null is an empty text"),
        pytest.param({"CT_No": 1, "CT_Civilite": 0}, id="numbers"),
    ],
)
def test_p11_a_row_that_holds_what_was_expected_is_written(sage, expected):
    marq = sage.create(**ANNE, CT_Civilite=0)
    updated, deleted = sage.write(update(marq, expected, CT_TelPortable="0611223344"), deletion(marq, expected))
    assert [(receipt.outcome, receipt.wrote) for receipt in (updated, deleted)] == [(APPLIED, True)] * 2


def test_a_record_that_a_sage_user_is_changing_is_for_later_and_the_others_are_written(sage):
    anne, luc = sage.create(**ANNE), sage.create(**LUC)
    with sage.being_edited(anne):
        (locked,) = sage.write(update(anne, CT_TelPortable="0611223344"))
    (other,) = sage.write(update(luc, CT_TelPortable="0611223344"))
    assert (locked.outcome, locked.cause, locked.wrote) == (Outcome.RETRY, Cause.LOCKED, False)
    assert other.outcome is APPLIED
    assert filled(sage.row(anne)).keys().isdisjoint({"CT_TelPortable", "CT_Fonction"})


# --- what Sage refuses

TOO_LONG, FOREIGN, MISSING = Cause.TOO_LONG, Cause.NOT_REPRESENTABLE, Cause.VALUE_MISSING


@pytest.mark.parametrize(
    ("change", "cause", "field"),
    [
        pytest.param({"CT_EMail": "x" * 70}, TOO_LONG, "CT_EMail", id="P7: too long"),
        pytest.param({"CT_Nom": "é" * 36}, TOO_LONG, "CT_Nom", id="P7: last name too long"),
        pytest.param({"CT_Fonction": "Αθήνα"}, FOREIGN, "CT_Fonction", id="P7: outside the code page"),
        pytest.param({"CT_Nom": "Łukasz"}, FOREIGN, "CT_Nom", id="P7: a letter of another code page"),
        pytest.param({"CT_Nom": None}, MISSING, "CT_Nom", id="no last name"),
        pytest.param({"CT_Nom": "  "}, MISSING, "CT_Nom", id="a blank last name"),
        pytest.param({"CT_Num": None}, MISSING, "CT_Num", id="no company"),
        pytest.param({"CT_Num": "RIEN"}, Cause.COMPANY_MISSING, "CT_Num", id="R4: a company that is not in Sage"),
        pytest.param({"CT_Civilite": "Madame"}, Cause.MALFORMED, "CT_Civilite", id="a text in a number"),
    ],
)
def test_what_sage_cannot_hold_is_refused_by_its_column_and_nothing_is_written(sage, change, cause, field):
    marq = sage.create(**ANNE)
    before = sage.rows()
    updated, created = sage.write(
        update(marq, **{"CT_TelPortable": "0611223344", **change}), creation(**{**ZOE, **change})
    )
    for receipt, id_ in ((updated, marq), (created, None)):
        assert (receipt.outcome, receipt.cause, receipt.field) == (REFUSED, cause, field)
        assert (receipt.id, receipt.wrote) == (id_, False)
    assert sage.rows() == before


def test_p12_a_second_contact_of_the_same_name_is_refused_and_the_first_is_shown(sage):
    anne, luc, other_anne = sage.create(**ANNE), sage.create(**LUC), sage.create(**ANNE | {"CT_Num": "ÉMAIL"})
    before = sage.rows()
    receipts = sage.write(
        update(other_anne, CT_Num="CARAT"),
        update(luc, CT_Nom="Durand", CT_Prenom="Anne", CT_Fonction="Chef"),
        creation(**ANNE),
        creation(**ANNE | {"CT_Num": "carat"}),
    )
    for receipt in receipts:
        assert (receipt.outcome, receipt.cause, receipt.id) == (REFUSED, Cause.DUPLICATE, anne)
        assert (receipt.wrote, receipt.record["CT_EMail"]) == (False, "anne@example.org")
    assert sage.rows() == before


def test_p12_no_first_name_is_an_empty_first_name(sage):
    petit = sage.create(CT_Num="CARAT", CT_Nom="Petit", CT_Prenom=None)
    (receipt,) = sage.write(creation(CT_Num="CARAT", CT_Nom="Petit", CT_Prenom=""))
    assert (receipt.outcome, receipt.cause, receipt.id) == (REFUSED, Cause.DUPLICATE, petit)


@pytest.mark.parametrize("name", ["DURAND", "Durand ", "Dûrand"])
def test_p12_names_that_differ_by_a_byte_are_two_contacts(sage, name):
    anne = sage.create(**ANNE)
    (receipt,) = sage.write(creation(**ANNE | {"CT_Nom": name}))
    assert (receipt.outcome, receipt.record["CT_Nom"]) == (APPLIED, name)
    assert sage.rows().keys() == {anne, receipt.id}


def test_p12_the_name_of_a_contact_deleted_before_is_free(sage):
    anne = sage.create(**ANNE)
    deleted, created = sage.write(deletion(anne), creation(**ANNE))
    assert (deleted.outcome, created.outcome) == (APPLIED, APPLIED)
    assert sage.rows().keys() == {created.id}


def test_an_update_of_nobody_is_refused_and_creates_nobody(sage):
    (receipt,) = sage.write(update(NOBODY, **ANNE))
    assert (receipt.outcome, receipt.cause, receipt.id) == (REFUSED, Cause.NOT_FOUND, NOBODY)
    assert sage.rows() == {}


def test_a_refused_record_does_not_stop_the_others_and_each_has_its_receipt(sage):
    anne = sage.create(**ANNE)
    receipts = sage.write(
        update(NOBODY, CT_Fonction="Chef"),
        update("one", CT_Fonction="Chef"),
        update(anne, CT_Fonction="Chef"),
        creation(**ANNE),
        creation(**ZOE),
        deletion(anne, {"CT_Nom": "Autre"}),
        deletion(anne),
    )
    outcomes = [REFUSED, REFUSED, APPLIED, REFUSED, APPLIED, Outcome.CHANGED, APPLIED]
    assert [(receipt.index, receipt.outcome) for receipt in receipts] == list(enumerate(outcomes))
    assert {receipt.stream for receipt in receipts} == {"contacts"}


# --- a side that fails


def test_records_are_taken_one_by_one_each_after_the_receipt_of_the_one_before(sage):
    anne = sage.create(**ANNE)
    receipts = []

    def records():
        for number in range(3):
            assert len(receipts) == number
            yield update(anne, CT_Fonction=f"Chef {number}")

    sage.access.write(records(), receipts.append)
    assert len(receipts) == 3


def test_a_side_that_stops_answering_fails_once_the_receipts_so_far_are_given(sage):
    anne, luc = sage.create(**ANNE), sage.create(**LUC)

    def records():
        yield update(anne, CT_Fonction="Chef")
        sage.stop_answering()
        yield update(anne, CT_EMail="new@example.org")
        yield update(luc, CT_Fonction="Chef")

    receipts, error = sage.write_until_failure(records())
    assert [(receipt.index, receipt.outcome, receipt.cause) for receipt in receipts] == [
        (0, APPLIED, None),
        (1, Outcome.UNCERTAIN, Cause.CONNECTION),
    ]
    assert (error.failure.code, error.failure.configuration) == ("unreachable", False)
    assert filled(sage.row(luc)) == {**LUC, "CT_No": 2}


def test_a_side_that_is_down_takes_no_record(sage):
    anne = sage.create(**ANNE)
    before = sage.rows()
    with sage.down():
        receipts, error = sage.write_until_failure([update(anne, CT_Fonction="Chef"), deletion(anne)])
    assert {receipt.outcome for receipt in receipts} <= {Outcome.UNCERTAIN}
    assert (error.failure.code, error.failure.configuration) == ("unreachable", False)
    assert sage.rows() == before


def test_an_error_of_who_gives_the_records_passes_through(sage):
    anne = sage.create(**ANNE)
    receipts = []

    def records():
        yield update(anne, CT_Fonction="Chef")
        raise LookupError

    with pytest.raises(LookupError):
        sage.access.write(records(), receipts.append)
    assert [receipt.outcome for receipt in receipts] == [APPLIED]
    assert sage.row(anne)["CT_Fonction"] == "Chef"
