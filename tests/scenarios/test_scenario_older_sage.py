"""An older Sage 100, whose contacts have neither LinkedIn nor Skype nor a creation date."""

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select, update

from sage100_ssm.sage100.tables import F_CONTACTT
from sage100_ssm.standins.company_database import company_engine
from sage100_ssm.sync.failures import Exit

LATER = {"CT_Facebook", "CT_LinkedIn", "CT_Skype", "cbCreation", "cbCreationUser"}


class OlderContacts:
    """The contacts' table as an older Sage has it, and somebody at work on it."""

    def __init__(self, path):
        self.engine = company_engine(path)
        kept = (Column(c.name, c.type, primary_key=c.primary_key) for c in F_CONTACTT.columns if c.name not in LATER)
        self.table = Table("F_CONTACTT", MetaData(), *kept, sqlite_autoincrement=True)
        F_CONTACTT.drop(self.engine)
        self.table.create(self.engine)

    def rows(self):
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(self.table)).mappings()]

    def create(self, **columns):
        with self.engine.begin() as connection:
            connection.execute(insert(self.table).values(CT_Num="ALPHA", CT_No=1, **columns))

    def edit(self, **columns):
        with self.engine.begin() as connection:
            connection.execute(update(self.table).values(**columns))


@pytest.fixture
def older(stage):
    return OlderContacts(stage.folder / "company.db")


def test_map_optional_columns_that_are_absent_are_passed_over_both_ways(stage, older):
    older.create(CT_Nom="Aubrelin", CT_Prenom="Ada", CT_EMail="ada@alpha.example")
    stage.ssm.create_contact("ALPHA", "Belmont", "Ida", linkedin="ida-belmont", phone1="01 99 00 12 34")
    report = stage.run()
    assert (report.exit_code, report.sage100.created, report.ssm.created, stage.problems) == (Exit.DONE, 1, 1, [])
    assert [(row["CT_Nom"], row["CT_Telephone"] or "") for row in older.rows()] == [
        ("Aubrelin", ""),
        ("Belmont", "01 99 00 12 34"),
    ]
    older.edit(CT_Fonction="Gérant")
    stage.run()
    assert [row["typeId"] for row in stage.ssm.contacts()] == [1, 1]
    assert [row["linkedin"] for row in stage.ssm.contacts()] == ["ida-belmont", None]
    quiet = stage.run()
    assert (quiet.sage100.written, quiet.ssm.written) == (0, 0)


def test_map_column_of_the_sites_own_that_is_absent_ends_with_2(stage, older):
    stage.decide(fields={"facebook": {"sage100": "CT_Facebook", "ssm": "Z_note"}})
    assert stage.fails() == Exit.CONFIGURATION
