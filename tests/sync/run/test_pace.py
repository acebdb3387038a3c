"""How far the writes of a run are, said while they are done."""

from sage100_ssm.app.progress import in_words
from sage100_ssm.messages import say
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.run.course import Step
from sage100_ssm.sync.run.pace import Pace, Writing


def test_every_half_minute_it_is_said_how_far_writes_are_and_how_long_the_rest_takes():
    time, said = [0.0], []
    pace = Pace(Side.SSM, 240, said.append, lambda: time[0])
    for _ in range(121):
        time[0] += 0.5
        pace.count()
    assert said == [Writing(Side.SSM, 60, 240, 90.0), Writing(Side.SSM, 120, 240, 60.0)]


def test_a_run_that_is_soon_done_says_nothing():
    said = []
    pace = Pace(Side.SSM, 3, said.append)
    for _ in range(3):
        pace.count()
    assert said == []


def test_what_is_said_names_the_side_and_the_minutes_left():
    key, named = in_words(Writing(Side.SSM, 480, 4800, 1081.0))
    assert say(key, "en", **named) == ("Sage Sales Management: 480 of 4800 writes; at this pace, another 19 min.")
    assert in_words(Step.APPLY) == ("step_apply", {})
