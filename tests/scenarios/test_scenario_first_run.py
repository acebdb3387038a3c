"""P4: a contact without a link, on the first run and after a lost state."""

import pytest


def both(world, **ssm):
    """The same person typed on both sides."""
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    return marq, world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", **ssm)


def standing(world):
    return sorted((link.sage100_id, link.ssm_id, link.origin.value) for link in world.links.values())


@pytest.mark.parametrize(
    ("last", "first"), [("Aubrelin", "Ada"), ("AUBRELIN", "ADA"), ("Aubrélin", "Àda"), (" Aubrelin ", "Ada  ")]
)
def test_p4_same_name_in_the_same_company_is_matched_not_created(world, last, first):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    card = world.ssm.create_contact("ALPHA", last, first)
    report = world.run()
    assert (report.sage100.created, report.ssm.created) == (0, 0)
    assert standing(world) == [(marq, card, "sage100")]
    assert world.ssm.contact(card)["extId"] == f"sage100:TEST:{marq}"


def test_p4_same_name_in_another_company_is_another_person(world):
    world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.ssm.create_contact("BETA", "Aubrelin", "Ada")
    report = world.run()
    assert (report.sage100.created, report.ssm.created) == (1, 1)


def test_p4_first_match_a_filled_value_goes_over_an_empty_one_both_ways(world):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    card = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", phone1="01 99 00 12 34")
    world.run()
    assert world.sage.contact(marq)["CT_Telephone"] == "01 99 00 12 34"
    assert (world.ssm.contact(card)["email"], world.notices) == ("ada@alpha.example", [])


@pytest.mark.parametrize("winner", ["sage100", "ssm"])
def test_p4_first_match_two_different_values_follow_p1(world, winner):
    world.decide(policy={"conflict": winner})
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada", CT_EMail="sage100@alpha.example")
    card = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", email="ssm@alpha.example")
    world.run()
    assert world.sage.contact(marq)["CT_EMail"] == world.ssm.contact(card)["email"] == f"{winner}@alpha.example"
    assert world.notices == [("conflict_settled", "email", "sage100@alpha.example", "ssm@alpha.example")]


@pytest.mark.parametrize("twins", ["sage100", "ssm"])
def test_p4_several_of_one_name_nobody_is_touched(world, twins):
    both(world)
    if twins == "ssm":
        world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    else:
        world.sage.create_contact("ALPHA", "AUBRELIN", "Ada")
    report = world.run()
    assert (report.sage100.written, report.ssm.written, world.links) == (0, 0, {})
    assert {code for code, _ in world.problems} == {"ambiguous_match"}


def test_p4_ambiguity_that_is_cleared_up_lets_the_match_through(world):
    marq, card = both(world)
    other = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    world.run()
    world.ssm.rename_contact(other, "Belmont", "Ida")
    world.run()
    assert ((marq, card, "sage100") in standing(world), world.problems) == (True, [])


def test_p4_same_person_typed_on_both_sides_between_two_runs_is_matched(world):
    world.run()
    marq, card = both(world)
    assert (world.run().sage100.created, standing(world)) == (0, [(marq, card, "sage100")])


@pytest.mark.parametrize("origin", ["sage100", "ssm"])
@pytest.mark.parametrize(
    ("last", "first", "email"),
    [("Aubrelin", "Ada", None), ("Aubrelin", "Ida", "ADA@alpha.example")],
    ids=["names", "last-name-and-email"],
)
def test_p4_an_ext_id_of_ours_is_believed_if_the_names_agree_or_last_name_and_email(world, origin, last, first, email):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    card = world.ssm.create_contact("BETA", last, first, email=email, extId=f"{origin}:TEST:{marq}")
    world.run()
    assert standing(world) == [(marq, card, origin)]


def test_p4_an_ext_id_of_ours_that_nothing_confirms_is_ambiguous(world):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.ssm.create_contact("ALPHA", "Belmont", "Ida", extId=f"ssm:TEST:{marq}")
    report = world.run()
    assert (report.sage100.written, report.ssm.written, world.links) == (0, 0, {})
    assert world.problems == [("ambiguous_match", None)]


def test_p4_an_ext_id_of_ours_whose_row_is_gone_is_left_alone(world):
    world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", extId="ssm:TEST:999")
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert (world.problems, world.links) == ([("orphan_ext_id", None)], {})


def test_p4_an_ext_id_of_ours_whose_row_is_gone_still_matches_by_name(world):
    marq, card = both(world, extId="ssm:TEST:999")
    world.run()
    assert standing(world) == [(marq, card, "ssm")]
    assert world.ssm.contact(card)["extId"] == f"ssm:TEST:{marq}"


@pytest.mark.parametrize("foreign", ["C-0042", "sage100:TEST:x", "ssm:TEST:0", "SAGE100:TEST:1"])
def test_p4_an_ext_id_that_is_not_ours_is_never_overwritten_and_its_contact_synchronises(world, foreign):
    ada = world.person("Aubrelin", "Ada", born="ssm", extId=foreign)
    assert (ada.card["extId"], ada.row["CT_Nom"]) == (foreign, "Aubrelin")
    assert [n[0] for n in world.notices] == ["foreign_ext_id"]
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["email"], ada.card["extId"]) == ("ada@alpha.example", foreign)


def test_p4_matched_contact_with_a_foreign_ext_id_keeps_it(world):
    marq, card = both(world, extId="C-0042")
    world.run()
    assert (standing(world), world.ssm.contact(card)["extId"]) == ([(marq, card, "sage100")], "C-0042")
    assert [n[0] for n in world.notices] == ["foreign_ext_id"]


def test_p4_second_live_contact_with_the_same_ext_id_is_left_alone(world):
    ada = world.person("Aubrelin", "Ada")
    world.ssm.create_contact("ALPHA", "Belmont", "Ida", extId=ada.card["extId"])
    ada.edit_ssm(email="ada@alpha.example")
    report = world.run()
    assert (report.sage100.created, ada.row["CT_EMail"]) == (0, "ada@alpha.example")
    assert world.problems == [("duplicate_ext_id", None)]


def test_p4_two_claimants_of_one_ext_id_without_a_link_are_ambiguous(world):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    for _ in range(2):
        world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", extId=f"sage100:TEST:{marq}")
    report = world.run()
    assert (report.ssm.written, report.sage100.written) == (0, 0)
    assert {code for code, _ in world.problems} <= {"ambiguous_match", "duplicate_ext_id"} != set()


def test_p4_cleared_ext_id_of_a_linked_contact_is_written_again(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.edit_ssm(extId=None)
    report = world.run()
    assert (report.ssm.updated, ada.card["extId"]) == (1, f"ssm:TEST:{ada.marq}")


def test_lost_state_rebuilds_links_and_origins_and_writes_nothing(world):
    here = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    there = world.person("Belmont", "Ida", born="ssm", phone1="01 99 00 12 34")
    before = standing(world)
    world.lose_state()
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert standing(world) == before
    assert (here.standing, there.standing) == (("sage100", "active"), ("ssm", "active"))


def test_lost_state_a_contact_deleted_in_ssm_meanwhile_is_created_again_with_its_origin(world):
    """P4: matching never deletes, and the deleted row tells the origin."""
    ada = world.person("Aubrelin", "Ada", born="ssm")
    world.lose_state()
    ada.delete_ssm()
    report = world.run()
    assert (report.sage100.deleted, report.ssm.created) == (0, 1)
    assert (ada.standing, ada.current["extId"]) == (("ssm", "active"), f"ssm:TEST:{ada.marq}")


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_lost_state_a_contact_deleted_in_sage_meanwhile_is_an_orphan(world, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    world.lose_state()
    ada.delete_sage()
    report = world.run()
    assert (report.sage100.created, report.ssm.deleted, ada.card["deleted"]) == (0, 0, False)
    assert world.problems == [("orphan_ext_id", None)]


def test_lost_state_first_name_corrected_meanwhile_is_found_by_its_ext_id_and_e_mail(world):
    ada = world.person("Aubrelin", "Ada", born="ssm", email="ada@alpha.example")
    world.lose_state()
    ada.edit_ssm(firstName="Adèle")
    world.run()
    assert (ada.standing, len(world.links)) == (("ssm", "active"), 1)


def test_lost_state_renamed_on_one_side_meanwhile_waits_for_a_person(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    world.lose_state()
    ada.edit_ssm(lastName="Aubrelin-Morel")
    world.run()
    assert (world.links, world.problems) == ({}, [("ambiguous_match", None)])
    world.answer("ambiguous_match", "same")
    world.run()
    assert (ada.standing, len(world.links)) == (("ssm", "active"), 1)


def test_older_state_a_contact_linked_since_is_linked_again(world):
    world.run()
    older = world.memory
    ada = world.person("Aubrelin", "Ada", born="ssm")
    world.state_file.write_bytes(older)
    report = world.run()
    assert (report.sage100.written, report.ssm.written, ada.standing) == (0, 0, ("ssm", "active"))


def test_older_state_a_contact_deleted_since_on_both_sides_leaves_no_link(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    older = world.memory
    ada.delete_ssm()
    world.run()
    world.state_file.write_bytes(older)
    report = world.run()
    assert (report.sage100.written, report.ssm.written, ada.link) == (0, 0, None)


def test_first_run_over_empty_sides_does_nothing(world):
    report = world.run()
    assert (report.sage100.written, report.ssm.written, world.problems, world.links) == (0, 0, [], {})
