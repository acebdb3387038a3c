"""P7, P5: one value that SSM refuses holds back that value alone."""

import pytest

from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.tenant import OTHER_SALES_REP, SALES_REP

TWO = "paul@alpha.example; anna@alpha.example"
STRICT = {"one_address_per_email": True, "phones_unique": True, "retired_values_refused": True}
EITHER = pytest.mark.parametrize(
    "quirks",
    [Quirks(**STRICT, error_body=shape) for shape in ("model_state", "generic")],
    indirect=True,
    ids=["named", "not named"],
)
NOT_NAMED = pytest.mark.parametrize("quirks", [Quirks(**STRICT, error_body="generic")], indirect=True)


def refusal(world, field):
    """The open problem of a refused value."""
    found = [e.entry for e in world.journal if e.closed_at is None and e.entry.code == "value_refused"]
    return next(entry for entry in found if entry.field == field)


@EITHER
def test_p7_two_e_mails_in_one_field_hold_back_the_e_mail_alone(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    ada.edit_sage(CT_EMail=TWO, CT_Telephone="01 99 00 12 34")
    report = world.run()
    assert (ada.card["email"], ada.card["phone1"]) == ("ada@alpha.example", "01 99 00 12 34")
    assert (report.ssm.updated, report.ssm.failed, world.problems) == (1, 0, [("value_refused", "email")])
    entry = refusal(world, "email")
    assert (entry.sage100_value, entry.ssm_value) == (TWO, "ada@alpha.example")
    assert entry.facts.text
    ada.edit_sage(CT_EMail="ada.aubrelin@alpha.example")
    world.run()
    assert (ada.card["email"], ada.row["CT_EMail"], world.problems) == (*["ada.aubrelin@alpha.example"] * 2, [])


@EITHER
def test_p1_a_value_that_ssm_refuses_never_wins_and_a_correction_in_ssm_comes_to_sage(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    ada.edit_sage(CT_EMail=TWO)
    for _ in range(4):
        world.run()
    assert (ada.row["CT_EMail"], ada.card["email"]) == (TWO, "ada@alpha.example")
    ada.edit_ssm(email="ssm@alpha.example")
    world.run()
    assert (ada.row["CT_EMail"], ada.card["email"], world.problems) == (*["ssm@alpha.example"] * 2, [])
    assert world.notices == [("conflict_settled", "email", TWO, "ssm@alpha.example")]


@NOT_NAMED
def test_p7_a_value_known_to_be_refused_waits_with_growing_pauses_and_no_run_searches_again(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail=TWO, CT_Telephone="01 99 00 12 34", CT_Telecopie="01 99 00 12 35")
    world.run()
    searched = len(world.writes)
    tried = []
    for number in range(12):
        ada.edit_sage(CT_Skype=f"ada.{number}")
        world.run()
        tried.append(sum("email" in (call.body or {}) for call in world.api.requests if call.method == "PUT"))
        assert ada.card["skype"] == f"ada.{number}"
    assert searched <= 6
    assert tried[2:4] == [0, 2] or sum(tried) <= 8
    assert sum(1 for count in tried if count) <= 4
    assert tried[-1] == 0
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["email"], world.problems) == ("ada@alpha.example", [])


@EITHER
def test_p7_a_new_contact_is_created_without_the_value_that_ssm_refuses(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail=TWO, CT_Telephone="01 99 00 12 34", CT_Fonction="Gérant")
    assert (ada.card["email"], ada.card["phone1"], ada.card["typeId"]) == (None, "01 99 00 12 34", 1)
    assert (ada.standing, world.problems) == (("sage100", "active"), [("value_refused", "email")])
    assert [row["lastName"] for row in world.ssm.contacts()] == ["Aubrelin"]
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["email"], world.problems) == ("ada@alpha.example", [])


@EITHER
def test_p7_the_number_that_another_contact_has_is_held_back_for_each_who_shares_it(world):
    """SSM's own check for duplicates: a switchboard."""
    for number in range(12):
        world.sage.create_contact("ALPHA", f"Personne{number:02}", "Camille", CT_Telephone="01 99 00 00 00")
    report = world.run()
    world.run()
    assert (report.ssm.created, len(world.links)) == (12, 12)
    assert world.problems == [("value_refused", "phone")] * 11
    assert sorted(row["phone1"] or "" for row in world.ssm.contacts()) == [""] * 11 + ["01 99 00 00 00"]


@EITHER
def test_p7_a_list_value_that_ssm_no_longer_takes_holds_back_the_job_title_alone(world):
    ada = world.person("Aubrelin", "Ada")
    world.api.store._tables["contactTypes"][1]["deleted"] = True
    ada.edit_sage(CT_Fonction="Gérant", CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["email"], ada.card["typeId"]) == ("ada@alpha.example", None)
    assert [field for _, field in world.problems] == ["job_title"]


@pytest.mark.parametrize("quirks", [Quirks(max_lengths={"lastName": 10})], indirect=True)
def test_p7_a_name_that_ssm_refuses_leaves_the_whole_name_as_it_was(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_Nom="Aubrelin-Dumesnil", CT_Prenom="Adèle", CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["lastName"], ada.card["firstName"], ada.card["email"]) == ("Aubrelin", "Ada", "ada@alpha.example")
    assert world.problems == [("value_refused", "first_name"), ("value_refused", "last_name")]
    ada.edit_sage(CT_Nom="Dumesnil")
    world.run()
    assert (ada.card["lastName"], ada.card["firstName"], world.problems) == ("Dumesnil", "Adèle", [])


@pytest.mark.parametrize("quirks", [Quirks(max_lengths={"lastName": 10})], indirect=True)
def test_p7_a_new_contact_whose_last_name_ssm_refuses_is_not_created_and_waits(world):
    world.sage.create_contact("ALPHA", "Aubrelin-Dumesnil", "Ada")
    tried = []
    for _ in range(8):
        world.run()
        tried.append(len(world.writes) > 0)
    assert (world.names_in_ssm(), tried) == ([], [True, True, False, True, False, False, False, True])
    assert world.problems == [("value_refused", "first_name"), ("value_refused", "last_name")]


@pytest.mark.parametrize("quirks", [Quirks(read_only_row_writable=False)], indirect=True)
def test_rejected_by_ssm_where_every_part_is_refused(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_ssm(readOnly=True)
    ada.edit_sage(CT_EMail="ada@alpha.example", CT_Telephone="01 99 00 12 34")
    for _ in range(2):
        world.run()
    assert world.problems == [("rejected_by_ssm", None)]


@pytest.mark.parametrize("quirks", [Quirks(error_body="generic")], indirect=True)
def test_p6_a_move_that_ssm_refuses_holds_back_the_company_alone(world):
    ada = world.person("Aubrelin", "Ada")
    world.api.store.quirks = Quirks(error_body="generic", retired_values_refused=True)
    beta = world.ssm.account("BETA")
    world.api.on_request = lambda call: world.api.store._tables["accounts"][beta].update(isActive=False)
    ada.edit_sage(CT_Num="BETA", CT_EMail="ada@alpha.example")
    world.run()
    assert (ada.card["email"], ada.card["accountId"]) == ("ada@alpha.example", world.ssm.account("ALPHA"))
    assert world.problems == [("value_refused", "company")]
    world.calm()
    world.api.store._tables["accounts"][beta]["isActive"] = None
    world.clock.advance(days=2)
    world.run()
    assert (ada.card["accountId"], world.problems) == (beta, [])


# --- P5


def leaves(world, user):
    """The user leaves the company: their licence is given to somebody else."""
    world.api.store._tables["users"][user]["isActive"] = False


@EITHER
def test_p5_a_contact_whose_owner_has_left_is_restored_under_the_default_owner(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    ada.edit_ssm(salesRepId=OTHER_SALES_REP, comment="aime l'or", Z_note="VIP")
    world.run()
    leaves(world, OTHER_SALES_REP)
    ada.delete_ssm()
    report = world.run()
    assert (report.ssm.created, ada.current["deleted"], ada.current["salesRepId"]) == (1, False, SALES_REP)
    assert (ada.current["comment"], ada.current["Z_note"]) == ("aime l'or", "VIP")
    assert (ada.current["email"], world.problems) == ("ada@alpha.example", [])
    assert [notice[0] for notice in world.notices] == ["deletion_refused", "restored_in_part"]
    facts = world.journal[-1].entry.facts
    assert (facts.left_out, facts.default_owner) == (("salesRepId",), True)


@EITHER
def test_p5_a_list_value_that_is_gone_is_left_out_and_sage_keeps_its_job_title(world):
    ada = world.person("Aubrelin", "Ada", CT_Fonction="Gérant", CT_EMail="ada@alpha.example")
    ada.edit_ssm(countryId=21, comment="aime l'or")
    world.run()
    world.api.store._tables["contactTypes"][1]["deleted"] = True
    world.api.store._tables["countries"][21]["deleted"] = True
    ada.delete_ssm()
    for _ in range(3):
        world.run()
    assert (ada.current["comment"], ada.current["typeId"], ada.current["countryId"]) == ("aime l'or", None, None)
    assert (ada.row["CT_Fonction"], ada.current["email"]) == ("Gérant", "ada@alpha.example")
    (facts,) = [e.entry.facts for e in world.journal if e.entry.code == "restored_in_part"]
    assert ({*facts.left_out}, facts.default_owner) == ({"job_title", "countryId"}, False)


@EITHER
def test_p5_owner_list_value_and_e_mail_may_all_be_refused(world):
    ada = world.person("Aubrelin", "Ada", CT_Fonction="Gérant")
    ada.edit_ssm(salesRepId=OTHER_SALES_REP, countryId=21, phone1="01 99 00 12 34")
    world.run()
    leaves(world, OTHER_SALES_REP)
    world.api.store._tables["countries"][21]["deleted"] = True
    ada.edit_sage(CT_EMail=TWO)
    ada.delete_ssm()
    for _ in range(2):
        world.run()
    assert (ada.current["salesRepId"], ada.current["phone1"]) == (SALES_REP, "01 99 00 12 34")
    assert (ada.row["CT_Telephone"], world.problems) == ("01 99 00 12 34", [("value_refused", "email")])
    (facts,) = [e.entry.facts for e in world.journal if e.entry.code == "restored_in_part"]
    assert {*facts.left_out} == {"salesRepId", "countryId", "email"}


# --- how many requests


@pytest.mark.parametrize(
    ("quirks", "most"),
    [(Quirks(**STRICT), 2), (Quirks(**STRICT, error_body="generic"), 9)],
    indirect=["quirks"],
    ids=["named", "not named"],
)
def test_p7_of_ten_changed_fields_one_refused_costs_a_few_requests(world, most):
    world.decide(fields={"note": {"sage100": "CT_Facebook", "ssm": "Z_note", "kind": "text"}})
    ada = world.person("Aubrelin", "Ada")
    values = {"CT_Telephone": "01 99 00 00 01", "CT_TelPortable": "06 99 00 00 02", "CT_Telecopie": "01 99 00 00 03"}
    values |= {"CT_LinkedIn": "ada", "CT_Skype": "ada", "CT_Civilite": 1, "CT_Fonction": "Gérant", "CT_Facebook": "x"}
    ada.edit_sage(CT_Nom="Aubry", CT_EMail=TWO, **values)
    world.run()
    assert (ada.card["lastName"], ada.card["Z_note"], ada.card["typeId"]) == ("Aubry", "x", 1)
    assert len(world.writes) <= most
    world.run()
    assert world.problems == [("value_refused", "email")]
