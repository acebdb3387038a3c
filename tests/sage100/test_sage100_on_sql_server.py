"""What is said to a SQL Server: the real dialect and driver interface, in front of a server that only listens."""

import re
import sys
from datetime import datetime
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from sage100.config import Odbc, SqlServer
from sage100.database import Database, Layout
from sage100.engine import APPLICATION, engine_of
from sage100.errors import ConfigurationError, LockedError, RefusedError, UnreachableError
from sage100.reading import pages, rows
from sage100.tables import F_COMPTET, F_CONTACTT
from sage100.writing import in_transaction

TABLES = {F_COMPTET: None, F_CONTACTT: None}
SERVER = SqlServer(kind="sqlserver", host="SRV-SAGE", database="BIJOU", username="sync", password="p4ss;{word}")
ROW = {"CT_Num": "CARAT", "CT_Nom": "Durand", "CT_Prenom": "Anne", "CT_No": 10, "cbMarq": 7}
NOW = datetime(2026, 3, 2, 10, 0)  # noqa: DTZ001 - the server's local time


class Listener(ModuleType):
    """Stands in for the module `pyodbc`: notes what it is told, and answers by rule."""

    paramstyle, version = "qmark", "5.5.0"

    class Error(Exception):
        """As the DB-API has it."""

    class ProgrammingError(Error):
        """As the DB-API has it."""

    DatabaseError = InterfaceError = OperationalError = IntegrityError = Error

    def __init__(self):
        super().__init__("pyodbc")
        self.Cursor = Cursor
        self.said, self.strings, self.ends = [], [], []
        self.answers = [
            (r"ProductVersion", [("11.0.3000.0",)]),
            (r"schema_name\(\)", [("dbo",)]),
            (r"APPLOCK_MODE", [("Exclusive",)]),
            (r"has_perms_by_name", [(1,)]),
            (r"getdate\(\)", [(NOW,)]),
            (r"scope_identity", [(7,)]),
            (r"max\(", [(12,)]),
            (r"SELECT TOP 1", [(7,)]),
            (r"FROM dbo\.\[F_CONTACTT\]", [tuple(ROW.get(name) for name in F_CONTACTT.columns.keys())]),  # noqa: SIM118 - a column is no name
        ]

    def __getattr__(self, name):
        if name.isupper():  # a code of the driver interface
            return 0
        raise AttributeError(name)

    def connect(self, string, **_):
        self.strings.append(string)
        return Connection(self)

    def statements(self):
        """What was said, less what the dialect asks by itself."""
        return [sql for sql in self.said if "F_C" in sql or "applock" in sql.lower()]


class Connection:
    def __init__(self, listener):
        self.listener, self.autocommit, self.timeout = listener, False, 0

    def cursor(self):
        return Cursor(self.listener)

    def getinfo(self, _):
        return "11.00.3000"

    def add_output_converter(self, *_): ...

    def commit(self):
        self.listener.ends.append("commit")

    def rollback(self):
        self.listener.ends.append("rollback")

    def close(self): ...


class Cursor:
    rowcount = -1

    def __init__(self, listener):
        self.listener, self.rows, self.description = listener, [], None

    def execute(self, sql, *parameters):
        self.listener.said.append(" ".join(sql.split()))
        for pattern, answer in self.listener.answers:
            if re.search(pattern, sql, re.IGNORECASE):
                if isinstance(answer, Exception):
                    raise answer
                self.rows = list(answer)
                break
        else:
            self.rows = []
        names = re.findall(r"\]\.\[(\w+)\]", sql.partition(" FROM ")[0]) or ["value"]
        width = len(self.rows[0]) if self.rows else len(names)
        self.description = [(f"c{n}", str, None, None, None, None, True) for n in range(width)]
        return self

    def setinputsizes(self, _): ...

    def fetchall(self):
        rows, self.rows = self.rows, []
        return rows

    def fetchone(self):
        return self.rows.pop(0) if self.rows else None

    def nextset(self):
        return False

    def close(self): ...


@pytest.fixture
def listener(monkeypatch):
    made = Listener()
    monkeypatch.setitem(sys.modules, "pyodbc", made)
    return made


@pytest.fixture
def database(listener):
    layouts = {
        table: Layout(table, {str(c.name): c for c in table.columns}, {c.name: 35 for c in table.columns}, None)
        for table in TABLES
    }
    with Database(engine_of(SERVER), ZoneInfo("Europe/Paris"), layouts, "cp1252") as made:
        yield made


def test_a_connection_is_named_encrypted_and_quoted(listener, database):
    with database.reading():
        pass
    (string,) = listener.strings
    assert "DRIVER={ODBC Driver 18 for SQL Server};Server=SRV-SAGE;Database=BIJOU;UID=sync;PWD={p4ss;{word}}}" in string
    assert {"Encrypt=yes", "TrustServerCertificate=no", f"APP={APPLICATION}"} <= set(string.split(";"))
    assert not APPLICATION.startswith("Sage 100")


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ({"port": 1444}, "Server=SRV-SAGE,1444"),
        ({"instance": "SAGE100"}, "Server=SRV-SAGE\\SAGE100"),
        ({}, "Trusted_Connection=Yes"),
        ({"encrypt": False, "trust_server_certificate": True}, "Encrypt=no"),
    ],
    ids=["port", "named instance", "Windows authentication", "not encrypted"],
)
def test_an_address_becomes_a_connection_string(listener, server, told):
    engine = engine_of(SqlServer(kind="sqlserver", host="SRV-SAGE", database="BIJOU", **server))
    engine.connect().close()
    engine.dispose()
    assert told in listener.strings[0].split(";")


def test_a_connection_string_is_used_under_our_name_and_shows_nowhere(listener):
    engine = engine_of(Odbc(kind="odbc", connection_string="DSN=BIJOU;APP=Sage 100;PWD=p4ss"))
    engine.connect().close()
    engine.dispose()
    assert listener.strings == [f"APP={APPLICATION};DSN=BIJOU;APP=Sage 100;PWD=p4ss"]
    assert "p4ss" not in repr(engine) + str(engine.url)
    assert "p4ss" not in repr(engine_of(SERVER))


def test_each_session_ignores_counts_ends_with_an_error_and_does_not_wait_for_ever(listener, database):
    with database.reading():
        pass
    assert "SET NOCOUNT ON; SET XACT_ABORT ON; SET LOCK_TIMEOUT 5000" in listener.said


def test_a_creation_takes_its_turn_and_asks_for_the_new_id_in_the_same_batch(listener, database):
    in_transaction(database, lambda contacts: contacts.insert({"CT_Num": "CARAT", "CT_Nom": "Blanc"}, None))
    first, turn, granted, name, number, insertion, back = listener.statements()
    assert first == "SELECT TOP 1 dbo.[F_CONTACTT].[cbMarq] FROM dbo.[F_CONTACTT]"
    assert turn.startswith("EXEC sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockOwner = 'Transaction'")
    assert "applock_mode(?, ?, ?)" in granted.lower()
    assert "FROM dbo.[F_CONTACTT] WITH (UPDLOCK)" in name
    assert "max(dbo.[F_CONTACTT].[CT_No])" in number
    assert "WITH (UPDLOCK, HOLDLOCK)" in number
    assert insertion.startswith("INSERT INTO dbo.[F_CONTACTT] ([CT_Num], [CT_Nom],")
    assert insertion.endswith("; select scope_identity()")
    assert not re.search(r"\[cb\w+\]", insertion)
    assert "WHERE dbo.[F_CONTACTT].[cbMarq] = ?" in back
    assert "commit" in listener.ends


def test_an_update_compares_under_a_lock_and_stamps_by_the_servers_clock(listener, database):
    in_transaction(database, lambda contacts: contacts.update(contacts.get(7), {"CT_EMail": "a@b.fr"}))
    *_, before, update, after = listener.statements()
    assert "WITH (UPDLOCK)" in before
    assert update == (
        "UPDATE dbo.[F_CONTACTT] SET [CT_EMail]=?, [cbModification]=getdate() WHERE dbo.[F_CONTACTT].[cbMarq] = ?"
    )
    assert "WITH (UPDLOCK)" in after


def test_a_deletion_is_by_id_and_looked_at_afterwards(listener, database):
    with pytest.raises(RefusedError, match="still there"):
        in_transaction(database, lambda contacts: contacts.delete(7))
    *_, deletion, after = listener.statements()
    assert deletion == "DELETE FROM dbo.[F_CONTACTT] WHERE dbo.[F_CONTACTT].[cbMarq] = ?"
    assert after.startswith("SELECT")
    assert "commit" not in listener.ends


def test_pages_are_taken_from_the_top_by_their_key_and_times_compared_as_datetime(listener, database, monkeypatch):
    monkeypatch.setattr("sage100.reading._PAGE", 1)
    listener.answers.insert(0, (r"ORDER BY", [tuple(ROW.get(name) for name in F_CONTACTT.columns.keys())]))  # noqa: SIM118 - a column is no name
    reading = pages(database, F_CONTACTT, since=NOW)
    assert next(reading)[0]["cbMarq"] == 7
    next(reading)
    first, second = listener.statements()
    changed = "[cbModification] >= CAST(? AS DATETIME) OR dbo.[F_CONTACTT].[cbModification] IS NULL"
    for said in (first, second):
        assert said.startswith("SELECT TOP 1 ")
        assert changed in said
        assert said.endswith("ORDER BY dbo.[F_CONTACTT].[cbMarq]")
    assert "[cbMarq] > ?" in second


def test_nothing_said_is_newer_than_2012_or_forbidden_by_triggers(listener, database):
    in_transaction(database, lambda contacts: contacts.insert({"CT_Num": "CARAT", "CT_Nom": "Blanc"}, 5))
    in_transaction(database, lambda contacts: contacts.update(contacts.get(7), {"CT_Nom": "Blanc"}))
    in_transaction(database, lambda contacts: contacts.company("carat"))
    list(rows(database, F_COMPTET))
    for sql in listener.statements():
        assert not re.search(r"\b(OUTPUT|MERGE|STRING_AGG|TRIM|CONCAT_WS|LIMIT|RETURNING|SELECT \*)\b", sql), sql


def test_who_does_not_get_the_turn_tries_later(listener, database):
    listener.answers.insert(0, (r"applock_mode", [("NoLock",)]))
    with pytest.raises(LockedError):
        in_transaction(database, lambda contacts: contacts.get(7))
    assert "commit" not in listener.ends


def test_a_right_that_is_missing_is_named(listener, database):
    listener.answers.insert(0, (r"has_perms_by_name", [(0,)]))
    with pytest.raises(ConfigurationError, match="SELECT on F_COMPTET") as caught:
        database.verify_writing()
    assert caught.value.code == "right_missing"


def test_the_rights_to_read_and_to_write_are_asked_for_and_nothing_is_written(listener, database):
    database.verify_writing()
    assert sum("has_perms_by_name" in sql for sql in listener.said) == 5
    assert not any(sql.startswith(("INSERT", "UPDATE", "DELETE")) for sql in listener.said)


def test_a_connection_that_breaks_under_a_write_is_told_as_such(listener, database):
    listener.answers.insert(
        0, (r"^UPDATE", Listener.Error("08S01", "[08S01] [Microsoft]Communication link failure (0)"))
    )
    with pytest.raises(UnreachableError):
        in_transaction(database, lambda contacts: contacts.update(contacts.get(7), {"CT_Nom": "Blanc"}))


def test_a_deadlocks_victim_begins_a_new_transaction(listener, database):
    deadlock = Listener.Error("40001", "[40001] [Microsoft]Transaction was deadlocked (1205) (SQLExecDirectW)")
    listener.answers.insert(0, (r"^UPDATE", deadlock))
    with pytest.raises(LockedError):
        in_transaction(database, lambda contacts: contacts.update(contacts.get(7), {"CT_Nom": "Blanc"}))
    assert sum(sql.startswith("UPDATE") for sql in listener.said) == 3
    assert listener.ends.count("rollback") >= 3
