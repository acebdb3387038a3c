"""P11: people edit while a run is under way. And two runs at once."""

import pytest

from sage100_ssm.sync.state.errors import AnotherRun


def test_p11_sage_edit_of_the_very_field_is_not_overwritten_and_is_met_by_the_next_run(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(email="ssm@alpha.example")
    report = world.run(meanwhile=lambda: ada.edit_sage(CT_EMail="sage@alpha.example"))
    assert (report.sage100.written, ada.row["CT_EMail"], world.problems) == (0, "sage@alpha.example", [])
    world.run()
    assert ada.card["email"] == "sage@alpha.example"
    assert world.notices == [("conflict_settled", "email", "sage@alpha.example", "ssm@alpha.example")]


def test_p11_ssm_edit_of_the_very_field_is_not_overwritten_and_is_met_by_the_next_run(world):
    world.decide(policy={"conflict": "ssm"})
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="sage@alpha.example")
    report = world.run(meanwhile=lambda: ada.edit_ssm(email="ssm@alpha.example"))
    assert (report.ssm.written, ada.card["email"], world.problems) == (0, "ssm@alpha.example", [])
    world.run()
    assert ada.row["CT_EMail"] == "ssm@alpha.example"


@pytest.mark.parametrize("side", ["sage100", "ssm"])
def test_p1_a_first_name_typed_meanwhile_keeps_the_last_name_of_the_other_side_away(world, side):
    world.bystander()
    ada = world.person("Aubrelin", "Ada")
    edited = (ada.edit_sage, "CT_Nom") if side == "sage100" else (ada.edit_ssm, "lastName")
    typed = (ada.edit_ssm, "firstName") if side == "sage100" else (ada.edit_sage, "CT_Prenom")
    edited[0](**{edited[1]: "Belmont"})
    world.run(meanwhile=lambda: typed[0](**{typed[1]: "Zita"}))
    in_sage, in_ssm = (ada.row["CT_Nom"], ada.row["CT_Prenom"]), (ada.card["lastName"], ada.card["firstName"])
    assert {in_sage, in_ssm} == {("Belmont", "Ada"), ("Aubrelin", "Zita")}
    world.run()
    kept = in_sage
    assert kept == (ada.row["CT_Nom"], ada.row["CT_Prenom"]) == (ada.card["lastName"], ada.card["firstName"])


def test_p11_edit_of_another_field_meanwhile_is_kept(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(email="ssm@alpha.example")
    ada.edit_sage(CT_Telephone="01 99 00 12 34")

    def people_at_work():
        ada.edit_sage(CT_Telecopie="01 99 00 12 35")
        ada.edit_ssm(phone2="06 39 98 00 01")

    world.run(meanwhile=people_at_work)
    world.run()
    assert (ada.row["CT_EMail"], ada.card["phone1"]) == ("ssm@alpha.example", "01 99 00 12 34")
    assert (ada.card["fax"], ada.row["CT_TelPortable"]) == ("01 99 00 12 35", "06 39 98 00 01")


def test_p11_the_same_value_typed_meanwhile_is_no_conflict(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(email="ada@alpha.example")
    world.run(meanwhile=lambda: ada.edit_sage(CT_EMail="ada@alpha.example"))
    world.run()
    assert (ada.row["CT_EMail"], world.notices) == ("ada@alpha.example", [])


def test_p11_contact_edited_in_ssm_before_its_deletion_is_left_and_its_edit_kept_by_the_next_run(world):
    world.bystander()
    ada = world.person("Aubrelin", "Ada")
    ada.delete_sage()
    report = world.run(meanwhile=lambda: ada.edit_ssm(email="neu@alpha.example"))
    assert (report.ssm.deleted, ada.card["deleted"]) == (0, False)
    world.run()
    assert (ada.card["deleted"], world.notices) == (
        True,
        [("deletion_overrode_edit", "email", None, "neu@alpha.example")],
    )


def test_p11_contact_edited_in_sage_before_its_deletion_is_left_and_restored_by_the_next_run(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.delete_ssm()
    report = world.run(meanwhile=lambda: ada.edit_sage(CT_EMail="neu@alpha.example"))
    assert (report.sage100.deleted, ada.row["CT_EMail"]) == (0, "neu@alpha.example")
    world.run()
    assert ada.current["email"] == "neu@alpha.example"


@pytest.mark.parametrize("side", ["sage100", "ssm"])
def test_p11_contact_deleted_meanwhile_is_no_error_and_the_next_run_decides(world, side):
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born="ssm")
    if side == "sage100":
        ada.edit_ssm(email="neu@alpha.example")
    else:
        ada.edit_sage(CT_EMail="neu@alpha.example")
    world.run(meanwhile=ada.delete_sage if side == "sage100" else ada.delete_ssm)
    assert world.problems == []
    world.run()
    if side == "sage100":
        assert (ada.card["deleted"], ada.link) == (True, None)
    else:
        assert ada.current["email"] == "neu@alpha.example"


def test_p11_namesake_typed_in_sage_meanwhile_is_matched_by_the_next_run(world):
    world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    world.run(meanwhile=lambda: world.sage.create_contact("ALPHA", "Aubrelin", "Ada"))
    world.run()
    assert (world.names_in_sage(), len(world.links), world.problems) == (["Aubrelin"], 1, [])


def test_p11_ct_no_taken_meanwhile_gives_the_new_contact_the_next_one(world):
    world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    world.run(meanwhile=lambda: world.sage.create_contact("ALPHA", "Belmont", "Ida"))
    world.run()
    assert sorted(world.names_in_sage()) == sorted(world.names_in_ssm()) == ["Aubrelin", "Belmont"]
    assert len({row["CT_No"] for row in world.sage.contacts()}) == 2


def test_p11_company_deleted_in_sage_meanwhile_is_reported(world):
    card = world.ssm.create_contact("BETA", "Aubrelin", "Ada")
    world.run(meanwhile=lambda: world.sage.delete_company("BETA"))
    assert (world.names_in_sage(), world.problems) == ([], [("company_not_in_sage", None)])
    assert world.ssm.contact(card)["extId"] is None


def test_p11_company_moved_in_sage_meanwhile_is_followed_by_the_next_run(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(email="ada@alpha.example")
    world.run(meanwhile=lambda: world.sage.move_contact(ada.marq, "BETA"))
    world.run()
    assert (ada.card["accountId"], ada.row["CT_EMail"]) == (world.ssm.account("BETA"), "ada@alpha.example")


def test_p11_contact_edited_in_ssm_right_after_the_reading_is_seen_by_the_next_run(world):
    ada = world.person("Aubrelin", "Ada")
    world.api.on_answer = lambda call: call.path == "/contacts" and ada.edit_ssm(email="spät@alpha.example")
    world.run()
    world.calm()
    world.run()
    assert ada.row["CT_EMail"] == "spät@alpha.example"


def test_a_second_run_is_refused_while_one_is_under_way(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    refused = []

    def start_another():
        for start in (lambda: world.run(after=0), world.plan):
            with pytest.raises(AnotherRun):
                start()
            refused.append(start)

    world.run(meanwhile=start_another)
    assert (len(refused), ada.card["email"]) == (2, "ada@alpha.example")
