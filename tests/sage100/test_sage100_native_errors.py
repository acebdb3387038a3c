"""Errors of drivers and databases become few classes, by what is to be done about them."""
# ruff: noqa: E501 - a case is a row of a table

import sqlite3
import traceback

import pytest
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from sage100_ssm.sage100.errors import (
    DeadlockError,
    LockedError,
    MisconfiguredError,
    Refusal,
    RefusedError,
    UnavailableError,
    UnexpectedError,
    UnreachableError,
    native_errors,
    outcome_unknown,
)

MS = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"


class NativeError(Exception):
    """As pyodbc has them: SQLSTATE and message."""


def translated(native):
    with pytest.raises(Exception) as caught, native_errors():  # noqa: PT011 - which one is what is asked
        raise DBAPIError("UPDATE F_CONTACTT SET CT_Nom = ?", ("Confidentiel",), native)
    return caught.value


@pytest.mark.parametrize(
    ("state", "text", "kind"),
    [
        ("40001", f"[40001] {MS}Transaction was deadlocked on lock resources. (1205) (SQLExecDirectW)", DeadlockError),
        ("42000", "[42000] [FreeTDS][SQL Server]Transaction was deadlocked. (1205) (SQLExecDirectW)", DeadlockError),
        ("HY000", f"[HY000] {MS}Lock request time out period exceeded. (1222) (SQLExecDirectW)", LockedError),
        ("42000", f"[42000] {MS}Record locked. (80003) (SQLExecDirectW)", LockedError),
        ("42000", f"[42000] {MS}80003 Record locked (50000) (SQLExecDirectW); [42000] {MS}The transaction ended in the trigger. (3609)", LockedError),
        ("42000", f"[42000] {MS}Error 80007, lock type (50000) (SQLExecDirectW)", LockedError),
        ("08S01", "[08S01] [Microsoft][ODBC Driver 18 for SQL Server]Communication link failure (0) (SQLExecDirectW)", UnreachableError),
        ("HYT00", "[HYT00] [Microsoft][ODBC Driver 18 for SQL Server]Query timeout expired (0) (SQLExecDirectW)", UnreachableError),
        ("HYT00", "[HYT00] [Microsoft][ODBC Driver 18 for SQL Server]Login timeout expired (0) (SQLDriverConnect)", UnreachableError),
        ("HY000", f"[HY000] {MS}Cannot continue the execution because the session is in the kill state. (596) (SQLExecDirectW)", UnreachableError),
    ],
)  # fmt: skip
def test_what_passes_is_told_apart_by_the_native_number(state, text, kind):
    assert type(translated(NativeError(state, text))) is kind


@pytest.mark.parametrize(
    ("state", "text", "code"),
    [
        ("28000", f"[28000] {MS}Login failed for user 'sync'. (18456) (SQLDriverConnect)", "login_refused"),
        ("42000", f"[42000] {MS}Cannot open database requested by the login. (4060) (SQLDriverConnect); [28000] {MS}Login failed for user 'sync'. (18456)", "database_missing"),
        ("01000", "[01000] [unixODBC][Driver Manager]Can't open lib 'ODBC Driver 18 for SQL Server' : file not found (0) (SQLDriverConnect)", "driver_missing"),
        ("IM002", "[IM002] [unixODBC][Driver Manager]Data source name not found and no default driver specified (0) (SQLDriverConnect)", "data_source_missing"),
        ("08001", "[08001] [Microsoft][ODBC Driver 18 for SQL Server]SSL Provider: [certificate verify failed:self-signed certificate] (-1) (SQLDriverConnect)", "certificate"),
        ("42000", f"[42000] {MS}The UPDATE permission was denied on the object 'F_CONTACTT'. (229) (SQLExecDirectW)", "right_missing"),
        ("42S02", f"[42S02] {MS}Invalid object name 'dbo.F_CONTACTT'. (208) (SQLExecDirectW)", "schema_missing"),
        ("42S22", f"[42S22] {MS}Invalid column name 'CT_Skype'. (207) (SQLExecDirectW)", "schema_missing"),
    ],
)  # fmt: skip
def test_what_somebody_has_to_mend_bears_a_stable_code(state, text, code):
    error = translated(NativeError(state, text))
    assert (type(error), error.code) == (MisconfiguredError, code)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (f"[23000] {MS}Cannot insert duplicate key row in object 'dbo.F_CONTACTT' with unique index 'ICT_NO'. The duplicate key value is (12). (2601) (SQLExecDirectW); [23000] {MS}The statement has been terminated. (3621)", Refusal.DUPLICATE_NUMBER),
        (f"[23000] {MS}Impossible d'insérer une clé en double dans l'objet « dbo.F_CONTACTT » avec un index unique « ICT_NOM ». Valeur (CARAT, ICT_NO). (2601) (SQLExecDirectW)", Refusal.DUPLICATE_NAME),
        (f"[23000] {MS}Violation of UNIQUE KEY constraint 'ZZ_OWN'. (2627) (SQLExecDirectW)", Refusal.OTHER),
        (f'[23000] {MS}duplicate key value violates unique constraint "ict_nomf_contactt5e6f" (2627) (SQLExecDirectW)', Refusal.DUPLICATE_NAME),
        (f'[23000] {MS}duplicate key value violates unique constraint "ict_nof_contactt1a2b" (2627) (SQLExecDirectW)', Refusal.DUPLICATE_NUMBER),
        (f"[23000] {MS}The DELETE statement conflicted with the REFERENCE constraint. (547) (SQLExecDirectW)", Refusal.FOREIGN_KEY),
        (f"[23000] {MS}Cannot insert the value NULL into column 'CT_Num'. (515) (SQLExecDirectW)", Refusal.VALUE_MISSING),
        (f"[22001] {MS}String or binary data would be truncated in table 'F_CONTACTT'. (2628) (SQLExecDirectW)", Refusal.TOO_LONG),
        (f"[22001] {MS}String or binary data would be truncated. (8152) (SQLExecDirectW)", Refusal.TOO_LONG),
        (f"[42000] {MS}81263 (50000) (SQLExecDirectW)", Refusal.OTHER),
        (f"[42000] {MS}Error converting data type varchar to int. (8114) (SQLExecDirectW)", Refusal.OTHER),
        (f"[42000] {MS}A sentence of an integrator's trigger. (51000) (SQLExecDirectW)", Refusal.OTHER),
    ],
)  # fmt: skip
def test_what_refuses_one_record_is_told_by_number_and_index(text, refusal):
    error = translated(NativeError("23000", text))
    assert (type(error), error.refusal) == (RefusedError, refusal)
    assert error.words
    assert not error.words.startswith("[")


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("42000", f"[42000] {MS}The INSERT failed because the following SET options have incorrect settings. (1934) (SQLExecDirectW)"),
        ("42000", f"[42000] {MS}The target table cannot have any enabled triggers. (334) (SQLExecDirectW)"),
        ("42000", f"[42000] {MS}A server's own number for what it has none for. (33557097) (SQLExecDirectW)"),
        ("42000", f"[42000] {MS}Something that no version had before. (49999) (SQLExecDirectW)"),
        ("HY000", "[HY000] [Microsoft][ODBC Driver 18 for SQL Server]Connection is busy with results for another command (0) (SQLExecDirectW)"),
        ("24000", "[24000] [FreeTDS][SQL Server]Invalid cursor state (0) (SQLExecDirectW)"),
        ("", ""),
    ],
)  # fmt: skip
def test_an_error_that_is_not_known_to_be_about_the_record_is_the_sides(state, text):
    error = translated(NativeError(state, text))
    assert (type(error), error.code, error.configuration) == (UnexpectedError, "database_refuses", False)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (9002, "database_full"), (1105, "database_full"), (1101, "database_full"), (1827, "database_full"),
        (3906, "database_read_only"), (701, "server_overloaded"), (17809, "server_overloaded"),
        *((number, "database_closed") for number in (921, 922, 924, 926, 927, 942, 945, 976, 983, 3908, 9001, 823)),
    ],
)  # fmt: skip
def test_a_database_that_takes_no_write_is_told_apart_from_a_record_by_the_native_number(number, code):
    for words in (f"({number})", f"({number}) (SQLExecDirectW); [42000] {MS}The statement has been terminated. (3621)"):
        error = translated(NativeError("42000", f"[42000] {MS}In the server's words. {words}"))
        assert (type(error), error.code, error.configuration) == (UnavailableError, code, False)
        assert error.words == f"In the server's words. ({number})"


@pytest.mark.parametrize("statement", [None, "SELECT CT_Nom FROM dbo.F_CONTACTT", "EXEC sp_getapplock"])
@pytest.mark.parametrize("number", [54321, 50000, 2627, 8115])
def test_a_number_met_while_connecting_or_reading_is_no_refusal_of_a_record(statement, number):
    with pytest.raises(UnexpectedError, match="In its words"), native_errors():
        raise DBAPIError(statement, (), NativeError("23000", f"[23000] {MS}In its words. ({number})"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"[42000] {MS}The log is full. (9002)", UnreachableError),
        (f"[42000] {MS}Of unknown sense. (49999)", UnreachableError),
        (f"[23000] {MS}Duplicate key. (2601)", UnreachableError),
        ("[08S01] [Microsoft]Communication link failure (0)", UnreachableError),
        (f"[40001] {MS}Overtaken under snapshot isolation. (3960)", DeadlockError),
    ],
)
def test_an_error_of_a_commit_leaves_open_whether_it_was_done_unless_all_was_undone(text, kind):
    with pytest.raises(Exception) as caught, outcome_unknown():  # noqa: PT011 - which one is what is asked
        raise DBAPIError(None, None, NativeError(text[1:6], text))
    assert type(caught.value) is kind


def test_a_transaction_that_ended_in_a_trigger_for_an_unknown_reason_is_tried_again():
    text = "[42000] [FreeTDS][SQL Server]The transaction ended in the trigger. The batch has been aborted. (3609)"
    assert type(translated(NativeError("42000", text))) is LockedError


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("01000", "[01000] [FreeTDS][SQL Server]Unexpected EOF from the server (20017) (SQLExecDirectW)"),
        ("HY000", "[HY000] [FreeTDS][SQL Server]Unknown error (0) (SQLExecDirectW)"),
    ],
)
def test_a_connection_that_freetds_lost_is_no_refusal_whatever_its_sqlstate(state, text):
    assert type(translated(NativeError(state, text))) is UnreachableError


def test_the_servers_words_are_quoted_without_the_drivers_and_without_what_follows_from_them():
    error = translated(
        NativeError(
            "42000",
            f"[42000] {MS}81263 : représentant inconnu (50000) (SQLExecDirectW); "
            f"[42000] {MS}The transaction ended in the trigger. The batch has been aborted. (3609)",
        )
    )
    assert error.words == "81263 : représentant inconnu (50000)"


@pytest.mark.parametrize("value", ["80003", "1205", "(1222)", "(CARAT, 80007)"])
def test_a_number_in_a_users_value_is_no_error_number(value):
    text = f"[23000] {MS}Duplicate key in unique index 'ICT_NOM'. The value is {value}. (2601) (SQLExecDirectW)"
    assert translated(NativeError("23000", text)).code == "duplicate_name"


@pytest.mark.parametrize(
    ("code", "words", "kind", "told"),
    [
        (sqlite3.SQLITE_BUSY, "database is locked", LockedError, "locked"),
        (sqlite3.SQLITE_CANTOPEN, "unable to open database file", MisconfiguredError, "database_missing"),
        (sqlite3.SQLITE_NOTADB, "file is not a database", MisconfiguredError, "database_missing"),
        (sqlite3.SQLITE_READONLY, "attempt to write a readonly database", MisconfiguredError, "right_missing"),
        (sqlite3.SQLITE_ERROR, "no such table: F_CONTACTT", MisconfiguredError, "schema_missing"),
        (sqlite3.SQLITE_ERROR, "no such column: CT_Skype", MisconfiguredError, "schema_missing"),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: F_CONTACTT.CT_No", RefusedError, "duplicate_number"),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: F_CONTACTT.CT_Num, F_CONTACTT.CT_Nom, F_CONTACTT.CT_Prenom", RefusedError, "duplicate_name"),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: index 'ICT_NOM'", RefusedError, "duplicate_name"),
        (sqlite3.SQLITE_CONSTRAINT_TRIGGER, "refused by the trigger", RefusedError, "other"),
        (sqlite3.SQLITE_MISMATCH, "datatype mismatch", RefusedError, "other"),
        (sqlite3.SQLITE_FULL, "database or disk is full", UnavailableError, "database_full"),
        (sqlite3.SQLITE_IOERR_WRITE, "disk I/O error", UnavailableError, "database_closed"),
        (sqlite3.SQLITE_ERROR, "no such function: TOOL", UnexpectedError, "database_refuses"),
    ],
)  # fmt: skip
def test_sqlite_stands_in_with_errors_of_the_same_classes(code, words, kind, told):
    native = sqlite3.OperationalError(words)
    native.sqlite_errorcode = code
    error = translated(native)
    assert (type(error), error.code) == (kind, told)


def test_a_rollback_that_fails_as_well_does_not_hide_the_deadlock():
    deadlock = NativeError("42000", "[42000] [FreeTDS][SQL Server]Deadlocked (1205) (SQLExecDirectW)")
    rollback = DBAPIError("", (), NativeError("25000", "[25000] [FreeTDS][SQL Server]No transaction (3903)"))
    rollback.__context__ = DBAPIError("", (), deadlock)
    with pytest.raises(DeadlockError), native_errors():
        raise rollback


def test_a_missing_table_and_a_missing_driver_manager_are_for_somebody_to_mend():
    for cause, code in (
        (NoSuchTableError("F_CONTACTT"), "schema_missing"),
        (ImportError("libodbc.so.2"), "odbc_missing"),
    ):
        with pytest.raises(MisconfiguredError) as caught, native_errors():
            raise cause
        assert caught.value.code == code
        assert str(cause) in str(caught.value)


def test_a_traceback_shows_neither_the_statement_nor_its_values():
    error = translated(NativeError("08S01", "[08S01] [Microsoft]Communication link failure (0)"))
    shown = "".join(traceback.format_exception(error))
    assert "Confidentiel" not in shown
    assert "SET CT_Nom" not in shown
