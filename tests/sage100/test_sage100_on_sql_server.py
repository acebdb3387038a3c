"""What is said to a SQL Server, and what becomes of its answers: real drivers, in front of a server that speaks TDS."""

import re
from datetime import datetime
from itertools import chain

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sage100_ssm.exchange.receipt import Cause, Outcome
from sage100_ssm.sage100.config import Odbc, Sage100Config, SqlServer
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.engine import APPLICATION, engine_of
from sage100_ssm.sage100.errors import LockedError, MisconfiguredError, UnreachableError
from sage100_ssm.sage100.reading import newest, pages
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.sage100.writing import Contacts, in_transaction
from sage100_ssm.standins.sql_server.drivers import MICROSOFT
from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.server import Fault
from tests.support.sage100_databases import ON_SERVERS, only_here

ADDRESS = {"kind": "sqlserver", "host": "SRV-SAGE", "database": "BIJOU"}
ON_MICROSOFT = pytest.mark.parametrize("company", [MICROSOFT], indirect=True)
NEW = {"CT_Num": "CARAT", "CT_Nom": "Blanc"}
CHEF = {"cbMarq": 1, "CT_Fonction": "Chef"}
NOBODY = re.compile(r"SELECT 1|SELECT TOP 1 dbo\.\[F_CONTACTT\]\.\[cbMarq\]|EXEC sp_getapplock|SELECT applock_mode")


@pytest.fixture
def database(sage):
    """The company, open."""
    with open_database(Sage100Config.model_validate(sage.config)) as opened:
        yield opened


@pytest.fixture
def said(sql_server, database):
    """Gives what has been said since the database was opened, less what keeps writers apart."""
    sql_server.server.statements.clear()
    return lambda: [flat for sql in sql_server.server.statements if not NOBODY.match(flat := " ".join(sql.split()))]


@pytest.fixture
def order(sage, sql_server):
    """Orders faults of the server."""
    only_here(sage)
    return sql_server.order


def rows(database, table):
    """A table, read whole, row by row."""
    return chain.from_iterable(pages(database, table))


def string_of(connection):
    """The string by which the driver is called."""
    engine = engine_of(connection)
    (string,), _ = engine.dialect.create_connect_args(engine.url)
    return string


# --- connecting


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ({"port": 1444}, "Server=SRV-SAGE,1444"),
        ({"port": 1444, "driver": "FreeTDS"}, "Server=SRV-SAGE"),
        ({"port": 1444, "driver": "FreeTDS"}, "Port=1444"),
        ({"instance": "SAGE100", "driver": "FreeTDS"}, "Server=SRV-SAGE\\SAGE100"),
        ({"instance": "SAGE100"}, "Server=SRV-SAGE\\SAGE100"),
        ({}, "Trusted_Connection=Yes"),
        ({}, f"APP={APPLICATION}"),
        ({}, "Encrypt=yes"),
        ({}, "TrustServerCertificate=no"),
        ({"encrypt": False, "trust_server_certificate": True}, "Encrypt=no"),
    ],
)
def test_an_address_becomes_a_connection_string(server, told):
    assert told in string_of(SqlServer(**ADDRESS, **server)).split(";")


def test_a_password_is_quoted_and_shows_nowhere():
    server = SqlServer(**ADDRESS, username="sync", password="p4ss;{word}")
    assert "PWD={p4ss;{word}}}" in string_of(server)
    assert "p4ss" not in repr(engine_of(server))
    given = engine_of(Odbc(kind="odbc", connection_string="DSN=BIJOU;PWD=p4ss"))
    assert "p4ss" not in repr(given) + str(given.url)


@ON_SERVERS
@pytest.mark.parametrize("kind", ["sqlserver", "odbc"])
def test_the_connection_bears_our_name_and_none_that_sage_takes_for_its_own(sage, sql_server, kind):
    only_here(sage)
    string = f"{sage.connection_string};APP=Sage 100"
    connection = sage.config["connection"] if kind == "sqlserver" else {"kind": kind, "connection_string": string}
    with open_database(Sage100Config.model_validate(sage.config | {"connection": connection})):
        assert sql_server.server.clients[-1].session.login.application == APPLICATION
    assert not APPLICATION.startswith("Sage 100")


@ON_SERVERS
@pytest.mark.parametrize(
    ("wrong", "code"), [({"password": "no"}, "login_refused"), ({"database": "NONE"}, "database_missing")]
)
def test_a_login_that_is_refused_and_a_database_that_is_not_there_are_told(sage, wrong, code):
    only_here(sage)
    config = sage.config | {"connection": sage.config["connection"] | wrong}
    with pytest.raises(MisconfiguredError) as caught:
        open_database(Sage100Config.model_validate(config))
    # FreeTDS tells of a database that cannot be opened as of a login that is refused.
    assert caught.value.code in {code, "login_refused"} if "tds" in str(sage.config).lower() else code


@ON_SERVERS
@pytest.mark.parametrize(
    ("denied", "told"),
    [
        (("SELECT", "f_comptet"), "SELECT"),
        (("INSERT", "f_contactt"), "INSERT"),
        (("UPDATE", "f_contactt"), "UPDATE"),
        (("DELETE", "f_contactt"), "DELETE"),
    ],
)  # fmt: skip
def test_a_right_that_is_missing_is_named_before_anything_is_written(sage, database, sql_server, denied, told):
    only_here(sage)
    sql_server.database(sage).denied.add(denied)
    with pytest.raises(MisconfiguredError, match=told) as caught:
        database.verify_writing()
    assert caught.value.code == "right_missing"


@ON_MICROSOFT
def test_a_right_that_is_taken_away_meanwhile_stops_the_writing(sage, sql_server, write):
    sql_server.database(sage).denied.add(("UPDATE", "f_contactt"))
    with pytest.raises(AirbyteTracedException) as caught:
        write(CHEF)
    assert (caught.value.internal_message, caught.value.failure_type.value) == ("right_missing", "config_error")


@ON_SERVERS
def test_a_table_that_the_login_may_not_even_see_is_a_right_that_is_missing(sage, sql_server):
    only_here(sage)
    hidden = sql_server.database(sage)
    hidden.denied.add(("SELECT", "f_comptet"))
    hidden.run("DELETE FROM \"INFORMATION_SCHEMA.COLUMNS\" WHERE TABLE_NAME = 'F_COMPTET'")
    with pytest.raises(MisconfiguredError, match="F_COMPTET") as caught:
        open_database(Sage100Config.model_validate(sage.config))
    assert caught.value.code == "right_missing"


@ON_SERVERS
def test_a_table_or_column_that_is_missing_is_named(sage):
    sage.run("DROP TABLE dbo.F_DRECOUVREMENT")
    sage.run("DROP TABLE dbo.F_CONTACTT")
    with pytest.raises(MisconfiguredError, match="F_CONTACTT") as caught:
        open_database(Sage100Config.model_validate(sage.config))
    assert caught.value.code == "schema_missing"
    sage.run("CREATE TABLE dbo.F_CONTACTT (CT_Num varchar(17) NULL, cbMarq int IDENTITY(1,1) NOT NULL)")
    with pytest.raises(MisconfiguredError, match=r"F_CONTACTT\.CT_Nom"):
        open_database(Sage100Config.model_validate(sage.config))


# --- what is said


@ON_MICROSOFT
def test_a_creation_names_its_columns_leaves_sages_own_to_their_defaults_and_asks_for_the_id_at_once(database, said):
    in_transaction(database, lambda contacts: contacts.insert(NEW, None))
    name, number, insertion, back = said()
    assert "FROM dbo.[F_CONTACTT] WITH (UPDLOCK)" in name
    assert "max(dbo.[F_CONTACTT].[CT_No])" in number
    assert "WITH (UPDLOCK, HOLDLOCK)" in number
    assert insertion.startswith("INSERT INTO dbo.[F_CONTACTT] ([CT_Num], [CT_Nom],")
    assert insertion.endswith("; select scope_identity()")
    assert not re.search(r"\[cb\w+\]", insertion)
    assert "WHERE dbo.[F_CONTACTT].[cbMarq] = @P1" in back


@ON_MICROSOFT
def test_an_update_compares_under_a_lock_and_stamps_by_the_servers_clock(database, said):
    in_transaction(database, lambda contacts: contacts.update(contacts.get(1), {"CT_EMail": "a@b.fr"}))
    before, update, after = said()
    assert "WITH (UPDLOCK)" in before
    assert update == (
        "UPDATE dbo.[F_CONTACTT] SET [CT_EMail]=@P1, [cbModification]=getdate() WHERE dbo.[F_CONTACTT].[cbMarq] = @P2 "
        "AND CAST(dbo.[F_CONTACTT].[CT_EMail] AS VARBINARY(8000)) = @P3"
    )
    assert "WITH (UPDLOCK)" in after


@ON_MICROSOFT
def test_nothing_said_is_newer_than_2012_forbidden_by_triggers_or_without_its_columns(
    database, sql_server, write, said
):
    in_transaction(database, lambda contacts: contacts.insert(NEW, 5))
    in_transaction(database, lambda contacts: contacts.update(contacts.get(1), {"CT_Nom": "Blanc"}))
    in_transaction(database, lambda contacts: contacts.delete(contacts.get(2)))
    in_transaction(database, lambda contacts: contacts.company("carat"))
    database.verify_writing()
    database.last_identity(F_CONTACTT)
    newest(database, F_CONTACTT)
    for table in (F_COMPTET, F_CONTACTT):
        list(rows(database, table))
        list(pages(database, table, since=datetime(2026, 3, 2), after=1))  # noqa: DTZ001 - the server's local time
    words = r"OUTPUT|MERGE|STRING_AGG|TRIM|CONCAT_WS|LIMIT|OFFSET|RETURNING|SELECT \*|TRIGGER|cbCT_\w+"
    for sql in sql_server.server.statements:
        assert not re.search(rf"\b({words})\b", sql, re.IGNORECASE), sql


def test_an_output_clause_is_what_the_triggers_would_refuse(sql_server):
    company = sql_server.company(MICROSOFT)
    company.add(F_COMPTET, {"CT_Num": "CARAT", "CT_Type": 0})
    with pytest.raises(Exception, match=r"\(334\)"):
        company.run("INSERT INTO dbo.F_CONTACTT (CT_Num) OUTPUT inserted.cbMarq VALUES ('CARAT')")


@ON_SERVERS
def test_columns_of_other_makers_are_neither_read_nor_written(sage, database):
    sage.run("UPDATE dbo.F_COMPTET SET [Région d'achat] = 'Ouest'")
    assert {len(record) for record in rows(database, F_COMPTET)} == {len(database.layout(F_COMPTET).names)}
    assert not [name for name in database.layout(F_COMPTET).names if "Région" in name]


# --- what comes of it


@ON_SERVERS
def test_a_name_that_differs_by_case_alone_is_another_contact_although_the_server_finds_both(write, sage):
    (receipt,) = write({"CT_Num": "carat", "CT_Nom": "DURAND", "CT_Prenom": "Anne", "_create": True})
    assert (receipt.outcome, sage.contact(receipt.id)["CT_Num"]) == (Outcome.APPLIED, "CARAT")
    again, other = write(
        {"CT_Num": "CARAT", "CT_Nom": "DURAND", "CT_Prenom": "Anne", "CT_Fonction": "Chef"},
        {"CT_Num": "CARAT", "CT_Nom": "Durand", "CT_Prenom": "Anne", "CT_Fonction": "Autre"},
    )
    assert (again.id, other.id) == (receipt.id, 1)


@ON_SERVERS
@pytest.mark.parametrize(
    ("raced", "index"), [({"CT_Nom": "Blanc", "CT_No": 99}, "ICT_NOM"), ({"CT_Nom": "Noir", "CT_No": 77}, "ICT_NO")]
)
def test_who_loses_a_name_or_number_to_a_sage_user_meanwhile_begins_again(
    sage, order, write, monkeypatch, raced, index
):
    """Between the look for the name and the insertion, somebody creates a contact in Sage."""
    genuine, raced = Contacts._number, {"CT_Num": "CARAT", "CT_Prenom": "", **raced}

    def numbered(self, number):
        given = genuine(self, number)
        if raced:
            sage.add(F_CONTACTT, raced)
            raced.clear()
        return given

    monkeypatch.setattr(Contacts, "_number", numbered)
    (receipt,) = write({**NEW, "CT_No": 77, "_create": True})
    if index == "ICT_NOM":
        assert (receipt.cause, receipt.record["CT_No"]) == (Cause.DUPLICATE, 99)
    else:
        assert (receipt.outcome, receipt.record["CT_No"]) == (Outcome.APPLIED, 78)


@ON_SERVERS
@pytest.mark.parametrize(
    ("error", "outcome", "cause"),
    [
        (native(1205, process=60), Outcome.RETRY, Cause.LOCKED),
        (native(1222), Outcome.RETRY, Cause.LOCKED),
        (SqlError(80003, "Enregistrement utilisé", 11), Outcome.RETRY, Cause.LOCKED),
        (SqlError(50000, "80003 : enregistrement utilisé", 11), Outcome.RETRY, Cause.LOCKED),
        (SqlError(50000, "81263 : représentant inconnu", 11), Outcome.REFUSED, Cause.REJECTED),
        (native(8152), Outcome.REFUSED, Cause.TOO_LONG),
        (native(2628, database="B", table="F_CONTACTT", column="CT_Nom", kept=""), Outcome.REFUSED, Cause.TOO_LONG),
        (native(515, database="BIJOU", table="F_CONTACTT", column="CT_Num"), Outcome.REFUSED, Cause.VALUE_MISSING),
    ],
    ids=lambda value: str(value.number) if isinstance(value, SqlError) else "",
)  # fmt: skip
def test_the_number_of_an_error_decides_what_becomes_of_the_record(order, write, sage, error, outcome, cause):
    order(Fault("^UPDATE", error, times=50))
    (receipt,) = write(CHEF)
    assert (receipt.outcome, receipt.cause) == (outcome, cause)
    assert sage.contact(1)["CT_Fonction"] is None


@ON_SERVERS
def test_a_deadlocks_victim_begins_again_at_once(order, write, sage):
    order(Fault("^UPDATE", native(1205, process=60), times=2))
    (receipt,) = write(CHEF)
    assert (receipt.outcome, sage.contact(1)["CT_Fonction"]) == (Outcome.APPLIED, "Chef")


@ON_SERVERS
@pytest.mark.parametrize(
    ("pattern", "after", "written"),
    [("^UPDATE", False, False), ("^UPDATE", True, False), ("WITH .UPDLOCK", False, False)],
    ids=["the statement did not arrive", "its answer was lost", "before the write"],
)
def test_a_connection_that_breaks_leaves_the_record_uncertain_and_the_transaction_undone(
    order, write, sage, pattern, after, written
):
    order(Fault(pattern, after=after))
    receipts = []
    with pytest.raises(AirbyteTracedException) as caught:
        write(CHEF, {"cbMarq": 2, "CT_Fonction": "Chef"}, sink=receipts)
    assert [(r.index, r.outcome, r.cause) for r in receipts] == [(0, Outcome.UNCERTAIN, Cause.CONNECTION)]
    assert caught.value.internal_message == "unreachable"
    assert (sage.contact(1)["CT_Fonction"] == "Chef") is written


@ON_SERVERS
def test_a_statement_that_takes_too_long_leaves_the_connection_for_dead(database, sage, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sage100.engine._STATEMENT_SECONDS", 1)
    monkeypatch.setattr("sage100_ssm.sage100.engine._LOCK_MILLISECONDS", -1)
    with open_database(Sage100Config.model_validate(sage.config)) as impatient:
        with sage.somebody_changes(1), pytest.raises(UnreachableError):
            in_transaction(impatient, lambda contacts: contacts.get(1))
        assert in_transaction(impatient, lambda contacts: contacts.get(1))["CT_Nom"] == "Durand"


@ON_SERVERS
def test_a_connection_that_broke_between_two_transactions_is_replaced(database, sage, sql_server):
    only_here(sage)
    assert len(list(rows(database, F_CONTACTT))) == 3
    sql_server.server.cut_off()
    assert len(list(rows(database, F_CONTACTT))) == 3


# --- writers at the same time


@ON_SERVERS
def test_who_does_not_get_the_turn_in_time_tries_later(database, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sage100.database._WRITER_LOCK_MILLISECONDS", 50)
    with database.writing(), pytest.raises(LockedError), database.writing():
        pass


@ON_SERVERS
@pytest.mark.parametrize("unknown", [["sp_getapplock"], ["applock_mode"], ["sp_getapplock", "hints"]], ids=" and ".join)
def test_without_locks_by_name_the_row_locks_or_else_the_unique_indexes_keep_writers_apart(
    sage, sql_server, at_once, unknown
):
    only_here(sage)
    sql_server.database(sage).without.update(unknown)
    assert at_once(sage.config, writers=3, each=4) == set(range(13, 25))


@ON_SERVERS
def test_writers_of_several_processes_give_each_contact_a_number_of_its_own(sage, processes_at_once):
    assert processes_at_once(sage.config, writers=2, each=5) == set(range(13, 23))
    assert len(sage.contacts()) == 13


@ON_MICROSOFT
def test_a_server_that_tells_less_than_others_is_worked_with_all_the_same(sage, sql_server, write):
    sql_server.database(sage).without |= {
        *("sp_getapplock", "applock_mode", "has_perms_by_name", "ident_current", "collationproperty")
    }
    sql_server.order(Fault("^SET (XACT|LOCK)", native(195, name="SET"), times=100))
    with open_database(Sage100Config.model_validate(sage.config)) as database:
        database.verify_writing()
        assert (database.encoding, database.last_identity(F_CONTACTT)) == ("cp1252", None)
        (receipt,) = write(CHEF, database=database)
    sql_server.server.faults.clear()
    assert (receipt.outcome, sage.contact(1)["CT_Fonction"]) == (Outcome.APPLIED, "Chef")
