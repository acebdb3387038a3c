"""P18: what a plan is without the writes into Sage."""

import pytest

from sage100_ssm.sync.journal import Entry, Subject, ValueMissing, ValueUnknown
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.one_way import to_ssm_alone
from sage100_ssm.sync.planning.plan import Plan


@pytest.mark.parametrize("kind", [ValueMissing, lambda side: ValueUnknown("5", side=side)], ids=["missing", "unknown"])
def test_p18_what_only_holds_back_a_write_into_sage_is_no_problem_and_what_holds_back_ssm_is(kind):
    of_sage, of_ssm = (Entry(Subject("CARAT", 12, 340), kind(side=side)) for side in Side)

    assert to_ssm_alone(Plan(problems=(of_sage, of_ssm))).problems == (of_ssm,)
