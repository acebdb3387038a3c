"""The record of each write: one for each that a side carried out, whatever became of its receipt."""

from collections import Counter
from dataclasses import replace

import pytest

from sage100_ssm.exchange.receipt import Action, Outcome
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Change, Occasion, Side
from sage100_ssm.sync.policy import ConflictPolicy
from sage100_ssm.sync.state.records import WriteAction
from tests.support.memory_play import Answers, Play, Round
from tests.support.memory_sides import Fate, MemorySide
from tests.support.memory_state import MemoryStore

SAGE, SSM = Side.SAGE100, Side.SSM
ACTIONS = {WriteAction.RESTORE: Action.CREATE} | {WriteAction(action.value): action for action in Action}


@pytest.fixture
def carried_out(monkeypatch):
    """Every write that a side carried out: the side, the action and the row's id."""
    done = []
    original = MemorySide.carried_out

    def watched(self, request, action):
        receipt = original(self, request, action)
        if receipt.outcome is Outcome.APPLIED and receipt.wrote:
            side = SAGE if self.id_field == "cbMarq" else SSM
            done.append((side, action, receipt.id))
        return receipt

    monkeypatch.setattr(MemorySide, "carried_out", watched)
    return done


@pytest.fixture
def play(carried_out):
    return Play(MemoryStore(), Answers())


def records(play):
    with play.store.transaction() as transaction:
        return transaction.writes.all()[::-1]


def recorded(play):
    """The confirmed records, as ``carried_out`` has them."""
    return [(r.side, ACTIONS[r.action], own_id(r)) for r in records(play) if r.is_confirmed]


def own_id(record):
    return record.subject.sage100_id if record.side is SAGE else record.subject.ssm_id


def person(play, side, **more):
    """Somebody whom a user created on one side. Returns the row."""
    if side is SAGE:
        row = play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Aubrelin", "CT_Prenom": "Ada", **more})
        play.sage100.born_here.add(row["cbMarq"])
        return row
    account = next(a["id"] for a in play.ssm.accounts.values() if a["extId"] == "ALPHA")
    row = play.ssm.insert({"accountId": account, "lastName": "Aubrelin", "firstName": "Ada", **more})
    play.ssm.born_here.add(row["id"])
    return row


def run(play, *, sage100=(), ssm=()):
    return play.happen(Round([], [], list(sage100), list(ssm)))


def opposite(play, side, row):
    link = play.links[-1]
    return play.ssm.contacts[link.ssm_id] if side is SAGE else play.sage100.contacts[link.sage100_id]


def edit(play, side, row, text):
    play.sage100.updated(row, {"CT_EMail": text}) if side is SAGE else play.ssm.touch(row, email=text)


# --- what a record says


def test_r3_a_creation_is_recorded_with_all_that_was_filled(play):
    row = person(play, SAGE, CT_EMail="ada@x.example")
    play.run()
    (record,) = records(play)[1:]
    card = opposite(play, SAGE, row)
    assert (record.side, record.action, record.is_confirmed) == (SSM, WriteAction.CREATE, True)
    assert record.subject == Subject("ALPHA", row["cbMarq"], card["id"], "Ada Aubrelin")
    assert record.changes["email"] == Change(None, "ada@x.example", Occasion.NEW)


def test_r5_an_edit_is_recorded_field_by_field_before_and_after(play):
    row = person(play, SSM, email="old@x.example")
    play.run()
    play.ssm.touch(row, email="new@x.example", skype="ada")
    play.run()
    record = records(play)[-1]
    assert (record.side, record.action) == (SAGE, WriteAction.UPDATE)
    assert record.changes == {
        "email": Change("old@x.example", "new@x.example"),
        "skype": Change(None, "ada"),
    }


def test_r7_a_deletion_is_recorded_with_what_was_lost(play):
    row = person(play, SSM, email="ada@x.example")
    play.run()
    play.ssm.removed(row)
    play.run()
    record = records(play)[-1]
    assert (record.side, record.action) == (SAGE, WriteAction.DELETE)
    assert record.changes["email"] == Change("ada@x.example", None, Occasion.DELETED)
    assert record.changes["last_name"].before == "Aubrelin"


def test_r8_a_restored_contact_is_recorded_with_its_new_id(play):
    row = person(play, SAGE)
    play.run()
    play.ssm.removed(opposite(play, SAGE, row))
    play.run()
    record = records(play)[-1]
    assert (record.action, record.subject.ssm_id) == (WriteAction.RESTORE, play.links[-1].ssm_id)
    assert {change.occasion for change in record.changes.values()} == {Occasion.RESTORED}


def test_r6_a_company_that_is_put_back_is_recorded_as_such(play):
    row = person(play, SAGE)
    play.run()
    beta = next(a["id"] for a in play.ssm.accounts.values() if a["extId"] == "BETA")
    play.ssm.touch(opposite(play, SAGE, row), accountId=beta)
    play.run()
    assert records(play)[-1].changes == {"company": Change("BETA", "ALPHA", Occasion.PUT_BACK)}


def test_p1_a_conflict_that_the_setting_decided_is_recorded_as_such(play):
    row = person(play, SAGE, CT_EMail="old@x.example")
    play.run()
    edit(play, SAGE, row, "sage@x.example")
    edit(play, SSM, opposite(play, SAGE, row), "ssm@x.example")
    play.run()
    assert records(play)[-1].changes == {"email": Change("ssm@x.example", "sage@x.example", Occasion.CONFLICT)}


def test_p8_a_field_that_the_side_ignores_is_recorded_as_it_reads_back(play):
    row = person(play, SSM, email="old@x.example")
    play.run()
    play.sage100.deaf_to = {"CT_EMail"}
    play.ssm.touch(row, email="new@x.example")
    play.run()
    assert records(play)[-1].changes == {"email": Change("old@x.example", "old@x.example")}


def test_p7_a_value_that_was_refused_is_not_recorded(play):
    row = person(play, SAGE)
    play.run()
    play.ssm.refuses.add(("email", "odd@x.example"))
    play.sage100.updated(row, {"CT_EMail": "odd@x.example", "CT_Skype": "ada"})
    play.run()
    assert records(play)[-1].changes == {"skype": Change(None, "ada")}


# --- whatever becomes of a write


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize("side", list(Side))
def test_a_creation_of_any_fate_has_a_record_for_each_time_that_it_was_carried_out(play, carried_out, side, fate):
    person(play, side)
    run(play, sage100=[fate], ssm=[fate])
    play.come_to_rest()
    if (side, fate) == (SAGE, Fate.LATE):
        carried_out.append((SSM, Action.CREATE, play.links[-1].ssm_id))
    assert Counter(recorded(play)) == Counter(carried_out)
    assert all(record.is_confirmed for record in records(play))


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize("ext_id_once", [False, True], ids=["with its mark", "without"])
def test_so_has_a_contact_that_is_restored(play, carried_out, ext_id_once, fate):
    play.site = replace(play.site, ext_id_once=ext_id_once)
    row = person(play, SAGE)
    play.run()
    play.ssm.removed(opposite(play, SAGE, row))
    run(play, ssm=[fate])
    play.clock.advance(hours=3)
    for _ in range(4):
        play.run()
        play.clock.advance(hours=25)
    if fate is Fate.LATE:
        carried_out.append((SSM, Action.CREATE, play.links[-1].ssm_id))
    assert Counter(recorded(play)) == Counter(carried_out)
    assert all(record.is_confirmed for record in records(play))


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize("side", list(Side))
def test_so_has_an_update(play, carried_out, side, fate):
    row = person(play, side, **{"CT_EMail" if side is SAGE else "email": "first@x.example"})
    play.run()
    edit(play, side, row, "second@x.example")
    run(play, sage100=[fate], ssm=[fate])
    play.come_to_rest()
    assert Counter(recorded(play)) == Counter(carried_out)
    assert all(record.is_confirmed for record in records(play))


@pytest.mark.parametrize("fate", list(Fate))
@pytest.mark.parametrize("side", list(Side))
def test_so_has_a_deletion(play, carried_out, side, fate):
    row = person(play, side)
    play.run()
    (play.sage100 if side is SAGE else play.ssm).removed(row)
    run(play, sage100=[fate], ssm=[fate])
    play.come_to_rest()
    assert Counter(recorded(play)) == Counter(carried_out)
    assert all(record.is_confirmed for record in records(play))


@pytest.mark.parametrize("fate", [Fate.LOST_AFTER, Fate.KILLED_AFTER, Fate.LOST_BEFORE, Fate.KILLED_BEFORE])
@pytest.mark.parametrize("conflict", list(ConflictPolicy))
def test_p1_a_lost_update_is_settled_by_what_its_side_shows(carried_out, conflict, fate):
    play = Play(MemoryStore(), Answers(conflict))
    row = person(play, SAGE, CT_EMail="first@x.example")
    play.run()
    for text in ("second@x.example", "third@x.example"):
        edit(play, SAGE, row, text)
        run(play, ssm=[fate] if text.startswith("second") else [])
    play.come_to_rest()
    assert Counter(recorded(play)) == Counter(carried_out)
    values = [r.changes["email"].after for r in records(play) if "email" in r.changes]
    was_written = fate in (Fate.LOST_AFTER, Fate.KILLED_AFTER)
    assert values == ["first@x.example", *(["second@x.example"] if was_written else []), "third@x.example"]


@pytest.mark.parametrize("side", list(Side))
def test_the_records_of_a_side_one_upon_the_other_are_what_it_holds(play, side):
    row = person(play, side)
    play.run()
    for number in range(6):
        fates = [Fate.DONE, Fate.LOST_AFTER, Fate.KILLED_AFTER, Fate.LOST_BEFORE, Fate.REFUSED, Fate.LOCKED]
        if side is SAGE:
            edits = {"CT_EMail": f"t{number}@x.example", "CT_Skype": "" if number % 2 else f"s{number}"}
            play.sage100.updated(row, edits)
        else:
            play.ssm.touch(row, email=f"t{number}@x.example", phone2=None if number % 2 else f"060000000{number}")
        run(play, sage100=[fates[number]], ssm=[fates[number]])
    play.come_to_rest()
    card = opposite(play, side, row)
    held = {}
    for record in records(play):
        if record.side is not side and own_id(record) in (card.get("cbMarq"), card.get("id")):
            held |= {name: change.after for name, change in record.changes.items()}
    contact = play.mapper().read(side.other, card if side is SSM else play.ssm.shown(card))
    shown = {f.name: play.mapper().shown(f, side.other, contact.values.get(f.name)) for f in play.mapper().fields}
    # What Sage holds without ever having been written is its zero for "M.".
    filled = {name: value for name, value in shown.items() if value is not None and name != "civility"}
    assert {name: held[name] for name in filled} == filled
    assert {name for name, value in held.items() if value is None} <= shown.keys() - filled.keys()
