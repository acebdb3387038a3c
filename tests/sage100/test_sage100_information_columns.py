"""Sage's information columns (« informations libres ») are found where a company has them, read, and never written."""

import logging

import jsonschema
import pytest

from source_sage100.source import SourceSage100
from tests.support.sage100_databases import EVERYWHERE, ON_SQLITE

LOGGER = logging.getLogger("test")
COLUMNS = {
    "Date de création": ("datetime", "2020-05-04 00:00:00", "2020-05-04T00:00:00+02:00"),
    "Nb d'enfants": ("smallint", 2, 2),
    "Chiffre [k€]": ("numeric(24,6)", 1500.5, 1500.5),
    "Parrain": ("varchar(35)", "Léa", "Léa"),
}
BINARY = "Photo"


@pytest.fixture
def companies(company):
    """A company database in which F_COMPTET has columns of the company's own, and one that Sage did not make."""
    binary, others = ("blob", ()) if company.engine.dialect.name == "sqlite" else ("varbinary(8)", ("F_DRECOUVREMENT",))
    added = {**{name: kind for name, (kind, *_) in COLUMNS.items()}, BINARY: binary, "Ajout": "varchar(10)"}
    for table in (*others, "F_CONTACTT", "F_COMPTET"):
        company.run(f"DROP TABLE {table}")
    company.run("CREATE TABLE F_CONTACTT (CT_Num varchar(17), CT_Nom varchar(35), cbMarq int PRIMARY KEY)")
    own = ", ".join(f"{_quoted(name)} {kind} NULL" for name, kind in added.items())
    sages = "CT_Num varchar(17), CT_Type smallint, cbMarq int PRIMARY KEY, cbModification datetime"
    company.run(f"CREATE TABLE F_COMPTET ({sages}, {own})")
    company.run("CREATE TABLE cbSysLibre (CB_File varchar(128), CB_Name varchar(128), CB_Pos smallint)")
    for position, name in enumerate([*reversed(COLUMNS), BINARY, "CT_Num"]):
        company.run(f"INSERT INTO cbSysLibre VALUES ('F_COMPTET', {_text(name)}, {position})")  # noqa: S608 - the test's own words
    names = ", ".join(map(_quoted, COLUMNS))
    values = ", ".join(_text(stored) if isinstance(stored, str) else str(stored) for _, stored, _ in COLUMNS.values())
    company.run(f"INSERT INTO F_COMPTET (CT_Num, CT_Type, cbMarq, {names}) VALUES ('CARAT', 0, 1, {values})")  # noqa: S608 - as above
    company.run("INSERT INTO F_COMPTET (CT_Num, CT_Type, cbMarq) VALUES ('RUBIS', 0, 2)")
    yield company
    company.run("DROP TABLE cbSysLibre")


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'


def _text(value):
    return "'" + value.replace("'", "''") + "'"


def read(sage, catalog, mode="full_refresh"):
    messages = SourceSage100().read(LOGGER, sage.config, catalog("companies", mode=mode))
    return [message.record.data for message in messages if message.record]


@EVERYWHERE
@pytest.mark.parametrize("mode", ["full_refresh", "incremental"])
def test_information_columns_are_read_in_sages_order_with_their_types(companies, catalog, mode):
    first, second = read(companies, catalog, mode)
    assert {name: first[name] for name in COLUMNS} == {name: told for name, (*_, told) in COLUMNS.items()}
    assert [name for name in first if name in COLUMNS] == list(reversed(COLUMNS))
    assert {second[name] for name in COLUMNS} == {None}
    (schema,) = (s.get_json_schema() for s in SourceSage100().streams(companies.config) if s.name == "companies")
    jsonschema.validate(first, schema)
    assert schema["properties"]["Parrain"]["readOnly"] is True
    assert all(schema["properties"][name]["description"] for name in COLUMNS)
    assert {BINARY, "Ajout"}.isdisjoint(schema["properties"])


@ON_SQLITE
def test_who_may_not_see_the_list_reads_the_rest(sage, catalog):
    assert "Parrain" not in read(sage, catalog)[0]


@ON_SQLITE
def test_an_information_column_of_contacts_is_no_column_to_write_to(sage, write):
    sage.run('ALTER TABLE F_CONTACTT ADD "Parrain" varchar(35)')
    sage.run("CREATE TABLE cbSysLibre (CB_File varchar(128), CB_Name varchar(128), CB_Pos smallint)")
    sage.run("INSERT INTO cbSysLibre VALUES ('F_CONTACTT', 'Parrain', 1)")
    (receipt,) = write({"cbMarq": 1, "Parrain": "Léa", "CT_EMail": "a@b.fr"})
    assert receipt.wrote
    assert "Parrain" not in receipt.record
