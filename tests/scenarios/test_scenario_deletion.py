"""R7, R8, R9, P2, P3, P5: who may delete, and what is restored."""

import pytest

from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault

ORIGINS = pytest.mark.parametrize("born", ["sage100", "ssm"])
LEAVE = {"refused_deletion": "leave"}


def codes(world):
    return [notice[0] for notice in world.notices]


def test_r7_contact_of_origin_ssm_deleted_in_ssm_is_deleted_in_sage(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.delete_ssm()
    report = world.run()
    assert (report.sage100.deleted, ada.row, ada.link, world.problems) == (1, None, None, [])


def test_r8_contact_of_origin_sage_deleted_in_ssm_is_restored_with_the_same_ext_id(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    ada.delete_ssm()
    report = world.run()
    assert report.ssm.created == 1
    assert ada.current["extId"] == ada.card["extId"] == f"sage100:TEST:{ada.marq}"
    assert (ada.current["email"], ada.current["deleted"], ada.card["deleted"]) == ("ada@alpha.example", False, True)
    assert ada.standing == ("sage100", "active")
    assert codes(world) == ["deletion_refused"]
    assert world.journal[-1].entry.rule == "R8"


def test_r8_restored_contact_can_be_deleted_again_and_is_restored_again(world):
    ada = world.person("Aubrelin", "Ada")
    for _ in range(3):
        world.ssm.delete_contact(ada.link.ssm_id)
        world.run()
    assert (world.names_in_ssm(), codes(world)) == (["Aubrelin"], ["deletion_refused"] * 3)


def test_r8_with_leave_ssm_stays_as_it_is_and_the_link_sleeps(world):
    world.decide(policy=LEAVE)
    ada = world.person("Aubrelin", "Ada")
    ada.delete_ssm()
    report = world.run()
    assert (report.ssm.written, report.sage100.written, ada.row["CT_Nom"]) == (0, 0, "Aubrelin")
    assert (ada.standing, codes(world)) == (("sage100", "asleep"), ["deletion_refused"])


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_a_deletion_that_ssm_accepts_and_does_not_do_is_refused_and_tried_again(world, born):
    """R9: an answer of 200 is no proof: the link stands until SSM shows the contact as deleted."""
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born=born)
    ada.delete_sage()
    world.disturb(Fault(CannedResponse(200, {"Message": "ok"}), "DELETE", "/contacts/*", times=None))
    report = world.run()
    assert (report.ssm.deleted, report.ssm.failed, ada.card["deleted"]) == (0, 1, False)
    assert (ada.standing, world.problems) == ((born, "active"), [("rejected_by_ssm", None)])
    world.calm()
    world.clock.advance(hours=2)
    world.run()
    assert (ada.card["deleted"], ada.link, world.problems) == (True, None, [])


def test_r8_with_leave_an_edit_in_sage_wakes_nobody(world):
    world.decide(policy=LEAVE)
    ada = world.person("Aubrelin", "Ada")
    ada.delete_ssm()
    world.run()
    ada.edit_sage(CT_EMail="ada@alpha.example")
    assert (world.run().ssm.written, ada.standing) == (0, ("sage100", "asleep"))


def test_r8_with_leave_the_link_ends_once_sage_deletes_the_contact_too(world):
    world.decide(policy=LEAVE)
    ada = world.person("Aubrelin", "Ada")
    ada.delete_ssm()
    world.run()
    ada.delete_sage()
    world.run()
    assert (ada.link, world.problems) == (None, [])


@ORIGINS
def test_r9_contact_deleted_in_sage_is_marked_deleted_in_ssm_whatever_its_origin(world, born):
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born=born)
    ada.delete_sage()
    report = world.run()
    assert (report.ssm.deleted, ada.card["deleted"], ada.link, codes(world)) == (1, True, None, [])


@ORIGINS
def test_p2_deleted_in_sage_and_edited_in_ssm_the_deletion_wins_and_the_edit_is_kept_in_the_journal(world, born):
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born=born)
    ada.delete_sage()
    ada.edit_ssm(email="neu@alpha.example", phone1="01 99 00 12 34")
    world.run()
    assert ada.card["deleted"]
    assert world.notices == [
        ("deletion_overrode_edit", "phone", None, "01 99 00 12 34"),
        ("deletion_overrode_edit", "email", None, "neu@alpha.example"),
    ]


def test_p3_deleted_in_ssm_and_edited_in_sage_the_contact_of_origin_ssm_is_restored(world):
    ada = world.person("Aubrelin", "Ada", born="ssm", comment="Aime l'opale")
    ada.delete_ssm()
    ada.edit_sage(CT_EMail="neu@alpha.example")
    report = world.run()
    assert (report.sage100.deleted, report.ssm.created) == (0, 1)
    assert (ada.current["email"], ada.current["comment"]) == ("neu@alpha.example", "Aime l'opale")
    assert ada.current["extId"] == f"ssm:TEST:{ada.marq}"
    assert ada.standing == ("ssm", "active")
    assert (codes(world), world.journal[-1].entry.rule) == (["deletion_refused"], "P3")


def test_p3_with_leave_the_edited_contact_stays_in_sage_and_the_link_sleeps(world):
    world.decide(policy=LEAVE)
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.delete_ssm()
    ada.edit_sage(CT_EMail="neu@alpha.example")
    report = world.run()
    assert (report.sage100.written, report.ssm.written, ada.row["CT_EMail"]) == (0, 0, "neu@alpha.example")
    assert (ada.standing, codes(world)) == (("ssm", "asleep"), ["deletion_refused"])


def test_p3_restored_contact_of_origin_ssm_can_then_be_deleted_in_ssm(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.delete_ssm()
    ada.edit_sage(CT_EMail="neu@alpha.example")
    world.run()
    world.ssm.delete_contact(ada.link.ssm_id)
    world.run()
    assert (ada.row, ada.link) == (None, None)


def test_p3_a_mere_respelling_in_sage_is_no_edit_and_the_deletion_goes_through(world):
    ada = world.person("Aubrelin", "Ada", born="ssm", phone1="0199001234")
    ada.delete_ssm()
    ada.edit_sage(CT_Telephone="01 99 00 12 34")
    world.run()
    assert ada.row is None


RESTORED = {
    "comment": "Ne pas appeler le lundi",
    "address1": "12 rue des Orfèvres",
    "city": "Dijon",
    "postcode": "21000",
    "email2": "privat@alpha.example",
    "Z_note": "fidèle",
    "salesRepId": 311,
    "permissionLevel": 4,
    "UseCompanyAddress": True,
    "marketingCommunications": True,
    "countryId": 75,
}


@pytest.mark.parametrize("name", RESTORED)
def test_p5_restored_contact_bears_what_the_deleted_row_still_shows(world, name):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(**{name: RESTORED[name]})
    world.run()
    ada.delete_ssm()
    world.run()
    assert ada.current["id"] != ada.ssm_id
    assert ada.current[name] == RESTORED[name]


def test_p5_restored_contact_bears_birthday(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(birthday="1990-02-03T00:00:00Z")
    world.run()
    ada.delete_ssm()
    world.run()
    assert ada.current["birthday"] == ada.card["birthday"] is not None


def test_p5_restored_contact_bears_the_merged_fields_of_both_sides(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="sage@alpha.example")
    ada.edit_ssm(phone1="01 99 00 12 34")
    ada.delete_ssm()
    world.run()
    assert (ada.current["email"], ada.current["phone1"]) == ("sage@alpha.example", "01 99 00 12 34")
    assert ada.row["CT_Telephone"] == "01 99 00 12 34"


def test_p5_link_moves_to_the_only_namesake_without_a_link(world):
    ada = world.person("Aubrelin", "Ada")
    ada.delete_ssm()
    again = world.ssm.create_contact("ALPHA", "AUBRELIN", "ada", email="ada@alpha.example")
    report = world.run()
    assert (report.ssm.created, report.sage100.created, len(world.ssm.contacts())) == (0, 0, 1)
    assert (ada.link.ssm_id, ada.current["extId"]) == (again, f"sage100:TEST:{ada.marq}")
    assert (ada.row["CT_EMail"], ada.standing) == ("ada@alpha.example", ("sage100", "active"))


def test_p5_link_moves_to_the_live_contact_that_bears_the_ext_id(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    ada.delete_ssm()
    card = {"extId": ada.card["extId"], "email": "ada@alpha.example"}
    again = world.ssm.create_contact("ALPHA", "Aubrelin", "Adèle", **card)
    report = world.run()
    assert (report.ssm.created, ada.link.ssm_id, len(world.ssm.contacts())) == (0, again, 1)


@ORIGINS
def test_p5_r7_who_bears_the_ext_id_and_may_be_somebody_else_waits_for_a_person(world, born):
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born=born)
    ada.delete_ssm()
    again = world.ssm.create_contact("ALPHA", "Aubrelin-Morel", "Ada", extId=ada.card["extId"])
    report = world.run()
    assert (report.sage100.written, report.ssm.written, report.ssm.failed) == (0, 0, 0)
    assert world.problems == [("ambiguous_match", None)]
    world.answer("ambiguous_match", "same")
    world.run()
    assert (ada.link.ssm_id, world.problems) == (again, [])


def test_p16_who_bears_the_ext_id_and_is_somebody_else_becomes_a_contact_of_its_own(world):
    world.bystander()
    ada = world.person("Aubrelin", "Ada")
    ada.delete_ssm()
    world.ssm.create_contact("ALPHA", "Belmont", "Ida", extId=ada.card["extId"])
    world.run()
    world.answer("ambiguous_match", "different")
    world.run()
    world.run()
    assert sorted(world.names_in_ssm()) == sorted(world.names_in_sage()) == ["Aubrelin", "Belmont", "Zelle"]
    assert ada.current["extId"] == f"sage100:TEST:{ada.marq}"


def test_p5_two_namesakes_without_a_link_take_nothing_over_and_the_contact_is_restored(world):
    ada = world.person("Aubrelin", "Ada")
    ada.delete_ssm()
    for _ in range(2):
        world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    world.run()
    assert ada.current["extId"] == f"sage100:TEST:{ada.marq}"
    assert not ada.current["deleted"]


@ORIGINS
def test_deleted_on_both_sides_ends_the_link_without_a_write(world, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    ada.delete_sage()
    ada.delete_ssm()
    report = world.run()
    assert (report.sage100.written, report.ssm.written, ada.link, world.problems) == (0, 0, None, [])


@ORIGINS
def test_p14_deleted_in_sage_and_created_anew_under_another_name_is_a_new_contact(world, born):
    """R9 with P14: neither number is the old one's: the old card goes, a new one comes."""
    ada = world.person("Aubrelin", "Ada", born=born)
    world.person("Garde", "Numéro")
    ada.delete_sage()
    again = world.sage.create_contact("ALPHA", "Aubrelin", "Ida")
    world.run()
    assert ada.card["deleted"]
    assert world.links[again].origin.value == "sage100"
    assert sorted(world.names_in_ssm()) == ["Aubrelin", "Garde"]


def test_r7_deleted_in_ssm_and_created_anew_under_the_same_name_leaves_one_contact_on_each_side(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.delete_ssm()
    again = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    world.run()
    world.run()
    assert world.names_in_sage() == world.names_in_ssm() == ["Aubrelin"]
    assert [link.ssm_id for link in world.links.values()] == [again]


def test_p14_same_numbers_under_another_name_is_the_same_contact(world):
    ada = world.person("Aubrelin", "Ada")
    world.sage.rename_contact(ada.marq, "Zoltan", "Ida")
    report = world.run()
    assert (report.ssm.updated, report.ssm.created, ada.card["lastName"]) == (1, 0, "Zoltan")


def test_p14_same_cbmarq_with_another_ct_no_and_the_same_name_is_the_same_contact(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_No=77)
    report = world.run()
    assert (report.ssm.written, ada.link.sage100_no, ada.card["deleted"]) == (0, 77, False)


def test_p14_same_ct_no_with_another_cbmarq_and_the_same_name_is_the_same_contact_with_a_new_ext_id(world):
    ada = world.person("Aubrelin", "Ada")
    number = ada.row["CT_No"]
    ada.delete_sage()
    moved = world.sage.create_contact("ALPHA", "Aubrelin", "Ada", CT_No=number)
    report = world.run()
    assert (report.ssm.updated, report.ssm.created, report.ssm.deleted) == (1, 0, 0)
    assert (ada.card["extId"], world.links[moved].ssm_id) == (f"sage100:TEST:{moved}", ada.ssm_id)


def test_p14_same_ct_no_with_another_cbmarq_and_another_name_is_a_new_contact(world):
    ada = world.person("Aubrelin", "Ada")
    number = ada.row["CT_No"]
    ada.delete_sage()
    other = world.sage.create_contact("ALPHA", "Zoltan", "Ida", CT_No=number)
    world.run()
    assert (ada.card["deleted"], world.names_in_ssm()) == (True, ["Zoltan"])
    assert world.links[other].ssm_id != ada.ssm_id


@ORIGINS
def test_r9_contact_that_ssm_does_not_show_when_it_is_to_be_deleted_is_deleted_once_it_shows_it(world, born):
    """P10: a row that is not shown is not deleted."""
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born=born)
    ada.delete_sage()
    cards = world.api.store._tables["contacts"]
    hidden = cards.pop(ada.ssm_id)
    report = world.run()
    assert (report.ssm.deleted, world.problems) == (0, [("not_visible_in_ssm", None)])
    cards[ada.ssm_id] = hidden
    report = world.run()
    assert (report.ssm.deleted, ada.card["deleted"], ada.link, world.problems) == (1, True, None, [])
