"""P9: what looks like an accident is not carried out before a person says so."""

import pytest

from sage100_ssm.app.assemble import run_once
from sage100_ssm.messages import describe
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import Code, Subject
from sage100_ssm.sync.model import Occasion
from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.sync.state.records import WriteAction

SIDES = pytest.mark.parametrize("side", ["sage100", "ssm"])


def delete(people, side):
    for person in people:
        person.delete_sage() if side == "sage100" else person.delete_ssm()


def done_on(report, side):
    return report.ssm if side == "sage100" else report.sage100


@SIDES
def test_p9_three_deletions_are_never_held_back(world, side):
    people = world.people(4, born="ssm")
    delete(people[:3], side)
    report = world.run()
    assert (report.exit_code, done_on(report, side).deleted, world.problems) == (Exit.DONE, 3, [])


@SIDES
def test_p9_all_of_three_may_go_at_once_beside_somebody_who_stays(world, side):
    world.bystander()
    people = world.people(3, born="ssm")
    delete(people, side)
    report = world.run()
    assert (report.exit_code, done_on(report, side).deleted) == (Exit.DONE, 3)


@SIDES
def test_p9_four_deletions_of_six_are_held_back_and_nothing_is_created_there_but_updates_go_on(world, side):
    people = world.people(6, born="ssm")
    delete(people[:4], side)
    if side == "sage100":
        world.sage.create_contact("ALPHA", "Neuve", "Ida")
        people[5].edit_sage(CT_EMail="neu@alpha.example")
    else:
        world.ssm.create_contact("ALPHA", "Neuve", "Ida")
        people[5].edit_ssm(email="neu@alpha.example")
    report = world.run()
    done = done_on(report, side)
    assert (report.exit_code, report.status.value) == (Exit.GUARD, "held")
    assert (done.created, done.updated, done.deleted) == (0, 1, 0)
    assert world.problems == [("deletion_guard", None)]


@SIDES
def test_p9_a_person_lifts_the_deletion_guard_for_one_run(world, side):
    people = world.people(6, born="ssm")
    delete(people[:4], side)
    world.run()
    report = world.run(allow_deletions=True)
    assert (report.exit_code, done_on(report, side).deleted, world.problems) == (Exit.DONE, 4, [])
    values = (None, "deletion_guard") if side == "sage100" else ("deletion_guard", None)
    notices = [known.entry for known in world.journal if known.entry.code is Code.GUARD_LIFTED]
    *deleted, lifted = sorted(notices, key=lambda entry: entry.subject == Subject())
    assert (lifted.field, lifted.sage100_value, lifted.ssm_value) == (None, *values)
    assert "sage100-ssm run --allow-deletions" in describe(lifted, "fr").message
    # It names whom it deleted, and what their records contained is on record.
    assert len({entry.subject.contact for entry in deleted}) == 4
    written = [one for one in world.written if one.action is WriteAction.DELETE]
    assert {one.subject for one in written} == {entry.subject for entry in deleted}
    assert {c.occasion for one in written for c in one.changes.values()} == {Occasion.GUARD_LIFTED}


def test_p9_switch_without_a_guard_to_lift_says_nothing(world):
    delete(world.people(6, born="ssm")[:1], "sage100")
    report = world.run(allow_deletions=True, allow_mass_change=True)
    assert (report.ssm.deleted, world.notices) == (1, [])


def test_p9_other_switch_does_not_lift_the_deletion_guard(world):
    delete(world.people(6)[:4], "sage100")
    report = world.run(allow_mass_change=True)
    assert (report.exit_code, report.ssm.deleted) == (Exit.GUARD, 0)


def test_p9_limit_of_deletions_is_a_setting(world):
    world.decide(policy={"max_deletions": {"ratio": 1.0, "floor": 3}})
    delete(world.people(6)[:4], "sage100")
    assert world.run().ssm.deleted == 4


def test_p9_restorings_are_no_deletions(world):
    people = world.people(8)
    delete(people[:6], "ssm")
    report = world.run()
    assert (report.exit_code, report.ssm.created) == (Exit.DONE, 6)


@SIDES
def test_p9_a_side_that_reads_empty_stops_all_writing(world, side):
    people = world.people(5)
    if side == "sage100":
        delete(people, side)
    else:
        world.api.store._tables["contacts"].clear()
    before = world.snapshot()
    report = world.run(whole=True)
    assert (report.exit_code, world.snapshot()) == (Exit.GUARD, before)
    assert world.problems == [("empty_side_guard", None)]


def test_p9_empty_sage_is_believed_once_a_person_says_so_twice(world):
    delete(world.people(5), "sage100")
    world.run()
    held = world.run(allow_mass_change=True)
    assert (held.exit_code, held.ssm.deleted) == (Exit.GUARD, 0)
    report = world.run(allow_mass_change=True, allow_deletions=True)
    assert (report.exit_code, report.ssm.deleted, world.problems) == (Exit.DONE, 5, [])


@SIDES
def test_p9_more_than_half_of_twenty_edited_at_once_stops_all_writing(world, side):
    people = world.people(20)
    for person in people[:11]:
        person.edit_sage(CT_EMail="x@alpha.example") if side == "sage100" else person.edit_ssm(email="x@alpha.example")
    before = world.snapshot()
    report = world.run()
    assert (report.exit_code, world.snapshot(), world.problems) == (Exit.GUARD, before, [("mass_change_guard", None)])
    report = world.run(allow_mass_change=True)
    assert (report.exit_code, done_on(report, side).updated, world.problems) == (Exit.DONE, 11, [])


def test_p9_half_of_twenty_edited_at_once_is_a_normal_day(world):
    for person in world.people(20)[:10]:
        person.edit_sage(CT_EMail="x@alpha.example")
    assert world.run().ssm.updated == 10


def test_p9_most_of_a_few_edited_at_once_is_a_normal_day(world):
    for person in world.people(5):
        person.edit_sage(CT_EMail="x@alpha.example")
    assert world.run().ssm.updated == 5


def test_p9_a_changed_scope_derives_no_deletion(world):
    world.people(6, born="ssm")
    world.decide(scope={"exclude": ["*"]})
    report = world.run()
    assert (report.exit_code, report.sage100.written, report.ssm.written) == (Exit.DONE, 0, 0)


def test_p9_a_changed_field_map_derives_no_deletion(world):
    world.people(6)
    world.decide(fields={"email": {"direction": "none"}, "phone": {"direction": "to_ssm"}})
    report = world.run()
    assert (report.sage100.written, report.ssm.written) == (0, 0)


def restore_older_sage(world, older):
    """Sage's database is put back from a backup."""
    (world.folder / "company.db").write_bytes(older)


def test_p9_sage_restored_from_a_backup_writes_nothing_and_deletes_nobody(world):
    people = world.people(4)
    older = (world.folder / "company.db").read_bytes()
    world.clock.advance(hours=30)
    world.person("Récente", "Ida")
    for person in people[:2]:
        person.edit_sage(CT_EMail="neu@alpha.example")
    world.run()
    restore_older_sage(world, older)
    before = world.snapshot()
    report = world.run()
    assert (report.exit_code, world.snapshot()) == (Exit.GUARD, before)
    assert world.problems == [("restored_side_guard", None)]


def test_p9_sage_restored_whose_rows_alone_went_back_writes_nothing(world):
    people = world.people(4)
    older = (world.folder / "company.db").read_bytes()
    world.clock.advance(hours=30)
    for person in people[:3]:
        person.edit_sage(CT_EMail="neu@alpha.example")
    world.run()
    restore_older_sage(world, older)
    report = world.run()
    assert (report.exit_code, people[0].card["email"]) == (Exit.GUARD, "neu@alpha.example")
    assert world.problems == [("restored_side_guard", None)]


def test_p14_a_single_contact_whose_id_a_restored_sage_gave_to_another_is_not_taken_for_that_one(world):
    world.people(2)
    older = (world.folder / "company.db").read_bytes()
    world.clock.advance(hours=8)
    lost = world.person("Perdue", "Ida")
    world.run()
    world.clock.advance(hours=8)
    restore_older_sage(world, older)
    assert world.sage.create_contact("ALPHA", "Neuve", "Zoé") == lost.marq
    assert world.run().exit_code == Exit.DONE
    assert (lost.card["lastName"], lost.card["deleted"]) == ("Perdue", True)
    assert world.names_in_ssm()[-1] == "Neuve"


@pytest.mark.parametrize("lost", [3, 4])
def test_p9_sage_restored_in_which_as_many_were_typed_since_as_were_lost_writes_nothing(world, lost):
    """The ids of the lost ones went to others, and the counter of ids is where it was."""
    world.people(2)
    older = (world.folder / "company.db").read_bytes()
    world.clock.advance(hours=8)
    people = [world.person(f"Perdue{n}", "Ida") for n in range(lost)]
    world.clock.advance(hours=8)
    restore_older_sage(world, older)
    for n in range(lost):
        assert world.sage.create_contact("ALPHA", f"Neuve{n}", "Zoé") == people[n].marq
    before = world.snapshot()
    assert (world.run().exit_code, world.snapshot()) == (Exit.GUARD, before)
    assert world.problems == [("restored_side_guard", None)]
    # P14: by the moment of their creation the rows are others; that so many are gone is a guard of its own.
    assert world.run(allow_mass_change=True, allow_deletions=True).exit_code == Exit.DONE
    assert all(person.card["deleted"] for person in people)
    assert {f"Neuve{n}" for n in range(lost)} <= set(world.names_in_ssm())


def test_p9_restored_sage_is_taken_as_it_is_once_a_person_says_so(world):
    ada, *_ = world.people(4)
    older = (world.folder / "company.db").read_bytes()
    world.clock.advance(hours=30)
    ada.edit_sage(CT_EMail="neu@alpha.example")
    world.run()
    restore_older_sage(world, older)
    world.run()
    report = world.run(allow_mass_change=True)
    assert (report.exit_code, ada.card["email"], world.problems) == (Exit.DONE, None, [])


def test_flapping_a_field_rewritten_in_three_runs_running_without_a_user_is_left_alone(world):
    """Something within SSM undoes each write and stamps nothing: after three runs the field is left and reported."""
    world.decide(fields={"email": {"direction": "to_ssm"}})
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    for _ in range(4):
        world.api.store.put("contacts", {**ada.card, "email": "robot@alpha.example"})
        world.run(whole=True)
    assert ("flapping", "email") in world.problems


def test_p9_an_update_without_where_that_moves_everybody_stops_all_writing(world):
    people = world.people(20)
    for person in people:
        world.sage.move_contact(person.marq, "BETA")
    before = world.snapshot()
    assert (world.run().exit_code, world.snapshot(), world.problems) == (
        Exit.GUARD,
        before,
        [("mass_change_guard", None)],
    )
    assert world.run(allow_mass_change=True).ssm.updated == 20


def test_p9_retry_of_one_contact_lifts_no_guard_by_being_alone(world):
    people = world.people(6, born="ssm")
    world.ssm.create_contact("ALPHA", "Sans", "Prénom" * 8)
    people[0].edit_ssm(email="x" * 70 + "@alpha.example")
    world.run()
    delete(people[1:], "ssm")
    number = next(e.id for e in world.journal if e.entry.subject.ssm_id == people[0].ssm_id and e.closed_at is None)
    people[0].delete_ssm()
    report = run_once(world.settings, RunOptions(problem=number))
    assert (report.exit_code, report.sage100.deleted, people[0].row is None) == (Exit.GUARD, 0, False)
    assert world.run(allow_deletions=True).sage100.deleted == 6


def test_p9_resync_looks_at_the_guards_of_a_run(world):
    people = world.people(4)
    before = {marq: link.ssm_id for marq, link in world.links.items()}
    for n, person in enumerate(people):
        person.edit_sage(CT_Nom=f"Autre{n}", CT_Prenom=f"Zoé{n}")
    assert (world.resync().exit_code, world.problems) == (Exit.GUARD, [("mass_change_guard", None)])
    assert {marq: link.ssm_id for marq, link in world.links.items()} == before
    assert world.run(allow_mass_change=True).ssm.updated == 4


# --- a state that was lost


def test_p9_lost_state_writes_nothing_until_the_links_are_rebuilt(world):
    people = world.people(4)
    world.lose_state()
    people[0].edit_sage(CT_EMail="neu@alpha.example")
    before = world.snapshot()
    assert world.plan().exit_code == Exit.GUARD
    for _ in range(2):
        assert (world.run().exit_code, world.snapshot(), world.links) == (Exit.GUARD, before, {})
    (entry,) = [e.entry for e in world.journal]
    assert "TEST (4)" in describe(entry, "fr").message
    assert "sage100-ssm resync" in describe(entry, "fr").remedy
    report = world.resync()
    assert (report.exit_code, report.linked, world.problems) == (Exit.DONE, 4, [])
    assert (world.run().ssm.updated, people[0].card["email"]) == (1, "neu@alpha.example")


def test_p9_lost_state_is_taken_as_a_first_run_once_a_person_says_so(world):
    world.people(4)
    world.lose_state()
    report = world.run(allow_mass_change=True)
    assert (report.exit_code, report.linked, report.ssm.created) == (Exit.DONE, 4, 0)
    assert [n[0] for n in world.notices] == ["guard_lifted"]


def test_p9_another_installation_on_the_same_ssm_begins_only_once_a_person_has_looked(world):
    """A test copy, or a second company: the marks are another company database's, and so they remain."""
    marks = [
        world.ssm.contact(world.ssm.create_contact("BETA", f"Autrui{n}", "Zoé", extId=f"sage100:AUTRE:{n + 1}"))
        for n in range(4)
    ]
    world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    before = world.snapshot()
    assert world.plan().other_databases == {"AUTRE": 4}
    assert (world.run().exit_code, world.snapshot()) == (Exit.GUARD, before)
    assert world.resync().exit_code == Exit.DONE
    assert world.run().ssm.created == 1
    assert [world.ssm.contact(card["id"])["extId"] for card in marks] == [card["extId"] for card in marks]
