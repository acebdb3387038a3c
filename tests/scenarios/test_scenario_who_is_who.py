"""P4, P14, P15, P16: who is who, decided by evidence, and by people where evidence is not enough."""

import pytest


def typed_twice(world, sage100, ssm):
    """The same person typed on both sides in two ways: last name, first name and more."""
    last, first, columns = sage100
    other_last, other_first, fields = ssm
    marq = world.sage.create_contact("ALPHA", last, first, **columns)
    return marq, world.ssm.create_contact("ALPHA", other_last, other_first, **fields)


MAIL = ({"CT_EMail": "ada@alpha.example"}, {"email": "Ada@alpha.example"})
LIKELY = pytest.mark.parametrize(
    ("sage100", "ssm"),
    [
        (("Aubrelin", "Ada", MAIL[0]), ("Belmont", "Ada", MAIL[1])),
        (("Aubrelin", "Ada", {"CT_TelPortable": "0612345678"}), ("Aubert", "A", {"phone2": "+33 6 12 34 56 78"})),
        (("Aubrelin", "Ada", {}), ("Ada", "Aubrelin", {})),
        (("Aubrelin Ada", "", {}), ("Aubrelin", "Ada", {})),
        (("Aubrelin", "", {}), ("Aubrelin", "Ada", {})),
    ],
    ids=["e-mail", "mobile", "exchanged", "one field", "no first name"],
)


@LIKELY
def test_p4_who_is_likely_the_same_is_created_nowhere_until_a_person_says(world, sage100, ssm):
    marq, card = typed_twice(world, sage100, ssm)
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert world.problems == [("possible_duplicate", None)]
    world.answer("possible_duplicate", "same")
    world.run()
    assert [(k.sage100_id, k.ssm_id) for k in world.links.values()] == [(marq, card)]
    assert "possible_duplicate" not in dict(world.problems)


def test_p16_two_people_are_both_created_and_never_asked_about_again(world):
    marq, card = typed_twice(world, ("Aubrelin", "Ada", MAIL[0]), ("Belmont", "Ida", MAIL[1]))
    world.run()
    world.answer("possible_duplicate", "different")
    report = world.run()
    assert (report.sage100.created, report.ssm.created, world.problems) == (1, 1, [])
    assert world.links[marq].ssm_id != card


def test_p16_an_answer_follows_its_two_people_to_other_numbers(world):
    world.bystander()
    marq, card = typed_twice(world, ("Aubrelin", "Ada", MAIL[0]), ("Belmont", "Ida", MAIL[1]))
    world.run()
    world.answer("possible_duplicate", "different")
    world.run()
    other = next(k.sage100_id for k in world.links.values() if k.ssm_id == card)
    for was, now in ((marq, 99), (other, marq), (99, other)):  # a rebuilt database gives each the other's number
        world.sage.edit_contact(was, cbMarq=now)
    world.run()
    report = world.run()
    assert (report.sage100.created, report.ssm.created, world.links[marq].ssm_id) == (0, 0, card)


def test_p16_an_answer_that_is_taken_back_parts_the_two_and_the_question_returns(world):
    world.bystander()
    typed_twice(world, ("Aubrelin", "Ada", MAIL[0]), ("Belmont", "Ida", MAIL[1]))
    world.run()
    number = world.answer("possible_duplicate", "same")
    world.run()
    assert len(world.links) == 2
    world.take_back(number)
    report = world.run()
    assert (report.sage100.written, report.ssm.written, len(world.links)) == (0, 0, 1)
    assert world.problems == [("possible_duplicate", None)]


def test_p16_two_who_were_linked_and_are_then_said_to_be_different_are_two_people_again(world):
    world.bystander()
    marq, _ = typed_twice(world, ("Aubrelin", "Ada", MAIL[0]), ("Belmont", "Ida", MAIL[1]))
    world.run()
    number = world.answer("possible_duplicate", "same")
    world.run()  # Sage's names go over those of the card
    world.take_back(number)
    world.run()
    world.answer("possible_duplicate", "different")
    world.run()
    assert world.run().ssm.failed == 0
    assert marq in world.links


def test_p4_a_mark_proves_nothing_by_the_company_s_e_mail(world):
    # Sage was rebuilt: other people have the numbers that the cards' marks name.
    for n in range(4):
        world.sage.create_contact("ALPHA", f"Nouveau{n}", "Luc", CT_EMail="contact@alpha.example")
    cards = [
        world.ssm.create_contact(
            "ALPHA",
            f"Ancien{n}",
            "Luc",
            email="contact@alpha.example",
            extId=f"sage100:TEST:{n + 1}",
            comment=f"notes {n}",
        )
        for n in range(4)
    ]
    before = world.snapshot()
    world.resync()
    world.run()
    assert (world.snapshot(), world.links) == (before, {})
    assert {code for code, _ in world.problems} == {"ambiguous_match"}
    assert [world.ssm.contact(card)["lastName"] for card in cards] == [f"Ancien{n}" for n in range(4)]


def test_p15_contacts_of_another_database_are_left_alone_on_both_sides(world):
    world.bystander()
    card = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", extId="sage100:COPIE:1", email="ada@alpha.example")
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    likely = world.sage.create_contact("ALPHA", "Aubert", "Anne", CT_EMail="ada@alpha.example")
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert (marq in world.links, likely in world.links, world.problems) == (False, False, [("other_database", None)])
    world.ssm.delete_contact(card)
    report = world.run()
    assert (report.ssm.created, world.problems) == (2, [])


def test_p15_a_linked_contact_that_another_installation_took_is_left_alone(world):
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.edit_ssm(extId="ssm:COPIE:1", email="copie@alpha.example")
    world.run()
    assert ada.row["CT_EMail"] == ""
    ada.delete_ssm()
    world.run()
    assert ada.row is not None


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_p14_deleted_and_typed_again_in_sage_keeps_the_card_with_its_comments(world, born):
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born=born)
    ada.edit_ssm(comment="Prefers mornings")
    ada.delete_sage()
    again = world.sage.create_contact("ALPHA", "AUBRELIN", "Ada", CT_EMail="ada@alpha.example")
    report = world.run()
    assert (report.ssm.deleted, report.ssm.created) == (0, 0)
    assert (world.links[again].ssm_id, ada.card["comment"]) == (ada.ssm_id, "Prefers mornings")
    assert (ada.card["email"], ada.card["extId"]) == ("ada@alpha.example", f"{born}:TEST:{again}")


def test_p14_deleted_and_typed_again_in_ssm_keeps_the_row_with_its_service(world):
    world.bystander()
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.edit_sage(N_Service=3)
    world.run()
    ada.delete_ssm()
    again = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", email="ada@alpha.example")
    report = world.run()
    assert (report.sage100.deleted, report.sage100.created) == (0, 0)
    assert (world.links[ada.marq].ssm_id, ada.row["N_Service"], ada.row["CT_EMail"]) == (again, 3, "ada@alpha.example")


def test_p14_a_namesake_of_another_company_does_not_take_the_link(world):
    ada = world.person("Aubrelin", "Ada")
    world.bystander()  # whose CT_No is the highest: hers is not given again
    ada.delete_sage()
    world.sage.create_contact("BETA", "Aubrelin", "Ada")
    report = world.run()
    assert (report.ssm.deleted, report.ssm.created) == (1, 1)
