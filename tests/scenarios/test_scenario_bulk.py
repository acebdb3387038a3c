"""Whole runs with many writes in one request: a first load, and what may go wrong with it."""

import pytest

from sage100_ssm.standins.ssm_api.faults import (
    CannedResponse,
    CutJson,
    Delay,
    Fault,
    PartOfBulk,
    ReorderedResults,
    Reset,
)
from sage100_ssm.standins.ssm_api.quirks import Quirks

MANY = 20
CREATE, UPDATE = ("POST", "/contacts/bulk"), ("PUT", "/contacts/bulk")


@pytest.fixture
def crowd(world):
    """So many contacts in Sage, and none in SSM."""
    world.decide(ssm={"bulk_writes": True})
    for number in range(MANY):
        world.sage.create_contact("ALPHA", f"Personne{number:02}", "Camille", CT_Telephone=f"01 99 00 00 {number:02}")
    return world


def arrived(world):
    """The living contacts of SSM bear one ``extId`` each, and each has its link."""
    bears = [row["extId"] for row in world.ssm.contacts()]
    assert len(bears) == len(set(bears)) == len(world.links)
    return len(bears)


def test_a_first_load_goes_over_in_one_request(crowd):
    report = crowd.run()
    assert (report.ssm.created, report.ssm.failed, arrived(crowd)) == (MANY, 0, MANY)
    assert crowd.writes == [CREATE]


def test_contacts_that_stand_on_both_sides_get_their_ext_id_in_one_request(crowd):
    for number in range(MANY):
        crowd.ssm.create_contact("ALPHA", f"Personne{number:02}", "Camille", phone1=f"01 99 00 00 {number:02}")
    report = crowd.run()
    assert (report.ssm.created, report.ssm.updated, arrived(crowd)) == (0, MANY, MANY)
    assert crowd.writes == [UPDATE]


@pytest.mark.parametrize(
    "effect",
    [
        pytest.param(PartOfBulk(9), id="500 after a part"),
        pytest.param(CannedResponse(500), id="500 before any"),
        pytest.param(Reset(after=True), id="reset after all"),
        pytest.param(Delay(1, after=True), id="late"),
        pytest.param(CutJson(), id="cut"),
        pytest.param(ReorderedResults(left_out=5), id="another order, some missing"),
    ],
)
def test_after_a_load_that_was_broken_off_nothing_is_twice_and_nothing_lost(crowd, effect):
    crowd.disturb(Fault(effect, *CREATE))
    crowd.run()
    crowd.calm()
    crowd.run()
    assert arrived(crowd) == MANY


@pytest.mark.parametrize(
    "quirks", [Quirks(), Quirks(bulk_is_all_or_nothing=True)], indirect=True, ids=["each", "whole"]
)
def test_one_contact_that_ssm_refuses_holds_no_other_back(crowd):
    crowd.sage.create_contact("ALPHA", "Sans prénom", "")
    long = crowd.sage.create_contact("ALPHA", "Trop", "Long", CT_EMail="x" * 69)
    crowd.api.store.quirks.max_lengths["email"] = 60
    report = crowd.run()
    assert (report.ssm.created, report.ssm.failed) == (MANY + 1, 0)
    assert crowd.problems == [("value_missing", "first_name"), ("value_refused", "email")]
    crowd.sage.edit_contact(long, CT_EMail="")
    crowd.run()
    assert crowd.problems == [("value_missing", "first_name")]


def test_a_contact_edited_while_the_run_is_under_way_keeps_the_edit(crowd):
    """P11."""
    crowd.run()
    for person in crowd.sage.contacts()[:9]:
        crowd.sage.edit_contact(person["cbMarq"], CT_Telephone="")
    edited = crowd.ssm.contacts()[4]["id"]
    crowd.run(meanwhile=lambda: crowd.ssm.edit_contact(edited, phone1="01 99 00 77 77"))
    assert crowd.writes == [UPDATE]
    assert crowd.ssm.contact(edited)["phone1"] == "01 99 00 77 77"
    crowd.run()
    assert [row["phone1"] or "" for row in crowd.ssm.contacts()].count("") == 9
    assert ("conflict_settled", "phone", None, "01 99 00 77 77") in crowd.notices
