"""One state perturbed on both sides, writes that fail in any way, a run killed anywhere: then quiet.

Whatever came before, at most three quiet runs bring both sides to rest, and nothing that a user typed is lost.

The state is in memory; ``test_small_world`` plays scripts on it and on a database, and they end alike. Hypothesis plays
the users and the weather, by default the same hundred plays each time. With ``make explore`` it plays others, for as
many minutes as asked; a failure prints what to put above the test to see it again.
"""

import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sage100_ssm.sync.policy import ConflictPolicy, RefusedDeletion
from tests.support.invariants import check_end, check_ext_ids, check_origins
from tests.support.memory_play import Answers, Play, Round
from tests.support.memory_sides import Fate
from tests.support.memory_state import MemoryStore
from tests.support.small_world import taking_turns

settings.register_profile("default", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", max_examples=200, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def untouched(play: Play) -> tuple[Any, Any]:
    """What is not in the field map, of the contacts that users created."""
    return (
        {id_: row["N_Service"] for id_, row in play.sage100.contacts.items() if id_ in play.sage100.born_here},
        {id_: row["comment"] for id_, row in play.ssm.contacts.items() if id_ in play.ssm.born_here},
    )


def without_renaming(turn: Round) -> Round:
    """The round as it is played while a create is unconfirmed.

    By its ``CT_No`` alone a contact is not known again (P14): who is renamed, cleared and moved before the next run
    has nothing left that shows that we created it.
    """
    sage100, ssm = ([deed for deed in deeds if deed[0] != "rename"] for deeds in (turn.sage100, turn.ssm))
    return replace(turn, sage100=sage100, ssm=ssm)


KINDS = ("create", "edit", "clear", "choose", "rename", "move", "delete", "recreate", "company")
deeds = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5), st.integers(0, 20)), max_size=4)
creations = st.lists(st.tuples(st.just("create"), st.just(0), st.integers(0, 11)), max_size=4)
fates = st.lists(st.sampled_from(Fate), max_size=4)
cuts = st.none() | st.none() | st.integers(1, 3)
rounds = st.builds(Round, deeds, deeds, fates, fates, cuts, cuts)
first_rounds = st.builds(Round, creations, creations, fates, fates)
answers = st.builds(
    Answers,
    st.sampled_from(ConflictPolicy),
    st.sampled_from(RefusedDeletion),
    st.sampled_from((None, "-")),
    st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    answers=answers,
    first=first_rounds,
    then=st.lists(rounds, min_size=1, max_size=3),
    read_at_once=st.sampled_from((1000, 2)),
)
def test_whatever_happens_both_sides_come_to_rest_and_nothing_typed_is_lost(answers, first, then, read_at_once):
    # One side after the other: a run that is frozen is so as a whole, and a play goes alike each time.
    with taking_turns():
        play = Play(MemoryStore(), answers)
        play.ssm.read_at_once = read_at_once
        for turn in (first, *then):
            play.happen(without_renaming(turn) if play.unconfirmed else turn)
            check_origins(play)
        before = untouched(play)
        play.come_to_rest()
        check_end(play)
        check_origins(play)
        check_ext_ids(play)
        after = untouched(play)
        assert all(before[n][id_] == value for n in (0, 1) for id_, value in after[n].items())
