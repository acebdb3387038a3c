"""P7, P5: one value that SSM refuses, over many runs on two sides in memory."""

from sage100_ssm.sync.journal import Kind
from sage100_ssm.sync.model import Side
from tests.support.memory_play import Round

BAD = "a@x.example; b@x.example"


def ada(play, **more):
    """Somebody who was created in Sage and has come to SSM. Returns both rows."""
    row = play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Aubrelin", "CT_Prenom": "Ada", **more})
    play.sage100.born_here.add(row["cbMarq"])
    run(play)
    return row, card_of(play, row)


def card_of(play, row):
    """The SSM contact to which the row's link leads now."""
    return next(play.ssm.contacts[link.ssm_id] for link in play.links if link.sage100_id == row["cbMarq"])


def run(play):
    return play.happen(Round([], [], [], []))


def problems(play):
    return [(e.entry.code.value, e.entry.field) for e in play.problems]


def test_p7_in_half_a_day_a_refused_value_is_tried_a_few_times_and_nothing_else_waits(new_play):
    play = new_play()
    row, card = ada(play)
    play.ssm.refuses.add(("email", BAD))
    play.sage100.updated(row, {"CT_EMail": BAD})
    tried = 0
    for number in range(48):
        play.sage100.updated(row, {"CT_Skype": f"ada.{number}"})
        before = play.problems[0].tries if play.problems else 0
        run(play)
        tried += play.problems[0].tries > before
        assert card["skype"] == f"ada.{number}"
    assert (tried, problems(play), card.get("email")) == (6, [("value_refused", "email")], None)
    play.sage100.updated(row, {"CT_EMail": "ada@x.example"})
    run(play)
    assert (card["email"], problems(play)) == ("ada@x.example", [])


def test_p7_a_value_that_ssm_comes_to_take_goes_over_by_itself(new_play):
    play = new_play()
    row, card = ada(play)
    play.ssm.refuses.add(("email", BAD))
    play.sage100.updated(row, {"CT_EMail": BAD})
    run(play)
    play.ssm.refuses.clear()
    run(play)
    assert (card["email"], problems(play)) == (BAD, [])


def test_p5_a_value_that_a_restored_contact_comes_back_without_is_not_deleted_in_sage(new_play):
    play = new_play()
    row, card = ada(play, CT_EMail="ada@x.example", CT_Skype="ada")
    play.ssm.refuses |= {("email", "ada@x.example"), ("comment", "gone")}
    card["comment"] = "gone"
    play.ssm.touch(card, deleted=True)
    for _ in range(3):
        run(play)
    again = card_of(play, row)
    assert (again["id"] != card["id"], again.get("email"), again["skype"]) == (True, None, "ada")
    assert (row["CT_EMail"], problems(play)) == ("ada@x.example", [("value_refused", "email")])
    notices = [e.entry for e in play.journal if e.kind is Kind.NOTICE and e.entry.code.value == "restored_in_part"]
    assert [{*notice.facts.left_out} for notice in notices] == [{"email", "comment"}]
    assert notices[0].subject.ssm_id == again["id"]


def test_p7_the_rest_of_a_write_leaves_its_base_although_a_value_of_it_was_refused(new_play):
    play = new_play()
    row, card = ada(play)
    play.ssm.refuses.add(("email", BAD))
    play.sage100.updated(row, {"CT_EMail": BAD, "CT_Skype": "ada"})
    run(play)
    (link,) = [link for link in play.links if link.sage100_id == row["cbMarq"]]
    assert (link.base["skype"].of(Side.SSM), link.base["email"].of(Side.SAGE100)) == ("ada", None)
    play.ssm.touch(card, skype="typed")
    run(play)
    assert row["CT_Skype"] == "typed"
