"""The small world whole: every way in which two things can happen to one person, and what must hold in each.

``make explore`` goes deeper, for as many minutes as asked.
"""

from contextlib import contextmanager
from itertools import islice

import pytest

from sage100_ssm.sync.model import Side
from sage100_ssm.sync.policy import ConflictPolicy, RefusedDeletion
from sage100_ssm.sync.rules import links
from sage100_ssm.sync.state.store import StateStore
from tests.support import small_world
from tests.support.memory_play import Answers
from tests.support.small_world import Exploration, SmallWorld, play

SETTLED = Answers(ConflictPolicy.SAGE100, RefusedDeletion.RESTORE)
LENIENT = Answers(ConflictPolicy.NEWEST, RefusedDeletion.LEAVE)
NOBODY, BORN_IN_SAGE, BORN_IN_SSM = small_world.ROOTS.values()


@pytest.mark.parametrize("answers", [SETTLED, LENIENT], ids=["sage100-restore", "newest-leave"])
def test_whatever_two_things_happen_nothing_is_lost_nothing_doubled_and_three_quiet_runs_bring_rest(answers):
    met = Exploration(answers, depth=2).explore(small_world.ROOTS.values())
    assert met.reached == 2
    assert len(met.seen) > 2000


# --- that the exploration finds what is wrong, and prints how to see it again


_fate_of_deleted = links.fate_of_deleted


def deletes_whom_it_may_not(link, sage100, ssm, mapper, policy):
    fate = _fate_of_deleted(link, sage100, ssm, mapper, policy)
    return fate and links.Fate.DELETE_IN_SAGE if sage100 else fate


DEFECTS = {
    "R8: deletes whom it may not": (
        "sage100_ssm.sync.rules.links.fate_of_deleted",
        deletes_whom_it_may_not,
        BORN_IN_SAGE,
    ),
    "P2: keeps no edit that went": (
        "sage100_ssm.sync.planning.linked_contacts._lost_edits",
        lambda *_: [],
        BORN_IN_SAGE,
    ),
    "P4: knows no create again": (
        "sage100_ssm.sync.rules.matching._Matcher.by_intent",
        lambda *_: None,
        BORN_IN_SSM[:1],
    ),
    "P11: writes over what changed": ("sage100_ssm.sync.planning.writes._expected", lambda *_: {}, BORN_IN_SSM),
    "P10: takes half a reading for the whole": (
        "sage100_ssm.sync.run.observation.Observation.complete",
        property(lambda _: dict.fromkeys(Side, True)),
        BORN_IN_SSM,
    ),
}


@pytest.mark.parametrize(("place", "defect", "root"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_and_its_script_shows_it_again(monkeypatch, place, defect, root):
    monkeypatch.setattr(place, defect)
    with pytest.raises(AssertionError) as found:
        Exploration(SETTLED, depth=2).explore([root])
    script = str(found.value).partition("\n")[2]
    with pytest.raises(AssertionError):
        eval(script, vars(small_world))  # noqa: S307 - a script that we just wrote
    monkeypatch.undo()
    eval(script, vars(small_world))  # noqa: S307 - as above


# --- that the state in memory keeps what the state does


class WatchedStore(StateStore):
    """The state as it is, with something that happens before each commit."""

    before_commit = int

    @contextmanager
    def transaction(self, lease=None):
        with super().transaction(lease) as transaction:
            yield transaction
            if lease is not None:
                self.before_commit()


@pytest.mark.parametrize("answers", [SETTLED, LENIENT], ids=["sage100-restore", "newest-leave"])
def test_the_same_scripts_end_alike_in_memory_and_in_a_database(answers, tmp_path):
    met = Exploration(answers, depth=1).explore(small_world.ROOTS.values())
    for number, key in enumerate(islice(met.seen, 0, None, 9)):
        with WatchedStore.open(f"sqlite:///{tmp_path}/{number}.db") as store:
            kept = play(SmallWorld(answers, store), script := met.script(key))
            remembered = play(SmallWorld(answers), script)
            assert (kept.snapshot(), kept.key()) == (remembered.snapshot(), remembered.key() == key and key)
