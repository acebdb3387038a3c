"""The state kept in PostgreSQL: whole days over it, and one run at a time."""

from contextlib import suppress
from datetime import timedelta

import pytest

from sage100_ssm.sync.state.errors import AnotherRun
from tests.support import postgresql
from tests.support.a_day import day, evening, goodbyes, morning, night


@pytest.fixture(scope="module")
def database_server():
    with postgresql.running() as server:
        yield server


@pytest.fixture
def in_postgresql(stage, database_server):
    """A stage whose state is kept in PostgreSQL."""
    with postgresql.new_database(database_server) as database:
        stage.decide(state=database, policy={"max_deletions": {"floor": 10}})
        yield stage


class Killed(BaseException):
    """The run's process is no more."""


def work(world, *, killed):
    """A day and a night, with a run after each; the first may be killed between its plan and its writes."""

    def die():
        if killed:
            raise Killed

    morning(world)
    day(world)
    with suppress(Killed):
        world.run(meanwhile=die)
    world.clock.advance(minutes=15)
    night(world)
    goodbyes(world)
    world.run()
    return evening(world)


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed"])
def test_a_day_over_postgresql_comes_to_rest_with_everybody_linked_and_told(in_postgresql, killed):
    shown = work(in_postgresql, killed=killed)
    assert {status for *_, status in shown["links"]} == {"active"}
    assert len(shown["links"]) == len(in_postgresql.sage.contacts())
    assert [code for code, *_ in shown["notices"]].count("deletion_refused") == 2
    in_postgresql.clock.advance(minutes=15)
    in_postgresql.run()
    in_postgresql.rest()


def test_a_second_run_over_postgresql_is_refused_while_one_is_under_way(in_postgresql):
    refused = []

    def start_another():
        with pytest.raises(AnotherRun):
            in_postgresql.run()
        refused.append(True)

    in_postgresql.run(meanwhile=start_another)
    assert refused


@pytest.mark.parametrize(
    "difference",
    [timedelta(minutes=3), -timedelta(minutes=3), timedelta(days=1), -timedelta(days=1)],
    ids=["3 minutes ahead", "3 minutes behind", "a day ahead", "a day behind"],
)
def test_a_second_run_is_refused_whatever_the_clock_of_its_machine_says(in_postgresql, difference):
    ada = in_postgresql.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    refused = []

    def start_another():
        in_postgresql.clock.ahead += difference
        with pytest.raises(AnotherRun):
            in_postgresql.run(after=0)
        in_postgresql.clock.ahead -= difference
        refused.append(True)

    in_postgresql.run(meanwhile=start_another)
    assert (refused, ada.card["email"]) == ([True], "ada@alpha.example")
