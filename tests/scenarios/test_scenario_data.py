"""P7 and whatever people type: what Sage cannot hold, and what must come through unharmed."""

import pytest

TRUNCATE = {"too_long": "truncate"}

TOO_LONG = [
    ("job_title", "CT_Fonction", "Z_fonction", 35),
    ("phone", "CT_Telephone", "phone1", 21),
    ("mobile", "CT_TelPortable", "phone2", 21),
    ("fax", "CT_Telecopie", "fax", 21),
    ("email", "CT_EMail", "email", 69),
    ("linkedin", "CT_LinkedIn", "linkedin", 35),
    ("skype", "CT_Skype", "skype", 35),
    ("first_name", "CT_Prenom", "firstName", 35),
    ("last_name", "CT_Nom", "lastName", 35),
]
EACH = pytest.mark.parametrize(("name", "column", "key", "limit"), TOO_LONG, ids=[t[0] for t in TOO_LONG])
FREE_TITLE = {"job_title": {"ssm": "Z_fonction", "kind": "text"}}


@EACH
def test_p7_too_long_a_value_is_held_back_and_the_other_fields_go_through(world, name, column, key, limit):
    world.decide(fields=FREE_TITLE)
    ada = world.person("Aubrelin", "Ada")
    before = ada.row[column]
    ada.edit_ssm(**{key: "x" * (limit + 1), "Z_note": "n"})
    other = ("CT_EMail", "email") if name == "phone" else ("CT_Telephone", "phone1")
    ada.edit_ssm(**{other[1]: "01 99 00 12 34"})
    world.run()
    assert (ada.row[column], ada.row[other[0]]) == (before, "01 99 00 12 34")
    assert world.problems == [("value_too_long", name)]


@EACH
def test_p7_a_value_that_just_fits_goes_through(world, name, column, key, limit):
    world.decide(fields=FREE_TITLE)
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(**{key: "é" * limit})
    world.run()
    assert (ada.row[column], world.problems) == ("é" * limit, [])


def test_p7_truncated_title_is_noticed_and_never_comes_back(world):
    world.decide(policy=TRUNCATE, fields=FREE_TITLE)
    ada = world.person("Aubrelin", "Ada")
    long = "x" * 40
    ada.edit_ssm(Z_fonction=long)
    world.run()
    assert (ada.row["CT_Fonction"], ada.card["Z_fonction"]) == ("x" * 35, long)
    assert [n[:2] for n in world.notices] == [("value_truncated", "job_title")]
    ada.edit_sage(CT_Facebook="nichts", CT_Civilite=1)
    world.run()
    assert ada.card["Z_fonction"] == long


def test_p7_truncate_shortens_no_name_number_address_or_id(world):
    world.decide(policy=TRUNCATE, fields=FREE_TITLE)
    ada = world.person("Aubrelin", "Ada")
    before = dict(ada.row)
    others = [(name, column, key, limit) for name, column, key, limit in TOO_LONG if name != "job_title"]
    ada.edit_ssm(**{key: "1" * (limit + 1) for _, _, key, limit in others})
    world.run()
    assert [ada.row[column] for _, column, _, _ in others] == [before[column] for _, column, _, _ in others]
    assert sorted(world.problems) == sorted(("value_too_long", name) for name, *_ in others)


def test_p7_a_number_too_long_by_its_spaces_and_brackets_is_written_without_them(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(phone1="+33 (0) 1 . 23 . 45 . 67 . 89")
    world.run()
    assert (ada.row["CT_Telephone"], world.problems, world.notices) == ("+33123456789", [], [])
    world.run()
    assert ada.card["phone1"] == "+33 (0) 1 . 23 . 45 . 67 . 89"


def test_p7_truncated_value_edited_in_sage_is_a_change_of_its_own(world):
    world.decide(policy=TRUNCATE, fields=FREE_TITLE)
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(Z_fonction="x" * 40)
    world.run()
    ada.edit_sage(CT_Fonction="court")
    world.run()
    assert ada.card["Z_fonction"] == "court"


def test_p7_value_shortened_by_hand_closes_the_problem(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(linkedin="x" * 40)
    world.run()
    ada.edit_ssm(linkedin="court")
    world.run()
    assert (ada.row["CT_LinkedIn"], world.problems) == ("court", [])


def test_p7_sage_edit_of_a_field_held_back_is_a_conflict_that_sage_wins(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(linkedin="x" * 40)
    world.run()
    ada.edit_sage(CT_LinkedIn="court")
    world.run()
    assert (ada.card["linkedin"], world.problems) == ("court", [])
    assert [n[0] for n in world.notices] == ["conflict_settled"]


@pytest.mark.parametrize("name", ["Ωmega", "Ada 💎", "Łukasz", "张伟", "a\u0301\u0323\u0302"])
def test_p7_character_outside_the_code_page_is_held_back(world, name):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(firstName=name, email="ada@alpha.example")
    world.run()
    assert (ada.row["CT_Prenom"], ada.row["CT_EMail"]) == ("Ada", "ada@alpha.example")
    assert world.problems == [("value_not_representable", "first_name")]


def test_p7_truncate_does_not_help_a_character_outside_the_code_page(world):
    world.decide(policy=TRUNCATE)
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(firstName="Ω")
    world.run()
    assert (ada.row["CT_Prenom"], world.problems) == ("Ada", [("value_not_representable", "first_name")])


@pytest.mark.parametrize(
    ("last", "code"), [("x" * 36, "value_too_long"), ("Ωmega", "value_not_representable")], ids=["long", "greek"]
)
def test_p7_new_contact_whose_last_name_sage_cannot_hold_is_not_created(world, last, code):
    card = world.ssm.create_contact("ALPHA", last, "Ada")
    world.run()
    assert (world.names_in_sage(), world.problems) == ([], [(code, "last_name")])
    world.ssm.rename_contact(card, "Aubrelin", "Ada")
    world.run()
    assert (world.names_in_sage(), world.problems) == (["Aubrelin"], [])


def test_p7_new_contact_with_another_field_too_long_is_created_without_it(world):
    ada = world.person("Aubrelin", "Ada", born="ssm", linkedin="x" * 40, email="ada@alpha.example")
    assert (ada.row["CT_LinkedIn"], ada.row["CT_EMail"]) == ("", "ada@alpha.example")
    assert (ada.card["linkedin"], world.problems) == ("x" * 40, [("value_too_long", "linkedin")])


def test_p7_new_contact_whose_first_name_sage_cannot_hold_waits_with_both_names(world):
    card = world.ssm.create_contact("ALPHA", "Aubrelin", "Ωda")
    world.run()
    assert (world.names_in_sage(), world.problems) == ([], [("value_not_representable", "first_name")])
    world.ssm.rename_contact(card, "Aubrelin", "Ada")
    world.run()
    assert (world.names_in_sage(), world.problems) == (["Aubrelin"], [])


def test_p8_what_nobody_sees_holds_nothing_back_and_is_not_written(world):
    ada = world.person("\u202aLe\u202fGarrec\u202c", "Jean\u2011Pierre\u200b", born="ssm", email="zoe\u0301@x.example")
    assert (ada.row["CT_Nom"], ada.row["CT_Prenom"], ada.row["CT_EMail"]) == (
        "Le Garrec",
        "Jean-Pierre",
        "zo\u00e9@x.example",
    )
    ada.edit_sage(CT_Nom="Le Garrec\u00a0")
    world.run()
    assert (ada.card["lastName"], world.problems, world.notices) == ("\u202aLe\u202fGarrec\u202c", [], [])


@pytest.mark.parametrize(
    "name",
    [
        "O'Brien",
        'Dit "le Beau"',
        "Back\\slash",
        "100% d'opale",
        "Smith; DROP TABLE F_CONTACTT;--",
        "<script>alert(1)</script>",
        "Müller & Söhne",
        "Œuvre d'Àrt",
        "${HOME} {0} %s",
        "€uro",
        "d\u2019Ivoire \u2013 l\u2019A\u00een\u00e9",
        "a,b(c)|d",
    ],
)
@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_r3_name_comes_over_as_typed(world, name, born):
    ada = world.person(name, "Ada", born=born)
    assert (ada.row["CT_Nom"], ada.card["lastName"]) == (name, name)


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_p8_leading_and_trailing_spaces_stay_where_they_were_typed(world, born):
    ada = world.person("  Aubrelin  ", " Ada", born=born)
    here, there = (ada.row["CT_Nom"], ada.card["lastName"])[:: 1 if born == "sage100" else -1]
    assert (here, there) == ("  Aubrelin  ", "Aubrelin")


def test_p5_very_long_comment_is_restored_whole(world):
    ada = world.person("Aubrelin", "Ada", born="ssm", comment="é\n" * 3000)
    ada.delete_ssm()
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.run()
    assert ada.current["comment"] == "é\n" * 3000


def test_line_ends_in_a_name_come_over_once(world):
    ada = world.person("Aubrelin\r\nMorel", "Ada")
    assert ada.standing == ("sage100", "active")


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_p12_name_with_another_accent_is_another_contact_for_sage(world, born):
    world.person("Aubrelin", "Ada", born=born)
    world.person("Aubrélin", "Ada", born=born)
    assert len(world.links) == 2


def test_p14_ct_no_of_ten_digits_is_followed_by_the_next(world):
    ada = world.person("Aubrelin", "Ada", CT_No=2_147_483_600)
    ida = world.person("Belmont", "Ida", born="ssm")
    assert (ada.link.sage100_no, ida.row["CT_No"]) == (2_147_483_600, 2_147_483_601)


def test_p14_highest_ct_no_there_is_leaves_room_for_another_contact(world):
    world.person("Aubrelin", "Ada", CT_No=2_147_483_647)
    ida = world.person("Belmont", "Ida", born="ssm")
    assert 0 < ida.row["CT_No"] < 2_147_483_647


def test_sage_contact_without_ct_no_synchronises(world):
    ada = world.person("Aubrelin", "Ada", CT_No=0)
    ada.edit_ssm(email="ada@alpha.example")
    world.run()
    assert ada.row["CT_EMail"] == "ada@alpha.example"


def test_sage_nulls_are_as_good_as_empty_texts(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail=None, CT_Telephone=None, CT_Civilite=None, CT_Fonction=None)
    report = world.run()
    assert (report.sage100.written, report.ssm.written, ada.card["email"]) == (0, 0, None)


def test_sage_contact_without_a_last_name_is_reported(world):
    world.sage.create_contact("ALPHA", "", "Ada")
    report = world.run()
    assert (report.ssm.created, world.problems) == (0, [("value_missing", "last_name")])


OTHER_GENDER = {"id": 5, "descriptionEN": "Other", "descriptionFR": "Autre"}


@pytest.mark.parametrize("civility", [3, 7, -1])
def test_p7_a_civility_that_ssm_has_no_gender_for_is_reported_and_the_other_fields_go_over(world, civility):
    ada = world.person("Aubrelin", "Ada", CT_Civilite=civility)
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["email"], ada.card["gender"], ada.row["CT_Civilite"]) == ("ada@alpha.example", None, civility)
    assert world.problems == [("value_unknown", "civility")]
    ada.edit_sage(CT_Civilite=1)
    world.run()
    assert (ada.card["gender"], world.problems) == (1, [])


def test_p7_a_gender_that_sage_has_no_civility_for_is_reported_and_the_other_fields_come_over(world):
    world.api.store.put("genders", OTHER_GENDER)
    ada = world.person("Aubrelin", "Ada", CT_Civilite=1)
    ada.edit_ssm(gender=5, email="ada@alpha.example")
    world.run()
    assert (ada.row["CT_EMail"], ada.row["CT_Civilite"], ada.card["gender"]) == ("ada@alpha.example", 1, 5)
    assert world.problems == [("value_unknown", "civility")]
    ada.edit_ssm(gender=0)
    world.run()
    assert (ada.row["CT_Civilite"], world.problems) == (0, [])


def test_p7_a_new_contact_with_an_unknown_gender_comes_over_without_it(world):
    world.api.store.put("genders", OTHER_GENDER)
    world.ssm.create_contact("ALPHA", "Bellac", "Bea", gender=5)
    world.run()
    assert ([row["CT_Civilite"] for row in world.sage.contacts()], world.problems) == (
        [0],
        [("value_unknown", "civility")],
    )
