"""The server that stands in for SQL Server does what SQL Server does, where the product could notice."""

import threading
from datetime import datetime

import pyodbc
import pytest

from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.standins.sql_server.drivers import FREETDS, MICROSOFT, missing
from tests.support.sage100_databases import Front

INSERT = "INSERT INTO dbo.F_CONTACTT (CT_Num, CT_Nom, CT_No) VALUES (?, ?, ?)"
UPDATE = "UPDATE dbo.F_CONTACTT SET CT_Fonction = ? WHERE cbMarq = ?"


@pytest.fixture(params=[MICROSOFT, FREETDS])
def company(request, drivers):
    if reason := missing(request.param):
        pytest.skip(reason)
    front: Front = request.getfixturevalue("sql_server")
    made = front.company(request.param)
    made.add(F_COMPTET, {"CT_Num": "CARAT", "CT_Type": 0})
    made.add(F_CONTACTT, *({"CT_Num": "CARAT", "CT_Nom": name, "CT_No": n} for n, name in enumerate("AB", 1)))
    return made


@pytest.fixture
def connect(company):
    """Makes connections that wait half a second for a lock."""
    made = []

    def connected():
        made.append(pyodbc.connect(company.connection_string))
        made[-1].execute("SET LOCK_TIMEOUT 500").close()
        return made[-1]

    yield connected
    for connection in made:
        if not connection.closed:
            connection.close()


def number(connection, sql, *values):
    """The native number of the error that a statement ends with."""
    with pytest.raises(pyodbc.Error) as caught:
        connection.execute(sql, *values)
    return int(str(caught.value.args[1]).rpartition(" (SQL")[0].rpartition("(")[2].rstrip(")"))


@pytest.mark.parametrize(
    ("sql", "values", "error"),
    [
        (INSERT, ("CARAT", "A", 9), 2601),
        (INSERT, ("CARAT", "C", 1), 2601),
        ("INSERT INTO dbo.F_COMPTET (CT_Num) VALUES (?)", ("carat ",), 2627),
        (INSERT, ("RIEN", "C", 9), 547),
        ("INSERT INTO dbo.F_CONTACTT (CT_Nom) VALUES (?)", ("C",), 515),
        (INSERT, ("CARAT", "x" * 36, 9), 2628),
        ("INSERT INTO dbo.F_CONTACTT (CT_Num, cbMarq) VALUES (?, 9)", ("CARAT",), 544),
        ("UPDATE dbo.F_CONTACTT SET cbCT_Nom = ?", ("x",), 271),
        ("UPDATE dbo.F_CONTACTT SET CT_Num = ? OUTPUT inserted.cbMarq WHERE cbMarq = 1", ("CARAT",), 334),
        ("SELECT * FROM dbo.F_CONTACTF WHERE CT_Nom = ?", ("A",), 208),
        ("SELECT CT_Age FROM dbo.F_CONTACTT WHERE CT_Nom = ?", ("A",), 207),
        ("SELECT STRING_SPLIT(CT_Nom, ?) FROM dbo.F_CONTACTT", ("A",), 195),
    ],
)
def test_errors_bear_their_numbers(connect, sql, values, error):
    assert number(connect(), sql, *values) == error


def test_a_server_before_2019_has_other_words_for_what_is_too_long(connect, company, sql_server):
    sql_server.database(company).is_before_2019 = True
    assert number(connect(), INSERT, "CARAT", "x" * 36, 9) == 8152


def test_text_is_held_in_the_code_page_compared_without_case_and_unique_by_its_bytes(connect):
    connection = connect()
    connection.execute(INSERT, "carat", "Łukasz É", 7)
    found = connection.execute("SELECT CT_Nom FROM dbo.F_CONTACTT WHERE CT_Nom = ?", "?UKASZ é  ").fetchall()
    assert [tuple(row) for row in found] == [("?ukasz É",)]


@pytest.mark.parametrize(
    ("kind", "held"), [("datetime", "10:00:29.997000"), ("smalldatetime", "10:00:00"), ("datetime2(0)", "10:00:30")]
)
def test_times_are_rounded_as_their_type_holds_them(connect, kind, held):
    connection = connect()
    connection.execute(f"CREATE TABLE dbo.ZZ_TIME (stamp {kind} NULL)")
    connection.execute("INSERT INTO dbo.ZZ_TIME (stamp) VALUES (?)", datetime(2026, 3, 2, 10, 0, 29, 998000))  # noqa: DTZ001 - the server's local time
    assert str(connection.execute("SELECT stamp FROM dbo.ZZ_TIME").fetchval().time()) == held


def test_what_is_not_committed_is_waited_for_and_undone_with_its_connection(connect):
    writer, reader = connect(), connect()
    writer.execute(UPDATE, "Chef", 1)
    assert number(reader, "SELECT CT_Fonction FROM dbo.F_CONTACTT") == 1222
    assert reader.execute("SELECT CT_Nom FROM dbo.F_CONTACTT WHERE cbMarq = 2").fetchval() == "B"
    writer.close()
    assert reader.execute("SELECT CT_Fonction FROM dbo.F_CONTACTT WHERE cbMarq = 1").fetchval() is None


def test_of_two_who_wait_for_each_other_one_is_the_victim_and_the_other_goes_on(connect):
    ends = []

    def work(connection, first, then, both_there):
        connection.execute(UPDATE, "Chef", first)
        both_there.wait()
        try:
            connection.execute(UPDATE, "Chef", then)
        except pyodbc.Error as error:
            ends.append("1205" in error.args[1])
        else:
            connection.commit()
            ends.append("committed")

    both_there = threading.Barrier(2)
    threads = [threading.Thread(target=work, args=(connect(), *rows, both_there)) for rows in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, ends)) == ["True", "committed"]
    assert connect().execute("SELECT COUNT(*) FROM dbo.F_CONTACTT WHERE CT_Fonction = 'Chef'").fetchval() == 2


def test_a_lock_by_name_is_given_to_one_at_a_time_and_back_with_the_transaction(connect):
    one, other = connect(), connect()
    take = (
        "DECLARE @r int; EXEC @r = sp_getapplock @Resource = 'turn', @LockMode = 'Exclusive', "
        "@LockOwner = 'Transaction', @LockTimeout = 50; SELECT @r"
    )

    def taken(connection):
        cursor = connection.execute(take)
        while cursor.description is None:
            cursor.nextset()
        return cursor.fetchval()

    assert (taken(one), taken(other)) == (0, -1)
    one.commit()
    assert taken(other) == 0
