"""Whole runs on two sides in memory: what must hold after writes that nobody confirmed, and what is in the journal."""

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.journal import Kind
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.policy import ConflictPolicy
from sage100_ssm.sync.run import ledger, observation
from tests.support import worlds
from tests.support.memory_play import Answers, Play, Round
from tests.support.memory_sides import Fate, Weather
from tests.support.memory_state import MemoryStore

SAGE, SSM = Side.SAGE100, Side.SSM
LOST = [Fate.LOST_AFTER, Fate.KILLED_AFTER]
"""A write is carried out, and the run does not learn it."""


@pytest.fixture
def play(new_play):
    return new_play()


def create(play, side, *, company="ALPHA", last="Aubrelin", first="Ada", **more):
    """Somebody creates a contact on one side. Returns its row."""
    if side is SAGE:
        row = play.sage100.insert({"CT_Num": company, "CT_Nom": last, "CT_Prenom": first, **more})
        play.sage100.born_here.add(row["cbMarq"])
        return row
    account = next(a["id"] for a in play.ssm.accounts.values() if a["extId"] == company and not a["deleted"])
    row = play.ssm.insert({"accountId": account, "lastName": last, "firstName": first, **more})
    play.ssm.born_here.add(row["id"])
    return row


def both(play, **more):
    """Somebody who was created in Sage and has come to SSM. Returns both rows."""
    row = create(play, SAGE, **more)
    play.run()
    return row, play.ssm.contacts[link_of(play, row).ssm_id]


def link_of(play, row):
    return next(link for link in play.links if link.sage100_id == row["cbMarq"])


def run(play, *, sage100=(), ssm=()):
    return play.happen(Round([], [], list(sage100), list(ssm)))


def told(play, kind):
    """Code, field and both values of the journal's entries, open problems alone."""
    entries = [e for e in play.journal if e.kind is kind and e.closed_at is None]
    return [(e.entry.code.value, e.entry.field, e.entry.sage100_value, e.entry.ssm_value) for e in entries]


def people(play):
    """How many live on each side beside the one who never changes."""
    return len(play.sage100.living()) - 1, len(play.ssm.living()) - 1


# --- whatever becomes of a write, nothing is there twice


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize("origin", list(Side))
def test_r3_a_create_of_any_fate_ends_in_one_contact_on_each_side(play, origin, fate):
    create(play, origin)
    run(play, sage100=[fate], ssm=[fate])
    play.come_to_rest()
    assert people(play) == (1, 1)
    assert [(k.origin, k.status) for k in play.links[1:]] == [(origin, LinkStatus.ACTIVE)]
    assert told(play, Kind.PROBLEM) == []


@pytest.mark.parametrize("fate", list(Fate))
def test_r5_an_edit_of_any_fate_arrives(play, fate):
    row, card = both(play)
    play.sage100.updated(row, {"CT_EMail": "new@x.example"})
    play.ssm.touch(card, skype="new")
    run(play, sage100=[fate], ssm=[fate])
    play.come_to_rest()
    # Who edits what was written a moment ago has the last word.
    email = card["email"] if fate is Fate.EDITED else "new@x.example"
    assert (row["CT_Skype"], row["CT_EMail"], card["email"]) == ("new", email, email)
    assert told(play, Kind.PROBLEM) == []


@pytest.mark.parametrize("fate", LOST)
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("conflict", list(ConflictPolicy))
def test_r5_what_we_wrote_unconfirmed_is_not_taken_for_an_edit_of_that_side(new_play, conflict, side, fate):
    play = new_play(Answers(conflict))
    row, card = both(play, CT_EMail="first@x.example")
    for text in ("second@x.example", "first@x.example"):
        if side is SAGE:
            play.sage100.updated(row, {"CT_EMail": text})
        else:
            play.ssm.touch(card, email=text)
        if text.startswith("second"):
            run(play, sage100=[fate], ssm=[fate])
    play.come_to_rest()
    assert (row["CT_EMail"], card["email"]) == ("first@x.example", "first@x.example")
    assert told(play, Kind.NOTICE) + told(play, Kind.PROBLEM) == []


@pytest.mark.parametrize("fate", LOST)
@pytest.mark.parametrize("restored", [False, True], ids=["created", "restored"])
@pytest.mark.parametrize("conflict", list(ConflictPolicy))
def test_r5_nor_is_what_we_created_unconfirmed(new_play, conflict, restored, fate):
    play = new_play(Answers(conflict))
    row = create(play, SAGE, CT_EMail="first@x.example")
    if restored:
        play.run()
        play.ssm.removed(play.ssm.contacts[link_of(play, row).ssm_id])
    run(play, ssm=[fate])
    play.sage100.updated(row, {"CT_EMail": "second@x.example"})
    play.come_to_rest()
    card = play.ssm.contacts[link_of(play, row).ssm_id]
    assert (row["CT_EMail"], card["email"], card["deleted"]) == ("second@x.example", "second@x.example", False)
    assert [code for code, *_ in told(play, Kind.NOTICE)] == ["deletion_refused"] * restored


@pytest.mark.parametrize("fate", LOST)
@pytest.mark.parametrize("conflict", list(ConflictPolicy))
def test_r5_nor_is_what_we_created_in_sage_unconfirmed(new_play, conflict, fate):
    play = new_play(Answers(conflict))
    card = create(play, SSM, email="first@x.example")
    run(play, sage100=[fate])
    play.ssm.touch(card, email="second@x.example")
    play.come_to_rest()
    row = play.sage100.contacts[play.links[1].sage100_id]
    assert (row["CT_EMail"], card["email"], told(play, Kind.NOTICE)) == ("second@x.example", "second@x.example", [])


@pytest.mark.parametrize("fate", LOST)
def test_p2_an_edit_of_what_we_created_unconfirmed_is_told_if_it_goes(play, fate):
    row = create(play, SAGE, CT_EMail="first@x.example")
    run(play, ssm=[fate])
    play.ssm.touch(next(card for card in play.ssm.living().values() if card["lastName"] == "Aubrelin"), skype="typed")
    play.sage100.removed(row)
    play.come_to_rest()
    assert told(play, Kind.NOTICE) == [("deletion_overrode_edit", "skype", None, "typed")]


@pytest.mark.parametrize("fate", LOST)
def test_r7_nor_does_it_keep_a_contact_from_being_deleted(play, fate):
    card = create(play, SSM)
    play.run()
    play.ssm.touch(card, email="new@x.example")
    run(play, sage100=[fate])
    play.ssm.removed(card)
    play.come_to_rest()
    assert (people(play), told(play, Kind.NOTICE)) == ((0, 0), [("deleted_in_sage", None, None, None)])


@pytest.mark.parametrize("fate", LOST)
def test_r6_nor_is_a_move_that_we_made_unconfirmed_taken_for_one_of_ssm(play, fate):
    row, card = both(play)
    play.sage100.updated(row, {"CT_Num": "BETA"})
    run(play, ssm=[fate])
    play.sage100.updated(row, {"CT_Num": "ALPHA"})
    play.come_to_rest()
    assert (play.ssm.accounts[card["accountId"]]["extId"], told(play, Kind.NOTICE)) == ("ALPHA", [])


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize("origin", list(Side))
def test_r7_r9_a_deletion_of_any_fate_is_done(play, origin, fate):
    create(play, origin)
    play.run()
    link = play.links[1]
    side, id_ = (play.sage100, link.sage100_id) if origin is SAGE else (play.ssm, link.ssm_id)
    side.removed(side.contacts[id_])
    run(play, sage100=[fate], ssm=[fate])
    play.come_to_rest()
    assert (people(play), len(play.links)) == ((0, 0), 1)


@pytest.mark.parametrize("fate", LOST)
def test_r7_what_is_deleted_before_its_create_in_sage_was_confirmed_does_not_rise_again(play, fate):
    card = create(play, SSM)
    run(play, sage100=[fate])
    play.ssm.removed(card)
    play.come_to_rest()
    assert people(play) == (0, 0)


@pytest.mark.parametrize("fate", LOST)
def test_r9_what_is_deleted_before_its_create_in_ssm_was_confirmed_is_deleted_there(play, fate):
    row = create(play, SAGE)
    run(play, ssm=[fate])
    play.sage100.removed(row)
    play.come_to_rest()
    assert (people(play), told(play, Kind.PROBLEM)) == ((0, 0), [])


@pytest.mark.parametrize("fate", LOST)
def test_r9_so_is_it_if_somebody_typed_the_same_person_again(play, fate):
    row = create(play, SAGE)
    run(play, ssm=[fate])
    play.sage100.removed(row)
    create(play, SAGE)
    create(play, SSM)
    play.come_to_rest()
    assert (people(play), told(play, Kind.PROBLEM)) == ((1, 1), [])


@pytest.mark.parametrize("fate", LOST)
def test_r4_what_left_the_scope_before_its_create_was_confirmed_is_told(play, fate):
    create(play, SAGE, company="BETA")
    run(play, ssm=[fate])
    play.sage100.companies["BETA"] = 1
    play.come_to_rest()
    assert [code for code, *_ in told(play, Kind.PROBLEM)] == ["company_not_in_sage"]


def test_p14_a_number_that_a_living_link_remembers_is_not_given_again(play):
    row, card = both(play)
    play.sage100.removed(row)
    play.ssm.touch(card, comment="still there")
    stranger = create(play, SSM, company="BETA")
    run(play, sage100=[Fate.LOST_AFTER], ssm=[Fate.LOST_AFTER])
    play.come_to_rest()
    assert [(k.ssm_id, k.origin) for k in play.links[1:]] == [(stranger["id"], SSM)]
    assert told(play, Kind.NOTICE) == []


# --- what is overwritten is in the journal, even if the run did not learn that it was


@pytest.mark.parametrize("fate", [Fate.DONE, Fate.LOST_BEFORE, Fate.KILLED_BEFORE, *LOST])
@pytest.mark.parametrize(
    ("wins", "loser"), [(SAGE, ("here@x.example", "there@x.example")), (SSM, ("here@x.example", "there@x.example"))]
)
def test_p1_both_values_of_a_settled_conflict_are_told_once(new_play, fate, wins, loser):
    play = new_play(Answers(conflict=ConflictPolicy(wins.value)))
    row, card = both(play)
    play.sage100.updated(row, {"CT_EMail": "here@x.example"})
    play.ssm.touch(card, email="there@x.example")
    run(play, sage100=[fate], ssm=[fate])
    play.come_to_rest()
    assert told(play, Kind.NOTICE) == [("conflict_settled", "email", *loser)]


@pytest.mark.parametrize("fate", [Fate.DONE, *LOST])
def test_p2_an_edit_that_went_with_a_deletion_is_told_once(play, fate):
    row, card = both(play, CT_EMail="ada@x.example")
    play.sage100.removed(row)
    play.ssm.touch(card, email="there@x.example")
    run(play, ssm=[fate])
    play.come_to_rest()
    assert told(play, Kind.NOTICE) == [("deletion_overrode_edit", "email", "ada@x.example", "there@x.example")]


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.LOCKED])
def test_p1_what_was_not_overwritten_is_not_told_as_such(new_play, fate):
    play = new_play(Answers(conflict=ConflictPolicy.SSM))
    row, card = both(play)
    play.sage100.updated(row, {"CT_EMail": "here@x.example"})
    play.ssm.touch(card, email="there@x.example")
    run(play, sage100=[fate])
    assert told(play, Kind.NOTICE) == []
    play.ssm.touch(card, email="HERE@x.example")
    play.come_to_rest()
    assert told(play, Kind.NOTICE) == []


def test_a_notice_stands_in_the_journal_once_the_run_that_decided_it_is_over(play):
    _, card = both(play)
    play.ssm.removed(card)
    report = run(play)
    assert ([code for code, *_ in told(play, Kind.NOTICE)], report.notices) == (["deletion_refused"], 1)


# --- what is done, and when


def test_on_a_side_deletions_come_before_updates_and_updates_before_creations(play):
    rows = [both(play, last=f"Person{n}")[0] for n in range(2)]
    create(play, SAGE, last="Newcomer")
    play.sage100.updated(rows[0], {"CT_EMail": "new@x.example"})
    play.sage100.removed(rows[1])
    play.ssm.asked.clear()
    play.run()
    assert play.ssm.asked == [Action.DELETE, Action.UPDATE, Action.CREATE]


def test_r3_a_contact_created_in_sage_bears_its_ext_id_in_ssm_at_the_end_of_that_run(play):
    card = create(play, SSM)
    play.run()
    assert card["extId"] == f"ssm:{worlds.DATABASE}:{play.links[1].sage100_id}"


def test_a_label_added_in_ssm_since_the_types_were_read_is_known_in_the_same_run(play):
    row, card = both(play)
    play.ssm.types.append({"id": 9, "descriptionFR": "Zouave"})
    play.sage100.updated(row, {"CT_Fonction": "Zouave"})
    run(play)
    assert (card.get("typeId"), told(play, Kind.PROBLEM)) == (9, [])


# --- problems that come and go


def test_a_value_that_a_side_takes_and_does_not_keep_is_told_until_it_does(play):
    row, card = both(play)
    play.ssm.deaf_to.add("email")
    play.sage100.updated(row, {"CT_EMail": "new@x.example", "CT_Skype": "ada"})
    report = run(play)
    assert told(play, Kind.PROBLEM) == [("not_applied", "email", "new@x.example", None)]
    assert (card["skype"], report.ssm.updated) == ("ada", 1)
    assert link_of(play, row).base["email"].sage100 is None, "the field keeps its base"
    play.ssm.deaf_to.clear()
    play.come_to_rest()
    assert (card["email"], told(play, Kind.PROBLEM)) == ("new@x.example", [])


def writes_per_run(play, side, runs):
    """How many writes a side gets in each of the next runs."""
    before = []
    for _ in range(runs):
        before.append(len(side.asked))
        play.run()
    return [after - was for was, after in zip(before, [*before[1:], len(side.asked)], strict=True)]


A_DAY_OF_IGNORED_WRITES = [run in (0, 1, 3, 7, 15, 31, 63) for run in range(96)]
"""At once, then after 30 minutes, one hour, two… at the most a day."""


@pytest.mark.parametrize("is_new", [False, True], ids=["updated", "created"])
@pytest.mark.parametrize(("side", "name"), [(SAGE, "CT_EMail"), (SSM, "email")])
def test_a_field_that_a_side_ignores_is_written_seven_times_a_day(side, name, is_new):
    play = Play(MemoryStore(), Answers())
    there, here = (play.sage100, play.ssm) if side is SAGE else (play.ssm, play.sage100)
    there.deaf_to.add(name)
    typed = {"email": "new@x.example"} if side is SAGE else {"CT_EMail": "new@x.example"}
    source = create(play, side.other, **(typed if is_new else {}))
    if not is_new:
        play.run()
        here.updated(source, typed)
    assert writes_per_run(play, there, 96) == A_DAY_OF_IGNORED_WRITES
    assert [(code, field) for code, field, *_ in told(play, Kind.PROBLEM)] == [("not_applied", "email")]


def test_an_external_id_that_ssm_ignores_is_reported_as_such_and_waits(play):
    play.ssm.deaf_to.add("extId")
    create(play, SSM)
    assert writes_per_run(play, play.ssm, 8) == [1, 1, 0, 1, 0, 0, 0, 1]
    assert told(play, Kind.PROBLEM) == [("not_applied", "ext_id", "ssm:TEST:2", None)]
    play.ssm.deaf_to.clear()
    play.come_to_rest()
    assert told(play, Kind.PROBLEM) == []


def test_while_an_ignored_field_waits_the_others_are_written(play):
    row, card = both(play)
    play.ssm.deaf_to.add("email")
    play.sage100.updated(row, {"CT_EMail": "new@x.example"})
    for number in range(5):
        play.sage100.updated(row, {"CT_Skype": f"ada{number}"})
        play.run()
        assert card["skype"] == f"ada{number}"
    (problem,) = play.problems
    assert (problem.entry.code.value, problem.entry.field, problem.tries) == ("not_applied", "email", 3)


@pytest.mark.parametrize("fate", [Fate.LOCKED, Fate.LOST_BEFORE, Fate.KILLED_BEFORE])
def test_a_write_that_fails_for_hours_goes_through_in_the_end(play, fate):
    row, card = both(play)
    play.sage100.updated(row, {"CT_EMail": "new@x.example"})
    for _ in range(6):
        run(play, ssm=[fate])
    assert card.get("email") is None
    run(play)
    assert card["email"] == "new@x.example"


def test_a_refused_write_is_tried_at_once_then_after_growing_pauses(play):
    row, _ = both(play)
    play.sage100.updated(row, {"CT_EMail": "new@x.example"})
    tried = []
    for _ in range(10):
        report = run(play, ssm=[Fate.REFUSED])
        tried.append(report.ssm.failed)
    assert tried == [1, 1, 0, 1, 0, 0, 0, 1, 0, 0]
    assert [code for code, *_ in told(play, Kind.PROBLEM)] == ["rejected_by_ssm"]


def test_another_value_is_not_paused(play):
    row, card = both(play)
    for text in ("one@x.example", "two@x.example", "three@x.example"):
        play.sage100.updated(row, {"CT_EMail": text})
        run(play, ssm=[Fate.REFUSED])
        run(play, ssm=[Fate.REFUSED])
    play.sage100.updated(row, {"CT_EMail": "four@x.example"})
    run(play)
    assert (card["email"], told(play, Kind.PROBLEM)) == ("four@x.example", [])


@pytest.mark.parametrize(("minutes", "created"), [(5, 0), (11, 1)])
def test_p11_the_ten_minutes_of_a_creation_in_doubt_begin_with_its_answer(play, minutes, created):
    create(play, SAGE)
    take_time(play.ssm, play.clock, minutes=9)
    play.ssm.weather = Weather(iter([Fate.LOST_BEFORE]))
    play.run()
    play.ssm.asked.clear()
    play.run(minutes=minutes)
    assert play.ssm.asked == [Action.CREATE] * created


# --- reading


def test_p10_a_run_that_reads_what_changed_forgets_nobody(play):
    rows = [both(play, last=f"Person{n}") for n in range(3)]
    play.run()
    play.ssm.touch(rows[0][1], email="new@x.example")
    report = run(play)
    # The newest one is read once more.
    assert (report.ssm.read, report.sage100.updated, rows[0][0]["CT_EMail"]) == (2, 1, "new@x.example")
    assert {k.status for k in play.links} == {LinkStatus.ACTIVE}
    assert told(play, Kind.PROBLEM) == []


@pytest.mark.parametrize(
    ("cut", "left"),
    [({"sage100_read_to": 1}, (3, 3)), ({"ssm_read_to": 1}, (3, 2))],
    ids=["in Sage, who was deleted there is not known", "in SSM, what was deleted in Sage is known"],
)
def test_p10_an_incomplete_read_yields_no_deletion_and_no_contact(play, cut, left):
    pairs = [both(play, last=f"Person{n}") for n in range(3)]
    create(play, SAGE, last="Newcomer")
    play.sage100.removed(pairs[2][0])
    play.clock.advance(hours=25)
    play.happen(Round([], [], **cut))
    assert people(play) == left
    assert [code for code, *_ in told(play, Kind.PROBLEM)] == ["incomplete_read"]
    play.come_to_rest()
    assert (people(play), told(play, Kind.PROBLEM)) == ((3, 3), [])


def test_p10_a_linked_contact_that_a_whole_read_does_not_show_is_asked_for_by_its_id(play):
    row, card = both(play)
    play.ssm.unlisted.add(card["id"])
    play.clock.advance(hours=25)
    run(play)
    assert (link_of(play, row).status, told(play, Kind.PROBLEM)) == (LinkStatus.ACTIVE, [])


def test_p10_a_link_sleeps_while_ssm_does_not_give_its_contact_and_wakes_when_it_does(play):
    row, card = both(play)
    play.ssm.invisible.add(card["id"])
    play.sage100.updated(row, {"CT_EMail": "new@x.example"})
    play.clock.advance(hours=25)
    run(play)
    assert link_of(play, row).status is LinkStatus.ASLEEP
    assert [code for code, *_ in told(play, Kind.PROBLEM)] == ["not_visible_in_ssm"]
    play.ssm.invisible.clear()
    play.come_to_rest()
    assert (link_of(play, row).status, card["email"], people(play)) == (LinkStatus.ACTIVE, "new@x.example", (1, 1))


def test_what_is_not_in_the_map_is_never_touched(play):
    row = create(play, SAGE, N_Service=4)
    card = create(play, SSM, comment="Prefers mornings", city="Lyon")
    play.run()
    play.sage100.updated(row, {"CT_EMail": "new@x.example"})
    play.come_to_rest()
    assert (card["email"], card["comment"], card["city"], row["N_Service"]) == (
        "new@x.example",
        "Prefers mornings",
        "Lyon",
        4,
    )


# --- one odd contact stops nobody else


@pytest.mark.parametrize("odd", [{"gender": "male"}, {"dateUpdated": "yesterday"}, {"extId": 7}, {"typeId": "boss"}])
def test_p7_an_ssm_row_that_cannot_be_understood_is_held_back_alone(play, odd):
    row, card = both(play)
    other, _ = both(play, last="Brun", first="Bo")
    play.ssm.touch(card, comment="seen")
    card.update(odd)
    play.sage100.updated(row, {"CT_EMail": "a@x.example"})
    play.sage100.updated(other, {"CT_EMail": "b@x.example"})
    play.run()
    assert play.ssm.contacts[link_of(play, other).ssm_id]["email"] == "b@x.example"
    assert ("value_unknown", None) in [entry[:2] for entry in told(play, Kind.PROBLEM)]
    assert link_of(play, row).ssm_id == card["id"]


ODD = {
    "no id": {"id": None},
    "an id that is a text": {"id": "501"},
    "a name that is none": {"lastName": {"id": 3}},
    "an extId that is no text": {"extId": 7},
    "an account that is none": {"accountId": []},
    "neither alive nor deleted": {"deleted": "false"},
    "a stamp that is none": {"dateUpdated": "yesterday"},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_p4_who_may_be_an_ssm_row_that_cannot_be_understood_is_not_created_a_second_time(play, odd):
    card = create(play, SSM)
    play.ssm.odd[card["id"]] = odd
    row = create(play, SAGE)
    other = create(play, SAGE, company="BETA", last="Brun", first="Bo")
    for _ in range(3):
        play.run()
    assert (people(play), link_of(play, other).status) == ((2, 2), LinkStatus.ACTIVE)
    codes = {(e.entry.code.value, e.entry.subject.sage100_id) for e in play.problems}
    assert codes == {("value_unknown", None), ("value_unknown", row["cbMarq"])}
    play.ssm.odd.clear()
    play.come_to_rest()
    assert (people(play), link_of(play, row).ssm_id, told(play, Kind.PROBLEM)) == ((2, 2), card["id"], [])


@pytest.mark.parametrize(("last", "first"), [("Le Garrec", "Jean-Pierre"), ("d’Aumont", "J.P."), ("M. Briand", "Zoë")])
def test_p4_who_may_be_such_a_row_is_known_however_the_name_is_spelled(play, last, first):
    card = create(play, SSM, last=last, first=first)
    play.ssm.odd[card["id"]] = {"deleted": "false"}
    row = create(play, SAGE, last=last.upper(), first=first)
    play.run()
    assert people(play) == (1, 1)
    assert ("value_unknown", row["cbMarq"]) in {(e.entry.code.value, e.entry.subject.sage100_id) for e in play.problems}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_linked_contact_that_cannot_be_understood_waits_with_its_link(play, odd):
    row, card = both(play)
    play.ssm.odd[card["id"]] = odd
    play.ssm.touch(card, skype="typed")
    play.sage100.updated(row, {"CT_EMail": "new@x.example"})
    for hours in (0, 25):
        play.clock.advance(hours=hours)
        play.run()
        assert people(play) == (1, 1)
    play.ssm.odd.clear()
    play.come_to_rest()
    assert (card["email"], row["CT_Skype"], people(play)) == ("new@x.example", "typed", (1, 1))
    assert told(play, Kind.PROBLEM) == []


def test_p3_p11_a_column_without_a_field_that_is_edited_just_before_the_deletion_keeps_the_contact(play):
    card = create(play, SSM)
    play.run()
    row = play.sage100.contacts[next(k.sage100_id for k in play.links if k.ssm_id == card["id"])]

    def edit_first():
        row["N_Service"] = 7
        yield Fate.DONE

    play.ssm.removed(card)
    play.sage100.weather = Weather(edit_first())
    play.run()
    assert people(play) == (1, 0)
    play.run()
    assert (row["N_Service"], people(play), told(play, Kind.NOTICE)[0][0]) == (7, (1, 1), "deletion_refused")


def test_p14_what_is_known_of_a_card_without_a_usable_id_is_out_of_date(play):
    card = create(play, SSM, email="old@x.example")
    play.run()
    play.ssm.odd[card["id"]] = {"id": "none"}
    play.ssm.updated(card, {"email": "new@x.example"})
    link = next(k for k in play.links if k.ssm_id == card["id"])
    play.sage100.removed(play.sage100.contacts[link.sage100_id])
    again = create(play, SAGE, CT_EMail="old@x.example")
    play.run()
    assert next(k.sage100_id for k in play.links if k.ssm_id == card["id"]) == link.sage100_id
    play.ssm.odd.clear()
    play.ssm.touch(card, comment="seen")
    play.run()
    assert link_of(play, again).ssm_id == card["id"]
    assert ("conflict_settled", "email", "old@x.example", "new@x.example") in told(play, Kind.NOTICE)


@pytest.mark.parametrize("odd", ["no id", "a name that is none", "a stamp that is none"])
def test_p14_who_is_typed_again_in_sage_waits_for_a_card_that_cannot_be_understood(play, odd):
    card = create(play, SSM)
    play.run()
    play.ssm.odd[card["id"]] = ODD[odd]
    play.ssm.touch(card, comment="Prefers mornings")
    play.sage100.removed(play.sage100.contacts[next(k.sage100_id for k in play.links if k.ssm_id == card["id"])])
    again = create(play, SAGE)
    for _ in range(2):
        play.run()
        assert people(play) == (1, 1)
    play.ssm.odd.clear()
    play.come_to_rest()
    assert (link_of(play, again).ssm_id, people(play), told(play, Kind.PROBLEM)) == (card["id"], (1, 1), [])


def test_p14_who_is_typed_again_in_ssm_waits_for_a_row_that_cannot_be_understood(play):
    row, card = both(play)
    row["CT_Civilite"] = "x"
    play.ssm.removed(card)
    again = create(play, SSM, last="AUBRELIN")
    play.run()
    assert people(play) == (1, 1)
    row["CT_Civilite"] = 0
    play.come_to_rest()
    assert (link_of(play, row).ssm_id, people(play), told(play, Kind.PROBLEM)) == (again["id"], (1, 1), [])


def test_r3_somebody_deleted_and_typed_again_within_one_interval_comes_over_in_one_run(play):
    card = create(play, SSM)
    play.run()
    play.ssm.removed(card)
    create(play, SSM)
    play.run()
    assert (people(play), told(play, Kind.PROBLEM)) == ((1, 1), [])


# --- the time of a run


def take_time(side, clock, *, minutes):
    """Each write to a side takes so long from now on."""
    write = side.write

    def slowly(records, sink):
        def paced():
            for record in records:
                clock.advance(minutes=minutes)
                yield record

        write(paced(), sink)

    side.write = slowly


def test_a_run_whose_time_is_spent_begins_no_further_write_and_the_next_one_goes_on(play):
    for number in range(5):
        create(play, SAGE, last=f"Aubrelin{number}")
    take_time(play.ssm, play.clock, minutes=6)
    first, second, third = (play.run() for _ in range(3))
    assert [(r.ssm.created, r.postponed, r.ssm.failed, r.exit_code) for r in (first, second, third)] == [
        (3, 2, 0, 0),
        (2, 0, 0, 0),
        (0, 0, 0, 0),
    ]
    assert people(play) == (5, 5)


def test_a_refused_write_that_a_spent_run_did_not_try_again_is_no_solved_problem(play):
    (other, _), (row, _) = both(play, last="Brunel"), both(play)
    play.sage100.updated(row, {"CT_EMail": "refused@x.example"})
    run(play, ssm=[Fate.REFUSED])
    play.sage100.updated(other, {"CT_EMail": "new@x.example"})
    take_time(play.ssm, play.clock, minutes=15)
    spent, next_one = play.run(), play.run()
    assert [(r.ssm.updated, r.postponed, r.problems_closed) for r in (spent, next_one)] == [(1, 1, 0), (1, 0, 1)]


def test_p10_a_large_whole_read_is_stored_in_several_transactions_and_the_cursor_in_the_last(play, monkeypatch):
    monkeypatch.setattr(observation, "_STORED_AT_ONCE", 2)
    for number in range(5):
        create(play, SSM, last=f"Nom{number}")
    play.run()
    with play.store.transaction() as transaction:
        stored = list(transaction.observed("contacts"))
        assert transaction.cursor("contacts") is not None
    assert {row["id"] for row in stored} == set(play.ssm.contacts)


def test_the_links_of_a_first_load_are_added_in_several_transactions(play, monkeypatch):
    monkeypatch.setattr(ledger, "_LINKED_AT_ONCE", 2)
    for number in range(7):
        create(play, SAGE, last=f"Nom{number}")
        create(play, SSM, last=f"Nom{number}")
    play.run()
    assert sorted(link.contact for link in play.links if link.contact.startswith("Ada")) == [
        f"Ada Nom{number}" for number in range(7)
    ]
    assert all(link.id is not None for link in play.links)
    assert play.run().linked == len(play.links)


@pytest.mark.parametrize(("refusals", "said"), [(2, None), (9, {"refused": 9, "per_second": 3.1})])
def test_a_run_says_that_ssm_refused_requests_because_there_were_too_many(play, refusals, said):
    play.ssm.refusals, play.ssm.reduced_rate = refusals, 3.12
    assert play.run().counts().get("too_fast") == said
