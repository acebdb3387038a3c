"""What `destination-sage100` does with a record: docs/contract.md, "Record instructions"."""
# ruff: noqa: E501 - a case is a row of a table

import threading

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sage100_ssm.exchange.receipt import Action, Cause, Outcome
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.errors import DeadlockError, Refusal, RefusedError, UnreachableError
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.sage100.writing import Contacts
from sage100_ssm.standins.sql_server.drivers import MICROSOFT
from tests.support.sage100_databases import EVERYWHERE

ANNE = {"CT_Num": "CARAT", "CT_Nom": "Durand", "CT_Prenom": "Anne"}
NEW = {"CT_Num": "CARAT", "CT_Nom": "Blanc", "CT_Prenom": "Zoé"}
GONE = {"_ab_cdc_deleted_at": "2026-03-02T10:00:00Z"}

APPLIED, REFUSED, CHANGED = Outcome.APPLIED, Outcome.REFUSED, Outcome.CHANGED


@pytest.mark.parametrize(
    ("given", "action", "marq", "wrote"),
    [
        pytest.param({"cbMarq": 1, "CT_EMail": "a@b.fr"}, Action.UPDATE, 1, True, id="by cbMarq: update"),
        pytest.param({"cbMarq": "1", "CT_EMail": "a@b.fr"}, Action.UPDATE, 1, True, id="cbMarq as text"),
        pytest.param({**ANNE, "CT_EMail": "a@b.fr"}, Action.UPDATE, 1, True, id="by name: update"),
        pytest.param({**ANNE, "CT_Num": "carat "}, Action.UPDATE, 1, False, id="by name: company as Sage compares"),
        pytest.param({"CT_Num": "CARAT", "CT_Nom": "Petit"}, Action.UPDATE, 2, False, id="by name: null is ''"),
        pytest.param({**ANNE, "CT_Nom": "DURAND"}, Action.CREATE, 4, True, id="other case is another name (P12)"),
        pytest.param(NEW, Action.CREATE, 4, True, id="no match: create"),
        pytest.param({**NEW, "_create": True}, Action.CREATE, 4, True, id="create asked for"),
        pytest.param({**NEW, "CT_Num": "émail"}, Action.CREATE, 4, True, id="accented company code in lower case"),
        pytest.param({"cbMarq": 1, "CT_EMail": "anne@example.org"}, Action.UPDATE, 1, False, id="equal: not written"),
        pytest.param({"cbMarq": 1, "CT_Fonction": None}, Action.UPDATE, 1, False, id="null over null: not written"),
        pytest.param({"cbMarq": 1, "CT_Civilite": 0}, Action.UPDATE, 1, False, id="0 over null: not written"),
        pytest.param({"cbMarq": 1, "CT_Num": "carat"}, Action.UPDATE, 1, False, id="same company in another case"),
        pytest.param({"cbMarq": 1, "CT_Num": "émail "}, Action.UPDATE, 1, True, id="another company"),
        pytest.param({"cbMarq": 1, "cbModification": "2000-01-01", "cbProt": 9}, Action.UPDATE, 1, False, id="Sage's own columns"),
        pytest.param({"cbMarq": 1, "CT_No": 99}, Action.UPDATE, 1, False, id="CT_No never changes"),
        pytest.param({"cbMarq": 1, "CT_Inconnu": "x"}, Action.UPDATE, 1, False, id="unknown column"),
        pytest.param({"cbMarq": 1, **GONE}, Action.DELETE, 1, True, id="delete"),
        pytest.param({"cbMarq": 99, **GONE}, Action.DELETE, 99, False, id="delete what is gone"),
        pytest.param({"cbMarq": 1, "_company": " bijou ", "CT_EMail": "a@b.fr"}, Action.UPDATE, 1, True, id="of this company, in another case"),
        pytest.param({"cbMarq": 1, "_company": "", "CT_EMail": "a@b.fr"}, Action.UPDATE, 1, True, id="of no company"),
        pytest.param({"source_cbMarq": 1, "_company": "OR", **ANNE, "CT_EMail": "a@b.fr"}, Action.UPDATE, 1, True, id="of another company: by name"),
        pytest.param({"cbMarq": 99, "_expected": {"CT_Nom": "x"}, **GONE}, Action.DELETE, 99, False, id="gone, expected otherwise"),
        pytest.param({"cbMarq": 1, "_expected": {"CT_Nom": "Durand", "CT_Fonction": ""}, **GONE}, Action.DELETE, 1, True, id="delete as expected"),
        pytest.param({"cbMarq": 1, "CT_EMail": "", "_expected": {"CT_EMail": "anne@example.org", "CT_No": 10}}, Action.UPDATE, 1, True, id="update as expected"),
        pytest.param({"cbMarq": 1, "CT_EMail": "", "_expected": {"CT_No": "10"}}, Action.UPDATE, 1, True, id="expected digits for a number"),
        pytest.param({"CT_Num": "CARAT", "CT_Nom": 42, "CT_Prenom": 7.0}, Action.CREATE, 4, True, id="numbers for texts"),
    ],
)  # fmt: skip
def test_a_record_is_applied(write, sage, given, action, marq, wrote):
    (receipt,) = write(given)
    assert (receipt.outcome, receipt.action, receipt.id, receipt.wrote) == (APPLIED, action, marq, wrote)
    assert (receipt.cause, receipt.field) == (None, None)
    assert (sage.contact(marq) is None) == (action is Action.DELETE)
    assert (receipt.record is None) == (action is Action.DELETE)


@pytest.mark.parametrize(
    ("given", "outcome", "cause", "field", "marq"),
    [
        pytest.param({"cbMarq": 99, **NEW}, REFUSED, Cause.NOT_FOUND, None, 99, id="cbMarq not there: never created"),
        pytest.param({**ANNE, "_create": True}, REFUSED, Cause.DUPLICATE, None, 1, id="create over a match (P12)"),
        pytest.param({"CT_Num": "CARAT", "CT_Nom": "Petit", "CT_Prenom": "", "_create": True}, REFUSED, Cause.DUPLICATE, None, 2, id="'' is null in a name"),
        pytest.param({"cbMarq": 2, "CT_Nom": "Durand", "CT_Prenom": "Anne"}, REFUSED, Cause.DUPLICATE, None, 1, id="rename onto another (P12)"),
        pytest.param({**NEW, "CT_Num": "RIEN"}, REFUSED, Cause.COMPANY_MISSING, "CT_Num", None, id="company not in Sage (R4)"),
        pytest.param({"cbMarq": 1, "CT_Num": "RIEN"}, REFUSED, Cause.COMPANY_MISSING, "CT_Num", 1, id="moved to a company not in Sage"),
        pytest.param({"cbMarq": 1, "CT_EMail": "x" * 70}, REFUSED, Cause.TOO_LONG, "CT_EMail", 1, id="too long (P7)"),
        pytest.param({**NEW, "CT_Nom": "é" * 36}, REFUSED, Cause.TOO_LONG, "CT_Nom", None, id="last name too long (P7)"),
        pytest.param({"cbMarq": 1, "CT_Fonction": "Αθήνα"}, REFUSED, Cause.NOT_REPRESENTABLE, "CT_Fonction", 1, id="outside the code page (P7)"),
        pytest.param({"cbMarq": 1, "CT_Fonction": "a\0b"}, REFUSED, Cause.NOT_REPRESENTABLE, "CT_Fonction", 1, id="a zero byte"),
        pytest.param({"cbMarq": 1, "CT_Fonction": "\ud83d"}, REFUSED, Cause.NOT_REPRESENTABLE, "CT_Fonction", 1, id="half a character"),
        pytest.param({"cbMarq": 1, "CT_Nom": None}, REFUSED, Cause.VALUE_MISSING, "CT_Nom", 1, id="last name cleared"),
        pytest.param({**NEW, "CT_Nom": " "}, REFUSED, Cause.VALUE_MISSING, "CT_Nom", None, id="last name blank"),
        pytest.param({"CT_Nom": "Blanc"}, REFUSED, Cause.VALUE_MISSING, "CT_Num", None, id="no company"),
        pytest.param({"cbMarq": 1, "CT_Civilite": "Madame"}, REFUSED, Cause.MALFORMED, "CT_Civilite", 1, id="text in a number"),
        pytest.param({"cbMarq": 1, "CT_Civilite": 40000}, REFUSED, Cause.MALFORMED, "CT_Civilite", 1, id="beyond a smallint"),
        pytest.param({"cbMarq": 1, "CT_Civilite": "9" * 5_000}, REFUSED, Cause.MALFORMED, "CT_Civilite", 1, id="more digits than Python reads"),
        pytest.param({"cbMarq": 1, "CT_EMail": True}, REFUSED, Cause.MALFORMED, "CT_EMail", 1, id="a truth value in a text"),
        pytest.param({"cbMarq": 1, "CT_EMail": 1.5}, REFUSED, Cause.MALFORMED, "CT_EMail", 1, id="a fraction in a text"),
        pytest.param({"cbMarq": 1, "CT_EMail": ["a"]}, REFUSED, Cause.MALFORMED, "CT_EMail", 1, id="a list in a text"),
        pytest.param({"cbMarq": "one"}, REFUSED, Cause.MALFORMED, None, None, id="cbMarq no number"),
        pytest.param({**ANNE, **GONE}, REFUSED, Cause.MALFORMED, "cbMarq", None, id="delete without cbMarq"),
        pytest.param({"cbMarq": 1, "_company": "OR", "CT_EMail": ""}, REFUSED, Cause.OTHER_COMPANY, "cbMarq", 1, id="another company's cbMarq"),
        pytest.param({"cbMarq": 1, "_company": "OR", **GONE}, REFUSED, Cause.OTHER_COMPANY, "cbMarq", 1, id="another company's deletion"),
        pytest.param({"cbMarq": 1, "CT_EMail": "", "_expected": {"CT_Prenom": "Anne", "CT_Nom": "durand"}}, CHANGED, None, "CT_Nom", 1, id="changed by case alone (P11)"),
        pytest.param({"cbMarq": 1, "_expected": {"CT_No": 11}, **GONE}, CHANGED, None, "CT_No", 1, id="changed, deletion (P11)"),
        pytest.param({**NEW, "_expected": {"CT_Fonction": "Chef"}}, CHANGED, None, None, None, id="nobody holds what was expected"),
    ],
)  # fmt: skip
def test_a_record_is_not_applied_and_nothing_is_written(write, sage, given, outcome, cause, field, marq):
    before = [sage.contact(n) for n in range(1, 6)]
    (receipt,) = write(given)
    assert (receipt.outcome, receipt.cause, receipt.field, receipt.id) == (outcome, cause, field, marq)
    assert not receipt.wrote
    assert [sage.contact(n) for n in range(1, 6)] == before


def test_a_number_for_a_text_is_its_digits_and_is_expected_as_such(write, sage):
    write({"cbMarq": 1, "CT_Telephone": 33612345678})
    assert sage.contact(1)["CT_Telephone"] == "33612345678"
    as_number = {"cbMarq": 1, "CT_Telephone": 33612345678}
    equal, expected = write(as_number, {**as_number, "CT_Fonction": "Chef", "_expected": {"CT_Telephone": 33612345678}})
    assert (equal.wrote, expected.outcome, expected.wrote) == (False, APPLIED, True)


def test_a_record_of_another_company_is_told_both_names_and_what_to_do_and_the_log_tells_it_once(write, caplog):
    receipts = write({"cbMarq": 1, "_company": "OR"}, {"cbMarq": 2, "_company": "OR"})
    (warning,) = [entry.getMessage() for entry in caplog.records]
    for words in (receipts[0].detail, receipts[1].detail, warning):
        assert 'rename, as {"contacts": {"cbMarq": "source_cbMarq"}}' in words
    assert "one of OR, not of BIJOU" in receipts[0].detail
    assert ("BIJOU" in warning, "OR" in warning.split()) == (True, False)


@pytest.mark.parametrize(
    ("given", "action"),
    [
        pytest.param({**NEW, "CT_Num": "RIEN"}, Action.CREATE, id="nobody of that name: company not in Sage"),
        pytest.param({**NEW, "CT_Nom": ""}, Action.CREATE, id="nobody of that name: no name"),
        pytest.param({**NEW, "CT_EMail": "x" * 70}, Action.CREATE, id="nobody of that name: too long"),
        pytest.param({**ANNE, "_create": True}, Action.CREATE, id="creation asked for"),
        pytest.param({**ANNE, "CT_EMail": "x" * 70}, Action.UPDATE, id="somebody of that name"),
        pytest.param({"cbMarq": 1, "CT_EMail": "x" * 70}, Action.UPDATE, id="by cbMarq"),
        pytest.param({"cbMarq": "one", "_create": True}, Action.CREATE, id="no record, creation asked for"),
        pytest.param({"cbMarq": "one", **GONE}, Action.DELETE, id="no record, deletion asked for"),
    ],
)
def test_a_refusal_tells_what_would_have_been_done(write, given, action):
    (receipt,) = write(given)
    assert (receipt.outcome, receipt.action) == (REFUSED, action)


def test_a_changed_record_is_given_back_as_it_stands(write):
    (receipt,) = write({"cbMarq": 1, "CT_EMail": "", "_expected": {"CT_EMail": "old@example.org"}})
    assert receipt.record["CT_EMail"] == "anne@example.org"
    assert receipt.detail == "CT_EMail no longer holds what is expected"


def test_what_was_expected_of_nobody_is_told_as_a_creation_that_was_not_done(write):
    (receipt,) = write({**NEW, "_expected": {"CT_Fonction": "Chef"}})
    assert (receipt.action, receipt.detail) == (Action.CREATE, "nobody is there to hold what is expected")


@EVERYWHERE
def test_a_new_contact_holds_empty_texts_and_zeros_and_reads_back(write, sage):
    (receipt,) = write({**NEW, "CT_Num": "carat", "CT_Fonction": None, "CT_Civilite": 1.0})
    row = sage.contact(4)
    assert row["CT_Num"] == "CARAT"
    texts = {"CT_Fonction", "CT_Telephone", "CT_EMail", "CT_LinkedIn"} - sage.absent
    assert {row[name] for name in texts} == {""}
    assert (row["N_Service"], row["N_Contact"], row["CT_Civilite"], row["CT_No"]) == (0, 0, 1, 13)
    assert (row["cbCreateur"], row["cbProt"]) == ("CSQL", 0)
    assert {name: receipt.record[name] for name in row if row[name] is not None and "cb" not in name} == {
        name: value for name, value in row.items() if value is not None and "cb" not in name
    }


@EVERYWHERE
def test_what_was_created_is_not_written_by_a_second_identical_write(write, sage):
    fields = [column.name for column in F_CONTACTT.columns if column.name not in {"cbMarq", *sage.absent}]
    first, second = (write({**NEW, "CT_EMail": "zoe@example.org"}, fields=fields)[0] for _ in range(2))
    assert (first.action, first.outcome, first.wrote) == (Action.CREATE, APPLIED, True)
    assert (second.action, second.outcome, second.wrote, second.id) == (Action.UPDATE, APPLIED, False, first.id)


@pytest.mark.parametrize(
    ("wish", "number"),
    [(77, 77), ("77", 77), (10, 13), (None, 13), (0, 13), (-5, 13)],
    ids=["free", "as text", "taken", "none", "zero", "negative"],
)
def test_a_new_contact_takes_the_number_wished_for_if_it_is_free(write, sage, wish, number):
    write({**NEW, "CT_No": wish})
    assert sage.contact(4)["CT_No"] == number


def test_the_number_is_taken_although_the_record_is_narrowed_to_other_fields(write, sage):
    write({**NEW, "CT_No": 77, "CT_EMail": "z@b.fr", "CT_Fonction": "Chef", "_create": True, "_set": ["CT_EMail"]})
    row = sage.contact(4)
    assert (row["CT_No"], row["CT_Nom"], row["CT_EMail"], row["CT_Fonction"]) == (77, "Blanc", "z@b.fr", "")


@EVERYWHERE
def test_an_update_touches_only_what_differs_and_the_stamp(write, sage):
    before = sage.contact(1)
    write({"cbMarq": 1, **ANNE, "CT_EMail": "", "CT_Fonction": "Chef"})
    after = sage.contact(1)
    assert {name for name in after if after[name] != before[name]} == {"CT_EMail", "CT_Fonction", "cbModification"}
    assert (after["CT_EMail"], after["CT_Fonction"]) == ("", "Chef")


@EVERYWHERE
def test_a_declared_field_that_is_absent_is_cleared_and_an_undeclared_one_is_left_alone(write, sage):
    sage.edit(1, CT_Telephone="0102030405")
    write({"cbMarq": 1}, fields=["cbMarq", "CT_EMail", "CT_Civilite"])
    row = sage.contact(1)
    assert (row["CT_EMail"], row["CT_Civilite"], row["CT_Telephone"]) == ("", None, "0102030405")


def test_a_name_that_was_empty_already_refuses_nothing(write, sage):
    sage.edit(2, CT_Nom="")
    (receipt,) = write({"cbMarq": 2, "CT_Nom": None, "CT_Fonction": "Chef"})
    assert (receipt.outcome, sage.contact(2)["CT_Fonction"]) == (APPLIED, "Chef")


def test_fields_of_other_names_are_renamed_by_the_configuration(write, sage):
    config = sage.config | {"rename": {"contacts": {"mail": "CT_EMail", "id": "cbMarq"}}}
    (receipt,) = write({"id": 1, "mail": "new@example.org"}, config=config)
    assert (receipt.outcome, sage.contact(1)["CT_EMail"]) == (APPLIED, "new@example.org")


def test_unknown_columns_are_told_once(write, caplog):
    write({"cbMarq": 1, "CT_Inconnu": "secret"}, {"cbMarq": 2, "CT_Autre": "secret"})
    told = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert told == ["Not columns of F_CONTACTT in this database, ignored: CT_Inconnu."]


@EVERYWHERE
def test_a_contact_that_another_table_refers_to_is_not_deleted(write, sage):
    sage.refer_to(10)
    (receipt,) = write({"cbMarq": 1, **GONE})
    assert (receipt.outcome, receipt.cause) == (REFUSED, Cause.IN_USE)
    assert sage.contact(1) is not None


@EVERYWHERE
def test_what_a_trigger_refuses_is_quoted(write, sage):
    sage.refuse_updates("refused by the trigger")
    (receipt,) = write({"cbMarq": 1, "CT_Fonction": "Chef"})
    assert (receipt.outcome, receipt.cause) == (REFUSED, Cause.REJECTED)
    assert receipt.detail.removesuffix(" (50000)") == "refused by the trigger"
    assert sage.contact(1)["CT_Fonction"] is None


def test_a_contact_has_a_number_although_a_trigger_numbers_those_without_one(sql_server, write):
    company = sql_server.company(MICROSOFT, numbers=True)
    company.add(F_COMPTET, {"CT_Num": "CARAT", "CT_Type": 0})
    company.add(F_CONTACTT, {"CT_Num": "CARAT", "CT_Nom": "Durand"})
    (receipt,) = write(NEW, config=company.config)
    assert [row["CT_No"] for row in company.contacts()] == [1, 2]
    assert receipt.record["CT_No"] == 2


@EVERYWHERE
def test_what_a_trigger_makes_of_a_value_is_read_back(write, sage):
    sage.shout_jobs()
    (receipt,) = write({"cbMarq": 1, "CT_Fonction": "chef"})
    assert (receipt.wrote, receipt.record["CT_Fonction"]) == (True, "CHEF")


@EVERYWHERE
def test_a_record_that_somebody_else_is_changing_is_for_later(write, sage, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sage100.engine._LOCK_MILLISECONDS", 20)
    with sage.somebody_changes(1):
        receipts = write({"cbMarq": 1, "CT_Fonction": "Chef"}, {"cbMarq": 1, **GONE})
    assert [(receipt.outcome, receipt.cause) for receipt in receipts] == [(Outcome.RETRY, Cause.LOCKED)] * 2
    assert sage.contact(1)["CT_Fonction"] is None


@EVERYWHERE
@pytest.mark.parametrize("given", [{"CT_Fonction": "Chef"}, GONE], ids=["update", "delete"])
def test_a_record_that_a_sage_user_has_open_is_for_later_and_others_are_written(write, sage, given):
    sage.open_on_a_screen(1)
    locked, other = write({"cbMarq": 1, **given}, {"cbMarq": 2, "CT_Fonction": "Chef"})
    # FreeTDS passes on the severest message alone: that the trigger has undone the transaction, but not why.
    assert (locked.outcome, locked.cause, other.outcome) == (Outcome.RETRY, Cause.LOCKED, APPLIED)
    assert sage.contact(1)["CT_Fonction"] is None


def raising(monkeypatch, method, *errors):
    """Let a method of Contacts raise the errors in turn, then work."""
    left, genuine = list(errors), getattr(Contacts, method)

    def replaced(self, *arguments):
        if left:
            raise left.pop(0)
        return genuine(self, *arguments)

    monkeypatch.setattr(Contacts, method, replaced)
    return left


def test_a_deadlocks_victim_tries_again_at_once(write, sage, monkeypatch):
    raising(monkeypatch, "update", DeadlockError("1205"), DeadlockError("1205"))
    (receipt,) = write({"cbMarq": 1, "CT_Fonction": "Chef"})
    assert (receipt.outcome, sage.contact(1)["CT_Fonction"]) == (APPLIED, "Chef")


def test_a_deadlock_for_ever_is_for_later(write, monkeypatch):
    left = raising(monkeypatch, "update", *[DeadlockError("1205")] * 50)
    (receipt,) = write({"cbMarq": 1, "CT_Fonction": "Chef"})
    assert (receipt.outcome, receipt.cause) == (Outcome.RETRY, Cause.LOCKED)
    assert left


def test_a_number_lost_to_another_writer_is_replaced_by_the_next(write, sage, monkeypatch):
    raising(monkeypatch, "insert", RefusedError(Refusal.DUPLICATE_NUMBER, "ICT_NO"))
    (receipt,) = write({**NEW, "CT_No": 77})
    assert (receipt.outcome, sage.contact(4)["CT_No"]) == (APPLIED, 77)


def test_a_name_lost_to_another_writer_is_a_duplicate_with_the_others_row(write, monkeypatch):
    raising(monkeypatch, "insert", RefusedError(Refusal.DUPLICATE_NAME, "ICT_NOM"))
    (receipt,) = write({**ANNE, "_create": True})
    assert (receipt.cause, receipt.id, receipt.record["CT_No"]) == (Cause.DUPLICATE, 1, 10)


def test_a_broken_connection_leaves_the_record_uncertain_and_stops(write, monkeypatch):
    raising(monkeypatch, "update", UnreachableError("link failure"))
    receipts = []
    with pytest.raises(AirbyteTracedException) as caught:
        write({"cbMarq": 1, "CT_Fonction": "Chef"}, {"cbMarq": 2, "CT_Fonction": "Chef"}, sink=receipts)
    assert [(r.index, r.outcome, r.cause) for r in receipts] == [(0, Outcome.UNCERTAIN, Cause.CONNECTION)]
    assert (caught.value.internal_message, caught.value.failure_type.value) == ("unreachable", "transient_error")


@EVERYWHERE
def test_threads_that_create_at_once_get_numbers_of_their_own(write, sage):
    with open_database(Sage100Config.model_validate(sage.config)) as database:
        receipts = []

        def create(start):
            for n in range(start, start + 10):
                receipts.extend(write({**NEW, "CT_Nom": f"Blanc {n}"}, database=database))

        threads = [threading.Thread(target=create, args=(start,)) for start in (0, 100, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {receipt.outcome for receipt in receipts} == {APPLIED}
    assert sorted(receipt.record["CT_No"] for receipt in receipts) == list(range(13, 43))
