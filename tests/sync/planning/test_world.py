"""What a run knows about the contacts that people decided about (P16)."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.planning.world import Unreadable
from sage100_ssm.sync.rules.decisions import Pair
from tests.support import worlds

ROW, CARD = worlds.sage_row(), worlds.ssm_row()


@pytest.mark.parametrize(
    ("rows", "cards", "unreadable", "expected"),
    [
        pytest.param([ROW], [CARD], Unreadable(), True, id="both live"),
        pytest.param([], [CARD], Unreadable(), False, id="the row is gone"),
        pytest.param([ROW], [], Unreadable(), False, id="the card is gone"),
        pytest.param([ROW], [{**CARD, "deleted": True}], Unreadable(), False, id="the card is deleted"),
        pytest.param(
            [], [CARD], Unreadable(sage100_ids=frozenset({1})), True, id="the row is there and cannot be understood"
        ),
        pytest.param([ROW], [], Unreadable(ssm_ids=frozenset({501})), True, id="and so is the card"),
    ],
)
def test_p16_an_answer_is_kept_while_both_contacts_live_as_far_as_can_be_seen(rows, cards, unreadable, expected):
    world = replace(worlds.world(rows, cards), unreadable=unreadable)
    assert world.both_live(Pair(1, 501)) is expected
