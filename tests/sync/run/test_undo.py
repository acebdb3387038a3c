"""P16: a value asked back after a write is typed where the new one was typed, and carried over by the next run."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.journal import Code, Kind
from sage100_ssm.sync.model import Change, Occasion, Side
from sage100_ssm.sync.policy import ConflictPolicy
from tests.support.memory_play import Answers, Play, Round
from tests.support.memory_sides import Fate
from tests.support.memory_state import MemoryStore

SAGE, SSM = Side.SAGE100, Side.SSM
SIDES = pytest.mark.parametrize("side", list(Side))
"""The side on which the value was edited, and on which the old one is typed again."""


class Person:
    """Somebody on both sides, whose e-mail was edited on one and written on the other."""

    def __init__(self, side, conflict=ConflictPolicy.SAGE100):
        self.play = Play(MemoryStore(), Answers(conflict))
        self.side = side
        values = {"CT_Num": "ALPHA", "CT_Nom": "Aubrelin", "CT_Prenom": "Ada", "CT_EMail": "old@x.example"}
        self.row = self.play.sage100.insert(values)
        self.play.sage100.born_here.add(self.row["cbMarq"])
        self.play.run()
        self.card = self.play.ssm.contacts[self.play.links[-1].ssm_id]
        self.edit(side, "new@x.example")
        self.play.run()

    def edit(self, side, text):
        if side is SAGE:
            self.play.sage100.updated(self.row, {"CT_EMail": text})
        else:
            self.play.ssm.touch(self.card, email=text)

    def edit_phone(self, text):
        if self.side is SAGE:
            self.play.sage100.updated(self.row, {"CT_Telephone": text})
        else:
            self.play.ssm.touch(self.card, phone1=text)

    def edit_both(self, email, phone):
        self.edit(self.side, email)
        self.edit_phone(phone)

    @property
    def emails(self):
        return self.row["CT_EMail"], self.card["email"]

    @property
    def records(self):
        with self.play.store.transaction() as transaction:
            return transaction.writes.all()[::-1]

    @property
    def asked(self):
        with self.play.store.transaction() as transaction:
            return transaction.writes.undos()

    def ask(self, fields=("email",)):
        with self.play.store.transaction() as transaction:
            transaction.writes.ask_undo(self.records[-1].id, fields)

    def run(self, fate=Fate.DONE):
        fates = {"sage100_fates": [fate]} if self.side is SAGE else {"ssm_fates": [fate]}
        self.play.happen(Round([], [], **fates))


@SIDES
@pytest.mark.parametrize("conflict", list(ConflictPolicy))
def test_p16_the_old_value_is_typed_where_the_new_one_was_and_then_carried_over(side, conflict):
    person = Person(side, conflict)
    person.ask()
    person.run()
    assert person.emails == (("old@x.example", "new@x.example") if side is SAGE else ("new@x.example", "old@x.example"))
    assert person.records[-1].changes == {"email": Change("new@x.example", "old@x.example", Occasion.UNDO)}
    assert (person.records[-1].side, person.asked) == (side, {})
    person.run()
    assert person.emails == ("old@x.example", "old@x.example")
    person.play.come_to_rest()
    assert [e for e in person.play.journal if e.kind is Kind.PROBLEM] == []


@SIDES
@pytest.mark.parametrize("edited", list(Side))
def test_p11_not_if_either_side_has_edited_the_field_since_and_never_later(side, edited):
    person = Person(side)
    person.ask()
    person.edit(edited, "third@x.example")
    person.run()
    person.play.come_to_rest()
    assert (person.emails, person.asked) == (("third@x.example",) * 2, {})
    [notice] = [e.entry for e in person.play.journal if e.entry.code is Code.UNDO_OVERTAKEN]
    assert (notice.field, notice.facts.old, notice.subject.contact) == ("email", "old@x.example", "Ada Aubrelin")
    person.edit(edited, "new@x.example")
    person.play.come_to_rest()
    assert person.emails == ("new@x.example",) * 2


@SIDES
@pytest.mark.parametrize("fate", [Fate.DONE, Fate.REFUSED])
def test_p11_of_what_is_typed_in_part_the_rest_has_a_notice_once_the_part_is_done(side, fate):
    person = Person(side)
    person.edit_phone("0199001001")
    person.run()
    person.edit_both("newer@x.example", "0199001002")
    person.run()
    person.ask(["email", "phone"])
    person.edit_phone("0199001003")
    person.run(fate)
    person.play.come_to_rest()
    notices = [e.entry for e in person.play.journal if e.entry.code is Code.UNDO_OVERTAKEN]
    done = [("phone", "0199001001")]
    assert [(notice.field, notice.facts.old) for notice in notices] == (done if fate is Fate.DONE else [])
    assert person.emails == (("new@x.example" if fate is Fate.DONE else "newer@x.example"),) * 2
    assert (person.row["CT_Telephone"], person.asked) == ("0199001003", {})


@SIDES
def test_p13_what_is_asked_back_waits_while_the_link_sleeps(side):
    person = Person(side)
    person.ask()
    person.play.sage100.companies["ALPHA"] = 1
    person.run()
    assert len(person.asked) == 1
    person.play.sage100.companies["ALPHA"] = 0
    person.play.come_to_rest()
    assert (person.emails, person.asked) == (("old@x.example",) * 2, {})


@SIDES
@pytest.mark.parametrize("fate", list(Fate))
def test_p16_whatever_becomes_of_the_write_it_is_done_once_or_not_at_all(side, fate):
    person = Person(side)
    person.ask()
    person.run(fate)
    person.play.come_to_rest()
    one, two = person.emails
    assert one == two
    # What a user types just before the read-back, or what is refused, has the last word.
    if fate not in (Fate.EDITED, Fate.REFUSED):
        assert one == "old@x.example"
    assert person.asked == {}
    person.edit(side, "new@x.example")
    person.play.come_to_rest()
    assert person.emails == ("new@x.example",) * 2


@SIDES
def test_p1_both_names_are_asked_back_together(side):
    person = Person(side)
    if side is SAGE:
        person.play.sage100.updated(person.row, {"CT_Nom": "Vial", "CT_Prenom": "Zoé"})
    else:
        person.play.ssm.touch(person.card, lastName="Vial", firstName="Zoé")
    person.play.is_confirmed = True
    person.run()
    person.ask(["last_name", "first_name"])
    for _ in range(3):
        person.play.is_confirmed = True
        person.run()
    names = {(person.row["CT_Nom"], person.row["CT_Prenom"]), (person.card["lastName"], person.card["firstName"])}
    assert names == {("Aubrelin", "Ada")}


@SIDES
def test_p7_a_value_that_the_side_cannot_take_again_is_not_typed(side, monkeypatch):
    person = Person(side)
    person.ask()
    if side is SAGE:
        person.play.sage100.deaf_to = {"CT_EMail"}
    else:
        person.play.ssm.refuses.add(("email", "old@x.example"))
    person.run()
    person.play.come_to_rest()
    assert (person.emails, person.asked) == (("new@x.example",) * 2, {})


def test_p7_a_value_that_the_side_cannot_hold_is_not_typed():
    person = Person(SAGE)
    with person.play.store.transaction() as transaction:
        changes = {"email": Change("Ω@x.example", "new@x.example")}
        transaction.writes.save(replace(person.records[-1], changes=changes))
    person.ask()
    person.run()
    assert (person.emails, person.asked) == (("new@x.example",) * 2, {})
