"""Random walks: whatever people do and whatever goes wrong, nothing typed is lost, nobody is doubled or deleted.

``make explore`` walks on, for as many minutes as asked.
"""

import pytest

import tests.support.random_walk
from sage100_ssm.sync.contacts.mapping import Mapper
from tests.support.memory_state import MemoryStore
from tests.support.random_walk import Deed, Turn, random_walk, replay


def test_on_random_walks_nothing_is_lost_doubled_or_deleted_that_nobody_deleted():
    assert sum(random_walk(seed, 40) for seed in range(60)) > 1000


def test_p14_whom_an_earlier_run_may_have_created_is_no_successor_of_somebody_who_was_deleted():
    replay(
        *("manual", "restore", None, False),
        Deed("sage100", "create", 2, 7),
        Deed("ssm", "company", 1, 8),
        Deed("ssm", "create", 0, 11),
        Deed("ssm", "move", 2, 6),
        Deed("ssm", "rename", 1, 3),
        Turn(),
        Deed("sage100", "rename", 0, 2),
        Deed("ssm", "move", 2, 7),
        Deed("ssm", "recreate", 1, 3),
        Deed("ssm", "create", 2, 2),
        Turn(happenings=((0, "lost_after"),)),
    )


def test_p15_where_another_installation_marked_most_contacts_runs_are_refused_until_it_gives_them_up():
    replay(
        *("manual", "restore", None, True),
        Deed("sage100", "create", 2, 2),
        Deed("sage100", "alike", 0, 10),
        Turn(),
        Deed("ssm", "mark", 1, 1),
        Deed("ssm", "mark", 0, 5),
    )


# --- that the walks find what is wrong


DEFECTS = {
    "a frozen run writes on": (MemoryStore, "check", lambda *_: None),
    "P8: believes any read-back": (Mapper, "is_read_back_of", lambda *_: True),
}


def walk_on(seeds):
    for seed in seeds:
        random_walk(seed, 40)


@pytest.mark.parametrize(("place", "name", "defect"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_and_its_script_shows_it_again(monkeypatch, place, name, defect):
    monkeypatch.setattr(place, name, defect)
    with pytest.raises(AssertionError, match="seed") as found:
        walk_on(range(500))
    script = str(found.value).partition("\n")[2]
    with pytest.raises(AssertionError):
        eval(script, vars(tests.support.random_walk))  # noqa: S307 - a script that we just wrote
    monkeypatch.undo()
    eval(script, vars(tests.support.random_walk))  # noqa: S307 - as above
