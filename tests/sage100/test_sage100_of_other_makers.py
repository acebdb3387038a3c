"""A database is taken as it is found: columns by looking, what is indispensable by name."""

import logging
import sqlite3

import pytest
from airbyte_cdk.models import SyncMode
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_sage100.destination import DestinationSage100
from sage100_ssm.exchange.receipt import Cause, Outcome
from source_sage100.source import SourceSage100

COMPTET = "CREATE TABLE F_COMPTET (CT_Num TEXT, CT_Type INT, cbMarq INTEGER PRIMARY KEY)"
CONTACTT = "CREATE TABLE F_CONTACTT (CT_Num TEXT, CT_Nom TEXT, cbMarq INTEGER PRIMARY KEY AUTOINCREMENT%s)"
USUAL = ", CT_Prenom VARCHAR(20), CT_No INT, CT_EMail TEXT, cbModification TEXT, Site TEXT"


class Plain:
    """A database of a few statements, without any index, default or check."""

    def __init__(self, connection, path):
        self.run = connection.execute
        self.config = {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}}


@pytest.fixture
def plain(tmp_path):
    connection = sqlite3.connect(tmp_path / "plain.db", isolation_level=None)
    yield Plain(connection, tmp_path / "plain.db")
    connection.close()


@pytest.fixture
def usual(plain):
    plain.run(COMPTET)
    plain.run(CONTACTT % USUAL)
    plain.run("INSERT INTO F_COMPTET VALUES ('Émail', 0, 7)")
    plain.run("INSERT INTO F_CONTACTT VALUES ('Émail', 'Durand', 1, 'Anne', 5, NULL, '2026-03-02T10:00:00.123', 'x')")
    return plain


def streams(config):
    return {stream.name: stream for stream in SourceSage100().streams(config)}


def read(config, stream):
    return [dict(record) for record in streams(config)[stream].read_records(SyncMode.full_refresh)]


def test_the_indispensable_columns_are_enough_to_read_and_to_write(plain, write):
    plain.run(COMPTET)
    plain.run(CONTACTT % "")
    plain.run("INSERT INTO F_COMPTET VALUES ('CARAT', 0, 7)")
    (receipt,) = write({"CT_Num": "carat", "CT_Nom": "Durand", "CT_Prenom": "Anne"}, config=plain.config)
    assert receipt.outcome is Outcome.APPLIED
    assert read(plain.config, "contacts") == [{"CT_Num": "CARAT", "CT_Nom": "Durand", "cbMarq": 1, "_company": "BIJOU"}]
    assert read(plain.config, "companies") == [{"CT_Num": "CARAT", "CT_Type": 0, "cbMarq": 7, "_company": "BIJOU"}]
    assert sorted(streams(plain.config)) == ["companies", "contacts"]
    assert not streams(plain.config)["contacts"].supports_incremental


@pytest.mark.parametrize("connector", [SourceSage100, DestinationSage100])
@pytest.mark.parametrize(
    ("statements", "told"),
    [
        ([], "F_COMPTET"),
        ([COMPTET], "F_CONTACTT"),
        ([COMPTET, "CREATE TABLE F_CONTACTT (CT_Num TEXT, cbMarq INTEGER PRIMARY KEY)"], "F_CONTACTT.CT_Nom"),
        (["CREATE TABLE F_COMPTET (CT_Num TEXT, cbMarq INTEGER PRIMARY KEY)"], "F_COMPTET.CT_Type"),
    ],
)
def test_a_check_names_the_table_or_column_that_is_missing(plain, connector, statements, told):
    for statement in statements:
        plain.run(statement)
    assert told in failed_check(connector(), plain.config)


def failed_check(connector, config):
    """The message of a check that fails, by exception or by status."""
    try:
        status = connector.check(logging.getLogger(), config)
    except AirbyteTracedException as error:
        return error.message
    assert status.status.value == "FAILED"
    return status.message


@pytest.mark.parametrize(
    ("connection", "code"),
    [
        ({"kind": "sqlite", "path": "missing.db"}, "database_missing"),
        ({"kind": "sqlite", "path": "plain.db"}, "schema_missing"),
        ({"kind": "oracle"}, "configuration"),
    ],
)
def test_a_failed_check_bears_a_stable_code_for_programs(plain, monkeypatch, tmp_path, connection, code):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AirbyteTracedException) as caught:
        SourceSage100().check(logging.getLogger(), {"company": "BIJOU", "connection": connection})
    assert (caught.value.internal_message, caught.value.failure_type.value) == (code, "config_error")


@pytest.mark.parametrize("connector", [SourceSage100, DestinationSage100])
def test_a_missing_file_is_an_error_and_is_not_created(tmp_path, connector):
    path = tmp_path / "missing.db"
    config = {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}}
    assert "does not exist" in failed_check(connector(), config)
    assert not path.exists()


@pytest.mark.parametrize("connector", [SourceSage100, DestinationSage100])
def test_a_file_that_is_no_database_is_an_error(tmp_path, connector):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, whatever its name may say" * 50)
    config = {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}}
    assert "cannot be opened" in failed_check(connector(), config)


def test_lengths_are_those_of_this_database_or_else_sages(usual, write):
    properties = streams(usual.config)["contacts"].get_json_schema()["properties"]
    assert (properties["CT_Prenom"]["maxLength"], properties["CT_EMail"]["maxLength"]) == (20, 69)
    receipts = write({"cbMarq": 1, "CT_Prenom": "x" * 21}, {"cbMarq": 1, "CT_EMail": "x" * 70}, config=usual.config)
    assert [receipt.cause for receipt in receipts] == [Cause.TOO_LONG] * 2


def test_columns_that_are_not_sages_are_neither_read_nor_written(usual, write):
    write({"cbMarq": 1, "Site": "y", "CT_EMail": "a@b.fr"}, config=usual.config)
    assert "Site" not in read(usual.config, "contacts")[0]
    assert usual.run("SELECT Site, CT_EMail FROM F_CONTACTT").fetchall() == [("x", "a@b.fr")]


def test_without_its_indexes_the_rule_of_names_and_the_number_still_hold(usual, write):
    duplicate, created, renamed = write(
        {"CT_Num": "émail", "CT_Nom": "Durand", "CT_Prenom": "Anne", "_create": True},
        {"CT_Num": "émail", "CT_Nom": "Petit", "CT_No": 5},
        {"cbMarq": 2, "CT_Nom": "Durand", "CT_Prenom": "Anne"},
        config=usual.config,
    )
    assert (duplicate.cause, duplicate.id) == (Cause.DUPLICATE, 1)
    assert (created.record["CT_Num"], created.record["CT_No"]) == ("Émail", 6)
    assert (renamed.cause, renamed.id) == (Cause.DUPLICATE, 1)


def test_a_stamp_is_written_although_there_is_no_default(usual, write):
    (receipt,) = write({"CT_Num": "Émail", "CT_Nom": "Petit"}, config=usual.config)
    (stamp,) = usual.run("SELECT cbModification FROM F_CONTACTT WHERE cbMarq = 2").fetchone()
    assert receipt.record["cbModification"].startswith(stamp.replace(" ", "T"))
