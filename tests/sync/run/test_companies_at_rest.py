"""What a run looks at: the companies of which something has changed since a run had nothing to do about them.

That the plan for them is the plan for everybody is asked in every run of every play (``part_and_whole``).
"""

from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import pytest

from sage100_ssm.sync.policy import DeletionLimit
from sage100_ssm.sync.run import course, rounds
from sage100_ssm.sync.run.context import Context, RunOptions
from tests.support.memory_play import Answers, Play
from tests.support.memory_sides import Weather
from tests.support.memory_state import LIVE, MemoryStore


@pytest.fixture
def play():
    """Three people in two companies, at rest."""
    play = Play(MemoryStore(), Answers())
    for code, last in (("ALPHA", "Durand"), ("BETA", "Dupré")):
        row = play.sage100.insert({"CT_Num": code, "CT_Nom": last, "CT_Prenom": "Ada"})
        play.sage100.born_here.add(row["cbMarq"])
    for _ in range(3):
        play.run()
    return play


@contextmanager
def looking():
    """What the runs in this block look at: the names of contacts per run."""
    seen = []

    def decide(*given):
        decided = run_decide(*given)
        seen.append({contact.full_name for contact in (*decided.world.sage100.values(), *decided.world.ssm.values())})
        return decided

    run_decide = rounds.decide
    with mock.patch.object(rounds, "decide", decide):
        yield seen


ALPHA, BETA = {"Ada Durand", "Eva Anker"}, {"Ada Dupré"}


def test_a_quiet_run_looks_at_nobody(play):
    with looking() as seen:
        play.run()
        play.run(minutes=25 * 60)  # SSM is read whole
    assert seen == [set(), set()]


def test_contact_types_in_another_order_are_the_same(play):
    play.ssm.types.reverse()
    with looking() as seen:
        play.run(minutes=25 * 60)
        play.run()
    assert seen == [set(), set()]


def test_an_edit_on_either_side_has_its_company_looked_at_until_it_is_at_rest(play):
    (dupre,) = (row for row in play.sage100.contacts.values() if row["CT_Nom"] == "Dupré")
    (durand,) = (row for row in play.ssm.contacts.values() if row["lastName"] == "Durand")
    with looking() as seen:
        play.sage100.updated(dupre, {"CT_EMail": "a@x.example"})
        play.run()
        play.ssm.updated(durand, {"email": "b@x.example"})
        for _ in range(3):
            play.run()
    assert seen == [BETA, ALPHA | BETA, ALPHA, set()]
    assert {row["CT_EMail"] for row in play.sage100.contacts.values()} == {"", "a@x.example", "b@x.example"}


def test_p13_a_company_that_is_no_client_any_more_is_looked_at(play):
    play.sage100.companies["BETA"] = 1
    with looking() as seen:
        play.run()
        play.run()
    assert seen == [BETA, BETA]  # its links sleep, which each run reports


def test_r9_a_row_that_is_gone_from_sage_has_its_company_looked_at(play):
    (dupre,) = (row for row in play.sage100.contacts.values() if row["CT_Nom"] == "Dupré")
    play.sage100.removed(dupre)
    with looking() as seen:
        play.run()
    assert seen == [BETA]
    assert [row["lastName"] for row in play.ssm.living().values()] == ["Anker", "Durand"]


def test_another_setting_has_everybody_looked_at_once(play):
    policy = replace(play.site.policy, max_deletions=DeletionLimit(floor=7))
    play.site = replace(play.site, policy=policy)
    with looking() as seen:
        play.run()
        play.run()
    assert seen == [ALPHA | BETA, set()]


def test_p10_after_a_read_that_broke_off_everybody_is_looked_at_who_was_not_read(play):
    play.sage100.weather = Weather(read_to=1)
    with looking() as seen:
        play.run()
        play.sage100.weather = Weather()
        play.run()
        play.run()
    assert seen[1:] == [ALPHA | BETA, set()]


def test_the_highest_number_leaves_everybody_to_be_looked_at(play):
    # Which numbers are free at the end of the column only all contacts show.
    play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Zed", "CT_No": 2**31 - 1})
    with looking() as seen:
        play.run()
    assert seen[0] >= ALPHA | BETA


def test_a_person_may_have_everybody_looked_at(play):
    context = Context(play.store, play.sage100, play.ssm, play.site, RunOptions(whole=True), play.clock)
    with looking() as seen:
        course.rehearse(context, lambda _, action: action())
    assert seen == [ALPHA | BETA]


def test_a_rehearsal_looks_at_what_it_has_read_and_keeps_nothing(play):
    (durand,) = (row for row in play.ssm.contacts.values() if row["lastName"] == "Durand")
    play.clock.advance(minutes=15)
    play.ssm.updated(durand, {"email": "b@x.example"})
    context = Context(play.store, play.sage100, play.ssm, play.site, RunOptions(), play.clock)
    before = dict(play.store.kept.companies)
    with looking() as seen:
        for _ in range(2):
            course.rehearse(context, lambda _, action: action())
    assert (seen, play.store.kept.companies) == ([ALPHA, ALPHA], before)


def test_p17_a_link_ends_whose_contacts_are_both_gone_though_neither_shows_a_company(play):
    # SSM shows what was deleted without its account; nothing of the two leads from the company to the link.
    (dupre,) = (row for row in play.sage100.contacts.values() if row["CT_Nom"] == "Dupré")
    (card,) = (row for row in play.ssm.contacts.values() if row["lastName"] == "Dupré")
    play.sage100.removed(dupre)
    play.ssm.touch(card, deleted=True, accountId=None)
    context = Context(play.store, play.sage100, play.ssm, play.site, RunOptions(), play.clock)
    course.rehearse(context, lambda _, action: action())
    play.run()
    assert card["id"] not in {link.ssm_id for link in play.store.kept.links.values() if link.status in LIVE}


def test_what_sage_showed_before_the_contacts_were_looked_at_vouches_for_nothing(play):
    (row,) = (row for row in play.sage100.contacts.values() if row["CT_Nom"] == "Dupré")
    before = dict(row)
    play.sage100.updated(row, {"CT_EMail": "a@x.example"})
    edited = dict(row)
    run_decide = rounds.decide

    def decide_once_it_is_as_before(*given):
        row.update(before)
        return run_decide(*given)

    with mock.patch.object(rounds, "decide", decide_once_it_is_as_before):
        play.run()
    row.update(edited)
    for _ in range(2):
        play.run()

    assert [card["email"] for card in play.ssm.contacts.values() if card["lastName"] == "Dupré"] == ["a@x.example"]
