"""Problems, notices and runs as the journal keeps them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sage100_ssm.sync.journal import (
    Code,
    CompanyChangeRefused,
    ConflictSettled,
    Entry,
    Kind,
    RecordLocked,
    Subject,
    ValueTooLong,
)
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.records import RunRow, RunStatus

PAUL = Subject("BAGUES", 101, 9001, "Paul Durand")
ZOE = Subject("BAGUES", 102, 9002, "Zoë Petit")
TOO_LONG = Entry(PAUL, ValueTooLong(limit=21, length=40), field="phone", sage100_value="01", ssm_value="0102")
LOCKED = Entry(ZOE, RecordLocked())
SETTLED = Entry(PAUL, ConflictSettled(Side.SSM), field="fax", sage100_value="1", ssm_value=None)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def report(transaction, now):
    """Report the problems of the n-th run."""

    def report(*entries, run=0, keep=lambda _: False):
        return transaction.report_problems(entries, now=now + run * QUARTER, run_id=f"run-{run}", keep=keep)

    return report


def test_a_problem_is_opened_with_all_that_it_says(transaction, report, now):
    assert report(TOO_LONG) == (1, 0)
    (problem,) = transaction.open_problems()
    assert problem.entry == TOO_LONG
    assert problem.entry.rule == "P7"
    assert (problem.kind, problem.first_seen, problem.last_seen, problem.count) == (Kind.PROBLEM, now, now, 1)
    assert (problem.closed_at, problem.tries, problem.next_try_at, problem.fingerprint) == (None, 0, None, None)


def test_a_problem_met_again_is_counted_not_repeated(transaction, report, now):
    report(TOO_LONG)
    assert report(replace(TOO_LONG, ssm_value="010203"), run=1) == (0, 0)
    (problem,) = transaction.journal()
    assert (problem.first_seen, problem.last_seen, problem.count) == (now, now + QUARTER, 2)
    assert problem.entry.ssm_value == "010203"


def test_a_problem_closes_by_itself_once_its_cause_is_gone(transaction, report, now):
    report(TOO_LONG, LOCKED)
    assert report(LOCKED, run=1) == (0, 1)
    assert [problem.entry for problem in transaction.open_problems()] == [LOCKED]
    assert [entry.closed_at for entry in transaction.journal()] == [None, now + QUARTER]


def test_a_problem_whose_side_was_not_read_stays_as_it_was(transaction, report):
    report(TOO_LONG)
    before = transaction.open_problems()
    assert report(run=1, keep=lambda problem: problem.entry.code is Code.VALUE_TOO_LONG) == (0, 0)
    assert transaction.open_problems() == before


def test_a_problem_that_comes_back_is_a_new_entry_with_a_new_count(transaction, report):
    report(TOO_LONG)
    report(run=1)
    assert report(TOO_LONG, run=2) == (1, 0)
    assert [(entry.count, entry.closed_at is None) for entry in transaction.journal()] == [(1, True), (1, False)]


def test_ninety_six_quiet_runs_add_nothing_but_their_rows(transaction, report, now):
    transaction.add_notice(SETTLED, now=now, run_id="run-0")
    for run in range(96):
        transaction.start_run(RunRow(f"run-{run}", now + run * QUARTER))
        report(TOO_LONG, run=run)
    assert len(transaction.journal()) == 2
    assert len(transaction.runs()) == 96


def test_a_failing_write_is_tried_again_at_its_time(transaction, report, now):
    report(LOCKED)
    (problem,) = transaction.open_problems()
    transaction.schedule(problem.id, tries=3, next_try_at=now + QUARTER, fingerprint="abc")
    report(LOCKED, run=1)
    (problem,) = transaction.open_problems()
    assert (problem.tries, problem.next_try_at, problem.fingerprint) == (3, now + QUARTER, "abc")


@pytest.mark.parametrize(
    ("again", "entries"),
    [
        (SETTLED, 1),
        (replace(SETTLED, facts=ConflictSettled(Side.SAGE100)), 1),
        (replace(SETTLED, ssm_value="2"), 2),
        (replace(SETTLED, field="phone"), 2),
        (replace(SETTLED, subject=ZOE), 2),
        (replace(SETTLED, facts=CompanyChangeRefused()), 2),
    ],
    ids=["the same", "other facts", "another value", "another field", "another contact", "another code"],
)
def test_a_notice_is_noted_once_in_a_run(transaction, now, again, entries):
    transaction.add_notice(SETTLED, now=now, run_id="run")
    transaction.add_notice(again, now=now, run_id="run")
    assert len(transaction.journal()) == entries


def test_a_later_run_notes_a_notice_of_its_own(transaction, now):
    for run in ("one", "two"):
        transaction.add_notice(SETTLED, now=now, run_id=run)
    assert [(notice.kind, notice.entry) for notice in transaction.journal()] == [(Kind.NOTICE, SETTLED)] * 2


def test_a_notice_is_no_open_problem_and_no_run_closes_it(transaction, report, now):
    transaction.add_notice(SETTLED, now=now, run_id="run")
    assert report(run=1) == (0, 0)
    assert transaction.open_problems() == []
    assert transaction.journal()[0].closed_at is None


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [LOCKED, SETTLED, TOO_LONG]),
        ({"limit": 2}, [LOCKED, SETTLED]),
        ({"open_only": True}, [LOCKED, TOO_LONG]),
        ({"contact": Subject(sage100_id=101)}, [SETTLED, TOO_LONG]),
        ({"contact": Subject(ssm_id=9002)}, [LOCKED]),
        ({"contact": Subject(sage100_id=101, ssm_id=9002)}, [LOCKED, SETTLED, TOO_LONG]),
        ({"contact": Subject(sage100_id=101), "open_only": True}, [TOO_LONG]),
        ({"contact": Subject("BAGUES")}, [LOCKED, SETTLED, TOO_LONG]),
        ({"contact": Subject("CARAT")}, []),
    ],
    ids=str,
)
def test_the_journal_is_read_newest_first_and_narrowed(transaction, report, now, asked, expected):
    report(TOO_LONG)
    transaction.add_notice(SETTLED, now=now, run_id="run")
    report(TOO_LONG, LOCKED)
    assert [entry.entry for entry in transaction.journal(**asked)] == expected


def test_a_run_is_kept_from_its_start_to_its_end(transaction, now):
    started = RunRow("one", now)
    ended = replace(
        started, finished_at=now + QUARTER, status=RunStatus.HELD, counts={"ssm": {"created": 2}}, exit_code=3
    )
    transaction.start_run(started)
    assert transaction.runs() == [started]
    transaction.finish_run(ended)
    assert transaction.runs() == [ended]


def test_a_run_that_was_killed_is_closed_as_failed_by_the_next(transaction, now):
    transaction.start_run(RunRow("killed", now))
    transaction.start_run(RunRow("next", now + QUARTER))
    assert transaction.runs() == [
        RunRow("next", now + QUARTER),
        RunRow("killed", now, finished_at=now + QUARTER, status=RunStatus.FAILED),
    ]


def test_a_run_that_ended_stays_as_it_ended_when_the_next_starts(transaction, now):
    done = RunRow("done", now, finished_at=now, status=RunStatus.DONE, exit_code=0)
    transaction.start_run(RunRow("done", now))
    transaction.finish_run(done)
    transaction.start_run(RunRow("next", now + QUARTER))
    assert transaction.runs()[1] == done


def test_the_last_runs_can_be_asked_for(transaction, now):
    for run in range(5):
        transaction.start_run(RunRow(f"run-{run}", now + run * QUARTER))
    assert [run.run_id for run in transaction.runs(2)] == ["run-4", "run-3"]


def test_the_last_run_is_the_one_that_began_last_though_the_clock_was_put_back(transaction, now):
    transaction.start_run(RunRow("ahead", now + timedelta(days=400)))
    transaction.start_run(RunRow("after", now))
    assert [run.run_id for run in transaction.runs()] == ["after", "ahead"]


def test_times_come_back_in_utc_whatever_their_zone(transaction):
    paris = datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    transaction.start_run(RunRow("one", paris))
    (run,) = transaction.runs()
    assert run.started_at.isoformat() == "2026-03-02T08:00:00+00:00"


def test_a_time_without_a_zone_is_refused(transaction):
    with pytest.raises(Exception, match="needs a zone"):
        transaction.start_run(RunRow("one", datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)))
