"""``plan`` foretells the run: the same writes on the same contacts; and it changes nothing anywhere."""

from collections import Counter

import pytest

from sage100_ssm.standins.sample import SUPPLIER_TYPE
from sage100_ssm.sync.failures import Exit


def create_both_ways(world):
    world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.ssm.create_contact("BETA", "Belmont", "Ida")
    world.ssm.create_contact("BETA", "Cadorel", "Éva", extId="C-0042")


def change_both_ways(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    ada.edit_ssm(phone1="01 99 00 12 34")


def settle_a_conflict(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="sage@alpha.example")
    ada.edit_ssm(email="ssm@alpha.example")


def delete_both_ways(world):
    here, there = world.person("Aubrelin", "Ada"), world.person("Belmont", "Ida", born="ssm")
    here.delete_sage()
    there.delete_ssm()


def restore(world):
    world.person("Aubrelin", "Ada").delete_ssm()


def restore_after_an_edit(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.delete_ssm()
    ada.edit_sage(CT_EMail="ada@alpha.example")


def match(world):
    world.sage.create_contact("ALPHA", "Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    world.ssm.create_contact("ALPHA", "Aubrelin", "Ada", phone1="01 99 00 12 34")


def take_a_namesake_over(world):
    restore(world)
    world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")


def move(world):
    world.sage.move_contact(world.person("Aubrelin", "Ada").marq, "BETA")


def move_in_ssm(world):
    world.ssm.move_contact(world.person("Aubrelin", "Ada").ssm_id, "BETA")


def leave_the_scope(world):
    world.person("Aubrelin", "Ada").edit_sage(CT_EMail="ada@alpha.example")
    world.sage.edit_company("ALPHA", CT_Type=SUPPLIER_TYPE)


def do_nothing(world):
    world.person("Aubrelin", "Ada")


def lose_the_state(world):
    world.person("Aubrelin", "Ada")
    world.lose_state()


def meet_problems(world):
    world.sage.create_contact("ALPHA", "Aubrelin", "")
    world.ssm.create_contact("ALPHA", "x" * 40, "Ada")
    world.ssm.create_contact("ALPHA", "Belmont", "Ida", linkedin="x" * 40)


SITUATIONS = [
    create_both_ways,
    change_both_ways,
    settle_a_conflict,
    delete_both_ways,
    restore,
    restore_after_an_edit,
    match,
    take_a_namesake_over,
    move,
    move_in_ssm,
    leave_the_scope,
    do_nothing,
    lose_the_state,
    meet_problems,
]
EACH = pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: s.__name__)


def foretold(writes):
    """How many writes of each kind."""
    kinds = Counter(write.action.value for write in writes)
    return kinds["create"], kinds["update"], kinds["delete"]


def done(counts):
    return counts.created, counts.updated, counts.deleted


@EACH
def test_plan_lists_what_the_next_run_writes(world, situation):
    situation(world)
    plan = world.plan()
    report = world.run()
    assert (foretold(plan.sage100), foretold(plan.ssm)) == (done(report.sage100), done(report.ssm))


@EACH
def test_plan_names_the_contacts_whose_rows_change(world, situation):
    situation(world)
    plan = world.plan()
    before = {row["cbMarq"]: row for row in world.sage.contacts()}
    cards = {row["id"]: row for row in world.ssm.contacts()}
    world.run()
    after = {row["cbMarq"]: row for row in world.sage.contacts()}
    changed = {marq for marq, row in before.items() if after.get(marq) != row}
    assert {w.subject.sage100_id for w in plan.sage100 if w.action.value != "create"} == changed
    later = {row["id"]: row for row in world.ssm.contacts()}
    assert {w.subject.ssm_id for w in plan.ssm if w.action.value != "create"} == {
        card for card, row in cards.items() if later.get(card) != row
    }


def test_plan_tells_values_before_and_after(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail="alt@alpha.example")
    ada.edit_sage(CT_EMail="neu@alpha.example")
    (write,) = world.plan().ssm
    assert (write.subject.sage100_id, write.subject.ssm_id, write.subject.contact) == (
        ada.marq,
        ada.ssm_id,
        "Ada Aubrelin",
    )
    assert {name: (c.before, c.after) for name, c in write.fields.items()} == {
        "email": ("alt@alpha.example", "neu@alpha.example")
    }
    world.run()


def test_plan_shows_what_a_guard_holds_back(world):
    for person in world.people(6)[:4]:
        person.delete_sage()
    plan = world.plan()
    assert (plan.ssm, len(plan.held_back), plan.exit_code) == ([], 4, Exit.GUARD)
    world.run()


def test_plan_before_the_first_run_leaves_no_state_behind(world):
    world.state_file.unlink()
    world.plan()
    assert not world.state_file.exists()
    world.run()
