"""One state perturbed on both sides, writes that fail in any way, a run killed anywhere: then quiet.

Whatever came before, at most three quiet runs bring both sides to rest, and nothing that a user typed is lost.

Hypothesis plays the users and the weather, by default the same hundred plays each time. ``HYPOTHESIS_PROFILE=explore``
plays others, and for long; a failure prints what to put above the test to see it again.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contact_sync.contact import ExtId
from contact_sync.fields import COMPANY, FIRST_NAME, LAST_NAME, ConflictPolicy
from contact_sync.model import Code, LinkStatus, Side
from contact_sync.policy import RefusedDeletion
from contact_sync.writes import EXT_ID
from tests.contact_sync import worlds
from tests.contact_sync.memory_play import Answers, Play, Round
from tests.contact_sync.memory_sides import Fate

settings.register_profile("default", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# --- what must hold in the end


def unequal(play: Play) -> Iterator[str]:
    """The fields in which linked contacts differ without a problem that says why."""
    mapper = play.mapper()
    for link in play.links:
        here, there = play.sage100.contacts.get(link.sage100_id), play.ssm.contacts.get(link.ssm_id)
        if link.status is LinkStatus.ASLEEP:
            continue
        assert here, f"{link} has no Sage contact"
        assert there, f"{link} has no SSM contact"
        one, two = mapper.sage100(here), mapper.ssm(play.ssm.shown(there))
        told = problems_of(play, link.sage100_id, link.ssm_id, one.company)
        if there["deleted"] and COMPANY in told:
            continue  # it is restored once its company is in SSM (P5, P6)
        for each in mapper.fields:
            pair = one.values[each.name], two.values[each.name]
            if not mapper.equal(each, *pair) and not told & {None, each.name}:
                # A null gender says nothing (RULES.md, "Fields").
                if each.name == "civility" and pair[1] is None:
                    continue
                yield f"{each.name} of {link.contact}: {pair}"


def problems_of(play: Play, sage100_id: int | None, ssm_id: int | None, company: str | None = None) -> set[str | None]:
    """The fields that open problems of a contact are about; None for the whole contact."""
    told: set[str | None] = set()
    for problem in play.problems:
        about = problem.entry.subject
        same = {about.sage100_id, about.ssm_id} & {sage100_id, ssm_id} - {None}
        waiting = about.sage100_id is None and about.ssm_id is None and about.company and about.company == company
        if same:
            told.add(problem.entry.field)
        if waiting:
            told.add(COMPANY if sage100_id and ssm_id else None)
        if same and problem.entry.code is Code.DUPLICATE_IN_SAGE:
            told |= {LAST_NAME, FIRST_NAME}
    return told


def left_out(play: Play) -> Iterator[str]:
    """The living contacts that have neither a link nor a problem that says why."""
    linked = {Side.SAGE100: {k.sage100_id for k in play.links}, Side.SSM: {k.ssm_id for k in play.links}}
    for id_, row in play.sage100.living().items():
        in_scope = play.sage100.companies[row["CT_Num"]] == 0
        if in_scope and id_ not in linked[Side.SAGE100] and not problems_of(play, id_, None, row["CT_Num"]):
            yield f"Sage {id_}"
    for id_ in play.ssm.living():
        if id_ not in linked[Side.SSM] and not problems_of(play, None, id_):
            yield f"SSM {id_}"


def doubles(play: Play) -> Iterator[str]:
    """Contacts in scope that the product created and that no link leads to: somebody stands there twice."""
    mapper, links = play.mapper(), play.links
    for id_ in play.sage100.living().keys() - play.sage100.born_here - {k.sage100_id for k in links}:
        if mapper.companies.in_scope(play.sage100.contacts[id_]["CT_Num"]):
            yield f"Sage {id_}"
    for id_ in play.ssm.living().keys() - play.ssm.born_here - {k.ssm_id for k in links}:
        if mapper.companies.in_scope(mapper.ssm(play.ssm.shown(play.ssm.contacts[id_])).company):
            yield f"SSM {id_}"


def check_end(play: Play) -> None:
    """All that must hold once both sides are at rest."""
    assert list(unequal(play)) == []
    assert list(left_out(play)) == []
    assert list(doubles(play)) == []
    assert Code.FLAPPING not in {problem.entry.code for problem in play.problems}, "nothing here changes by itself"
    for ids in ([k.sage100_id for k in play.links], [k.ssm_id for k in play.links]):
        assert max(Counter(ids).values(), default=1) == 1
    rows = [*play.sage100.living().values(), *play.ssm.living().values()]
    told = [v for e in play.journal for v in (e.entry.sage100_value, e.entry.ssm_value)]
    assert play.typing.lost(*(v for row in rows for v in row.values()), *told) == set()


def check_origins(play: Play) -> None:
    """The origin of a link never changes, and who was born in Sage was created there by a user."""
    for link in play.links:
        assert play.origins.setdefault(link.sage100_id, link.origin) is link.origin
        assert link.origin is Side.SSM or link.sage100_id in play.sage100.born_here, "deleted, and yet it lives on"


def check_ext_ids(play: Play) -> None:
    """Every linked living SSM contact bears its ``extId``, unless a problem says why not."""
    for link in play.links:
        row = play.ssm.contacts[link.ssm_id]
        told = problems_of(play, link.sage100_id, link.ssm_id)
        if link.status is LinkStatus.ACTIVE and not row["deleted"] and not told & {None, EXT_ID}:
            assert row["extId"] == str(ExtId(link.origin, worlds.DATABASE, link.sage100_id))


def untouched(play: Play) -> tuple[Any, Any]:
    """What is not in the field map, of the contacts that users created."""
    return (
        {id_: row["N_Service"] for id_, row in play.sage100.contacts.items() if id_ in play.sage100.born_here},
        {id_: row["comment"] for id_, row in play.ssm.contacts.items() if id_ in play.ssm.born_here},
    )


def without_renaming(turn: Round) -> Round:
    """The round as it is played while a create is unconfirmed.

    By its ``CT_No`` alone a contact is not known again (P14): who is renamed, cleared and moved before the next run
    has nothing left by which to tell that we created it.
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


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture])
@given(answers=answers, first=first_rounds, then=st.lists(rounds, min_size=1, max_size=3))
def test_whatever_happens_both_sides_come_to_rest_and_nothing_typed_is_lost(new_play, answers, first, then):
    play = new_play(answers)
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
