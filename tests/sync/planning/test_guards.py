"""P9: what stops a run that would do more than a person is likely to have meant; and the pauses after refusals."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.journal import (
    Code,
    DeletionGuard,
    Entry,
    GuardLifted,
    LostStateGuard,
    MassChangeGuard,
    NotApplied,
    RejectedBySsm,
    Subject,
)
from sage100_ssm.sync.model import Intent, Side
from sage100_ssm.sync.planning import backoff
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.planning.flapping import ENOUGH, stop_flapping
from sage100_ssm.sync.planning.guards import Lifted, allowed, guard
from sage100_ssm.sync.planning.plan import Plan, Withheld
from sage100_ssm.sync.planning.writes import Write, only
from sage100_ssm.sync.policy import DeletionLimit, Policy
from sage100_ssm.sync.run.closing import refused_writes
from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.sync.state.open_problems import joined_by_cause
from sage100_ssm.sync.state.records import JournalEntry
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("deletions", "links", "held"),
    [
        (0, 0, False),
        (3, 3, False),
        (4, 4, True),
        (4, 39, True),
        (4, 40, False),
        (4, 41, False),
        (10, 100, False),
        (11, 100, True),
        (100, 1000, False),
        (101, 1000, True),
    ],
)
def test_deletions_are_held_beyond_ten_percent_and_more_than_three(deletions, links, held):
    assert (deletions > allowed(links, DeletionLimit())) is held


@pytest.mark.parametrize(
    ("ratio", "floor", "deletions", "held"),
    [
        (0.0, 0, 0, False),
        (0.0, 0, 1, True),
        (0.5, 0, 50, False),
        (0.5, 0, 51, True),
        (1.0, 3, 100, False),
        (0.0, 9, 9, False),
    ],
)
def test_the_limit_is_the_sites(ratio, floor, deletions, held):
    assert (deletions > allowed(100, DeletionLimit(ratio, floor))) is held


def people(number):
    """So many linked contacts, as rows of both sides and links."""
    rows = [worlds.sage_row(n, CT_Nom=f"Person{n}") for n in range(1, number + 1)]
    there = [
        worlds.ssm_row(500 + n, lastName=f"Person{n}", extId=f"sage100:{worlds.DATABASE}:{n}")
        for n in range(1, number + 1)
    ]
    using = worlds.mapper()
    return rows, there, [worlds.linked(*pair, using=using) for pair in zip(rows, there, strict=True)]


def guarded(rows, there, links, *, lifted=None, policy=None, identity_fell=False):
    world = replace(worlds.world(rows, there, links, policy=policy), identity_fell=identity_fell)
    made, stops = guard(decide(world), world, lifted or Lifted())
    return made, [(s.code, s.rule, s.facts.side, s.facts.number) for s in stops]


def actions(made):
    return sorted((w.side.value, w.action.value) for w in made.writes)


def test_of_too_many_deletions_none_is_done_and_nothing_is_created_on_that_side():
    rows, there, links = people(10)
    newcomers = [worlds.sage_row(90, CT_Nom="Newcomer")], [worlds.ssm_row(590, lastName="Stranger")]
    there[9] |= {"email": "new@x.example"}
    rows[8] |= {"CT_EMail": "new@x.example"}
    made, stops = guarded([*rows[4:], *newcomers[0]], [*there, *newcomers[1]], links)
    assert stops == [(Code.DELETION_GUARD, "P9", "ssm", 4)]
    assert actions(made) == [("sage100", "create"), ("sage100", "update"), ("ssm", "update")]
    held = [(withheld.write.action, withheld.code) for withheld in made.withheld]
    assert sorted(held) == [(Action.CREATE, "deletion_guard")] + [(Action.DELETE, "deletion_guard")] * 4


def test_as_many_deletions_as_the_limit_allows_are_done():
    rows, there, links = people(10)
    made, stops = guarded(rows[3:], there, links)
    assert (stops, actions(made)) == ([], [("ssm", "delete")] * 3)


def test_a_person_lifts_the_deletion_guard_for_one_run():
    rows, there, links = people(10)
    made, stops = guarded(rows[4:], there, links, lifted=Lifted(deletions=True))
    assert (stops, len(made.writes), made.withheld) == ([], 4, ())
    (note,) = [n for n in made.notices if n.code is Code.GUARD_LIFTED]
    assert note.facts == GuardLifted(SSM, Code.DELETION_GUARD, 4, "--allow-deletions")


@pytest.mark.parametrize(("gone", "held"), [(4, False), (5, True)])
def test_a_person_who_looked_at_a_plan_lets_through_no_more_deletions_than_it_showed(gone, held):
    rows, there, links = people(10)
    lifted = Lifted(deletions=True, looked_at=[DeletionGuard(SSM, 4, 3)])
    made, stops = guarded(rows[gone:], there, links, lifted=lifted)
    assert ([code for code, *_ in stops], made.writes == ()) == ([Code.DELETION_GUARD] if held else [], held)


def test_a_person_who_looked_at_a_plan_lifts_no_guard_that_it_did_not_show():
    _rows, there, links = people(10)
    _, stops = guarded([], there, links, lifted=Lifted(mass_change=True, looked_at=[MassChangeGuard(SAGE, 10)]))
    assert [code for code, *_ in stops] == [Code.EMPTY_SIDE_GUARD]
    assert RunOptions(allow_mass_change=True).believes_empty_side
    assert not RunOptions(allow_mass_change=True, looked_at=(MassChangeGuard(SAGE, 10),)).believes_empty_side


def test_the_guard_of_mass_changes_is_not_lifted_with_that_of_deletions():
    _rows, there, links = people(10)
    _, stops = guarded([], there, links, lifted=Lifted(deletions=True))
    assert [code for code, *_ in stops] == [Code.EMPTY_SIDE_GUARD]


def test_the_guard_of_deletions_is_not_lifted_with_that_of_mass_changes():
    _rows, there, links = people(10)
    made, stops = guarded([], there, links, lifted=Lifted(mass_change=True))
    assert ([code for code, *_ in stops], made.writes) == ([Code.DELETION_GUARD], ())


@pytest.mark.parametrize("number", [1, 3, 4])
@pytest.mark.parametrize("empty", list(Side))
def test_a_side_that_reads_empty_stops_everything_from_one_link_on(number, empty):
    rows, there, links = people(number)
    made, stops = guarded([] if empty is SAGE else rows, [] if empty is SSM else there, links)
    assert [(code, side) for code, _, side, _ in stops] == [(Code.EMPTY_SIDE_GUARD, empty.value)]
    assert (made.writes, made.links, made.notices) == ((), (), ())


def test_an_ssm_in_which_all_linked_contacts_are_marked_as_deleted_is_not_empty():
    rows, there, links = people(2)
    _, stops = guarded(rows, [row | {"deleted": True} for row in there], links)
    assert stops == []


@pytest.mark.parametrize(("earlier", "held"), [(0, False), (1, False), (2, True)])
def test_the_deletions_of_the_last_day_count(earlier, held):
    rows, there, links = people(30)
    world = replace(worlds.world(rows[2:], there, links), deleted_today={SSM: earlier})
    plan, stops = guard(decide(world), world, Lifted())
    assert [s.code for s in stops] == ([Code.DELETION_GUARD] if held else [])
    assert len(plan.writes) == (0 if held else 2)


def test_deletions_of_the_last_day_alone_hold_nothing():
    rows, there, links = people(10)
    world = replace(worlds.world(rows, there, links), deleted_today={SSM: 9})
    assert guard(decide(world), world, Lifted())[1] == ()


def test_a_run_that_first_sees_changed_settings_derives_no_deletion():
    rows, there, links = people(3)
    world = replace(worlds.world(rows[1:], there, links), may_delete=False)
    assert decide(world).writes == ()
    assert [w.action for w in decide(replace(world, may_delete=True)).writes] == [Action.DELETE]


@pytest.mark.parametrize(
    ("number", "edited", "stopped"),
    [(19, 19, False), (20, 10, False), (20, 11, True), (21, 10, False), (21, 11, True)],
)
@pytest.mark.parametrize("side", list(Side))
def test_more_than_half_of_at_least_twenty_links_edited_at_once(number, edited, stopped, side):
    rows, there, links = people(number)
    for n in range(edited):
        if side is SAGE:
            rows[n] = rows[n] | {"CT_EMail": f"new{n}@x.example", "cbModification": "2026-03-02T12:00:00+01:00"}
        else:
            there[n] = there[n] | {"email": f"new{n}@x.example"}
    made, stops = guarded(rows, there, links)
    assert stops == ([(Code.MASS_CHANGE_GUARD, "P9", side.value, edited)] if stopped else [])
    assert len(made.writes) == (0 if stopped else edited)


ACCOUNT = {"sage100": {"CT_Num": "BETA"}, "ssm": {"accountId": {"id": 12, "value": ""}}}


@pytest.mark.parametrize(("moved", "stopped"), [(10, False), (11, True)])
@pytest.mark.parametrize("side", list(Side))
def test_a_contact_to_be_moved_to_another_account_or_put_back_to_its_own_counts_as_an_edit(side, moved, stopped):
    rows, there, links = people(20)
    shown = rows if side is SAGE else there
    shown[:moved] = [row | ACCOUNT[side] for row in shown[:moved]]
    made, stops = guarded(rows, there, links)
    assert stops == ([(Code.MASS_CHANGE_GUARD, "P9", side.value, moved)] if stopped else [])
    assert [w.values for w in made.writes] == ([] if stopped else [{"accountId": 12 if side is SAGE else 11}] * moved)


def test_a_contact_that_is_moved_and_edited_counts_once():
    rows, there, links = people(20)
    rows[:10] = [row | {"CT_Num": "BETA", "CT_EMail": "new@x.example"} for row in rows[:10]]
    assert guarded(rows, there, links)[1] == []


def test_contacts_of_a_recoded_company_only_wait_and_are_no_mass_change():
    rows, there, links = people(20)
    clients = [{"CT_Num": "ALPHA2", "CT_Prospect": 0}]
    using = worlds.mapper(known=worlds.companies(clients))
    world = worlds.world([row | {"CT_Num": "ALPHA2"} for row in rows], there, links, using=using)
    made, stops = guard(decide(world), world, Lifted())
    assert (stops, made.writes, {p.code for p in made.problems}) == ((), (), {Code.COMPANY_NOT_IN_SSM})


@pytest.mark.parametrize(
    ("number", "renamed", "stopped"),
    [(1, 1, False), (2, 2, False), (3, 3, True), (5, 3, True), (6, 3, False), (30, 15, False), (30, 16, True)],
)
@pytest.mark.parametrize("side", list(Side))
def test_more_than_half_of_all_links_with_both_names_changed_are_permuted_rows(number, renamed, stopped, side):
    rows, there, links = people(number)
    for n in range(renamed):
        if side is SAGE:
            rows[n] = rows[n] | {"CT_Nom": f"Other{n}", "CT_Prenom": f"Zoé{n}"}
        else:
            there[n] = there[n] | {"lastName": f"Other{n}", "firstName": f"Zoé{n}"}
    made, stops = guarded(rows, there, links)
    assert stops == ([(Code.MASS_CHANGE_GUARD, "P9", side.value, renamed)] if stopped else [])
    assert len(made.writes) == (0 if stopped else renamed)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param({"CT_Nom": "Other"}, id="the last name alone: people marry"),
        pytest.param({"CT_Prenom": "Zoé"}, id="the first name alone"),
        pytest.param({"CT_Nom": None, "CT_Prenom": "ADA"}, id="both in capitals: another spelling"),
    ],
)
def test_what_leaves_a_name_as_it_was_renames_nobody_altogether(names):
    rows, there, links = people(4)
    rows = [row | {k: v or row[k].upper() for k, v in names.items()} for row in rows]
    assert guarded(rows, there, links)[1] == []


@pytest.mark.parametrize("renamed_on", list(Side))
def test_both_names_of_most_links_changed_are_reported_as_such(renamed_on):
    rows, there, links = people(20)
    if renamed_on is SAGE:
        rows = [row | {"CT_Nom": f"Other{n}", "CT_Prenom": f"Zoé{n}"} for n, row in enumerate(rows)]
    else:
        there = [row | {"lastName": f"Other{n}", "firstName": f"Zoé{n}"} for n, row in enumerate(there)]
    world = worlds.world(rows, there, links)
    assert [s.facts for s in guard(decide(world), world, Lifted())[1]] == [
        MassChangeGuard(renamed_on, 20, both_names=True)
    ]


# --- a state that was lost


def lost(marks, *, state=(), intents=(), is_rebuilt=False, lifted=None, floor=3):
    """What guards say where SSM shows contacts with these marks, and Sage one with the first of their names."""
    there = [worlds.ssm_row(500 + n, lastName=f"Person{n}", extId=mark) for n, mark in enumerate(marks)]
    world = worlds.world([worlds.sage_row(CT_Nom="Person0")], there, state, intents=intents)
    world = replace(world, is_rebuilt=is_rebuilt, policy=Policy(max_deletions=DeletionLimit(0.1, floor)))
    return guard(decide(world), world, lifted or Lifted())


OURS = [f"sage100:TEST:{n}" for n in range(1, 5)]
THEIRS = [f"ssm:AUTRE:{n}" for n in range(1, 5)]


@pytest.mark.parametrize(
    ("marks", "databases"),
    [
        pytest.param(OURS, (("TEST", 4),), id="of this database"),
        pytest.param(THEIRS, (("AUTRE", 4),), id="of another one"),
        pytest.param([*THEIRS, OURS[0]], (("AUTRE", 4), ("TEST", 1)), id="of both"),
    ],
)
def test_p9_marks_beside_a_state_without_links_stop_everything(marks, databases):
    made, stops = lost(marks)
    assert [s.facts for s in stops] == [LostStateGuard(SSM, len(marks), databases)]
    assert (made.writes, made.links, made.problems, made.notices) == ((), (), (), ())


@pytest.mark.parametrize(
    ("marks", "more"),
    [
        pytest.param(OURS[:3], {}, id="no more marks than the floor"),
        pytest.param(OURS, {"floor": 4}, id="the floor is the site's"),
        pytest.param(["C-1", "C-2", "C-3", "C-4", None], {}, id="marks of other software"),
        pytest.param(OURS, {"state": [worlds.linked()]}, id="a link"),
        pytest.param(OURS, {"intents": [Intent(SSM, 1, OURS[0])]}, id="a creation that was not confirmed"),
        pytest.param(OURS, {"is_rebuilt": True}, id="links rebuilt by a person, though there were none"),
    ],
)
def test_p9_no_lost_state_is_seen_in(marks, more):
    assert lost(marks, **more)[1] == ()


def test_p9_marks_of_deleted_contacts_are_no_sign_of_a_lost_state():
    there = [worlds.ssm_row(500 + n, extId=mark, deleted=True) for n, mark in enumerate(OURS)]
    assert guarded([], there, [])[1] == []


def test_p9_a_person_lifts_the_guard_of_a_lost_state_for_one_run():
    made, stops = lost(OURS, lifted=Lifted(mass_change=True))
    (note,) = [n for n in made.notices if n.code is Code.GUARD_LIFTED]
    assert (stops, note.facts) == ((), GuardLifted(SSM, Code.LOST_STATE_GUARD, 4, "--allow-mass-change"))


def test_a_person_lifts_the_other_guards_for_one_run():
    rows, there, links = people(20)
    there = [row | {"email": f"new{n}@x.example"} for n, row in enumerate(there)]
    made, stops = guarded(rows, there, links, lifted=Lifted(mass_change=True))
    assert (stops, len(made.writes)) == ([], 20)


def test_what_differs_in_spelling_alone_is_no_mass_change():
    rows, there, links = people(20)
    _, stops = guarded(rows, [row | {"lastName": f" {row['lastName']} "} for row in there], links)
    assert stops == []


def test_a_field_without_a_base_derives_no_mass_change():
    rows, there, links = people(20)
    fresh = [replace(link, base={k: v for k, v in link.base.items() if k != "email"}) for link in links]
    made, stops = guarded([row | {"CT_EMail": f"p{row['cbMarq']}@x.example"} for row in rows], there, fresh)
    assert (stops, len(made.writes)) == ([], 20)


def test_a_sage_that_gives_out_ids_again_was_restored():
    made, stops = guarded(*people(1), identity_fell=True)
    assert ([code for code, *_ in stops], made.writes) == ([Code.RESTORED_SIDE_GUARD], ())


@pytest.mark.parametrize(
    ("stamp", "stopped"),
    [("2026-03-01T09:00:00+01:00", True), ("2026-03-02T09:00:00+01:00", False), ("2026-03-02T12:00:00+01:00", False)],
)
def test_three_rows_that_differ_and_are_older_than_what_was_seen_were_restored(stamp, stopped):
    rows, there, links = people(3)
    older = [row | {"CT_EMail": "old@x.example", "cbModification": stamp} for row in rows]
    _, stops = guarded(older, there, links)
    assert [code for code, *_ in stops] == ([Code.RESTORED_SIDE_GUARD] if stopped else [])


def test_edits_in_a_table_that_was_imported_with_older_stamps_stop_nothing():
    rows, there, _ = people(3)
    imported = {"cbModification": "2020-05-04T09:00:00+02:00", "cbCreation": "2026-03-01T09:00:00+01:00"}
    rows = [row | imported for row in rows]
    links = [
        worlds.linked(row, card, sage100_created=imported["cbCreation"]) for row, card in zip(rows, there, strict=True)
    ]
    edited = [row | {"CT_EMail": "new@x.example", "cbModification": "2026-03-02T09:00:00+01:00"} for row in rows]
    made, stops = guarded(edited, there, links)
    assert (stops, len(made.writes)) == ([], 3)


def test_one_or_two_older_rows_count_as_edits_and_what_they_replace_is_kept():
    rows, there, links = people(3)
    older = {"CT_EMail": "old@x.example", "cbModification": "2026-02-01T09:00:00+01:00"}
    there = [row | {"email": "kept@x.example"} for row in there]
    links = [worlds.linked(row | {"CT_EMail": "kept@x.example"}, card) for row, card in zip(rows, there, strict=True)]
    rows = [row | {"CT_EMail": "kept@x.example"} for row in rows]
    made, stops = guarded([rows[0] | older, rows[1] | older, rows[2]], there, links)
    assert (stops, [w.values for w in made.writes]) == ([], [{"email": "old@x.example"}] * 2)
    assert [(n.code, n.field, n.ssm_value) for w in made.writes for n in w.notices] == [
        (Code.OLDER_STAMP, "email", "kept@x.example")
    ] * 2


def test_an_older_stamp_without_a_difference_is_nothing():
    rows, there, links = people(1)
    _, stops = guarded([rows[0] | {"cbModification": "2026-02-01T09:00:00+01:00"}], there, links)
    assert stops == []


def test_the_floor_is_the_sites():
    _rows, there, links = people(10)
    policy = Policy(max_deletions=DeletionLimit(0.0, 10))
    assert guarded(_rows[:1], there, links, policy=policy)[1] == []


# --- pauses


@pytest.mark.parametrize(
    ("tries", "minutes"),
    [(0, 0), (1, 0), (2, 30), (3, 60), (4, 120), (7, 960), (8, 1440), (9, 1440), (60, 1440)],
)
def test_a_refused_write_is_tried_again_at_once_then_with_growing_pauses_up_to_a_day(tries, minutes):
    assert backoff.next_try(tries, NOW) == NOW + timedelta(minutes=minutes)


WRITE = Write(SSM, Action.UPDATE, Subject("ALPHA", 1, 501, "Ada"), {"email": "a@x.example", "fax": None}, target_id=501)


@pytest.mark.parametrize(
    "other",
    [
        replace(WRITE, side=SAGE),
        replace(WRITE, action=Action.DELETE),
        replace(WRITE, target_id=502),
        replace(WRITE, values={"email": "b@x.example", "fax": None}),
        replace(WRITE, values={"email": "a@x.example"}),
    ],
)
def test_a_different_attempt_has_another_fingerprint(other):
    assert backoff.fingerprint(other) != backoff.fingerprint(WRITE)


@pytest.mark.parametrize(
    "same",
    [
        replace(WRITE, values={"fax": None, "email": "a@x.example"}),
        replace(WRITE, expected={"email": "old"}),
        replace(WRITE, subject=Subject()),
        replace(WRITE, values=WRITE.values | {"CT_No": 7}),
    ],
)
def test_the_same_attempt_has_the_same_fingerprint(same):
    assert backoff.fingerprint(same) == backoff.fingerprint(WRITE)


@pytest.mark.parametrize(
    ("after", "mark", "held"),
    [
        (timedelta(minutes=1), backoff.fingerprint(WRITE), True),
        (timedelta(0), backoff.fingerprint(WRITE), False),
        (-timedelta(minutes=1), backoff.fingerprint(WRITE), False),
        (None, backoff.fingerprint(WRITE), False),
        (timedelta(minutes=1), "another", False),
        (timedelta(minutes=1), None, False),
    ],
)
def test_a_write_is_held_while_its_pause_lasts_and_its_problem_stands(after, mark, held):
    entry = Entry(WRITE.subject, RejectedBySsm("no"))
    when = None if after is None else NOW + after
    problem = JournalEntry(1, entry, NOW, NOW, tries=2, next_try_at=when, fingerprint=mark)
    left, waiting = backoff.back_off(Plan(writes=(WRITE,)), [problem], NOW, worlds.mapper())
    assert (waiting, left.writes) == (((entry,), ()) if held else ((), (WRITE,)))
    assert left.withheld == ((Withheld(WRITE, Code.REJECTED_BY_SSM),) if held else ())


def ignored(write, field):
    """The open problem of a field that SSM ignored a minute ago."""
    entry, when = Entry(write.subject, NotApplied(SSM), field), NOW + timedelta(minutes=30)
    mark = backoff.fingerprint_of(entry, only(write, field, worlds.mapper()))
    return JournalEntry(1, entry, NOW, NOW, tries=2, next_try_at=when, fingerprint=mark)


def test_p8_of_an_update_only_the_ignored_field_waits():
    row = worlds.sage_row(CT_EMail="a@x.example", CT_Skype="ada")
    made = decide(worlds.world([row], [worlds.ssm_row(extId="sage100:TEST:1")], [worlds.linked()]))
    (write,) = made.writes
    problems = [ignored(write, "email")]
    left, waiting = backoff.back_off(made, problems, NOW, worlds.mapper())
    assert [w.values for w in left.writes] == [{"skype": "ada"}]
    assert (waiting, [w.write.values for w in left.withheld]) == ((problems[0].entry,), [{"email": "a@x.example"}])
    left, waiting = backoff.back_off(made, [*problems, ignored(write, "skype")], NOW, worlds.mapper())
    assert (left.writes, [w.code for w in left.withheld], len(waiting)) == ((), [Code.NOT_APPLIED], 2)


def test_r3_a_new_contact_does_not_wait_for_a_field_that_was_ignored_in_another():
    (one, two) = (decide(worlds.world([worlds.sage_row(n, CT_EMail="a@x.example")], [], [])) for n in (1, 2))
    left, waiting = backoff.back_off(two, [ignored(one.writes[0], "email")], NOW, worlds.mapper())
    assert (left, waiting) == (two, ())


# --- flapping


def run_again(before, value="a@x.example", *, done=True):
    made = decide(
        worlds.world([worlds.sage_row(CT_EMail=value)], [worlds.ssm_row(extId="sage100:TEST:1")], [worlds.linked()])
    )
    assert len(made.writes) == 1
    left, problems, rewrites = stop_flapping(made, before, worlds.mapper())
    return [p.code for p in problems], len(left.writes), rewrites.remembered(left.writes if done else ())


def test_a_field_rewritten_in_three_runs_running_is_left_alone():
    told, memory = [], {}
    for _ in range(ENOUGH + 2):
        problems, writes, memory = run_again(memory)
        told.append((problems, writes))
    assert told == [([], 1)] * 3 + [([Code.FLAPPING], 0)] * 2


def test_p1_a_first_name_waits_with_a_last_name_that_is_left_alone():
    card, memory = worlds.ssm_row(extId="sage100:TEST:1"), {}
    for row in (*[worlds.sage_row(CT_Nom="Belmont")] * ENOUGH, worlds.sage_row(CT_Nom="Belmont", CT_Prenom="Zita")):
        made = decide(worlds.world([row], [card], [worlds.linked()]))
        left, problems, rewrites = stop_flapping(made, memory, worlds.mapper())
        memory = rewrites.remembered(left.writes)
    assert (left.writes, [p.field for p in problems]) == ((), ["last_name"])


def test_a_quiet_run_or_another_value_begins_anew():
    memory = {}
    for value in ("a@x.example", "b@x.example") * ENOUGH:
        problems, _, memory = run_again(memory, value)
        assert problems == []
    for _ in range(ENOUGH):
        _, _, memory = run_again(memory)
    assert run_again({})[0] == []


def test_what_an_earlier_round_of_a_run_wrote_is_remembered_with_what_a_later_one_wrote():
    made = decide(worlds.world([worlds.sage_row(CT_EMail="a@x.example")], [worlds.ssm_row(email="b@x.example")], []))
    earlier = {"ssm:7:email": ["0123456789ab", 2]}
    left, _, rewrites = stop_flapping(made, {}, worlds.mapper(), earlier)
    remembered = rewrites.remembered(left.writes)
    assert earlier.items() < remembered.items()


def test_a_creation_that_is_tried_again_in_every_run_does_not_flap():
    made = decide(worlds.world([worlds.sage_row(CT_EMail="a@x.example")], [], []))
    memory = {}
    for _ in range(ENOUGH + 2):
        left, problems, rewrites = stop_flapping(made, memory, worlds.mapper())
        memory = rewrites.remembered(left.writes)
        assert (left.writes, problems) == (made.writes, ())


def test_a_write_that_was_not_done_rewrites_nothing():
    memory = {}
    for _ in range(ENOUGH + 2):
        problems, writes, memory = run_again(memory, done=False)
        assert (problems, writes, memory) == ([], 1, {})


def test_contacts_whose_owner_ssm_refuses_are_one_problem_and_wait_together_but_a_new_one_is_tried():
    people = [Subject("ALPHA", n, None, f"Paul {n}") for n in (1, 2, 3)]
    attempts = [Write(SSM, Action.CREATE, person, {"lastName": person.contact}) for person in people]
    refusals = [
        (Entry(person, RejectedBySsm("salesRepId refers to what does not exist")), write)
        for person, write in zip(people[:2], attempts[:2], strict=True)
    ]
    (entry,) = joined_by_cause(refused for refused, _ in refusals)
    problem = JournalEntry(1, entry, NOW, NOW)
    assert refused_writes(problem, refusals) == attempts[:2]

    waiting = replace(problem, next_try_at=NOW + timedelta(hours=1), fingerprint=backoff.fingerprint(*attempts[:2]))
    left, met = backoff.back_off(Plan(writes=tuple(attempts)), [waiting], NOW, worlds.mapper())
    assert left.writes == (attempts[2],)
    assert joined_by_cause(met) == [entry]


@pytest.mark.parametrize("text", [None, "phone1 is used by another contact"])
def test_what_ssm_refuses_of_the_contacts_themselves_stays_a_problem_of_each(text):
    refused = [Entry(Subject("ALPHA", n), RejectedBySsm(text)) for n in (1, 2)]
    assert joined_by_cause(refused) == refused


def test_a_cb_marq_that_equals_another_contact_s_ssm_id_is_not_taken_for_it():
    refused = Entry(Subject("ALPHA", 1002, 1001, "Bo Brun"), RejectedBySsm("no"))
    open_problem = JournalEntry(1, Entry(Subject("ALPHA", 1001, 1000, "Ada Aubrelin"), RejectedBySsm("no")), NOW, NOW)
    write = Write(SSM, Action.UPDATE, refused.subject)
    assert refused_writes(open_problem, [(refused, write)]) == []
    assert refused_writes(replace(open_problem, entry=refused), [(refused, write)]) == [write]


def test_p13_contact_that_bears_the_ext_id_of_a_supplier_s_row_is_told():
    rows = [worlds.sage_row(CT_Num="NOBODY")]
    made = decide(worlds.world(rows, [worlds.ssm_row(extId="sage100:TEST:1")]))
    assert [(p.code, p.rule, p.subject.ssm_id) for p in made.problems] == [(Code.OUT_OF_SCOPE, "P13", 501)]
    assert made.writes == ()
