"""State and sides belong together: pointed at another company database or another instance, a run refuses."""

import shutil
from datetime import timedelta

import pytest

from contact_sync.failures import Exit, SyncError
from contact_sync.messages import say_error
from sandbox.people import SageUser, SsmUser
from sandbox.store import Store
from sandbox.tenant import with_value_lists
from wiring.assemble import run_once

SIZES = pytest.mark.parametrize("number", [2, 6, 24])
OVERLAP = pytest.mark.parametrize("share", [1.0, 0.5], ids=["all ids", "half the ids"])


def refuses(world):
    """Runs refuse, again and again, and change nothing. Returns what the user is told."""
    before = world.snapshot()
    for _ in range(2):
        with pytest.raises(SyncError) as caught:
            run_once(world.settings)
        assert (caught.value.exit_code, world.snapshot()) == (Exit.CONFIGURATION, before)
    return say_error(caught.value.code, "fr", **caught.value.params)


def strangers(number, share):
    """People of another instance or database, under ids that are linked here, in companies of the same codes."""
    return [(f"Inconnue{n:02}", f"Zoé{n:02}", f"05 00 00 00 {n:02}") for n in range(max(2, int(number * share)))]


@pytest.fixture
def other_instance(stage):
    """Point SSM's address at another instance, in which other people bear the same ids; and back."""
    own = stage.api.store

    def point(number, share):
        stage.clock.advance(minutes=20)
        stage.api.reset(with_value_lists(Store(clock=stage.clock)))
        stage.ssm = SsmUser(stage.api)
        stage.ssm.create_company("ALPHA", "Alpha")
        stage.ssm.create_company("BETA", "Beta")
        for last, first, phone in strangers(number, share):
            stage.ssm.create_contact("ALPHA", last, first, phone1=phone)

    def back():
        stage.api.reset(own)

    return point, back


@SIZES
@OVERLAP
@pytest.mark.parametrize("hours", [1, 30], ids=["changes read", "all read"])
def test_p10_another_instance_of_ssm_is_refused_and_the_own_one_goes_on(stage, other_instance, number, share, hours):
    point, back = other_instance
    stage.people(number)
    stage.clock.advance(hours=hours)
    point(number, share)
    assert "Sage Sales Management n’est pas le même" in refuses(stage)
    back()
    assert stage.run().exit_code == Exit.DONE
    stage.rest()


@SIZES
def test_another_instance_is_known_by_when_its_contacts_were_created_alone(stage, number):
    """The same people, in a copy that was typed again: ids mean nothing there."""
    stage.people(number)
    stage.clock.advance(hours=1)
    for row in stage.ssm.contacts():
        stage.api.store.put("contacts", {**row, "dateCreated": stage.clock() - timedelta(hours=2, seconds=77)})
    refuses(stage)


@SIZES
@OVERLAP
def test_p9_another_company_database_is_refused_and_the_own_one_goes_on(stage, empty_company, number, share):
    stage.people(number)
    own, other = stage.sage, stage.folder / "other.db"
    shutil.copyfile(empty_company, other)
    stage.sage = SageUser(other, clock=stage.clock)
    stage.sage.create_company("ALPHA", "Alpha")
    for last, first, phone in strangers(number, share):
        stage.sage.create_contact("ALPHA", last, first, CT_Telephone=phone)
    stage.tree["sage100"]["connection"]["path"] = str(other)
    assert "Sage 100 n’est pas le même" in refuses(stage)
    stage.sage = own
    stage.tree["sage100"]["connection"]["path"] = str(stage.folder / "company.db")
    assert stage.run().exit_code == Exit.DONE
    stage.rest()


def test_another_company_in_the_settings_is_refused_by_its_name(stage):
    stage.people(1)
    stage.tree["sage100"]["company"] = "AUTRE"
    told = refuses(stage)
    assert ("AUTRE" in told, "TEST" in told) == (True, True)


def test_a_company_name_can_be_corrected_while_nobody_is_linked(world):
    world.run()
    world.tree["sage100"]["company"] = "AUTRE"
    assert world.run().exit_code == Exit.DONE


def test_the_same_company_database_on_another_server_goes_on(world):
    world.people(6)
    shutil.copyfile(world.folder / "company.db", world.folder / "moved.db")
    world.tree["sage100"]["connection"]["path"] = str(world.folder / "moved.db")
    world.sage = SageUser(world.folder / "moved.db", clock=world.clock)
    assert world.run().exit_code == Exit.DONE


@pytest.mark.parametrize("side", ["sage100", "ssm"])
def test_one_contact_alone_may_become_somebody_else_altogether(world, side):
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    if side == "sage100":
        ada.edit_sage(CT_Nom="Brévan", CT_Prenom="Bo", CT_EMail="bo@alpha.example")
    else:
        ada.edit_ssm(lastName="Brévan", firstName="Bo", email="bo@alpha.example")
    assert world.run().exit_code == Exit.DONE
    assert (ada.row["CT_Nom"], ada.card["lastName"]) == ("Brévan", "Brévan")


def test_p14_rows_imported_again_under_other_cbmarq_go_on_by_number_and_name(stage):
    """``cbMarq`` does not survive a rebuild of the database: ``CT_No`` and the names say who is who."""
    people = stage.people(6)
    for person in people:
        row = {name: value for name, value in person.row.items() if name not in ("cbMarq", "cbCreation")}
        person.delete_sage()
        stage.sage.create_contact(row.pop("CT_Num"), row.pop("CT_Nom"), row.pop("CT_Prenom"), **row)
    report = stage.run()
    assert (report.exit_code, report.sage100.written, report.ssm.created, report.ssm.deleted) == (Exit.DONE, 0, 0, 0)
    assert [link.ssm_id for link in stage.links.values()] == [person.ssm_id for person in people]
    stage.rest()
