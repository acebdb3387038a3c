"""Whole runs with Sage on a SQL Server, through Microsoft's driver: what people do on either side reaches the other."""

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import IntegrityError

from sage100_ssm.sage100.tables import F_COMPTET
from sage100_ssm.standins.people import SageUser
from sage100_ssm.standins.sql_server.drivers import MICROSOFT, missing
from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.server import Fault
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.model import Side
from tests.support.sage100_ddl import NEWER, OLDER

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def generation():
    return NEWER


@pytest.fixture
def company(request, drivers, generation):
    """An empty company on the server."""
    if reason := missing(MICROSOFT):
        pytest.skip(reason)
    return request.getfixturevalue("sql_server").company(MICROSOFT, generation)


@pytest.fixture
def stage(stage, company, sql_server):
    """The stage, its Sage moved to the server."""
    sql_server.database(company).clock = lambda: stage.clock().astimezone(PARIS).replace(tzinfo=None)
    stage.sage = SageUser(company.engine, clock=stage.clock)
    stage.tree["sage100"]["connection"] = company.config["connection"]
    company.add(F_COMPTET, *({"CT_Num": code, "CT_Intitule": code, "CT_Type": 0} for code in ("ALPHA", "BETA")))
    return stage


def test_r3_contact_born_on_either_side_is_created_on_the_other(world):
    ada = world.person("Ôbrelin", "Ada", CT_EMail="ada@alpha.example", CT_Civilite=1)
    assert (ada.card["lastName"], ada.card["email"], ada.card["gender"]) == ("Ôbrelin", "ada@alpha.example", 1)
    bel = world.person("Bellœuvre", "Zoé", born="ssm", phone1="01 99 00 12 34")
    assert (bel.row["CT_Nom"], bel.row["CT_Telephone"], bel.row["CT_No"]) == ("Bellœuvre", "01 99 00 12 34", 2)
    assert (bel.row["CT_Fonction"], bel.row["cbCreateur"]) == ("", "CSQL")


def test_r5_edits_of_one_contact_on_both_sides_meet(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    ada.edit_ssm(phone1="01 99 00 12 34", linkedin="ada")
    world.run()
    assert (ada.card["email"], ada.row["CT_Telephone"], ada.row["CT_LinkedIn"]) == (
        "ada@alpha.example",
        "01 99 00 12 34",
        "ada",
    )


def test_r7_r9_deletions_travel_both_ways_and_r8_one_in_ssm_of_a_sage_contact_does_not(world):
    gone, left, back = world.person("Une", "Ada"), world.person("Deux", "Ada", born="ssm"), world.person("Trois", "Ada")
    gone.delete_sage()
    left.delete_ssm()
    back.delete_ssm()
    world.run()
    assert (gone.card["deleted"], left.row, back.row["CT_Nom"]) == (True, None, "Trois")
    assert world.names_in_ssm() == ["Trois"]


def test_p1_conflict_is_settled_for_sage(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_Telephone="01 99 00 00 01")
    ada.edit_ssm(phone1="01 99 00 00 02")
    world.run()
    assert (ada.row["CT_Telephone"], ada.card["phone1"]) == ("01 99 00 00 01", "01 99 00 00 01")
    assert [code for code, *_ in world.notices] == ["conflict_settled"]


def test_p1_newest_wins_by_the_stamp_that_the_server_itself_set(world):
    world.decide(policy={"conflict": "newest"})
    ada = world.person("Aubrelin", "Ada")
    world.clock.advance(minutes=10)
    ada.edit_sage(CT_Telephone="01 99 00 00 01")
    world.clock.advance(minutes=10)
    ada.edit_ssm(phone1="01 99 00 00 02")
    world.run()
    assert ada.row["CT_Telephone"] == "01 99 00 00 02"


def test_record_that_a_sage_user_has_open_waits_and_is_written_once_it_is_closed(world, company):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(phone1="01 99 00 12 34")
    company.open_on_a_screen(ada.marq)
    world.run()
    assert (ada.row["CT_Telephone"], [code for code, _ in world.problems]) == ("", ["record_locked"])
    company.run("DELETE FROM dbo.ZZ_LOCK")
    world.run()
    assert (ada.row["CT_Telephone"], world.problems) == ("01 99 00 12 34", [])


def test_p12_second_contact_of_a_name_is_not_created_and_a_name_in_capitals_is(world):
    world.person("Aubrelin", "Ada")
    with pytest.raises(IntegrityError, match="ICT_NOM"):
        world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.ssm.create_contact("ALPHA", "Belmont", "Ada")
    world.ssm.create_contact("ALPHA", "Belmont", "Ada")
    world.run()
    assert world.names_in_sage() == ["Aubrelin", "Belmont"]
    assert [code for code, _ in world.problems] == ["duplicate_in_sage"]


def test_p7_character_outside_the_code_page_holds_its_field_back_alone(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(email="Łukasz@alpha.example", phone1="01 99 00 12 34")
    world.run()
    assert (ada.row["CT_EMail"], ada.row["CT_Telephone"]) == ("", "01 99 00 12 34")
    assert world.problems == [("value_not_representable", "email")]


def test_contact_in_a_file_of_debt_recovery_is_not_deleted_until_it_has_left_it(world, company):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    company.refer_to(ada.row["CT_No"])
    ada.delete_ssm()
    world.run()
    assert (ada.row["CT_Nom"], [code for code, _ in world.problems]) == ("Aubrelin", ["rejected_by_sage"])
    company.run("DELETE FROM dbo.F_DRECOUVREMENT")
    world.clock.advance(days=1)
    world.run()
    assert (ada.row, world.problems) == (None, [])


@pytest.mark.parametrize("after", [False, True], ids=["before it was written", "after it was written"])
@pytest.mark.parametrize("statement", ["^INSERT", "^UPDATE", "^DELETE"])
def test_connection_that_breaks_at_a_write_loses_nothing_and_does_nothing_twice(world, sql_server, statement, after):
    ada, gone = world.person("Aubrelin", "Ada"), world.person("Partie", "Ada", born="ssm")
    world.ssm.create_contact("ALPHA", "Belmont", "Ida")
    ada.edit_ssm(phone1="01 99 00 12 34")
    gone.delete_ssm()
    sql_server.order(Fault(statement, after=after))
    assert world.run().exit_code == Exit.SIDE
    world.run()
    assert (world.names_in_sage(), world.names_in_ssm()) == (["Aubrelin", "Belmont"], ["Aubrelin", "Belmont"])
    assert (ada.row["CT_Telephone"], world.problems) == ("01 99 00 12 34", [])


def four_edited_in_ssm(world):
    people = [world.person(name, "Ada") for name in ("Aubrelin", "Belmont", "Clavier", "Dorval")]
    for person in people:
        person.edit_ssm(phone1="01 99 00 12 34")
    return people


def written(people):
    return [person.row["CT_Telephone"] == "01 99 00 12 34" for person in people]


@pytest.mark.parametrize("statement", ["^UPDATE", "WITH .UPDLOCK"])
def test_run_whose_connection_broke_while_writing_counts_what_was_tried_and_says_why(world, sql_server, statement):
    people = four_edited_in_ssm(world)
    sql_server.order(Fault(statement))
    report = world.run()
    assert report.exit_code == Exit.SIDE
    assert (report.sage100.updated, report.sage100.failed) == (0, 1)
    assert report.failures[Side.SAGE100].code == "unreachable"
    world.run()
    assert (written(people), world.problems) == ([True] * 4, [])


def test_database_that_is_full_is_no_problem_of_contacts_and_the_next_run_carries_on(world, sql_server):
    people = four_edited_in_ssm(world)
    full = Fault("^UPDATE", SqlError(9002, "The transaction log for database 'BIJOU' is full.", 17), times=100)
    sql_server.order(full)
    report = world.run()
    assert (report.exit_code, report.failures[Side.SAGE100].code) == (Exit.SIDE, "database_full")
    assert (report.sage100.updated, report.sage100.failed) == (0, 1)
    assert {code for code, _ in world.problems} == {"side_unreachable"}
    sql_server.server.faults.clear()
    report = world.run()
    assert (report.exit_code, report.sage100.updated, world.problems) == (Exit.DONE, 4, [])
    assert written(people) == [True] * 4


def test_deadlocks_victim_writes_in_the_same_run(world, sql_server):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(phone1="01 99 00 12 34")
    sql_server.order(Fault("^UPDATE", native(1205, process=60)))
    world.run()
    assert (ada.row["CT_Telephone"], world.problems) == ("01 99 00 12 34", [])


def test_p11_sage_user_who_changes_the_very_field_meanwhile_is_not_overwritten(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(email="ssm@alpha.example")
    world.run(meanwhile=lambda: ada.edit_sage(CT_EMail="sage@alpha.example"))
    assert ada.row["CT_EMail"] == "sage@alpha.example"
    world.run()
    assert ada.card["email"] == "sage@alpha.example"


@pytest.mark.parametrize("generation", [OLDER], ids=["older Sage"])
def test_older_sage_without_linkedin_and_with_stamps_by_the_minute_goes_both_ways(stage, company):
    company.run("INSERT INTO dbo.F_CONTACTT (CT_Num, CT_Nom, CT_Prenom, CT_No) VALUES ('ALPHA', 'Aubrelin', 'Ada', 1)")
    stage.ssm.create_contact("ALPHA", "Belmont", "Ida", linkedin="ida", phone1="01 99 00 12 34")
    assert (stage.run().exit_code, stage.problems) == (Exit.DONE, [])
    assert [row["CT_Telephone"] for row in company.contacts()] == [None, "01 99 00 12 34"]
    company.edit(1, CT_EMail="ada@alpha.example")
    stage.run()
    assert sorted(stage.names_in_ssm()) == ["Aubrelin", "Belmont"]
    assert "ada@alpha.example" in [row["email"] for row in stage.ssm.contacts()]
    quiet = stage.run()
    assert (quiet.sage100.written, quiet.ssm.written) == (0, 0)
