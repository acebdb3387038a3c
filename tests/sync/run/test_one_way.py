"""P18: nothing is written into Sage, by the setting or because the login may only read; all the rest goes on."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import Code, Kind
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.one_way import OneWay, Reason
from sage100_ssm.sync.policy import SiteDirection
from tests.support.memory_play import Answers, Play
from tests.support.memory_state import MemoryStore


def close_sage(play, reason):
    if reason is Reason.SETTING:
        play.site = replace(play.site, policy=replace(play.site.policy, direction=SiteDirection.TO_SSM))
    else:
        play.sage100.is_read_only = True


def open_sage(play):
    play.site = replace(play.site, policy=replace(play.site.policy, direction=SiteDirection.BOTH))
    play.sage100.is_read_only = False


@pytest.fixture(params=list(Reason))
def play(request):
    """Ada is linked, then both ways become one."""
    play = Play(MemoryStore(), Answers())
    play.ada = play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Aubrelin", "CT_Prenom": "Ada"})
    play.run()
    play.ada_there = next(card for card in play.ssm.living().values() if card["lastName"] == "Aubrelin")
    play.account = play.ada_there["accountId"]
    play.reason = request.param
    close_sage(play, request.param)
    return play


def create_in_ssm(play, **values):
    row = play.ssm.insert({"accountId": play.account, "lastName": "Petit", "firstName": "Zoé", **values})
    play.ssm.born_here.add(row["id"])
    return row


def rows(play):
    return [dict(row) for row in play.sage100.contacts.values()]


def test_p18_what_happens_in_sage_reaches_ssm(play):
    play.sage100.updated(play.ada, {"CT_EMail": "ada@x.example"})
    eva = play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Vial", "CT_Prenom": "Eva"})
    play.run()
    assert play.ada_there["email"] == "ada@x.example"
    assert "Vial" in {card["lastName"] for card in play.ssm.living().values()}

    play.sage100.removed(eva)
    play.run()
    assert "Vial" not in {card["lastName"] for card in play.ssm.living().values()}


def test_p18_what_happens_in_ssm_stays_there_and_is_counted_once(play):
    create_in_ssm(play)
    play.ssm.touch(play.ada_there, email="typed.in@ssm.example")
    before = rows(play)

    for _ in range(3):
        report = play.run()
        assert (report.exit_code, report.one_way) == (Exit.DONE, OneWay(play.reason, left=2))

    assert rows(play) == before
    assert play.ada_there["email"] == "typed.in@ssm.example"
    assert play.sage100.asked == []


def test_p18_no_contact_is_a_problem_and_a_login_that_may_only_read_is_one(play):
    create_in_ssm(play, email="x" * 80 + "@x.example")
    create_in_ssm(play, lastName="日本", firstName="Jin")
    create_in_ssm(play, firstName="Eva", lastName="Anker", skype="a namesake")
    gamma = play.ssm.open_account("GAMMA")
    create_in_ssm(play, accountId=gamma)
    play.run()
    play.run()

    expected = [Code.SAGE100_READ_ONLY] if play.reason is Reason.READ_ONLY else []
    assert [problem.entry.code for problem in play.problems] == expected


def test_p18_a_contact_of_origin_sage_that_is_deleted_in_ssm_is_restored_there(play):
    play.ssm.removed(play.ada_there)
    play.run()
    assert [card["lastName"] for card in play.ssm.living().values()].count("Aubrelin") == 1


def test_p18_the_same_field_edited_in_sage_as_well_is_a_conflict_that_sage_wins(play):
    play.ssm.touch(play.ada_there, email="ssm@x.example")
    play.run()
    play.sage100.updated(play.ada, {"CT_EMail": "sage@x.example"})
    play.run()

    assert play.ada_there["email"] == "sage@x.example"
    assert [e.entry.ssm_value for e in play.journal if e.kind is Kind.NOTICE] == ["ssm@x.example"]


def test_p18_somebody_who_is_typed_in_sage_as_well_is_matched(play):
    card = create_in_ssm(play)
    play.run()
    row = play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Petit", "CT_Prenom": "Zoé"})
    play.run()

    assert (row["cbMarq"], card["id"]) in {(link.sage100_id, link.ssm_id) for link in play.links}
    assert [c["lastName"] for c in play.ssm.living().values()].count("Petit") == 1


def test_p18_once_both_ways_are_open_what_stayed_in_ssm_is_carried_over(play):
    create_in_ssm(play)
    play.ssm.touch(play.ada_there, email="typed.in@ssm.example")
    play.run()
    open_sage(play)
    report = play.run()

    assert (report.one_way, report.sage100.created, report.sage100.updated) == (None, 1, 1)
    assert play.ada["CT_EMail"] == "typed.in@ssm.example"
    assert play.problems == []


def test_p18_a_contact_of_origin_ssm_that_is_deleted_there_lives_in_sage_until_both_ways_are_open(play):
    open_sage(play)
    card = create_in_ssm(play)
    play.run()
    close_sage(play, play.reason)
    play.ssm.removed(card)
    for _ in range(2):
        assert play.run().one_way == OneWay(play.reason, left=1)
    assert "Petit" in {row["CT_Nom"] for row in play.sage100.living().values()}

    open_sage(play)
    play.run()
    assert "Petit" not in {row["CT_Nom"] for row in play.sage100.living().values()}


def test_p18_edits_that_pile_up_in_ssm_trip_no_guard(play):
    for number in range(25):
        play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": f"Nom{number:02}", "CT_Prenom": "Léa"})
    play.run()
    for card in play.ssm.living().values():
        play.ssm.touch(card, skype="pile", lastName=card["lastName"] + "x", firstName="Zoé")
    report = play.run()

    assert (report.guards, report.one_way.left) == ((), 27)
    play.sage100.updated(play.ada, {"CT_Fonction": "acheteur"})
    assert play.run().ssm.updated == 1


def test_p18_a_setting_of_one_way_asks_nothing_of_the_login(play):
    close_sage(play, Reason.SETTING)
    play.sage100.is_read_only = True

    assert play.run().one_way.reason is Reason.SETTING
    assert play.problems == []
    assert Side.SAGE100 not in play.run().failures
