"""R1, R3, R4, P12: how a contact comes to the other side, and what keeps it from coming."""

import pytest

from sage100_ssm.standins.sample import SUPPLIER_TYPE
from sage100_ssm.standins.ssm_api.tenant import OTHER_SALES_REP, SALES_REP


def test_r3_contact_created_in_sage_is_created_in_ssm_with_all_its_fields(world):
    ada = world.person(
        "Aubrelin",
        "Ada",
        CT_Fonction="Gérant",
        CT_Telephone="01 99 00 12 34",
        CT_TelPortable="06 39 98 00 01",
        CT_Telecopie="01 99 00 12 35",
        CT_EMail="ada@alpha.example",
        CT_Civilite=1,
        CT_LinkedIn="ada-aubrelin",
        CT_Skype="ada.a",
    )
    seen = ada.card
    assert (seen["lastName"], seen["firstName"], seen["typeId"], seen["gender"]) == ("Aubrelin", "Ada", 1, 1)
    assert (seen["phone1"], seen["phone2"], seen["fax"]) == ("01 99 00 12 34", "06 39 98 00 01", "01 99 00 12 35")
    assert (seen["email"], seen["linkedin"], seen["skype"]) == ("ada@alpha.example", "ada-aubrelin", "ada.a")
    assert (seen["accountId"], seen["salesRepId"]) == (world.ssm.account("ALPHA"), SALES_REP)
    assert (seen["extId"], ada.standing) == (f"sage100:TEST:{ada.marq}", ("sage100", "active"))


def test_r3_contact_created_in_ssm_is_created_in_sage_with_all_its_fields_and_marked(world):
    ada = world.person(
        "Aubrelin",
        "Ada",
        born="ssm",
        typeId=1,
        phone1="01 99 00 12 34",
        phone2="06 39 98 00 01",
        fax="01 99 00 12 35",
        email="ada@alpha.example",
        gender=1,
        linkedin="ada-aubrelin",
        skype="ada.a",
    )
    row = ada.row
    assert (row["CT_Num"], row["CT_Nom"], row["CT_Prenom"]) == ("ALPHA", "Aubrelin", "Ada")
    assert (row["CT_Fonction"], row["CT_Civilite"]) == ("Gérant", 1)
    assert (row["CT_Telephone"], row["CT_TelPortable"], row["CT_Telecopie"]) == (
        "01 99 00 12 34",
        "06 39 98 00 01",
        "01 99 00 12 35",
    )
    assert (row["CT_EMail"], row["CT_LinkedIn"], row["CT_Skype"]) == ("ada@alpha.example", "ada-aubrelin", "ada.a")
    assert row["CT_No"] > 0
    assert (ada.card["extId"], ada.standing) == (f"ssm:TEST:{ada.marq}", ("ssm", "active"))
    assert ada.card["salesRepId"] == OTHER_SALES_REP


def test_r3_created_contact_stays_editable_on_both_sides(world):
    for born in ("sage100", "ssm"):
        ada = world.person(f"Née {born}", "Ada", born=born)
        ada.edit_sage(CT_EMail="sage@alpha.example")
        ada.edit_ssm(phone1="01 99 00 12 34")
        world.run()
        assert (ada.card["email"], ada.row["CT_Telephone"]) == ("sage@alpha.example", "01 99 00 12 34")


def test_r3_contacts_of_a_prospect_come_over_both_ways(world):
    world.company("PROSPER", CT_Prospect=1)
    here = world.person("Aubrelin", "Ada", company="PROSPER")
    there = world.person("Belmont", "Ida", company="PROSPER", born="ssm")
    assert (here.card["lastName"], there.row["CT_Num"]) == ("Aubrelin", "PROSPER")


def test_r4_company_code_in_another_case_is_written_as_sage_stores_it(world):
    world.sage.create_company("GAMMA", "Gamma")
    world.ssm.create_company("gamma", "Gamma")
    ada = world.person("Aubrelin", "Ada", company="gamma", born="ssm")
    assert ada.row["CT_Num"] == "GAMMA"


def test_r4_ssm_contact_whose_company_is_unknown_in_sage_waits_and_comes_by_itself(world):
    world.ssm.create_company("ZEPHYR", "Zéphyr")
    world.ssm.create_contact("ZEPHYR", "Aubrelin", "Ada")
    assert world.run().sage100.created == 0
    assert world.problems == [("company_not_in_sage", None)]
    world.sage.create_company("ZEPHYR", "Zéphyr")
    report = world.run()
    assert (report.sage100.created, report.problems_closed, world.problems) == (1, 1, [])


def test_r4_the_error_names_rule_contact_and_company(world):
    world.ssm.create_company("ZEPHYR", "Zéphyr")
    lost = world.ssm.create_contact("ZEPHYR", "Aubrelin", "Ada")
    world.run()
    entry = world.journal[-1].entry
    assert (entry.rule, entry.subject.ssm_id, entry.subject.contact) == ("R4", lost, "Ada Aubrelin")
    assert entry.subject.company == "ZEPHYR"


def test_r10_a_problem_that_lasts_is_one_entry_counted_run_by_run(world):
    world.ssm.create_company("ZEPHYR", "Zéphyr")
    world.ssm.create_contact("ZEPHYR", "Aubrelin", "Ada")
    for _ in range(3):
        world.run()
    assert [(e.entry.code.value, e.count) for e in world.journal] == [("company_not_in_sage", 3)]


def test_r4_ssm_contact_of_an_account_without_code_is_reported(world):
    account = world.ssm.create_company(None, "Sans code")
    contact = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    world.ssm.edit_contact(contact, accountId=account)
    world.run()
    assert (world.problems, world.names_in_sage()) == ([("company_not_in_sage", None)], [])


def test_r4_account_that_gets_its_code_lets_the_contact_through(world):
    account = world.ssm.create_company(None, "Sans code")
    contact = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    world.ssm.edit_contact(contact, accountId=account)
    world.run()
    world.sage.create_company("GAMMA", "Gamma")
    world.ssm.edit_company(account, extId="GAMMA")
    assert (world.run().sage100.created, world.problems) == (1, [])


def test_r4_ssm_contact_without_account_is_reported(world):
    contact = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    row = world.api.store.row("contacts", contact)
    world.api.store.put("contacts", {**row, "accountId": None})
    world.run()
    assert (world.problems, world.names_in_sage()) == ([("company_missing", None)], [])


def test_r4_ssm_contact_of_a_deleted_account_is_company_missing(world):
    world.ssm.create_contact("BETA", "Aubrelin", "Ada")
    world.ssm.delete_company(world.ssm.account("BETA"))
    world.run()
    assert (world.problems, world.names_in_sage()) == ([("company_missing", None)], [])


@pytest.mark.parametrize("kind", [SUPPLIER_TYPE, 2, 3])
def test_r4_ssm_contact_of_what_is_no_client_in_sage_is_not_synchronised(world, kind):
    world.company("GAMMA", CT_Type=kind)
    world.ssm.create_contact("GAMMA", "Aubrelin", "Ada")
    world.run()
    assert (world.problems, world.names_in_sage()) == ([("company_not_in_sage", None)], [])


@pytest.mark.parametrize("kind", [SUPPLIER_TYPE, 2, 3])
def test_r4_sage_contact_of_what_is_no_client_is_none_of_ours(world, kind):
    world.company("GAMMA", CT_Type=kind)
    world.sage.create_contact("GAMMA", "Aubrelin", "Ada")
    world.run()
    assert (world.problems, world.names_in_ssm(), world.links) == ([], [], {})


def test_r4_supplier_that_becomes_a_client_lets_its_contacts_through(world):
    world.company("GAMMA", CT_Type=SUPPLIER_TYPE)
    world.sage.create_contact("GAMMA", "Aubrelin", "Ada")
    world.run()
    world.sage.edit_company("GAMMA", CT_Type=0)
    assert world.run().ssm.created == 1


def test_p6_sage_contacts_of_a_company_unknown_in_ssm_are_one_problem_with_their_number(world):
    world.sage.create_company("GAMMA", "Gamma")
    for last in ("Aubrelin", "Belmont"):
        world.sage.create_contact("GAMMA", last, "Ada")
    world.run()
    entry = world.journal[-1].entry
    assert world.problems == [("company_not_in_ssm", None)]
    assert (entry.subject.company, len(entry.facts.contacts)) == ("GAMMA", 2)
    world.ssm.create_company("GAMMA", "Gamma")
    report = world.run()
    assert (report.ssm.created, world.problems) == (2, [])


def test_p13_sage_contact_whose_account_is_deleted_is_company_not_in_ssm(world):
    world.ssm.delete_company(world.ssm.account("BETA"))
    world.sage.create_contact("BETA", "Aubrelin", "Ada")
    world.run()
    assert world.problems == [("company_not_in_ssm", None)]


def test_p13_dormant_company_stays_in_scope(world):
    world.company("GAMMA", CT_Sommeil=1)
    assert world.person("Aubrelin", "Ada", company="GAMMA").standing == ("sage100", "active")


OUT = pytest.mark.parametrize("scope", [{"exclude": ["GAM*"]}, {"exclude": ["gamma"]}, {"prospects": False}])


@OUT
def test_scope_leaves_contacts_out_both_ways_without_a_problem(world, scope):
    world.decide(scope=scope)
    world.company("GAMMA", CT_Prospect=1)
    world.sage.create_contact("GAMMA", "Aubrelin", "Ada")
    world.ssm.create_contact("GAMMA", "Belmont", "Ida")
    report = world.run()
    assert (report.sage100.written, report.ssm.written, world.problems, world.links) == (0, 0, [], {})


@OUT
def test_scope_widened_lets_them_through(world, scope):
    world.decide(scope=scope)
    world.company("GAMMA", CT_Prospect=1)
    world.sage.create_contact("GAMMA", "Aubrelin", "Ada")
    world.ssm.create_contact("GAMMA", "Belmont", "Ida")
    world.run()
    world.decide(scope={"exclude": [], "prospects": True})
    report = world.run()
    assert (report.sage100.created, report.ssm.created) == (1, 1)


def test_p7_first_name_missing_in_sage_holds_the_contact_back(world):
    world.sage.create_contact("ALPHA", "Aubrelin", "")
    assert world.run().ssm.created == 0
    assert world.problems == [("value_missing", "first_name")]


def test_p7_first_name_given_later_lets_the_contact_through(world):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "")
    world.run()
    world.sage.edit_contact(marq, CT_Prenom="Ada")
    assert (world.run().ssm.created, world.problems) == (1, [])


def test_p7_missing_first_name_setting_is_shown_in_ssm_and_never_written_back(world):
    world.decide(policy={"missing_first_name": "—"})
    ada = world.person("Aubrelin", "")
    assert (ada.card["firstName"], ada.row["CT_Prenom"]) == ("—", "")
    ada.edit_ssm(email="ada@alpha.example")
    world.run()
    assert (ada.row["CT_Prenom"], ada.row["CT_EMail"]) == ("", "ada@alpha.example")


@pytest.mark.parametrize("side", ["sage100", "ssm"])
def test_p7_a_real_first_name_takes_the_place_of_the_missing_one(world, side):
    world.decide(policy={"missing_first_name": "—"})
    ada = world.person("Aubrelin", "")
    if side == "sage100":
        ada.edit_sage(CT_Prenom="Ada")
    else:
        ada.edit_ssm(firstName="Ada")
    world.run()
    assert (ada.card["firstName"], ada.row["CT_Prenom"]) == ("Ada", "Ada")


def test_p7_first_name_cleared_in_sage_shows_the_missing_one_in_ssm(world):
    world.decide(policy={"missing_first_name": "—"})
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_Prenom="")
    world.run()
    assert (ada.card["firstName"], ada.row["CT_Prenom"]) == ("—", "")


def test_p7_first_name_cleared_in_sage_without_the_setting_is_held_back_alone(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_Prenom="", CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["firstName"], ada.card["email"]) == ("Ada", "ada@alpha.example")
    assert world.problems == [("value_missing", "first_name")]


def test_p12_second_contact_of_the_same_name_in_one_company_is_not_created_in_sage(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    report = world.run()
    assert (report.sage100.created, world.problems) == (0, [("duplicate_in_sage", None)])
    assert len(world.sage.contacts()) == 1
    assert ada.standing == ("ssm", "active")


def test_p12_two_namesakes_typed_in_ssm_at_once_make_one_contact_in_sage(world):
    for _ in range(2):
        world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    report = world.run()
    assert (report.sage100.created, world.problems) == (1, [("duplicate_in_sage", None)])


def test_p12_namesakes_in_two_companies_are_two_contacts(world):
    for company in ("ALPHA", "BETA"):
        world.ssm.create_contact(company, "Aubrelin", "Ada")
    assert (world.run().sage100.created, world.problems) == (2, [])


def test_p12_rename_onto_a_namesake_holds_back_the_two_names_alone(world):
    world.person("Aubrelin", "Ada")
    ida = world.person("Belmont", "Ida")
    ida.edit_ssm(lastName="Aubrelin", firstName="Ada", email="ida@alpha.example")
    world.run()
    row = ida.row
    assert (row["CT_Nom"], row["CT_Prenom"], row["CT_EMail"]) == ("Belmont", "Ida", "ida@alpha.example")
    assert [code for code, _ in world.problems] == ["duplicate_in_sage"]


def test_p12_the_names_go_through_once_the_namesake_is_gone(world):
    ada = world.person("Aubrelin", "Ada")
    ida = world.person("Belmont", "Ida")
    world.ssm.rename_contact(ida.ssm_id, "Aubrelin", "Ada")
    world.run()
    ada.delete_sage()
    world.run()
    world.run()
    assert (ida.row["CT_Nom"], ida.row["CT_Prenom"], world.problems) == ("Aubrelin", "Ada", [])


def test_p12_two_contacts_that_swap_their_names_in_ssm_end_with_the_names_swapped(world):
    ada, ida = world.person("Aubrelin", "Ada"), world.person("Belmont", "Ida")
    world.ssm.rename_contact(ada.ssm_id, "Belmont", "Ida")
    world.ssm.rename_contact(ida.ssm_id, "Aubrelin", "Ada")
    world.run()
    names = {(row["CT_Nom"], row["CT_Prenom"]) for row in world.sage.contacts()}
    assert names == {("Aubrelin", "Ada"), ("Belmont", "Ida")}
