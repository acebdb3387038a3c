"""State or Sage put back from a backup, or the state lost: nobody is deleted or doubled, nothing typed rolled back."""

import shutil

import pytest

from sage100_ssm.sync.failures import Exit
from tests.support.a_day import day, evening, goodbyes, morning

STATE, SAGE = "state.db", "company.db"


@pytest.fixture
def backup(stage):
    """A morning, kept; and the day after it, over which both sides have come to rest."""
    stage.decide(policy={"max_deletions": {"floor": 10}})
    morning(stage)
    kept = stage.folder / "kept"
    kept.mkdir()
    for name in (STATE, SAGE):
        shutil.copyfile(stage.folder / name, kept / name)
    stage.clock.advance(hours=20)
    day(stage)
    stage.run()
    stage.clock.advance(hours=4)
    return kept


def put_back(world, backup, name):
    """Somebody puts a file back from the backup."""
    shutil.copyfile(backup / name, world.folder / name)


def sides(world):
    """What stands on both sides, names for ids."""
    return {name: shown for name, shown in evening(world).items() if name in ("sage100", "ssm", "deleted", "links")}


def lose(world, _):
    """The state is lost."""
    world.lose_state()


def next_run(world):
    """The next run; without a state it writes nothing, and a person has the links rebuilt first (P9)."""
    is_lost, before = not world.state_file.exists(), world.snapshot()
    report = world.run()
    if is_lost:
        assert (report.exit_code, world.snapshot(), world.problems) == (
            Exit.GUARD,
            before,
            [("lost_state_guard", None)],
        )
        world.resync()
        report = world.run()
    return report


def restore(world, backup):
    """The state is yesterday's."""
    put_back(world, backup, STATE)


LOSER, WINNER = "x" * 70 + "@alpha.example", "troplong@alpha.example"


@pytest.mark.parametrize(("befall", "settled"), [(lose, 1), (restore, 0)], ids=["lost", "yesterday's"])
def test_p4_state_lost_or_older_writes_nothing_where_nobody_did_anything_since(stage, backup, befall, settled):
    """Only without a base an e-mail that Sage cannot hold loses against Sage's (P1, P7), as the journal tells."""
    before = str(sides(stage))
    befall(stage, backup)
    report = next_run(stage)
    assert (report.exit_code, report.sage100.written, report.ssm.written) == (Exit.DONE, 0, settled)
    assert str(sides(stage)) == (before.replace(LOSER, WINNER) if settled else before)
    told = [(code, lost) for code, field, _, lost in stage.notices if lost == LOSER]
    assert told == [("conflict_settled", LOSER)] * settled


TYPED = ("sage@night.example", "02 99 00 12 39", "again@night.example", "new@night.example")


def typed_in_the_night(world):
    """What people type before the next run."""
    row = {r["CT_Nom"]: r["cbMarq"] for r in world.sage.contacts()}
    card = {c["lastName"]: c["id"] for c in world.ssm.contacts()}
    world.sage.edit_contact(row["SaisieSage"], CT_EMail=TYPED[0])
    world.ssm.edit_contact(card["SaisieSsm"], phone1=TYPED[1])
    world.sage.edit_contact(row["VidéSage"], CT_EMail=TYPED[2])
    world.sage.edit_contact(row["NéSage"], CT_EMail=TYPED[3])


@pytest.mark.parametrize("befall", [lose, restore], ids=["lost", "yesterday's"])
@pytest.mark.parametrize("conflict", ["sage100", "ssm", "newest", "manual"])
def test_p4_what_people_type_before_the_next_run_is_on_both_sides_or_in_the_journal(stage, backup, befall, conflict):
    stage.decide(policy={"conflict": conflict})
    befall(stage, backup)
    typed_in_the_night(stage)
    report = next_run(stage)
    assert (report.sage100.created, report.sage100.deleted, report.ssm.created, report.ssm.deleted) == (0, 0, 0, 0)
    stands = sides(stage)
    told = [value for e in stage.journal for value in (e.entry.sage100_value, e.entry.ssm_value)]
    for typed in TYPED:
        on_both = all(any(typed in row for row in stands[side]) for side in ("sage100", "ssm"))
        assert on_both or typed in told
    for names in (stage.names_in_sage(), stage.names_in_ssm()):
        assert len(set(names)) == len(names)


def test_p4_contact_deleted_after_the_state_was_lost_is_never_deleted_by_guess(stage, backup):
    lose(stage, backup)
    goodbyes(stage)
    report = next_run(stage)
    assert (report.sage100.deleted, report.ssm.deleted) == (0, 0)


def test_p9_sage_of_the_morning_is_not_believed_before_a_person_says_so(stage, backup):
    put_back(stage, backup, SAGE)
    before = stage.snapshot()
    for _ in range(2):
        report = stage.run()
        assert (report.exit_code, stage.snapshot()) == (Exit.GUARD, before)
    assert ("restored_side_guard", None) in stage.problems


def test_p9_sage_and_state_of_one_morning_take_for_news_what_ssm_shows_since(stage, backup):
    """SSM alone knows the day: what its users typed comes over again, and what came from Sage does, too."""
    put_back(stage, backup, SAGE)
    put_back(stage, backup, STATE)
    report = stage.run()
    assert (report.exit_code, report.ssm.deleted) == (Exit.DONE, 0)
    shown = str(evening(stage)["sage100"])
    assert all(typed in shown for typed in ("neu@alpha.example", "01 99 00 12 34", "sage@alpha.example"))


def test_p4_contacts_of_both_sides_without_ext_id_cost_one_write_each_and_none_to_sage(stage):
    number = 120
    for n in range(number):
        stage.sage.create_contact("ALPHA", f"Personne{n:03}", "Camille", CT_EMail=f"p{n}@alpha.example")
        stage.ssm.create_contact("ALPHA", f"PERSONNE{n:03}", "Camille", email=f"p{n}@alpha.example")
    report = stage.run()
    assert (report.sage100.written, report.ssm.created, report.ssm.updated) == (0, 0, number)
    assert len(stage.writes) == len(stage.links) == number
    assert len(stage.api.requests) - number < 20
    stage.rest()
