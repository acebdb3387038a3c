"""State and sides belong together: pointed at another company database or another instance, a run refuses."""

import shutil
from datetime import timedelta

import pytest

from sage100_ssm.app.assemble import run_once
from sage100_ssm.messages import describe, say_error
from sage100_ssm.standins.people import SageUser, SsmUser
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import with_value_lists
from sage100_ssm.sync.failures import Exit, SyncError

SIZES = pytest.mark.parametrize("number", [1, 2, 6, 24])
OVERLAP = pytest.mark.parametrize("share", [1.0, 0.5, 0.0], ids=["all ids", "half the ids", "no id"])


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
    return [(f"Inconnue{n:02}", f"Zoé{n:02}", f"05 00 00 00 {n:02}") for n in range(int(number * share) or 3)]


@pytest.fixture
def other_instance(stage):
    """Point SSM's address at another instance, in which other people bear the same ids; and back."""
    own = stage.api.store

    def point(number, share):
        stage.clock.advance(minutes=22)
        stage.api.reset(with_value_lists(Store(clock=stage.clock)))
        stage.ssm = SsmUser(stage.api)
        for n in range(0 if share else number + 50):
            stage.ssm.create_company(f"N{n}", f"N{n}")
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
@OVERLAP
def test_p9_another_company_database_is_refused_and_the_own_one_goes_on(stage, empty_company, number, share):
    stage.people(number)
    own, other = stage.sage, stage.folder / "other.db"
    shutil.copyfile(empty_company, other)
    stage.sage = SageUser(other, clock=stage.clock)
    stage.clock.advance(minutes=2)
    stage.sage.create_company("ALPHA", "Alpha")
    for _ in range(0 if share else number + 50):
        stage.sage.delete_contact(stage.sage.create_contact("ALPHA", "Partie", "Ida"))
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


def test_r10_a_refusal_is_in_the_journal_until_the_settings_are_right_again(stage):
    stage.people(1)
    stage.tree["sage100"]["company"] = "AUTRE"
    refuses(stage)
    assert stage.problems == [("side_unreachable", None)]
    assert "les réglages nomment un autre dossier" in describe(stage.journal[-1].entry, "fr").message
    stage.tree["sage100"]["company"] = "TEST"
    assert (stage.run().exit_code, stage.problems) == (Exit.DONE, [])


@pytest.mark.parametrize("number", [1, 3, 8])
@pytest.mark.parametrize("stream", ["/accounts", "/contacts"])
def test_p10_another_instance_whose_reading_breaks_off_is_not_remembered(stage, other_instance, number, stream):
    """What was seen of it must not bear witness for it in the next run."""
    point, back = other_instance
    stage.people(number)
    point(number, 0.0)
    stage.disturb(Fault(CannedResponse(500), "GET", stream, times=None))
    assert stage.fails() in (Exit.SIDE, Exit.CONFIGURATION)
    stage.calm()
    refuses(stage)
    back()
    assert stage.run().exit_code == Exit.DONE
    stage.rest()


@pytest.mark.parametrize("number", [1, 3])
def test_p10_an_empty_instance_is_refused_though_few_are_linked(stage, number):
    stage.people(number)
    own = stage.api.store
    stage.api.reset(with_value_lists(Store(clock=stage.clock)))
    stage.ssm = SsmUser(stage.api)
    refuses(stage)
    stage.api.reset(own)
    assert stage.run().exit_code == Exit.DONE
    stage.rest()


@pytest.mark.parametrize("number", [1, 3, 8])
def test_p9_an_empty_company_database_is_refused_and_does_not_make_the_own_one_forgotten(stage, empty_company, number):
    stage.people(number)
    own = stage.tree["sage100"]["connection"]["path"]
    shutil.copyfile(empty_company, stage.folder / "empty.db")
    stage.tree["sage100"]["connection"]["path"] = str(stage.folder / "empty.db")
    refuses(stage)
    stage.tree["sage100"]["connection"]["path"] = own
    assert stage.run().exit_code == Exit.DONE
    stage.rest()


@pytest.mark.parametrize("apart", [0, 15, 60])
def test_two_sites_set_up_alike_are_told_apart_by_our_own_ext_id(stage, other_instance, apart):
    """Their ids agree, and when their contacts were created; each bears the mark of its own company."""
    stage.people(3)
    rows = [dict(row) for row in stage.api.store.rows("contacts")]
    stage.clock.advance(hours=1)
    for row in rows:
        mark = row["extId"].replace("TEST", "AUTRE")
        born = row["dateCreated"] + timedelta(minutes=apart)
        stage.api.store.put("contacts", {**row, "lastName": "Inconnue", "extId": mark, "dateCreated": born})
    refuses(stage)


@pytest.mark.parametrize("whole", [False, True], ids=["changes read", "all read"])
@pytest.mark.parametrize("number", [2, 3, 24])
def test_marks_that_an_import_crossed_are_repaired(world, number, whole):
    people = world.people(number)
    marks = [person.card["extId"] for person in people]
    for person, mark in zip(people, [*marks[1:], marks[0]], strict=True):
        person.edit_ssm(extId=mark)
    report = world.run(whole=whole)
    assert (report.exit_code, report.ssm.updated, report.ssm.created) == (Exit.DONE, number, 0)
    assert ([person.card["extId"] for person in people], world.problems) == (marks, [])


def test_marks_that_an_import_blanked_are_repaired(world):
    people = world.people(6)
    marks = [person.card["extId"] for person in people]
    for person in people:
        person.edit_ssm(extId=None)
    assert (world.run().exit_code, [person.card["extId"] for person in people]) == (Exit.DONE, marks)


def test_p15_a_renamed_company_database_goes_on_once_the_settings_name_its_former_name(stage):
    ada = stage.person("Aubrelin", "Ada")
    stage.tree["sage100"]["company"] = "NEUF"
    refuses(stage)
    stage.tree["sage100"]["formerly"] = ["TEST"]
    ada.edit_sage(CT_EMail="ada@alpha.example")
    assert (stage.run().exit_code, ada.card["email"]) == (Exit.DONE, "ada@alpha.example")


# --- a normal day, however busy, makes no other side

BUSY = pytest.mark.parametrize("number", [1, 2, 4, 12])


@BUSY
@pytest.mark.parametrize("side", ["sage100", "ssm"])
def test_all_contacts_may_become_somebody_else_altogether(world, side, number):
    people = world.people(number)
    for n, person in enumerate(people):
        if side == "sage100":
            person.edit_sage(CT_Nom=f"Autre{n}", CT_Prenom="Bo", CT_EMail=f"bo{n}@alpha.example")
        else:
            person.edit_ssm(lastName=f"Autre{n}", firstName="Bo", email=f"bo{n}@alpha.example", extId=None)
    # P9: a person is asked whether so many became others. The sides are the same all the same.
    assert world.run().exit_code == (Exit.GUARD if number >= 3 else Exit.DONE)
    assert world.run(allow_mass_change=True).exit_code == Exit.DONE
    assert all(person.row["CT_Nom"] == person.card["lastName"] == f"Autre{n}" for n, person in enumerate(people))


@BUSY
def test_p9_all_contacts_may_be_deleted_in_sage_while_another_is_there(world, number):
    people = world.people(number)
    for person in people:
        person.delete_sage()
    world.sage.create_contact("ALPHA", "Neuve", "Ida")
    report = world.run()
    assert report.exit_code == (Exit.GUARD if number > 3 else Exit.DONE)
    assert world.run(allow_deletions=True).exit_code == Exit.DONE
    assert world.names_in_ssm() == ["Neuve"]


@pytest.mark.parametrize("how", ["killed", "manual"])
def test_p4_names_in_other_letters_whose_first_match_was_not_written_are_the_same_people(world, how):
    for n in range(6):
        world.sage.create_contact("ALPHA", f"PERSONNE{n}", "Camille")
        world.ssm.create_contact("ALPHA", f"Personne{n}", "Camille")
    if how == "manual":
        world.decide(policy={"conflict": "manual"})
    else:
        world.disturb(Fault(CannedResponse(400), "PUT", "/contacts/*", times=None))
    world.run()
    world.calm()
    world.clock.advance(hours=1)
    assert world.run().exit_code == Exit.DONE
    assert len(world.links) == 6


def test_p10_a_login_that_sees_the_linked_contacts_no_more_lets_them_sleep(world):
    people = world.people(6)
    other = world.ssm.create_contact("BETA", "Vue", "Ida")
    world.run()
    hidden = [world.api.store.row("contacts", person.ssm_id) for person in people]
    for row in hidden:
        del world.api.store._tables["contacts"][row["id"]]
    report = world.run(whole=True)
    assert (report.exit_code, report.sage100.written, report.ssm.written) == (Exit.DONE, 0, 0)
    assert world.problems == [("not_visible_in_ssm", None)] * 6
    for row in hidden:
        world.api.store.put("contacts", row)
    world.run(whole=True)
    assert (world.problems, world.ssm.contact(other)["lastName"]) == ([], "Vue")


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
