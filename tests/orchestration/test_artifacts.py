"""What the artifact of a run says, without a server."""

from datetime import UTC, datetime

from sage100_ssm.messages import plain_spaces
from sage100_ssm.orchestration.artifacts import _last_run
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.planning.one_way import OneWay, Reason
from sage100_ssm.sync.run.report import Counts, RunReport
from sage100_ssm.sync.state.records import RunStatus

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_p18_the_artifact_of_a_run_says_that_sage_is_not_written_and_how_many_changes_are_held_back():
    counts = {"sage100": Counts(80), "ssm": Counts(81), "ssm_requests": 6, "linked": 80, "notices": 0}
    problems = {"problems_opened": 0, "problems_closed": 0, "problems_open": 0}
    one_way = OneWay(Reason.READ_ONLY, left=7)
    report = RunReport("r1", NOON, NOON, RunStatus.DONE, Exit.DONE, **counts, **problems, one_way=one_way)

    text = plain_spaces(_last_run("", report, "fr"))

    assert "- Sens unique : le compte ne peut que lire dans Sage 100." in text
    assert "qui attendent : 7" in text
