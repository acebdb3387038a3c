"""R5, P1, P8 and the field map: what changed on one side, on both, or not at all."""

import pytest

from sage100_ssm.standins.ssm_api.quirks import Normalisation, Quirks

FULL_IN_SAGE = {
    "CT_Fonction": "Gérant",
    "CT_Telephone": "01 99 00 12 34",
    "CT_TelPortable": "06 39 98 00 01",
    "CT_Telecopie": "01 99 00 12 35",
    "CT_EMail": "ada@alpha.example",
    "CT_LinkedIn": "ada-aubrelin",
    "CT_Skype": "ada.a",
}

FIELDS = [
    ("last_name", "CT_Nom", "Belmont", "lastName", "Belmont"),
    ("first_name", "CT_Prenom", "Ida", "firstName", "Ida"),
    ("job_title", "CT_Fonction", "Comptable", "typeId", 3),
    ("phone", "CT_Telephone", "01 99 00 99 99", "phone1", "01 99 00 99 99"),
    ("mobile", "CT_TelPortable", "06 39 98 99 99", "phone2", "06 39 98 99 99"),
    ("fax", "CT_Telecopie", "01 99 00 98 98", "fax", "01 99 00 98 98"),
    ("email", "CT_EMail", "neu@alpha.example", "email", "neu@alpha.example"),
    ("civility", "CT_Civilite", 1, "gender", 1),
    ("linkedin", "CT_LinkedIn", "autre", "linkedin", "autre"),
    ("skype", "CT_Skype", "autre", "skype", "autre"),
]
EACH = pytest.mark.parametrize(("name", "column", "text", "key", "value"), FIELDS, ids=[f[0] for f in FIELDS])
MANY_VALUED = [f for f in FIELDS if f[0] != "civility"]  # of two values no side can change to a third
EACH_OF_MANY_VALUES = pytest.mark.parametrize(
    ("name", "column", "text", "key", "value"), MANY_VALUED, ids=[f[0] for f in MANY_VALUED]
)
CLEARABLE = [f for f in FIELDS if f[0] not in {"last_name", "first_name", "civility"}]
EACH_CLEARABLE = pytest.mark.parametrize(
    ("name", "column", "text", "key", "value"), CLEARABLE, ids=[f[0] for f in CLEARABLE]
)
BORN = pytest.mark.parametrize("born", ["sage100", "ssm"])


@EACH
def test_r5_change_in_sage_reaches_ssm(world, name, column, text, key, value):
    ada = world.person("Aubrelin", "Ada", **FULL_IN_SAGE)
    ada.edit_sage(**{column: text})
    report = world.run()
    assert (report.ssm.updated, report.sage100.written, ada.card[key]) == (1, 0, value)
    assert ada.link.base[name].sage100 == text


@EACH
def test_r5_change_in_ssm_reaches_sage(world, name, column, text, key, value):
    ada = world.person("Aubrelin", "Ada", **FULL_IN_SAGE)
    ada.edit_ssm(**{key: value})
    report = world.run()
    assert (report.sage100.updated, report.ssm.written, ada.row[column]) == (1, 0, text)
    assert ada.link.base[name].ssm == value


@EACH_CLEARABLE
def test_r5_value_cleared_in_sage_is_cleared_in_ssm(world, name, column, text, key, value):
    ada = world.person("Aubrelin", "Ada", **FULL_IN_SAGE)
    ada.edit_sage(**{column: ""})
    report = world.run()
    assert (report.ssm.updated, ada.card[key]) == (1, None)


@EACH_CLEARABLE
@pytest.mark.parametrize("empty", [None, ""])
def test_r5_value_cleared_in_ssm_is_cleared_in_sage(world, name, column, text, key, value, empty):
    empty = None if key == "typeId" else empty  # a reference is cleared by null alone
    ada = world.person("Aubrelin", "Ada", **FULL_IN_SAGE)
    ada.edit_ssm(**{key: empty})
    report = world.run()
    assert (report.sage100.updated, ada.row[column]) == (1, "")


@EACH_OF_MANY_VALUES
@pytest.mark.parametrize("winner", ["sage100", "ssm"])
def test_p1_field_changed_on_both_sides_goes_to_the_winner_and_the_loser_is_in_the_journal(
    world, name, column, text, key, value, winner
):
    world.decide(policy={"conflict": winner})
    ada = world.person("Aubrelin", "Ada", **FULL_IN_SAGE)
    other = {"job_title": 5}.get(name, "Perdu 2")
    ada.edit_sage(**{column: text})
    ada.edit_ssm(**{key: other})
    world.run()
    assert (ada.row[column] == text, ada.card[key] == value) == (winner == "sage100", winner == "sage100")
    shown = "Chef d'atelier" if name == "job_title" else other
    assert world.notices == [("conflict_settled", name, text, shown)]


def test_r5_two_fields_of_one_contact_changed_on_two_sides_both_go_over(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="neu@alpha.example")
    ada.edit_ssm(phone1="01 99 00 12 34")
    report = world.run()
    assert (ada.card["email"], ada.row["CT_Telephone"]) == ("neu@alpha.example", "01 99 00 12 34")
    assert (report.sage100.updated, report.ssm.updated, world.notices) == (1, 1, [])


def test_p1_conflict_on_one_field_does_not_hold_back_the_others(world):
    world.decide(policy={"conflict": "manual"})
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="sage@alpha.example", CT_Telephone="01 99 00 12 34")
    ada.edit_ssm(email="ssm@alpha.example", fax="01 99 00 12 35")
    world.run()
    assert (ada.card["phone1"], ada.row["CT_Telecopie"]) == ("01 99 00 12 34", "01 99 00 12 35")
    assert (ada.card["email"], ada.row["CT_EMail"]) == ("ssm@alpha.example", "sage@alpha.example")
    assert world.problems == [("conflict", "email")]


def disputed(world):
    """Somebody whose e-mail was changed on both sides, and waits for a person to settle it."""
    world.decide(policy={"conflict": "manual"})
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="sage@alpha.example")
    ada.edit_ssm(email="ssm@alpha.example")
    world.run()
    return ada


def test_p1_manual_conflict_closes_once_both_sides_hold_the_same(world):
    ada = disputed(world)
    ada.edit_ssm(email="SAGE@alpha.example")
    report = world.run()
    assert (report.problems_closed, report.sage100.written, report.ssm.written, world.problems) == (1, 0, 0, [])


def test_p1_manual_conflict_stays_open_though_one_side_is_edited_again(world):
    ada = disputed(world)
    ada.edit_sage(CT_EMail="sage2@alpha.example")
    world.run()
    assert (ada.card["email"], world.problems) == ("ssm@alpha.example", [("conflict", "email")])


@pytest.mark.parametrize("back", ["sage100", "ssm"])
@pytest.mark.parametrize("matched", [False, True], ids=["with base", "first match"])
def test_p1_manual_conflict_stays_open_though_one_side_is_put_back(world, back, matched):
    """Nothing is written until both sides hold the same value: to put back is no answer, to type the same is one."""
    world.decide(policy={"conflict": "manual"})
    if matched:
        marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada", CT_EMail="sage@alpha.example")
        ssm_id = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", email="ssm@alpha.example")
        ada = world.follow(marq, ssm_id)
    else:
        ada = world.person("Aubrelin", "Ada")
        ada.edit_sage(CT_EMail="sage@alpha.example")
        ada.edit_ssm(email="ssm@alpha.example")
    world.run()
    ada.edit_sage(CT_EMail="") if back == "sage100" else ada.edit_ssm(email=None)
    for _ in range(2):
        report = world.run()
        assert (report.sage100.written, report.ssm.written) == (0, 0)
        assert world.problems == [("conflict", "email")]
    typed = "ssm@alpha.example" if back == "sage100" else "sage@alpha.example"
    ada.edit_sage(CT_EMail=typed) if back == "sage100" else ada.edit_ssm(email=typed)
    world.run()
    assert (ada.row["CT_EMail"], ada.card["email"], world.problems) == (typed, typed, [])


def leave_out(world, ada):
    """The company is left out of the synchronisation for a while."""
    world.decide(scope={"exclude": ["ALPHA"]})
    yield
    world.decide(scope={"exclude": []})
    yield


def hide(world, ada):
    """SSM does not show the contact for a while."""
    card = dict(world.api.store.row("contacts", ada.ssm_id))
    del world.api.store._tables["contacts"][ada.ssm_id]
    yield
    world.api.store.put("contacts", card)
    yield


def rebuild(world, ada):
    """The database is built anew: another ``cbMarq``, the same ``CT_No`` and names (P14)."""
    row = {name: value for name, value in ada.row.items() if name != "cbMarq"}
    ada.delete_sage()
    ada.marq = world.sage.create_contact(row.pop("CT_Num"), row.pop("CT_Nom"), row.pop("CT_Prenom"), **row)
    yield
    yield


@pytest.mark.parametrize("befall", [leave_out, hide, rebuild])
def test_p1_manual_conflict_is_not_forgotten_while_nobody_looks(world, befall):
    ada = disputed(world)
    steps = befall(world, ada)
    for _ in range(2):
        next(steps)
        world.run(whole=True)
        assert ("conflict", "email") in world.problems
    ada.edit_sage(CT_EMail="")
    world.run()
    assert (ada.row["CT_EMail"], ada.card["email"], world.problems) == (
        "",
        "ssm@alpha.example",
        [("conflict", "email")],
    )


def test_p1_manual_conflict_that_is_not_manual_any_more_is_settled(world):
    ada = disputed(world)
    ada.edit_ssm(email=None)
    world.run()
    world.decide(policy={"conflict": "sage100"})
    world.run()
    assert (ada.card["email"], world.problems) == ("sage@alpha.example", [])


def test_p1_setting_of_one_field_goes_before_the_general_one(world):
    world.decide(policy={"conflict": "sage100"}, fields={"email": {"conflict": "ssm"}})
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="sage@alpha.example", CT_Telephone="01 99 00 12 34")
    ada.edit_ssm(email="ssm@alpha.example", phone1="01 99 00 56 78")
    world.run()
    assert (ada.row["CT_EMail"], ada.card["phone1"]) == ("ssm@alpha.example", "01 99 00 12 34")


@pytest.mark.parametrize(("later", "winner"), [("ssm", "ssm"), ("sage100", "sage100")])
def test_p1_newest_the_later_edit_wins(world, later, winner):
    world.decide(policy={"conflict": "newest"})
    ada = world.person("Aubrelin", "Ada")
    world.clock.advance(minutes=10)
    edits = [lambda: ada.edit_ssm(email="ssm@alpha.example"), lambda: ada.edit_sage(CT_EMail="sage100@alpha.example")]
    for edit in edits if later == "sage100" else reversed(edits):
        edit()
        world.clock.advance(minutes=5)
    world.run()
    assert ada.row["CT_EMail"] == ada.card["email"] == f"{winner}@alpha.example"


def test_p1_newest_less_than_two_minutes_apart_goes_to_sage(world):
    world.decide(policy={"conflict": "newest"})
    ada = world.person("Aubrelin", "Ada")
    world.clock.advance(minutes=10)
    ada.edit_sage(CT_EMail="sage100@alpha.example")
    world.clock.advance(seconds=100)
    ada.edit_ssm(email="ssm@alpha.example")
    world.run()
    assert ada.row["CT_EMail"] == ada.card["email"] == "sage100@alpha.example"


def test_p1_newest_a_stamp_that_has_not_moved_is_the_older(world):
    world.decide(policy={"conflict": "newest"})
    ada = world.person("Aubrelin", "Ada")
    stamp = ada.row["cbModification"]
    world.clock.advance(seconds=30)
    ada.edit_ssm(email="ssm@alpha.example")
    ada.edit_sage(CT_EMail="sage100@alpha.example", cbModification=stamp)
    world.run()
    assert ada.row["CT_EMail"] == ada.card["email"] == "ssm@alpha.example"


@EACH
def test_p1_equal_edits_on_both_sides_are_no_conflict_and_no_write(world, name, column, text, key, value):
    ada = world.person("Aubrelin", "Ada", **FULL_IN_SAGE)
    ada.edit_sage(**{column: text})
    ada.edit_ssm(**{key: value})
    report = world.run()
    assert (report.sage100.written, report.ssm.written, world.notices) == (0, 0, [])


def test_p1_value_that_sage_cannot_hold_never_wins(world):
    world.decide(policy={"conflict": "ssm"})
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_Nom="Belmont")
    ada.edit_ssm(lastName="Ωmega")
    world.run()
    assert (ada.row["CT_Nom"], ada.card["lastName"]) == ("Belmont", "Belmont")


def test_p1_civility_changed_on_both_sides_to_the_same_sex_is_no_conflict(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_Civilite=2)
    ada.edit_ssm(gender=1)
    report = world.run()
    assert (report.sage100.written, report.ssm.written, ada.row["CT_Civilite"]) == (0, 0, 2)


NBSP, NARROW = "\u00a0", "\u202f"
SPELLINGS = [
    ("phone", "CT_Telephone", "0199001234", "phone1", "+33 1 99 00 12 34"),
    ("phone-dots", "CT_Telephone", "01.99.00.12.34", "phone1", "01 99 00 12 34"),
    ("phone-00", "CT_Telephone", "0033199001234", "phone1", "+33199001234"),
    ("phone-zero", "CT_Telephone", "+33 (0)1 99 00 12 34", "phone1", "01 99 00 12 34"),
    ("phone-nbsp", "CT_Telephone", f"01{NBSP}99{NARROW}00 12 34", "phone1", "0199001234"),
    ("mobile", "CT_TelPortable", "06-39-98-00-01", "phone2", "+33639980001"),
    ("fax", "CT_Telecopie", "(01) 99 00 12 35", "fax", "01 99 00 12 35"),
    ("email", "CT_EMail", "Ada@Alpha.Example", "email", "ada@alpha.example"),
    ("email-space", "CT_EMail", " ada@alpha.example ", "email", "ada@alpha.example"),
    ("nbsp", "CT_Nom", f"De{NBSP}Brissac", "lastName", "De Brissac"),
    ("spaces", "CT_Nom", "  De   Brissac ", "lastName", "De Brissac"),
    ("nfd", "CT_Nom", "Helène", "lastName", "Hele\u0300ne"),
    ("title", "CT_Fonction", "GERANT", "typeId", 1),
    ("title-english", "CT_Fonction", "Managing director", "typeId", 1),
]
EACH_SPELLING = pytest.mark.parametrize(
    ("column", "text", "key", "value"), [s[1:] for s in SPELLINGS], ids=[s[0] for s in SPELLINGS]
)


@EACH_SPELLING
def test_p8_spellings_of_one_value_are_never_rewritten(world, column, text, key, value):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(**{column: text})
    ada.edit_ssm(**{key: value})
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert (ada.row[column], ada.card[key]) == (text, value)


@EACH_SPELLING
def test_p8_a_value_respelt_in_sage_alone_is_no_change(world, column, text, key, value):
    ada = world.person("Aubrelin", "Ada", born="ssm", **({key: value} if key != "lastName" else {}))
    if key == "lastName":
        ada.edit_ssm(lastName=value)
        world.run()
    ada.edit_sage(**{column: text})
    report = world.run()
    assert (report.ssm.written, report.sage100.written, ada.row[column], ada.card[key]) == (0, 0, text, value)


def test_p8_case_of_a_name_is_a_change(world):
    ada = world.person("AUBRELIN", "Ada")
    ada.edit_sage(CT_Nom="Aubrelin")
    world.run()
    assert ada.card["lastName"] == "Aubrelin"


def test_p8_text_is_written_normalised_and_phone_and_email_as_typed(world):
    ada = world.person(
        f"  De{NBSP}Brissac ", "He\u0301le\u0300ne", born="ssm", phone1="+33 1.99.00.12.34", email="Ada@Alpha.Example"
    )
    row = ada.row
    assert (row["CT_Nom"], row["CT_Prenom"]) == ("De Brissac", "Hélène")
    assert (row["CT_Telephone"], row["CT_EMail"]) == ("+33 1.99.00.12.34", "Ada@Alpha.Example")


@pytest.mark.parametrize("quirks", [Quirks(normalisations=frozenset({Normalisation.LAST_NAME}))], indirect=True)
def test_p4_ssm_that_writes_names_in_capitals_keeps_its_own_form_at_a_first_match(world):
    world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.ssm.create_contact("ALPHA", "AUBRELIN", "Ada")
    report = world.run()
    assert (report.sage100.written, world.names_in_ssm(), world.problems) == (0, ["AUBRELIN"], [])
    assert world.notices == []


@pytest.mark.parametrize("quirks", [Quirks(normalisations=frozenset(Normalisation))], indirect=True)
@BORN
def test_p8_what_ssm_makes_of_a_value_becomes_its_base(world, born):
    fields = {"CT_Telephone": "0199001234", "CT_EMail": "Ada@Alpha.Example"}
    ada = world.person("Aubrelin", "Ada", **fields)
    assert (ada.card["lastName"], ada.card["phone1"]) == ("AUBRELIN", "+33 1 99 00 12 34")
    assert ada.link.base["last_name"].ssm == "AUBRELIN"
    ada.edit_sage(CT_Nom="Belmont")
    world.run()
    assert (ada.card["lastName"], ada.row["CT_Nom"]) == ("BELMONT", "Belmont")


def test_p8_country_of_the_settings_reads_numbers_without_prefix(world):
    world.decide(country="BE")
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_Telephone="02 555 12 12")
    ada.edit_ssm(phone1="+32 2 555 12 12")
    assert world.run().sage100.written == 0


@pytest.mark.parametrize(
    ("direction", "column", "kept"), [("to_ssm", "CT_EMail", "sage"), ("to_sage100", "CT_EMail", "ssm")]
)
def test_map_change_on_the_receiving_side_of_a_one_way_field_is_put_back(world, direction, column, kept):
    world.decide(fields={"email": {"direction": direction}})
    ada = world.person("Aubrelin", "Ada", **({"CT_EMail": "a@alpha.example"} if kept == "sage" else {}))
    if kept == "ssm":
        ada.edit_ssm(email="a@alpha.example")
        world.run()
        assert ada.row["CT_EMail"] == "a@alpha.example"
        ada.edit_sage(CT_EMail="b@alpha.example")
    else:
        ada.edit_ssm(email="b@alpha.example")
    world.run()
    assert ada.row["CT_EMail"] == ada.card["email"] == "a@alpha.example"


def test_map_field_set_to_none_stays_as_it_is_on_both_sides(world):
    world.decide(fields={"email": {"direction": "none"}})
    ada = world.person("Aubrelin", "Ada", CT_EMail="sage@alpha.example")
    ada.edit_ssm(email="ssm@alpha.example")
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)
    assert (ada.row["CT_EMail"], ada.card["email"]) == ("sage@alpha.example", "ssm@alpha.example")


def test_map_what_is_not_in_it_is_never_touched(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(comment="À rappeler", email2="x@alpha.example", Z_note="n")
    ada.edit_sage(CT_Facebook="ada", N_Service=1)
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)


def test_map_a_site_adds_a_field_of_its_own(world):
    world.decide(fields={"facebook": {"sage100": "CT_Facebook", "ssm": "Z_note"}})
    ada = world.person("Aubrelin", "Ada", CT_Facebook="ada.a")
    assert ada.card["Z_note"] == "ada.a"
    ada.edit_ssm(Z_note="ada.b")
    world.run()
    assert ada.row["CT_Facebook"] == "ada.b"


@pytest.mark.parametrize(("sage", "ssm"), [("x", None), (None, "x"), ("x", "x")])
def test_p4_field_new_in_the_map_a_filled_value_goes_over_an_empty_one(world, sage, ssm):
    ada = world.person("Aubrelin", "Ada", CT_Facebook=sage)
    ada.edit_ssm(Z_note=ssm)
    world.run()
    world.decide(fields={"facebook": {"sage100": "CT_Facebook", "ssm": "Z_note"}})
    world.run()
    assert (ada.row["CT_Facebook"], ada.card["Z_note"], world.notices) == ("x", "x", [])


def test_p4_field_new_in_the_map_with_two_values_follows_p1(world):
    ada = world.person("Aubrelin", "Ada", CT_Facebook="sage")
    ada.edit_ssm(Z_note="ssm")
    world.run()
    world.decide(fields={"facebook": {"sage100": "CT_Facebook", "ssm": "Z_note"}})
    world.run()
    assert ada.card["Z_note"] == "sage"
    assert world.notices == [("conflict_settled", "facebook", "sage", "ssm")]


def test_p4_field_led_to_another_ssm_field_derives_no_clearing(world):
    """A changed map has no base for the field: the Sage value goes over the empty new field, nothing is cleared."""
    ada = world.person("Aubrelin", "Ada", CT_Skype="ada.a")
    world.decide(fields={"skype": {"ssm": "Z_note"}})
    world.run()
    assert (ada.row["CT_Skype"], ada.card["Z_note"]) == ("ada.a", "ada.a")


def test_title_that_ssm_does_not_have_is_held_back_alone(world):
    ada = world.person("Aubrelin", "Ada", CT_Fonction="Souffleur de verre", CT_EMail="ada@alpha.example")
    assert (ada.card["typeId"], ada.card["email"]) == (None, "ada@alpha.example")
    assert world.problems == [("value_unknown", "job_title")]


def test_title_added_to_ssm_later_lets_the_value_through(world):
    ada = world.person("Aubrelin", "Ada", CT_Fonction="Souffleur de verre")
    world.api.store.put("contactTypes", {"id": 77, "descriptionFR": "Souffleur de verre"})
    world.run()
    assert (ada.card["typeId"], world.problems) == (77, [])


def test_title_paired_by_the_settings(world):
    world.decide(fields={"job_title": {"values": {"DAF": "Directeur administratif et financier"}}})
    ada = world.person("Aubrelin", "Ada", CT_Fonction="DAF")
    ida = world.person("Belmont", "Ida", born="ssm", typeId=7)
    assert (ada.card["typeId"], ida.row["CT_Fonction"]) == (7, "DAF")


def test_title_of_one_language_alone_is_found_and_written(world):
    ada = world.person("Aubrelin", "Ada", CT_Fonction="department of administration")
    ida = world.person("Belmont", "Ida", born="ssm", typeId=10)
    assert (ada.card["typeId"], ida.row["CT_Fonction"]) == (9, "Gemmologue")


def test_title_is_written_to_sage_in_the_language_of_the_settings(world):
    world.decide(language="en")
    assert world.person("Aubrelin", "Ada", born="ssm", typeId=1).row["CT_Fonction"] == "Managing director"


def test_title_too_long_for_sage_is_held_back(world):
    world.api.store.put("contactTypes", {"id": 78, "descriptionFR": "Directrice régionale des ventes et du conseil"})
    ada = world.person("Aubrelin", "Ada", born="ssm", typeId=78)
    assert (ada.row["CT_Fonction"], world.problems) == ("", [("value_too_long", "job_title")])


def test_title_as_free_text_in_a_field_of_the_site(world):
    world.decide(fields={"job_title": {"ssm": "Z_fonction", "kind": "text"}})
    ada = world.person("Aubrelin", "Ada", CT_Fonction="Souffleur de verre")
    assert (ada.card["Z_fonction"], ada.card["typeId"]) == ("Souffleur de verre", None)
    ada.edit_ssm(Z_fonction="Verrier")
    world.run()
    assert ada.row["CT_Fonction"] == "Verrier"


def test_civility_mademoiselle_stays_mademoiselle(world):
    ada = world.person("Aubrelin", "Ada", CT_Civilite=2)
    ada.edit_ssm(email="ada@alpha.example")
    world.run()
    assert (ada.row["CT_Civilite"], ada.card["gender"]) == (2, 1)


def test_civility_null_gender_says_nothing(world):
    ada = world.person("Aubrelin", "Ada", CT_Civilite=1)
    ada.edit_ssm(gender=None)
    report = world.run()
    assert (report.sage100.written, ada.row["CT_Civilite"]) == (0, 1)


def test_civility_changed_in_ssm_reaches_sage_even_from_mademoiselle(world):
    ada = world.person("Aubrelin", "Ada", CT_Civilite=2)
    ada.edit_ssm(gender=0)
    world.run()
    assert ada.row["CT_Civilite"] == 0


@pytest.mark.parametrize(("civility", "gender", "sage", "ssm"), [(0, 1, 1, 1), (1, None, 1, 1), (2, 1, 2, 1)])
def test_civility_without_a_base_a_zero_never_goes_over_a_gender(world, civility, gender, sage, ssm):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada", CT_Civilite=civility)
    card = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", gender=gender)
    world.run()
    assert (world.sage.contact(marq)["CT_Civilite"], world.ssm.contact(card)["gender"]) == (sage, ssm)
