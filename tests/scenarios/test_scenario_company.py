"""R6, P6, P13: the company of a contact, and the contacts that leave the scope."""

import pytest

from sage100_ssm.messages import describe
from sage100_ssm.standins.sample import SUPPLIER_TYPE
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.sync.failures import Exit


def codes(world):
    return [notice[0] for notice in world.notices]


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_r6_company_changed_in_ssm_is_put_back_and_the_other_fields_go_through(world, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    world.ssm.move_contact(ada.ssm_id, "BETA")
    ada.edit_ssm(email="ada@alpha.example")
    world.run()
    assert (ada.card["accountId"], ada.row["CT_Num"]) == (world.ssm.account("ALPHA"), "ALPHA")
    assert ada.row["CT_EMail"] == "ada@alpha.example"
    assert world.notices == [("company_change_refused", "company", "ALPHA", "BETA")]


def test_r6_contact_moved_into_an_account_without_code_is_put_back(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(accountId=world.ssm.create_company(None, "Sans code"))
    world.run()
    assert ada.card["accountId"] == world.ssm.account("ALPHA")
    assert codes(world) == ["company_change_refused"]


def test_r6_contact_moved_into_another_account_that_is_then_deleted_is_put_back(world):
    ada = world.person("Aubrelin", "Ada")
    world.ssm.move_contact(ada.ssm_id, "BETA")
    world.ssm.delete_company(world.ssm.account("BETA"))
    world.run()
    assert (ada.row["CT_Num"], ada.card["accountId"]) == ("ALPHA", world.ssm.account("ALPHA"))
    assert codes(world) == ["company_change_refused"]


def test_p6_company_changed_in_sage_is_followed_in_ssm(world):
    ada = world.person("Aubrelin", "Ada")
    world.sage.move_contact(ada.marq, "BETA")
    report = world.run()
    assert (report.ssm.updated, ada.card["accountId"]) == (1, world.ssm.account("BETA"))
    assert (ada.link.company, world.notices) == ("BETA", [])


def test_p6_company_unknown_in_ssm_waits_and_the_other_fields_go_on(world):
    world.sage.create_company("GAMMA", "Gamma")
    ada = world.person("Aubrelin", "Ada")
    world.sage.move_contact(ada.marq, "GAMMA")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["accountId"], ada.card["email"]) == (world.ssm.account("ALPHA"), "ada@alpha.example")
    assert world.problems == [("company_not_in_ssm", None)]
    world.ssm.create_company("GAMMA", "Gamma")
    world.run()
    assert (ada.card["accountId"], world.problems) == (world.ssm.account("GAMMA"), [])


def test_p6_both_sides_move_the_contact_to_the_same_company_nothing_is_written(world):
    ada = world.person("Aubrelin", "Ada")
    world.sage.move_contact(ada.marq, "BETA")
    world.ssm.move_contact(ada.ssm_id, "BETA")
    report = world.run()
    assert (report.sage100.written, report.ssm.written, world.notices) == (0, 0, [])


def test_p6_both_sides_move_the_contact_elsewhere_sage_wins_and_it_is_reported(world):
    world.company("GAMMA")
    ada = world.person("Aubrelin", "Ada")
    world.sage.move_contact(ada.marq, "BETA")
    world.ssm.move_contact(ada.ssm_id, "GAMMA")
    world.run()
    assert ada.card["accountId"] == world.ssm.account("BETA")
    assert codes(world) == ["company_change_refused"]


def test_ambiguous_company_nothing_is_created_in_it_and_all_else_goes_on(world):
    ada = world.person("Aubrelin", "Ada")
    world.ssm.create_company("ALPHA", "Alpha encore")
    world.sage.create_contact("ALPHA", "Belmont", "Ida")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    report = world.run()
    assert (report.ssm.created, ada.card["email"]) == (0, "ada@alpha.example")
    assert world.problems == [("ambiguous_company", None)]


def test_ambiguous_company_a_move_between_the_twins_is_none(world):
    ada = world.person("Aubrelin", "Ada")
    twin = world.ssm.create_company("ALPHA", "Alpha encore")
    ada.edit_ssm(accountId=twin)
    report = world.run()
    assert (report.ssm.written, ada.card["accountId"], world.notices) == (0, twin, [])


def test_ambiguous_company_nobody_is_moved_into_it(world):
    ada = world.person("Aubrelin", "Ada")
    world.ssm.create_company("BETA", "Beta encore")
    world.sage.move_contact(ada.marq, "BETA")
    report = world.run()
    assert (report.ssm.written, ada.card["accountId"]) == (0, world.ssm.account("ALPHA"))
    assert world.problems == [("ambiguous_company", None)]


def test_ambiguous_company_a_contact_created_in_a_twin_comes_to_sage(world):
    twin = world.ssm.create_company("ALPHA", "Alpha encore")
    card = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", accountId=twin)
    report = world.run()
    assert (report.sage100.created, world.ssm.contact(card)["accountId"]) == (1, twin)


def test_ambiguous_company_settled_lets_the_contacts_through(world):
    twin = world.ssm.create_company("ALPHA", "Alpha encore")
    world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.run()
    world.ssm.delete_company(twin)
    report = world.run()
    assert (report.ssm.created, world.problems) == (1, [])


def leave_as_supplier(world):
    world.sage.edit_company("ALPHA", CT_Type=SUPPLIER_TYPE)


def return_as_client(world):
    world.sage.edit_company("ALPHA", CT_Type=0)


def exclude(world):
    world.decide(scope={"exclude": ["ALPHA"]})


def include(world):
    world.decide(scope={"exclude": []})


def lose_code(world):
    world.ssm.edit_company(world.ssm.account("ALPHA"), extId=None)


LEAVING = pytest.mark.parametrize(
    ("leave", "come_back"), [(leave_as_supplier, return_as_client), (exclude, include)], ids=["supplier", "excluded"]
)


@LEAVING
@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_p13_contact_that_leaves_the_scope_sleeps_and_wakes(world, leave, come_back, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    leave(world)
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert (ada.standing, world.problems) == ((born, "asleep"), [("out_of_scope", None)])
    ada.edit_sage(CT_EMail="ada@alpha.example")
    assert world.run().ssm.written == 0
    come_back(world)
    world.run()
    assert (ada.standing, world.problems, ada.card["email"]) == ((born, "active"), [], "ada@alpha.example")


@LEAVING
@pytest.mark.parametrize("born", ["sage100", "ssm"])
@pytest.mark.parametrize("side", ["sage100", "ssm"])
def test_p13_while_a_link_sleeps_no_deletion_is_derived(world, leave, come_back, born, side):
    ada = world.person("Aubrelin", "Ada", born=born)
    leave(world)
    world.run()
    ada.delete_sage() if side == "sage100" else ada.delete_ssm()
    report = world.run()
    assert (report.sage100.written, report.ssm.written, ada.link.status.value) == (0, 0, "asleep")


def test_p13_deletion_made_during_the_sleep_counts_once_the_link_wakes(world):
    world.bystander()
    ada = world.person("Aubrelin", "Ada")
    exclude(world)
    world.run()
    ada.delete_sage()
    world.run()
    include(world)
    world.run()
    assert ada.card["deleted"] is False  # P9: not in the run that first sees the changed scope
    world.run()
    assert (ada.card["deleted"], ada.link) == (True, None)


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_p13_contact_whose_account_is_deleted_sleeps(world, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert (ada.standing, world.problems) == ((born, "asleep"), [("out_of_scope", None)])


@pytest.mark.parametrize("quirks", [Quirks(account_delete_cascades=True)], indirect=True)
@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_p13_account_deleted_with_its_contacts_deletes_nobody_in_sage(world, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    report = world.run()
    assert (report.sage100.deleted, report.ssm.created, ada.standing) == (0, 0, (born, "asleep"))


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_p13_contact_that_outlived_its_account_moves_to_the_one_that_its_company_has_again(world, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    world.run()
    ada.edit_ssm(email="ada@alpha.example")
    account = world.ssm.create_company("ALPHA", "Alpha, typed again")
    report = world.run()
    assert (report.ssm.updated, ada.card["accountId"], ada.row["CT_EMail"]) == (1, account, "ada@alpha.example")
    assert (ada.standing, world.problems, world.notices) == ((born, "active"), [], [])


def test_p13_contact_that_outlived_its_account_is_deleted_once_it_wakes_if_sage_deleted_it_meanwhile(world):
    world.bystander()
    ada = world.person("Aubrelin", "Ada")
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    world.run()
    ada.delete_sage()
    world.run()
    assert (ada.card["deleted"], ada.standing) == (False, ("sage100", "asleep"))
    world.ssm.create_company("ALPHA", "Alpha, typed again")
    world.run()
    assert (ada.card["deleted"], ada.link) == (True, None)


def test_p13_contact_that_outlived_its_account_sleeps_on_while_its_company_has_two(world):
    ada = world.person("Aubrelin", "Ada")
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    twins = [world.ssm.create_company("ALPHA", "Alpha, typed again") for _ in range(2)]
    world.run()
    assert (ada.standing, ("out_of_scope", None) in world.problems) == (("sage100", "asleep"), True)
    world.ssm.delete_company(twins[0])
    world.run()
    assert (ada.card["accountId"], ada.standing, world.problems) == (twins[1], ("sage100", "active"), [])


def test_p13_prospects_left_out_by_a_new_setting_sleep(world):
    world.company("GAMMA", CT_Prospect=1)
    ada = world.person("Aubrelin", "Ada", company="GAMMA")
    world.decide(scope={"prospects": False})
    report = world.run()
    assert (report.ssm.written, ada.standing) == (0, ("sage100", "asleep"))


WEB = {"contacts": {"exclude": [{"N_Service": "9"}, {"CT_Fonction": "web*"}]}}


def test_p13_contact_left_out_by_a_new_setting_sleeps_whatever_becomes_of_it_and_wakes(world):
    world.bystander()
    web, boss = world.person("Boutik", "Web", N_Service=9), world.person("Aubrelin", "Ada")
    world.decide(scope=WEB)
    world.run()
    assert (web.standing, boss.standing) == (("sage100", "asleep"), ("sage100", "active"))
    assert world.problems == [("out_of_scope", None)]
    web.edit_ssm(email="a@alpha.example")
    web.delete_ssm()
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    world.decide(scope={"contacts": {"exclude": []}})
    world.run()
    assert (web.standing, web.current["deleted"], world.problems) == (("sage100", "active"), False, [])


def test_p13_contact_left_out_that_sage_deletes_is_not_deleted_in_ssm_while_the_setting_lasts(world):
    world.bystander()
    web = world.person("Boutik", "Web", N_Service=9)
    world.decide(scope=WEB)
    world.run()
    web.delete_sage()
    assert (world.run().ssm.written, web.card["deleted"]) == (0, False)
    world.decide(scope={"contacts": {"exclude": []}})
    assert (world.run().ssm.written, web.card["deleted"]) == (0, False)  # P9: no deletion in that very run
    assert (world.run().ssm.deleted, web.card["deleted"]) == (1, True)


@pytest.mark.parametrize("quirks", [Quirks(account_delete_cascades=True)], indirect=True)
def test_p13_contact_of_ssm_that_sage_moved_comes_back_though_its_account_was_deleted_with_it(world):
    """A merger: Sage moves the contacts to the new company, somebody deletes the old account with its contacts."""
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born="ssm", email="ada@alpha.example")
    ada.edit_sage(CT_Num="BETA")
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    report = world.run()
    assert (report.sage100.deleted, report.ssm.created) == (0, 1)
    assert (ada.standing, ada.current["email"]) == (("ssm", "active"), "ada@alpha.example")
    assert ada.current["accountId"] == world.ssm.account("BETA")


def test_p13_contact_moved_in_sage_to_a_supplier_sleeps(world):
    world.company("GAMMA", CT_Type=SUPPLIER_TYPE)
    ada = world.person("Aubrelin", "Ada")
    world.sage.move_contact(ada.marq, "GAMMA")
    report = world.run()
    assert (report.ssm.written, ada.standing, world.problems) == (0, ("sage100", "asleep"), [("out_of_scope", None)])


@pytest.mark.parametrize("quirks", [Quirks(account_delete_cascades=True)], indirect=True)
def test_p13_contact_of_sage_that_went_with_its_account_comes_back_with_the_account(world):
    ada = world.person("Aubrelin", "Ada")
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    world.run()
    account = world.ssm.create_company("ALPHA", "Alpha, typed again")
    report = world.run()
    card = world.ssm.contact(ada.link.ssm_id)
    assert (report.ssm.created, card["accountId"], card["deleted"]) == (1, account, False)
    assert [code for code, *_ in world.notices] == ["deletion_refused"]
    assert world.problems == []


@pytest.mark.parametrize("quirks", [Quirks(account_delete_cascades=True)], indirect=True)
def test_p13_contact_of_ssm_that_went_with_its_account_sleeps_on_for_nobody_knows_what_was_meant(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    world.run()
    world.ssm.create_company("ALPHA", "Alpha, typed again")
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert ada.row is not None
    assert world.problems == [("out_of_scope", None)]


@pytest.mark.parametrize("quirks", [Quirks(account_delete_cascades=True)], indirect=True)
def test_p5_contact_of_ssm_that_went_with_its_account_and_is_typed_again_is_the_same(world):
    ada = world.person("Aubrelin", "Ada", born="ssm", phone1="01 99 00 12 34")
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    world.run()
    told = describe(world.journal[-1].entry, "en")
    assert "type it again in Sage Sales Management, in the company ALPHA" in told.remedy
    world.ssm.create_company("ALPHA", "Alpha, typed again")
    again = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    report = world.run()
    assert (report.sage100.written, ada.link.ssm_id, ada.standing) == (0, again, ("ssm", "active"))
    assert (world.ssm.contact(again)["phone1"], world.problems) == ("01 99 00 12 34", [])


@pytest.mark.parametrize("quirks", [Quirks(account_delete_cascades=True)], indirect=True)
def test_p5_contact_that_went_with_its_account_is_recognised_in_the_company_that_sage_gives_it(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    world.sage.move_contact(ada.marq, "BETA")
    again = world.ssm.create_contact("BETA", "Aubrelin", "Ada")
    report = world.run()
    assert (report.sage100.created, ada.link.ssm_id, world.problems) == (0, again, [])


@pytest.mark.parametrize("quirks", [Quirks(account_delete_cascades=True)], indirect=True)
def test_p10_contact_that_went_with_its_account_is_matched_with_nobody_while_a_reading_breaks_off(world):
    ada = world.person("Aubrelin", "Ada", born="ssm", email="ada@alpha.example")
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    world.run()
    world.ssm.create_company("ALPHA", "Alpha, typed again")
    twins = [world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", email=f"{n}@alpha.example") for n in range(2)]
    world.tree["ssm"]["page_size"] = 1
    world.disturb(Fault(CannedResponse(500), "GET", "/contacts", nth=3, times=None))
    report = world.run(whole=True)
    assert (report.exit_code, report.ssm.written, report.sage100.written) == (Exit.SIDE, 0, 0)
    world.calm()
    world.run()
    assert [world.ssm.contact(twin)["email"] for twin in twins] == ["0@alpha.example", "1@alpha.example"]
    assert ada.standing == ("ssm", "asleep")


@pytest.mark.parametrize("quirks", [Quirks(account_delete_cascades=True)], indirect=True)
@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_p13_once_both_contacts_are_gone_nothing_sleeps_any_more(world, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    world.ssm.delete_company(world.ssm.account("ALPHA"))
    world.run()
    ada.delete_sage()
    report = world.run()
    assert (report.ssm.written, ada.link, world.problems) == (0, None, [])


def test_p13_account_that_loses_its_code_deletes_nobody(world):
    ada = world.person("Aubrelin", "Ada")
    lose_code(world)
    report = world.run()
    assert (report.sage100.deleted, report.ssm.deleted, ada.card["deleted"]) == (0, 0, False)


def test_p8_company_code_respelt_in_the_account_is_no_change(world):
    ada = world.person("Aubrelin", "Ada")
    world.ssm.edit_company(world.ssm.account("ALPHA"), extId="alpha")
    report = world.run()
    assert (report.ssm.written, report.sage100.written, ada.standing) == (0, 0, ("sage100", "active"))


def test_company_code_may_stand_in_a_field_of_the_site(world):
    world.tree["ssm"]["company_code_field"] = "vatNumber"
    account = world.ssm.create_company("X-9", "Gamma", vatNumber="GAMMA")
    world.sage.create_company("GAMMA", "Gamma")
    marq = world.sage.create_contact("GAMMA", "Aubrelin", "Ada")
    world.run()
    assert world.ssm.contact(world.links[marq].ssm_id)["accountId"] == account
