"""A backup of the state is put back beside sides that went on: nothing is lost, nobody there twice or deleted for it.

What runs did since is not in it. What users did since, also after the last of those runs, is on the sides.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sage100_ssm.sync.journal import Kind
from sage100_ssm.sync.model import LinkStatus, Side
from tests.support.invariants import check_end
from tests.support.memory_play import Answers, Play, Round
from tests.support.memory_state import MemoryStore

SAGE, SSM = Side.SAGE100, Side.SSM
KINDS = ("create", "edit", "clear", "choose", "rename", "delete", "recreate")
deeds = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5), st.integers(0, 20)), max_size=4)
# Who is put in another one's place before the state is whole again may stay beside that one (docs/operations.md).
edits = st.lists(st.tuples(st.sampled_from(KINDS[:4]), st.integers(0, 5), st.integers(0, 20)), max_size=4)
creations = st.lists(st.tuples(st.just("create"), st.just(0), st.integers(0, 11)), min_size=1, max_size=4)
rounds = st.builds(Round, deeds, deeds)
last_rounds = st.builds(Round, edits, edits)


@pytest.fixture
def play():
    return Play(MemoryStore(), Answers())


def put_back(play, copy):
    """Put a copy back. What the journal alone has of what users typed goes with the state that it replaces."""
    play.typing.given_up(*(value for e in play.journal for value in (e.entry.sage100_value, e.entry.ssm_value)))
    play.store.kept = copy


def contact(play, **more):
    """Ada, created in Sage and linked. Returns her row and her card."""
    row = play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Aubrelin", "CT_Prenom": "Ada", **more})
    play.sage100.born_here.add(row["cbMarq"])
    play.run()
    return row, next(card for card in play.ssm.living().values() if card["lastName"] == "Aubrelin")


def end(play):
    """Let both sides come to rest. Returns how many people live on each beside Eva Anker, and what the journal says."""
    play.come_to_rest()
    check_end(play)
    people = len(play.sage100.living()) - 1, len(play.ssm.living()) - 1
    return people, sorted(e.entry.code for e in play.journal if e.kind is Kind.NOTICE or e.closed_at is None)


def test_whom_a_run_created_since_is_linked_again(play):
    copy = play.store.kept.copy()
    contact(play)
    put_back(play, copy)

    assert end(play) == ((1, 1), [])
    assert [link.status for link in play.links] == [LinkStatus.ACTIVE] * 2


@pytest.mark.parametrize("side", list(Side))
def test_what_was_carried_over_since_is_no_conflict(play, side):
    row, card = contact(play, CT_EMail="first@x.example")
    copy = play.store.kept.copy()
    if side is SAGE:
        play.sage100.updated(row, {"CT_EMail": "second@x.example"})
    else:
        play.ssm.touch(card, email="second@x.example")
    play.run()
    put_back(play, copy)

    assert end(play) == ((1, 1), [])
    assert (row["CT_EMail"], card["email"]) == ("second@x.example", "second@x.example")


def test_p1_what_was_edited_again_before_the_next_run_is_a_conflict_and_both_values_are_kept(play):
    row, card = contact(play, CT_EMail="first@x.example")
    copy = play.store.kept.copy()
    play.sage100.updated(row, {"CT_EMail": "second@x.example"})
    play.run()
    play.ssm.touch(card, email="third@x.example")
    put_back(play, copy)

    assert end(play) == ((1, 1), ["conflict_settled"])
    assert (row["CT_EMail"], card["email"]) == ("second@x.example", "second@x.example")
    assert [e.entry.ssm_value for e in play.journal] == ["third@x.example"]


@pytest.mark.parametrize("side", list(Side))
def test_who_was_deleted_since_stays_deleted(play, side):
    row, card = contact(play)
    if side is SSM:
        card = play.ssm.insert({"accountId": card["accountId"], "lastName": "Petit", "firstName": "Zoé"})
        play.ssm.born_here.add(card["id"])
        play.run()
    copy = play.store.kept.copy()
    if side is SAGE:
        play.sage100.removed(row)
    else:
        play.ssm.removed(card)
    play.run()
    put_back(play, copy)

    assert end(play)[0] == ((0, 0) if side is SAGE else (1, 1))


def test_r8_who_was_restored_since_is_not_restored_a_second_time(play):
    _, card = contact(play)
    copy = play.store.kept.copy()
    play.ssm.removed(card)
    play.run()
    put_back(play, copy)

    assert end(play)[0] == (1, 1)


def test_p14_who_was_typed_again_since_lives_once_on_each_side(play):
    row, _ = contact(play)
    copy = play.store.kept.copy()
    play.sage100.removed(row)
    play.run()
    contact(play)
    put_back(play, copy)

    assert end(play)[0] == (1, 1)


def test_who_was_created_in_ssm_since_and_deleted_there_before_the_next_run_comes_back(play):
    copy = play.store.kept.copy()
    account = next(iter(play.ssm.accounts))
    card = play.ssm.insert({"accountId": account, "lastName": "Petit", "firstName": "Zoé"})
    play.ssm.born_here.add(card["id"])
    play.run()
    play.ssm.removed(card)
    put_back(play, copy)

    assert end(play)[0] == (1, 1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(first=st.builds(Round, creations, creations), since=st.lists(rounds, min_size=1, max_size=3), last=last_rounds)
def test_whatever_happened_since_nothing_is_lost_or_doubled_or_deleted_by_nobody(first, since, last):
    play = Play(MemoryStore(), Answers())
    play.happen(first)
    copy = play.store.kept.copy()
    for turn in since:
        play.happen(turn)
    put_back(play, copy)
    play.happen(last)  # each plan's deletions are those of a person (Play)
    play.come_to_rest()
    check_end(play)
